/*
 * Deadlines: an intrusive binary heap, earliest first.  An entry costs nothing while it is not in the heap.
 */
#ifndef IMP_CORE_HEAP_H
#define IMP_CORE_HEAP_H

#include <imp/core.h>

typedef struct imp_timer imp_timer;
typedef void (*imp_timer_fn)(imp_timer *timer, imp_tstamp ts);

struct imp_timer {
  imp_tstamp at;
  size_t index; /* place in the heap + 1; 0: not in it */
  imp_timer_fn fire;
};

typedef struct imp_heap {
  imp_timer **entries;
  size_t count, cap;
} imp_heap;

void imp_heap_init(imp_heap *heap);
void imp_heap_reset(imp_heap *heap);
void imp_timer_init(imp_timer *timer, imp_timer_fn fire);
/* Sets or moves a deadline. Only a timer that is not in the heap yet can fail (IMP_ERR_NOMEM). */
int imp_heap_set(imp_heap *heap, imp_timer *timer, imp_tstamp at);
void imp_heap_remove(imp_heap *heap, imp_timer *timer);
/* The earliest deadline, IMP_TSTAMP_NEVER if there is none. */
imp_tstamp imp_heap_next(const imp_heap *heap);
/* Fires all that are due at ts (each is out of the heap when it fires and may be set again). */
void imp_heap_run(imp_heap *heap, imp_tstamp ts);

#endif
