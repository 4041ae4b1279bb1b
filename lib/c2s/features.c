#include "c2s/login.h"

static const char sm_feature[] = "<sm xmlns='" IMP_NS_SM "'/>";

static int sm_on(const imp_node *node) { return imp_sm_manager_get(node->sm)->enabled != 0; }

/* What a stream can bind credentials to; NULL: credentials may not be sent on it. */
static const imp_channel_binding *binding_of(imp_login *login) {
  imp_conn *conn = login->conn;
  if (!imp_conn_is_secure(conn)) {
    login->binding = (imp_channel_binding){.size = sizeof(login->binding)};
    return imp_conn_allows_plaintext(conn) ? &login->binding : NULL;
  }
  if (imp_conn_channel_binding(conn, &login->binding) < 0) {
    login->binding = (imp_channel_binding){.size = sizeof(login->binding)};
  }
  return &login->binding;
}

static uint32_t allowed(const imp_login *login, uint32_t offerable) {
  size_t len;
  if (imp_conn_peer_certificate(login->conn, &len) == NULL) {
    offerable &= ~(uint32_t)IMP_SASL_EXTERNAL;
  }
  if (login->node->callbacks.check_token == NULL) {
    offerable &= ~(uint32_t)IMP_SASL_OAUTHBEARER;
  }
  return offerable;
}

static int make_exchange(imp_login *login, const imp_channel_binding *binding, uint32_t mechanisms) {
  imp_node *node = login->node;
  imp_sasl_exchange_config config = {
      .domain = node->settings.domain, .from = login->from, .max_failures = node->settings.auth_attempts};
  uint32_t ht = node->settings.fast ? mechanisms & IMP_SASL_ALL_HT : 0;
  config.params.size = sizeof(config.params);
  config.params.binding = binding;
  config.params.iterations = node->settings.scram_iterations;
  config.params.fake_key = node->fake_key;
  config.params.fake_keylen = sizeof(node->fake_key);
  config.sasl1 = mechanisms & ~(uint32_t)IMP_SASL_ALL_HT;
  config.sasl2 = imp_conn_is_secure(login->conn) || imp_conn_allows_plaintext(login->conn) ? config.sasl1 : 0;
  config.fast = ht;
  return imp_sasl_exchange_new(&login->exchange, &config);
}

static int inline_features(const imp_node *node, imp_buf *out) {
  int rv = imp_buf_append_str(out, "<bind xmlns='" IMP_NS_BIND2 "'><inline><feature var='" IMP_NS_CARBONS
                                   "'/><feature var='" IMP_NS_CSI "'/>");
  if (rv == IMP_OK && sm_on(node)) {
    rv = imp_buf_append_str(out, "<feature var='" IMP_NS_SM "'/>");
  }
  if (rv == IMP_OK) {
    rv = imp_buf_append_str(out, "</inline></bind>");
  }
  return rv == IMP_OK && sm_on(node) ? imp_buf_append_str(out, sm_feature) : rv;
}

static int write_login_features(imp_login *login, imp_buf *out) {
  const imp_channel_binding *binding = binding_of(login);
  uint32_t mechanisms = allowed(login, imp_sasl_offerable(login->node->settings.mechanisms, binding));
  imp_buf inlined;
  int rv;
  if (binding == NULL) {
    return IMP_OK;
  }
  if (login->exchange == NULL && (rv = make_exchange(login, binding, mechanisms)) < 0) {
    return rv;
  }
  imp_buf_init(&inlined, 4096);
  rv = inline_features(login->node, &inlined);
  if (rv == IMP_OK) {
    rv = imp_sasl_write_mechanisms(out, mechanisms);
  }
  if (rv == IMP_OK) {
    rv = imp_sasl_write_authentication(out, mechanisms & ~(uint32_t)IMP_SASL_ALL_HT,
                                       login->node->settings.fast ? mechanisms & IMP_SASL_ALL_HT : 0,
                                       (const char *)imp_buf_data(&inlined), imp_buf_len(&inlined));
  }
  imp_buf_reset(&inlined);
  return rv == IMP_OK ? imp_sasl_write_channel_bindings(out, binding) : rv;
}

static int write_starttls(imp_login *login, imp_buf *out) {
  if (!imp_conn_can_starttls(login->conn)) {
    return IMP_OK;
  }
  return imp_buf_append_str(out, imp_conn_allows_plaintext(login->conn)
                                     ? "<starttls xmlns='" IMP_NS_TLS "'/>"
                                     : "<starttls xmlns='" IMP_NS_TLS "'><required/></starttls>");
}

static int write_session_features(imp_node *node, imp_buf *out) {
  imp_event event = {.out = out};
  int rv = imp_buf_append_str(out, "<csi xmlns='" IMP_NS_CSI "'/>");
  (void)imp_node_run_hooks(node, IMP_POINT_SESSION_FEATURES, &event);
  return rv;
}

static int write_bind_features(imp_login *login, imp_buf *out) {
  int rv = imp_buf_append_str(out, "<bind xmlns='" IMP_NS_BIND "'/><session xmlns='" IMP_NS_SESSION
                                   "'><optional/></session>");
  if (rv == IMP_OK && sm_on(login->node)) {
    rv = imp_buf_append_str(out, sm_feature);
  }
  return rv == IMP_OK ? write_session_features(login->node, out) : rv;
}

/* WebSocket has no prefix `stream:` in force (RFC 7395 §3.3.3). */
static int open_features(const imp_conn *conn, imp_buf *out) {
  return imp_buf_append_str(out, imp_conn_is_websocket(conn)
                                     ? "<stream:features xmlns:stream='" IMP_NS_STREAMS "'>"
                                     : "<stream:features>");
}

static int submit(imp_conn *conn, imp_buf *out, int rv) {
  if (rv == IMP_OK) {
    rv = imp_buf_append_str(out, "</stream:features>");
  }
  if (rv == IMP_OK) {
    rv = imp_conn_submit_text(conn, (const char *)imp_buf_data(out), imp_buf_len(out));
  }
  imp_buf_reset(out);
  return rv;
}

int imp_c2s_send_features(imp_login *login) {
  imp_buf out;
  int rv;
  imp_buf_init(&out, 32768);
  rv = open_features(login->conn, &out);
  if (rv == IMP_OK && login->user != NULL) {
    rv = write_bind_features(login, &out);
  } else if (rv == IMP_OK) {
    rv = write_starttls(login, &out);
    rv = rv == IMP_OK ? write_login_features(login, &out) : rv;
  }
  return submit(login->conn, &out, rv);
}

int imp_c2s_send_session_features(imp_node *node, imp_conn *conn) {
  const imp_session *s = imp_conn_get_owner(conn);
  imp_buf out;
  int rv;
  imp_buf_init(&out, 32768);
  rv = open_features(conn, &out);
  if (rv == IMP_OK && s->sm == NULL && sm_on(node)) {
    rv = imp_buf_append_str(&out, sm_feature); /* not after inline enabling */
  }
  if (rv == IMP_OK) {
    rv = write_session_features(node, &out);
  }
  return submit(conn, &out, rv);
}
