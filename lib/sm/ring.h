/*
 * The buffer of a session: packets that the client has not acknowledged, oldest first.
 *
 * A ring exists while something is in it.  Small ones that became empty wait in the manager's pool for the next
 * session, so that a conversation of one packet at a time allocates nothing.
 */
#ifndef IMP_SM_RING_H
#define IMP_SM_RING_H

#include <imp/core.h>

#define IMP_SM_BYTES_MAX 0x7fffffffu

typedef struct imp_sm_slot {
  void *packet;
  uint32_t count;       /* its number on the stream */
  uint32_t bytes : 31;  /* its size */
  uint32_t resent : 1;  /* written more than once */
} imp_sm_slot;

typedef struct imp_sm_ring {
  uint32_t head, len, cap;
  uint64_t bytes;
  imp_sm_slot slots[];
} imp_sm_ring;

typedef struct imp_sm_pool {
  imp_sm_ring *spare; /* linked through slots[0].packet */
  uint32_t count;
} imp_sm_pool;

/* Room for n more slots. IMP_ERR_NOMEM: nothing changed. */
int imp_sm_ring_reserve(imp_sm_ring **ring, imp_sm_pool *pool, uint32_t n);
/* Lets go of an empty ring (NULL is allowed). */
void imp_sm_ring_release(imp_sm_ring **ring, imp_sm_pool *pool);
void imp_sm_pool_reset(imp_sm_pool *pool);

static inline uint32_t imp_sm_ring_len(const imp_sm_ring *ring) { return ring != NULL ? ring->len : 0; }

static inline imp_sm_slot *imp_sm_ring_at(imp_sm_ring *ring, uint32_t i) {
  uint32_t at = ring->head + i;
  return &ring->slots[at < ring->cap ? at : at - ring->cap];
}

static inline imp_sm_slot imp_sm_slot_of(void *packet, size_t bytes, uint32_t count) {
  imp_sm_slot slot = {packet, count, 0, 0};
  slot.bytes = (bytes < IMP_SM_BYTES_MAX ? (uint32_t)bytes : IMP_SM_BYTES_MAX) & IMP_SM_BYTES_MAX;
  return slot;
}

/* Needs room. */
static inline void imp_sm_ring_push(imp_sm_ring *ring, imp_sm_slot slot) {
  *imp_sm_ring_at(ring, ring->len) = slot;
  ring->len++;
  ring->bytes += slot.bytes;
}

/* Needs a slot. */
static inline imp_sm_slot imp_sm_ring_pop(imp_sm_ring *ring) {
  imp_sm_slot slot = ring->slots[ring->head];
  ring->head = ring->head + 1 < ring->cap ? ring->head + 1 : 0;
  ring->len--;
  ring->bytes -= slot.bytes;
  return slot;
}

#endif
