/* Settings outside their ranges are refused, and the text says which, what and why. */
#include "alloc_fail.h"

#include <stdlib.h>
#include <string.h>

#include "node/node.h"

typedef struct wrong {
  size_t offset;
  uint32_t value;
  const char *text;
} wrong;

#define WRONG(member, value, text) {offsetof(imp_settings, member), value, text}

static void own_node(void *node) { imp_node_del(*(imp_node **)node); }

static void each_has_its_range(void **state) {
  static const wrong cases[] = {
      WRONG(scram_iterations, 4095, "setting scram_iterations 4095: must be 4096 to 10000000"),
      WRONG(conflict, 3, "setting conflict 3: must be 0 to 2"),
      WRONG(durable, 2, "setting durable 2: must be 0 to 1"),
      WRONG(max_stanza_bytes, 9999, "setting max_stanza_bytes 9999: must be 10000 to 16777216"),
      WRONG(preauth_timeout, 0, "setting preauth_timeout 0: must be 1 to 300"),
      WRONG(auth_attempts, 21, "setting auth_attempts 21: must be 1 to 20"),
      WRONG(max_sessions_per_user, 0, "setting max_sessions_per_user 0: must be 1 to 1000"),
      WRONG(offline_max, 1000001, "setting offline_max 1000001: must be 0 to 1000000"),
      WRONG(op_timeout, 601, "setting op_timeout 601: must be 1 to 600"),
      WRONG(xml_contexts, 1, "setting xml_contexts 1: must be 2 to 4096"),
  };
  (void)state;
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    static imp_node *node;
    imp_settings settings;
    imp_settings_default(&settings, sizeof(settings));
    settings.domain = "im.example";
    memcpy((char *)&settings + cases[i].offset, &cases[i].value, sizeof(cases[i].value));
    int rv = imp_node_new(&node, &settings, NULL, NULL);
    if (!unit_alloc_failed()) {
      assert_int_equal(rv, IMP_ERR_RANGE);
      assert_string_equal(imp_node_new_error(), cases[i].text);
    }
  }
}

static int refused_with(imp_settings *settings, const char *text) {
  static imp_node *node;
  return imp_node_new(&node, settings, NULL, NULL) < 0 && strstr(imp_node_new_error(), text) != NULL;
}

static void names_and_stream_management(void **state) {
  imp_settings settings;
  imp_sm_settings sm;
  (void)state;
  imp_settings_default(&settings, sizeof(settings));
  assert_true(refused_with(&settings, "setting domain: required"));
  settings.domain = "a b@c";
  assert_true(refused_with(&settings, "setting domain \"a b@c\": no domain"));
  settings.domain = "user@im.example";
  assert_true(refused_with(&settings, "no domain"));
  settings.domain = "im.example";
  settings.node_name = "not this";
  assert_true(refused_with(&settings, "setting node_name \"not this\""));
  settings.node_name = "012345678901234567890123456789012";
  assert_true(refused_with(&settings, "at most 32"));
  settings.node_name = "n1";
  settings.sm_location = "not here";
  assert_true(refused_with(&settings, "setting sm_location"));
  settings.sm_location = "[2001:db8::1]:5222";
  imp_sm_settings_default(&sm, sizeof(sm));
  sm.timeout = 29;
  settings.sm = &sm;
  assert_true(refused_with(&settings, "29"));
  settings.size = 0;
  assert_true(refused_with(&settings, "size is not set"));
}

