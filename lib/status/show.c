/* Contacts are shown what is composed: at once when a client sends presence, else from the line, a few in each turn. */
#include "status/internal.h"

static imp_status_session *slot_of(const imp_session *s) { return s->slot[IMP_SLOT_STATUS]; }

static void slot_free(imp_session *s) {
  imp_status_session *ss = slot_of(s);
  if (ss != NULL) {
    imp_status_look_clear(&ss->look);
    imp_stanza_del(ss->shown);
    imp_free(ss);
    s->slot[IMP_SLOT_STATUS] = NULL;
  }
}

static int can_be_seen(const imp_session *s) { return s->presence != NULL && !s->ending; }

/* ---- sessions ---- */

/* `look` passes. Of a restored session it is remembered that it was looked at. */
static int set_look(imp_session *s, imp_status_look *look, imp_stanza *shown) {
  imp_status_session *ss = slot_of(s);
  if (imp_status_look_is_plain(look) && !s->restored) {
    slot_free(s);
    return IMP_OK;
  }
  if (ss == NULL) {
    ss = imp_calloc(1, sizeof(*ss));
    if (ss == NULL) {
      return IMP_ERR_NOMEM;
    }
    s->slot[IMP_SLOT_STATUS] = ss;
  }
  imp_status_look_clear(&ss->look);
  imp_stanza_del(ss->shown);
  ss->look = *look;
  ss->shown = shown;
  return IMP_OK;
}

static void edit(imp_status *f, const imp_status_person *p, imp_event *event) {
  imp_presence presence;
  imp_status_look look;
  imp_stanza *shown = NULL;
  int rv;
  imp_status_compose(f, p, &presence);
  rv = imp_status_look_at(f, &presence, event->stanza, &look);
  if (rv == IMP_OK && !imp_status_look_is_plain(&look)) {
    shown = imp_status_edit(event->stanza, &look);
    rv = shown != NULL ? IMP_OK : IMP_ERR_NOMEM;
  }
  rv = rv < 0 ? rv : set_look(event->session, &look, shown);
  if (rv < 0) { /* as the client has it */
    imp_status_look_clear(&look);
    imp_stanza_del(shown);
    slot_free(event->session);
    imp_log(&f->node->log, IMP_LOG_ROUTE, IMP_LOG_ERROR, imp_jid_full(event->session->jid), "presence not composed: %s",
            imp_strerror(rv));
  } else if (shown != NULL) {
    event->stanza = shown;
  }
}

static void alone(imp_status *f, imp_status_person *p, imp_stanza *st) {
  imp_event event = {.to = p->jid, .stanza = st};
  (void)imp_node_run_hooks(f->node, IMP_POINT_PRESENCE_SHOWN, &event);
}

static void hide_alone(imp_status *f, imp_status_person *p) {
  imp_stanza *was = p->alone, *st;
  p->alone = NULL;
  if (was != NULL && imp_stanza_new(&st, "presence", NULL) == IMP_OK) {
    imp_stanza_set_from(st, was->from);
    imp_stanza_set_type(st, IMP_TYPE_UNAVAILABLE);
    alone(f, p, st);
    imp_stanza_del(st);
  }
  imp_stanza_del(was);
  imp_status_note(f, p);
}

static void goes(imp_status *f, imp_status_person *p, imp_session *s) {
  slot_free(s);
  if (p != NULL) {
    imp_status_line_up(f, p); /* it may have been the last, and be missed */
    (void)imp_composer_remove(f->composer, imp_jid_full(p->jid), IMP_SOURCE_CLIENT, imp_jid_resource(s->jid),
                              imp_node_wallclock(f->node));
  }
}

static imp_verdict on_shown(imp_event *event, void *ctx) {
  imp_status *f = ctx;
  imp_session *s = event->session;
  imp_status_person *p = s != NULL ? imp_status_find(f, s->user->jid) : NULL;
  if (s == NULL) {
    return IMP_CONTINUE;
  }
  if (event->stanza->type != IMP_TYPE_NONE) {
    goes(f, p, s);
    return IMP_CONTINUE;
  }
  if (p == NULL && f->settings.everybody && (p = imp_status_person_get(f, s->user->jid)) != NULL) {
    imp_status_line_up(f, p);
    p->changed = 1;
  }
  if (p != NULL) {
    if (!p->settling) {
      imp_status_client(f, p, s, event->stanza);
    }
    hide_alone(f, p);
    edit(f, p, event);
  }
  return IMP_CONTINUE;
}

static imp_verdict on_ended(imp_event *event, void *ctx) {
  (void)ctx;
  slot_free(event->session);
  return IMP_CONTINUE;
}

/* ---- one person ---- */

/* Non-zero if contacts see something else of the session. */
static int is_stale(const imp_status *f, const imp_presence *presence, const imp_session *s) {
  static const imp_status_look plain;
  const imp_status_session *ss = slot_of(s);
  imp_status_look look;
  int stale;
  if (imp_status_look_at(f, presence, s->presence, &look) < 0) {
    return 0;
  }
  stale = (ss == NULL && s->restored) || !imp_status_look_equal(&look, ss != NULL ? &ss->look : &plain);
  imp_status_look_clear(&look);
  return stale;
}

