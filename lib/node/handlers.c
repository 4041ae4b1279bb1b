/* Addresses that the host answers for. */
#include <string.h>

#include "node/node.h"
#include "xml/jid.h"

typedef struct jid_handler {
  imp_map_node by_bare;
  imp_stanza_fn fn;
  void *user_data;
  imp_jid *jid;
} jid_handler;

static jid_handler *find(const imp_node *node, const imp_jid *jid) {
  imp_map_node *n;
  if (node->jid_handlers.count == 0) {
    return NULL;
  }
  n = imp_map_find(&node->jid_handlers, imp_jid_bare(jid), imp_jid_bare_len(jid));
  return n ? IMP_CONTAINER_OF(n, jid_handler, by_bare) : NULL;
}

static void handler_free(jid_handler *h) {
  imp_jid_del(h->jid);
  imp_free(h);
}

static int handler_add(imp_node *node, imp_jid *jid, imp_stanza_fn fn, void *user_data) {
  jid_handler *h = imp_calloc(1, sizeof(*h));
  if (h == NULL) {
    return IMP_ERR_NOMEM;
  }
  if (imp_map_insert(&node->jid_handlers, &h->by_bare, imp_jid_bare(jid), imp_jid_bare_len(jid)) < 0) {
    imp_free(h);
    return IMP_ERR_NOMEM;
  }
  h->jid = imp_jid_ref(jid);
  h->fn = fn;
  h->user_data = user_data;
  return IMP_OK;
}

static int set_handler(imp_node *node, imp_jid *jid, imp_stanza_fn fn, void *user_data) {
  jid_handler *h = find(node, jid);
  if (!imp_node_is_local(node, jid)) {
    return imp_node_fail(node, IMP_ERR_INVALID_ARGUMENT, "handle_jid %s: not in the domain %s", imp_jid_full(jid),
                         node->settings.domain);
  }
  if (h != NULL && fn != NULL) {
    h->fn = fn;
    h->user_data = user_data;
    return IMP_OK;
  }
  if (h != NULL) {
    imp_map_remove(&node->jid_handlers, &h->by_bare);
    handler_free(h);
    return IMP_OK;
  }
  if (fn == NULL) {
    return imp_node_fail(node, IMP_ERR_NOT_FOUND, "handle_jid %s: nothing handles it", imp_jid_full(jid));
  }
  return handler_add(node, jid, fn, user_data);
}

int imp_node_handle_jid(imp_node *node, const char *text, imp_stanza_fn fn, void *user_data) {
  imp_jid *jid;
  int rv = imp_jid_new(&jid, text, strlen(text));
  if (rv < 0) {
    return imp_node_fail(node, rv, "handle_jid: \"%s\" is no address", text);
  }
  rv = set_handler(node, jid, fn, user_data);
  imp_jid_del(jid);
  return rv;
}

int imp_node_is_handled(const imp_node *node, const imp_jid *jid) { return find(node, jid) != NULL; }

int imp_node_try_handler(imp_node *node, imp_stanza *st) {
  jid_handler *h = find(node, st->to);
  if (h == NULL) {
    return 0;
  }
  if (h->fn(node, st, h->user_data) < 0 && st->type != IMP_TYPE_ERROR) {
    if (st->kind == IMP_STANZA_MESSAGE) {
      imp_node_count(node, IMP_FATE_REFUSED);
    }
    imp_node_bounce(node, st, "internal-server-error", NULL);
  } else if (st->kind == IMP_STANZA_MESSAGE) {
    imp_node_count(node, IMP_FATE_CONSUMED);
  }
  return 1;
}

void imp_node_free_jid_handlers(imp_node *node) {
  imp_map_iter it;
  imp_map_node *n;
  imp_map_iter_init(&it, &node->jid_handlers);
  while ((n = imp_map_iter_next(&it)) != NULL) {
    handler_free(IMP_CONTAINER_OF(n, jid_handler, by_bare));
  }
  imp_map_reset(&node->jid_handlers);
}

/* Serialised here, since only now can the host be told that it cannot be. */
static int finish_own(imp_node *node, imp_stanza *st) {
  size_t len;
  if (st->from == NULL) {
    imp_stanza_set_from(st, node->domain);
  }
  if (st->id == NULL && st->kind != IMP_STANZA_PRESENCE) {
    char id[24];
    imp_node_fresh_id(node, id);
    imp_stanza_set_id(st, id);
  }
  return imp_stanza_tail(st, &len) != NULL
             ? IMP_OK
             : imp_node_fail(node, IMP_ERR_NOMEM, "send: out of memory, or elements nested too deeply");
}

int imp_node_send(imp_node *node, imp_stanza *st) {
  int rv;
  if (st->to == NULL) {
    return imp_node_fail(node, IMP_ERR_INVALID_ARGUMENT, "send: the stanza has no `to`");
  }
  rv = finish_own(node, st);
  if (rv == IMP_OK) {
    imp_node_route(node, NULL, st);
  }
  return rv;
}

int imp_node_reply_text(imp_node *node, const imp_stanza *st, const char *text) {
  imp_stanza *reply;
  const imp_elem *thread = imp_stanza_child(st, "thread", IMP_NS_CLIENT);
  int rv;
  if (st->kind != IMP_STANZA_MESSAGE || st->type == IMP_TYPE_ERROR) {
    return imp_node_fail(node, IMP_ERR_INVALID_ARGUMENT, "reply_text: not a message that can be answered");
  }
  rv = imp_stanza_new(&reply, "message", NULL);
  if (rv < 0) {
    return imp_node_fail(node, rv, "reply_text: out of memory");
  }
  imp_stanza_set_from(reply, st->to);
  imp_stanza_set_to(reply, st->from);
  imp_stanza_set_type(reply, (imp_stanza_type)st->type);
  (void)imp_elem_add_text(reply, imp_stanza_edit(reply), "body", NULL, text);
  if (thread != NULL) {
    (void)imp_elem_add_copy(reply, imp_stanza_edit(reply), thread);
  }
  rv = imp_node_send(node, reply);
  imp_stanza_del(reply);
  return rv;
}
