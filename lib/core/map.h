/*
 * Intrusive hash table from byte strings to objects.
 *
 * An object embeds an imp_map_node whose key points at bytes that the object owns and that do not change while it is
 * in the map.  Hashing is keyed (SipHash-1-3 with a per-process seed from imp_map_seed()), so that names from the
 * network cannot be chosen to collide.  Buckets grow and shrink with the count (when inserting, and
 * when the last object leaves); growing that fails is no error.
 */
#ifndef IMP_CORE_MAP_H
#define IMP_CORE_MAP_H

#include <imp/core.h>

typedef struct imp_map_node {
  struct imp_map_node *next;
  const char *key;
  uint32_t keylen;
  uint32_t hash;
} imp_map_node;

typedef struct imp_map {
  imp_map_node **buckets;
  size_t nbuckets; /* power of two, 0 before the first insertion */
  size_t count;
} imp_map;

/* Sets the seed of the hash, 16 random bytes, before the first map is used. Only the first call in a process does: maps of
   other nodes are in use then. */
void imp_map_seed(const uint8_t bytes[16]);
uint32_t imp_hash(const void *data, size_t len);
/* The same with a key of the caller's. */
uint32_t imp_hash_keyed(const uint64_t key[2], const void *data, size_t len);

void imp_map_init(imp_map *map);
/* Frees the buckets, not the objects. */
void imp_map_reset(imp_map *map);
/* The caller has set nothing but memory: key is stored here. Fails with IMP_ERR_EXISTS or IMP_ERR_NOMEM. */
int imp_map_insert(imp_map *map, imp_map_node *node, const char *key, size_t keylen);
imp_map_node *imp_map_find(const imp_map *map, const char *key, size_t keylen);
imp_map_node *imp_map_find_hashed(const imp_map *map, const char *key, size_t keylen, uint32_t hash);
void imp_map_remove(imp_map *map, imp_map_node *node);
/* Walks in no order. The node that was returned last may be removed and freed meanwhile; nothing may be inserted. */
typedef struct imp_map_iter {
  const imp_map *map;
  size_t bucket;
  imp_map_node *next;
} imp_map_iter;
void imp_map_iter_init(imp_map_iter *iter, const imp_map *map);
imp_map_node *imp_map_iter_next(imp_map_iter *iter);

#endif
