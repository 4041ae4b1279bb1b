/* What is known of sessions that are gone: bounded in number and time, told to nobody else. */
#include <stdio.h>
#include <string.h>

#include "sm_kit.h"

#define ROMEO "romeo@example.net"

static int handled(kit *k, const char *user, const char *id, uint32_t h, uint32_t *count) {
  imp_sm *sm;
  int known;
  *count = 0;
  assert_int_equal(imp_sm_resume(k->m, user, id, h, k->now, &sm, count, &known), IMP_SM_UNKNOWN);
  assert_null(sm);
  return known;
}

static int restore(kit *k, const char *user, const char *id, uint32_t h, uint32_t seconds) {
  imp_sm_state state = {.size = sizeof state, .id = id, .user = user, .in = h};
  return imp_sm_restore_handled(k->m, &state, seconds, k->now);
}

static void id_of(char id[IMP_SM_ID_MAX + 1], const imp_sm *sm) {
  snprintf(id, IMP_SM_ID_MAX + 1, "%s", imp_sm_get_id(sm));
}

static void failed_tells_what_was_handled_for_48_hours(void **state) {
  KIT(k);
  uint32_t h;
  char id[IMP_SM_ID_MAX + 1];
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  id_of(id, sm);
  for (int i = 0; i < 42; i++) {
    imp_sm_received(sm);
  }
  assert_int_equal(imp_sm_disconnected(sm, k->now), IMP_OK);
  kit_wait(k, 60);
  kit_heard(k, "expired");
  kit_wait(k, 48 * 3600 - 1);
  assert_true(handled(k, ROMEO, id, 0, &h));
  assert_int_equal(h, 42);
  assert_true(handled(k, ROMEO, id, 0, &h)); /* not only once */
  kit_wait(k, 1);
  assert_false(handled(k, ROMEO, id, 0, &h));
  assert_int_equal(imp_sm_manager_get_expiry(k->m), IMP_TSTAMP_NEVER);
}

static void for_as_long_as_the_setting_says(void **state) {
  KIT(k);
  uint32_t h;
  char id[IMP_SM_ID_MAX + 1];
  k->settings.handled_time = 100;
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  id_of(id, sm);
  kit_del(k, sm, 1);
  kit_wait(k, 99);
  assert_true(handled(k, ROMEO, id, 0, &h));
  kit_wait(k, 1);
  assert_false(handled(k, ROMEO, id, 0, &h));
}

static void nothing_is_remembered_if_the_setting_is_zero(void **state) {
  KIT(k);
  uint32_t h;
  char id[IMP_SM_ID_MAX + 1];
  k->settings.handled_time = 0;
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  id_of(id, sm);
  kit_del(k, sm, 1);
  assert_false(handled(k, ROMEO, id, 0, &h));
  k->settings.handled_time = 100;
  k->settings.handled_max = 0;
  assert_int_equal(imp_sm_manager_set(k->m, &k->settings, NULL, 0), IMP_OK);
  sm = kit_new(k, ROMEO);
  id_of(id, sm);
  kit_del(k, sm, 1);
  assert_false(handled(k, ROMEO, id, 0, &h));
}

static void nobody_remembers_a_clean_close(void **state) {
  KIT(k);
  kit_start(k);
  kit_del(k, kit_new(k, ROMEO), 0);
  assert_int_equal(kit_stats(k).handled, 0);
}

static void of_too_many_the_oldest_is_forgotten(void **state) {
  KIT(k);
  char id[5][IMP_SM_ID_MAX + 1];
  uint32_t h;
  k->settings.handled_max = 3;
  kit_start(k);
  for (int i = 0; i < 5; i++) {
    imp_sm *sm = kit_new(k, ROMEO);
    id_of(id[i], sm);
    k->now += IMP_SECONDS;
    kit_del(k, sm, 1);
    assert_true(kit_stats(k).handled <= 3);
  }
  assert_false(handled(k, ROMEO, id[0], 0, &h));
  assert_false(handled(k, ROMEO, id[1], 0, &h));
  assert_true(handled(k, ROMEO, id[2], 0, &h));
  assert_true(handled(k, ROMEO, id[4], 0, &h));
}

static void nobody_else_is_told(void **state) {
  KIT(k);
  uint32_t h;
  char id[IMP_SM_ID_MAX + 1];
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  id_of(id, sm);
  kit_send(sm, 1, 3);
  kit_del(k, sm, 1);
  kit_forget(k);
  assert_false(handled(k, "juliet@example.net", id, 2, &h));
  assert_false(handled(k, "romeo@example.ne", id, 2, &h));
  assert_false(handled(k, "", id, 2, &h));
  kit_heard(k, "");
  assert_true(handled(k, ROMEO, id, 2, &h));
}

/* The acknowledgement came too late to resume, but it came: what was stored for it can be taken out. */
static void a_late_h_still_acknowledges(void **state) {
  KIT(k);
  uint32_t h;
  char id[IMP_SM_ID_MAX + 1];
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  id_of(id, sm);
  kit_send(sm, 1, 6);
  assert_true(imp_sm_acked(sm, 2) >= IMP_OK);
  kit_del(k, sm, 1);
  kit_forget(k);
  assert_true(handled(k, ROMEO, id, 2, &h)); /* known already */
  assert_true(handled(k, ROMEO, id, 1, &h)); /* old */
  assert_true(handled(k, ROMEO, id, 7, &h)); /* never sent */
  kit_heard(k, "");
  assert_true(handled(k, ROMEO, id, 4, &h));
  kit_heard(k, "late 4");
  assert_true(handled(k, ROMEO, id, 4, &h));
  assert_true(handled(k, ROMEO, id, 3, &h));
  kit_heard(k, "");
  assert_true(handled(k, ROMEO, id, 6, &h));
  kit_heard(k, "late 6");
}

