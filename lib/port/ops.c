#include <imp/sys/op.h>

#include "core/mem.h"
#include "port/op.h"

struct imp_ops {
  imp_op_queue queue;
  imp_heap timers;
};

int imp_ops_new(imp_ops **ops) {
  imp_ops *made = imp_calloc(1, sizeof *made);
  if (made == NULL) {
    return IMP_ERR_NOMEM;
  }
  imp_heap_init(&made->timers);
  imp_op_queue_init(&made->queue, &made->timers, NULL, NULL);
  *ops = made;
  return IMP_OK;
}

void imp_ops_del(imp_ops *ops) {
  if (ops != NULL) {
    imp_op_queue_close(&ops->queue);
    imp_heap_reset(&ops->timers);
    imp_free(ops);
  }
}

imp_op *imp_ops_add(imp_ops *ops, imp_ops_fn fn, void *user_data) {
  return imp_op_new(&ops->queue, fn, user_data, IMP_TSTAMP_NEVER);
}

void imp_ops_started(imp_op *op, int result) { imp_op_started(op, result); }

size_t imp_ops_run(imp_ops *ops) { return imp_op_queue_run(&ops->queue); }

size_t imp_ops_pending(const imp_ops *ops) { return ops->queue.pending; }

size_t imp_ops_rows(const imp_op *op) { return imp_op_row_count(op); }

int imp_ops_row(const imp_op *op, size_t i, const void **key, size_t *keylen, const void **value, size_t *valuelen) {
  if (i >= imp_op_row_count(op)) {
    return IMP_ERR_NOT_FOUND;
  }
  const imp_op_row *row = imp_op_row_at(op, i);
  *key = row->key;
  *keylen = row->keylen;
  *value = row->value;
  *valuelen = row->valuelen;
  return IMP_OK;
}
