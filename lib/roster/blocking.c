/* Blocking (XEP-0191): the user's commands, and what becomes of stanzas. */
#include <string.h>

#include "roster/internal.h"

/* ---- stanzas ---- */

/* Straight to the session: from that address nothing else passes. */
static void refuse_own(imp_session *s, const imp_stanza *st) {
  imp_stanza *reply;
  const imp_elem *error;
  if (st->type == IMP_TYPE_ERROR || (st->kind == IMP_STANZA_IQ && st->type == IMP_TYPE_RESULT) ||
      imp_stanza_new_error(&reply, st, "not-acceptable", NULL) < 0) {
    return;
  }
  error = imp_stanza_child(reply, "error", IMP_NS_CLIENT);
  (void)imp_elem_add(reply, (imp_elem *)(uintptr_t)error, "blocked", IMP_NS_BLOCKED);
  (void)imp_session_send(s, reply);
  imp_stanza_del(reply);
}

static void count(imp_node *node, const imp_stanza *st) {
  if (st->kind != IMP_STANZA_MESSAGE) {
    return;
  }
  if (st->type == IMP_TYPE_ERROR) {
    imp_node_count_drop(node, IMP_DROP_ERROR);
  } else {
    imp_node_count(node, IMP_FATE_REFUSED);
  }
}

/* What the user sends to somebody he blocks. */
static imp_verdict on_way_out(imp_event *event, void *ctx) {
  imp_stanza *st = event->stanza;
  (void)ctx;
  if (event->session == NULL || st->to == NULL || !imp_blocks_is(event->node, event->session->jid, st->to)) {
    return IMP_CONTINUE;
  }
  count(event->node, st);
  refuse_own(event->session, st);
  return IMP_HANDLED;
}

/* What comes from somebody he blocks: as if the user were not there. */
static imp_verdict on_way_in(imp_event *event, void *ctx) {
  imp_stanza *st = event->stanza;
  (void)ctx;
  if (st->from == NULL || !imp_blocks_is(event->node, event->to, st->from)) {
    return IMP_CONTINUE;
  }
  count(event->node, st);
  if (st->kind != IMP_STANZA_PRESENCE) {
    imp_node_bounce(event->node, st, "service-unavailable", NULL);
  }
  return IMP_HANDLED;
}

/* ---- the list ---- */

static void push(imp_roster *r, const char *name, const imp_jid *who) {
  imp_stanza *st;
  imp_elem *el;
  imp_session *s = r->user ? imp_session_first(r->user) : NULL, *next;
  char id[24];
  if (s == NULL || imp_stanza_new(&st, "iq", NULL) < 0) {
    return;
  }
  imp_node_fresh_id(r->node, id);
  imp_stanza_set_id(st, id);
  imp_stanza_set_type(st, IMP_TYPE_SET);
  el = imp_elem_add(st, imp_stanza_edit(st), name, IMP_NS_BLOCKING);
  el = who != NULL ? imp_elem_add(st, el, "item", NULL) : NULL;
  if (el != NULL) {
    imp_elem_set_attr(st, el, "jid", imp_jid_full(who));
  }
  for (; s != NULL; s = next) {
    const imp_roster_session *rs = imp_roster_session_of(s);
    imp_packet_options options = {.to = s->jid};
    imp_packet *packet;
    next = imp_session_next(s);
    if (rs != NULL && rs->blocklist && !s->ending && imp_packet_new(&packet, st, &options) == IMP_OK) {
      (void)imp_session_deliver(s, packet);
    }
  }
  imp_stanza_del(st);
}

