/* Durable sessions: what a host stored comes back as if the link had dropped. */
#include <stdio.h>
#include <string.h>

#include "sm_kit.h"

#define ROMEO "romeo@example.net"

static imp_sm_state good_state(void) {
  imp_sm_state s = {sizeof s, "node1.stored", ROMEO, 7, 12, 9, 45, 0, 9};
  return s;
}

static imp_sm *restore(kit *k, const imp_sm_state *s) {
  imp_sm *sm = NULL;
  assert_int_equal(imp_sm_restore(k->m, &sm, s, k->now, k), IMP_OK);
  kit_keep(k, sm);
  return sm;
}

static void a_state_is_what_a_session_was(void **state) {
  KIT(k);
  k->settings.buffer_packets = 5;
  kit_start(k);
  imp_sm *sm = kit_new_with(k, ROMEO, 1, 30);
  imp_sm_state s;
  imp_sm_received(sm);
  kit_send(sm, 1, 9);
  assert_true(imp_sm_acked(sm, 2) >= IMP_OK);
  imp_sm_get_state(sm, &s, sizeof s);
  assert_int_equal(s.size, sizeof s);
  assert_string_equal(s.id, imp_sm_get_id(sm));
  assert_string_equal(s.user, ROMEO);
  assert_int_equal(s.in, 1);
  assert_int_equal(s.out, 9);
  assert_int_equal(s.acked, 2);
  assert_int_equal(s.max, 30);
  assert_int_equal(s.evicted, 2); /* 3 and 4 */
  assert_int_equal(s.past, 2);
  kit_forget(k);
}

static void stored_killed_restored_resumed(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm_state s = good_state();
  imp_sm *sm = restore(k, &s);
  assert_true(imp_sm_is_hibernating(sm));
  assert_int_equal(imp_sm_get_deadline(sm), k->now + 45 * IMP_SECONDS); /* its full time, from now */
  assert_int_equal(imp_sm_get_max(sm), 45);
  for (uint32_t n = 10; n <= 12; n++) {
    assert_int_equal(imp_sm_restore_packet(sm, kit_packet(n), 10, n), IMP_OK);
  }
  assert_int_equal(kit_resume(k, ROMEO, "node1.stored", 10), IMP_SM_RESUMED);
  kit_heard(k, "acked 10");
  assert_string_equal(kit_replay(sm, 1), "11 12");
  kit_send(sm, 13, 13);
  assert_int_equal(imp_sm_get_out(sm), 13);
  assert_int_equal(imp_sm_get_in(sm), 7);
  assert_int_equal(imp_sm_acked(sm, 13), IMP_OK);
  kit_heard(k, "resent 11, resent 12, acked 13");
}

static void a_round_trip_through_the_state(void **state) {
  KIT(k);
  k->settings.buffer_packets = 5;
  kit_start(k);
  imp_sm *sm = kit_new_at(k, ROMEO, 0xfffffffbu);
  kit_send(sm, 1, 9);
  assert_true(imp_sm_acked(sm, 0xfffffffdu) >= IMP_OK);
  imp_sm_state s;
  char id[IMP_SM_ID_MAX + 1], replay[64];
  imp_sm_get_state(sm, &s, sizeof s);
  snprintf(id, sizeof id, "%s", s.id);
  snprintf(replay, sizeof replay, "%s", kit_replay(sm, 0));
  uint32_t counts[5];
  size_t pos = 0;
  for (size_t i = 0; i < 5; i++) {
    assert_non_null(imp_sm_next_unacked(sm, &pos, &counts[i], 0));
  }
  kit_del(k, sm, 0);
  s.id = id;
  s.user = ROMEO;
  imp_sm *again = restore(k, &s);
  for (uintptr_t i = 0; i < 5; i++) {
    assert_int_equal(imp_sm_restore_packet(again, kit_packet(i + 5), 10, counts[i]), IMP_OK);
  }
  assert_string_equal(kit_replay(again, 0), replay);
  kit_forget(k);
  assert_int_equal(kit_resume(k, ROMEO, id, 0xfffffffeu), IMP_SM_NO_HISTORY);
  kit_heard(k, "covered 4294967294");
  assert_int_equal(kit_resume(k, ROMEO, id, 0xffffffffu), IMP_SM_RESUMED);
  kit_heard(k, "covered 4294967295");
}

