/* Exchange Web Services: what is asked, in the order of the schema, and what is made of the answers. */
#include "calendar_kit.h"

#include <stdio.h>

#include "calendar/ews.h"

static ckit kit;
static char text[16384];

#define ENVELOPE                                                                                                       \
  "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\">"      \
  "<s:Header><h:ServerVersionInfo xmlns:h=\"" NS_TYPES "\" MajorVersion=\"15\"/></s:Header><s:Body>%s</s:Body></s:Envelope>"
#define RESPONSE(view)                                                                                                 \
  "<FreeBusyResponse><ResponseMessage ResponseClass=\"Success\"><ResponseCode>NoError</ResponseCode></ResponseMessage>" \
  "<FreeBusyView><FreeBusyViewType xmlns=\"" NS_TYPES "\">DetailedMerged</FreeBusyViewType>"                           \
  "<MergedFreeBusy xmlns=\"" NS_TYPES "\">0022</MergedFreeBusy>" view "</FreeBusyView></FreeBusyResponse>"
#define EVENTS(events) "<CalendarEventArray xmlns=\"" NS_TYPES "\">" events "</CalendarEventArray>"
#define EVENT(start, end, type, details)                                                                               \
  "<CalendarEvent><StartTime>2026-03-02T" start "</StartTime><EndTime>2026-03-02T" end "</EndTime><BusyType>" type     \
  "</BusyType>" details "</CalendarEvent>"
#define AVAILABILITY(responses)                                                                                        \
  "<GetUserAvailabilityResponse xmlns=\"" NS_MESSAGES "\"><FreeBusyResponseArray>" responses                          \
  "</FreeBusyResponseArray></GetUserAvailabilityResponse>"

static const char *envelope(const char *content) {
  snprintf(text, sizeof text, ENVELOPE, content);
  return text;
}

static void begin(const imp_calendar_settings *settings, uint32_t oof) {
  imp_gateway gateway;
  ckit_new(&kit, settings);
  ckit_gateway(&kit, &gateway, IMP_GATEWAY_EWS, "https://mail.example/EWS/Exchange.asmx");
  gateway.notify = 0;
  gateway.out_of_office = oof;
  gateway.username = "CORP\\svc";
  assert_int_equal(imp_calendar_set_gateway(kit.cal, &gateway), IMP_OK);
  ckit_map(&kit, "juliet", "juliet@corp.example", NULL);
}

static void the_request(void **state) {
  (void)state;
  begin(NULL, 0);
  ckit_map(&kit, "romeo", "romeo&co@corp.example", NULL);
  ckit_turn(&kit);
  ckit_request *r = ckit_next(&kit);
  assert_int_equal(ckit_unanswered(&kit), 1);
  assert_string_equal(r->method, "POST");
  assert_int_equal(r->auth, IMP_HTTP_AUTH_NTLM);
  assert_string_equal(r->username, "CORP\\svc");
  assert_string_equal(r->fields, "Content-Type: text/xml; charset=utf-8\nAccept: text/xml\nX-AnchorMailbox: juliet@corp.example\n");
  assert_string_equal(
      r->body,
      "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
      "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns:t=\"" NS_TYPES "\" xmlns:m=\"" NS_MESSAGES
      "\"><soap:Header><t:RequestServerVersion Version=\"Exchange2013\"/></soap:Header><soap:Body>"
      "<m:GetUserAvailabilityRequest><t:TimeZone><t:Bias>0</t:Bias><t:StandardTime><t:Bias>0</t:Bias><t:Time>00:00:00</t:Time>"
      "<t:DayOrder>1</t:DayOrder><t:Month>1</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek></t:StandardTime><t:DaylightTime>"
      "<t:Bias>0</t:Bias><t:Time>00:00:00</t:Time><t:DayOrder>1</t:DayOrder><t:Month>1</t:Month><t:DayOfWeek>Sunday"
      "</t:DayOfWeek></t:DaylightTime></t:TimeZone><m:MailboxDataArray>"
      "<t:MailboxData><t:Email><t:Address>juliet@corp.example</t:Address></t:Email><t:AttendeeType>Required</t:AttendeeType>"
      "<t:ExcludeConflicts>false</t:ExcludeConflicts></t:MailboxData>"
      "<t:MailboxData><t:Email><t:Address>romeo&amp;co@corp.example</t:Address></t:Email><t:AttendeeType>Required"
      "</t:AttendeeType><t:ExcludeConflicts>false</t:ExcludeConflicts></t:MailboxData></m:MailboxDataArray>"
      "<t:FreeBusyViewOptions><t:TimeWindow><t:StartTime>2026-03-02T07:00:00</t:StartTime><t:EndTime>2026-03-04T08:00:00"
      "</t:EndTime></t:TimeWindow><t:MergedFreeBusyIntervalInMinutes>30</t:MergedFreeBusyIntervalInMinutes>"
      "<t:RequestedView>DetailedMerged</t:RequestedView></t:FreeBusyViewOptions></m:GetUserAvailabilityRequest>"
      "</soap:Body></soap:Envelope>");
}

