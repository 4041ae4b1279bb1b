/* What each source knows of a user. */
#include <stdlib.h>

#include "calendar/calendar.h"
#include "calendar/gateway.h"
#include "calendar/zone.h"

imp_cal_user *imp_cal_user_find(imp_calendar *cal, const char *name) {
  imp_map_node *node = imp_map_find(&cal->users, name, strlen(name));
  return node != NULL ? IMP_CONTAINER_OF(node, imp_cal_user, node) : NULL;
}

int imp_cal_user_get(imp_calendar *cal, const char *name, imp_cal_user **out) {
  size_t len = name != NULL ? strlen(name) : 0;
  if (len == 0 || len > IMP_CALENDAR_NAME_MAX) {
    return imp_cal_fail(cal, IMP_ERR_INVALID_ARGUMENT, "a user's name has 1 to %d bytes", IMP_CALENDAR_NAME_MAX);
  }
  *out = imp_cal_user_find(cal, name);
  if (*out != NULL) {
    return IMP_OK;
  }
  if (cal->users.count >= cal->settings.users_max) {
    return imp_cal_fail(cal, IMP_ERR_LIMIT, "users_max %lu reached", (unsigned long)cal->settings.users_max);
  }
  imp_cal_user *user = imp_calloc(1, sizeof *user + len + 1);
  if (user != NULL) {
    memcpy(user->name, name, len + 1);
    user->cal = cal;
    imp_cal_edge_init(user);
    if (imp_map_insert(&cal->users, &user->node, user->name, len) == IMP_OK) {
      *out = user;
      return IMP_OK;
    }
  }
  imp_free(user);
  return imp_cal_fail(cal, IMP_ERR_NOMEM, "out of memory");
}

static void source_del(imp_cal_source *source) {
  if (source != NULL) {
    imp_free(source->blocks);
    imp_free(source->note);
    imp_free(source);
  }
}

void imp_cal_user_del(imp_cal_user *user) {
  imp_list_remove(&user->dirty);
  imp_heap_remove(&user->cal->edges, &user->edge);
  imp_map_remove(&user->cal->users, &user->node);
  while (user->sources != NULL) {
    imp_cal_source *source = user->sources;
    user->sources = source->next;
    source_del(source);
  }
  imp_free(user->runs);
  imp_free(user);
}

const char *imp_cal_source_name(const imp_cal_source *source) {
  return source->gateway != NULL ? imp_cal_gateway_name(source->gateway) : source->name;
}

imp_cal_source *imp_cal_source_find(imp_cal_user *user, const struct imp_cal_gateway *gateway, const char *name) {
  for (imp_cal_source *s = user->sources; s != NULL; s = s->next) {
    if (s->gateway == gateway && (gateway != NULL || strcmp(s->name, name) == 0)) {
      return s;
    }
  }
  return NULL;
}

static imp_cal_source *source_get(imp_cal_user *user, struct imp_cal_gateway *gateway, const char *name) {
  imp_cal_source *source = imp_cal_source_find(user, gateway, name);
  if (source == NULL) {
    size_t len = gateway == NULL ? strlen(name) : 0;
    source = imp_calloc(1, sizeof *source + len + 1);
    if (source != NULL) {
      memcpy(source->name, gateway == NULL ? name : "", len + 1);
      source->gateway = gateway;
      source->next = user->sources;
      user->sources = source;
    }
  }
  return source;
}

/* ---- blocks ---- */

/* Bytes of a text that are kept: cut between characters. */
static size_t kept(const char *text) {
  size_t len = text != NULL ? strlen(text) : 0;
  if (len > IMP_CALENDAR_TEXT_MAX) {
    for (len = IMP_CALENDAR_TEXT_MAX; len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80; len--) {
    }
  }
  return len;
}

static const char *copy_text(char **room, const char *text) {
  size_t len = kept(text);
  char *copy = *room;
  if (text == NULL) {
    return NULL;
  }
  memcpy(copy, text, len);
  copy[len] = '\0';
  *room += len + 1;
  return copy;
}

static imp_busy read_busy(const imp_busy *busy, int texts) {
  imp_busy b;
  memset(&b, 0, sizeof b);
  memcpy(&b, busy, busy->size < sizeof b ? busy->size : sizeof b);
  b.subject = texts && !b.is_private ? b.subject : NULL;
  b.location = texts && !b.is_private ? b.location : NULL;
  b.kind = b.kind > IMP_BUSY_OOF ? IMP_BUSY_BUSY : b.kind;
  return b;
}

static int by_start(const void *a, const void *b) {
  const imp_cal_block *x = a, *y = b;
  return x->start != y->start ? (x->start < y->start ? -1 : 1) : x->end != y->end ? (x->end > y->end ? -1 : 1) : 0;
}

