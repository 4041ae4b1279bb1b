/* The table of settings: defaults, ranges, errors that name what is wrong, changes while running. */
#include <stdio.h>

#include "sm_kit.h"

static imp_sm_settings fresh(void) {
  imp_sm_settings s;
  imp_sm_settings_default(&s, sizeof s);
  return s;
}

static void defaults_are_those_of_the_table(void **state) {
  imp_sm_settings s = fresh();
  (void)state;
  assert_int_equal(s.size, sizeof s);
  assert_int_equal(s.enabled, 1);
  assert_int_equal(s.profile, IMP_SM_PROFILE_STRICT);
  assert_int_equal(s.timeout, 60);
  assert_int_equal(s.buffer_packets, 100);
  assert_int_equal(s.buffer_bytes, 1048576);
  assert_int_equal(s.ack_rate, 5);
  assert_int_equal(s.policy, IMP_SM_RETURN);
  assert_int_equal(s.max_hibernated, 10);
  assert_int_equal(s.handled_time, 48 * 3600);
  assert_int_equal(s.handled_max, 100000);
  assert_int_equal(imp_sm_settings_check(&s, NULL, 0), IMP_OK);
}

static void check_range(size_t offset, uint32_t profile, uint32_t min, uint32_t max, const char *name) {
  char text[200], expected[200];
  imp_sm_settings s = fresh();
  uint32_t *value = (uint32_t *)(void *)((char *)&s + offset);
  s.profile = profile;
  *value = min;
  assert_int_equal(imp_sm_settings_check(&s, text, sizeof text), IMP_OK);
  *value = max;
  assert_int_equal(imp_sm_settings_check(&s, text, sizeof text), IMP_OK);
  assert_string_equal(text, "");
  *value = max + 1;
  assert_int_equal(imp_sm_settings_check(&s, text, sizeof text), IMP_ERR_RANGE);
  snprintf(expected, sizeof expected, "sm %s %u: must be %u to %u (%s profile)", name, max + 1, min, max,
           profile ? "lifted" : "strict");
  assert_string_equal(text, expected);
  if (min > 0) {
    *value = min - 1;
    assert_int_equal(imp_sm_settings_check(&s, text, sizeof text), IMP_ERR_RANGE);
    snprintf(expected, sizeof expected, "sm %s %u: must be %u to %u (%s profile)", name, min - 1, min, max,
             profile ? "lifted" : "strict");
    assert_string_equal(text, expected);
  }
}

#define RANGE(name, profile, min, max) check_range(offsetof(imp_sm_settings, name), profile, min, max, #name)

static void strict_ranges(void **state) {
  (void)state;
  RANGE(enabled, 0, 0, 1);
  RANGE(timeout, 0, 30, 90);
  RANGE(buffer_packets, 0, 5, 150);
  RANGE(ack_rate, 0, 1, 64);
  RANGE(policy, 0, 0, 2);
  RANGE(max_hibernated, 0, 1, 100);
  RANGE(handled_time, 0, 0, 2592000);
  RANGE(handled_max, 0, 0, 10000000);
}

static void lifted_ranges(void **state) {
  (void)state;
  RANGE(timeout, 1, 1, 86400);
  RANGE(buffer_packets, 1, 1, 65536);
  RANGE(ack_rate, 1, 1, 4096);
  RANGE(max_hibernated, 1, 1, 10000);
}

static void bytes_have_a_range_too(void **state) {
  imp_sm_settings s = fresh();
  char text[200];
  (void)state;
  s.buffer_bytes = 65535;
  assert_int_equal(imp_sm_settings_check(&s, text, sizeof text), IMP_ERR_RANGE);
  assert_string_equal(text, "sm buffer_bytes 65535: must be 65536 to 16777216 (strict profile)");
  s.buffer_bytes = UINT64_MAX;
  assert_int_equal(imp_sm_settings_check(&s, text, sizeof text), IMP_ERR_RANGE);
  assert_string_equal(text, "sm buffer_bytes 18446744073709551615: must be 65536 to 16777216 (strict profile)");
  s.profile = IMP_SM_PROFILE_LIFTED;
  s.buffer_bytes = (uint64_t)1 << 30;
  assert_int_equal(imp_sm_settings_check(&s, text, sizeof text), IMP_OK);
}

