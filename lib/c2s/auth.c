/* SASL on the stream: drives the exchange, asks for credentials, counts failures. */
#include <string.h>

#include "c2s/login.h"
#include "sasl/credential.h"
#include "sasl/crypto.h"
#include "xml/jid.h"

static const char *peer(const imp_login *login) { return imp_conn_get_peer(login->conn); }

static const char *claimed(const imp_login *login) {
  const imp_jid *user = imp_sasl_exchange_user(login->exchange);
  return user ? imp_jid_bare(user) : NULL;
}

static void submit(imp_login *login, imp_buf *out) {
  if (imp_buf_len(out) > 0) {
    (void)imp_conn_submit_text(login->conn, (const char *)imp_buf_data(out), imp_buf_len(out));
  }
  imp_buf_reset(out);
}

void imp_c2s_auth_counted(imp_login *login) {
  login->node->stats.login_failures++;
  imp_log(&login->node->log, IMP_LOG_SASL, IMP_LOG_WARN, peer(login), "login of %s failed: %s",
          claimed(login) ? claimed(login) : "?", imp_sasl_exchange_condition(login->exchange));
  if (imp_sasl_exchange_counted(login->exchange)) {
    imp_attempts_failed(login->c2s->attempts, peer(login), claimed(login), login->node->now);
  }
}

void imp_c2s_refuse(imp_login *login, const char *condition, const char *text) {
  imp_buf out;
  imp_buf_init(&out, 4096);
  imp_c2s_auth_outcome(login, imp_sasl_exchange_fail(login->exchange, condition, text, 0, &out), &out);
}

/* The credential for the mechanism's hash, from what the host set or from rows of the store. */
static const imp_credential *choose(imp_op *op, const char *hash, imp_credential_slot *slot) {
  const imp_credential *best = imp_op_credential(op, hash);
  const imp_op_row *row = imp_op_row_count(op) > 0 ? imp_op_row_at(op, 0) : NULL;
  const char *text = row ? row->value : NULL;
  size_t len = row ? row->valuelen : 0;
  int rv;
  while (best == NULL && text != NULL && (rv = imp_credential_next(slot, &text, &len)) != IMP_ERR_NOT_FOUND) {
    if (rv == IMP_OK && (hash == NULL || strcmp(slot->credential.hash, hash) == 0)) {
      best = &slot->credential;
    }
  }
  return best;
}

/* An unknown user is to cost what one costs whom the host knows: it answers in the same kind for all, so its last answer
   tells. Accounts in the store are as by default. */
static void learn(imp_login *login, const imp_op *op, const imp_credential *chosen) {
  imp_c2s *c2s = login->c2s;
  const char *hash = imp_sasl_exchange_hash(login->exchange);
  int clear = imp_op_credential(op, "") != NULL;
  int keys = chosen->hash != NULL && (hash == NULL || strcmp(chosen->hash, hash) == 0);
  if (login->node->callbacks.get_credential == NULL) {
    return;
  }
  c2s->clear_passwords = !clear ? 0 : keys ? 2 : 1;
  if (!clear && hash == NULL) {
    c2s->fake_hash = imp_digest_by_name(chosen->hash, strlen(chosen->hash))->name;
  }
}

static void judge(imp_login *login, imp_op *op, int status) {
  const imp_credential *credential = NULL;
  imp_credential_slot slot;
  imp_buf out;
  int result;
  memset(&slot, 0, sizeof(slot));
  imp_buf_init(&out, 32768);
  if (status == IMP_OK) {
    credential = choose(op, imp_sasl_exchange_hash(login->exchange), &slot);
  }
  if (credential != NULL) {
    learn(login, op, credential);
  }
  result = imp_sasl_exchange_credential(login->exchange, credential, &out);
  imp_credential_wipe(&slot);
  imp_c2s_auth_outcome(login, result, &out);
}

