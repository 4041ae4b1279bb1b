/* What happens for every stanza: counting, buffering, acknowledging, and when to ask for it. */
#include "sm/manager.h"

void imp_sm_received(imp_sm *sm) { sm->in++; }

void imp_sm_settle_slot(imp_sm *sm, imp_sm_slot slot, imp_sm_settled how) {
  imp_sm_manager *manager = sm->grant->manager;
  imp_sm_stats *stats = &manager->stats;
  stats->queued--;
  stats->queued_bytes -= slot.bytes;
  switch (how) {
  case IMP_SM_EVICTED:
    stats->evicted++;
    break;
  case IMP_SM_ABANDONED:
    stats->abandoned++;
    break;
  default:
    stats->acked++;
    break;
  }
  manager->cb.settle(sm, slot.packet, slot.count, how, manager->user_data);
}

static imp_sm_settled acked_how(imp_sm_slot slot) { return slot.resent ? IMP_SM_RESENT_ACKED : IMP_SM_ACKED; }

/* If a callback sends while an acknowledgement is being worked off, the oldest may be covered by it. */
void imp_sm_evict(imp_sm *sm) {
  imp_sm_slot slot = imp_sm_ring_pop(sm->ring);
  if ((int32_t)(sm->acked - slot.count) >= 0) {
    imp_sm_settle_slot(sm, slot, acked_how(slot));
    return;
  }
  sm->evicted = slot.count;
  imp_sm_settle_slot(sm, slot, IMP_SM_EVICTED);
}

static int over(const imp_sm *sm, uint32_t bytes) {
  const imp_sm_settings *s = &sm->grant->settings;
  const imp_sm_ring *ring = sm->ring;
  return ring->len >= s->buffer_packets || (ring->len > 0 && ring->bytes + bytes > s->buffer_bytes);
}

/*
 * The oldest go.  A callback may send on this very session (an error for a message that came from here): that is
 * taken without evicting, and this loop, not recursion, makes good for it.
 */
static void evict_for(imp_sm *sm, uint32_t bytes) {
  if (sm->evicting) {
    return;
  }
  sm->evicting = 1;
  for (uint32_t most = sm->ring->len; most > 0 && over(sm, bytes); most--) {
    imp_sm_evict(sm);
  }
  sm->evicting = 0;
}

static int reserve(imp_sm *sm) {
  imp_sm_ring *ring = sm->ring;
  return ring != NULL && ring->len < ring->cap ? IMP_OK
                                                : imp_sm_ring_reserve(&sm->ring, &sm->grant->manager->pool, 1);
}

int imp_sm_make_room(imp_sm *sm, uint32_t bytes) {
  imp_sm_ring *ring = sm->ring;
  if (ring != NULL && !over(sm, bytes)) {
    return reserve(sm);
  }
  if (ring == NULL || (ring->len < sm->grant->settings.buffer_packets && ring->len == ring->cap)) {
    if (reserve(sm) != IMP_OK) { /* before anything is evicted */
      return IMP_ERR_NOMEM;
    }
  }
  evict_for(sm, bytes);
  return reserve(sm);
}

void imp_sm_put(imp_sm *sm, imp_sm_slot slot) {
  imp_sm_stats *stats = &sm->grant->manager->stats;
  imp_sm_ring_push(sm->ring, slot);
  stats->queued++;
  stats->queued_bytes += slot.bytes;
}

/* A client that has acknowledged nothing for 2^31 stanzas: what is so old is not tracked any more. */
static void slide(imp_sm *sm) {
  uint32_t first = sm->acked + 1;
  int kept = imp_sm_ring_len(sm->ring) > 0 && imp_sm_ring_at(sm->ring, 0)->count == first;
  if (sm->evicted == sm->acked) {
    sm->evicted = first;
  }
  sm->acked = first;
  if (kept) {
    imp_sm_slot slot = imp_sm_ring_pop(sm->ring);
    imp_sm_settle_slot(sm, slot, IMP_SM_EVICTED);
  }
}

void imp_sm_slide(imp_sm *sm) {
  while (sm->out - sm->acked >= IMP_SM_WINDOW_MAX) {
    slide(sm);
  }
}

int imp_sm_sent(imp_sm *sm, void *packet, size_t bytes) {
  if (sm->ending) {
    return IMP_ERR_STATE;
  }
  imp_sm_slide(sm);
  if (packet != NULL) {
    imp_sm_slot slot = imp_sm_slot_of(packet, bytes, 0);
    if (imp_sm_make_room(sm, slot.bytes) != IMP_OK) {
      return IMP_ERR_NOMEM;
    }
    slot.count = sm->out + 1;
    imp_sm_put(sm, slot);
    sm->grant->manager->stats.packets++;
  }
  sm->out++;
  sm->since++;
  return imp_sm_want_r(sm);
}

