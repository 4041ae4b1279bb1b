#include "sasl/attempts.h"

#include <arpa/inet.h>
#include <string.h>

#include "core/list.h"
#include "core/map.h"
#include "core/mem.h"
#include "sasl/crypto.h"

#define KEY_LEN 16
#define DAY_MS 86400000u

typedef enum kind { KIND_PAIR, KIND_ADDRESS, KIND_USER, KINDS } kind;

/* A bucket is the time at which it will be full again. */
typedef struct entry {
  imp_map_node node;
  imp_list age; /* newest failure last */
  imp_tstamp full_at;
  char key[KEY_LEN];
} entry;

struct imp_attempts {
  imp_attempts_settings settings;
  imp_map map;
  imp_list ages;
};

void imp_attempts_settings_default(imp_attempts_settings *settings) {
  memset(settings, 0, sizeof *settings);
  settings->size = sizeof *settings;
  settings->pair_burst = 10;
  settings->pair_refill_ms = 30000;
  settings->address_burst = 100;
  settings->address_refill_ms = 3000;
  settings->user_burst = 50;
  settings->user_refill_ms = 30000;
  settings->max_entries = 65536;
}

int imp_attempts_settings_check(const imp_attempts_settings *s, const char **name) {
  const struct {
    const char *name;
    uint32_t value, min, max;
  } ranges[] = {
      {"pair_burst", s->pair_burst, 1, 1000},
      {"pair_refill_ms", s->pair_refill_ms, 1, DAY_MS},
      {"address_burst", s->address_burst, 1, 100000},
      {"address_refill_ms", s->address_refill_ms, 1, DAY_MS},
      {"user_burst", s->user_burst, 1, 100000},
      {"user_refill_ms", s->user_refill_ms, 1, DAY_MS},
      {"max_entries", s->max_entries, 16, 10000000},
  };
  size_t i;
  for (i = 0; i < IMP_ARRAY_LEN(ranges); i++) {
    if (ranges[i].value < ranges[i].min || ranges[i].value > ranges[i].max) {
      if (name != NULL) {
        *name = ranges[i].name;
      }
      return IMP_ERR_RANGE;
    }
  }
  return IMP_OK;
}

int imp_attempts_new(imp_attempts **attempts_ptr, const imp_attempts_settings *settings) {
  imp_attempts *attempts = imp_calloc(1, sizeof *attempts);
  int rc;

  if (attempts == NULL) {
    return IMP_ERR_NOMEM;
  }
  imp_map_init(&attempts->map);
  imp_list_init(&attempts->ages);
  imp_attempts_settings_default(&attempts->settings);
  rc = settings != NULL ? imp_attempts_set(attempts, settings) : IMP_OK;
  if (rc != IMP_OK) {
    imp_free(attempts);
    return rc;
  }
  *attempts_ptr = attempts;
  return IMP_OK;
}

static void drop(imp_attempts *attempts, entry *e) {
  imp_map_remove(&attempts->map, &e->node);
  imp_list_remove(&e->age);
  imp_free(e);
}

static void drop_oldest(imp_attempts *attempts) {
  drop(attempts, IMP_CONTAINER_OF(attempts->ages.next, entry, age));
}

void imp_attempts_del(imp_attempts *attempts) {
  if (attempts == NULL) {
    return;
  }
  while (!imp_list_empty(&attempts->ages)) {
    drop_oldest(attempts);
  }
  imp_map_reset(&attempts->map);
  imp_free(attempts);
}

int imp_attempts_set(imp_attempts *attempts, const imp_attempts_settings *settings) {
  imp_attempts_settings own;
  int rc;

  imp_attempts_settings_default(&own);
  memcpy(&own, settings, settings->size < sizeof own ? settings->size : sizeof own);
  own.size = sizeof own;
  rc = imp_attempts_settings_check(&own, NULL);
  if (rc != IMP_OK) {
    return rc;
  }
  attempts->settings = own;
  while (attempts->map.count > own.max_entries) {
    drop_oldest(attempts);
  }
  return IMP_OK;
}

/* ---- keys ---- */

/* What an address counts as: IPv6 by its network, so that one host's many addresses are one. */
static size_t address_bytes(const char *address, uint8_t out[64]) {
  static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  uint8_t ip[16];
  size_t len = strlen(address);

  if (inet_pton(AF_INET, address, ip) == 1) {
    memcpy(out, ip, 4);
    return 4;
  }
  if (inet_pton(AF_INET6, address, ip) == 1) {
    if (memcmp(ip, mapped, sizeof mapped) == 0) {
      memcpy(out, ip + 12, 4);
      return 4;
    }
    memcpy(out, ip, 8);
    return 8;
  }
  len = len < 64 ? len : 64;
  memcpy(out, address, len);
  return len;
}

