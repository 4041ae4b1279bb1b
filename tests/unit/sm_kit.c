#include "sm_kit.h"

#include <stdio.h>
#include <string.h>

static void note(kit *k, const char *what, unsigned long number) {
  size_t len = strlen(k->heard);
  snprintf(k->heard + len, sizeof k->heard - len, number ? "%s%s %lu" : "%s%s", len > 0 ? ", " : "", what, number);
}

static void forget_session(kit *k, const imp_sm *sm) {
  for (size_t i = 0; i < sizeof k->sessions / sizeof k->sessions[0]; i++) {
    if (k->sessions[i] == sm) {
      k->sessions[i] = NULL;
    }
  }
}

void kit_keep(kit *k, imp_sm *sm) {
  for (size_t i = 0; i < sizeof k->sessions / sizeof k->sessions[0]; i++) {
    if (k->sessions[i] == NULL) {
      k->sessions[i] = sm;
      return;
    }
  }
  fail_msg("too many sessions");
}

static void settle(imp_sm *sm, void *packet, uint32_t count, imp_sm_settled how, void *user_data) {
  static const char *const names[] = {"acked", "resent", "evicted", "abandoned"};
  (void)count;
  assert_non_null(sm);
  note(user_data, names[how], (unsigned long)kit_number(packet));
}

static void evicted_acked(imp_sm *sm, uint32_t count, void *user_data) {
  assert_non_null(sm);
  note(user_data, "covered", count);
}

static void expired(imp_sm *sm, void *user_data) {
  forget_session(user_data, sm);
  note(user_data, "expired", 0);
}

static void late_acked(const char *user, const char *id, uint32_t count, void *user_data) {
  assert_non_null(user);
  assert_non_null(id);
  note(user_data, "late", count);
}

int kit_random(void *bytes, size_t len, void *user_data) {
  kit *k = user_data;
  uint8_t *p = bytes;
  for (size_t i = 0; i < len; i++) {
    if (k->random != 0) {
      k->random ^= k->random << 13;
      k->random ^= k->random >> 7;
      k->random ^= k->random << 17;
    }
    p[i] = (uint8_t)(k->random >> 24);
  }
  return k->random_fails ? IMP_ERR_UNAVAILABLE : IMP_OK;
}

static void release(void *object) {
  kit *k = object;
  for (size_t i = 0; i < sizeof k->sessions / sizeof k->sessions[0]; i++) {
    imp_sm_del(k->sessions[i], 0, k->now);
    k->sessions[i] = NULL;
  }
  imp_sm_manager_del(k->m);
  k->m = NULL;
}

kit *kit_init(void) {
  static kit only;
  kit *k = &only;
  memset(k, 0, sizeof *k);
  k->now = 1000 * IMP_SECONDS;
  k->random = 88172645463325252u;
  imp_sm_settings_default(&k->settings, sizeof k->settings);
  return k;
}

void kit_start(kit *k) {
  imp_sm_callbacks cb = {sizeof cb, settle, evicted_acked, expired, kit_random, late_acked};
  char text[200] = "";
  assert_int_equal(imp_sm_manager_new(&k->m, &k->settings, &cb, "node1.", text, sizeof text, k), IMP_OK);
  assert_string_equal(text, "");
  unit_own(release, k);
}

imp_sm *kit_new_with(kit *k, const char *user, int resume, uint32_t max) {
  imp_sm *sm = NULL;
  assert_int_equal(imp_sm_new(k->m, &sm, user, resume, max, k->now, k), IMP_OK);
  kit_keep(k, sm);
  return sm;
}

imp_sm *kit_new(kit *k, const char *user) { return kit_new_with(k, user, 1, 0); }

imp_sm *kit_new_at(kit *k, const char *user, uint32_t count) {
  static unsigned number;
  char id[32];
  imp_sm_state s = {sizeof s, id, user, count, count, count, 60, 0, count};
  imp_sm *sm = NULL;
  snprintf(id, sizeof id, "restored-%u", ++number);
  s.past = 0x80000000u;
  assert_int_equal(imp_sm_restore(k->m, &sm, &s, k->now, k), IMP_OK);
  kit_keep(k, sm);
  assert_int_equal(kit_resume(k, user, id, count), IMP_SM_RESUMED);
  return sm;
}

void kit_del(kit *k, imp_sm *sm, int remember) {
  forget_session(k, sm);
  imp_sm_del(sm, remember, k->now);
}

int kit_send(imp_sm *sm, uintptr_t first, uintptr_t last) {
  int asked = 0;
  for (uintptr_t n = first; n <= last; n++) {
    int rv = imp_sm_sent(sm, kit_packet(n), 10);
    assert_true(rv >= IMP_OK);
    asked += rv == IMP_SM_WANT_R;
  }
  return asked;
}

void kit_heard_at(kit *k, const char *expected, const char *file, int line) {
  if (strcmp(k->heard, expected) != 0) {
    print_error("heard    \"%s\"\nexpected \"%s\"\n", k->heard, expected);
    _fail(file, line);
  }
  kit_forget(k);
}

void kit_forget(kit *k) { k->heard[0] = '\0'; }

void kit_wait(kit *k, unsigned seconds) {
  k->now += seconds * IMP_SECONDS;
  imp_sm_manager_handle_expiry(k->m, k->now);
}

const char *kit_replay(imp_sm *sm, int resend) {
  static char text[4096];
  size_t len = 0, pos = 0;
  void *packet;
  text[0] = '\0';
  while ((packet = imp_sm_next_unacked(sm, &pos, NULL, resend)) != NULL && len < sizeof text - 32) {
    len += (size_t)snprintf(text + len, sizeof text - len, "%s%lu", len > 0 ? " " : "",
                            (unsigned long)kit_number(packet));
  }
  return text;
}

imp_sm_resume_result kit_resume(kit *k, const char *user, const char *id, uint32_t h) {
  imp_sm *sm;
  uint32_t handled;
  int known;
  return imp_sm_resume(k->m, user, id, h, k->now, &sm, &handled, &known);
}

imp_sm_stats kit_stats(const kit *k) {
  imp_sm_stats s;
  imp_sm_manager_stats(k->m, &s, sizeof s);
  assert_int_equal(s.packets, s.queued + s.acked + s.evicted + s.abandoned);
  return s;
}
