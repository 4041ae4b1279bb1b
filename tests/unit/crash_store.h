/*
 * A durable store for tests that can crash: it loses what was noted and not yet committed, as a disk would.
 *
 * Reads see every note at once; a flush is done when the test says so.
 */
#ifndef IMP_UNIT_CRASH_STORE_H
#define IMP_UNIT_CRASH_STORE_H

#include <imp/imp.h>

typedef struct crash_store crash_store;

typedef enum crash_flush {
  CRASH_FLUSH_AT_ONCE = 0,
  CRASH_FLUSH_LATER, /* when crash_store_commit() is called */
  CRASH_FLUSH_FAILS  /* at once, with IMP_ERR_UNAVAILABLE */
} crash_flush;

crash_store *crash_store_new(void);
void crash_store_del(crash_store *cs);
const imp_store *crash_store_vtable(void);
void crash_store_mode(crash_store *cs, crash_flush mode);
/* Finishes the flush that waits, if any; in the mode CRASH_FLUSH_FAILS it fails. */
void crash_store_commit(crash_store *cs);
/* From now on the process is dead: notes and flushes are ignored, until crash_store_revive(). */
void crash_store_crash(crash_store *cs);
/* What was committed is there again. */
void crash_store_revive(crash_store *cs);
#endif
