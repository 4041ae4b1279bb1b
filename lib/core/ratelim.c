#include "core/ratelim.h"

void imp_ratelim_init(imp_ratelim *rl, uint64_t burst, uint64_t rate, imp_tstamp ts) {
  rl->burst = rl->tokens = burst;
  rl->rate = rate;
  rl->carry = 0;
  rl->ts = ts;
}

static void fill(imp_ratelim *rl) {
  rl->tokens = rl->burst;
  rl->carry = 0;
}

static void update(imp_ratelim *rl, imp_tstamp ts) {
  if (ts <= rl->ts) {
    return;
  }
  uint64_t elapsed = ts - rl->ts;
  rl->ts = ts;
  if (rl->tokens >= rl->burst || rl->rate == 0) {
    return;
  }
  if (elapsed > (UINT64_MAX - rl->carry) / rl->rate) {
    fill(rl);
    return;
  }
  uint64_t gained = elapsed * rl->rate + rl->carry;
  uint64_t whole = gained / IMP_SECONDS;
  rl->carry = gained % IMP_SECONDS;
  if (whole >= rl->burst - rl->tokens) {
    fill(rl);
  } else {
    rl->tokens += whole;
  }
}

int imp_ratelim_drain(imp_ratelim *rl, uint64_t n, imp_tstamp ts) {
  update(rl, ts);
  if (n > rl->tokens) {
    return IMP_ERR_LIMIT;
  }
  rl->tokens -= n;
  return IMP_OK;
}

imp_tstamp imp_ratelim_when(const imp_ratelim *rl, uint64_t n) {
  if (n <= rl->tokens) {
    return rl->ts;
  }
  if (rl->rate == 0 || n > rl->burst || n - rl->tokens > UINT64_MAX / IMP_SECONDS) {
    return IMP_TSTAMP_NEVER;
  }
  uint64_t need = (n - rl->tokens) * IMP_SECONDS - rl->carry;
  uint64_t wait = need / rl->rate + (need % rl->rate != 0);
  return wait > UINT64_MAX - rl->ts ? IMP_TSTAMP_NEVER : rl->ts + wait;
}
