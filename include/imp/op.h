/*
 * imp/op.h: work that the host does, perhaps slowly.
 *
 * Storage, authentication, dialling, DNS, HTTP and phones all take an `imp_op *` as an argument.  The callback either
 *   - finishes it at once: fills in the result, calls imp_op_done() and returns IMP_OK, or
 *   - returns IMP_ERR_PENDING, keeps the pointer, and calls imp_op_done() later, exactly once, or
 *   - returns another error, which finishes the op with that error (imp_op_done() is then not called).
 *
 * An op lives until it is done, also when the library has lost interest in it (its deadline passed, the client went
 * away): a late answer is safe and ignored.  So every op that was kept must be done some time, or it is a leak.
 * imp_op_done() never runs the library's continuation at once: completions run at the end of the turn
 * (imp_node_turn()), in the order in which they were done.  Only the node's thread may fill in or complete an op.
 */
#ifndef IMP_OP_H
#define IMP_OP_H

#include <imp/core.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct imp_op imp_op;

/**
 * Adds a row to the result: `key` and `value` are copied.
 * Returns IMP_ERR_NOMEM (the op then ends with that error whatever imp_op_done() says), or IMP_OK, also when nobody
 * waits for the op any more.
 */
IMP_EXTERN int imp_op_add_row(imp_op *op, const void *key, size_t keylen, const void *value, size_t valuelen);

/** Secrets by which the library checks who a user is. See imp_op_set_credential(). */
typedef struct imp_credential {
  size_t size;
  /** The password in the clear, or NULL if only keys are kept. */
  const char *password;
  /** SCRAM keys (RFC 5802 §3), hash "SHA-1", "SHA-256" or "SHA-512"; NULL if there are none. */
  const char *hash;
  uint32_t iterations; /**< 4096 … 10,000,000 */
  const void *salt;
  size_t saltlen; /**< 8 … 64 bytes */
  const void *stored_key;
  const void *server_key; /**< both as long as the hash */
} imp_credential;

/**
 * Sets the result of a credential request; everything is copied (and wiped when the op ends).  May be called once for
 * every hash that the host has keys for.  For an unknown user set nothing and finish with IMP_ERR_DENIED.
 */
IMP_EXTERN int imp_op_set_credential(imp_op *op, const imp_credential *credential);

/**
 * Finishes an op.  `status` is IMP_OK or the error that says why there is no result.
 * After this call the pointer is dead for the host.
 */
IMP_EXTERN void imp_op_done(imp_op *op, int status);

/** Non-zero if nobody waits any more: the host may cut its work short, and must still call imp_op_done(). */
IMP_EXTERN int imp_op_is_cancelled(const imp_op *op);

/** The time by which the library wants the answer; afterwards it goes on with IMP_ERR_TIMEOUT. */
IMP_EXTERN imp_tstamp imp_op_deadline(const imp_op *op);

/** A place for the host's own pointer, NULL at first. */
IMP_EXTERN void imp_op_set_user_data(imp_op *op, void *user_data);
IMP_EXTERN void *imp_op_get_user_data(const imp_op *op);

#ifdef __cplusplus
}
#endif

#endif /* IMP_OP_H */
