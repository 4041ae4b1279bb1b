/* Microsoft Graph: tokens, schedules, subscriptions, and what Microsoft sends. */
#include "calendar_kit.h"

#include <stdio.h>
#include <stdlib.h>

static ckit kit;

static void begin(const imp_calendar_settings *settings, const char *webhook, uint32_t oof) {
  imp_gateway gateway;
  ckit_new(&kit, settings);
  ckit_gateway(&kit, &gateway, IMP_GATEWAY_GRAPH, NULL);
  gateway.token_url = "https://login.example/tenant/oauth2/v2.0/token";
  gateway.client_id = "app";
  gateway.client_secret = "s&cret=";
  gateway.scope = "https://graph.microsoft.com/.default";
  gateway.secret = NULL;
  gateway.webhook_url = webhook;
  gateway.client_state = "our secret";
  gateway.out_of_office = oof;
  assert_int_equal(imp_calendar_set_gateway(kit.cal, &gateway), IMP_OK);
  ckit_map(&kit, "juliet", "juliet@corp.example", NULL);
}

static void give_token(const char *token) {
  char body[200];
  snprintf(body, sizeof body, "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"%s\"}", token);
  ckit_request *r = ckit_next(&kit);
  assert_string_equal(r->url, "https://login.example/tenant/oauth2/v2.0/token");
  ckit_answer(&kit, r, 200, "Content-Type: application/json", body);
}

static imp_gateway_status status(void) {
  imp_gateway_status g = {.size = sizeof g};
  assert_int_equal(imp_calendar_gateway_status(kit.cal, "corp", &g), IMP_OK);
  return g;
}

static imp_mailbox_status mailbox(const char *user) {
  imp_mailbox_status m = {.size = sizeof m};
  assert_int_equal(imp_calendar_mailbox_status(kit.cal, user, "corp", &m), IMP_OK);
  return m;
}

#define ITEM(start, end, more)                                                                                         \
  "{\"start\":{\"dateTime\":\"2026-03-02T" start ".0000000\",\"timeZone\":\"UTC\"},\"end\":{\"dateTime\":\"2026-03-02T" end \
  ".0000000\",\"timeZone\":\"UTC\"}," more "}"
#define SCHEDULE(id, rest) "{\"scheduleId\":\"" id "\"," rest "}"
#define ANSWER(schedules) "{\"@odata.context\":\"x\",\"value\":[" schedules "]}"
#define NOTHING ANSWER(SCHEDULE("juliet@corp.example", "\"availabilityView\":\"00\",\"scheduleItems\":[]"))

static void the_requests(void **state) {
  (void)state;
  begin(NULL, NULL, 0);
  ckit_map(&kit, "romeo", "Romeo+1@corp.example", NULL);
  ckit_turn(&kit);
  ckit_request *r = ckit_next(&kit);
  assert_string_equal(r->body, "grant_type=client_credentials&client_id=app&client_secret=s%26cret%3D"
                               "&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default");
  assert_int_equal(r->auth, IMP_HTTP_AUTH_NONE);
  assert_true(r->confidential);
  assert_int_equal(ckit_unanswered(&kit), 1);
  give_token("tok1");
  r = ckit_next(&kit);
  assert_string_equal(r->method, "POST");
  assert_string_equal(r->url, "https://graph.microsoft.com/v1.0/users/juliet%40corp.example/calendar/getSchedule");
  assert_int_equal(r->auth, IMP_HTTP_AUTH_BEARER);
  assert_string_equal(r->secret, "tok1");
  assert_string_equal(r->username, "");
  assert_non_null(strstr(r->fields, "Prefer: outlook.timezone=\"UTC\"\n"));
  assert_string_equal(r->body,
                      "{\"schedules\":[\"juliet@corp.example\",\"Romeo+1@corp.example\"],"
                      "\"startTime\":{\"dateTime\":\"2026-03-02T07:00:00\",\"timeZone\":\"UTC\"},"
                      "\"endTime\":{\"dateTime\":\"2026-03-04T08:00:00\",\"timeZone\":\"UTC\"},\"availabilityViewInterval\":30}");
}

