/* What an account is and has, to those who may see it (XEP-0030, XEP-0163 §6). */
#include <string.h>

#include "pep/internal.h"

static const char *const features[] = {
    IMP_NS_PUBSUB, IMP_NS_PUBSUB "#access-open", IMP_NS_PUBSUB "#access-presence", IMP_NS_PUBSUB "#access-roster",
    IMP_NS_PUBSUB "#access-whitelist", IMP_NS_PUBSUB "#auto-create", IMP_NS_PUBSUB "#auto-subscribe",
    IMP_NS_PUBSUB "#config-node", IMP_NS_PUBSUB "#config-node-max", IMP_NS_PUBSUB "#create-and-configure",
    IMP_NS_PUBSUB "#create-nodes", IMP_NS_PUBSUB "#delete-nodes", IMP_NS_PUBSUB "#filtered-notifications",
    IMP_NS_PUBSUB "#item-ids", IMP_NS_PUBSUB "#last-published", IMP_NS_PUBSUB "#member-affiliation",
    IMP_NS_PUBSUB "#meta-data", IMP_NS_PUBSUB "#modify-affiliations", IMP_NS_PUBSUB "#multi-items",
    IMP_NS_PUBSUB "#persistent-items", IMP_NS_PUBSUB "#presence-notifications", IMP_NS_PUBSUB "#publish",
    IMP_NS_PUBSUB "#publish-options", IMP_NS_PUBSUB "#purge-nodes", IMP_NS_PUBSUB "#retract-items",
    IMP_NS_PUBSUB "#retrieve-default", IMP_NS_PUBSUB "#retrieve-items", IMP_NS_PRIVATE, IMP_NS_VCARD,
    IMP_NS_BOOKMARKS "#compat", "urn:xmpp:pep-vcard-conversion:0"};

typedef struct question {
  imp_pep_job job;
  imp_stanza *st;
  imp_jid *owner;
  size_t written;
  uint8_t info;
} question;

static void drop(imp_pep_job *job) {
  question *q = (question *)job;
  imp_stanza_del(q->st);
  imp_jid_del(q->owner);
}

static const char *node_asked(const question *q) { return imp_elem_attr(imp_elem_first(&q->st->root), "node"); }

static int sees_node(const question *q, const imp_pep_node *n) {
  return imp_jid_equal_bare(q->owner, q->st->from) || imp_pep_may_see(&q->job, n, q->st->from);
}

static imp_stanza *start_reply(const question *q, imp_elem **query) {
  imp_stanza *reply;
  if (imp_stanza_new_reply(&reply, q->st) < 0) {
    return NULL;
  }
  *query = imp_elem_add(reply, imp_stanza_edit(reply), "query", q->info ? IMP_NS_DISCO_INFO : IMP_NS_DISCO_ITEMS);
  if (*query == NULL) {
    imp_stanza_del(reply);
    return NULL;
  }
  if (node_asked(q) != NULL) {
    imp_elem_set_attr(reply, *query, "node", node_asked(q));
  }
  return reply;
}

/* Names may grow sixfold when they are escaped: a list that would fill half of what may wait for its reader ends there. */
static void add_item(imp_stanza *st, imp_elem *query, question *q, const char *attr, const char *value) {
  size_t bytes = (strlen(value) + imp_jid_bare_len(q->owner)) * 6 + 32;
  imp_elem *el;
  q->written += bytes;
  el = q->written < q->job.pep->node->settings.max_output_bytes / 2 ? imp_elem_add(st, query, "item", NULL) : NULL;
  if (el != NULL) {
    imp_elem_set_attr(st, el, "jid", imp_jid_bare(q->owner));
    imp_elem_set_attr(st, el, attr, value);
  }
}

static int node_info(const question *q, const imp_pep_node *n) {
  imp_elem *query;
  imp_stanza *reply = start_reply(q, &query);
  if (reply == NULL) {
    return IMP_ERR_NOMEM;
  }
  imp_disco_identity(reply, query, "pubsub", "leaf", NULL);
  imp_disco_feature(reply, query, IMP_NS_PUBSUB);
  imp_pep_config_write(reply, query, &n->config, "result", IMP_NS_PUBSUB "#meta-data");
  imp_node_reply(q->job.pep->node, reply);
  return IMP_OK;
}

static int node_items(question *q, const imp_pep_node *n) {
  imp_elem *query;
  imp_stanza *reply = start_reply(q, &query);
  uint32_t i;
  if (reply == NULL) {
    return IMP_ERR_NOMEM;
  }
  for (i = 0; i < n->nitems; i++) {
    add_item(reply, query, q, "name", n->items[i].id);
  }
  imp_node_reply(q->job.pep->node, reply);
  return IMP_OK;
}

