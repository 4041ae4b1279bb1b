/* What the node itself answers: disco (XEP-0030), version (XEP-0092), time (XEP-0202), ping (XEP-0199). */
#include <string.h>

#include "core/codec.h"
#include "node/node.h"
#include "xml/jid.h"

typedef struct features {
  imp_stanza *st;
  imp_elem *query;
} features;

void imp_disco_feature(imp_stanza *st, imp_elem *query, const char *var) {
  imp_elem *f = imp_elem_add(st, query, "feature", NULL);
  if (f != NULL) {
    imp_elem_set_attr(st, f, "var", var);
  }
}

static void add_ns(const char *ns, void *ctx) {
  features *f = ctx;
  imp_disco_feature(f->st, f->query, ns);
}

void imp_disco_identity(imp_stanza *st, imp_elem *query, const char *category, const char *type, const char *name) {
  imp_elem *id = imp_elem_add(st, query, "identity", NULL);
  if (id != NULL) {
    imp_elem_set_attr(st, id, "category", category);
    imp_elem_set_attr(st, id, "type", type);
    if (name != NULL) {
      imp_elem_set_attr(st, id, "name", name);
    }
  }
}

static imp_elem *start_reply(imp_stanza **reply, const imp_stanza *st, const char *name, const char *ns) {
  imp_elem *child;
  if (imp_stanza_new_reply(reply, st) < 0) {
    return NULL;
  }
  child = imp_elem_add(*reply, imp_stanza_edit(*reply), name, ns);
  if (child == NULL) {
    imp_stanza_del(*reply);
  }
  return child;
}

static int get_only(imp_node *node, imp_stanza *st) {
  if (st->type == IMP_TYPE_GET) {
    return 1;
  }
  imp_node_bounce(node, st, "not-allowed", NULL);
  return 0;
}

int imp_disco_info_answer(imp_node *node, imp_session *session, imp_stanza *st) {
  imp_stanza *reply;
  features f;
  imp_event event = {.session = session};
  f.query = start_reply(&reply, st, "query", IMP_NS_DISCO_INFO);
  if (f.query == NULL) {
    return IMP_ERR_NOMEM;
  }
  f.st = reply;
  if (st->to != NULL && st->to->locallen > 0) {
    imp_disco_identity(reply, f.query, "account", session && session->anonymous ? "anonymous" : "registered", NULL);
    imp_disco_feature(reply, f.query, IMP_NS_DISCO_INFO);
  } else {
    imp_disco_identity(reply, f.query, "server", "im", node->settings.software);
    imp_node_each_iq(node, add_ns, &f);
  }
  event.stanza = reply;
  event.elem = f.query;
  event.to = st->to;
  (void)imp_node_run_hooks(node, IMP_POINT_DISCO_INFO, &event);
  imp_node_reply(node, reply);
  return IMP_OK;
}

/* Features answer for accounts and for nodes. What they leave is the node's: itself, and accounts to their own users. */
static int disco_is_left(imp_node *node, imp_session *session, imp_stanza *st) {
  const char *at = imp_elem_attr(imp_elem_first(&st->root), "node");
  int account = st->to != NULL && st->to->locallen > 0;
  imp_event event = {.session = session, .stanza = st, .to = st->to};
  if (st->type != IMP_TYPE_GET) {
    imp_node_bounce(node, st, "not-allowed", NULL);
    return 0;
  }
  if ((account || at != NULL) && imp_node_run_hooks(node, IMP_POINT_DISCO_ASKED, &event) == IMP_HANDLED) {
    return 0;
  }
  if (account && !(st->from != NULL && imp_jid_equal_bare(st->to, st->from))) {
    imp_node_bounce(node, st, "service-unavailable", NULL);
    return 0;
  }
  if (at != NULL) {
    imp_node_bounce(node, st, "item-not-found", NULL);
    return 0;
  }
  return 1;
}

static int disco_info(imp_node *node, imp_session *session, imp_stanza *st, void *ctx) {
  (void)ctx;
  return disco_is_left(node, session, st) ? imp_disco_info_answer(node, session, st) : IMP_OK;
}

static int disco_items(imp_node *node, imp_session *session, imp_stanza *st, void *ctx) {
  imp_stanza *reply;
  (void)ctx;
  if (!disco_is_left(node, session, st)) {
    return IMP_OK;
  }
  if (start_reply(&reply, st, "query", IMP_NS_DISCO_ITEMS) == NULL) {
    return IMP_ERR_NOMEM;
  }
  imp_node_reply(node, reply);
  return IMP_OK;
}

static int version(imp_node *node, imp_session *session, imp_stanza *st, void *ctx) {
  imp_stanza *reply;
  imp_elem *query;
  (void)session;
  (void)ctx;
  if (!get_only(node, st)) {
    return IMP_OK;
  }
  query = start_reply(&reply, st, "query", IMP_NS_VERSION);
  if (query == NULL) {
    return IMP_ERR_NOMEM;
  }
  (void)imp_elem_add_text(reply, query, "name", NULL, node->settings.software);
  (void)imp_elem_add_text(reply, query, "version", NULL, IMP_VERSION);
  imp_node_reply(node, reply);
  return IMP_OK;
}

static int entity_time(imp_node *node, imp_session *session, imp_stanza *st, void *ctx) {
  imp_stanza *reply;
  imp_elem *el;
  char utc[IMP_DATETIME_LEN];
  (void)session;
  (void)ctx;
  if (!get_only(node, st)) {
    return IMP_OK;
  }
  el = start_reply(&reply, st, "time", IMP_NS_TIME);
  if (el == NULL) {
    return IMP_ERR_NOMEM;
  }
  imp_datetime_format(utc, imp_node_wallclock(node));
  (void)imp_elem_add_text(reply, el, "tzo", NULL, "+00:00");
  (void)imp_elem_add_text(reply, el, "utc", NULL, utc);
  imp_node_reply(node, reply);
  return IMP_OK;
}

static int ping(imp_node *node, imp_session *session, imp_stanza *st, void *ctx) {
  (void)session;
  (void)ctx;
  return get_only(node, st) ? imp_node_reply_empty(node, st) : IMP_OK;
}

int imp_node_start_services(imp_node *node) {
  static const struct {
    const char *ns;
    unsigned scope;
    imp_iq_fn fn;
  } services[] = {
      {IMP_NS_DISCO_INFO, IMP_IQ_NODE | IMP_IQ_OWN | IMP_IQ_OTHER, disco_info},
      {IMP_NS_DISCO_ITEMS, IMP_IQ_NODE | IMP_IQ_OWN | IMP_IQ_OTHER, disco_items},
      {IMP_NS_VERSION, IMP_IQ_NODE, version},
      {IMP_NS_TIME, IMP_IQ_NODE, entity_time},
      {IMP_NS_PING, IMP_IQ_NODE | IMP_IQ_OWN, ping},
  };
  size_t i;
  for (i = 0; i < IMP_ARRAY_LEN(services); i++) {
    int rv = imp_node_serve_iq(node, services[i].ns, services[i].scope, services[i].fn, NULL);
    if (rv < 0) {
      return rv;
    }
  }
  return IMP_OK;
}
