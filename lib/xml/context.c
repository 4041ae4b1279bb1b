#include "xml/context.h"

#include "core/codec.h"
#include "core/mem.h"
#include "xml/jid.h"
#include "xml/sax.h"

/* A context whose dictionary or buffers grew past this is not kept: libxml2 never shrinks them. */
#define DICT_KEEP 65536u
#define FED_KEEP 32768u
#define TEXT_KEEP 16384u
#define STANZAS_KEEP 100000u

imp_xml_ctx *imp_xml_ctx_new(imp_xml_pool *pool) {
  imp_xml_ctx *ctx = imp_malloc(sizeof *ctx);
  if (ctx == NULL) {
    return NULL;
  }
  memset(ctx, 0, sizeof *ctx);
  ctx->pool = pool;
  xmlSAXHandler sax;
  imp_xml_sax_init(&sax);
  ctx->parser = xmlCreatePushParserCtxt(&sax, ctx, NULL, 0, NULL);
  if (ctx->parser == NULL) {
    imp_free(ctx);
    return NULL;
  }
  /* NOENT is about the five entities in attributes; others cannot be declared without a DTD. */
  xmlCtxtUseOptions(ctx->parser, XML_PARSE_NOENT | XML_PARSE_NONET);
  return ctx;
}

static void forget(imp_xml_ctx *ctx) {
  imp_stanza_del(ctx->st);
  imp_free(ctx->header);
  ctx->st = NULL;
  ctx->header = NULL;
}

void imp_xml_ctx_del(imp_xml_ctx *ctx) {
  forget(ctx);
  xmlFreeParserCtxt(ctx->parser);
  imp_free(ctx->text);
  imp_free(ctx);
}

static imp_xml_error classify(int code) {
  switch (code) {
  case XML_ERR_NO_MEMORY:
    return IMP_XML_INTERNAL;
  case XML_ERR_INVALID_ENCODING:
  case XML_ERR_UNKNOWN_ENCODING:
  case XML_ERR_UNSUPPORTED_ENCODING:
    return IMP_XML_UNSUPPORTED_ENCODING;
  case XML_ERR_UNDECLARED_ENTITY:
  case XML_WAR_UNDECLARED_ENTITY:
  case XML_ERR_UNPARSED_ENTITY:
  case XML_ERR_ENTITY_LOOP:
    return IMP_XML_RESTRICTED;
  default:
    return code >= XML_NS_ERR_XML_NAMESPACE && code <= XML_NS_ERR_COLON ? IMP_XML_BAD_NAMESPACE_PREFIX
                                                                        : IMP_XML_NOT_WELL_FORMED;
  }
}

static int report(imp_xml_ctx *ctx, size_t where) {
  if (ctx->error == IMP_XML_OK) {
    ctx->error = (uint8_t)classify(ctx->code != XML_ERR_OK ? ctx->code : ctx->parser->errNo);
    ctx->what = ctx->message[0] != '\0' ? ctx->message : "not understood";
  }
  imp_xml_pool_set_error(ctx->pool, ctx->what, where);
  return ctx->error == IMP_XML_INTERNAL ? IMP_ERR_NOMEM : IMP_ERR_MALFORMED;
}

static size_t position(const xmlParserCtxt *parser) {
  const xmlParserInput *input = parser->input;
  return input != NULL ? input->consumed + (size_t)(input->cur - input->base) : 0;
}

/* A parser that was stopped has lost its place: 0. */
size_t imp_xml_ctx_offset(const imp_xml_ctx *ctx) {
  size_t at = position(ctx->parser);
  return at > ctx->before ? at - ctx->before : 0;
}

/* xmlParseChunk() takes an int; a whole tag may be cut here, which libxml2 can deal with. */
#define CHUNK ((size_t)1 << 30)

static int parse(imp_xml_ctx *ctx, const char *data, size_t len) {
  xmlParserCtxtPtr parser = ctx->parser;
  ctx->before = position(parser);
  ctx->fed += len;
  while (len > 0) {
    size_t n = len < CHUNK ? len : CHUNK;
    xmlParseChunk(parser, data, (int)n, 0);
    if (ctx->error != IMP_XML_OK || ctx->code != XML_ERR_OK || !parser->wellFormed || parser->disableSAX ||
        parser->errNo == XML_ERR_NO_MEMORY) {
      if (ctx->error == IMP_XML_OK && !imp_utf8_valid(data, n)) { /* libxml2 says much the same of other things */
        ctx->error = IMP_XML_UNSUPPORTED_ENCODING;
        ctx->what = "not UTF-8";
      }
      return report(ctx, imp_xml_ctx_offset(ctx));
    }
    data += n;
    len -= n;
  }
  if (parser->input == NULL || parser->input->cur != parser->input->end) {
    return report(ctx, imp_xml_ctx_offset(ctx));
  }
  return IMP_OK;
}

