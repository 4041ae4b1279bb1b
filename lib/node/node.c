#include "node/node.h"

#include <gnutls/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/codec.h"
#include "node/settings.h"

static _Thread_local char new_error[IMP_NODE_ERROR_MAX];

const char *imp_node_new_error(void) { return new_error; }
const char *imp_node_last_error(const imp_node *node) { return node->error; }
const char *imp_node_domain(const imp_node *node) { return node->settings.domain; }
void *imp_node_get_user_data(const imp_node *node) { return node->user_data; }
int imp_node_is_ready(const imp_node *node) { return node->ready; }
void imp_node_set_wallclock(imp_node *node, imp_wallclock now) { node->wall = now; }

int imp_node_fail(imp_node *node, int error, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  (void)vsnprintf(node->error, sizeof(node->error), fmt, args);
  va_end(args);
  return error;
}

void imp_node_enter(imp_node *node, imp_tstamp ts) {
  if (ts > node->now) {
    node->now = ts;
  }
  node->env.now = node->now;
}

imp_wallclock imp_node_wallclock(imp_node *node) {
  return node->callbacks.wallclock ? node->callbacks.wallclock(node->user_data) : node->wall;
}

int imp_node_random(imp_node *node, void *dst, size_t len) {
  if (node->callbacks.random != NULL) {
    return node->callbacks.random(dst, len, node->user_data);
  }
  return gnutls_rnd(GNUTLS_RND_RANDOM, dst, len) == 0 ? IMP_OK : IMP_ERR_UNAVAILABLE;
}

static void env_random(void *dst, size_t len) { (void)gnutls_rnd(GNUTLS_RND_NONCE, dst, len); }
static const char *env_domain(void *ctx) { return ((imp_node *)ctx)->settings.domain; }
static int sm_random(void *dst, size_t len, void *ctx) { return imp_node_random(ctx, dst, len); }

void imp_node_fresh_id(imp_node *node, char *dst) {
  uint8_t raw[15];
  if (imp_node_random(node, raw, sizeof(raw)) < 0) {
    imp_put_be64(raw, ++node->serial);
    memset(raw + 8, 0, sizeof(raw) - 8);
  }
  (void)imp_base64url_encode(dst, raw, sizeof(raw));
}

static void wake(void *ctx) {
  imp_node *node = ctx;
  if (!node->in_turn && node->callbacks.want_turn != NULL) {
    node->callbacks.want_turn(node, node->user_data);
  }
}

static void on_sm_expired(imp_sm *sm, void *user_data) {
  imp_session *s = imp_sm_get_session_data(sm);
  (void)user_data;
  if (imp_legacy_expired(s, sm)) {
    return;
  }
  s->remember_h = 1;
  imp_durable_forget(s);
  s->sm = NULL; /* the manager settles and frees it */
  imp_session_end(s, NULL);
}

static void on_evicted_acked(imp_sm *sm, uint32_t count, void *user_data) {
  imp_event event = {.session = imp_sm_get_session_data(sm), .count = count};
  (void)imp_node_run_hooks(user_data, IMP_POINT_EVICTED_ACKED, &event);
}

static void on_late_acked(const char *user, const char *id, uint32_t count, void *user_data) {
  imp_event event = {.username = user, .id = id, .count = count};
  (void)imp_node_run_hooks(user_data, IMP_POINT_LATE_ACKED, &event);
}

static void set_limits(imp_node *node) {
  const imp_settings *s = &node->settings;
  imp_stream_limits *l = &node->limits;
  imp_xml_limits_default(&l->preauth);
  imp_xml_limits_default(&l->authed);
  l->preauth.stanza_bytes = s->max_preauth_stanza_bytes;
  l->authed.stanza_bytes = s->max_stanza_bytes;
  l->preauth_bytes = s->max_preauth_bytes;
  l->preauth_time = s->preauth_timeout * IMP_SECONDS;
  l->close_time = 5 * IMP_SECONDS;
  l->output_max = s->max_output_bytes;
  l->recv_rate = s->recv_rate;
  l->recv_burst = s->recv_rate;
}

static int set_env(imp_node *node) {
  node->env.xml = node->xml;
  node->env.timers = &node->timers;
  node->env.log = &node->log;
  node->env.limits = &node->limits;
  node->env.dirty = &node->dirty;
  node->env.domain = env_domain;
  node->env.random = env_random;
  node->env.ctx = node;
  node->env.wake = wake;
  return imp_stream_env_init(&node->env);
}

static int start_features(imp_node *node) {
  size_t i;
  for (i = 0; imp_features[i] != NULL; i++) {
    int rv;
    node->features_started = i + 1; /* one that failed is stopped too */
    rv = imp_features[i]->start(node);
    if (rv < 0) {
      return rv;
    }
  }
  return IMP_OK;
}

