#include <stdio.h>
#include <string.h>

#include "xml_kit.h"

static xml_kit kit;

static const char traffic[] =
    " \n<?xml version='1.0' encoding='utf-8'?>\n<stream:stream to='a.example' from=\"Me@a.example\" version='1.0' "
    "xml:lang='en' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>\n"
    "<message to='You@a.example/r' type='chat' id='1'><body>hé &lt;&#x20AC;&amp;&gt;&quot;&apos; ]]&gt; "
    "<![CDATA[<&]]]]>]]&gt;</body></message> \r\n "
    "<presence/><iq type='get' id=\"a&quot;'\n&#10;\"><query xmlns='x:y' xmlns:z='z:z' z:a='1' b='2'>"
    "<z:item>one</z:item>two<c xmlns=''><d/></c>three</query></iq>"
    "<message><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' to='b'><body>x</body></message>"
    "</forwarded></message >"
    "<r xmlns='urn:xmpp:sm:3'/>\n</stream:stream\n>ignored";
static const char told[] =
    "(jabber:client stream to='a.example' from='me@a.example' version='1.0' lang='en')"
    "<message to='you@a.example/r' type='chat' id='1'><body>hé &lt;€&amp;&gt;\"' ]]&gt; "
    "&lt;&amp;]]]]&gt;</body></message>"
    "<presence/><iq type='get' id='a&quot;&apos; &#xA;'><query xmlns='x:y' xmlns:aaa='z:z' aaa:a='1' b='2'>"
    "<item xmlns='z:z'>one</item>two<c xmlns=''><d/></c>three</query></iq>"
    "<message><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' to='b'><body>x</body></message>"
    "</forwarded></message>"
    "<r xmlns='urn:xmpp:sm:3'/>)";

static void reads_a_stream(void **state) {
  (void)state;
  xkit_new(&kit, 4, IMP_FRAMING_TCP);
  assert_true(imp_xml_stream_is_idle(&kit.stream));
  assert_feed(&kit, traffic, 0);
  assert_log(&kit, told);
  assert_feed(&kit, "<more/>", 0); /* nothing comes after the end */
  assert_log(&kit, told);
  assert_int_equal(imp_xml_stream_error(&kit.stream), IMP_XML_OK);
}

static void reads_byte_by_byte(void **state) {
  (void)state;
  xkit_new(&kit, 4, IMP_FRAMING_TCP);
  assert_int_equal(xkit_drip(&kit, traffic, sizeof traffic - 1), 0);
  assert_log(&kit, told);
  assert_int_equal(imp_xml_stream_memory(&kit.stream), 0);
}

/* Cut in three at every two places. */
static void reads_any_pieces(void **state) {
  size_t len = sizeof traffic - 1;
  (void)state;
  unit_skip_alloc_fail();
  xkit_new(&kit, 4, IMP_FRAMING_TCP);
  for (size_t i = 0; i < len; ++i) {
    for (size_t j = i; j <= len; j += 1 + (j - i) / 8) {
      assert_int_equal(imp_xml_stream_feed(&kit.stream, traffic, i), 0);
      assert_int_equal(imp_xml_stream_feed(&kit.stream, traffic + i, j - i), 0);
      assert_int_equal(imp_xml_stream_feed(&kit.stream, traffic + j, len - j), 0);
      assert_log(&kit, told);
      xkit_clear(&kit);
      imp_xml_stream_reset(&kit.stream);
    }
  }
  assert_true(imp_xml_pool_contexts(kit.pool) <= 2);
}

static void is_small_at_rest(void **state) {
  (void)state;
  assert_true(sizeof(imp_xml_stream) <= 100);
  xkit_new(&kit, 4, IMP_FRAMING_TCP);
  assert_feed(&kit, KIT_HEADER "<a/> \n\t", 0);
  assert_true(imp_xml_stream_is_idle(&kit.stream));
  assert_int_equal(imp_xml_stream_memory(&kit.stream), 0);
  assert_null(kit.stream.header);
  assert_feed(&kit, "<b", 0);
  assert_false(imp_xml_stream_is_idle(&kit.stream));
  assert_true(imp_xml_stream_memory(&kit.stream) > 0);
  assert_feed(&kit, "/>", 0);
  assert_true(imp_xml_stream_is_idle(&kit.stream));
}