static void a_hundred_a_call(void **state) {
  char user[32], box[48];
  (void)state;
  unit_skip_alloc_fail();
  begin(NULL, 0);
  for (int i = 0; i < 250; i++) {
    snprintf(user, sizeof user, "u%d", i);
    snprintf(box, sizeof box, "u%d@corp.example", i);
    ckit_map(&kit, user, box, NULL);
  }
  ckit_turn(&kit);
  assert_int_equal(ckit_unanswered(&kit), 3);
  size_t n = 0;
  for (const char *p = ckit_at(&kit, 0)->body; (p = strstr(p, "<t:MailboxData>")) != NULL; p++) {
    n++;
  }
  assert_int_equal(n, 100);
}

static void meetings(void **state) {
  imp_calendar_settings settings;
  (void)state;
  imp_calendar_settings_default(&settings, sizeof settings);
  settings.subjects = 1;
  begin(&settings, 0);
  ckit_turn(&kit);
  ckit_answer(&kit, ckit_next(&kit), 200, "Content-Type: text/xml",
              envelope(AVAILABILITY(RESPONSE(EVENTS(
                  EVENT("09:00:00", "10:00:00", "Busy",
                        "<CalendarEventDetails><ID>0</ID><Subject>Plans &amp; more</Subject><Location>R1</Location>"
                        "<IsMeeting>true</IsMeeting><IsRecurring>true</IsRecurring><IsException>false</IsException>"
                        "<IsReminderSet>true</IsReminderSet><IsPrivate>false</IsPrivate></CalendarEventDetails>")
                      EVENT("10:00:00Z", "11:00:00Z", "OOF",
                            "<CalendarEventDetails><Subject>Doctor</Subject><IsPrivate>true</IsPrivate></CalendarEventDetails>")
                          EVENT("11:00:00", "11:30:00", "WorkingElsewhere", "") EVENT("11:30:00", "12:00:00", "Tentative", "")
                              EVENT("12:00:00", "12:30:00", "NoData", "") EVENT("whenever", "12:30:00", "Busy", ""))))));
  ckit_until(&kit, "2026-03-02T08:04:00Z");
  ckit_expect(&kit, "juliet free\ngateway corp up\n");
  assert_int_equal(imp_calendar_remove_gateway(kit.cal, "nobody"), IMP_ERR_NOT_FOUND);
  ckit_pass(&kit, 55 * 60000);
  while (kit.now < ckit_time("2026-03-02T13:00:00Z")) { /* readings meanwhile fail, and change nothing */
    while (ckit_unanswered(&kit) > 0) {
      ckit_fail(&kit, ckit_next(&kit), IMP_ERR_UNAVAILABLE, "down");
    }
    ckit_pass(&kit, 600000);
  }
  char *down = strstr(kit.journal, "gateway corp down\n");
  assert_non_null(down);
  memmove(down, down + 18, strlen(down + 18) + 1);
  ckit_expect(&kit, "juliet busy 09:00-10:00 'Plans & more'\njuliet out of office 10:00-11:00 private\n"
                    "juliet elsewhere 11:00-11:30\njuliet free\n");
}

static void some_mailboxes_fail(void **state) {
  imp_mailbox_status m = {.size = sizeof m};
  imp_gateway_status g = {.size = sizeof g};
  (void)state;
  begin(NULL, 0);
  ckit_map(&kit, "romeo", "romeo@corp.example", NULL);
  ckit_map(&kit, "nurse", "nurse@corp.example", NULL);
  ckit_turn(&kit);
  ckit_answer(&kit, ckit_next(&kit), 200, NULL,
              envelope(AVAILABILITY(
                  "<FreeBusyResponse><ResponseMessage ResponseClass=\"Error\"><MessageText>Unable to resolve</MessageText>"
                  "<ResponseCode>ErrorMailRecipientNotFound</ResponseCode></ResponseMessage></FreeBusyResponse>" RESPONSE(
                      EVENTS(EVENT("07:30:00", "09:00:00", "Busy", ""))))));
  assert_int_equal(imp_calendar_mailbox_status(kit.cal, "juliet", "corp", &m), IMP_OK);
  assert_string_equal(m.last_error, "ErrorMailRecipientNotFound: Unable to resolve");
  assert_int_equal(imp_calendar_mailbox_status(kit.cal, "romeo", "corp", &m), IMP_OK);
  assert_string_equal(m.last_error, "");
  assert_int_equal(m.known_until, ckit_time("2026-03-04T08:00:00Z"));
  assert_int_equal(imp_calendar_mailbox_status(kit.cal, "nurse", "corp", &m), IMP_OK);
  assert_string_equal(m.last_error, "the answer leaves this mailbox out");
  assert_int_equal(imp_calendar_gateway_status(kit.cal, "corp", &g), IMP_OK);
  assert_int_equal(g.mailboxes, 3);
  assert_int_equal(g.mailboxes_failing, 2);
  ckit_expect(&kit, "romeo busy 07:30-09:00\ngateway corp up\n");
}

