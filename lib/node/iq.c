#include <string.h>

#include "node/node.h"
#include "xml/jid.h"

typedef struct iq_handler {
  imp_map_node by_ns;
  imp_iq_fn fn;
  void *ctx;
  imp_stanza_fn host_fn;
  void *host_data;
  unsigned scope;
  char ns[];
} iq_handler;

static int host_iq(imp_node *node, imp_session *session, imp_stanza *st, void *ctx) {
  const iq_handler *h = ctx;
  (void)session;
  return h->host_fn(node, st, h->host_data);
}

static iq_handler *find(const imp_node *node, const char *ns) {
  imp_map_node *n = imp_map_find(&node->iq_handlers, ns, strlen(ns));
  return n ? IMP_CONTAINER_OF(n, iq_handler, by_ns) : NULL;
}

static iq_handler *find_or_add(imp_node *node, const char *ns) {
  iq_handler *h = find(node, ns);
  size_t len = strlen(ns);
  if (h != NULL || (h = imp_calloc(1, sizeof(*h) + len + 1)) == NULL) {
    return h;
  }
  memcpy(h->ns, ns, len + 1);
  if (imp_map_insert(&node->iq_handlers, &h->by_ns, h->ns, len) < 0) {
    imp_free(h);
    return NULL;
  }
  return h;
}

int imp_node_serve_iq(imp_node *node, const char *ns, unsigned scope, imp_iq_fn fn, void *ctx) {
  iq_handler *h = find_or_add(node, ns);
  if (h == NULL) {
    return IMP_ERR_NOMEM;
  }
  h->fn = fn;
  h->ctx = ctx;
  h->scope = scope;
  return IMP_OK;
}

int imp_node_handle_iq(imp_node *node, const char *ns, imp_stanza_fn fn, void *user_data) {
  iq_handler *h;
  if (ns == NULL || *ns == '\0') {
    return imp_node_fail(node, IMP_ERR_INVALID_ARGUMENT, "handle_iq: a namespace is required");
  }
  h = find(node, ns);
  if (fn == NULL) {
    if (h == NULL || h->host_fn == NULL) {
      return imp_node_fail(node, IMP_ERR_NOT_FOUND, "handle_iq: nothing handles %s", ns);
    }
    imp_map_remove(&node->iq_handlers, &h->by_ns);
    imp_free(h);
    return IMP_OK;
  }
  h = find_or_add(node, ns);
  if (h == NULL) {
    return imp_node_fail(node, IMP_ERR_NOMEM, "handle_iq: out of memory");
  }
  h->host_fn = fn;
  h->host_data = user_data;
  h->fn = host_iq;
  h->ctx = h;
  h->scope = IMP_IQ_NODE | IMP_IQ_OWN | IMP_IQ_OTHER;
  return IMP_OK;
}

void imp_node_free_handlers(imp_node *node) {
  imp_map_iter it;
  imp_map_node *n;
  imp_map_iter_init(&it, &node->iq_handlers);
  while ((n = imp_map_iter_next(&it)) != NULL) {
    imp_free(IMP_CONTAINER_OF(n, iq_handler, by_ns));
  }
  imp_map_reset(&node->iq_handlers);
}

void imp_node_each_iq(const imp_node *node, void (*fn)(const char *ns, void *ctx), void *ctx) {
  imp_map_iter it;
  imp_map_node *n;
  imp_map_iter_init(&it, &node->iq_handlers);
  while ((n = imp_map_iter_next(&it)) != NULL) {
    const iq_handler *h = IMP_CONTAINER_OF(n, iq_handler, by_ns);
    if ((h->scope & IMP_IQ_NODE) && !(h->scope & IMP_IQ_QUIET)) {
      fn(h->ns, ctx);
    }
  }
}

static unsigned scope_of(const imp_node *node, const imp_session *session, const imp_stanza *st) {
  if (st->to == NULL) {
    return session ? IMP_IQ_OWN | IMP_IQ_NODE : IMP_IQ_NODE;
  }
  if (st->to->locallen == 0) {
    return IMP_IQ_NODE;
  }
  (void)node;
  return st->from && imp_jid_equal_bare(st->to, st->from) ? IMP_IQ_OWN : IMP_IQ_OTHER;
}

void imp_node_dispatch_iq(imp_node *node, imp_session *session, imp_stanza *st) {
  const imp_elem *child = imp_elem_first(&st->root);
  iq_handler *h;
  if (st->type != IMP_TYPE_GET && st->type != IMP_TYPE_SET) {
    if (st->type != IMP_TYPE_RESULT && st->type != IMP_TYPE_ERROR) {
      imp_node_bounce(node, st, "bad-request", "an iq needs a type");
    } else {
      imp_event event = {.session = session, .stanza = st, .to = st->to};
      (void)imp_node_run_hooks(node, IMP_POINT_IQ_ANSWER, &event);
    }
    return;
  }
  if (child == NULL || imp_elem_next(child) != NULL || st->id == NULL) {
    imp_node_bounce(node, st, "bad-request", "an iq get or set needs an id and exactly one child");
    return;
  }
  h = find(node, imp_elem_ns(child));
  if (h == NULL || !(h->scope & scope_of(node, session, st))) {
    imp_node_bounce(node, st, "service-unavailable", NULL);
  } else if (h->fn(node, session, st, h->ctx) < 0) {
    imp_node_bounce(node, st, "internal-server-error", NULL);
  }
}

int imp_node_reply_empty(imp_node *node, const imp_stanza *st) {
  imp_stanza *reply;
  int rv = imp_stanza_new_reply(&reply, st);
  if (rv == IMP_OK) {
    imp_node_reply(node, reply);
  }
  return rv;
}