static void twenty_a_call(void **state) {
  char user[32];
  (void)state;
  unit_skip_alloc_fail();
  begin(NULL, NULL, 0);
  for (int i = 0; i < 49; i++) {
    snprintf(user, sizeof user, "u%d@corp.example", i);
    ckit_map(&kit, user, user, NULL);
  }
  ckit_turn(&kit);
  give_token("t");
  assert_int_equal(ckit_unanswered(&kit), 3);
}

static void schedules(void **state) {
  imp_calendar_settings settings;
  (void)state;
  imp_calendar_settings_default(&settings, sizeof settings);
  settings.subjects = 1;
  begin(&settings, NULL, 0);
  ckit_map(&kit, "romeo", "romeo@corp.example", NULL);
  ckit_map(&kit, "nurse", "nurse@corp.example", NULL);
  ckit_map(&kit, "peter", "peter@corp.example", NULL);
  ckit_turn(&kit);
  give_token("t");
  ckit_answer(&kit, ckit_next(&kit), 200, NULL,
              ANSWER(SCHEDULE("nurse@corp.example", "\"error\":{\"message\":\"no\",\"responseCode\":\"ErrorMailRecipientNotFound\"}") ","
                     SCHEDULE("Juliet@corp.example",
                              "\"availabilityView\":\"0222\",\"scheduleItems\":["
                              ITEM("08:01:00", "08:02:00", "\"status\":\"busy\",\"subject\":\"Plans\",\"isPrivate\":false") ","
                              ITEM("08:02:00", "08:03:00", "\"status\":\"oof\",\"subject\":\"Doctor\",\"isPrivate\":true") ","
                              ITEM("08:03:00", "08:04:00", "\"status\":\"workingElsewhere\"") ","
                              ITEM("08:04:00", "08:05:00", "\"status\":\"tentative\"") ",{\"status\":\"busy\"},7]") ","
                     SCHEDULE("romeo@corp.example", "\"availabilityView\":\"0023400\"")));
  assert_string_equal(mailbox("nurse").last_error, "ErrorMailRecipientNotFound");
  assert_string_equal(mailbox("peter").last_error, "the answer leaves this mailbox out");
  ckit_pass(&kit, 280000);
  ckit_expect(&kit, "juliet free\nromeo busy 08:00-08:30\ngateway corp up\njuliet busy 08:01-08:02 'Plans'\n"
                    "juliet out of office 08:02-08:03 private\njuliet elsewhere 08:03-08:04\njuliet free\n");
}

static void tokens_end(void **state) {
  (void)state;
  begin(NULL, NULL, 0);
  ckit_turn(&kit);
  give_token("one");
  ckit_answer(&kit, ckit_next(&kit), 200, NULL, NOTHING);
  for (int i = 0; i < 11; i++) {
    ckit_pass(&kit, 300000);
    assert_string_equal(ckit_next(&kit)->secret, "one");
    ckit_answer(&kit, ckit_next(&kit), 200, NULL, NOTHING);
  }
  ckit_pass(&kit, 300000); /* an hour is over */
  give_token("two");
  assert_string_equal(ckit_next(&kit)->secret, "two");
  ckit_answer(&kit, ckit_next(&kit), 401, NULL, "{\"error\":{\"code\":\"InvalidAuthenticationToken\"}}"); /* withdrawn */
  give_token("three");
  assert_int_equal(status().health, IMP_GATEWAY_UP);
  ckit_answer(&kit, ckit_next(&kit), 401, NULL, NULL);
  assert_int_equal(status().health, IMP_GATEWAY_DOWN); /* not for ever */
  assert_int_equal(ckit_unanswered(&kit), 0);
}

static void no_token(void **state) {
  (void)state;
  begin(NULL, NULL, 0);
  ckit_turn(&kit);
  ckit_answer(&kit, ckit_next(&kit), 400, NULL, "{\"error\":\"invalid_client\",\"error_description\":\"...s&cret=...\"}");
  assert_int_equal(status().health, IMP_GATEWAY_DOWN);
  assert_string_equal(status().last_error, "no token: HTTP status 400 invalid_client");
  ckit_pass(&kit, 5000);
  ckit_answer(&kit, ckit_next(&kit), 200, NULL, "{\"access_token\":\"a\\r\\nb\",\"expires_in\":3600}");
  assert_int_equal(status().health, IMP_GATEWAY_DOWN);
  ckit_pass(&kit, 10000);
  give_token("good");
  assert_string_equal(ckit_next(&kit)->secret, "good");
}

