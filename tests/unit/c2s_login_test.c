/*
 * Logging in: what a client sends ahead, what happens meanwhile, who may not.
 *
 * rooms: c2s im
 */
#include "alloc_fail.h"
#include "core/codec.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

static world w;
static client c[4];
static imp_settings settings;

static void close_all(void *unused) {
  (void)unused;
  for (size_t i = 0; i < 4; i++) {
    if (c[i].w != NULL) {
      client_free(&c[i]);
      memset(&c[i], 0, sizeof(c[i]));
    }
  }
  world_close(&w);
}

static void prepare(void) {
  memset(c, 0, sizeof(c));
  memset(&w, 0, sizeof(w));
  imp_settings_default(&settings, sizeof(settings));
  unit_own(close_all, &w);
}

static void run(void) {
  world_run(&w, c, 4);
  world_check_ledger(&w);
}

static imp_stats stats(void) {
  imp_stats st;
  imp_node_stats(w.node, &st, sizeof(st));
  return st;
}

static client *connect_to(size_t i, const char *user) {
  client_init(&c[i], &w, user, "r");
  client_connect(&c[i]);
  run();
  (void)client_expect(&c[i], "features", NULL);
  return &c[i];
}

/* NUL alice NUL pass */
#define AUTH "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGFsaWNlAHBhc3M=</auth>"
#define AUTH2(more) \
  "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>AGFsaWNlAHBhc3M=</initial-response>" more \
  "</authenticate>"

static void a_stanza_ahead_of_the_success_ends_the_stream(void **state) {
  (void)state;
  prepare();
  world_open(&w, &settings, 1);
  client *a = connect_to(0, "alice");
  client_send(a, AUTH "<message to='bob@im.example'><body>x</body></message>");
  run();
  assert_true(a->closed);
  assert_int_equal(stats().connections, 0);
  assert_int_equal(stats().preauth, 0);
}

