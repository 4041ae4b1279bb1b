/* Presence to those who see the user (RFC 6121 §4.2, §4.4, §4.5). */
#include "roster/internal.h"

imp_stanza *imp_roster_copy(const imp_stanza *st, const imp_jid *from, const imp_jid *to) {
  imp_stanza *copy;
  const imp_elem *child;
  if (imp_stanza_new(&copy, st->root.name, NULL) < 0) {
    return NULL;
  }
  imp_stanza_set_from(copy, from != NULL ? from : st->from);
  imp_stanza_set_to(copy, to);
  imp_stanza_set_type(copy, (imp_stanza_type)st->type);
  imp_stanza_set_id(copy, st->id);
  for (child = imp_elem_first(&st->root); child != NULL; child = imp_elem_next(child)) {
    (void)imp_elem_add_copy(copy, imp_stanza_edit(copy), child);
  }
  if (imp_stanza_is_broken(copy)) {
    imp_stanza_del(copy);
    return NULL;
  }
  return copy;
}

imp_stanza *imp_roster_presence(imp_stanza_type type, const imp_jid *from, const imp_jid *to) {
  imp_stanza *st;
  if (imp_stanza_new(&st, "presence", NULL) < 0) {
    return NULL;
  }
  imp_stanza_set_from(st, from);
  imp_stanza_set_to(st, to);
  imp_stanza_set_type(st, type);
  if (imp_stanza_is_broken(st)) {
    imp_stanza_del(st);
    return NULL;
  }
  return st;
}

/* ---- what leaves when nothing is being walked through ---- */

void imp_roster_send(imp_node *node, imp_stanza *st) {
  imp_rosters *f = imp_rosters_of(node);
  imp_task *later;
  if (st == NULL) {
    imp_log(&node->log, IMP_LOG_ROUTE, IMP_LOG_ERROR, node->settings.domain, "presence lost: out of memory");
    return;
  }
  if (f->walking > 0 && (later = imp_calloc(1, sizeof(*later))) != NULL) {
    later->stanza = st;
    imp_list_append(&f->outbox, &later->link);
    return;
  }
  imp_node_route(node, NULL, st);
  imp_stanza_del(st);
}

void imp_roster_walk(imp_node *node) { imp_rosters_of(node)->walking++; }

void imp_roster_walked(imp_node *node) {
  imp_rosters *f = imp_rosters_of(node);
  imp_list *l;
  if (--f->walking > 0) {
    return;
  }
  while ((l = imp_list_pop(&f->outbox)) != NULL) {
    imp_task *later = IMP_CONTAINER_OF(l, imp_task, link);
    imp_node_route(node, NULL, later->stanza);
    imp_stanza_del(later->stanza);
    imp_free(later);
  }
}

/* ---- to one contact ---- */

static void to_session(imp_session *s, const imp_jid *to, imp_stanza *st) {
  imp_packet_options options = {.to = to};
  imp_packet *packet;
  if (imp_packet_new(&packet, st, &options) == IMP_OK) {
    (void)imp_session_deliver(s, packet);
  }
}

/* All who are available get it, each a packet of its own with the same tail. */
static void to_user(imp_user *user, imp_stanza *st) {
  imp_session *s = imp_session_first(user), *next;
  for (; s != NULL; s = next) {
    next = imp_session_next(s);
    if (s->presence != NULL && !s->ending) {
      to_session(s, user->jid, st);
    }
  }
}

static imp_user *user_of(const imp_node *node, const imp_contact *c) {
  imp_map_node *n = imp_map_find_hashed(&node->users, c->by_jid.key, c->by_jid.keylen, c->by_jid.hash);
  return n ? IMP_CONTAINER_OF(n, imp_user, by_bare) : NULL;
}

static int leaves(const imp_node *node, const imp_jid *to) {
  return !imp_node_is_local(node, to) || imp_node_is_handled(node, to);
}

