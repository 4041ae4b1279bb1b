/* Many people: whose presence becomes another, and when. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <imp/presence.h>

#include "alloc_fail.h"

#define T UINT64_C(1795525200000) /* 2026-11-24T13:00:00Z */
#define MINUTES UINT64_C(60000)
#define JULIET "juliet@example.org"
#define ROMEO "romeo@example.org"

#define SOURCE(what, says, ...)                                                                                        \
  &(imp_source) { .size = sizeof(imp_source), .kind = IMP_SOURCE_##what, .state = IMP_PRESENCE_##says, __VA_ARGS__ }

/* A composer and what it told, as "person: reason". */
typedef struct kit {
  imp_composer *c;
  imp_wallclock now;
  char heard[4000];
  int expect_state_errors;
} kit;

static kit k;

static void changed(imp_composer *c, const char *person, const imp_presence *p, void *user_data) {
  kit *to = user_data;
  char reason[300];
  imp_presence again;
  size_t len = strlen(to->heard);
  imp_presence_write_reason(p, 0, reason, sizeof reason);
  snprintf(to->heard + len, sizeof to->heard - len, "%s%.*s: %s", len > 0 ? "; " : "", (int)strcspn(person, "@"), person,
           reason);
  imp_composer_get(c, person, &again, sizeof again, to->now);
  assert_true(imp_presence_equal(p, &again));
  assert_int_equal(imp_composer_set(c, person, SOURCE(CLIENT, DND), to->now), IMP_ERR_STATE);
  assert_int_equal(imp_composer_remove(c, person, IMP_SOURCE_CLIENT, NULL, to->now), IMP_ERR_STATE);
  assert_int_equal(imp_composer_forget(c, person, to->now), IMP_ERR_STATE);
  assert_int_equal(imp_composer_handle_expiry(c, to->now), IMP_ERR_STATE);
  assert_int_equal(imp_composer_set_settings(c, NULL, NULL, 0, to->now), IMP_ERR_STATE);
}

static void release(void *unused) {
  (void)unused;
  imp_composer_del(k.c);
  k.c = NULL;
}

static void start(const imp_presence_settings *s) {
  const imp_composer_callbacks callbacks = {sizeof callbacks, changed};
  memset(&k, 0, sizeof k);
  k.now = T;
  unit_own(release, NULL);
  assert_int_equal(imp_composer_new(&k.c, s, &callbacks, NULL, 0, &k), IMP_OK);
}

#define heard(expected)                                                                                                \
  do {                                                                                                                 \
    assert_string_equal(k.heard, expected);                                                                            \
    k.heard[0] = '\0';                                                                                                 \
  } while (0)
#define set(person, source) assert_int_equal(imp_composer_set(k.c, person, source, k.now), IMP_OK)

static void wait_until(imp_wallclock t) {
  k.now = t;
  assert_int_equal(imp_composer_handle_expiry(k.c, t), IMP_OK);
  assert_true(imp_composer_get_expiry(k.c) > t);
}

static void a_day(void **state) {
  (void)state;
  start(NULL);
  set(JULIET, SOURCE(CALENDAR, MEETING, .from = T + 30 * MINUTES, .until = T + 60 * MINUTES));
  heard("");
  set(JULIET, SOURCE(CLIENT, AVAILABLE, .id = "phone"));
  heard("juliet: available, from client");
  set(JULIET, SOURCE(CLIENT, AVAILABLE, .id = "phone", .from = T)); /* nobody sees a difference */
  heard("");
  assert_true(imp_composer_get_expiry(k.c) == T + 30 * MINUTES);
  wait_until(T + 29 * MINUTES);
  heard("");
  wait_until(T + 30 * MINUTES);
  heard("juliet: in a meeting until 14:00, from calendar");
  set(JULIET, SOURCE(PHONE, CALL, .id = "1000"));
  heard("juliet: on the phone, from phone");
  wait_until(T + 60 * MINUTES); /* the meeting ends unnoticed */
  heard("");
  set(JULIET, SOURCE(PHONE, AVAILABLE, .id = "1000"));
  heard("juliet: available, from client");
  set(JULIET, SOURCE(MANUAL, DND, .until = T + 90 * MINUTES, .note = "writing"));
  heard("juliet: do not disturb until 14:30, set by hand");
  wait_until(T + 90 * MINUTES);
  heard("juliet: available, from client");
  assert_int_equal(imp_composer_remove(k.c, JULIET, IMP_SOURCE_CLIENT, "phone", k.now), IMP_OK);
  heard("juliet: offline, no client");
  assert_int_equal(imp_composer_count(k.c), 1);
  assert_int_equal(imp_composer_remove(k.c, JULIET, IMP_SOURCE_PHONE, "1000", k.now), IMP_OK);
  assert_int_equal(imp_composer_count(k.c), 0);
  assert_true(imp_composer_get_expiry(k.c) == IMP_WALLCLOCK_NEVER);
  heard("");
}

static void a_source_that_nobody_confirms_expires(void **state) {
  (void)state;
  start(NULL);
  set(JULIET, SOURCE(CLIENT, AVAILABLE));
  set(JULIET, SOURCE(CALENDAR, MEETING, .until = T + 90 * MINUTES, .expires = T + 30 * MINUTES));
  heard("juliet: available, from client; juliet: in a meeting until 14:30, from calendar");
  wait_until(T + 30 * MINUTES); /* the gateway is down, its window has ended */
  heard("juliet: available, from client");
}

static void what_is_read_shows_the_moment(void **state) {
  imp_presence p;
  (void)state;
  start(NULL);
  set(JULIET, SOURCE(CLIENT, AVAILABLE, .note = "here"));
  set(JULIET, SOURCE(MANUAL, AWAY, .until = T + 10));
  imp_composer_get(k.c, JULIET, &p, sizeof p, T + 9);
  assert_true(p.state == IMP_PRESENCE_AWAY && p.at == T + 9);
  imp_composer_get(k.c, JULIET, &p, sizeof p, T + 10); /* also when the host is late with the expiry */
  assert_int_equal(p.state, IMP_PRESENCE_AVAILABLE);
  assert_string_equal(p.note, "here");
  imp_composer_get(k.c, "nobody@example.org", &p, sizeof p, T);
  assert_true(p.state == IMP_PRESENCE_OFFLINE && p.kind == IMP_SOURCES);
  assert_string_equal(p.note, "");
}

static void sources_are_listed(void **state) {
  size_t pos = 0;
  (void)state;
  start(NULL);
  set(JULIET, SOURCE(CLIENT, AVAILABLE, .id = "a", .note = "one", .priority = -5));
  set(JULIET, SOURCE(CLIENT, AWAY, .id = "b"));
  set(JULIET, SOURCE(CLIENT, DND, .id = "a", .note = "two"));
  const imp_source *s = imp_composer_next_source(k.c, JULIET, &pos);
  assert_non_null(s);
  assert_true(s->state == IMP_PRESENCE_DND && s->priority == 0);
  assert_string_equal(s->note, "two");
  s = imp_composer_next_source(k.c, JULIET, &pos);
  assert_non_null(s);
  assert_string_equal(s->id, "b");
  assert_string_equal(s->note, "");
  assert_null(imp_composer_next_source(k.c, JULIET, &pos));
  pos = 0;
  assert_null(imp_composer_next_source(k.c, ROMEO, &pos));
}

static void words_count_too(void **state) {
  (void)state;
  start(NULL);
  set(JULIET, SOURCE(CLIENT, AVAILABLE, .note = "one"));
  heard("juliet: available, from client");
  set(JULIET, SOURCE(CLIENT, AVAILABLE, .note = "one"));
  heard("");
  set(JULIET, SOURCE(CLIENT, AVAILABLE, .note = "two"));
  heard("juliet: available, from client");
  set(JULIET, SOURCE(OUT_OF_OFFICE, OFFLINE, .note = "ask Romeo", .until = T + MINUTES));
  heard("juliet: available, from client");
  wait_until(T + MINUTES);
  heard("juliet: available, from client");
  set(JULIET, SOURCE(CALENDAR, MEETING, .note = "Merger"));
  heard("juliet: in a meeting, from calendar");
  set(JULIET, SOURCE(CALENDAR, MEETING, .note = "Party"));
  heard("");
}

static void people_are_apart(void **state) {
  (void)state;
  start(NULL);
  set(JULIET, SOURCE(CLIENT, AVAILABLE));
  set(ROMEO, SOURCE(CLIENT, AWAY));
  heard("juliet: available, from client; romeo: away, from client");
  assert_int_equal(imp_composer_forget(k.c, JULIET, k.now), IMP_OK);
  heard("juliet: offline, no client");
  assert_int_equal(imp_composer_count(k.c), 1);
  assert_int_equal(imp_composer_forget(k.c, JULIET, k.now), IMP_ERR_NOT_FOUND);
  assert_int_equal(imp_composer_remove(k.c, JULIET, IMP_SOURCE_CLIENT, NULL, k.now), IMP_ERR_NOT_FOUND);
  assert_int_equal(imp_composer_remove(k.c, ROMEO, IMP_SOURCE_CLIENT, "x", k.now), IMP_ERR_NOT_FOUND);
  assert_int_equal(imp_composer_remove(k.c, ROMEO, IMP_SOURCE_PHONE, NULL, k.now), IMP_ERR_NOT_FOUND);
  heard("");
}

static void settings_change_for_everybody(void **state) {
  imp_presence_settings s;
  imp_presence_rule rule = {sizeof rule, "mine", 1u << IMP_SOURCE_CLIENT, 1u << IMP_PRESENCE_AWAY, 0, IMP_PRESENCE_BUSY};
  char text[100];
  (void)state;
  start(NULL);
  set(JULIET, SOURCE(CLIENT, AWAY));
  set(ROMEO, SOURCE(CLIENT, AVAILABLE));
  heard("juliet: away, from client; romeo: available, from client");
  imp_presence_settings_default(&s, sizeof s);
  s.busy_show = 7;
  assert_int_equal(imp_composer_set_settings(k.c, &s, text, sizeof text, k.now), IMP_ERR_RANGE);
  assert_string_equal(text, "presence busy_show 7: must be 0 to 1");
  heard("");
  s.busy_show = 0;
  s.rules = &rule;
  s.rules_count = 1;
  assert_int_equal(imp_composer_set_settings(k.c, &s, text, sizeof text, k.now), IMP_OK);
  memset(&rule, 0, sizeof rule); /* they were copied */
  assert_string_equal(text, "");
  assert_non_null(strstr(k.heard, "juliet: busy, from client"));
  assert_non_null(strstr(k.heard, "romeo: available"));
  k.heard[0] = '\0';
  assert_int_equal(imp_composer_set_settings(k.c, NULL, NULL, 0, k.now), IMP_OK);
  assert_non_null(strstr(k.heard, "juliet: away, from client"));
}

static void bounds(void **state) {
  imp_presence_settings s;
  imp_presence p;
  char name[3073];
  (void)state;
  imp_presence_settings_default(&s, sizeof s);
  s.max_sources = 2;
  s.max_note = 4;
  start(&s);
  set(JULIET, SOURCE(CLIENT, AVAILABLE, .note = "abc\xc3\xa4"));
  imp_composer_get(k.c, JULIET, &p, sizeof p, T);
  assert_string_equal(p.note, "abc"); /* no character is cut in two */
  set(JULIET, SOURCE(MANUAL, AWAY, .until = T + 10));
  assert_int_equal(imp_composer_set(k.c, JULIET, SOURCE(PHONE, CALL), k.now), IMP_ERR_LIMIT);
  set(JULIET, SOURCE(MANUAL, AWAY, .until = T + 20));
  k.now = T + 20;
  set(JULIET, SOURCE(PHONE, CALL)); /* what is over takes no place */
  memset(name, 'x', sizeof name);
  name[3072] = '\0';
  assert_int_equal(imp_composer_set(k.c, name, SOURCE(PHONE, CALL), k.now), IMP_ERR_INVALID_ARGUMENT);
  assert_int_equal(imp_composer_set(k.c, ROMEO, SOURCE(PHONE, CALL, .id = name), k.now), IMP_ERR_INVALID_ARGUMENT);
  name[3071] = '\0';
  set(name, SOURCE(PHONE, CALL, .id = name));
  assert_int_equal(imp_composer_set(k.c, "", SOURCE(PHONE, CALL), k.now), IMP_ERR_INVALID_ARGUMENT);
  assert_int_equal(imp_composer_set(k.c, "\xff", SOURCE(PHONE, CALL), k.now), IMP_ERR_INVALID_ARGUMENT);
  assert_int_equal(imp_composer_set(k.c, ROMEO, SOURCE(PHONE, CALL, .id = "\xff"), k.now), IMP_ERR_INVALID_ARGUMENT);
  assert_int_equal(imp_composer_set(k.c, ROMEO, SOURCE(PHONE, CALL, .note = "\xff"), k.now), IMP_ERR_INVALID_ARGUMENT);
  assert_int_equal(imp_composer_set(k.c, ROMEO, NULL, k.now), IMP_ERR_INVALID_ARGUMENT);
  assert_int_equal(imp_composer_set(k.c, ROMEO, &(imp_source){.size = 4}, k.now), IMP_ERR_INVALID_ARGUMENT);
  assert_int_equal(imp_composer_count(k.c), 2);
}

static void what_is_over_leaves_nothing(void **state) {
  (void)state;
  start(NULL);
  set(JULIET, SOURCE(CLIENT, AVAILABLE, .until = T));
  assert_int_equal(imp_composer_count(k.c), 0);
  set(JULIET, SOURCE(CLIENT, AVAILABLE, .from = T + 20, .until = T + 10));
  assert_int_equal(imp_composer_count(k.c), 0);
  set(JULIET, SOURCE(CLIENT, AVAILABLE));
  set(JULIET, SOURCE(CLIENT, AVAILABLE, .expires = T));
  heard("juliet: available, from client; juliet: offline, no client");
  assert_int_equal(imp_composer_count(k.c), 0);
}

static void a_composer_says_what_is_wrong(void **state) {
  imp_presence_settings s;
  char text[100] = "x";
  imp_composer *c = NULL;
  (void)state;
  imp_presence_settings_default(&s, sizeof s);
  s.max_sources = 1001;
  assert_int_equal(imp_composer_new(&c, &s, NULL, text, sizeof text, NULL), IMP_ERR_RANGE);
  assert_string_equal(text, "presence max_sources 1001: must be 1 to 1000");
  assert_null(c);
  assert_int_equal(imp_composer_new(&c, NULL, NULL, text, sizeof text, NULL), IMP_OK); /* nobody is told */
  assert_string_equal(text, "");
  assert_int_equal(imp_composer_set(c, JULIET, SOURCE(CLIENT, AVAILABLE), T), IMP_OK);
  imp_composer_del(c);
  imp_composer_del(NULL);
}

/* Meetings of many at random, against a composition from scratch at every edge. */
static void many(void **state) {
  enum { PEOPLE = 40, EACH = 6 };
  static imp_source sources[PEOPLE][EACH];
  uint32_t random = 1;
  size_t edges = 0;
  (void)state;
  unit_skip_alloc_fail();
  start(NULL);
  for (int i = 0; i < PEOPLE * EACH; i++) {
    imp_source *s = &sources[i / EACH][i % EACH];
    static const char *const ids[] = {"0", "1", "2", "3", "4", "5"};
    random = random * 1664525 + 1013904223;
    *s = (imp_source){.size = sizeof *s, .kind = random >> 8 & 3, .state = (random >> 12) % IMP_PRESENCE_STATES};
    s->id = ids[i % EACH];
    s->from = T + (random >> 16 & 63) * MINUTES;
    s->until = s->from + (random >> 22 & 63) * MINUTES;
    char name[8];
    snprintf(name, sizeof name, "p%d", i / EACH);
    set(name, s);
  }
  while (imp_composer_count(k.c) > 0) {
    wait_until(imp_composer_get_expiry(k.c));
    edges++;
    for (int i = 0; i < PEOPLE; i++) {
      const imp_source *all[EACH];
      imp_presence expected, got;
      char name[8];
      for (int j = 0; j < EACH; j++) {
        all[j] = &sources[i][j];
      }
      snprintf(name, sizeof name, "p%d", i);
      assert_int_equal(imp_presence_compose(&expected, sizeof expected, NULL, all, EACH, k.now), IMP_OK);
      imp_composer_get(k.c, name, &got, sizeof got, k.now);
      assert_true(imp_presence_equal(&expected, &got));
    }
    k.heard[0] = '\0';
  }
  assert_true(edges > 60);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_day),
      cmocka_unit_test(a_source_that_nobody_confirms_expires),
      cmocka_unit_test(what_is_read_shows_the_moment),
      cmocka_unit_test(sources_are_listed),
      cmocka_unit_test(words_count_too),
      cmocka_unit_test(people_are_apart),
      cmocka_unit_test(settings_change_for_everybody),
      cmocka_unit_test(bounds),
      cmocka_unit_test(what_is_over_leaves_nothing),
      cmocka_unit_test(a_composer_says_what_is_wrong),
      cmocka_unit_test(many),
  };
  return unit_run("presence_composer", tests);
}
