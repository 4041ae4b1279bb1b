/*
 * Durable sessions over kill -9: what was committed comes back, what was not was never acknowledged to anybody.
 *
 * rooms: c2s im
 */
#include "alloc_fail.h"
#include "crash_store.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static world w;
static client c[4];
static crash_store *disk;
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
  if (disk != NULL) {
    crash_store_crash(disk);
  }
  world_close(&w);
  if (disk != NULL) {
    crash_store_revive(disk);
  }
  crash_store_del(disk);
  disk = NULL;
}

static void open_world(void) {
  memset(c, 0, sizeof(c));
  memset(&w, 0, sizeof(w));
  imp_sm_settings_default(&sm, sizeof(sm));
  imp_settings_default(&settings, sizeof(settings));
  settings.sm = &sm;
  settings.durable = 1;
  unit_own(close_all, &w);
  disk = crash_store_new();
  world_open(&w, &settings, 1);
  assert_int_equal(imp_node_set_store(w.node, crash_store_vtable(), disk), IMP_OK);
  world_run(&w, c, 0);
}

static void run(void) { world_run(&w, c, 4); }

static void checked_run(void) {
  run();
  world_check_ledger(&w);
}

static client *login(size_t i, const char *user, const char *resource, int with_sm) {
  client_init(&c[i], &w, user, resource);
  client_login(&c[i], with_sm);
  return &c[i];
}

