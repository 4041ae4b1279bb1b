/*
 * What contacts see of users whose calendars, telephones and overrides the node knows.
 *
 * rooms: c2s im roster
 */
#include "alloc_fail.h"
#include "world.h"

#include <imp/status.h>
#include <stdio.h>
#include <string.h>

#include "node/node.h"

#define MINUTE (60 * IMP_SECONDS)
#define MS_PER_MINUTE 60000u
#define MIDNIGHT 1767225600000u /* 2026-01-01T00:00Z, when worlds begin */

enum { CLIENTS = 4 };
static world w;
static client c[CLIENTS];
static imp_calendar *cal;
static char published[400];

static void close_all(void *unused) {
  (void)unused;
  for (size_t i = 0; i < CLIENTS; i++) {
    if (c[i].w != NULL) {
      client_free(&c[i]);
      memset(&c[i], 0, sizeof(c[i]));
    }
  }
  world_close(&w);
}

static void run(void) { world_run(&w, c, CLIENTS); }
static void wait_for(imp_tstamp dt) { world_wait(&w, c, CLIENTS, dt); }
static imp_wallclock at(unsigned hour, unsigned minute) { return MIDNIGHT + (hour * 60 + minute) * (imp_wallclock)MS_PER_MINUTE; }

static imp_verdict on_publish(imp_event *event, void *ctx) {
  const imp_elem *root = imp_stanza_root(event->stanza), *of = imp_elem_first(root), *what = of != NULL ? imp_elem_first(of) : NULL;
  (void)ctx;
  assert_string_equal(event->id, IMP_NS_ACTIVITY);
  assert_true(imp_elem_is(root, "activity", IMP_NS_ACTIVITY));
  snprintf(published, sizeof(published), "%s %s", imp_jid_full(event->to), what != NULL ? imp_elem_name(what) : "none");
  return IMP_HANDLED;
}

static void open_world(void) {
  memset(c, 0, sizeof(c));
  memset(&w, 0, sizeof(w));
  published[0] = '\0';
  unit_own(close_all, &w);
  world_open(&w, NULL, 1);
  assert_int_equal(imp_status_get_calendar(w.node, &cal), IMP_OK);
  assert_int_equal(imp_node_hook(w.node, IMP_POINT_PUBLISH, 0, on_publish, NULL), IMP_OK);
}

static client *login(size_t i, const char *user, const char *presence) {
  client_init(&c[i], &w, user, "home");
  client_login(&c[i], 0);
  client_stanza(&c[i], presence);
  run();
  return &c[i];
}

/* Alice, who is looked at, and Bob, who looks. */
static client *alice_and_bob(const char *presence) {
  open_world();
  assert_int_equal(imp_roster_subscribe(w.node, "alice", "bob", NULL, NULL), IMP_OK);
  login(1, "bob", "<presence/>");
  login(0, "alice", presence);
  return &c[1];
}

/* The last presence from Alice that came to Bob since the last look: "type|show|status", "" if none came. */
static const char *seen(client *who) {
  static char text[500];
  imp_stanza *st;
  text[0] = '\0';
  while ((st = client_next(who)) != NULL) {
    const imp_jid *from = imp_stanza_get_from(st);
    const imp_elem *show = imp_stanza_child(st, "show", IMP_NS_CLIENT), *status = imp_stanza_child(st, "status", IMP_NS_CLIENT);
    if (imp_stanza_get_kind(st) == IMP_STANZA_PRESENCE && from != NULL && strncmp(imp_jid_full(from), "alice@", 6) == 0) {
      snprintf(text, sizeof(text), "%s|%s|%s", imp_stanza_get_type(st) == IMP_TYPE_NONE ? "here" : "gone",
               show != NULL ? imp_elem_text(show, NULL) : "", status != NULL ? imp_elem_text(status, NULL) : "");
    }
    imp_stanza_del(st);
  }
  return text;
}

static void put_meeting(const char *user, imp_wallclock start, imp_wallclock end, imp_busy_kind kind) {
  imp_busy block = {.size = sizeof(block), .start = start, .end = end, .kind = kind, .subject = "a secret"};
  assert_int_equal(imp_calendar_put(cal, user, "test", NULL, MIDNIGHT, MIDNIGHT + 86400000u, &block, 1), IMP_OK);
}