static imp_wallclock resolve(const imp_zone *zone, imp_wallclock local) {
  int64_t at = imp_zone_moment(zone, (int64_t)(local < (imp_wallclock)IMP_MS_MAX ? local : (imp_wallclock)IMP_MS_MAX));
  return at > 0 ? (imp_wallclock)at : 0;
}

/* Arrays of hosts may have elements of another size than ours. */
static const imp_busy *nth(const imp_busy *blocks, size_t i) {
  return (const imp_busy *)(const void *)((const char *)blocks + i * blocks->size);
}

static imp_cal_block *copy_blocks(const imp_calendar *cal, const imp_zone *zone, const imp_busy *blocks, size_t count,
                                  size_t *kept_count) {
  size_t n = count < cal->settings.blocks_max ? count : cal->settings.blocks_max, texts = 0, out = 0;
  int with_texts = (int)cal->settings.subjects;
  for (size_t i = 0; i < n; i++) {
    imp_busy b = read_busy(nth(blocks, i), with_texts);
    texts += kept(b.subject) + kept(b.location) + 2;
  }
  imp_cal_block *copy = imp_malloc(n * sizeof *copy + texts + 1);
  char *room = copy != NULL ? (char *)(copy + n) : NULL;
  for (size_t i = 0; copy != NULL && i < n; i++) {
    imp_busy b = read_busy(nth(blocks, i), with_texts);
    imp_wallclock start = b.floating ? resolve(zone, b.start) : b.start, end = b.floating ? resolve(zone, b.end) : b.end;
    if (b.kind > IMP_BUSY_FREE && start < end) {
      copy[out++] = (imp_cal_block){start,
                                    end,
                                    (uint8_t)b.kind,
                                    b.is_private != 0,
                                    copy_text(&room, b.subject),
                                    copy_text(&room, b.location)};
    }
  }
  if (copy != NULL) {
    qsort(copy, out, sizeof *copy, by_start);
  }
  *kept_count = out;
  return copy;
}

/* Merges anew and puts the result in force. */
static int rebuild(imp_cal_user *user) {
  imp_cal_run *runs;
  size_t count;
  int rv = imp_cal_merge(user, user->cal->settings.tentative, &runs, &count);
  if (rv == IMP_OK) {
    imp_free(user->runs);
    user->runs = runs;
    user->nruns = count;
    imp_cal_touch(user);
  }
  return rv;
}

int imp_cal_put(imp_cal_user *user, struct imp_cal_gateway *gateway, const char *name, const imp_zone *zone,
                imp_wallclock from, imp_wallclock to, const imp_busy *blocks, size_t count) {
  size_t kept_count;
  imp_cal_source *source = source_get(user, gateway, name);
  imp_cal_block *copy = source != NULL ? copy_blocks(user->cal, zone, blocks, count, &kept_count) : NULL;
  if (copy == NULL) {
    return IMP_ERR_NOMEM;
  }
  imp_cal_source before = *source;
  source->from = from;
  source->to = to;
  source->blocks = copy;
  source->count = kept_count;
  if (rebuild(user) != IMP_OK) {
    source->from = before.from;
    source->to = before.to;
    source->blocks = before.blocks;
    source->count = before.count;
    imp_free(copy);
    return IMP_ERR_NOMEM;
  }
  imp_free(before.blocks);
  return IMP_OK;
}

int imp_cal_put_oof(imp_cal_user *user, struct imp_cal_gateway *gateway, const char *name, const imp_oof *given) {
  imp_cal_source *source = source_get(user, gateway, name);
  imp_oof oof;
  char *note = NULL;
  memset(&oof, 0, sizeof oof);
  if (given != NULL) {
    memcpy(&oof, given, given->size < sizeof oof ? given->size : sizeof oof);
  }
  if (source == NULL || (oof.note != NULL && oof.note[0] != '\0' && user->cal->settings.notes &&
                         (note = imp_strndup(oof.note, kept(oof.note))) == NULL)) {
    return IMP_ERR_NOMEM;
  }
  imp_free(source->note);
  source->note = note;
  source->oof = oof.enabled != 0;
  source->oof_start = oof.start;
  source->oof_end = oof.end;
  imp_cal_touch(user);
  return IMP_OK;
}

void imp_cal_remove_source(imp_cal_user *user, struct imp_cal_gateway *gateway, const char *name) {
  imp_cal_source **at = &user->sources, *source = imp_cal_source_find(user, gateway, name);
  if (source == NULL) {
    return;
  }
  while (*at != source) {
    at = &(*at)->next;
  }
  *at = source->next;
  if (rebuild(user) != IMP_OK) { /* what it knew cannot be told from the rest any more */
    imp_free(user->runs);
    user->runs = NULL;
    user->nruns = 0;
    imp_cal_touch(user);
  }
  source_del(source);
}
