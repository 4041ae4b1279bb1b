/*
 * imp/sqlite.h: a durable store in one file.  Library imp-sqlite.
 *
 * WAL, one writer thread of its own; a flush is one transaction and one fsync.  The schema (README of the adapter) is
 * meant to be read with plain SQL.
 */
#ifndef IMP_SQLITE_H
#define IMP_SQLITE_H

#include <imp/sys/store.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct imp_sqlite imp_sqlite;

/** Options. All zero but `size` is a store without a thread. */
typedef struct imp_sqlite_options {
  size_t size;
  /**
   * How completions come back: called from the store's thread, runs fn(arg) on the node's thread, later
   * (imp_uv_poster() of imp/uv.h does). Returns 0; anything else: not posted, the store tries again. NULL: no thread,
   * everything is done at once on the caller's.
   */
  int (*post)(void (*fn)(void *arg), void *arg, void *ctx);
  void *post_ctx;
  /** Bytes of writes that may wait for a slow disk, or for one that has no room; beyond it put and its kin return
   * IMP_ERR_NOMEM. Default 256 MiB; 1 MiB and up. */
  size_t max_pending;
} imp_sqlite_options;

/**
 * Opens the file at `path`, or creates it.  One process at a time: `path`.lock is held while the store is open.
 * `options` NULL: defaults. Returns IMP_ERR_CONFLICT (somebody else holds it), IMP_ERR_CORRUPT (damaged, or no file of
 * ours), IMP_ERR_UNAVAILABLE (the file cannot be opened), IMP_ERR_INVALID_ARGUMENT, IMP_ERR_RANGE or IMP_ERR_NOMEM;
 * `text` (may be NULL) says what and where.
 */
IMP_EXTERN int imp_sqlite_new(imp_sqlite **store, const char *path, const imp_sqlite_options *options, char *text,
                              size_t textlen);
/** For imp_node_set_store(node, imp_sqlite_vtable(), store). Static. */
IMP_EXTERN const imp_store *imp_sqlite_vtable(void);
/** Why the last op ended with an error, with the path; "" if none did. Valid until the next call on the store. */
IMP_EXTERN const char *imp_sqlite_last_error(const imp_sqlite *store);

typedef struct imp_sqlite_stats {
  size_t size;
  uint64_t noted;    /**< writes noted */
  uint64_t applied;  /**< writes that reached the database: fewer, since one replaced or removed before its commit never
                        does */
  uint64_t flushes;  /**< asked for */
  uint64_t commits;  /**< transactions, each with one fsync: fewer, since those that wait share one */
  uint64_t failures; /**< commits that failed */
} imp_sqlite_stats;
IMP_EXTERN void imp_sqlite_get_stats(imp_sqlite *store, imp_sqlite_stats *stats, size_t size);

/**
 * Finishes what is under way (ops are done before it returns), drops what was noted and never flushed, closes.  After
 * the node that uses the store, before what `post` posts to. NULL is allowed.
 */
IMP_EXTERN void imp_sqlite_del(imp_sqlite *store);

#ifdef __cplusplus
}
#endif

#endif /* IMP_SQLITE_H */
