/* TLS on GnuTLS over memory. One context (certificate, priorities, tickets) for all connections; replaced while running. */
#ifndef IMP_STREAM_TLS_H
#define IMP_STREAM_TLS_H

#include <imp/binding.h>

#include "core/buf.h"

typedef struct imp_tls_context imp_tls_context; /* refcounted: sessions keep theirs when it is replaced */

/* Settings of a server context. PEM texts; ca NULL: client certificates are not asked for. */
typedef struct imp_tls_config {
  const char *certificate_pem;
  const char *key_pem;
  const char *ca_pem;      /* trust for client certificates (SASL EXTERNAL) */
  const char *priorities;  /* NULL: TLS 1.2 and 1.3 with sane ciphers */
} imp_tls_config;

int imp_tls_context_new(imp_tls_context **ctx, const imp_tls_config *config, char *text, size_t textlen);
imp_tls_context *imp_tls_context_ref(imp_tls_context *ctx);
void imp_tls_context_del(imp_tls_context *ctx);
/* SHA-256 of the certificate, "AB:CD:…", NUL-ended, into 96 bytes. */
int imp_tls_context_fingerprint(const imp_tls_context *ctx, char *dst);

#endif
