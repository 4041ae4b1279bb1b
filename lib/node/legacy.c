/*
 * Queues of sessions that a new session replaced.  They wait until its client has said whether it uses stream management;
 * meanwhile their rows stay in the store, so that nothing is lost if the process ends.
 */
#include "node/node.h"

int imp_legacy_park(imp_session *old, imp_legacy **legacy) {
  imp_legacy *l = imp_calloc(1, sizeof(*l));
  if (l == NULL) {
    return IMP_ERR_NOMEM;
  }
  l->sm = old->sm;
  l->durable = (uint8_t)imp_durable_park(old);
  old->sm = NULL;
  *legacy = l;
  return IMP_OK;
}

void imp_legacy_add(imp_session *s, imp_legacy *legacy, int has_h, uint32_t h) {
  imp_legacy **at = &s->legacy;
  imp_sm_state state;
  imp_sm_get_state(legacy->sm, &state, sizeof(state));
  imp_sm_set_session_data(legacy->sm, s);
  legacy->has_h = has_h != 0;
  legacy->h = h;
  legacy->stores = state.evicted > 0;
  while (*at != NULL) {
    at = &(*at)->next;
  }
  *at = legacy;
}

static imp_legacy *unlink_one(imp_session *s, const imp_sm *sm) {
  imp_legacy **at = &s->legacy, *l;
  while (*at != NULL && (*at)->sm != sm) {
    at = &(*at)->next;
  }
  l = *at;
  if (l != NULL) {
    *at = l->next;
  }
  return l;
}

static void forget_rows(imp_node *node, const imp_legacy *l) {
  if (l->durable) {
    imp_durable_forget_parked(node, l->sm);
  }
}

/* Without a buffer to move into each packet is sent now, or stored behind those that were evicted before. */
static void end_one(imp_session *s, imp_legacy *l) {
  if (l->has_h) {
    (void)imp_sm_acked(l->sm, l->h);
  }
  imp_sm_del(l->sm, 1, s->node->now);
}

int imp_legacy_move(imp_session *s, void (*moved)(imp_sm *sm, void *packet, uint32_t count, void *user_data)) {
  imp_legacy *l = s->legacy;
  int rv = IMP_ERR_STATE;
  s->legacy = l->next;
  s->legacy_stores = l->stores;
  forget_rows(s->node, l);
  if (s->sm != NULL && !l->stores) {
    rv = imp_sm_inherit(s->sm, l->sm, l->has_h, l->h, s->node->now, moved, s);
  }
  if (rv < 0) {
    end_one(s, l);
  }
  imp_free(l);
  return rv;
}

int imp_legacy_expired(imp_session *s, const imp_sm *sm) {
  imp_legacy *l = unlink_one(s, sm);
  if (l == NULL) {
    return 0;
  }
  s->legacy_stores = l->stores;
  forget_rows(s->node, l);
  imp_free(l);
  return 1;
}

void imp_legacy_del(imp_node *node, imp_legacy *legacy) {
  if (legacy != NULL) {
    if (!node->deleting) {
      forget_rows(node, legacy);
    }
    imp_sm_del(legacy->sm, 1, node->now);
    imp_free(legacy);
  }
}

void imp_legacy_end_all(imp_session *s) {
  imp_legacy *l;
  while ((l = s->legacy) != NULL) {
    s->legacy = l->next;
    imp_legacy_del(s->node, l);
  }
}
