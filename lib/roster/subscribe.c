/* Subscriptions (RFC 6121 §3): the table is in presence/subscription.c, here is what follows from it. */
#include "roster/internal.h"

static const uint8_t kinds[] = {IMP_TYPE_SUBSCRIBE, IMP_TYPE_UNSUBSCRIBE, IMP_TYPE_SUBSCRIBED, IMP_TYPE_UNSUBSCRIBED};

int imp_roster_sub_kind(unsigned type) {
  int i;
  for (i = 0; i < IMP_SUB_STANZAS; i++) {
    if (kinds[i] == type) {
      return i;
    }
  }
  return -1;
}

/* From account to account, as subscriptions are. */
static imp_stanza *bare_copy(const imp_stanza *st, imp_stanza_type type, const imp_jid *from, const imp_jid *to) {
  return st != NULL ? imp_roster_copy(st, from, to) : imp_roster_presence(type, from, to);
}

static void tell_admitted(imp_roster *r, const imp_jid *contact) {
  imp_event event = {.to = r->jid, .who = contact};
  (void)imp_node_run_hooks(r->node, IMP_POINT_CONTACT_ADMITTED, &event);
}

/* The new state is kept; a push is sent. */
static int keep(imp_roster *r, const imp_jid *contact, imp_sub sub, unsigned todo, imp_contact **pc) {
  int rv = IMP_OK;
  imp_contact *c = *pc;
  if (todo & IMP_SUB_CHANGED) {
    c = imp_contact_get(r, contact, sub.listed, &rv);
    if (c == NULL) {
      return rv;
    }
    imp_contact_set_sub(r, c, sub);
    imp_contact_note(r, c, (todo & IMP_SUB_PUSH) != 0);
    *pc = imp_contact_find(r, contact);
  }
  return IMP_OK;
}

/* The contact sees the user no longer. */
static void hide(imp_roster *r, const imp_jid *contact, unsigned todo) {
  if (todo & IMP_SUB_SEND_UNAVAILABLE) {
    imp_roster_send_unavailable_to(r, contact);
  }
}

/* The contact sees the user from now on. */
static void show(imp_roster *r, const imp_jid *contact, unsigned todo, int saw) {
  if (todo & IMP_SUB_SEND_PRESENCE) {
    (void)imp_roster_send_all_to(r, NULL, contact);
    if (!saw) {
      tell_admitted(r, contact);
    }
  }
}

int imp_roster_outbound(imp_roster *r, const imp_jid *contact, imp_stanza_type type, imp_stanza *st) {
  imp_contact *c = imp_contact_find(r, contact);
  imp_sub sub = c ? c->sub : (imp_sub){0};
  int saw = imp_sub_has_from((imp_sub_state)sub.state), rv;
  unsigned todo = imp_sub_apply(&sub, IMP_SUB_OUTBOUND, (imp_sub_stanza)imp_roster_sub_kind(type));
  if ((rv = keep(r, contact, sub, todo, &c)) < 0) {
    return rv;
  }
  hide(r, contact, todo); /* while he may see it (§3.2.2) */
  if (todo & IMP_SUB_PASS) {
    imp_roster_send(r->node, bare_copy(st, type, r->jid, contact));
  }
  if (c != NULL && (todo & IMP_SUB_PUSH)) {
    imp_roster_push(r, c, NULL);
  }
  show(r, contact, todo, saw);
  return IMP_OK;
}

static void leave(imp_roster *r, const imp_task *task) {
  imp_stanza *st = task->stanza;
  imp_jid *contact;
  if (task->error < 0) {
    imp_node_bounce(r->node, st, "internal-server-error", NULL);
  } else if (imp_jid_new_bare(&contact, st->to) == IMP_OK) {
    int rv = imp_roster_outbound(r, contact, (imp_stanza_type)st->type, st);
    imp_jid_del(contact);
    if (rv < 0) {
      imp_node_bounce(r->node, st, rv == IMP_ERR_LIMIT ? "policy-violation" : "resource-constraint", NULL);
    }
  }
}

