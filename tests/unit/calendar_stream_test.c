/* Streaming subscriptions of Exchange: who shares a stream, documents in pieces, and what is done when one is lost. */
#include "calendar_kit.h"

#include <stdio.h>

#include "calendar/ews.h"

static ckit kit;
static char text[8192];
static int subscriptions;

#define ENVELOPE                                                                                                       \
  "<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>%s" \
  "</s:Body></s:Envelope>"
#define STREAM(message)                                                                                                \
  "<m:GetStreamingEventsResponse xmlns:m=\"" NS_MESSAGES "\" xmlns:t=\"" NS_TYPES                                      \
  "\"><m:ResponseMessages><m:GetStreamingEventsResponseMessage ResponseClass=\"%s\"><m:ResponseCode>%s</m:ResponseCode>" message \
  "</m:GetStreamingEventsResponseMessage></m:ResponseMessages></m:GetStreamingEventsResponse>"

static const char *document(const char *class, const char *code, const char *rest) {
  char content[4096];
  snprintf(content, sizeof content, STREAM("%s"), class, code, rest);
  snprintf(text, sizeof text, ENVELOPE, content);
  return text;
}

static const char *event(const char *id) {
  static char rest[600];
  snprintf(rest, sizeof rest,
           "<m:Notifications><m:Notification><t:SubscriptionId>%s</t:SubscriptionId><t:ModifiedEvent><t:TimeStamp>"
           "2026-03-02T08:00:00Z</t:TimeStamp><t:ItemId Id=\"A\" ChangeKey=\"B\"/></t:ModifiedEvent></m:Notification>"
           "</m:Notifications>",
           id);
  return document("Success", "NoError", rest);
}

#define EMPTY                                                                                                          \
  "<GetUserAvailabilityResponse xmlns=\"" NS_MESSAGES "\"><FreeBusyResponseArray>%s</FreeBusyResponseArray>"            \
  "</GetUserAvailabilityResponse>"
#define FREE                                                                                                           \
  "<FreeBusyResponse><ResponseMessage ResponseClass=\"Success\"><ResponseCode>NoError</ResponseCode></ResponseMessage>" \
  "<FreeBusyView><FreeBusyViewType xmlns=\"" NS_TYPES "\">FreeBusyMerged</FreeBusyViewType></FreeBusyView></FreeBusyResponse>"

static int is(const ckit_request *r, const char *what) { return strstr(r->body, what) != NULL; }

static void answer_availability(ckit_request *r) {
  char responses[2048] = "", content[4096];
  for (const char *p = r->body; (p = strstr(p, "<t:MailboxData>")) != NULL; p++) {
    strncat(responses, FREE, sizeof responses - strlen(responses) - 1);
  }
  snprintf(content, sizeof content, EMPTY, responses);
  snprintf(text, sizeof text, ENVELOPE, content);
  ckit_answer(&kit, r, 200, NULL, text);
}

static void answer_subscribe(ckit_request *r, const char *cookie) {
  char content[1024];
  snprintf(content, sizeof content,
           "<SubscribeResponse xmlns=\"" NS_MESSAGES "\"><ResponseMessages><SubscribeResponseMessage ResponseClass=\"Success\">"
           "<ResponseCode>NoError</ResponseCode><SubscriptionId>sub%d</SubscriptionId></SubscribeResponseMessage>"
           "</ResponseMessages></SubscribeResponse>",
           ++subscriptions);
  snprintf(text, sizeof text, ENVELOPE, content);
  ckit_answer(&kit, r, 200, cookie, text);
}

/* Answers readings and subscriptions until nothing but streams is open. Returns how many readings there were. */
static int settle(void) {
  int readings = 0;
  for (size_t i = 0; i < kit.nopen; i++) {
    ckit_request *r = &kit.open[i];
    if (r->op == NULL || r->stream) {
      continue;
    }
    if (is(r, "GetUserAvailability")) {
      readings++;
      answer_availability(r);
    } else {
      answer_subscribe(r, "Set-Cookie: X-BackEndOverrideCookie=srv1~42; path=/; secure");
    }
    i = (size_t)-1;
  }
  return readings;
}

static ckit_request *stream(void) {
  ckit_request *r = NULL;
  for (size_t i = 0; i < kit.nopen; i++) {
    r = kit.open[i].op != NULL && kit.open[i].stream ? &kit.open[i] : r;
  }
  assert_non_null(r);
  return r;
}

