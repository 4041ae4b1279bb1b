/*
 * Notes: writes, reads and flushes in the order in which they were asked for, packed into blocks of memory.  No note
 * has an allocation of its own; blocks are used again.
 */
#ifndef IMP_SQLITE_NOTES_H
#define IMP_SQLITE_NOTES_H

#include <imp/sys/store.h>

typedef enum imp_note_kind {
  NOTE_PUT,
  NOTE_DEL,
  NOTE_DEL_RANGE,
  NOTE_ERASE,
  NOTE_GET,
  NOTE_SCAN,
  NOTE_SCAN_ALL,
  NOTE_FLUSH
} imp_note_kind;

#define NOTE_HAS_FROM 1u
#define NOTE_HAS_TO 2u
#define NOTE_REVERSE 4u

/* Rows that were read, waiting to be given to their op. */
typedef struct imp_rows {
  uint8_t *mem;
  size_t used, cap;
} imp_rows;

typedef struct imp_note imp_note;

/* Followed by space, NUL, owner, NUL, key and value; for ranges the bounds are in the place of key and value. */
struct imp_note {
  imp_note *next; /* among those that are done */
  imp_op *op;     /* of reads and flushes */
  imp_rows rows;
  uint32_t size; /* with all that follows, aligned */
  uint32_t hash; /* of space, owner and key */
  uint32_t limit;
  uint32_t valuelen;
  int32_t status;
  uint16_t ownerlen, keylen;
  uint8_t spacelen, kind, flags;
  uint8_t dead; /* replaced by a later note: never reaches the database */
};

typedef struct imp_note_block {
  struct imp_note_block *next;
  size_t used, cap;
} imp_note_block;

/* Blocks being filled, and empty ones kept for use. */
typedef struct imp_note_log {
  imp_note_block *first, *last, *pool;
  imp_note_block *reserve; /* so that a flush can be noted when memory is gone */
  size_t pooled;           /* blocks in the pool */
  size_t held;             /* bytes of all blocks that are not in the pool, wherever they are */
  size_t max;              /* of held, for writes */
} imp_note_log;

/* What a note is made of. */
typedef struct imp_note_args {
  imp_note_kind kind;
  const char *space, *owner;
  const void *key, *value;
  size_t keylen, valuelen;
  uint32_t limit, flags;
  imp_op *op;
} imp_note_args;

/* Sets the reserve aside; the rest of the log is zero. */
int imp_note_log_init(imp_note_log *log);
int imp_note_add(imp_note_log *log, const imp_note_args *args);
/* Takes the filled blocks out. */
imp_note_block *imp_note_log_take(imp_note_log *log);
/* Gives blocks back after use. */
void imp_note_log_recycle(imp_note_log *log, imp_note_block *blocks);
void imp_note_log_reset(imp_note_log *log);

/* The notes of a block: start with NULL; NULL at the end. */
imp_note *imp_note_next(const imp_note_block *block, const imp_note *note);

static inline const char *imp_note_space(const imp_note *note) { return (const char *)(note + 1); }
static inline const char *imp_note_owner(const imp_note *note) { return imp_note_space(note) + note->spacelen + 1; }
static inline const char *imp_note_key(const imp_note *note) { return imp_note_owner(note) + note->ownerlen + 1; }
static inline const char *imp_note_value(const imp_note *note) { return imp_note_key(note) + note->keylen; }
static inline size_t imp_note_idlen(const imp_note *note) {
  return (size_t)note->spacelen + note->ownerlen + note->keylen + 2u;
}

/* Appends a row. IMP_ERR_NOMEM leaves the rows as they are. */
int imp_rows_add(imp_rows *rows, const void *prefix, size_t prefixlen, const void *key, size_t keylen,
                 const void *value, size_t valuelen);
/* Gives all rows to the op and frees them. */
int imp_rows_give(imp_rows *rows, imp_op *op);

#endif
