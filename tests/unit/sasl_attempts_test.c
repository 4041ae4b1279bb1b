/* Failed logins: who waits, who never does. */
#include "alloc_fail.h"

#include <stdio.h>
#include <string.h>

#include "sasl/attempts.h"

#define S IMP_SECONDS
#define T0 (1000 * S)

static void del_attempts(void *attempts) { imp_attempts_del(attempts); }

static imp_attempts *new_attempts(const imp_attempts_settings *settings) {
  imp_attempts *attempts = NULL;
  assert_int_equal(imp_attempts_new(&attempts, settings), IMP_OK);
  unit_own(del_attempts, attempts);
  return attempts;
}

static void fail_times(imp_attempts *a, const char *address, const char *user, int times, imp_tstamp ts) {
  while (times-- > 0) {
    imp_attempts_failed(a, address, user, ts);
  }
}

static void makes_a_guesser_wait(void **state) {
  imp_attempts *a = new_attempts(NULL);
  imp_tstamp at = 0;
  (void)state;
  fail_times(a, "192.0.2.1", "u@x", 9, T0);
  assert_int_equal(imp_attempts_check(a, "192.0.2.1", "u@x", T0, &at), IMP_OK);
  fail_times(a, "192.0.2.1", "u@x", 1, T0);
  assert_int_equal(imp_attempts_check(a, "192.0.2.1", "u@x", T0, &at), IMP_ERR_LIMIT);
  assert_true(at == T0 + 30 * S);
  assert_int_equal(imp_attempts_check(a, "192.0.2.1", "u@x", at - 1, NULL), IMP_ERR_LIMIT);
  assert_int_equal(imp_attempts_check(a, "192.0.2.1", "u@x", at, NULL), IMP_OK);
  fail_times(a, "192.0.2.1", "u@x", 1, at);
  assert_int_equal(imp_attempts_check(a, "192.0.2.1", "u@x", at, NULL), IMP_ERR_LIMIT);
  assert_int_equal(imp_attempts_check(a, "192.0.2.1", "u@x", at + 300 * S, NULL), IMP_OK);
  assert_int_equal(imp_attempts_check(a, "192.0.2.1", "other@x", at, NULL), IMP_OK);
  assert_int_equal(imp_attempts_check(a, "192.0.2.1", NULL, at, NULL), IMP_OK);
}

static void forgives_success(void **state) {
  imp_attempts *a = new_attempts(NULL);
  (void)state;
  fail_times(a, "192.0.2.1", "u@x", 9, T0);
  imp_attempts_succeeded(a, "192.0.2.1", "u@x");
  fail_times(a, "192.0.2.1", "u@x", 9, T0);
  assert_int_equal(imp_attempts_check(a, "192.0.2.1", "u@x", T0, NULL), IMP_OK);
  imp_attempts_succeeded(a, "192.0.2.9", "nobody@x");
}

static void stops_spraying_from_one_address(void **state) {
  imp_attempts *a = new_attempts(NULL);
  char user[32];
  int i;
  (void)state;
  unit_skip_alloc_fail();
  for (i = 0; i < 100; i++) {
    snprintf(user, sizeof user, "u%d@x", i);
    imp_attempts_failed(a, "192.0.2.1", user, T0);
  }
  assert_int_equal(imp_attempts_check(a, "192.0.2.1", "new@x", T0, NULL), IMP_ERR_LIMIT);
  assert_int_equal(imp_attempts_check(a, "192.0.2.1", NULL, T0, NULL), IMP_ERR_LIMIT);
  assert_int_equal(imp_attempts_check(a, "192.0.2.1", NULL, T0 + 3 * S, NULL), IMP_OK);
  assert_int_equal(imp_attempts_check(a, "192.0.2.2", "new@x", T0, NULL), IMP_OK);
}

/* A user under attack from everywhere still gets in from an address that has done no wrong. */
static void locks_nobody_out(void **state) {
  imp_attempts *a = new_attempts(NULL);
  char address[32];
  int i;
  (void)state;
  unit_skip_alloc_fail();
  for (i = 0; i < 200; i++) {
    snprintf(address, sizeof address, "198.51.100.%d", i);
    imp_attempts_failed(a, address, "victim@x", T0);
  }
  assert_int_equal(imp_attempts_check(a, "192.0.2.1", "victim@x", T0, NULL), IMP_OK);
  assert_int_equal(imp_attempts_check(a, "198.51.100.7", "victim@x", T0, NULL), IMP_ERR_LIMIT);
  assert_int_equal(imp_attempts_check(a, "198.51.100.7", "victim@x", T0 + 30 * S, NULL), IMP_OK);
  assert_int_equal(imp_attempts_check(a, "198.51.100.7", "other@x", T0, NULL), IMP_OK);
}