static imp_gateway_status status(void) {
  imp_gateway_status g = {.size = sizeof g};
  assert_int_equal(imp_calendar_gateway_status(kit.cal, "corp", &g), IMP_OK);
  return g;
}

static void begin(void) {
  imp_gateway gateway;
  subscriptions = 0;
  ckit_new(&kit, NULL);
  ckit_gateway(&kit, &gateway, IMP_GATEWAY_EWS, "https://mail.example/EWS/Exchange.asmx");
  gateway.out_of_office = 0;
  assert_int_equal(imp_calendar_set_gateway(kit.cal, &gateway), IMP_OK);
  ckit_map(&kit, "juliet", "juliet@corp.example", NULL);
  ckit_map(&kit, "romeo", "romeo@corp.example", NULL);
  ckit_turn(&kit);
}

static void opened(void) {
  begin();
  assert_int_equal(settle(), 1);
  assert_int_equal(imp_http_status(stream()->op, 200), IMP_OK);
  const char *ok = document("Success", "NoError", "<m:ConnectionStatus>OK</m:ConnectionStatus>");
  int rv = ckit_feed(stream(), ok, strlen(ok));
  if (rv != IMP_OK) {
    ckit_fail(&kit, stream(), rv, "");
  }
  assert_int_equal(rv, IMP_OK);
  ckit_turn(&kit);
  settle();
}

static void subscribing(void **state) {
  (void)state;
  begin();
  answer_availability(ckit_at(&kit, 0));
  assert_int_equal(kit.nopen, 2); /* the first alone: it tells the server */
  ckit_request *r = ckit_at(&kit, 1);
  assert_true(is(r, "<t:PrimarySmtpAddress>juliet@corp.example</t:PrimarySmtpAddress>") ||
              is(r, "<t:PrimarySmtpAddress>romeo@corp.example</t:PrimarySmtpAddress>"));
  assert_true(is(r, "<soap:Body><m:Subscribe><m:StreamingSubscriptionRequest><t:FolderIds><t:DistinguishedFolderId Id=\"calendar\"/>"
                    "</t:FolderIds><t:EventTypes><t:EventType>CreatedEvent</t:EventType><t:EventType>ModifiedEvent</t:EventType>"
                    "<t:EventType>MovedEvent</t:EventType><t:EventType>DeletedEvent</t:EventType></t:EventTypes>"
                    "</m:StreamingSubscriptionRequest></m:Subscribe></soap:Body>"));
  assert_non_null(strstr(r->fields, "X-PreferServerAffinity: true\n"));
  assert_null(strstr(r->fields, "Cookie:"));
  answer_subscribe(r, "Set-Cookie: X-BackEndOverrideCookie=srv1~42; path=/; secure");
  r = ckit_next(&kit);
  assert_non_null(strstr(r->fields, "Cookie: X-BackEndOverrideCookie=srv1~42\n"));
  answer_subscribe(r, NULL);
  r = ckit_next(&kit);
  assert_true(r->stream);
  assert_non_null(strstr(r->fields, "Cookie: X-BackEndOverrideCookie=srv1~42\n"));
  assert_string_not_equal(r->affinity, "");
  assert_true(is(r, "<m:GetStreamingEvents><m:SubscriptionIds><t:SubscriptionId>sub1</t:SubscriptionId><t:SubscriptionId>sub2"
                    "</t:SubscriptionId></m:SubscriptionIds><m:ConnectionTimeout>30</m:ConnectionTimeout></m:GetStreamingEvents>"));
  assert_int_equal(status().subscribed, 2);
}

/* Two documents and half of a third, byte by byte. */
static void cut_anywhere(void **state) {
  char all[3 * sizeof text];
  (void)state;
  opened();
  uint64_t before = status().notifications;
  snprintf(all, sizeof all, "%s", event("sub1"));
  strncat(all, "\r\n \xef\xbb\xbf", sizeof all - strlen(all) - 1);
  strncat(all, event("sub2"), sizeof all - strlen(all) - 1);
  strncat(all, event("sub1"), sizeof all - strlen(all) - 1);
  size_t len = strlen(all) - 20;
  for (size_t i = 0; i < len; i++) {
    assert_int_equal(ckit_feed(stream(), all + i, 1), IMP_OK);
  }
  assert_int_equal(status().notifications, before + 2);
  ckit_turn(&kit);
  assert_int_equal(settle(), 1); /* both in one call */
  assert_int_equal(ckit_feed(stream(), all + len, 20), IMP_OK);
  assert_int_equal(status().notifications, before + 3);
  ckit_turn(&kit);
  assert_int_equal(settle(), 1);
}