static void put(imp_source_kind kind, imp_presence_state state, const char *note, imp_wallclock until) {
  imp_source source = {.size = sizeof(source), .kind = kind, .state = state, .note = note, .until = until};
  assert_int_equal(imp_status_put(w.node, "alice", &source), IMP_OK);
  run();
}

static imp_status_stats stats(void) {
  imp_status_stats s;
  imp_status_get_stats(w.node, &s, sizeof(s));
  return s;
}

static void set(uint32_t text, const imp_presence_settings *presence) {
  imp_status_settings s;
  imp_status_settings_default(&s, sizeof(s));
  s.text = text;
  s.presence = presence;
  assert_int_equal(imp_status_set_settings(w.node, &s, NULL, NULL), IMP_OK);
  run();
}

/* ---- meetings ---- */

static void a_meeting_begins_and_ends(void **state) {
  (void)state;
  client *bob = alice_and_bob("<presence/>");
  assert_string_equal(seen(bob), "here||");
  put_meeting("alice", at(9, 0), at(10, 0), IMP_BUSY_BUSY);
  run();
  assert_string_equal(seen(bob), "");
  wait_for(9 * 60 * MINUTE - IMP_SECONDS);
  assert_string_equal(seen(bob), "");
  wait_for(IMP_SECONDS);
  assert_string_equal(seen(bob), "here||In a meeting until 10:00, from calendar");
  assert_string_equal(published, "alice@im.example in_a_meeting");
  assert_int_equal(stats().users, 1);
  wait_for(60 * MINUTE - IMP_SECONDS);
  assert_string_equal(seen(bob), "");
  wait_for(IMP_SECONDS);
  assert_string_equal(seen(bob), "here||");
  assert_string_equal(published, "alice@im.example none");
  assert_int_equal(stats().users, 0);
}

static void a_meeting_is_seen_by_who_comes_later(void **state) {
  (void)state;
  open_world();
  assert_int_equal(imp_roster_subscribe(w.node, "alice", "bob", NULL, NULL), IMP_OK);
  put_meeting("alice", at(0, 0), at(1, 0), IMP_BUSY_BUSY);
  login(0, "alice", "<presence/>");
  client *bob = login(1, "bob", "<presence/>");
  assert_string_equal(seen(bob), "here||In a meeting until 01:00, from calendar");
  client_stanza(&c[0], "<presence type='unavailable'/>");
  run();
  assert_string_equal(seen(bob), "gone||");
  client_stanza(&c[0], "<presence/>");
  run();
  assert_string_equal(seen(bob), "here||In a meeting until 01:00, from calendar");
}

static void a_meeting_grows_longer(void **state) {
  (void)state;
  client *bob = alice_and_bob("<presence/>");
  put_meeting("alice", at(0, 0), at(1, 0), IMP_BUSY_BUSY);
  run();
  assert_string_equal(seen(bob), "here||In a meeting until 01:00, from calendar");
  put_meeting("alice", at(0, 0), at(2, 0), IMP_BUSY_BUSY);
  run();
  assert_string_equal(seen(bob), "here||In a meeting until 02:00, from calendar");
  put_meeting("alice", at(0, 0), at(2, 0), IMP_BUSY_BUSY);
  run();
  assert_string_equal(seen(bob), "");
}

static void days_out_of_office(void **state) {
  (void)state;
  client *bob = alice_and_bob("<presence><show>away</show></presence>");
  put_meeting("alice", at(0, 0), at(12, 0), IMP_BUSY_OOF);
  run();
  assert_string_equal(seen(bob), "here|xa|Out of office until 12:00, from calendar");
  assert_string_equal(published, "alice@im.example on_vacation");
}

static void the_clock_is_set(void **state) {
  (void)state;
  client *bob = alice_and_bob("<presence/>");
  put_meeting("alice", at(9, 0), at(10, 0), IMP_BUSY_BUSY);
  run();
  w.wall = at(9, 30);
  run();
  assert_string_equal(seen(bob), "here||In a meeting until 10:00, from calendar");
  w.wall = at(8, 0);
  run();
  assert_string_equal(seen(bob), "here||");
  wait_for(60 * MINUTE);
  assert_string_equal(seen(bob), "here||In a meeting until 10:00, from calendar");
}

/* ---- what the client says, and what goes before it ---- */

