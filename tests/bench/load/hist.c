#include "xload.h"

void hist_add(struct hist *h, uint64_t ns) {
  unsigned i = (unsigned)ns;
  if (ns >= 64) {
    int e = 63 - __builtin_clzll(ns);
    i = (unsigned)(e - 5) * 64 + (unsigned)((ns >> (e - 6)) & 63);
  }
  h->bucket[i]++;
  h->n++;
}

static double bucket_ns(unsigned i) {
  return i < 64 ? (double)i : (double)((64ull + i % 64) << (i / 64 - 1));
}

double hist_ms(const struct hist *h, double quantile) {
  uint64_t want = (uint64_t)(quantile * (double)h->n), sum = 0;
  if (h->n == 0)
    return 0;
  for (unsigned i = 0; i < 60 * 64; i++) {
    sum += h->bucket[i];
    if (sum > want || sum == h->n)
      return bucket_ns(i) / 1e6;
  }
  return 0;
}
