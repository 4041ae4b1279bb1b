/*
 * Sessions by id, users by name: an intrusive hash table whose key is the manager's own.
 *
 * Ids are secrets, so a look-up must not tell how much of a guess was right: the hash (keyed, SipHash) decides which entries
 * are looked at, and a key is compared in time that depends on its length alone.
 */
#ifndef IMP_SM_TABLE_H
#define IMP_SM_TABLE_H

#include <imp/core.h>

typedef struct imp_sm_node {
  struct imp_sm_node *next;
  uint32_t hash;
} imp_sm_node;

typedef struct imp_sm_table {
  imp_sm_node **buckets;
  size_t nbuckets; /* power of two, 0 while empty */
  size_t count;
  uint64_t seed[2];
  const char *(*key)(const imp_sm_node *node, size_t *len);
} imp_sm_table;

void imp_sm_table_init(imp_sm_table *table, const uint64_t seed[2],
                       const char *(*key)(const imp_sm_node *node, size_t *len));
imp_sm_node *imp_sm_table_find(const imp_sm_table *table, const char *key, size_t len);
/* The node's key must be readable. IMP_ERR_EXISTS, IMP_ERR_NOMEM. */
int imp_sm_table_insert(imp_sm_table *table, imp_sm_node *node);
/* Nothing happens if it is not in the table. */
void imp_sm_table_remove(imp_sm_table *table, imp_sm_node *node);

#endif
