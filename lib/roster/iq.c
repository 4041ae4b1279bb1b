/* jabber:iq:roster (RFC 6121 §2.2–2.6). */
#include <string.h>

#include "core/codec.h"
#include "roster/internal.h"

/* More changes than this since the client was here: it gets the whole roster. */
#define CHANGES_MAX 50

static uint32_t changes_since(const imp_roster *r, uint64_t version) {
  const imp_list *l;
  uint32_t n = 0;
  for (l = r->order.next; l != &r->order; l = l->next) {
    const imp_contact *c = IMP_CONTAINER_OF(l, imp_contact, link);
    n += c->sub.listed && c->version > version;
  }
  return n;
}

/* What a client has may be brought up to date with pushes, unless something was taken off (§2.6.3). */
static int is_near(const imp_roster *r, const imp_elem *query, uint64_t *version) {
  const char *ver = imp_elem_attr(query, "ver");
  return ver != NULL && *ver != '\0' && imp_parse_u64(version, ver) == IMP_OK && *version <= r->version &&
         *version >= r->removed && (*version > 0 || r->version == 0) && changes_since(r, *version) <= CHANGES_MAX;
}

static void push_changes(imp_roster *r, imp_session *s, uint64_t version) {
  imp_list *l;
  uint64_t done = version, next;
  do { /* in the order of versions: a client that loses the stream in between knows what it has */
    const imp_contact *first = NULL;
    next = UINT64_MAX;
    for (l = r->order.next; l != &r->order; l = l->next) {
      const imp_contact *c = IMP_CONTAINER_OF(l, imp_contact, link);
      if (c->sub.listed && c->version > done && c->version < next) {
        next = c->version;
        first = c;
      }
    }
    if (first != NULL) {
      imp_roster_push(r, first, s);
      done = next;
    }
  } while (next != UINT64_MAX);
}

static void send_whole(imp_roster *r, const imp_stanza *st) {
  imp_stanza *reply;
  imp_elem *query;
  imp_list *l;
  char ver[24];
  if (imp_stanza_new_reply(&reply, st) < 0) {
    imp_node_bounce(r->node, st, "resource-constraint", NULL);
    return;
  }
  query = imp_elem_add(reply, imp_stanza_edit(reply), "query", IMP_NS_ROSTER);
  ver[imp_format_u64(ver, r->version)] = '\0';
  if (query != NULL) {
    imp_elem_set_attr(reply, query, "ver", ver);
  }
  for (l = r->order.next; query != NULL && l != &r->order; l = l->next) {
    const imp_contact *c = IMP_CONTAINER_OF(l, imp_contact, link);
    if (c->sub.listed) {
      imp_roster_add_item(reply, query, c);
    }
  }
  if (imp_stanza_is_broken(reply)) {
    imp_stanza_del(reply);
    imp_node_bounce(r->node, st, "resource-constraint", NULL);
    return;
  }
  imp_node_reply(r->node, reply);
}

static int become_interested(imp_session *s) {
  imp_roster_session *rs = imp_roster_session_get(s);
  if (rs == NULL) {
    return IMP_ERR_NOMEM;
  }
  if (!rs->interested) {
    rs->interested = 1;
    imp_roster_note_session(s);
  }
  return IMP_OK;
}

static void get(imp_roster *r, const imp_task *task) {
  imp_session *s = imp_task_session(r, task);
  uint64_t version;
  if (s == NULL) {
    return;
  }
  if (task->error < 0 || become_interested(s) < 0) {
    imp_node_bounce(r->node, task->stanza, task->error < 0 ? "internal-server-error" : "resource-constraint", NULL);
  } else if (is_near(r, imp_elem_first(&task->stanza->root), &version)) {
    (void)imp_node_reply_empty(r->node, task->stanza);
    push_changes(r, s, version);
  } else {
    send_whole(r, task->stanza);
  }
}

/* ---- set ---- */

/* Text of the groups, each with its NUL; an error condition, or NULL. */
static const char *read_groups(const imp_roster_settings *max, const imp_elem *item, imp_buf *groups) {
  const imp_elem *g;
  uint32_t n = 0;
  for (g = imp_elem_first(item); g != NULL; g = imp_elem_next(g)) {
    size_t len, at;
    const char *text = imp_elem_text(g, &len), *had;
    if (!imp_elem_is(g, "group", IMP_NS_ROSTER)) {
      continue;
    }
    if (len == 0 || len > max->max_group_bytes || ++n > max->max_groups) {
      return "not-acceptable";
    }
    had = (const char *)imp_buf_data(groups);
    for (at = 0; at < imp_buf_len(groups); at += strlen(had + at) + 1) {
      if (strcmp(had + at, text) == 0) {
        return "bad-request";
      }
    }
    if (imp_buf_append(groups, text, len + 1) < 0) {
      return "resource-constraint";
    }
  }
  return NULL;
}

static const char *condition_of(int status) {
  return status == IMP_ERR_LIMIT ? "policy-violation" : "resource-constraint";
}

