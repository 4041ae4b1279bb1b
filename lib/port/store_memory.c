/*
 * The in-memory store: one ordered map whose keys are "space NUL owner NUL key", and the names of the spaces, so that
 * an owner can be erased from all of them.
 */
#include <string.h>

#include <imp/store.h>

#include "core/mem.h"
#include "port/skiplist.h"

#define FULL_KEY_MAX (IMP_STORE_SPACE_MAX + 1 + IMP_STORE_OWNER_MAX + 1 + IMP_STORE_KEY_MAX + 1)

struct imp_memory_store {
  imp_skiplist items;
  imp_skiplist spaces; /* names, NUL included; values are empty */
};

typedef struct full_key {
  uint8_t bytes[FULL_KEY_MAX];
  size_t len;
  size_t spacelen, ownerlen; /* each with its NUL */
} full_key;

static int add_part(full_key *full, const void *part, size_t len, size_t max) {
  if (len > max) {
    return IMP_ERR_TOO_BIG;
  }
  if (len > 0) {
    memcpy(full->bytes + full->len, part, len);
  }
  full->len += len;
  return IMP_OK;
}

/* owner NULL: only the space. */
static int make_key(full_key *full, const char *space, const char *owner, const void *key, size_t keylen) {
  full->len = 0;
  full->ownerlen = 0;
  int rv = add_part(full, space, strlen(space) + 1, IMP_STORE_SPACE_MAX + 1);
  full->spacelen = full->len;
  if (rv == IMP_OK && owner != NULL) {
    full->ownerlen = strlen(owner) + 1;
    rv = add_part(full, owner, full->ownerlen, IMP_STORE_OWNER_MAX + 1);
  }
  return rv == IMP_OK ? add_part(full, key, keylen, IMP_STORE_KEY_MAX) : rv;
}

static int has_prefix(const imp_skip_node *node, const full_key *full, size_t prefixlen) {
  return node->keylen >= prefixlen && memcmp(node->key, full->bytes, prefixlen) == 0;
}

static int memory_get(void *ctx, imp_op *op, const char *space, const char *owner, const void *key, size_t keylen) {
  imp_memory_store *store = ctx;
  full_key full;
  int rv = make_key(&full, space, owner, key, keylen);
  if (rv != IMP_OK) {
    return rv;
  }
  imp_skip_node *node = imp_skiplist_find(&store->items, full.bytes, full.len);
  rv = node != NULL ? imp_op_add_row(op, key, keylen, node->value, node->valuelen) : IMP_ERR_NOT_FOUND;
  imp_op_done(op, rv);
  return IMP_OK;
}

/* A range of one owner's items, as full keys. */
typedef struct span {
  full_key low, high;
  size_t prefixlen;
  int open_top;
} span;

static int make_span(span *s, const char *space, const char *owner, const imp_store_range *range) {
  int rv = make_key(&s->low, space, owner, range->from, range->from != NULL ? range->fromlen : 0);
  if (rv == IMP_OK) {
    rv = make_key(&s->high, space, owner, range->to, range->to != NULL ? range->tolen : 0);
  }
  s->prefixlen = s->low.spacelen + s->low.ownerlen;
  s->open_top = range->to == NULL;
  return rv;
}

static imp_skip_node *span_first(const imp_skiplist *items, const span *s) {
  return imp_skiplist_lower(items, s->low.bytes, s->low.len);
}

static int below_top(const imp_skip_node *node, const span *s) {
  return has_prefix(node, &s->low, s->prefixlen) &&
         (s->open_top || imp_skip_compare(node->key, node->keylen, s->high.bytes, s->high.len) <= 0);
}

/* The greatest node that is not above the span: the one before the first that is. */
static imp_skip_node *span_last(const imp_skiplist *items, const span *s) {
  full_key behind = s->high;
  imp_skip_node *node;
  if (s->open_top) { /* the NUL that ends the owner, one up: behind all his keys */
    behind.len = s->prefixlen;
    behind.bytes[behind.len - 1] = 1;
  } else { /* the least key that is greater */
    behind.bytes[behind.len++] = 0;
  }
  node = imp_skiplist_lower(items, behind.bytes, behind.len);
  return node != NULL ? node->prev : items->last;
}

static int above_bottom(const imp_skip_node *node, const span *s) {
  return has_prefix(node, &s->low, s->prefixlen) &&
         imp_skip_compare(node->key, node->keylen, s->low.bytes, s->low.len) >= 0;
}

static int emit(imp_op *op, const imp_skip_node *node, size_t prefixlen) {
  return imp_op_add_row(op, node->key + prefixlen, node->keylen - prefixlen, node->value, node->valuelen);
}

static int scan_up(const imp_memory_store *store, imp_op *op, const span *s, uint32_t limit) {
  int rv = IMP_OK;
  imp_skip_node *node = span_first(&store->items, s);
  for (uint32_t n = 0; rv == IMP_OK && node != NULL && below_top(node, s) && (limit == 0 || n < limit); n++) {
    rv = emit(op, node, s->prefixlen);
    node = node->next[0];
  }
  return rv;
}