static void an_unknown_profile_is_refused(void **state) {
  imp_sm_settings s = fresh();
  char text[200];
  (void)state;
  s.profile = 2;
  assert_int_equal(imp_sm_settings_check(&s, text, sizeof text), IMP_ERR_RANGE);
  assert_string_equal(text, "sm profile 2: must be 0 to 1 (strict profile)");
}

static void a_short_text_is_cut(void **state) {
  imp_sm_settings s = fresh();
  char text[11];
  (void)state;
  s.timeout = 15;
  assert_int_equal(imp_sm_settings_check(&s, text, sizeof text), IMP_ERR_RANGE);
  assert_string_equal(text, "sm timeout");
}

static void an_older_host_has_a_shorter_struct(void **state) {
  KIT(k);
  imp_sm_settings_default(&k->settings, offsetof(imp_sm_settings, policy));
  k->settings.timeout = 45;
  k->settings.max_hibernated = 77777; /* beyond its size: not looked at */
  kit_start(k);
  assert_int_equal(imp_sm_manager_get(k->m)->timeout, 45);
  assert_int_equal(imp_sm_manager_get(k->m)->max_hibernated, 10);
}

static void settings_without_a_size_are_refused(void **state) {
  imp_sm_settings s = fresh();
  (void)state;
  s.size = 0;
  assert_int_equal(imp_sm_settings_check(&s, NULL, 0), IMP_ERR_INVALID_ARGUMENT);
  assert_int_equal(imp_sm_settings_check(NULL, NULL, 0), IMP_ERR_INVALID_ARGUMENT);
}

static void changes_hold_for_sessions_enabled_later(void **state) {
  KIT(k);
  imp_sm_settings s = k->settings;
  kit_start(k);
  imp_sm *before = kit_new(k, "romeo@example.net");
  s.timeout = 90;
  s.ack_rate = 1;
  s.policy = IMP_SM_STORE;
  assert_int_equal(imp_sm_manager_set(k->m, &s, NULL, 0), IMP_OK);
  imp_sm *after = kit_new(k, "romeo@example.net");
  assert_int_equal(imp_sm_get_max(before), 60);
  assert_int_equal(imp_sm_get_max(after), 90);
  assert_int_equal(imp_sm_get_settings(before)->policy, IMP_SM_RETURN);
  assert_int_equal(imp_sm_get_settings(after)->policy, IMP_SM_STORE);
  assert_int_equal(kit_send(before, 1, 4), 0);
  assert_int_equal(kit_send(after, 1, 1), 1);
}

static void a_refused_change_changes_nothing(void **state) {
  KIT(k);
  char text[200];
  imp_sm_settings s = k->settings;
  kit_start(k);
  s.timeout = 91;
  s.ack_rate = 9;
  assert_int_equal(imp_sm_manager_set(k->m, &s, text, sizeof text), IMP_ERR_RANGE);
  assert_string_equal(text, "sm timeout 91: must be 30 to 90 (strict profile)");
  assert_int_equal(imp_sm_manager_get(k->m)->timeout, 60);
  assert_int_equal(imp_sm_manager_get(k->m)->ack_rate, 5);
}

static void off_means_that_enable_is_denied(void **state) {
  KIT(k);
  imp_sm *sm = NULL;
  imp_sm_settings s = k->settings;
  kit_start(k);
  imp_sm *before = kit_new(k, "romeo@example.net");
  s.enabled = 0;
  assert_int_equal(imp_sm_manager_set(k->m, &s, NULL, 0), IMP_OK);
  assert_int_equal(imp_sm_new(k->m, &sm, "romeo@example.net", 1, 0, k->now, NULL), IMP_ERR_DENIED);
  assert_null(sm);
  assert_int_equal(imp_sm_disconnected(before, k->now), IMP_OK); /* what was enabled stays */
  assert_int_equal(kit_resume(k, "romeo@example.net", imp_sm_get_id(before), 0), IMP_SM_RESUMED);
}

