/* Presence in words, as XMPP and as Microsoft's numbers. */
#include <string.h>

#include <imp/presence.h>

#include "alloc_fail.h"

#define T UINT64_C(1795525200000) /* 2026-11-24T13:00:00Z */
#define HOURS UINT64_C(3600000)

static char text[2048];

static imp_presence made(imp_presence_state state, imp_source_kind kind, imp_wallclock until) {
  return (imp_presence){.size = sizeof(imp_presence),
                        .state = state,
                        .kind = kind,
                        .at = T,
                        .until = until,
                        .id = "",
                        .note = "",
                        .subject = "",
                        .away_note = ""};
}

static const char *reason(imp_presence_state state, imp_source_kind kind, imp_wallclock until, int32_t utc_offset) {
  imp_presence p = made(state, kind, until);
  size_t len = imp_presence_write_reason(&p, utc_offset, text, sizeof text);
  assert_int_equal(len, strlen(text));
  return text;
}

static const char *status(const imp_presence *p, const imp_presence_settings *s) {
  size_t len = imp_presence_write_status(p, s, 0, text, sizeof text);
  assert_int_equal(len, strlen(text));
  return text;
}

static const char *xmpp(const imp_presence *p, const imp_presence_settings *s) {
  size_t len = imp_presence_write_xmpp(p, s, 0, text, sizeof text);
  assert_int_equal(len, strlen(text));
  return text;
}

static void when_is_said_as_the_reader_would_say_it(void **state) {
  static const struct {
    imp_wallclock until;
    int32_t utc_offset;
    const char *words;
  } cases[] = {
      {T + 2 * HOURS, 0, "away until 15:00, set by hand"},
      {T + 2 * HOURS, 60, "away until 16:00, set by hand"},
      {T + 2 * HOURS, -300, "away until 10:00, set by hand"},
      {T + 2 * HOURS, 345, "away until 20:45, set by hand"},
      {T + 11 * HOURS, 0, "away until midnight, set by hand"},
      {T + 11 * HOURS, 60, "away until 25 Nov, 01:00, set by hand"},
      {T + 11 * HOURS, -60, "away until 23:00, set by hand"},
      {T + 20 * HOURS, 0, "away until 25 Nov, 09:00, set by hand"},
      {T + 35 * HOURS, 0, "away until 26 Nov, set by hand"},
      {T + 212 * HOURS, 0, "away until 3 Dec, 09:00, set by hand"},
      {T + 38 * 24 * HOURS - 13 * HOURS, 0, "away until 1 Jan 2027, set by hand"},
      {T + 38 * 24 * HOURS, 0, "away until 1 Jan 2027, 13:00, set by hand"},
      {0, 0, "away, set by hand"},
      {IMP_WALLCLOCK_NEVER, 0, "away, set by hand"},
      {IMP_WALLCLOCK_NEVER - 1, 0, "away, set by hand"},
      {UINT64_C(9223372036854775807), 60, "away, set by hand"},
      {1, -60, "away, set by hand"}, /* before 1970 */
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    assert_string_equal(reason(IMP_PRESENCE_AWAY, IMP_SOURCE_MANUAL, cases[i].until, cases[i].utc_offset),
                        cases[i].words);
  }
}

static void reasons_name_their_source(void **state) {
  (void)state;
  assert_string_equal(reason(IMP_PRESENCE_MEETING, IMP_SOURCE_CALENDAR, T + 2 * HOURS, 0),
                      "in a meeting until 15:00, from calendar");
  assert_string_equal(reason(IMP_PRESENCE_CALL, IMP_SOURCE_PHONE, 0, 0), "on the phone, from phone");
  assert_string_equal(reason(IMP_PRESENCE_XA, IMP_SOURCE_CLIENT, 0, 0), "away for long, from client");
  assert_string_equal(reason(IMP_PRESENCE_BUSY, IMP_SOURCE_HOST, 0, 0), "busy, from host");
  assert_string_equal(reason(IMP_PRESENCE_OFFLINE, IMP_SOURCES, 0, 0), "offline, no client");
  assert_string_equal(reason(IMP_PRESENCE_AVAILABLE, IMP_SOURCES, 0, 0), "available");
}

