/* Counting, acknowledging, wrapping, evicting. */
#include "sm_kit.h"

#define ROMEO "romeo@example.net"
#define NEAR_WRAP 0xfffffffdu /* three more, and then 0 */

static void counters_begin_at_zero(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  assert_int_equal(imp_sm_get_in(sm), 0);
  assert_int_equal(imp_sm_get_out(sm), 0);
  assert_int_equal(imp_sm_get_acked(sm), 0);
  assert_int_equal(imp_sm_get_queued(sm), 0);
  assert_ptr_equal(imp_sm_get_session_data(sm), k);
  assert_ptr_equal(imp_sm_get_manager(sm), k->m);
  assert_string_equal(imp_sm_get_user(sm), ROMEO);
  imp_sm_set_session_data(sm, &counters_begin_at_zero);
  assert_ptr_equal(imp_sm_get_session_data(sm), &counters_begin_at_zero);
}

static void every_stanza_received_counts(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  for (int i = 0; i < 7; i++) {
    imp_sm_received(sm);
  }
  assert_int_equal(imp_sm_get_in(sm), 7);
  assert_int_equal(imp_sm_get_out(sm), 0);
}

static void what_h_covers_is_settled_in_order(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  kit_send(sm, 1, 4);
  kit_heard(k, "");
  assert_true(imp_sm_acked(sm, 3) >= IMP_OK);
  kit_heard(k, "acked 1, acked 2, acked 3");
  assert_int_equal(imp_sm_get_acked(sm), 3);
  assert_int_equal(imp_sm_get_queued(sm), 1);
  assert_int_equal(imp_sm_get_queued_bytes(sm), 10);
  assert_int_equal(imp_sm_acked(sm, 4), IMP_OK);
  kit_heard(k, "acked 4");
  assert_int_equal(imp_sm_get_queued(sm), 0);
  assert_int_equal(imp_sm_get_queued_bytes(sm), 0);
}

static void an_old_h_again_is_no_error(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  kit_send(sm, 1, 4);
  assert_true(imp_sm_acked(sm, 3) >= IMP_OK);
  kit_forget(k);
  for (uint32_t h = 0; h <= 3; h++) {
    assert_int_equal(imp_sm_acked(sm, h), IMP_OK);
  }
  kit_heard(k, "");
  assert_int_equal(imp_sm_get_acked(sm), 3);
}

static void h_higher_than_sent_is_an_error_and_changes_nothing(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  kit_send(sm, 1, 4);
  static const uint32_t wrong[] = {5, 6, 1000, 0x7fffffff, 0x80000000, 0x80000004, 0x80000005, UINT32_MAX};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    assert_int_equal(imp_sm_acked(sm, wrong[i]), IMP_ERR_MALFORMED);
  }
  kit_heard(k, "");
  assert_int_equal(imp_sm_get_acked(sm), 0);
  assert_int_equal(imp_sm_acked(sm, 4), IMP_OK);
}

static void h_higher_than_sent_on_a_fresh_session(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  assert_int_equal(imp_sm_acked(sm, 0), IMP_OK);
  assert_int_equal(imp_sm_acked(sm, 1), IMP_ERR_MALFORMED);
  assert_int_equal(imp_sm_acked(sm, UINT32_MAX), IMP_ERR_MALFORMED);
}

static void counters_wrap_at_2_to_the_32(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new_at(k, ROMEO, NEAR_WRAP);
  kit_send(sm, 1, 6);
  assert_int_equal(imp_sm_get_out(sm), 3);
  assert_true(imp_sm_acked(sm, 0xffffffff) >= IMP_OK);
  kit_heard(k, "acked 1, acked 2");
  assert_true(imp_sm_acked(sm, 0) >= IMP_OK);
  kit_heard(k, "acked 3");
  assert_int_equal(imp_sm_acked(sm, 0xfffffffe), IMP_OK); /* old */
  assert_int_equal(imp_sm_acked(sm, 4), IMP_ERR_MALFORMED);
  kit_heard(k, "");
  assert_true(imp_sm_acked(sm, 3) >= IMP_OK);
  kit_heard(k, "acked 4, acked 5, acked 6");
}

static void the_inbound_count_wraps_too(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new_at(k, ROMEO, NEAR_WRAP);
  for (int i = 0; i < 5; i++) {
    imp_sm_received(sm);
  }
  assert_int_equal(imp_sm_get_in(sm), 2);
}

static void a_resumption_over_the_wrap(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new_at(k, ROMEO, NEAR_WRAP);
  kit_send(sm, 1, 5);
  assert_int_equal(imp_sm_disconnected(sm, k->now), IMP_OK);
  assert_int_equal(kit_resume(k, ROMEO, imp_sm_get_id(sm), 3), IMP_SM_H_TOO_HIGH);
  assert_int_equal(kit_resume(k, ROMEO, imp_sm_get_id(sm), 0xfffffffe), IMP_SM_RESUMED);
  kit_heard(k, "acked 1");
  assert_string_equal(kit_replay(sm, 1), "2 3 4 5");
}

