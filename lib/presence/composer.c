/*
 * Many people.
 *
 * What others saw last is not kept: it is composed again, from the sources as they were and for the moment at which
 * it was composed.  So a person costs no more than her sources.
 */
#include "presence/people.h"

static const char *text_of(const char *s) { return s != NULL ? s : ""; }

/* ---- settings ---- */

/* Rules and their names in one piece of memory. */
static imp_presence_rule *copy_rules(const imp_presence_settings *s, int *err) {
  size_t names = 0, n = s->rules_count;
  const char *at = (const char *)s->rules;
  *err = IMP_OK;
  for (size_t i = 0; i < n; i++) {
    names += strlen(text_of(((const imp_presence_rule *)(const void *)(at + i * s->rules->size))->name)) + 1;
  }
  imp_presence_rule *rules = imp_malloc(n * sizeof *rules + names + 1);
  if (rules == NULL) {
    *err = IMP_ERR_NOMEM;
    return NULL;
  }
  char *text = (char *)(rules + n);
  for (size_t i = 0; i < n; i++) {
    rules[i] = *(const imp_presence_rule *)(const void *)(at + i * s->rules->size);
    size_t len = strlen(text_of(rules[i].name)) + 1;
    memcpy(text, text_of(rules[i].name), len);
    rules[i].size = sizeof *rules;
    rules[i].name = text;
    text += len;
  }
  return rules;
}

/* The host's settings, checked, with rules of our own. */
static int take_settings(imp_presence_settings *dst, imp_presence_rule **rules, const imp_presence_settings *src,
                         char *text, size_t textlen) {
  int err = src != NULL ? imp_presence_settings_check(src, text, textlen) : IMP_OK;
  if (err != IMP_OK) {
    return err;
  }
  (void)imp_presence_settings_read(dst, src);
  *rules = copy_rules(dst, &err);
  dst->rules = *rules;
  return err;
}

/* ---- life ---- */

int imp_composer_new(imp_composer **composer, const imp_presence_settings *settings,
                     const imp_composer_callbacks *callbacks, char *text, size_t textlen, void *user_data) {
  imp_composer *c = imp_calloc(1, sizeof *c);
  if (text != NULL && textlen > 0) {
    text[0] = '\0';
  }
  if (c == NULL) {
    return IMP_ERR_NOMEM;
  }
  int err = take_settings(&c->settings, &c->rules, settings, text, textlen);
  if (err != IMP_OK) {
    imp_free(c);
    return err;
  }
  imp_map_init(&c->people);
  imp_heap_init(&c->deadlines);
  if (callbacks != NULL && callbacks->size >= sizeof *callbacks) {
    c->changed = callbacks->changed;
  }
  c->user_data = user_data;
  *composer = c;
  return IMP_OK;
}

void imp_composer_del(imp_composer *composer) {
  imp_map_iter iter;
  imp_map_node *node;
  if (composer == NULL) {
    return;
  }
  imp_map_iter_init(&iter, &composer->people);
  while ((node = imp_map_iter_next(&iter)) != NULL) {
    imp_person_del(composer, IMP_CONTAINER_OF(node, imp_person, node));
  }
  imp_map_reset(&composer->people);
  imp_heap_reset(&composer->deadlines);
  imp_free(composer->rules);
  imp_free(composer);
}

/* ---- changes ---- */

static void compose(const imp_composer *c, const imp_person *person, imp_wallclock at, imp_presence *p) {
  imp_presence_compose_with(p, &c->settings, person->sources, person->count, at);
}

/* Compares, tells, notes when to look again; ends what is over, the person too if nothing is left of her. */
static void settle(imp_composer *c, imp_person *person, const imp_presence *before, imp_wallclock now) {
  imp_presence after;
  compose(c, person, now, &after);
  person->at = now;
  (void)imp_heap_set(&c->deadlines, &person->timer, after.expiry);
  if (c->changed != NULL && !imp_presence_equal(before, &after)) {
    c->telling = 1;
    c->changed(c, person->node.key, &after, c->user_data);
    c->telling = 0;
  }
}

static void clear_away(imp_composer *c, imp_person *person, imp_wallclock now) {
  imp_person_purge(person, now);
  if (person->count == 0) {
    imp_person_del(c, person);
  }
}

