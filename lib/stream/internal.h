/*
 * What the files of this room share.
 *
 * A connection is in one of four states.  OPEN: both may send.  CLOSING: we closed the stream and wait for the peer's
 * close; its stanzas still come.  LINGER: the stream is over both ways, a WebSocket waits for the peer's Close frame.
 * OVER: nothing is read any more; what is pending may be written, then the host closes.
 *
 * `depth` is non-zero while bytes are being taken in: the parser may be on the stack, so nothing of it may be freed, and
 * the owner is not told of the end before it is zero again (imp_conn_settle()).
 */
#ifndef IMP_STREAM_INTERNAL_H
#define IMP_STREAM_INTERNAL_H

#include "core/ratelim.h"
#include "stream/conn.h"

typedef struct imp_tls imp_tls;
typedef struct imp_ws imp_ws;
typedef struct imp_conn_setup imp_conn_setup;
typedef struct imp_conn_stash imp_conn_stash;
typedef struct imp_ws_decoder imp_ws_decoder;

enum { IMP_CONN_OPEN = 0, IMP_CONN_CLOSING, IMP_CONN_LINGER, IMP_CONN_OVER };

/* Returned by parser handlers to stop the feed. */
#define IMP_CONN_STOP 1

struct imp_conn {
  imp_stream_env *env;
  imp_list all, dirty, gather;
  imp_timer timer; /* until authenticated, while paused, while closing; otherwise in no heap */
  imp_xml_stream xml;
  imp_buf out; /* before TLS */
  imp_tls *tls;
  imp_ws *ws;
  imp_conn_setup *setup; /* what is needed until authentication only */
  imp_conn_stash *stash; /* stanzas that wait while busy */
  imp_ratelim *rate;     /* NULL: unlimited */
  char *peer, *error;    /* NULL: "" */
  char *lang;            /* NULL: ours, or none that is one */
  void *user_data, *owner;
  const imp_jid *jid;
  size_t clear, mark; /* front of `out` that may leave, that the commit under way lets leave; see gate.c */
  uint32_t preauth_bytes;
  uint32_t debt; /* bytes that were taken above the rate */
  char id[20];
  uint8_t role, state, depth, busy;
  uint8_t feeding;     /* the parser is on the stack */
  uint8_t secure;      /* the host terminated TLS */
  uint8_t plaintext;   /* credentials may go in the clear */
  uint8_t proxy;       /* a PROXY header is expected */
  uint8_t detect;      /* TLS, or what else the first byte tells, begins with it */
  uint8_t header_in, header_out;
  uint8_t authed, paused;
  uint8_t peer_closed; /* </stream:stream> or <close/> came */
  uint8_t eof;         /* came while stanzas waited */
  uint8_t ended, clean, told;
  uint8_t gated, gathered, committing;
};

/* Proxy header under way, and what the host said of a TLS session of its own. */
struct imp_conn_setup {
  imp_buf proxy;
  imp_channel_binding binding;
  void *certificate;
  size_t certificate_len;
};

/* ---- env.c: what connections share ---- */

/* Gives an empty buffer memory, of the cache or new (failing is no error: it then grows by itself). */
void imp_stream_buf_take(imp_stream_env *env, imp_buf *buf);
/* Takes the memory of an empty buffer back. */
void imp_stream_buf_give(imp_stream_env *env, imp_buf *buf);
imp_ws_decoder *imp_stream_decoder_take(imp_stream_env *env);
void imp_stream_decoder_give(imp_stream_env *env, imp_ws_decoder *decoder);
void imp_stream_set_now(imp_stream_env *env, imp_tstamp ts);

/* ---- conn.c ---- */

const imp_xml_limits *imp_conn_limits(const imp_conn *conn);
void imp_conn_mark_dirty(imp_conn *conn);
/* Remembers why, if nothing is remembered yet, and logs it. */
__attribute__((format(printf, 3, 4))) void imp_conn_set_error(imp_conn *conn, imp_log_level level, const char *fmt, ...);
void imp_conn_set_peer(imp_conn *conn, const char *peer);

/* ---- setup.c ---- */

int imp_conn_setup_new(imp_conn *conn, const imp_conn_params *params);
void imp_conn_setup_del(imp_conn *conn);

/* ---- close.c: how it ends ---- */

/* The stream is over for the owner; who is told later. */
void imp_conn_set_ended(imp_conn *conn, int clean);
void imp_conn_set_over(imp_conn *conn);
/* The peer closed its stream in good order. */
void imp_conn_on_peer_close(imp_conn *conn);
/* Does what could not be done while bytes were taken in. */
void imp_conn_settle(imp_conn *conn);
/* Nothing more will come. */
void imp_conn_on_eof(imp_conn *conn);
void imp_conn_on_timer(imp_timer *timer, imp_tstamp ts);

