#include "core/mem.h"
#include "xml/context.h"
#include "xml/declaration.h"

#define PEND_FIRST 128

/* ---- life ---- */

void imp_xml_stream_init(imp_xml_stream *s, imp_xml_pool *pool, const imp_xml_limits *limits,
                         const imp_xml_handler *handler, void *ctx, imp_framing framing) {
  memset(s, 0, sizeof *s);
  s->pool = pool;
  s->limits = limits;
  s->handler = handler;
  s->ctx = ctx;
  s->framing = (uint8_t)framing;
}

static void drop_pend(imp_xml_stream *s) {
  imp_free(s->pend);
  s->pend = NULL;
  s->pendlen = s->pendcap = 0;
}

static void drop_context(imp_xml_stream *s, int good) {
  if (s->held != NULL) {
    imp_xml_pool_put(s->pool, s->held, good);
    s->held = NULL;
  }
}

void imp_xml_stream_reset(imp_xml_stream *s) {
  drop_context(s, 0);
  drop_pend(s);
  imp_free(s->header);
  s->header = NULL;
  s->content = IMP_CONTENT_NONE;
  s->error = s->open = s->closed = 0;
  imp_xml_scan_init(&s->scan, 0);
}

void imp_xml_stream_restart(imp_xml_stream *s) {
  imp_xml_stream_reset(s);
  s->restarted = s->feeding;
}

void imp_xml_stream_set_limits(imp_xml_stream *s, const imp_xml_limits *limits) { s->limits = limits; }

int imp_xml_stream_is_idle(const imp_xml_stream *s) {
  return s->held == NULL && s->pendlen == 0 && imp_xml_scan_is_idle(&s->scan);
}

size_t imp_xml_stream_memory(const imp_xml_stream *s) {
  return s->pendcap + (s->held != NULL ? sizeof *s->held + s->held->fed : 0);
}

imp_xml_error imp_xml_stream_error(const imp_xml_stream *s) { return (imp_xml_error)s->error; }

const char *imp_xml_stream_error_text(const imp_xml_stream *s) { return imp_xml_pool_error_text(s->pool); }

/* ---- errors ---- */

static int code_of(imp_xml_error error) {
  return error == IMP_XML_INTERNAL           ? IMP_ERR_NOMEM
         : error == IMP_XML_POLICY_VIOLATION ? IMP_ERR_TOO_BIG
                                             : IMP_ERR_MALFORMED;
}

static int failed(imp_xml_stream *s, imp_xml_error error) {
  drop_context(s, 0);
  drop_pend(s);
  s->error = (uint8_t)error;
  return code_of(error);
}

static int fail(imp_xml_stream *s, imp_xml_error error, const char *what) {
  imp_xml_pool_set_error(s->pool, what, s->scan.bytes);
  return failed(s, error);
}

static int no_memory(imp_xml_stream *s) { return fail(s, IMP_XML_INTERNAL, "out of memory"); }

/* ---- bytes that wait ---- */

static int pend(imp_xml_stream *s, const char *data, size_t len) {
  size_t need = s->pendlen + len, cap = s->pendcap > 0 ? s->pendcap : PEND_FIRST;
  if (need > s->pendcap) {
    while (cap < need) {
      cap *= 2;
    }
    uint8_t *grown = cap <= UINT32_MAX ? imp_realloc(s->pend, cap) : NULL;
    if (grown == NULL) {
      return IMP_ERR_NOMEM;
    }
    s->pend = grown;
    s->pendcap = (uint32_t)cap;
  }
  if (len > 0) {
    memcpy(s->pend + s->pendlen, data, len);
  }
  s->pendlen = (uint32_t)need;
  return IMP_OK;
}

/* What waited and these bytes in one piece. */
static int whole(imp_xml_stream *s, const char **data, size_t *len) {
  if (s->pendlen > 0) {
    if (pend(s, *data, *len) != IMP_OK) {
      return IMP_ERR_NOMEM;
    }
    *data = (const char *)s->pend;
    *len = s->pendlen;
  }
  return IMP_OK;
}