void imp_roster_send_to(imp_roster *r, const imp_jid *to, imp_stanza *st) {
  imp_user *user;
  imp_session *s;
  if (imp_blocks_between(r->node, r->jid, to)) {
    return;
  }
  if (leaves(r->node, to)) {
    imp_roster_send(r->node, imp_roster_copy(st, NULL, to));
  } else if (to->resourcelen > 0) {
    s = imp_node_find_session(r->node, to);
    if (s != NULL && !s->ending) {
      to_session(s, to, st);
    }
  } else if ((user = imp_node_find_user(r->node, to)) != NULL) {
    to_user(user, st);
  }
}

int imp_roster_hides(const imp_session *s, const imp_jid *contact) {
  const imp_roster_session *rs = imp_roster_session_of(s);
  imp_map_node *n;
  if (rs == NULL || rs->hidden == 0) {
    return 0;
  }
  n = imp_map_find(&rs->directed, imp_jid_bare(contact), imp_jid_bare_len(contact));
  return n != NULL && IMP_CONTAINER_OF(n, imp_directed, by_jid)->hidden;
}

void imp_roster_fan_out(imp_roster *r, const imp_session *s, imp_stanza *st) {
  imp_node *node = r->node;
  int strangers = node->jid_handlers.count > 0 || node->hook_count[IMP_POINT_REMOTE] > 0;
  imp_list *l, *next;
  imp_roster_walk(node);
  for (l = r->watchers.next; l != &r->watchers; l = next) {
    imp_contact *c = IMP_CONTAINER_OF(l, imp_contact, watches);
    imp_user *user = user_of(node, c);
    next = l->next;
    if ((user == NULL && !strangers) || (s != NULL && imp_roster_hides(s, c->jid)) || imp_blocks_between(node, r->jid, c->jid)) {
      continue;
    }
    if (strangers && leaves(node, c->jid)) {
      imp_roster_send(node, imp_roster_copy(st, NULL, c->jid));
    } else if (user != NULL) {
      to_user(user, st);
    }
  }
  imp_roster_walked(node);
}

/* ---- all that is seen of a user ---- */

static imp_stanza *shown_by(const imp_session *s, const imp_jid *to) {
  const imp_roster_session *rs = imp_roster_session_of(s);
  return rs == NULL || rs->invisible || s->ending || imp_roster_hides(s, to) ? NULL : rs->shown;
}

size_t imp_roster_send_all_to(imp_roster *r, const imp_contact *watcher, const imp_jid *to) {
  imp_session *s = r->user ? imp_session_first(r->user) : NULL, *next;
  size_t n = 0;
  (void)watcher;
  for (; s != NULL; s = next) {
    imp_stanza *st = shown_by(s, to);
    next = imp_session_next(s);
    if (st != NULL && !imp_jid_equal(s->jid, to)) {
      imp_roster_send_to(r, to, st);
      n++;
    }
  }
  if (r->shown != NULL) {
    imp_roster_send_to(r, to, r->shown);
    n++;
  }
  return n;
}

static void unavailable_from(imp_roster *r, const imp_jid *from, const imp_jid *to) {
  imp_stanza *st = imp_roster_presence(IMP_TYPE_UNAVAILABLE, from, NULL);
  if (st != NULL) {
    imp_roster_send_to(r, to, st);
    imp_stanza_del(st);
  }
}

void imp_roster_send_unavailable_to(imp_roster *r, const imp_jid *to) {
  imp_session *s = r->user ? imp_session_first(r->user) : NULL, *next;
  for (; s != NULL; s = next) {
    next = imp_session_next(s);
    if (shown_by(s, to) != NULL) {
      unavailable_from(r, s->jid, to);
    }
  }
  if (r->shown != NULL) {
    unavailable_from(r, r->shown->from, to);
  }
}

/* ---- what sessions show ---- */

static void broadcast(imp_roster *r, const imp_task *task) {
  imp_session *s = task->jid != NULL ? imp_node_find_session(r->node, task->jid) : NULL;
  imp_roster_fan_out(r, s, task->stanza);
  if (task->number != 0 && s != NULL && !s->ending && s->presence != NULL) {
    imp_roster_probe_all(r, s);
    imp_roster_show_requests(r, s);
  }
}