static int restart(imp_xml_ctx *ctx, const imp_xml_limits *limits) {
  forget(ctx);
  ctx->limits = limits;
  ctx->content = ctx->header_content = IMP_CONTENT_NONE;
  ctx->server = 0;
  ctx->error = IMP_XML_OK;
  ctx->what = NULL;
  ctx->code = XML_ERR_OK;
  ctx->message[0] = '\0';
  ctx->level = ctx->namespaces = ctx->textlen = 0;
  ctx->fed = 0;
  return xmlCtxtResetPush(ctx->parser, NULL, 0, NULL, NULL) == 0 ? IMP_OK : IMP_ERR_NOMEM;
}

int imp_xml_ctx_open(imp_xml_ctx *ctx, const imp_xml_limits *limits, uint8_t content, const char *header, size_t len) {
  int err = restart(ctx, limits);
  if (err != IMP_OK) {
    return err;
  }
  err = parse(ctx, header, len);
  ctx->content = content;
  ctx->server = content == IMP_CONTENT_SERVER;
  ctx->namespaces = 0; /* the header's own do not count */
  return err == IMP_OK && ctx->level != 1 ? IMP_ERR_MALFORMED : err;
}

int imp_xml_ctx_read_header(imp_xml_ctx *ctx, const imp_xml_limits *limits, const void *data, size_t len,
                            imp_stanza **st) {
  int err = restart(ctx, limits);
  if (err != IMP_OK) {
    return err;
  }
  imp_xml_ctx_begin(ctx, limits);
  ctx->in_header = 1;
  err = parse(ctx, data, len);
  ctx->in_header = 0;
  if (err == IMP_OK && (ctx->level != 1 || ctx->st == NULL)) {
    err = report(ctx, 0);
  }
  if (err != IMP_OK) {
    return err;
  }
  if (ctx->header == NULL) {
    ctx->content = ctx->header_content;
    ctx->server = ctx->content == IMP_CONTENT_SERVER;
  }
  ctx->namespaces = 0;
  return imp_xml_ctx_finish(ctx, st);
}

int imp_xml_ctx_feed(imp_xml_ctx *ctx, const void *data, size_t len) { return parse(ctx, data, len); }

static void address(imp_xml_ctx *ctx, imp_stanza *st, imp_attr *attr, imp_jid **slot, uint16_t bad, int *err) {
  int rc = imp_jid_cache_get(imp_xml_pool_jids(ctx->pool), slot, attr->value, attr->valuelen);
  if (rc == IMP_OK) {
    attr->value = imp_jid_full(*slot);
    attr->valuelen = (uint32_t)imp_jid_full_len(*slot);
    attr->plain = (*slot)->plain;
  } else if (rc == IMP_ERR_NOMEM) {
    *err = rc;
  } else {
    st->flags |= bad;
  }
}

int imp_xml_ctx_finish(imp_xml_ctx *ctx, imp_stanza **out) {
  imp_stanza *st = ctx->st;
  int err = IMP_OK;
  if (st == NULL || ctx->level != 1) {
    return report(ctx, ctx->fed);
  }
  ctx->st = NULL;
  imp_stanza_classify(st);
  for (imp_attr *attr = st->root.attrs; attr != NULL; attr = attr->next) {
    if (attr->ns != imp_ns_none) {
      continue;
    }
    if (attr->namelen == 2 && memcmp(attr->name, "to", 2) == 0) {
      address(ctx, st, attr, &st->to, IMP_STANZA_BAD_TO, &err);
    } else if (attr->namelen == 4 && memcmp(attr->name, "from", 4) == 0) {
      address(ctx, st, attr, &st->from, IMP_STANZA_BAD_FROM, &err);
    }
  }
  if (err != IMP_OK) {
    ctx->error = IMP_XML_INTERNAL;
    imp_xml_pool_set_error(ctx->pool, "out of memory", ctx->fed);
    imp_stanza_del(st);
    return err;
  }
  st->wirelen = ctx->fed < UINT32_MAX ? (uint32_t)ctx->fed : UINT32_MAX;
  *out = st;
  return IMP_OK;
}

static void keep_tail(const imp_xml_ctx *ctx, imp_stanza *st, const char *data, size_t len) {
  size_t at = ctx->rootend;
  if (!ctx->raw || at >= len || data[at] != '>' || len - at > UINT32_MAX ||
      (st->root.first == NULL && st->root.leadlen == 0)) { /* an empty stanza's tail is "/>" */
    return;
  }
  char *tail = imp_arena_bytes(&st->arena, len - at);
  if (tail != NULL) {
    memcpy(tail, data + at, len - at);
    st->tail = tail;
    st->taillen = (uint32_t)(len - at);
  }
}

int imp_xml_ctx_parse(imp_xml_ctx *ctx, const void *data, size_t len, imp_stanza **st) {
  int err = parse(ctx, data, len);
  if (err == IMP_OK) {
    err = imp_xml_ctx_finish(ctx, st);
  }
  if (err == IMP_OK) {
    keep_tail(ctx, *st, data, len);
  }
  return err;
}

int imp_xml_ctx_is_worn(const imp_xml_ctx *ctx) {
  return ctx->fed > FED_KEEP || ctx->textcap > TEXT_KEEP || ctx->serial > STANZAS_KEEP ||
         xmlDictGetUsage(ctx->parser->dict) > DICT_KEEP;
}