static void stop_features(imp_node *node) {
  size_t i;
  for (i = node->features_started; i > 0; i--) {
    if (imp_features[i - 1]->stop != NULL) {
      imp_features[i - 1]->stop(node);
    }
  }
  node->features_started = 0;
}

static void init_members(imp_node *node) {
  imp_heap_init(&node->timers);
  imp_map_init(&node->users);
  imp_map_init(&node->sessions);
  imp_map_init(&node->jid_handlers);
  imp_map_init(&node->iq_handlers);
  imp_acks_init(node);
  imp_list_init(&node->dirty);
  imp_list_init(&node->gathered);
  imp_list_init(&node->committing);
  imp_list_init(&node->waiters);
  imp_list_init(&node->committing_waiters);
  imp_list_init(&node->ensures);
  imp_list_init(&node->answers);
  imp_list_init(&node->zombies);
  imp_list_init(&node->durable_dirty);
  imp_list_init(&node->restorations);
  imp_buf_init(&node->scratch, 64u << 20);
  imp_op_queue_init(&node->ops, &node->timers, wake, node);
  imp_ledger_init(&node->stats.ledger);
  node->log.fn = node->callbacks.log;
  node->log.user_data = node->user_data;
  node->log.max = (imp_log_level)node->settings.log_level;
}

static int seed(imp_node *node) {
  uint8_t hash_seed[16];
  int rv = imp_node_random(node, hash_seed, sizeof(hash_seed));
  if (rv == IMP_OK) {
    imp_map_seed(hash_seed);
    rv = imp_node_random(node, node->fake_key, sizeof(node->fake_key));
  }
  return rv;
}

static int start_sm(imp_node *node) {
  static const imp_sm_callbacks callbacks = {.size = sizeof(callbacks),
                                             .settle = imp_node_sm_settle,
                                             .evicted_acked = on_evicted_acked,
                                             .expired = on_sm_expired,
                                             .random = sm_random,
                                             .late_acked = on_late_acked};
  return imp_sm_manager_new(&node->sm, node->settings.sm, &callbacks, node->settings.node_name, node->error,
                            sizeof(node->error), node);
}

static int start_parts(imp_node *node) {
  int rv = seed(node);
  if (rv == IMP_OK) {
    rv = imp_jid_new(&node->domain, node->settings.domain, strlen(node->settings.domain));
    if (rv == IMP_ERR_MALFORMED || (rv == IMP_OK && *imp_jid_local(node->domain))) {
      return imp_node_fail(node, IMP_ERR_INVALID_ARGUMENT, "setting domain \"%s\": no domain", node->settings.domain);
    }
  }
  if (rv == IMP_OK) {
    rv = imp_jid_cache_new(&node->jids, IMP_JID_CACHE_DEFAULT);
  }
  if (rv == IMP_OK) {
    rv = imp_xml_pool_new(&node->xml, node->settings.xml_contexts, node->jids);
  }
  if (rv == IMP_OK) {
    rv = start_sm(node);
  }
  return rv;
}

static int start(imp_node *node) {
  int rv = start_parts(node);
  if (rv < 0) {
    return rv;
  }
  set_limits(node);
  rv = set_env(node);
  if (rv == IMP_OK) {
    rv = imp_node_start_services(node);
  }
  if (rv == IMP_OK) {
    rv = start_features(node);
  }
  if (rv == IMP_OK) {
    rv = imp_memory_store_new(&node->own_store);
  }
  if (rv == IMP_OK) {
    node->store = imp_memory_store_vtable();
    node->store_ctx = node->own_store;
    node->ready = 1; /* it is empty */
  }
  return rv;
}

int imp_node_new(imp_node **pnode, const imp_settings *settings, const imp_callbacks *callbacks, void *user_data) {
  imp_node *node = imp_calloc(1, sizeof(*node));
  int rv;
  new_error[0] = '\0';
  if (node == NULL) {
    imp_set_error(new_error, sizeof(new_error), "out of memory");
    return IMP_ERR_NOMEM;
  }
  rv = imp_settings_copy(&node->settings, settings, new_error, sizeof(new_error));
  if (rv < 0) {
    imp_free(node);
    return rv;
  }
  if (callbacks != NULL) {
    memcpy(&node->callbacks, callbacks,
           callbacks->size < sizeof(node->callbacks) ? callbacks->size : sizeof(node->callbacks));
  }
  node->user_data = user_data;
  init_members(node);
  rv = start(node);
  node->settings.sm = NULL; /* the manager has its own copy */
  if (rv < 0) {
    imp_set_error(new_error, sizeof(new_error), "%s", node->error[0] ? node->error : imp_strerror(rv));
    imp_node_del(node);
    return rv;
  }
  *pnode = node;
  return IMP_OK;
}