static void a_text_that_does_not_fit_is_left_out_whole(void **state) {
  imp_presence p = made(IMP_PRESENCE_MEETING, IMP_SOURCE_CALENDAR, T + 2 * HOURS);
  const char *whole = "in a meeting until 15:00, from calendar";
  size_t len = strlen(whole);
  (void)state;
  for (size_t cap = 1; cap <= len + 2; cap++) {
    memset(text, 'x', sizeof text);
    size_t written = imp_presence_write_reason(&p, 0, text, cap);
    assert_int_equal(written, len);
    assert_string_equal(text, cap > len ? whole : "");
    assert_int_equal(text[cap], 'x');
  }
  assert_int_equal(imp_presence_write_reason(&p, 0, NULL, 0), len);
}

static void a_status_says_what_does_not_go_without_saying(void **state) {
  imp_presence p = made(IMP_PRESENCE_AVAILABLE, IMP_SOURCE_CLIENT, 0);
  (void)state;
  assert_string_equal(status(&p, NULL), "");
  p.note = "Back soon!";
  assert_string_equal(status(&p, NULL), "Back soon!");
  p.state = IMP_PRESENCE_AWAY;
  assert_string_equal(status(&p, NULL), "Back soon!");
  p.away_note = "ask Romeo";
  assert_string_equal(status(&p, NULL), "Back soon! Out of office: ask Romeo");
  p = made(IMP_PRESENCE_MEETING, IMP_SOURCE_CALENDAR, T + 2 * HOURS);
  assert_string_equal(status(&p, NULL), "In a meeting until 15:00, from calendar");
  p.note = "Ask me later";
  p.away_note = "ask Romeo";
  assert_string_equal(status(&p, NULL),
                      "In a meeting until 15:00, from calendar. Ask me later. Out of office: ask Romeo");
  p.state = IMP_PRESENCE_OFFLINE;
  assert_string_equal(status(&p, NULL), "Out of office: ask Romeo");
  p = made(IMP_PRESENCE_DND, IMP_SOURCE_MANUAL, T + 2 * HOURS);
  assert_string_equal(status(&p, NULL), "Do not disturb until 15:00, set by hand");
}

static void a_status_may_keep_its_source_to_itself(void **state) {
  imp_presence p = made(IMP_PRESENCE_MEETING, IMP_SOURCE_CALENDAR, T + 2 * HOURS);
  imp_presence_settings s;
  (void)state;
  imp_presence_settings_default(&s, sizeof s);
  s.status_source = 0;
  assert_string_equal(status(&p, &s), "In a meeting until 15:00");
  s.size = 0; /* no settings at all: the defaults */
  assert_string_equal(status(&p, &s), "In a meeting until 15:00, from calendar");
}

static void busy_is_not_dnd(void **state) {
  static const struct {
    imp_presence_state state;
    const char *show, *busy_show;
  } cases[] = {
      {IMP_PRESENCE_OFFLINE, "", ""},     {IMP_PRESENCE_AVAILABLE, "", ""},       {IMP_PRESENCE_CHAT, "chat", "chat"},
      {IMP_PRESENCE_ELSEWHERE, "", ""},   {IMP_PRESENCE_TENTATIVE, "", ""},       {IMP_PRESENCE_IDLE, "away", "away"},
      {IMP_PRESENCE_BUSY, "", "away"},    {IMP_PRESENCE_MEETING, "", "away"},     {IMP_PRESENCE_CALL, "", "away"},
      {IMP_PRESENCE_DND, "dnd", "dnd"},   {IMP_PRESENCE_BRB, "away", "away"},     {IMP_PRESENCE_AWAY, "away", "away"},
      {IMP_PRESENCE_XA, "xa", "xa"},      {IMP_PRESENCE_OUT_OF_OFFICE, "xa", "xa"},
  };
  imp_presence_settings s;
  (void)state;
  imp_presence_settings_default(&s, sizeof s);
  s.busy_show = 1;
  for (size_t i = 0; i < IMP_PRESENCE_STATES; i++) {
    imp_presence p = made(cases[i].state, IMP_SOURCE_CLIENT, 0);
    assert_int_equal(cases[i].state, i);
    assert_string_equal(imp_presence_get_show(&p, NULL), cases[i].show);
    assert_string_equal(imp_presence_get_show(&p, &s), cases[i].busy_show);
  }
  assert_int_equal(imp_presence_from_show(NULL), IMP_PRESENCE_AVAILABLE);
  assert_int_equal(imp_presence_from_show(""), IMP_PRESENCE_AVAILABLE);
  assert_int_equal(imp_presence_from_show("DND"), IMP_PRESENCE_AVAILABLE);
  assert_int_equal(imp_presence_from_show("dnd"), IMP_PRESENCE_DND);
  assert_int_equal(imp_presence_from_show("chat"), IMP_PRESENCE_CHAT);
  assert_int_equal(imp_presence_from_show("away"), IMP_PRESENCE_AWAY);
  assert_int_equal(imp_presence_from_show("xa"), IMP_PRESENCE_XA);
}

