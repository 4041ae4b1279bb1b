/*
 * Gateways, clocks that are put forward and back, many meetings at once, and starts again.
 *
 * rooms: c2s im roster
 */
#include "alloc_fail.h"
#include "crash_store.h"
#include "world.h"

#include <imp/pep.h>
#include <imp/status.h>
#include <stdio.h>
#include <string.h>

#include "node/node.h"

#define MINUTE (60 * IMP_SECONDS)
#define HOUR (60 * MINUTE)
#define MS_PER_HOUR 3600000u
#define MIDNIGHT 1767225600000u /* 2026-01-01T00:00Z, when worlds begin */
#define CLIENTS_MAX 64

static world w;
static client c[CLIENTS_MAX];
static imp_calendar *cal;
static crash_store *store;
static int is_down, asked;
static char gateways[400];

static void close_all(void *unused) {
  (void)unused;
  for (size_t i = 0; i < CLIENTS_MAX; i++) {
    if (c[i].w != NULL) {
      client_free(&c[i]);
      memset(&c[i], 0, sizeof(c[i]));
    }
  }
  world_close(&w);
  crash_store_del(store);
  store = NULL;
}

static void open_world(void) {
  memset(c, 0, sizeof(c));
  memset(&w, 0, sizeof(w));
  is_down = asked = 0;
  gateways[0] = '\0';
  unit_own(close_all, &w);
  world_open(&w, NULL, 1);
  assert_int_equal(imp_status_get_calendar(w.node, &cal), IMP_OK);
}

static void run(void) { world_run(&w, c, CLIENTS_MAX); }
static void wait_for(imp_tstamp dt) { world_wait(&w, c, CLIENTS_MAX, dt); }

static client *login(size_t i, const char *user, int with_sm) {
  client_init(&c[i], &w, user, "home");
  client_login(&c[i], with_sm);
  client_stanza(&c[i], "<presence/>");
  run();
  return &c[i];
}

static client *alice_and_bob(void) {
  open_world();
  assert_int_equal(imp_roster_subscribe(w.node, "alice", "bob", NULL, NULL), IMP_OK);
  login(1, "bob", 0);
  login(0, "alice", 0);
  return &c[1];
}

/* The <status/> of the last presence from Alice that came to Bob since the last look; "-" if none came. */
static const char *seen(client *who) {
  static char text[500];
  imp_stanza *st;
  snprintf(text, sizeof(text), "-");
  while ((st = client_next(who)) != NULL) {
    const imp_jid *from = imp_stanza_get_from(st);
    const imp_elem *status = imp_stanza_child(st, "status", IMP_NS_CLIENT);
    if (imp_stanza_get_kind(st) == IMP_STANZA_PRESENCE && from != NULL && strncmp(imp_jid_full(from), "alice@", 6) == 0) {
      snprintf(text, sizeof(text), "%s", status != NULL ? imp_elem_text(status, NULL) : "");
    }
    imp_stanza_del(st);
  }
  return text;
}

static imp_status_stats stats(void) {
  imp_status_stats s;
  imp_status_get_stats(w.node, &s, sizeof(s));
  return s;
}

static void put_meeting(const char *user, imp_wallclock start, imp_wallclock end) {
  imp_busy block = {.size = sizeof(block), .start = start, .end = end, .kind = IMP_BUSY_BUSY};
  assert_int_equal(imp_calendar_put(cal, user, "test", NULL, start - 24 * MS_PER_HOUR, end + 24 * MS_PER_HOUR, &block, 1), IMP_OK);
}

/* ---- a gateway ---- */

static const char answer[] =
    "<?xml version='1.0'?><multistatus xmlns='DAV:' xmlns:C='urn:ietf:params:xml:ns:caldav'><response><href>/a.ics</href>"
    "<propstat><prop><getetag>\"1\"</getetag><C:calendar-data>BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\n"
    "BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T003000Z\r\nDTEND:20260101T120000Z\r\n"
    "SUMMARY:Secret\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n</C:calendar-data></prop><status>HTTP/1.1 200 OK</status></propstat>"
    "</response></multistatus>";

static int http_start(void *ctx, imp_op *op, const imp_http_request *request) {
  (void)ctx;
  assert_string_equal(request->url, "https://dav.example/alice%40corp.example/");
  asked++;
  if (is_down) {
    imp_http_error(op, "refused");
    imp_op_done(op, IMP_ERR_UNAVAILABLE);
  } else if (imp_http_status(op, 207) == IMP_OK && imp_http_header(op, "Content-Type", 12, "application/xml", 15) == IMP_OK) {
    imp_op_done(op, imp_http_body(op, answer, sizeof(answer) - 1));
  } else {
    imp_op_done(op, IMP_ERR_NOMEM);
  }
  return IMP_OK;
}