static int half_full(const imp_sm *sm) {
  const imp_sm_settings *s = &sm->grant->settings;
  const imp_sm_ring *ring = sm->ring;
  return ring != NULL && ((uint64_t)ring->len * 2 >= s->buffer_packets || ring->bytes * 2 >= s->buffer_bytes);
}

void imp_sm_requested(imp_sm *sm) {
  sm->r = IMP_SM_R_WAITING;
  sm->asked = sm->out;
  sm->since = 0;
  sm->half = (uint8_t)half_full(sm);
}

void imp_sm_reset_r(imp_sm *sm) {
  sm->r = IMP_SM_R_NONE;
  sm->half = 0;
}

int imp_sm_r_outstanding(const imp_sm *sm) { return sm->r == IMP_SM_R_WAITING; }

void imp_sm_set_inactive(imp_sm *sm, int inactive) { sm->inactive = inactive != 0; }

/*
 * Each <r/> needs new stanzas, `ack_rate` of them, or a buffer that became half full: an <a/> that does not help never
 * brings the next <r/> by itself.  When it is in doubt whether the last was answered, twice as many.
 */
int imp_sm_want_r(imp_sm *sm) {
  const imp_sm_settings *s = &sm->grant->settings;
  if (sm->r == IMP_SM_R_WAITING || sm->sleep != NULL) {
    return IMP_OK;
  }
  int wants = !sm->half && half_full(sm);
  if (!wants && sm->inactive) {
    wants = sm->half && (uint64_t)sm->since * 2 >= s->buffer_packets;
  } else if (!wants) {
    wants = sm->since >= (sm->r == IMP_SM_R_DOUBTFUL ? 2 * s->ack_rate : s->ack_rate);
  }
  if (!wants) {
    return IMP_OK;
  }
  imp_sm_requested(sm);
  return IMP_SM_WANT_R;
}

imp_sm_place imp_sm_place_h(const imp_sm *sm, uint32_t h) {
  if (h - sm->acked <= sm->out - sm->acked) {
    return IMP_SM_H_GOOD;
  }
  return sm->acked - h <= sm->past ? IMP_SM_H_OLD : IMP_SM_H_HIGH;
}

static void settle_evicted(imp_sm *sm, uint32_t base, uint32_t h) {
  imp_sm_manager *manager = sm->grant->manager;
  uint32_t newest = sm->evicted;
  if (newest == base) {
    sm->evicted = h;
    return;
  }
  if (h - base >= newest - base) {
    sm->evicted = h;
  } else {
    newest = h;
  }
  if (manager->cb.evicted_acked != NULL) {
    manager->cb.evicted_acked(sm, newest, manager->user_data);
  }
}

void imp_sm_settle_to(imp_sm *sm, uint32_t h) {
  uint32_t base = sm->acked, covered = h - base;
  if (covered == 0) {
    return;
  }
  sm->acked = h;
  sm->past = covered < IMP_SM_WINDOW_MAX - sm->past ? sm->past + covered : IMP_SM_WINDOW_MAX;
  settle_evicted(sm, base, h);
  while (imp_sm_ring_len(sm->ring) > 0 && sm->ring->slots[sm->ring->head].count - base <= covered) {
    imp_sm_slot slot = imp_sm_ring_pop(sm->ring);
    imp_sm_settle_slot(sm, slot, acked_how(slot));
  }
  if (imp_sm_ring_len(sm->ring) == 0) {
    imp_sm_ring_release(&sm->ring, &sm->grant->manager->pool);
  }
  if (sm->half && !half_full(sm)) {
    sm->half = 0;
  }
}

/*
 * Was this <a/> the answer?  Surely if it covers what was sent before the <r/>.  One that brings nothing new was not sent
 * of the client's own accord.  Else it may have been under way already.
 */
static void note_answer(imp_sm *sm, uint32_t h) {
  if (sm->r == IMP_SM_R_NONE) {
    return;
  }
  int covers = h - sm->acked >= sm->asked - sm->acked;
  sm->r = covers || h == sm->acked ? IMP_SM_R_NONE : IMP_SM_R_DOUBTFUL;
}

int imp_sm_acked(imp_sm *sm, uint32_t h) {
  switch (imp_sm_place_h(sm, h)) {
  case IMP_SM_H_HIGH:
    return IMP_ERR_MALFORMED;
  case IMP_SM_H_OLD:
    sm->r = IMP_SM_R_NONE;
    return IMP_OK;
  default:
    break;
  }
  note_answer(sm, h);
  imp_sm_settle_to(sm, h);
  uint32_t left = sm->out - h;
  if (sm->since > left) {
    sm->since = left;
  }
  return left > 0 ? imp_sm_want_r(sm) : IMP_OK;
}
