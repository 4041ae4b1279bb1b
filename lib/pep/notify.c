/* Notifications (XEP-0163 §4.3): headlines to the owner's resources and to contacts, where the client asks for them. */
#include <string.h>

#include "node/fates.h"
#include "pep/caps.h"

imp_stanza *imp_pep_event(const imp_pep_account *a, const char *node, const char *name, imp_elem **elem) {
  imp_stanza *st;
  imp_elem *event;
  char id[24];
  if (imp_stanza_new(&st, "message", NULL) < 0) {
    return NULL;
  }
  imp_node_fresh_id(a->pep->node, id);
  imp_stanza_set_type(st, IMP_TYPE_HEADLINE);
  imp_stanza_set_from(st, a->jid);
  imp_stanza_set_id(st, id);
  event = imp_elem_add(st, imp_stanza_edit(st), "event", IMP_NS_PUBSUB_EVENT);
  *elem = imp_elem_add(st, event, name, NULL);
  if (*elem == NULL) {
    imp_stanza_del(st);
    return NULL;
  }
  imp_elem_set_attr(st, *elem, "node", node);
  return st;
}

imp_stanza *imp_pep_event_item(const imp_pep_account *a, const imp_pep_node *n, const imp_stanza *item) {
  imp_elem *items, *copy;
  imp_stanza *st = imp_pep_event(a, n->name, "items", &items);
  const imp_elem *payload = imp_elem_first(imp_stanza_root(item));
  if (st == NULL) {
    return NULL;
  }
  copy = imp_elem_add(st, items, "item", NULL);
  if (copy != NULL) {
    imp_elem_set_attr(st, copy, "id", imp_elem_attr(imp_stanza_root(item), "id"));
    if (payload != NULL && n->config.payloads) {
      (void)imp_elem_add_copy(st, copy, payload);
    }
  }
  if (imp_stanza_is_broken(st)) {
    imp_stanza_del(st);
    return NULL;
  }
  return st;
}

void imp_pep_tell(imp_session *s, imp_stanza *event) {
  imp_packet_options options = {.to = s->jid};
  imp_packet *packet;
  if (imp_packet_new(&packet, event, &options) == IMP_OK) {
    (void)imp_session_deliver(s, packet);
  }
}

static void tell_user(imp_node *node, const imp_jid *jid, const char *name, imp_stanza *event) {
  imp_user *user = imp_node_find_user(node, jid);
  imp_session *s = user != NULL ? imp_session_first(user) : NULL, *next;
  for (; s != NULL; s = next) {
    next = imp_session_next(s);
    if (imp_caps_wants(s, name)) {
      imp_pep_tell(s, event);
    }
  }
}

/* What is told to the contacts while rosters are being read. */
typedef struct fan_out {
  imp_pep_job job;
  imp_stanza *event;
  imp_jid *owner;
  char *name;
  uint8_t access;
  imp_words among; /* who may see it, or their groups */
  uint32_t holds;  /* questions that are not answered, and the list itself */
} fan_out;

typedef struct question {
  imp_pep_job job;
  fan_out *out;
  imp_jid *contact;
} question;

static void drop_fan_out(imp_pep_job *job) {
  fan_out *out = (fan_out *)job;
  imp_stanza_del(out->event);
  imp_jid_del(out->owner);
  imp_free(out->name);
  imp_words_free(&out->among);
}

static void drop_question(imp_pep_job *job) { imp_jid_del(((question *)job)->contact); }

static void fan_out_let_go(fan_out *out) {
  if (--out->holds == 0) {
    imp_pep_job_end(&out->job);
  }
}

static void on_answer(imp_pep_job *job) {
  question *q = (question *)job;
  fan_out *out = q->out;
  int may = out->access == IMP_PEP_ROSTER ? job->known && imp_words_meet(&job->groups, &out->among) : !job->blocked;
  if (may) {
    tell_user(job->pep->node, q->contact, out->name, out->event);
  }
  imp_pep_job_end(job);
  fan_out_let_go(out);
}

