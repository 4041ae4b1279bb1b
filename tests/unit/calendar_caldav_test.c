/* CalDAV: what is asked, what is made of the answer. */
#include "calendar_kit.h"

#include <stdio.h>

static ckit kit;
static char answer[16384];

#define HEAD "<?xml version=\"1.0\"?>\n<multistatus xmlns=\"DAV:\" xmlns:C=\"urn:ietf:params:xml:ns:caldav\">"
#define OBJECT                                                                                                         \
  "<response><href>/a.ics</href><propstat><prop><getetag>\"1\"</getetag><C:calendar-data>BEGIN:VCALENDAR\r\n"         \
  "VERSION:2.0\r\nPRODID:-//Example//EN\r\n%sEND:VCALENDAR\r\n</C:calendar-data></prop><status>HTTP/1.1 200 OK"       \
  "</status></propstat></response>"

/* An answer with one object that holds this. */
static const char *with(const char *components) {
  snprintf(answer, sizeof answer, HEAD OBJECT "</multistatus>", components);
  return answer;
}

static void begin(const imp_calendar_settings *settings, const char *zone) {
  imp_gateway gateway;
  ckit_new(&kit, settings);
  ckit_gateway(&kit, &gateway, IMP_GATEWAY_CALDAV, "https://dav.example/cal/{mailbox}/");
  gateway.window_hours = 24 * 40;
  assert_int_equal(imp_calendar_set_gateway(kit.cal, &gateway), IMP_OK);
  ckit_map(&kit, "juliet", "juliet@corp.example", zone);
  ckit_turn(&kit);
}

static void answer_with(const char *components) {
  ckit_answer(&kit, ckit_next(&kit), 207, "Content-Type: application/xml", with(components));
}

static int write_run(const imp_calendar_state *s, void *user_data) {
  char *text = user_data;
  size_t len = strlen(text);
  static ckit clock;
  if (s->kind > IMP_BUSY_FREE) {
    char since[40];
    snprintf(since, sizeof since, "%s", ckit_text(&clock, s->since));
    snprintf(text + len, 2000 - len, "%s %.16s-%.5s\n", imp_busy_kind_name((imp_busy_kind)s->kind), since + 0,
             ckit_text(&clock, s->until) + 11);
  }
  return 0;
}

/* What is not free, as "kind start-end" in UTC. */
static void assert_busy(const char *components, const char *zone, const char *expected) {
  static char text[2000];
  text[0] = '\0';
  begin(NULL, zone);
  answer_with(components);
  int rv = imp_calendar_runs(kit.cal, "juliet", 0, IMP_TSTAMP_NEVER, write_run, text);
  assert_int_equal(rv, 0);
  assert_string_equal(text, expected);
}

#define EVENT(body) "BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n" body "END:VEVENT\r\n"

static void the_request(void **state) {
  (void)state;
  begin(NULL, NULL);
  ckit_request *r = ckit_next(&kit);
  assert_string_equal(r->method, "REPORT");
  assert_string_equal(r->url, "https://dav.example/cal/juliet%40corp.example/");
  assert_string_equal(r->fields, "Content-Type: application/xml; charset=utf-8\nDepth: 1\n");
  assert_int_equal(r->auth, IMP_HTTP_AUTH_BASIC);
  assert_string_equal(r->username, "svc");
  assert_string_equal(r->secret, "pw");
  assert_non_null(strstr(r->body, "<C:time-range start=\"20260302T070000Z\" end=\"20260411T080000Z\"/>"));
  assert_int_equal(kit.deadline, kit.ts + 60 * IMP_SECONDS);
}

static void a_plain_event(void **state) {
  (void)state;
  assert_busy(EVENT("DTSTART:20260302T090000Z\r\nDTEND:20260302T100000Z\r\nSUMMARY:Plans\r\n"), NULL,
              "busy 2026-03-02T09:00-10:00\n");
  ckit_until(&kit, "2026-03-02T09:30:00Z");
  ckit_expect(&kit, "juliet free\ngateway corp up\ngateway corp down\njuliet busy 09:00-10:00\n"); /* nobody answers any more */
}