/* Many streams, few contexts, all in the middle of a stanza. */
static void shares_contexts(void **state) {
  static imp_xml_stream many[40];
  char text[64];
  (void)state;
  xkit_new(&kit, 3, IMP_FRAMING_TCP);
  for (int i = 0; i < 40; ++i) {
    xkit_stream(&kit, &many[i]);
    assert_int_equal(imp_xml_stream_feed(&many[i], KIT_HEADER, sizeof KIT_HEADER - 1), 0);
  }
  xkit_clear(&kit);
  for (int part = 0; part < 3; ++part) {
    for (int i = 0; i < 40; ++i) {
      snprintf(text, sizeof text, part == 0 ? "<m><n%d>" : part == 1 ? "text %d<o/></n" : "%d></m>", i);
      assert_int_equal(imp_xml_stream_feed(&many[i], text, strlen(text)), 0);
      if (part == 2) {
        snprintf(text, sizeof text, "<m><n%d>text %d<o/></n%d></m>", i, i, i);
        assert_log(&kit, text);
        xkit_clear(&kit);
      }
    }
  }
  assert_true(imp_xml_pool_contexts(kit.pool) <= 3);
}

static void drops_half_stanzas(void **state) {
  static imp_xml_stream other;
  (void)state;
  xkit_new(&kit, 3, IMP_FRAMING_TCP);
  xkit_stream(&kit, &other);
  assert_feed(&kit, KIT_HEADER "<m><n>", 0);
  imp_xml_stream_reset(&kit.stream);
  xkit_clear(&kit);
  assert_int_equal(imp_xml_stream_feed(&other, KIT_HEADER "<a/>", sizeof KIT_HEADER + 3), 0);
  assert_feed(&kit, KIT_HEADER "<b/>", 0);
  assert_log(&kit, "(jabber:client stream to='a.example' version='1.0')<a/>"
                   "(jabber:client stream to='a.example' version='1.0')<b/>");
}

/* Headers that declare more, or otherwise, than usual, while other streams use the same contexts. */
static void keeps_unusual_headers(void **state) {
  static const struct {
    const char *header, *stanza, *told, *end;
  } cases[] = {
      {"<s:stream xmlns='jabber:client' xmlns:s='http://etherx.jabber.org/streams'>", "<a><s:b/></a>",
       "(jabber:client stream)<a><b xmlns='http://etherx.jabber.org/streams'/></a>", "</s:stream>"},
      {"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' xmlns:x='x:&amp;\"'>",
       "<a><x:b/></a>", "(jabber:client stream)<a><b xmlns='x:&amp;&quot;'/></a>", "</stream:stream>"},
      {"<stream xmlns='http://etherx.jabber.org/streams' xmlns:c='jabber:client'>",
       "<c:message><c:body>x</c:body></c:message>", "(jabber:client stream)<message><body>x</body></message>",
       "</stream>"},
      {"<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "
       "xmlns:db='jabber:server:dialback'>",
       "<message><body/></message><db:verify/>",
       "(jabber:server stream)<message><body/></message><verify xmlns='jabber:server:dialback'/>", "</stream:stream>"},
      {"<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams'>",
       "<message xmlns='jabber:client'/><a><b xmlns='x'><c xmlns='jabber:server'/></b></a>",
       "(jabber:server stream)<message/><a><b xmlns='x'><c xmlns='jabber:client'/></b></a>", "</stream:stream>"},
      {"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>",
       "<message xmlns='jabber:server'/>", "(jabber:client stream)<message xmlns='jabber:server'/>",
       "</stream:stream>"},
      {"<a xmlns='b'>", "<c/>", "(b a)<c xmlns='b'/>", "</a>"},
      {"<a>", "<c/>", "(- a)<c xmlns=''/>", "</a>"},
      {"<stream:stream xmlns:stream='http://etherx.jabber.org/streams'>", "<c/>", "(- stream)<c xmlns=''/>",
       "</stream:stream>"},
  };
  static imp_xml_stream usual;
  (void)state;
  xkit_new(&kit, 2, IMP_FRAMING_TCP);
  xkit_stream(&kit, &usual);
  assert_int_equal(imp_xml_stream_feed(&usual, KIT_HEADER, sizeof KIT_HEADER - 1), 0);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    xkit_clear(&kit);
    imp_xml_stream_reset(&kit.stream);
    assert_feed(&kit, cases[i].header, 0);
    assert_feed(&kit, cases[i].stanza, 0);
    assert_log(&kit, cases[i].told);
    xkit_clear(&kit);
    assert_int_equal(imp_xml_stream_feed(&usual, "<u/>", 4), 0); /* takes the context */
    assert_feed(&kit, cases[i].stanza, 0);
    char text[400];
    snprintf(text, sizeof text, "<u/>%s", strchr(cases[i].told, ')') + 1);
    assert_log(&kit, text);
    xkit_clear(&kit);
    assert_feed(&kit, cases[i].end, 0);
    assert_log(&kit, ")");
  }
}

