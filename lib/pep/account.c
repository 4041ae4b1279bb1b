/* Accounts are read when somebody asks for them, and stay while a session of theirs does, or for a while. */
#include <string.h>

#include "pep/internal.h"

/* ---- jobs ---- */

/* What may wait for a store that is slow. */
#define JOBS_MAX 100000
#define KEPT_MAX (64u << 20)

void *imp_pep_job_new(imp_pep *pep, size_t size, void (*drop)(imp_pep_job *job)) {
  imp_pep_job *job = pep->njobs < JOBS_MAX && pep->kept < KEPT_MAX ? imp_calloc(1, size) : NULL;
  if (job != NULL) {
    pep->njobs++;
    job->pep = pep;
    job->drop = drop;
    imp_list_append(&pep->jobs, &job->all);
  }
  return job;
}

imp_stanza *imp_pep_job_keep(imp_pep_job *job, imp_stanza *st) {
  size_t bytes = imp_stanza_memory(st);
  job->kept += bytes;
  job->pep->kept += bytes;
  return imp_stanza_ref(st);
}

void imp_pep_job_end(imp_pep_job *job) {
  job->pep->njobs--;
  job->pep->kept -= job->kept;
  imp_list_remove(&job->all);
  imp_list_remove(&job->at);
  if (job->drop != NULL) {
    job->drop(job);
  }
  imp_words_free(&job->groups);
  imp_free(job);
}

/* ---- accounts ---- */

static imp_pep_account *find(const imp_pep *pep, const imp_jid *jid) {
  imp_map_node *n = imp_map_find(&pep->accounts, imp_jid_bare(jid), imp_jid_bare_len(jid));
  return n ? IMP_CONTAINER_OF(n, imp_pep_account, by_bare) : NULL;
}

imp_pep_account *imp_pep_account_find(const imp_pep *pep, const imp_jid *jid) {
  imp_pep_account *a = find(pep, jid);
  return a != NULL && a->read ? a : NULL;
}

static void unlink_lru(imp_pep_account *a) {
  if (imp_list_linked(&a->lru)) {
    imp_list_remove(&a->lru);
    a->pep->nlru--;
  }
}

void imp_pep_account_clear(imp_pep_account *a) {
  while (!imp_list_empty(&a->nodes)) {
    imp_pep_node_free(a, IMP_CONTAINER_OF(a->nodes.next, imp_pep_node, link));
  }
  a->photo[0] = '\0';
}

static void account_free(imp_pep_account *a) {
  unlink_lru(a);
  imp_map_remove(&a->pep->accounts, &a->by_bare);
  imp_op_cancel(a->op);
  imp_pep_account_clear(a);
  imp_jid_del(a->jid);
  imp_free(a);
}

static imp_pep_account *account_new(imp_pep *pep, const imp_jid *owner) {
  imp_pep_account *a = imp_calloc(1, sizeof(*a));
  if (a == NULL) {
    return NULL;
  }
  a->pep = pep;
  imp_list_init(&a->nodes);
  imp_list_init(&a->readers);
  if (imp_jid_new_bare(&a->jid, (imp_jid *)(uintptr_t)owner) < 0) {
    imp_free(a);
    return NULL;
  }
  if (imp_map_insert(&pep->accounts, &a->by_bare, imp_jid_full(a->jid), imp_jid_full_len(a->jid)) < 0) {
    imp_jid_del(a->jid);
    imp_free(a);
    return NULL;
  }
  return a;
}

static void trim(imp_pep *pep) {
  while (pep->nlru > pep->settings.max_accounts) {
    account_free(IMP_CONTAINER_OF(pep->lru.next, imp_pep_account, lru));
  }
}

void imp_pep_account_hold(imp_pep_account *a) {
  a->holds++;
  unlink_lru(a);
}

/* What could not be read is read again when it is asked for again. */
void imp_pep_account_let_go(imp_pep_account *a) {
  imp_pep *pep = a->pep;
  if (--a->holds > 0) {
    return;
  }
  if (!a->read) {
    account_free(a);
    return;
  }
  imp_list_append(&pep->lru, &a->lru);
  pep->nlru++;
  trim(pep);
}

/* ---- reading ---- */

static void run_readers(imp_pep_account *a, int status) {
  imp_list todo, *l;
  imp_list_init(&todo);
  imp_list_move(&todo, &a->readers);
  while ((l = imp_list_pop(&todo)) != NULL) {
    imp_pep_job *job = IMP_CONTAINER_OF(l, imp_pep_job, at);
    job->with(status == IMP_OK ? a : NULL, status, job);
  }
}

/* The reading itself held it. */
static void finish(imp_pep_account *a, int status) {
  a->reading = 0;
  if (a->stale) {
    imp_pep_account_clear(a);
    a->stale = 0;
  }
  a->read = status == IMP_OK;
  if (!a->read) {
    imp_log(&a->pep->node->log, IMP_LOG_STORE, IMP_LOG_WARN, imp_jid_full(a->jid), "what was published cannot be read: %s",
            imp_strerror(status));
    imp_pep_account_clear(a);
  } else {
    imp_pep_set_photo(a, NULL);
  }
  run_readers(a, status);
  imp_pep_account_let_go(a);
}

