/*
 * Ordered map from byte strings to byte strings: a skip list, with the lowest level linked both ways.
 * Keys compare with memcmp, the shorter first when one is a prefix of the other.
 */
#ifndef IMP_PORT_SKIPLIST_H
#define IMP_PORT_SKIPLIST_H

#include <imp/core.h>

#define IMP_SKIP_LEVELS 20

typedef struct imp_skip_node imp_skip_node;

struct imp_skip_node {
  imp_skip_node *prev; /* NULL: the first */
  uint8_t *key;        /* in the node's own memory */
  size_t keylen;
  uint8_t *value;
  size_t valuelen;
  uint32_t levels;
  imp_skip_node *next[]; /* `levels` of them; NULL: the end */
};

typedef struct imp_skiplist {
  imp_skip_node *head[IMP_SKIP_LEVELS];
  imp_skip_node *last;
  size_t count;
  uint64_t random;
} imp_skiplist;

void imp_skiplist_init(imp_skiplist *list);
void imp_skiplist_reset(imp_skiplist *list);
/* Inserts or replaces; key and value are copied. IMP_ERR_NOMEM changes nothing. */
int imp_skiplist_put(imp_skiplist *list, const void *key, size_t keylen, const void *value, size_t valuelen);
imp_skip_node *imp_skiplist_find(const imp_skiplist *list, const void *key, size_t keylen);
/* The first node whose key is not less than this one. */
imp_skip_node *imp_skiplist_lower(const imp_skiplist *list, const void *key, size_t keylen);
/* Unlinks and frees. */
void imp_skiplist_remove(imp_skiplist *list, imp_skip_node *node);

/* < 0, 0, > 0 */
int imp_skip_compare(const void *a, size_t alen, const void *b, size_t blen);

#endif
