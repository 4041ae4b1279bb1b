#include "xml_kit.h"

/* A handler must return: an assertion in it would jump out of the parser. */
static int put(xml_kit *kit, const char *s) { return imp_buf_append_str(&kit->log, s); }

static int put_attr(xml_kit *kit, const imp_attr *attr) {
  int err = put(kit, " ");
  err = err == IMP_OK ? put(kit, attr->name) : err;
  err = err == IMP_OK ? put(kit, "='") : err;
  err = err == IMP_OK ? put(kit, attr->value) : err;
  return err == IMP_OK ? put(kit, "'") : err;
}

static int on_open(void *ctx, imp_stanza *header) {
  xml_kit *kit = ctx;
  const imp_elem *root = imp_stanza_root(header);
  const char *xmlns = imp_elem_attr(root, "xmlns");
  int err = put(kit, "(");
  err = err == IMP_OK ? put(kit, xmlns != NULL ? xmlns : "-") : err;
  err = err == IMP_OK ? put(kit, " ") : err;
  err = err == IMP_OK ? put(kit, imp_elem_name(root)) : err;
  for (const imp_attr *attr = root->attrs; attr != NULL && err == IMP_OK; attr = attr->next) {
    if (strcmp(attr->name, "xmlns") != 0) {
      err = put_attr(kit, attr);
    }
  }
  return err == IMP_OK ? put(kit, ")") : err;
}

static int on_stanza(void *ctx, imp_stanza *st) {
  xml_kit *kit = ctx;
  const char *name = imp_elem_name(imp_stanza_root(st));
  int stop = strcmp(name, "stop") == 0;
  if (strcmp(name, "restart") == 0) {
    imp_xml_stream_restart(&kit->stream);
  }
  kit->flags = st->flags;
  imp_stanza_edit(st); /* a tail that was kept as it came would show how the bytes were cut */
  int err = imp_stanza_write(st, &kit->log, IMP_FRAMING_TCP);
  imp_stanza_del(st);
  return err != IMP_OK ? err : stop ? 7 : 0;
}

static int on_close(void *ctx) { return put(ctx, ")"); }

static const imp_xml_handler handler = {.on_open = on_open, .on_stanza = on_stanza, .on_close = on_close};

static void xkit_free(void *object) {
  xml_kit *kit = object;
  imp_xml_stream_reset(&kit->stream);
  imp_xml_pool_del(kit->pool);
  imp_jid_cache_del(kit->cache);
  imp_buf_reset(&kit->log);
}

void xkit_new(xml_kit *kit, size_t contexts, imp_framing framing) {
  memset(kit, 0, sizeof *kit);
  imp_buf_init(&kit->log, 1 << 24);
  unit_own(xkit_free, kit);
  assert_int_equal(imp_jid_cache_new(&kit->cache, 16), IMP_OK);
  assert_int_equal(imp_xml_pool_new(&kit->pool, contexts, kit->cache), IMP_OK);
  imp_xml_limits_default(&kit->limits);
  imp_xml_stream_init(&kit->stream, kit->pool, &kit->limits, &handler, kit, framing);
}

static void reset_stream(void *object) { imp_xml_stream_reset(object); }

void xkit_stream(xml_kit *kit, imp_xml_stream *stream) {
  imp_xml_stream_init(stream, kit->pool, &kit->limits, &handler, kit, IMP_FRAMING_TCP);
  unit_own(reset_stream, stream);
}

int xkit_feed(xml_kit *kit, const char *text) { return imp_xml_stream_feed(&kit->stream, text, strlen(text)); }

int xkit_drip(xml_kit *kit, const char *text, size_t len) {
  int rc = 0;
  for (size_t i = 0; i < len && rc == 0; ++i) {
    rc = imp_xml_stream_feed(&kit->stream, text + i, 1);
  }
  return rc;
}

const char *xkit_log(const xml_kit *kit) {
  return imp_buf_len(&kit->log) > 0 ? (const char *)imp_buf_data(&kit->log) : "";
}

void xkit_clear(xml_kit *kit) { imp_buf_consume(&kit->log, imp_buf_len(&kit->log)); }

static void release_stanza(void *object) { imp_stanza_del(object); }

static void release_jid(void *object) { imp_jid_del(object); }

imp_stanza *xkit_stanza(const char *text) {
  imp_stanza *st;
  assert_int_equal(imp_stanza_parse(&st, text, strlen(text)), IMP_OK);
  unit_own(release_stanza, st);
  return st;
}

const char *xkit_text(const imp_stanza *st) {
  char *text = imp_stanza_to_text(st, NULL);
  assert_non_null(text);
  unit_own(imp_free, text);
  return text;
}

imp_jid *xkit_jid(const char *text) {
  imp_jid *jid;
  assert_int_equal(imp_jid_new(&jid, text, strlen(text)), IMP_OK);
  unit_own(release_jid, jid);
  return jid;
}
