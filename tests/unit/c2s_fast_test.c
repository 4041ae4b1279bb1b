/* FAST (XEP-0484) through the node: a token is asked for, used, replaced; and what does not open the door. */
#include "alloc_fail.h"
#include "core/codec.h"
#include "crash_store.h"
#include "core/mem.h"
#include "node/node.h"
#include "sasl/crypto.h"
#include "slow_store.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

#define DAY (86400 * IMP_SECONDS)
#define PHONE "d4565fa7-4d72-4749-b3d3-740edbf87770"
#define DESK "11111111-4d72-4749-b3d3-740edbf87770"
#define NONE "HT-SHA-256-NONE"
#define EXPR "HT-SHA-256-EXPR"
#define EXPORTER "the exporter's thirty-two bytes!"

static world w;
static client c[2];
static crash_store *disk;
static slow_store *slow;
static imp_settings settings;
static char token[64]; /* the last that came, "" if none did */

static void stop_node(void) {
  for (size_t i = 0; i < 2; i++) {
    if (c[i].w != NULL) {
      client_free(&c[i]);
      memset(&c[i], 0, sizeof(c[i]));
    }
  }
  crash_store_crash(disk);
  imp_node_del(w.node);
  w.node = NULL;
  slow_store_del(slow);
  slow = NULL;
  crash_store_revive(disk);
}

static void close_all(void *unused) {
  (void)unused;
  stop_node();
  world_close(&w);
  crash_store_del(disk);
  disk = NULL;
}

static void give_store(void) {
  assert_int_equal(imp_node_set_store(w.node, crash_store_vtable(), disk), IMP_OK);
  world_run(&w, c, 0);
}

static void open_world(void) {
  memset(c, 0, sizeof(c));
  memset(&w, 0, sizeof(w));
  token[0] = '\0';
  imp_settings_default(&settings, sizeof(settings));
  settings.op_timeout = 5;
  disk = crash_store_new();
  unit_own(close_all, &w);
  world_open(&w, &settings, 1);
  give_store();
}

static void kill_and_start(void) {
  stop_node();
  world_renew(&w, &settings);
  give_store();
}

static void run(void) { world_run(&w, c, 2); }

/* A new connection, encrypted by the host. */
static client *connect_to(size_t i, const char *user) {
  static const imp_channel_binding binding = {.size = sizeof(binding), .tls_exporter = EXPORTER,
                                              .tls_exporter_len = sizeof(EXPORTER) - 1};
  imp_conn_params params = {.size = sizeof(params), .role = IMP_ROLE_C2S, .peer = "192.0.2.1", .secure = 1,
                            .binding = &binding, .user_data = &c[i]};
  if (c[i].w != NULL) {
    client_free(&c[i]);
  }
  client_init(&c[i], &w, user, "r");
  assert_int_equal(imp_node_accept(w.node, &c[i].conn, &params, w.now), IMP_OK);
  client_send(&c[i], "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='" WORLD_DOMAIN
                     "' version='1.0'>");
  run();
  (void)client_expect(&c[i], "features", "<fast xmlns='urn:xmpp:fast:0'>");
  return &c[i];
}

static void authenticate(client *a, const char *mechanism, const void *response, size_t len, const char *agent,
                         const char *more) {
  char b64[300], xml[1200];
  (void)imp_base64_encode(b64, response, len);
  snprintf(xml, sizeof(xml),
           "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='%s'><initial-response>%s</initial-response>"
           "<user-agent id='%s'><software>test</software></user-agent>%s</authenticate>",
           mechanism, b64, agent, more);
  client_send(a, xml);
}

