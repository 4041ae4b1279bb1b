/* XEP-0060 as accounts serve it: which request it is, who asks, what the account has; then whoever answers it. */
#include "pep/request.h"

#include <string.h>

static const imp_pep_verb verbs[] = {
    {"items", IMP_NS_PUBSUB, IMP_TYPE_GET, 0, 1, imp_pep_do_items},
    {"publish", IMP_NS_PUBSUB, IMP_TYPE_SET, 1, 1, imp_pep_do_publish},
    {"retract", IMP_NS_PUBSUB, IMP_TYPE_SET, 1, 2, imp_pep_do_retract},
    {"create", IMP_NS_PUBSUB, IMP_TYPE_SET, 1, 1, imp_pep_do_create},
    {"configure", IMP_NS_PUBSUB_OWNER, IMP_TYPE_GET, 1, 2, imp_pep_do_configure_get},
    {"configure", IMP_NS_PUBSUB_OWNER, IMP_TYPE_SET, 1, 2, imp_pep_do_configure_set},
    {"default", IMP_NS_PUBSUB_OWNER, IMP_TYPE_GET, 1, 0, imp_pep_do_default},
    {"delete", IMP_NS_PUBSUB_OWNER, IMP_TYPE_SET, 1, 2, imp_pep_do_delete},
    {"purge", IMP_NS_PUBSUB_OWNER, IMP_TYPE_SET, 1, 2, imp_pep_do_purge},
    {"affiliations", IMP_NS_PUBSUB_OWNER, IMP_TYPE_GET, 1, 2, imp_pep_do_affiliations_get},
    {"affiliations", IMP_NS_PUBSUB_OWNER, IMP_TYPE_SET, 1, 2, imp_pep_do_affiliations_set},
};

/* What there is no verb for, as XEP-0060 §10 names it. */
static const struct {
  const char *name, *feature;
} unsupported[] = {{"subscribe", "subscribe"},
                   {"unsubscribe", "subscribe"},
                   {"options", "subscription-options"},
                   {"subscriptions", "retrieve-subscriptions"},
                   {"affiliations", "retrieve-affiliations"},
                   {"default", "retrieve-default-sub"}};

static void drop(imp_pep_job *job) {
  imp_pep_request *r = (imp_pep_request *)job;
  imp_stanza_del(r->st);
  imp_jid_del(r->owner);
  imp_words_free(&r->ids);
}

const char *imp_pep_node_name(const imp_pep_request *r) { return imp_elem_attr(r->action, "node"); }

imp_stanza *imp_pep_reply(const imp_pep_request *r, imp_elem **action) {
  const char *node = imp_pep_node_name(r);
  imp_stanza *reply;
  imp_elem *pubsub;
  if (imp_stanza_new_reply(&reply, r->st) < 0) {
    return NULL;
  }
  pubsub = imp_elem_add(reply, imp_stanza_edit(reply), "pubsub", imp_elem_ns(r->pubsub));
  *action = imp_elem_add(reply, pubsub, imp_elem_name(r->action), NULL);
  if (*action == NULL) {
    imp_stanza_del(reply);
    return NULL;
  }
  if (node != NULL) {
    imp_elem_set_attr(reply, *action, "node", node);
  }
  return reply;
}

int imp_pep_reply_empty(const imp_pep_request *r) { return imp_node_reply_empty(r->job.pep->node, r->st); }

int imp_pep_refuse_request(const imp_pep_request *r, const char *condition, const char *pubsub, const char *feature) {
  imp_pep_refuse(r->job.pep->node, r->st, condition, pubsub, feature);
  return IMP_OK;
}

/* Whoever may not see presence does not learn which nodes there are. */
static int check_reader(imp_pep_account *a, imp_pep_request *r) {
  imp_pep_node *n = imp_pep_find(a, imp_pep_node_name(r));
  if (r->is_owner || (n != NULL && imp_pep_may_see(&r->job, n, r->st->from))) {
    return IMP_OK;
  }
  if (n == NULL && r->job.sees) {
    return IMP_ERR_NOT_FOUND;
  }
  if (n == NULL || n->config.access == IMP_PEP_PRESENCE || !r->job.sees) {
    (void)imp_pep_refuse_request(r, "not-authorized", "presence-subscription-required", NULL);
  } else if (n->config.access == IMP_PEP_ROSTER) {
    (void)imp_pep_refuse_request(r, "not-authorized", "not-in-roster-group", NULL);
  } else {
    (void)imp_pep_refuse_request(r, "not-allowed", "closed-node", NULL);
  }
  return IMP_ERR_DENIED;
}

