#include "port/op.h"

#include <string.h>

#include "core/arena.h"
#include "core/mem.h"
#include "port/credential.h"
#include "port/http.h"

struct imp_op {
  imp_list link; /* in queue->open or queue->done */
  imp_timer timer;
  imp_op_queue *queue; /* NULL once the queue was closed */
  imp_op_fn fn;
  void *ctx;
  void *user_data;
  imp_tstamp deadline;
  int status;
  unsigned starting : 1;  /* the host's callback has not returned yet */
  unsigned with_host : 1; /* imp_op_done() is still to come */
  unsigned queued : 1;    /* in queue->done */
  unsigned running : 1;   /* inside its continuation */
  unsigned abandoned : 1; /* nobody waits */
  unsigned broken : 1;    /* part of the result was lost */
  imp_op_cred *creds;
  imp_http_response *http; /* NULL: it is no request */
  imp_arena arena;
  imp_op_row *rows; /* `first` while one is enough */
  size_t nrows, rowcap;
  imp_op_row first;
};

void imp_op_queue_init(imp_op_queue *queue, imp_heap *timers, void (*wake)(void *ctx), void *wake_ctx) {
  memset(queue, 0, sizeof *queue);
  queue->timers = timers;
  imp_list_init(&queue->open);
  imp_list_init(&queue->done);
  queue->wake = wake;
  queue->wake_ctx = wake_ctx;
}

static void release_result(imp_op *op) {
  imp_op_creds_del(op->creds);
  imp_http_response_del(op->http);
  imp_arena_reset(&op->arena);
  if (op->rows != &op->first) {
    imp_free(op->rows);
  }
  op->creds = NULL;
  op->http = NULL;
  op->rows = &op->first;
  op->nrows = 0;
  op->rowcap = 1;
}

/* Frees the op if nothing holds it any more. */
static void settle(imp_op *op) {
  if (!op->with_host && !op->starting && !op->queued && !op->running) {
    imp_list_remove(&op->link);
    release_result(op);
    imp_free(op);
  }
}

static void enqueue(imp_op *op, int status) {
  imp_op_queue *queue = op->queue;
  int first = imp_list_empty(&queue->done) && !queue->running;
  op->status = status;
  op->queued = 1;
  imp_list_remove(&op->link);
  imp_list_append(&queue->done, &op->link);
  if (first && queue->wake != NULL) {
    queue->wake(queue->wake_ctx);
  }
}

static void stop_timer(imp_op *op) {
  if (op->queue != NULL && op->queue->timers != NULL) {
    imp_heap_remove(op->queue->timers, &op->timer);
  }
}

static void on_deadline(imp_timer *timer, imp_tstamp ts) {
  imp_op *op = IMP_CONTAINER_OF(timer, imp_op, timer);
  (void)ts;
  enqueue(op, IMP_ERR_TIMEOUT);
}

imp_op *imp_op_new(imp_op_queue *queue, imp_op_fn fn, void *ctx, imp_tstamp deadline) {
  imp_op *op = imp_calloc(1, sizeof *op);
  if (op == NULL) {
    return NULL;
  }
  imp_timer_init(&op->timer, on_deadline);
  if (queue->timers != NULL && deadline != IMP_TSTAMP_NEVER &&
      imp_heap_set(queue->timers, &op->timer, deadline) != IMP_OK) {
    imp_free(op);
    return NULL;
  }
  op->queue = queue;
  op->fn = fn;
  op->ctx = ctx;
  op->deadline = deadline;
  op->starting = 1;
  op->with_host = 1;
  imp_arena_init(&op->arena, NULL, 0);
  op->rows = &op->first;
  op->rowcap = 1;
  imp_list_append(&queue->open, &op->link);
  queue->pending++;
  return op;
}

void imp_op_started(imp_op *op, int callback_result) {
  if (callback_result < 0 && callback_result != IMP_ERR_PENDING && op->with_host) {
    imp_op_done(op, callback_result);
  }
  op->starting = 0;
  settle(op);
}

