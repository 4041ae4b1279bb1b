#include "inproc.h"

#include <malloc.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static double resident(void) {
  unsigned long total = 0, pages = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  if (!f)
    return 0;
  if (fscanf(f, "%lu %lu", &total, &pages) != 2)
    pages = 0;
  fclose(f);
  return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

struct gauge gauge_read(void) {
  struct gauge g = {0, 0, 0};
  struct timespec t;
  struct mallinfo2 m = mallinfo2();
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  g.cpu_ns = (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
  g.heap = (double)(m.uordblks + m.hblkhd);
  g.rss = resident();
  return g;
}
