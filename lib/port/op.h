/*
 * Ops inside: made by a room, handed to the host, completed at the end of the turn.
 *
 *   op = imp_op_new(queue, continuation, ctx, deadline);
 *   imp_op_started(op, host->callback(host, op, ...));
 *
 * The room that waits owns nothing but the pointer: it may imp_op_cancel() (then its continuation never runs), and
 * forgets the pointer in its continuation.  The queue owns all ops until they are done and run.  An op whose deadline
 * passes while the host is busy runs its continuation with IMP_ERR_TIMEOUT and lives on until the host is done.
 */
#ifndef IMP_PORT_OP_H
#define IMP_PORT_OP_H

#include <imp/op.h>

#include "core/heap.h"
#include "core/list.h"

typedef struct imp_op_row {
  const void *key;
  size_t keylen;
  const void *value; /* followed by a NUL that valuelen does not count */
  size_t valuelen;
} imp_op_row;

/* Runs once, at the end of a turn, unless the op was cancelled. status: as in imp_op_done(), or IMP_ERR_TIMEOUT. */
typedef void (*imp_op_fn)(imp_op *op, int status, void *ctx);

typedef struct imp_op_queue {
  imp_heap *timers;  /* deadlines go into the node's heap */
  imp_list open;     /* with the host, not finished */
  imp_list done;     /* finished in this turn, continuation still to run */
  size_t pending;    /* how many are with the host, those that nobody waits for included */
  int running;       /* inside imp_op_queue_run() */
  void (*wake)(void *ctx); /* called when `done` becomes non-empty, so that the host runs a turn; may be NULL */
  void *wake_ctx;
} imp_op_queue;

void imp_op_queue_init(imp_op_queue *queue, imp_heap *timers, void (*wake)(void *ctx), void *wake_ctx);

/* A new op; imp_op_started() must follow. The deadline may be IMP_TSTAMP_NEVER. NULL when out of memory. */
imp_op *imp_op_new(imp_op_queue *queue, imp_op_fn fn, void *ctx, imp_tstamp deadline);
/* Deals with what a host callback returned for this op: IMP_OK, IMP_ERR_PENDING or an error (see imp/op.h).
   IMP_OK from a callback that did not call imp_op_done() counts as IMP_ERR_PENDING. */
void imp_op_started(imp_op *op, int callback_result);
/* The continuation will not run. The op is freed when the host is done with it. NULL is allowed. */
void imp_op_cancel(imp_op *op);
/* Non-zero until the host has finished it: only then may the host be told to stop. */
int imp_op_is_with_host(const imp_op *op);
/* Runs the continuations of all that are done, those that become done meanwhile too. Returns how many ran. */
size_t imp_op_queue_run(imp_op_queue *queue);
/* At the end of the node: cancels everything; late imp_op_done() calls stay safe, and touch the queue no more. */
void imp_op_queue_close(imp_op_queue *queue);

/* The result, inside the continuation. */
size_t imp_op_row_count(const imp_op *op);
const imp_op_row *imp_op_row_at(const imp_op *op, size_t i);
/* The credential for a hash ("SHA-256"; NULL: any), or one with a clear password when hash keys are absent; NULL if
   none. */
const imp_credential *imp_op_credential(const imp_op *op, const char *hash);

#endif
