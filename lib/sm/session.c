#include "core/codec.h"
#include "sm/manager.h"

#define ID_TRIES 4

imp_sm *imp_sm_alloc(imp_sm_manager *manager, const char *id, const char *user) {
  size_t idlen = id != NULL ? strlen(id) : 0, userlen = strlen(user);
  imp_sm *sm = imp_calloc(1, sizeof *sm + idlen + userlen + 2);
  if (sm == NULL) {
    return NULL;
  }
  sm->idlen = (uint8_t)idlen;
  memcpy(sm->text, idlen > 0 ? id : "", idlen + 1);
  memcpy(sm->text + idlen + 1, user, userlen + 1);
  sm->grant = imp_sm_grant_ref(manager->grant);
  manager->stats.sessions++;
  return sm;
}

void imp_sm_free(imp_sm *sm) {
  sm->grant->manager->stats.sessions--;
  imp_sm_grant_unref(sm->grant);
  imp_free(sm);
}

static int make_id(imp_sm_manager *manager, char id[IMP_SM_ID_MAX + 1]) {
  uint8_t bytes[IMP_SM_RANDOM_LEN];
  size_t len = strlen(manager->prefix);
  int rv = manager->cb.random(bytes, sizeof bytes, manager->user_data);
  if (rv != IMP_OK) {
    return rv;
  }
  memcpy(id, manager->prefix, len);
  len += imp_base64url_encode(id + len, bytes, sizeof bytes);
  id[len] = '\0';
  return imp_sm_table_find(&manager->gone, id, len) != NULL ? IMP_ERR_EXISTS : IMP_OK;
}

static int try_new(imp_sm_manager *manager, imp_sm **sm, const char *user) {
  char id[IMP_SM_ID_MAX + 1];
  int rv = make_id(manager, id);
  if (rv != IMP_OK) {
    return rv;
  }
  imp_sm *fresh = imp_sm_alloc(manager, id, user);
  if (fresh == NULL) {
    return IMP_ERR_NOMEM;
  }
  rv = imp_sm_table_insert(&manager->sessions, &fresh->node);
  if (rv != IMP_OK) {
    imp_sm_free(fresh);
    return rv;
  }
  *sm = fresh;
  return IMP_OK;
}

static int new_resumable(imp_sm_manager *manager, imp_sm **sm, const char *user, uint32_t max) {
  uint32_t most = manager->grant->settings.timeout;
  int rv = IMP_ERR_EXISTS;
  for (int i = 0; i < ID_TRIES && rv == IMP_ERR_EXISTS; i++) {
    rv = try_new(manager, sm, user);
  }
  if (rv == IMP_OK) {
    (*sm)->max = max > 0 && max < most ? max : most;
  }
  return rv;
}

int imp_sm_new(imp_sm_manager *manager, imp_sm **sm, const char *user, int resume, uint32_t max, imp_tstamp ts,
               void *session_data) {
  imp_sm *fresh = NULL;
  size_t userlen = user != NULL ? imp_sm_len(user, IMP_SM_USER_MAX + 1) : 0;
  int rv = IMP_OK;
  imp_sm_manager_tick(manager, ts);
  if (userlen == 0 || userlen > IMP_SM_USER_MAX) {
    return IMP_ERR_INVALID_ARGUMENT;
  }
  if (!manager->grant->settings.enabled) {
    return IMP_ERR_DENIED;
  }
  if (resume) {
    rv = new_resumable(manager, &fresh, user, max);
  } else {
    fresh = imp_sm_alloc(manager, NULL, user);
    rv = fresh != NULL ? IMP_OK : IMP_ERR_NOMEM;
  }
  if (rv != IMP_OK) {
    return rv;
  }
  fresh->data = session_data;
  manager->stats.enabled++;
  *sm = fresh;
  return IMP_OK;
}

static void remember(imp_sm *sm) {
  const imp_sm_settings *s = &sm->grant->settings;
  if (sm->idlen > 0) {
    /* Without memory for it the client is not told its count; nothing is lost that it does not have. */
    (void)imp_sm_remember(sm->grant->manager, sm->text, imp_sm_user_of(sm), sm->in, sm->out, sm->acked,
                          s->handled_time);
  }
}

void imp_sm_end(imp_sm *sm, int remembered, int expired) {
  imp_sm_manager *manager = sm->grant->manager;
  sm->ending = 1;
  if (sm->idlen > 0) {
    imp_sm_table_remove(&manager->sessions, &sm->node);
  }
  imp_sm_wake(sm);
  if (remembered) {
    remember(sm);
  }
  if (expired) {
    manager->stats.expired++;
    manager->cb.expired(sm, manager->user_data);
  }
  while (imp_sm_ring_len(sm->ring) > 0) {
    imp_sm_settle_slot(sm, imp_sm_ring_pop(sm->ring), IMP_SM_ABANDONED);
  }
  imp_sm_ring_release(&sm->ring, &manager->pool);
  imp_sm_free(sm);
}

void imp_sm_del(imp_sm *sm, int remembered, imp_tstamp ts) {
  if (sm == NULL || sm->ending) {
    return;
  }
  imp_sm_manager_tick(sm->grant->manager, ts);
  imp_sm_end(sm, remembered, 0);
}

imp_sm *imp_sm_find(imp_sm_manager *manager, const char *user, const char *id) {
  imp_sm_node *node = imp_sm_table_find(&manager->sessions, id, imp_sm_len(id, IMP_SM_ID_MAX + 1));
  imp_sm *sm = node != NULL ? IMP_CONTAINER_OF(node, imp_sm, node) : NULL;
  return sm != NULL && strcmp(imp_sm_user_of(sm), user) == 0 ? sm : NULL;
}

void *imp_sm_get_session_data(const imp_sm *sm) { return sm->data; }
void imp_sm_set_session_data(imp_sm *sm, void *session_data) { sm->data = session_data; }
imp_sm_manager *imp_sm_get_manager(const imp_sm *sm) { return sm->grant->manager; }
const char *imp_sm_get_id(const imp_sm *sm) { return sm->text; }
const char *imp_sm_get_user(const imp_sm *sm) { return imp_sm_user_of(sm); }
const imp_sm_settings *imp_sm_get_settings(const imp_sm *sm) { return &sm->grant->settings; }
uint32_t imp_sm_get_max(const imp_sm *sm) { return sm->max; }
uint32_t imp_sm_get_in(const imp_sm *sm) { return sm->in; }
uint32_t imp_sm_get_out(const imp_sm *sm) { return sm->out; }
uint32_t imp_sm_get_acked(const imp_sm *sm) { return sm->acked; }
size_t imp_sm_get_queued(const imp_sm *sm) { return imp_sm_ring_len(sm->ring); }
uint64_t imp_sm_get_queued_bytes(const imp_sm *sm) { return sm->ring != NULL ? sm->ring->bytes : 0; }

size_t imp_sm_get_room(const imp_sm *sm) {
  const imp_sm_settings *s = &sm->grant->settings;
  uint32_t len = imp_sm_ring_len(sm->ring);
  return len < s->buffer_packets && imp_sm_get_queued_bytes(sm) < s->buffer_bytes ? s->buffer_packets - len : 0;
}
