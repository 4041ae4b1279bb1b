/* Callbacks that send: on other sessions, and on the session that they are about. */
#include "sm_kit.h"

#define ROMEO "romeo@example.net"

typedef struct scene {
  imp_sm_manager *m;
  imp_sm *sm, *other, *third;
  imp_sm_settled when; /* on this… */
  uintptr_t below;     /* …of a packet below this number… */
  uintptr_t add;       /* …one with its number + this is sent… */
  int to_other;        /* …here */
  size_t bytes;        /* of that size; 0: 10 */
  int refused;
  unsigned depth, deepest;
  uintptr_t settled[4096];
  uint32_t counts[4096];
  size_t nsettled;
} scene;

static scene scenes[1];

static void settle(imp_sm *sm, void *packet, uint32_t count, imp_sm_settled how, void *user_data) {
  scene *s = user_data;
  uintptr_t number = kit_number(packet);
  s->settled[s->nsettled] = number;
  s->counts[s->nsettled++] = count;
  if (how != s->when || number >= s->below) {
    return;
  }
  s->depth++;
  s->deepest = s->depth > s->deepest ? s->depth : s->deepest;
  int rv = imp_sm_sent(s->to_other ? s->other : sm, kit_packet(number + s->add), s->bytes > 0 ? s->bytes : 10);
  s->refused += rv == IMP_ERR_STATE;
  s->depth--;
}

static void expired(imp_sm *sm, void *user_data) {
  scene *s = user_data;
  s->sm = s->sm == sm ? NULL : s->sm;
}

static int randomize(void *bytes, size_t len, void *user_data) {
  static kit k = {.random = 42};
  (void)user_data;
  return kit_random(bytes, len, &k);
}

static void release(void *object) {
  scene *s = object;
  imp_sm_del(s->sm, 0, 0);
  imp_sm_del(s->other, 0, 0);
  imp_sm_del(s->third, 0, 0);
  imp_sm_manager_del(s->m);
  s->m = NULL;
}

static scene *start(uint32_t packets, uint32_t profile) {
  scene *s = scenes;
  imp_sm_settings settings;
  imp_sm_callbacks cb = {sizeof cb, settle, NULL, expired, randomize, NULL};
  imp_sm_settings_default(&settings, sizeof settings);
  *s = (scene){.when = (imp_sm_settled)-1};
  settings.profile = profile;
  settings.buffer_packets = packets;
  unit_own(release, s);
  assert_int_equal(imp_sm_manager_new(&s->m, &settings, &cb, NULL, NULL, 0, s), IMP_OK);
  assert_int_equal(imp_sm_new(s->m, &s->sm, ROMEO, 1, 0, 0, NULL), IMP_OK);
  assert_int_equal(imp_sm_new(s->m, &s->other, "juliet@example.net", 1, 0, 0, NULL), IMP_OK);
  return s;
}

/* The numbers on the stream of what is in the buffer rise one by one up to the last sent. */
static void check_numbers(imp_sm *sm) {
  size_t pos = 0, left = imp_sm_get_queued(sm);
  uint32_t count;
  while (imp_sm_next_unacked(sm, &pos, &count, 0) != NULL) {
    assert_int_equal(count, imp_sm_get_out(sm) - --left);
  }
  assert_int_equal(left, 0);
}

/* An offline flood: the next is handed out when one is acknowledged. */
static void the_next_is_sent_when_one_is_acknowledged(void **state) {
  scene *s = start(100, 0);
  (void)state;
  s->when = IMP_SM_ACKED;
  s->below = 50;
  s->add = 5;
  kit_send(s->sm, 1, 5);
  for (uint32_t h = 0; imp_sm_get_queued(s->sm) > 0; h++) {
    assert_true(imp_sm_acked(s->sm, h) >= IMP_OK);
    assert_true(imp_sm_get_queued(s->sm) <= 5);
    check_numbers(s->sm);
  }
  assert_int_equal(imp_sm_get_out(s->sm), 54);
  assert_int_equal(s->nsettled, 54);
  for (size_t i = 0; i < 54; i++) {
    assert_int_equal(s->settled[i], i + 1);
    assert_int_equal(s->counts[i], i + 1);
  }
}

static void the_next_is_sent_when_a_resumption_acknowledges(void **state) {
  scene *s = start(100, 0);
  uint32_t handled;
  int known;
  imp_sm *sm;
  (void)state;
  s->when = IMP_SM_ACKED;
  s->below = 4;
  s->add = 10;
  kit_send(s->sm, 1, 5);
  assert_int_equal(imp_sm_disconnected(s->sm, 0), IMP_OK);
  assert_int_equal(imp_sm_resume(s->m, ROMEO, imp_sm_get_id(s->sm), 3, 0, &sm, &handled, &known), IMP_SM_RESUMED);
  assert_string_equal(kit_replay(sm, 1), "4 5 11 12 13");
  assert_true(imp_sm_acked(sm, 8) >= IMP_OK);
  imp_sm_stats stats;
  imp_sm_manager_stats(s->m, &stats, sizeof stats);
  assert_int_equal(stats.resent, 2);
}

/* A client that wrote to itself and acknowledges nothing: what is evicted comes back to it as an error. */
static void an_eviction_answers_on_the_same_session(void **state) {
  scene *s = start(5, 0);
  (void)state;
  s->when = IMP_SM_EVICTED;
  s->below = 100;
  s->add = 100;
  for (uintptr_t n = 1; n <= 20; n++) {
    assert_true(imp_sm_sent(s->sm, kit_packet(n), 10) >= IMP_OK);
    assert_true(imp_sm_get_queued(s->sm) <= 6);
    check_numbers(s->sm);
  }
  assert_int_equal(s->deepest, 1);
  for (size_t i = 1; i < s->nsettled; i++) { /* each once, and in the order of the stream */
    assert_int_equal(s->counts[i], s->counts[i - 1] + 1);
  }
  assert_int_equal(s->nsettled + imp_sm_get_queued(s->sm), imp_sm_get_out(s->sm));
}