static void too_many_requests(void **state) {
  (void)state;
  begin(NULL, NULL, 0);
  ckit_turn(&kit);
  give_token("t");
  ckit_answer(&kit, ckit_next(&kit), 429, "Retry-After: 12", "{}");
  assert_int_equal(status().health, IMP_GATEWAY_BUSY);
  ckit_pass(&kit, 11999);
  assert_int_equal(ckit_unanswered(&kit), 0);
  ckit_pass(&kit, 1);
  ckit_answer(&kit, ckit_next(&kit), 500, NULL, "{\"error\":{\"code\":\"InternalServerError\"}}");
  assert_string_equal(status().last_error, "HTTP status 500 InternalServerError");
  ckit_pass(&kit, 5000);
  ckit_answer(&kit, ckit_next(&kit), 200, NULL, "<html>");
  assert_string_equal(status().last_error, "not an answer of getSchedule");
  ckit_pass(&kit, 10000);
  ckit_answer(&kit, ckit_next(&kit), 404, NULL, "{\"error\":{\"code\":\"ErrorInvalidUser\"}}");
  assert_string_equal(mailbox("juliet").last_error, "ErrorInvalidUser");
  assert_int_equal(status().health, IMP_GATEWAY_UP);
}

static void automatic_replies(void **state) {
  (void)state;
  begin(NULL, NULL, 1);
  ckit_turn(&kit);
  give_token("t");
  ckit_answer(&kit, ckit_next(&kit), 200, NULL, NOTHING);
  ckit_request *r = ckit_next(&kit);
  assert_string_equal(r->method, "GET");
  assert_string_equal(r->url, "https://graph.microsoft.com/v1.0/users/juliet%40corp.example/mailboxSettings/automaticRepliesSetting");
  ckit_answer(&kit, r, 200, NULL,
              "{\"status\":\"scheduled\",\"internalReplyMessage\":\"<p>Away</p>\",\"scheduledStartDateTime\":{\"dateTime\":"
              "\"2026-03-02T09:01:00.0000000\",\"timeZone\":\"W. Europe Standard Time\"},\"scheduledEndDateTime\":{\"dateTime\":"
              "\"2026-03-02T08:03:00.0000000\",\"timeZone\":\"UTC\"}}");
  ckit_pass(&kit, 290000);
  ckit_expect(&kit, "juliet free\ngateway corp up\njuliet free away(Away)\njuliet free\n");
}

/* Posts to the host; returns the status of the answer. */
static uint32_t post(const char *body) {
  imp_webhook_answer answer = {.size = sizeof answer};
  assert_int_equal(imp_calendar_webhook(kit.cal, "", body, strlen(body), &answer), IMP_OK);
  ckit_turn(&kit);
  return answer.status;
}

static void subscribed(void) {
  begin(NULL, "https://im.example/graph", 0);
  ckit_turn(&kit);
  give_token("t");
  ckit_answer(&kit, ckit_next(&kit), 200, NULL, NOTHING);
  ckit_answer(&kit, ckit_next(&kit), 201, NULL, "{\"id\":\"sub-1\",\"expirationDateTime\":\"2026-03-02T09:00:00.0000000Z\"}");
  ckit_answer(&kit, ckit_next(&kit), 200, NULL, NOTHING);
  assert_int_equal(ckit_unanswered(&kit), 0);
}

