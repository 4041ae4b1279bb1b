/* Probes (RFC 6121 §4.3): who becomes available learns who of the contacts is. */
#include "roster/internal.h"

static void answer(imp_roster *r, const imp_task *task) {
  const imp_jid *who = task->jid;
  const imp_contact *c = imp_contact_find(r, who);
  imp_jid *bare;
  if (task->error < 0) {
    return;
  }
  if (imp_jid_equal_bare(who, r->jid) || (c != NULL && imp_contact_sees(c))) {
    if (imp_roster_send_all_to(r, c, who) == 0) {
      imp_last_tell(r->node, r->jid, who, (int)task->number);
    }
  } else if (imp_jid_new_bare(&bare, (imp_jid *)(uintptr_t)who) == IMP_OK) {
    imp_roster_send(r->node, imp_roster_presence(IMP_TYPE_UNSUBSCRIBED, r->jid, bare));
    imp_jid_del(bare);
  }
}

void imp_roster_ask(imp_roster *contact, const imp_jid *who, int quiet) {
  imp_task task = {.run = answer, .jid = (imp_jid *)(uintptr_t)who, .number = (uint32_t)quiet};
  (void)imp_roster_when(contact, &task);
}

/* Non-zero if the answer is for all of the user's sessions. */
static int probe_one(imp_roster *r, imp_session *s, const imp_contact *c) {
  imp_node *node = r->node;
  imp_user *user;
  imp_roster *contact;
  if (imp_blocks_between(node, r->jid, c->jid)) {
    return 1;
  }
  if (!imp_node_is_local(node, c->jid) || imp_node_is_handled(node, c->jid)) {
    imp_roster_send(node, imp_roster_presence(IMP_TYPE_PROBE, r->jid, c->jid));
    return 1;
  }
  user = imp_node_find_user(node, c->jid);
  contact = user != NULL ? imp_roster_of(user) : imp_roster_find(node, c->jid);
  if (contact != NULL) {
    imp_roster_ask(contact, s->jid, 1);
  } else if (c->jid->locallen > 0) {
    imp_last_ask(node, c->jid, s->jid, 1);
  }
  return 0;
}

void imp_roster_probe_all(imp_roster *r, imp_session *s) {
  imp_list *l, *next;
  imp_roster_walk(r->node);
  for (l = r->order.next; l != &r->order; l = next) {
    const imp_contact *c = IMP_CONTAINER_OF(l, imp_contact, link);
    next = l->next;
    if (imp_contact_is_seen(c)) {
      (void)probe_one(r, s, c);
    }
  }
  imp_roster_walked(r->node);
}

void imp_roster_probe_unblocked(imp_roster *r, const imp_jid *blocked) {
  imp_list *l;
  imp_roster_walk(r->node);
  for (l = r->order.next; l != &r->order; l = l->next) {
    const imp_contact *c = IMP_CONTAINER_OF(l, imp_contact, link);
    imp_session *s = r->user != NULL && imp_contact_is_seen(c) && imp_blocks_covers(blocked, c->jid)
                         ? imp_session_first(r->user)
                         : NULL;
    while (s != NULL && (s->presence == NULL || s->ending || !probe_one(r, s, c))) {
      s = imp_session_next(s);
    }
  }
  imp_roster_walked(r->node);
}

void imp_roster_probe(imp_node *node, imp_stanza *st) {
  imp_user *user = imp_node_find_user(node, st->to);
  imp_roster *contact = user != NULL ? imp_roster_of(user) : imp_roster_find(node, st->to);
  imp_jid *bare;
  if (st->from == NULL) {
    return;
  }
  if (contact != NULL) {
    imp_roster_ask(contact, st->from, 0);
  } else if (imp_jid_new_bare(&bare, st->to) == IMP_OK) {
    imp_last_ask(node, bare, st->from, 0);
    imp_jid_del(bare);
  }
}

static imp_verdict on_presence_for(imp_event *event, void *ctx) {
  (void)ctx;
  if (event->stanza->type != IMP_TYPE_PROBE) {
    return IMP_CONTINUE;
  }
  imp_roster_probe(event->node, event->stanza);
  return IMP_HANDLED;
}

int imp_roster_start_probe(imp_node *node) {
  return imp_node_hook(node, IMP_POINT_PRESENCE_USER, 51, on_presence_for, NULL);
}