static void words_of_the_client(void **state) {
  (void)state;
  client *bob = alice_and_bob("<presence><show>dnd</show><status>coding</status><x xmlns='x:y'/></presence>");
  put_meeting("alice", at(0, 0), at(1, 0), IMP_BUSY_BUSY);
  run();
  assert_string_equal(seen(bob), "here|dnd|coding");
  client_stanza(&c[0], "<presence><status>coding</status></presence>");
  run();
  assert_string_equal(seen(bob), "here||coding");
  set(IMP_STATUS_TEXT_ALWAYS, NULL);
  assert_string_equal(seen(bob), "here||In a meeting until 01:00, from calendar. coding");
  set(IMP_STATUS_TEXT_NEVER, NULL);
  assert_string_equal(seen(bob), "here||coding");
  client_stanza(&c[0], "<presence/>");
  run();
  assert_string_equal(seen(bob), "here||");
}

static void busy_may_be_away(void **state) {
  imp_presence_settings presence;
  (void)state;
  client *bob = alice_and_bob("<presence><show>chat</show></presence>");
  (void)seen(bob);
  put_meeting("alice", at(0, 0), at(1, 0), IMP_BUSY_BUSY);
  run();
  assert_string_equal(seen(bob), "here||In a meeting until 01:00, from calendar");
  imp_presence_settings_default(&presence, sizeof(presence));
  presence.busy_show = 1;
  presence.status_source = 0;
  set(IMP_STATUS_TEXT_IF_NONE, &presence);
  assert_string_equal(seen(bob), "here|away|In a meeting until 01:00");
  client_stanza(&c[0], "<presence><show>xa</show></presence>");
  run();
  assert_string_equal(seen(bob), "here|xa|In a meeting until 01:00");
}

static void a_call_and_a_note(void **state) {
  (void)state;
  client *bob = alice_and_bob("<presence><status>coding</status></presence>");
  put(IMP_SOURCE_OUT_OF_OFFICE, IMP_PRESENCE_OUT_OF_OFFICE, "ask Romeo", 0);
  assert_string_equal(seen(bob), "here||coding. Out of office: ask Romeo");
  client_stanza(&c[0], "<presence/>");
  run();
  assert_string_equal(seen(bob), "here||Out of office: ask Romeo");
  put(IMP_SOURCE_PHONE, IMP_PRESENCE_CALL, NULL, 0);
  assert_string_equal(seen(bob), "here||On the phone, from phone. Out of office: ask Romeo");
  assert_string_equal(published, "alice@im.example on_the_phone");
  assert_int_equal(imp_status_remove(w.node, "alice", IMP_SOURCE_PHONE, NULL), IMP_OK);
  run();
  assert_string_equal(seen(bob), "here||Out of office: ask Romeo");
  assert_int_equal(imp_status_remove(w.node, "alice", IMP_SOURCE_OUT_OF_OFFICE, NULL), IMP_OK);
  run();
  assert_string_equal(seen(bob), "here||");
  assert_int_equal(imp_status_remove(w.node, "alice", IMP_SOURCE_PHONE, NULL), IMP_ERR_NOT_FOUND);
  assert_int_equal(stats().users, 0);
}

static void an_override_ends(void **state) {
  (void)state;
  client *bob = alice_and_bob("<presence><status>coding</status></presence>");
  put(IMP_SOURCE_MANUAL, IMP_PRESENCE_DND, "not now", at(0, 30));
  assert_string_equal(seen(bob), "here|dnd|Do not disturb until 00:30, set by hand. not now");
  wait_for(30 * MINUTE - IMP_SECONDS);
  assert_string_equal(seen(bob), "");
  wait_for(IMP_SECONDS);
  assert_string_equal(seen(bob), "here||coding");
  assert_int_equal(stats().users, 0);
}

static void an_override_says_available(void **state) {
  (void)state;
  client *bob = alice_and_bob("<presence><show>away</show></presence>");
  (void)seen(bob);
  put(IMP_SOURCE_MANUAL, IMP_PRESENCE_AVAILABLE, NULL, 0);
  assert_string_equal(seen(bob), "here||");
  client_stanza(&c[0], "<presence><show>xa</show></presence>");
  run();
  assert_string_equal(seen(bob), "here||");
}

