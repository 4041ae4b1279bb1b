/*
 * imp/testkit.h: tests that a host runs on what it has written for libimp.  Library imp-testkit.
 *
 * The conformance test of stores holds an implementation of imp/sys/store.h to its contract: the order of keys, ranges, limits,
 * owners, deletion, that reads see earlier writes, that a flush is one transaction, that ops are done exactly once and on the
 * caller's thread, and, if it says that it is durable, that what was flushed is there after it was opened again.
 *
 *   static int open_it(void *user_data, int fresh, const imp_store **store, void **ctx);
 *   static void close_it(void *ctx, void *user_data);
 *   imp_testkit_store_host host = {sizeof host, open_it, close_it, run_loop_once, report};
 *   return imp_testkit_store(&host, NULL) == 0 ? 0 : 1;
 */
#ifndef IMP_TESTKIT_H
#define IMP_TESTKIT_H

#include <imp/sys/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What the host does for the test. `user_data` is what imp_testkit_store() was given. */
typedef struct imp_testkit_store_host {
  size_t size;
  /** Opens the store; `fresh` non-zero: with nothing in it, else as the last close left it. Returns IMP_OK, or an error, which ends the test. */
  int (*open)(void *user_data, int fresh, const imp_store **store, void **ctx);
  /** Closes it. At most one is open at a time. */
  void (*close)(void *ctx, void *user_data);
  /** Lets late ops finish: runs the host's loop once, and may wait some milliseconds. NULL: the store finishes every op at once. */
  void (*run)(void *user_data);
  /** Told of every check by its name; `text` says what was found instead, NULL if it passed. May be NULL. */
  void (*report)(const char *check, const char *text, void *user_data);
} imp_testkit_store_host;

/**
 * Runs every check, each on a fresh store.  Returns how many failed (0: the store keeps its contract), or a negative imp_error if the
 * test itself could not go on (the store could not be opened, an op was not done within 10,000 calls of `run`).
 */
IMP_EXTERN int imp_testkit_store(const imp_testkit_store_host *host, void *user_data);

#ifdef __cplusplus
}
#endif

#endif /* IMP_TESTKIT_H */
