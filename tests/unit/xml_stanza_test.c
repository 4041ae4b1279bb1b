#include <string.h>

#include "xml_kit.h"

static void release(void *st) { imp_stanza_del(st); }

static imp_stanza *make(const char *name, const char *ns) {
  imp_stanza *st;
  assert_int_equal(imp_stanza_new(&st, name, ns), IMP_OK);
  unit_own(release, st);
  return st;
}

static void builds(void **state) {
  imp_stanza *st = make("message", NULL);
  (void)state;
  imp_stanza_set_to(st, xkit_jid("you@a.example"));
  imp_stanza_set_from(st, xkit_jid("me@a.example/r"));
  imp_stanza_set_type(st, IMP_TYPE_CHAT);
  imp_stanza_set_id(st, "1'");
  imp_elem_add_text(st, imp_stanza_edit(st), "body", NULL, "<hi> & \"bye\"\r\n");
  imp_elem *x = imp_elem_add(st, imp_stanza_edit(st), "x", "urn:x");
  imp_elem_set_attr(st, x, "a", "\t<>&'\"");
  imp_elem_add(st, imp_elem_add(st, x, "y", NULL), "z", "");
  imp_elem_append_text(st, x, "more", 4);
  assert_int_equal(imp_stanza_is_broken(st), 0);
  assert_string_equal(xkit_text(st),
                      "<message to='you@a.example' from='me@a.example/r' type='chat' id='1&apos;'>"
                      "<body>&lt;hi&gt; &amp; \"bye\"&#xD;\n</body>"
                      "<x xmlns='urn:x' a='&#x9;&lt;&gt;&amp;&apos;&quot;'><y><z xmlns=''/></y>more</x></message>");
  assert_int_equal(imp_stanza_get_kind(st), IMP_STANZA_MESSAGE);
  assert_int_equal(imp_stanza_get_type(st), IMP_TYPE_CHAT);
  assert_string_equal(imp_stanza_get_id(st), "1'");
  assert_string_equal(imp_stanza_get_body(st), "<hi> & \"bye\"\r\n");
  assert_string_equal(imp_jid_full(imp_stanza_get_to(st)), "you@a.example");
}

static void changes(void **state) {
  imp_stanza *st = xkit_stanza("<message from='a@b' to='c@d' type='chat' id='1'><body>x</body></message>");
  (void)state;
  assert_string_equal(xkit_text(st), "<message from='a@b' to='c@d' type='chat' id='1'><body>x</body></message>");
  imp_stanza_set_from(st, xkit_jid("e@f/g"));
  imp_stanza_set_to(st, NULL);
  imp_stanza_set_id(st, NULL);
  imp_stanza_set_type(st, IMP_TYPE_HEADLINE);
  imp_elem_set_attr(st, imp_stanza_edit(st), "new", "1");
  imp_elem_set_attr(st, imp_stanza_edit(st), "new", "2");
  assert_string_equal(xkit_text(st), "<message from='e@f/g' type='headline' new='2'><body>x</body></message>");
  imp_stanza_set_type(st, IMP_TYPE_NONE);
  imp_stanza_set_type(st, IMP_TYPE_OTHER); /* not accepted */
  assert_string_equal(xkit_text(st), "<message from='e@f/g' new='2'><body>x</body></message>");
  assert_null(imp_stanza_get_id(st));
  assert_null(imp_stanza_get_to(st));
}

static void reads(void **state) {
  imp_stanza *st = xkit_stanza(
      "<iq type='get' xml:lang='en' id='&lt;'>one<a xmlns='x' xmlns:p='q' p:b='1' b='2'/>two<b>three</b><a/>four</iq>");
  const imp_elem *root = imp_stanza_root(st);
  size_t len;
  (void)state;
  assert_string_equal(imp_elem_name(root), "iq");
  assert_string_equal(imp_elem_ns(root), IMP_NS_CLIENT);
  assert_string_equal(imp_elem_text(root, &len), "onetwofour");
  assert_int_equal(len, 10);
  assert_string_equal(imp_elem_attr_ns(root, "lang", IMP_NS_XML), "en");
  assert_null(imp_elem_attr(root, "lang"));
  assert_string_equal(imp_stanza_get_id(st), "<");
  const imp_elem *a = imp_elem_first(root), *b = imp_elem_next(a), *c = imp_elem_next(b);
  assert_null(imp_elem_next(c));
  assert_true(imp_elem_is(a, "a", "x") && imp_elem_is(b, "b", IMP_NS_CLIENT) && imp_elem_is(c, "a", IMP_NS_CLIENT));
  assert_string_equal(imp_elem_attr_ns(a, "b", "q"), "1");
  assert_string_equal(imp_elem_attr(a, "b"), "2");
  assert_ptr_equal(imp_stanza_child(st, "a", NULL), a);
  assert_ptr_equal(imp_stanza_child(st, "a", IMP_NS_CLIENT), c);
  assert_ptr_equal(imp_stanza_child(st, NULL, "x"), a);
  assert_null(imp_stanza_child(st, "b", "x"));
  assert_string_equal(imp_elem_text(a, NULL), "");
  assert_null(imp_stanza_get_body(st));
}

