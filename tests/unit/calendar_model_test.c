/* Free and busy: merging, edges, policy, what is told and what is withheld. */
#include "calendar_kit.h"

#define DAY "2026-03-02T"

static ckit kit;

static void put(const char *source, const imp_busy *blocks, size_t count) {
  assert_int_equal(imp_calendar_put(kit.cal, "juliet", source, NULL, ckit_time(DAY "00:00:00Z"),
                                    ckit_time("2026-03-04T00:00:00Z"), blocks, count),
                   IMP_OK);
  ckit_turn(&kit);
}

static void a_meeting_begins_and_ends(void **state) {
  (void)state;
  ckit_new(&kit, NULL);
  imp_busy b = ckit_busy(DAY "09:00:00Z", DAY "10:00:00Z", IMP_BUSY_BUSY);
  put("host", &b, 1);
  ckit_expect(&kit, "juliet free\n");
  ckit_until(&kit, DAY "08:59:59.999Z");
  ckit_expect(&kit, "");
  ckit_until(&kit, DAY "09:00:00Z");
  ckit_expect(&kit, "juliet busy 09:00-10:00\n");
  ckit_until(&kit, DAY "10:00:00Z");
  ckit_expect(&kit, "juliet free\n");
  ckit_until(&kit, "2026-03-04T00:00:00Z"); /* the window ends */
  ckit_expect(&kit, "juliet unknown\n");
}

static void the_greater_kind_wins(void **state) {
  (void)state;
  ckit_new(&kit, NULL);
  imp_busy b[] = {ckit_busy(DAY "09:00:00Z", DAY "13:00:00Z", IMP_BUSY_ELSEWHERE),
                  ckit_busy(DAY "10:00:00Z", DAY "12:00:00Z", IMP_BUSY_BUSY),
                  ckit_busy(DAY "11:00:00Z", DAY "11:30:00Z", IMP_BUSY_OOF),
                  ckit_busy(DAY "09:30:00Z", DAY "12:30:00Z", IMP_BUSY_TENTATIVE)};
  put("host", b, 4);
  ckit_until(&kit, DAY "14:00:00Z");
  ckit_expect(&kit, "juliet free\njuliet elsewhere 09:00-10:00\njuliet busy 10:00-11:00\njuliet out of office 11:00-11:30\n"
                    "juliet busy 11:30-12:00\njuliet elsewhere 12:00-13:00\njuliet free\n");
}

static void tentative_is_policy(void **state) {
  static const char *const told[] = {"juliet free\n", "juliet free\njuliet tentative 09:00-10:00\njuliet free\n",
                                     "juliet free\njuliet busy 09:00-10:00\njuliet free\n"};
  imp_calendar_settings settings;
  (void)state;
  for (uint32_t policy = 0; policy < 3; policy++) {
    static ckit kits[3];
    imp_busy b = ckit_busy(DAY "09:00:00Z", DAY "10:00:00Z", IMP_BUSY_TENTATIVE);
    imp_calendar_settings_default(&settings, sizeof settings);
    settings.tentative = policy;
    ckit_new(&kits[policy], &settings);
    assert_int_equal(imp_calendar_put(kits[policy].cal, "juliet", "host", NULL, ckit_time(DAY "00:00:00Z"),
                                      ckit_time("2026-03-04T00:00:00Z"), &b, 1),
                     IMP_OK);
    ckit_until(&kits[policy], DAY "11:00:00Z");
    ckit_expect(&kits[policy], told[policy]);
  }
}

static void meetings_back_to_back(void **state) {
  imp_calendar_state s = {.size = sizeof s};
  (void)state;
  ckit_new(&kit, NULL);
  imp_busy b[] = {ckit_busy(DAY "10:00:00Z", DAY "11:00:00Z", IMP_BUSY_BUSY),
                  ckit_busy(DAY "09:00:00Z", DAY "10:00:00Z", IMP_BUSY_BUSY)};
  b[0].is_private = 1;
  put("host", b, 2);
  ckit_until(&kit, DAY "09:30:00Z");
  ckit_expect(&kit, "juliet free\njuliet busy 09:00-11:00\n");
  assert_int_equal(imp_calendar_get(kit.cal, "juliet", &s), IMP_OK);
  assert_string_equal(s.source, "host");
  assert_int_equal(s.is_private, 0);
  ckit_until(&kit, DAY "12:00:00Z");
  ckit_expect(&kit, "juliet busy 09:00-11:00 private\njuliet free\n");
}

