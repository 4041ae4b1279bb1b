/* What a host says, and asks (imp/status.h). */
#include "status/internal.h"

/* ---- settings ---- */

typedef struct fresh {
  imp_status_settings settings; /* zone and resource are copies */
  imp_presence_settings presence;
  imp_calendar_settings calendar;
  const struct imp_zone *rules;
} fresh;

static void fresh_free(fresh *n) {
  imp_free((char *)(uintptr_t)n->settings.zone);
  imp_free((char *)(uintptr_t)n->settings.resource);
}

static int fresh_read(imp_status *f, fresh *n, const imp_status_settings *settings) {
  int rv;
  memset(n, 0, sizeof(*n));
  rv = settings != NULL ? imp_status_settings_check(settings, f->node->error, sizeof(f->node->error)) : IMP_OK;
  if (rv < 0) {
    return rv;
  }
  (void)imp_status_settings_read(&n->settings, settings);
  n->settings.zone = imp_strdup(n->settings.zone);
  n->settings.resource = imp_strdup(n->settings.resource);
  imp_presence_settings_default(&n->presence, sizeof(n->presence));
  imp_calendar_settings_default(&n->calendar, sizeof(n->calendar));
  if (n->settings.presence != NULL) {
    size_t size = n->settings.presence->size;
    memcpy(&n->presence, n->settings.presence, size < sizeof(n->presence) ? size : sizeof(n->presence));
    n->presence.size = sizeof(n->presence);
  }
  if (n->settings.calendar != NULL) {
    size_t size = n->settings.calendar->size;
    memcpy(&n->calendar, n->settings.calendar, size < sizeof(n->calendar) ? size : sizeof(n->calendar));
    n->calendar.size = sizeof(n->calendar);
  }
  return n->settings.zone != NULL && n->settings.resource != NULL ? IMP_OK : IMP_ERR_NOMEM;
}

static int find_zone(imp_status *f, fresh *n) {
  int rv = imp_status_zone(f, n->settings.zone, &n->rules);
  return rv == IMP_ERR_NOT_FOUND
             ? imp_node_fail(f->node, rv, "status zone \"%.80s\": there is no such zone, or nobody knows its rules",
                             n->settings.zone)
             : rv;
}

/* `n` passes. */
static void use(imp_status *f, fresh *n) {
  imp_map_iter it;
  imp_map_node *node;
  imp_free((char *)(uintptr_t)f->settings.zone);
  imp_free((char *)(uintptr_t)f->settings.resource);
  f->settings = n->settings;
  f->rules = n->rules;
  f->presence = n->presence;
  f->presence.rules = NULL; /* the composer has a copy */
  f->presence.rules_count = 0;
  f->settings.presence = &f->presence;
  f->settings.calendar = &f->calendar_settings;
  imp_map_iter_init(&it, &f->people);
  while ((node = imp_map_iter_next(&it)) != NULL) {
    imp_status_line_up(f, IMP_CONTAINER_OF(node, imp_status_person, by_bare));
  }
}

static int adopt_everybody(imp_status *f) {
  imp_map_iter it;
  imp_map_node *n;
  imp_map_iter_init(&it, &f->node->users);
  while ((n = imp_map_iter_next(&it)) != NULL) {
    imp_status_person *p = imp_status_person_get(f, IMP_CONTAINER_OF(n, imp_user, by_bare)->jid);
    if (p == NULL) {
      return IMP_ERR_NOMEM;
    }
    imp_status_line_up(f, p);
  }
  return IMP_OK;
}

int imp_status_set_settings(imp_node *node, const imp_status_settings *settings, const imp_status_callbacks *callbacks,
                            void *user_data) {
  imp_status *f = imp_status_of(node);
  imp_status_callbacks was = f->callbacks;
  void *user_data_was = f->user_data;
  imp_calendar_settings calendar_settings_was = f->calendar_settings;
  const imp_calendar *calendar_was = f->calendar;
  fresh n;
  int rv = fresh_read(f, &n, settings);
  if (rv == IMP_OK && f->calendar != NULL && memcmp(&n.calendar, &f->calendar_settings, sizeof(n.calendar)) != 0) {
    rv = imp_node_fail(node, IMP_ERR_STATE, "status calendar: its settings cannot change while there is a calendar");
  }
  if (rv == IMP_OK) {
    memset(&f->callbacks, 0, sizeof(f->callbacks));
    if (callbacks != NULL) {
      memcpy(&f->callbacks, callbacks, callbacks->size < sizeof(f->callbacks) ? callbacks->size : sizeof(f->callbacks));
    }
    f->user_data = user_data;
    f->calendar_settings = n.calendar;
    rv = find_zone(f, &n);
    rv = rv < 0 ? rv
                : imp_composer_set_settings(f->composer, &n.presence, node->error, sizeof(node->error),
                                            imp_node_wallclock(node));
    if (rv < 0) {
      f->callbacks = was;
      f->user_data = user_data_was;
      f->calendar_settings = calendar_settings_was;
      if (calendar_was == NULL) { /* made to look at the zone */
        imp_calendar_del(f->calendar);
        f->calendar = NULL;
      }
    }
  }
  if (rv < 0) {
    fresh_free(&n);
    return rv;
  }
  use(f, &n);
  imp_status_wake(f);
  return f->settings.everybody ? adopt_everybody(f) : IMP_OK;
}

