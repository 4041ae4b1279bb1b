/*
 * imp/sys/op.h: for those who call an adapter without a node: ops of one's own.
 *
 *   imp_ops *ops;
 *   imp_ops_new(&ops);
 *   op = imp_ops_add(ops, on_done, NULL);
 *   imp_ops_started(op, store->get(ctx, op, "account", "", "alice", 5));
 *   …                          // wait until the adapter has finished it, if it does so later
 *   imp_ops_run(ops);          // calls on_done(op, status, NULL), which reads the rows
 *
 * One thread; ops have no deadline.
 */
#ifndef IMP_SYS_OP_H
#define IMP_SYS_OP_H

#include <imp/op.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A queue of ops: those under way, and those that are done and whose function has not run. */
typedef struct imp_ops imp_ops;

/** Called once for each op, by imp_ops_run(). `op` is valid during the call. */
typedef void (*imp_ops_fn)(imp_op *op, int status, void *user_data);

IMP_EXTERN int imp_ops_new(imp_ops **ops);
/** Ops under way are forgotten: their functions never run, and the adapter's late imp_op_done() is safe. NULL is
 * allowed. */
IMP_EXTERN void imp_ops_del(imp_ops *ops);
/** A new op, NULL when out of memory. Give it to an adapter, then what the adapter returned to imp_ops_started(). */
IMP_EXTERN imp_op *imp_ops_add(imp_ops *ops, imp_ops_fn fn, void *user_data);
IMP_EXTERN void imp_ops_started(imp_op *op, int result);
/** Runs the functions of all ops that are done; returns how many. */
IMP_EXTERN size_t imp_ops_run(imp_ops *ops);
/** Ops that the adapter has not finished. */
IMP_EXTERN size_t imp_ops_pending(const imp_ops *ops);

/** The result, inside the function: rows as imp_op_add_row() added them. `value` ends with a NUL that *valuelen does
 * not count. */
IMP_EXTERN size_t imp_ops_rows(const imp_op *op);
IMP_EXTERN int imp_ops_row(const imp_op *op, size_t i, const void **key, size_t *keylen, const void **value,
                           size_t *valuelen);

#ifdef __cplusplus
}
#endif

#endif /* IMP_SYS_OP_H */
