/*
 * The same bytes in one piece and in many, on two streams that share their contexts: both must deliver the same.
 * First byte: lowest bit WebSocket framing, the rest how the second stream's pieces are cut.
 */
#include "fuzz.h"
#include "xml/packet.h"

static imp_xml_pool *pool;
static imp_jid_cache *cache;

typedef struct side {
  imp_xml_stream stream;
  imp_buf log;
} side;

static void put(side *to, const char *s, size_t len) { FUZZ_CHECK(imp_buf_append(&to->log, s, len) == IMP_OK); }

static void put_stanza(side *to, const imp_stanza *st) {
  size_t len;
  char *text = imp_stanza_to_text(st, &len);
  FUZZ_CHECK(text != NULL);
  put(to, text, len);
  put(to, "\n", 1);
  imp_free(text);
}

static int on_open(void *ctx, imp_stanza *header) {
  put(ctx, "(", 1);
  put_stanza(ctx, header);
  return 0;
}

static int on_stanza(void *ctx, imp_stanza *st) {
  side *to = ctx;
  int restart = imp_elem_is(imp_stanza_root(st), "restart", IMP_NS_CLIENT);
  int stop = imp_elem_is(imp_stanza_root(st), "stop", IMP_NS_CLIENT);
  imp_stanza_edit(st); /* not the text as it came: it is not kept when it came in pieces */
  put_stanza(to, st);
  imp_stanza_del(st);
  if (restart) {
    imp_xml_stream_restart(&to->stream);
  }
  return stop;
}

static int on_close(void *ctx) {
  put(ctx, ")", 1);
  return 0;
}

static const imp_xml_handler handler = {.on_open = on_open, .on_stanza = on_stanza, .on_close = on_close};
static const imp_xml_limits limits = {
    .stanza_bytes = 3000, .depth = 8, .attributes = 8, .attribute_bytes = 1000, .elements = 64, .namespaces = 16};

static void begin(side *to, imp_framing framing) {
  imp_xml_stream_init(&to->stream, pool, &limits, &handler, to, framing);
  imp_buf_init(&to->log, 1 << 24);
}

static void end(side *to) {
  imp_xml_stream_reset(&to->stream);
  imp_buf_reset(&to->log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  side one, many;
  if (pool == NULL) {
    FUZZ_CHECK(imp_jid_cache_new(&cache, 64) == IMP_OK && imp_xml_pool_new(&pool, 2, cache) == IMP_OK);
  }
  if (size < 1) {
    return 0;
  }
  imp_framing framing = data[0] & 1 ? IMP_FRAMING_WEBSOCKET : IMP_FRAMING_TCP;
  size_t step = 1 + (data[0] >> 1) % 32;
  ++data;
  --size;
  begin(&one, framing);
  begin(&many, framing);
  int rc = imp_xml_stream_feed(&one.stream, data, size), rc2 = 0;
  if (framing == IMP_FRAMING_WEBSOCKET) {
    rc2 = imp_xml_stream_feed(&many.stream, data, size);
    FUZZ_CHECK(rc == rc2);
  } else if (memmem(data, size, "restart", 7) == NULL && memmem(data, size, "stop", 4) == NULL) {
    for (size_t i = 0; i < size && rc2 == 0; i += step) {
      rc2 = imp_xml_stream_feed(&many.stream, data + i, size - i < step ? size - i : step);
    }
    /* Small pieces can show an error earlier, in a stanza that has no end yet. */
    FUZZ_CHECK((rc != 0) == (rc2 != 0) || (rc == 0 && !imp_xml_stream_is_idle(&one.stream)));
  } else {
    put(&many, (const char *)imp_buf_data(&one.log), imp_buf_len(&one.log));
  }
  FUZZ_CHECK(imp_buf_len(&one.log) == imp_buf_len(&many.log));
  FUZZ_CHECK(imp_buf_len(&one.log) == 0 ||
             memcmp(imp_buf_data(&one.log), imp_buf_data(&many.log), imp_buf_len(&one.log)) == 0);
  if (rc < 0) {
    FUZZ_CHECK(imp_xml_stream_error(&one.stream) != IMP_XML_OK && *imp_xml_stream_error_text(&one.stream) != '\0');
  }
  end(&one);
  end(&many);
  return 0;
}
