#include <string.h>

#include "node/node.h"
#include "xml/jid.h"

int imp_node_is_local(const imp_node *node, const imp_jid *jid) {
  return jid->domainlen == node->domain->domainlen &&
         memcmp(imp_jid_domain(jid), imp_jid_domain(node->domain), jid->domainlen) == 0;
}

static void refuse(imp_node *node, imp_stanza *st, const char *condition, const char *text) {
  if (st->kind == IMP_STANZA_MESSAGE) {
    if (st->type == IMP_TYPE_ERROR) {
      imp_node_count_drop(node, IMP_DROP_ERROR);
      return;
    }
    imp_node_count(node, IMP_FATE_REFUSED);
  }
  if (st->kind != IMP_STANZA_PRESENCE) {
    imp_node_bounce(node, st, condition, text);
  }
}

static void to_remote(imp_node *node, imp_session *session, imp_stanza *st) {
  imp_event event = {.session = session, .stanza = st, .to = st->to};
  if (imp_node_run_hooks(node, IMP_POINT_REMOTE, &event) == IMP_CONTINUE) {
    refuse(node, st, "remote-server-not-found", NULL);
  }
}

static void iq_to_session(imp_node *node, imp_stanza *st) {
  imp_session *to = imp_node_find_session(node, st->to);
  int asks = st->type == IMP_TYPE_GET || st->type == IMP_TYPE_SET;
  if (!asks && st->type != IMP_TYPE_RESULT && st->type != IMP_TYPE_ERROR) {
    imp_node_bounce(node, st, "bad-request", "an iq needs a type");
  } else if (asks && st->id == NULL) {
    imp_node_bounce(node, st, "bad-request", "an iq needs an id");
  } else if (to != NULL) {
    (void)imp_session_send(to, st);
  } else if (asks) {
    imp_node_bounce(node, st, "service-unavailable", NULL);
  }
}

static void to_user(imp_node *node, imp_session *session, imp_stanza *st) {
  imp_point point = st->kind == IMP_STANZA_MESSAGE ? IMP_POINT_MESSAGE_USER : IMP_POINT_PRESENCE_USER;
  imp_event event = {.session = session, .stanza = st, .to = st->to};
  if (imp_node_run_hooks(node, point, &event) == IMP_CONTINUE) {
    refuse(node, st, "service-unavailable", NULL);
  }
}

static void to_domain(imp_node *node, imp_session *session, imp_stanza *st) {
  if (st->kind == IMP_STANZA_IQ) {
    imp_node_dispatch_iq(node, session, st);
  } else {
    refuse(node, st, "service-unavailable", NULL);
  }
}

static int iq_is_taken(imp_node *node, imp_session *session, imp_stanza *st) {
  imp_event event = {.session = session, .stanza = st, .to = st->to};
  return imp_node_run_hooks(node, IMP_POINT_IQ_USER, &event) == IMP_HANDLED;
}

static void iq_to_user(imp_node *node, imp_session *session, imp_stanza *st) {
  if (iq_is_taken(node, session, st)) {
    return;
  }
  if (st->to->resourcelen > 0) {
    iq_to_session(node, st);
  } else {
    imp_node_dispatch_iq(node, session, st);
  }
}

void imp_node_route(imp_node *node, imp_session *session, imp_stanza *st) {
  const imp_jid *to = st->to;
  if (to == NULL) {
    to_domain(node, session, st);
  } else if (!imp_node_is_local(node, to)) {
    to_remote(node, session, st);
  } else if (st->kind != IMP_STANZA_IQ && imp_node_try_handler(node, st)) {
    return;
  } else if (to->locallen == 0) {
    to_domain(node, session, st);
  } else if (st->kind != IMP_STANZA_IQ) {
    to_user(node, session, st);
  } else {
    iq_to_user(node, session, st);
  }
}

/* RFC 6120 §10.3: without `to` a message is for the sender's account, an IQ for the server on its behalf. */
static int set_default_to(imp_session *session, imp_stanza *st) {
  if (st->kind == IMP_STANZA_MESSAGE && st->to == NULL) {
    imp_stanza_set_to(st, session->user->jid);
  }
  return imp_stanza_is_broken(st) ? IMP_ERR_NOMEM : IMP_OK;
}

