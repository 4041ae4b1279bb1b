/*
 * Two users and their clients, with memory that fails and a store that is slow: nobody is told what is not for them.
 *
 * rooms: c2s im roster
 */
#include <imp/pep.h>
#include <imp/roster.h>
#include <stdio.h>

#include "alloc_fail.h"
#include "slow_store.h"
#include "world.h"

#define ACTIVITY "http://jabber.org/protocol/activity"
#define PAYLOAD "<activity xmlns='" ACTIVITY "'><working/></activity>"
#define PUBSUB(inside) "<pubsub xmlns='http://jabber.org/protocol/pubsub'>" inside "</pubsub>"
#define BOOKMARKS(inside) "<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'>" inside "</storage></query>"
#define HELLO "<vCard xmlns='vcard-temp'><PHOTO><TYPE>image/png</TYPE><BINVAL>aGVsbG8=</BINVAL></PHOTO></vCard>"
#define HELLO_HASH "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d"
/* Of the answer below. */
#define CAPS                                                                                                           \
  "<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='n' ver='T6NGO9pmwrz33i0ds+AfGj9+6i4='/></presence>"
#define INFO                                                                                                           \
  "<query xmlns='http://jabber.org/protocol/disco#info'><feature var='" ACTIVITY "+notify'/>"                          \
  "<feature var='urn:xmpp:avatar:metadata+notify'/><feature var='urn:xmpp:bookmarks:1+notify'/></query>"

enum { ALICE, BOB, BOTH };

static world w;
static client c[BOTH];
static slow_store *slow;
static imp_memory_store *memory;

static void close_all(void *unused) {
  (void)unused;
  for (size_t i = 0; i < BOTH; i++) {
    if (c[i].w != NULL) {
      client_free(&c[i]);
      memset(&c[i], 0, sizeof(c[i]));
    }
  }
  world_close(&w);
  slow_store_del(slow);
  slow = NULL;
  imp_memory_store_del(memory);
  memory = NULL;
}

static void run(void) {
  do {
    world_run(&w, c, BOTH);
  } while (slow != NULL && slow_store_answer(slow) > 0);
  world_run(&w, c, BOTH);
  world_check_ledger(&w);
}

/* A client that answers questions about itself. */
static void answer(client *who, const imp_stanza *st) {
  char text[2048];
  if (imp_stanza_get_kind(st) == IMP_STANZA_IQ && imp_stanza_get_type(st) == IMP_TYPE_GET) {
    snprintf(text, sizeof(text), "<iq type='result' id='%s' to='%s'>" INFO "</iq>", imp_stanza_get_id(st),
             imp_jid_full(imp_stanza_get_from(st)));
    client_stanza(who, text);
  }
}

static void forget(client *who) {
  imp_stanza *st;
  while ((st = client_next(who)) != NULL) {
    imp_stanza_del(st);
  }
}

static void open_all(int is_slow) {
  static const char *const users[] = {"alice", "bob"};
  memset(c, 0, sizeof(c));
  memset(&w, 0, sizeof(w));
  unit_own(close_all, &w);
  world_open(&w, NULL, 1);
  if (is_slow) {
    assert_int_equal(imp_memory_store_new(&memory), IMP_OK);
    slow = slow_store_new(imp_memory_store_vtable(), memory);
    assert_int_equal(imp_node_set_store(w.node, slow_store_vtable(slow), slow), IMP_OK);
    run();
  }
  for (size_t i = 0; i < BOTH; i++) {
    client_init(&c[i], &w, users[i], "r");
    c[i].on_stanza = answer;
    client_login(&c[i], 1);
    client_stanza(&c[i], "<presence/>");
  }
  assert_int_equal(imp_roster_subscribe(w.node, "alice", "bob", NULL, NULL), IMP_OK);
  run();
  forget(&c[ALICE]);
  forget(&c[BOB]);
}

static void tell(int who, const char *xml) {
  client_stanza(&c[who], xml);
  run();
}

static void publish(const char *id, const char *payload) {
  char text[1024];
  snprintf(text, sizeof(text), "<iq type='set' id='p'>" PUBSUB("<publish node='" ACTIVITY "'><item id='%s'>%s</item></publish>") "</iq>",
           id, payload);
  tell(ALICE, text);
}

static void contact_is_told(int is_slow) {
  open_all(is_slow);
  tell(BOB, CAPS);
  publish("one", PAYLOAD);
  (void)client_expect(&c[BOB], "message", "<item id='one'>");
  forget(&c[BOB]);
  tell(BOB, "<presence type='unavailable'/>");
  publish("two", PAYLOAD);
  client_expect_nothing(&c[BOB]);
  tell(BOB, CAPS);
  (void)client_expect(&c[BOB], "message", "<item id='two'>");
  assert_int_equal(imp_roster_unsubscribe(w.node, "alice", "bob", NULL, NULL), IMP_OK);
  run();
  forget(&c[BOB]);
  publish("three", PAYLOAD);
  client_expect_nothing(&c[BOB]);
}

static void contacts(void **state) {
  (void)state;
  contact_is_told(0);
}

static void contacts_with_a_slow_store(void **state) {
  (void)state;
  contact_is_told(1);
}