/* Composed anew each time: to show one may end others. */
static imp_session *next_stale(const imp_status *f, const imp_status_person *p, const imp_user *user) {
  imp_presence presence;
  imp_session *s;
  imp_status_compose(f, p, &presence);
  for (s = imp_session_first(user); s != NULL; s = imp_session_next(s)) {
    if (can_be_seen(s) && is_stale(f, &presence, s)) {
      return s;
    }
  }
  return NULL;
}

static void show_sessions(imp_status *f, const imp_status_person *p) {
  const imp_user *user = imp_node_find_user(f->node, p->jid);
  uint32_t left = user != NULL ? user->count : 0;
  imp_session *s;
  while (left-- > 0 && (s = next_stale(f, p, user)) != NULL) {
    imp_event event = {.session = s, .stanza = s->presence, .to = s->user->jid};
    f->stats.shown++;
    (void)imp_node_run_hooks(f->node, IMP_POINT_PRESENCE_SHOWN, &event);
  }
}

static int is_seen(const imp_status *f, const imp_status_person *p) {
  const imp_user *user = imp_node_find_user(f->node, p->jid);
  const imp_session *s = user != NULL ? imp_session_first(user) : NULL;
  while (s != NULL && !can_be_seen(s)) {
    s = imp_session_next(s);
  }
  return s != NULL;
}

static int same_child(const imp_stanza *a, const imp_stanza *b, const char *name) {
  const imp_elem *x = imp_stanza_child(a, name, IMP_NS_CLIENT), *y = imp_stanza_child(b, name, IMP_NS_CLIENT);
  return x != NULL && y != NULL ? strcmp(imp_elem_text(x, NULL), imp_elem_text(y, NULL)) == 0 : x == y;
}

static void show_alone(imp_status *f, imp_status_person *p, const imp_presence *presence) {
  imp_stanza *st;
  if (presence->state == IMP_PRESENCE_OFFLINE || is_seen(f, p)) {
    hide_alone(f, p);
    return;
  }
  st = imp_status_presence_alone(f, p, presence);
  if (st == NULL || (p->alone != NULL && imp_jid_equal(st->from, p->alone->from) && same_child(st, p->alone, "show") &&
                     same_child(st, p->alone, "status"))) {
    imp_stanza_del(st);
    return;
  }
  if (p->alone != NULL && !imp_jid_equal(st->from, p->alone->from)) {
    hide_alone(f, p);
  }
  imp_stanza_del(p->alone);
  p->alone = st;
  f->stats.shown++;
  alone(f, p, st);
  imp_status_note(f, p);
}

static void settle(imp_status *f, imp_status_person *p) {
  imp_presence presence;
  p->settling = 1;
  if (p->calendar) {
    p->calendar = 0;
    imp_status_calendar_read(f, p);
  }
  show_sessions(f, p);
  imp_status_compose(f, p, &presence);
  show_alone(f, p, &presence);
  imp_status_publish(f, p, &presence);
  p->settling = 0;
  if (p->changed) {
    p->changed = 0;
    if (f->callbacks.changed != NULL) {
      f->callbacks.changed(f->node, imp_jid_local(p->jid), &presence, f->user_data);
    }
  }
  if (!imp_status_is_needed(f, p) && !imp_list_linked(&p->line)) {
    imp_status_person_free(f, p);
  }
}

/* ---- the line ---- */

void imp_status_line_up(imp_status *f, imp_status_person *p) {
  if (!p->settling && !imp_list_linked(&p->line)) {
    imp_list_append(&f->line, &p->line);
    f->stats.waiting++;
  }
}

static void begin_turn(imp_status *f) {
  f->turn = f->node->turns;
  f->users_left = f->settings.users_per_turn;
  f->stanzas_end = f->node->stats.stanzas_out + f->settings.stanzas_per_turn;
  f->left_waiting = 0;
}

void imp_status_show_some(imp_status *f) {
  imp_list *l;
  if (f->turn != f->node->turns) {
    begin_turn(f);
  }
  while (f->users_left > 0 && f->node->stats.stanzas_out < f->stanzas_end && (l = imp_list_pop(&f->line)) != NULL) {
    f->users_left--;
    f->stats.waiting--;
    settle(f, IMP_CONTAINER_OF(l, imp_status_person, line));
  }
  if (!imp_list_empty(&f->line) && !f->left_waiting) {
    f->left_waiting = 1;
    f->stats.full_turns++;
  }
}

int imp_status_start_show(imp_node *node, imp_status *f) {
  int rv = imp_node_hook(node, IMP_POINT_PRESENCE_SHOWN, 50, on_shown, f);
  return rv < 0 ? rv : imp_node_hook(node, IMP_POINT_SESSION_ENDED, 95, on_ended, f);
}
