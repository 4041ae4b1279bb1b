/* The account of every message. */
#include "sm_kit.h"

static void a_new_ledger_is_empty_and_balances(void **state) {
  imp_ledger l;
  (void)state;
  imp_ledger_init(&l);
  assert_int_equal(l.size, sizeof l);
  assert_int_equal(l.accepted, 0);
  assert_true(imp_ledger_balances(&l));
}

static void copies_move_from_state_to_state(void **state) {
  imp_ledger l;
  (void)state;
  imp_ledger_init(&l);
  for (int i = 0; i < 3; i++) {
    imp_ledger_accept(&l);
  }
  imp_ledger_move(&l, IMP_FATE_IN_FLIGHT, IMP_FATE_ACKNOWLEDGED);
  imp_ledger_move(&l, IMP_FATE_IN_FLIGHT, IMP_FATE_STORED);
  assert_true(imp_ledger_balances(&l));
  imp_ledger_move(&l, IMP_FATE_STORED, IMP_FATE_FROM_OFFLINE);
  imp_ledger_drop(&l, IMP_FATE_IN_FLIGHT, IMP_DROP_HEADLINE);
  assert_true(imp_ledger_balances(&l));
  assert_int_equal(l.accepted, 3);
  assert_int_equal(l.now[IMP_FATE_IN_FLIGHT], 0);
  assert_int_equal(l.now[IMP_FATE_ACKNOWLEDGED], 1);
  assert_int_equal(l.now[IMP_FATE_FROM_OFFLINE], 1);
  assert_int_equal(l.now[IMP_FATE_DROPPED], 1);
  assert_int_equal(l.dropped[IMP_DROP_HEADLINE], 1);
}

static void every_state_and_rule_can_be_entered(void **state) {
  imp_ledger l;
  (void)state;
  imp_ledger_init(&l);
  for (int fate = IMP_FATE_ACKNOWLEDGED; fate < IMP_FATE_DROPPED; fate++) {
    imp_ledger_accept(&l);
    imp_ledger_move(&l, IMP_FATE_IN_FLIGHT, (imp_fate)fate);
    assert_int_equal(l.now[fate], 1);
  }
  for (int rule = 0; rule < IMP_DROP_RULES; rule++) {
    imp_ledger_accept(&l);
    imp_ledger_drop(&l, IMP_FATE_IN_FLIGHT, (imp_drop_rule)rule);
    assert_int_equal(l.dropped[rule], 1);
  }
  assert_int_equal(l.accepted, IMP_FATES - 2 + IMP_DROP_RULES);
  assert_int_equal(l.now[IMP_FATE_DROPPED], IMP_DROP_RULES);
  assert_true(imp_ledger_balances(&l));
}

static void a_message_settled_twice_shows(void **state) {
  imp_ledger l;
  (void)state;
  imp_ledger_init(&l);
  imp_ledger_accept(&l);
  imp_ledger_move(&l, IMP_FATE_IN_FLIGHT, IMP_FATE_ACKNOWLEDGED);
  imp_ledger_move(&l, IMP_FATE_IN_FLIGHT, IMP_FATE_RETURNED);
  assert_false(imp_ledger_balances(&l));
}

static void a_drop_without_a_rule_shows(void **state) {
  imp_ledger l;
  (void)state;
  imp_ledger_init(&l);
  imp_ledger_accept(&l);
  imp_ledger_move(&l, IMP_FATE_IN_FLIGHT, IMP_FATE_DROPPED);
  assert_false(imp_ledger_balances(&l));
}

static void a_message_that_was_never_accepted_shows(void **state) {
  imp_ledger l;
  (void)state;
  imp_ledger_init(&l);
  l.now[IMP_FATE_RETURNED] = 1;
  assert_false(imp_ledger_balances(&l));
}

static void everything_has_a_name_of_its_own(void **state) {
  (void)state;
  assert_string_equal(imp_fate_name(IMP_FATE_IN_FLIGHT), "in flight");
  assert_string_equal(imp_fate_name(IMP_FATE_ACKNOWLEDGED), "acknowledged");
  assert_string_equal(imp_drop_rule_name(IMP_DROP_CARBON), "carbon");
  assert_string_equal(imp_fate_name(IMP_FATES), "unknown");
  assert_string_equal(imp_drop_rule_name((imp_drop_rule)-1), "unknown");
  for (int i = 0; i < IMP_FATES; i++) {
    for (int j = 0; j < i; j++) {
      assert_string_not_equal(imp_fate_name((imp_fate)i), imp_fate_name((imp_fate)j));
    }
  }
  for (int i = 0; i < IMP_DROP_RULES; i++) {
    for (int j = 0; j < i; j++) {
      assert_string_not_equal(imp_drop_rule_name((imp_drop_rule)i), imp_drop_rule_name((imp_drop_rule)j));
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_new_ledger_is_empty_and_balances),
      cmocka_unit_test(copies_move_from_state_to_state),
      cmocka_unit_test(every_state_and_rule_can_be_entered),
      cmocka_unit_test(a_message_settled_twice_shows),
      cmocka_unit_test(a_drop_without_a_rule_shows),
      cmocka_unit_test(a_message_that_was_never_accepted_shows),
      cmocka_unit_test(everything_has_a_name_of_its_own),
  };
  return unit_run("sm_ledger", tests);
}
