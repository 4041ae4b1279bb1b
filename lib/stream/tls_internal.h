/* Shared by the TLS files. */
#ifndef IMP_STREAM_TLS_INTERNAL_H
#define IMP_STREAM_TLS_INTERNAL_H

#include <gnutls/gnutls.h>

#include "stream/internal.h"

struct imp_tls_context {
  uint32_t refs;
  uint32_t asks_certificate; /* clients may show one */
  gnutls_certificate_credentials_t cred;
  gnutls_priority_t priorities;
  gnutls_datum_t ticket_key;
  uint8_t fingerprint[32]; /* SHA-256 of the certificate */
  uint8_t end_point[64];   /* tls-server-end-point (RFC 5929 §4) */
  size_t end_point_len;
};

/* The exporter and tls-unique, kept while a login needs them. */
typedef struct imp_tls_keys {
  uint8_t exporter[32], unique[64];
  size_t exporter_len, unique_len;
} imp_tls_keys;

enum { IMP_TLS_NOT_VERIFIED = 0, IMP_TLS_GOOD, IMP_TLS_BAD };

struct imp_tls {
  gnutls_session_t session;
  imp_tls_context *ctx;
  imp_conn *conn;
  const uint8_t *in; /* of the host, during a call */
  size_t inlen;
  imp_buf wire; /* encrypted, or written before TLS began */
  imp_tls_keys *keys;
  uint8_t verified; /* the peer's certificate: one of the above */
  uint8_t done;   /* the handshake is */
  uint8_t broken; /* the session can send nothing more */
  uint8_t bye;    /* close_notify was sent */
};

#endif