int imp_c2s_answered(imp_login *login, int status) {
  if (status == IMP_OK || status == IMP_ERR_NOT_FOUND || status == IMP_ERR_DENIED) {
    return 1;
  }
  imp_c2s_refuse(login, "temporary-auth-failure", NULL);
  return 0;
}

static void on_credential(imp_op *op, int status, void *ctx) {
  imp_login *login = ctx;
  imp_conn *conn = login->conn;
  login->op = NULL;
  if (imp_c2s_answered(login, status)) {
    judge(login, op, status);
  }
  imp_login_hear(conn);
}

static int denied_for_now(imp_login *login) {
  if (imp_attempts_check(login->c2s->attempts, peer(login), claimed(login), login->node->now, NULL) == IMP_OK) {
    return 0;
  }
  imp_c2s_refuse(login, "temporary-auth-failure", "too many failed logins, try again later");
  return 1;
}

static void need_credential(imp_login *login) {
  const imp_jid *user = imp_sasl_exchange_user(login->exchange);
  if (denied_for_now(login)) {
    return;
  }
  login->op = imp_node_lookup_credential(login->node, user, on_credential, login);
  if (login->op == NULL) {
    imp_c2s_refuse(login, "temporary-auth-failure", NULL);
  } else {
    imp_conn_set_busy(login->conn, 1);
  }
}

static void sasl1_success(imp_login *login) {
  imp_buf out;
  int rv;
  imp_buf_init(&out, 32768);
  rv = imp_sasl_exchange_success(login->exchange, login->user, NULL, 0, &out);
  if (rv < 0) {
    imp_buf_reset(&out);
    imp_login_fail(login, rv);
    return;
  }
  submit(login, &out);
  imp_sasl_exchange_del(login->exchange);
  login->exchange = NULL;
  imp_login_authenticated(login);
  imp_conn_restart(login->conn);
}

static void success(imp_login *login) {
  imp_jid *user = imp_sasl_exchange_user(login->exchange);
  if (imp_node_is_handled(login->node, user)) {
    imp_c2s_refuse(login, "not-authorized", NULL);
    return;
  }
  login->user = imp_jid_ref(user);
  login->anonymous = imp_sasl_exchange_mechanism(login->exchange) == IMP_SASL_ANONYMOUS;
  login->node->stats.logins++;
  imp_attempts_succeeded(login->c2s->attempts, peer(login), imp_jid_bare(user));
  if (imp_sasl_exchange_is_sasl2(login->exchange)) {
    imp_c2s_sasl2_success(login);
  } else {
    sasl1_success(login);
  }
}

void imp_c2s_auth_outcome(imp_login *login, int result, imp_buf *out) {
  submit(login, out);
  switch (result) {
  case IMP_EXCHANGE_CONTINUE:
    break;
  case IMP_EXCHANGE_NEED_CREDENTIAL:
    need_credential(login);
    break;
  case IMP_EXCHANGE_NEED_HOST:
    if (!denied_for_now(login)) {
      imp_c2s_ask_host(login);
    }
    break;
  case IMP_EXCHANGE_SUCCESS:
    success(login);
    break;
  case IMP_EXCHANGE_FAILURE:
    imp_c2s_auth_counted(login);
    break;
  case IMP_EXCHANGE_CLOSE:
    imp_c2s_auth_counted(login);
    imp_conn_fail(login->conn, "policy-violation", "too many attempts to log in", NULL);
    break;
  default:
    imp_login_fail(login, result);
    break;
  }
}

void imp_c2s_auth(imp_login *login, imp_stanza *st) {
  imp_buf out;
  imp_buf_init(&out, 32768);
  if (login->exchange == NULL) {
    imp_conn_fail(login->conn, "policy-violation", "credentials are accepted over TLS only", NULL);
    return;
  }
  imp_login_forget(login);
  imp_sasl_exchange_resemble(login->exchange, login->c2s->clear_passwords, login->c2s->fake_hash);
  imp_c2s_auth_outcome(login, imp_sasl_exchange_recv(login->exchange, st, &out), &out);
}