static void what_does_not_count(void **state) {
  (void)state;
  assert_busy(EVENT("DTSTART:20260302T090000Z\r\nDTEND:20260302T100000Z\r\nSTATUS:CANCELLED\r\n"), NULL, "");
  assert_busy(EVENT("DTSTART:20260302T090000Z\r\nDTEND:20260302T100000Z\r\nTRANSP:TRANSPARENT\r\n"), NULL, "");
  assert_busy(EVENT("DTSTART:20260302T090000Z\r\nDTEND:20260302T100000Z\r\nSTATUS:TENTATIVE\r\n"), NULL, "");
  assert_busy(EVENT("DTSTART:20260302T090000Z\r\nDTEND:20260302T100000Z\r\nORGANIZER:mailto:a@corp.example\r\n"
                    "ATTENDEE;PARTSTAT=DECLINED:mailto:Juliet@corp.example\r\n"),
              NULL, "");
  assert_busy(EVENT("DTSTART:20260302T090000Z\r\n"), NULL, ""); /* takes no time */
  assert_busy(EVENT("DTSTART:20260302T090000Z\r\nDTEND:20260302T080000Z\r\n"), NULL, "");
}

static void microsoft_status(void **state) {
  (void)state;
  assert_busy(EVENT("DTSTART:20260302T090000Z\r\nDURATION:PT1H\r\nX-MICROSOFT-CDO-BUSYSTATUS:OOF\r\n"), NULL,
              "out of office 2026-03-02T09:00-10:00\n");
  assert_busy(EVENT("DTSTART:20260302T090000Z\r\nDURATION:PT1H\r\nX-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE\r\n"), NULL,
              "elsewhere 2026-03-02T09:00-10:00\n");
  assert_busy(EVENT("DTSTART:20260302T090000Z\r\nDURATION:PT1H\r\nX-MICROSOFT-CDO-BUSYSTATUS:FREE\r\n"), NULL, "");
}

static void across_the_change_of_clocks(void **state) {
  (void)state;
  assert_busy(EVENT("DTSTART;TZID=Europe/Berlin:20260101T090000\r\nDTEND;TZID=Europe/Berlin:20260101T100000\r\n"
                    "RRULE:FREQ=WEEKLY;BYDAY=MO\r\n"),
              NULL,
              "busy 2026-03-02T08:00-09:00\nbusy 2026-03-09T08:00-09:00\nbusy 2026-03-16T08:00-09:00\n"
              "busy 2026-03-23T08:00-09:00\nbusy 2026-03-30T07:00-08:00\nbusy 2026-04-06T07:00-08:00\n");
}

static void exceptions(void **state) {
  (void)state;
  assert_busy(EVENT("DTSTART;TZID=Europe/Berlin:20260302T120000\r\nDURATION:PT30M\r\nRRULE:FREQ=DAILY;COUNT=6\r\n"
                    "EXDATE;TZID=Europe/Berlin:20260303T120000\r\nRDATE;TZID=Europe/Berlin:20260310T120000\r\n")
                  EVENT("RECURRENCE-ID;TZID=Europe/Berlin:20260304T120000\r\nDTSTART;TZID=Europe/Berlin:20260304T150000\r\n"
                        "DURATION:PT1H\r\n")
                      EVENT("RECURRENCE-ID;TZID=Europe/Berlin:20260305T120000\r\nSTATUS:CANCELLED\r\n"
                            "DTSTART;TZID=Europe/Berlin:20260305T120000\r\nDURATION:PT30M\r\n"),
              NULL,
              "busy 2026-03-02T11:00-11:30\nbusy 2026-03-04T14:00-15:00\nbusy 2026-03-06T11:00-11:30\n"
              "busy 2026-03-07T11:00-11:30\nbusy 2026-03-10T11:00-11:30\n");
}

static void until_is_a_moment(void **state) {
  (void)state;
  assert_busy(EVENT("DTSTART;TZID=America/New_York:20260302T200000\r\nDURATION:PT1H\r\n"
                    "RRULE:FREQ=DAILY;UNTIL=20260304T010000Z\r\n"),
              NULL, "busy 2026-03-03T01:00-02:00\nbusy 2026-03-04T01:00-02:00\n");
}

static void all_day_floats(void **state) {
  (void)state;
  assert_busy(EVENT("DTSTART;VALUE=DATE:20260305\r\nDTEND;VALUE=DATE:20260306\r\n"), "Asia/Tokyo",
              "busy 2026-03-04T15:00-15:00\n");
  assert_busy(EVENT("DTSTART;VALUE=DATE:20260328\r\nDURATION:P2D\r\n"), "W. Europe Standard Time",
              "busy 2026-03-27T23:00-22:00\n");
  assert_busy(EVENT("DTSTART;VALUE=DATE:20260305\r\nRRULE:FREQ=WEEKLY;COUNT=2\r\n"), "Europe/Berlin",
              "busy 2026-03-04T23:00-23:00\nbusy 2026-03-11T23:00-23:00\n");
}