static int scan_down(const imp_memory_store *store, imp_op *op, const span *s, uint32_t limit) {
  int rv = IMP_OK;
  imp_skip_node *node = span_last(&store->items, s);
  for (uint32_t n = 0; rv == IMP_OK && node != NULL && above_bottom(node, s) && (limit == 0 || n < limit); n++) {
    rv = emit(op, node, s->prefixlen);
    node = node->prev;
  }
  return rv;
}

static int memory_scan(void *ctx, imp_op *op, const char *space, const char *owner, const imp_store_range *range) {
  imp_memory_store *store = ctx;
  span s;
  int rv = make_span(&s, space, owner, range);
  if (rv != IMP_OK) {
    return rv;
  }
  rv = range->reverse ? scan_down(store, op, &s, range->limit) : scan_up(store, op, &s, range->limit);
  imp_op_done(op, rv);
  return IMP_OK;
}

static int memory_scan_all(void *ctx, imp_op *op, const char *space, uint32_t limit) {
  imp_memory_store *store = ctx;
  full_key full;
  int rv = make_key(&full, space, NULL, NULL, 0);
  if (rv != IMP_OK) {
    return rv;
  }
  imp_skip_node *node = imp_skiplist_lower(&store->items, full.bytes, full.len);
  for (uint32_t n = 0; rv == IMP_OK && node != NULL && has_prefix(node, &full, full.len) && (limit == 0 || n < limit);
       n++) {
    rv = emit(op, node, full.len);
    node = node->next[0];
  }
  imp_op_done(op, rv);
  return IMP_OK;
}

static int memory_put(void *ctx, const char *space, const char *owner, const void *key, size_t keylen,
                      const void *value, size_t valuelen) {
  imp_memory_store *store = ctx;
  full_key full;
  int rv = make_key(&full, space, owner, key, keylen);
  if (rv == IMP_OK && imp_skiplist_find(&store->spaces, full.bytes, full.spacelen) == NULL) {
    rv = imp_skiplist_put(&store->spaces, full.bytes, full.spacelen, NULL, 0);
  }
  return rv == IMP_OK ? imp_skiplist_put(&store->items, full.bytes, full.len, value, valuelen) : rv;
}

static int memory_del(void *ctx, const char *space, const char *owner, const void *key, size_t keylen) {
  imp_memory_store *store = ctx;
  full_key full;
  int rv = make_key(&full, space, owner, key, keylen);
  imp_skip_node *node = rv == IMP_OK ? imp_skiplist_find(&store->items, full.bytes, full.len) : NULL;
  if (node != NULL) {
    imp_skiplist_remove(&store->items, node);
  }
  return rv;
}

static int memory_del_range(void *ctx, const char *space, const char *owner, const imp_store_range *range) {
  imp_memory_store *store = ctx;
  span s;
  int rv = make_span(&s, space, owner, range);
  if (rv != IMP_OK) {
    return rv;
  }
  for (imp_skip_node *node = span_first(&store->items, &s), *next; node != NULL && below_top(node, &s); node = next) {
    next = node->next[0];
    imp_skiplist_remove(&store->items, node);
  }
  return IMP_OK;
}

static int memory_erase(void *ctx, const char *owner) {
  imp_memory_store *store = ctx;
  imp_store_range everything = {.size = sizeof everything};
  int rv = IMP_OK;
  for (imp_skip_node *space = store->spaces.head[0]; rv == IMP_OK && space != NULL; space = space->next[0]) {
    rv = memory_del_range(store, (const char *)space->key, owner, &everything);
  }
  return rv;
}

static int memory_flush(void *ctx, imp_op *op) {
  (void)ctx;
  imp_op_done(op, IMP_OK);
  return IMP_OK;
}

int imp_memory_store_new(imp_memory_store **store) {
  imp_memory_store *made = imp_malloc(sizeof *made);
  if (made == NULL) {
    return IMP_ERR_NOMEM;
  }
  imp_skiplist_init(&made->items);
  imp_skiplist_init(&made->spaces);
  *store = made;
  return IMP_OK;
}

void imp_memory_store_del(imp_memory_store *store) {
  if (store != NULL) {
    imp_skiplist_reset(&store->items);
    imp_skiplist_reset(&store->spaces);
    imp_free(store);
  }
}

const imp_store *imp_memory_store_vtable(void) {
  static const imp_store vtable = {
      .size = sizeof vtable,
      .name = "memory",
      .durable = 0,
      .get = memory_get,
      .scan = memory_scan,
      .scan_all = memory_scan_all,
      .put = memory_put,
      .del = memory_del,
      .del_range = memory_del_range,
      .erase = memory_erase,
      .flush = memory_flush,
  };
  return &vtable;
}
