/*
 * A connection inside.  Data flows one way each direction:
 *
 *   recv:  host bytes -> [PROXY header] -> [TLS] -> [WebSocket frames] -> XML stream -> events.stanza
 *   send:  submit -> plain output -> [WebSocket frames] -> [TLS] -> peekv
 *
 * The stream room knows no session and no node: it negotiates nothing but the transport (TLS, framing) and tells its
 * owner, through imp_conn_events, of stream headers, stanzas and the end.
 */
#ifndef IMP_STREAM_CONN_H
#define IMP_STREAM_CONN_H

#include <imp/conn.h>
#include <imp/xml.h>

#include "core/buf.h"
#include "core/heap.h"
#include "core/list.h"
#include "core/log.h"
#include "stream/tls.h"
#include "xml/packet.h"
#include "xml/parser.h"

/* What the owner is told. None may delete the connection. */
typedef struct imp_conn_events {
  /* A stream header (or WebSocket <open/>) came: its to, from, version, xml:lang are attributes of the header. */
  void (*opened)(imp_conn *conn, const imp_stanza *header);
  /* A child of the stream: stanza or nonza. Ownership passes. */
  void (*stanza)(imp_conn *conn, imp_stanza *st);
  /* The stream is over: `clean` if the peer closed it in good order (</stream:stream>, <close/>). Called once, before
     imp_conn_del() frees; no more events follow.  Never called from within another event, a submit, imp_conn_fail()
     or imp_conn_close(): what ends there is told when the current recv or timer returns, at the latest by
     imp_conn_next_dirty() at the end of the turn.  After imp_conn_close(conn, NULL) stanzas still come until the peer
     answers or close_time is over. */
  void (*ended)(imp_conn *conn, int clean);
  /* May be NULL. A short child of the stream as text, before it is parsed: non-zero if it was understood byte for byte and
     dealt with; 0 to get it by `stanza`. */
  int (*brief)(imp_conn *conn, const char *text, size_t len);
  /* May be NULL. Our side of the stream is about to be closed: the last moment for a submit. */
  void (*closing)(imp_conn *conn);
} imp_conn_events;

/* Bounds and times, see imp_settings in imp/node.h, where they are documented. */
typedef struct imp_stream_limits {
  imp_xml_limits preauth, authed;  /* bounds on stanzas before and after authentication */
  size_t preauth_bytes;            /* all bytes before authentication */
  imp_tstamp preauth_time;         /* from accept to authentication */
  imp_tstamp close_time;           /* from our </stream> to the peer's */
  size_t output_max;               /* bytes that may wait for a slow reader */
  uint32_t recv_rate, recv_burst;  /* bytes a second after authentication, 0: unlimited */
} imp_stream_limits;

typedef struct imp_stream_cache imp_stream_cache;

/* What all connections of a node share. */
typedef struct imp_stream_env {
  imp_xml_pool *xml;
  imp_tls_context *tls; /* NULL: TLS is not offered */
  imp_heap *timers;
  const imp_logger *log;
  const imp_stream_limits *limits;
  const imp_conn_events *events;
  imp_list *dirty;                  /* connections with output, told to the host at the end of the turn */
  const char *(*domain)(void *ctx); /* the host name for our headers before we know better */
  void (*random)(void *dst, size_t len);
  void *ctx;
  imp_tstamp now; /* set by every entry point */
  /* Called when `dirty` becomes non-empty, so that somebody ends the turn soon; may be NULL. */
  void (*wake)(void *ctx);

  /* Everything below belongs to the stream room; imp_stream_env_init() makes it. */
  imp_list conns;               /* every connection */
  uint64_t bytes_in, bytes_out; /* on the wire */
  imp_stream_cache *cache;      /* spare buffers */
} imp_stream_env;

/* Call once, after the members above were filled in: makes the rest, and `dirty` an empty list. IMP_ERR_NOMEM. */
int imp_stream_env_init(imp_stream_env *env);
/* Frees what init made. Every connection must be gone. */
void imp_stream_env_reset(imp_stream_env *env);

int imp_conn_new(imp_conn **conn, imp_stream_env *env, const imp_conn_params *params, imp_tstamp ts);

/* ---- output: nothing leaves before the end of the turn ---- */

/* Appends text (whole elements). For WebSocket each call is one message, and nonzas bring their own xmlns.
   All three: IMP_ERR_CLOSED (ended), IMP_ERR_NOMEM (nothing was appended), IMP_ERR_TOO_BIG (the peer reads too slowly:
   the stream has failed with policy-violation; nothing was appended). */
int imp_conn_submit_text(imp_conn *conn, const char *text, size_t len);
/* Appends a packet: the hot path. */
int imp_conn_submit_packet(imp_conn *conn, const imp_packet *packet);
/* Appends a stanza or nonza as it is. */
int imp_conn_submit_stanza(imp_conn *conn, imp_stanza *st);

