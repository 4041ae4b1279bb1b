/*
 * imp/conn.h: a connection: bytes in, bytes out.
 *
 * The host accepts a transport connection, makes an imp_conn for it with imp_node_accept(), and from then on
 *
 *   - feeds what it reads:            imp_conn_recv(conn, data, len, ts)
 *   - after want_write was called:    n = imp_conn_send_peekv(conn, iov, …); write them; imp_conn_send_done(conn, written, ts),
 *                                     until nothing is left; then look at imp_conn_want_close() and imp_conn_is_paused()
 *   - when the peer closes:           imp_conn_recv_eof(conn, ts)
 *   - when imp_conn_want_close():     closes the transport once everything is written, then imp_conn_del(conn, ts)
 *   - when the transport breaks:      imp_conn_del(conn, ts) at any time
 *
 * What is submitted during one turn leaves in one write (and one TLS record where it fits): look at want_write at the end of
 * the turn, not at once.  From within a callback of the library a host may submit, but not recv, send or delete.
 */
#ifndef IMP_CONN_H
#define IMP_CONN_H

#include <imp/core.h>
#include <imp/binding.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct imp_conn imp_conn;

/** What kind of peer a listener is for. */
typedef enum imp_role {
  IMP_ROLE_C2S = 0,       /**< clients, TCP with STARTTLS (RFC 6120) */
  IMP_ROLE_C2S_TLS = 1,   /**< clients, TLS from the first byte (XEP-0368); ALPN "xmpp-client" */
  IMP_ROLE_WEBSOCKET = 2  /**< clients, RFC 7395; ws or wss is told by the first byte */
} imp_role;

/** What the host knows of a new connection. Everything is copied. */
typedef struct imp_conn_params {
  size_t size;
  uint32_t role; /**< an imp_role */
  /** The peer's address as text without the port, for logs and rate limits; NULL: unknown. With a PROXY header: of who is behind it. */
  const char *peer;
  /** Non-zero: the host has terminated TLS itself. `binding` then says what channel bindings there are (NULL: none). */
  uint32_t secure;
  const imp_channel_binding *binding;
  /** DER of the peer's verified certificate, if the host terminates TLS and has one. */
  const void *peer_certificate;
  size_t peer_certificate_len;
  /** Non-zero: credentials may be sent without TLS (loopback, tests). */
  uint32_t allow_plaintext;
  /** Non-zero: the connection begins with a PROXY protocol header (version 1 or 2). */
  uint32_t proxy_protocol;
  void *user_data;
} imp_conn_params;

/** A piece of output. Layout of POSIX struct iovec and uv_buf_t on Unix. */
typedef struct imp_iovec {
  const void *base;
  size_t len;
} imp_iovec;

/**
 * Takes bytes from the transport. Any amount, cut anywhere; nothing of `data` is kept.
 * Returns IMP_OK, or IMP_ERR_CLOSED when the connection is over (write what there is, close, delete). Errors of the peer's making are
 * answered on the stream and end in IMP_ERR_CLOSED; imp_conn_last_error() says what was wrong.
 */
IMP_EXTERN int imp_conn_recv(imp_conn *conn, const void *data, size_t len, imp_tstamp ts);
/** The peer has closed its sending side. */
IMP_EXTERN int imp_conn_recv_eof(imp_conn *conn, imp_tstamp ts);
/**
 * Non-zero while the library wants no more bytes for now (a peer that sends faster than it may): stop reading.  want_write is called,
 * perhaps without any output, when that is over. Bytes that are fed all the same are taken, and counted.
 */
IMP_EXTERN int imp_conn_is_paused(const imp_conn *conn);

/** Up to `n` pieces of pending output; returns how many (0: nothing). They stay valid until the next call on this connection. */
IMP_EXTERN size_t imp_conn_send_peekv(imp_conn *conn, imp_iovec *iov, size_t n);
/** The same in one piece: the first; *len is 0 if there is nothing. */
IMP_EXTERN const void *imp_conn_send_peek(imp_conn *conn, size_t *len);
/** `len` bytes of the peeked output were written. */
IMP_EXTERN void imp_conn_send_done(imp_conn *conn, size_t len, imp_tstamp ts);
/** Bytes that wait to be written, before TLS. */
IMP_EXTERN size_t imp_conn_pending(const imp_conn *conn);

/** Non-zero when the connection is over: write what is pending, then close the transport and imp_conn_del(). */
IMP_EXTERN int imp_conn_want_close(const imp_conn *conn);
/**
 * Ends the stream in good order: `condition` NULL for a plain close, or a stream error (RFC 6120 §4.9.3, for example "system-shutdown").
 */
IMP_EXTERN void imp_conn_close(imp_conn *conn, const char *condition, imp_tstamp ts);
/** Frees. A session with stream management hibernates if the stream was not closed in good order. NULL is allowed. */
IMP_EXTERN void imp_conn_del(imp_conn *conn, imp_tstamp ts);

IMP_EXTERN void *imp_conn_get_user_data(const imp_conn *conn);
IMP_EXTERN void imp_conn_set_user_data(imp_conn *conn, void *user_data);
/** The peer's address as given, "" if unknown. */
IMP_EXTERN const char *imp_conn_get_peer(const imp_conn *conn);
/** The full JID that the connection is bound to, NULL before. */
IMP_EXTERN const char *imp_conn_get_jid(const imp_conn *conn);
/** Non-zero if the stream is encrypted, by us or by the host. */
IMP_EXTERN int imp_conn_is_secure(const imp_conn *conn);
/** What ended the connection, in words; "" if nothing did. */
IMP_EXTERN const char *imp_conn_last_error(const imp_conn *conn);

#ifdef __cplusplus
}
#endif

#endif /* IMP_CONN_H */
