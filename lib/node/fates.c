#include "node/fates.h"

#include "node/node.h"

#define LEDGER(node) (&(node)->stats.ledger)

void imp_node_account(imp_node *node, imp_packet *packet) {
  if (packet->kind == IMP_STANZA_MESSAGE && !(packet->state & IMP_PACKET_COUNTED)) {
    packet->state |= IMP_PACKET_COUNTED;
    imp_ledger_accept(LEDGER(node));
  }
}

static void finish(imp_packet *packet) {
  packet->state &= ~(uint32_t)IMP_PACKET_COUNTED;
  imp_packet_del(packet);
}

void imp_node_settle(imp_node *node, imp_packet *packet, imp_fate fate) {
  if (packet->state & IMP_PACKET_COUNTED) {
    imp_ledger_move(LEDGER(node), IMP_FATE_IN_FLIGHT, fate);
  }
  finish(packet);
}

void imp_node_drop(imp_node *node, imp_packet *packet, imp_drop_rule rule) {
  if (packet->state & IMP_PACKET_COUNTED) {
    imp_ledger_drop(LEDGER(node), IMP_FATE_IN_FLIGHT, rule);
  }
  finish(packet);
}

void imp_node_count(imp_node *node, imp_fate fate) {
  imp_ledger_accept(LEDGER(node));
  imp_ledger_move(LEDGER(node), IMP_FATE_IN_FLIGHT, fate);
}

void imp_node_count_drop(imp_node *node, imp_drop_rule rule) {
  imp_ledger_accept(LEDGER(node));
  imp_ledger_drop(LEDGER(node), IMP_FATE_IN_FLIGHT, rule);
}

void imp_node_return(imp_node *node, imp_packet *packet) {
  imp_node_answer_later(node, packet->stanza);
  imp_node_settle(node, packet, IMP_FATE_RETURNED);
}

/* Non-zero if a rule says what becomes of it: nothing is returned or stored. */
static int dropped_by_rule(imp_node *node, const imp_session *s, imp_packet *p) {
  uint32_t traits = imp_stanza_traits(p->stanza);
  if (p->state & IMP_PACKET_OFFLINE) {
    return 0; /* it is in the store still, and goes with it */
  }
  if (s->deleted) {
    imp_node_drop(node, p, IMP_DROP_USER_DELETED);
  } else if (p->state & IMP_PACKET_CARBON) {
    imp_node_drop(node, p, IMP_DROP_CARBON);
  } else if (traits & IMP_TRAIT_MAM_RESULT) {
    imp_node_drop(node, p, IMP_DROP_ARCHIVE_RESULT);
  } else if (p->type == IMP_TYPE_ERROR) {
    imp_node_drop(node, p, IMP_DROP_ERROR);
  } else if (p->type == IMP_TYPE_GROUPCHAT) {
    imp_node_drop(node, p, IMP_DROP_GROUPCHAT);
  } else if (p->type == IMP_TYPE_HEADLINE) {
    imp_node_drop(node, p, IMP_DROP_HEADLINE);
  } else if (p->stanza->flags & IMP_STANZA_SEEN) {
    imp_node_drop(node, p, IMP_DROP_DUPLICATE);
  } else {
    return 0;
  }
  return 1;
}

static void abandoned_message(imp_node *node, imp_session *s, imp_packet *p, uint32_t count, imp_sm_settled how,
                              const char *id, int legacy_stores) {
  imp_event event = {.id = id, .session = s, .packet = p, .settled = how, .count = count, .to = s->jid};
  event.stores = s->clean || legacy_stores;
  if (dropped_by_rule(node, s, p)) {
    return;
  }
  /* Offline storage and other resources take what is theirs; what nobody takes is returned. */
  if (imp_node_run_hooks(node, IMP_POINT_UNDELIVERED, &event) == IMP_CONTINUE) {
    imp_node_return(node, p);
  }
}

static void abandoned(imp_node *node, imp_session *s, imp_packet *p, uint32_t count, imp_sm_settled how,
                      const char *id, int legacy_stores) {
  switch ((imp_stanza_kind)p->kind) {
  case IMP_STANZA_MESSAGE:
    abandoned_message(node, s, p, count, how, id, legacy_stores);
    break;
  case IMP_STANZA_IQ:
    if (p->type == IMP_TYPE_GET || p->type == IMP_TYPE_SET) {
      imp_node_answer_later(node, p->stanza);
    }
    imp_packet_del(p);
    break;
  default:
    imp_packet_del(p);
    break;
  }
}

static void acknowledged(imp_node *node, imp_session *s, imp_packet *p, int resent) {
  imp_fate fate = resent ? IMP_FATE_RESENT : IMP_FATE_ACKNOWLEDGED;
  if (p->state & IMP_PACKET_OFFLINE) {
    imp_event event = {.session = s, .packet = p};
    (void)imp_node_run_hooks(node, IMP_POINT_SETTLED, &event);
    fate = IMP_FATE_FROM_OFFLINE;
  } else if (p->state & IMP_PACKET_REDIRECTED) {
    fate = IMP_FATE_REDIRECTED;
  }
  if (p->kind == IMP_STANZA_MESSAGE && p->stanza->refs > 1) {
    p->stanza->flags |= IMP_STANZA_SEEN;
  }
  imp_node_settle(node, p, fate);
}

void imp_node_handed_over(imp_node *node, imp_session *s, imp_packet *p) {
  if (p->state & IMP_PACKET_OFFLINE) {
    acknowledged(node, s, p, 0);
    return;
  }
  imp_node_settle(node, p, p->state & IMP_PACKET_REDIRECTED ? IMP_FATE_REDIRECTED : IMP_FATE_HANDED_OVER);
}

static int is_legacy(const imp_sm *sm, const imp_session *s) { return sm != s->sm && !s->ending; }

/* The queue of a session that was replaced goes to the one that replaced it. */
static int goes_on(imp_sm *sm, imp_session *s, imp_packet *p, imp_sm_settled how) {
  if (how != IMP_SM_ABANDONED || !is_legacy(sm, s) || s->conn == NULL || s->legacy_stores) {
    return 0;
  }
  (void)imp_session_push(s, p);
  return 1;
}

void imp_node_sm_settle(imp_sm *sm, void *packet, uint32_t count, imp_sm_settled how, void *user_data) {
  imp_node *node = user_data;
  imp_session *s = imp_sm_get_session_data(sm);
  imp_packet *p = packet;
  if (how == IMP_SM_ACKED || how == IMP_SM_RESENT_ACKED) {
    acknowledged(node, s, p, how == IMP_SM_RESENT_ACKED);
    return;
  }
  if (node->deleting) {
    finish(p); /* what is durable is in the store */
    return;
  }
  if (goes_on(sm, s, p, how)) {
    return;
  }
  if (how == IMP_SM_EVICTED) {
    imp_durable_evicted(s, count);
  }
  abandoned(node, s, p, count, how, imp_sm_get_id(sm), is_legacy(sm, s) && s->legacy_stores);
}

void imp_node_undelivered(imp_session *s, imp_packet *p) { abandoned(s->node, s, p, 0, IMP_SM_ABANDONED, NULL, 0); }