static void merged_view_alone(void **state) {
  (void)state;
  begin(NULL, 0);
  ckit_turn(&kit);
  ckit_answer(&kit, ckit_next(&kit), 200, NULL,
              envelope(AVAILABILITY(
                  "<FreeBusyResponse><ResponseMessage ResponseClass=\"Success\"><ResponseCode>NoError</ResponseCode>"
                  "</ResponseMessage><FreeBusyView><FreeBusyViewType xmlns=\"" NS_TYPES "\">MergedOnly</FreeBusyViewType>"
                  "<MergedFreeBusy xmlns=\"" NS_TYPES "\">00223100</MergedFreeBusy></FreeBusyView></FreeBusyResponse>")));
  ckit_until(&kit, "2026-03-02T09:20:00Z");
  ckit_expect(&kit, "juliet busy 08:00-09:00\ngateway corp up\ngateway corp down\njuliet out of office 09:00-09:30\n");
}

/* Three ways to say it. */
static void the_server_is_busy(void **state) {
  static const struct {
    uint32_t code;
    const char *field, *body;
    uint64_t ms;
  } forms[] = {
      {503, "Retry-After: 17", NULL, 17000},
      {500, NULL,
       "<s:Fault><faultcode xmlns:a=\"" NS_TYPES "\">a:ErrorServerBusy</faultcode><faultstring>busy</faultstring><detail>"
       "<e:ResponseCode xmlns:e=\"http://schemas.microsoft.com/exchange/services/2006/errors\">ErrorServerBusy</e:ResponseCode>"
       "<t:MessageXml xmlns:t=\"" NS_TYPES "\"><t:Value Name=\"BackOffMilliseconds\">47000</t:Value></t:MessageXml></detail>"
       "</s:Fault>",
       47000},
      {200, NULL,
       AVAILABILITY("<FreeBusyResponse><ResponseMessage ResponseClass=\"Error\"><MessageText>busy</MessageText><ResponseCode>"
                    "ErrorServerBusy</ResponseCode><DescriptiveLinkKey>0</DescriptiveLinkKey><MessageXml><t:Value xmlns:t=\""
                    NS_TYPES "\" Name=\"BackOffMilliseconds\">9000</t:Value></MessageXml></ResponseMessage></FreeBusyResponse>"),
       9000},
  };
  imp_gateway_status g = {.size = sizeof g};
  (void)state;
  begin(NULL, 0);
  ckit_turn(&kit);
  for (size_t i = 0; i < 3; i++) {
    ckit_answer(&kit, ckit_next(&kit), forms[i].code, forms[i].field, forms[i].body != NULL ? envelope(forms[i].body) : NULL);
    assert_int_equal(imp_calendar_gateway_status(kit.cal, "corp", &g), IMP_OK);
    assert_int_equal(g.health, IMP_GATEWAY_BUSY);
    assert_int_equal(g.waits_until, kit.now + forms[i].ms);
    ckit_pass(&kit, forms[i].ms - 1);
    assert_int_equal(ckit_unanswered(&kit), 0);
    ckit_pass(&kit, 1);
    assert_int_equal(ckit_unanswered(&kit), 1);
  }
}

static void answers_of_no_use(void **state) {
  static const char *const bodies[] = {"", "<html>", "<a/>", "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"/>",
                                       "{\"error\":1}"};
  (void)state;
  begin(NULL, 0);
  ckit_turn(&kit);
  for (size_t i = 0; i < 5; i++) {
    ckit_answer(&kit, ckit_next(&kit), 200, "Content-Type: text/html", bodies[i]);
    imp_gateway_status g = {.size = sizeof g};
    assert_int_equal(imp_calendar_gateway_status(kit.cal, "corp", &g), IMP_OK);
    assert_int_equal(g.health, IMP_GATEWAY_DOWN);
    assert_int_equal(ckit_unanswered(&kit), 0);
    while (ckit_unanswered(&kit) == 0) {
      ckit_pass(&kit, 1000);
    }
  }
  ckit_answer(&kit, ckit_next(&kit), 401, NULL, NULL);
  imp_gateway_status g = {.size = sizeof g};
  assert_int_equal(imp_calendar_gateway_status(kit.cal, "corp", &g), IMP_OK);
  assert_string_equal(g.last_error, "401: credentials are not accepted");
}

