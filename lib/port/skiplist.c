#include "port/skiplist.h"

#include <string.h>

#include "core/mem.h"

void imp_skiplist_init(imp_skiplist *list) {
  memset(list, 0, sizeof *list);
  list->random = 0x9e3779b97f4a7c15u;
}

static void free_node(imp_skip_node *node) {
  imp_free(node->value);
  imp_free(node);
}

void imp_skiplist_reset(imp_skiplist *list) {
  for (imp_skip_node *node = list->head[0], *next; node != NULL; node = next) {
    next = node->next[0];
    free_node(node);
  }
  imp_skiplist_init(list);
}

int imp_skip_compare(const void *a, size_t alen, const void *b, size_t blen) {
  size_t common = alen < blen ? alen : blen;
  int diff = common > 0 ? memcmp(a, b, common) : 0;
  return diff != 0 ? diff : (alen > blen) - (alen < blen);
}

/* Per level, the last link that leads to a key not less than this one. Returns the node behind, or NULL. */
static imp_skip_node *search(imp_skiplist *list, const void *key, size_t keylen, imp_skip_node ***links,
                             imp_skip_node **before) {
  imp_skip_node **next = list->head;
  imp_skip_node *at = NULL;
  for (int level = IMP_SKIP_LEVELS - 1; level >= 0; level--) {
    while (next[level] != NULL && imp_skip_compare(next[level]->key, next[level]->keylen, key, keylen) < 0) {
      at = next[level];
      next = at->next;
    }
    links[level] = &next[level];
  }
  *before = at;
  return next[0];
}

static int same(const imp_skip_node *node, const void *key, size_t keylen) {
  return node != NULL && imp_skip_compare(node->key, node->keylen, key, keylen) == 0;
}

/* A quarter of the nodes of a level are in the next one too. */
static uint32_t random_levels(imp_skiplist *list) {
  uint32_t levels = 1;
  list->random ^= list->random << 13;
  list->random ^= list->random >> 7;
  list->random ^= list->random << 17;
  for (uint64_t r = list->random >> 16; (r & 3) == 0 && levels < IMP_SKIP_LEVELS; r >>= 2) {
    levels++;
  }
  return levels;
}

static int set_value(imp_skip_node *node, const void *value, size_t valuelen) {
  uint8_t *copy = imp_memdup(value, valuelen);
  if (copy == NULL) {
    return IMP_ERR_NOMEM;
  }
  imp_free(node->value);
  node->value = copy;
  node->valuelen = valuelen;
  return IMP_OK;
}

static imp_skip_node *new_node(imp_skiplist *list, const void *key, size_t keylen, const void *value,
                               size_t valuelen) {
  uint32_t levels = random_levels(list);
  size_t head = sizeof(imp_skip_node) + levels * sizeof(imp_skip_node *);
  imp_skip_node *node = imp_calloc(1, head + keylen);
  if (node == NULL) {
    return NULL;
  }
  node->key = (uint8_t *)node + head;
  node->keylen = keylen;
  node->levels = levels;
  if (keylen > 0) {
    memcpy(node->key, key, keylen);
  }
  if (set_value(node, value, valuelen) != IMP_OK) {
    imp_free(node);
    return NULL;
  }
  return node;
}

int imp_skiplist_put(imp_skiplist *list, const void *key, size_t keylen, const void *value, size_t valuelen) {
  imp_skip_node **links[IMP_SKIP_LEVELS];
  imp_skip_node *before;
  imp_skip_node *node = search(list, key, keylen, links, &before);
  if (same(node, key, keylen)) {
    return set_value(node, value, valuelen);
  }
  node = new_node(list, key, keylen, value, valuelen);
  if (node == NULL) {
    return IMP_ERR_NOMEM;
  }
  for (uint32_t level = 0; level < node->levels; level++) {
    node->next[level] = *links[level];
    *links[level] = node;
  }
  node->prev = before;
  if (node->next[0] != NULL) {
    node->next[0]->prev = node;
  } else {
    list->last = node;
  }
  list->count++;
  return IMP_OK;
}

imp_skip_node *imp_skiplist_lower(const imp_skiplist *list, const void *key, size_t keylen) {
  imp_skip_node *const *next = list->head;
  for (int level = IMP_SKIP_LEVELS - 1; level >= 0; level--) {
    while (next[level] != NULL && imp_skip_compare(next[level]->key, next[level]->keylen, key, keylen) < 0) {
      next = next[level]->next;
    }
  }
  return next[0];
}

imp_skip_node *imp_skiplist_find(const imp_skiplist *list, const void *key, size_t keylen) {
  imp_skip_node *node = imp_skiplist_lower(list, key, keylen);
  return same(node, key, keylen) ? node : NULL;
}

void imp_skiplist_remove(imp_skiplist *list, imp_skip_node *node) {
  imp_skip_node **links[IMP_SKIP_LEVELS];
  imp_skip_node *before;
  search(list, node->key, node->keylen, links, &before);
  for (uint32_t level = 0; level < node->levels; level++) {
    *links[level] = node->next[level];
  }
  if (node->next[0] != NULL) {
    node->next[0]->prev = node->prev;
  } else {
    list->last = node->prev;
  }
  list->count--;
  free_node(node);
}
