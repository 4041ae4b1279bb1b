/* Message carbons (XEP-0280). */
#include "im/internal.h"

/* XEP-0280 §6.1: chat with a body or of instant messaging, errors to such, and normal messages with a body. */
static int eligible(const imp_stanza *st) {
  uint32_t traits = imp_stanza_traits(st);
  if (traits & (IMP_TRAIT_CARBON_PRIVATE | IMP_TRAIT_HINT_NO_COPY | IMP_TRAIT_CARBON | IMP_TRAIT_MAM_RESULT)) {
    return 0;
  }
  switch ((imp_stanza_type)st->type) {
  case IMP_TYPE_CHAT:
  case IMP_TYPE_ERROR:
    return 1;
  case IMP_TYPE_NONE:
  case IMP_TYPE_NORMAL:
    return (traits & (IMP_TRAIT_BODY | IMP_TRAIT_RECEIPT | IMP_TRAIT_MARKER | IMP_TRAIT_CHATSTATE)) != 0;
  default:
    return 0;
  }
}

static imp_stanza *wrap(imp_user *user, imp_stanza *st, const char *direction) {
  imp_stanza *carbon;
  imp_elem *el;
  if (imp_stanza_new(&carbon, "message", NULL) < 0) {
    return NULL;
  }
  imp_stanza_set_from(carbon, user->jid);
  imp_stanza_set_to(carbon, user->jid);
  imp_stanza_set_type(carbon, (imp_stanza_type)st->type);
  el = imp_elem_add(carbon, imp_stanza_edit(carbon), direction, IMP_NS_CARBONS);
  el = imp_elem_add(carbon, el, "forwarded", IMP_NS_FORWARD);
  (void)imp_elem_add_copy(carbon, el, &st->root);
  if (imp_stanza_is_broken(carbon)) {
    imp_stanza_del(carbon);
    return NULL;
  }
  return carbon;
}

static int wants(const imp_session *s, const imp_session *except) {
  return s != except && s->carbons && !s->ending;
}

static void send_one(imp_session *s, imp_stanza *carbon) {
  imp_packet_options options = {.to = s->jid, .accepted = imp_node_wallclock(s->node)};
  imp_packet *packet;
  if (imp_packet_new(&packet, carbon, &options) == IMP_OK) {
    packet->state |= IMP_PACKET_CARBON;
    (void)imp_session_deliver(s, packet);
  }
}

/* To every resource that wants carbons, but `except` and those of priority `above` or more (they got the message itself). */
static void copy(imp_user *user, imp_session *except, int above, imp_stanza *st, const char *direction) {
  imp_stanza *carbon = NULL;
  imp_session *s = imp_session_first(user), *next;
  for (; s != NULL; s = next) {
    next = imp_session_next(s);
    if (!wants(s, except) || (imp_im_is_candidate(s) && s->priority >= above)) {
      continue;
    }
    if (carbon == NULL && (carbon = wrap(user, st, direction)) == NULL) {
      return;
    }
    send_one(s, carbon);
  }
  imp_stanza_del(carbon);
}

static imp_verdict on_sent(imp_event *event, void *ctx) {
  imp_session *s = event->session;
  imp_stanza *st = event->stanza;
  (void)ctx;
  if (s != NULL && s->user->count > 1 && eligible(st) && !imp_jid_equal_bare(st->to, s->user->jid)) {
    copy(s->user, s, 1000, st, "sent");
  }
  return IMP_CONTINUE;
}

/* event.session: it went to a full JID; else event.count is 128 above the priority of those who got it. */
static imp_verdict on_received(imp_event *event, void *ctx) {
  imp_user *user = event->session ? event->session->user : imp_node_find_user(event->node, event->to);
  (void)ctx;
  if (user != NULL && user->count > 1 && eligible(event->stanza)) {
    copy(user, event->session, event->session ? 1000 : (int)event->count - 128, event->stanza, "received");
  }
  return IMP_CONTINUE;
}

static int on_iq(imp_node *node, imp_session *s, imp_stanza *st, void *ctx) {
  const imp_elem *child = imp_elem_first(&st->root);
  int enable = imp_str_is(child->name, "enable");
  (void)ctx;
  if (s == NULL || st->type != IMP_TYPE_SET || (!enable && !imp_str_is(child->name, "disable"))) {
    imp_node_bounce(node, st, "bad-request", NULL);
    return IMP_OK;
  }
  s->carbons = (uint8_t)enable;
  imp_durable_touch(s);
  return imp_node_reply_empty(node, st);
}

static imp_verdict on_disco(imp_event *event, void *ctx) {
  (void)ctx;
  if (event->to != NULL && event->to->locallen > 0) {
    imp_disco_feature(event->stanza, event->elem, IMP_NS_CARBONS);
  }
  return IMP_CONTINUE;
}

int imp_im_start_carbons(imp_node *node) {
  int rv = imp_node_hook(node, IMP_POINT_MESSAGE_IN, 50, on_sent, NULL);
  if (rv == IMP_OK) {
    rv = imp_node_hook(node, IMP_POINT_MESSAGE_OUT, 50, on_received, NULL);
  }
  if (rv == IMP_OK) {
    rv = imp_node_hook(node, IMP_POINT_DISCO_INFO, 10, on_disco, NULL);
  }
  return rv < 0 ? rv : imp_node_serve_iq(node, IMP_NS_CARBONS, IMP_IQ_NODE | IMP_IQ_OWN, on_iq, NULL);
}