/* "NAME NUL HMAC(token, Initiator binding)" */
static void offer_token(client *a, const char *mechanism, const char *secret, const char *agent, const char *fast) {
  static const char text[] = "Initiator" EXPORTER;
  char response[64 + 32];
  size_t namelen = strlen(a->user) + 1, textlen = strcmp(mechanism, NONE) == 0 ? 9 : sizeof(text) - 1;
  memcpy(response, a->user, namelen);
  assert_int_equal(imp_digest_hmac(imp_digest_by_name("SHA-256", 7), secret, strlen(secret), text, textlen,
                                   (uint8_t *)response + namelen), IMP_OK);
  authenticate(a, mechanism, response, namelen + 32, agent, fast);
}

/* The server knows the token too: "Responder". */
static void check_responder(const imp_stanza *success, const char *mechanism, const char *secret) {
  static const char text[] = "Responder" EXPORTER;
  uint8_t digest[32];
  char b64[48];
  const imp_elem *data = imp_elem_child(imp_stanza_root(success), "additional-data", "urn:xmpp:sasl:2");
  assert_non_null(data);
  assert_int_equal(imp_digest_hmac(imp_digest_by_name("SHA-256", 7), secret, strlen(secret), text,
                                   strcmp(mechanism, NONE) == 0 ? 9 : sizeof(text) - 1, digest), IMP_OK);
  (void)imp_base64_encode(b64, digest, sizeof(digest));
  assert_string_equal(imp_elem_text(data, NULL), b64);
}

static const imp_stanza *let_in(client *a) {
  const imp_stanza *st;
  run();
  st = client_expect(a, "success", NULL);
  const imp_elem *t = imp_elem_child(imp_stanza_root(st), "token", "urn:xmpp:fast:0");
  snprintf(token, sizeof(token), "%s", t != NULL ? imp_elem_attr(t, "token") : "");
  assert_int_equal(t != NULL, t != NULL && imp_elem_attr(t, "expiry") != NULL);
  return st;
}

/* Password and <request-token/>: the token is in `token`. */
static void obtain(const char *user, const char *agent, const char *mechanism) {
  char response[64], more[100];
  int len = snprintf(response, sizeof(response), "%c%s%cpass", 0, user, 0);
  client *a = connect_to(0, user);
  snprintf(more, sizeof(more), "<request-token xmlns='urn:xmpp:fast:0' mechanism='%s'/>", mechanism);
  authenticate(a, "PLAIN", response, (size_t)len, agent, more);
  (void)let_in(a);
  assert_string_not_equal(token, "");
}

#define FAST "<fast xmlns='urn:xmpp:fast:0'/>"

/* Logs in by a token, on a connection of its own. */
static void use(const char *user, const char *mechanism, const char *secret, const char *fast) {
  client *a = connect_to(0, user);
  offer_token(a, mechanism, secret, PHONE, fast);
  check_responder(let_in(a), mechanism, secret);
}

static void refused(const char *user, const char *mechanism, const char *secret, const char *agent, const char *fast,
                    const char *condition) {
  client *a = connect_to(0, user);
  offer_token(a, mechanism, secret, agent, fast);
  run();
  (void)client_expect(a, "failure", condition);
}

static void a_token_opens_the_door(void **state) {
  (void)state;
  char mine[64];
  open_world();
  obtain("alice", PHONE, NONE);
  snprintf(mine, sizeof(mine), "%s", token);
  use("alice", NONE, mine, FAST);
  assert_string_equal(token, ""); /* it is young: no other in its place */
  client *a = connect_to(0, "alice");
  offer_token(a, NONE, mine, PHONE, FAST "<bind xmlns='urn:xmpp:bind:0'><tag>t</tag><enable xmlns='urn:xmpp:sm:3' resume='true'/></bind>");
  (void)let_in(a);
  assert_non_null(imp_conn_get_jid(a->conn));
  client_send(a, "<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>");
  run();
  (void)client_expect(a, "iq", "id='p'");
  kill_and_start();
  use("alice", NONE, mine, FAST);
}