/* Watchers whom a JID of the list is about. */
static void each_watcher(imp_roster *r, const imp_jid *who, void (*fn)(imp_roster *r, const imp_jid *to)) {
  imp_list *l, *next;
  imp_roster_walk(r->node);
  for (l = r->watchers.next; l != &r->watchers; l = next) {
    const imp_contact *c = IMP_CONTAINER_OF(l, imp_contact, watches);
    next = l->next;
    if (imp_jid_equal_bare(c->jid, who) ||
        (who->locallen == 0 && who->resourcelen == 0 && who->domainlen == c->jid->domainlen &&
         memcmp(imp_jid_domain(who), imp_jid_domain(c->jid), who->domainlen) == 0)) {
      fn(r, who->resourcelen > 0 ? who : c->jid);
    }
  }
  imp_roster_walked(r->node);
}

int imp_blocking_add(imp_roster *r, const imp_jid *who) {
  const imp_blocks *b = imp_blocks_find(r->node, r->jid);
  int rv;
  if (b != NULL && imp_map_find(&b->jids, imp_jid_full(who), imp_jid_full_len(who)) != NULL) {
    return IMP_ERR_EXISTS;
  }
  if (b != NULL && b->jids.count >= imp_rosters_of(r->node)->settings.max_blocked) {
    return IMP_ERR_LIMIT;
  }
  each_watcher(r, who, imp_roster_send_unavailable_to); /* while it still passes */
  imp_directed_block(r, who);
  rv = imp_blocks_add(r->node, r->jid, who);
  if (rv == IMP_OK) {
    push(r, "block", who);
  }
  return rv;
}

static void show_again(imp_roster *r, const imp_jid *to) { (void)imp_roster_send_all_to(r, NULL, to); }

static int take_out(imp_roster *r, const imp_jid *who) {
  int rv = imp_blocks_remove(r->node, r->jid, who);
  if (rv == IMP_OK) {
    each_watcher(r, who, show_again);
    imp_roster_probe_unblocked(r, who);
  }
  return rv;
}

int imp_blocking_remove(imp_roster *r, const imp_jid *who) {
  int rv = take_out(r, who);
  if (rv == IMP_OK) {
    push(r, "unblock", who);
  }
  return rv;
}

static void unblock_all(imp_roster *r) {
  imp_blocks *b;
  while ((b = imp_blocks_find(r->node, r->jid)) != NULL) {
    imp_map_iter it;
    imp_jid *who;
    imp_map_iter_init(&it, &b->jids);
    who = imp_jid_ref(IMP_CONTAINER_OF(imp_map_iter_next(&it), imp_blocked, by_jid)->jid);
    (void)take_out(r, who);
    imp_jid_del(who);
  }
  push(r, "unblock", NULL);
}

/* ---- the user's commands ---- */

static int item_jid(imp_node *node, const imp_elem *item, imp_jid **jid) {
  const char *text = imp_elem_attr(item, "jid");
  if (!imp_elem_is(item, "item", IMP_NS_BLOCKING) || text == NULL) {
    return IMP_ERR_INVALID_ARGUMENT;
  }
  return imp_jid_cache_get(node->jids, jid, text, strlen(text));
}

/* All are good, or nothing is done. */
static const char *check(imp_node *node, const imp_elem *command) {
  const imp_elem *item;
  for (item = imp_elem_first(command); item != NULL; item = imp_elem_next(item)) {
    imp_jid *jid;
    int rv = item_jid(node, item, &jid);
    if (rv < 0) {
      return rv == IMP_ERR_INVALID_ARGUMENT ? "bad-request"
             : rv == IMP_ERR_NOMEM          ? "resource-constraint"
                                            : "jid-malformed";
    }
    imp_jid_del(jid);
  }
  return NULL;
}

static const char *each_item(imp_roster *r, const imp_elem *command, int (*fn)(imp_roster *r, const imp_jid *who)) {
  const imp_elem *item;
  for (item = imp_elem_first(command); item != NULL; item = imp_elem_next(item)) {
    imp_jid *jid;
    int rv = item_jid(r->node, item, &jid);
    if (rv == IMP_OK) {
      rv = fn(r, jid);
      imp_jid_del(jid);
    }
    if (rv < 0 && rv != IMP_ERR_EXISTS && rv != IMP_ERR_NOT_FOUND) {
      return rv == IMP_ERR_LIMIT ? "policy-violation" : "resource-constraint";
    }
  }
  return NULL;
}