static void a_subscription(void **state) {
  (void)state;
  begin(NULL, "https://im.example/graph", 0);
  ckit_turn(&kit);
  give_token("t");
  ckit_answer(&kit, ckit_next(&kit), 200, NULL, NOTHING);
  ckit_request *r = ckit_next(&kit);
  assert_string_equal(r->url, "https://graph.microsoft.com/v1.0/subscriptions");
  assert_true(r->confidential);
  assert_string_equal(r->body, "{\"changeType\":\"created,updated,deleted\",\"notificationUrl\":\"https://im.example/graph\","
                               "\"lifecycleNotificationUrl\":\"https://im.example/graph\",\"resource\":\"/users/juliet%40corp.example/events\","
                               "\"expirationDateTime\":\"2026-03-05T06:30:00.000Z\",\"clientState\":\"our secret\"}");
  ckit_answer(&kit, r, 201, NULL, "{\"id\":\"sub-1\",\"expirationDateTime\":\"2026-03-02T09:00:00.0000000Z\"}");
  assert_true(mailbox("juliet").subscribed);
  ckit_answer(&kit, ckit_next(&kit), 200, NULL, NOTHING);
  ckit_until(&kit, "2026-03-02T08:39:59Z"); /* told, not polled */
  assert_int_equal(ckit_unanswered(&kit), 0);
  ckit_until(&kit, "2026-03-02T08:40:00Z"); /* two thirds of the hour that was given */
  r = ckit_next(&kit);
  assert_string_equal(r->method, "PATCH");
  assert_string_equal(r->url, "https://graph.microsoft.com/v1.0/subscriptions/sub-1");
  assert_string_equal(r->body, "{\"expirationDateTime\":\"2026-03-05T07:10:00.000Z\"}");
  ckit_answer(&kit, r, 404, NULL, "{\"error\":{\"code\":\"ResourceNotFound\"}}");
  assert_false(mailbox("juliet").subscribed);
  ckit_answer(&kit, ckit_next(&kit), 200, NULL, NOTHING); /* read again */
  ckit_pass(&kit, 1000);
  assert_string_equal(ckit_next(&kit)->method, "POST");
}

static void news(void **state) {
  (void)state;
  subscribed();
  assert_int_equal(post("{\"value\":[{\"subscriptionId\":\"sub-1\",\"clientState\":\"guess\",\"changeType\":\"updated\"}]}"), 403);
  assert_int_equal(post("{\"value\":[{\"subscriptionId\":\"sub-1\",\"changeType\":\"updated\"}]}"), 403);
  assert_int_equal(ckit_unanswered(&kit), 0);
  assert_int_equal(post("{\"value\":[{\"subscriptionId\":\"other\",\"clientState\":\"x\"}]}"), 202);
  assert_int_equal(post("{\"value\":[]}"), 400);
  assert_int_equal(post("nonsense"), 400);
  assert_int_equal(ckit_unanswered(&kit), 0);
  assert_int_equal(post("{\"value\":[{\"subscriptionId\":\"sub-1\",\"clientState\":\"our secret\",\"changeType\":\"updated\","
                        "\"resource\":\"Users/x/Events/y\"},{\"subscriptionId\":\"sub-1\",\"clientState\":\"our secret\"}]}"),
                   202);
  assert_int_equal(ckit_unanswered(&kit), 1);
  assert_int_equal(status().notifications, 2);
  assert_int_equal(post("{\"value\":[{\"subscriptionId\":\"sub-1\",\"clientState\":\"our secret\"}]}"), 202); /* while it is read */
  ckit_answer(&kit, ckit_next(&kit), 200, NULL, NOTHING);
  assert_int_equal(ckit_unanswered(&kit), 0);
  ckit_pass(&kit, 1000);
  assert_int_equal(ckit_unanswered(&kit), 1);
}

static void lifecycle(void **state) {
  (void)state;
  subscribed();
  assert_int_equal(post("{\"value\":[{\"subscriptionId\":\"sub-1\",\"clientState\":\"our secret\",\"lifecycleEvent\":"
                        "\"reauthorizationRequired\"}]}"),
                   202);
  assert_string_equal(ckit_next(&kit)->method, "PATCH");
  ckit_answer(&kit, ckit_next(&kit), 200, NULL, "{\"id\":\"sub-1\",\"expirationDateTime\":\"2026-03-02T10:00:00Z\"}");
  assert_int_equal(post("{\"value\":[{\"subscriptionId\":\"sub-1\",\"clientState\":\"our secret\",\"lifecycleEvent\":\"missed\"}]}"),
                   202);
  assert_non_null(strstr(ckit_next(&kit)->url, "getSchedule"));
  ckit_answer(&kit, ckit_next(&kit), 200, NULL, NOTHING);
  assert_int_equal(
      post("{\"value\":[{\"subscriptionId\":\"sub-1\",\"clientState\":\"our secret\",\"lifecycleEvent\":\"subscriptionRemoved\"}]}"),
      202);
  assert_int_equal(ckit_unanswered(&kit), 2); /* another subscription, and a look */
  assert_false(mailbox("juliet").subscribed);
}