static const char *change(imp_roster *r, const imp_jid *jid, const imp_elem *item) {
  const imp_roster_settings *max = &imp_rosters_of(r->node)->settings;
  const char *name = imp_elem_attr(item, "name"), *wrong;
  imp_buf groups;
  imp_contact *c;
  imp_sub sub;
  int rv;
  if (name != NULL && strlen(name) > max->max_name_bytes) {
    return "not-acceptable";
  }
  imp_buf_init(&groups, 1u << 20);
  wrong = read_groups(max, item, &groups);
  if (wrong == NULL) {
    c = imp_contact_get(r, jid, 1, &rv);
    if (c != NULL) {
      rv = imp_contact_set_name(r, c, name, (const char *)imp_buf_data(&groups), imp_buf_len(&groups));
      if (rv == IMP_OK) {
        sub = c->sub;
        (void)imp_sub_list(&sub);
        imp_contact_set_sub(r, c, sub);
      }
      imp_contact_note(r, c, rv == IMP_OK);
    }
    wrong = rv < 0 ? condition_of(rv) : NULL;
  }
  imp_buf_reset(&groups);
  return wrong;
}

void imp_roster_take_off(imp_roster *r, imp_contact *c) {
  imp_jid *jid = imp_jid_ref(c->jid);
  imp_sub sub = c->sub;
  int unavailable;
  unsigned stanzas = imp_sub_remove(&sub, &unavailable);
  imp_contact_remove(r, c);
  if (unavailable) {
    imp_roster_send_unavailable_to(r, jid); /* while he may see it */
  }
  imp_roster_walk(r->node);
  if (stanzas & 1u << IMP_SUB_UNSUBSCRIBE) {
    imp_roster_send(r->node, imp_roster_presence(IMP_TYPE_UNSUBSCRIBE, r->jid, jid));
  }
  if (stanzas & 1u << IMP_SUB_UNSUBSCRIBED) {
    imp_roster_send(r->node, imp_roster_presence(IMP_TYPE_UNSUBSCRIBED, r->jid, jid));
  }
  imp_roster_walked(r->node);
  imp_roster_push_removed(r, jid);
  imp_jid_del(jid);
}

static void set_item(imp_roster *r, const imp_stanza *st, const imp_jid *jid, const imp_elem *item) {
  const char *subscription = imp_elem_attr(item, "subscription"), *wrong = NULL;
  imp_contact *c = imp_contact_find(r, jid);
  int removes = subscription != NULL && strcmp(subscription, "remove") == 0;
  if (removes && (c == NULL || !c->sub.listed)) {
    wrong = "item-not-found";
  } else if (!removes) {
    wrong = change(r, jid, item);
  }
  if (wrong != NULL) {
    imp_node_bounce(r->node, st, wrong, NULL);
    return;
  }
  (void)imp_node_reply_empty(r->node, st);
  if (removes) {
    imp_roster_take_off(r, c);
  } else if ((c = imp_contact_find(r, jid)) != NULL) {
    imp_roster_push(r, c, NULL);
  }
}

static void set(imp_roster *r, const imp_task *task) {
  const imp_elem *query = imp_elem_first(&task->stanza->root), *item = imp_elem_first(query);
  const char *text = item ? imp_elem_attr(item, "jid") : NULL, *wrong = NULL;
  imp_jid *jid = NULL;
  if (task->error < 0) {
    wrong = "internal-server-error";
  } else if (item == NULL || !imp_elem_is(item, "item", IMP_NS_ROSTER) || imp_elem_next(item) != NULL || text == NULL) {
    wrong = "bad-request";
  } else if (imp_jid_cache_get(r->node->jids, &jid, text, strlen(text)) < 0) {
    wrong = "jid-malformed";
  } else if (imp_jid_equal_bare(jid, r->jid)) {
    wrong = "not-allowed";
  }
  if (wrong != NULL) {
    imp_node_bounce(r->node, task->stanza, wrong, NULL);
  } else {
    set_item(r, task->stanza, jid, item);
  }
  imp_jid_del(jid);
}

static int on_iq(imp_node *node, imp_session *s, imp_stanza *st, void *ctx) {
  imp_task task = {.run = st->type == IMP_TYPE_GET ? get : set, .stanza = st};
  imp_roster *r;
  (void)ctx;
  if (s == NULL || (st->to != NULL && !imp_jid_equal_bare(st->to, s->jid))) {
    imp_node_bounce(node, st, "forbidden", NULL);
    return IMP_OK;
  }
  if (!imp_elem_is(imp_elem_first(&st->root), "query", IMP_NS_ROSTER)) {
    imp_node_bounce(node, st, "bad-request", NULL);
    return IMP_OK;
  }
  r = imp_roster_of(s->user);
  task.jid = s->jid;
  return r != NULL ? imp_roster_when(r, &task) : IMP_ERR_NOMEM;
}

int imp_roster_start_iq(imp_node *node) {
  return imp_node_serve_iq(node, IMP_NS_ROSTER, IMP_IQ_OWN | IMP_IQ_OTHER, on_iq, NULL);
}