static void restarts(void **state) {
  (void)state;
  xkit_new(&kit, 4, IMP_FRAMING_TCP);
  assert_feed(&kit, KIT_HEADER "<restart/> \n", 0);
  assert_feed(&kit, "<?xml version='1.0'?>", 0);
  assert_feed(&kit, &KIT_HEADER[21], 0);
  assert_log(&kit, "(jabber:client stream to='a.example' version='1.0')<restart/>"
                   "(jabber:client stream to='a.example' version='1.0')");
}

static void carries_nothing_over_a_restart(void **state) {
  (void)state;
  xkit_new(&kit, 4, IMP_FRAMING_TCP);
  assert_feed(&kit, KIT_HEADER "<restart/>" KIT_HEADER "<message/>", IMP_ERR_MALFORMED);
  assert_log(&kit, "(jabber:client stream to='a.example' version='1.0')<restart/>");
  assert_int_equal(imp_xml_stream_error(&kit.stream), IMP_XML_BAD_FORMAT);
  imp_xml_stream_reset(&kit.stream);
  xkit_clear(&kit);
  assert_feed(&kit, KIT_HEADER "<restart/> <", IMP_ERR_MALFORMED);
  /* a later feed is a matter of its own */
  imp_xml_stream_reset(&kit.stream);
  assert_feed(&kit, KIT_HEADER "<restart/>", 0);
  assert_feed(&kit, KIT_HEADER "<message/>", 0);
}

static void stops_when_told(void **state) {
  (void)state;
  xkit_new(&kit, 4, IMP_FRAMING_TCP);
  assert_feed(&kit, KIT_HEADER "<a/><stop/><b/>", 7);
  assert_feed(&kit, "<c/>", 0);
  assert_log(&kit, "(jabber:client stream to='a.example' version='1.0')<a/><stop/><c/>");
}

static void flags_bad_addresses(void **state) {
  (void)state;
  xkit_new(&kit, 4, IMP_FRAMING_TCP);
  assert_feed(&kit, KIT_HEADER "<message to='@' from='x@y'/>", 0);
  assert_int_equal(kit.flags & (IMP_STANZA_BAD_TO | IMP_STANZA_BAD_FROM), IMP_STANZA_BAD_TO);
  assert_feed(&kit, "<message to='X@y' from='@'/>", 0);
  assert_int_equal(kit.flags & (IMP_STANZA_BAD_TO | IMP_STANZA_BAD_FROM), IMP_STANZA_BAD_FROM);
  assert_log(&kit, "(jabber:client stream to='a.example' version='1.0')<message to='@' from='x@y'/>"
                   "<message to='x@y' from='@'/>");
}

