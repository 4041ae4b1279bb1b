#include "adapters/sqlite/store.h"

#include <stdio.h>
#include <string.h>

#include <imp/sys/mem.h>

#define MAX_PENDING ((size_t)256 * 1024 * 1024)
#define MIN_PENDING ((size_t)1024 * 1024)

static int note_write(void *ctx, const imp_note_args *args) {
  imp_sqlite *store = ctx;
  int status = imp_note_add(&store->log, args);
  if (status == IMP_OK) {
    store->dirty = 1;
    store->noted++;
  }
  return status;
}

static void hand_over(imp_sqlite *store, int is_flush) {
  imp_note_block *last = store->log.last, *blocks = imp_note_log_take(&store->log);
  if (!store->threaded) {
    imp_sqlite_carry_out(store, blocks, is_flush != 0);
    imp_sqlite_run_mail(store);
    return;
  }
  pthread_mutex_lock(&store->lock);
  int asleep = store->queue == NULL;
  *(store->queue_last != NULL ? &store->queue_last->next : &store->queue) = blocks;
  store->queue_last = last;
  store->queue_flushes += is_flush != 0;
  if (asleep) {
    pthread_cond_signal(&store->wake);
  }
  pthread_mutex_unlock(&store->lock);
}

static int note_op(imp_sqlite *store, const imp_note_args *args) {
  int status = imp_note_add(&store->log, args);
  if (status != IMP_OK) {
    return status;
  }
  int threaded = store->threaded;
  hand_over(store, args->kind == NOTE_FLUSH);
  return threaded ? IMP_ERR_PENDING : IMP_OK;
}

static int do_get(void *ctx, imp_op *op, const char *space, const char *owner, const void *key, size_t keylen) {
  imp_note_args args = {.kind = NOTE_GET, .space = space, .owner = owner, .key = key, .keylen = keylen, .op = op};
  return note_op(ctx, &args);
}

static void set_range(imp_note_args *args, const imp_store_range *range) {
  imp_store_range all = {.size = sizeof all};
  if (range != NULL) {
    memcpy(&all, range, range->size < sizeof all ? range->size : sizeof all);
  }
  if (all.from != NULL) {
    args->key = all.from;
    args->keylen = all.fromlen;
    args->flags |= NOTE_HAS_FROM;
  }
  if (all.to != NULL) {
    args->value = all.to;
    args->valuelen = all.tolen;
    args->flags |= NOTE_HAS_TO;
  }
  args->limit = all.limit;
  args->flags |= all.reverse ? NOTE_REVERSE : 0u;
}

static int do_scan(void *ctx, imp_op *op, const char *space, const char *owner, const imp_store_range *range) {
  imp_note_args args = {.kind = NOTE_SCAN, .space = space, .owner = owner, .op = op};
  set_range(&args, range);
  return note_op(ctx, &args);
}

static int do_scan_all(void *ctx, imp_op *op, const char *space, uint32_t limit) {
  imp_note_args args = {.kind = NOTE_SCAN_ALL, .space = space, .owner = "", .limit = limit, .op = op};
  return note_op(ctx, &args);
}

static int do_put(void *ctx, const char *space, const char *owner, const void *key, size_t keylen, const void *value,
                  size_t valuelen) {
  imp_note_args args = {.kind = NOTE_PUT,
                        .space = space,
                        .owner = owner,
                        .key = key,
                        .keylen = keylen,
                        .value = value,
                        .valuelen = valuelen};
  return note_write(ctx, &args);
}

static int do_del(void *ctx, const char *space, const char *owner, const void *key, size_t keylen) {
  imp_note_args args = {.kind = NOTE_DEL, .space = space, .owner = owner, .key = key, .keylen = keylen};
  return note_write(ctx, &args);
}

static int do_del_range(void *ctx, const char *space, const char *owner, const imp_store_range *range) {
  imp_note_args args = {.kind = NOTE_DEL_RANGE, .space = space, .owner = owner};
  set_range(&args, range);
  return note_write(ctx, &args);
}

static int do_erase(void *ctx, const char *owner) {
  imp_note_args args = {.kind = NOTE_ERASE, .space = "", .owner = owner};
  return note_write(ctx, &args);
}

static int do_flush(void *ctx, imp_op *op) {
  imp_sqlite *store = ctx;
  imp_note_args args = {.kind = NOTE_FLUSH, .space = "", .owner = "", .op = op};
  if (!store->dirty && store->flushing == 0) {
    imp_op_done(op, IMP_OK);
    return IMP_OK;
  }
  store->flushing++;
  store->dirty = 0; /* it may be done, and have failed, before note_op() returns */
  int status = note_op(store, &args);
  if (status == IMP_OK || status == IMP_ERR_PENDING) {
    store->flushed++;
  } else {
    store->flushing--;
    store->dirty = 1;
  }
  return status;
}

