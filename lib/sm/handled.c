/* What sessions that are gone had handled, for <failed h=''/>. */
#include "sm/manager.h"

static const char *user_of(const imp_sm_gone *gone) { return gone->text + gone->idlen + 1; }

const char *imp_sm_gone_key(const imp_sm_node *node, size_t *len) {
  const imp_sm_gone *gone = (const imp_sm_gone *)(const void *)((const char *)node - offsetof(imp_sm_gone, node));
  *len = gone->idlen;
  return gone->text;
}

static void forget(imp_sm_gone *gone) {
  imp_heap_remove(&gone->manager->forgetting, &gone->timer);
  imp_sm_table_remove(&gone->manager->gone, &gone->node);
  imp_free(gone);
}

static void forget_now(imp_timer *timer, imp_tstamp ts) {
  (void)ts;
  forget(IMP_CONTAINER_OF(timer, imp_sm_gone, timer));
}

static imp_sm_gone *first(const imp_sm_manager *manager) {
  return manager->forgetting.count > 0 ? IMP_CONTAINER_OF(manager->forgetting.entries[0], imp_sm_gone, timer) : NULL;
}

void imp_sm_forget_all(imp_sm_manager *manager) {
  while (first(manager) != NULL) {
    forget(first(manager));
  }
}

static imp_sm_gone *find(const imp_sm_manager *manager, const char *id, size_t len) {
  imp_sm_node *node = imp_sm_table_find(&manager->gone, id, len);
  return node != NULL ? IMP_CONTAINER_OF(node, imp_sm_gone, node) : NULL;
}

imp_sm_gone *imp_sm_recall(const imp_sm_manager *manager, const char *user, const char *id) {
  imp_sm_gone *gone = find(manager, id, imp_sm_len(id, IMP_SM_ID_MAX + 1));
  return gone != NULL && strcmp(user_of(gone), user) == 0 ? gone : NULL;
}

static imp_sm_gone *gone_new(imp_sm_manager *manager, const char *id, const char *user) {
  size_t idlen = strlen(id), userlen = strlen(user);
  imp_sm_gone *gone = imp_calloc(1, sizeof *gone + idlen + userlen + 2);
  if (gone == NULL) {
    return NULL;
  }
  gone->manager = manager;
  gone->idlen = (uint8_t)idlen;
  memcpy(gone->text, id, idlen + 1);
  memcpy(gone->text + idlen + 1, user, userlen + 1);
  imp_timer_init(&gone->timer, forget_now);
  return gone;
}

int imp_sm_remember(imp_sm_manager *manager, const char *id, const char *user, uint32_t in, uint32_t out, uint32_t acked,
                    uint32_t seconds) {
  const imp_sm_settings *s = &manager->grant->settings;
  if (seconds == 0 || s->handled_max == 0) {
    return IMP_OK;
  }
  imp_sm_gone *gone = gone_new(manager, id, user);
  if (gone == NULL) {
    return IMP_ERR_NOMEM;
  }
  gone->in = in;
  gone->out = out;
  gone->acked = acked;
  int rv = imp_sm_table_insert(&manager->gone, &gone->node);
  if (rv == IMP_OK) {
    rv = imp_heap_set(&manager->forgetting, &gone->timer, manager->now + seconds * IMP_SECONDS);
  }
  if (rv != IMP_OK) {
    imp_sm_table_remove(&manager->gone, &gone->node);
    imp_free(gone);
    return rv;
  }
  while (manager->gone.count > s->handled_max) {
    forget(first(manager));
  }
  return IMP_OK;
}

int imp_sm_restore_handled(imp_sm_manager *manager, const imp_sm_state *state, uint32_t seconds_left, imp_tstamp ts) {
  if (state->size < offsetof(imp_sm_state, max) || !imp_sm_names_valid(state) ||
      state->out - state->acked > IMP_SM_WINDOW_MAX) {
    return IMP_ERR_MALFORMED;
  }
  imp_sm_manager_tick(manager, ts);
  return imp_sm_remember(manager, state->id, state->user, state->in, state->out, state->acked, seconds_left);
}