static void classifies(void **state) {
  static const struct {
    const char *text;
    imp_stanza_kind kind;
    imp_stanza_type type;
  } cases[] = {
      {"<message/>", IMP_STANZA_MESSAGE, IMP_TYPE_NONE},
      {"<message type='groupchat'/>", IMP_STANZA_MESSAGE, IMP_TYPE_GROUPCHAT},
      {"<message type='get'/>", IMP_STANZA_MESSAGE, IMP_TYPE_OTHER},
      {"<presence type='unavailable'/>", IMP_STANZA_PRESENCE, IMP_TYPE_UNAVAILABLE},
      {"<presence type='subscribed'/>", IMP_STANZA_PRESENCE, IMP_TYPE_SUBSCRIBED},
      {"<presence type='error'/>", IMP_STANZA_PRESENCE, IMP_TYPE_ERROR},
      {"<presence type='chat'/>", IMP_STANZA_PRESENCE, IMP_TYPE_OTHER},
      {"<iq type='result'/>", IMP_STANZA_IQ, IMP_TYPE_RESULT},
      {"<iq/>", IMP_STANZA_IQ, IMP_TYPE_NONE},
      {"<message xmlns='x'/>", IMP_STANZA_NONZA, IMP_TYPE_NONE},
      {"<a type='error'/>", IMP_STANZA_NONZA, IMP_TYPE_OTHER},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    imp_stanza *st = xkit_stanza(cases[i].text);
    assert_int_equal(imp_stanza_get_kind(st), cases[i].kind);
    assert_int_equal(imp_stanza_get_type(st), cases[i].type);
  }
}

static void finds_traits(void **state) {
  imp_stanza *st = xkit_stanza(
      "<message><body/><active xmlns='http://jabber.org/protocol/chatstates'/><no-store xmlns='urn:xmpp:hints'/>"
      "<stanza-id xmlns='urn:xmpp:sid:0'/></message>");
  (void)state;
  assert_int_equal(imp_stanza_traits(st),
                   IMP_TRAIT_BODY | IMP_TRAIT_CHATSTATE | IMP_TRAIT_HINT_NO_STORE | IMP_TRAIT_STANZA_ID);
  imp_elem_add(st, imp_stanza_edit(st), "secret", "x:y");
  assert_true(imp_stanza_traits(st) & IMP_TRAIT_OTHER);
  assert_int_equal(imp_stanza_traits(xkit_stanza("<message><thread>x</thread></message>")), 0);
}

