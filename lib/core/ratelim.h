/* Token bucket. `rate` tokens a second, at most `burst` of them kept. */
#ifndef IMP_CORE_RATELIM_H
#define IMP_CORE_RATELIM_H

#include <imp/core.h>

typedef struct imp_ratelim {
  uint64_t burst, rate, tokens;
  uint64_t carry; /* nanoseconds × rate that made no whole token yet */
  imp_tstamp ts;
} imp_ratelim;

void imp_ratelim_init(imp_ratelim *rl, uint64_t burst, uint64_t rate, imp_tstamp ts);
/* Takes n tokens: IMP_OK, or IMP_ERR_LIMIT and none is taken. */
int imp_ratelim_drain(imp_ratelim *rl, uint64_t n, imp_tstamp ts);
/* When n tokens will be there. */
imp_tstamp imp_ratelim_when(const imp_ratelim *rl, uint64_t n);

#endif
