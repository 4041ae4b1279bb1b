/*
 * A connection under test: an owner that does little, and a client in memory that speaks plain, TLS or WebSocket.
 *
 * The owner answers a header with a header and empty features. Of the stanzas it knows
 *   <starttls/>   answered with <proceed/>, then TLS
 *   <auth/>       the peer is authenticated, <success/>, stream restart
 *   <in/>         the peer is authenticated, no restart
 *   <wait/>       busy until the test calls imp_conn_set_busy(conn, 0)
 *   <fail/>       fails with its text as the condition
 *   <bye/>        closes the stream
 * all others are echoed and their names written into kit.seen, separated by spaces. When a stream opens "(" is written
 * there, when the end is told ")" if it was clean, "!" if not.
 */
#ifndef STREAM_KIT_H
#define STREAM_KIT_H

#include <gnutls/gnutls.h>

#include "alloc_fail.h"
#include "stream/conn.h"

typedef struct kit {
  imp_stream_env env;
  imp_stream_limits limits;
  imp_heap timers;
  imp_list dirty;
  imp_xml_pool *pool;
  imp_tls_context *tls;
  imp_conn *conn;
  imp_buf seen;
  int echo;
  unsigned wakes;
  /* the client */
  gnutls_session_t session; /* NULL: in the clear */
  gnutls_certificate_credentials_t cred;
  imp_buf raw;   /* from the server, as on the wire */
  imp_buf text;  /* from the server, behind TLS */
  imp_buf reply; /* towards the server, as on the wire */
  size_t chunk;  /* the server gets at most so many bytes at once; 0: all */
  size_t reads;  /* how many pieces the server had to write */
  int deaf;      /* reads nothing */
  int closed;    /* imp_conn_want_close() and everything written */
  int handshaken;
} kit;

/* Self-signed or signed by a CA, made once per process by skit_certificates(). */
typedef struct skit_certificate {
  char cert[4096], key[4096];
} skit_certificate;
extern skit_certificate skit_server, skit_server2, skit_server384, skit_ca, skit_client, skit_stranger;
void skit_certificates(void);

/* A kit without a connection, owned by the test. With TLS if `cert` is given. */
kit *skit_new(const skit_certificate *cert, const skit_certificate *ca);
/* Its connection. */
void skit_accept(kit *k, imp_role role);
void skit_accept_params(kit *k, const imp_conn_params *params);
void skit_drop_conn(kit *k);

/* Client side of TLS: call when the next bytes are to be a ClientHello. `alpn` and `cert` may be NULL. */
void skit_client_tls(kit *k, const char *priorities, const char *alpn, const skit_certificate *cert);

/* Sends text (through TLS if there is any) and moves bytes both ways until all are quiet. */
void skit_send(kit *k, const char *text);
void skit_send_bytes(kit *k, const void *data, size_t len);
/* Moves bytes only. */
void skit_pump(kit *k);
/* A masked frame. */
void skit_send_frame(kit *k, unsigned first, const void *payload, size_t len);
void skit_send_message(kit *k, const char *text);
/* HTTP upgrade that succeeds. */
void skit_upgrade(kit *k);

/* What the client has got, NUL-ended, and what the owner saw. */
const char *skit_text(const kit *k);
const char *skit_seen(const kit *k);
/* Forgets what it has got. */
void skit_clear(kit *k);
/* Moves the clock and fires what is due. */
void skit_advance(kit *k, imp_tstamp by);

#define KIT_OPEN "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='imp.example' version='1.0'>"
#define KIT_WS_OPEN "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='imp.example' version='1.0'/>"
#define KIT_WS_CLOSE "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"
#define KIT_STARTTLS "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"

#define assert_has(haystack, needle) skit_assert_has(haystack, needle, __FILE__, __LINE__)
void skit_assert_has(const char *haystack, const char *needle, const char *file, int line);
#define assert_has_no(haystack, needle) assert_null(strstr(haystack, needle))

#endif