static int read_photo(imp_pep_account *a, const imp_op_row *row) {
  if (row->valuelen != IMP_PEP_HASH_LEN) {
    return IMP_ERR_CORRUPT;
  }
  memcpy(a->photo, row->value, IMP_PEP_HASH_LEN);
  a->photo[IMP_PEP_HASH_LEN] = '\0';
  return IMP_OK;
}

static void on_nodes(imp_op *op, int status, void *ctx) {
  imp_pep_account *a = ctx;
  size_t i;
  a->op = NULL;
  for (i = 0; status == IMP_OK && i < imp_op_row_count(op); i++) {
    const imp_op_row *row = imp_op_row_at(op, i);
    int rv = row->keylen == 0 ? read_photo(a, row)
                              : imp_pep_record_read(a, row->key, row->keylen, row->value, row->valuelen);
    if (rv == IMP_ERR_CORRUPT) {
      imp_log(&a->pep->node->log, IMP_LOG_STORE, IMP_LOG_ERROR, imp_jid_full(a->jid), "a node is not what was stored");
    } else if (rv < 0) {
      status = rv;
    }
  }
  finish(a, status);
}

static void start_reading(imp_pep_account *a) {
  imp_store_range all = {.size = sizeof(all)};
  a->holds++;
  a->reading = 1;
  a->op = imp_node_scan(a->pep->node, IMP_SPACE_PEP_NODE, imp_jid_full(a->jid), &all, on_nodes, a);
  if (a->op == NULL) {
    finish(a, IMP_ERR_NOMEM);
  }
}

void imp_pep_with(imp_pep *pep, const imp_jid *owner, imp_pep_job *job, imp_pep_account_fn fn) {
  imp_pep_account *a = find(pep, owner);
  if (a == NULL && (a = account_new(pep, owner)) == NULL) {
    fn(NULL, IMP_ERR_NOMEM, job);
    return;
  }
  imp_pep_account_hold(a);
  if (a->read) {
    fn(a, IMP_OK, job);
  } else {
    job->with = fn;
    imp_list_append(&a->readers, &job->at);
    if (!a->reading) {
      start_reading(a);
    }
  }
  imp_pep_account_let_go(a);
}

/* ---- with sessions and users ---- */

static void hold_for_user(imp_pep_account *a, int status, imp_pep_job *job) {
  imp_user *user = a != NULL ? imp_node_find_user(a->pep->node, a->jid) : NULL;
  (void)status;
  if (user != NULL && user->slot[IMP_SLOT_PEP] == NULL) {
    user->slot[IMP_SLOT_PEP] = a;
    imp_pep_account_hold(a);
  }
  imp_pep_job_end(job);
}

static imp_verdict on_opened(imp_event *event, void *ctx) {
  imp_pep *pep = ctx;
  imp_pep_job *job;
  if (event->session->user->slot[IMP_SLOT_PEP] == NULL && !event->session->anonymous &&
      (job = imp_pep_job_new(pep, sizeof(*job), NULL)) != NULL) {
    imp_pep_with(pep, event->session->user->jid, job, hold_for_user);
  }
  return IMP_CONTINUE;
}

static imp_verdict on_gone(imp_event *event, void *ctx) {
  imp_pep *pep = ctx;
  imp_pep_account *a = find(pep, event->to);
  imp_user *user = imp_node_find_user(event->node, event->to);
  if (a != NULL && user != NULL && user->slot[IMP_SLOT_PEP] == a) {
    user->slot[IMP_SLOT_PEP] = NULL;
    imp_pep_account_let_go(a);
  }
  return IMP_CONTINUE;
}

static imp_verdict on_deleted(imp_event *event, void *ctx) {
  imp_pep_account *a = find(ctx, event->to);
  if (a != NULL) {
    a->stale = a->reading;
    imp_pep_account_clear(a);
  }
  return IMP_CONTINUE;
}

int imp_pep_start_accounts(imp_node *node) {
  imp_pep *pep = imp_pep_of(node);
  int rv = imp_node_hook(node, IMP_POINT_SESSION_OPENED, 60, on_opened, pep);
  rv = rv < 0 ? rv : imp_node_hook(node, IMP_POINT_SESSION_RESUMED, 60, on_opened, pep); /* it may be from the store */
  rv = rv < 0 ? rv : imp_node_hook(node, IMP_POINT_USER_GONE, 60, on_gone, pep);
  return rv < 0 ? rv : imp_node_hook(node, IMP_POINT_USER_DELETED, 60, on_deleted, pep);
}

void imp_pep_stop_accounts(imp_pep *pep) {
  imp_map_iter it;
  imp_map_node *n;
  imp_map_iter_init(&it, &pep->accounts);
  while ((n = imp_map_iter_next(&it)) != NULL) {
    account_free(IMP_CONTAINER_OF(n, imp_pep_account, by_bare));
  }
  imp_map_reset(&pep->accounts);
}
