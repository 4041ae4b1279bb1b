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

static int each_of_user(imp_user *user, int (*fn)(const imp_session_info *info, void *user_data), void *user_data) {
  imp_session *s = user ? imp_session_first(user) : NULL;
  while (s != NULL) {
    imp_session *next = imp_session_next(s);
    imp_session_info info;
    imp_session_info_get(s, &info);
    if (fn(&info, user_data) != 0) {
      break;
    }
    s = next;
  }
  return IMP_OK;
}

int imp_node_each_session(imp_node *node, const char *username,
                          int (*fn)(const imp_session_info *info, void *user_data), void *user_data) {
  imp_map_iter it;
  imp_map_node *n;
  if (username != NULL) {
    imp_jid *jid;
    int rv = imp_jid_new_parts(&jid, username, node->settings.domain, NULL);
    if (rv < 0) {
      return imp_node_fail(node, rv, "each_session: \"%s\" is no user name", username);
    }
    rv = each_of_user(imp_node_find_user(node, jid), fn, user_data);
    imp_jid_del(jid);
    return rv;
  }
  imp_map_iter_init(&it, &node->sessions);
  while ((n = imp_map_iter_next(&it)) != NULL) {
    imp_session_info info;
    imp_session_info_get(IMP_CONTAINER_OF(n, imp_session, by_full), &info);
    if (fn(&info, user_data) != 0) {
      break;
    }
  }
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
  s.ops_pending = node->ops.pending;
  s.bytes_in = node->env.bytes_in;
  s.bytes_out = node->env.bytes_out;
  imp_sm_manager_stats(node->sm, &s.sm, sizeof(s.sm));
  s.size = size < sizeof(s) ? size : sizeof(s);
  memcpy(stats, &s, s.size);
}