static void unmapped(void **state) {
  (void)state;
  subscribed();
  assert_int_equal(imp_calendar_unmap(kit.cal, "juliet", "corp"), IMP_OK);
  ckit_request *r = ckit_next(&kit);
  assert_string_equal(r->method, "DELETE");
  assert_string_equal(r->url, "https://graph.microsoft.com/v1.0/subscriptions/sub-1");
  ckit_answer(&kit, r, 204, NULL, NULL);
  assert_int_equal(status().subscribed, 0);
}

static void the_address_is_proved(void **state) {
  static const char *const bad[] = {"", "validationToken", "validationToken=%", "validationToken=%4", "validationToken=%0d%0aX",
                                    "xvalidationToken=1"};
  imp_webhook_answer answer = {.size = sizeof answer};
  (void)state;
  begin(NULL, NULL, 0);
  assert_int_equal(imp_calendar_webhook(kit.cal, "a=1&validationToken=Validation%3A+Testing%20client%26", "", 0, &answer), IMP_OK);
  assert_int_equal(answer.status, 200);
  assert_string_equal(answer.content_type, "text/plain");
  assert_string_equal(answer.body, "Validation: Testing client&");
  assert_int_equal(answer.bodylen, 27);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    assert_int_equal(imp_calendar_webhook(kit.cal, bad[i], NULL, 0, &answer), IMP_OK);
    assert_int_equal(answer.status, 400);
    assert_null(answer.body);
  }
}

/* ---- calendarView/delta ---- */

#define AT(name, time, day) "\"" name "\":{\"dateTime\":\"2026-03-" day "T" time ".0000000\",\"timeZone\":\"UTC\"}"
#define SPAN(start, end) AT("start", start, "02") "," AT("end", end, "02")
#define BASE "https://graph.microsoft.com/v1.0"

static void begin_delta(void) {
  imp_gateway gateway;
  imp_calendar_settings settings;
  imp_calendar_settings_default(&settings, sizeof settings);
  settings.subjects = 1;
  ckit_new(&kit, &settings);
  ckit_gateway(&kit, &gateway, IMP_GATEWAY_GRAPH, NULL);
  gateway.out_of_office = 0;
  gateway.delta = 1;
  gateway.poll_seconds = 60;
  gateway.window_hours = 4;
  assert_int_equal(imp_calendar_set_gateway(kit.cal, &gateway), IMP_OK);
  ckit_map(&kit, "juliet", "juliet@corp.example", "Europe/Berlin");
  ckit_turn(&kit);
}