static imp_verdict on_presence_in(imp_event *event, void *ctx) {
  imp_task task = {.run = leave, .stanza = event->stanza};
  imp_roster *r;
  (void)ctx;
  if (event->stanza->to == NULL || imp_roster_sub_kind(event->stanza->type) < 0) {
    return IMP_CONTINUE;
  }
  if (imp_jid_equal_bare(event->stanza->to, event->session->jid)) {
    return IMP_HANDLED; /* everybody sees himself */
  }
  r = imp_roster_of(event->session->user);
  if (r == NULL || imp_roster_when(r, &task) < 0) {
    imp_node_bounce(event->node, event->stanza, "resource-constraint", NULL);
  }
  return IMP_HANDLED;
}

/* ---- what comes from contacts ---- */

static int is_addressed(const imp_session *s, imp_stanza_type type) {
  const imp_roster_session *rs = imp_roster_session_of(s);
  return !s->ending && (type == IMP_TYPE_SUBSCRIBE ? s->presence != NULL : rs != NULL && rs->interested);
}

static void deliver(imp_roster *r, imp_stanza *st, const imp_session *only) {
  imp_session *s = r->user ? imp_session_first(r->user) : NULL, *next;
  for (; s != NULL; s = next) {
    imp_packet_options options = {.to = r->jid};
    imp_packet *packet;
    next = imp_session_next(s);
    if ((only == NULL || only == s) && is_addressed(s, (imp_stanza_type)st->type) &&
        imp_packet_new(&packet, st, &options) == IMP_OK) {
      (void)imp_session_deliver(s, packet);
    }
  }
}

/* A request is kept as it came, if it is not large. */
static imp_stanza *request_of(const imp_roster *r, const imp_stanza *st, const imp_jid *contact) {
  imp_stanza *copy = imp_roster_copy(st, contact, r->jid), *kept;
  size_t len = 0;
  if (copy == NULL || imp_stanza_tail(copy, &len) == NULL ||
      len > imp_rosters_of(r->node)->settings.max_request_bytes) {
    imp_stanza_del(copy);
    return imp_roster_presence(IMP_TYPE_SUBSCRIBE, contact, r->jid);
  }
  kept = imp_stanza_keep(copy);
  imp_stanza_del(copy);
  return kept;
}

static void refuse_unknown(imp_roster *r, const imp_jid *contact, imp_stanza_type type) {
  if (type == IMP_TYPE_SUBSCRIBE) {
    imp_roster_send(r->node, imp_roster_presence(IMP_TYPE_UNSUBSCRIBED, r->jid, contact));
  }
}

static void tell_clients(imp_roster *r, imp_contact *c, imp_stanza *st, const imp_jid *contact, unsigned todo) {
  imp_stanza *copy;
  if ((todo & IMP_SUB_PASS) && (copy = imp_roster_copy(st, contact, r->jid)) != NULL) {
    deliver(r, copy, NULL);
    imp_stanza_del(copy);
  }
  if (c != NULL && (todo & IMP_SUB_PUSH)) {
    imp_roster_push(r, c, NULL);
  }
}

static void inbound(imp_roster *r, const imp_jid *contact, imp_stanza *st) {
  imp_contact *c = imp_contact_find(r, contact);
  imp_sub sub = c ? c->sub : (imp_sub){0};
  int saw = imp_sub_has_from((imp_sub_state)sub.state);
  unsigned todo = imp_sub_apply(&sub, IMP_SUB_INBOUND, (imp_sub_stanza)imp_roster_sub_kind(st->type));
  if (!r->exists) {
    refuse_unknown(r, contact, (imp_stanza_type)st->type);
    return;
  }
  if (keep(r, contact, sub, todo, &c) < 0) {
    return; /* too many ask: this one may ask again */
  }
  if (c != NULL && st->type == IMP_TYPE_SUBSCRIBE && imp_sub_is_asked((imp_sub_state)c->sub.state) &&
      c->request == NULL) {
    c->request = request_of(r, st, contact);
    imp_contact_note(r, c, 0);
  }
  tell_clients(r, c, st, contact, todo);
  if (todo & IMP_SUB_REPLY_SUBSCRIBED) {
    imp_roster_send(r->node, imp_roster_presence(IMP_TYPE_SUBSCRIBED, r->jid, contact));
  }
  hide(r, contact, todo);
  show(r, contact, todo, saw);
}