const imp_store *imp_sqlite_vtable(void) {
  static const imp_store vtable = {.size = sizeof vtable,
                                   .name = "sqlite",
                                   .durable = 1,
                                   .get = do_get,
                                   .scan = do_scan,
                                   .scan_all = do_scan_all,
                                   .put = do_put,
                                   .del = do_del,
                                   .del_range = do_del_range,
                                   .erase = do_erase,
                                   .flush = do_flush};
  return &vtable;
}

static int say(char *text, size_t textlen, int status, const char *what) {
  if (text != NULL && textlen > 0) {
    snprintf(text, textlen, "%s", what);
  }
  return status;
}

static int read_options(imp_sqlite_options *to, const imp_sqlite_options *from) {
  memset(to, 0, sizeof *to);
  if (from != NULL) {
    memcpy(to, from, from->size < sizeof *to ? from->size : sizeof *to);
  }
  if (to->max_pending == 0) {
    to->max_pending = MAX_PENDING;
  }
  return to->max_pending < MIN_PENDING ? IMP_ERR_RANGE : IMP_OK;
}

/* Everything but the database. */
static int set_up(imp_sqlite *store) {
  store->mail = imp_calloc(1, sizeof *store->mail);
  if (store->mail == NULL) {
    return IMP_ERR_NOMEM;
  }
  store->mail->store = store;
  atomic_init(&store->mail->refs, 1);
  store->log.max = store->options.max_pending;
  if (imp_note_log_init(&store->log) != IMP_OK) {
    return IMP_ERR_NOMEM;
  }
  store->has_lock = pthread_mutex_init(&store->lock, NULL) == 0;
  store->has_wake = pthread_cond_init(&store->wake, NULL) == 0;
  return store->has_lock && store->has_wake ? imp_sqlite_start(store) : IMP_ERR_NOMEM;
}

int imp_sqlite_new(imp_sqlite **store, const char *path, const imp_sqlite_options *options, char *text,
                   size_t textlen) {
  imp_sqlite_options wanted;
  if (store == NULL || path == NULL || path[0] == '\0') {
    return say(text, textlen, IMP_ERR_INVALID_ARGUMENT, "sqlite: no path");
  }
  if (read_options(&wanted, options) != IMP_OK) {
    return say(text, textlen, IMP_ERR_RANGE, "sqlite max_pending: must be 1048576 at least");
  }
  imp_sqlite *made = imp_calloc(1, sizeof *made);
  if (made == NULL) {
    return say(text, textlen, IMP_ERR_NOMEM, "sqlite: out of memory");
  }
  made->options = wanted;
  int status = imp_db_open(&made->db, path);
  if (status != IMP_OK) {
    say(text, textlen, status, made->db.text);
    imp_free(made);
    return status;
  }
  status = set_up(made);
  if (status != IMP_OK) {
    imp_sqlite_del(made);
    return say(text, textlen, status, "sqlite: no thread or memory for the store");
  }
  *store = made;
  return IMP_OK;
}

const char *imp_sqlite_last_error(const imp_sqlite *store) { return store->text; }

void imp_sqlite_get_stats(imp_sqlite *store, imp_sqlite_stats *stats, size_t size) {
  imp_sqlite_stats all = {.size = size, .noted = store->noted, .flushes = store->flushed};
  pthread_mutex_lock(&store->lock);
  all.applied = store->applied;
  all.commits = store->commits;
  all.failures = store->failures;
  pthread_mutex_unlock(&store->lock);
  memcpy(stats, &all, size < sizeof all ? size : sizeof all);
}

void imp_sqlite_del(imp_sqlite *store) {
  if (store == NULL) {
    return;
  }
  imp_sqlite_stop(store);
  if (store->has_lock) {
    imp_sqlite_run_mail(store);
    pthread_mutex_destroy(&store->lock);
  }
  if (store->has_wake) {
    pthread_cond_destroy(&store->wake);
  }
  if (store->mail != NULL) {
    store->mail->store = NULL;
    if (atomic_fetch_sub(&store->mail->refs, 1) == 1) {
      imp_free(store->mail);
    }
  }
  imp_note_log_recycle(&store->log, store->kept);
  imp_note_log_reset(&store->log);
  imp_db_close(&store->db);
  imp_free(store);
}