static int account_items(const imp_pep_account *a, question *q) {
  imp_elem *query;
  imp_stanza *reply = start_reply(q, &query);
  imp_list *l;
  uint32_t found = 0;
  if (reply == NULL) {
    return IMP_ERR_NOMEM;
  }
  for (l = a->nodes.next; l != &a->nodes; l = l->next) {
    const imp_pep_node *n = IMP_CONTAINER_OF(l, imp_pep_node, link);
    if (sees_node(q, n)) {
      add_item(reply, query, q, "node", n->name);
      found++;
    }
  }
  if (found == 0 && !q->job.sees) {
    imp_stanza_del(reply);
    return IMP_ERR_DENIED;
  }
  imp_node_reply(q->job.pep->node, reply);
  return IMP_OK;
}

static int account_info(const question *q) {
  return q->job.sees ? imp_disco_info_answer(q->job.pep->node, NULL, q->st) : IMP_ERR_DENIED;
}

static int answer(const imp_pep_account *a, question *q) {
  const char *name = node_asked(q);
  const imp_pep_node *n = name != NULL ? imp_pep_find(a, name) : NULL;
  if (name == NULL) {
    return q->info ? account_info(q) : account_items(a, q);
  }
  if (n == NULL || !sees_node(q, n)) {
    return q->job.sees ? IMP_ERR_NOT_FOUND : IMP_ERR_DENIED;
  }
  return q->info ? node_info(q, n) : node_items(q, n);
}

static void has_account(imp_pep_account *a, int status, imp_pep_job *job) {
  question *q = (question *)job;
  status = status < 0 ? status : answer(a, q);
  if (status == IMP_ERR_DENIED) {
    imp_pep_refuse(job->pep->node, q->st, "service-unavailable", NULL, NULL);
  } else if (status < 0) {
    imp_pep_refuse_status(job->pep->node, q->st, status);
  }
  imp_pep_job_end(job);
}

static void has_answer(imp_pep_job *job) { imp_pep_with(job->pep, ((question *)job)->owner, job, has_account); }

static imp_verdict on_asked(imp_event *event, void *ctx) {
  imp_stanza *st = event->stanza;
  const imp_jid *owner = imp_pep_owner_of(event->node, event->session, st);
  const imp_elem *query = imp_elem_first(&st->root);
  int info = imp_str_is(imp_elem_ns(query), IMP_NS_DISCO_INFO);
  question *q;
  if (owner == NULL || st->from == NULL || (st->to != NULL && st->to->locallen == 0) ||
      (info && imp_elem_attr(query, "node") == NULL && imp_jid_equal_bare(owner, st->from))) {
    return IMP_CONTINUE;
  }
  q = imp_pep_job_new(ctx, sizeof(*q), drop);
  if (q == NULL) {
    imp_pep_refuse(event->node, st, "resource-constraint", NULL, NULL);
    return IMP_HANDLED;
  }
  q->st = imp_pep_job_keep(&q->job, st);
  q->owner = imp_jid_ref((imp_jid *)(uintptr_t)owner);
  q->info = (uint8_t)info;
  imp_pep_ask(&q->job, q->owner, q->st->from, has_answer);
  return IMP_HANDLED;
}

static imp_verdict on_info(imp_event *event, void *ctx) {
  size_t i;
  (void)ctx;
  if (event->to != NULL && event->to->locallen == 0) {
    imp_disco_feature(event->stanza, event->elem, IMP_NS_VCARD);
    imp_disco_feature(event->stanza, event->elem, IMP_NS_PRIVATE);
  }
  if (event->to == NULL || event->to->locallen == 0 || (event->session != NULL && event->session->anonymous)) {
    return IMP_CONTINUE;
  }
  imp_disco_identity(event->stanza, event->elem, "pubsub", "pep", NULL);
  for (i = 0; i < IMP_ARRAY_LEN(features); i++) {
    imp_disco_feature(event->stanza, event->elem, features[i]);
  }
  return IMP_CONTINUE;
}

int imp_pep_start_disco(imp_node *node) {
  int rv = imp_node_hook(node, IMP_POINT_DISCO_ASKED, 100, on_asked, imp_pep_of(node));
  return rv < 0 ? rv : imp_node_hook(node, IMP_POINT_DISCO_INFO, 60, on_info, NULL);
}
