#include "slow_store.h"

#include <stdlib.h>
#include <string.h>

#define ASKED_MAX 64

/* A read that waits. Memory of the test, not of the library. */
typedef struct question {
  enum { GET, SCAN, SCAN_ALL } kind;
  imp_op *op;
  char *space, *owner;
  void *key, *to; /* of a range: from and to */
  size_t keylen;
  imp_store_range range;
  uint32_t limit;
} question;

struct slow_store {
  imp_store vtable;
  const imp_store *inner;
  void *ctx;
  question asked[ASKED_MAX];
  size_t count;
};

static void *copy_of(const void *bytes, size_t len) {
  char *copy = bytes != NULL ? malloc(len + 1) : NULL;
  if (copy != NULL) {
    memcpy(copy, bytes, len);
    copy[len] = '\0';
  }
  return copy;
}

static int ask(slow_store *s, question q, const char *space, const char *owner) {
  if (s->count == ASKED_MAX) {
    abort();
  }
  q.space = copy_of(space, strlen(space));
  q.owner = owner != NULL ? copy_of(owner, strlen(owner)) : NULL;
  s->asked[s->count++] = q;
  return IMP_ERR_PENDING;
}

static int get(void *ctx, imp_op *op, const char *space, const char *owner, const void *key, size_t keylen) {
  return ask(ctx, (question){.kind = GET, .op = op, .key = copy_of(key, keylen), .keylen = keylen}, space, owner);
}

static int scan(void *ctx, imp_op *op, const char *space, const char *owner, const imp_store_range *range) {
  question q = {.kind = SCAN, .op = op, .range = *range};
  q.range.from = q.key = copy_of(range->from, range->fromlen);
  q.range.to = q.to = copy_of(range->to, range->tolen);
  return ask(ctx, q, space, owner);
}

static int scan_all(void *ctx, imp_op *op, const char *space, uint32_t limit) {
  return ask(ctx, (question){.kind = SCAN_ALL, .op = op, .limit = limit}, space, NULL);
}

static int put(void *ctx, const char *space, const char *owner, const void *key, size_t keylen, const void *value,
               size_t valuelen) {
  slow_store *s = ctx;
  return s->inner->put(s->ctx, space, owner, key, keylen, value, valuelen);
}

static int del(void *ctx, const char *space, const char *owner, const void *key, size_t keylen) {
  slow_store *s = ctx;
  return s->inner->del(s->ctx, space, owner, key, keylen);
}

static int del_range(void *ctx, const char *space, const char *owner, const imp_store_range *range) {
  slow_store *s = ctx;
  return s->inner->del_range(s->ctx, space, owner, range);
}

static int erase(void *ctx, const char *owner) {
  slow_store *s = ctx;
  return s->inner->erase(s->ctx, owner);
}

static int flush(void *ctx, imp_op *op) {
  slow_store *s = ctx;
  return s->inner->flush(s->ctx, op);
}

static int read_now(slow_store *s, const question *q) {
  switch (q->kind) {
  case GET:
    return s->inner->get(s->ctx, q->op, q->space, q->owner, q->key, q->keylen);
  case SCAN:
    return s->inner->scan(s->ctx, q->op, q->space, q->owner, &q->range);
  default:
    return s->inner->scan_all(s->ctx, q->op, q->space, q->limit);
  }
}

static void forget(question *q) {
  free(q->space);
  free(q->owner);
  free(q->key);
  free(q->to);
}

size_t slow_store_answer(slow_store *s) {
  size_t n = s->count;
  for (size_t i = 0; i < n; i++) {
    int rv = read_now(s, &s->asked[i]);
    if (rv < 0 && rv != IMP_ERR_PENDING) {
      imp_op_done(s->asked[i].op, rv);
    }
    forget(&s->asked[i]);
  }
  memmove(s->asked, s->asked + n, (s->count - n) * sizeof(s->asked[0]));
  s->count -= n;
  return n;
}

slow_store *slow_store_new(const imp_store *inner, void *ctx) {
  slow_store *s = calloc(1, sizeof(*s));
  if (s != NULL) {
    s->vtable = (imp_store){.size = sizeof(s->vtable), .name = "slow", .durable = inner->durable, .get = get, .scan = scan,
                            .scan_all = scan_all, .put = put, .del = del, .del_range = del_range, .erase = erase,
                            .flush = flush};
    s->inner = inner;
    s->ctx = ctx;
  }
  return s;
}

void slow_store_del(slow_store *s) {
  if (s != NULL) {
    for (size_t i = 0; i < s->count; i++) {
      imp_op_done(s->asked[i].op, IMP_ERR_CLOSED);
      forget(&s->asked[i]);
    }
    free(s);
  }
}

const imp_store *slow_store_vtable(const slow_store *s) { return &s->vtable; }