static void added_days(void **state) {
  (void)state;
  assert_busy(EVENT("DTSTART;VALUE=DATE:20260305\r\nRDATE;VALUE=DATE:20260329\r\n"), "Europe/Berlin",
              "busy 2026-03-04T23:00-23:00\nbusy 2026-03-28T23:00-22:00\n");
  assert_busy(EVENT("DTSTART;TZID=Europe/Berlin:20260305T120000\r\nDURATION:P1D\r\nRDATE:20260328T110000Z\r\n"), NULL,
              "busy 2026-03-05T11:00-11:00\nbusy 2026-03-28T11:00-10:00\n");
}

static void a_zone_of_its_own(void **state) {
  (void)state;
  assert_busy("BEGIN:VTIMEZONE\r\nTZID:Our zone\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nTZOFFSETFROM:+0200\r\n"
              "TZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nEND:STANDARD\r\nBEGIN:DAYLIGHT\r\n"
              "DTSTART:19700329T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\n"
              "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n" EVENT(
                  "DTSTART;TZID=Our zone:20260327T090000\r\nDURATION:PT1H\r\nRRULE:FREQ=DAILY;COUNT=4\r\n"),
              NULL,
              "busy 2026-03-27T08:00-09:00\nbusy 2026-03-28T08:00-09:00\nbusy 2026-03-29T07:00-08:00\n"
              "busy 2026-03-30T07:00-08:00\n");
}

static void private_and_subjects(void **state) {
  imp_calendar_settings settings;
  (void)state;
  imp_calendar_settings_default(&settings, sizeof settings);
  settings.subjects = 1;
  begin(&settings, NULL);
  answer_with(EVENT("DTSTART:20260302T090000Z\r\nDURATION:PT1H\r\nSUMMARY:Budget\\, again\r\n")
                  EVENT("DTSTART:20260302T110000Z\r\nDURATION:PT1H\r\nSUMMARY:Doctor\r\nCLASS:PRIVATE\r\n"));
  ckit_until(&kit, "2026-03-02T12:00:00Z");
  while (ckit_unanswered(&kit) > 0) { /* the readings meanwhile */
    ckit_fail(&kit, ckit_next(&kit), IMP_ERR_UNAVAILABLE, "no route");
  }
  assert_non_null(strstr(kit.journal, "juliet busy 09:00-10:00 'Budget, again'\n"));
  assert_non_null(strstr(kit.journal, "juliet busy 11:00-12:00 private\n"));
  assert_null(strstr(kit.journal, "Doctor"));
}

static void rules_that_never_end(void **state) {
  (void)state;
  assert_busy(EVENT("DTSTART:20260302T090000Z\r\nDURATION:PT1S\r\nRRULE:FREQ=SECONDLY\r\n"), NULL,
              "busy 2026-03-02T09:00-09:00\n"); /* only the first */
  assert_busy(EVENT("DTSTART:20000101T090000Z\r\nDURATION:PT1H\r\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30\r\n"), NULL, "");
  assert_busy(EVENT("DTSTART:20000101T090000Z\r\nDURATION:PT1H\r\nRRULE:FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30\r\n"), NULL, "");
  assert_busy(EVENT("DTSTART:20200101T090000Z\r\nDURATION:PT1H\r\nRRULE:FREQ=DAILY;INTERVAL=5;UNTIL=20260312\r\n"), NULL,
              "busy 2026-03-05T09:00-10:00\nbusy 2026-03-10T09:00-10:00\n");
}

