/* EXTERNAL, ANONYMOUS, OAUTHBEARER: the host (or a rule) says who it is. */
#include <string.h>

#include "c2s/certificate.h"
#include "c2s/login.h"

static void decide(imp_login *login, const char *username) {
  imp_jid *who = NULL;
  imp_buf out;
  int result;
  imp_buf_init(&out, 32768);
  if (username != NULL && imp_jid_new_parts(&who, username, login->node->settings.domain, NULL) < 0) {
    who = NULL;
  }
  result = imp_sasl_exchange_decide(login->exchange, who, NULL, 0, &out);
  imp_jid_del(who);
  imp_c2s_auth_outcome(login, result, &out);
}

static void on_decided(imp_op *op, int status, void *ctx) {
  imp_login *login = ctx;
  imp_conn *conn = login->conn;
  login->op = NULL;
  if (imp_c2s_answered(login, status)) {
    decide(login, status == IMP_OK && imp_op_row_count(op) > 0 ? imp_op_row_at(op, 0)->value : NULL);
  }
  imp_login_hear(conn);
}

static imp_op *begin(imp_login *login) {
  imp_op *op = imp_node_op(login->node, on_decided, login);
  if (op == NULL) {
    decide(login, NULL);
    return NULL;
  }
  login->op = op;
  imp_conn_set_busy(login->conn, 1);
  return op;
}

static void ask_token(imp_login *login) {
  const imp_sasl *sasl = imp_sasl_exchange_sasl(login->exchange);
  imp_node *node = login->node;
  imp_op *op;
  if (node->callbacks.check_token == NULL) {
    decide(login, NULL);
  } else if ((op = begin(login)) != NULL) {
    imp_op_started(op, node->callbacks.check_token(op, imp_sasl_username(sasl), imp_sasl_token(sasl), node->user_data));
  }
}

static void ask_certificate(imp_login *login) {
  const char *authzid = imp_sasl_authzid(imp_sasl_exchange_sasl(login->exchange));
  imp_node *node = login->node;
  size_t len = 0;
  const void *der = imp_conn_peer_certificate(login->conn, &len);
  imp_op *op;
  if (der == NULL) {
    decide(login, NULL);
  } else if (node->callbacks.check_certificate == NULL) {
    char username[IMP_JID_PART_MAX + 1];
    decide(login, imp_certificate_user(der, len, node->domain, authzid, username) == IMP_OK ? username : NULL);
  } else if ((op = begin(login)) != NULL) {
    imp_op_started(op, node->callbacks.check_certificate(op, authzid, der, len, node->user_data));
  }
}

static void let_in_anonymously(imp_login *login) {
  char name[24];
  imp_node_fresh_id(login->node, name);
  decide(login, name);
}

void imp_c2s_ask_host(imp_login *login) {
  switch (imp_sasl_exchange_mechanism(login->exchange)) {
  case IMP_SASL_ANONYMOUS:
    let_in_anonymously(login);
    break;
  case IMP_SASL_OAUTHBEARER:
    ask_token(login);
    break;
  case IMP_SASL_EXTERNAL:
    ask_certificate(login);
    break;
  default:
    imp_c2s_fast_load(login);
    break;
  }
}