static void a_change_is_read(void **state) {
  (void)state;
  opened();
  assert_int_equal(status().streams, 1);
  ckit_pass(&kit, 900000); /* no polling while the server tells */
  assert_int_equal(settle(), 0);
  const char *news = event("sub2");
  assert_int_equal(ckit_feed(stream(), news, strlen(news)), IMP_OK);
  ckit_turn(&kit);
  size_t i = 0;
  while (i < kit.nopen && (kit.open[i].op == NULL || kit.open[i].stream)) {
    i++;
  }
  ckit_request *r = ckit_at(&kit, i);
  assert_true(is(r, "GetUserAvailability"));
  assert_false(is(r, "juliet@corp.example") && is(r, "romeo@corp.example"));
  news = event("another");
  assert_int_equal(ckit_feed(stream(), news, strlen(news)), IMP_OK);
}

static void closed_in_time(void **state) {
  (void)state;
  opened();
  ckit_pass(&kit, 1800000);
  const char *bye = document("Success", "NoError", "<m:ConnectionStatus>Closed</m:ConnectionStatus>");
  ckit_request *old = stream();
  assert_int_equal(ckit_feed(old, bye, strlen(bye)), IMP_OK);
  ckit_turn(&kit);
  assert_int_equal(old->cancelled, 1);
  assert_true(stream() != old); /* another, for the same subscriptions */
  assert_true(is(stream(), "<t:SubscriptionId>sub1</t:SubscriptionId><t:SubscriptionId>sub2</t:SubscriptionId>"));
  assert_int_equal(settle(), 0);
}

static void a_lost_subscription(void **state) {
  (void)state;
  opened();
  ckit_pass(&kit, 60000);
  const char *gone = document("Error", "ErrorSubscriptionNotFound",
                              "<m:ErrorSubscriptionIds><m:SubscriptionId>sub2</m:SubscriptionId></m:ErrorSubscriptionIds>");
  assert_int_equal(ckit_feed(stream(), gone, strlen(gone)), IMP_OK);
  ckit_turn(&kit);
  ckit_pass(&kit, 1000);
  settle();
  assert_true(is(stream(), "<t:SubscriptionId>sub1</t:SubscriptionId><t:SubscriptionId>sub3</t:SubscriptionId>"));
}

static void all_are_lost(void **state) {
  static const char *const codes[] = {"ErrorInvalidWatermark", "ErrorReadEventsFailed", "ErrorMissedNotificationEvents",
                                      "ErrorProxyRequestNotAllowed"};
  (void)state;
  for (size_t i = 0; i < 4; i++) {
    opened();
    ckit_pass(&kit, 60000);
    const char *gone = document("Error", codes[i], "");
    assert_int_equal(ckit_feed(stream(), gone, strlen(gone)), IMP_OK);
    ckit_turn(&kit);
    ckit_pass(&kit, 1000);
    assert_int_equal(status().subscribed, 0);
    assert_int_equal(settle(), 1); /* the window is read again */
    ckit_pass(&kit, 1000);
    settle();
    assert_true(is(stream(), "<t:SubscriptionId>sub3</t:SubscriptionId><t:SubscriptionId>sub4</t:SubscriptionId>"));
    assert_null(strstr(stream()->body, "Watermark"));
  }
}

static void a_stream_that_breaks(void **state) {
  (void)state;
  opened();
  ckit_pass(&kit, 60000);
  ckit_fail(&kit, stream(), IMP_ERR_UNAVAILABLE, "reset");
  assert_int_equal(status().streams, 0);
  assert_int_equal(settle(), 1); /* news may have been lost */
  ckit_pass(&kit, 9000);
  assert_int_equal(ckit_unanswered(&kit), 0);
  ckit_pass(&kit, 1000);
  ckit_answer(&kit, stream(), 500, NULL,
              "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><s:Fault><faultcode>a:ErrorServerBusy"
              "</faultcode><detail><MessageXml><Value Name=\"BackOffMilliseconds\">60000</Value></MessageXml></detail></s:Fault>"
              "</s:Body></s:Envelope>");
  assert_int_equal(status().health, IMP_GATEWAY_BUSY);
  ckit_pass(&kit, 59000);
  assert_int_equal(settle(), 0);
  ckit_pass(&kit, 1000);
  settle();
  assert_int_equal(status().subscribed, 2);
  assert_true(stream()->stream);
}

