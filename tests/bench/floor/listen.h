/* What both floor servers begin with: a listening socket and GnuTLS credentials. */
#ifndef BENCH_LISTEN_H
#define BENCH_LISTEN_H

#include <gnutls/gnutls.h>

int bench_listen(int port);
int bench_accept(int listener); /* -1 when none waits */
void bench_tls_init(const char *cert, const char *key);
gnutls_session_t bench_tls_session(int fd);

#endif