static void avatar_in_two_places(void **state) {
  (void)state;
  open_all(0);
  tell(BOB, CAPS);
  forget(&c[BOB]);
  tell(ALICE, "<iq type='set' id='v'>" HELLO "</iq>");
  (void)client_expect(&c[BOB], "message", HELLO_HASH);
  (void)client_expect(&c[BOB], "presence", HELLO_HASH);
  tell(ALICE, "<iq type='set' id='d'>" PUBSUB("<publish node='urn:xmpp:avatar:metadata'><item id='x'><metadata xmlns='urn:xmpp:avatar:metadata'/></item></publish>") "</iq>");
  (void)client_expect(&c[BOB], "presence", "<photo/>");
  tell(BOB, "<iq type='get' id='g' to='alice@im.example'><vCard xmlns='vcard-temp'/></iq>");
  (void)client_expect(&c[BOB], "iq", "<vCard xmlns='vcard-temp'/>");
}

static void bookmarks_in_two_places(void **state) {
  (void)state;
  open_all(0);
  tell(ALICE, CAPS);
  tell(ALICE, "<iq type='set' id='b'>" BOOKMARKS("<conference jid='a@c.example' name='A'/><conference jid='b@c.example'/>") "</iq>");
  (void)client_expect(&c[ALICE], "message", "a@c.example");
  (void)client_expect(&c[ALICE], "message", "b@c.example");
  tell(ALICE, "<iq type='set' id='b'>" BOOKMARKS("<conference jid='a@c.example' name='A'/>") "</iq>");
  (void)client_expect(&c[ALICE], "message", "<retract id='b@c.example'/>");
  tell(ALICE, "<iq type='get' id='g'>" BOOKMARKS("") "</iq>");
  (void)client_expect(&c[ALICE], "iq", "<conference jid='a@c.example' name='A'/>");
}

/* A session that is told while its link is broken finds it when it resumes; one that never comes back leaves nothing. */
static void links_that_break(void **state) {
  imp_stats stats;
  (void)state;
  open_all(0);
  tell(BOB, CAPS);
  client_ack(&c[BOB]);
  run();
  client_cut(&c[BOB], 1);
  publish("one", PAYLOAD);
  assert_true(client_resume(&c[BOB]));
  run();
  (void)client_expect(&c[BOB], "message", "<item id='one'>");
  client_cut(&c[BOB], 1);
  publish("two", PAYLOAD);
  world_wait(&w, c, BOTH, 3600 * IMP_SECONDS);
  imp_node_stats(w.node, &stats, sizeof(stats));
  assert_int_equal(stats.ledger.now[IMP_FATE_STORED], 0);
  assert_int_equal(stats.ledger.now[IMP_FATE_RETURNED], 0);
  assert_true(stats.ledger.dropped[IMP_DROP_HEADLINE] > 0);
}

/* Many clients of one kind: not all are asked, and one that is silent does not keep the others waiting. */
static void silent_clients(void **state) {
  (void)state;
  open_all(0);
  c[ALICE].on_stanza = NULL;
  tell(ALICE, CAPS);
  tell(BOB, CAPS);
  publish("one", PAYLOAD);
  (void)client_expect(&c[BOB], "message", "<item id='one'>");
  (void)client_expect(&c[ALICE], "message", "<item id='one'>"); /* of the same kind */
}

/* An answer that its reader's connection could not take is cut: the newest, and how many there are. */
static void more_than_fits(void **state) {
  static char big[110000];
  char id[2] = "a";
  const imp_stanza *st;
  char *whole;
  (void)state;
  unit_skip_alloc_fail();
  open_all(0);
  tell(ALICE, "<iq type='set' id='c'>" PUBSUB("<create node='n'/><configure><x xmlns='jabber:x:data' type='submit'>"
                                             "<field var='pubsub#max_items'><value>max</value></field></x></configure>") "</iq>");
  snprintf(big, sizeof(big), "<a xmlns='urn:a'>%*s</a>", 100000, "x");
  for (; id[0] <= 'd'; id[0]++) {
    assert_int_equal(imp_pep_publish(w.node, "alice", "n", id, big, NULL, NULL), IMP_OK);
  }
  run();
  forget(&c[ALICE]);
  tell(ALICE, "<iq type='get' id='g'>" PUBSUB("<items node='n'/>") "</iq>");
  st = client_expect(&c[ALICE], "iq", "<count>4</count>");
  whole = imp_stanza_to_text(st, NULL);
  assert_null(strstr(whole, "<item id='b'>"));
  assert_non_null(strstr(whole, "<item id='c'>"));
  assert_non_null(strstr(whole, "<item id='d'>"));
  assert_non_null(strstr(whole, "<first>c</first><last>d</last>"));
  imp_free(whole);
  assert_false(c[ALICE].closed);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(more_than_fits),
      cmocka_unit_test(contacts),
      cmocka_unit_test(contacts_with_a_slow_store),
      cmocka_unit_test(avatar_in_two_places),
      cmocka_unit_test(bookmarks_in_two_places),
      cmocka_unit_test(links_that_break),
      cmocka_unit_test(silent_clients),
  };
  return unit_run("pep_client", tests);
}
