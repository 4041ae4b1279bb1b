/* imp_node_account_ensure(): a password is checked against the keys in the store before new ones take their place. */
#include <string.h>

#include "node/node.h"
#include "sasl/credential.h"
#include "sasl/prep.h"

typedef struct ensure {
  imp_list link;
  imp_node *node;
  imp_op *op;
  imp_jid *jid;
  char *password;
  int overtaken;
  imp_result_fn done;
  void *user_data;
} ensure;

static void forget(ensure *e) {
  imp_list_remove(&e->link);
  imp_op_cancel(e->op);
  imp_jid_del(e->jid);
  if (e->password != NULL) {
    imp_free_secret(e->password, strlen(e->password));
  }
  imp_free(e);
}

/* Tells the host, when what was noted is durable. */
static void finish(ensure *e, int status) {
  imp_node *node = e->node;
  if (status == IMP_OK) {
    status = imp_node_on_commit(node, e->done, e->user_data);
  }
  if (status < 0 && e->done != NULL) {
    e->done(node, status, e->user_data);
  }
  forget(e);
}

static void on_keys(imp_op *op, int status, void *ctx) {
  ensure *e = ctx;
  const imp_op_row *row = status == IMP_OK && imp_op_row_count(op) > 0 ? imp_op_row_at(op, 0) : NULL;
  int good = 0;
  e->op = NULL;
  imp_list_remove(&e->link);
  if (e->overtaken) {
    status = IMP_OK;
    good = 1;
  } else if (row != NULL) {
    good = imp_credential_opens(row->value, row->valuelen, e->password, NULL, e->node->settings.scram_iterations);
    status = good < 0 ? good : IMP_OK;
  }
  if (status == IMP_ERR_NOT_FOUND || (status == IMP_OK && !good)) {
    status = imp_account_store(e->node, e->jid, e->password);
  }
  finish(e, status);
}

static int check_password(imp_node *node, const imp_jid *jid, const char *password) {
  char *prepared;
  int rv = password != NULL && *password != '\0' ? imp_saslprep(&prepared, password, strlen(password))
                                                 : IMP_ERR_INVALID_ARGUMENT;
  if (rv == IMP_OK) {
    imp_free_secret(prepared, strlen(prepared));
    return IMP_OK;
  }
  rv = rv == IMP_ERR_NOMEM ? rv : IMP_ERR_INVALID_ARGUMENT;
  return imp_node_fail(node, rv, "account %s: %s", imp_jid_full(jid),
                       rv == IMP_ERR_NOMEM ? imp_strerror(rv) : "this password cannot be used");
}

/* `jid` passes, also when it fails. */
static int ask(imp_node *node, imp_jid *jid, const char *password, imp_result_fn done, void *user_data) {
  ensure *e = imp_calloc(1, sizeof(*e));
  if (e == NULL) {
    imp_jid_del(jid);
    return imp_node_fail(node, IMP_ERR_NOMEM, "account: out of memory");
  }
  *e = (ensure){.node = node, .jid = jid, .done = done, .user_data = user_data, .password = imp_strdup(password)};
  if (e->password != NULL) {
    e->op = imp_node_get(node, IMP_SPACE_ACCOUNT, imp_jid_full(jid), IMP_ACCOUNT_KEY, strlen(IMP_ACCOUNT_KEY), on_keys, e);
  }
  if (e->op == NULL) {
    forget(e);
    return imp_node_fail(node, IMP_ERR_NOMEM, "account: out of memory");
  }
  imp_account_overtake(node, jid);
  imp_list_append(&node->ensures, &e->link);
  return IMP_OK;
}

int imp_node_account_ensure(imp_node *node, const char *username, const char *password, imp_result_fn done,
                            void *user_data) {
  imp_jid *jid;
  int rv = imp_account_jid(node, username, &jid);
  if (rv < 0) {
    return rv;
  }
  rv = check_password(node, jid, password);
  if (rv < 0) {
    imp_jid_del(jid);
    return rv;
  }
  return ask(node, jid, password, done, user_data);
}

void imp_account_overtake(imp_node *node, const imp_jid *jid) {
  imp_list *l;
  for (l = node->ensures.next; l != &node->ensures; l = l->next) {
    ensure *e = IMP_CONTAINER_OF(l, ensure, link);
    e->overtaken |= imp_jid_equal(e->jid, jid);
  }
}

void imp_account_stop(imp_node *node) {
  imp_list *l;
  while ((l = imp_list_pop(&node->ensures)) != NULL) {
    forget(IMP_CONTAINER_OF(l, ensure, link));
  }
}
