#include "crash_store.h"

#include <stdlib.h>
#include <string.h>

typedef enum note_kind { NOTE_PUT, NOTE_DEL, NOTE_DEL_RANGE, NOTE_ERASE } note_kind;

/* A write as it was noted. Memory of the test, not of the library. */
typedef struct note {
  note_kind kind;
  char *space, *owner;
  void *key, *value; /* of a range: from and to */
  size_t keylen, valuelen;
} note;

struct crash_store {
  imp_memory_store *live; /* with all that was noted */
  note *notes;
  size_t count, cap;
  size_t flushing, committed; /* so many of the notes */
  crash_flush mode;
  imp_op *waiting;
  int dead;
};

static void *copy_of(const void *bytes, size_t len) {
  char *copy = bytes != NULL ? malloc(len + 1) : NULL;
  if (copy != NULL) {
    memcpy(copy, bytes, len);
    copy[len] = '\0';
  }
  return copy;
}

static char *text_of(const char *text) { return text != NULL ? copy_of(text, strlen(text)) : NULL; }

static void forget(note *n) {
  free(n->space);
  free(n->owner);
  free(n->key);
  free(n->value);
}

static int apply(imp_memory_store *store, const note *n) {
  const imp_store *vt = imp_memory_store_vtable();
  imp_store_range range = {.size = sizeof(range), .from = n->key, .fromlen = n->keylen, .to = n->value, .tolen = n->valuelen};
  switch (n->kind) {
  case NOTE_PUT:
    return vt->put(store, n->space, n->owner, n->key, n->keylen, n->value, n->valuelen);
  case NOTE_DEL:
    return vt->del(store, n->space, n->owner, n->key, n->keylen);
  case NOTE_DEL_RANGE:
    return vt->del_range(store, n->space, n->owner, &range);
  default:
    return vt->erase(store, n->owner);
  }
}

static int add(crash_store *cs, note n) {
  int rv = cs->dead ? IMP_OK : apply(cs->live, &n);
  if (rv < 0 || cs->dead) {
    forget(&n);
    return rv;
  }
  if (cs->count == cs->cap) {
    cs->cap = cs->cap ? cs->cap * 2 : 64;
    cs->notes = realloc(cs->notes, cs->cap * sizeof(*cs->notes));
  }
  cs->notes[cs->count++] = n;
  return IMP_OK;
}

static int put(void *ctx, const char *space, const char *owner, const void *key, size_t keylen, const void *value,
               size_t valuelen) {
  return add(ctx, (note){NOTE_PUT, text_of(space), text_of(owner), copy_of(key, keylen), copy_of(value, valuelen),
                         keylen, valuelen});
}

static int del(void *ctx, const char *space, const char *owner, const void *key, size_t keylen) {
  return add(ctx, (note){NOTE_DEL, text_of(space), text_of(owner), copy_of(key, keylen), NULL, keylen, 0});
}

static int del_range(void *ctx, const char *space, const char *owner, const imp_store_range *range) {
  return add(ctx, (note){NOTE_DEL_RANGE, text_of(space), text_of(owner), copy_of(range->from, range->fromlen),
                         copy_of(range->to, range->tolen), range->fromlen, range->tolen});
}

static int erase(void *ctx, const char *owner) {
  return add(ctx, (note){NOTE_ERASE, NULL, text_of(owner), NULL, NULL, 0, 0});
}

static int get(void *ctx, imp_op *op, const char *space, const char *owner, const void *key, size_t keylen) {
  return imp_memory_store_vtable()->get(((crash_store *)ctx)->live, op, space, owner, key, keylen);
}

static int scan(void *ctx, imp_op *op, const char *space, const char *owner, const imp_store_range *range) {
  return imp_memory_store_vtable()->scan(((crash_store *)ctx)->live, op, space, owner, range);
}

static int scan_all(void *ctx, imp_op *op, const char *space, uint32_t limit) {
  return imp_memory_store_vtable()->scan_all(((crash_store *)ctx)->live, op, space, limit);
}

static int replay(crash_store *cs) {
  int rv;
  imp_memory_store_del(cs->live);
  cs->live = NULL;
  rv = imp_memory_store_new(&cs->live);
  for (size_t i = 0; rv == IMP_OK && i < cs->count; i++) {
    rv = apply(cs->live, &cs->notes[i]);
  }
  return rv;
}

/* A fresh memory store with all that was noted. An allocation that fails, fails once. */
static void rebuild(crash_store *cs) {
  if (replay(cs) < 0) {
    (void)replay(cs);
  }
}

/* Takes notes [from, to) out. */
static void drop(crash_store *cs, size_t from, size_t to) {
  for (size_t i = from; i < to; i++) {
    forget(&cs->notes[i]);
  }
  if (to < cs->count) {
    memmove(cs->notes + from, cs->notes + to, (cs->count - to) * sizeof(*cs->notes));
  }
  cs->count -= to - from;
}

static int flush(void *ctx, imp_op *op) {
  crash_store *cs = ctx;
  if (cs->dead) {
    cs->waiting = op;
    return IMP_ERR_PENDING;
  }
  cs->flushing = cs->count;
  if (cs->mode == CRASH_FLUSH_FAILS) {
    return IMP_ERR_UNAVAILABLE;
  }
  cs->waiting = op;
  if (cs->mode == CRASH_FLUSH_LATER) {
    return IMP_ERR_PENDING;
  }
  crash_store_commit(cs);
  return IMP_OK;
}

void crash_store_commit(crash_store *cs) {
  imp_op *op = cs->waiting;
  if (op != NULL) {
    int fails = cs->mode == CRASH_FLUSH_FAILS;
    cs->waiting = NULL;
    cs->committed = fails ? cs->committed : cs->flushing;
    imp_op_done(op, fails ? IMP_ERR_UNAVAILABLE : IMP_OK);
  }
}

void crash_store_crash(crash_store *cs) {
  cs->dead = 1;
  drop(cs, cs->committed, cs->count);
}

void crash_store_revive(crash_store *cs) {
  cs->dead = 0;
  if (cs->waiting != NULL) { /* the node that waits is gone: only its op's memory is left */
    imp_op_done(cs->waiting, IMP_ERR_CLOSED);
    cs->waiting = NULL;
  }
  cs->mode = CRASH_FLUSH_AT_ONCE;
  rebuild(cs);
}

void crash_store_mode(crash_store *cs, crash_flush mode) { cs->mode = mode; }

crash_store *crash_store_new(void) {
  crash_store *cs = calloc(1, sizeof(*cs));
  if (cs != NULL) {
    rebuild(cs);
  }
  return cs;
}

void crash_store_del(crash_store *cs) {
  if (cs != NULL) {
    drop(cs, 0, cs->count);
    imp_memory_store_del(cs->live);
    free(cs->notes);
    free(cs);
  }
}

const imp_store *crash_store_vtable(void) {
  static const imp_store vt = {.size = sizeof(vt), .name = "crash", .durable = 1, .get = get, .scan = scan,
                               .scan_all = scan_all, .put = put, .del = del, .del_range = del_range, .erase = erase,
                               .flush = flush};
  return &vt;
}
