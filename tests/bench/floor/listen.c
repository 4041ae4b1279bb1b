#include "listen.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* X25519 first, as the library has it: clients bring a key share of it, and HelloRetryRequest would be no floor. */
#define PRIORITIES "NORMAL:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1"

static gnutls_certificate_credentials_t cred;
static gnutls_priority_t priority;

int bench_listen(int port) {
  struct rlimit rl;
  struct sockaddr_in a = {.sin_family = AF_INET,
                          .sin_port = htons((uint16_t)port),
                          .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);
  }
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 4096) < 0) {
    perror("bench_listen");
    exit(1);
  }
  return fd;
}

int bench_accept(int listener) {
  int one = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
  if (fd >= 0)
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

void bench_tls_init(const char *cert, const char *key) {
  gnutls_certificate_allocate_credentials(&cred);
  if (gnutls_certificate_set_x509_key_file(cred, cert, key, GNUTLS_X509_FMT_PEM) < 0 ||
      gnutls_priority_init(&priority, PRIORITIES, NULL) < 0) {
    fputs("bench: bad certificate or key\n", stderr);
    exit(1);
  }
}

gnutls_session_t bench_tls_session(int fd) {
  gnutls_session_t s = NULL;
  if (gnutls_init(&s, GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0)
    abort();
  gnutls_priority_set(s, priority);
  gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, cred);
  gnutls_transport_set_int(s, fd);
  return s;
}
