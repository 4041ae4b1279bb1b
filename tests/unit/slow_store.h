/*
 * Puts another store behind a thread that is slow: what is read comes when the test says so. Writes and flushes are the
 * other store's own matter.
 */
#ifndef IMP_UNIT_SLOW_STORE_H
#define IMP_UNIT_SLOW_STORE_H

#include <imp/imp.h>

typedef struct slow_store slow_store;

slow_store *slow_store_new(const imp_store *inner, void *ctx);
/* What was asked for is done with IMP_ERR_CLOSED: the node must be gone, or expect it. NULL is allowed. */
void slow_store_del(slow_store *s);
/* Its ctx is the slow_store. */
const imp_store *slow_store_vtable(const slow_store *s);
/* Answers all that was asked up to now; returns how much that was. */
size_t slow_store_answer(slow_store *s);

#endif