static imp_verdict ask_features(imp_node *node, imp_session *session, imp_stanza *st) {
  imp_event event = {.session = session, .stanza = st, .to = st->to};
  if (st->kind == IMP_STANZA_MESSAGE) {
    return imp_node_run_hooks(node, IMP_POINT_MESSAGE_IN, &event);
  }
  if (st->kind == IMP_STANZA_PRESENCE) {
    return imp_node_run_hooks(node, IMP_POINT_PRESENCE_IN, &event);
  }
  return imp_node_run_hooks(node, IMP_POINT_IQ_IN, &event);
}

/*
 * Written, a stanza is larger than it came: an escape takes up to six bytes, a namespace is declared wherever it is used.
 * Whoever gets one that takes too much of the output that may wait would lose the connection over it.
 */
static int is_too_big(const imp_node *node, const imp_stanza *st) {
  size_t max = node->settings.max_output_bytes / 2, wire = st->wirelen, headlen, taillen;
  if (wire * 6 + wire * wire / 8 <= max) {
    return 0;
  }
  return imp_stanza_head(st, &headlen) != NULL && imp_stanza_tail(st, &taillen) != NULL && headlen + taillen > max;
}

/* The answer does not repeat what is too big. */
static void refuse_too_big(imp_node *node, const imp_stanza *st) {
  imp_stanza *stub;
  if (imp_stanza_new(&stub, st->root.name, NULL) == IMP_OK) {
    imp_stanza_set_type(stub, (imp_stanza_type)st->type);
    imp_stanza_set_from(stub, st->from);
    imp_stanza_set_to(stub, st->to);
    imp_stanza_set_id(stub, st->id);
    refuse(node, stub, "policy-violation", "too big when written");
    imp_stanza_del(stub);
  }
}

void imp_node_stanza_in(imp_node *node, imp_session *session, imp_stanza *st) {
  node->stats.stanzas_in++;
  if (is_too_big(node, st)) {
    refuse_too_big(node, st);
  } else if (st->flags & IMP_STANZA_BAD_TO) {
    refuse(node, st, "jid-malformed", NULL);
  } else if (set_default_to(session, st) < 0) {
    refuse(node, st, "resource-constraint", NULL);
  } else if (ask_features(node, session, st) == IMP_CONTINUE &&
             (st->kind != IMP_STANZA_PRESENCE || st->to != NULL)) {
    imp_node_route(node, session, st);
  }
  imp_stanza_del(st);
}

void imp_node_bounce(imp_node *node, const imp_stanza *st, const char *condition, const char *text) {
  imp_stanza *reply;
  int rv;
  if (st->type == IMP_TYPE_ERROR || (st->kind == IMP_STANZA_IQ && st->type == IMP_TYPE_RESULT) || st->from == NULL) {
    return;
  }
  rv = imp_stanza_new_error(&reply, st, condition, text);
  if (rv == IMP_OK) {
    if (reply->from == NULL) {
      imp_stanza_set_from(reply, imp_node_own_address(node, st));
    }
    imp_node_reply(node, reply);
  } else {
    imp_log(&node->log, IMP_LOG_ROUTE, IMP_LOG_ERROR, imp_jid_full(st->from), "error answer lost: %s",
            imp_strerror(rv));
  }
}

/* An answer to a stanza without `to` comes from the sender's account (RFC 6120 §8.1.1.1). */
const imp_jid *imp_node_own_address(imp_node *node, const imp_stanza *st) {
  const imp_user *user = st->from && imp_node_is_local(node, st->from) ? imp_node_find_user(node, st->from) : NULL;
  return user ? user->jid : node->domain;
}

/* Straight to a session where the answer is for one: a full JID of ours never falls back to the account. */
void imp_node_reply(imp_node *node, imp_stanza *reply) {
  if (reply->to != NULL && imp_node_is_local(node, reply->to) && reply->kind == IMP_STANZA_IQ) {
    iq_to_session(node, reply);
  } else {
    imp_node_route(node, NULL, reply);
  }
  imp_stanza_del(reply);
}
