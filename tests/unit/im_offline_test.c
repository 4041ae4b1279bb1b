/*
 * Offline storage where it is least expected: users who are deleted, questions that are answered late, full buffers.
 *
 * rooms: c2s im
 */
#include "alloc_fail.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

static world w;
static client c[4];
static imp_settings settings;
static imp_sm_settings sm;

static void close_all(void *unused) {
  (void)unused;
  for (size_t i = 0; i < 4; i++) {
    if (c[i].w != NULL) {
      client_free(&c[i]);
      memset(&c[i], 0, sizeof(c[i]));
    }
  }
  imp_op *asked = w.asked;
  world_close(&w);
  if (asked != NULL) { /* late, when nobody is there to hear it */
    imp_op_done(asked, IMP_OK);
  }
}

static void open_world(void) {
  memset(c, 0, sizeof(c));
  memset(&w, 0, sizeof(w));
  imp_sm_settings_default(&sm, sizeof(sm));
  imp_settings_default(&settings, sizeof(settings));
  settings.sm = &sm;
  unit_own(close_all, &w);
  world_open(&w, &settings, 1);
}

static void run(void) {
  world_run(&w, c, 4);
  world_check_ledger(&w);
}

static client *login(size_t i, const char *user, const char *resource, int with_sm) {
  client_init(&c[i], &w, user, resource);
  client_login(&c[i], with_sm);
  return &c[i];
}

static void say(client *from, const char *to, const char *body) {
  char xml[300];
  snprintf(xml, sizeof(xml), "<message to='%s' type='chat' id='%s'><body>%s</body></message>", to, body, body);
  client_stanza(from, xml);
}

static imp_stats stats(void) {
  imp_stats st;
  imp_node_stats(w.node, &st, sizeof(st));
  return st;
}

static void answer(int status) {
  imp_op *op = w.asked;
  w.asked = NULL;
  assert_non_null(op);
  imp_op_done(op, status);
}

static void a_user_who_turns_out_not_to_exist(void **state) {
  (void)state;
  open_world();
  client *alice = login(0, "alice", "a", 0);
  say(alice, "slow@im.example", "hello");
  run();
  assert_int_equal(stats().ledger.now[IMP_FATE_STORED], 1);
  client_expect_nothing(alice);
  answer(IMP_ERR_NOT_FOUND);
  run();
  (void)client_expect(alice, "message", "service-unavailable");
  assert_int_equal(stats().ledger.now[IMP_FATE_STORED], 0);
}

static void deleted_before_the_answer_came(void **state) {
  (void)state;
  open_world();
  client *alice = login(0, "alice", "a", 0);
  say(alice, "slow@im.example", "hello");
  run();
  assert_int_equal(imp_node_account_del(w.node, "slow", NULL, NULL), IMP_OK);
  run();
  answer(IMP_ERR_NOT_FOUND);
  run();
  assert_int_equal(stats().ledger.dropped[IMP_DROP_USER_DELETED], 1);
  client_expect_nothing(alice);
}

static void a_question_that_is_never_answered(void **state) {
  (void)state;
  open_world();
  client *alice = login(0, "alice", "a", 0);
  say(alice, "slow@im.example", "hello");
  run();
  world_wait(&w, c, 4, 31 * IMP_SECONDS); /* op_timeout: kept, in doubt */
  world_check_ledger(&w);
  assert_int_equal(stats().ledger.now[IMP_FATE_STORED], 1);
}

/* What is handed out and not acknowledged is of the store as well. */
static void deleted_while_the_messages_are_handed_out(void **state) {
  (void)state;
  open_world();
  client *alice = login(0, "alice", "a", 0), *bob = login(1, "bob", "b", 1);
  client_leave(bob);
  for (int i = 0; i < 3; i++) {
    say(alice, "bob@im.example", "kept");
  }
  run();
  client_free(bob);
  bob = login(1, "bob", "b", 1);
  bob->auto_ack = 0;
  client_stanza(bob, "<presence/>");
  run();
  (void)client_expect(bob, "message", "kept");
  assert_int_equal(stats().ledger.now[IMP_FATE_IN_FLIGHT], 3);
  assert_int_equal(imp_node_account_del(w.node, "bob", NULL, NULL), IMP_OK);
  run();
  assert_int_equal(stats().ledger.dropped[IMP_DROP_USER_DELETED], 3);
  assert_int_equal(stats().ledger.now[IMP_FATE_STORED], 0);
  client_expect_nothing(alice);
}

