#include "sm/manager.h"

#include <stdio.h>
static imp_sm_grant *grant_new(imp_sm_manager *manager, const imp_sm_settings *settings) {
  imp_sm_grant *grant = imp_malloc(sizeof *grant);
  if (grant != NULL) {
    grant->manager = manager;
    grant->refs = 1;
    grant->settings = *settings;
  }
  return grant;
}

imp_sm_grant *imp_sm_grant_ref(imp_sm_grant *grant) {
  grant->refs++;
  return grant;
}

void imp_sm_grant_unref(imp_sm_grant *grant) {
  if (grant != NULL && --grant->refs == 0) {
    imp_free(grant);
  }
}

static const char *session_key(const imp_sm_node *node, size_t *len) {
  const imp_sm *sm = (const imp_sm *)(const void *)((const char *)node - offsetof(imp_sm, node));
  *len = sm->idlen;
  return sm->text;
}

static const char *sleeper_key(const imp_sm_node *node, size_t *len) {
  const imp_sm_sleeper *user =
      (const imp_sm_sleeper *)(const void *)((const char *)node - offsetof(imp_sm_sleeper, node));
  *len = strlen(user->name);
  return user->name;
}

int imp_sm_id_valid(const char *id, size_t len, size_t max) {
  static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  return len > 0 && len <= max && strspn(id, allowed) == len;
}

static void say(char *text, size_t textlen, const char *what) {
  if (text != NULL && textlen > 0) {
    snprintf(text, textlen, "%s", what);
  }
}

static int read_callbacks(imp_sm_callbacks *dst, const imp_sm_callbacks *src) {
  memset(dst, 0, sizeof *dst);
  if (src == NULL || src->size < sizeof src->size) {
    return IMP_ERR_INVALID_ARGUMENT;
  }
  memcpy(dst, src, src->size < sizeof *dst ? src->size : sizeof *dst);
  return dst->settle != NULL && dst->expired != NULL && dst->random != NULL ? IMP_OK : IMP_ERR_INVALID_ARGUMENT;
}

static int set_prefix(imp_sm_manager *manager, const char *prefix) {
  size_t len = prefix != NULL ? strlen(prefix) : 0;
  if (len == 0) {
    return IMP_OK;
  }
  if (!imp_sm_id_valid(prefix, len, IMP_SM_PREFIX_MAX)) {
    return IMP_ERR_INVALID_ARGUMENT;
  }
  memcpy(manager->prefix, prefix, len + 1);
  return IMP_OK;
}

static int init(imp_sm_manager *manager, const imp_sm_settings *settings, const char *prefix, char *text,
                size_t textlen) {
  uint64_t seed[2];
  int rv = set_prefix(manager, prefix);
  if (rv != IMP_OK) {
    say(text, textlen, "sm prefix: must be at most 32 characters out of A-Z a-z 0-9 . _ -");
    return rv;
  }
  rv = manager->cb.random(seed, sizeof seed, manager->user_data);
  if (rv != IMP_OK) {
    say(text, textlen, "sm random: the callback failed");
    return rv;
  }
  imp_sm_table_init(&manager->sessions, seed, session_key);
  imp_sm_table_init(&manager->sleepers, seed, sleeper_key);
  imp_sm_table_init(&manager->gone, seed, imp_sm_gone_key);
  imp_heap_init(&manager->sleeping);
  imp_heap_init(&manager->forgetting);
  return imp_sm_manager_set(manager, settings, text, textlen);
}

int imp_sm_manager_new(imp_sm_manager **manager, const imp_sm_settings *settings, const imp_sm_callbacks *callbacks,
                       const char *prefix, char *text, size_t textlen, void *user_data) {
  imp_sm_settings standard;
  imp_sm_callbacks cb;
  if (read_callbacks(&cb, callbacks) != IMP_OK) {
    say(text, textlen, "sm callbacks: size, settle, expired and random are required");
    return IMP_ERR_INVALID_ARGUMENT;
  }
  imp_sm_manager *m = imp_calloc(1, sizeof *m);
  if (m == NULL) {
    return IMP_ERR_NOMEM;
  }
  imp_sm_settings_default(&standard, sizeof standard);
  m->cb = cb;
  m->user_data = user_data;
  int rv = init(m, settings != NULL ? settings : &standard, prefix, text, textlen);
  if (rv != IMP_OK) {
    imp_free(m);
    return rv;
  }
  *manager = m;
  return IMP_OK;
}

int imp_sm_manager_set(imp_sm_manager *manager, const imp_sm_settings *settings, char *text, size_t textlen) {
  imp_sm_settings wanted;
  int rv = imp_sm_settings_check(settings, text, textlen);
  if (rv != IMP_OK) {
    return rv;
  }
  (void)imp_sm_settings_read(&wanted, settings);
  imp_sm_grant *grant = grant_new(manager, &wanted);
  if (grant == NULL) {
    return IMP_ERR_NOMEM;
  }
  imp_sm_grant_unref(manager->grant);
  manager->grant = grant;
  return IMP_OK;
}

const imp_sm_settings *imp_sm_manager_get(const imp_sm_manager *manager) { return &manager->grant->settings; }

static void end_sleepers(imp_sm_manager *manager, int expired) {
  while (manager->sleeping.count > 0) {
    imp_sm_sleep *sleep = IMP_CONTAINER_OF(manager->sleeping.entries[0], imp_sm_sleep, timer);
    imp_sm_end(sleep->sm, expired, expired);
  }
}

void imp_sm_manager_del(imp_sm_manager *manager) {
  if (manager == NULL) {
    return;
  }
  end_sleepers(manager, 0);
  imp_sm_forget_all(manager);
  imp_heap_reset(&manager->sleeping);
  imp_heap_reset(&manager->forgetting);
  imp_sm_pool_reset(&manager->pool);
  imp_sm_grant_unref(manager->grant);
  imp_free(manager);
}

void imp_sm_manager_expire_all(imp_sm_manager *manager, imp_tstamp ts) {
  imp_sm_manager_tick(manager, ts);
  end_sleepers(manager, 1);
}

imp_tstamp imp_sm_manager_tick(imp_sm_manager *manager, imp_tstamp ts) {
  if (ts > manager->now) {
    manager->now = ts;
  }
  return manager->now;
}

imp_tstamp imp_sm_manager_get_expiry(const imp_sm_manager *manager) {
  imp_tstamp end = imp_heap_next(&manager->sleeping);
  imp_tstamp forget = imp_heap_next(&manager->forgetting);
  return end < forget ? end : forget;
}

void imp_sm_manager_handle_expiry(imp_sm_manager *manager, imp_tstamp ts) {
  ts = imp_sm_manager_tick(manager, ts);
  imp_heap_run(&manager->sleeping, ts);
  imp_heap_run(&manager->forgetting, ts);
}

void imp_sm_manager_stats(const imp_sm_manager *manager, imp_sm_stats *stats, size_t size) {
  imp_sm_stats now = manager->stats;
  now.hibernating = manager->sleeping.count;
  now.handled = manager->gone.count;
  memset(stats, 0, size);
  memcpy(stats, &now, size < sizeof now ? size : sizeof now);
  stats->size = size;
}
