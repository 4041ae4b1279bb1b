/* Sessions without a link: until when, and whose. */
#include "sm/manager.h"

static imp_sm_sleeper *find_sleeper(const imp_sm_manager *manager, const char *user) {
  imp_sm_node *node = imp_sm_table_find(&manager->sleepers, user, strlen(user));
  return node != NULL ? IMP_CONTAINER_OF(node, imp_sm_sleeper, node) : NULL;
}

static imp_sm_sleeper *get_sleeper(imp_sm_manager *manager, const char *name) {
  size_t len = strlen(name);
  imp_sm_sleeper *user = find_sleeper(manager, name);
  if (user != NULL) {
    return user;
  }
  user = imp_calloc(1, sizeof *user + len + 1);
  if (user == NULL) {
    return NULL;
  }
  memcpy(user->name, name, len + 1);
  imp_list_init(&user->sessions);
  if (imp_sm_table_insert(&manager->sleepers, &user->node) != IMP_OK) {
    imp_free(user);
    return NULL;
  }
  return user;
}

static void put_sleeper(imp_sm_manager *manager, imp_sm_sleeper *user) {
  if (user->count == 0) {
    imp_sm_table_remove(&manager->sleepers, &user->node);
    imp_free(user);
  }
}

static void too_late(imp_timer *timer, imp_tstamp ts) {
  (void)ts;
  imp_sm_end(IMP_CONTAINER_OF(timer, imp_sm_sleep, timer)->sm, 1, 1);
}

int imp_sm_fall_asleep(imp_sm *sm, imp_tstamp until) {
  imp_sm_manager *manager = sm->grant->manager;
  imp_sm_sleep *sleep = imp_calloc(1, sizeof *sleep);
  imp_sm_sleeper *user = sleep != NULL ? get_sleeper(manager, imp_sm_user_of(sm)) : NULL;
  if (user == NULL) {
    imp_free(sleep);
    return IMP_ERR_NOMEM;
  }
  imp_timer_init(&sleep->timer, too_late);
  if (imp_heap_set(&manager->sleeping, &sleep->timer, until) != IMP_OK) {
    put_sleeper(manager, user);
    imp_free(sleep);
    return IMP_ERR_NOMEM;
  }
  imp_list_append(&user->sessions, &sleep->of_user);
  user->count++;
  sleep->user = user;
  sleep->sm = sm;
  sm->sleep = sleep;
  return IMP_OK;
}

void imp_sm_wake(imp_sm *sm) {
  imp_sm_sleep *sleep = sm->sleep;
  imp_sm_manager *manager = sm->grant->manager;
  if (sleep == NULL) {
    return;
  }
  imp_heap_remove(&manager->sleeping, &sleep->timer);
  imp_list_remove(&sleep->of_user);
  sleep->user->count--;
  put_sleeper(manager, sleep->user);
  imp_free(sleep);
  sm->sleep = NULL;
}

/* The newest is the last: it is never among those that go. A callback may end others, so look again each time. */
static void make_room(imp_sm_manager *manager, const char *name, uint32_t most) {
  for (imp_sm_sleeper *user = find_sleeper(manager, name); user != NULL && user->count > most;
       user = find_sleeper(manager, name)) {
    imp_sm_end(IMP_CONTAINER_OF(user->sessions.next, imp_sm_sleep, of_user)->sm, 1, 1);
  }
}

int imp_sm_disconnected(imp_sm *sm, imp_tstamp ts) {
  imp_sm_manager *manager = sm->grant->manager;
  imp_tstamp now = imp_sm_manager_tick(manager, ts);
  if (sm->idlen == 0 || sm->ending) {
    return IMP_ERR_STATE;
  }
  if (sm->sleep != NULL) {
    return IMP_OK;
  }
  if (imp_sm_fall_asleep(sm, now + sm->max * IMP_SECONDS) != IMP_OK) {
    return IMP_ERR_NOMEM;
  }
  sm->wire = sm->out;
  imp_sm_reset_r(sm);
  make_room(manager, imp_sm_user_of(sm), sm->grant->settings.max_hibernated);
  return IMP_OK;
}

int imp_sm_is_hibernating(const imp_sm *sm) { return sm->sleep != NULL; }

imp_tstamp imp_sm_get_deadline(const imp_sm *sm) { return sm->sleep != NULL ? sm->sleep->timer.at : IMP_TSTAMP_NEVER; }

static imp_sm *session_at(const imp_sm_sleeper *user, const imp_list *at) {
  return at != &user->sessions ? IMP_CONTAINER_OF(at, imp_sm_sleep, of_user)->sm : NULL;
}

imp_sm *imp_sm_find_hibernating(imp_sm_manager *manager, const char *user) {
  imp_sm_sleeper *sleeper = find_sleeper(manager, user);
  return sleeper != NULL ? session_at(sleeper, sleeper->sessions.prev) : NULL;
}

imp_sm *imp_sm_next_hibernating(const imp_sm *sm) {
  return sm->sleep != NULL ? session_at(sm->sleep->user, sm->sleep->of_user.prev) : NULL;
}
