/* When the server asks for a count: one <r/> outstanding, after so many stanzas, and when the buffer is half full. */
#include "sm_kit.h"

#define ROMEO "romeo@example.net"

static void after_as_many_stanzas_as_the_setting_says(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  assert_int_equal(kit_send(sm, 1, 4), 0);
  assert_false(imp_sm_r_outstanding(sm));
  assert_int_equal(imp_sm_sent(sm, kit_packet(5), 10), IMP_SM_WANT_R);
  assert_true(imp_sm_r_outstanding(sm));
}

static void a_rate_of_one_asks_each_time(void **state) {
  KIT(k);
  k->settings.ack_rate = 1;
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  for (uint32_t n = 1; n <= 20; n++) {
    assert_int_equal(kit_send(sm, n, n), 1);
    assert_int_equal(imp_sm_acked(sm, n), IMP_OK);
  }
}

static void one_outstanding_at_a_time(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  assert_int_equal(kit_send(sm, 1, 40), 1);
  assert_true(imp_sm_r_outstanding(sm));
}

static void stanzas_sent_meanwhile_are_asked_for_by_the_answer(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  assert_int_equal(kit_send(sm, 1, 12), 1);
  assert_int_equal(imp_sm_acked(sm, 5), IMP_SM_WANT_R); /* 6 … 12 are new */
  assert_true(imp_sm_r_outstanding(sm));
  assert_int_equal(imp_sm_acked(sm, 12), IMP_OK);
  assert_false(imp_sm_r_outstanding(sm));
}

static void few_stanzas_sent_meanwhile_wait_for_more(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  assert_int_equal(kit_send(sm, 1, 9), 1);
  assert_int_equal(imp_sm_acked(sm, 5), IMP_OK);
  assert_int_equal(kit_send(sm, 10, 10), 1);
}

static void a_client_that_acknowledges_unasked_is_not_asked(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  for (uint32_t n = 1; n <= 50; n++) {
    assert_int_equal(kit_send(sm, n, n), 0);
    assert_int_equal(imp_sm_acked(sm, n), IMP_OK);
  }
}

/* An <a/> that was under way when the <r/> left does not count as its answer. */
static void an_early_a_does_not_allow_a_second_r(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  assert_int_equal(kit_send(sm, 1, 5), 1);
  assert_int_equal(imp_sm_acked(sm, 2), IMP_OK);
  assert_int_equal(kit_send(sm, 6, 10), 0);
  assert_true(imp_sm_acked(sm, 5) == IMP_SM_WANT_R); /* now it is answered, and five are new */
}

static void half_full(void **state) {
  KIT(k);
  k->settings.ack_rate = 64;
  k->settings.buffer_packets = 10;
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  assert_int_equal(kit_send(sm, 1, 4), 0);
  assert_int_equal(kit_send(sm, 5, 5), 1);
  assert_int_equal(kit_send(sm, 6, 10), 0);
  assert_int_equal(imp_sm_acked(sm, 9), IMP_OK);
  assert_int_equal(kit_send(sm, 11, 13), 0);
  assert_int_equal(kit_send(sm, 14, 14), 1);
}

static void half_full_in_bytes(void **state) {
  KIT(k);
  k->settings.buffer_bytes = 65536;
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  assert_int_equal(imp_sm_sent(sm, kit_packet(1), 32767), IMP_OK);
  assert_int_equal(imp_sm_sent(sm, kit_packet(2), 1), IMP_SM_WANT_R);
}

static void one_r_when_half_full_and_no_more(void **state) {
  KIT(k);
  k->settings.ack_rate = 64;
  k->settings.buffer_packets = 10;
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  assert_int_equal(kit_send(sm, 1, 5), 1);
  assert_int_equal(imp_sm_acked(sm, 0), IMP_OK); /* answered, without having anything */
  assert_int_equal(kit_send(sm, 6, 60), 0);
  kit_forget(k);
}

/* Peers were seen to send <r/> for each <a/> that left something unacknowledged, for ever. */
static void no_loop_with_a_client_that_counts_too_low(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  assert_int_equal(kit_send(sm, 1, 5), 1);
  for (int i = 0; i < 100; i++) {
    assert_int_equal(imp_sm_acked(sm, 4), IMP_OK);
  }
}

static void a_client_that_never_moves_makes_no_loop(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  int asked = 0;
  for (uint32_t n = 1; n <= 300; n++) {
    asked += kit_send(sm, n, n);
    for (int i = 0; i < 3; i++) {
      asked += imp_sm_acked(sm, 0) == IMP_SM_WANT_R;
    }
  }
  assert_in_range(asked, 1, 300 / 5 + 1);
  kit_forget(k);
}

/* It always lacks one: the server goes on asking, at half the rate, so that the buffer does not fill up. */
static void a_client_that_counts_one_too_few_is_still_asked(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  int asked = 0;
  for (uint32_t n = 1; n <= 1000; n++) {
    if (kit_send(sm, n, n)) {
      asked++;
      assert_int_equal(imp_sm_acked(sm, n - 1), IMP_OK);
    }
    assert_true(imp_sm_get_queued(sm) <= 12);
  }
  assert_in_range(asked, 90, 110);
  assert_int_equal(kit_stats(k).evicted, 0);
  kit_forget(k);
}

