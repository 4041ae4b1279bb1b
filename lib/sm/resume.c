#include "sm/manager.h"

/* The session is gone, but what this client says it has may still lie in storage. */
static imp_sm_resume_result resume_gone(imp_sm_manager *manager, const char *user, const char *previd, uint32_t h,
                                        uint32_t *handled, int *known) {
  imp_sm_gone *gone = imp_sm_recall(manager, user, previd);
  manager->stats.refused++;
  if (gone == NULL) {
    return IMP_SM_UNKNOWN;
  }
  *handled = gone->in;
  *known = 1;
  if (h != gone->acked && h - gone->acked <= gone->out - gone->acked) {
    gone->acked = h;
    if (manager->cb.late_acked != NULL) {
      manager->cb.late_acked(user, previd, h, manager->user_data);
    }
  }
  return IMP_SM_UNKNOWN;
}

/* A callback may send, and so evict: only after all is settled can be said what is left. */
static imp_sm_resume_result judge(imp_sm *sm, uint32_t h) {
  switch (imp_sm_place_h(sm, h)) {
  case IMP_SM_H_HIGH:
    return IMP_SM_H_TOO_HIGH;
  case IMP_SM_H_OLD:
    return IMP_SM_NO_HISTORY;
  default:
    imp_sm_settle_to(sm, h);
    return sm->evicted == sm->acked ? IMP_SM_RESUMED : IMP_SM_NO_HISTORY;
  }
}

static int was_written(const imp_sm *sm, uint32_t count) { return (int32_t)(sm->wire - count) >= 0; }

/*
 * Stanzas that were counted and not kept are not sent again, so for the client what is sent again follows on what it
 * has.  So it does for us.
 */
static void renumber(imp_sm *sm) {
  uint32_t len = imp_sm_ring_len(sm->ring), written = 0;
  for (uint32_t i = 0; i < len; i++) {
    imp_sm_slot *slot = imp_sm_ring_at(sm->ring, i);
    written += (uint32_t)was_written(sm, slot->count);
    slot->count = sm->acked + 1 + i;
  }
  sm->out = sm->acked + len;
  sm->wire = sm->acked + written;
}

static void reconnect(imp_sm *sm) {
  if (sm->sleep != NULL) {
    imp_sm_wake(sm);
  } else {
    sm->wire = sm->out;
  }
  if (sm->out - sm->acked != imp_sm_ring_len(sm->ring)) {
    renumber(sm);
  }
  imp_sm_reset_r(sm);
  sm->since = imp_sm_ring_len(sm->ring);
}

imp_sm_resume_result imp_sm_resume(imp_sm_manager *manager, const char *user, const char *previd, uint32_t h,
                                   imp_tstamp ts, imp_sm **sm, uint32_t *handled, int *known) {
  imp_sm_manager_tick(manager, ts);
  *known = 0;
  *handled = 0;
  *sm = imp_sm_find(manager, user, previd);
  if (*sm == NULL) {
    return resume_gone(manager, user, previd, h, handled, known);
  }
  *handled = (*sm)->in;
  *known = 1;
  imp_sm_resume_result result = judge(*sm, h);
  if (result == IMP_SM_RESUMED) {
    manager->stats.resumed++;
    reconnect(*sm);
  } else {
    manager->stats.refused++;
  }
  return result;
}

void *imp_sm_next_unacked(imp_sm *sm, size_t *pos, uint32_t *count, int resend) {
  if (*pos >= imp_sm_ring_len(sm->ring)) {
    return NULL;
  }
  imp_sm_slot *slot = imp_sm_ring_at(sm->ring, (uint32_t)(*pos)++);
  if (resend && was_written(sm, slot->count)) {
    slot->resent = 1;
    sm->grant->manager->stats.resent++;
  }
  if (count != NULL) {
    *count = slot->count;
  }
  return slot->packet;
}

typedef void (*sent_fn)(imp_sm *sm, void *packet, uint32_t count, void *user_data);

/* Room was reserved. If callbacks took it by sending, and there is no memory for more, the oldest go. */
static void make_room(imp_sm *sm, uint32_t bytes) {
  imp_sm_slide(sm);
  if (imp_sm_make_room(sm, bytes) != IMP_OK) {
    while (sm->ring->len == sm->ring->cap) {
      imp_sm_evict(sm);
    }
  }
}

static void move(imp_sm *sm, imp_sm *old, imp_sm_slot slot, sent_fn sent, void *user_data) {
  imp_sm_stats *stats = &sm->grant->manager->stats;
  if (old->sleep == NULL || was_written(old, slot.count)) {
    slot.resent = 1;
  }
  make_room(sm, slot.bytes);
  stats->queued--;
  stats->queued_bytes -= slot.bytes;
  stats->inherited++;
  stats->resent += slot.resent && sm->sleep == NULL;
  slot.count = ++sm->out;
  sm->since++;
  imp_sm_put(sm, slot);
  if (sent != NULL) {
    sent(sm, slot.packet, slot.count, user_data);
  }
}

/* At most what the settings allow to be kept. */
static int reserve(imp_sm *sm, uint32_t more) {
  uint32_t len = imp_sm_ring_len(sm->ring), most = sm->grant->settings.buffer_packets;
  uint32_t room = len < most ? most - len : 0;
  if (more > room) {
    more = room;
  }
  return more > 0 ? imp_sm_ring_reserve(&sm->ring, &sm->grant->manager->pool, more) : IMP_OK;
}

int imp_sm_inherit(imp_sm *sm, imp_sm *old, int has_h, uint32_t h, imp_tstamp ts, sent_fn sent, void *user_data) {
  if (sm == old || sm->ending || old->ending || sm->grant->manager != old->grant->manager ||
      strcmp(imp_sm_user_of(sm), imp_sm_user_of(old)) != 0) {
    return IMP_ERR_INVALID_ARGUMENT;
  }
  imp_sm_place place = has_h ? imp_sm_place_h(old, h) : IMP_SM_H_OLD;
  if (place == IMP_SM_H_HIGH) {
    return IMP_ERR_MALFORMED;
  }
  if (reserve(sm, imp_sm_ring_len(old->ring)) != IMP_OK) {
    return IMP_ERR_NOMEM;
  }
  imp_sm_manager_tick(sm->grant->manager, ts);
  if (place == IMP_SM_H_GOOD) {
    imp_sm_settle_to(old, h);
  }
  while (imp_sm_ring_len(old->ring) > 0) {
    move(sm, old, imp_sm_ring_pop(old->ring), sent, user_data);
  }
  if (imp_sm_ring_len(sm->ring) == 0) { /* `h` covered everything: the room is not needed */
    imp_sm_ring_release(&sm->ring, &sm->grant->manager->pool);
  }
  imp_sm_end(old, 1, 0);
  return imp_sm_want_r(sm);
}
