/*
 * Rosters whose reading takes its time: what comes meanwhile waits in line, sessions and accounts go, the node goes.
 *
 * rooms: c2s im
 */
#include "alloc_fail.h"
#include "slow_store.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

static world w;
static client c[4];
static imp_memory_store *memory;
static slow_store *slow;

static void close_all(void *unused) {
  (void)unused;
  for (size_t i = 0; i < 4; i++) {
    if (c[i].w != NULL) {
      client_free(&c[i]);
      memset(&c[i], 0, sizeof(c[i]));
    }
  }
  world_close(&w);
  slow_store_del(slow);
  imp_memory_store_del(memory);
  slow = NULL;
  memory = NULL;
}

static void run(void) { world_run(&w, c, 4); }

/* All that is asked, and what is asked because of the answers. */
static void answer_all(void) {
  do {
    run();
  } while (slow_store_answer(slow) > 0);
  run();
}

static void open_world(void) {
  memset(c, 0, sizeof(c));
  memset(&w, 0, sizeof(w));
  unit_own(close_all, &w);
  world_open(&w, NULL, 1);
  assert_int_equal(imp_memory_store_new(&memory), IMP_OK);
  slow = slow_store_new(imp_memory_store_vtable(), memory);
  assert_non_null(slow);
  assert_int_equal(imp_node_set_store(w.node, slow_store_vtable(slow), slow), IMP_OK);
  answer_all();
  assert_true(imp_node_is_ready(w.node));
}

static client *login(size_t i, const char *user, const char *resource) {
  client_init(&c[i], &w, user, resource);
  client_login(&c[i], 0);
  return &c[i];
}

/* Both are subscribed to each other; in the store only. */
static void introduce(void) {
  assert_int_equal(imp_roster_subscribe(w.node, "alice", "bob", NULL, NULL), IMP_OK);
  answer_all();
}

static void presence_waits_for_the_roster(void **state) {
  (void)state;
  open_world();
  introduce();
  client *bob = login(0, "bob", "b");
  client_stanza(bob, "<presence/>");
  answer_all();
  client *alice = login(1, "alice", "a");
  client_stanza(alice, "<presence><show>chat</show></presence>");
  client_stanza(alice, "<presence><show>away</show></presence>");
  client_stanza(alice, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
  run();
  (void)client_expect(bob, "presence", NULL); /* his own */
  assert_int_equal(bob->ngot, 0);
  answer_all();
  (void)client_expect(bob, "presence", "chat");
  (void)client_expect(bob, "presence", "away");
  (void)client_expect(alice, "iq", "bob@im.example");
}

static void who_goes_before_the_roster_came(void **state) {
  (void)state;
  open_world();
  introduce();
  client *bob = login(0, "bob", "b");
  client_stanza(bob, "<presence/>");
  answer_all();
  client *alice = login(1, "alice", "a");
  client_stanza(alice, "<presence/>");
  client_stanza(alice, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
  client_stanza(alice, "<presence type='subscribe' to='carol@im.example'/>");
  run();
  client_cut(alice, 0);
  answer_all();
  (void)client_expect(bob, "presence", "alice@im.example/a");
  (void)client_expect(bob, "presence", "unavailable");
  client *carol = login(2, "carol", "c");
  client_stanza(carol, "<presence/>");
  answer_all();
  (void)client_expect(carol, "presence", "subscribe");
}

static void in_the_order_in_which_it_came(void **state) {
  (void)state;
  open_world();
  client *alice = login(0, "alice", "a");
  answer_all();
  client_stanza(alice, "<presence type='subscribe' to='bob@im.example'/>");
  client_stanza(alice, "<presence type='unsubscribe' to='bob@im.example'/>");
  client_stanza(alice, "<presence type='subscribe' to='bob@im.example' id='last'/>");
  answer_all();
  client *bob = login(1, "bob", "b");
  client_stanza(bob, "<presence/>");
  answer_all();
  (void)client_expect(bob, "presence", "last");
  client_expect_nothing(bob);
}

static void deleted_while_it_is_read(void **state) {
  (void)state;
  open_world();
  introduce();
  client *bob = login(0, "bob", "b");
  client_stanza(bob, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
  answer_all();
  (void)client_expect(bob, "iq", "alice@im.example");
  client *alice = login(1, "alice", "a");
  client_stanza(alice, "<presence/>");
  run();
  assert_int_equal(imp_node_account_del(w.node, "alice", NULL, NULL), IMP_OK);
  answer_all();
  client_free(alice);
  alice = login(1, "alice", "a");
  client_stanza(alice, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
  answer_all();
  (void)client_expect(alice, "iq", "ver='0'");
  /* This store reads late: what was erased is not there any more. Who asks for her presence learns of it. */
  client_stanza(bob, "<presence/>");
  answer_all();
  (void)client_expect(bob, "presence", "unsubscribed");
  (void)client_expect(bob, "iq", "subscription='from'");
}

static void on_list(imp_node *node, int status, const imp_roster_item *items, size_t n, void *user_data) {
  (void)node;
  (void)items;
  (void)n;
  *(int *)user_data = status;
}

static void the_node_goes_meanwhile(void **state) {
  static int status;
  (void)state;
  open_world();
  introduce();
  client *bob = login(0, "bob", "b");
  client_stanza(bob, "<presence/>");
  client_stanza(bob, "<presence type='subscribe' to='carol@im.example'/>");
  run();
  status = 1;
  assert_int_equal(imp_roster_list(w.node, "alice", on_list, &status), IMP_OK);
  run();
  client_free(bob);
  memset(bob, 0, sizeof(*bob));
  imp_node_del(w.node);
  w.node = NULL;
  assert_int_equal(status, 1); /* not told */
  world_renew(&w, NULL);
}

static void probes_of_those_who_are_not_here(void **state) {
  (void)state;
  open_world();
  introduce();
  client *bob = login(0, "bob", "b");
  client_stanza(bob, "<presence/>");
  answer_all();
  client_stanza(bob, "<presence type='unavailable'><status>gone</status></presence>");
  answer_all();
  client_leave(bob);
  answer_all();
  client *alice = login(1, "alice", "a");
  client_stanza(alice, "<presence/>");
  answer_all();
  (void)client_expect(alice, "presence", "gone");
  client_stanza(alice, "<presence type='unavailable'/>");
  client_stanza(alice, "<presence/>");
  run(); /* the question is open */
  client_cut(alice, 0);
  answer_all();
  assert_null(imp_node_last_error(w.node)[0] ? imp_node_last_error(w.node) : NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(presence_waits_for_the_roster), cmocka_unit_test(who_goes_before_the_roster_came),
      cmocka_unit_test(in_the_order_in_which_it_came), cmocka_unit_test(deleted_while_it_is_read),
      cmocka_unit_test(the_node_goes_meanwhile),       cmocka_unit_test(probes_of_those_who_are_not_here),
  };
  return unit_run("roster_slow", tests);
}