static void two_attempts_at_once_are_one_too_many(void **state) {
  (void)state;
  prepare();
  world_open(&w, &settings, 1);
  client *a = connect_to(0, "alice");
  client_send(a, AUTH AUTH "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
  run();
  assert_true(a->closed);
  assert_int_equal(stats().sessions, 0);
}

static void a_client_that_goes_while_it_is_looked_up(void **state) {
  (void)state;
  prepare();
  world_open(&w, &settings, 1);
  client *a = connect_to(0, "alice");
  client_send(a, AUTH "</stream:stream>");
  run();
  a = connect_to(1, "alice");
  client_send(a, AUTH);
  client_cut(a, 1);
  run();
  assert_int_equal(stats().connections, 0);
}

static void sasl2_may_be_followed_at_once(void **state) {
  (void)state;
  prepare();
  world_open(&w, &settings, 1);
  client *a = connect_to(0, "alice");
  client_send(a, AUTH2("<bind xmlns='urn:xmpp:bind:0'><tag>t</tag><enable xmlns='urn:xmpp:sm:3' resume='true'/></bind>")
              "<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>");
  run();
  const imp_stanza *st = client_expect(a, "success", "<enabled ");
  assert_non_null(imp_elem_child(imp_stanza_root(st), "bound", "urn:xmpp:bind:0"));
  st = client_expect(a, "features", NULL);
  assert_null(imp_elem_child(imp_stanza_root(st), "sm", "urn:xmpp:sm:3"));
  (void)client_expect(a, "iq", "id='p'");
}

static void an_account_that_is_deleted_lets_nobody_in(void **state) {
  (void)state;
  prepare();
  world_open(&w, &settings, 1);
  client *a = connect_to(0, "alice"), *b = connect_to(1, "alice");
  client_send(a, AUTH);
  run();
  (void)client_expect(a, "success", NULL); /* authenticated, not bound */
  client_send(b, AUTH2("<bind xmlns='urn:xmpp:bind:0'/>")); /* being looked up */
  assert_int_equal(imp_node_account_del(w.node, "alice", NULL, NULL), IMP_OK);
  run();
  assert_true(a->closed);
  assert_true(b->closed);
  assert_int_equal(stats().sessions, 0);
}

static int consume(imp_node *node, const imp_stanza *st, void *user_data) {
  (void)node;
  (void)st;
  ++*(int *)user_data;
  return IMP_OK;
}

static void nobody_logs_in_as_an_address_of_the_host(void **state) {
  static int n;
  (void)state;
  prepare();
  world_open(&w, &settings, 1);
  assert_int_equal(imp_node_handle_jid(w.node, "alice@im.example", consume, &n), IMP_OK);
  client *a = connect_to(0, "alice");
  client_send(a, AUTH);
  run();
  (void)client_expect(a, "failure", "not-authorized");
  client_send(a, AUTH2("<bind xmlns='urn:xmpp:bind:0'/>"));
  run();
  (void)client_expect(a, "failure", "not-authorized");
  assert_int_equal(stats().sessions, 0);
}

static void send_token(client *a, const char *token) {
  char raw[200], b64[300], xml[400];
  int len = snprintf(raw, sizeof(raw), "n,,\001auth=Bearer %s\001\001", token);
  (void)imp_base64_encode(b64, raw, (size_t)len);
  snprintf(xml, sizeof(xml), "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='OAUTHBEARER'>%s</auth>", b64);
  client_send(a, xml);
  run();
}

static void the_host_judges_tokens(void **state) {
  (void)state;
  prepare();
  settings.mechanisms |= IMP_SASL_OAUTHBEARER;
  world_open(&w, &settings, 1);
  client *a = connect_to(0, "alice");
  send_token(a, "bad");
  (void)client_expect(a, "challenge", NULL); /* RFC 7628 §3.2.3: an error that the client confirms */
  client_send(a, "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>AQ==</response>");
  run();
  (void)client_expect(a, "failure", "not-authorized");
  send_token(a, "good");
  (void)client_expect(a, "success", NULL);
  assert_int_equal(stats().logins, 1);
  assert_int_equal(stats().login_failures, 1);
}

static void too_many_attempts_end_the_stream(void **state) {
  (void)state;
  prepare();
  settings.auth_attempts = 2;
  world_open(&w, &settings, 1);
  client *a = connect_to(0, "noone");
  for (int i = 0; i < 2; i++) {
    client_send(a, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AG5vb25lAHBhc3M=</auth>");
    run();
    (void)client_expect(a, "failure", "not-authorized");
  }
  (void)client_expect(a, "error", "policy-violation");
  assert_true(a->closed);
  assert_int_equal(stats().login_failures, 2);
  assert_int_equal(stats().logins, 0);
}

static void anonymous_users_leave_nothing(void **state) {
  (void)state;
  prepare();
  settings.mechanisms |= IMP_SASL_ANONYMOUS;
  world_open(&w, &settings, 1);
  client *a = connect_to(0, "x"), *bob = &c[1];
  client_send(a, "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='ANONYMOUS'><initial-response/>"
                 "<bind xmlns='urn:xmpp:bind:0'><enable xmlns='urn:xmpp:sm:3' resume='true'/></bind></authenticate>");
  run();
  char jid[200], xml[400];
  const imp_stanza *st = client_expect(a, "success", "<enabled ");
  const imp_elem *bound = imp_elem_child(imp_stanza_root(st), "bound", "urn:xmpp:bind:0");
  assert_null(imp_elem_attr(imp_elem_child(bound, "enabled", "urn:xmpp:sm:3"), "id"));
  snprintf(jid, sizeof(jid), "%s",
           imp_elem_text(imp_elem_child(imp_stanza_root(st), "authorization-identifier", "urn:xmpp:sasl:2"), NULL));
  a->auto_ack = 0;
  client_init(bob, &w, "bob", "b");
  client_login(bob, 0);
  snprintf(xml, sizeof(xml), "<message to='%s' type='chat' id='m'><body>to nobody</body></message>", jid);
  client_stanza(bob, xml);
  run();
  client_leave(a);
  run();
  (void)client_expect(bob, "message", "service-unavailable");
  assert_int_equal(stats().ledger.now[IMP_FATE_STORED], 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_stanza_ahead_of_the_success_ends_the_stream),
      cmocka_unit_test(two_attempts_at_once_are_one_too_many),
      cmocka_unit_test(a_client_that_goes_while_it_is_looked_up),
      cmocka_unit_test(sasl2_may_be_followed_at_once),
      cmocka_unit_test(an_account_that_is_deleted_lets_nobody_in),
      cmocka_unit_test(nobody_logs_in_as_an_address_of_the_host),
      cmocka_unit_test(the_host_judges_tokens),
      cmocka_unit_test(too_many_attempts_end_the_stream),
      cmocka_unit_test(anonymous_users_leave_nothing),
  };
  return unit_run("c2s_login", tests);
}