static void as_xmpp(void **state) {
  imp_presence p = made(IMP_PRESENCE_AVAILABLE, IMP_SOURCE_CLIENT, 0);
  (void)state;
  assert_string_equal(xmpp(&p, NULL), "");
  p.note = "a < b & c > \"d\"";
  assert_string_equal(xmpp(&p, NULL), "<status>a &lt; b &amp; c &gt; &quot;d&quot;</status>");
  p.state = IMP_PRESENCE_DND;
  p.note = "";
  assert_string_equal(xmpp(&p, NULL), "<show>dnd</show>");
  p.note = "no\xff utf-8";
  assert_string_equal(xmpp(&p, NULL), "<show>dnd</show>");
  p.note = "no text \xef\xbf\xbf";
  assert_string_equal(xmpp(&p, NULL), "<show>dnd</show>");
  p.note = "\xe2\x82\xac \xef\xbf\xbd";
  assert_string_equal(xmpp(&p, NULL), "<show>dnd</show><status>\xe2\x82\xac \xef\xbf\xbd</status>");
  p = made(IMP_PRESENCE_MEETING, IMP_SOURCE_CALENDAR, T + 2 * HOURS);
  p.subject = "Q&A";
  assert_string_equal(xmpp(&p, NULL), "<status>In a meeting (Q&amp;A) until 15:00, from calendar</status>");
}

static const char *activity(imp_presence_state state) {
  imp_presence p = made(state, IMP_SOURCE_HOST, T + 2 * HOURS);
  p.id = "R&D";
  size_t len = imp_presence_write_activity(&p, 0, text, sizeof text);
  assert_int_equal(len, strlen(text));
  return text;
}

static void as_activities(void **state) {
  (void)state;
#define OPEN "<activity xmlns='http://jabber.org/protocol/activity'"
  assert_string_equal(activity(IMP_PRESENCE_MEETING),
                      OPEN "><working><in_a_meeting/></working>"
                           "<text>in a meeting until 15:00, from R&amp;D</text></activity>");
  assert_string_equal(activity(IMP_PRESENCE_CALL), OPEN "><talking><on_the_phone/></talking>"
                                                        "<text>on the phone until 15:00, from R&amp;D</text></activity>");
  assert_string_equal(activity(IMP_PRESENCE_OUT_OF_OFFICE),
                      OPEN "><inactive><on_vacation/></inactive>"
                           "<text>out of office until 15:00, from R&amp;D</text></activity>");
  assert_string_equal(activity(IMP_PRESENCE_AVAILABLE), OPEN "/>");
  assert_string_equal(activity(IMP_PRESENCE_DND), OPEN "/>");
}

/* ---- Microsoft ---- */

