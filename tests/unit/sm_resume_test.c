/* Losing the link, coming back, coming back too late, and who may come back. */
#include <stdio.h>
#include <string.h>

#include "sm_kit.h"

#define ROMEO "romeo@example.net"
#define JULIET "juliet@example.net"

typedef struct answer {
  imp_sm_resume_result result;
  imp_sm *sm;
  uint32_t handled;
  int known;
} answer;

static answer resume(kit *k, const char *user, const char *id, uint32_t h) {
  answer a;
  memset(&a, 0xee, sizeof a);
  a.result = imp_sm_resume(k->m, user, id, h, k->now, &a.sm, &a.handled, &a.known);
  return a;
}

/* Packets 1 … 5, of which 2 are acknowledged, then the link is lost. */
static imp_sm *lost(kit *k) {
  imp_sm *sm = kit_new(k, ROMEO);
  kit_send(sm, 1, 5);
  for (int i = 0; i < 3; i++) {
    imp_sm_received(sm);
  }
  assert_true(imp_sm_acked(sm, 2) >= IMP_OK);
  assert_int_equal(imp_sm_disconnected(sm, k->now), IMP_OK);
  kit_forget(k);
  return sm;
}

static void fate_one_resumed_in_time(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = lost(k);
  assert_true(imp_sm_is_hibernating(sm));
  kit_send(sm, 6, 7); /* came meanwhile */
  kit_wait(k, 59);
  answer a = resume(k, ROMEO, imp_sm_get_id(sm), 3);
  assert_int_equal(a.result, IMP_SM_RESUMED);
  assert_ptr_equal(a.sm, sm);
  assert_true(a.known);
  assert_int_equal(a.handled, 3);
  assert_false(imp_sm_is_hibernating(sm));
  kit_heard(k, "acked 3");
  assert_string_equal(kit_replay(sm, 1), "4 5 6 7");
  assert_int_equal(imp_sm_acked(sm, 7), IMP_OK);
  kit_heard(k, "resent 4, resent 5, acked 6, acked 7"); /* 6 and 7 were sent for the first time */
  assert_int_equal(kit_stats(k).resent, 2);
}

static void fate_two_not_resumed_in_time(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = lost(k);
  kit_send(sm, 6, 6);
  kit_wait(k, 59);
  kit_heard(k, "");
  kit_wait(k, 1);
  kit_heard(k, "expired, abandoned 3, abandoned 4, abandoned 5, abandoned 6");
  imp_sm_stats s = kit_stats(k);
  assert_int_equal(s.sessions, 0);
  assert_int_equal(s.hibernating, 0);
  assert_int_equal(s.expired, 1);
  assert_int_equal(imp_sm_manager_get_expiry(k->m), k->now + 172800 * IMP_SECONDS); /* only its count is left */
}

static void the_deadline_is_what_was_granted(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new_with(k, ROMEO, 1, 10);
  assert_int_equal(imp_sm_get_deadline(sm), IMP_TSTAMP_NEVER);
  assert_int_equal(imp_sm_manager_get_expiry(k->m), IMP_TSTAMP_NEVER);
  assert_int_equal(imp_sm_disconnected(sm, k->now), IMP_OK);
  assert_int_equal(imp_sm_get_deadline(sm), k->now + 10 * IMP_SECONDS);
  assert_int_equal(imp_sm_manager_get_expiry(k->m), k->now + 10 * IMP_SECONDS);
  kit_wait(k, 10);
  kit_heard(k, "expired");
}

static void a_session_without_resume_cannot_wait(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new_with(k, ROMEO, 0, 0);
  assert_string_equal(imp_sm_get_id(sm), "");
  kit_send(sm, 1, 2);
  assert_int_equal(imp_sm_disconnected(sm, k->now), IMP_ERR_STATE);
  assert_int_equal(resume(k, ROMEO, "", 0).result, IMP_SM_UNKNOWN);
  kit_del(k, sm, 1);
  kit_heard(k, "abandoned 1, abandoned 2");
  assert_int_equal(kit_stats(k).handled, 0);
}

static void a_resumed_stream_can_be_resumed_again(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = lost(k);
  for (int i = 0; i < 10; i++) {
    kit_wait(k, 50);
    assert_int_equal(resume(k, ROMEO, imp_sm_get_id(sm), 2).result, IMP_SM_RESUMED);
    assert_string_equal(kit_replay(sm, 1), "3 4 5");
    kit_wait(k, 1000);
    assert_int_equal(imp_sm_disconnected(sm, k->now), IMP_OK);
  }
  kit_heard(k, "");
  kit_wait(k, 60);
  kit_heard(k, "expired, abandoned 3, abandoned 4, abandoned 5");
}

