#include <string.h>

#include <imp/sys/mem.h>

#include "adapters/curl/internal.h"

/* ---- lists ---- */

static void list_remove(imp_curl_transfer *t) {
  *(t->prev != NULL ? &t->prev->next : &t->in->first) = t->next;
  *(t->next != NULL ? &t->next->prev : &t->in->last) = t->prev;
  t->in = NULL;
}

static void list_append(imp_curl_list *list, imp_curl_transfer *t) {
  t->in = list;
  t->next = NULL;
  t->prev = list->last;
  *(list->last != NULL ? &list->last->next : &list->first) = t;
  list->last = t;
}

static int is_active(const imp_curl_transfer *t) { return t->in == &t->curl->active; }

static void count(imp_curl_transfer *t, uint32_t by) {
  if (!is_active(t)) {
    t->curl->waiting += by;
  } else if (t->stream) {
    t->curl->stats.streams += by;
  } else {
    t->curl->running += by;
    t->origin->active += by;
  }
}

void imp_curl_move(imp_curl_transfer *t, imp_curl_list *to) {
  if (t->in != NULL) {
    count(t, (uint32_t)-1);
    list_remove(t);
  }
  if (to != NULL) {
    list_append(to, t);
    count(t, 1);
  }
}

/* ---- origins ---- */

static void append_origin(imp_curl *curl, imp_curl_origin *origin) {
  imp_curl_origin **at = &curl->origins;
  while (*at != NULL) {
    at = &(*at)->next;
  }
  origin->next = NULL;
  *at = origin;
}

static void unlink_origin(imp_curl *curl, imp_curl_origin *origin) {
  imp_curl_origin **at = &curl->origins;
  while (*at != origin) {
    at = &(*at)->next;
  }
  *at = origin->next;
}

static imp_curl_origin *find_origin(imp_curl *curl, const char *name) {
  imp_curl_origin *origin = curl->origins;
  while (origin != NULL && strcmp(origin->name, name) != 0) {
    origin = origin->next;
  }
  return origin;
}

static imp_curl_origin *get_origin(imp_curl *curl, const char *name) {
  imp_curl_origin *origin = find_origin(curl, name);
  if (origin == NULL) {
    size_t size = strlen(name) + 1;
    origin = imp_calloc(1, sizeof *origin + size);
    if (origin == NULL) {
      return NULL;
    }
    memcpy(origin->name, name, size);
    append_origin(curl, origin);
  }
  origin->users++;
  return origin;
}

int imp_curl_enqueue(imp_curl_transfer *t, const char *origin) {
  t->origin = get_origin(t->curl, origin);
  if (t->origin == NULL) {
    return IMP_ERR_NOMEM;
  }
  imp_curl_move(t, t->stream ? &t->curl->streams : &t->origin->waiting);
  return IMP_OK;
}

void imp_curl_leave(imp_curl_transfer *t) {
  imp_curl_move(t, NULL);
  if (t->origin != NULL && --t->origin->users == 0) {
    unlink_origin(t->curl, t->origin);
    imp_free(t->origin);
  }
  t->origin = NULL;
}

/* ---- whose turn it is ---- */

static imp_curl_transfer *next_waiting(imp_curl *curl) {
  imp_curl_origin *origin = curl->origins;
  while (origin != NULL && (origin->waiting.first == NULL || origin->active >= curl->options.max_per_origin)) {
    origin = origin->next;
  }
  if (origin == NULL) {
    return NULL;
  }
  unlink_origin(curl, origin);
  append_origin(curl, origin);
  return origin->waiting.first;
}

void imp_curl_pump(imp_curl *curl) {
  imp_curl_transfer *t;
  while (curl->streams.first != NULL) {
    imp_curl_begin(curl->streams.first);
  }
  while (curl->running < curl->options.max_requests && (t = next_waiting(curl)) != NULL) {
    imp_curl_begin(t);
  }
}

/* ---- whose time is up ---- */

static imp_tstamp expiry_of(const imp_curl_transfer *t) {
  imp_tstamp at = t->deadline;
  if (t->idle_timeout > 0 && t->heard > 0 && !t->paused) {
    imp_tstamp idle = t->heard + t->idle_timeout * IMP_MILLISECONDS;
    at = idle < at ? idle : at;
  }
  return at;
}

/* A transfer may have been condemned for another reason. */
static void give_up(imp_curl_transfer *t, const char *why) {
  imp_curl_end(t, t->result != IMP_OK ? t->result : IMP_ERR_TIMEOUT, t->result != IMP_OK ? t->why : why);
}

static void expire_list(imp_curl_list *list, imp_tstamp now, imp_tstamp *next) {
  imp_curl_transfer *after;
  for (imp_curl_transfer *t = list->first; t != NULL; t = after) {
    imp_tstamp at = expiry_of(t);
    after = t->next;
    if (at <= now) {
      give_up(t, t->deadline <= now ? "no whole answer in time" : "the server fell silent");
    } else {
      *next = at < *next ? at : *next;
    }
  }
}

imp_tstamp imp_curl_expire(imp_curl *curl, imp_tstamp now) {
  imp_tstamp next = IMP_TSTAMP_NEVER;
  imp_curl_origin *after;
  expire_list(&curl->active, now, &next);
  expire_list(&curl->streams, now, &next);
  for (imp_curl_origin *origin = curl->origins; origin != NULL; origin = after) {
    after = origin->next; /* it goes with its last transfer */
    expire_list(&origin->waiting, now, &next);
  }
  return next;
}

static void drop(imp_curl_list *list) {
  imp_curl_transfer *after;
  for (imp_curl_transfer *t = list->first; t != NULL; t = after) {
    after = t->next;
    imp_curl_end(t, IMP_ERR_CANCELLED, NULL);
  }
}

void imp_curl_drop_all(imp_curl *curl) {
  imp_curl_origin *after;
  drop(&curl->active);
  drop(&curl->streams);
  for (imp_curl_origin *origin = curl->origins; origin != NULL; origin = after) {
    after = origin->next;
    drop(&origin->waiting);
  }
}
