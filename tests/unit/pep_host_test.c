/*
 * What a host publishes for users, asks for, and is told; with and without memory, with a store that answers late.
 *
 * rooms: c2s im
 */
#include <imp/pep.h>
#include <stdio.h>

#include "alloc_fail.h"
#include "slow_store.h"
#include "world.h"

#define ACTIVITY "http://jabber.org/protocol/activity"
#define PAYLOAD "<activity xmlns='" ACTIVITY "'><working><in_a_meeting/></working></activity>"
#define VCARD "<vCard xmlns='vcard-temp'><FN>Alice</FN><PHOTO><TYPE>image/png</TYPE><BINVAL>aGVsbG8=</BINVAL></PHOTO></vCard>"

static world w;
static client c;
static slow_store *slow;
static imp_memory_store *memory;
static int status, told;
static char text[4096];

static void close_all(void *unused) {
  (void)unused;
  if (c.w != NULL) {
    client_free(&c);
    memset(&c, 0, sizeof(c));
  }
  world_close(&w);
  slow_store_del(slow);
  slow = NULL;
  imp_memory_store_del(memory);
  memory = NULL;
}

static void open_world(void) {
  memset(&w, 0, sizeof(w));
  memset(&c, 0, sizeof(c));
  status = 1;
  told = 0;
  text[0] = '\0';
  unit_own(close_all, &w);
  world_open(&w, NULL, 1);
}

static void login(void) {
  client_init(&c, &w, "alice", "one");
  client_login(&c, 0);
}

static void run(void) { world_run(&w, &c, c.w != NULL ? 1 : 0); }

static void on_done(imp_node *node, int result, void *user_data) {
  (void)node;
  assert_ptr_equal(user_data, &w);
  status = result;
  told++;
}

static void on_item(imp_node *node, int result, const imp_stanza *st, void *user_data) {
  char *copy = st != NULL ? imp_stanza_to_text(st, NULL) : NULL;
  on_done(node, result, user_data);
  assert_true((st != NULL) == (result == IMP_OK));
  snprintf(text, sizeof(text), "%s", copy != NULL ? copy : "");
  imp_free(copy);
}

static void publish(const char *node, const char *id, const char *payload, int expected) {
  status = 1;
  assert_int_equal(imp_pep_publish(w.node, "alice", node, id, payload, on_done, &w), IMP_OK);
  run();
  assert_int_equal(status, expected);
}

static void publishes_and_asks(void **state) {
  (void)state;
  open_world();
  publish(ACTIVITY, NULL, PAYLOAD, IMP_OK);
  assert_int_equal(imp_pep_get(w.node, "alice", ACTIVITY, NULL, on_item, &w), IMP_OK);
  run();
  assert_int_equal(status, IMP_OK);
  assert_non_null(strstr(text, "in_a_meeting"));
  assert_non_null(strstr(text, "id='current'"));
  assert_int_equal(imp_pep_retract(w.node, "alice", ACTIVITY, "current", on_done, &w), IMP_OK);
  run();
  assert_int_equal(status, IMP_OK);
  assert_int_equal(imp_pep_get(w.node, "alice", ACTIVITY, "current", on_item, &w), IMP_OK);
  run();
  assert_int_equal(status, IMP_ERR_NOT_FOUND);
  assert_int_equal(imp_pep_retract(w.node, "alice", ACTIVITY, "current", on_done, &w), IMP_OK);
  run();
  assert_int_equal(status, IMP_ERR_NOT_FOUND);
  assert_int_equal(told, 5);
}

static void client_sees_what_the_host_publishes(void **state) {
  const imp_stanza *st;
  (void)state;
  open_world();
  login();
  publish(ACTIVITY, "x", PAYLOAD, IMP_OK);
  client_send(&c, "<iq type='get' id='1'><pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='" ACTIVITY
                  "'/></pubsub></iq>");
  run();
  st = client_expect(&c, "iq", "in_a_meeting");
  assert_int_equal(imp_stanza_get_type(st), IMP_TYPE_RESULT);
}

static void refuses_what_makes_no_sense(void **state) {
  (void)state;
  open_world();
  assert_int_equal(imp_pep_publish(w.node, "a@b", ACTIVITY, NULL, PAYLOAD, on_done, &w), IMP_ERR_MALFORMED);
  assert_int_equal(imp_pep_publish(w.node, "alice", ACTIVITY, NULL, "<broken", on_done, &w), IMP_ERR_MALFORMED);
  assert_int_equal(imp_pep_publish(w.node, "alice", "", NULL, PAYLOAD, on_done, &w), IMP_ERR_INVALID_ARGUMENT);
  assert_int_equal(imp_pep_retract(w.node, "alice", ACTIVITY, NULL, on_done, &w), IMP_ERR_INVALID_ARGUMENT);
  assert_int_equal(imp_pep_get(w.node, "alice", ACTIVITY, NULL, NULL, &w), IMP_ERR_INVALID_ARGUMENT);
  assert_int_equal(imp_pep_set_vcard(w.node, "alice", "<a/>", on_done, &w), IMP_ERR_MALFORMED);
  assert_string_not_equal(imp_node_last_error(w.node), "");
  assert_int_equal(told, 0);
}