static void arrive(imp_roster *r, const imp_task *task) {
  imp_jid *contact;
  if (task->error == IMP_OK && imp_jid_new_bare(&contact, task->stanza->from) == IMP_OK) {
    inbound(r, contact, task->stanza);
    imp_jid_del(contact);
  }
}

void imp_roster_inbound(imp_node *node, imp_stanza *st) {
  imp_task task = {.run = arrive, .stanza = st};
  imp_roster *r;
  if (st->from == NULL || imp_jid_equal_bare(st->from, st->to)) {
    return;
  }
  r = imp_roster_get(node, st->to);
  if (r == NULL || imp_roster_when(r, &task) < 0) {
    imp_log(&node->log, IMP_LOG_ROUTE, IMP_LOG_ERROR, imp_jid_full(st->to), "subscription stanza lost: out of memory");
  }
}

static imp_verdict on_presence_for(imp_event *event, void *ctx) {
  (void)ctx;
  if (imp_roster_sub_kind(event->stanza->type) < 0) {
    return IMP_CONTINUE;
  }
  imp_roster_inbound(event->node, event->stanza);
  return IMP_HANDLED;
}

void imp_roster_show_requests(imp_roster *r, imp_session *to) {
  imp_list *l;
  for (l = r->order.next; l != &r->order; l = l->next) {
    const imp_contact *c = IMP_CONTAINER_OF(l, imp_contact, link);
    if (c->request != NULL && !imp_blocks_is(r->node, r->jid, c->jid)) {
      deliver(r, c->request, to);
    }
  }
}

/* ---- an account is deleted: who had to do with it is told ---- */

static void take_all_off(imp_roster *r, const imp_task *task) {
  (void)task;
  while (!imp_list_empty(&r->order)) {
    imp_contact *c = IMP_CONTAINER_OF(r->order.next, imp_contact, link);
    imp_jid *jid = imp_jid_ref(c->jid);
    imp_sub sub = c->sub;
    int unavailable;
    unsigned stanzas = imp_sub_remove(&sub, &unavailable), kind;
    imp_contact_set_sub(r, c, (imp_sub){0});
    imp_contact_note(r, c, 0); /* goes */
    for (kind = 0; kind < IMP_SUB_STANZAS; kind++) {
      if (stanzas & 1u << kind) {
        imp_roster_send(r->node, imp_roster_presence((imp_stanza_type)kinds[kind], r->jid, jid));
      }
    }
    imp_jid_del(jid);
  }
  imp_contact_clear(r);
  r->exists = r->user != NULL; /* made anew meanwhile */
  imp_stanza_del(r->shown);
  r->shown = NULL;
}

/* What is read is read before it is erased: the store does things in order. */
void imp_roster_forget(imp_node *node, const imp_jid *user) {
  imp_roster *r = imp_roster_get(node, user);
  imp_task task = {.run = take_all_off};
  imp_blocks_clear(node, user);
  if (r != NULL) {
    r->exists = 1; /* nobody is asked */
    (void)imp_roster_when(r, &task);
  }
}

static imp_verdict on_deleted(imp_event *event, void *ctx) {
  (void)ctx;
  imp_roster_forget(event->node, event->to);
  return IMP_CONTINUE;
}

int imp_roster_start_subscribe(imp_node *node) {
  int rv = imp_node_hook(node, IMP_POINT_PRESENCE_IN, 50, on_presence_in, NULL);
  if (rv == IMP_OK) {
    rv = imp_node_hook(node, IMP_POINT_PRESENCE_USER, 50, on_presence_for, NULL);
  }
  return rv < 0 ? rv : imp_node_hook(node, IMP_POINT_USER_DELETED, 50, on_deleted, NULL);
}
