/*
 * A TLS client in memory for a connection of a node, with certificates made on the spot.
 */
#ifndef IMP_UNIT_TLS_CLIENT_H
#define IMP_UNIT_TLS_CLIENT_H

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "world.h"

/* An authority, or somebody whom one has signed. As PEM: `cert`, `key`. */
typedef struct tls_identity {
  char cert[4096], key[4096];
  gnutls_x509_crt_t crt;
  gnutls_x509_privkey_t private_key;
} tls_identity;

typedef struct tls_wish {
  const tls_identity *by;   /* who signs; NULL: itself */
  int is_ca;
  const char *dns;          /* a name of a server, may be NULL */
  const char *addresses[3]; /* xmppAddr (RFC 6120 §13.7.1.4), up to the first NULL */
  const char *purpose;      /* GNUTLS_KP_…, NULL: any */
  int expired;
} tls_wish;

/* `id` is static memory, and may be one that was made before. Fails the test if it cannot be made; released with the test. */
void tls_identity_make(tls_identity *id, const tls_wish *wish);

typedef struct tls_client {
  world *w;
  imp_conn *conn;
  gnutls_session_t session;
  gnutls_certificate_credentials_t credentials;
  imp_buf in, out; /* on the wire, seen from the client */
  char text[16384]; /* what the server said, and tls_client_expect() has not looked past */
  size_t textlen;
  int handshaken, closed;
} tls_client;

/* A connection to a listener for TLS from the first byte. `identity` (may be NULL) is shown if the server asks, whoever it
   trusts. `resume` (may be NULL): the session's data of an earlier one. Returns with the handshake done. */
void tls_client_open(tls_client *c, world *w, const char *priorities, const tls_identity *identity,
                     const gnutls_datum_t *resume);
void tls_client_close(tls_client *c);
/* Sends text (may be "") and moves bytes until nothing moves any more. */
void tls_client_send(tls_client *c, const char *text);
/* Fails the test unless this was said; what came up to it is forgotten. */
void tls_client_expect(tls_client *c, const char *text);

#endif
