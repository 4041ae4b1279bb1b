/* Messages to local users (RFC 6121 §8.5). */
#include "im/internal.h"

static void copy_to(imp_session *s, imp_stanza *st) {
  imp_packet_options options = {.accepted = imp_node_wallclock(s->node)};
  imp_packet *packet;
  if (imp_packet_new(&packet, st, &options) < 0) {
    imp_node_count(s->node, IMP_FATE_REFUSED);
    imp_node_bounce(s->node, st, "resource-constraint", NULL);
    return;
  }
  packet->serial = imp_offline_next_key(imp_im_of(s->node));
  (void)imp_session_deliver(s, packet);
}

static void bounce(imp_node *node, imp_stanza *st, const char *condition) {
  imp_node_count(node, IMP_FATE_RETURNED);
  imp_node_bounce(node, st, condition, NULL);
}

static void store(imp_node *node, imp_stanza *st);

static int is_stored_type(const imp_stanza *st) {
  return st->type == IMP_TYPE_CHAT || st->type == IMP_TYPE_NORMAL || st->type == IMP_TYPE_NONE;
}

static void deliver(imp_session *s, imp_stanza *st) {
  if (imp_offline_is_busy(s) && is_stored_type(st) && imp_im_not_worth_storing(st) == 0) {
    store(s->node, st); /* behind the older ones that are still being handed out */
  } else {
    copy_to(s, st);
  }
}

static void store(imp_node *node, imp_stanza *st) {
  imp_packet_options options = {.accepted = imp_node_wallclock(node)};
  imp_packet *packet;
  if (imp_packet_new(&packet, st, &options) < 0) {
    bounce(node, st, "resource-constraint");
    return;
  }
  imp_node_account(node, packet);
  (void)imp_offline_store(node, st->to, packet, NULL, 0);
}

unsigned imp_im_not_worth_storing(const imp_stanza *st) {
  uint32_t traits = imp_stanza_traits(st);
  if (traits & IMP_TRAIT_HINT_STORE) {
    return 0;
  }
  if (traits & (IMP_TRAIT_HINT_NO_STORE | IMP_TRAIT_HINT_NO_PERM)) {
    return IMP_DROP_NO_STORE + 1;
  }
  if ((traits & IMP_TRAIT_CHATSTATE) &&
      !(traits & (IMP_TRAIT_BODY | IMP_TRAIT_OTHER | IMP_TRAIT_RECEIPT | IMP_TRAIT_MARKER | IMP_TRAIT_SUBJECT))) {
    return IMP_DROP_CHAT_STATE + 1;
  }
  return 0;
}

static void nobody_there(imp_node *node, imp_stanza *st) {
  unsigned rule;
  switch ((imp_stanza_type)st->type) {
  case IMP_TYPE_ERROR:
    imp_node_count_drop(node, IMP_DROP_ERROR);
    return;
  case IMP_TYPE_HEADLINE:
    imp_node_count_drop(node, IMP_DROP_HEADLINE);
    return;
  case IMP_TYPE_GROUPCHAT:
    bounce(node, st, "service-unavailable");
    return;
  default:
    break;
  }
  rule = imp_im_not_worth_storing(st);
  if (rule > 0) {
    imp_node_count_drop(node, (imp_drop_rule)(rule - 1));
  } else {
    store(node, st);
  }
}

static int highest_priority(const imp_user *user, int *highest) {
  const imp_session *s;
  int found = 0;
  for (s = user ? imp_session_first(user) : NULL; s != NULL; s = imp_session_next(s)) {
    if (imp_im_is_candidate(s) && (!found || s->priority > *highest)) {
      *highest = s->priority;
      found = 1;
    }
  }
  return found;
}

/* The most available resources: all of the highest priority; a headline goes to all. */
static void to_resources(imp_node *node, imp_user *user, imp_stanza *st, int highest) {
  imp_session *s = imp_session_first(user), *next;
  (void)node;
  for (; s != NULL; s = next) {
    next = imp_session_next(s);
    if (imp_im_is_candidate(s) && (st->type == IMP_TYPE_HEADLINE || s->priority == highest)) {
      deliver(s, st);
    }
  }
}

static void to_bare(imp_node *node, imp_stanza *st) {
  imp_user *user = imp_node_find_user(node, st->to);
  imp_event event = {.node = node, .stanza = st, .to = st->to};
  int highest = 0;
  if (st->type == IMP_TYPE_GROUPCHAT || st->type == IMP_TYPE_ERROR || !highest_priority(user, &highest)) {
    nobody_there(node, st);
    return;
  }
  to_resources(node, user, st, highest);
  event.count = (uint32_t)(highest + 128);
  (void)imp_node_run_hooks(node, IMP_POINT_MESSAGE_OUT, &event);
}

static imp_verdict on_message(imp_event *event, void *ctx) {
  imp_node *node = event->node;
  imp_stanza *st = event->stanza;
  imp_session *s = st->to->resourcelen > 0 ? imp_node_find_session(node, st->to) : NULL;
  (void)ctx;
  if (s != NULL) {
    imp_event out = {.session = s, .stanza = st, .to = st->to};
    deliver(s, st);
    (void)imp_node_run_hooks(node, IMP_POINT_MESSAGE_OUT, &out);
  } else if (st->to->resourcelen > 0 && (st->type == IMP_TYPE_HEADLINE || st->type == IMP_TYPE_GROUPCHAT)) {
    nobody_there(node, st);
  } else {
    to_bare(node, st);
  }
  return IMP_HANDLED;
}

/* Another resource takes what a session left behind, if the policy says so. */
static int redirect(imp_session *from, imp_packet *packet) {
  imp_session *s, *best = NULL;
  if (packet->state & IMP_PACKET_REDIRECTED) {
    return 0; /* once */
  }
  for (s = imp_session_first(from->user); s != NULL; s = imp_session_next(s)) {
    if (s != from && s->conn != NULL && !imp_conn_is_ended(s->conn) && imp_im_is_candidate(s) && (best == NULL || s->priority > best->priority)) {
      best = s;
    }
  }
  if (best == NULL) {
    return 0;
  }
  packet->state |= IMP_PACKET_REDIRECTED;
  (void)imp_session_deliver(best, packet);
  return 1;
}

static uint32_t policy_of(const imp_session *s) { return imp_sm_manager_get(s->node->sm)->policy; }

/* What a session left unacknowledged: by policy; a client that left in good order finds it at the next login. What a full
   buffer let go of is in evicted.c's hands. */
static imp_verdict on_undelivered(imp_event *event, void *ctx) {
  imp_session *s = event->session;
  imp_node *node = event->node;
  unsigned rule = imp_im_not_worth_storing(event->packet->stanza);
  (void)ctx;
  if (s->anonymous) {
    return IMP_CONTINUE; /* nobody will ever ask for it */
  }
  if (event->stores || policy_of(s) == IMP_SM_STORE) {
    if (rule > 0) {
      imp_node_drop(node, event->packet, (imp_drop_rule)(rule - 1));
    } else {
      (void)imp_offline_store(node, s->user->jid, event->packet, event->id, event->count);
    }
    return IMP_HANDLED;
  }
  if (policy_of(s) == IMP_SM_REDIRECT && redirect(s, event->packet)) {
    return IMP_HANDLED;
  }
  return IMP_CONTINUE;
}

int imp_im_start_messages(imp_node *node) {
  int rv = imp_node_hook(node, IMP_POINT_MESSAGE_USER, 100, on_message, NULL);
  return rv < 0 ? rv : imp_node_hook(node, IMP_POINT_UNDELIVERED, 100, on_undelivered, NULL);
}