/* It is available the first time, but nobody is to know. */
static void look_around(imp_roster *r, const imp_task *task) {
  imp_session *s = imp_task_session(r, task);
  if (s != NULL && s->presence != NULL) {
    if (!imp_roster_session_of(s)->blind) {
      imp_roster_probe_all(r, s);
    }
    imp_roster_show_requests(r, s);
  }
}

static void session_goes(imp_roster *r, imp_session *s, imp_roster_session *rs, imp_stanza *st) {
  imp_task task = {.run = broadcast, .stanza = st, .jid = s->jid};
  int was_shown = rs->shown != NULL && !rs->invisible;
  if (rs->shown == NULL && rs->directed.count == 0) {
    return;
  }
  imp_stanza_del(rs->shown);
  rs->shown = NULL;
  if (was_shown) {
    imp_ghosts_note(s, 0);
    (void)imp_roster_when(r, &task);
    imp_last_note(r, st);
  }
  imp_directed_end(s, st, was_shown);
}

static void session_shows(imp_roster *r, imp_session *s, imp_roster_session *rs, imp_stanza *st, uint32_t first) {
  imp_task task = {.run = rs->invisible ? look_around : broadcast, .stanza = st, .jid = s->jid, .number = first};
  imp_stanza *old = rs->shown;
  rs->shown = imp_stanza_ref(st);
  if (!rs->invisible) {
    imp_ghosts_note(s, 1);
  }
  if (!rs->invisible && rs->begins) {
    task.number = 1;
    rs->begins = 0;
    imp_roster_note_session(s);
  }
  imp_stanza_del(old);
  if (!rs->invisible || first) {
    (void)imp_roster_when(r, &task);
  }
}

static void user_shows(imp_roster *r, imp_stanza *st) {
  imp_task task = {.run = broadcast, .stanza = st};
  imp_stanza_del(r->shown);
  r->shown = st->type == IMP_TYPE_NONE ? imp_stanza_ref(st) : NULL;
  (void)imp_roster_when(r, &task);
  imp_roster_touch(r);
}

static imp_verdict on_shown(imp_event *event, void *ctx) {
  imp_session *s = event->session;
  imp_roster *r = s != NULL ? imp_roster_of(s->user) : imp_roster_get(event->node, event->to);
  imp_roster_session *rs = s != NULL ? imp_roster_session_get(s) : NULL;
  (void)ctx;
  if (r == NULL || (s != NULL && rs == NULL)) {
    return IMP_CONTINUE;
  }
  if (s == NULL) {
    user_shows(r, event->stanza);
  } else if (event->stanza->type == IMP_TYPE_NONE) {
    session_shows(r, s, rs, event->stanza, event->count);
  } else {
    imp_task task = {.run = look_around, .jid = s->jid};
    session_goes(r, s, rs, event->stanza);
    if (event->count != 0) { /* it is here, and somebody wants it not to be seen */
      (void)imp_roster_when(r, &task);
    }
  }
  return IMP_CONTINUE;
}

static imp_verdict on_directed(imp_event *event, void *ctx) {
  imp_stanza *st = event->stanza;
  (void)ctx;
  if (st->to == NULL || (st->type != IMP_TYPE_NONE && st->type != IMP_TYPE_UNAVAILABLE)) {
    return IMP_CONTINUE;
  }
  if (imp_directed_note(event->session, st) < 0) {
    imp_node_bounce(event->node, st, "resource-constraint", NULL);
    return IMP_HANDLED;
  }
  return IMP_CONTINUE;
}

int imp_roster_start_broadcast(imp_node *node) {
  int rv = imp_node_hook(node, IMP_POINT_PRESENCE_SHOWN, 100, on_shown, NULL);
  return rv < 0 ? rv : imp_node_hook(node, IMP_POINT_PRESENCE_IN, 60, on_directed, NULL);
}