void imp_op_done(imp_op *op, int status) {
  if (!op->with_host) {
    return;
  }
  op->with_host = 0;
  stop_timer(op);
  if (op->queue != NULL) {
    op->queue->pending--;
  }
  if (!op->queued && !op->abandoned && !op->running) { /* running: its deadline passed, and it is being told so */
    enqueue(op, op->broken && status == IMP_OK ? IMP_ERR_NOMEM : status);
  }
  settle(op);
}

void imp_op_cancel(imp_op *op) {
  if (op == NULL || op->running) {
    return;
  }
  op->abandoned = 1;
  stop_timer(op);
  if (op->queued) {
    op->queued = 0;
    imp_list_remove(&op->link);
    imp_list_append(&op->queue->open, &op->link);
  }
  settle(op);
}

static void run_one(imp_op *op) {
  op->queued = 0;
  op->running = 1;
  imp_list_append(&op->queue->open, &op->link);
  op->fn(op, op->status, op->ctx);
  op->running = 0;
  op->abandoned = 1;
  if (op->with_host) { /* its deadline passed: what it brought so far is of no use */
    release_result(op);
  }
  settle(op);
}

size_t imp_op_queue_run(imp_op_queue *queue) {
  size_t ran = 0;
  queue->running = 1;
  for (imp_list *link; (link = imp_list_pop(&queue->done)) != NULL; ran++) {
    run_one(IMP_CONTAINER_OF(link, imp_op, link));
  }
  queue->running = 0;
  return ran;
}

static void close_list(imp_list *list) {
  for (imp_list *link; (link = imp_list_pop(list)) != NULL;) {
    imp_op *op = IMP_CONTAINER_OF(link, imp_op, link);
    stop_timer(op);
    op->queue = NULL;
    op->queued = 0;
    op->abandoned = 1;
    settle(op);
  }
}

void imp_op_queue_close(imp_op_queue *queue) {
  close_list(&queue->done);
  close_list(&queue->open);
  queue->pending = 0;
}

int imp_op_is_cancelled(const imp_op *op) { return op->abandoned || op->queued; }

int imp_op_is_with_host(const imp_op *op) { return op->with_host; }

imp_tstamp imp_op_deadline(const imp_op *op) { return op->deadline; }

void imp_op_set_user_data(imp_op *op, void *user_data) { op->user_data = user_data; }

void *imp_op_get_user_data(const imp_op *op) { return op->user_data; }

static int grow_rows(imp_op *op) {
  size_t cap = op->rowcap * 4;
  imp_op_row *rows = imp_realloc(op->rows == &op->first ? NULL : op->rows, cap * sizeof *rows);
  if (rows == NULL) {
    return IMP_ERR_NOMEM;
  }
  if (op->rows == &op->first) {
    rows[0] = op->first;
  }
  op->rows = rows;
  op->rowcap = cap;
  return IMP_OK;
}

int imp_op_add_row(imp_op *op, const void *key, size_t keylen, const void *value, size_t valuelen) {
  imp_op_row row = {NULL, keylen, NULL, valuelen};
  if (imp_op_is_cancelled(op)) {
    return IMP_OK;
  }
  if ((op->nrows == op->rowcap && grow_rows(op) != IMP_OK) ||
      (row.key = imp_arena_strndup(&op->arena, key, keylen)) == NULL ||
      (row.value = imp_arena_strndup(&op->arena, value, valuelen)) == NULL) {
    op->broken = 1;
    return IMP_ERR_NOMEM;
  }
  op->rows[op->nrows++] = row;
  return IMP_OK;
}

size_t imp_op_row_count(const imp_op *op) { return op->nrows; }

const imp_op_row *imp_op_row_at(const imp_op *op, size_t i) { return i < op->nrows ? &op->rows[i] : NULL; }

int imp_op_set_credential(imp_op *op, const imp_credential *credential) {
  if (imp_op_is_cancelled(op)) {
    return IMP_OK;
  }
  int rv = imp_op_creds_add(&op->creds, credential);
  op->broken |= rv == IMP_ERR_NOMEM;
  return rv;
}

const imp_credential *imp_op_credential(const imp_op *op, const char *hash) {
  return imp_op_creds_find(op->creds, hash);
}

imp_http_response **imp_op_http(const imp_op *op) { return (imp_http_response **)&op->http; }

void imp_op_set_broken(imp_op *op) { op->broken = 1; }
