#include "sm/ring.h"

#include <string.h>

#include "core/mem.h"

#define MIN_CAP 8u
#define POOL_CAP 32u /* larger rings are not kept */
#define POOL_MAX 64u

static imp_sm_ring *ring_new(imp_sm_pool *pool, uint32_t cap) {
  imp_sm_ring *ring = pool->spare;
  if (ring != NULL && ring->cap >= cap) {
    pool->spare = ring->slots[0].packet;
    pool->count--;
  } else {
    ring = imp_malloc(sizeof *ring + cap * sizeof ring->slots[0]);
    if (ring == NULL) {
      return NULL;
    }
    ring->cap = cap;
  }
  ring->head = 0;
  ring->len = 0;
  ring->bytes = 0;
  return ring;
}

void imp_sm_ring_release(imp_sm_ring **ring, imp_sm_pool *pool) {
  imp_sm_ring *old = *ring;
  *ring = NULL;
  if (old == NULL) {
    return;
  }
  if (old->cap > POOL_CAP || pool->count >= POOL_MAX) {
    imp_free(old);
    return;
  }
  old->slots[0].packet = pool->spare;
  pool->spare = old;
  pool->count++;
}

int imp_sm_ring_reserve(imp_sm_ring **ring, imp_sm_pool *pool, uint32_t n) {
  imp_sm_ring *old = *ring;
  uint32_t len = imp_sm_ring_len(old);
  uint32_t cap = old != NULL ? old->cap : MIN_CAP;
  if (old != NULL && cap - len >= n) {
    return IMP_OK;
  }
  while (cap < len + n) {
    cap *= 2;
  }
  imp_sm_ring *bigger = ring_new(pool, cap);
  if (bigger == NULL) {
    return IMP_ERR_NOMEM;
  }
  for (uint32_t i = 0; i < len; i++) {
    imp_sm_ring_push(bigger, *imp_sm_ring_at(old, i));
  }
  *ring = bigger;
  imp_sm_ring_release(&old, pool);
  return IMP_OK;
}

void imp_sm_pool_reset(imp_sm_pool *pool) {
  while (pool->spare != NULL) {
    imp_sm_ring *next = pool->spare->slots[0].packet;
    imp_free(pool->spare);
    pool->spare = next;
  }
  pool->count = 0;
}