/* ---- units ---- */

/* A handler has run: does the feed go on? */
static int after_handler(imp_xml_stream *s, int rc, const char *rest, size_t len) {
  if (rc != 0 || !s->restarted) {
    return rc;
  }
  for (size_t i = 0; i < len; ++i) {
    if (strchr(" \t\r\n", rest[i]) == NULL) {
      return fail(s, IMP_XML_BAD_FORMAT, "bytes behind the element that ends the stream's first life");
    }
  }
  return 0;
}

static int on_header(imp_xml_stream *s, const char *data, size_t len) {
  imp_stanza *header;
  int err;
  imp_xml_ctx *ctx = imp_xml_pool_take(s->pool, s->limits, IMP_CONTENT_NONE, NULL, 0, &err);
  if (ctx == NULL) {
    return no_memory(s);
  }
  err = imp_xml_ctx_read_header(ctx, s->limits, data, len, &header);
  imp_xml_error error = (imp_xml_error)ctx->error;
  if (err == IMP_OK) {
    s->content = ctx->header_content;
    s->header = ctx->header;
    ctx->header = NULL;
  }
  imp_xml_pool_put(s->pool, ctx, err == IMP_OK);
  if (err != IMP_OK) {
    return failed(s, error != IMP_XML_OK ? error : IMP_XML_INTERNAL);
  }
  drop_pend(s);
  s->open = 1;
  int rc = s->handler->on_open(s->ctx, header);
  imp_stanza_del(header);
  return rc;
}

/* The context in hand, or one from the pool. */
static int want_context(imp_xml_stream *s, int hold) {
  int err = IMP_OK;
  if (s->held == NULL) {
    uint8_t content = s->header != NULL ? IMP_CONTENT_NONE : s->content;
    const char *header = s->header;
    if (content == IMP_CONTENT_NONE && header == NULL) {
      content = IMP_CONTENT_BARE;
    }
    s->held = imp_xml_pool_take(s->pool, s->limits, content, header, hold, &err);
    if (s->held != NULL) {
      s->held->server = s->content == IMP_CONTENT_SERVER;
    }
  }
  return err;
}

static int feed_context(imp_xml_stream *s, const char *data, size_t len) {
  int err = imp_xml_ctx_feed(s->held, data, len);
  return err == IMP_OK ? IMP_OK : failed(s, (imp_xml_error)s->held->error);
}

static int on_brief(imp_xml_stream *s, const char *data, size_t len, int *rc) {
  return s->held == NULL && s->framing == IMP_FRAMING_TCP && s->handler->on_brief != NULL &&
         s->handler->on_brief(s->ctx, data, len, rc);
}

static int on_stanza(imp_xml_stream *s, const char *data, size_t len) {
  imp_stanza *st;
  int rc;
  if (len <= IMP_XML_BRIEF_MAX && on_brief(s, data, len, &rc)) {
    drop_pend(s);
    return rc;
  }
  if (want_context(s, 0) != IMP_OK) {
    return no_memory(s);
  }
  int err;
  if (s->held->held) { /* the stanza began earlier */
    err = imp_xml_ctx_feed(s->held, data, len);
    err = err == IMP_OK ? imp_xml_ctx_finish(s->held, &st) : err;
  } else {
    err = imp_xml_ctx_parse(s->held, data, len, &st);
  }
  if (err != IMP_OK) {
    return failed(s, (imp_xml_error)s->held->error);
  }
  drop_context(s, 1);
  drop_pend(s);
  return s->handler->on_stanza(s->ctx, st);
}

/* "</stream:stream>", with the name that the header had. */
static int on_close(imp_xml_stream *s, const char *data, size_t len) {
  const char *name = s->header != NULL ? s->header + 1 : "stream:stream";
  size_t namelen = strcspn(name, " >"), tail = 2 + namelen;
  if (len < tail + 1 || memcmp(data + 2, name, namelen) != 0 || strspn(data + tail, " \t\r\n") + tail + 1 != len) {
    return fail(s, IMP_XML_NOT_WELL_FORMED, "end tag that closes nothing");
  }
  drop_pend(s);
  s->closed = 1;
  return s->handler->on_close(s->ctx);
}

