/* A new session takes over the queue of one that could not be resumed. */
#include <stdio.h>
#include <string.h>

#include "sm_kit.h"

#define ROMEO "romeo@example.net"

static imp_sm *lost(kit *k, uintptr_t first, uintptr_t last) {
  imp_sm *sm = kit_new(k, ROMEO);
  kit_send(sm, first, last);
  assert_int_equal(imp_sm_disconnected(sm, k->now), IMP_OK);
  kit_forget(k);
  return sm;
}

static void written(imp_sm *sm, void *packet, uint32_t count, void *user_data) {
  kit *k = user_data;
  size_t len = strlen(k->heard);
  assert_int_equal(imp_sm_get_out(sm), count);
  snprintf(k->heard + len, sizeof k->heard - len, "%swritten %lu as %lu", len > 0 ? ", " : "",
           (unsigned long)kit_number(packet), (unsigned long)count);
}

static int inherit(kit *k, imp_sm *sm, imp_sm *old, int has_h, uint32_t h) {
  for (size_t i = 0; i < sizeof k->sessions / sizeof k->sessions[0]; i++) {
    if (k->sessions[i] == old) {
      k->sessions[i] = NULL;
    }
  }
  int rv = imp_sm_inherit(sm, old, has_h, h, k->now, written, k);
  if (rv < IMP_OK) {
    kit_keep(k, old);
  }
  return rv;
}

static void the_queue_comes_in_order_behind_what_was_sent(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *old = lost(k, 1, 3), *sm = kit_new(k, ROMEO);
  kit_send(sm, 11, 11);
  assert_int_equal(inherit(k, sm, old, 0, 0), IMP_OK);
  kit_heard(k, "written 1 as 2, written 2 as 3, written 3 as 4");
  kit_send(sm, 12, 12);
  assert_int_equal(imp_sm_acked(sm, 5), IMP_OK);
  kit_heard(k, "acked 11, resent 1, resent 2, resent 3, acked 12");
  assert_int_equal(kit_stats(k).inherited, 3);
  assert_int_equal(kit_stats(k).packets, 5);
  assert_int_equal(kit_stats(k).sessions, 1);
}

static void nothing_that_h_covers_is_sent_again(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *old = lost(k, 1, 4), *sm = kit_new(k, ROMEO);
  assert_int_equal(inherit(k, sm, old, 1, 3), IMP_OK);
  kit_heard(k, "acked 1, acked 2, acked 3, written 4 as 1");
}

static void everything_may_be_covered(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *old = lost(k, 1, 4), *sm = kit_new(k, ROMEO);
  assert_int_equal(inherit(k, sm, old, 1, 4), IMP_OK);
  kit_heard(k, "acked 1, acked 2, acked 3, acked 4");
  assert_int_equal(imp_sm_get_queued(sm), 0);
}

static void what_came_while_hibernating_is_sent_for_the_first_time(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *old = lost(k, 1, 1), *sm = kit_new(k, ROMEO);
  kit_send(old, 2, 2);
  assert_int_equal(inherit(k, sm, old, 0, 0), IMP_OK);
  kit_forget(k);
  assert_int_equal(imp_sm_acked(sm, 2), IMP_OK);
  kit_heard(k, "resent 1, acked 2");
}

static void nobody_is_told_that_the_old_session_expired(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *old = lost(k, 1, 1), *sm = kit_new(k, ROMEO);
  assert_int_equal(inherit(k, sm, old, 0, 0), IMP_OK);
  kit_wait(k, 1000);
  kit_heard(k, "written 1 as 1");
  assert_int_equal(kit_stats(k).expired, 0);
  assert_int_equal(kit_stats(k).hibernating, 0);
}

static void the_old_sessions_handled_count_stays_known(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *old = lost(k, 1, 2), *sm = kit_new(k, ROMEO), *none;
  char id[IMP_SM_ID_MAX + 1];
  uint32_t handled;
  int known;
  imp_sm_received(old);
  snprintf(id, sizeof id, "%s", imp_sm_get_id(old));
  assert_int_equal(inherit(k, sm, old, 0, 0), IMP_OK);
  assert_int_equal(imp_sm_resume(k->m, ROMEO, id, 0, k->now, &none, &handled, &known), IMP_SM_UNKNOWN);
  assert_null(none);
  assert_true(known);
  assert_int_equal(handled, 1);
}

static void a_long_queue_asks_for_a_count(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *old = lost(k, 1, 20), *sm = kit_new(k, ROMEO);
  assert_int_equal(inherit(k, sm, old, 0, 0), IMP_SM_WANT_R);
  assert_true(imp_sm_r_outstanding(sm));
}

static void a_buffer_that_overflows_evicts_its_oldest(void **state) {
  KIT(k);
  k->settings.buffer_packets = 5;
  kit_start(k);
  imp_sm *old = lost(k, 1, 4), *sm = kit_new(k, ROMEO);
  kit_send(sm, 11, 13);
  assert_true(inherit(k, sm, old, 0, 0) >= IMP_OK);
  kit_heard(k, "written 1 as 4, written 2 as 5, evicted 11, written 3 as 6, evicted 12, written 4 as 7");
  assert_string_equal(kit_replay(sm, 0), "13 1 2 3 4");
}

