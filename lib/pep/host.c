/* What hosts do for users (imp/pep.h). */
#include <string.h>

#include "pep/internal.h"

typedef struct deed {
  imp_pep_job job;
  char *node, *id;
  imp_stanza *payload;
  imp_result_fn done;
  imp_pep_item_fn got;
  void *user_data;
} deed;

static void drop(imp_pep_job *job) {
  deed *d = (deed *)job;
  imp_free(d->node);
  imp_free(d->id);
  imp_stanza_del(d->payload);
}

/* Strings may be NULL. */
static deed *begin(imp_node *node, const char *pep_node, const char *id, void *user_data) {
  deed *d = imp_pep_job_new(imp_pep_of(node), sizeof(*d), drop);
  if (d == NULL) {
    return NULL;
  }
  d->user_data = user_data;
  d->node = pep_node != NULL ? imp_strdup(pep_node) : NULL;
  d->id = id != NULL ? imp_strdup(id) : NULL;
  if ((pep_node != NULL && d->node == NULL) || (id != NULL && d->id == NULL)) {
    imp_pep_job_end(&d->job);
    return NULL;
  }
  return d;
}

static void finish(deed *d, int status) {
  imp_node *node = d->job.pep->node;
  if (status == IMP_OK) {
    status = imp_node_on_commit(node, d->done, d->user_data);
  }
  if (status < 0 && d->done != NULL) {
    d->done(node, status, d->user_data);
  }
  imp_pep_job_end(&d->job);
}

static int check_name(imp_node *node, const char *what, const char *name) {
  if (name == NULL || *name == '\0' || strlen(name) > IMP_PEP_NAME_MAX) {
    return imp_node_fail(node, IMP_ERR_INVALID_ARGUMENT, "%s: a name of 1 to %d bytes is required", what, IMP_PEP_NAME_MAX);
  }
  return IMP_OK;
}

static int parse(imp_node *node, const char *what, const char *text, imp_stanza **st) {
  *st = text != NULL ? imp_pep_parse(node, text, strlen(text)) : NULL;
  return *st != NULL || text == NULL ? IMP_OK : imp_node_fail(node, IMP_ERR_MALFORMED, "%s: no XML element", what);
}

static int no_memory(imp_node *node, const char *what) { return imp_node_fail(node, IMP_ERR_NOMEM, "%s: out of memory", what); }

/* Checks what all have in common. */
static int start(imp_node *node, const char *what, const char *username, const char *pep_node, const char *id,
                 void *user_data, imp_jid **jid, deed **d) {
  int rv = check_name(node, what, pep_node);
  rv = rv < 0 || id == NULL ? rv : check_name(node, what, id);
  rv = rv < 0 ? rv : imp_account_jid(node, username, jid);
  if (rv < 0) {
    return rv;
  }
  *d = begin(node, pep_node, id, user_data);
  if (*d == NULL) {
    imp_jid_del(*jid);
    return no_memory(node, what);
  }
  return IMP_OK;
}

static void go(imp_node *node, deed *d, imp_jid *jid, imp_pep_account_fn fn) {
  imp_pep_with(imp_pep_of(node), jid, &d->job, fn);
  imp_jid_del(jid);
}

/* ---- publish, retract ---- */

static void publish(imp_pep_account *a, int status, imp_pep_job *job) {
  deed *d = (deed *)job;
  const imp_elem *payload = d->payload != NULL ? imp_stanza_root(d->payload) : NULL;
  finish(d, status < 0 ? status : imp_pep_put(a, d->node, d->id, payload, NULL));
}

int imp_pep_publish(imp_node *node, const char *username, const char *pep_node, const char *id, const char *payload,
                         imp_result_fn done, void *user_data) {
  imp_stanza *st;
  imp_jid *jid;
  deed *d;
  int rv = parse(node, "pep_publish", payload, &st);
  rv = rv < 0 ? rv : start(node, "pep_publish", username, pep_node, id != NULL ? id : "current", user_data, &jid, &d);
  if (rv < 0) {
    imp_stanza_del(st);
    return rv;
  }
  d->payload = st;
  d->done = done;
  go(node, d, jid, publish);
  return IMP_OK;
}

/* Of another feature. Nobody is told how it went. */
static imp_verdict on_publish(imp_event *event, void *ctx) {
  deed *d = begin(event->node, event->id, "current", NULL);
  if (d == NULL) {
    return IMP_CONTINUE;
  }
  d->payload = imp_pep_job_keep(&d->job, event->stanza);
  imp_pep_with(ctx, event->to, &d->job, publish);
  return IMP_HANDLED;
}

int imp_pep_start_host(imp_node *node) {
  return imp_node_hook(node, IMP_POINT_PUBLISH, 100, on_publish, imp_pep_of(node));
}