static void known_again_after_a_restart(void **state) {
  KIT(k);
  uint32_t h;
  kit_start(k);
  assert_int_equal(restore(k, ROMEO, "node0.abc", 0xfffffff0u, 100), IMP_OK);
  assert_int_equal(restore(k, ROMEO, "node0.abc", 1, 100), IMP_ERR_EXISTS);
  assert_true(handled(k, ROMEO, "node0.abc", 77, &h));
  assert_int_equal(h, 0xfffffff0u);
  kit_heard(k, "");
  kit_wait(k, 100);
  assert_false(handled(k, ROMEO, "node0.abc", 0, &h));
}

static void a_late_h_acknowledges_after_a_restart(void **state) {
  KIT(k);
  uint32_t h;
  imp_sm_state gone = {.size = sizeof gone, .id = "a", .user = ROMEO, .in = 7, .out = 3, .acked = 0xfffffffeu};
  kit_start(k);
  assert_int_equal(imp_sm_restore_handled(k->m, &gone, 100, k->now), IMP_OK);
  assert_true(handled(k, ROMEO, "a", 0xfffffffeu, &h)); /* known already */
  assert_true(handled(k, ROMEO, "a", 4, &h));           /* never sent */
  kit_heard(k, "");
  assert_true(handled(k, ROMEO, "a", 2, &h));
  assert_int_equal(h, 7);
  kit_heard(k, "late 2");
  gone.id = "b";
  gone.acked = 4; /* more than was sent */
  assert_int_equal(imp_sm_restore_handled(k->m, &gone, 100, k->now), IMP_ERR_MALFORMED);
}

static void restored_in_any_order_the_one_that_ends_first_goes(void **state) {
  KIT(k);
  uint32_t h;
  k->settings.handled_max = 2;
  kit_start(k);
  assert_int_equal(restore(k, ROMEO, "b", 2, 200), IMP_OK);
  assert_int_equal(restore(k, ROMEO, "a", 1, 100), IMP_OK);
  assert_int_equal(restore(k, ROMEO, "c", 3, 300), IMP_OK);
  assert_false(handled(k, ROMEO, "a", 0, &h));
  assert_true(handled(k, ROMEO, "b", 0, &h));
  assert_true(handled(k, ROMEO, "c", 0, &h));
}

static void what_cannot_have_been_stored_is_refused(void **state) {
  KIT(k);
  char longer[3000];
  kit_start(k);
  memset(longer, 'a', sizeof longer);
  longer[sizeof longer - 1] = '\0';
  assert_int_equal(restore(k, ROMEO, "", 1, 100), IMP_ERR_MALFORMED);
  assert_int_equal(restore(k, ROMEO, "a b", 1, 100), IMP_ERR_MALFORMED);
  assert_int_equal(restore(k, ROMEO, longer, 1, 100), IMP_ERR_MALFORMED);
  assert_int_equal(restore(k, "", "a", 1, 100), IMP_ERR_MALFORMED);
  assert_int_equal(restore(k, longer, "a", 1, 100), IMP_ERR_MALFORMED);
  assert_int_equal(restore(k, ROMEO, "a", 1, 0), IMP_OK); /* its time is over */
  assert_int_equal(kit_stats(k).handled, 0);
}

static void many_are_remembered(void **state) {
  KIT(k);
  unit_skip_alloc_fail();
  uint32_t h;
  char id[32];
  k->settings.handled_max = 5000;
  kit_start(k);
  for (unsigned i = 0; i < 20000; i++) {
    snprintf(id, sizeof id, "id%u", i);
    assert_int_equal(restore(k, ROMEO, id, i, 1000 + i), IMP_OK);
  }
  assert_int_equal(kit_stats(k).handled, 5000);
  for (unsigned i = 0; i < 20000; i++) {
    snprintf(id, sizeof id, "id%u", i);
    assert_int_equal(handled(k, ROMEO, id, 0, &h), i >= 15000);
    assert_int_equal(h, i >= 15000 ? i : 0);
  }
  kit_wait(k, 1000 + 17499);
  assert_int_equal(kit_stats(k).handled, 2500);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(failed_tells_what_was_handled_for_48_hours),
      cmocka_unit_test(for_as_long_as_the_setting_says),
      cmocka_unit_test(nothing_is_remembered_if_the_setting_is_zero),
      cmocka_unit_test(nobody_remembers_a_clean_close),
      cmocka_unit_test(of_too_many_the_oldest_is_forgotten),
      cmocka_unit_test(nobody_else_is_told),
      cmocka_unit_test(a_late_h_still_acknowledges),
      cmocka_unit_test(known_again_after_a_restart),
      cmocka_unit_test(a_late_h_acknowledges_after_a_restart),
      cmocka_unit_test(restored_in_any_order_the_one_that_ends_first_goes),
      cmocka_unit_test(what_cannot_have_been_stored_is_refused),
      cmocka_unit_test(many_are_remembered),
  };
  return unit_run("sm_handled", tests);
}
