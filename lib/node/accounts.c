#include <string.h>

#include "core/buf.h"
#include "node/node.h"
#include "sasl/credential.h"

int imp_account_jid(imp_node *node, const char *username, imp_jid **jid) {
  int rv = username != NULL && *username != '\0' ? imp_jid_new_parts(jid, username, node->settings.domain, NULL)
                                                  : IMP_ERR_MALFORMED;
  if (rv < 0) {
    return imp_node_fail(node, rv, "account \"%s\": %s", username ? username : "",
                         rv == IMP_ERR_MALFORMED ? "not a user name" : imp_strerror(rv));
  }
  return IMP_OK;
}

int imp_account_store(imp_node *node, const imp_jid *jid, const char *password) {
  imp_buf text;
  int rv;
  imp_buf_init(&text, 4096);
  rv = imp_credential_derive(&text, password, NULL, node->settings.scram_iterations);
  if (rv < 0) {
    rv = imp_node_fail(node, rv, "account %s: %s", imp_jid_full(jid),
                       rv == IMP_ERR_INVALID_ARGUMENT ? "this password cannot be used" : imp_strerror(rv));
  } else {
    rv = imp_node_put(node, IMP_SPACE_ACCOUNT, imp_jid_full(jid), IMP_ACCOUNT_KEY, strlen(IMP_ACCOUNT_KEY),
                      imp_buf_data(&text), imp_buf_len(&text));
  }
  if (imp_buf_len(&text) > 0) {
    memset(imp_buf_data(&text), 0, imp_buf_len(&text));
  }
  imp_buf_reset(&text);
  return rv;
}

int imp_node_account_set(imp_node *node, const char *username, const char *password, imp_result_fn done,
                         void *user_data) {
  imp_jid *jid;
  int rv = imp_account_jid(node, username, &jid);
  if (rv < 0) {
    return rv;
  }
  if (password == NULL || *password == '\0') {
    rv = imp_node_fail(node, IMP_ERR_INVALID_ARGUMENT, "account %s: a password is required", imp_jid_full(jid));
  } else {
    rv = imp_account_store(node, jid, password);
  }
  if (rv == IMP_OK) {
    imp_account_overtake(node, jid);
  }
  imp_jid_del(jid);
  return rv < 0 ? rv : imp_node_on_commit(node, done, user_data);
}

/* The host may be deleting the account because a session ends: that one is still there, and ends by itself. */
static imp_session *next_to_end(const imp_node *node, const imp_jid *jid) {
  imp_user *user = imp_node_find_user(node, jid);
  imp_session *s = user != NULL ? imp_session_first(user) : NULL;
  while (s != NULL && s->ending) {
    s->deleted = 1;
    s = imp_session_next(s);
  }
  return s;
}

static void end_sessions_of(imp_node *node, const imp_jid *jid) {
  imp_session *s;
  while ((s = next_to_end(node, jid)) != NULL) {
    s->deleted = 1;
    imp_session_end(s, "not-authorized");
  }
}

int imp_node_account_del(imp_node *node, const char *username, imp_result_fn done, void *user_data) {
  imp_jid *jid;
  imp_event event = {0};
  int rv = imp_account_jid(node, username, &jid);
  if (rv < 0) {
    return rv;
  }
  imp_account_overtake(node, jid);
  end_sessions_of(node, jid);
  event.username = imp_jid_full(jid);
  event.to = jid;
  (void)imp_node_run_hooks(node, IMP_POINT_USER_DELETED, &event);
  rv = imp_node_erase(node, imp_jid_full(jid));
  imp_jid_del(jid);
  return rv < 0 ? rv : imp_node_on_commit(node, done, user_data);
}

imp_op *imp_node_lookup_user(imp_node *node, const char *username, imp_op_fn fn, void *ctx) {
  imp_jid *jid;
  imp_op *op;
  if (node->callbacks.user_exists != NULL) {
    op = imp_node_op(node, fn, ctx);
    if (op != NULL) {
      imp_op_started(op, node->callbacks.user_exists(op, username, node->user_data));
    }
    return op;
  }
  if (imp_account_jid(node, username, &jid) < 0) {
    return NULL;
  }
  op = imp_node_get(node, IMP_SPACE_ACCOUNT, imp_jid_full(jid), IMP_ACCOUNT_KEY, strlen(IMP_ACCOUNT_KEY), fn, ctx);
  imp_jid_del(jid);
  return op;
}

imp_op *imp_node_lookup_credential(imp_node *node, const imp_jid *user, imp_op_fn fn, void *ctx) {
  imp_op *op;
  if (node->callbacks.get_credential == NULL) {
    return imp_node_get(node, IMP_SPACE_ACCOUNT, imp_jid_bare(user), IMP_ACCOUNT_KEY, strlen(IMP_ACCOUNT_KEY), fn,
                        ctx);
  }
  op = imp_node_op(node, fn, ctx);
  if (op != NULL) {
    imp_op_started(op, node->callbacks.get_credential(op, imp_jid_local(user), node->user_data));
  }
  return op;
}
