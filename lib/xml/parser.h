/*
 * The streaming parser: libxml2's SAX2 push parser behind a scanner that lets only whole tags through.
 *
 * The scanner (xml/scan.h) looks at every byte first. It finds where stanzas end, keeps partial tags back, refuses what
 * XMPP forbids (DTDs, processing instructions, comments) and enforces the bounds before libxml2 sees a byte. So between
 * two stanzas no parser context belongs to anybody: streams with a usual header share the contexts of the pool, and a
 * stream at rest is nothing but the struct below. A context is held by a stream only in the middle of a stanza, and one
 * is always left for whole stanzas; a stream that gets none keeps its bytes until its stanza is whole.
 *
 * Handlers are called with no parser context in use: they may feed other streams, parse and build stanzas, and call
 * imp_xml_stream_restart() or _set_limits() on this one. They must not feed, reset or free this stream.
 */
#ifndef IMP_XML_PARSER_H
#define IMP_XML_PARSER_H

#include "core/buf.h"
#include "xml/jid_cache.h"
#include "xml/scan.h"
#include "xml/stanza.h"

/* "not-well-formed", … Static. */
const char *imp_xml_error_condition(imp_xml_error error);

typedef struct imp_xml_pool imp_xml_pool;

/* max_contexts: 2 … 4096. `cache` may be NULL (no cache); both must outlive the pool. */
int imp_xml_pool_new(imp_xml_pool **pool, size_t max_contexts, imp_jid_cache *cache);
/* All streams must have been reset. */
void imp_xml_pool_del(imp_xml_pool *pool);
imp_jid_cache *imp_xml_pool_jids(imp_xml_pool *pool);
/* Contexts that exist, for statistics and tests. */
size_t imp_xml_pool_contexts(const imp_xml_pool *pool);
/* What was wrong and where, of the last feed or parse that failed; valid until the next one. */
const char *imp_xml_pool_error_text(const imp_xml_pool *pool);

typedef enum imp_framing {
  IMP_FRAMING_TCP = 0,  /* one document a stream (RFC 6120) */
  IMP_FRAMING_WEBSOCKET /* one document a message (RFC 7395) */
} imp_framing;

/* Each returns 0 to go on. Anything else stops the feed, which returns it; the rest of the chunk is dropped. */
typedef struct imp_xml_handler {
  /* The stream header as an element: name "stream", namespace IMP_NS_STREAMS if the peer is right; its attributes, and
     its default namespace as attribute "xmlns". Freed after the call. Never called with WebSocket framing. */
  int (*on_open)(void *ctx, imp_stanza *header);
  /* A stanza or nonza; ownership passes. WebSocket: also <open/> and <close/> (IMP_NS_FRAMING). */
  int (*on_stanza)(void *ctx, imp_stanza *st);
  /* </stream:stream>. What follows is ignored. Never called with WebSocket framing. */
  int (*on_close)(void *ctx);
  /* May be NULL. A first-level element of at most IMP_XML_BRIEF_MAX bytes as text, in one piece however it came, unless
     parsing it has begun (it was cut behind a tag). Non-zero: it was understood and dealt with, and *rc is what on_stanza would have returned; 0: parse it.
     Well-formedness is the handler's to judge, so it may understand only what it knows byte for byte. Never called with
     WebSocket framing. */
  int (*on_brief)(void *ctx, const char *text, size_t len, int *rc);
} imp_xml_handler;

#define IMP_XML_BRIEF_MAX 64

struct imp_xml_ctx;

typedef struct imp_xml_stream {
  imp_xml_pool *pool;
  const imp_xml_limits *limits;
  const imp_xml_handler *handler;
  void *ctx;
  struct imp_xml_ctx *held; /* in the middle of a stanza */
  char *header;             /* to build a context anew; NULL for a usual header */
  uint8_t *pend;            /* bytes not yet handed to libxml2; NULL at rest */
  uint32_t pendlen, pendcap;
  imp_xml_scan scan;
  uint8_t framing;
  uint8_t content;   /* enum in xml/context.h: which contexts this stream can share */
  uint8_t error;     /* imp_xml_error */
  uint8_t open;      /* the header was read */
  uint8_t closed;    /* </stream:stream> was read */
  uint8_t feeding;   /* inside imp_xml_stream_feed() */
  uint8_t restarted; /* by a handler, in this feed */
} imp_xml_stream;

/* Nothing is allocated before the first partial tag. */
void imp_xml_stream_init(imp_xml_stream *s, imp_xml_pool *pool, const imp_xml_limits *limits,
                         const imp_xml_handler *handler, void *ctx, imp_framing framing);
/* Frees what is held; the stream is as after init. Safe on a zeroed struct. */
void imp_xml_stream_reset(imp_xml_stream *s);
/* A new stream begins (after TLS or SASL): everything is forgotten. Inside a handler, any byte left in the chunk that
   is not white space makes the feed fail with bad-format: nothing is carried over. */
void imp_xml_stream_restart(imp_xml_stream *s);
void imp_xml_stream_set_limits(imp_xml_stream *s, const imp_xml_limits *limits);
/* Non-zero if no part of a stanza, tag or header is pending. */
int imp_xml_stream_is_idle(const imp_xml_stream *s);
/* Bytes of memory held for pending input. */
size_t imp_xml_stream_memory(const imp_xml_stream *s);

/**
 * Feeds bytes (WebSocket: one whole message). Returns 0, what a handler returned, or IMP_ERR_MALFORMED, IMP_ERR_TOO_BIG
 * or IMP_ERR_NOMEM; after an error every further feed returns IMP_ERR_MALFORMED until a restart or reset.
 */
int imp_xml_stream_feed(imp_xml_stream *s, const void *data, size_t len);
/* The stream error that a failed feed calls for, and words for the log and <text/>. */
imp_xml_error imp_xml_stream_error(const imp_xml_stream *s);
const char *imp_xml_stream_error_text(const imp_xml_stream *s);

/**
 * Parses one whole document with namespaces of its own (a WebSocket message).
 * *error (may be NULL) and imp_xml_pool_error_text() tell what was wrong.
 */
int imp_xml_parse_document(imp_xml_pool *pool, const imp_xml_limits *limits, const void *data, size_t len,
                           imp_stanza **st, imp_xml_error *error);
/* The same with IMP_NS_CLIENT as the default namespace, as stanzas stand in a stream or in a store. */
int imp_xml_parse_stanza(imp_xml_pool *pool, const imp_xml_limits *limits, const void *data, size_t len,
                         imp_stanza **st, imp_xml_error *error);

#endif