static void two_sources(void **state) {
  (void)state;
  ckit_new(&kit, NULL);
  imp_busy a = ckit_busy(DAY "09:00:00Z", DAY "10:00:00Z", IMP_BUSY_BUSY);
  imp_busy b = ckit_busy(DAY "09:30:00Z", DAY "10:30:00Z", IMP_BUSY_OOF);
  put("one", &a, 1);
  put("two", &b, 1);
  ckit_until(&kit, DAY "09:45:00Z");
  ckit_expect(&kit, "juliet free\njuliet busy 09:00-09:30\njuliet out of office 09:30-10:30\n");
  assert_int_equal(imp_calendar_put(kit.cal, "juliet", "two", NULL, 0, 0, NULL, 0), IMP_OK); /* goes away */
  ckit_turn(&kit);
  ckit_expect(&kit, "juliet busy 09:00-10:00\n");
  put("one", NULL, 0); /* replaced: nothing on */
  ckit_expect(&kit, "juliet free\n");
  assert_int_equal(imp_calendar_put(kit.cal, "juliet", "one", NULL, 0, 0, NULL, 0), IMP_OK);
  ckit_turn(&kit);
  ckit_expect(&kit, "juliet unknown\n");
  imp_calendar_state s = {.size = sizeof s};
  assert_int_equal(imp_calendar_get(kit.cal, "juliet", &s), IMP_ERR_NOT_FOUND); /* nobody names her */
}

static void subjects_are_withheld(void **state) {
  imp_calendar_settings settings;
  static ckit open;
  (void)state;
  imp_busy b[] = {ckit_busy(DAY "09:00:00Z", DAY "10:00:00Z", IMP_BUSY_BUSY),
                  ckit_busy(DAY "11:00:00Z", DAY "12:00:00Z", IMP_BUSY_BUSY)};
  b[0].subject = "Budget";
  b[1].subject = "Doctor";
  b[1].is_private = 1;
  ckit_new(&kit, NULL);
  put("host", b, 2);
  ckit_until(&kit, DAY "13:00:00Z");
  assert_null(strstr(kit.journal, "Budget"));
  imp_calendar_settings_default(&settings, sizeof settings);
  settings.subjects = 1;
  ckit_new(&open, &settings);
  assert_int_equal(imp_calendar_put(open.cal, "juliet", "host", NULL, ckit_time(DAY "00:00:00Z"),
                                    ckit_time("2026-03-04T00:00:00Z"), b, 2),
                   IMP_OK);
  ckit_until(&open, DAY "13:00:00Z");
  ckit_expect(&open, "juliet free\njuliet busy 09:00-10:00 'Budget'\njuliet free\njuliet busy 11:00-12:00 private\njuliet free\n");
}

static void out_of_office(void **state) {
  imp_oof oof = {sizeof oof, 1, 0, 0, "back on Monday"};
  (void)state;
  ckit_new(&kit, NULL);
  put("host", NULL, 0);
  ckit_expect(&kit, "juliet free\n");
  oof.start = ckit_time(DAY "09:00:00Z");
  oof.end = ckit_time(DAY "17:00:00Z");
  assert_int_equal(imp_calendar_put_oof(kit.cal, "juliet", "host", &oof), IMP_OK);
  ckit_until(&kit, DAY "18:00:00Z");
  ckit_expect(&kit, "juliet free away(back on Monday)\njuliet free\n");
  oof.start = oof.end = 0;
  oof.note = NULL;
  assert_int_equal(imp_calendar_put_oof(kit.cal, "juliet", "host", &oof), IMP_OK);
  ckit_turn(&kit);
  ckit_expect(&kit, "juliet free away()\n");
  assert_int_equal(imp_calendar_put_oof(kit.cal, "juliet", "host", NULL), IMP_OK);
  ckit_turn(&kit);
  ckit_expect(&kit, "juliet free\n");
}

static void all_day_floats(void **state) {
  (void)state;
  ckit_new(&kit, NULL);
  imp_busy b = ckit_busy("2026-03-03T00:00:00Z", "2026-03-04T00:00:00Z", IMP_BUSY_OOF);
  b.floating = 1;
  assert_int_equal(imp_calendar_put(kit.cal, "juliet", "host", "Tokyo Standard Time", ckit_time(DAY "00:00:00Z"),
                                    ckit_time("2026-03-05T00:00:00Z"), &b, 1),
                   IMP_OK);
  ckit_until(&kit, "2026-03-04T00:00:00Z");
  ckit_expect(&kit, "juliet free\njuliet out of office 15:00-15:00\njuliet free\n");
  assert_int_equal(imp_calendar_put(kit.cal, "juliet", "host", "Nowhere", 0, 1, NULL, 0), IMP_ERR_NOT_FOUND);
}