static void on_gateway(imp_node *node, const imp_gateway_status *status, void *user_data) {
  size_t len = strlen(gateways);
  (void)user_data;
  assert_ptr_equal(node, w.node);
  snprintf(gateways + len, sizeof(gateways) - len, "%s %u;", status->name, (unsigned)status->health);
}

static void a_gateway_fails(void **state) {
  static const imp_http http = {.size = sizeof(http), .name = "test", .start = http_start};
  const imp_status_callbacks callbacks = {.size = sizeof(callbacks), .gateway = on_gateway};
  const imp_mailbox box = {.size = sizeof(box), .user = "alice", .gateway = "dav", .mailbox = "alice@corp.example"};
  imp_gateway gateway;
  imp_gateway_status status = {.size = sizeof(status)};
  (void)state;
  client *bob = alice_and_bob();
  assert_int_equal(imp_status_set_settings(w.node, NULL, &callbacks, NULL), IMP_OK);
  assert_int_equal(imp_calendar_set_http(cal, &http, NULL), IMP_OK);
  imp_gateway_default(&gateway, sizeof(gateway), IMP_GATEWAY_CALDAV);
  gateway.name = "dav";
  gateway.url = "https://dav.example/{mailbox}/";
  gateway.auth = IMP_HTTP_AUTH_NONE;
  gateway.window_hours = 2;
  assert_int_equal(imp_calendar_set_gateway(cal, &gateway), IMP_OK);
  assert_int_equal(imp_calendar_map(cal, &box), IMP_OK);
  run();
  (void)seen(bob);
  wait_for(30 * MINUTE);
  assert_string_equal(seen(bob), "In a meeting, from calendar"); /* it lasts longer than the window */
  assert_string_equal(gateways, "dav 1;");
  is_down = 1;
  wait_for(HOUR);
  assert_string_equal(seen(bob), "-"); /* what was known holds */
  assert_int_equal(imp_calendar_gateway_status(cal, "dav", &status), IMP_OK);
  assert_int_equal(status.health, IMP_GATEWAY_DOWN);
  assert_string_equal(gateways, "dav 1;dav 3;");
  wait_for(2 * HOUR);
  assert_string_equal(seen(bob), ""); /* … until its window ended */
  is_down = 0;
  wait_for(HOUR);
  assert_string_equal(seen(bob), "In a meeting, from calendar");
  assert_true(asked > 10);
  assert_int_equal(imp_calendar_remove_gateway(cal, "dav"), IMP_OK);
  run();
  assert_string_equal(seen(bob), "");
  assert_int_equal(stats().users, 0);
}

/* ---- clocks ---- */

static int get_zone(imp_calendar *calendar, const char *name, void *user_data) {
  static char data[65536];
  FILE *file = strcmp(name, "Europe/Berlin") == 0 ? fopen("/usr/share/zoneinfo/Europe/Berlin", "rb") : NULL;
  size_t len = file != NULL ? fread(data, 1, sizeof(data), file) : 0;
  (void)user_data;
  if (file == NULL) {
    return IMP_ERR_NOT_FOUND;
  }
  fclose(file);
  return imp_calendar_add_zone(calendar, name, data, len);
}

static void words_show_a_clock(const char *zone, imp_wallclock midnight, const char *expected) {
  const imp_status_callbacks callbacks = {.size = sizeof(callbacks), .get_zone = get_zone};
  imp_status_settings s;
  client *bob = alice_and_bob();
  w.wall = midnight;
  imp_status_settings_default(&s, sizeof(s));
  s.zone = zone;
  assert_int_equal(imp_status_set_settings(w.node, &s, &callbacks, NULL), IMP_OK);
  put_meeting("alice", midnight + MS_PER_HOUR / 2, midnight + 2 * MS_PER_HOUR);
  wait_for(30 * MINUTE);
  assert_string_equal(seen(bob), expected);
  wait_for(90 * MINUTE);
  assert_string_equal(seen(bob), "");
}

/* At 01:00 UTC the clocks of Berlin go from 02:00 to 03:00, and in autumn from 03:00 to 02:00. */
static void summer_begins(void **state) {
  (void)state;
  words_show_a_clock("Europe/Berlin", 1774742400000u, "In a meeting until 04:00, from calendar");
}

static void summer_ends(void **state) {
  (void)state;
  words_show_a_clock("W. Europe Standard Time", 1792886400000u, "In a meeting until 03:00, from calendar");
}

/* ---- many ---- */