static void gaps_between_kept_packets_are_stanzas_not_kept(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm_state s = good_state();
  imp_sm *sm = restore(k, &s);
  assert_int_equal(imp_sm_restore_packet(sm, kit_packet(11), 10, 11), IMP_OK);
  assert_int_equal(kit_resume(k, ROMEO, s.id, 9), IMP_SM_RESUMED);
  assert_string_equal(kit_replay(sm, 1), "11"); /* which the client counts as its tenth */
  assert_int_equal(imp_sm_acked(sm, 11), IMP_ERR_MALFORMED);
  kit_heard(k, "");
  assert_int_equal(imp_sm_acked(sm, 10), IMP_OK);
  kit_heard(k, "resent 11");
}

static void packets_that_cannot_be_are_refused(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm_state s = good_state();
  s.evicted = 1;
  imp_sm *sm = restore(k, &s);
  assert_int_equal(imp_sm_restore_packet(sm, kit_packet(1), 10, 9), IMP_ERR_MALFORMED);  /* acknowledged */
  assert_int_equal(imp_sm_restore_packet(sm, kit_packet(1), 10, 10), IMP_ERR_MALFORMED); /* evicted */
  assert_int_equal(imp_sm_restore_packet(sm, kit_packet(1), 10, 13), IMP_ERR_MALFORMED); /* never sent */
  assert_int_equal(imp_sm_restore_packet(sm, NULL, 10, 11), IMP_ERR_MALFORMED);
  assert_int_equal(imp_sm_restore_packet(sm, kit_packet(1), 10, 12), IMP_OK);
  assert_int_equal(imp_sm_restore_packet(sm, kit_packet(1), 10, 12), IMP_ERR_MALFORMED); /* twice */
  assert_int_equal(imp_sm_restore_packet(sm, kit_packet(1), 10, 11), IMP_ERR_MALFORMED); /* out of order */
  assert_int_equal(kit_resume(k, ROMEO, s.id, 10), IMP_SM_RESUMED);
  assert_int_equal(imp_sm_restore_packet(sm, kit_packet(1), 10, 12), IMP_ERR_STATE);
  kit_heard(k, "covered 10");
}

static int refuse(kit *k, imp_sm_state s) {
  imp_sm *sm = NULL;
  int rv = imp_sm_restore(k->m, &sm, &s, k->now, NULL);
  assert_null(sm);
  return rv;
}

static void states_that_cannot_be_are_refused(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm_state s = good_state();
  char longer[IMP_SM_ID_MAX + 2];
  memset(longer, 'x', sizeof longer - 1);
  longer[sizeof longer - 1] = '\0';
  s.size = offsetof(imp_sm_state, evicted);
  assert_int_equal(refuse(k, s), IMP_ERR_MALFORMED);
  s = good_state(), s.id = NULL;
  assert_int_equal(refuse(k, s), IMP_ERR_MALFORMED);
  s = good_state(), s.id = "";
  assert_int_equal(refuse(k, s), IMP_ERR_MALFORMED);
  s = good_state(), s.id = "a'/><x";
  assert_int_equal(refuse(k, s), IMP_ERR_MALFORMED);
  s = good_state(), s.id = longer;
  assert_int_equal(refuse(k, s), IMP_ERR_MALFORMED);
  s = good_state(), s.user = NULL;
  assert_int_equal(refuse(k, s), IMP_ERR_MALFORMED);
  s = good_state(), s.user = "";
  assert_int_equal(refuse(k, s), IMP_ERR_MALFORMED);
  s = good_state(), s.max = 0;
  assert_int_equal(refuse(k, s), IMP_ERR_MALFORMED);
  s = good_state(), s.acked = 13; /* more than was sent */
  assert_int_equal(refuse(k, s), IMP_ERR_MALFORMED);
  s = good_state(), s.evicted = 4;
  assert_int_equal(refuse(k, s), IMP_ERR_MALFORMED);
  s = good_state(), s.past = 0x80000001u;
  assert_int_equal(refuse(k, s), IMP_ERR_MALFORMED);
  assert_int_equal(kit_stats(k).sessions, 0);
}

