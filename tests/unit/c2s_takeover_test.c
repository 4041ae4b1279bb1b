/*
 * Old sessions and new ones: resumption, replacement, refusal, and what becomes of the queues.
 *
 * rooms: c2s im
 */
#include "alloc_fail.h"
#include "node/node.h"
#include "sm/manager.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

static world w;
static client c[6];
static imp_settings settings;
static imp_sm_settings sm;

static void close_all(void *unused) {
  (void)unused;
  for (size_t i = 0; i < 6; i++) {
    if (c[i].w != NULL) {
      client_free(&c[i]);
      memset(&c[i], 0, sizeof(c[i]));
    }
  }
  world_close(&w);
}

static void prepare(void) {
  memset(c, 0, sizeof(c));
  memset(&w, 0, sizeof(w));
  imp_sm_settings_default(&sm, sizeof(sm));
  imp_settings_default(&settings, sizeof(settings));
  settings.sm = &sm;
  unit_own(close_all, &w);
}

static void run(void) {
  world_run(&w, c, 6);
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

/* A new session has the old one's place, but has not yet said whether it uses stream management. */
static void the_id_of_a_replaced_session_is_refused(void **state) {
  (void)state;
  prepare();
  world_open(&w, &settings, 1);
  client *old = login(0, "bob", "b", 1), *alice = login(2, "alice", "a", 1);
  old->auto_ack = 0;
  say(alice, "bob@im.example/b", "kept");
  run();
  client_cut(old, 1);
  client *fresh = login(1, "bob", "b", 0);
  old->in = 0;
  assert_false(client_resume(old));
  run();
  assert_false(fresh->closed);
  client_send(fresh, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
  run();
  (void)client_expect(fresh, "enabled", NULL);
  (void)client_expect(fresh, "message", "kept");
  client_ack(fresh);
  run();
  client_cut(fresh, 1);
  assert_true(client_resume(fresh));
  client_expect_nothing(fresh);
}

/* Two queues at once: of the session whose resumption was refused, and of the one that has the wished resource. */
static void two_old_queues_wait_for_the_new_session(void **state) {
  (void)state;
  prepare();
  sm.buffer_packets = 5;
  sm.max_hibernated = 1;
  world_open(&w, &settings, 1);
  client *x = login(0, "bob", "x", 1), *y = login(1, "bob", "y", 1), *alice = login(2, "alice", "a", 0);
  x->auto_ack = y->auto_ack = 0;
  for (int i = 0; i < 7; i++) {
    say(alice, "bob@im.example/x", "to-x");
  }
  say(alice, "bob@im.example/y", "to-y");
  run();
  client_cut(x, 1);
  x->in = 0;
  assert_false(client_resume(x)); /* needs more than is kept */
  snprintf(x->resource, sizeof(x->resource), "y");
  client_bind(x, 0);
  run();
  client_send(x, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
  client_stanza(x, "<presence/>");
  run();
  (void)client_expect(x, "enabled", NULL);
  size_t got = 0;
  for (int i = 0; i < 10; i++) {
    client_ack(x);
    run();
  }
  for (imp_stanza *st; (st = client_next(x)) != NULL; imp_stanza_del(st)) {
    got += imp_stanza_get_kind(st) == IMP_STANZA_MESSAGE;
  }
  assert_int_equal(got, 8);
  assert_int_equal(stats().ledger.now[IMP_FATE_RETURNED], 0);
  assert_int_equal(stats().ledger.now[IMP_FATE_STORED], 0);
}

static void without_stream_management_the_queue_is_sent_at_presence(void **state) {
  (void)state;
  prepare();
  world_open(&w, &settings, 1);
  client *old = login(0, "bob", "b", 1), *alice = login(2, "alice", "a", 0);
  old->auto_ack = 0;
  say(alice, "bob@im.example/b", "one");
  say(alice, "bob@im.example/b", "two");
  run();
  client_cut(old, 1);
  client *fresh = login(1, "bob", "b", 0);
  client_stanza(fresh, "<presence/>");
  run();
  (void)client_expect(fresh, "message", "one");
  (void)client_expect(fresh, "message", "two");
  client_expect_nothing(alice);
}

/* It says nothing at all: at the old session's timeout the queue goes to the client that is there. */
static void a_silent_heir_gets_the_queue_at_the_timeout(void **state) {
  (void)state;
  prepare();
  world_open(&w, &settings, 1);
  client *old = login(0, "bob", "b", 1), *alice = login(2, "alice", "a", 0);
  old->auto_ack = 0;
  say(alice, "bob@im.example/b", "one");
  run();
  client_cut(old, 1);
  run();
  client *fresh = login(1, "bob", "b", 0);
  world_wait(&w, c, 6, 61 * IMP_SECONDS);
  world_check_ledger(&w);
  (void)client_expect(fresh, "message", "one");
  client_expect_nothing(alice);
  client_leave(fresh);
  run();
}

/* An heir that goes away before it says what it can: the policy. */
static void an_heir_that_leaves_passes_nothing_on(void **state) {
  (void)state;
  prepare();
  world_open(&w, &settings, 1);
  client *old = login(0, "bob", "b", 1), *alice = login(2, "alice", "a", 0);
  old->auto_ack = 0;
  say(alice, "bob@im.example/b", "one");
  run();
  client_cut(old, 1);
  client *fresh = login(1, "bob", "b", 0);
  client_cut(fresh, 1);
  run();
  (void)client_expect(alice, "message", "service-unavailable");
  assert_int_equal(stats().sm.sessions, 0);
}

/* The refused session's queue went to offline storage once; a later loss follows the policy again. */
static void storing_once_is_not_the_policy_for_ever(void **state) {
  (void)state;
  prepare();
  sm.buffer_packets = 5;
  world_open(&w, &settings, 1);
  client *bob = login(0, "bob", "b", 1), *alice = login(2, "alice", "a", 0);
  bob->auto_ack = 0;
  for (int i = 0; i < 7; i++) {
    say(alice, "bob@im.example/b", "old");
  }
  run();
  client_cut(bob, 1);
  bob->in = 0;
  assert_false(client_resume(bob));
  client_bind(bob, 1);
  client_stanza(bob, "<presence/>");
  run();
  for (int i = 0; i < 10; i++) {
    client_ack(bob);
    run();
  }
  assert_int_equal(stats().ledger.now[IMP_FATE_STORED], 0);
  client_cut(bob, 1);
  say(alice, "bob@im.example/b", "new");
  run();
  world_wait(&w, c, 6, 61 * IMP_SECONDS);
  (void)client_expect(alice, "message", "service-unavailable");
  assert_int_equal(stats().ledger.now[IMP_FATE_STORED], 0);
}

static void a_refused_bind_leaves_the_refused_session_alone(void **state) {
  (void)state;
  prepare();
  sm.buffer_packets = 5;
  settings.conflict = IMP_CONFLICT_REFUSE;
  world_open(&w, &settings, 1);
  client *x = login(0, "bob", "x", 1), *alice = login(2, "alice", "a", 0);
  (void)login(1, "bob", "y", 1);
  x->auto_ack = 0;
  for (int i = 0; i < 7; i++) {
    say(alice, "bob@im.example/x", "to-x");
  }
  run();
  client_cut(x, 1);
  x->in = 0;
  assert_false(client_resume(x));
  client_send(x, "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>y</resource></bind></iq>");
  run();
  (void)client_expect(x, "iq", "conflict");
  assert_int_equal(stats().sm.hibernating, 1);
  client_bind(x, 1);
  run();
  assert_int_equal(stats().sm.hibernating, 0);
  client_expect_nothing(alice);
}

static void del_conn(void *conn) {
  imp_conn **at = conn;
  if (*at != NULL) {
    imp_conn_del(*at, w.now);
    *at = NULL;
  }
}

static void a_late_end_of_the_old_connection_hurts_nobody(void **state) {
  (void)state;
  prepare();
  world_open(&w, &settings, 1);
  client *bob = login(0, "bob", "b", 1), *alice = login(2, "alice", "a", 0);
  static imp_conn *old;
  old = bob->conn;
  imp_conn_set_user_data(old, NULL);
  bob->conn = NULL;
  unit_own(del_conn, &old);
  assert_true(client_resume(bob));
  run();
  del_conn(&old);
  run();
  say(alice, "bob@im.example/b", "one");
  run();
  (void)client_expect(bob, "message", "one");
  assert_int_equal(stats().sessions, 2);
}

/* Redirected once, and the other resource's stream is over as well: back to the sender, not round and round. */
static void redirection_ends(void **state) {
  (void)state;
  prepare();
  sm.policy = IMP_SM_REDIRECT;
  settings.max_output_bytes = 65536;
  world_open(&w, &settings, 1);
  client *b1 = login(0, "bob", "x", 0), *b2 = login(1, "bob", "y", 0), *alice = login(2, "alice", "a", 0);
  static char body[30000], xml[31000];
  memset(body, 'x', sizeof(body) - 1);
  client_stanza(b1, "<presence/>");
  client_stanza(b2, "<presence/>");
  run();
  b1->frozen = b2->frozen = 1;
  snprintf(xml, sizeof(xml), "<message to='bob@im.example' type='chat' id='big'><body>%s</body></message>", body);
  for (int i = 0; i < 3; i++) {
    client_stanza(alice, xml);
  }
  world_run(&w, c, 6);
  (void)client_expect(alice, "message", "service-unavailable");
  world_check_ledger(&w);
}

/* Both counters pass 2^32 in the middle of a conversation over a lost link. */
static void counters_wrap(void **state) {
  (void)state;
  prepare();
  world_open(&w, &settings, 1);
  client *bob = login(0, "bob", "b", 1), *alice = login(1, "alice", "a", 0);
  imp_jid *jid;
  assert_int_equal(imp_jid_new(&jid, "bob@im.example/b", 16), IMP_OK);
  imp_sm *s = imp_node_find_session(w.node, jid)->sm;
  imp_jid_del(jid);
  s->out = s->acked = s->evicted = s->wire = UINT32_MAX - 2;
  s->past = 1u << 20;
  s->in = UINT32_MAX;
  bob->in = UINT32_MAX - 2;
  bob->out = UINT32_MAX;
  bob->auto_ack = 0;
  for (int i = 0; i < 6; i++) {
    say(alice, "bob@im.example/b", "before");
  }
  client_stanza(bob, "<presence/>");
  run();
  assert_int_equal(bob->in, 4); /* six messages, its own presence */
  bob->in = 1;                  /* it has read four */
  client_cut(bob, 1);
  say(alice, "bob@im.example/b", "meanwhile");
  assert_true(client_resume(bob));
  run();
  assert_int_equal(bob->peer_acked, 0);
  (void)client_expect(bob, "message", "before");
  (void)client_expect(bob, "message", "before");
  (void)client_expect(bob, "message", "meanwhile");
  client_ack(bob);
  run();
  assert_int_equal(stats().ledger.now[IMP_FATE_IN_FLIGHT], 0);
  client_send(bob, "<a xmlns='urn:xmpp:sm:3' h='6'/>"); /* one more than was sent */
  run();
  (void)client_expect(bob, "error", "handled-count-too-high");
}

static int end_all(const imp_session_info *info, void *user_data) {
  int *n = user_data;
  (void)info;
  ++*n;
  (void)imp_node_end_session(w.node, "bob@im.example/x", NULL);
  (void)imp_node_end_session(w.node, "bob@im.example/y", NULL);
  (void)imp_node_end_session(w.node, "bob@im.example/z", "policy-violation");
  return 0;
}

static void sessions_may_be_ended_while_they_are_listed(void **state) {
  int n = 0;
  (void)state;
  prepare();
  world_open(&w, &settings, 1);
  client *z = login(2, "bob", "z", 1);
  (void)login(0, "bob", "x", 1);
  (void)login(1, "bob", "y", 0);
  assert_int_equal(imp_node_each_session(w.node, "bob", end_all, &n), IMP_OK);
  assert_int_equal(n, 1);
  run();
  (void)client_expect(z, "error", "policy-violation");
  assert_int_equal(stats().sessions, 0);
  n = 0;
  client_free(&c[0]);
  client_free(&c[1]);
  (void)login(0, "bob", "x", 1);
  (void)login(1, "bob", "y", 0);
  assert_int_equal(imp_node_each_session(w.node, NULL, end_all, &n), IMP_OK);
  assert_int_equal(n, 1);
  assert_int_equal(imp_node_each_session(w.node, "b b", end_all, &n), IMP_ERR_MALFORMED);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_id_of_a_replaced_session_is_refused),
      cmocka_unit_test(two_old_queues_wait_for_the_new_session),
      cmocka_unit_test(without_stream_management_the_queue_is_sent_at_presence),
      cmocka_unit_test(a_silent_heir_gets_the_queue_at_the_timeout),
      cmocka_unit_test(an_heir_that_leaves_passes_nothing_on),
      cmocka_unit_test(storing_once_is_not_the_policy_for_ever),
      cmocka_unit_test(a_refused_bind_leaves_the_refused_session_alone),
      cmocka_unit_test(a_late_end_of_the_old_connection_hurts_nobody),
      cmocka_unit_test(redirection_ends),
      cmocka_unit_test(counters_wrap),
      cmocka_unit_test(sessions_may_be_ended_while_they_are_listed),
  };
  return unit_run("c2s_takeover", tests);
}