static void rubbish(void **state) {
  (void)state;
  opened();
  assert_int_equal(ckit_feed(stream(), "<a></b>", 7), IMP_ERR_MALFORMED);
  ckit_fail(&kit, stream(), IMP_ERR_MALFORMED, "");
  settle();
  ckit_pass(&kit, 10000);
  assert_int_equal(imp_http_status(stream()->op, 200), IMP_OK);
  memset(text, 'x', 400);
  assert_int_equal(ckit_feed(stream(), text, 400), IMP_ERR_MALFORMED);
}

static void people_come_and_go(void **state) {
  (void)state;
  opened();
  ckit_request *old = stream();
  ckit_map(&kit, "nurse", "nurse@corp.example", NULL);
  ckit_turn(&kit);
  assert_int_equal(settle(), 1);
  assert_int_equal(old->cancelled, 1);
  assert_true(is(stream(), "sub1") && is(stream(), "sub2") && is(stream(), "sub3"));
  assert_int_equal(imp_calendar_unmap(kit.cal, "romeo", "corp"), IMP_OK);
  assert_int_equal(imp_calendar_unmap(kit.cal, "juliet", "corp"), IMP_OK);
  assert_int_equal(imp_calendar_unmap(kit.cal, "nurse", "corp"), IMP_OK);
  ckit_turn(&kit);
  assert_int_equal(ckit_unanswered(&kit), 0); /* a stream about nobody ends */
  assert_int_equal(status().subscribed, 0);
}

static void groups_do_not_mix(void **state) {
  imp_mailbox m = {sizeof m, "nurse", "corp", "nurse@corp.example", NULL, "other group", NULL};
  size_t streams = 0;
  (void)state;
  begin();
  assert_int_equal(imp_calendar_map(kit.cal, &m), IMP_OK);
  m.user = m.mailbox = "peter@corp.example";
  m.url = "https://mail2.example/EWS/Exchange.asmx";
  assert_int_equal(imp_calendar_map(kit.cal, &m), IMP_OK);
  m.user = m.mailbox = "late@corp.example";
  m.group = "a fourth";
  assert_int_equal(imp_calendar_map(kit.cal, &m), IMP_OK); /* three streams are allowed: it is polled */
  ckit_turn(&kit);
  settle();
  for (size_t i = 0; i < kit.nopen; i++) {
    if (kit.open[i].op != NULL && kit.open[i].stream) {
      streams++;
      assert_true(strcmp(kit.open[i].url, "https://mail.example/EWS/Exchange.asmx") == 0 || is(&kit.open[i], "peter"));
    }
  }
  assert_int_equal(streams, 3);
  assert_int_equal(status().subscribed, 4);
}

static void refused_mailboxes_are_polled(void **state) {
  (void)state;
  begin();
  answer_availability(ckit_at(&kit, 0));
  ckit_answer(&kit, ckit_next(&kit), 500, NULL,
              "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><s:Fault><faultcode>a:"
              "ErrorImpersonateUserDenied</faultcode></s:Fault></s:Body></s:Envelope>");
  assert_int_equal(status().health, IMP_GATEWAY_UP);
  settle();
  assert_int_equal(status().subscribed, 1);
  int polled = 0;
  for (int i = 0; i < 310; i++) {
    ckit_pass(&kit, 1000);
    polled += settle();
  }
  assert_true(polled >= 1);
}

#define USER(group, url)                                                                                               \
  "<UserResponse><ErrorCode>NoError</ErrorCode><ErrorMessage/><UserSettingErrors/><UserSettings><UserSetting i:type=\"StringSetting\">" \
  "<Name>GroupingInformation</Name><Value>" group "</Value></UserSetting><UserSetting i:type=\"StringSetting\"><Name>ExternalEwsUrl" \
  "</Name><Value>" url "</Value></UserSetting></UserSettings></UserResponse>"
#define USERS(users)                                                                                                   \
  "<GetUserSettingsResponseMessage xmlns=\"http://schemas.microsoft.com/exchange/2010/Autodiscover\" "                 \
  "xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\"><Response><ErrorCode>NoError</ErrorCode><ErrorMessage/><UserResponses>" users \
  "</UserResponses></Response></GetUserSettingsResponseMessage>"

