#include <string.h>

#include "node/node.h"

void imp_session_info_get(const imp_session *s, imp_session_info *info) {
  memset(info, 0, sizeof(*info));
  info->size = sizeof(*info);
  info->jid = imp_jid_full(s->jid);
  info->peer = s->conn ? imp_conn_get_peer(s->conn) : "";
  info->state = s->conn ? IMP_SESSION_CONNECTED : IMP_SESSION_HIBERNATING;
  info->available = s->presence != NULL;
  info->priority = s->priority;
  info->secure = s->conn ? (uint32_t)imp_conn_is_secure(s->conn) : 0;
  info->websocket = s->conn ? (uint32_t)imp_conn_is_websocket(s->conn) : 0;
  info->sm = s->sm != NULL;
  info->queued = s->sm ? (uint32_t)imp_sm_get_queued(s->sm) : 0;
  info->carbons = s->carbons;
  info->inactive = s->inactive;
  info->since = s->since;
}

void imp_node_tell(imp_node *node, imp_session_event event, imp_session *session) {
  imp_session_info info;
  size_t i;
  if (node->listener_count == 0) {
    return;
  }
  imp_session_info_get(session, &info);
  for (i = 0; i < node->listener_count; i++) {
    node->listeners[i].fn(node, event, &info, node->listeners[i].user_data);
  }
}

int imp_node_on_session(imp_node *node, imp_session_fn fn, void *user_data) {
  if (fn == NULL || node->listener_count == IMP_ARRAY_LEN(node->listeners)) {
    return imp_node_fail(node, fn ? IMP_ERR_LIMIT : IMP_ERR_INVALID_ARGUMENT, "on_session: %s",
                         fn ? "too many listeners" : "a function is required");
  }
  node->listeners[node->listener_count].fn = fn;
  node->listeners[node->listener_count++].user_data = user_data;
  return IMP_OK;
}

typedef struct snapshot {
  imp_session **all;
  size_t count, cap;
} snapshot;

static int reserve(snapshot *shot, size_t cap) {
  *shot = (snapshot){.all = cap > 0 ? imp_calloc(cap, sizeof(imp_session *)) : NULL, .cap = cap};
  return shot->all != NULL || cap == 0 ? IMP_OK : IMP_ERR_NOMEM;
}

static void take(snapshot *shot, imp_session *s) {
  if (shot->count < shot->cap) {
    shot->all[shot->count++] = s;
  }
}

static int take_user(snapshot *shot, imp_user *user) {
  imp_session *s = user ? imp_session_first(user) : NULL;
  int rv = reserve(shot, user ? user->count : 0);
  for (; s != NULL && rv == IMP_OK; s = imp_session_next(s)) {
    take(shot, s);
  }
  return rv;
}

static int take_all(snapshot *shot, const imp_node *node) {
  imp_map_iter it;
  imp_map_node *n;
  int rv = reserve(shot, node->sessions.count);
  imp_map_iter_init(&it, &node->sessions);
  while (rv == IMP_OK && (n = imp_map_iter_next(&it)) != NULL) {
    take(shot, IMP_CONTAINER_OF(n, imp_session, by_full));
  }
  return rv;
}

/* Sessions that end meanwhile keep their memory until the end of the turn. */
static void tell_all(snapshot *shot, int (*fn)(const imp_session_info *info, void *user_data), void *user_data) {
  size_t i;
  int stop = 0;
  for (i = 0; i < shot->count && !stop; i++) {
    if (!shot->all[i]->ending) {
      imp_session_info info;
      imp_session_info_get(shot->all[i], &info);
      stop = fn(&info, user_data) != 0;
    }
  }
  imp_free(shot->all);
}

int imp_node_each_session(imp_node *node, const char *username,
                          int (*fn)(const imp_session_info *info, void *user_data), void *user_data) {
  snapshot shot;
  imp_jid *jid;
  int rv;
  if (username == NULL) {
    rv = take_all(&shot, node);
  } else {
    rv = imp_jid_new_parts(&jid, username, node->settings.domain, NULL);
    if (rv < 0) {
      return imp_node_fail(node, rv, "each_session: \"%s\" is no user name", username);
    }
    rv = take_user(&shot, imp_node_find_user(node, jid));
    imp_jid_del(jid);
  }
  if (rv < 0) {
    return imp_node_fail(node, rv, "each_session: out of memory");
  }
  tell_all(&shot, fn, user_data);
  return IMP_OK;
}

int imp_node_end_session(imp_node *node, const char *text, const char *condition) {
  imp_jid *jid;
  imp_session *s;
  int rv = imp_jid_new(&jid, text, strlen(text));
  if (rv < 0) {
    return imp_node_fail(node, rv, "end_session: \"%s\" is no address", text);
  }
  s = imp_node_find_session(node, jid);
  imp_jid_del(jid);
  if (s == NULL) {
    return imp_node_fail(node, IMP_ERR_NOT_FOUND, "end_session: no session %s", text);
  }
  imp_session_end(s, condition ? condition : "reset");
  return IMP_OK;
}

void imp_node_stats(const imp_node *node, imp_stats *stats, size_t size) {
  imp_stats s = node->stats;
  s.sessions = node->sessions.count;
  s.users = node->users.count;
  s.ops_pending = node->ops.pending + (size_t)imp_node_waits_to_commit(node);
  s.bytes_in = node->env.bytes_in;
  s.bytes_out = node->env.bytes_out;
  imp_sm_manager_stats(node->sm, &s.sm, sizeof(s.sm));
  s.size = size < sizeof(s) ? size : sizeof(s);
  memcpy(stats, &s, s.size);
}