static void a_client_gets_the_maximum_or_less_if_it_asked_for_less(void **state) {
  KIT(k);
  kit_start(k);
  assert_int_equal(imp_sm_get_max(kit_new_with(k, "a@b", 1, 0)), 60);
  assert_int_equal(imp_sm_get_max(kit_new_with(k, "a@b", 1, 600)), 60);
  assert_int_equal(imp_sm_get_max(kit_new_with(k, "a@b", 1, UINT32_MAX)), 60);
  assert_int_equal(imp_sm_get_max(kit_new_with(k, "a@b", 1, 60)), 60);
  assert_int_equal(imp_sm_get_max(kit_new_with(k, "a@b", 1, 59)), 59);
  assert_int_equal(imp_sm_get_max(kit_new_with(k, "a@b", 1, 1)), 1);
  assert_int_equal(imp_sm_get_max(kit_new_with(k, "a@b", 0, 30)), 0);
}

static void nop_settle(imp_sm *sm, void *packet, uint32_t count, imp_sm_settled how, void *user_data) {
  (void)sm, (void)packet, (void)count, (void)how, (void)user_data;
}
static void nop_expired(imp_sm *sm, void *user_data) { (void)sm, (void)user_data; }

static int try_manager(kit *k, const imp_sm_callbacks *cb, const char *prefix, const char *expected) {
  char text[200] = "";
  imp_sm_manager *m = NULL;
  int rv = imp_sm_manager_new(&m, &k->settings, cb, prefix, text, sizeof text, k);
  assert_string_equal(text, expected);
  imp_sm_manager_del(m);
  return rv;
}

static void a_manager_says_what_it_lacks(void **state) {
  KIT(k);
  const char *lacks = "sm callbacks: size, settle, expired and random are required";
  const char *prefix = "sm prefix: must be at most 32 characters out of A-Z a-z 0-9 . _ -";
  imp_sm_callbacks good = {sizeof good, nop_settle, NULL, nop_expired, kit_random, NULL}, bad;
  assert_int_equal(try_manager(k, &good, NULL, ""), IMP_OK);
  assert_int_equal(try_manager(k, &good, "", ""), IMP_OK);
  assert_int_equal(try_manager(k, &good, "abcdefghijklmnopqrstuvwxyz-_.012", ""), IMP_OK);
  assert_int_equal(try_manager(k, &good, "abcdefghijklmnopqrstuvwxyz-_.0123", prefix), IMP_ERR_INVALID_ARGUMENT);
  assert_int_equal(try_manager(k, &good, "a'b", prefix), IMP_ERR_INVALID_ARGUMENT);
  assert_int_equal(try_manager(k, NULL, NULL, lacks), IMP_ERR_INVALID_ARGUMENT);
  bad = good, bad.size = 0;
  assert_int_equal(try_manager(k, &bad, NULL, lacks), IMP_ERR_INVALID_ARGUMENT);
  bad = good, bad.size = offsetof(imp_sm_callbacks, random);
  assert_int_equal(try_manager(k, &bad, NULL, lacks), IMP_ERR_INVALID_ARGUMENT);
  bad = good, bad.settle = NULL;
  assert_int_equal(try_manager(k, &bad, NULL, lacks), IMP_ERR_INVALID_ARGUMENT);
  bad = good, bad.expired = NULL;
  assert_int_equal(try_manager(k, &bad, NULL, lacks), IMP_ERR_INVALID_ARGUMENT);
  k->random_fails = 1;
  assert_int_equal(try_manager(k, &good, NULL, "sm random: the callback failed"), IMP_ERR_UNAVAILABLE);
  k->random_fails = 0;
  k->settings.ack_rate = 0;
  assert_int_equal(try_manager(k, &good, NULL, "sm ack_rate 0: must be 1 to 64 (strict profile)"), IMP_ERR_RANGE);
  imp_sm_manager_del(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(defaults_are_those_of_the_table),
      cmocka_unit_test(strict_ranges),
      cmocka_unit_test(lifted_ranges),
      cmocka_unit_test(bytes_have_a_range_too),
      cmocka_unit_test(an_unknown_profile_is_refused),
      cmocka_unit_test(a_short_text_is_cut),
      cmocka_unit_test(an_older_host_has_a_shorter_struct),
      cmocka_unit_test(settings_without_a_size_are_refused),
      cmocka_unit_test(changes_hold_for_sessions_enabled_later),
      cmocka_unit_test(a_refused_change_changes_nothing),
      cmocka_unit_test(off_means_that_enable_is_denied),
      cmocka_unit_test(a_client_gets_the_maximum_or_less_if_it_asked_for_less),
      cmocka_unit_test(a_manager_says_what_it_lacks),
  };
  return unit_run("sm_settings", tests);
}