static void many_meetings_at_once(void **state) {
  enum { MANY = CLIENTS_MAX - 1, EACH = 5 };
  imp_status_settings s;
  char user[32];
  uint64_t turns = 0;
  (void)state;
  unit_skip_alloc_fail();
  open_world();
  imp_status_settings_default(&s, sizeof(s));
  s.users_per_turn = EACH;
  assert_int_equal(imp_status_set_settings(w.node, &s, NULL, NULL), IMP_OK);
  login(MANY, "bob", 0);
  for (size_t i = 0; i < MANY; i++) {
    snprintf(user, sizeof(user), "alice%zu", i);
    assert_int_equal(imp_roster_subscribe(w.node, user, "bob", NULL, NULL), IMP_OK);
    login(i, user, 0);
    put_meeting(user, MIDNIGHT + MS_PER_HOUR, MIDNIGHT + 2 * MS_PER_HOUR);
  }
  wait_for(HOUR - IMP_SECONDS);
  assert_int_equal(stats().shown, 0);
  w.now += IMP_SECONDS;
  w.wall += 1000;
  for (uint64_t before = 0; before < MANY; turns++) {
    assert_true(imp_node_get_expiry(w.node) <= w.now);
    imp_node_handle_expiry(w.node, w.now);
    assert_true(stats().shown > before);
    assert_true(stats().shown - before <= EACH);
    before = stats().shown;
    assert_int_equal(stats().waiting, MANY - before);
  }
  assert_int_equal(stats().full_turns, turns - 1);
  assert_true(imp_node_get_expiry(w.node) > w.now);
  run();
  for (size_t i = 0; i < MANY; i++) {
    (void)client_expect(&c[MANY], "presence", "In a meeting until 02:00");
  }
}

/* Who has many contacts takes the turn alone. */
static void stanzas_are_counted(void **state) {
  imp_status_settings s;
  (void)state;
  client *bob = alice_and_bob();
  assert_int_equal(imp_roster_subscribe(w.node, "carol", "bob", NULL, NULL), IMP_OK);
  login(2, "carol", 0);
  imp_status_settings_default(&s, sizeof(s));
  s.stanzas_per_turn = 1;
  assert_int_equal(imp_status_set_settings(w.node, &s, NULL, NULL), IMP_OK);
  put_meeting("alice", MIDNIGHT, MIDNIGHT + MS_PER_HOUR);
  put_meeting("carol", MIDNIGHT, MIDNIGHT + MS_PER_HOUR);
  imp_node_turn(w.node, w.now);
  assert_int_equal(stats().shown, 1);
  assert_int_equal(stats().waiting, 1);
  run();
  assert_int_equal(stats().shown, 2);
  (void)client_expect(bob, "presence", "In a meeting");
  (void)client_expect(bob, "presence", "In a meeting");
}

static void nothing_is_left_of_who_was_never_seen(void **state) {
  imp_source call = {.size = sizeof(call), .kind = IMP_SOURCE_PHONE, .state = IMP_PRESENCE_CALL, .expires = MIDNIGHT + 60000};
  char user[32];
  (void)state;
  unit_skip_alloc_fail();
  open_world();
  for (size_t i = 0; i < 200; i++) {
    snprintf(user, sizeof(user), "user%zu", i);
    assert_int_equal(imp_status_put(w.node, user, &call), IMP_OK);
  }
  run();
  assert_int_equal(stats().users, 200);
  wait_for(MINUTE);
  assert_int_equal(stats().users, 0);
  assert_int_equal(stats().shown, 0);
}

/* ---- starts again ---- */

static imp_settings durable;
static imp_sm_settings sm;

static char alone[200];

static imp_verdict on_shown(imp_event *event, void *ctx) {
  (void)ctx;
  if (event->session == NULL) {
    snprintf(alone, sizeof(alone), "%s %s", imp_jid_full(event->stanza->from), event->stanza->type == IMP_TYPE_NONE ? "here" : "gone");
  }
  return IMP_CONTINUE;
}

static void start_durable(void) {
  world_renew(&w, &durable);
  alone[0] = '\0';
  assert_int_equal(imp_node_hook(w.node, IMP_POINT_PRESENCE_SHOWN, 99, on_shown, NULL), IMP_OK);
  assert_int_equal(imp_node_set_store(w.node, crash_store_vtable(), store), IMP_OK);
  assert_int_equal(imp_status_get_calendar(w.node, &cal), IMP_OK);
  run();
  assert_true(imp_node_is_ready(w.node));
}

static char activity[400];