static void has_account(imp_pep_account *a, int status, imp_pep_job *job) {
  imp_pep_request *r = (imp_pep_request *)job;
  if (status == IMP_OK && r->verb->needs_node == 2 && imp_pep_find(a, imp_pep_node_name(r)) == NULL) {
    status = IMP_ERR_NOT_FOUND;
  }
  if (status == IMP_OK && !r->verb->owner_only) {
    status = check_reader(a, r);
  }
  if (status == IMP_OK) {
    status = r->verb->fn(a, r);
  }
  if (status == IMP_ERR_PENDING) {
    return;
  }
  if (status < 0 && status != IMP_ERR_DENIED) {
    imp_pep_refuse_status(job->pep->node, r->st, status);
  }
  imp_pep_job_end(job);
}

static void has_answer(imp_pep_job *job) { imp_pep_with(job->pep, ((imp_pep_request *)job)->owner, job, has_account); }

static const imp_pep_verb *find_verb(const imp_stanza *st, const imp_elem *action) {
  size_t i;
  for (i = 0; i < IMP_ARRAY_LEN(verbs); i++) {
    if (imp_elem_match(action, verbs[i].name, verbs[i].ns) && st->type == verbs[i].type) {
      return &verbs[i];
    }
  }
  return NULL;
}

static void refuse_unknown(imp_node *node, const imp_stanza *st, const imp_elem *action) {
  size_t i;
  for (i = 0; action != NULL && i < IMP_ARRAY_LEN(unsupported); i++) {
    if (strcmp(imp_elem_name(action), unsupported[i].name) == 0) {
      imp_pep_refuse(node, st, "feature-not-implemented", "unsupported", unsupported[i].feature);
      return;
    }
  }
  imp_pep_refuse(node, st, "bad-request", NULL, NULL);
}

/* NULL: answered. */
static imp_pep_request *begin(imp_node *node, imp_stanza *st, const imp_jid *owner, const imp_elem *action,
                              const imp_pep_verb *verb) {
  imp_pep_request *r;
  const char *name = imp_elem_attr(action, "node");
  int is_owner = st->from != NULL && imp_jid_equal_bare(owner, st->from);
  if (verb->owner_only && !is_owner) {
    imp_pep_refuse(node, st, "forbidden", NULL, NULL);
    return NULL;
  }
  if (verb->needs_node && (name == NULL || *name == '\0')) {
    imp_pep_refuse(node, st, strcmp(verb->name, "create") == 0 ? "not-acceptable" : "bad-request", "nodeid-required", NULL);
    return NULL;
  }
  if (name != NULL && strlen(name) > IMP_PEP_NAME_MAX) {
    imp_pep_refuse(node, st, "not-acceptable", NULL, NULL);
    return NULL;
  }
  r = imp_pep_job_new(imp_pep_of(node), sizeof(*r), drop);
  if (r == NULL) {
    imp_pep_refuse(node, st, "resource-constraint", NULL, NULL);
    return NULL;
  }
  r->st = imp_pep_job_keep(&r->job, st);
  r->owner = imp_jid_ref((imp_jid *)(uintptr_t)owner);
  r->pubsub = imp_elem_first(&r->st->root);
  r->action = action;
  r->verb = verb;
  r->is_owner = (uint8_t)is_owner;
  return r;
}

static int on_pubsub(imp_node *node, imp_session *session, imp_stanza *st, void *ctx) {
  const imp_jid *owner = imp_pep_owner_of(node, session, st);
  const imp_elem *action = imp_elem_first(imp_elem_first(&st->root));
  const imp_pep_verb *verb = action != NULL ? find_verb(st, action) : NULL;
  imp_pep_request *r;
  (void)ctx;
  if (owner == NULL || st->from == NULL || (session != NULL && session->anonymous && imp_jid_equal_bare(owner, st->from))) {
    imp_pep_refuse(node, st, "service-unavailable", NULL, NULL);
  } else if (verb == NULL) {
    refuse_unknown(node, st, action);
  } else if ((r = begin(node, st, owner, action, verb)) != NULL) {
    if (r->is_owner) {
      has_answer(&r->job);
    } else {
      imp_pep_ask(&r->job, r->owner, r->st->from, has_answer);
    }
  }
  return IMP_OK;
}

int imp_pep_start_requests(imp_node *node) {
  unsigned scope = IMP_IQ_OWN | IMP_IQ_OTHER;
  int rv = imp_node_serve_iq(node, IMP_NS_PUBSUB, scope, on_pubsub, NULL);
  return rv < 0 ? rv : imp_node_serve_iq(node, IMP_NS_PUBSUB_OWNER, scope, on_pubsub, NULL);
}