/* Only about those who are here, since a question costs something. */
static void ask_about(fan_out *out, const imp_jid *contact) {
  question *q;
  if (imp_node_find_user(out->job.pep->node, contact) == NULL) {
    return;
  }
  q = imp_pep_job_new(out->job.pep, sizeof(*q), drop_question);
  if (q != NULL) {
    q->out = out;
    q->contact = imp_jid_ref((imp_jid *)(uintptr_t)contact);
    out->holds++;
    imp_pep_ask(&q->job, out->owner, q->contact, on_answer);
  }
}

static void on_contact(imp_node *node, const imp_jid *contact, void *ctx) {
  fan_out *out = ctx;
  if (contact == NULL) {
    fan_out_let_go(out);
  } else if (out->access == IMP_PEP_ROSTER) {
    ask_about(out, contact);
  } else {
    tell_user(node, contact, out->name, out->event);
  }
}

/* A whitelist lets in whom the roster may not know. */
static void tell_members(fan_out *out) {
  imp_node *node = out->job.pep->node;
  const char *member = NULL;
  while ((member = imp_words_next(&out->among, member)) != NULL) {
    imp_jid *jid;
    if (imp_jid_cache_get(node->jids, &jid, member, strlen(member)) == IMP_OK) {
      if (!imp_jid_equal_bare(jid, out->owner)) { /* he has been told */
        ask_about(out, jid);
      }
      imp_jid_del(jid);
    }
  }
  fan_out_let_go(out);
}

static int fill(fan_out *out, const imp_pep_account *a, const imp_pep_node *n, imp_stanza *event) {
  out->event = imp_stanza_ref(event);
  out->owner = imp_jid_ref(a->jid);
  out->access = n->config.access;
  out->name = imp_strdup(n->name);
  out->holds = 1;
  return out->name == NULL ? IMP_ERR_NOMEM
                           : imp_words_copy(&out->among, n->config.access == IMP_PEP_ROSTER ? &n->config.groups : &n->members);
}

static void tell_contacts(const imp_pep_account *a, const imp_pep_node *n, imp_stanza *event) {
  imp_event ev = {.to = a->jid, .contact_fn = on_contact};
  fan_out *out = imp_pep_job_new(a->pep, sizeof(*out), drop_fan_out);
  if (out == NULL) {
    return;
  }
  ev.ctx = out;
  ev.count = n->config.access == IMP_PEP_ROSTER ? IMP_CONTACT_LISTED : IMP_CONTACT_SEES;
  if (fill(out, a, n, event) < 0) {
    fan_out_let_go(out);
  } else if (n->config.access == IMP_PEP_WHITELIST || n->config.access == IMP_PEP_AUTHORIZE) {
    tell_members(out);
  } else if (imp_node_run_hooks(a->pep->node, IMP_POINT_EACH_CONTACT, &ev) == IMP_CONTINUE) {
    fan_out_let_go(out);
  }
}

static int nobody_else(const imp_pep_node *n) {
  switch ((imp_pep_access)n->config.access) {
  case IMP_PEP_WHITELIST:
  case IMP_PEP_AUTHORIZE:
    return n->members.len == 0;
  case IMP_PEP_ROSTER:
    return n->config.groups.len == 0;
  case IMP_PEP_OPEN:
  case IMP_PEP_PRESENCE:
  default:
    return 0;
  }
}

void imp_pep_notify(imp_pep_account *a, const imp_pep_node *n, imp_stanza *event) {
  if (event == NULL) {
    return;
  }
  if (!imp_stanza_is_broken(event)) {
    tell_user(a->pep->node, a->jid, n->name, event);
    if (!nobody_else(n)) {
      tell_contacts(a, n, event);
    }
  }
  imp_stanza_del(event);
}

/* A notification that did not reach its session is old by the time anybody could have it: the next presence gets the newest. */
static imp_verdict on_undelivered(imp_event *event, void *ctx) {
  const imp_stanza *st = event->packet->stanza;
  (void)ctx;
  if (st->kind != IMP_STANZA_MESSAGE || st->type != IMP_TYPE_HEADLINE ||
      imp_stanza_child(st, "event", IMP_NS_PUBSUB_EVENT) == NULL) {
    return IMP_CONTINUE;
  }
  imp_node_drop(event->node, event->packet, IMP_DROP_HEADLINE);
  return IMP_HANDLED;
}

int imp_pep_start_notify(imp_node *node) {
  return imp_node_hook(node, IMP_POINT_UNDELIVERED, 50, on_undelivered, NULL);
}