int imp_composer_set(imp_composer *composer, const char *person, const imp_source *source, imp_wallclock now) {
  imp_presence before;
  imp_person *p;
  imp_source *kept, *old = NULL;
  if (composer->telling) {
    return IMP_ERR_STATE;
  }
  int err = imp_source_keep(&kept, source, composer->settings.max_note);
  if (err != IMP_OK) {
    return err;
  }
  err = imp_person_get(composer, person, now, &p);
  if (err == IMP_OK) {
    compose(composer, p, p->at, &before);
    err = imp_person_put(p, kept, composer->settings.max_sources, now, &old);
    if (err != IMP_OK && p->count == 0) {
      imp_person_del(composer, p);
    }
  }
  if (err != IMP_OK) {
    imp_free(kept);
    return err;
  }
  settle(composer, p, &before, now);
  imp_free(old);
  clear_away(composer, p, now);
  return IMP_OK;
}

int imp_composer_remove(imp_composer *composer, const char *person, imp_source_kind kind, const char *id,
                        imp_wallclock now) {
  imp_presence before;
  if (composer->telling) {
    return IMP_ERR_STATE;
  }
  imp_person *p = imp_person_find(composer, person);
  size_t at = p != NULL ? imp_person_index(p, kind, text_of(id)) : 0;
  if (p == NULL || at == p->count) {
    return IMP_ERR_NOT_FOUND;
  }
  compose(composer, p, p->at, &before);
  imp_source *old = imp_person_take(p, at);
  settle(composer, p, &before, now);
  imp_free(old);
  clear_away(composer, p, now);
  return IMP_OK;
}

int imp_composer_forget(imp_composer *composer, const char *person, imp_wallclock now) {
  imp_presence before;
  if (composer->telling) {
    return IMP_ERR_STATE;
  }
  imp_person *p = imp_person_find(composer, person);
  if (p == NULL) {
    return IMP_ERR_NOT_FOUND;
  }
  compose(composer, p, p->at, &before);
  size_t count = p->count;
  p->count = 0;
  settle(composer, p, &before, now);
  p->count = count;
  imp_person_del(composer, p);
  return IMP_OK;
}

int imp_composer_set_settings(imp_composer *composer, const imp_presence_settings *settings, char *text,
                              size_t textlen, imp_wallclock now) {
  imp_presence_settings fresh, old = composer->settings;
  imp_presence_rule *rules, *old_rules = composer->rules;
  imp_map_iter iter;
  imp_map_node *node;
  if (text != NULL && textlen > 0) {
    text[0] = '\0';
  }
  if (composer->telling) {
    return IMP_ERR_STATE;
  }
  int err = take_settings(&fresh, &rules, settings, text, textlen);
  if (err != IMP_OK) {
    return err;
  }
  composer->settings = fresh;
  composer->rules = rules;
  imp_map_iter_init(&iter, &composer->people);
  while ((node = imp_map_iter_next(&iter)) != NULL) {
    imp_person *p = IMP_CONTAINER_OF(node, imp_person, node);
    imp_presence before;
    imp_presence_compose_with(&before, &old, p->sources, p->count, p->at);
    settle(composer, p, &before, now);
    clear_away(composer, p, now);
  }
  imp_free(old_rules);
  return IMP_OK;
}

int imp_composer_handle_expiry(imp_composer *composer, imp_wallclock now) {
  if (composer->telling) {
    return IMP_ERR_STATE;
  }
  while (imp_heap_next(&composer->deadlines) <= now && now != IMP_WALLCLOCK_NEVER) {
    imp_person *p = IMP_CONTAINER_OF(composer->deadlines.entries[0], imp_person, timer);
    imp_presence before;
    compose(composer, p, p->at, &before);
    settle(composer, p, &before, now);
    clear_away(composer, p, now);
  }
  return IMP_OK;
}

/* ---- looking ---- */

void imp_composer_get(const imp_composer *composer, const char *person, imp_presence *presence, size_t size,
                      imp_wallclock now) {
  const imp_person *p = imp_person_find(composer, person);
  imp_presence made;
  if (p != NULL) {
    compose(composer, p, now, &made);
  } else {
    imp_presence_init(&made, now);
  }
  imp_presence_give(presence, size, &made);
}

const imp_source *imp_composer_next_source(const imp_composer *composer, const char *person, size_t *pos) {
  const imp_person *p = imp_person_find(composer, person);
  return p != NULL && *pos < p->count ? p->sources[(*pos)++] : NULL;
}

imp_wallclock imp_composer_get_expiry(const imp_composer *composer) { return imp_heap_next(&composer->deadlines); }

size_t imp_composer_count(const imp_composer *composer) { return composer->people.count; }