static void an_id_cannot_be_restored_twice(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm_state s = good_state();
  (void)restore(k, &s);
  s.user = "juliet@example.net";
  assert_int_equal(refuse(k, s), IMP_ERR_EXISTS);
  assert_int_equal(kit_stats(k).sessions, 1);
}

static void a_host_that_does_not_store_the_past(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm_state s = good_state(), now;
  s.size = offsetof(imp_sm_state, past);
  imp_sm *sm = restore(k, &s);
  imp_sm_get_state(sm, &now, sizeof now);
  assert_int_equal(now.past, 9);
  assert_int_equal(kit_resume(k, ROMEO, s.id, 4), IMP_SM_NO_HISTORY);
  assert_int_equal(kit_resume(k, ROMEO, s.id, UINT32_MAX), IMP_SM_H_TOO_HIGH);
}

static void an_older_host_reads_a_shorter_state(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  imp_sm_state s;
  memset(&s, 0xee, sizeof s);
  kit_send(sm, 1, 3);
  imp_sm_get_state(sm, &s, offsetof(imp_sm_state, past));
  assert_int_equal(s.size, offsetof(imp_sm_state, past));
  assert_int_equal(s.out, 3);
  assert_int_equal(s.past, 0xeeeeeeeeu);
}

static void a_smaller_buffer_evicts_while_restoring(void **state) {
  KIT(k);
  k->settings.buffer_packets = 5;
  kit_start(k);
  imp_sm_state s = good_state();
  s.out = 20;
  imp_sm *sm = restore(k, &s);
  for (uint32_t n = 10; n <= 17; n++) {
    assert_int_equal(imp_sm_restore_packet(sm, kit_packet(n), 10, n), IMP_OK);
  }
  kit_heard(k, "evicted 10, evicted 11, evicted 12");
  assert_int_equal(kit_resume(k, ROMEO, s.id, 9), IMP_SM_NO_HISTORY);
}

static void restored_above_the_limit_the_next_makes_room(void **state) {
  KIT(k);
  char id[16];
  k->settings.max_hibernated = 2;
  kit_start(k);
  for (int i = 0; i < 5; i++) {
    imp_sm_state s = good_state();
    snprintf(id, sizeof id, "old%d", i);
    s.id = id;
    (void)restore(k, &s);
  }
  kit_heard(k, "");
  imp_sm *sm = kit_new(k, ROMEO);
  assert_int_equal(imp_sm_disconnected(sm, k->now), IMP_OK);
  kit_heard(k, "expired, expired, expired, expired");
  assert_int_equal(kit_stats(k).hibernating, 2);
}

static void restored_while_stream_management_is_off(void **state) {
  KIT(k);
  k->settings.enabled = 0;
  kit_start(k);
  imp_sm_state s = good_state();
  (void)restore(k, &s);
  assert_int_equal(kit_resume(k, ROMEO, s.id, 9), IMP_SM_RESUMED);
}

static void restored_and_not_resumed(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm_state s = good_state();
  imp_sm *sm = restore(k, &s);
  assert_int_equal(imp_sm_restore_packet(sm, kit_packet(10), 10, 10), IMP_OK);
  kit_wait(k, 44);
  kit_heard(k, "");
  kit_wait(k, 1);
  kit_heard(k, "expired, abandoned 10");
  assert_int_equal(kit_stats(k).handled, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_state_is_what_a_session_was),
      cmocka_unit_test(stored_killed_restored_resumed),
      cmocka_unit_test(a_round_trip_through_the_state),
      cmocka_unit_test(gaps_between_kept_packets_are_stanzas_not_kept),
      cmocka_unit_test(packets_that_cannot_be_are_refused),
      cmocka_unit_test(states_that_cannot_be_are_refused),
      cmocka_unit_test(an_id_cannot_be_restored_twice),
      cmocka_unit_test(a_host_that_does_not_store_the_past),
      cmocka_unit_test(an_older_host_reads_a_shorter_state),
      cmocka_unit_test(a_smaller_buffer_evicts_while_restoring),
      cmocka_unit_test(restored_above_the_limit_the_next_makes_room),
      cmocka_unit_test(restored_while_stream_management_is_off),
      cmocka_unit_test(restored_and_not_resumed),
  };
  return unit_run("sm_restore", tests);
}