static void a_node_and_its_calls(void **state) {
  static imp_node *node;
  imp_settings settings;
  imp_sm_settings sm;
  (void)state;
  imp_settings_default(&settings, sizeof(settings));
  settings.domain = "im.example";
  node = NULL;
  unit_own(own_node, &node);
  assert_int_equal(imp_node_new(&node, &settings, NULL, NULL), IMP_OK);
  imp_sm_settings_default(&sm, sizeof(sm));
  sm.buffer_packets = 151;
  assert_int_equal(imp_node_set_sm(node, &sm), IMP_ERR_RANGE);
  assert_non_null(strstr(imp_node_last_error(node), "151"));
  assert_int_equal(imp_node_set_log_level(node, IMP_LOG_TRACE), IMP_OK);
  assert_int_equal(imp_node_set_log_level(node, (imp_log_level)(IMP_LOG_TRACE + 1)), IMP_ERR_RANGE);
  assert_non_null(strstr(imp_node_last_error(node), "log level 5"));
  assert_int_equal(imp_node_end_session(node, "bob@im.example/none", NULL), IMP_ERR_NOT_FOUND);
  assert_int_equal(imp_node_handle_jid(node, "a@other.example", NULL, NULL), IMP_ERR_INVALID_ARGUMENT);
  assert_int_equal(imp_node_handle_jid(node, "echo@im.example", NULL, NULL), IMP_ERR_NOT_FOUND);
  assert_int_equal(imp_node_handle_iq(node, "urn:x", NULL, NULL), IMP_ERR_NOT_FOUND);
  assert_int_equal(imp_node_account_set(node, "bob", "", NULL, NULL), IMP_ERR_INVALID_ARGUMENT);
  assert_int_equal(imp_node_account_set(node, "", "x", NULL, NULL), IMP_ERR_MALFORMED);
  assert_int_equal(imp_node_set_store(node, NULL, NULL), IMP_ERR_INVALID_ARGUMENT);
  assert_int_equal(imp_node_set_tls(node, NULL, NULL, NULL), IMP_ERR_INVALID_ARGUMENT);
}

static void own_stanza(void *st) { imp_stanza_del(*(imp_stanza **)st); }

static void what_a_host_nests_too_deeply_is_not_sent(void **state) {
  static imp_node *node;
  static imp_stanza *st;
  imp_settings settings;
  imp_elem *elem;
  imp_jid *to;
  imp_stats stats;
  (void)state;
  unit_skip_alloc_fail();
  imp_settings_default(&settings, sizeof(settings));
  settings.domain = "im.example";
  node = NULL;
  st = NULL;
  unit_own(own_node, &node);
  unit_own(own_stanza, &st);
  assert_int_equal(imp_node_new(&node, &settings, NULL, NULL), IMP_OK);
  assert_int_equal(imp_stanza_new(&st, "message", NULL), IMP_OK);
  assert_int_equal(imp_jid_new(&to, "bob@im.example", 14), IMP_OK);
  imp_stanza_set_to(st, to);
  imp_jid_del(to);
  elem = imp_stanza_edit(st);
  for (int i = 0; i < 100000; i++) {
    elem = imp_elem_add(st, elem, "x", "urn:x");
  }
  assert_int_equal(imp_node_send(node, st), IMP_ERR_NOMEM);
  assert_non_null(strstr(imp_node_last_error(node), "nested too deeply"));
  imp_node_stats(node, &stats, sizeof(stats));
  assert_int_equal(stats.ledger.accepted, 0);
}

/* As it is when the library was built without the room c2s. */
static void nobody_to_speak_to_connections(void **state) {
  static imp_node *node;
  imp_conn_params params = {.size = sizeof(params), .role = IMP_ROLE_C2S};
  imp_settings settings;
  imp_conn *conn = NULL;
  (void)state;
  imp_settings_default(&settings, sizeof(settings));
  settings.domain = "im.example";
  node = NULL;
  unit_own(own_node, &node);
  assert_int_equal(imp_node_new(&node, &settings, NULL, NULL), IMP_OK);
  node->env.events = NULL;
  assert_int_equal(imp_node_accept(node, &conn, &params, 1), IMP_ERR_STATE);
  assert_null(conn);
  assert_non_null(strstr(imp_node_last_error(node), "without the room c2s"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_has_its_range),
      cmocka_unit_test(names_and_stream_management),
      cmocka_unit_test(a_node_and_its_calls),
      cmocka_unit_test(what_a_host_nests_too_deeply_is_not_sent),
      cmocka_unit_test(nobody_to_speak_to_connections),
  };
  return unit_run("node_settings", tests);
}