static void bounds(void **state) {
  static char big[3000];
  imp_pep_settings s;
  (void)state;
  open_world();
  imp_pep_settings_default(&s, sizeof(s));
  s.max_nodes = 0;
  assert_int_equal(imp_pep_set_settings(w.node, &s), IMP_ERR_RANGE);
  assert_non_null(strstr(imp_node_last_error(w.node), "max_nodes"));
  s.max_nodes = 2;
  s.max_item_bytes = 1024;
  s.max_bytes = 1500;
  s.vcard_bytes = 1024;
  assert_int_equal(imp_pep_set_settings(w.node, &s), IMP_OK);
  snprintf(big, sizeof(big), "<a xmlns='urn:a'>%*s</a>", 800, "x");
  publish("one", "a", big, IMP_OK);
  publish("one", "b", big, IMP_OK); /* in the place of the first */
  publish("two", "a", big, IMP_ERR_LIMIT);
  publish("two", "a", "<a xmlns='urn:a'/>", IMP_OK);
  publish("three", "a", NULL, IMP_ERR_LIMIT);
  snprintf(big, sizeof(big), "<a xmlns='urn:a'>%*s</a>", 1100, "x");
  publish("one", "b", big, IMP_ERR_TOO_BIG);
  snprintf(big, sizeof(big), "<vCard xmlns='vcard-temp'><FN>%*s</FN></vCard>", 1100, "x");
  assert_int_equal(imp_pep_set_vcard(w.node, "alice", big, on_done, &w), IMP_OK);
  run();
  assert_int_equal(status, IMP_ERR_TOO_BIG);
}

static void vcard_and_avatar(void **state) {
  (void)state;
  open_world();
  assert_int_equal(imp_pep_get_vcard(w.node, "alice", on_item, &w), IMP_OK);
  run();
  assert_int_equal(status, IMP_ERR_NOT_FOUND);
  assert_int_equal(imp_pep_set_vcard(w.node, "alice", VCARD, on_done, &w), IMP_OK);
  run();
  assert_int_equal(status, IMP_OK);
  assert_int_equal(imp_pep_get_vcard(w.node, "alice", on_item, &w), IMP_OK);
  run();
  assert_non_null(strstr(text, "<FN>Alice</FN>"));
  assert_int_equal(imp_pep_get(w.node, "alice", "urn:xmpp:avatar:metadata", NULL, on_item, &w), IMP_OK);
  run();
  assert_non_null(strstr(text, "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d")); /* SHA-1 of "hello" */
}

/* Accounts that are not in use are forgotten, and read again. */
static void many_accounts(void **state) {
  imp_pep_settings s;
  char name[16];
  int i;
  (void)state;
  open_world();
  imp_pep_settings_default(&s, sizeof(s));
  s.max_accounts = 1;
  assert_int_equal(imp_pep_set_settings(w.node, &s), IMP_OK);
  for (i = 0; i < 4; i++) {
    snprintf(name, sizeof(name), "user%d", i);
    assert_int_equal(imp_pep_publish(w.node, name, ACTIVITY, name, PAYLOAD, on_done, &w), IMP_OK);
    run();
  }
  for (i = 0; i < 4; i++) {
    snprintf(name, sizeof(name), "user%d", i);
    assert_int_equal(imp_pep_get(w.node, name, ACTIVITY, NULL, on_item, &w), IMP_OK);
    run();
    assert_int_equal(status, IMP_OK);
    assert_non_null(strstr(text, name));
  }
}

static void answer_all(void) {
  do {
    run();
  } while (slow_store_answer(slow) > 0);
  run();
}

static void store_that_is_slow(void **state) {
  (void)state;
  open_world();
  assert_int_equal(imp_memory_store_new(&memory), IMP_OK);
  slow = slow_store_new(imp_memory_store_vtable(), memory);
  assert_int_equal(imp_node_set_store(w.node, slow_store_vtable(slow), slow), IMP_OK);
  answer_all();
  assert_int_equal(imp_pep_publish(w.node, "alice", ACTIVITY, "x", PAYLOAD, on_done, &w), IMP_OK);
  assert_int_equal(imp_pep_publish(w.node, "alice", ACTIVITY, "y", PAYLOAD, on_done, &w), IMP_OK);
  run();
  assert_int_equal(told, 0);
  answer_all();
  assert_int_equal(told, 2);
  assert_int_equal(imp_pep_get(w.node, "alice", ACTIVITY, NULL, on_item, &w), IMP_OK);
  assert_int_equal(imp_node_account_del(w.node, "alice", NULL, NULL), IMP_OK); /* while it is being asked for */
  answer_all();
  assert_int_equal(told, 3);
  assert_int_equal(imp_pep_get(w.node, "bob", ACTIVITY, NULL, on_item, &w), IMP_OK);
  run(); /* the node goes while something is asked for */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(publishes_and_asks), cmocka_unit_test(client_sees_what_the_host_publishes),
      cmocka_unit_test(refuses_what_makes_no_sense), cmocka_unit_test(bounds), cmocka_unit_test(vcard_and_avatar),
      cmocka_unit_test(many_accounts), cmocka_unit_test(store_that_is_slow),
  };
  return unit_run("pep_host", tests);
}