static void counts_networks_of_ipv6(void **state) {
  imp_attempts *a = new_attempts(NULL);
  (void)state;
  fail_times(a, "2001:db8::1", "u@x", 5, T0);
  fail_times(a, "2001:db8::ffff:2", "u@x", 5, T0);
  assert_int_equal(imp_attempts_check(a, "2001:db8::3", "u@x", T0, NULL), IMP_ERR_LIMIT);
  assert_int_equal(imp_attempts_check(a, "2001:db8:0:1::3", "u@x", T0, NULL), IMP_OK);
  fail_times(a, "::ffff:192.0.2.1", "u@x", 10, T0);
  assert_int_equal(imp_attempts_check(a, "192.0.2.1", "u@x", T0, NULL), IMP_ERR_LIMIT);
  fail_times(a, "unix:somewhere", "u@x", 10, T0);
  assert_int_equal(imp_attempts_check(a, "unix:somewhere", "u@x", T0, NULL), IMP_ERR_LIMIT);
  assert_int_equal(imp_attempts_check(a, "", "u@x", T0, NULL), IMP_OK);
}

static void stays_bounded(void **state) {
  imp_attempts_settings s;
  imp_attempts *a;
  char address[32];
  int i;
  (void)state;
  unit_skip_alloc_fail();
  imp_attempts_settings_default(&s);
  s.max_entries = 16;
  a = new_attempts(&s);
  for (i = 0; i < 1000; i++) {
    snprintf(address, sizeof address, "10.0.%d.%d", i / 256, i % 256);
    imp_attempts_failed(a, address, "u@x", T0 + (imp_tstamp)i);
    assert_true(imp_attempts_count(a) <= 16);
  }
  assert_int_equal(imp_attempts_count(a), 16);
  imp_attempts_settings_default(&s);
  assert_int_equal(imp_attempts_set(a, &s), IMP_OK);
  fail_times(a, "192.0.2.1", "long-long-name-long-long-name-long-long-name@x", 10, T0);
  assert_int_equal(imp_attempts_count(a), 19);
}

static void checks_settings(void **state) {
  static const size_t members[] = {
      offsetof(imp_attempts_settings, pair_burst),        offsetof(imp_attempts_settings, pair_refill_ms),
      offsetof(imp_attempts_settings, address_burst),     offsetof(imp_attempts_settings, address_refill_ms),
      offsetof(imp_attempts_settings, user_burst),        offsetof(imp_attempts_settings, user_refill_ms),
      offsetof(imp_attempts_settings, max_entries),
  };
  imp_attempts_settings s;
  imp_attempts *a = NULL;
  const char *name;
  uint32_t value;
  size_t i, k;
  (void)state;
  for (i = 0; i < sizeof members / sizeof members[0]; i++) {
    for (k = 0; k < 2; k++) {
      value = k == 0 ? 0 : UINT32_MAX;
      imp_attempts_settings_default(&s);
      assert_int_equal(imp_attempts_settings_check(&s, NULL), IMP_OK);
      memcpy((char *)&s + members[i], &value, sizeof value);
      name = NULL;
      assert_int_equal(imp_attempts_settings_check(&s, &name), IMP_ERR_RANGE);
      assert_non_null(name);
      assert_int_equal(imp_attempts_new(&a, &s), IMP_ERR_RANGE);
    }
  }
}

/* An older host's struct is shorter: what it does not know is the default. */
static void takes_shorter_settings(void **state) {
  imp_attempts_settings s;
  imp_attempts *a;
  (void)state;
  memset(&s, 0, sizeof s);
  s.size = offsetof(imp_attempts_settings, pair_refill_ms);
  s.pair_burst = 1;
  a = new_attempts(&s);
  imp_attempts_failed(a, "192.0.2.1", "u@x", T0);
  assert_int_equal(imp_attempts_check(a, "192.0.2.1", "u@x", T0 + 30 * S - 1, NULL), IMP_ERR_LIMIT);
  assert_int_equal(imp_attempts_check(a, "192.0.2.1", "u@x", T0 + 30 * S, NULL), IMP_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(makes_a_guesser_wait),
      cmocka_unit_test(forgives_success),
      cmocka_unit_test(stops_spraying_from_one_address),
      cmocka_unit_test(locks_nobody_out),
      cmocka_unit_test(counts_networks_of_ipv6),
      cmocka_unit_test(stays_bounded),
      cmocka_unit_test(checks_settings),
      cmocka_unit_test(takes_shorter_settings),
  };
  return unit_run("sasl_attempts", tests);
}