static void end_all_sessions(imp_node *node) {
  imp_map_iter it;
  imp_map_node *n;
  imp_map_iter_init(&it, &node->sessions);
  while ((n = imp_map_iter_next(&it)) != NULL) {
    imp_session *s = IMP_CONTAINER_OF(n, imp_session, by_full);
    imp_durable_keep(s);
    imp_session_end(s, "system-shutdown");
  }
  imp_node_bury(node);
}

static void free_waiters(imp_list *list) {
  imp_list *l;
  while ((l = imp_list_pop(list)) != NULL) {
    imp_free(IMP_CONTAINER_OF(l, imp_commit_waiter, link));
  }
}

void imp_node_del(imp_node *node) {
  if (node == NULL) {
    return;
  }
  node->in_turn = 1; /* nothing wakes the host any more */
  node->deleting = 1;
  end_all_sessions(node);
  imp_sm_manager_del(node->sm);
  imp_node_bury(node);
  stop_features(node);
  imp_account_stop(node);
  imp_op_queue_close(&node->ops);
  imp_durable_stop(node);
  imp_node_free_answers(node);
  free_waiters(&node->waiters);
  free_waiters(&node->committing_waiters);
  imp_node_free_handlers(node);
  imp_node_free_jid_handlers(node);
  imp_map_reset(&node->users);
  imp_map_reset(&node->sessions);
  imp_tls_context_del(node->env.tls);
  imp_xml_pool_del(node->xml);
  imp_jid_cache_del(node->jids);
  imp_jid_del(node->domain);
  imp_memory_store_del(node->own_store);
  imp_heap_reset(&node->timers);
  imp_stream_env_reset(&node->env);
  imp_buf_reset(&node->scratch);
  imp_settings_free(&node->settings);
  imp_free(node);
}

int imp_node_set_tls(imp_node *node, const char *certificate_pem, const char *key_pem, const char *ca_pem) {
  imp_tls_config config = {.certificate_pem = certificate_pem, .key_pem = key_pem, .ca_pem = ca_pem};
  imp_tls_context *tls;
  int rv;
  if (certificate_pem == NULL || key_pem == NULL) {
    return imp_node_fail(node, IMP_ERR_INVALID_ARGUMENT, "set_tls: certificate and key are required");
  }
  rv = imp_tls_context_new(&tls, &config, node->error, sizeof(node->error));
  if (rv == IMP_OK) {
    imp_tls_context_del(node->env.tls);
    node->env.tls = tls;
  }
  return rv;
}

int imp_node_tls_fingerprint(const imp_node *node, char *dst) {
  return node->env.tls ? imp_tls_context_fingerprint(node->env.tls, dst) : IMP_ERR_NOT_FOUND;
}

int imp_node_set_sm(imp_node *node, const imp_sm_settings *settings) {
  return imp_sm_manager_set(node->sm, settings, node->error, sizeof(node->error));
}

int imp_node_set_log_level(imp_node *node, imp_log_level level) {
  if ((unsigned)level > IMP_LOG_TRACE) {
    imp_set_error(node->error, sizeof(node->error), "log level %d: must be %d to %d", (int)level, IMP_LOG_ERROR,
                  IMP_LOG_TRACE);
    return IMP_ERR_RANGE;
  }
  node->log.max = level;
  return IMP_OK;
}

void imp_node_loading(imp_node *node, const imp_op *op) {
  node->loading += op != NULL;
  node->load_failed |= op == NULL;
}

void imp_node_loaded(imp_node *node) {
  if (--node->loading == 0) {
    node->ready = 1;
    imp_log(&node->log, IMP_LOG_STORE, IMP_LOG_INFO, node->settings.domain, "store read; %zu sessions restored",
            node->sessions.count);
  }
}

/* What the rooms and the node itself must know before the first client. */
static int load(imp_node *node) {
  imp_event event = {0};
  node->ready = !node->store->durable;
  node->loading = 1; /* until all have begun */
  (void)imp_node_run_hooks(node, IMP_POINT_STORE_READY, &event);
  if (node->settings.durable && node->store->durable) {
    imp_durable_restore(node);
  }
  imp_node_loaded(node);
  return node->load_failed ? imp_node_fail(node, IMP_ERR_NOMEM, "set_store: out of memory") : IMP_OK;
}

int imp_node_set_store(imp_node *node, const imp_store *store, void *ctx) {
  if (node->stats.accepted > 0 || node->sessions.count > 0) {
    return imp_node_fail(node, IMP_ERR_STATE, "set_store: after the first connection");
  }
  if (node->store_ctx != node->own_store) {
    return imp_node_fail(node, IMP_ERR_STATE, "set_store: it has one already");
  }
  if (store == NULL || store->size < sizeof(*store)) {
    return imp_node_fail(node, IMP_ERR_INVALID_ARGUMENT, "set_store: an incomplete store");
  }
  node->store = store;
  node->store_ctx = ctx;
  return load(node);
}