static void a_token_is_bound_to_its_channel(void **state) {
  (void)state;
  char mine[64];
  open_world();
  obtain("alice", PHONE, EXPR);
  snprintf(mine, sizeof(mine), "%s", token);
  use("alice", EXPR, mine, FAST);
  refused("alice", NONE, mine, PHONE, FAST, "not-authorized"); /* made for another mechanism */
}

static void what_does_not_open_it(void **state) {
  (void)state;
  char alices[64];
  imp_stats stats;
  open_world();
  obtain("alice", PHONE, NONE);
  snprintf(alices, sizeof(alices), "%s", token);
  obtain("bob", PHONE, NONE);
  refused("alice", NONE, token, PHONE, FAST, "not-authorized"); /* bob's */
  refused("alice", NONE, "guess", PHONE, FAST, "not-authorized");
  refused("alice", NONE, alices, DESK, FAST, "not-authorized"); /* another client's */
  refused("alice", NONE, alices, "", FAST, "not-authorized");   /* nobody's */
  imp_node_stats(w.node, &stats, sizeof(stats));
  assert_int_equal(stats.login_failures, 4);
  refused("alice", NONE, alices, PHONE, "", "malformed-request"); /* without <fast/> */
  client *a = connect_to(0, "alice");
  client_send(a, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='" NONE "'>YQBi</auth>");
  run();
  (void)client_expect(a, "failure", "invalid-mechanism"); /* not in the old profile */
  use("alice", NONE, alices, FAST); /* which hurt nobody */
}

static void a_count_is_good_once(void **state) {
  (void)state;
  char mine[64];
  open_world();
  obtain("alice", PHONE, NONE);
  snprintf(mine, sizeof(mine), "%s", token);
  use("alice", NONE, mine, "<fast xmlns='urn:xmpp:fast:0' count='5'/>");
  refused("alice", NONE, mine, PHONE, "<fast xmlns='urn:xmpp:fast:0' count='5'/>", "not-authorized");
  refused("alice", NONE, mine, PHONE, "<fast xmlns='urn:xmpp:fast:0' count='4'/>", "not-authorized");
  refused("alice", NONE, mine, PHONE, "<fast xmlns='urn:xmpp:fast:0' count='x'/>", NULL);
  kill_and_start();
  refused("alice", NONE, mine, PHONE, "<fast xmlns='urn:xmpp:fast:0' count='5'/>", "not-authorized");
  use("alice", NONE, mine, "<fast xmlns='urn:xmpp:fast:0' count='6'/>");
}

/* Both ask the store before either has an answer. */
static void a_count_is_good_once_at_the_same_time_too(void **state) {
  (void)state;
  char mine[64];
  open_world();
  obtain("alice", PHONE, NONE);
  snprintf(mine, sizeof(mine), "%s", token);
  slow = slow_store_new(crash_store_vtable(), disk);
  w.node->store = slow_store_vtable(slow);
  w.node->store_ctx = slow;
  client *one = connect_to(0, "alice"), *two = connect_to(1, "alice");
  offer_token(one, NONE, mine, PHONE, "<fast xmlns='urn:xmpp:fast:0' count='1'/>");
  offer_token(two, NONE, mine, PHONE, "<fast xmlns='urn:xmpp:fast:0' count='1'/>");
  run();
  assert_int_equal(slow_store_answer(slow), 2);
  run();
  (void)client_expect(one, "success", NULL);
  while (slow_store_answer(slow) > 0) {
    run();
  }
  (void)client_expect(two, "failure", "not-authorized");
}

/* A client that is told that its token is wrong throws it away. */
static void a_store_that_says_nothing(void **state) {
  (void)state;
  char mine[64];
  imp_stats stats;
  open_world();
  obtain("alice", PHONE, NONE);
  snprintf(mine, sizeof(mine), "%s", token);
  slow = slow_store_new(crash_store_vtable(), disk);
  w.node->store = slow_store_vtable(slow);
  w.node->store_ctx = slow;
  world_wait(&w, c, 2, 60 * IMP_SECONDS);
  client *a = connect_to(0, "alice");
  offer_token(a, NONE, mine, PHONE, FAST);
  run();
  world_wait(&w, c, 2, 6 * IMP_SECONDS);
  (void)client_expect(a, "failure", "temporary-auth-failure");
  imp_node_stats(w.node, &stats, sizeof(stats));
  assert_int_equal(stats.ops_pending, 1);
  offer_token(a, NONE, mine, PHONE, FAST);
  run();
  assert_int_equal(slow_store_answer(slow), 2);
  check_responder(let_in(a), NONE, mine);
}

static void tokens_rotate(void **state) {
  (void)state;
  char first[64], second[64];
  open_world();
  obtain("alice", PHONE, NONE);
  snprintf(first, sizeof(first), "%s", token);
  use("alice", NONE, first, "<fast xmlns='urn:xmpp:fast:0' count='7'/>");
  world_wait(&w, c, 2, DAY);
  use("alice", NONE, first, "<fast xmlns='urn:xmpp:fast:0' count='8'/>");
  snprintf(second, sizeof(second), "%s", token);
  assert_string_not_equal(second, "");
  assert_string_not_equal(second, first);
  use("alice", NONE, first, "<fast xmlns='urn:xmpp:fast:0' count='9'/>"); /* as if the new one had got lost */
  assert_string_not_equal(token, second);
  refused("alice", NONE, second, PHONE, FAST, "not-authorized"); /* it has a successor */
  snprintf(second, sizeof(second), "%s", token);
  use("alice", NONE, second, "<fast xmlns='urn:xmpp:fast:0' count='1'/>"); /* counts begin anew */
  refused("alice", NONE, first, PHONE, "<fast xmlns='urn:xmpp:fast:0' count='10'/>", "not-authorized");
  world_wait(&w, c, 2, 22 * DAY);
  refused("alice", NONE, second, PHONE, FAST, "credentials-expired");
}

static void tokens_end(void **state) {
  (void)state;
  char mine[64];
  open_world();
  obtain("alice", PHONE, NONE);
  snprintf(mine, sizeof(mine), "%s", token);
  use("alice", NONE, mine, "<fast xmlns='urn:xmpp:fast:0' invalidate='true'/>");
  refused("alice", NONE, mine, PHONE, FAST, "not-authorized");
  obtain("alice", PHONE, NONE);
  snprintf(mine, sizeof(mine), "%s", token);
  assert_int_equal(imp_node_account_del(w.node, "alice", NULL, NULL), IMP_OK);
  run();
  refused("alice", NONE, mine, PHONE, FAST, "not-authorized");
}

static void tokens_can_be_off(void **state) {
  (void)state;
  open_world();
  stop_node();
  settings.fast = 0;
  world_renew(&w, &settings);
  give_store();
  client_init(&c[0], &w, "alice", "r");
  client_connect(&c[0]);
  run();
  char *text = imp_stanza_to_text(client_expect(&c[0], "features", NULL), NULL);
  assert_non_null(text);
  int offered = strstr(text, "fast") != NULL;
  imp_free(text);
  assert_false(offered);
  client_send(&c[0], "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>AGFsaWNlAHBhc3M=</initial-response>"
                     "<user-agent id='" PHONE "'/><request-token xmlns='urn:xmpp:fast:0' mechanism='" NONE "'/></authenticate>");
  (void)let_in(&c[0]);
  assert_string_equal(token, "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_token_opens_the_door),
      cmocka_unit_test(a_token_is_bound_to_its_channel),
      cmocka_unit_test(what_does_not_open_it),
      cmocka_unit_test(a_count_is_good_once),
      cmocka_unit_test(a_count_is_good_once_at_the_same_time_too),
      cmocka_unit_test(a_store_that_says_nothing),
      cmocka_unit_test(tokens_rotate),
      cmocka_unit_test(tokens_end),
      cmocka_unit_test(tokens_can_be_off),
  };
  return unit_run("c2s_fast", tests);
}
