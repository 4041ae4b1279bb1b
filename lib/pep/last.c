/* Who becomes available is told what was published last, by the own account and by all whose presence it gets (XEP-0163 §4.3.4). */
#include <string.h>

#include "pep/caps.h"

#define KEEP_MAX 8192 /* bytes of an item that stays in memory once it was read */

/* One account, one session. */
typedef struct telling {
  imp_pep_job job;
  imp_jid *owner, *to; /* to: full */
  imp_words except;    /* nodes that it wanted before, too */
} telling;

/* One node of it. */
typedef struct reading {
  imp_pep_job job;
  imp_jid *owner, *to;
  imp_stanza *item;
  char *name;
  char *id;
} reading;

static void drop_telling(imp_pep_job *job) {
  telling *t = (telling *)job;
  imp_jid_del(t->owner);
  imp_jid_del(t->to);
  imp_words_free(&t->except);
}

static void drop_reading(imp_pep_job *job) {
  reading *r = (reading *)job;
  imp_jid_del(r->owner);
  imp_jid_del(r->to);
  imp_stanza_del(r->item);
  imp_free(r->name);
  imp_free(r->id);
}

static void tell(imp_pep_account *a, imp_pep_node *n, const imp_stanza *item, imp_session *s) {
  imp_stanza *event = imp_pep_event_item(a, n, item);
  if (event != NULL) {
    imp_pep_tell(s, event);
    imp_stanza_del(event);
  }
}

/* What was read is the newest still, or somebody has been told of a newer one meanwhile. */
static void has_account(imp_pep_account *a, int status, imp_pep_job *job) {
  reading *r = (reading *)job;
  imp_session *s = imp_node_find_session(job->pep->node, r->to);
  imp_pep_node *n = a != NULL ? imp_pep_find(a, r->name) : NULL;
  (void)status;
  if (n != NULL && n->nitems > 0 && strcmp(n->items[n->nitems - 1].id, r->id) == 0) {
    if (s != NULL && imp_caps_wants(s, n->name)) {
      tell(a, n, r->item, s);
    }
    if (n->last == NULL && n->items[n->nitems - 1].bytes <= KEEP_MAX) {
      n->last = imp_stanza_keep(r->item);
    }
  }
  imp_pep_job_end(job);
}

static void on_item(imp_op *op, int status, void *ctx) {
  reading *r = ctx;
  const imp_op_row *row = status == IMP_OK && imp_op_row_count(op) > 0 ? imp_op_row_at(op, 0) : NULL;
  r->item = row != NULL ? imp_pep_parse(r->job.pep->node, row->value, row->valuelen) : NULL;
  if (r->item == NULL) {
    imp_pep_job_end(&r->job);
  } else {
    imp_pep_with(r->job.pep, r->owner, &r->job, has_account);
  }
}

static void read_last(imp_pep_account *a, imp_pep_node *n, const imp_session *s) {
  uint8_t key[IMP_PEP_NAME_MAX + 9];
  const imp_pep_item *item = &n->items[n->nitems - 1];
  reading *r = imp_pep_job_new(a->pep, sizeof(*r), drop_reading);
  if (r == NULL) {
    return;
  }
  r->owner = imp_jid_ref(a->jid);
  r->to = imp_jid_ref(s->jid);
  r->name = imp_strdup(n->name);
  r->id = imp_strdup(item->id);
  if (r->name == NULL || r->id == NULL ||
      imp_node_get(a->pep->node, IMP_SPACE_PEP_ITEM, imp_jid_full(a->jid), key, imp_pep_item_key(key, n, item->number),
                   on_item, r) == NULL) {
    imp_pep_job_end(&r->job);
  }
}

static int is_wanted(const telling *t, const imp_session *s, const imp_pep_node *n) {
  return n->nitems > 0 && n->config.last == IMP_PEP_ON_SUB_AND_PRESENCE && imp_caps_wants(s, n->name) &&
         !imp_words_has(&t->except, n->name);
}

