#include "core/heap.h"

#include <string.h>

#include "core/mem.h"

#define MIN_CAP 16

void imp_heap_init(imp_heap *heap) { memset(heap, 0, sizeof *heap); }

void imp_heap_reset(imp_heap *heap) {
  for (size_t i = 0; i < heap->count; i++) {
    heap->entries[i]->index = 0;
  }
  imp_free(heap->entries);
  imp_heap_init(heap);
}

void imp_timer_init(imp_timer *timer, imp_timer_fn fire) {
  timer->at = IMP_TSTAMP_NEVER;
  timer->index = 0;
  timer->fire = fire;
}

/* Places are counted from 0; a timer's index is its place + 1. */
static void place(imp_heap *heap, size_t i, imp_timer *timer) {
  heap->entries[i] = timer;
  timer->index = i + 1;
}

static void sift_up(imp_heap *heap, size_t i, imp_timer *timer) {
  while (i > 0 && timer->at < heap->entries[(i - 1) / 2]->at) {
    place(heap, i, heap->entries[(i - 1) / 2]);
    i = (i - 1) / 2;
  }
  place(heap, i, timer);
}

static void sift_down(imp_heap *heap, size_t i, imp_timer *timer) {
  for (size_t child = 2 * i + 1; child < heap->count; child = 2 * i + 1) {
    if (child + 1 < heap->count && heap->entries[child + 1]->at < heap->entries[child]->at) {
      child++;
    }
    if (timer->at <= heap->entries[child]->at) {
      break;
    }
    place(heap, i, heap->entries[child]);
    i = child;
  }
  place(heap, i, timer);
}

static int grow(imp_heap *heap) {
  size_t cap = heap->cap > 0 ? heap->cap * 2 : MIN_CAP;
  imp_timer **entries = imp_realloc(heap->entries, cap * sizeof *entries);
  if (entries == NULL) {
    return IMP_ERR_NOMEM;
  }
  heap->entries = entries;
  heap->cap = cap;
  return IMP_OK;
}

int imp_heap_set(imp_heap *heap, imp_timer *timer, imp_tstamp at) {
  if (timer->index == 0) {
    if (heap->count == heap->cap && grow(heap) != IMP_OK) {
      return IMP_ERR_NOMEM;
    }
    timer->at = at;
    sift_up(heap, heap->count++, timer);
    return IMP_OK;
  }
  int earlier = at < timer->at;
  timer->at = at;
  if (earlier) {
    sift_up(heap, timer->index - 1, timer);
  } else {
    sift_down(heap, timer->index - 1, timer);
  }
  return IMP_OK;
}

void imp_heap_remove(imp_heap *heap, imp_timer *timer) {
  size_t i = timer->index;
  if (i-- == 0) {
    return;
  }
  timer->index = 0;
  imp_timer *last = heap->entries[--heap->count];
  if (last == timer) {
    return;
  }
  if (last->at < timer->at) {
    sift_up(heap, i, last);
  } else {
    sift_down(heap, i, last);
  }
}

imp_tstamp imp_heap_next(const imp_heap *heap) { return heap->count > 0 ? heap->entries[0]->at : IMP_TSTAMP_NEVER; }

/*
 * A timer may be set again from its own fire() for a time that is due already; so that this cannot go on for ever,
 * no more fire in one call than twice what was there at the beginning. What is left is due at the next call.
 */
void imp_heap_run(imp_heap *heap, imp_tstamp ts) {
  for (size_t budget = 2 * heap->count + 16; budget > 0 && heap->count > 0; budget--) {
    imp_timer *timer = heap->entries[0];
    if (timer->at > ts || timer->at == IMP_TSTAMP_NEVER) {
      break;
    }
    imp_heap_remove(heap, timer);
    timer->fire(timer, ts);
  }
}