static void stanzas_that_are_not_kept_count_too(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  imp_sm_sent(sm, NULL, 0);
  kit_send(sm, 1, 1);
  imp_sm_sent(sm, NULL, 0);
  assert_int_equal(imp_sm_get_out(sm), 3);
  assert_int_equal(imp_sm_get_queued(sm), 1);
  assert_true(imp_sm_acked(sm, 1) >= IMP_OK);
  kit_heard(k, "");
  assert_true(imp_sm_acked(sm, 3) >= IMP_OK);
  kit_heard(k, "acked 1");
}

static void a_full_buffer_evicts_the_oldest(void **state) {
  KIT(k);
  k->settings.buffer_packets = 5;
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  assert_int_equal(imp_sm_get_room(sm), 5);
  kit_send(sm, 1, 5);
  assert_int_equal(imp_sm_get_room(sm), 0);
  kit_heard(k, "");
  kit_send(sm, 6, 7);
  kit_heard(k, "evicted 1, evicted 2");
  assert_int_equal(imp_sm_get_queued(sm), 5);
  assert_string_equal(kit_replay(sm, 0), "3 4 5 6 7");
}

static void evicted_and_covered_later_can_be_taken_out_of_storage(void **state) {
  KIT(k);
  k->settings.buffer_packets = 5;
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  kit_send(sm, 1, 8);
  kit_heard(k, "evicted 1, evicted 2, evicted 3");
  assert_true(imp_sm_acked(sm, 2) >= IMP_OK);
  kit_heard(k, "covered 2");
  assert_true(imp_sm_acked(sm, 5) >= IMP_OK);
  kit_heard(k, "covered 3, acked 4, acked 5");
  assert_true(imp_sm_acked(sm, 6) >= IMP_OK);
  kit_heard(k, "acked 6");
}

static void eviction_over_the_wrap(void **state) {
  KIT(k);
  k->settings.buffer_packets = 5;
  kit_start(k);
  imp_sm *sm = kit_new_at(k, ROMEO, NEAR_WRAP);
  kit_send(sm, 1, 9); /* 9 has number 6; 1 … 4 evicted, up to number 1 */
  kit_heard(k, "evicted 1, evicted 2, evicted 3, evicted 4");
  assert_true(imp_sm_acked(sm, 0xffffffff) >= IMP_OK);
  kit_heard(k, "covered 4294967295");
  assert_true(imp_sm_acked(sm, 2) >= IMP_OK);
  kit_heard(k, "covered 1, acked 5");
}

static void bytes_are_bounded_beside_packets(void **state) {
  KIT(k);
  k->settings.buffer_bytes = 65536;
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  imp_sm_sent(sm, kit_packet(1), 30000);
  imp_sm_sent(sm, kit_packet(2), 30000);
  imp_sm_sent(sm, kit_packet(3), 5536);
  kit_heard(k, "");
  assert_int_equal(imp_sm_get_queued_bytes(sm), 65536);
  assert_int_equal(imp_sm_get_room(sm), 0);
  imp_sm_sent(sm, kit_packet(4), 1);
  kit_heard(k, "evicted 1");
  imp_sm_sent(sm, kit_packet(5), 59999);
  kit_heard(k, "evicted 2");
  assert_int_equal(imp_sm_get_queued_bytes(sm), 5536 + 1 + 59999);
}

static void the_newest_packet_is_kept_whatever_its_size(void **state) {
  KIT(k);
  k->settings.buffer_bytes = 65536;
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  kit_send(sm, 1, 3);
  imp_sm_sent(sm, kit_packet(4), SIZE_MAX);
  kit_heard(k, "evicted 1, evicted 2, evicted 3");
  assert_int_equal(imp_sm_get_queued(sm), 1);
  imp_sm_sent(sm, kit_packet(5), 1);
  kit_heard(k, "evicted 4");
  assert_int_equal(kit_stats(k).queued_bytes, 1);
}

static void a_client_that_never_acknowledges_costs_a_full_buffer_and_no_more(void **state) {
  KIT(k);
  unit_skip_alloc_fail();
  k->settings.buffer_packets = 150;
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  for (int i = 0; i < 10000; i++) {
    kit_send(sm, 1, 1);
    kit_forget(k);
  }
  assert_int_equal(imp_sm_get_queued(sm), 150);
  assert_int_equal(kit_stats(k).evicted, 9850);
  assert_int_equal(imp_sm_get_acked(sm), 0);
  assert_true(imp_sm_acked(sm, 10000) >= IMP_OK);
  assert_int_equal(imp_sm_get_queued(sm), 0);
}

static void other_order_of_callbacks_than_of_sending_never_happens(void **state) {
  KIT(k);
  k->settings.buffer_packets = 5;
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  for (uintptr_t n = 1; n <= 40; n += 4) {
    kit_send(sm, n, n + 3);
    assert_true(imp_sm_acked(sm, (uint32_t)n + 2) >= IMP_OK);
  }
  kit_forget(k);
  assert_string_equal(kit_replay(sm, 0), "40");
  imp_sm_stats s = kit_stats(k);
  assert_int_equal(s.packets, 40);
  assert_int_equal(s.acked, 39);
  assert_int_equal(s.evicted, 0);
}

