/* Roster items on the wire, and pushes of them (RFC 6121 §2.1.6). */
#include <string.h>

#include "core/codec.h"
#include "roster/internal.h"

void imp_roster_add_item(imp_stanza *st, imp_elem *query, const imp_contact *c) {
  imp_elem *item = imp_elem_add(st, query, "item", NULL);
  const char *group = c->groups;
  uint32_t i;
  if (item == NULL) {
    return;
  }
  imp_elem_set_attr(st, item, "jid", imp_jid_full(c->jid));
  if (c->name != NULL) {
    imp_elem_set_attr(st, item, "name", c->name);
  }
  imp_elem_set_attr(st, item, "subscription", imp_sub_attribute((imp_sub_state)c->sub.state));
  if (imp_sub_is_asking((imp_sub_state)c->sub.state)) {
    imp_elem_set_attr(st, item, "ask", "subscribe");
  }
  if (c->sub.approved) {
    imp_elem_set_attr(st, item, "approved", "true");
  }
  for (i = 0; i < c->ngroups; i++) {
    (void)imp_elem_add_text(st, item, "group", NULL, group);
    group += strlen(group) + 1;
  }
}

static imp_elem *push_new(imp_roster *r, imp_stanza **push, uint64_t version) {
  char id[24], ver[24];
  imp_elem *query;
  if (imp_stanza_new(push, "iq", NULL) < 0) {
    return NULL;
  }
  imp_node_fresh_id(r->node, id);
  imp_stanza_set_id(*push, id);
  imp_stanza_set_type(*push, IMP_TYPE_SET);
  query = imp_elem_add(*push, imp_stanza_edit(*push), "query", IMP_NS_ROSTER);
  ver[imp_format_u64(ver, version)] = '\0';
  if (query != NULL) {
    imp_elem_set_attr(*push, query, "ver", ver);
  }
  return query;
}

static int is_interested(const imp_session *s) {
  const imp_roster_session *rs = imp_roster_session_of(s);
  return rs != NULL && rs->interested && !s->ending;
}

static void deliver(imp_roster *r, imp_stanza *push, const imp_session *only) {
  imp_session *s = push != NULL ? imp_session_first(r->user) : NULL,
              *next; /* NULL: out of memory, it asks again one day */
  for (; s != NULL; s = next) {
    imp_packet_options options = {.to = s->jid};
    imp_packet *packet;
    next = imp_session_next(s);
    if ((only == NULL || only == s) && is_interested(s) && imp_packet_new(&packet, push, &options) == IMP_OK) {
      (void)imp_session_deliver(s, packet);
    }
  }
  imp_stanza_del(push);
}

void imp_roster_push(imp_roster *r, const imp_contact *c, imp_session *only) {
  imp_stanza *push = NULL;
  imp_elem *query;
  if (r->user == NULL) {
    return;
  }
  query = push_new(r, &push, c->version);
  if (query != NULL) {
    imp_roster_add_item(push, query, c);
  }
  deliver(r, push, only);
}

void imp_roster_push_removed(imp_roster *r, const imp_jid *contact) {
  imp_stanza *push = NULL;
  imp_elem *query, *item;
  if (r->user == NULL) {
    return;
  }
  query = push_new(r, &push, r->version);
  item = query != NULL ? imp_elem_add(push, query, "item", NULL) : NULL;
  if (item != NULL) {
    imp_elem_set_attr(push, item, "jid", imp_jid_full(contact));
    imp_elem_set_attr(push, item, "subscription", "remove");
  }
  deliver(r, push, NULL);
}