int imp_status_get_calendar(imp_node *node, imp_calendar **calendar) {
  imp_status *f = imp_status_of(node);
  int rv = f->calendar == NULL ? imp_status_calendar_new(f) : IMP_OK;
  *calendar = f->calendar;
  return rv < 0 ? imp_node_fail(node, rv, "calendar: %s", imp_strerror(rv)) : IMP_OK;
}

/* ---- sources ---- */

static int is_ours(uint32_t kind, const char *id) {
  return (kind == IMP_SOURCE_CALENDAR || kind == IMP_SOURCE_OUT_OF_OFFICE) && id != NULL && strcmp(id, IMP_STATUS_GATEWAYS) == 0;
}

static int refuse(imp_node *node, const imp_jid *jid, int rv) {
  return imp_node_fail(node, rv, "status of %s: %s", imp_jid_full(jid),
                       rv == IMP_ERR_CONFLICT    ? "this id is the node's own"
                       : rv == IMP_ERR_LIMIT     ? "too many sources"
                       : rv == IMP_ERR_NOT_FOUND ? "there is no such source"
                       : rv == IMP_ERR_INVALID_ARGUMENT ? "kind, state or text is none"
                                                 : imp_strerror(rv));
}

int imp_status_put(imp_node *node, const char *username, const imp_source *source) {
  imp_status *f = imp_status_of(node);
  imp_status_person *p;
  imp_jid *jid;
  int rv = imp_account_jid(node, username, &jid);
  if (rv < 0) {
    return rv;
  }
  if (source == NULL || source->size < sizeof(*source)) {
    rv = IMP_ERR_INVALID_ARGUMENT;
  } else if (is_ours(source->kind, source->id)) {
    rv = IMP_ERR_CONFLICT;
  } else if ((p = imp_status_person_get(f, jid)) == NULL) {
    rv = IMP_ERR_NOMEM;
  } else {
    rv = imp_composer_set(f->composer, imp_jid_full(jid), source, imp_node_wallclock(node));
    if (rv < 0 && !imp_status_is_needed(f, p)) {
      imp_status_person_free(f, p);
    }
    imp_status_wake(f);
  }
  rv = rv < 0 ? refuse(node, jid, rv) : IMP_OK;
  imp_jid_del(jid);
  return rv;
}

int imp_status_remove(imp_node *node, const char *username, imp_source_kind kind, const char *id) {
  imp_status *f = imp_status_of(node);
  imp_status_person *p;
  imp_jid *jid;
  int rv = imp_account_jid(node, username, &jid);
  if (rv < 0) {
    return rv;
  }
  p = imp_status_find(f, jid);
  if (is_ours(kind, id)) {
    rv = IMP_ERR_CONFLICT;
  } else if (p == NULL) {
    rv = IMP_ERR_NOT_FOUND;
  } else {
    rv = imp_composer_remove(f->composer, imp_jid_full(jid), kind, id, imp_node_wallclock(node));
    imp_status_line_up(f, p); /* it may be needed no more */
    imp_status_wake(f);
  }
  rv = rv < 0 ? refuse(node, jid, rv) : IMP_OK;
  imp_jid_del(jid);
  return rv;
}

/* Somebody who has clients only is composed for the moment; whether it is kept is decided at the end of the turn. */
static int somebody(imp_node *node, const char *username, imp_status_person **p) {
  imp_status *f = imp_status_of(node);
  imp_jid *jid;
  int rv = imp_account_jid(node, username, &jid);
  if (rv < 0) {
    return rv;
  }
  *p = imp_status_find(f, jid);
  if (*p == NULL && imp_node_find_user(node, jid) != NULL) {
    *p = imp_status_person_get(f, jid);
    rv = *p != NULL ? IMP_OK : imp_node_fail(node, IMP_ERR_NOMEM, "status of %s: out of memory", imp_jid_full(jid));
    if (*p != NULL) {
      imp_status_line_up(f, *p);
      imp_status_wake(f);
    }
  }
  imp_jid_del(jid);
  return rv;
}

int imp_status_get(imp_node *node, const char *username, imp_presence *presence, size_t size) {
  imp_status *f = imp_status_of(node);
  imp_status_person *p;
  int rv = somebody(node, username, &p);
  if (rv == IMP_OK) {
    if (p != NULL && p->calendar && !p->settling) {
      p->calendar = 0;
      imp_status_calendar_read(f, p);
    }
    imp_composer_get(f->composer, p != NULL ? imp_jid_full(p->jid) : "", presence, size, imp_node_wallclock(node));
  }
  return rv;
}

int imp_status_each_source(imp_node *node, const char *username, int (*fn)(const imp_source *source, void *user_data),
                           void *user_data) {
  imp_status *f = imp_status_of(node);
  imp_status_person *p;
  const imp_source *source;
  size_t pos = 0;
  int rv = somebody(node, username, &p);
  while (rv == IMP_OK && p != NULL &&
         (source = imp_composer_next_source(f->composer, imp_jid_full(p->jid), &pos)) != NULL && fn(source, user_data) == 0) {
  }
  return rv;
}

void imp_status_get_stats(const imp_node *node, imp_status_stats *stats, size_t size) {
  imp_status_stats now = imp_status_of(node)->stats;
  memset(stats, 0, size);
  memcpy(stats, &now, size < sizeof(now) ? size : sizeof(now));
  stats->size = size;
}