static int on_unit(imp_xml_stream *s, imp_xml_scan_event event, const char *data, size_t len) {
  if (whole(s, &data, &len) != IMP_OK) {
    return no_memory(s);
  }
  switch (event) {
  case IMP_XML_SCAN_DECLARATION: {
    imp_xml_error error = imp_xml_check_declaration(data, len);
    drop_pend(s);
    return error == IMP_XML_OK ? 0 : fail(s, error, "XML declaration not acceptable");
  }
  case IMP_XML_SCAN_HEADER:
    return on_header(s, data, len);
  case IMP_XML_SCAN_STANZA:
    return on_stanza(s, data, len);
  default:
    return on_close(s, data, len);
  }
}

/* An unfinished stanza: its whole tags go to a context, so that errors show early, if one can be held for it. */
static int on_part(imp_xml_stream *s, const char *data, size_t len, size_t safe) {
  if (s->open && safe > 0) {
    int err = want_context(s, 1);
    if (err == IMP_OK) {
      const char *piece = data;
      size_t piecelen = safe;
      if (whole(s, &piece, &piecelen) != IMP_OK) {
        return no_memory(s);
      }
      err = feed_context(s, piece, piecelen);
      if (err != IMP_OK) {
        return err;
      }
      drop_pend(s);
      data += safe;
      len -= safe;
    } else if (err != IMP_ERR_LIMIT) {
      return no_memory(s);
    }
  }
  return len == 0 || pend(s, data, len) == IMP_OK ? IMP_OK : no_memory(s);
}

static int feed_bytes(imp_xml_stream *s, const char *data, size_t len) {
  imp_xml_scan_result r;
  while (len > 0 && !s->closed) {
    imp_xml_scan_event event = imp_xml_scan_next(&s->scan, s->limits, data, len, &r);
    int rc = 0;
    if (event == IMP_XML_SCAN_ERROR) {
      return fail(s, r.error, r.what);
    }
    if (event == IMP_XML_SCAN_MORE) {
      size_t safe = r.safe > r.start ? r.safe - r.start : 0;
      return r.used > r.start ? on_part(s, data + r.start, r.used - r.start, safe) : 0;
    }
    rc = on_unit(s, event, data + r.start, r.used - r.start);
    data += r.used;
    len -= r.used;
    rc = after_handler(s, rc, data, len);
    if (rc != 0 || s->restarted) {
      return rc;
    }
  }
  return 0;
}

static int feed_tcp(imp_xml_stream *s, const char *data, size_t len) {
  const char *nul = memchr(data, '\0', len);
  if (!s->open && s->pendlen == 0 && len > 0 && ((unsigned char)data[0] >= 0xfe || (nul != NULL && nul - data < 2))) {
    return fail(s, IMP_XML_UNSUPPORTED_ENCODING, "not UTF-8");
  }
  int rc = feed_bytes(s, data, nul != NULL ? (size_t)(nul - data) : len);
  return rc == 0 && nul != NULL && !s->closed ? fail(s, IMP_XML_NOT_WELL_FORMED, "NUL byte") : rc;
}

static int feed_message(imp_xml_stream *s, const char *data, size_t len) {
  imp_stanza *st;
  imp_xml_error error;
  int err = imp_xml_parse_document(s->pool, s->limits, data, len, &st, &error);
  return err == IMP_OK ? s->handler->on_stanza(s->ctx, st) : failed(s, error);
}

int imp_xml_stream_feed(imp_xml_stream *s, const void *data, size_t len) {
  if (s->error != IMP_XML_OK) {
    return IMP_ERR_MALFORMED;
  }
  if (s->closed || len == 0) {
    return 0;
  }
  s->feeding = 1;
  s->restarted = 0;
  int rc = s->framing == IMP_FRAMING_WEBSOCKET ? feed_message(s, data, len) : feed_tcp(s, data, len);
  s->feeding = 0;
  return rc;
}
