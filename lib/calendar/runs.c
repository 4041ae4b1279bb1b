/* Merging: from overlapping blocks of several sources to disjoint runs. */
#include <stdlib.h>

#include "calendar/calendar.h"

/* A source's window is an item without a block: free. */
typedef struct item {
  imp_wallclock start, end;
  const imp_cal_source *source;
  const imp_cal_block *block;
  uint8_t kind;
} item;

uint8_t imp_cal_kind_of(const imp_cal_block *block, uint32_t tentative) {
  static const uint8_t as[] = {IMP_BUSY_FREE, IMP_BUSY_TENTATIVE, IMP_BUSY_BUSY};
  return block == NULL                       ? IMP_BUSY_FREE
         : block->kind == IMP_BUSY_TENTATIVE ? as[tentative]
                                             : block->kind;
}

static int by_start(const void *a, const void *b) {
  const item *x = a, *y = b;
  if (x->start != y->start) {
    return x->start < y->start ? -1 : 1;
  }
  if (x->kind != y->kind) {
    return x->kind > y->kind ? -1 : 1;
  }
  if (x->end != y->end) {
    return x->end > y->end ? -1 : 1;
  }
  return x->block < y->block ? -1 : x->block > y->block;
}

static int by_time(const void *a, const void *b) {
  imp_wallclock x, y;
  memcpy(&x, a, sizeof x);
  memcpy(&y, b, sizeof y);
  return x < y ? -1 : x > y;
}

static size_t count_items(const imp_cal_user *user) {
  size_t n = 0;
  for (const imp_cal_source *s = user->sources; s != NULL; s = s->next) {
    n += s->to > s->from ? 1 + s->count : 0;
  }
  return n;
}

static size_t fill(const imp_cal_user *user, uint32_t tentative, item *items) {
  size_t n = 0;
  for (const imp_cal_source *s = user->sources; s != NULL; s = s->next) {
    if (s->to <= s->from) {
      continue;
    }
    items[n++] = (item){s->from, s->to, s, NULL, IMP_BUSY_FREE};
    for (size_t i = 0; i < s->count; i++) {
      const imp_cal_block *b = &s->blocks[i];
      uint8_t kind = imp_cal_kind_of(b, tentative);
      imp_wallclock start = b->start > s->from ? b->start : s->from, end = b->end < s->to ? b->end : s->to;
      if (kind > IMP_BUSY_FREE && start < end) {
        items[n++] = (item){start, end, s, b, kind};
      }
    }
  }
  return n;
}

static size_t edges_of(const item *items, size_t n, imp_wallclock *times) {
  size_t unique = 0;
  for (size_t i = 0; i < n; i++) {
    times[2 * i] = items[i].start;
    times[2 * i + 1] = items[i].end;
  }
  qsort(times, 2 * n, sizeof *times, by_time);
  for (size_t i = 0; i < 2 * n; i++) {
    if (unique == 0 || times[unique - 1] != times[i]) {
      times[unique++] = times[i];
    }
  }
  return unique;
}

static size_t append(imp_cal_run *runs, size_t n, imp_wallclock start, imp_wallclock end, const item *best) {
  const imp_cal_source *source = best->block != NULL ? best->source : NULL;
  if (n > 0 && runs[n - 1].end == start && runs[n - 1].block == best->block && runs[n - 1].source == source) {
    runs[n - 1].end = end;
    return n;
  }
  runs[n] = (imp_cal_run){start, end, source, best->block};
  return n + 1;
}

/* items[i] are looked at in order of their start; active[] are those that have begun and not ended. */
static size_t sweep(const item *items, size_t n, const imp_wallclock *times, size_t ntimes, const item **active,
                    imp_cal_run *runs) {
  size_t next = 0, nactive = 0, nruns = 0;
  for (size_t t = 0; t + 1 < ntimes; t++) {
    const item *best = NULL;
    size_t kept = 0;
    for (; next < n && items[next].start <= times[t]; next++) {
      active[nactive++] = &items[next];
    }
    for (size_t i = 0; i < nactive; i++) {
      if (active[i]->end > times[t]) {
        active[kept++] = active[i];
        best = best == NULL || active[i]->kind > best->kind ? active[i] : best;
      }
    }
    nactive = kept;
    if (best != NULL) {
      nruns = append(runs, nruns, times[t], times[t + 1], best);
    }
  }
  return nruns;
}

int imp_cal_merge(const imp_cal_user *user, uint32_t tentative, imp_cal_run **runs, size_t *count) {
  size_t most = count_items(user);
  if (most == 0) {
    *runs = NULL;
    *count = 0;
    return IMP_OK;
  }
  item *items = imp_malloc(most * sizeof *items);
  imp_wallclock *times = imp_malloc(2 * most * sizeof *times);
  const item **active = imp_malloc(most * sizeof *active);
  imp_cal_run *made = imp_malloc(2 * most * sizeof *made);
  int rv = IMP_ERR_NOMEM;
  if (items != NULL && times != NULL && active != NULL && made != NULL) {
    size_t n = fill(user, tentative, items);
    size_t ntimes = edges_of(items, n, times);
    qsort(items, n, sizeof *items, by_start);
    *count = sweep(items, n, times, ntimes, active, made);
    imp_cal_run *fitting = imp_realloc(made, (*count > 0 ? *count : 1) * sizeof *made);
    *runs = fitting != NULL ? fitting : made;
    rv = IMP_OK;
  } else {
    imp_free(made);
  }
  imp_free(items);
  imp_free(times);
  imp_free(active);
  return rv;
}
