/* One stanza through everything that is done with stanzas: what is written must read as the same again. */
#include "fuzz.h"
#include "xml/packet.h"

static imp_xml_pool *pool;
static imp_jid *jid;
static const imp_xml_limits limits = {
    .stanza_bytes = 20000, .depth = 30, .attributes = 16, .attribute_bytes = 4000, .elements = 500, .namespaces = 32};

static imp_stanza *parse(const char *text, size_t len) {
  imp_stanza *st;
  /* Declarations that are made anew for each element can make a text longer than it was. */
  static const imp_xml_limits wide = {.stanza_bytes = 10000000,
                                      .depth = 60,
                                      .attributes = 64,
                                      .attribute_bytes = 1000000,
                                      .elements = 1000,
                                      .namespaces = 1000};
  FUZZ_CHECK(imp_xml_parse_stanza(pool, &wide, text, len, &st, NULL) == IMP_OK);
  return st;
}

static void check_same(const imp_stanza *a, const imp_stanza *b) {
  size_t alen, blen;
  char *atext = imp_stanza_to_text(a, &alen), *btext = imp_stanza_to_text(b, &blen);
  FUZZ_CHECK(atext != NULL && btext != NULL && alen == blen && memcmp(atext, btext, alen) == 0);
  imp_free(atext);
  imp_free(btext);
}

static void check_text(const imp_stanza *st) {
  size_t len;
  char *text = imp_stanza_to_text(st, &len);
  imp_stanza *again = parse(text, len), *copy;
  check_same(st, again);
  FUZZ_CHECK(again->kind == st->kind && again->type == st->type);
  FUZZ_CHECK(imp_stanza_traits(again) == imp_stanza_traits(st));
  FUZZ_CHECK(imp_stanza_new(&copy, "forwarded", "x") == IMP_OK);
  imp_elem_add_copy(copy, imp_stanza_edit(copy), imp_stanza_root(st));
  char *copied = imp_stanza_to_text(copy, &len);
  imp_stanza *copied_again = parse(copied, len);
  check_same(copy, copied_again);
  imp_free(copied);
  imp_free(text);
  imp_stanza_del(again);
  imp_stanza_del(copy);
  imp_stanza_del(copied_again);
}

/* A tail that was kept as it came must mean what one written from the tree means. */
static void check_kept(const uint8_t *data, size_t size, const imp_stanza *st) {
  imp_stanza *written, *again;
  size_t len;
  FUZZ_CHECK(imp_xml_parse_stanza(pool, &limits, data, size, &written, NULL) == IMP_OK);
  imp_stanza_edit(written);
  char *text = imp_stanza_to_text(st, &len);
  again = parse(text, len);
  imp_stanza_edit(again);
  check_same(written, again);
  imp_free(text);
  imp_stanza_del(written);
  imp_stanza_del(again);
}

static void check_packet(imp_stanza *st, const imp_packet_options *options) {
  imp_packet *packet, *again, *delayed;
  imp_buf out, stored;
  imp_stanza *tcp, *websocket;
  FUZZ_CHECK(imp_packet_new(&packet, st, options) == IMP_OK);
  imp_buf_init(&out, 1 << 24);
  imp_buf_init(&stored, 1 << 24);
  FUZZ_CHECK(imp_packet_new_delayed(&delayed, packet, "a.example", 1) == IMP_OK);
  FUZZ_CHECK(imp_packet_write(delayed, &out, IMP_FRAMING_TCP) == IMP_OK);
  imp_stanza_del(parse((char *)imp_buf_data(&out), imp_buf_len(&out)));
  imp_buf_reset(&out);
  FUZZ_CHECK(imp_packet_write(packet, &out, IMP_FRAMING_TCP) == IMP_OK);
  FUZZ_CHECK(imp_buf_len(&out) == imp_packet_size(packet));
  tcp = parse((char *)imp_buf_data(&out), imp_buf_len(&out));
  imp_buf_reset(&out);
  FUZZ_CHECK(imp_packet_write(packet, &out, IMP_FRAMING_WEBSOCKET) == IMP_OK);
  imp_xml_limits wide;
  imp_xml_limits_default(&wide);
  wide.stanza_bytes = wide.attribute_bytes = 10000000;
  FUZZ_CHECK(imp_xml_parse_document(pool, &wide, imp_buf_data(&out), imp_buf_len(&out), &websocket, NULL) == IMP_OK);
  check_same(tcp, websocket);
  FUZZ_CHECK(imp_packet_serialise(packet, &stored) == IMP_OK);
  FUZZ_CHECK(imp_packet_parse(&again, pool, imp_buf_data(&stored), imp_buf_len(&stored)) == IMP_OK);
  check_same(tcp, again->stanza);
  imp_buf_reset(&out);
  imp_buf_reset(&stored);
  imp_stanza_del(tcp);
  imp_stanza_del(websocket);
  imp_packet_del(packet);
  imp_packet_del(delayed);
  imp_packet_del(again);
}

static void check_answers(const imp_stanza *st) {
  imp_stanza *answer;
  if (imp_stanza_new_reply(&answer, st) == IMP_OK) {
    check_text(answer);
    imp_stanza_del(answer);
  }
  if (imp_stanza_new_error(&answer, st, "service-unavailable", "no\x01") == IMP_OK) {
    check_text(answer);
    imp_stanza_del(answer);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  imp_stanza *st;
  imp_xml_error error;
  if (pool == NULL) {
    FUZZ_CHECK(imp_xml_pool_new(&pool, 2, NULL) == IMP_OK && imp_jid_new(&jid, "a@b.example/'<", 14) == IMP_OK);
  }
  if (size < 1) {
    return 0;
  }
  int edit = data[0];
  int rc = imp_xml_parse_stanza(pool, &limits, data + 1, size - 1, &st, &error);
  FUZZ_CHECK((rc == IMP_OK) == (error == IMP_XML_OK));
  if (rc != IMP_OK) {
    return 0;
  }
  check_kept(data + 1, size - 1, st);
  check_text(st);
  check_answers(st);
  if (edit & 1) {
    imp_stanza_set_from(st, jid);
  }
  if ((edit & 2) && st->root.first != NULL) {
    imp_elem_remove(st, imp_stanza_edit(st), st->root.first->next != NULL ? st->root.first->next : st->root.first);
  }
  if (edit & 4) {
    imp_elem_append_text(st, imp_stanza_edit(st), (const char *)data, size < 20 ? size : 20);
  }
  check_text(st);
  imp_packet_options options = {.to = edit & 8 ? jid : NULL,
                                .from = edit & 16 ? jid : NULL,
                                .strip_stanza_id_by = edit & 64 ? "us" : NULL,
                                .accepted = 5};
  if (edit & 32) {
    options.extra = "<x xmlns='y'/>";
    options.extralen = strlen(options.extra);
  }
  check_packet(st, &options);
  imp_stanza_del(st);
  return 0;
}
