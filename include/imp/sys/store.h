/*
 * imp/sys/store.h: for those who write a storage adapter.
 *
 * A store keeps ordered items.  An item has a `space` (what kind of thing: "account", "offline", "sm.session", …), an
 * `owner` (a bare JID, or "" for what belongs to the node itself), a `key` (bytes, compared with memcmp, shorter
 * first when one is a prefix of the other) and a `value` (bytes).  (space, owner, key) is unique.
 *
 * Writes (put, del, del_range, erase) are noted in the order they come and never fail by themselves.  flush() commits
 * everything noted before it as one transaction: all of it is durable when its op is done with IMP_OK.  If it is done
 * with an error, none of it is, and all of it stays noted: the next flush tries it again, with what came meanwhile.  So
 * a disk that was full for a while leaves no gap.  Many writes, one flush: one fsync for a whole turn.
 * Reads (get, scan) see every write noted before them, flushed or not; while flushes fail, they may fail too.
 *
 * A store does its slow work off the node's thread, and finishes ops on the node's thread.
 * `imp/testkit.h` has a conformance test that runs against any implementation.
 */
#ifndef IMP_SYS_STORE_H
#define IMP_SYS_STORE_H

#include <imp/op.h>

#ifdef __cplusplus
extern "C" {
#endif

#define IMP_STORE_SPACE_MAX 32   /**< bytes in a space's name */
#define IMP_STORE_OWNER_MAX 2047 /**< bytes in an owner */
#define IMP_STORE_KEY_MAX 3072   /**< bytes in a key */

/** Which items a scan, a range deletion is about. Bounds are inclusive; NULL means open. */
typedef struct imp_store_range {
  size_t size;
  const void *from;
  size_t fromlen;
  const void *to;
  size_t tolen;
  /** At most so many rows, 0: as many as there are. Ignored by del_range. */
  uint32_t limit;
  /** Non-zero: from the greatest key down. Ignored by del_range. */
  uint32_t reverse;
} imp_store_range;

/** A storage adapter. `ctx` is the pointer given beside the vtable. All members are required. */
typedef struct imp_store {
  size_t size;
  /** A name for logs: "memory", "sqlite". */
  const char *name;
  /** Non-zero if what was flushed survives the process (then durable sessions are possible). */
  uint32_t durable;

  /** One row (key, value), or done with IMP_ERR_NOT_FOUND. */
  int (*get)(void *ctx, imp_op *op, const char *space, const char *owner, const void *key, size_t keylen);
  /** The rows in the range, in the order of keys. None is no error. */
  int (*scan)(void *ctx, imp_op *op, const char *space, const char *owner, const imp_store_range *range);
  /** All rows of a space whatever their owner, ordered by owner, then key. A row's key is: owner, NUL, key. */
  int (*scan_all)(void *ctx, imp_op *op, const char *space, uint32_t limit);

  /**
   * Inserts or replaces. Everything is copied. Returns IMP_OK, IMP_ERR_NOMEM, or IMP_ERR_TOO_BIG for a name or key past the bounds
   * above (then nothing was noted), as the three after it.
   */
  int (*put)(void *ctx, const char *space, const char *owner, const void *key, size_t keylen, const void *value,
             size_t valuelen);
  /** Removes one item; none is no error. */
  int (*del)(void *ctx, const char *space, const char *owner, const void *key, size_t keylen);
  /** Removes the items in a range. */
  int (*del_range)(void *ctx, const char *space, const char *owner, const imp_store_range *range);
  /** Removes everything that an owner has, in every space. */
  int (*erase)(void *ctx, const char *owner);

  /**
   * Commits what was noted so far and is not durable yet. Done when it is. With nothing to commit it is done at once.
   * After an error the node asks again about a second later, whether or not anything was noted meanwhile.
   */
  int (*flush)(void *ctx, imp_op *op);
} imp_store;

#ifdef __cplusplus
}
#endif

#endif /* IMP_SYS_STORE_H */