static void a_client_whose_count_falls_behind_more_and_more(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  int asked = 0;
  for (uint32_t n = 1; n <= 1000; n++) {
    if (kit_send(sm, n, n)) {
      asked++;
      (void)imp_sm_acked(sm, n / 2);
    }
  }
  assert_in_range(asked, 50, 201);
  kit_forget(k);
}

static void an_inactive_client_is_left_alone_until_half_full(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  imp_sm_set_inactive(sm, 1);
  assert_int_equal(kit_send(sm, 1, 49), 0);
  assert_int_equal(kit_send(sm, 50, 50), 1);
  assert_int_equal(imp_sm_acked(sm, 50), IMP_OK);
  assert_int_equal(kit_send(sm, 51, 99), 0);
  imp_sm_set_inactive(sm, 0);
  assert_int_equal(kit_send(sm, 100, 100), 1);
}

static void an_inactive_client_that_does_not_move_is_asked_once_in_half_a_buffer(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  int asked = 0;
  imp_sm_set_inactive(sm, 1);
  for (uint32_t n = 1; n <= 1000; n++) {
    if (kit_send(sm, n, n)) {
      asked++;
      assert_int_equal(imp_sm_acked(sm, 0), IMP_OK);
    }
  }
  assert_int_equal(asked, 20);
  kit_forget(k);
}

static void an_inactive_client_is_never_asked_for_what_is_not_kept(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  imp_sm_set_inactive(sm, 1);
  for (int i = 0; i < 1000; i++) {
    assert_int_equal(imp_sm_sent(sm, NULL, 0), IMP_OK);
  }
}

static void inactivity_survives_resumption(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  imp_sm_set_inactive(sm, 1);
  assert_int_equal(imp_sm_disconnected(sm, k->now), IMP_OK);
  assert_int_equal(kit_resume(k, ROMEO, imp_sm_get_id(sm), 0), IMP_SM_RESUMED);
  assert_int_equal(kit_send(sm, 1, 49), 0);
}

static void nobody_is_asked_while_there_is_no_link(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  assert_int_equal(imp_sm_disconnected(sm, k->now), IMP_OK);
  assert_int_equal(kit_send(sm, 1, 90), 0);
  assert_false(imp_sm_r_outstanding(sm));
}

static void an_r_that_was_lost_with_its_link_is_not_outstanding(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  assert_int_equal(kit_send(sm, 1, 5), 1);
  assert_int_equal(imp_sm_disconnected(sm, k->now), IMP_OK);
  assert_int_equal(kit_resume(k, ROMEO, imp_sm_get_id(sm), 0), IMP_SM_RESUMED);
  assert_false(imp_sm_r_outstanding(sm));
  assert_int_equal(kit_send(sm, 6, 6), 1); /* what was sent again counts towards the next */
}

static void an_r_of_the_hosts_own_counts(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  assert_int_equal(kit_send(sm, 1, 3), 0);
  imp_sm_requested(sm);
  assert_true(imp_sm_r_outstanding(sm));
  assert_int_equal(kit_send(sm, 4, 20), 0);
  assert_int_equal(imp_sm_acked(sm, 20), IMP_OK);
  assert_false(imp_sm_r_outstanding(sm));
  imp_sm_requested(sm); /* of everything acknowledged: any <a/> answers it */
  assert_int_equal(imp_sm_acked(sm, 20), IMP_OK);
  assert_false(imp_sm_r_outstanding(sm));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(after_as_many_stanzas_as_the_setting_says),
      cmocka_unit_test(a_rate_of_one_asks_each_time),
      cmocka_unit_test(one_outstanding_at_a_time),
      cmocka_unit_test(stanzas_sent_meanwhile_are_asked_for_by_the_answer),
      cmocka_unit_test(few_stanzas_sent_meanwhile_wait_for_more),
      cmocka_unit_test(a_client_that_acknowledges_unasked_is_not_asked),
      cmocka_unit_test(an_early_a_does_not_allow_a_second_r),
      cmocka_unit_test(half_full),
      cmocka_unit_test(half_full_in_bytes),
      cmocka_unit_test(one_r_when_half_full_and_no_more),
      cmocka_unit_test(no_loop_with_a_client_that_counts_too_low),
      cmocka_unit_test(a_client_that_never_moves_makes_no_loop),
      cmocka_unit_test(a_client_that_counts_one_too_few_is_still_asked),
      cmocka_unit_test(a_client_whose_count_falls_behind_more_and_more),
      cmocka_unit_test(an_inactive_client_is_left_alone_until_half_full),
      cmocka_unit_test(an_inactive_client_that_does_not_move_is_asked_once_in_half_a_buffer),
      cmocka_unit_test(an_inactive_client_is_never_asked_for_what_is_not_kept),
      cmocka_unit_test(inactivity_survives_resumption),
      cmocka_unit_test(nobody_is_asked_while_there_is_no_link),
      cmocka_unit_test(an_r_that_was_lost_with_its_link_is_not_outstanding),
      cmocka_unit_test(an_r_of_the_hosts_own_counts),
  };
  return unit_run("sm_request", tests);
}
