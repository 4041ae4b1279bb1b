/*
 * imp/store.h: the in-memory store. Other stores are adapters (imp/sqlite.h); to write one see imp/sys/store.h.
 */
#ifndef IMP_STORE_H
#define IMP_STORE_H

#include <imp/sys/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Keeps everything in memory, loses it with the process. Finishes every op at once. */
typedef struct imp_memory_store imp_memory_store;

IMP_EXTERN int imp_memory_store_new(imp_memory_store **store);
/** For imp_node_set_store(node, imp_memory_store_vtable(), store). Static. */
IMP_EXTERN const imp_store *imp_memory_store_vtable(void);
/** After the node that uses it. NULL is allowed. */
IMP_EXTERN void imp_memory_store_del(imp_memory_store *store);

#ifdef __cplusplus
}
#endif

#endif /* IMP_STORE_H */