static void deleting_abandons_what_is_unacknowledged(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  kit_send(sm, 1, 4);
  assert_true(imp_sm_acked(sm, 2) >= IMP_OK);
  kit_forget(k);
  kit_del(k, sm, 0);
  kit_heard(k, "abandoned 3, abandoned 4");
  assert_int_equal(kit_stats(k).sessions, 0);
  imp_sm_del(NULL, 1, k->now);
}

static void a_buffer_that_is_empty_costs_nothing(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  for (int round = 0; round < 3; round++) {
    kit_send(sm, 1, 90);
    assert_true(imp_sm_acked(sm, imp_sm_get_out(sm)) >= IMP_OK);
  }
  assert_int_equal(imp_sm_get_queued_bytes(sm), 0);
  kit_forget(k);
}

static void without_memory_the_stanza_is_not_counted(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  for (uintptr_t n = 1; n <= 40; n++) {
    uint32_t before = imp_sm_get_out(sm);
    size_t queued = imp_sm_get_queued(sm);
    int rv = imp_sm_sent(sm, kit_packet(n), 10);
    if (rv == IMP_ERR_NOMEM) { /* only when an allocation was made to fail */
      assert_true(unit_alloc_failed());
      assert_int_equal(imp_sm_get_out(sm), before);
      assert_int_equal(imp_sm_get_queued(sm), queued);
      kit_heard(k, "");
      assert_true(imp_sm_sent(sm, kit_packet(n), 10) >= IMP_OK);
    }
    assert_int_equal(imp_sm_get_out(sm), before + 1);
  }
  assert_int_equal(imp_sm_acked(sm, 40), IMP_OK);
  kit_forget(k);
}

/* XEP-0198 says nothing of a peer that ignores it for so long; the arithmetic must stay right all the same. */
static void two_thousand_million_unacknowledged_stanzas(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = NULL;
  imp_sm_state s = {sizeof s, "long", ROMEO, 0, 0x80000000u, 0, 60, 0, 0};
  assert_int_equal(imp_sm_restore(k->m, &sm, &s, k->now, NULL), IMP_OK);
  kit_keep(k, sm);
  assert_int_equal(imp_sm_restore_packet(sm, kit_packet(1), 10, 1), IMP_OK);
  assert_int_equal(imp_sm_restore_packet(sm, kit_packet(2), 10, 0x80000000u), IMP_OK);
  kit_send(sm, 3, 3);
  kit_heard(k, "evicted 1"); /* what is so old is not tracked any more */
  assert_int_equal(imp_sm_get_out(sm), 0x80000001u);
  assert_int_equal(imp_sm_get_acked(sm), 1);
  kit_send(sm, 4, 4);
  assert_int_equal(imp_sm_get_acked(sm), 2);
  kit_heard(k, "");
  assert_int_equal(kit_resume(k, ROMEO, "long", 0x80000003u), IMP_SM_H_TOO_HIGH);
  assert_int_equal(kit_resume(k, ROMEO, "long", 0x80000001u), IMP_SM_RESUMED);
  kit_heard(k, "acked 2, acked 3");
  assert_string_equal(kit_replay(sm, 1), "4");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(counters_begin_at_zero),
      cmocka_unit_test(every_stanza_received_counts),
      cmocka_unit_test(what_h_covers_is_settled_in_order),
      cmocka_unit_test(an_old_h_again_is_no_error),
      cmocka_unit_test(h_higher_than_sent_is_an_error_and_changes_nothing),
      cmocka_unit_test(h_higher_than_sent_on_a_fresh_session),
      cmocka_unit_test(counters_wrap_at_2_to_the_32),
      cmocka_unit_test(the_inbound_count_wraps_too),
      cmocka_unit_test(a_resumption_over_the_wrap),
      cmocka_unit_test(stanzas_that_are_not_kept_count_too),
      cmocka_unit_test(a_full_buffer_evicts_the_oldest),
      cmocka_unit_test(evicted_and_covered_later_can_be_taken_out_of_storage),
      cmocka_unit_test(eviction_over_the_wrap),
      cmocka_unit_test(bytes_are_bounded_beside_packets),
      cmocka_unit_test(the_newest_packet_is_kept_whatever_its_size),
      cmocka_unit_test(a_client_that_never_acknowledges_costs_a_full_buffer_and_no_more),
      cmocka_unit_test(other_order_of_callbacks_than_of_sending_never_happens),
      cmocka_unit_test(deleting_abandons_what_is_unacknowledged),
      cmocka_unit_test(a_buffer_that_is_empty_costs_nothing),
      cmocka_unit_test(without_memory_the_stanza_is_not_counted),
      cmocka_unit_test(two_thousand_million_unacknowledged_stanzas),
  };
  return unit_run("sm_ack", tests);
}