static ckit_request *asked(const char *what) {
  size_t i = 0;
  while (i < kit.nopen && (kit.open[i].op == NULL || !is(&kit.open[i], what))) {
    i++;
  }
  return ckit_at(&kit, i);
}

static void groups_are_discovered(void **state) {
  imp_gateway gateway;
  (void)state;
  subscriptions = 0;
  ckit_new(&kit, NULL);
  ckit_gateway(&kit, &gateway, IMP_GATEWAY_EWS, "https://mail.example/EWS/Exchange.asmx");
  gateway.out_of_office = 0;
  gateway.autodiscover_url = "https://auto.example/autodiscover/autodiscover.svc";
  assert_int_equal(imp_calendar_set_gateway(kit.cal, &gateway), IMP_OK);
  ckit_map(&kit, "juliet", "juliet@corp.example", NULL);
  ckit_map(&kit, "romeo", "romeo@corp.example", NULL);
  ckit_map(&kit, "nurse", "nurse@corp.example", NULL);
  ckit_turn(&kit);
  ckit_request *r = asked("GetUserSettings");
  assert_string_equal(r->url, "https://auto.example/autodiscover/autodiscover.svc");
  assert_true(is(r, "<a:Users><a:User><a:Mailbox>juliet@corp.example</a:Mailbox></a:User><a:User><a:Mailbox>romeo@corp.example"
                    "</a:Mailbox></a:User><a:User><a:Mailbox>nurse@corp.example</a:Mailbox></a:User></a:Users><a:RequestedSettings>"
                    "<a:Setting>GroupingInformation</a:Setting><a:Setting>ExternalEwsUrl</a:Setting></a:RequestedSettings>"));
  assert_int_equal(ckit_unanswered(&kit), 2); /* nobody is subscribed before */
  snprintf(text, sizeof text, ENVELOPE,
           USERS(USER("SITE1", "https://mail.example/EWS/Exchange.asmx") USER("SITE2", "https://mail2.example/EWS/Exchange.asmx")
                     USER("SITE1", "http://plain.example/EWS/Exchange.asmx")));
  ckit_answer(&kit, r, 200, NULL, text);
  settle();
  size_t streams = 0;
  for (size_t i = 0; i < kit.nopen; i++) {
    if (kit.open[i].op != NULL && kit.open[i].stream) {
      streams++;
      assert_true(is(&kit.open[i], "romeo") == (strcmp(kit.open[i].url, "https://mail2.example/EWS/Exchange.asmx") == 0));
    }
  }
  assert_int_equal(streams, 2);
  assert_int_equal(status().subscribed, 3);
}

static void nothing_is_discovered(void **state) {
  imp_gateway gateway;
  (void)state;
  subscriptions = 0;
  ckit_new(&kit, NULL);
  ckit_gateway(&kit, &gateway, IMP_GATEWAY_EWS, "https://mail.example/EWS/Exchange.asmx");
  gateway.out_of_office = 0;
  gateway.autodiscover_url = "https://auto.example/autodiscover/autodiscover.svc";
  assert_int_equal(imp_calendar_set_gateway(kit.cal, &gateway), IMP_OK);
  ckit_map(&kit, "juliet", "juliet@corp.example", NULL);
  ckit_map(&kit, "romeo", "romeo@corp.example", NULL);
  ckit_turn(&kit);
  assert_int_equal(imp_calendar_unmap(kit.cal, "romeo", "corp"), IMP_OK); /* while it is asked about */
  ckit_fail(&kit, asked("GetUserSettings"), IMP_ERR_UNAVAILABLE, "no such host");
  settle();
  assert_int_equal(status().subscribed, 1);
  assert_int_equal(status().health, IMP_GATEWAY_UP);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(subscribing),         cmocka_unit_test(cut_anywhere),
      cmocka_unit_test(a_change_is_read),    cmocka_unit_test(closed_in_time),
      cmocka_unit_test(a_lost_subscription), cmocka_unit_test(all_are_lost),
      cmocka_unit_test(a_stream_that_breaks), cmocka_unit_test(rubbish),
      cmocka_unit_test(people_come_and_go),  cmocka_unit_test(groups_do_not_mix),
      cmocka_unit_test(refused_mailboxes_are_polled),
      cmocka_unit_test(groups_are_discovered), cmocka_unit_test(nothing_is_discovered),
  };
  return unit_run("calendar_stream", tests);
}