static void reads_websocket_messages(void **state) {
  (void)state;
  xkit_new(&kit, 4, IMP_FRAMING_WEBSOCKET);
  assert_feed(&kit, "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='a.example' version='1.0'/>", 0);
  assert_feed(&kit, "<?xml version=\"1.0\"?> <message xmlns='jabber:client'><body>x</body></message>\n", 0);
  assert_feed(&kit, "<message><body>no namespace</body></message>", 0);
  assert_feed(&kit, "<x:message xmlns:x='jabber:client'/>", 0);
  assert_feed(&kit, "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>", 0);
  assert_log(&kit, "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='a.example' version='1.0'/>"
                   "<message><body>x</body></message><message xmlns=''><body>no namespace</body></message>"
                   "<message/><close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>");
}

static void refuses_bad_messages(void **state) {
  static const struct {
    const char *text;
    imp_xml_error error;
  } cases[] = {
      {" ", IMP_XML_NOT_WELL_FORMED},
      {"x", IMP_XML_BAD_FORMAT},
      {"<a/><b/>", IMP_XML_NOT_WELL_FORMED},
      {"<a/>x", IMP_XML_NOT_WELL_FORMED},
      {"<a>", IMP_XML_NOT_WELL_FORMED},
      {"</a>", IMP_XML_NOT_WELL_FORMED},
      {"<a></b>", IMP_XML_NOT_WELL_FORMED},
      {"</document>", IMP_XML_NOT_WELL_FORMED},
      {"<stream:a/>", IMP_XML_BAD_NAMESPACE_PREFIX},
      {"<!-- --><a/>", IMP_XML_RESTRICTED},
      {"<?x?><a/>", IMP_XML_RESTRICTED},
      {"<?xml version='1.0' encoding='x'?><a/>", IMP_XML_UNSUPPORTED_ENCODING},
      {"<?xml version='1.0'", IMP_XML_NOT_WELL_FORMED},
      {"<a/><!-- -->", IMP_XML_NOT_WELL_FORMED},
  };
  (void)state;
  xkit_new(&kit, 4, IMP_FRAMING_WEBSOCKET);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    imp_xml_stream_reset(&kit.stream);
    assert_feed(&kit, cases[i].text, IMP_ERR_MALFORMED);
    assert_int_equal(imp_xml_stream_error(&kit.stream), cases[i].error);
    assert_true(strlen(imp_xml_stream_error_text(&kit.stream)) > 5);
  }
  imp_xml_stream_reset(&kit.stream);
  assert_int_equal(imp_xml_stream_feed(&kit.stream, "<a>\0</a>", 8), IMP_ERR_MALFORMED);
  assert_log(&kit, "");
}

static void checks_limits(void **state) {
  imp_xml_limits limits;
  char text[100];
  (void)state;
  imp_xml_limits_default(&limits);
  assert_int_equal(limits.stanza_bytes, 262144);
  assert_int_equal(imp_xml_limits_check(&limits, text, sizeof text), IMP_OK);
  limits.depth = 3;
  assert_int_equal(imp_xml_limits_check(&limits, text, sizeof text), IMP_ERR_RANGE);
  assert_string_equal(text, "depth is 3, must be 4 to 250");
  limits.depth = 251;
  assert_int_equal(imp_xml_limits_check(&limits, text, sizeof text), IMP_ERR_RANGE);
  imp_xml_pool *pool;
  assert_int_equal(imp_xml_pool_new(&pool, 1, NULL), IMP_ERR_RANGE);
  assert_string_equal(imp_xml_error_condition(IMP_XML_RESTRICTED), "restricted-xml");
  assert_string_equal(imp_xml_error_condition(IMP_XML_INTERNAL), "internal-server-error");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_a_stream),
      cmocka_unit_test(reads_byte_by_byte),
      cmocka_unit_test(reads_any_pieces),
      cmocka_unit_test(is_small_at_rest),
      cmocka_unit_test(shares_contexts),
      cmocka_unit_test(drops_half_stanzas),
      cmocka_unit_test(keeps_unusual_headers),
      cmocka_unit_test(restarts),
      cmocka_unit_test(carries_nothing_over_a_restart),
      cmocka_unit_test(stops_when_told),
      cmocka_unit_test(flags_bad_addresses),
      cmocka_unit_test(reads_websocket_messages),
      cmocka_unit_test(refuses_bad_messages),
      cmocka_unit_test(checks_limits),
  };
  return unit_run("xml_stream", tests);
}