static void tell_nodes(imp_pep_account *a, int status, imp_pep_job *job) {
  telling *t = (telling *)job;
  imp_session *s = imp_node_find_session(job->pep->node, t->to);
  imp_list *l;
  (void)status;
  for (l = a != NULL ? a->nodes.next : NULL; s != NULL && l != NULL && l != &a->nodes; l = l->next) {
    imp_pep_node *n = IMP_CONTAINER_OF(l, imp_pep_node, link);
    if (!is_wanted(t, s, n) || (!imp_jid_equal_bare(a->jid, t->to) && !imp_pep_may_see(job, n, t->to))) {
      continue;
    }
    if (n->last != NULL) {
      tell(a, n, n->last, s);
    } else {
      read_last(a, n, s);
    }
  }
  imp_pep_job_end(job);
}

static void has_answer(imp_pep_job *job) {
  telling *t = (telling *)job;
  if (job->sees) {
    imp_pep_with(job->pep, t->owner, job, tell_nodes);
  } else {
    imp_pep_job_end(job);
  }
}

/* Rosters are not asked about accounts that publish nothing this client wants. */
static void look(imp_pep_account *a, int status, imp_pep_job *job) {
  telling *t = (telling *)job;
  imp_session *s = imp_node_find_session(job->pep->node, t->to);
  imp_list *l;
  (void)status;
  for (l = a != NULL ? a->nodes.next : NULL; s != NULL && l != NULL && l != &a->nodes; l = l->next) {
    if (is_wanted(t, s, IMP_CONTAINER_OF(l, imp_pep_node, link))) {
      imp_pep_ask(job, t->owner, t->to, has_answer);
      return;
    }
  }
  imp_pep_job_end(job);
}

static void begin(imp_pep *pep, const imp_jid *owner, const imp_session *s, const imp_words *except) {
  telling *t = imp_pep_job_new(pep, sizeof(*t), drop_telling);
  if (t == NULL) {
    return;
  }
  t->owner = imp_jid_ref((imp_jid *)(uintptr_t)owner);
  t->to = imp_jid_ref(s->jid);
  if (except != NULL && imp_words_copy(&t->except, except) < 0) {
    imp_pep_job_end(&t->job);
  } else {
    imp_pep_with(pep, owner, &t->job, look);
  }
}

/* ---- all contacts ---- */


static void on_contact(imp_node *node, const imp_jid *contact, void *ctx) {
  telling *t = ctx;
  imp_session *s = imp_node_find_session(node, t->to);
  if (contact == NULL) {
    imp_pep_job_end(&t->job);
  } else if (s != NULL && imp_node_is_local(node, contact)) {
    begin(t->job.pep, contact, s, &t->except);
  }
}

static void contacts(imp_pep *pep, const imp_session *s, const imp_words *except) {
  imp_event event = {.to = s->user->jid, .count = IMP_CONTACT_IS_SEEN, .contact_fn = on_contact};
  telling *t = imp_pep_job_new(pep, sizeof(*t), drop_telling);
  if (t == NULL) {
    return;
  }
  t->to = imp_jid_ref(s->jid);
  event.ctx = t;
  if ((except != NULL && imp_words_copy(&t->except, except) < 0) ||
      imp_node_run_hooks(pep->node, IMP_POINT_EACH_CONTACT, &event) == IMP_CONTINUE) {
    imp_pep_job_end(&t->job);
  }
}

void imp_pep_send_last(imp_session *s, const imp_caps *before) {
  imp_pep *pep = imp_pep_of(s->node);
  const imp_caps *caps = imp_caps_of(s);
  const imp_words *except = before != NULL ? &before->nodes : NULL;
  const char *w = NULL;
  int wants = 0;
  while ((w = imp_words_next(&caps->nodes, w)) != NULL && !wants) {
    wants = except == NULL || !imp_words_has(except, w);
  }
  if (wants) {
    begin(pep, s->user->jid, s, except);
    contacts(pep, s, except);
  }
}

/* A contact may see this account from now on. */
static imp_verdict on_admitted(imp_event *event, void *ctx) {
  imp_user *user = imp_node_find_user(event->node, event->who);
  imp_session *s = user != NULL ? imp_session_first(user) : NULL;
  for (; s != NULL; s = imp_session_next(s)) {
    const imp_caps *caps = imp_caps_of(s);
    if (caps != NULL && caps->known && s->presence != NULL && caps->nodes.len > 0) {
      begin(ctx, event->to, s, NULL);
    }
  }
  return IMP_CONTINUE;
}

int imp_pep_start_last(imp_node *node) {
  return imp_node_hook(node, IMP_POINT_CONTACT_ADMITTED, 100, on_admitted, imp_pep_of(node));
}