static void a_cleanly_closed_stream_cannot_be_resumed(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  char id[IMP_SM_ID_MAX + 1];
  snprintf(id, sizeof id, "%s", imp_sm_get_id(sm));
  kit_del(k, sm, 0);
  answer a = resume(k, ROMEO, id, 0);
  assert_int_equal(a.result, IMP_SM_UNKNOWN);
  assert_null(a.sm);
  assert_false(a.known);
}

static void another_users_id_is_unknown_in_every_respect(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = lost(k);
  char id[IMP_SM_ID_MAX + 1];
  snprintf(id, sizeof id, "%s", imp_sm_get_id(sm));
  for (uint32_t h = 0; h <= 6; h++) {
    answer a = resume(k, JULIET, id, h);
    assert_int_equal(a.result, IMP_SM_UNKNOWN);
    assert_null(a.sm);
    assert_false(a.known);
    assert_int_equal(a.handled, 0);
  }
  assert_null(imp_sm_find(k->m, JULIET, id));
  assert_ptr_equal(imp_sm_find(k->m, ROMEO, id), sm);
  assert_int_equal(imp_sm_get_acked(sm), 2);
  kit_heard(k, "");
  kit_wait(k, 60);
  kit_forget(k);
  answer a = resume(k, JULIET, id, 5); /* nor is what it had handled told */
  assert_int_equal(a.result, IMP_SM_UNKNOWN);
  assert_false(a.known);
  kit_heard(k, "");
  assert_true(resume(k, ROMEO, id, 2).known);
}

static void ids_that_never_were(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = lost(k);
  char id[IMP_SM_ID_MAX + 2], longer[5000];
  snprintf(id, sizeof id, "%s", imp_sm_get_id(sm));
  size_t len = strlen(id);
  assert_int_equal(resume(k, ROMEO, "", 2).result, IMP_SM_UNKNOWN);
  assert_int_equal(resume(k, ROMEO, "node1.", 2).result, IMP_SM_UNKNOWN);
  for (size_t i = 0; i < len; i++) { /* each character matters */
    id[i] ^= 1;
    assert_int_equal(resume(k, ROMEO, id, 2).result, IMP_SM_UNKNOWN);
    id[i] ^= 1;
  }
  id[len - 1] = '\0';
  assert_int_equal(resume(k, ROMEO, id, 2).result, IMP_SM_UNKNOWN);
  snprintf(id, sizeof id, "%sA", imp_sm_get_id(sm));
  assert_int_equal(resume(k, ROMEO, id, 2).result, IMP_SM_UNKNOWN);
  memset(longer, 'A', sizeof longer - 1);
  longer[sizeof longer - 1] = '\0';
  assert_int_equal(resume(k, ROMEO, longer, 2).result, IMP_SM_UNKNOWN);
  assert_int_equal(kit_stats(k).refused, 5 + len);
  assert_int_equal(resume(k, ROMEO, imp_sm_get_id(sm), 2).result, IMP_SM_RESUMED);
}

