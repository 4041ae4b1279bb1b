#include "core/map.h"

#include <string.h>

#include "core/mem.h"

#define MIN_BUCKETS 8

void imp_map_init(imp_map *map) { memset(map, 0, sizeof *map); }

void imp_map_reset(imp_map *map) {
  imp_free(map->buckets);
  imp_map_init(map);
}

static imp_map_node **bucket(const imp_map *map, uint32_t hash) { return &map->buckets[hash & (map->nbuckets - 1)]; }

static int resize(imp_map *map, size_t nbuckets) {
  imp_map old = *map;
  imp_map_node **buckets = imp_calloc(nbuckets, sizeof *buckets);
  if (buckets == NULL) {
    return IMP_ERR_NOMEM;
  }
  map->buckets = buckets;
  map->nbuckets = nbuckets;
  for (size_t i = 0; i < old.nbuckets; i++) {
    for (imp_map_node *node = old.buckets[i], *next; node != NULL; node = next) {
      imp_map_node **to = bucket(map, node->hash);
      next = node->next;
      node->next = *to;
      *to = node;
    }
  }
  imp_free(old.buckets);
  return IMP_OK;
}

/* Shrinks here and not in imp_map_remove(), which is allowed during a walk. */
static int fit(imp_map *map) {
  if (map->nbuckets == 0) {
    return resize(map, MIN_BUCKETS);
  }
  if (map->count >= map->nbuckets) {
    (void)resize(map, map->nbuckets * 2); /* a table that cannot grow is slower, not wrong */
  } else if (map->nbuckets > MIN_BUCKETS && map->count < map->nbuckets / 8) {
    (void)resize(map, map->nbuckets / 4);
  }
  return IMP_OK;
}

imp_map_node *imp_map_find_hashed(const imp_map *map, const char *key, size_t keylen, uint32_t hash) {
  if (map->count == 0) {
    return NULL;
  }
  for (imp_map_node *node = *bucket(map, hash); node != NULL; node = node->next) {
    if (node->hash == hash && node->keylen == keylen && (keylen == 0 || memcmp(node->key, key, keylen) == 0)) {
      return node;
    }
  }
  return NULL;
}

imp_map_node *imp_map_find(const imp_map *map, const char *key, size_t keylen) {
  return map->count > 0 ? imp_map_find_hashed(map, key, keylen, imp_hash(key, keylen)) : NULL;
}

int imp_map_insert(imp_map *map, imp_map_node *node, const char *key, size_t keylen) {
  uint32_t hash = imp_hash(key, keylen);
  if (imp_map_find_hashed(map, key, keylen, hash) != NULL) {
    return IMP_ERR_EXISTS;
  }
  if (fit(map) != IMP_OK) {
    return IMP_ERR_NOMEM;
  }
  node->key = key;
  node->keylen = (uint32_t)keylen;
  node->hash = hash;
  imp_map_node **to = bucket(map, hash);
  node->next = *to;
  *to = node;
  map->count++;
  return IMP_OK;
}

void imp_map_remove(imp_map *map, imp_map_node *node) {
  if (map->count == 0) {
    return;
  }
  for (imp_map_node **at = bucket(map, node->hash); *at != NULL; at = &(*at)->next) {
    if (*at == node) {
      *at = node->next;
      node->next = NULL;
      map->count--;
      break;
    }
  }
  if (map->count == 0) {
    imp_map_reset(map);
  }
}

static void advance(imp_map_iter *iter) {
  while (iter->next == NULL && iter->bucket < iter->map->nbuckets) {
    iter->next = iter->map->buckets[iter->bucket++];
  }
}

void imp_map_iter_init(imp_map_iter *iter, const imp_map *map) {
  iter->map = map;
  iter->bucket = 0;
  iter->next = NULL;
  advance(iter);
}

imp_map_node *imp_map_iter_next(imp_map_iter *iter) {
  imp_map_node *node = iter->next;
  if (node != NULL) {
    iter->next = node->next;
    advance(iter);
  }
  return node;
}