static void a_smaller_buffer_inherits_from_a_larger(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *old = lost(k, 1, 8);
  imp_sm_settings s = k->settings;
  s.buffer_packets = 5;
  assert_int_equal(imp_sm_manager_set(k->m, &s, NULL, 0), IMP_OK);
  imp_sm *sm = kit_new(k, ROMEO);
  assert_true(imp_sm_inherit(sm, old, 0, 0, k->now, NULL, NULL) >= IMP_OK);
  for (size_t i = 0; i < 64; i++) {
    k->sessions[i] = k->sessions[i] == old ? NULL : k->sessions[i];
  }
  kit_heard(k, "evicted 1, evicted 2, evicted 3");
  assert_string_equal(kit_replay(sm, 0), "4 5 6 7 8");
}

static void a_refused_resume_then_bind_then_inherit(void **state) {
  KIT(k);
  k->settings.buffer_packets = 5;
  kit_start(k);
  imp_sm *old = lost(k, 1, 5);
  kit_send(old, 6, 7);
  kit_heard(k, "evicted 1, evicted 2");
  assert_int_equal(kit_resume(k, ROMEO, imp_sm_get_id(old), 1), IMP_SM_NO_HISTORY);
  kit_heard(k, "covered 1");
  imp_sm *sm = kit_new(k, ROMEO);
  assert_true(inherit(k, sm, old, 1, 1) >= IMP_OK);
  kit_heard(k, "written 3 as 1, written 4 as 2, written 5 as 3, written 6 as 4, written 7 as 5");
}

static void a_forgotten_h_covers_nothing(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *old = kit_new(k, ROMEO), *sm = kit_new(k, ROMEO);
  kit_send(old, 1, 4);
  assert_int_equal(imp_sm_acked(old, 2), IMP_OK);
  assert_int_equal(imp_sm_disconnected(old, k->now), IMP_OK);
  kit_forget(k);
  assert_int_equal(inherit(k, sm, old, 1, 1), IMP_OK);
  kit_heard(k, "written 3 as 1, written 4 as 2");
}

static void what_is_wrong_moves_nothing(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *old = lost(k, 1, 3), *sm = kit_new(k, ROMEO), *other = kit_new(k, "juliet@example.net");
  assert_int_equal(inherit(k, sm, old, 1, 4), IMP_ERR_MALFORMED);
  assert_int_equal(inherit(k, other, old, 0, 0), IMP_ERR_INVALID_ARGUMENT);
  assert_int_equal(inherit(k, old, old, 0, 0), IMP_ERR_INVALID_ARGUMENT);
  kit_heard(k, "");
  assert_true(imp_sm_is_hibernating(old));
  assert_int_equal(imp_sm_get_queued(old), 3);
  assert_int_equal(imp_sm_get_out(sm), 0);
}

static void without_memory_nothing_moves(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *old = lost(k, 1, 60), *sm = kit_new(k, ROMEO);
  int rv = inherit(k, sm, old, 1, 10);
  if (rv == IMP_ERR_NOMEM) { /* only when an allocation was made to fail */
    assert_true(unit_alloc_failed());
    kit_heard(k, "");
    assert_int_equal(imp_sm_get_queued(old), 60);
    assert_int_equal(imp_sm_get_acked(old), 0);
    rv = inherit(k, sm, old, 1, 10);
  }
  assert_int_equal(rv, IMP_SM_WANT_R);
  assert_int_equal(imp_sm_get_queued(sm), 50);
  kit_forget(k);
}

static void also_from_a_session_that_is_still_connected(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *old = kit_new(k, ROMEO), *sm = kit_new(k, ROMEO);
  kit_send(old, 1, 2);
  assert_int_equal(inherit(k, sm, old, 0, 0), IMP_OK);
  kit_forget(k);
  assert_int_equal(imp_sm_acked(sm, 2), IMP_OK);
  kit_heard(k, "resent 1, resent 2");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_queue_comes_in_order_behind_what_was_sent),
      cmocka_unit_test(nothing_that_h_covers_is_sent_again),
      cmocka_unit_test(everything_may_be_covered),
      cmocka_unit_test(what_came_while_hibernating_is_sent_for_the_first_time),
      cmocka_unit_test(nobody_is_told_that_the_old_session_expired),
      cmocka_unit_test(the_old_sessions_handled_count_stays_known),
      cmocka_unit_test(a_long_queue_asks_for_a_count),
      cmocka_unit_test(a_buffer_that_overflows_evicts_its_oldest),
      cmocka_unit_test(a_smaller_buffer_inherits_from_a_larger),
      cmocka_unit_test(a_refused_resume_then_bind_then_inherit),
      cmocka_unit_test(a_forgotten_h_covers_nothing),
      cmocka_unit_test(what_is_wrong_moves_nothing),
      cmocka_unit_test(without_memory_nothing_moves),
      cmocka_unit_test(also_from_a_session_that_is_still_connected),
  };
  return unit_run("sm_inherit", tests);
}
