/*
 * Availability: whether a resource is there, and with what priority (RFC 6121 §4.2–4.5), as far as messages need it.
 * A user's own resources see each other; directed presence goes where it is directed. Contacts are the roster's
 * (IMP_POINT_PRESENCE_SHOWN).
 */
#include <stdlib.h>

#include "im/internal.h"

static int priority_of(const imp_stanza *st) {
  const imp_elem *el = imp_stanza_child(st, "priority", IMP_NS_CLIENT);
  long p = el ? strtol(imp_elem_text(el, NULL), NULL, 10) : 0;
  return p < -128 ? -128 : p > 127 ? 127 : (int)p;
}

/* To the user's other available resources, and to itself (RFC 6121 §4.2.2). */
static void broadcast_own(imp_session *from, imp_stanza *st) {
  imp_session *s = imp_session_first(from->user), *next;
  for (; s != NULL; s = next) {
    imp_packet_options options = {.to = s->jid};
    imp_packet *packet;
    next = imp_session_next(s);
    if (s->presence != NULL && !s->ending && imp_packet_new(&packet, st, &options) == IMP_OK) {
      (void)imp_session_deliver(s, packet);
    }
  }
}

/* A resource that becomes available learns of the others. */
static void tell_of_others(imp_session *to) {
  imp_session *s = imp_session_first(to->user), *next;
  for (; s != NULL; s = next) {
    imp_packet_options options = {.to = to->jid};
    imp_packet *packet;
    next = imp_session_next(s);
    if (s != to && s->presence != NULL && imp_packet_new(&packet, s->presence, &options) == IMP_OK) {
      (void)imp_session_deliver(to, packet);
    }
  }
}

static void show(imp_session *s, imp_stanza *st, int first) {
  imp_event event = {.session = s, .stanza = st, .to = s->user->jid, .count = (uint32_t)first};
  (void)imp_node_run_hooks(s->node, IMP_POINT_PRESENCE_SHOWN, &event);
}

static void available(imp_session *s, imp_stanza *st) {
  imp_event event = {.session = s};
  int first = s->presence == NULL, was = s->priority;
  imp_stanza_del(s->presence);
  s->presence = imp_stanza_keep(st);
  s->priority = (int8_t)priority_of(st);
  imp_durable_presence(s);
  broadcast_own(s, s->presence);
  if (first) {
    tell_of_others(s);
  }
  show(s, s->presence, first);
  if (first || (was < 0 && s->priority >= 0)) {
    (void)imp_node_run_hooks(s->node, IMP_POINT_SESSION_AVAILABLE, &event);
  }
}

static void unavailable(imp_session *s, imp_stanza *st) {
  if (s->presence != NULL) {
    broadcast_own(s, st);
    imp_stanza_del(s->presence);
    s->presence = NULL;
    imp_durable_presence(s);
  }
  show(s, st, 0);
}

static imp_verdict on_presence(imp_event *event, void *ctx) {
  imp_stanza *st = event->stanza;
  (void)ctx;
  if (st->to != NULL) {
    return IMP_CONTINUE; /* directed: routed */
  }
  if (st->type == IMP_TYPE_NONE) {
    available(event->session, st);
  } else if (st->type == IMP_TYPE_UNAVAILABLE) {
    unavailable(event->session, st);
  } else if (st->type != IMP_TYPE_ERROR && st->type != IMP_TYPE_PROBE) {
    imp_node_bounce(event->node, st, "bad-request", NULL);
  }
  return IMP_HANDLED;
}

static int is_availability(const imp_stanza *st) {
  return st->type == IMP_TYPE_NONE || st->type == IMP_TYPE_UNAVAILABLE || st->type == IMP_TYPE_ERROR;
}

static imp_verdict on_presence_for(imp_event *event, void *ctx) {
  imp_stanza *st = event->stanza;
  imp_session *s = st->to->resourcelen > 0 ? imp_node_find_session(event->node, st->to) : NULL;
  imp_user *user;
  (void)ctx;
  if (!is_availability(st)) {
    return IMP_CONTINUE; /* subscriptions are another feature's */
  }
  if (s != NULL) {
    (void)imp_session_send(s, st);
    return IMP_HANDLED;
  }
  user = st->to->resourcelen == 0 ? imp_node_find_user(event->node, st->to) : NULL;
  for (s = user ? imp_session_first(user) : NULL; s != NULL;) {
    imp_session *next = imp_session_next(s);
    if (s->presence != NULL) {
      (void)imp_session_send(s, st);
    }
    s = next;
  }
  return IMP_HANDLED;
}

/* One `unavailable` when a session ends without having said so, also after it hibernated. */
static imp_verdict on_ended(imp_event *event, void *ctx) {
  imp_session *s = event->session;
  imp_stanza *st;
  (void)ctx;
  if (s->presence == NULL || event->node->deleting) {
    return IMP_CONTINUE;
  }
  if (imp_stanza_new(&st, "presence", NULL) == IMP_OK) {
    imp_stanza_set_from(st, s->jid);
    imp_stanza_set_type(st, IMP_TYPE_UNAVAILABLE);
    imp_stanza_del(s->presence);
    s->presence = NULL;
    broadcast_own(s, st);
    show(s, st, 0);
    imp_stanza_del(st);
  }
  return IMP_CONTINUE;
}

/* XEP-0006 of old clients: a session is there since it is bound (RFC 3921 §3). */
static int on_session_iq(imp_node *node, imp_session *s, imp_stanza *st, void *ctx) {
  (void)ctx;
  if (s == NULL || st->type != IMP_TYPE_SET) {
    imp_node_bounce(node, st, "bad-request", NULL);
    return IMP_OK;
  }
  return imp_node_reply_empty(node, st);
}

int imp_im_start_presence(imp_node *node) {
  int rv = imp_node_hook(node, IMP_POINT_PRESENCE_IN, 100, on_presence, NULL);
  if (rv == IMP_OK) {
    rv = imp_node_hook(node, IMP_POINT_PRESENCE_USER, 100, on_presence_for, NULL);
  }
  if (rv == IMP_OK) {
    rv = imp_node_hook(node, IMP_POINT_SESSION_ENDED, 10, on_ended, NULL);
  }
  return rv < 0 ? rv : imp_node_serve_iq(node, IMP_NS_SESSION, IMP_IQ_NODE | IMP_IQ_OWN | IMP_IQ_QUIET, on_session_iq, NULL);
}