static void ids_have_the_prefix_and_enough_randomness(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *a = kit_new(k, ROMEO), *b = kit_new(k, ROMEO);
  assert_int_equal(strncmp(imp_sm_get_id(a), "node1.", 6), 0);
  assert_int_equal(strlen(imp_sm_get_id(a)), 6 + 24); /* 144 bits */
  assert_int_equal(strspn(imp_sm_get_id(a) + 6, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 24);
  assert_string_not_equal(imp_sm_get_id(a), imp_sm_get_id(b));
}

static void an_id_is_never_given_twice(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *again = NULL;
  k->random = 0; /* a generator that is broken: always the same */
  imp_sm *sm = kit_new(k, ROMEO);
  assert_int_equal(imp_sm_new(k->m, &again, ROMEO, 1, 0, k->now, NULL), IMP_ERR_EXISTS);
  assert_null(again);
  kit_del(k, sm, 1); /* gone, but its handled count is known by that id */
  int rv = imp_sm_new(k->m, &again, ROMEO, 1, 0, k->now, NULL);
  if (rv == IMP_OK) { /* there was no memory to remember it */
    assert_true(unit_alloc_failed());
    kit_keep(k, again);
  } else {
    assert_int_equal(rv, IMP_ERR_EXISTS);
  }
}

static void without_randomness_there_is_no_session(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = NULL;
  k->random_fails = 1;
  assert_int_equal(imp_sm_new(k->m, &sm, ROMEO, 1, 0, k->now, NULL), IMP_ERR_UNAVAILABLE);
  assert_int_equal(imp_sm_new(k->m, &sm, "", 1, 0, k->now, NULL), IMP_ERR_INVALID_ARGUMENT);
  assert_int_equal(imp_sm_new(k->m, &sm, NULL, 1, 0, k->now, NULL), IMP_ERR_INVALID_ARGUMENT);
  assert_null(sm);
}

static void h_too_high_on_resume(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = lost(k);
  imp_tstamp deadline = imp_sm_get_deadline(sm);
  k->now += 10 * IMP_SECONDS;
  answer a = resume(k, ROMEO, imp_sm_get_id(sm), 6);
  assert_int_equal(a.result, IMP_SM_H_TOO_HIGH);
  assert_ptr_equal(a.sm, sm);
  assert_int_equal(resume(k, ROMEO, imp_sm_get_id(sm), UINT32_MAX).result, IMP_SM_H_TOO_HIGH);
  assert_true(imp_sm_is_hibernating(sm));
  assert_int_equal(imp_sm_get_deadline(sm), deadline);
  kit_heard(k, "");
  assert_int_equal(resume(k, ROMEO, imp_sm_get_id(sm), 5).result, IMP_SM_RESUMED);
}

static void a_refused_resume_does_not_stop_the_timeout(void **state) {
  KIT(k);
  k->settings.buffer_packets = 5;
  kit_start(k);
  imp_sm *sm = lost(k);
  char id[IMP_SM_ID_MAX + 1];
  snprintf(id, sizeof id, "%s", imp_sm_get_id(sm));
  kit_send(sm, 6, 10);
  imp_tstamp deadline = imp_sm_get_deadline(sm);
  for (int i = 0; i < 11; i++) {
    kit_wait(k, 5);
    assert_int_equal(resume(k, ROMEO, id, 2).result, IMP_SM_NO_HISTORY);
    assert_int_equal(resume(k, ROMEO, id, 99).result, IMP_SM_H_TOO_HIGH);
    assert_int_equal(resume(k, JULIET, id, 3).result, IMP_SM_UNKNOWN);
    assert_int_equal(imp_sm_get_deadline(sm), deadline);
  }
  kit_forget(k);
  kit_wait(k, 5);
  kit_heard(k, "expired, abandoned 6, abandoned 7, abandoned 8, abandoned 9, abandoned 10");
}

static void history_that_is_not_kept(void **state) {
  KIT(k);
  k->settings.buffer_packets = 5;
  kit_start(k);
  imp_sm *sm = lost(k); /* 3 4 5 */
  kit_send(sm, 6, 9);   /* 5 … 9 */
  kit_heard(k, "evicted 3, evicted 4");
  answer a = resume(k, ROMEO, imp_sm_get_id(sm), 2);
  assert_int_equal(a.result, IMP_SM_NO_HISTORY);
  assert_ptr_equal(a.sm, sm);
  assert_true(a.known);
  assert_int_equal(a.handled, 3);
  kit_heard(k, "");
  a = resume(k, ROMEO, imp_sm_get_id(sm), 3); /* refused, but it says that 3 has arrived */
  assert_int_equal(a.result, IMP_SM_NO_HISTORY);
  kit_heard(k, "covered 3");
  a = resume(k, ROMEO, imp_sm_get_id(sm), 4); /* all that was evicted has arrived */
  assert_int_equal(a.result, IMP_SM_RESUMED);
  kit_heard(k, "covered 4");
  assert_string_equal(kit_replay(sm, 1), "5 6 7 8 9");
}

static void a_client_that_forgot_what_it_acknowledged(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = lost(k);
  assert_int_equal(resume(k, ROMEO, imp_sm_get_id(sm), 1).result, IMP_SM_NO_HISTORY);
  assert_int_equal(imp_sm_get_acked(sm), 2);
  assert_string_equal(kit_replay(sm, 0), "3 4 5");
}

static void stanzas_that_are_not_kept_are_no_history(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  imp_sm_sent(sm, NULL, 0);
  imp_sm_sent(sm, NULL, 0);
  kit_send(sm, 3, 3);
  assert_int_equal(imp_sm_disconnected(sm, k->now), IMP_OK);
  assert_int_equal(resume(k, ROMEO, imp_sm_get_id(sm), 0).result, IMP_SM_RESUMED);
  assert_string_equal(kit_replay(sm, 1), "3");
}

/* The client numbers what is sent again from its own h on. A server that counted on would never agree with it again. */
static void counts_agree_after_stanzas_that_were_not_kept(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new_at(k, ROMEO, 0xfffffffcu);
  kit_send(sm, 1, 1);
  imp_sm_sent(sm, NULL, 0);
  kit_send(sm, 2, 3);
  assert_int_equal(imp_sm_disconnected(sm, k->now), IMP_OK);
  imp_sm_sent(sm, NULL, 0);
  kit_send(sm, 4, 4);
  imp_sm_sent(sm, NULL, 0);
  assert_int_equal(imp_sm_get_out(sm), 3);
  assert_int_equal(resume(k, ROMEO, imp_sm_get_id(sm), 0xfffffffdu).result, IMP_SM_RESUMED);
  assert_int_equal(imp_sm_get_out(sm), 0);
  assert_string_equal(kit_replay(sm, 1), "2 3 4");
  assert_int_equal(imp_sm_acked(sm, 1), IMP_ERR_MALFORMED);
  kit_forget(k);
  assert_int_equal(imp_sm_acked(sm, 0xfffffffeu), IMP_OK);
  assert_int_equal(imp_sm_acked(sm, 0), IMP_OK);
  kit_heard(k, "resent 2, resent 3, acked 4");
}

static void a_takeover_while_the_old_connection_looks_alive(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  kit_send(sm, 1, 3);
  answer a = resume(k, ROMEO, imp_sm_get_id(sm), 1);
  assert_int_equal(a.result, IMP_SM_RESUMED);
  assert_ptr_equal(a.sm, sm);
  assert_false(imp_sm_is_hibernating(sm));
  assert_string_equal(kit_replay(sm, 1), "2 3");
  assert_int_equal(imp_sm_acked(sm, 3), IMP_OK);
  kit_heard(k, "acked 1, resent 2, resent 3");
}

static void a_refused_takeover_leaves_the_session_connected(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  kit_send(sm, 1, 3);
  assert_int_equal(resume(k, ROMEO, imp_sm_get_id(sm), 4).result, IMP_SM_H_TOO_HIGH);
  assert_false(imp_sm_is_hibernating(sm));
  kit_wait(k, 1000);
  kit_heard(k, "");
}

static void a_link_reported_lost_twice_does_not_live_longer(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = lost(k);
  imp_tstamp deadline = imp_sm_get_deadline(sm);
  k->now += 30 * IMP_SECONDS;
  assert_int_equal(imp_sm_disconnected(sm, k->now), IMP_OK);
  assert_int_equal(imp_sm_get_deadline(sm), deadline);
}

static void two_sessions_of_one_user_are_kept_apart(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *phone = lost(k);
  imp_sm *desk = kit_new(k, ROMEO);
  kit_send(desk, 11, 12);
  assert_int_equal(imp_sm_disconnected(desk, k->now + IMP_SECONDS), IMP_OK);
  assert_ptr_equal(imp_sm_find_hibernating(k->m, ROMEO), desk); /* the newest */
  assert_ptr_equal(imp_sm_next_hibernating(desk), phone);
  assert_null(imp_sm_next_hibernating(phone));
  assert_null(imp_sm_find_hibernating(k->m, JULIET));
  assert_ptr_equal(resume(k, ROMEO, imp_sm_get_id(phone), 2).sm, phone);
  assert_true(imp_sm_is_hibernating(desk));
  assert_null(imp_sm_next_hibernating(phone));
  assert_string_equal(kit_replay(phone, 1), "3 4 5");
  assert_string_equal(kit_replay(desk, 0), "11 12");
}

static void of_too_many_hibernated_sessions_the_oldest_goes(void **state) {
  KIT(k);
  k->settings.max_hibernated = 2;
  kit_start(k);
  imp_sm *sm[4], *other = kit_new(k, JULIET);
  assert_int_equal(imp_sm_disconnected(other, k->now), IMP_OK);
  for (uintptr_t i = 0; i < 4; i++) {
    sm[i] = kit_new(k, ROMEO);
    kit_send(sm[i], i + 1, i + 1);
  }
  for (int i = 0; i < 4; i++) {
    assert_int_equal(imp_sm_disconnected(sm[i], k->now), IMP_OK);
    kit_heard(k, i == 2 ? "expired, abandoned 1" : i == 3 ? "expired, abandoned 2" : "");
    k->now += IMP_SECONDS;
  }
  assert_int_equal(kit_stats(k).hibernating, 3);
  assert_ptr_equal(imp_sm_find_hibernating(k->m, ROMEO), sm[3]);
  assert_true(imp_sm_is_hibernating(other));
}

static void a_thousand_links_lost_and_resumed_at_once(void **state) {
  KIT(k);
  unit_skip_alloc_fail();
  kit_start(k);
  static imp_sm *sm[1000];
  char user[64];
  for (uintptr_t i = 0; i < 1000; i++) {
    snprintf(user, sizeof user, "user%lu@example.net", (unsigned long)i);
    assert_int_equal(imp_sm_new(k->m, &sm[i], user, 1, 0, k->now, NULL), IMP_OK);
    kit_send(sm[i], i * 10 + 1, i * 10 + 3);
    assert_int_equal(imp_sm_disconnected(sm[i], k->now), IMP_OK);
  }
  assert_int_equal(kit_stats(k).hibernating, 1000);
  k->now += 30 * IMP_SECONDS;
  for (uintptr_t i = 0; i < 1000; i += 2) {
    assert_int_equal(resume(k, imp_sm_get_user(sm[i]), imp_sm_get_id(sm[i]), 1).result, IMP_SM_RESUMED);
  }
  kit_forget(k);
  kit_wait(k, 30);
  assert_int_equal(kit_stats(k).hibernating, 0);
  assert_int_equal(kit_stats(k).sessions, 500);
  assert_int_equal(kit_stats(k).expired, 500);
  assert_int_equal(kit_stats(k).queued, 1000);
  for (uintptr_t i = 0; i < 1000; i += 2) {
    imp_sm_del(sm[i], 0, k->now);
  }
  assert_int_equal(kit_stats(k).abandoned, 2500);
}

static void time_does_not_go_back(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = kit_new(k, ROMEO);
  assert_int_equal(imp_sm_disconnected(sm, 1), IMP_OK);
  assert_int_equal(imp_sm_get_deadline(sm), k->now + 60 * IMP_SECONDS);
}

static void a_host_that_stops_ends_all_that_hibernates(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *connected = kit_new(k, ROMEO);
  (void)lost(k);
  imp_sm_manager_expire_all(k->m, k->now);
  kit_heard(k, "expired, abandoned 3, abandoned 4, abandoned 5");
  assert_int_equal(kit_stats(k).sessions, 1);
  assert_false(imp_sm_is_hibernating(connected));
}

static void deleting_the_manager_abandons_without_a_word(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = lost(k);
  memset(k->sessions, 0, sizeof k->sessions);
  (void)sm;
  imp_sm_manager_del(k->m);
  k->m = NULL;
  kit_heard(k, "abandoned 3, abandoned 4, abandoned 5");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fate_one_resumed_in_time),
      cmocka_unit_test(fate_two_not_resumed_in_time),
      cmocka_unit_test(the_deadline_is_what_was_granted),
      cmocka_unit_test(a_session_without_resume_cannot_wait),
      cmocka_unit_test(a_resumed_stream_can_be_resumed_again),
      cmocka_unit_test(a_cleanly_closed_stream_cannot_be_resumed),
      cmocka_unit_test(another_users_id_is_unknown_in_every_respect),
      cmocka_unit_test(ids_that_never_were),
      cmocka_unit_test(ids_have_the_prefix_and_enough_randomness),
      cmocka_unit_test(an_id_is_never_given_twice),
      cmocka_unit_test(without_randomness_there_is_no_session),
      cmocka_unit_test(h_too_high_on_resume),
      cmocka_unit_test(a_refused_resume_does_not_stop_the_timeout),
      cmocka_unit_test(history_that_is_not_kept),
      cmocka_unit_test(a_client_that_forgot_what_it_acknowledged),
      cmocka_unit_test(stanzas_that_are_not_kept_are_no_history),
      cmocka_unit_test(counts_agree_after_stanzas_that_were_not_kept),
      cmocka_unit_test(a_takeover_while_the_old_connection_looks_alive),
      cmocka_unit_test(a_refused_takeover_leaves_the_session_connected),
      cmocka_unit_test(a_link_reported_lost_twice_does_not_live_longer),
      cmocka_unit_test(two_sessions_of_one_user_are_kept_apart),
      cmocka_unit_test(of_too_many_hibernated_sessions_the_oldest_goes),
      cmocka_unit_test(a_thousand_links_lost_and_resumed_at_once),
      cmocka_unit_test(time_does_not_go_back),
      cmocka_unit_test(a_host_that_stops_ends_all_that_hibernates),
      cmocka_unit_test(deleting_the_manager_abandons_without_a_word),
  };
  return unit_run("sm_resume", tests);
}
