/*
 * What a host does with its users' rosters (imp/roster.h).
 *
 * rooms: c2s im
 */
#include "alloc_fail.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

static world w;
static client c[4];
static int done_status, done_count;

static void close_all(void *unused) {
  (void)unused;
  for (size_t i = 0; i < 4; i++) {
    if (c[i].w != NULL) {
      client_free(&c[i]);
      memset(&c[i], 0, sizeof(c[i]));
    }
  }
  imp_memory_store *store = w.store;
  world_close(&w);
  imp_memory_store_del(store);
}

static void open_world(void) {
  memset(c, 0, sizeof(c));
  memset(&w, 0, sizeof(w));
  done_status = 1;
  done_count = 0;
  unit_own(close_all, &w);
  world_open(&w, NULL, 1);
}

static void run(void) { world_run(&w, c, 4); }

static client *login(size_t i, const char *user, const char *resource) {
  client_init(&c[i], &w, user, resource);
  client_login(&c[i], 0);
  client_stanza(&c[i], "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
  client_stanza(&c[i], "<presence/>");
  run();
  return &c[i];
}

static void on_done(imp_node *node, int status, void *user_data) {
  (void)node;
  (void)user_data;
  done_status = status;
  done_count++;
}

/* The outcome of a call that was submitted; told once, perhaps already. */
static int outcome(int submitted) {
  if (submitted < 0) {
    return submitted;
  }
  run();
  if (done_count == 0) { /* a commit that failed is tried again */
    world_wait(&w, c, 4, 2 * IMP_SECONDS);
  }
  assert_int_equal(done_count, 1);
  done_count = 0;
  return done_status;
}

typedef struct listing {
  int status;
  size_t count;
  char text[1000]; /* "jid name groups subscription flags;" … */
} listing;

static void add_item(listing *l, const imp_roster_item *i) {
  size_t n = strlen(l->text), g;
  n += (size_t)snprintf(l->text + n, sizeof(l->text) - n, "%s(%s)", i->jid, i->name ? i->name : "");
  for (g = 0; g < i->ngroups; g++) {
    n += (size_t)snprintf(l->text + n, sizeof(l->text) - n, "[%s]", i->groups[g]);
  }
  snprintf(l->text + n, sizeof(l->text) - n, " %u%s%s%s%s;", (unsigned)i->subscription, i->ask ? " ask" : "",
           i->asked ? " asked" : "", i->approved ? " approved" : "", i->listed ? "" : " unlisted");
}

static void on_list(imp_node *node, int status, const imp_roster_item *items, size_t n, void *user_data) {
  listing *l = user_data;
  size_t i;
  (void)node;
  l->status = status;
  l->count = n;
  l->text[0] = '\0';
  for (i = 0; i < n; i++) {
    add_item(l, &items[i]);
  }
}

static const char *list(const char *user) {
  static listing l;
  l = (listing){.status = 1};
  if (imp_roster_list(w.node, user, on_list, &l) < 0) {
    return "";
  }
  run();
  assert_int_equal(l.status, IMP_OK);
  return l.text;
}

static void two_users_are_introduced(void **state) {
  (void)state;
  open_world();
  client *alice = login(0, "alice", "a");
  assert_int_equal(outcome(imp_roster_subscribe(w.node, "alice", "bob", on_done, NULL)), IMP_OK);
  (void)client_expect(alice, "iq", "bob@im.example");
  assert_string_equal(list("alice"), "bob@im.example() 3 approved;");
  assert_string_equal(list("bob"), "alice@im.example() 3 approved;");
  client *bob = login(1, "bob", "b");
  (void)client_expect(bob, "presence", "alice@im.example/a");
  (void)client_expect(alice, "presence", "bob@im.example/b");
  assert_int_equal(outcome(imp_roster_unsubscribe(w.node, "bob", "alice", on_done, NULL)), IMP_OK);
  (void)client_expect(alice, "presence", "unavailable");
  (void)client_expect(bob, "presence", "unavailable");
  assert_string_equal(list("alice"), "bob@im.example() 0;");
  assert_string_equal(list("bob"), "alice@im.example() 0;");
}

static void they_see_each_other_at_once(void **state) {
  (void)state;
  open_world();
  client *alice = login(0, "alice", "a"), *bob = login(1, "bob", "b");
  assert_int_equal(outcome(imp_roster_subscribe(w.node, "alice", "bob", on_done, NULL)), IMP_OK);
  (void)client_expect(bob, "presence", "alice@im.example/a");
  (void)client_expect(alice, "presence", "bob@im.example/b");
  assert_int_equal(imp_roster_subscribe(w.node, "alice", "alice", on_done, NULL), IMP_ERR_INVALID_ARGUMENT);
  assert_int_equal(imp_roster_subscribe(w.node, "", "bob", on_done, NULL), IMP_ERR_MALFORMED);
}

static void items_are_set_and_removed(void **state) {
  const char *groups[] = {"Team", "Friends"};
  imp_roster_item item = {
      .size = sizeof(item), .jid = "Carol@IM.example/x", .name = "Carol", .groups = groups, .ngroups = 2};
  (void)state;
  open_world();
  client *alice = login(0, "alice", "a");
  assert_int_equal(outcome(imp_roster_set(w.node, "alice", &item, on_done, NULL)), IMP_OK);
  (void)client_expect(alice, "iq", "Friends");
  assert_string_equal(list("alice"), "carol@im.example(Carol)[Team][Friends] 0;");
  item.name = NULL;
  item.ngroups = 0;
  assert_int_equal(outcome(imp_roster_set(w.node, "alice", &item, on_done, NULL)), IMP_OK);
  assert_string_equal(list("alice"), "carol@im.example() 0;");
  assert_int_equal(outcome(imp_roster_remove(w.node, "alice", "carol@im.example", on_done, NULL)), IMP_OK);
  (void)client_expect(alice, "iq", "remove");
  assert_int_equal(outcome(imp_roster_remove(w.node, "alice", "carol@im.example", on_done, NULL)), IMP_ERR_NOT_FOUND);
  assert_string_equal(list("alice"), "");
}

static void bounds_hold(void **state) {
  const char *same[] = {"x", "x"}, *empty[] = {""};
  imp_roster_item item = {.size = sizeof(item), .jid = "carol@im.example"};
  imp_roster_settings settings;
  (void)state;
  open_world();
  item.groups = same;
  item.ngroups = 2;
  assert_int_equal(imp_roster_set(w.node, "alice", &item, NULL, NULL), IMP_ERR_INVALID_ARGUMENT);
  item.groups = empty;
  item.ngroups = 1;
  assert_int_equal(imp_roster_set(w.node, "alice", &item, NULL, NULL), IMP_ERR_INVALID_ARGUMENT);
  item.ngroups = 0;
  item.jid = "a@b@c";
  assert_int_equal(imp_roster_set(w.node, "alice", &item, NULL, NULL), IMP_ERR_MALFORMED);
  item.jid = "alice@im.example";
  assert_int_equal(outcome(imp_roster_set(w.node, "alice", &item, on_done, NULL)), IMP_ERR_INVALID_ARGUMENT);
  imp_roster_settings_default(&settings, sizeof(settings));
  settings.max_items = 1;
  settings.max_name_bytes = 3;
  settings.max_blocked = 1;
  assert_int_equal(imp_roster_set_settings(w.node, &settings), IMP_OK);
  item.jid = "bob@im.example";
  item.name = "long";
  assert_int_equal(imp_roster_set(w.node, "alice", &item, NULL, NULL), IMP_ERR_LIMIT);
  item.name = "Bob";
  assert_int_equal(outcome(imp_roster_set(w.node, "alice", &item, on_done, NULL)), IMP_OK);
  item.jid = "dave@im.example";
  assert_int_equal(outcome(imp_roster_set(w.node, "alice", &item, on_done, NULL)), IMP_ERR_LIMIT);
  assert_int_equal(outcome(imp_roster_block(w.node, "alice", "x.example", on_done, NULL)), IMP_OK);
  assert_int_equal(outcome(imp_roster_block(w.node, "alice", "y.example", on_done, NULL)), IMP_ERR_LIMIT);
  settings.max_name_bytes = 5000;
  assert_int_equal(imp_roster_set_settings(w.node, &settings), IMP_ERR_INVALID_ARGUMENT);
  assert_non_null(strstr(imp_node_last_error(w.node), "max_name_bytes"));
}

static void many_who_ask_leave_room(void **state) {
  imp_roster_item item = {.size = sizeof(item), .jid = "bob@im.example"};
  imp_roster_settings settings;
  (void)state;
  open_world();
  imp_roster_settings_default(&settings, sizeof(settings));
  settings.max_items = 1;
  settings.max_requests = 1;
  assert_int_equal(imp_roster_set_settings(w.node, &settings), IMP_OK);
  client *carol = login(1, "carol", "c"), *dave = login(2, "dave", "d");
  client_stanza(carol, "<presence type='subscribe' to='alice@im.example'/>");
  run();
  client_stanza(dave, "<presence type='subscribe' to='alice@im.example'/>");
  run();
  assert_string_equal(list("alice"), "carol@im.example() 0 asked unlisted;");
  assert_int_equal(outcome(imp_roster_remove(w.node, "alice", "carol@im.example", on_done, NULL)), IMP_ERR_NOT_FOUND);
  assert_int_equal(outcome(imp_roster_set(w.node, "alice", &item, on_done, NULL)), IMP_OK);
  item.jid = "carol@im.example";
  assert_int_equal(outcome(imp_roster_set(w.node, "alice", &item, on_done, NULL)), IMP_ERR_LIMIT);
  assert_string_equal(list("alice"), "bob@im.example() 0;carol@im.example() 0 asked unlisted;");
}

static int count_text(const char *jid, void *user_data) {
  char *text = user_data;
  snprintf(text + strlen(text), 200 - strlen(text), "%s;", jid);
  return 0;
}

static void addresses_are_blocked(void **state) {
  char text[200] = "";
  (void)state;
  open_world();
  client *alice = login(0, "alice", "a"), *bob = login(1, "bob", "b");
  assert_int_equal(imp_roster_is_blocked(w.node, "alice", "bob@im.example"), 0);
  assert_int_equal(outcome(imp_roster_block(w.node, "alice", "bob@im.example", on_done, NULL)), IMP_OK);
  assert_int_equal(outcome(imp_roster_block(w.node, "alice", "bob@im.example", on_done, NULL)), IMP_OK);
  assert_int_equal(imp_roster_is_blocked(w.node, "alice", "bob@im.example/b"), 1);
  assert_int_equal(imp_roster_is_blocked(w.node, "bob", "alice@im.example"), 0);
  assert_int_equal(outcome(imp_roster_block(w.node, "alice", "spam.example", on_done, NULL)), IMP_OK);
  assert_int_equal(imp_roster_is_blocked(w.node, "alice", "anybody@spam.example/x"), 1);
  client_stanza(bob, "<message to='alice@im.example' id='m' type='chat'><body>x</body></message>");
  run();
  (void)client_expect(bob, "message", "service-unavailable");
  assert_int_equal(outcome(imp_roster_unblock(w.node, "alice", "bob@im.example", on_done, NULL)), IMP_OK);
  assert_int_equal(outcome(imp_roster_unblock(w.node, "alice", "bob@im.example", on_done, NULL)), IMP_ERR_NOT_FOUND);
  assert_int_equal(imp_roster_each_blocked(w.node, "alice", count_text, text), IMP_OK);
  assert_string_equal(text, "spam.example;");
  client_stanza(bob, "<message to='alice@im.example' id='n' type='chat'><body>y</body></message>");
  run();
  (void)client_expect(alice, "message", "y");
  world_check_ledger(&w);
}

/* Without the rows behind it somebody would hear again from whom he blocks. */
static void a_damaged_row_is_left_out(void **state) {
  const imp_store *store = imp_memory_store_vtable();
  (void)state;
  open_world();
  assert_int_equal(imp_memory_store_new(&w.store), IMP_OK);
  assert_int_equal(store->put(w.store, "block", "alice@im.example", "a@@", 3, "", 0), IMP_OK);
  assert_int_equal(store->put(w.store, "block", "alice@im.example", "b.example", 9, "", 0), IMP_OK);
  assert_int_equal(store->put(w.store, "block", "no@user@", "x", 1, "", 0), IMP_OK);
  assert_int_equal(store->put(w.store, "block", "zoe@im.example", "z.example", 9, "", 0), IMP_OK);
  assert_int_equal(imp_node_set_store(w.node, store, w.store), IMP_OK);
  run();
  assert_int_equal(imp_roster_is_blocked(w.node, "alice", "b.example"), 1);
  assert_int_equal(imp_roster_is_blocked(w.node, "zoe", "z.example"), 1);
}

static int note_from(const imp_stanza *presence, void *user_data) {
  return count_text(imp_jid_full(imp_stanza_get_from(presence)), user_data);
}

static void presence_is_asked_for(void **state) {
  char text[200] = "";
  (void)state;
  open_world();
  assert_int_equal(imp_roster_each_presence(w.node, "alice", note_from, text), IMP_OK);
  assert_string_equal(text, "");
  (void)login(0, "alice", "a");
  client *b = login(1, "alice", "b");
  assert_int_equal(imp_roster_each_presence(w.node, "alice", note_from, text), IMP_OK);
  assert_string_equal(text, "alice@im.example/a;alice@im.example/b;");
  client_stanza(b, "<presence type='unavailable'/>");
  run();
  text[0] = '\0';
  assert_int_equal(imp_roster_each_presence(w.node, "alice", note_from, text), IMP_OK);
  assert_string_equal(text, "alice@im.example/a;");
}

static void subscriptions_by_clients(void **state) {
  (void)state;
  open_world();
  client *alice = login(0, "alice", "a"), *bob = login(1, "bob", "b");
  client_stanza(alice, "<presence type='subscribe' to='bob@im.example'><nick xmlns='n'>A</nick></presence>");
  run();
  (void)client_expect(bob, "presence", "subscribe");
  assert_string_equal(list("alice"), "bob@im.example() 0 ask;");
  assert_string_equal(list("bob"), "alice@im.example() 0 asked unlisted;");
  client_stanza(bob, "<presence type='subscribed' to='alice@im.example'/>");
  run();
  (void)client_expect(alice, "presence", "subscribed");
  (void)client_expect(alice, "presence", "bob@im.example/b");
  client_stanza(alice, "<presence type='subscribed' to='bob@im.example'/>");
  run();
  assert_string_equal(list("alice"), "bob@im.example() 1 approved;");
  assert_string_equal(list("bob"), "alice@im.example() 2;");
  client_leave(bob);
  run();
  (void)client_expect(alice, "presence", "unavailable");
}

static void an_account_goes(void **state) {
  (void)state;
  open_world();
  client *alice = login(0, "alice", "a");
  assert_int_equal(outcome(imp_roster_subscribe(w.node, "alice", "bob", on_done, NULL)), IMP_OK);
  assert_int_equal(outcome(imp_node_account_del(w.node, "bob", on_done, NULL)), IMP_OK);
  (void)client_expect(alice, "presence", "unsubscribed");
  assert_string_equal(list("alice"), "bob@im.example() 0 approved;");
  assert_string_equal(list("bob"), "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(two_users_are_introduced),  cmocka_unit_test(they_see_each_other_at_once),
      cmocka_unit_test(items_are_set_and_removed), cmocka_unit_test(bounds_hold),
      cmocka_unit_test(addresses_are_blocked),     cmocka_unit_test(presence_is_asked_for),
      cmocka_unit_test(many_who_ask_leave_room),
      cmocka_unit_test(a_damaged_row_is_left_out),
      cmocka_unit_test(subscriptions_by_clients),  cmocka_unit_test(an_account_goes),
  };
  return unit_run("roster_api", tests);
}