/* Hints and rules hold for what a full buffer lets go of, too. */
static void evicted_by_rule(void **state) {
  (void)state;
  open_world();
  sm.buffer_packets = 5;
  assert_int_equal(imp_node_set_sm(w.node, &sm), IMP_OK);
  client *alice = login(0, "alice", "a", 0), *bob = login(1, "bob", "b", 1);
  bob->auto_ack = 0;
  client_stanza(alice, "<message to='bob@im.example/b' type='chat'><body>x</body><no-store xmlns='urn:xmpp:hints'/></message>");
  client_stanza(alice, "<message to='bob@im.example/b' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>");
  client_stanza(alice, "<message to='bob@im.example/b' type='headline'><body>x</body></message>");
  client_stanza(alice, "<message to='bob@im.example/b' type='groupchat'><body>x</body></message>");
  client_stanza(alice, "<message to='bob@im.example/b' type='chat'><body>y</body></message>");
  for (int i = 0; i < 5; i++) {
    say(alice, "bob@im.example/b", "last");
  }
  run();
  imp_stats st = stats();
  assert_int_equal(st.ledger.dropped[IMP_DROP_NO_STORE], 1);
  assert_int_equal(st.ledger.dropped[IMP_DROP_CHAT_STATE], 1);
  assert_int_equal(st.ledger.dropped[IMP_DROP_HEADLINE], 1);
  assert_int_equal(st.ledger.dropped[IMP_DROP_GROUPCHAT], 1);
  assert_int_equal(st.ledger.now[IMP_FATE_STORED], 1);
  client_expect_nothing(alice);
}

static void another_resource_has_it(void **state) {
  (void)state;
  open_world();
  client *alice = login(0, "alice", "a", 0), *b1 = login(1, "bob", "x", 1), *b2 = login(2, "bob", "y", 1);
  b1->auto_ack = b2->auto_ack = 0;
  client_stanza(b1, "<presence/>");
  client_stanza(b2, "<presence/>");
  run();
  say(alice, "bob@im.example", "both");
  run();
  (void)client_expect(b1, "message", "both");
  client_ack(b1);
  client_cut(b2, 1);
  world_wait(&w, c, 4, 61 * IMP_SECONDS);
  world_check_ledger(&w);
  assert_int_equal(stats().ledger.dropped[IMP_DROP_DUPLICATE], 1);
  client_expect_nothing(alice);
}

/* A flood larger than buffer and window: all of it, in order, at the client's own pace, over a lost link. */
static void a_flood_and_a_lost_link(void **state) {
  char body[16];
  int seen = 0;
  (void)state;
  unit_skip_alloc_fail();
  open_world();
  sm.buffer_packets = 6;
  assert_int_equal(imp_node_set_sm(w.node, &sm), IMP_OK);
  client *alice = login(0, "alice", "a", 0), *bob = login(1, "bob", "b", 1);
  client_leave(bob);
  for (int i = 0; i < 100; i++) {
    snprintf(body, sizeof(body), "m%d", i);
    say(alice, "bob@im.example", body);
  }
  run();
  client_free(bob);
  bob = login(1, "bob", "b", 1);
  client_stanza(bob, "<presence/>");
  for (int i = 0; i < 60; i++) {
    run();
    for (imp_stanza *st; (st = client_next(bob)) != NULL; imp_stanza_del(st)) {
      if (imp_stanza_get_kind(st) == IMP_STANZA_MESSAGE) {
        snprintf(body, sizeof(body), "m%d", seen++);
        assert_string_equal(imp_stanza_get_body(st), body);
      }
    }
    client_ack(bob);
    if (i % 7 == 3) {
      run();
      for (imp_stanza *st; (st = client_next(bob)) != NULL; imp_stanza_del(st)) {
        seen += imp_stanza_get_kind(st) == IMP_STANZA_MESSAGE;
      }
      client_cut(bob, 0);
      assert_true(client_resume(bob));
    }
  }
  assert_int_equal(seen, 100);
  assert_int_equal(stats().ledger.now[IMP_FATE_FROM_OFFLINE], 100);
  assert_int_equal(stats().sm.evicted, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_user_who_turns_out_not_to_exist),
      cmocka_unit_test(deleted_before_the_answer_came),
      cmocka_unit_test(a_question_that_is_never_answered),
      cmocka_unit_test(deleted_while_the_messages_are_handed_out),
      cmocka_unit_test(evicted_by_rule),
      cmocka_unit_test(another_resource_has_it),
      cmocka_unit_test(a_flood_and_a_lost_link),
  };
  return unit_run("im_offline", tests);
}
