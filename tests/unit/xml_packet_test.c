#include <string.h>

#include "xml_kit.h"

static xml_kit kit;
static imp_buf out;

static void release(void *packet) { imp_packet_del(packet); }

static void reset_out(void *buf) { imp_buf_reset(buf); }

static imp_packet *packet_of(imp_stanza *st, const imp_packet_options *options) {
  imp_packet *packet;
  assert_int_equal(imp_packet_new(&packet, st, options), IMP_OK);
  unit_own(release, packet);
  return packet;
}

static const char *written(const imp_packet *packet, imp_framing framing) {
  imp_buf_reset(&out);
  imp_buf_init(&out, 1 << 20);
  unit_own(reset_out, &out);
  assert_int_equal(imp_packet_write(packet, &out, framing), IMP_OK);
  if (framing == IMP_FRAMING_TCP) {
    assert_int_equal(imp_buf_len(&out), imp_packet_size(packet));
  }
  return (const char *)imp_buf_data(&out);
}

#define assert_tcp(packet, text) assert_string_equal(written(packet, IMP_FRAMING_TCP), text)
#define assert_ws(packet, text) assert_string_equal(written(packet, IMP_FRAMING_WEBSOCKET), text)

static void shares_the_stanza(void **state) {
  imp_stanza *st = xkit_stanza("<message to='a@b' type='chat'><body>x</body></message>");
  imp_packet *one = packet_of(st, NULL), *two = packet_of(st, NULL);
  (void)state;
  assert_tcp(one, "<message to='a@b' type='chat'><body>x</body></message>");
  assert_ws(one, "<message xmlns='jabber:client' to='a@b' type='chat'><body>x</body></message>");
  assert_int_equal(one->headlen + one->restlen, 0); /* no text of its own */
  assert_ptr_equal(one->stanza, two->stanza);
  assert_int_equal(imp_packet_kind(one), IMP_STANZA_MESSAGE);
  assert_int_equal(imp_packet_type(one), IMP_TYPE_CHAT);
  assert_true(imp_packet_memory(one) >= 1024);
  imp_packet *again = imp_packet_ref(one);
  imp_packet_del(again);
  imp_packet_del(NULL);
}

static void replaces_addresses(void **state) {
  imp_stanza *st = xkit_stanza("<message to='a@b' id='1'><body>x</body></message>");
  imp_packet_options options = {.to = xkit_jid("c@d/'"), .from = xkit_jid("e@f")};
  (void)state;
  assert_tcp(packet_of(st, &options), "<message to='c@d/&apos;' id='1' from='e@f'><body>x</body></message>");
  assert_ws(packet_of(st, &options),
            "<message xmlns='jabber:client' to='c@d/&apos;' id='1' from='e@f'><body>x</body></message>");
  assert_tcp(packet_of(xkit_stanza("<presence from='x@y'/>"), &options), "<presence from='e@f' to='c@d/&apos;'/>");
}

static void adds_extra(void **state) {
  imp_packet_options options = {.extra = "<e xmlns='f'/>", .extralen = 14, .accepted = 77};
  imp_packet *packet = packet_of(xkit_stanza("<message to='a@b'><body>x</body></message>"), &options);
  (void)state;
  assert_tcp(packet, "<message to='a@b'><e xmlns='f'/><body>x</body></message>");
  assert_int_equal(packet->accepted, 77);
  packet = packet_of(xkit_stanza("<message to='a@b'/>"), &options);
  assert_tcp(packet, "<message to='a@b'><e xmlns='f'/></message>");
  assert_ws(packet, "<message xmlns='jabber:client' to='a@b'><e xmlns='f'/></message>");
}

static void strips_forged_ids(void **state) {
  imp_stanza *st = xkit_stanza("<message>1<stanza-id xmlns='urn:xmpp:sid:0' by='us' id='1'/>2"
                               "<stanza-id xmlns='urn:xmpp:sid:0' by='them' id='2'/><body>x</body></message>");
  imp_packet_options options = {.strip_stanza_id_by = "us", .extra = "<e/>", .extralen = 4};
  (void)state;
  assert_tcp(packet_of(st, &options), "<message><e/>12<stanza-id xmlns='urn:xmpp:sid:0' by='them' id='2'/>"
                                      "<body>x</body></message>");
  options.strip_stanza_id_by = "nobody";
  options.extralen = 0;
  imp_packet *packet = packet_of(st, &options);
  assert_int_equal(packet->headlen, 0); /* nothing to strip: shared */
  options.strip_stanza_id_by = "us";
  assert_tcp(packet_of(xkit_stanza("<message><stanza-id xmlns='urn:xmpp:sid:0' by='us'/></message>"), &options),
             "<message></message>");
}