static void what_went_wrong(void **state) {
  imp_mailbox_status m = {.size = sizeof m};
  imp_gateway_status g = {.size = sizeof g};
  (void)state;
  begin(NULL, NULL);
  ckit_answer(&kit, ckit_next(&kit), 404, NULL, "none");
  assert_int_equal(imp_calendar_mailbox_status(kit.cal, "juliet", "corp", &m), IMP_OK);
  assert_string_equal(m.last_error, "no such calendar (404)");
  assert_int_equal(imp_calendar_gateway_status(kit.cal, "corp", &g), IMP_OK);
  assert_int_equal(g.health, IMP_GATEWAY_UP);
  assert_int_equal(g.mailboxes_failing, 1);
  ckit_pass(&kit, 300000);
  ckit_answer(&kit, ckit_next(&kit), 207, NULL, "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>");
  assert_int_equal(imp_calendar_gateway_status(kit.cal, "corp", &g), IMP_OK);
  assert_int_equal(g.health, IMP_GATEWAY_DOWN);
  assert_int_equal(ckit_unanswered(&kit), 0); /* it waits */
  ckit_pass(&kit, 5000);
  ckit_answer(&kit, ckit_next(&kit), 503, "Retry-After: 40", NULL);
  assert_int_equal(imp_calendar_gateway_status(kit.cal, "corp", &g), IMP_OK);
  assert_int_equal(g.health, IMP_GATEWAY_BUSY);
  assert_int_equal(g.waits_until, kit.now + 40000);
  ckit_pass(&kit, 39000);
  assert_int_equal(ckit_unanswered(&kit), 0);
  ckit_pass(&kit, 1000);
  ckit_answer(&kit, ckit_next(&kit), 207, NULL, with("BEGIN:VEVENT\r\nRRULE:???\r\nDTSTART:never\r\n"));
  assert_int_equal(imp_calendar_mailbox_status(kit.cal, "juliet", "corp", &m), IMP_OK);
  assert_string_equal(m.last_error, "");
  ckit_expect(&kit, "gateway corp up\ngateway corp down\ngateway corp busy\njuliet free\ngateway corp up\n");
}

static void the_server_is_gone(void **state) {
  imp_gateway gateway;
  (void)state;
  begin(NULL, NULL);
  ckit_gateway(&kit, &gateway, IMP_GATEWAY_CALDAV, "https://dav.example/cal/{mailbox}/");
  gateway.window_hours = 2;
  assert_int_equal(imp_calendar_set_gateway(kit.cal, &gateway), IMP_OK); /* changed: the request is asked anew */
  ckit_turn(&kit);
  assert_int_equal(ckit_at(&kit, 0)->cancelled, 1);
  answer_with(EVENT("DTSTART:20260302T090000Z\r\nDURATION:PT30M\r\n"));
  ckit_pass(&kit, 300000);
  for (int i = 0; i < 40; i++) {
    if (ckit_unanswered(&kit) > 0) {
      ckit_fail(&kit, ckit_next(&kit), IMP_ERR_UNAVAILABLE, "refused");
    }
    ckit_pass(&kit, 300000);
  }
  ckit_expect(&kit, "juliet free\ngateway corp up\ngateway corp down\njuliet busy 09:00-09:30\njuliet free\njuliet unknown\n");
}

static void removed_while_asked(void **state) {
  (void)state;
  begin(NULL, NULL);
  assert_int_equal(imp_calendar_unmap(kit.cal, "juliet", "corp"), IMP_OK);
  answer_with(EVENT("DTSTART:20260302T080000Z\r\nDURATION:PT1H\r\n"));
  ckit_map(&kit, "juliet", "juliet@corp.example", NULL);
  ckit_turn(&kit);
  assert_int_equal(ckit_unanswered(&kit), 1);
  assert_int_equal(imp_calendar_remove_gateway(kit.cal, "corp"), IMP_OK);
  assert_int_equal(ckit_at(&kit, 1)->cancelled, 1);
  ckit_turn(&kit);
  assert_int_equal(imp_calendar_remove_gateway(kit.cal, "corp"), IMP_ERR_NOT_FOUND);
  ckit_expect(&kit, "");
}

static void redirects_stay_on_the_host(void **state) {
  (void)state;
  begin(NULL, NULL);
  ckit_answer(&kit, ckit_next(&kit), 301, "Location: /dav/juliet/", NULL);
  assert_string_equal(ckit_next(&kit)->url, "https://dav.example/dav/juliet/");
  ckit_answer(&kit, ckit_next(&kit), 307, "Location: https://dav.example/x/", NULL);
  assert_string_equal(ckit_next(&kit)->url, "https://dav.example/x/");
  ckit_answer(&kit, ckit_next(&kit), 302, "Location: https://dav.example.evil.example/x/", NULL);
  assert_int_equal(ckit_unanswered(&kit), 0);
  ckit_expect(&kit, "gateway corp down\n");
}

static void answers_without_end(void **state) {
  static char much[65536];
  imp_calendar_settings settings;
  int rv = IMP_OK;
  size_t fed = 0;
  (void)state;
  imp_calendar_settings_default(&settings, sizeof settings);
  settings.answer_bytes = 1 << 20;
  begin(&settings, NULL);
  ckit_request *r = ckit_next(&kit);
  memset(much, ' ', sizeof much);
  rv = imp_http_status(r->op, 207);
  while (rv == IMP_OK && fed < (64u << 20)) {
    rv = ckit_feed(r, much, sizeof much);
    fed += sizeof much;
  }
  ckit_fail(&kit, r, rv, "");
  assert_int_equal(rv, IMP_ERR_TOO_BIG);
  assert_true(fed <= (1 << 20) + sizeof much);
  ckit_expect(&kit, "gateway corp down\n");
  ckit_pass(&kit, 5000);
  r = ckit_next(&kit);
  ckit_pass(&kit, 60000); /* one that never comes */
  assert_int_equal(r->cancelled, 1);
}

