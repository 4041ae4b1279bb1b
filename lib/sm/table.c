#include "sm/table.h"

#include <string.h>

#include "core/map.h"
#include "core/mem.h"

#define MIN_BUCKETS 8

void imp_sm_table_init(imp_sm_table *table, const uint64_t seed[2],
                       const char *(*key)(const imp_sm_node *node, size_t *len)) {
  memset(table, 0, sizeof *table);
  memcpy(table->seed, seed, sizeof table->seed);
  table->key = key;
}

static imp_sm_node **bucket(const imp_sm_table *table, uint32_t hash) {
  return &table->buckets[hash & (table->nbuckets - 1)];
}

static imp_sm_node *find(const imp_sm_table *table, const char *key, size_t len, uint32_t hash) {
  if (table->count == 0) {
    return NULL;
  }
  for (imp_sm_node *node = *bucket(table, hash); node != NULL; node = node->next) {
    size_t nodelen;
    const char *nodekey;
    if (node->hash == hash) {
      nodekey = table->key(node, &nodelen);
      if (nodelen == len && imp_memeq_ct(nodekey, key, len)) {
        return node;
      }
    }
  }
  return NULL;
}

imp_sm_node *imp_sm_table_find(const imp_sm_table *table, const char *key, size_t len) {
  return find(table, key, len, imp_hash_keyed(table->seed, key, len));
}

static int resize(imp_sm_table *table, size_t nbuckets) {
  imp_sm_table old = *table;
  imp_sm_node **buckets = imp_calloc(nbuckets, sizeof *buckets);
  if (buckets == NULL) {
    return IMP_ERR_NOMEM;
  }
  table->buckets = buckets;
  table->nbuckets = nbuckets;
  for (size_t i = 0; i < old.nbuckets; i++) {
    for (imp_sm_node *node = old.buckets[i], *next; node != NULL; node = next) {
      imp_sm_node **to = bucket(table, node->hash);
      next = node->next;
      node->next = *to;
      *to = node;
    }
  }
  imp_free(old.buckets);
  return IMP_OK;
}

int imp_sm_table_insert(imp_sm_table *table, imp_sm_node *node) {
  size_t len;
  const char *key = table->key(node, &len);
  node->hash = imp_hash_keyed(table->seed, key, len);
  if (find(table, key, len, node->hash) != NULL) {
    return IMP_ERR_EXISTS;
  }
  /* A table that cannot grow is slower, not wrong; only the first one must be there. */
  if (table->count >= table->nbuckets &&
      resize(table, table->nbuckets > 0 ? table->nbuckets * 2 : MIN_BUCKETS) != IMP_OK && table->nbuckets == 0) {
    return IMP_ERR_NOMEM;
  }
  imp_sm_node **to = bucket(table, node->hash);
  node->next = *to;
  *to = node;
  table->count++;
  return IMP_OK;
}

void imp_sm_table_remove(imp_sm_table *table, imp_sm_node *node) {
  if (table->count == 0) {
    return;
  }
  for (imp_sm_node **at = bucket(table, node->hash); *at != NULL; at = &(*at)->next) {
    if (*at == node) {
      *at = node->next;
      table->count--;
      break;
    }
  }
  if (table->count == 0) {
    imp_free(table->buckets);
    table->buckets = NULL;
    table->nbuckets = 0;
  } else if (table->nbuckets > MIN_BUCKETS && table->count < table->nbuckets / 8) {
    (void)resize(table, table->nbuckets / 2);
  }
}