static void many_evictions_do_not_pile_up_on_the_stack(void **state) {
  scene *s = start(2000, IMP_SM_PROFILE_LIFTED);
  (void)state;
  unit_skip_alloc_fail();
  s->when = IMP_SM_EVICTED;
  s->below = 100000;
  s->add = 0; /* whatever is evicted is sent again: a host that never gives up */
  kit_send(s->sm, 1, 2001);
  assert_int_equal(s->deepest, 1);
  assert_true(imp_sm_get_queued(s->sm) <= 2001);
  check_numbers(s->sm);
  s->when = (imp_sm_settled)-1;
}

/* What an <a/> covers is acknowledged even if a callback needs its room before its turn has come. */
static void sending_while_acknowledging_does_not_evict_what_is_acknowledged(void **state) {
  scene *s = start(5, 0);
  (void)state;
  s->when = IMP_SM_ACKED;
  s->below = 10;
  s->add = 100;
  kit_send(s->sm, 1, 5);
  assert_true(imp_sm_acked(s->sm, 4) >= IMP_OK);
  assert_string_equal(kit_replay(s->sm, 0), "5 101 102 103 104");
  imp_sm_stats stats;
  imp_sm_manager_stats(s->m, &stats, sizeof stats);
  assert_int_equal(stats.acked, 4);
  assert_int_equal(stats.evicted, 0);
}

/* The same with a packet that needs the room of several. */
static void a_large_one_sent_while_acknowledging(void **state) {
  scene *s = start(100, 0);
  (void)state;
  s->when = IMP_SM_ACKED;
  s->below = 2;
  s->add = 100;
  for (uintptr_t n = 1; n <= 4; n++) {
    assert_true(imp_sm_sent(s->sm, kit_packet(n), 16000 * 16) >= IMP_OK);
  }
  s->bytes = 1000000;
  assert_true(imp_sm_acked(s->sm, 3) >= IMP_OK);
  imp_sm_stats stats;
  imp_sm_manager_stats(s->m, &stats, sizeof stats);
  assert_int_equal(stats.acked, 3);
  assert_int_equal(stats.evicted, 1); /* 4, which was not covered */
  for (size_t i = 0; i < 4; i++) {
    assert_int_equal(s->settled[i], i + 1);
  }
}

static void an_eviction_answers_on_another_session(void **state) {
  scene *s = start(5, 0);
  (void)state;
  s->when = IMP_SM_EVICTED;
  s->below = 100;
  s->add = 100;
  s->to_other = 1;
  kit_send(s->sm, 1, 8);
  assert_string_equal(kit_replay(s->other, 0), "101 102 103");
  assert_string_equal(kit_replay(s->sm, 0), "4 5 6 7 8");
}

static void errors_for_what_was_abandoned_go_to_other_sessions(void **state) {
  scene *s = start(100, 0);
  (void)state;
  s->when = IMP_SM_ABANDONED;
  s->below = 100;
  s->add = 100;
  s->to_other = 1;
  kit_send(s->sm, 1, 3);
  assert_int_equal(imp_sm_disconnected(s->sm, 0), IMP_OK);
  imp_sm_manager_handle_expiry(s->m, 60 * IMP_SECONDS);
  assert_null(s->sm);
  assert_string_equal(kit_replay(s->other, 0), "101 102 103");
}

static void a_session_that_ends_takes_nothing_more(void **state) {
  scene *s = start(100, 0);
  (void)state;
  s->when = IMP_SM_ABANDONED;
  s->below = 100;
  s->add = 100;
  kit_send(s->sm, 1, 3);
  imp_sm_del(s->sm, 0, 0);
  s->sm = NULL;
  assert_int_equal(s->refused, 3);
  assert_int_equal(s->nsettled, 3);
}

static void an_inherited_queue_evicts_and_answers(void **state) {
  scene *s = start(5, 0);
  (void)state;
  s->when = IMP_SM_EVICTED;
  s->below = 100;
  s->add = 100;
  kit_send(s->sm, 1, 5);
  assert_int_equal(imp_sm_new(s->m, &s->third, ROMEO, 1, 0, 0, NULL), IMP_OK);
  kit_send(s->third, 11, 13);
  assert_true(imp_sm_inherit(s->third, s->sm, 0, 0, 0, NULL, NULL) >= IMP_OK);
  s->sm = NULL;
  check_numbers(s->third);
  for (size_t i = 1; i < s->nsettled; i++) {
    assert_int_equal(s->counts[i], s->counts[i - 1] + 1);
  }
  assert_int_equal(s->nsettled + imp_sm_get_queued(s->third), imp_sm_get_out(s->third));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_next_is_sent_when_one_is_acknowledged),
      cmocka_unit_test(the_next_is_sent_when_a_resumption_acknowledges),
      cmocka_unit_test(an_eviction_answers_on_the_same_session),
      cmocka_unit_test(many_evictions_do_not_pile_up_on_the_stack),
      cmocka_unit_test(sending_while_acknowledging_does_not_evict_what_is_acknowledged),
      cmocka_unit_test(a_large_one_sent_while_acknowledging),
      cmocka_unit_test(an_eviction_answers_on_another_session),
      cmocka_unit_test(errors_for_what_was_abandoned_go_to_other_sessions),
      cmocka_unit_test(a_session_that_ends_takes_nothing_more),
      cmocka_unit_test(an_inherited_queue_evicts_and_answers),
  };
  return unit_run("sm_reentry", tests);
}