/* kill -9: nothing more is written, nobody is told; a new process starts on the same disk. */
static void kill_and_start(void) {
  crash_store_crash(disk);
  for (size_t i = 0; i < 4; i++) {
    if (c[i].w != NULL) {
      client_cut(&c[i], 1);
    }
  }
  imp_node_del(w.node);
  w.node = NULL;
  crash_store_revive(disk);
  world_renew(&w, &settings);
  assert_int_equal(imp_node_set_store(w.node, crash_store_vtable(), disk), IMP_OK);
  world_run(&w, c, 0);
  assert_true(imp_node_is_ready(w.node));
  world_check_ledger(&w);
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

static void unacknowledged_packets_come_again_in_order(void **state) {
  (void)state;
  open_world();
  client *bob = login(1, "bob", "b", 1), *alice = login(0, "alice", "a", 1);
  bob->auto_ack = 0;
  say(alice, "bob@im.example/b", "one");
  say(alice, "bob@im.example/b", "two");
  say(alice, "bob@im.example/b", "three");
  checked_run();
  (void)client_expect(bob, "message", "one");
  bob->in = 1; /* it has read no more than the first */
  client_send(bob, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
  client_send(alice, "<r xmlns='urn:xmpp:sm:3'/>");
  checked_run();
  assert_int_equal(alice->peer_acked, 3);
  kill_and_start();
  assert_true(client_resume(bob));
  run();
  (void)client_expect(bob, "message", "two");
  (void)client_expect(bob, "message", "three");
  client_expect_nothing(bob);
  client_ack(bob);
  assert_true(client_resume(alice));
  assert_int_equal(alice->peer_acked, 3);
  checked_run();
  assert_int_equal(stats().ledger.now[IMP_FATE_IN_FLIGHT], 0);
  kill_and_start();
  assert_true(client_resume(bob));
  client_expect_nothing(bob);
}

static void nothing_is_acknowledged_before_the_commit(void **state) {
  (void)state;
  open_world();
  client *alice = login(0, "alice", "a", 1), *bob = login(1, "bob", "b", 1);
  run();
  crash_store_mode(disk, CRASH_FLUSH_LATER);
  say(alice, "bob@im.example/b", "one");
  client_send(alice, "<r xmlns='urn:xmpp:sm:3'/>");
  run();
  assert_int_equal(alice->peer_acked, 0);
  client_expect_nothing(bob);
  say(alice, "bob@im.example/b", "two"); /* belongs to the next commit */
  client_send(alice, "<r xmlns='urn:xmpp:sm:3'/>");
  run();
  crash_store_commit(disk);
  run();
  assert_int_equal(alice->peer_acked, 1);
  (void)client_expect(bob, "message", "one");
  client_expect_nothing(bob);
  crash_store_commit(disk);
  run();
  assert_int_equal(alice->peer_acked, 2);
  (void)client_expect(bob, "message", "two");
}

static void what_was_not_committed_was_not_handled(void **state) {
  (void)state;
  open_world();
  client *alice = login(0, "alice", "a", 1), *bob = login(1, "bob", "b", 1);
  run();
  crash_store_mode(disk, CRASH_FLUSH_LATER);
  say(alice, "bob@im.example/b", "lost");
  run();
  kill_and_start();
  assert_true(client_resume(alice));
  assert_int_equal(alice->peer_acked, 0); /* so it sends again */
  assert_true(client_resume(bob));
  run();
  client_expect_nothing(bob);
}

static uint32_t failed_h;

static void note_failed(client *cl, const imp_stanza *st) {
  const char *h = imp_elem_attr(imp_stanza_root(st), "h");
  (void)cl;
  if (strcmp(imp_elem_name(imp_stanza_root(st)), "failed") == 0) {
    failed_h = h != NULL ? (uint32_t)strtoul(h, NULL, 10) : UINT32_MAX;
  }
}

/* <failed h=''/> is an acknowledgement too. */
static void handled_in_failed_waits_for_the_commit(void **state) {
  (void)state;
  open_world();
  sm.buffer_packets = 5;
  assert_int_equal(imp_node_set_sm(w.node, &sm), IMP_OK);
  client *alice = login(0, "alice", "a", 1), *bob = login(1, "bob", "b", 1);
  alice->auto_ack = 0;
  alice->on_stanza = note_failed;
  for (int i = 0; i < 8; i++) {
    say(bob, "alice@im.example/a", "flood");
  }
  checked_run();
  crash_store_mode(disk, CRASH_FLUSH_LATER);
  say(alice, "bob@im.example/b", "effect");
  run();
  client_cut(alice, 1);
  alice->in = 0;
  failed_h = 0;
  assert_false(client_resume(alice));
  assert_int_equal(failed_h, 0); /* not told yet */
  crash_store_commit(disk);
  run();
  crash_store_commit(disk);
  run();
  assert_int_equal(failed_h, 1);
}

static void handled_is_told_after_session_and_process_are_gone(void **state) {
  (void)state;
  open_world();
  client *alice = login(0, "alice", "a", 1);
  (void)login(1, "bob", "b", 1);
  alice->on_stanza = note_failed;
  say(alice, "bob@im.example/b", "one");
  say(alice, "bob@im.example/b", "two");
  checked_run();
  client_cut(alice, 0);
  world_wait(&w, c, 2, 61 * IMP_SECONDS);
  assert_int_equal(stats().sm.sessions, 1);
  kill_and_start();
  failed_h = 0;
  assert_false(client_resume(alice));
  assert_int_equal(failed_h, 2);
  client_cut(alice, 1);
  world_wait(&w, c, 2, 48 * 3600 * IMP_SECONDS);
  assert_false(client_resume(alice));
  assert_int_equal(failed_h, UINT32_MAX);
}

/* The client saw a message that was evicted; the process dies; its <resume h=''/> takes it out of offline storage. */
static void evicted_messages_are_taken_out_after_a_restart(void **state) {
  (void)state;
  open_world();
  sm.buffer_packets = 5;
  assert_int_equal(imp_node_set_sm(w.node, &sm), IMP_OK);
  client *bob = login(1, "bob", "b", 1), *alice = login(0, "alice", "a", 1);
  bob->auto_ack = 0;
  for (int i = 0; i < 8; i++) {
    say(alice, "bob@im.example/b", "m");
  }
  checked_run();
  assert_int_equal(stats().ledger.now[IMP_FATE_STORED], 3);
  kill_and_start();
  assert_int_equal(stats().ledger.now[IMP_FATE_STORED], 3);
  assert_true(client_resume(bob)); /* h covers all */
  checked_run();
  assert_int_equal(stats().ledger.now[IMP_FATE_STORED], 0);
  client_stanza(bob, "<presence/>");
  checked_run();
  client_expect_nothing(bob);
}

/* The session is gone, its queue stored; a <resume h=''/> that comes too late says that its client has most of it. */
static void a_late_h_takes_out_of_offline_storage(int restart) {
  open_world();
  sm.policy = IMP_SM_STORE;
  assert_int_equal(imp_node_set_sm(w.node, &sm), IMP_OK);
  client *bob = login(1, "bob", "b", 1), *alice = login(0, "alice", "a", 1);
  bob->auto_ack = 0;
  say(alice, "bob@im.example/b", "one");
  say(alice, "bob@im.example/b", "two");
  say(alice, "bob@im.example/b", "three");
  checked_run();
  (void)client_expect(bob, "message", "one");
  (void)client_expect(bob, "message", "two");
  (void)client_expect(bob, "message", "three");
  client_cut(bob, 0);
  world_wait(&w, c, 2, 61 * IMP_SECONDS);
  assert_int_equal(stats().ledger.now[IMP_FATE_STORED], 3);
  if (restart) {
    kill_and_start();
  }
  bob->in = 2; /* it has read no more */
  assert_false(client_resume(bob));
  client_bind(bob, 1);
  client_stanza(bob, "<presence/>");
  checked_run();
  (void)client_expect(bob, "message", "three");
  client_expect_nothing(bob);
  client_ack(bob);
  checked_run();
  assert_int_equal(stats().ledger.now[IMP_FATE_STORED], 0);
  assert_int_equal(stats().ledger.now[IMP_FATE_IN_FLIGHT], 0);
  kill_and_start();
  assert_int_equal(stats().ledger.now[IMP_FATE_STORED], 0);
}

static void a_late_h_counts(void **state) {
  (void)state;
  a_late_h_takes_out_of_offline_storage(0);
}

static void a_late_h_counts_after_a_restart(void **state) {
  (void)state;
  a_late_h_takes_out_of_offline_storage(1);
}

static void offline_messages_are_counted_with_the_message(void **state) {
  (void)state;
  open_world();
  client *bob = login(1, "bob", "b", 1), *alice = login(0, "alice", "a", 0);
  bob->auto_ack = 0;
  say(alice, "bob@im.example/b", "kept");
  checked_run();
  /* Bob says goodbye without acknowledging: his queue goes to offline storage in the turn in which his stream ends. */
  crash_store_mode(disk, CRASH_FLUSH_LATER);
  client_send(bob, "</stream:stream>");
  imp_node_turn(w.node, w.now);
  crash_store_commit(disk); /* the first commit after that, and no other */
  kill_and_start();
  uint64_t stored = stats().ledger.now[IMP_FATE_STORED], queued = stats().ledger.now[IMP_FATE_IN_FLIGHT];
  assert_int_equal(stored + queued, 1);
  client_init(&c[2], &w, "bob", "c");
  client_login(&c[2], 1);
  client_stanza(&c[2], "<presence/>");
  world_wait(&w, c, 3, 61 * IMP_SECONDS);
  if (stored == 1) {
    (void)client_expect(&c[2], "message", "kept");
  }
}

static void killed_between_bind_and_enable(void **state) {
  (void)state;
  open_world();
  client *bob = login(1, "bob", "b", 1), *alice = login(0, "alice", "a", 0);
  bob->auto_ack = 0;
  say(alice, "bob@im.example/b", "kept");
  checked_run();
  client_cut(bob, 1);
  checked_run();
  client_init(&c[2], &w, "bob", "b");
  client_login(&c[2], 0); /* binds the same resource; <enable/> has not come yet */
  checked_run();
  kill_and_start();
  client_free(&c[2]);
  client_init(&c[2], &w, "bob", "b");
  client_login(&c[2], 1);
  client_stanza(&c[2], "<presence/>");
  checked_run();
  (void)client_expect(&c[2], "message", "kept");
}

static void inherited_queue_survives(void **state) {
  (void)state;
  open_world();
  client *bob = login(1, "bob", "b", 1), *alice = login(0, "alice", "a", 0);
  bob->auto_ack = 0;
  say(alice, "bob@im.example/b", "one");
  say(alice, "bob@im.example/b", "two");
  checked_run();
  client_cut(bob, 1);
  client_free(bob);
  bob = login(1, "bob", "b", 1);
  bob->auto_ack = 0;
  checked_run();
  bob->in = 0;
  kill_and_start();
  assert_true(client_resume(bob));
  run();
  (void)client_expect(bob, "message", "one");
  (void)client_expect(bob, "message", "two");
  client_ack(bob);
  checked_run();
  assert_int_equal(stats().sm.sessions, 1);
  kill_and_start();
  assert_int_equal(stats().sm.sessions, 1); /* nothing of the old one is left */
  assert_true(client_resume(bob));
  client_expect_nothing(bob);
}

static const char ask[] = "<r xmlns='urn:xmpp:sm:3'/>";

/* While commits fail nobody is told anything; what came then is in the store as soon as one succeeds. */
static void a_failed_commit_is_tried_again(void **state) {
  (void)state;
  open_world();
  client *alice = login(0, "alice", "a", 1), *bob = login(1, "bob", "b", 1);
  client_leave(bob);
  run();
  crash_store_mode(disk, CRASH_FLUSH_FAILS);
  say(alice, "bob@im.example", "one");
  client_send(alice, ask);
  checked_run();
  say(alice, "bob@im.example", "two");
  world_wait(&w, c, 2, 10 * IMP_SECONDS);
  assert_false(alice->closed);
  assert_int_equal(alice->peer_acked, 0);
  assert_in_range(stats().commit_failures, 2, 20); /* about once a second */
  crash_store_mode(disk, CRASH_FLUSH_AT_ONCE);
  run();
  assert_int_equal(alice->peer_acked, 0); /* its time has not come yet */
  world_wait(&w, c, 2, IMP_SECONDS);
  assert_int_equal(alice->peer_acked, 1);
  world_check_ledger(&w);
  kill_and_start();
  assert_int_equal(stats().ledger.now[IMP_FATE_STORED], 2);
  assert_true(client_resume(alice));
  assert_int_equal(alice->peer_acked, 2);
}

/* The process is killed before a commit succeeds: nothing was acknowledged, nothing is there. */
static void killed_while_commits_fail(void **state) {
  (void)state;
  open_world();
  client *alice = login(0, "alice", "a", 1), *bob = login(1, "bob", "b", 1);
  client_leave(bob);
  run();
  crash_store_mode(disk, CRASH_FLUSH_FAILS);
  say(alice, "bob@im.example", "lost");
  client_send(alice, ask);
  world_wait(&w, c, 2, 5 * IMP_SECONDS);
  assert_int_equal(alice->peer_acked, 0);
  kill_and_start();
  assert_int_equal(stats().ledger.now[IMP_FATE_STORED], 0);
  assert_true(client_resume(alice));
  assert_int_equal(alice->peer_acked, 0);
}

/* It fails when it has been under way for a while; what came meanwhile waits with it. */
static void a_commit_under_way_that_fails(void **state) {
  (void)state;
  open_world();
  client *alice = login(0, "alice", "a", 1), *bob = login(1, "bob", "b", 1);
  run();
  crash_store_mode(disk, CRASH_FLUSH_LATER);
  say(alice, "bob@im.example/b", "one");
  client_send(alice, ask);
  run();
  say(alice, "bob@im.example/b", "two");
  client_send(alice, ask);
  run();
  crash_store_mode(disk, CRASH_FLUSH_FAILS);
  crash_store_commit(disk);
  world_wait(&w, c, 2, 3 * IMP_SECONDS);
  assert_int_equal(alice->peer_acked, 0);
  client_expect_nothing(bob);
  client_cut(alice, 1); /* also not by resuming */
  assert_false(client_resume(alice));
  assert_int_equal(alice->peer_acked, 0);
  crash_store_mode(disk, CRASH_FLUSH_AT_ONCE);
  world_wait(&w, c, 2, IMP_SECONDS);
  (void)client_expect(bob, "message", "one");
  (void)client_expect(bob, "message", "two");
  client_expect_nothing(bob);
  client_cut(alice, 1);
  assert_true(client_resume(alice));
  assert_int_equal(alice->peer_acked, 2);
  checked_run();
}

/* What was removed in vain is not there after all when a commit succeeds, and what was counted is. */
static void store_and_memory_agree_after_failures(void **state) {
  (void)state;
  open_world();
  client *alice = login(0, "alice", "a", 1), *bob = login(1, "bob", "b", 1);
  client_leave(bob);
  say(alice, "bob@im.example", "read");
  run();
  client_login(bob, 1);
  crash_store_mode(disk, CRASH_FLUSH_LATER);
  client_stanza(bob, "<presence/>");
  run();
  crash_store_commit(disk);
  run();
  (void)client_expect(bob, "message", "read");
  client_ack(bob);
  crash_store_mode(disk, CRASH_FLUSH_FAILS);
  client_leave(bob);
  say(alice, "bob@im.example", "kept");
  world_wait(&w, c, 2, 3 * IMP_SECONDS);
  crash_store_mode(disk, CRASH_FLUSH_AT_ONCE);
  world_wait(&w, c, 2, IMP_SECONDS);
  kill_and_start();
  assert_int_equal(stats().ledger.now[IMP_FATE_STORED], 1);
  client_login(bob, 1);
  client_stanza(bob, "<presence/>");
  checked_run();
  (void)client_expect(bob, "message", "kept");
  client_expect_nothing(bob);
}

/* The answer needs no commit of its own, but came while one was under way; nothing is noted after it. */
static void an_answer_during_a_commit_goes_after_it(void **state) {
  (void)state;
  open_world();
  client *alice = login(0, "alice", "a", 0);
  run();
  crash_store_mode(disk, CRASH_FLUSH_LATER);
  say(alice, "carol@im.example", "stored");
  run();
  client_stanza(alice, "<iq type='get' id='p' to='im.example'><ping xmlns='urn:xmpp:ping'/></iq>");
  run();
  client_expect_nothing(alice);
  crash_store_commit(disk);
  run();
  (void)client_expect(alice, "iq", "result");
}

static void more_sessions_than_allowed_after_a_restart(void **state) {
  (void)state;
  open_world();
  (void)login(0, "bob", "a", 1);
  (void)login(1, "bob", "b", 1);
  (void)login(2, "bob", "c", 1);
  run();
  settings.max_sessions_per_user = 1;
  kill_and_start();
  assert_int_equal(stats().sessions, 1);
  settings.max_sessions_per_user = 32;
}

static void a_smaller_buffer_after_a_restart(void **state) {
  (void)state;
  open_world();
  client *bob = login(1, "bob", "b", 1), *alice = login(0, "alice", "a", 0);
  bob->auto_ack = 0;
  for (int i = 0; i < 20; i++) {
    say(alice, "bob@im.example/b", "m");
  }
  checked_run();
  sm.buffer_packets = 5;
  kill_and_start();
  assert_int_equal(stats().ledger.now[IMP_FATE_STORED], 15);
  assert_int_equal(stats().ledger.now[IMP_FATE_IN_FLIGHT], 5);
  assert_true(client_resume(bob));
  checked_run();
  assert_int_equal(stats().ledger.now[IMP_FATE_STORED], 0);
}

static int note_state(const imp_session_info *info, void *user_data) {
  (void)snprintf(user_data, 100, "%s %d %u %u %u", info->jid, (int)info->priority, info->available, info->carbons,
                 info->inactive);
  return 0;
}

static void ids_are_unique_and_state_survives(void **state) {
  (void)state;
  open_world();
  client *bob = login(1, "bob", " b  c", 1);
  char id[80], seen[100] = "";
  client_stanza(bob, "<presence><priority>7</priority></presence>");
  client_stanza(bob, "<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
  client_send(bob, "<inactive xmlns='urn:xmpp:csi:0'/>");
  checked_run();
  snprintf(id, sizeof(id), "%s", bob->sm_id);
  kill_and_start();
  assert_true(client_resume(bob));
  checked_run();
  assert_int_equal(imp_node_each_session(w.node, "bob", note_state, seen), IMP_OK);
  assert_string_equal(seen, "bob@im.example/ b  c 7 1 1 1");
  client *other = login(0, "bob", "x", 1);
  assert_string_not_equal(other->sm_id, id);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(unacknowledged_packets_come_again_in_order),
      cmocka_unit_test(nothing_is_acknowledged_before_the_commit),
      cmocka_unit_test(what_was_not_committed_was_not_handled),
      cmocka_unit_test(handled_in_failed_waits_for_the_commit),
      cmocka_unit_test(handled_is_told_after_session_and_process_are_gone),
      cmocka_unit_test(evicted_messages_are_taken_out_after_a_restart),
      cmocka_unit_test(a_late_h_counts),
      cmocka_unit_test(a_late_h_counts_after_a_restart),
      cmocka_unit_test(offline_messages_are_counted_with_the_message),
      cmocka_unit_test(killed_between_bind_and_enable),
      cmocka_unit_test(inherited_queue_survives),
      cmocka_unit_test(a_failed_commit_is_tried_again),
      cmocka_unit_test(killed_while_commits_fail),
      cmocka_unit_test(a_commit_under_way_that_fails),
      cmocka_unit_test(store_and_memory_agree_after_failures),
      cmocka_unit_test(an_answer_during_a_commit_goes_after_it),
      cmocka_unit_test(more_sessions_than_allowed_after_a_restart),
      cmocka_unit_test(a_smaller_buffer_after_a_restart),
      cmocka_unit_test(ids_are_unique_and_state_survives),
  };
  return unit_run("node_durable", tests);
}
