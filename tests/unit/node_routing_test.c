/*
 * Messages, presence and IQs between sessions (RFC 6121 §8).
 *
 * rooms: c2s im
 */
#include "alloc_fail.h"
#include "world.h"

static world w;
static client c[4];

static void close_all(void *unused) {
  (void)unused;
  for (size_t i = 0; i < 4; i++) {
    if (c[i].w != NULL) {
      client_free(&c[i]);
      memset(&c[i], 0, sizeof(c[i]));
    }
  }
  world_close(&w);
}

/* alice/one, alice/two, bob/one, bob/two */
static void open_all(int sm) {
  static const char *const users[] = {"alice", "alice", "bob", "bob"}, *const resources[] = {"one", "two", "one", "two"};
  memset(c, 0, sizeof(c));
  memset(&w, 0, sizeof(w));
  unit_own(close_all, &w);
  world_open(&w, NULL, 1);
  for (size_t i = 0; i < 4; i++) {
    client_init(&c[i], &w, users[i], resources[i]);
    client_login(&c[i], sm);
  }
}

static void run(void) {
  world_run(&w, c, 4);
  world_check_ledger(&w);
}

static void to_full_jid(void **state) {
  (void)state;
  open_all(0);
  client_stanza(&c[0], "<message to='bob@im.example/one' type='chat' id='m1'><body>hi</body></message>");
  run();
  const imp_stanza *st = client_expect(&c[2], "message", "<body>hi</body>");
  assert_string_equal(imp_jid_full(imp_stanza_get_from(st)), "alice@im.example/one");
  assert_string_equal(imp_jid_full(imp_stanza_get_to(st)), "bob@im.example/one");
  client_expect_nothing(&c[3]);
}

static void to_bare_jid_by_priority(void **state) {
  (void)state;
  open_all(0);
  client_stanza(&c[2], "<presence><priority>5</priority></presence>");
  client_stanza(&c[3], "<presence><priority>1</priority></presence>");
  client_stanza(&c[0], "<message to='bob@im.example' type='chat'><body>first</body></message>");
  run();
  (void)client_expect(&c[2], "message", "first");
  client_expect_nothing(&c[3]);
  client_stanza(&c[2], "<presence><priority>-1</priority></presence>");
  client_stanza(&c[0], "<message to='bob@im.example' type='chat'><body>second</body></message>");
  run();
  client_expect_nothing(&c[2]);
  (void)client_expect(&c[3], "message", "second");
}

static void unknown_user_looks_like_an_absent_one_to_nobody(void **state) {
  (void)state;
  open_all(0);
  client_stanza(&c[0], "<message to='nobody@im.example' type='chat' id='x'><body>hi</body></message>");
  run();
  (void)client_expect(&c[0], "message", "service-unavailable");
}

static void offline_and_back(void **state) {
  (void)state;
  open_all(0);
  client_leave(&c[2]);
  client_leave(&c[3]);
  client_stanza(&c[0], "<message to='bob@im.example' type='chat' id='o1'><body>one</body></message>");
  client_stanza(&c[0], "<message to='bob@im.example' type='chat' id='o2'><body>two</body></message>");
  client_stanza(&c[0], "<message to='bob@im.example' type='headline'><body>news</body></message>");
  run();
  client_login(&c[2], 1);
  client_stanza(&c[2], "<presence/>");
  run();
  (void)client_expect(&c[2], "message", "one");
  const imp_stanza *st = client_expect(&c[2], "message", "two");
  assert_non_null(imp_stanza_child(st, "delay", "urn:xmpp:delay"));
  client_expect_nothing(&c[2]);
  imp_stats stats;
  client_ack(&c[2]);
  run();
  imp_node_stats(w.node, &stats, sizeof(stats));
  assert_int_equal(stats.ledger.now[IMP_FATE_STORED], 0);
  assert_int_equal(stats.ledger.now[IMP_FATE_FROM_OFFLINE], 2);
  assert_int_equal(stats.ledger.dropped[IMP_DROP_HEADLINE], 1);
}