static void writes_nonzas(void **state) {
  imp_packet *features = packet_of(xkit_stanza("<stream:features><bind xmlns='urn:x'/></stream:features>"), NULL);
  imp_packet *ack = packet_of(xkit_stanza("<a xmlns='urn:xmpp:sm:3' h='1'/>"), NULL);
  (void)state;
  assert_tcp(features, "<stream:features><bind xmlns='urn:x'/></stream:features>");
  assert_ws(features, "<stream:features xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
                      "<bind xmlns='urn:x'/></stream:features>");
  assert_tcp(ack, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
  assert_ws(ack, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
}

static void stamps_delays(void **state) {
  imp_packet_options options = {.to = xkit_jid("c@d"), .extra = "<e/>", .extralen = 4};
  imp_packet *plain = packet_of(xkit_stanza("<message><body>x</body></message>"), NULL), *late, *again;
  imp_packet *empty = packet_of(xkit_stanza("<presence/>"), NULL);
  imp_packet *full = packet_of(xkit_stanza("<message to='a@b'><body>x</body></message>"), &options);
  imp_packet *stamped =
      packet_of(xkit_stanza("<message><delay xmlns='urn:xmpp:delay' from='a&amp;b'/></message>"), NULL);
  (void)state;
  plain->serial = 9;
  plain->state = 3;
  assert_int_equal(imp_packet_new_delayed(&late, plain, "a&b", 0), IMP_OK);
  unit_own(release, late);
  assert_tcp(late, "<message><delay xmlns='urn:xmpp:delay' from='a&amp;b' stamp='1970-01-01T00:00:00.000Z'/>"
                   "<body>x</body></message>");
  assert_int_equal(late->serial, 9);
  assert_int_equal(late->state, 3);
  assert_int_equal(imp_packet_new_delayed(&again, late, "a&b", 5), IMP_OK);
  assert_ptr_equal(again, late); /* once is enough */
  imp_packet_del(again);
  assert_int_equal(imp_packet_new_delayed(&again, stamped, "a&b", 5), IMP_OK);
  assert_ptr_equal(again, stamped);
  imp_packet_del(again);
  assert_int_equal(imp_packet_new_delayed(&late, empty, NULL, 0), IMP_OK);
  unit_own(release, late);
  assert_tcp(late, "<presence><delay xmlns='urn:xmpp:delay' stamp='1970-01-01T00:00:00.000Z'/></presence>");
  assert_int_equal(imp_packet_new_delayed(&late, full, NULL, 0), IMP_OK);
  unit_own(release, late);
  assert_tcp(late, "<message to='c@d'><delay xmlns='urn:xmpp:delay' stamp='1970-01-01T00:00:00.000Z'/><e/>"
                   "<body>x</body></message>");
}

static void is_stored(void **state) {
  static imp_buf stored;
  imp_packet_options options = {.to = xkit_jid("c@d"), .accepted = 1234567890123u};
  imp_packet *packet, *again;
  (void)state;
  xkit_new(&kit, 2, IMP_FRAMING_TCP);
  packet = packet_of(xkit_stanza("<message to='a@b' type='chat'><body>x &lt; y</body></message>"), &options);
  packet->state = 7;
  packet->serial = 1ull << 40;
  imp_buf_init(&stored, 1 << 20);
  unit_own(reset_out, &stored);
  assert_int_equal(imp_packet_serialise(packet, &stored), IMP_OK);
  assert_int_equal(imp_packet_parse(&again, kit.pool, imp_buf_data(&stored), imp_buf_len(&stored)), IMP_OK);
  unit_own(release, again);
  assert_tcp(again, "<message to='c@d' type='chat'><body>x &lt; y</body></message>");
  assert_int_equal(again->state, 7);
  assert_int_equal(again->serial, 1ull << 40);
  assert_int_equal(again->accepted, 1234567890123u);
  assert_int_equal(again->type, IMP_TYPE_CHAT);
  packet = again;
  for (size_t len = 0; len < imp_buf_len(&stored); ++len) {
    assert_int_equal(imp_packet_parse(&again, kit.pool, imp_buf_data(&stored), len), IMP_ERR_CORRUPT);
  }
  imp_buf_data(&stored)[0] ^= 0x80;
  assert_int_equal(imp_packet_parse(&again, kit.pool, imp_buf_data(&stored), imp_buf_len(&stored)), IMP_ERR_CORRUPT);
}

static void fails_whole(void **state) {
  imp_packet *packet = packet_of(xkit_stanza("<message><body>x</body></message>"), NULL);
  imp_buf tiny;
  (void)state;
  imp_buf_init(&tiny, 20);
  assert_int_equal(imp_packet_write(packet, &tiny, IMP_FRAMING_TCP), IMP_ERR_TOO_BIG);
  assert_int_equal(imp_buf_len(&tiny), 0);
  imp_buf_reset(&tiny);
  imp_stanza *st = xkit_stanza("<message/>");
  st->flags |= IMP_STANZA_BROKEN;
  assert_int_equal(imp_packet_new(&packet, st, NULL), IMP_ERR_NOMEM);
  assert_null(imp_stanza_to_text(st, NULL));
}

static void writes_headers(void **state) {
  imp_xml_header header = {.content_ns = IMP_NS_CLIENT, .from = "a.example", .id = "<1>", .lang = "en"};
  static imp_buf buf;
  (void)state;
  imp_buf_init(&buf, 1 << 16);
  unit_own(reset_out, &buf);
  assert_int_equal(imp_xml_write_header(&buf, &header, IMP_FRAMING_TCP), IMP_OK);
  assert_int_equal(imp_xml_write_stream_error(&buf, "conflict", "a<b", "<x xmlns='y'/>", IMP_FRAMING_TCP), IMP_OK);
  assert_int_equal(imp_xml_write_close(&buf, IMP_FRAMING_TCP), IMP_OK);
  assert_string_equal((char *)imp_buf_data(&buf),
                      "<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
                      "xmlns:stream='http://etherx.jabber.org/streams' from='a.example' id='&lt;1&gt;' version='1.0' "
                      "xml:lang='en'><stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>"
                      "<text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>a&lt;b</text><x xmlns='y'/>"
                      "</stream:error></stream:stream>");
  imp_buf_consume(&buf, imp_buf_len(&buf));
  assert_int_equal(imp_xml_write_header(&buf, &header, IMP_FRAMING_WEBSOCKET), IMP_OK);
  assert_int_equal(imp_xml_write_stream_error(&buf, "conflict", NULL, NULL, IMP_FRAMING_WEBSOCKET), IMP_OK);
  assert_int_equal(imp_xml_write_close(&buf, IMP_FRAMING_WEBSOCKET), IMP_OK);
  assert_string_equal((char *)imp_buf_data(&buf),
                      "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='a.example' id='&lt;1&gt;' version='1.0' "
                      "xml:lang='en'/><stream:error xmlns:stream='http://etherx.jabber.org/streams'>"
                      "<conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>"
                      "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>");
  imp_buf_consume(&buf, imp_buf_len(&buf));
  header = (imp_xml_header){.content_ns = IMP_NS_SERVER, .to = "b", .dialback = 1};
  assert_int_equal(imp_xml_write_header(&buf, &header, IMP_FRAMING_TCP), IMP_OK);
  assert_non_null(strstr((char *)imp_buf_data(&buf), " xmlns:db='jabber:server:dialback' to='b' version='1.0'>"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(shares_the_stanza), cmocka_unit_test(replaces_addresses), cmocka_unit_test(adds_extra),
      cmocka_unit_test(strips_forged_ids), cmocka_unit_test(writes_nonzas),      cmocka_unit_test(stamps_delays),
      cmocka_unit_test(is_stored),         cmocka_unit_test(fails_whole),        cmocka_unit_test(writes_headers),
  };
  return unit_run("xml_packet", tests);
}