static void secrets_are_not_logged(void **state) {
  imp_gateway gateway;
  (void)state;
  ckit_new(&kit, NULL);
  ckit_gateway(&kit, &gateway, IMP_GATEWAY_CALDAV, "https://dav.example/{mailbox}/");
  gateway.secret = "s3cr3t-pw";
  assert_int_equal(imp_calendar_set_gateway(kit.cal, &gateway), IMP_OK);
  ckit_map(&kit, "juliet", "juliet@corp.example", NULL);
  ckit_turn(&kit);
  ckit_answer(&kit, ckit_next(&kit), 401, "WWW-Authenticate: Basic realm=x", "no, s3cr3t-pw");
  ckit_pass(&kit, 5000);
  ckit_answer(&kit, ckit_next(&kit), 207, NULL, "s3cr3t-pw");
  ckit_pass(&kit, 10000);
  ckit_answer(&kit, ckit_next(&kit), 302, "Location: https://elsewhere.example/?s3cr3t-pw", NULL);
  ckit_pass(&kit, 20000);
  ckit_fail(&kit, ckit_next(&kit), IMP_ERR_DENIED, "certificate of another host");
  assert_non_null(strstr(kit.log, "warn presence corp: calendar: 401: credentials are not accepted\n"));
  assert_non_null(strstr(kit.log, "certificate of another host"));
  assert_null(strstr(kit.log, "s3cr3t"));
}

static void settings_are_checked(void **state) {
  imp_gateway g;
  char text[200];
  (void)state;
  ckit_new(&kit, NULL);
  ckit_gateway(&kit, &g, IMP_GATEWAY_CALDAV, "https://user@dav.example/");
  assert_int_equal(imp_calendar_set_gateway(kit.cal, &g), IMP_ERR_INVALID_ARGUMENT);
  assert_string_equal(imp_calendar_last_error(kit.cal), "gateway corp: url is missing or unusable");
  g.url = "https://dav.example/";
  g.poll_seconds = 14;
  assert_int_equal(imp_gateway_check(&g, text, sizeof text), IMP_ERR_RANGE);
  assert_string_equal(text, "gateway corp: poll_seconds 14: must be 15 to 86400");
  g.poll_seconds = 15;
  g.secret = "a\r\nb";
  assert_int_equal(imp_gateway_check(&g, text, sizeof text), IMP_ERR_INVALID_ARGUMENT);
  g.secret = NULL;
  assert_int_equal(imp_calendar_set_gateway(kit.cal, &g), IMP_OK);
  imp_mailbox m = {sizeof m, "juliet", "nowhere", "x", NULL, NULL, NULL};
  assert_int_equal(imp_calendar_map(kit.cal, &m), IMP_ERR_NOT_FOUND);
  m.gateway = "corp";
  m.zone = "Mars/Olympus";
  assert_int_equal(imp_calendar_map(kit.cal, &m), IMP_ERR_NOT_FOUND);
  m.zone = NULL;
  m.mailbox = "a\nb";
  assert_int_equal(imp_calendar_map(kit.cal, &m), IMP_ERR_INVALID_ARGUMENT);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_request),       cmocka_unit_test(a_plain_event),
      cmocka_unit_test(what_does_not_count), cmocka_unit_test(microsoft_status),
      cmocka_unit_test(across_the_change_of_clocks), cmocka_unit_test(exceptions),
      cmocka_unit_test(until_is_a_moment), cmocka_unit_test(all_day_floats), cmocka_unit_test(added_days),
      cmocka_unit_test(a_zone_of_its_own), cmocka_unit_test(private_and_subjects),
      cmocka_unit_test(rules_that_never_end), cmocka_unit_test(what_went_wrong),
      cmocka_unit_test(the_server_is_gone), cmocka_unit_test(removed_while_asked),
      cmocka_unit_test(redirects_stay_on_the_host), cmocka_unit_test(settings_are_checked),
      cmocka_unit_test(answers_without_end), cmocka_unit_test(secrets_are_not_logged),
  };
  return unit_run("calendar_caldav", tests);
}
