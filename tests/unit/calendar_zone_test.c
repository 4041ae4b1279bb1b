/* Time zones: TZif files, their rules for later, gaps and folds. */
#include "calendar_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "calendar/zone.h"
#include "core/mem.h"

static ckit kit;

static imp_wallclock moment(const char *zone, const char *local) {
  imp_wallclock t = 0;
  assert_int_equal(imp_calendar_local_time(kit.cal, zone, ckit_time(local), &t), IMP_OK);
  return t;
}

#define assert_moment(zone, local, utc) assert_string_equal(ckit_text(&kit, moment(zone, local)), utc)

static void ordinary_days(void **state) {
  (void)state;
  ckit_new(&kit, NULL);
  assert_moment("Europe/Berlin", "2026-01-15T12:00:00Z", "2026-01-15T11:00:00Z");
  assert_moment("Europe/Berlin", "2026-07-15T12:00:00Z", "2026-07-15T10:00:00Z");
  assert_moment("W. Europe Standard Time", "2026-07-15T12:00:00Z", "2026-07-15T10:00:00Z");
  assert_moment("America/New_York", "2026-07-15T12:00:00Z", "2026-07-15T16:00:00Z");
  assert_moment("Asia/Kolkata", "2026-07-15T12:00:00Z", "2026-07-15T06:30:00Z");
  assert_moment("Australia/Sydney", "2026-01-15T12:00:00Z", "2026-01-15T01:00:00Z");
  assert_moment("Australia/Lord_Howe", "2026-01-15T12:00:00Z", "2026-01-15T01:00:00Z");
  assert_moment("UTC", "2026-07-15T12:00:00Z", "2026-07-15T12:00:00Z");
}

static void days_of_change(void **state) {
  (void)state;
  ckit_new(&kit, NULL);
  assert_moment("Europe/Berlin", "2026-03-29T01:59:59Z", "2026-03-29T00:59:59Z");
  assert_moment("Europe/Berlin", "2026-03-29T02:30:00Z", "2026-03-29T01:30:00Z"); /* there is no such time */
  assert_moment("Europe/Berlin", "2026-03-29T03:00:00Z", "2026-03-29T01:00:00Z");
  assert_moment("Europe/Berlin", "2026-10-25T02:30:00Z", "2026-10-25T00:30:00Z"); /* twice: the first */
  assert_moment("Europe/Berlin", "2026-10-25T03:00:00Z", "2026-10-25T02:00:00Z");
  assert_moment("America/New_York", "2026-03-08T02:30:00Z", "2026-03-08T07:30:00Z");
  assert_moment("America/New_York", "2026-11-01T01:30:00Z", "2026-11-01T05:30:00Z");
  assert_moment("Australia/Lord_Howe", "2026-04-05T01:45:00Z", "2026-04-04T14:45:00Z"); /* half an hour */
}

static void years_beyond_the_table(void **state) {
  (void)state;
  ckit_new(&kit, NULL);
  assert_moment("Europe/Berlin", "2090-01-15T12:00:00Z", "2090-01-15T11:00:00Z");
  assert_moment("Europe/Berlin", "2090-07-15T12:00:00Z", "2090-07-15T10:00:00Z");
  assert_moment("Australia/Sydney", "2090-01-15T12:00:00Z", "2090-01-15T01:00:00Z");
  assert_moment("Asia/Tokyo", "2090-01-15T12:00:00Z", "2090-01-15T03:00:00Z");
}

static void against_the_c_library(void **state) {
  static const char *const zones[] = {"Europe/Berlin", "America/New_York", "Australia/Sydney", "America/Santiago",
                                      "Asia/Tehran"};
  (void)state;
  unit_skip_alloc_fail();
  ckit_new(&kit, NULL);
  for (size_t i = 0; i < 5; i++) {
    const imp_zone *zone;
    assert_int_equal(imp_cal_zone(kit.cal, zones[i], &zone), IMP_OK);
    setenv("TZ", zones[i], 1);
    tzset();
    for (int64_t t = 0; t < INT64_C(4000000000); t += 1800 * 7) {
      time_t at = (time_t)t;
      struct tm tm;
      localtime_r(&at, &tm);
      assert_int_equal(imp_zone_offset(zone, t * 1000), tm.tm_gmtoff * 1000);
    }
  }
  unsetenv("TZ");
}

static void release_zone(void *object) { imp_zone_reset(object); }

static void rules(void **state) {
  static imp_zone zone;
  static const char *const bad[] = {"", "CE", "CET", "CET-1CEST", "CET-1CEST,", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
                                    "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,J0,J300", "CET-1CEST,M3.5.0,M10.5.0x", "<CET-1"};
  (void)state;
  unit_own(release_zone, &zone);
  imp_zone_init(&zone);
  assert_int_equal(imp_zone_read_rule(&zone, "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1"), IMP_OK);
  assert_int_equal(zone.standard_offset, -3 * 3600000);
  assert_int_equal(zone.begin.time, -2 * 3600000);
  assert_int_equal(imp_zone_offset(&zone, (int64_t)ckit_time("2026-07-01T00:00:00Z")), -2 * 3600000);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    assert_int_equal(imp_zone_read_rule(&zone, bad[i]), IMP_ERR_MALFORMED);
  }
}

static void hostile_files(void **state) {
  static char data[4096];
  FILE *file = fopen("/usr/share/zoneinfo/Europe/Berlin", "rb");
  size_t len = fread(data, 1, sizeof data, file);
  (void)state;
  fclose(file);
  ckit_new(&kit, NULL);
  for (size_t cut = 0; cut < len; cut += 7) {
    assert_int_equal(imp_calendar_add_zone(kit.cal, "X/Y", data, cut), IMP_ERR_MALFORMED);
  }
  assert_int_equal(imp_calendar_add_zone(kit.cal, "../etc", data, len), IMP_ERR_INVALID_ARGUMENT);
  assert_int_equal(imp_calendar_add_zone(kit.cal, "X/Y", data, len), IMP_OK);
  assert_moment("X/Y", "2026-07-15T12:00:00Z", "2026-07-15T10:00:00Z");
  imp_wallclock t;
  assert_int_equal(imp_calendar_local_time(kit.cal, "../../etc/passwd", 0, &t), IMP_ERR_NOT_FOUND);
}

static void names(void **state) {
  (void)state;
  assert_string_equal(imp_windows_zone("AUS Central Standard Time"), "Australia/Darwin");
  assert_string_equal(imp_windows_zone("Yukon Standard Time"), "America/Whitehorse");
  assert_string_equal(imp_windows_zone("UTC"), "Etc/UTC");
  assert_null(imp_windows_zone("Europe/Berlin"));
  assert_null(imp_windows_zone(""));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ordinary_days),  cmocka_unit_test(days_of_change), cmocka_unit_test(years_beyond_the_table),
      cmocka_unit_test(against_the_c_library), cmocka_unit_test(rules),   cmocka_unit_test(hostile_files),
      cmocka_unit_test(names),
  };
  return unit_run("calendar_zone", tests);
}