static void on_item(imp_node *node, int status, const imp_stanza *st, void *user_data) {
  char *text = st != NULL ? imp_stanza_to_text(st, NULL) : NULL;
  (void)node;
  (void)status;
  (void)user_data;
  snprintf(activity, sizeof(activity), "%s", text != NULL ? text : "");
  imp_free(text);
}

static const char *published(void) {
  activity[0] = '\0';
  assert_int_equal(imp_pep_get(w.node, "alice", IMP_NS_ACTIVITY, NULL, on_item, NULL), IMP_OK);
  run();
  return strstr(activity, "in_a_meeting") != NULL ? "meeting" : strstr(activity, "<activity") != NULL ? "none" : "never";
}

static void open_durable(void) {
  open_world();
  imp_node_del(w.node);
  w.node = NULL;
  store = crash_store_new();
  assert_non_null(store);
  imp_sm_settings_default(&sm, sizeof(sm));
  imp_settings_default(&durable, sizeof(durable));
  durable.durable = 1;
  durable.sm = &sm;
  start_durable();
  assert_int_equal(imp_roster_subscribe(w.node, "alice", "bob", NULL, NULL), IMP_OK);
}

static void restart(void) {
  for (size_t i = 0; i < CLIENTS_MAX; i++) {
    if (c[i].w != NULL) {
      client_free(&c[i]);
      memset(&c[i], 0, sizeof(c[i]));
    }
  }
  imp_node_del(w.node);
  w.node = NULL;
  start_durable();
}

static void a_session_is_back_and_its_meeting_too(void **state) {
  (void)state;
  open_durable();
  client *bob = login(1, "bob", 0);
  login(0, "alice", 1);
  put_meeting("alice", MIDNIGHT, MIDNIGHT + MS_PER_HOUR);
  run();
  assert_string_equal(seen(bob), "In a meeting until 01:00, from calendar");
  assert_string_equal(published(), "meeting");
  restart();
  bob = login(1, "bob", 0);
  assert_string_equal(seen(bob), ""); /* nobody said anything yet */
  assert_string_equal(published(), "none");
  put_meeting("alice", MIDNIGHT, MIDNIGHT + MS_PER_HOUR);
  run();
  assert_string_equal(seen(bob), "In a meeting until 01:00, from calendar");
  assert_string_equal(published(), "meeting");
}

static void a_session_is_back_and_its_meeting_is_over(void **state) {
  (void)state;
  open_durable();
  login(0, "alice", 1);
  client *bob = login(1, "bob", 1);
  put_meeting("alice", MIDNIGHT, MIDNIGHT + MS_PER_HOUR);
  run();
  assert_string_equal(seen(bob), "In a meeting until 01:00, from calendar");
  restart();
  put_meeting("alice", MIDNIGHT + 5 * MS_PER_HOUR, MIDNIGHT + 6 * MS_PER_HOUR);
  run();
  assert_true(stats().shown >= 1); /* Bob's hibernating session has been told that she is free */
  assert_int_equal(stats().users, 0);
}

static void show_calendars(void) {
  imp_presence_settings presence;
  imp_status_settings s;
  imp_status_settings_default(&s, sizeof(s));
  imp_presence_settings_default(&presence, sizeof(presence));
  presence.without_client = 1u << IMP_SOURCE_CALENDAR;
  s.presence = &presence;
  s.text = IMP_STATUS_TEXT_NEVER;
  assert_int_equal(imp_status_set_settings(w.node, &s, NULL, NULL), IMP_OK);
}

static void who_had_no_client_is_gone(void **state) {
  (void)state;
  open_durable();
  show_calendars();
  put_meeting("alice", MIDNIGHT, MIDNIGHT + MS_PER_HOUR);
  run();
  assert_string_equal(alone, "alice@im.example/status here");
  restart();
  assert_string_equal(alone, "alice@im.example/status gone");
  assert_int_equal(stats().users, 0);
  show_calendars();
  put_meeting("alice", MIDNIGHT, MIDNIGHT + MS_PER_HOUR);
  run();
  assert_string_equal(alone, "alice@im.example/status here");
  wait_for(HOUR);
  assert_string_equal(alone, "alice@im.example/status gone");
  restart();
  assert_string_equal(alone, "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_gateway_fails),
      cmocka_unit_test(summer_begins),
      cmocka_unit_test(summer_ends),
      cmocka_unit_test(many_meetings_at_once),
      cmocka_unit_test(stanzas_are_counted),
      cmocka_unit_test(nothing_is_left_of_who_was_never_seen),
      cmocka_unit_test(a_session_is_back_and_its_meeting_too),
      cmocka_unit_test(a_session_is_back_and_its_meeting_is_over),
      cmocka_unit_test(who_had_no_client_is_gone),
  };
  return unit_run("status_gateway", tests);
}
