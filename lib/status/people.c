/* Persons, and what is known of them. */
#include "status/internal.h"

#define NS_IDLE "urn:xmpp:idle:1" /* XEP-0319 */

imp_status_person *imp_status_find(const imp_status *f, const imp_jid *jid) {
  imp_map_node *n = f->people.count > 0 ? imp_map_find(&f->people, imp_jid_bare(jid), imp_jid_bare_len(jid)) : NULL;
  return n != NULL ? IMP_CONTAINER_OF(n, imp_status_person, by_bare) : NULL;
}

/* ---- clients ---- */

static imp_presence_state state_of(const imp_stanza *presence) {
  const imp_elem *show = imp_stanza_child(presence, "show", IMP_NS_CLIENT);
  imp_presence_state state = imp_presence_from_show(show != NULL ? imp_elem_text(show, NULL) : NULL);
  return state == IMP_PRESENCE_AVAILABLE && imp_stanza_child(presence, "idle", NS_IDLE) != NULL ? IMP_PRESENCE_IDLE : state;
}

void imp_status_client(imp_status *f, const imp_status_person *p, const imp_session *s, const imp_stanza *presence) {
  const imp_elem *status = imp_stanza_child(presence, "status", IMP_NS_CLIENT);
  imp_source source = {.size = sizeof(source),
                       .kind = IMP_SOURCE_CLIENT,
                       .state = state_of(presence),
                       .priority = s->priority,
                       .id = imp_jid_resource(s->jid),
                       .note = status != NULL ? imp_elem_text(status, NULL) : NULL};
  int rv = imp_composer_set(f->composer, imp_jid_full(p->jid), &source, imp_node_wallclock(f->node));
  if (rv < 0) {
    imp_log(&f->node->log, IMP_LOG_ROUTE, IMP_LOG_WARN, imp_jid_full(s->jid), "not composed: %s", imp_strerror(rv));
  }
}

static int is_session(const imp_user *user, const char *resource) {
  const imp_session *s = user != NULL ? imp_session_first(user) : NULL;
  for (; s != NULL; s = imp_session_next(s)) {
    if (strcmp(imp_jid_resource(s->jid), resource) == 0) {
      return 1;
    }
  }
  return 0;
}

int imp_status_is_needed(const imp_status *f, const imp_status_person *p) {
  const imp_user *user = imp_node_find_user(f->node, p->jid);
  const imp_source *source;
  size_t pos = 0, clients = 0;
  while ((source = imp_composer_next_source(f->composer, imp_jid_full(p->jid), &pos)) != NULL) {
    if (source->kind != IMP_SOURCE_CLIENT || !is_session(user, source->id)) {
      return 1;
    }
    clients++;
  }
  return p->alone != NULL || p->activity != 0 || (f->settings.everybody && clients > 0);
}

/* ---- persons ---- */

imp_status_person *imp_status_person_get(imp_status *f, const imp_jid *bare) {
  imp_status_person *p = imp_status_find(f, bare);
  imp_user *user = imp_node_find_user(f->node, bare);
  const imp_session *s;
  if (p != NULL) {
    return p;
  }
  p = imp_calloc(1, sizeof(*p));
  if (p == NULL) {
    return NULL;
  }
  p->jid = imp_jid_ref((imp_jid *)(uintptr_t)bare);
  if (imp_map_insert(&f->people, &p->by_bare, imp_jid_full(p->jid), strlen(imp_jid_full(p->jid))) < 0) {
    imp_jid_del(p->jid);
    imp_free(p);
    return NULL;
  }
  f->stats.users++;
  for (s = user != NULL ? imp_session_first(user) : NULL; s != NULL; s = imp_session_next(s)) {
    if (s->presence != NULL && !s->ending) {
      imp_status_client(f, p, s, s->presence);
    }
  }
  p->changed = 0;
  return p;
}

void imp_status_person_free(imp_status *f, imp_status_person *p) {
  p->settling = 1; /* what the composer says does not matter any more */
  (void)imp_composer_forget(f->composer, imp_jid_full(p->jid), imp_node_wallclock(f->node));
  if (imp_list_linked(&p->line)) {
    imp_list_remove(&p->line);
    f->stats.waiting--;
  }
  imp_map_remove(&f->people, &p->by_bare);
  f->stats.users--;
  imp_stanza_del(p->alone);
  imp_jid_del(p->jid);
  imp_free(p);
}

void imp_status_compose(const imp_status *f, const imp_status_person *p, imp_presence *presence) {
  imp_composer_get(f->composer, imp_jid_full(p->jid), presence, sizeof(*presence), imp_node_wallclock(f->node));
}

void imp_status_changed(imp_composer *composer, const char *person, const imp_presence *presence, void *user_data) {
  imp_status *f = user_data;
  imp_map_node *n = imp_map_find(&f->people, person, strlen(person));
  imp_status_person *p = n != NULL ? IMP_CONTAINER_OF(n, imp_status_person, by_bare) : NULL;
  (void)composer;
  (void)presence;
  if (p != NULL) {
    f->stats.changes++;
    p->changed = 1;
    imp_status_line_up(f, p);
  }
}