/* ---- negotiation ---- */

/* Our stream header (or WebSocket <open/>) with a fresh id; to may be NULL. */
int imp_conn_send_header(imp_conn *conn, const char *from, const char *to);
/* After <proceed/> was submitted: TLS begins with the next byte from the peer; anything else in the current chunk, or
   kept while busy, is an error.  A new stream header is expected afterwards. IMP_ERR_STATE, IMP_ERR_CLOSED, IMP_ERR_NOMEM. */
int imp_conn_starttls(imp_conn *conn);
/* After SASL success: the parser forgets everything and a new header is expected, ours is to be sent anew.  Bytes that
   came ahead of the success end the stream with bad-format. */
void imp_conn_restart(imp_conn *conn);
/* The peer is authenticated: limits change, the pre-authentication deadline goes. */
void imp_conn_set_authenticated(imp_conn *conn);
int imp_conn_is_authenticated(const imp_conn *conn);
/* Stanzas that come while busy are kept (bounded: policy-violation) and delivered by imp_conn_set_busy(conn, 0): for a
   step that waits for the host.  Within an event they come when that returns; outside of one they, and the end that may
   stand behind them, come at once: make it the last thing you do. */
void imp_conn_set_busy(imp_conn *conn, int busy);
/* A stream error (RFC 6120 §4.9) and the end. text and app (whole element of an application-specific condition) may be NULL. */
void imp_conn_fail(imp_conn *conn, const char *condition, const char *text, const char *app);
/* So many bytes more than the setting may wait for the peer: what is sent again in one go is no sign of a slow reader. */
void imp_conn_widen(imp_conn *conn, size_t bytes);
/* Channel bindings of the TLS session, or those that the host gave. IMP_ERR_NOT_FOUND without TLS. Borrowed until the
   peer is authenticated. */
int imp_conn_channel_binding(imp_conn *conn, imp_channel_binding *binding);
/* DER of the peer's certificate if it sent one (and it verified); NULL if not. */
const void *imp_conn_peer_certificate(const imp_conn *conn, size_t *len);

/* ---- state ---- */

int imp_conn_can_starttls(const imp_conn *conn); /* not encrypted yet, TLS is there, TCP framing */
int imp_conn_is_websocket(const imp_conn *conn);
int imp_conn_allows_plaintext(const imp_conn *conn);
int imp_conn_is_ended(const imp_conn *conn); /* nothing may be submitted any more */
int imp_conn_has_output(const imp_conn *conn); /* of this turn */
const char *imp_conn_stream_id(const imp_conn *conn);
/* The language that the peer's stream header declared (RFC 6120 §4.7.4) for stanzas that name none, if it is another than
   that of our own headers; else NULL. Letters, digits and hyphens. */
const char *imp_conn_lang(const imp_conn *conn);
/* The owner's pointer (a session or a login under way), and the JID shown to the host (borrowed). */
void imp_conn_set_owner(imp_conn *conn, void *owner);
void *imp_conn_get_owner(const imp_conn *conn);
void imp_conn_set_jid(imp_conn *conn, const imp_jid *jid);
imp_stream_env *imp_conn_env(const imp_conn *conn);
/* Takes the next connection off the env's dirty list; NULL when none.  A connection is there when it has output, when
   imp_conn_want_close() became true, or when it is no longer paused: the host's want_write looks at all three.
   May call events.ended (see there). */
imp_conn *imp_conn_next_dirty(imp_stream_env *env);
/* ---- output that waits for a commit; see gate.c ---- */

/* From now on only what is released may leave (what is there now may). */
void imp_conn_set_gated(imp_conn *conn, int gated);
int imp_conn_is_gated(const imp_conn *conn);
/* All that is there now may leave. */
void imp_conn_release(imp_conn *conn);
/* What is there now belongs to the next commit. */
void imp_conn_gather(imp_conn *conn, imp_list *gathered);
/* The commit begins, with all that are in this list. */
void imp_conn_commit_begins(imp_list *gathered);
/* It is over: takes the next connection off the list; NULL when none. */
imp_conn *imp_conn_next_gathered(imp_list *gathered);
/* The commit failed: what such a connection gathered waits for the next. */
void imp_conn_gather_again(imp_conn *conn, imp_list *gathered);
/* Its gathered output may leave; what came meanwhile makes it dirty again. */
void imp_conn_release_gathered(imp_conn *conn);
/* It failed: the output is dropped and the connection is over, not in good order. */
void imp_conn_abort(imp_conn *conn, const char *why);

/* Every open connection of the env, for shutdown: calls fn for each. */
void imp_conn_each(imp_stream_env *env, void (*fn)(imp_conn *conn, void *ctx), void *ctx);

#endif