static void offline_by_hand(void **state) {
  (void)state;
  client *bob = alice_and_bob("<presence/>");
  (void)seen(bob);
  put(IMP_SOURCE_MANUAL, IMP_PRESENCE_OFFLINE, NULL, at(0, 30));
  assert_string_equal(seen(bob), "gone||");
  client_stanza(&c[0], "<presence><show>away</show></presence>");
  run();
  assert_string_equal(seen(bob), "");
  client_stanza(bob, "<presence type='probe' to='alice@im.example'/>");
  run();
  assert_int_not_equal(strncmp(seen(bob), "here", 4), 0); /* nothing, or that she is gone */
  wait_for(30 * MINUTE);
  assert_string_equal(seen(bob), "here|away|");
}

static void who_is_offline_by_hand_sees_others(void **state) {
  (void)state;
  open_world();
  assert_int_equal(imp_roster_subscribe(w.node, "alice", "bob", NULL, NULL), IMP_OK);
  put(IMP_SOURCE_MANUAL, IMP_PRESENCE_OFFLINE, NULL, 0);
  client *bob = login(1, "bob", "<presence/>");
  client *alice = login(0, "alice", "<presence/>");
  assert_string_equal(seen(bob), "");
  (void)client_expect(alice, "presence", "bob@im.example/home");
}

static void nobody_pays_who_has_clients_only(void **state) {
  (void)state;
  client *bob = alice_and_bob("<presence><show>away</show><status>out</status></presence>");
  assert_string_equal(seen(bob), "here|away|out");
  assert_int_equal(stats().users, 0);
  assert_int_equal(stats().shown, 0);
}

/* ---- without a client ---- */

static void a_calendar_without_a_client(void **state) {
  imp_presence_settings presence;
  (void)state;
  open_world();
  assert_int_equal(imp_roster_subscribe(w.node, "alice", "bob", NULL, NULL), IMP_OK);
  client *bob = login(1, "bob", "<presence/>");
  put_meeting("alice", at(0, 0), at(1, 0), IMP_BUSY_BUSY);
  run();
  assert_string_equal(seen(bob), "");
  imp_presence_settings_default(&presence, sizeof(presence));
  presence.without_client = 1u << IMP_SOURCE_CALENDAR;
  set(IMP_STATUS_TEXT_IF_NONE, &presence);
  (void)client_expect(bob, "presence", "alice@im.example/status");
  login(0, "alice", "<presence/>");
  (void)client_expect(bob, "presence", "unavailable");
  (void)client_expect(bob, "presence", "alice@im.example/home");
  client_stanza(&c[0], "<presence type='unavailable'/>");
  run();
  (void)client_expect(bob, "presence", "unavailable");
  (void)client_expect(bob, "presence", "alice@im.example/status");
  wait_for(60 * MINUTE);
  assert_string_equal(seen(bob), "gone||");
  assert_int_equal(stats().users, 0);
}

/* ---- what hosts are told ---- */

static char told[200];

static void on_changed(imp_node *node, const char *username, const imp_presence *presence, void *user_data) {
  (void)user_data;
  assert_ptr_equal(node, w.node);
  snprintf(told, sizeof(told), "%s %s %s", username, imp_presence_state_name((imp_presence_state)presence->state), presence->id);
}

static int count_source(const imp_source *source, void *user_data) {
  (void)source;
  ++*(int *)user_data;
  return 0;
}

static void hosts_are_told(void **state) {
  imp_status_settings s;
  imp_status_callbacks callbacks = {.size = sizeof(callbacks), .changed = on_changed};
  imp_presence p;
  int n = 0;
  (void)state;
  open_world();
  imp_status_settings_default(&s, sizeof(s));
  s.everybody = 1;
  assert_int_equal(imp_status_set_settings(w.node, &s, &callbacks, NULL), IMP_OK);
  login(0, "alice", "<presence><idle xmlns='urn:xmpp:idle:1' since='2025-12-31T23:00:00Z'/></presence>");
  assert_string_equal(told, "alice idle home");
  put(IMP_SOURCE_HOST, IMP_PRESENCE_BUSY, NULL, 0);
  assert_string_equal(told, "alice busy ");
  assert_int_equal(imp_status_get(w.node, "alice", &p, sizeof(p)), IMP_OK);
  assert_int_equal(p.state, IMP_PRESENCE_BUSY);
  assert_int_equal(imp_status_each_source(w.node, "alice", count_source, &n), IMP_OK);
  assert_int_equal(n, 2);
  assert_int_equal(imp_status_remove(w.node, "alice", IMP_SOURCE_HOST, ""), IMP_OK);
  client_stanza(&c[0], "<presence type='unavailable'/>");
  run();
  assert_string_equal(told, "alice offline ");
  assert_int_equal(stats().users, 0);
}

