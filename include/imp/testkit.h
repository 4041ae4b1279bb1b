/*
 * imp/testkit.h: tests that a host can run on what it wrote for the library.
 */
#ifndef IMP_TESTKIT_H
#define IMP_TESTKIT_H

#include <imp/sys/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A store to be tested. It must be empty at the beginning, and holds test data at the end. */
typedef struct imp_testkit_store {
  size_t size;
  const imp_store *vtable;
  void *ctx;
  /**
   * Called while an op is unfinished: runs the host's loop until something may have happened (a millisecond or so).
   * NULL for a store that finishes every op at once.
   */
  void (*run)(void *user_data);
  /**
   * Closes the store without a flush, as if the process had ended, and opens it again: returns the new ctx, NULL on
   * failure.  NULL for a store that is not durable.
   */
  void *(*reopen)(void *user_data, void *ctx);
  void *user_data;
  /**
   * Makes every flush fail from now on as if the disk were full (`failing` is 1), or no more (0). NULL: that is not
   * tested.
   */
  void (*set_failing)(void *user_data, void *ctx, int failing);
} imp_testkit_store;

/**
 * Checks that a store does what imp/sys/store.h says: order of keys, ranges in both directions, limits, empty and
 * binary keys and values, replacement, deletion, erasure of an owner, that reads see what was written before them,
 * that ops under way together keep their order, that flushed data survives and what was noted later does not, that what
 * a failed flush left is in the next, and some thousand random steps compared with the in-memory store.
 *
 * `text` (`textcap` bytes, 200 are plenty) receives what was wrong, "" if nothing.
 * Returns IMP_OK, IMP_ERR_CORRUPT if the store is wrong, another error if the test itself could not go on.
 */
IMP_EXTERN int imp_testkit_store_check(const imp_testkit_store *kit, char *text, size_t textcap);

#ifdef __cplusplus
}
#endif

#endif /* IMP_TESTKIT_H */
