/*
 * Parser contexts: a libxml2 push parser that stands inside a stream header, ready for a stanza.
 *
 * Which header it stands in is its `content`; streams whose header declares no more than the usual share contexts with
 * each other. A context is never left half-way by anybody but the stream that holds it.
 */
#ifndef IMP_XML_CONTEXT_H
#define IMP_XML_CONTEXT_H

#include <libxml/parser.h>

#include "core/list.h"
#include "xml/parser.h"

/* The header that a context stands in. */
enum {
  IMP_CONTENT_NONE = 0, /* none yet, or one that no other stream shares */
  IMP_CONTENT_CLIENT,   /* xmlns='jabber:client' xmlns:stream='…' */
  IMP_CONTENT_SERVER,   /* xmlns='jabber:server' xmlns:stream='…' */
  IMP_CONTENT_BARE      /* nothing declared: documents with namespaces of their own */
};

#define IMP_XML_NAMES 128 /* power of two */

/* What a pointer into libxml2's dictionary stands for. */
typedef struct imp_xml_name {
  const xmlChar *key;
  const char *known; /* interned; NULL: to be copied */
  const char *copy;  /* in the arena of the stanza with number `stanza` */
  uint32_t len;
  uint32_t stanza;
} imp_xml_name;

typedef struct imp_xml_ctx {
  imp_list link; /* pool's free or held contexts */
  imp_xml_pool *pool;
  xmlParserCtxtPtr parser;
  const imp_xml_limits *limits;
  uint8_t content;
  uint8_t held;      /* by a stream, in the middle of a stanza */
  uint8_t in_header; /* a header of the peer's is being read */
  uint8_t server;    /* jabber:server is the content namespace */
  uint8_t error;     /* imp_xml_error, from a handler */
  const char *what;
  int code; /* libxml2's first error in this document */
  char message[144];
  /* the stanza in the making */
  imp_stanza *st;
  imp_elem *stack[IMP_XML_DEPTH_MAX];  /* open elements; the stanza's own at 1 */
  uint16_t nscount[IMP_XML_DEPTH_MAX]; /* declarations of each */
  uint32_t level;                      /* open elements, the header's included */
  uint32_t namespaces;                 /* in force */
  uint32_t elements;
  uint32_t nsbytes; /* that writing the tree will take for declarations */
  uint32_t serial;  /* number of the stanza */
  size_t fed;       /* bytes of it so far */
  size_t before;    /* libxml2's position when the bytes in hand began */
  size_t rootend;   /* in them: where the root's start tag ends */
  uint8_t raw;      /* what is behind that means the same wherever it is put */
  char *text;       /* character data since the last tag */
  uint32_t textlen, textcap;
  /* of a header of the peer's */
  char *header; /* the same again, for later, if it is unusual */
  uint8_t header_content;
  imp_xml_name names[IMP_XML_NAMES];
} imp_xml_ctx;

imp_xml_ctx *imp_xml_ctx_new(imp_xml_pool *pool);
void imp_xml_ctx_del(imp_xml_ctx *ctx);
/* Begins a new document with this header. IMP_ERR_NOMEM, IMP_ERR_MALFORMED: then the context is to be deleted. */
int imp_xml_ctx_open(imp_xml_ctx *ctx, const imp_xml_limits *limits, uint8_t content, const char *header, size_t len);
/* The same with the peer's own header; *st is it as an element. ctx->header and ->header_content tell what it is. */
int imp_xml_ctx_read_header(imp_xml_ctx *ctx, const imp_xml_limits *limits, const void *data, size_t len,
                            imp_stanza **st);
/* Whole tags of a stanza. IMP_ERR_MALFORMED (then ctx->error and the pool's error text), IMP_ERR_NOMEM. */
int imp_xml_ctx_feed(imp_xml_ctx *ctx, const void *data, size_t len);
/* After the last tag: the stanza, with addresses prepared. The caller owns it. */
int imp_xml_ctx_finish(imp_xml_ctx *ctx, imp_stanza **st);
/* Both at once, for a stanza in one piece: if its text can serve as its tail as it is, it need not be written anew. */
int imp_xml_ctx_parse(imp_xml_ctx *ctx, const void *data, size_t len, imp_stanza **st);
/* Bytes that libxml2 has read since the bytes in hand began. */
size_t imp_xml_ctx_offset(const imp_xml_ctx *ctx);
/* Non-zero if it grew so much that it is not worth keeping. */
int imp_xml_ctx_is_worn(const imp_xml_ctx *ctx);

/* ---- the pool ---- */

/* A context standing in this header, for one whole stanza, or (hold) to be kept for a while: then NULL with *err
   IMP_ERR_LIMIT when all but one are held. IMP_CONTENT_NONE with a NULL header: for imp_xml_ctx_read_header().
   Give it back with imp_xml_pool_put(). */
imp_xml_ctx *imp_xml_pool_take(imp_xml_pool *pool, const imp_xml_limits *limits, uint8_t content, const char *header,
                               int hold, int *err);
/* good: it stands between two stanzas again; otherwise it is destroyed. */
void imp_xml_pool_put(imp_xml_pool *pool, imp_xml_ctx *ctx, int good);
/* `where`: bytes into the stanza. */
void imp_xml_pool_set_error(imp_xml_pool *pool, const char *what, size_t where);

#endif