static void everybody_later(void **state) {
  imp_status_settings s;
  imp_presence p;
  (void)state;
  open_world();
  login(0, "alice", "<presence><show>away</show></presence>");
  assert_int_equal(imp_status_get(w.node, "alice", &p, sizeof(p)), IMP_OK);
  assert_int_equal(p.state, IMP_PRESENCE_AWAY);
  run();
  assert_int_equal(stats().users, 0);
  assert_int_equal(imp_status_get(w.node, "nobody", &p, sizeof(p)), IMP_OK);
  assert_int_equal(p.state, IMP_PRESENCE_OFFLINE);
  imp_status_settings_default(&s, sizeof(s));
  s.everybody = 1;
  assert_int_equal(imp_status_set_settings(w.node, &s, NULL, NULL), IMP_OK);
  run();
  assert_int_equal(stats().users, 1);
}

static void mistakes_are_named(void **state) {
  imp_status_settings s;
  imp_source ours = {.size = sizeof(ours), .kind = IMP_SOURCE_CALENDAR, .state = IMP_PRESENCE_MEETING, .id = IMP_STATUS_GATEWAYS};
  imp_source none = {.size = sizeof(none), .kind = IMP_SOURCE_PHONE, .state = 99};
  char text[200];
  (void)state;
  open_world();
  imp_status_settings_default(&s, sizeof(s));
  s.text = 3;
  assert_int_equal(imp_status_settings_check(&s, text, sizeof(text)), IMP_ERR_RANGE);
  assert_string_equal(text, "status text 3: must be 0 to 2");
  s.text = 0;
  s.users_per_turn = 0;
  assert_int_equal(imp_status_set_settings(w.node, &s, NULL, NULL), IMP_ERR_RANGE);
  assert_string_equal(imp_node_last_error(w.node), "status users_per_turn 0: must be 1 to 100000");
  s.users_per_turn = 1;
  s.resource = "";
  assert_int_equal(imp_status_settings_check(&s, NULL, 0), IMP_ERR_INVALID_ARGUMENT);
  s.resource = "x";
  s.zone = "Nowhere/At_All";
  assert_int_equal(imp_status_set_settings(w.node, &s, NULL, NULL), IMP_ERR_NOT_FOUND);
  assert_int_equal(imp_status_put(w.node, "alice", &ours), IMP_ERR_CONFLICT);
  assert_int_equal(imp_status_put(w.node, "alice", &none), IMP_ERR_INVALID_ARGUMENT);
  assert_int_equal(imp_status_put(w.node, "no user", &none), IMP_ERR_MALFORMED);
  assert_int_equal(stats().users, 0);
}

static void an_account_is_deleted(void **state) {
  (void)state;
  client *bob = alice_and_bob("<presence/>");
  put(IMP_SOURCE_MANUAL, IMP_PRESENCE_DND, NULL, 0);
  (void)seen(bob);
  assert_int_equal(imp_node_account_del(w.node, "alice", NULL, NULL), IMP_OK);
  run();
  assert_string_equal(seen(bob), "gone||");
  assert_int_equal(stats().users, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_meeting_begins_and_ends),
      cmocka_unit_test(a_meeting_is_seen_by_who_comes_later),
      cmocka_unit_test(a_meeting_grows_longer),
      cmocka_unit_test(days_out_of_office),
      cmocka_unit_test(the_clock_is_set),
      cmocka_unit_test(words_of_the_client),
      cmocka_unit_test(busy_may_be_away),
      cmocka_unit_test(a_call_and_a_note),
      cmocka_unit_test(an_override_ends),
      cmocka_unit_test(an_override_says_available),
      cmocka_unit_test(offline_by_hand),
      cmocka_unit_test(who_is_offline_by_hand_sees_others),
      cmocka_unit_test(nobody_pays_who_has_clients_only),
      cmocka_unit_test(a_calendar_without_a_client),
      cmocka_unit_test(hosts_are_told),
      cmocka_unit_test(everybody_later),
      cmocka_unit_test(mistakes_are_named),
      cmocka_unit_test(an_account_is_deleted),
  };
  return unit_run("status_show", tests);
}
