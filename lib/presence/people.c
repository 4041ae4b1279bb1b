#include "presence/people.h"

#define NAME_MAX_BYTES 3071

static int is_over(const imp_source *s, imp_wallclock now) {
  imp_wallclock end = imp_source_end(s);
  return end <= now || end <= s->from;
}

/* ---- sources ---- */

/* At most max bytes, no character cut in two. */
static size_t cut(const char *s, size_t max) {
  size_t len = strlen(s);
  if (len > max) {
    for (len = max; len > 0 && ((unsigned char)s[len] & 0xc0) == 0x80; len--) {
    }
  }
  return len;
}

int imp_source_keep(imp_source **kept, const imp_source *source, size_t max_note) {
  if (!imp_source_usable(source)) {
    return IMP_ERR_INVALID_ARGUMENT;
  }
  const char *id = source->id != NULL ? source->id : "", *note = source->note != NULL ? source->note : "";
  size_t idlen = strlen(id), notelen = cut(note, max_note);
  if (idlen > NAME_MAX_BYTES || !imp_words_valid(id) || !imp_words_valid(note)) {
    return IMP_ERR_INVALID_ARGUMENT;
  }
  imp_source *s = imp_malloc(sizeof *s + idlen + notelen + 2);
  if (s == NULL) {
    return IMP_ERR_NOMEM;
  }
  char *text = (char *)(s + 1);
  *s = *source;
  s->size = sizeof *s;
  s->id = memcpy(text, id, idlen);
  text[idlen] = '\0';
  text += idlen + 1;
  s->note = memcpy(text, note, notelen);
  text[notelen] = '\0';
  *kept = s;
  return IMP_OK;
}

static void free_source(const imp_source *s) { imp_free((void *)(uintptr_t)s); }

/* ---- people ---- */

imp_person *imp_person_find(const imp_composer *c, const char *name) {
  imp_map_node *node = imp_map_find(&c->people, name, strlen(name));
  return node != NULL ? IMP_CONTAINER_OF(node, imp_person, node) : NULL;
}

static int make(imp_composer *c, const char *name, size_t len, imp_wallclock now, imp_person **person) {
  imp_person *p = imp_calloc(1, sizeof *p + len + 1);
  if (p == NULL) {
    return IMP_ERR_NOMEM;
  }
  memcpy(p->name, name, len);
  p->at = now;
  imp_timer_init(&p->timer, NULL);
  int err = imp_heap_set(&c->deadlines, &p->timer, IMP_WALLCLOCK_NEVER);
  if (err == IMP_OK && (err = imp_map_insert(&c->people, &p->node, p->name, len)) != IMP_OK) {
    imp_heap_remove(&c->deadlines, &p->timer);
  }
  if (err != IMP_OK) {
    imp_free(p);
    return err;
  }
  *person = p;
  return IMP_OK;
}

int imp_person_get(imp_composer *c, const char *name, imp_wallclock now, imp_person **person) {
  size_t len = strlen(name);
  *person = imp_person_find(c, name);
  if (*person != NULL) {
    return IMP_OK;
  }
  if (len == 0 || len > NAME_MAX_BYTES || !imp_words_valid(name)) {
    return IMP_ERR_INVALID_ARGUMENT;
  }
  return make(c, name, len, now, person);
}

void imp_person_del(imp_composer *c, imp_person *person) {
  imp_map_remove(&c->people, &person->node);
  imp_heap_remove(&c->deadlines, &person->timer);
  for (size_t i = 0; i < person->count; i++) {
    free_source(person->sources[i]);
  }
  imp_free(person->sources);
  imp_free(person);
}

size_t imp_person_index(const imp_person *person, uint32_t kind, const char *id) {
  size_t i = 0;
  while (i < person->count && (person->sources[i]->kind != kind || strcmp(person->sources[i]->id, id) != 0)) {
    i++;
  }
  return i;
}

static size_t count_live(const imp_person *person, imp_wallclock now) {
  size_t live = 0;
  for (size_t i = 0; i < person->count; i++) {
    live += !is_over(person->sources[i], now);
  }
  return live;
}

static int make_room(imp_person *person) {
  if (person->count < person->cap) {
    return IMP_OK;
  }
  size_t cap = person->cap > 0 ? person->cap * 2 : 2;
  const imp_source **sources = imp_realloc(person->sources, cap * sizeof *sources);
  if (sources == NULL) {
    return IMP_ERR_NOMEM;
  }
  person->sources = sources;
  person->cap = cap;
  return IMP_OK;
}

int imp_person_put(imp_person *person, imp_source *kept, size_t max, imp_wallclock now, imp_source **old) {
  size_t at = imp_person_index(person, kept->kind, kept->id);
  *old = NULL;
  if (at < person->count) {
    *old = (imp_source *)(uintptr_t)person->sources[at];
    person->sources[at] = kept;
    return IMP_OK;
  }
  if (count_live(person, now) >= max) {
    return IMP_ERR_LIMIT;
  }
  int err = make_room(person);
  if (err == IMP_OK) {
    person->sources[person->count++] = kept;
  }
  return err;
}

imp_source *imp_person_take(imp_person *person, size_t at) {
  imp_source *s = (imp_source *)(uintptr_t)person->sources[at];
  person->count--;
  memmove(&person->sources[at], &person->sources[at + 1], (person->count - at) * sizeof *person->sources);
  return s;
}

void imp_person_purge(imp_person *person, imp_wallclock now) {
  for (size_t i = 0; i < person->count;) {
    if (is_over(person->sources[i], now)) {
      imp_free(imp_person_take(person, i));
    } else {
      i++;
    }
  }
}
