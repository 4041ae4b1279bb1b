/* From sources to one presence. */
#include <stdio.h>
#include <string.h>

#include <imp/presence.h>

#include "alloc_fail.h"

#define T UINT64_C(1795525200000) /* 2026-11-24T13:00:00Z */
#define MINUTES UINT64_C(60000)

#define SOURCE(what, says, ...)                                                                                        \
  &(imp_source) { .size = sizeof(imp_source), .kind = IMP_SOURCE_##what, .state = IMP_PRESENCE_##says, __VA_ARGS__ }
#define CLIENT(says) SOURCE(CLIENT, says, .id = "phone")
#define COMPOSE(settings, ...)                                                                                         \
  compose(settings, (const imp_source *[]){__VA_ARGS__}, sizeof((const imp_source *[]){__VA_ARGS__}) / sizeof(void *))

static imp_presence p;

/* The reason, for a reader in UTC; `p` is the presence. */
static const char *compose(const imp_presence_settings *settings, const imp_source **sources, size_t count) {
  static char reason[200];
  assert_int_equal(imp_presence_compose(&p, sizeof p, settings, sources, count, T), IMP_OK);
  size_t len = imp_presence_write_reason(&p, 0, reason, sizeof reason);
  assert_int_equal(len, strlen(reason));
  return reason;
}

static void nobody_is_offline(void **state) {
  (void)state;
  assert_int_equal(imp_presence_compose(&p, sizeof p, NULL, NULL, 0, T), IMP_OK);
  assert_int_equal(p.state, IMP_PRESENCE_OFFLINE);
  assert_int_equal(p.kind, IMP_SOURCES);
  assert_int_equal(p.rule, IMP_PRESENCE_NO_RULE);
  assert_true(p.expiry == IMP_WALLCLOCK_NEVER && p.at == T && p.idle == 0);
  assert_string_equal(p.id, "");
  assert_string_equal(p.note, "");
  assert_string_equal(COMPOSE(NULL, NULL), "offline, no client");
}

static void the_example(void **state) {
  (void)state;
  assert_string_equal(COMPOSE(NULL, CLIENT(AVAILABLE),
                              SOURCE(CALENDAR, MEETING, .from = T - 30 * MINUTES, .until = T + 120 * MINUTES)),
                      "in a meeting until 15:00, from calendar");
  assert_true(p.from == T - 30 * MINUTES && p.until == T + 120 * MINUTES && p.expiry == p.until);
}

/* The order of the requirement: each of these is above all that follow. */
static void the_default_order(void **state) {
  imp_source order[] = {
      {.kind = IMP_SOURCE_MANUAL, .state = IMP_PRESENCE_DND, .id = "a"},
      {.kind = IMP_SOURCE_PHONE, .state = IMP_PRESENCE_CALL},
      {.kind = IMP_SOURCE_CALENDAR, .state = IMP_PRESENCE_OUT_OF_OFFICE, .id = "oof"},
      {.kind = IMP_SOURCE_CALENDAR, .state = IMP_PRESENCE_MEETING},
      {.kind = IMP_SOURCE_CLIENT, .state = IMP_PRESENCE_AWAY},
  };
  static const char *const reasons[] = {"do not disturb, set by hand", "on the phone, from phone",
                                        "out of office, from calendar", "in a meeting, from calendar",
                                        "away, from client"};
  const size_t count = sizeof order / sizeof order[0];
  (void)state;
  for (unsigned set = 1; set < 1u << count; set++) {
    const imp_source *sources[8];
    size_t n = 0, first = count;
    imp_source client = {.size = sizeof client, .kind = IMP_SOURCE_CLIENT, .state = IMP_PRESENCE_AVAILABLE, .id = "x"};
    for (size_t i = count; i-- > 0;) {
      order[i].size = sizeof order[i];
      if (set >> i & 1) {
        sources[n++] = &order[i];
        first = i;
      }
    }
    if (!(set >> 4 & 1)) {
      sources[n++] = &client;
    }
    assert_string_equal(compose(NULL, sources, n), reasons[first]);
  }
  order[0].state = IMP_PRESENCE_AWAY;
  const imp_source *both[] = {&order[0], &order[1], &order[4]};
  assert_string_equal(compose(NULL, both, 3), "away, set by hand");
}

static void a_client_in_use_outweighs_those_that_are_away(void **state) {
  (void)state;
  assert_string_equal(COMPOSE(NULL, SOURCE(CLIENT, AWAY, .id = "desk"), SOURCE(CLIENT, AVAILABLE, .id = "phone")),
                      "available, from client");
  assert_string_equal(p.id, "phone");
  assert_int_equal(p.idle, 0);
  assert_string_equal(COMPOSE(NULL, SOURCE(CLIENT, XA, .id = "desk"), SOURCE(CLIENT, IDLE, .id = "phone")),
                      "idle, from client"); /* the one that is most present */
  assert_int_equal(p.idle, 1);
  assert_string_equal(COMPOSE(NULL, SOURCE(CLIENT, XA, .id = "desk", .priority = 5), SOURCE(CLIENT, IDLE)),
                      "away for long, from client"); /* unless it wants to be less */
  assert_string_equal(COMPOSE(NULL, SOURCE(CLIENT, DND, .id = "desk"), SOURCE(CLIENT, AVAILABLE)),
                      "do not disturb, from client");
  assert_string_equal(COMPOSE(NULL, CLIENT(CHAT)), "free to chat, from client");
}

static void who_is_busy_may_be_idle(void **state) {
  (void)state;
  COMPOSE(NULL, CLIENT(AWAY), SOURCE(CALENDAR, BUSY));
  assert_int_equal(p.state, IMP_PRESENCE_BUSY);
  assert_int_equal(p.idle, 1);
  COMPOSE(NULL, CLIENT(AWAY), SOURCE(CLIENT, AVAILABLE), SOURCE(CALENDAR, BUSY));
  assert_int_equal(p.idle, 0);
}

static void without_a_client(void **state) {
  imp_presence_settings s;
  (void)state;
  imp_presence_settings_default(&s, sizeof s);
  assert_string_equal(COMPOSE(&s, SOURCE(CALENDAR, MEETING), SOURCE(PHONE, CALL), SOURCE(MANUAL, DND)),
                      "offline, no client");
  assert_string_equal(COMPOSE(&s, CLIENT(OFFLINE), SOURCE(CALENDAR, MEETING)), "offline, no client");
  s.without_client = 1u << IMP_SOURCE_CALENDAR;
  assert_string_equal(COMPOSE(&s, SOURCE(CALENDAR, MEETING), SOURCE(PHONE, CALL)), "in a meeting, from calendar");
  assert_int_equal(p.idle, 0);
  assert_string_equal(COMPOSE(&s, SOURCE(PHONE, CALL)), "offline, no client");
  assert_string_equal(COMPOSE(&s, SOURCE(CALENDAR, AVAILABLE)), "offline, no client");
  assert_string_equal(COMPOSE(&s, SOURCE(CALENDAR, ELSEWHERE)), "offline, no client");
  s.without_client |= 1u << IMP_SOURCE_PHONE;
  assert_string_equal(COMPOSE(&s, SOURCE(CALENDAR, MEETING), SOURCE(PHONE, CALL)), "on the phone, from phone");
  assert_string_equal(COMPOSE(&s, SOURCE(PHONE, CALL), SOURCE(MANUAL, DND)), "do not disturb, set by hand");
  assert_string_equal(COMPOSE(&s, SOURCE(PHONE, CALL), SOURCE(MANUAL, OFFLINE)), "offline, set by hand");
  assert_string_equal(COMPOSE(&s, SOURCE(MANUAL, DND)), "offline, no client");
}

static void set_by_hand(void **state) {
  (void)state;
  assert_string_equal(COMPOSE(NULL, CLIENT(AVAILABLE), SOURCE(MANUAL, AWAY, .until = T + 60 * MINUTES)),
                      "away until 14:00, set by hand");
  assert_string_equal(COMPOSE(NULL, CLIENT(AVAILABLE), SOURCE(MANUAL, AWAY, .until = T)), "available, from client");
  assert_string_equal(COMPOSE(NULL, CLIENT(AWAY), SOURCE(MANUAL, AVAILABLE)), "available, set by hand");
  assert_string_equal(COMPOSE(NULL, CLIENT(AWAY), SOURCE(MANUAL, AVAILABLE), SOURCE(CALENDAR, MEETING)),
                      "in a meeting, from calendar");
  assert_string_equal(COMPOSE(NULL, CLIENT(AVAILABLE), SOURCE(MANUAL, OFFLINE)), "offline, set by hand");
}

static void the_out_of_office_note_is_beside_whatever_wins(void **state) {
  (void)state;
  assert_string_equal(COMPOSE(NULL, CLIENT(AVAILABLE), SOURCE(OUT_OF_OFFICE, OFFLINE, .note = "ask Romeo")),
                      "available, from client");
  assert_string_equal(p.away_note, "ask Romeo");
  COMPOSE(NULL, SOURCE(OUT_OF_OFFICE, OUT_OF_OFFICE, .note = "ask Romeo"));
  assert_int_equal(p.state, IMP_PRESENCE_OFFLINE);
  assert_string_equal(p.away_note, "ask Romeo");
  COMPOSE(NULL, CLIENT(DND), SOURCE(OUT_OF_OFFICE, OFFLINE, .note = "ask Romeo", .until = T));
  assert_string_equal(p.away_note, "");
  COMPOSE(NULL, CLIENT(DND), SOURCE(OUT_OF_OFFICE, OFFLINE, .note = "soon", .from = T + 1));
  assert_string_equal(p.away_note, "");
  assert_true(p.expiry == T + 1);
}

static void the_persons_own_words(void **state) {
  imp_presence_settings s;
  (void)state;
  COMPOSE(NULL, SOURCE(CLIENT, AVAILABLE, .id = "a", .note = "low"),
          SOURCE(CLIENT, AVAILABLE, .id = "b", .note = "high", .priority = 1), SOURCE(CALENDAR, MEETING, .note = "Merger"));
  assert_string_equal(p.note, "high");
  assert_string_equal(p.subject, ""); /* is nobody's business */
  COMPOSE(NULL, SOURCE(CLIENT, AVAILABLE, .id = "a", .note = "low"), SOURCE(MANUAL, DND, .note = "writing"));
  assert_string_equal(p.note, "writing");
  imp_presence_settings_default(&s, sizeof s);
  s.publish_subjects = 1;
  assert_string_equal(COMPOSE(&s, CLIENT(AVAILABLE), SOURCE(CALENDAR, MEETING, .note = "Merger", .until = T + MINUTES)),
                      "in a meeting (Merger) until 13:01, from calendar");
  assert_string_equal(p.subject, "Merger");
}

static void each_source_ends_by_itself(void **state) {
  (void)state;
  assert_string_equal(COMPOSE(NULL, CLIENT(AVAILABLE), SOURCE(CALENDAR, MEETING, .until = T + 1, .expires = T)),
                      "available, from client");
  COMPOSE(NULL, SOURCE(CLIENT, AVAILABLE, .expires = T + 9), SOURCE(CALENDAR, MEETING, .from = T + 7, .until = T + 8));
  assert_int_equal(p.state, IMP_PRESENCE_AVAILABLE);
  assert_true(p.expiry == T + 7 && p.until == 0);
  COMPOSE(NULL, SOURCE(CLIENT, AVAILABLE, .expires = T + 9), SOURCE(CALENDAR, MEETING, .from = T, .until = T + 8));
  assert_int_equal(p.state, IMP_PRESENCE_MEETING);
  assert_true(p.expiry == T + 8);
  COMPOSE(NULL, SOURCE(CLIENT, AVAILABLE, .expires = T));
  assert_int_equal(p.state, IMP_PRESENCE_OFFLINE);
  assert_true(p.expiry == IMP_WALLCLOCK_NEVER);
}

static void overlaps(void **state) {
  (void)state;
  assert_string_equal(COMPOSE(NULL, CLIENT(AVAILABLE), SOURCE(CALENDAR, MEETING, .until = T + 60 * MINUTES),
                              SOURCE(CALENDAR, MEETING, .id = "2", .until = T + 90 * MINUTES)),
                      "in a meeting until 14:30, from calendar");
  assert_string_equal(COMPOSE(NULL, CLIENT(AVAILABLE), SOURCE(CALENDAR, BUSY, .until = T + 90 * MINUTES),
                              SOURCE(CALENDAR, MEETING, .id = "2", .until = T + 60 * MINUTES)),
                      "in a meeting until 14:00, from calendar");
  assert_string_equal(COMPOSE(NULL, CLIENT(AVAILABLE), SOURCE(CALENDAR, TENTATIVE)), "available, from client");
  assert_string_equal(COMPOSE(NULL, CLIENT(AVAILABLE), SOURCE(CALENDAR, ELSEWHERE)),
                      "working elsewhere, from calendar");
  assert_string_equal(COMPOSE(NULL, CLIENT(AWAY), SOURCE(CALENDAR, ELSEWHERE)), "away, from client");
  assert_string_equal(COMPOSE(NULL, CLIENT(AVAILABLE), SOURCE(HOST, BUSY, .id = "door")), "busy, from door");
}

static void rules_are_the_hosts(void **state) {
  const imp_presence_rule rules[] = {
      {sizeof rules[0], "perhaps", 1u << IMP_SOURCE_CALENDAR, 1u << IMP_PRESENCE_TENTATIVE, 0, IMP_PRESENCE_BUSY},
      {sizeof rules[0], "client", 1u << IMP_SOURCE_CLIENT, 1u << IMP_PRESENCE_AWAY, 1u << IMP_PRESENCE_CHAT, 0},
  };
  imp_presence_settings s;
  (void)state;
  imp_presence_settings_default(&s, sizeof s);
  s.rules = rules;
  s.rules_count = 2;
  assert_string_equal(COMPOSE(&s, CLIENT(AVAILABLE), SOURCE(CALENDAR, TENTATIVE)), "busy, from calendar");
  assert_int_equal(p.rule, 0);
  assert_string_equal(COMPOSE(&s, CLIENT(AWAY), SOURCE(CALENDAR, MEETING)), "away, from client");
  assert_int_equal(p.rule, 1);
  assert_string_equal(COMPOSE(&s, CLIENT(AWAY), SOURCE(CLIENT, CHAT)), "available");
  assert_int_equal(p.rule, IMP_PRESENCE_NO_RULE);
  s.rules_count = 0;
  assert_string_equal(COMPOSE(&s, CLIENT(DND)), "available");
}

static void default_rules_can_be_taken_and_changed(void **state) {
  size_t count;
  const imp_presence_rule *defaults = imp_presence_default_rules(&count);
  imp_presence_rule rules[16];
  imp_presence_settings s;
  (void)state;
  assert_int_equal(count, 10);
  memcpy(rules, defaults, count * sizeof rules[0]);
  imp_presence_settings_default(&s, sizeof s);
  s.rules = rules;
  s.rules_count = count;
  assert_string_equal(COMPOSE(&s, CLIENT(AWAY), SOURCE(CALENDAR, MEETING)), "in a meeting, from calendar");
  rules[4].kinds = 0;
  assert_string_equal(COMPOSE(&s, CLIENT(AWAY), SOURCE(CALENDAR, MEETING)), "away, from client");
}

static void nonsense_is_passed_over(void **state) {
  imp_source odd = {.size = 8, .kind = IMP_SOURCE_CLIENT, .state = IMP_PRESENCE_AVAILABLE};
  (void)state;
  assert_string_equal(COMPOSE(NULL, &odd), "offline, no client");
  odd.size = sizeof odd;
  odd.kind = 99;
  assert_string_equal(COMPOSE(NULL, &odd), "offline, no client");
  odd.kind = IMP_SOURCE_CLIENT;
  odd.state = 99;
  assert_string_equal(COMPOSE(NULL, &odd), "offline, no client");
  odd.state = IMP_PRESENCE_AVAILABLE;
  assert_string_equal(COMPOSE(NULL, NULL, &odd, NULL), "available, from client");
}

static void an_older_host_has_a_shorter_struct(void **state) {
  struct {
    size_t size;
    uint32_t state, after;
  } small = {0, 0, 77};
  const imp_source *sources[] = {CLIENT(DND)};
  (void)state;
  assert_int_equal(imp_presence_compose((imp_presence *)(void *)&small, 12, NULL, sources, 1, T), IMP_OK);
  assert_true(small.size == 12 && small.state == IMP_PRESENCE_DND && small.after == 77);
}

static void refused(imp_presence_settings *s, int error, const char *expected) {
  char text[100] = "x";
  assert_int_equal(imp_presence_settings_check(s, text, sizeof text), error);
  assert_string_equal(text, expected);
  assert_int_equal(imp_presence_settings_check(s, NULL, 0), error);
  if (error != IMP_OK) {
    assert_int_equal(imp_presence_compose(&p, sizeof p, s, NULL, 0, T), IMP_ERR_INVALID_ARGUMENT);
  }
}

static void settings(void **state) {
  imp_presence_settings s;
  imp_presence_rule rules[2] = {{sizeof rules[0], "one", 1, 1, 0, 0}, {sizeof rules[0], "two", 1, 1, 0, 0}};
  (void)state;
  imp_presence_settings_default(&s, sizeof s);
  assert_true(s.size == sizeof s && s.busy_show == 0 && s.status_source == 1 && s.max_sources == 64 &&
              s.max_note == 1024 && s.rules == NULL && s.without_client == 0 && s.publish_subjects == 0);
  refused(&s, IMP_OK, "");
  s.busy_show = 2;
  refused(&s, IMP_ERR_RANGE, "presence busy_show 2: must be 0 to 1");
  s.busy_show = 1;
  s.max_sources = 0;
  refused(&s, IMP_ERR_RANGE, "presence max_sources 0: must be 1 to 1000");
  s.max_sources = 1000;
  s.max_note = 65537;
  refused(&s, IMP_ERR_RANGE, "presence max_note 65537: must be 0 to 65536");
  s.max_note = 0;
  s.without_client = 1;
  refused(&s, IMP_ERR_RANGE, "presence without_client 1: must be a set of phone, calendar and host");
  s.without_client = 0;
  s.rules = rules;
  s.rules_count = 65;
  refused(&s, IMP_ERR_RANGE, "presence rules_count 65: must be 0 to 64");
  s.rules_count = 2;
  refused(&s, IMP_OK, "");
  rules[1].states = 1u << IMP_PRESENCE_STATES;
  refused(&s, IMP_ERR_INVALID_ARGUMENT, "presence rule 1 (two): a kind or state that does not exist");
  rules[1].states = 0, rules[1].show_as = IMP_PRESENCE_STATES;
  refused(&s, IMP_ERR_INVALID_ARGUMENT, "presence rule 1 (two): a kind or state that does not exist");
  rules[1].show_as = 0, rules[1].kinds = 1u << IMP_SOURCES, rules[1].name = NULL;
  refused(&s, IMP_ERR_INVALID_ARGUMENT, "presence rule 1 (): a kind or state that does not exist");
  rules[1].size = 1;
  refused(&s, IMP_ERR_INVALID_ARGUMENT, "presence rule 1: its size differs from that of the first");
  rules[0].size = 1;
  refused(&s, IMP_ERR_INVALID_ARGUMENT, "presence rules: size is not set");
  s.size = 0;
  refused(&s, IMP_ERR_INVALID_ARGUMENT, "presence settings: size is not set");
}

static void equal(void **state) {
  imp_presence a, b;
  (void)state;
  COMPOSE(NULL, CLIENT(AVAILABLE), SOURCE(CALENDAR, MEETING, .until = T + 1));
  a = b = p;
  b.at++, b.from++, b.rule++, b.expiry++, b.id = "other";
  assert_true(imp_presence_equal(&a, &b));
  b = a, b.state = 0;
  assert_false(imp_presence_equal(&a, &b));
  b = a, b.until++;
  assert_false(imp_presence_equal(&a, &b));
  b = a, b.idle = 1;
  assert_false(imp_presence_equal(&a, &b));
  b = a, b.kind = 0;
  assert_false(imp_presence_equal(&a, &b));
  b = a, b.note = "x";
  assert_false(imp_presence_equal(&a, &b));
  b = a, b.subject = "x";
  assert_false(imp_presence_equal(&a, &b));
  b = a, b.away_note = "x";
  assert_false(imp_presence_equal(&a, &b));
}

static void names(void **state) {
  (void)state;
  for (int i = 0; i < IMP_PRESENCE_STATES; i++) {
    assert_string_not_equal(imp_presence_state_name((imp_presence_state)i), "unknown");
  }
  for (int i = 0; i < IMP_SOURCES; i++) {
    assert_string_not_equal(imp_source_kind_name((imp_source_kind)i), "unknown");
  }
  assert_string_equal(imp_presence_state_name(IMP_PRESENCE_STATES), "unknown");
  assert_string_equal(imp_source_kind_name(IMP_SOURCES), "unknown");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nobody_is_offline),
      cmocka_unit_test(the_example),
      cmocka_unit_test(the_default_order),
      cmocka_unit_test(a_client_in_use_outweighs_those_that_are_away),
      cmocka_unit_test(who_is_busy_may_be_idle),
      cmocka_unit_test(without_a_client),
      cmocka_unit_test(set_by_hand),
      cmocka_unit_test(the_out_of_office_note_is_beside_whatever_wins),
      cmocka_unit_test(the_persons_own_words),
      cmocka_unit_test(each_source_ends_by_itself),
      cmocka_unit_test(overlaps),
      cmocka_unit_test(rules_are_the_hosts),
      cmocka_unit_test(default_rules_can_be_taken_and_changed),
      cmocka_unit_test(nonsense_is_passed_over),
      cmocka_unit_test(an_older_host_has_a_shorter_struct),
      cmocka_unit_test(settings),
      cmocka_unit_test(equal),
      cmocka_unit_test(names),
  };
  return unit_run("presence_compose", tests);
}