/* A digest, so that entries are small whatever names come. */
static int make_key(char key[KEY_LEN], kind k, const char *address, const char *user) {
  static const uint8_t kinds[KINDS] = {'p', 'a', 'u'};
  const imp_digest *digest = imp_digest_by_name("SHA-256", 7);
  uint8_t text[2 + 64 + 1024], hashed[IMP_DIGEST_MAX];
  size_t len = 2;
  int rc;

  text[0] = kinds[k];
  text[1] = 0;
  if (k != KIND_USER) {
    size_t n = address_bytes(address, text + 2);
    text[1] = (uint8_t)n;
    len += n;
  }
  if (k != KIND_ADDRESS) {
    size_t n = strlen(user);
    n = n < 1024 ? n : 1024;
    memcpy(text + len, user, n);
    len += n;
  }
  rc = imp_digest_hash(digest, text, len, hashed);
  if (rc == IMP_OK) {
    memcpy(key, hashed, KEY_LEN);
  }
  return rc;
}

static entry *find(const imp_attempts *attempts, kind k, const char *address, const char *user) {
  char key[KEY_LEN];
  imp_map_node *node;
  if (make_key(key, k, address, user) != IMP_OK) {
    return NULL;
  }
  node = imp_map_find(&attempts->map, key, KEY_LEN);
  return node != NULL ? IMP_CONTAINER_OF(node, entry, node) : NULL;
}

/* ---- buckets ---- */

static imp_tstamp interval_of(const imp_attempts *attempts, kind k) {
  const imp_attempts_settings *s = &attempts->settings;
  uint32_t ms = k == KIND_PAIR ? s->pair_refill_ms : k == KIND_ADDRESS ? s->address_refill_ms : s->user_refill_ms;
  return ms * IMP_MILLISECONDS;
}

static uint32_t burst_of(const imp_attempts *attempts, kind k) {
  const imp_attempts_settings *s = &attempts->settings;
  return k == KIND_PAIR ? s->pair_burst : k == KIND_ADDRESS ? s->address_burst : s->user_burst;
}

/* When the bucket has a token again; 0 if it has no entry. */
static imp_tstamp token_at(const imp_attempts *attempts, kind k, const entry *e) {
  imp_tstamp most = (burst_of(attempts, k) - 1) * interval_of(attempts, k);
  return e == NULL || e->full_at <= most ? 0 : e->full_at - most;
}

static imp_tstamp later(imp_tstamp a, imp_tstamp b) { return a > b ? a : b; }

int imp_attempts_check(imp_attempts *attempts, const char *address, const char *user, imp_tstamp ts,
                       imp_tstamp *retry_at) {
  imp_tstamp at = token_at(attempts, KIND_ADDRESS, find(attempts, KIND_ADDRESS, address, user));

  if (user != NULL) {
    const entry *pair = find(attempts, KIND_PAIR, address, user);
    imp_tstamp user_at = token_at(attempts, KIND_USER, find(attempts, KIND_USER, address, user));
    at = later(at, token_at(attempts, KIND_PAIR, pair));
    if (pair != NULL && pair->full_at > ts && user_at > ts) {
      at = later(at, user_at < pair->full_at ? user_at : pair->full_at);
    }
  }
  if (at <= ts) {
    return IMP_OK;
  }
  if (retry_at != NULL) {
    *retry_at = at;
  }
  return IMP_ERR_LIMIT;
}

static entry *make(imp_attempts *attempts, kind k, const char *address, const char *user) {
  entry *e = imp_calloc(1, sizeof *e);

  if (e == NULL) {
    return NULL;
  }
  if (make_key(e->key, k, address, user) != IMP_OK ||
      imp_map_insert(&attempts->map, &e->node, e->key, KEY_LEN) != IMP_OK) {
    imp_free(e);
    return NULL;
  }
  imp_list_append(&attempts->ages, &e->age);
  while (attempts->map.count > attempts->settings.max_entries) {
    drop_oldest(attempts);
  }
  return e;
}

static void take(imp_attempts *attempts, kind k, const char *address, const char *user, imp_tstamp ts) {
  imp_tstamp interval = interval_of(attempts, k);
  imp_tstamp empty = ts + burst_of(attempts, k) * interval;
  entry *e = find(attempts, k, address, user);

  if (e == NULL) {
    e = make(attempts, k, address, user);
  }
  if (e == NULL) {
    return;
  }
  e->full_at = later(e->full_at, ts) + interval;
  e->full_at = e->full_at < empty ? e->full_at : empty;
  imp_list_remove(&e->age);
  imp_list_append(&attempts->ages, &e->age);
}

void imp_attempts_failed(imp_attempts *attempts, const char *address, const char *user, imp_tstamp ts) {
  take(attempts, KIND_ADDRESS, address, user, ts);
  if (user != NULL) {
    take(attempts, KIND_PAIR, address, user, ts);
    take(attempts, KIND_USER, address, user, ts);
  }
}

void imp_attempts_succeeded(imp_attempts *attempts, const char *address, const char *user) {
  entry *e = find(attempts, KIND_PAIR, address, user);
  if (e != NULL) {
    drop(attempts, e);
  }
}

size_t imp_attempts_count(const imp_attempts *attempts) { return attempts->map.count; }