static void set(imp_roster *r, const imp_task *task) {
  const imp_elem *command = imp_elem_first(&task->stanza->root);
  int blocks = imp_elem_is(command, "block", IMP_NS_BLOCKING);
  const char *wrong = task->error < 0 ? "internal-server-error" : check(r->node, command);
  if (wrong == NULL && imp_elem_first(command) == NULL) {
    if (blocks) {
      wrong = "bad-request";
    } else {
      unblock_all(r);
    }
  } else if (wrong == NULL) {
    wrong = each_item(r, command, blocks ? imp_blocking_add : imp_blocking_remove);
  }
  if (wrong != NULL) {
    imp_node_bounce(r->node, task->stanza, wrong, NULL);
  } else {
    (void)imp_node_reply_empty(r->node, task->stanza);
  }
}

static int get(imp_node *node, imp_session *s, const imp_stanza *st) {
  imp_roster_session *rs = imp_roster_session_get(s);
  const imp_blocks *b = imp_blocks_find(node, s->jid);
  imp_stanza *reply;
  imp_elem *list;
  imp_map_iter it;
  imp_map_node *n;
  if (rs == NULL || imp_stanza_new_reply(&reply, st) < 0) {
    return IMP_ERR_NOMEM;
  }
  rs->blocklist = 1;
  imp_roster_note_session(s);
  list = imp_elem_add(reply, imp_stanza_edit(reply), "blocklist", IMP_NS_BLOCKING);
  if (b != NULL) {
    imp_map_iter_init(&it, &b->jids);
    while ((n = imp_map_iter_next(&it)) != NULL) {
      imp_elem *item = imp_elem_add(reply, list, "item", NULL);
      if (item != NULL) {
        imp_elem_set_attr(reply, item, "jid", n->key);
      }
    }
  }
  imp_node_reply(node, reply);
  return IMP_OK;
}

static int on_iq(imp_node *node, imp_session *s, imp_stanza *st, void *ctx) {
  const imp_elem *command = imp_elem_first(&st->root);
  int changes = imp_elem_is(command, "block", IMP_NS_BLOCKING) || imp_elem_is(command, "unblock", IMP_NS_BLOCKING);
  imp_task task = {.run = set, .stanza = st};
  imp_roster *r;
  (void)ctx;
  if (s != NULL && st->type == IMP_TYPE_GET && imp_elem_is(command, "blocklist", IMP_NS_BLOCKING)) {
    return get(node, s, st);
  }
  if (s == NULL || st->type != IMP_TYPE_SET || !changes) {
    imp_node_bounce(node, st, "bad-request", NULL);
    return IMP_OK;
  }
  r = imp_roster_of(s->user);
  return r != NULL ? imp_roster_when(r, &task) : IMP_ERR_NOMEM;
}

int imp_roster_start_blocking(imp_node *node) {
  static const struct {
    imp_point point;
    imp_hook_fn fn;
  } hooks[] = {{IMP_POINT_MESSAGE_IN, on_way_out},   {IMP_POINT_PRESENCE_IN, on_way_out},
               {IMP_POINT_IQ_IN, on_way_out},        {IMP_POINT_MESSAGE_USER, on_way_in},
               {IMP_POINT_PRESENCE_USER, on_way_in}, {IMP_POINT_IQ_USER, on_way_in}};
  size_t i;
  int rv = IMP_OK;
  for (i = 0; rv == IMP_OK && i < IMP_ARRAY_LEN(hooks); i++) {
    rv = imp_node_hook(node, hooks[i].point, 0, hooks[i].fn, NULL);
  }
  return rv < 0 ? rv : imp_node_serve_iq(node, IMP_NS_BLOCKING, IMP_IQ_NODE | IMP_IQ_OWN, on_iq, NULL);
}