static void carbons(void **state) {
  (void)state;
  open_all(0);
  for (size_t i = 0; i < 4; i++) {
    client_stanza(&c[i], "<presence/>");
    client_stanza(&c[i], "<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
  }
  run();
  for (size_t i = 0; i < 4; i++) {
    (void)client_expect(&c[i], "iq", "result");
    client_expect_nothing(&c[i]);
  }
  client_stanza(&c[0], "<message to='bob@im.example/one' type='chat' id='m'><body>hi</body></message>");
  run();
  (void)client_expect(&c[1], "message", "<sent xmlns='urn:xmpp:carbons:2'>");
  (void)client_expect(&c[2], "message", "<body>hi</body>");
  (void)client_expect(&c[3], "message", "<received xmlns='urn:xmpp:carbons:2'>");
  client_stanza(&c[0], "<message to='bob@im.example/one' type='chat' id='m'><body>hi</body>"
                       "<private xmlns='urn:xmpp:carbons:2'/></message>");
  run();
  client_expect_nothing(&c[1]);
  client_expect_nothing(&c[3]);
}

static void iq_to_sessions_and_services(void **state) {
  (void)state;
  open_all(0);
  client_stanza(&c[0], "<iq type='get' id='p1' to='im.example'><ping xmlns='urn:xmpp:ping'/></iq>");
  client_stanza(&c[0], "<iq type='get' id='d1' to='im.example'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>");
  client_stanza(&c[0], "<iq type='get' id='v1' to='im.example'><query xmlns='jabber:iq:version'/></iq>");
  client_stanza(&c[0], "<iq type='get' id='t1' to='im.example'><time xmlns='urn:xmpp:time'/></iq>");
  client_stanza(&c[0], "<iq type='get' id='u1' to='im.example'><query xmlns='urn:unknown'/></iq>");
  client_stanza(&c[0], "<iq type='get' id='b1'><ping xmlns='urn:xmpp:ping'/><x xmlns='y'/></iq>");
  client_stanza(&c[0], "<iq type='get' id='s1' to='bob@im.example/one'><query xmlns='jabber:iq:version'/></iq>");
  client_stanza(&c[0], "<iq type='get' id='n1' to='bob@im.example/none'><query xmlns='jabber:iq:version'/></iq>");
  run();
  (void)client_expect(&c[0], "iq", "p1");
  (void)client_expect(&c[0], "iq", "urn:xmpp:carbons:2");
  (void)client_expect(&c[0], "iq", "<name>libimp</name>");
  (void)client_expect(&c[0], "iq", "2026-01-01T00:00:00");
  (void)client_expect(&c[0], "iq", "service-unavailable");
  (void)client_expect(&c[0], "iq", "bad-request");
  (void)client_expect(&c[0], "iq", "service-unavailable");
  (void)client_expect(&c[2], "iq", "s1");
}

static void replaced_session_leaves_its_queue(void **state) {
  (void)state;
  open_all(1);
  c[2].auto_ack = 0;
  client_stanza(&c[0], "<message to='bob@im.example/one' type='chat' id='q'><body>kept</body></message>");
  run();
  (void)client_expect(&c[2], "message", "kept");
  client_cut(&c[2], 1);
  run();
  client_stanza(&c[0], "<message to='bob@im.example/one' type='chat' id='r'><body>later</body></message>");
  run();
  client_login(&c[2], 1); /* binds the same resource anew */
  run();
  (void)client_expect(&c[2], "message", "kept");
  (void)client_expect(&c[2], "message", "later");
  client_expect_nothing(&c[0]);
}

static void returned_after_the_timeout(void **state) {
  imp_stats stats;
  (void)state;
  open_all(1);
  client_stanza(&c[2], "<presence/>");
  run();
  client_cut(&c[2], 1);
  run();
  client_stanza(&c[0], "<message to='bob@im.example/one' type='chat' id='q'><body>kept</body></message>");
  run();
  client_expect_nothing(&c[0]);
  world_wait(&w, c, 4, 61 * IMP_SECONDS);
  const imp_stanza *st = client_expect(&c[0], "message", "service-unavailable");
  assert_string_equal(imp_stanza_get_body(st), "kept");
  imp_node_stats(w.node, &stats, sizeof(stats));
  assert_int_equal(stats.ledger.now[IMP_FATE_RETURNED], 1);
  assert_int_equal(stats.sessions, 3);
}

static void deleted_account_takes_all_with_it(void **state) {
  imp_stats stats;
  (void)state;
  open_all(1);
  client_leave(&c[2]);
  client_leave(&c[3]);
  client_stanza(&c[0], "<message to='bob@im.example' type='chat' id='q'><body>kept</body></message>");
  run();
  client_login(&c[2], 1);
  run();
  assert_int_equal(imp_node_account_del(w.node, "bob", NULL, NULL), IMP_OK);
  run();
  imp_node_stats(w.node, &stats, sizeof(stats));
  assert_int_equal(stats.ledger.now[IMP_FATE_STORED], 0);
  assert_int_equal(stats.ledger.dropped[IMP_DROP_USER_DELETED], 1);
  assert_int_equal(stats.sessions, 2);
  assert_true(c[2].closed);
}

static void delete_bob(imp_node *node, imp_session_event event, const imp_session_info *info, void *user_data) {
  if (event == IMP_SESSION_ENDED && strncmp(info->jid, "bob@", 4) == 0) {
    *(int *)user_data += imp_node_account_del(node, "bob", NULL, NULL) == IMP_OK;
  }
}

static void account_that_goes_with_its_session(void **state) {
  imp_stats stats;
  int deleted = 0;
  (void)state;
  open_all(1);
  assert_int_equal(imp_node_on_session(w.node, delete_bob, &deleted), IMP_OK);
  client_leave(&c[2]);
  run();
  imp_node_stats(w.node, &stats, sizeof(stats));
  assert_int_equal(stats.sessions, 2);
  assert_true(deleted > 0 && c[2].closed && c[3].closed);
}

static void resumes_and_replays(void **state) {
  (void)state;
  open_all(1);
  c[2].auto_ack = 0;
  client_stanza(&c[0], "<message to='bob@im.example/one' type='chat' id='1'><body>one</body></message>");
  run();
  (void)client_expect(&c[2], "message", "one");
  client_stanza(&c[0], "<message to='bob@im.example/one' type='chat' id='2'><body>two</body></message>");
  client_cut(&c[2], 1);
  client_stanza(&c[0], "<message to='bob@im.example/one' type='chat' id='3'><body>three</body></message>");
  run();
  assert_true(client_resume(&c[2]));
  run();
  (void)client_expect(&c[2], "message", "two");
  (void)client_expect(&c[2], "message", "three");
  client_expect_nothing(&c[2]);
  client_ack(&c[2]);
  run();
  client_cut(&c[2], 1);
  assert_true(client_resume(&c[2])); /* again, and nothing twice */
  run();
  client_expect_nothing(&c[2]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(to_full_jid),
      cmocka_unit_test(to_bare_jid_by_priority),
      cmocka_unit_test(unknown_user_looks_like_an_absent_one_to_nobody),
      cmocka_unit_test(offline_and_back),
      cmocka_unit_test(carbons),
      cmocka_unit_test(iq_to_sessions_and_services),
      cmocka_unit_test(replaced_session_leaves_its_queue),
      cmocka_unit_test(returned_after_the_timeout),
      cmocka_unit_test(deleted_account_takes_all_with_it),
      cmocka_unit_test(account_that_goes_with_its_session),
      cmocka_unit_test(resumes_and_replays),
  };
  return unit_run("node_routing", tests);
}