static void deltas(void **state) {
  (void)state;
  begin_delta();
  ckit_request *r = ckit_next(&kit);
  assert_string_equal(r->url, BASE "/users/juliet%40corp.example/calendarView/delta?startDateTime=2026-03-02T07:00:00Z"
                                   "&endDateTime=2026-03-02T12:00:00Z");
  assert_non_null(strstr(r->fields, "Prefer: odata.maxpagesize=200\n"));
  ckit_answer(&kit, r, 200, NULL,
              "{\"value\":[{\"id\":\"s\",\"type\":\"seriesMaster\",\"showAs\":\"oof\",\"sensitivity\":\"normal\",\"subject\":\"Trip\","
              SPAN("08:00:00", "09:00:00") "},{\"id\":\"o\",\"type\":\"occurrence\",\"seriesMasterId\":\"s\"," SPAN("08:01:00", "08:02:00")
              "},{\"id\":\"c\",\"showAs\":\"busy\",\"isCancelled\":true," SPAN("08:00:00", "11:00:00") "}],"
              "\"@odata.nextLink\":\"" BASE "/me/calendarView/delta?$skiptoken=abc\"}");
  r = ckit_next(&kit);
  assert_string_equal(r->url, BASE "/me/calendarView/delta?$skiptoken=abc");
  ckit_answer(&kit, r, 200, NULL,
              "{\"value\":[{\"id\":\"p\",\"type\":\"singleInstance\",\"showAs\":\"busy\",\"sensitivity\":\"private\",\"subject\":\"Doctor\","
              SPAN("08:03:00", "08:04:00") "},{\"id\":\"d\",\"showAs\":\"workingElsewhere\",\"isAllDay\":true,\"sensitivity\":\"normal\","
              AT("start", "00:00:00", "02") "," AT("end", "00:00:00", "03") "}],"
              "\"@odata.deltaLink\":\"" BASE "/me/calendarView/delta?$deltatoken=1\"}");
  assert_int_equal(ckit_unanswered(&kit), 0);
  ckit_expect(&kit, "gateway corp up\njuliet elsewhere 23:00-08:01\n"); /* an all-day event of Berlin: since 23:00 UTC */
  ckit_pass(&kit, 60000);
  ckit_expect(&kit, "juliet out of office 08:01-08:02 'Trip'\n");
  r = ckit_next(&kit);
  assert_string_equal(r->url, BASE "/me/calendarView/delta?$deltatoken=1");
  ckit_answer(&kit, r, 200, NULL,
              "{\"value\":[{\"id\":\"d\",\"@removed\":{\"reason\":\"deleted\"}},{\"id\":\"o\",\"type\":\"occurrence\","
              "\"seriesMasterId\":\"s\"," SPAN("08:01:00", "08:02:30") "}],\"@odata.deltaLink\":\"" BASE "/d?2\"}");
  ckit_pass(&kit, 0);
  ckit_expect(&kit, "juliet out of office 08:01-08:02 'Trip'\n");
  ckit_pass(&kit, 60000);
  ckit_answer(&kit, ckit_next(&kit), 410, NULL, "{\"error\":{\"code\":\"SyncStateNotFound\"}}");
  r = ckit_next(&kit);
  assert_non_null(strstr(r->url, "startDateTime=2026-03-02T07:02:00Z")); /* anew */
  ckit_answer(&kit, r, 200, NULL, "{\"value\":[],\"@odata.deltaLink\":\"" BASE "/d?3\"}");
  assert_non_null(strstr(kit.journal, "juliet free\n"));
}

static void windows_move_on(void **state) {
  (void)state;
  begin_delta();
  ckit_answer(&kit, ckit_next(&kit), 200, NULL, "{\"value\":[],\"@odata.deltaLink\":\"" BASE "/d?1\"}");
  int seeded = 0;
  for (int i = 0; i < 180; i++) {
    ckit_pass(&kit, 60000);
    kit.journal[0] = '\0';
    seeded += strstr(ckit_next(&kit)->url, "startDateTime") != NULL;
    ckit_answer(&kit, ckit_next(&kit), 200, NULL, "{\"value\":[],\"@odata.deltaLink\":\"" BASE "/d?1\"}");
    kit.nopen--; /* answered: room for the next */
    free(kit.open[kit.nopen].body);
  }
  assert_int_equal(seeded, 1); /* half of four hours went by */
}

static void links_to_elsewhere(void **state) {
  (void)state;
  begin_delta();
  ckit_answer(&kit, ckit_next(&kit), 200, NULL, "{\"value\":[],\"@odata.nextLink\":\"https://graph.microsoft.com.evil.example/v1.0/\"}");
  assert_string_equal(mailbox("juliet").last_error, "neither nextLink nor deltaLink of this server");
  assert_int_equal(ckit_unanswered(&kit), 0);
  assert_int_equal(imp_calendar_unmap(kit.cal, "juliet", "corp"), IMP_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_requests), cmocka_unit_test(twenty_a_call),     cmocka_unit_test(schedules),
      cmocka_unit_test(tokens_end),   cmocka_unit_test(no_token),          cmocka_unit_test(too_many_requests),
      cmocka_unit_test(automatic_replies), cmocka_unit_test(a_subscription), cmocka_unit_test(news),
      cmocka_unit_test(lifecycle),    cmocka_unit_test(unmapped),          cmocka_unit_test(the_address_is_proved),
      cmocka_unit_test(deltas),       cmocka_unit_test(windows_move_on),   cmocka_unit_test(links_to_elsewhere),
  };
  return unit_run("calendar_graph", tests);
}