static void cleans_text(void **state) {
  imp_stanza *st = make("message", NULL);
  (void)state;
  imp_elem_add_text(st, imp_stanza_edit(st), "body", NULL,
                    "a\x01"
                    "b\xff"
                    "c\xef\xbf\xbf"
                    "d\xc3\xa9");
  imp_stanza_set_id(st, "\x02");
  assert_string_equal(xkit_text(st), "<message id='\xef\xbf\xbd'><body>a\xef\xbf\xbd"
                                     "b\xef\xbf\xbd"
                                     "c\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                                     "d\xc3\xa9</body></message>");
}

static void copies(void **state) {
  static const char text[] =
      "<message to='a@b' xml:lang='de'>1<x xmlns='x' xmlns:y='y' y:a='&#10;'>2<b/>3</x>4</message>";
  imp_stanza *source = xkit_stanza(text), *st = make("forwarded", "urn:xmpp:forward:0");
  (void)state;
  imp_elem *copy = imp_elem_add_copy(st, imp_stanza_edit(st), imp_stanza_root(source));
  assert_non_null(copy);
  assert_string_equal(imp_elem_text(copy, NULL), "14");
  assert_string_equal(xkit_text(st),
                      "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' to='a@b' xml:lang='de'>"
                      "1<x xmlns='x' xmlns:aaa='y' aaa:a='&#xA;'>2<b/>3</x>4</message></forwarded>");
}

static void removes(void **state) {
  static const char *const told[] = {"<a>12<y>b</y>3<z/>4</a>", "<a>1<x/>23<z/>4</a>", "<a>1<x/>2<y>b</y>34</a>"};
  (void)state;
  for (int i = 0; i < 3; ++i) {
    imp_stanza *st = xkit_stanza("<a>1<x/>2<y>b</y>3<z/>4</a>");
    imp_elem *child = st->root.first;
    for (int n = 0; n < i; ++n) {
      child = child->next;
    }
    imp_elem_remove(st, imp_stanza_edit(st), child);
    assert_string_equal(xkit_text(st), told[i]);
    assert_string_equal(imp_elem_text(imp_stanza_root(st), NULL), "1234");
    imp_elem_add(st, imp_stanza_edit(st), "n", NULL);
    imp_elem_append_text(st, imp_stanza_edit(st), "5", 1);
    assert_string_equal(imp_elem_text(imp_stanza_root(st), NULL), "12345");
  }
}

static void forwards_namespaces(void **state) {
  (void)state;
  assert_string_equal(
      xkit_text(xkit_stanza("<message><sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>"
                            "<message xmlns='jabber:client'><body>x</body></message></forwarded></sent></message>")),
      "<message><sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>"
      "<message xmlns='jabber:client'><body>x</body></message></forwarded></sent></message>");
  assert_string_equal(xkit_text(xkit_stanza("<a xmlns:x='y' xmlns:z='y'><x:b><z:c/></x:b></a>")),
                      "<a><b xmlns='y'><c/></b></a>");
  assert_string_equal(xkit_text(xkit_stanza("<a><xml:b><c/></xml:b></a>")), "<a><xml:b><c/></xml:b></a>");
}

static void replies(void **state) {
  imp_stanza *reply, *iq = xkit_stanza("<iq type='get' id='1' from='a@b/c' to='d'><q xmlns='x'/></iq>");
  (void)state;
  assert_int_equal(imp_stanza_new_reply(&reply, iq), IMP_OK);
  unit_own(release, reply);
  assert_string_equal(xkit_text(reply), "<iq to='a@b/c' from='d' id='1' type='result'/>");
  assert_int_equal(
      imp_stanza_new_reply(&reply, xkit_stanza("<message type='chat' from='a@b/c'><body>x</body></message>")), IMP_OK);
  unit_own(release, reply);
  assert_string_equal(xkit_text(reply), "<message to='a@b/c' type='chat'/>");
}

static void reports_errors(void **state) {
  imp_stanza *error, *iq = xkit_stanza("<iq type='get' id='1' from='a@b/c' to='d'><q xmlns='x'/></iq>");
  (void)state;
  assert_int_equal(imp_stanza_new_error(&error, iq, "item-not-found", NULL), IMP_OK);
  unit_own(release, error);
  assert_string_equal(xkit_text(error), "<iq to='a@b/c' from='d' id='1' type='error'><error type='cancel'>"
                                        "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>");
  assert_int_equal(imp_stanza_new_error(&error, xkit_stanza("<message id='2' from='a@b'><body>x</body></message>"),
                                        "not-authorized", "go <away>"),
                   IMP_OK);
  unit_own(release, error);
  assert_string_equal(xkit_text(error),
                      "<message to='a@b' id='2' type='error'><body>x</body><error type='auth'>"
                      "<not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
                      "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>go &lt;away&gt;</text></error></message>");
  assert_int_equal(imp_stanza_new_error(&iq, error, "gone", NULL), IMP_ERR_INVALID_ARGUMENT);
  assert_int_equal(imp_stanza_new_error(&iq, iq, "no-such-condition", NULL), IMP_ERR_INVALID_ARGUMENT);
}

static void parses_text(void **state) {
  imp_stanza *st = NULL;
  (void)state;
  assert_int_equal(imp_stanza_parse(&st, "<a>", 3), IMP_ERR_MALFORMED);
  assert_int_equal(imp_stanza_parse(&st, "", 0), IMP_ERR_MALFORMED);
  assert_int_equal(imp_stanza_parse(&st, "<a/><b/>", 8), IMP_ERR_MALFORMED);
  assert_null(st);
  st = xkit_stanza(" <message to='a@B'/> ");
  assert_string_equal(imp_jid_full(imp_stanza_get_to(st)), "a@b");
  imp_stanza *same = imp_stanza_ref(st);
  assert_ptr_equal(same, st);
  imp_stanza_del(same);
  imp_stanza_del(NULL);
}

/* A received tail goes on as it came, unless it would mean something else elsewhere. */
static void keeps_what_came(void **state) {
  static const struct {
    const char *text, *told;
  } cases[] = {
      {"<message to=\"a@b\"  ><body >x\"&#65;<![CDATA[<]]></body ></message >",
       "<message to='a@b'><body >x\"&#65;<![CDATA[<]]></body ></message >"},
      {"<presence></presence>", "<presence/>"},
      {"<presence ><![CDATA[]]></presence>", "<presence/>"},
      {"<message xmlns:p='q'><p:a/></message>", "<message><a xmlns='q'/></message>"},
      {"<message xmlns:p='q'><a p:b=\"1\"/></message>", "<message><a xmlns:aaa='q' aaa:b='1'/></message>"},
      {"<message><body xmlns='jabber:client' ></body></message>", "<message><body/></message>"},
      {"<message><x xmlns='y'><body xmlns='jabber:client' ></body></x></message>",
       "<message><x xmlns='y'><body xmlns='jabber:client' ></body></x></message>"},
      {"<message><body xml:lang=\"de\">x</body></message>", "<message><body xml:lang=\"de\">x</body></message>"},
      {"<stream:error><a xmlns=\"b\"/></stream:error>", "<stream:error><a xmlns='b'/></stream:error>"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    assert_string_equal(xkit_text(xkit_stanza(cases[i].text)), cases[i].told);
  }
  imp_stanza *st = xkit_stanza("<message to='a@b'><body >x</body></message>");
  imp_stanza_set_id(st, "1");
  imp_stanza_set_from(st, xkit_jid("c@d/&"));
  imp_stanza_set_type(st, IMP_TYPE_CHAT);
  imp_elem_set_attr(st, &st->root, "x", "y");
  assert_string_equal(xkit_text(st),
                      "<message to='a@b' id='1' from='c@d/&amp;' type='chat' x='y'><body >x</body></message>");
  imp_stanza_edit(st);
  assert_string_equal(xkit_text(st),
                      "<message to='a@b' id='1' from='c@d/&amp;' type='chat' x='y'><body>x</body></message>");
}

static void interns(void **state) {
  static const char *const some[] = {"",
                                     "to",
                                     "message",
                                     "body",
                                     IMP_NS_CLIENT,
                                     IMP_NS_SM,
                                     IMP_NS_STREAMS,
                                     IMP_NS_XML,
                                     IMP_NS_DISCO_ITEMS,
                                     "authorization-identifier",
                                     IMP_NS_MUC_USER,
                                     IMP_NS_STANZAS};
  (void)state;
  for (size_t i = 0; i < sizeof some / sizeof some[0]; ++i) {
    const char *known = imp_xml_intern(some[i], strlen(some[i]));
    assert_non_null(known); /* the table is in order */
    assert_string_equal(known, some[i]);
  }
  assert_ptr_equal(imp_xml_intern(IMP_NS_CLIENT, 13), imp_ns_client);
  assert_null(imp_xml_intern("messagf", 7));
  assert_null(imp_xml_intern("messag", 6));
}

static void keeps_in_little_memory(void **state) {
  static const char presence[] =
      "<presence xml:lang='de' type='unavailable'>a<show>away</show>b<c xmlns='http://jabber.org/protocol/caps' "
      "x='1'/><q xmlns='urn:q'>1<r/>2</q>c</presence>";
  imp_stanza *st = xkit_stanza(presence), *kept;
  (void)state;
  imp_stanza_set_from(st, xkit_jid("me@a.example/r"));
  kept = imp_stanza_keep(st);
  unit_own(release, kept);
  assert_string_equal(xkit_text(kept), xkit_text(st));
  assert_int_equal(imp_stanza_get_kind(kept), IMP_STANZA_PRESENCE);
  assert_int_equal(imp_stanza_get_type(kept), IMP_TYPE_UNAVAILABLE);
  assert_string_equal(imp_jid_full(imp_stanza_get_from(kept)), "me@a.example/r");
  assert_string_equal(imp_elem_text(imp_stanza_child(kept, "q", "urn:q"), NULL), "12");
}

static void keeps_what_is_big_as_it_is(void **state) {
  imp_stanza *st = make("presence", NULL), *kept;
  char text[2000];
  (void)state;
  memset(text, 'x', sizeof text);
  text[sizeof text - 1] = '\0';
  imp_elem_add_text(st, imp_stanza_edit(st), "status", NULL, text);
  kept = imp_stanza_keep(st);
  unit_own(release, kept);
  assert_ptr_equal(kept, st);
}

/* ---- trees of the host's own, which nobody has bounded ---- */

static imp_stanza *nested(unsigned levels) {
  imp_stanza *st = make("message", NULL);
  imp_elem *elem = imp_stanza_edit(st);
  for (unsigned i = 1; i < levels; ++i) {
    elem = imp_elem_add(st, elem, "x", "urn:x");
  }
  return st;
}

static void as_deep_as_can_be_read_again(void **state) {
  imp_stanza *st = nested(255);
  imp_packet *packet, *again;
  imp_buf bytes;
  static xml_kit kit;
  (void)state;
  unit_skip_alloc_fail();
  xkit_new(&kit, 16, IMP_FRAMING_TCP);
  imp_buf_init(&bytes, 10000);
  assert_int_equal(imp_packet_new(&packet, st, NULL), IMP_OK);
  assert_int_equal(imp_packet_serialise(packet, &bytes), IMP_OK);
  assert_int_equal(imp_packet_parse(&again, kit.pool, imp_buf_data(&bytes), imp_buf_len(&bytes)), IMP_OK);
  assert_int_equal(imp_packet_size(again), imp_packet_size(packet));
  imp_packet_del(again);
  imp_packet_del(packet);
  imp_buf_reset(&bytes);
}

static void refuse_deep(unsigned levels) {
  imp_stanza *st = nested(levels), *copy = make("message", NULL);
  imp_packet_options strip = {.strip_stanza_id_by = "a@b"};
  imp_packet *packet;
  imp_buf bytes;
  imp_elem *sid = imp_elem_add(st, imp_stanza_edit(st), "stanza-id", "urn:xmpp:sid:0");
  imp_elem_set_attr(st, sid, "by", "a@b");
  assert_int_equal(imp_stanza_is_broken(st), 0);
  assert_int_equal(imp_packet_new(&packet, st, &strip), IMP_ERR_TOO_BIG);
  imp_buf_init(&bytes, 1 << 20);
  assert_int_equal(imp_elem_write(imp_stanza_root(st), "", &bytes), IMP_ERR_TOO_BIG);
  assert_int_equal(imp_buf_len(&bytes), 0);
  assert_null(imp_elem_add_copy(copy, imp_stanza_edit(copy), imp_stanza_root(st)));
  assert_int_equal(imp_stanza_is_broken(copy), 1);
  assert_int_equal(imp_stanza_write(st, &bytes, IMP_FRAMING_TCP), IMP_ERR_NOMEM);
  assert_int_equal(imp_stanza_is_broken(st), 1);
  assert_int_equal(imp_packet_new(&packet, st, NULL), IMP_ERR_NOMEM);
}

static void deeper_than_that_is_broken(void **state) {
  (void)state;
  unit_skip_alloc_fail();
  refuse_deep(256);
  refuse_deep(300000); /* more than a stack could bear */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(builds),
      cmocka_unit_test(changes),
      cmocka_unit_test(reads),
      cmocka_unit_test(classifies),
      cmocka_unit_test(finds_traits),
      cmocka_unit_test(cleans_text),
      cmocka_unit_test(copies),
      cmocka_unit_test(removes),
      cmocka_unit_test(forwards_namespaces),
      cmocka_unit_test(replies),
      cmocka_unit_test(reports_errors),
      cmocka_unit_test(parses_text),
      cmocka_unit_test(interns),
      cmocka_unit_test(keeps_what_came),
      cmocka_unit_test(keeps_in_little_memory),
      cmocka_unit_test(keeps_what_is_big_as_it_is),
      cmocka_unit_test(as_deep_as_can_be_read_again),
      cmocka_unit_test(deeper_than_that_is_broken),
  };
  return unit_run("xml_stanza", tests);
}
