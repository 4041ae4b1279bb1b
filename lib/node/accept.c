/* The beginning and the end of connections. */
#include "node/node.h"

int imp_node_accept(imp_node *node, imp_conn **conn, const imp_conn_params *params, imp_tstamp ts) {
  int rv;
  imp_node_enter(node, ts);
  if (node->env.events == NULL) {
    return imp_node_fail(node, IMP_ERR_STATE, "accept: the library was built without the room c2s");
  }
  if (node->shutting_down) {
    return imp_node_fail(node, IMP_ERR_STATE, "accept: shutting down");
  }
  if (node->stats.connections >= node->settings.max_connections) {
    return imp_node_fail(node, IMP_ERR_LIMIT, "accept: max_connections %u reached",
                         (unsigned)node->settings.max_connections);
  }
  if (node->stats.preauth >= node->settings.max_preauth_connections) {
    return imp_node_fail(node, IMP_ERR_LIMIT, "accept: max_preauth_connections %u reached",
                         (unsigned)node->settings.max_preauth_connections);
  }
  rv = imp_conn_new(conn, &node->env, params, node->now);
  if (rv < 0) {
    return imp_node_fail(node, rv, "accept: %s", imp_strerror(rv));
  }
  node->stats.accepted++;
  node->stats.connections++;
  node->stats.preauth++;
  return IMP_OK;
}

void imp_node_connection_ended(imp_node *node, const imp_conn *conn) {
  node->stats.connections--;
  if (!imp_conn_is_authenticated(conn)) {
    node->stats.preauth--;
  }
}

void imp_node_authenticated(imp_node *node, imp_conn *conn) {
  if (!imp_conn_is_authenticated(conn)) {
    node->stats.preauth--;
    imp_conn_set_authenticated(conn);
  }
}

static void close_one(imp_conn *conn, void *ctx) {
  imp_conn_close(conn, ctx, imp_conn_env(conn)->now);
}

/* Without durable sessions what waits for a client would go with the process: it is stored offline. */
static void end_waiting_sessions(imp_node *node) {
  imp_map_iter it;
  imp_map_node *n;
  imp_map_iter_init(&it, &node->sessions);
  while ((n = imp_map_iter_next(&it)) != NULL) {
    imp_session *s = IMP_CONTAINER_OF(n, imp_session, by_full);
    if (s->conn == NULL && s->durable == NULL) {
      s->clean = 1;
      imp_session_end(s, NULL);
    }
  }
}

void imp_node_shutdown(imp_node *node, const char *condition, imp_tstamp ts) {
  imp_node_enter(node, ts);
  node->shutting_down = 1;
  imp_conn_each(&node->env, close_one, (void *)(uintptr_t)condition);
  end_waiting_sessions(node);
  imp_node_turn(node, node->now);
}
