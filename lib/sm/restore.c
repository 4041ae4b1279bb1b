/* Sessions that a host kept over a restart. */
#include "sm/manager.h"

void imp_sm_get_state(const imp_sm *sm, imp_sm_state *state, size_t size) {
  imp_sm_state now = {sizeof now, sm->text, imp_sm_user_of(sm), sm->in, sm->out, sm->acked, sm->max, 0, sm->past};
  now.evicted = sm->evicted - sm->acked;
  memset(state, 0, size);
  memcpy(state, &now, size < sizeof now ? size : sizeof now);
  state->size = size;
}

int imp_sm_names_valid(const imp_sm_state *s) {
  size_t userlen = s->user != NULL ? imp_sm_len(s->user, IMP_SM_USER_MAX + 1) : 0;
  return s->id != NULL && imp_sm_id_valid(s->id, imp_sm_len(s->id, IMP_SM_ID_MAX + 1), IMP_SM_ID_MAX) && userlen > 0 &&
         userlen <= IMP_SM_USER_MAX;
}

static int read_state(imp_sm_state *dst, const imp_sm_state *src) {
  memset(dst, 0, sizeof *dst);
  if (src->size < offsetof(imp_sm_state, past)) {
    return IMP_ERR_MALFORMED;
  }
  dst->past = src->acked < IMP_SM_WINDOW_MAX ? src->acked : IMP_SM_WINDOW_MAX;
  memcpy(dst, src, src->size < sizeof *dst ? src->size : sizeof *dst);
  int good = imp_sm_names_valid(dst) && dst->max > 0 && dst->out - dst->acked <= IMP_SM_WINDOW_MAX && dst->evicted <= dst->out - dst->acked &&
             dst->past <= IMP_SM_WINDOW_MAX;
  return good ? IMP_OK : IMP_ERR_MALFORMED;
}

int imp_sm_restore(imp_sm_manager *manager, imp_sm **sm, const imp_sm_state *state, imp_tstamp ts, void *session_data) {
  imp_sm_state s;
  imp_tstamp now = imp_sm_manager_tick(manager, ts);
  int rv = read_state(&s, state);
  if (rv != IMP_OK) {
    return rv;
  }
  imp_sm *old = imp_sm_alloc(manager, s.id, s.user);
  if (old == NULL) {
    return IMP_ERR_NOMEM;
  }
  old->in = s.in;
  old->out = old->wire = s.out;
  old->acked = s.acked;
  old->evicted = s.acked + s.evicted;
  old->past = s.past;
  old->max = s.max;
  old->data = session_data;
  rv = imp_sm_table_insert(&manager->sessions, &old->node);
  if (rv == IMP_OK) {
    rv = imp_sm_fall_asleep(old, now + old->max * IMP_SECONDS);
    if (rv == IMP_OK) {
      *sm = old;
      return IMP_OK;
    }
    imp_sm_table_remove(&manager->sessions, &old->node);
  }
  imp_sm_free(old);
  return rv;
}

int imp_sm_restore_packet(imp_sm *sm, void *packet, size_t bytes, uint32_t count) {
  uint32_t len = imp_sm_ring_len(sm->ring);
  uint32_t last = len > 0 ? imp_sm_ring_at(sm->ring, len - 1)->count : sm->evicted;
  if (sm->sleep == NULL || sm->ending) {
    return IMP_ERR_STATE;
  }
  if (packet == NULL || count - sm->acked <= last - sm->acked || count - sm->acked > sm->out - sm->acked) {
    return IMP_ERR_MALFORMED;
  }
  imp_sm_slot slot = imp_sm_slot_of(packet, bytes, count);
  if (imp_sm_make_room(sm, slot.bytes) != IMP_OK) {
    return IMP_ERR_NOMEM;
  }
  imp_sm_put(sm, slot);
  sm->grant->manager->stats.packets++;
  return IMP_OK;
}