static void the_clock_is_set(void **state) {
  (void)state;
  ckit_new(&kit, NULL);
  imp_busy b = ckit_busy(DAY "09:00:00Z", DAY "10:00:00Z", IMP_BUSY_BUSY);
  put("host", &b, 1);
  ckit_until(&kit, DAY "10:30:00Z");
  ckit_expect(&kit, "juliet free\njuliet busy 09:00-10:00\njuliet free\n");
  kit.now = ckit_time(DAY "09:15:00Z");
  ckit_turn(&kit);
  ckit_expect(&kit, "juliet busy 09:00-10:00\n");
  kit.now = ckit_time(DAY "10:15:00Z"); /* and forward */
  ckit_turn(&kit);
  ckit_expect(&kit, "juliet free\n");
}

static int count_run(const imp_calendar_state *s, void *user_data) {
  ++*(int *)user_data;
  return s->kind == IMP_BUSY_OOF;
}

static void runs(void **state) {
  int n = 0;
  (void)state;
  ckit_new(&kit, NULL);
  imp_busy b[] = {ckit_busy(DAY "09:00:00Z", DAY "10:00:00Z", IMP_BUSY_BUSY),
                  ckit_busy(DAY "12:00:00Z", DAY "13:00:00Z", IMP_BUSY_OOF)};
  put("host", b, 2);
  assert_int_equal(imp_calendar_runs(kit.cal, "juliet", ckit_time(DAY "09:30:00Z"), ckit_time(DAY "10:30:00Z"), count_run, &n),
                   0);
  assert_int_equal(n, 2);
  assert_int_equal(imp_calendar_runs(kit.cal, "juliet", 0, IMP_TSTAMP_NEVER, count_run, &n), 1);
  assert_int_equal(n, 6);
}

static void bounds(void **state) {
  static imp_busy many[12];
  static ckit small;
  char text[200];
  imp_calendar_settings settings;
  (void)state;
  imp_calendar_settings_default(&settings, sizeof settings);
  settings.blocks_max = 9;
  assert_int_equal(imp_calendar_settings_check(&settings, text, sizeof text), IMP_ERR_RANGE);
  assert_string_equal(text, "calendar blocks_max 9: must be 10 to 10000");
  settings.blocks_max = 10;
  settings.users_max = 1;
  ckit_new(&small, &settings);
  for (size_t i = 0; i < 12; i++) {
    many[i] = ckit_busy(DAY "09:00:00Z", DAY "10:00:00Z", IMP_BUSY_BUSY);
    many[i].start += i * 7200000;
    many[i].end += i * 7200000;
  }
  assert_int_equal(imp_calendar_put(small.cal, "juliet", "host", NULL, ckit_time(DAY "00:00:00Z"),
                                    ckit_time("2026-03-09T00:00:00Z"), many, 12),
                   IMP_OK);
  int n = 0;
  assert_int_equal(imp_calendar_runs(small.cal, "juliet", 0, IMP_TSTAMP_NEVER, count_run, &n), 0);
  assert_int_equal(n, 21);
  assert_int_equal(imp_calendar_put(small.cal, "romeo", "host", NULL, 0, 1, NULL, 0), IMP_ERR_LIMIT);
  assert_string_equal(imp_calendar_last_error(small.cal), "users_max 1 reached");
  assert_int_equal(imp_calendar_put(small.cal, "", "host", NULL, 0, 1, NULL, 0), IMP_ERR_INVALID_ARGUMENT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_meeting_begins_and_ends), cmocka_unit_test(the_greater_kind_wins),
      cmocka_unit_test(tentative_is_policy),       cmocka_unit_test(meetings_back_to_back),
      cmocka_unit_test(two_sources),               cmocka_unit_test(subjects_are_withheld),
      cmocka_unit_test(out_of_office),             cmocka_unit_test(all_day_floats),
      cmocka_unit_test(the_clock_is_set),          cmocka_unit_test(runs),
      cmocka_unit_test(bounds),
  };
  return unit_run("calendar_model", tests);
}