/* ---- recv.c ---- */

extern const imp_xml_handler imp_conn_xml_handler;
/* Bytes behind TLS. */
void imp_conn_input(imp_conn *conn, const uint8_t *data, size_t len);
/* Bytes of the stream, or one whole WebSocket message. */
void imp_conn_feed(imp_conn *conn, const void *data, size_t len);
/* Rate of receiving. */
void imp_conn_charge(imp_conn *conn, size_t len);
void imp_conn_unpause(imp_conn *conn);

/* ---- error.c ---- */

/* Room above output_max for the stream error that says so. */
#define IMP_STREAM_LAST_WORDS 2048
/* The condition if it is one of RFC 6120 §4.9.3, "undefined-condition" otherwise. */
const char *imp_stream_condition(const char *condition);

/* ---- header.c ---- */

/* 0 if the header (or <open/>) is acceptable; the stream has failed otherwise. */
int imp_conn_check_header(imp_conn *conn, const imp_stanza *header);

/* ---- busy.c ---- */

/* Keeps a stanza; ownership passes in any case. */
void imp_conn_stash_add(imp_conn *conn, imp_stanza *st);
int imp_conn_stash_close(imp_conn *conn); /* non-zero if the close waits behind stanzas */
int imp_conn_stash_empty(const imp_conn *conn);
int imp_conn_stash_half_full(const imp_conn *conn);
void imp_conn_stash_deliver(imp_conn *conn);
void imp_conn_stash_del(imp_conn *conn);

/* ---- send.c ---- */

/* Begin and end of something that is written into conn->out as one piece (one WebSocket message). */
int imp_conn_write_begin(imp_conn *conn, size_t *mark);
int imp_conn_write_end(imp_conn *conn, size_t mark, int rc);
int imp_conn_write_close(imp_conn *conn);
int imp_conn_write_stream_error(imp_conn *conn, const char *condition, const char *text, const char *app);
imp_framing imp_conn_framing(const imp_conn *conn);

/* ---- gate.c ---- */

/* How much of the front of `out` may leave now; and that it has left. */
size_t imp_conn_sendable(const imp_conn *conn);
void imp_conn_consume(imp_conn *conn, size_t len);

/* ---- tls_session.c ---- */

int imp_tls_new(imp_tls **tls, imp_conn *conn);
void imp_tls_del(imp_tls *tls);
int imp_tls_is_done(const imp_tls *tls);
/* Takes all of the bytes; plain text goes to imp_conn_input(). */
void imp_tls_feed(imp_conn *conn, const uint8_t *data, size_t len);
/* Encrypts what is in conn->out as far as it makes sense now, and says goodbye when the connection is over. */
void imp_tls_seal(imp_conn *conn);
imp_buf *imp_tls_wire(imp_tls *tls);
void imp_tls_drop(imp_tls *tls); /* forgets what was not written */
int imp_tls_channel_binding(imp_tls *tls, imp_channel_binding *binding);
void imp_tls_forget_binding(imp_tls *tls);
const void *imp_tls_peer_certificate(imp_tls *tls, size_t *len);

/* ---- ws_*.c ---- */

int imp_ws_new(imp_ws **ws);
void imp_ws_del(imp_stream_env *env, imp_ws *ws);
void imp_ws_input(imp_conn *conn, const uint8_t *data, size_t len);
int imp_ws_is_open(const imp_ws *ws); /* the HTTP upgrade is done */
/* Answers the HTTP request with an error, before the upgrade. */
void imp_ws_refuse(imp_conn *conn, const char *condition);
/* Writes a Close frame, once. */
void imp_ws_write_close(imp_conn *conn, unsigned code);
/* The code that the Close frame after a stream error should have. */
void imp_ws_set_code(imp_ws *ws, unsigned code);
unsigned imp_ws_code(const imp_ws *ws);
/* Turns the bytes of conn->out from `mark` on into a text frame; imp_ws_frame_room() bytes were left in front. */
#define IMP_WS_FRAME_ROOM 4
int imp_ws_frame_finish(imp_buf *out, size_t mark);

/* ---- proxy.c ---- */

#define IMP_PROXY_MAX 1040
/* A PROXY header at the beginning of data: its length; 0: more bytes are needed; IMP_ERR_MALFORMED.
   peer (64 bytes) receives the address, "" if the header names none. */
int imp_proxy_parse(const uint8_t *data, size_t len, char *peer);

#endif