#define OOF(state, rest)                                                                                               \
  "<GetUserOofSettingsResponse xmlns=\"" NS_MESSAGES "\"><ResponseMessage ResponseClass=\"Success\"><ResponseCode>NoError" \
  "</ResponseCode></ResponseMessage><OofSettings xmlns=\"" NS_TYPES "\"><OofState>" state                              \
  "</OofState><ExternalAudience>All</ExternalAudience>" rest "</OofSettings></GetUserOofSettingsResponse>"

/* Answers everything for so many seconds. */
static void serve(int seconds, uint32_t oof_code, const char *oof) {
  for (int i = 0; i < seconds; i++) {
    ckit_pass(&kit, 1000);
    while (ckit_unanswered(&kit) > 0) {
      ckit_request *r = ckit_next(&kit);
      int is_oof = strstr(r->body, "OofSettings") != NULL;
      ckit_answer(&kit, r, is_oof ? oof_code : 200, NULL, envelope(is_oof ? oof : AVAILABILITY(RESPONSE(EVENTS("")))));
    }
  }
}

static void automatic_replies(void **state) {
  (void)state;
  begin(NULL, 1);
  ckit_turn(&kit);
  ckit_answer(&kit, ckit_next(&kit), 200, NULL, envelope(AVAILABILITY(RESPONSE(EVENTS("")))));
  ckit_request *r = ckit_next(&kit);
  assert_non_null(strstr(r->body, "<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>juliet@corp.example"
                                  "</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation></soap:Header>"));
  assert_non_null(strstr(r->body, "<m:GetUserOofSettingsRequest><t:Mailbox><t:Address>juliet@corp.example</t:Address></t:Mailbox>"
                                  "</m:GetUserOofSettingsRequest>"));
  ckit_answer(&kit, r, 200, NULL,
              envelope(OOF("Scheduled", "<Duration><StartTime>2026-03-02T08:02:00Z</StartTime><EndTime>2026-03-02T08:04:00Z"
                                        "</EndTime></Duration><InternalReply><Message>&lt;html&gt;&lt;body&gt;&lt;p&gt;Back&amp;nbsp;on "
                                        "&lt;b&gt;Monday&lt;/b&gt; &amp;amp; well&lt;/p&gt;&lt;/body&gt;&lt;/html&gt;</Message></InternalReply>")));
  ckit_pass(&kit, 290000);
  ckit_expect(&kit, "juliet free\ngateway corp up\njuliet free away(Back on Monday & well)\njuliet free\n");
  serve(650, 200, OOF("Enabled", ""));
  ckit_expect(&kit, "juliet free away()\n");
  serve(900, 500, "<s:Fault><faultcode>x:ErrorImpersonateUserDenied</faultcode><faultstring>no</faultstring></s:Fault>");
  imp_gateway_status g = {.size = sizeof g};
  assert_int_equal(imp_calendar_gateway_status(kit.cal, "corp", &g), IMP_OK);
  assert_int_equal(g.health, IMP_GATEWAY_UP); /* one mailbox says nothing of the server */
}

static void plain_text(void **state) {
  static const char *const cases[][2] = {{"<p>a</p><p>b</p>", "a b"},
                                         {"a &lt;b&gt; &amp;lt; &unknown;", "a <b> &lt; &unknown;"},
                                         {"<style>p {x}</style>hi", "hi"},
                                         {"<", ""},
                                         {"a<b", "a"},
                                         {"  \r\n", ""}};
  char buf[64];
  (void)state;
  for (size_t i = 0; i < 6; i++) {
    snprintf(buf, sizeof buf, "%s", cases[i][0]);
    imp_ews_plain(buf);
    assert_string_equal(buf, cases[i][1]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_request),       cmocka_unit_test(a_hundred_a_call), cmocka_unit_test(meetings),
      cmocka_unit_test(some_mailboxes_fail), cmocka_unit_test(merged_view_alone), cmocka_unit_test(the_server_is_busy),
      cmocka_unit_test(answers_of_no_use), cmocka_unit_test(automatic_replies), cmocka_unit_test(plain_text),
  };
  return unit_run("calendar_ews", tests);
}