static void as_numbers(void **state) {
  static const uint32_t numbers[IMP_PRESENCE_STATES][2] = {
      [IMP_PRESENCE_OFFLINE] = {18000, 18000},   [IMP_PRESENCE_AVAILABLE] = {3500, 4500},
      [IMP_PRESENCE_CHAT] = {3500, 4500},        [IMP_PRESENCE_ELSEWHERE] = {3500, 4500},
      [IMP_PRESENCE_TENTATIVE] = {3500, 4500},   [IMP_PRESENCE_IDLE] = {4500, 4500},
      [IMP_PRESENCE_BUSY] = {6000, 7500},        [IMP_PRESENCE_MEETING] = {6000, 7500},
      [IMP_PRESENCE_CALL] = {6000, 7500},        [IMP_PRESENCE_DND] = {9000, 9000},
      [IMP_PRESENCE_BRB] = {12000, 12000},       [IMP_PRESENCE_AWAY] = {15000, 15000},
      [IMP_PRESENCE_XA] = {15000, 15000},        [IMP_PRESENCE_OUT_OF_OFFICE] = {15000, 15000},
  };
  (void)state;
  for (int s = 0; s < IMP_PRESENCE_STATES; s++) {
    imp_presence p = made((imp_presence_state)s, IMP_SOURCE_CLIENT, 0), back;
    for (p.idle = 0; p.idle <= 1; p.idle++) {
      assert_int_equal(imp_presence_get_ms_number(&p), numbers[s][p.idle]);
      imp_presence_from_ms(&back, sizeof back, imp_presence_get_ms_number(&p), imp_presence_get_ms_activity(&p));
      assert_int_equal(imp_presence_get_ms_number(&back), numbers[s][p.idle]);
      if (imp_presence_get_ms_activity(&p)[0] != '\0') {
        assert_int_equal(back.state, s);
      }
    }
  }
}

static void from_numbers(void **state) {
  static const struct {
    uint32_t first, last;
    imp_presence_state state;
    uint32_t idle;
  } ranges[] = {
      {0, 2999, IMP_PRESENCE_OFFLINE, 0},      {3000, 4499, IMP_PRESENCE_AVAILABLE, 0},
      {4500, 5999, IMP_PRESENCE_IDLE, 1},      {6000, 7499, IMP_PRESENCE_BUSY, 0},
      {7500, 8999, IMP_PRESENCE_BUSY, 1},      {9000, 11999, IMP_PRESENCE_DND, 0},
      {12000, 14999, IMP_PRESENCE_BRB, 0},     {15000, 17999, IMP_PRESENCE_AWAY, 0},
      {18000, UINT32_MAX, IMP_PRESENCE_OFFLINE, 0},
  };
  (void)state;
  for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
    uint32_t numbers[] = {ranges[i].first, ranges[i].first / 2 + ranges[i].last / 2, ranges[i].last};
    for (int n = 0; n < 3; n++) {
      imp_presence p;
      imp_presence_from_ms(&p, sizeof p, numbers[n], NULL);
      assert_int_equal(p.state, ranges[i].state);
      assert_int_equal(p.idle, ranges[i].idle);
      assert_int_equal(p.kind, IMP_SOURCE_CLIENT);
    }
  }
}

static void tokens_are_believed_where_they_fit(void **state) {
  static const struct {
    uint32_t number;
    const char *token;
    imp_presence_state state;
  } cases[] = {
      {6500, "in-a-meeting", IMP_PRESENCE_MEETING},       {7500, "on-the-phone", IMP_PRESENCE_CALL},
      {6500, "in-a-conference", IMP_PRESENCE_CALL},       {15500, "out-of-office", IMP_PRESENCE_OUT_OF_OFFICE},
      {18500, "out-of-office", IMP_PRESENCE_OFFLINE},     {3500, "in-a-meeting", IMP_PRESENCE_AVAILABLE},
      {6500, "juggling", IMP_PRESENCE_BUSY},              {6500, "", IMP_PRESENCE_BUSY},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    imp_presence p;
    imp_presence_from_ms(&p, sizeof p, cases[i].number, cases[i].token);
    assert_int_equal(p.state, cases[i].state);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(when_is_said_as_the_reader_would_say_it),
      cmocka_unit_test(reasons_name_their_source),
      cmocka_unit_test(a_text_that_does_not_fit_is_left_out_whole),
      cmocka_unit_test(a_status_says_what_does_not_go_without_saying),
      cmocka_unit_test(a_status_may_keep_its_source_to_itself),
      cmocka_unit_test(busy_is_not_dnd),
      cmocka_unit_test(as_xmpp),
      cmocka_unit_test(as_activities),
      cmocka_unit_test(as_numbers),
      cmocka_unit_test(from_numbers),
      cmocka_unit_test(tokens_are_believed_where_they_fit),
  };
  return unit_run("presence_words", tests);
}