static void retract(imp_pep_account *a, int status, imp_pep_job *job) {
  deed *d = (deed *)job;
  imp_pep_node *n = a != NULL ? imp_pep_find(a, d->node) : NULL;
  finish(d, status < 0 ? status : n != NULL ? imp_pep_take_back(a, n, d->id, 0) : IMP_ERR_NOT_FOUND);
}

int imp_pep_retract(imp_node *node, const char *username, const char *pep_node, const char *id, imp_result_fn done,
                         void *user_data) {
  imp_jid *jid;
  deed *d;
  int rv = check_name(node, "pep_retract", id);
  rv = rv < 0 ? rv : start(node, "pep_retract", username, pep_node, id, user_data, &jid, &d);
  if (rv == IMP_OK) {
    d->done = done;
    go(node, d, jid, retract);
  }
  return rv;
}

/* ---- get ---- */

static void tell(deed *d, int status, const imp_stanza *st) {
  d->got(d->job.pep->node, status, st, d->user_data);
  imp_pep_job_end(&d->job);
}

static void on_row(imp_op *op, int status, void *ctx) {
  deed *d = ctx;
  const imp_op_row *row = status == IMP_OK && imp_op_row_count(op) > 0 ? imp_op_row_at(op, 0) : NULL;
  imp_stanza *st = row != NULL ? imp_pep_parse(d->job.pep->node, row->value, row->valuelen) : NULL;
  status = status < 0 ? status : row == NULL ? IMP_ERR_NOT_FOUND : st == NULL ? IMP_ERR_CORRUPT : IMP_OK;
  tell(d, status, st);
  imp_stanza_del(st);
}

static void find_item(imp_pep_account *a, int status, imp_pep_job *job) {
  deed *d = (deed *)job;
  const imp_pep_node *n = a != NULL ? imp_pep_find(a, d->node) : NULL;
  int at = n == NULL ? -1 : d->id != NULL ? imp_pep_item_find(n, d->id) : (int)n->nitems - 1;
  uint8_t key[IMP_PEP_NAME_MAX + 9];
  if (status < 0 || at < 0) {
    tell(d, status < 0 ? status : IMP_ERR_NOT_FOUND, NULL);
  } else if (imp_node_get(job->pep->node, IMP_SPACE_PEP_ITEM, imp_jid_full(a->jid), key,
                          imp_pep_item_key(key, n, n->items[at].number), on_row, d) == NULL) {
    tell(d, IMP_ERR_NOMEM, NULL);
  }
}

int imp_pep_get(imp_node *node, const char *username, const char *pep_node, const char *id, imp_pep_item_fn fn,
                     void *user_data) {
  imp_jid *jid;
  deed *d;
  int rv = fn != NULL ? start(node, "pep_get", username, pep_node, id, user_data, &jid, &d)
                      : imp_node_fail(node, IMP_ERR_INVALID_ARGUMENT, "pep_get: a function is required");
  if (rv == IMP_OK) {
    d->got = fn;
    go(node, d, jid, find_item);
  }
  return rv;
}

/* ---- vCards ---- */

static void set_vcard(imp_pep_account *a, int status, imp_pep_job *job) {
  deed *d = (deed *)job;
  finish(d, status < 0 ? status : imp_pep_vcard_put(a, imp_stanza_root(d->payload)));
}

int imp_pep_set_vcard(imp_node *node, const char *username, const char *vcard, imp_result_fn done, void *user_data) {
  imp_stanza *st;
  imp_jid *jid;
  deed *d;
  int rv = parse(node, "set_vcard", vcard, &st);
  if (rv == IMP_OK && (st == NULL || !imp_elem_is(imp_stanza_root(st), "vCard", IMP_NS_VCARD))) {
    rv = imp_node_fail(node, IMP_ERR_MALFORMED, "set_vcard: not a vCard of " IMP_NS_VCARD);
  }
  rv = rv < 0 ? rv : start(node, "set_vcard", username, "vcard", NULL, user_data, &jid, &d);
  if (rv < 0) {
    imp_stanza_del(st);
    return rv;
  }
  d->payload = st;
  d->done = done;
  go(node, d, jid, set_vcard);
  return IMP_OK;
}

int imp_pep_get_vcard(imp_node *node, const char *username, imp_pep_item_fn fn, void *user_data) {
  imp_jid *jid;
  imp_op *op;
  deed *d;
  int rv = fn != NULL ? start(node, "get_vcard", username, "vcard", NULL, user_data, &jid, &d)
                      : imp_node_fail(node, IMP_ERR_INVALID_ARGUMENT, "get_vcard: a function is required");
  if (rv < 0) {
    return rv;
  }
  d->got = fn;
  op = imp_node_get(node, IMP_SPACE_VCARD, imp_jid_full(jid), "", 0, on_row, d);
  imp_jid_del(jid);
  if (op == NULL) {
    imp_pep_job_end(&d->job);
    return no_memory(node, "get_vcard");
  }
  return IMP_OK;
}
