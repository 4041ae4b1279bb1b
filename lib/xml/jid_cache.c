#include "xml/jid_cache.h"

#include <string.h>

#include "core/map.h"
#include "core/mem.h"
#include "xml/jid.h"

#define WAYS 4
#define FIRST 64
#define MOST ((size_t)1 << 20)
/* Longer texts are prepared each time: a peer that invents addresses shall not make us keep 3 KB for each. */
#define KEY_MAX 512

typedef struct entry {
  uint32_t hash;
  uint32_t used; /* when, on the cache's own count */
  imp_jid *jid;  /* NULL: free */
  char *raw;     /* NULL: the same as the JID's own text */
  uint32_t rawlen;
} entry;

struct imp_jid_cache {
  entry *entries; /* sets of WAYS */
  size_t size, max, count;
  uint32_t clock;
  uint32_t evicted; /* since the last growth */
};

int imp_jid_cache_new(imp_jid_cache **out, size_t entries) {
  if (entries > MOST) {
    return IMP_ERR_RANGE;
  }
  imp_jid_cache *cache = imp_calloc(1, sizeof *cache);
  if (cache == NULL) {
    return IMP_ERR_NOMEM;
  }
  for (cache->max = entries > 0 ? WAYS : 0; cache->max < entries; cache->max *= 2) {
  }
  *out = cache;
  return IMP_OK;
}

static void entry_clear(imp_jid_cache *cache, entry *e) {
  if (e->jid != NULL) {
    imp_jid_del(e->jid);
    imp_free(e->raw);
    memset(e, 0, sizeof *e);
    --cache->count;
  }
}

void imp_jid_cache_del(imp_jid_cache *cache) {
  if (cache == NULL) {
    return;
  }
  for (size_t i = 0; i < cache->size; ++i) {
    entry_clear(cache, &cache->entries[i]);
  }
  imp_free(cache->entries);
  imp_free(cache);
}

static entry *set_of(const imp_jid_cache *cache, uint32_t hash) {
  return &cache->entries[(hash & (cache->size / WAYS - 1)) * WAYS];
}

/* A free place, else the one used longest ago. */
static entry *place_of(const imp_jid_cache *cache, uint32_t hash) {
  entry *set = set_of(cache, hash), *best = set;
  for (int i = 0; i < WAYS; ++i) {
    if (set[i].jid == NULL) {
      return &set[i];
    }
    if (cache->clock - set[i].used > cache->clock - best->used) {
      best = &set[i];
    }
  }
  return best;
}

/* Doubles, if memory allows; without it things go on as they are. */
static void grow(imp_jid_cache *cache) {
  size_t size = cache->size > 0 ? cache->size * 2 : FIRST;
  entry *old = cache->entries;
  size_t oldsize = cache->size;
  size = size < cache->max ? size : cache->max;
  entry *entries = imp_calloc(size, sizeof *entries);
  if (entries == NULL) {
    return;
  }
  cache->entries = entries;
  cache->size = size;
  cache->evicted = 0;
  for (size_t i = 0; i < oldsize; ++i) {
    if (old[i].jid != NULL) {
      *place_of(cache, old[i].hash) = old[i]; /* a set's entries spread over two: there is room */
    }
  }
  imp_free(old);
}

static int is_entry_of(const entry *e, const char *text, size_t len) {
  return e->raw != NULL ? e->rawlen == len && memcmp(e->raw, text, len) == 0
                        : e->jid->fulllen == len && memcmp(e->jid->text, text, len) == 0;
}

static void keep(imp_jid_cache *cache, uint32_t hash, imp_jid *jid, const char *text, size_t len) {
  if (cache->size == 0 || (cache->size < cache->max && cache->evicted > cache->size / 4)) {
    grow(cache);
  }
  if (cache->size == 0) {
    return;
  }
  char *raw = NULL;
  if (jid->fulllen != len || memcmp(jid->text, text, len) != 0) {
    raw = imp_strndup(text, len);
    if (raw == NULL) {
      return;
    }
  }
  entry *e = place_of(cache, hash);
  if (e->jid != NULL) {
    ++cache->evicted;
    entry_clear(cache, e);
  }
  e->hash = hash;
  e->used = cache->clock;
  e->jid = imp_jid_ref(jid);
  e->raw = raw;
  e->rawlen = (uint32_t)len;
  ++cache->count;
}

int imp_jid_cache_get(imp_jid_cache *cache, imp_jid **jid, const char *text, size_t textlen) {
  if (cache == NULL || cache->max == 0 || textlen > KEY_MAX) {
    return imp_jid_new(jid, text, textlen);
  }
  uint32_t hash = imp_hash(text, textlen);
  ++cache->clock;
  if (cache->size > 0) {
    entry *set = set_of(cache, hash);
    for (int i = 0; i < WAYS; ++i) {
      if (set[i].jid != NULL && set[i].hash == hash && is_entry_of(&set[i], text, textlen)) {
        set[i].used = cache->clock;
        *jid = imp_jid_ref(set[i].jid);
        return IMP_OK;
      }
    }
  }
  int err = imp_jid_new(jid, text, textlen);
  if (err == IMP_OK) {
    keep(cache, hash, *jid, text, textlen);
  }
  return err;
}

size_t imp_jid_cache_count(const imp_jid_cache *cache) { return cache->count; }
