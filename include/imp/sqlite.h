/*
 * imp/sqlite.h: a durable store in one file.  Library imp-sqlite.
 *
 * WAL, one writer thread of its own; a flush is one transaction and one fsync.  The schema (README of the adapter) is meant to be read with plain SQL.
 */
#ifndef IMP_SQLITE_H
#define IMP_SQLITE_H

#include <imp/sys/store.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct imp_sqlite imp_sqlite;

/** How completions come back to the node's thread: `post` may be called from the store's thread, and runs fn(arg) on the node's thread. */
typedef struct imp_sqlite_options {
  size_t size;
  int (*post)(void (*fn)(void *arg), void *arg, void *ctx); /**< NULL: no thread; everything is done at once on the caller's */
  void *post_ctx;
} imp_sqlite_options;

/** Opens or creates. On error `text` says what and where. */
IMP_EXTERN int imp_sqlite_new(imp_sqlite **store, const char *path, const imp_sqlite_options *options, char *text, size_t textlen);
IMP_EXTERN const imp_store *imp_sqlite_vtable(void);
/** Finishes what is under way, closes. After the node that uses it. NULL is allowed. */
IMP_EXTERN void imp_sqlite_del(imp_sqlite *store);

#ifdef __cplusplus
}
#endif

#endif /* IMP_SQLITE_H */
