#include <string.h>

#include "node/node.h"
#include "xml/jid.h"

imp_user *imp_node_find_user(const imp_node *node, const imp_jid *jid) {
  imp_map_node *n = imp_map_find(&node->users, imp_jid_bare(jid), imp_jid_bare_len(jid));
  return n ? IMP_CONTAINER_OF(n, imp_user, by_bare) : NULL;
}

imp_session *imp_node_find_session(const imp_node *node, const imp_jid *jid) {
  imp_map_node *n = imp_map_find(&node->sessions, imp_jid_full(jid), imp_jid_full_len(jid));
  return n ? IMP_CONTAINER_OF(n, imp_session, by_full) : NULL;
}

static imp_user *user_new(imp_node *node, const imp_jid *jid) {
  imp_user *user = imp_calloc(1, sizeof(*user));
  if (user == NULL) {
    return NULL;
  }
  imp_list_init(&user->sessions);
  if (imp_jid_new_bare(&user->jid, (imp_jid *)(uintptr_t)jid) < 0) {
    imp_free(user);
    return NULL;
  }
  if (imp_map_insert(&node->users, &user->by_bare, imp_jid_full(user->jid), imp_jid_full_len(user->jid)) < 0) {
    imp_jid_del(user->jid);
    imp_free(user);
    return NULL;
  }
  return user;
}

static void user_release(imp_node *node, imp_user *user) {
  imp_event event = {.username = imp_jid_full(user->jid), .to = user->jid};
  if (user->refs > 0) {
    return;
  }
  (void)imp_node_run_hooks(node, IMP_POINT_USER_GONE, &event);
  imp_map_remove(&node->users, &user->by_bare);
  imp_jid_del(user->jid);
  imp_free(user);
}

/* The oldest session goes when there are too many. */
static void make_room(imp_node *node, imp_user *user) {
  while (user->count > node->settings.max_sessions_per_user) {
    imp_session *oldest = imp_session_first(user), *s;
    for (s = oldest; s != NULL; s = imp_session_next(s)) {
      oldest = s->since < oldest->since ? s : oldest;
    }
    imp_log(&node->log, IMP_LOG_SESSION, IMP_LOG_WARN, imp_jid_full(oldest->jid), "ended: user has %u sessions",
            (unsigned)user->count);
    imp_session_end(oldest, "policy-violation");
  }
}

int imp_session_new(imp_session **psession, imp_node *node, const imp_jid *jid, imp_conn *conn) {
  imp_session *s;
  imp_user *user = imp_node_find_user(node, jid);
  int rv;
  if (imp_node_find_session(node, jid) != NULL) {
    return IMP_ERR_EXISTS;
  }
  if (user == NULL && (user = user_new(node, jid)) == NULL) {
    return IMP_ERR_NOMEM;
  }
  s = imp_calloc(1, sizeof(*s));
  if (s == NULL) {
    user_release(node, user);
    return IMP_ERR_NOMEM;
  }
  s->kind = IMP_OWNER_SESSION;
  s->node = node;
  s->jid = imp_jid_ref((imp_jid *)(uintptr_t)jid);
  rv = imp_map_insert(&node->sessions, &s->by_full, imp_jid_full(jid), imp_jid_full_len(jid));
  if (rv < 0) {
    imp_jid_del(s->jid);
    imp_free(s);
    user_release(node, user);
    return rv;
  }
  s->user = user;
  s->since = node->now;
  imp_list_append(&user->sessions, &s->of_user);
  user->count++;
  user->refs++;
  make_room(node, user);
  if (conn != NULL) {
    imp_session_attach(s, conn);
  }
  *psession = s;
  return IMP_OK;
}

void imp_session_attach(imp_session *s, imp_conn *conn) {
  s->conn = conn;
  imp_conn_set_owner(conn, s);
  imp_conn_set_jid(conn, s->jid);
}

void imp_session_detach(imp_session *s) {
  imp_acks_last(s);
  if (s->conn != NULL) {
    imp_conn_set_owner(s->conn, NULL);
    s->conn = NULL;
  }
}

static void let_go_of_connection(imp_session *s, const char *condition) {
  imp_conn *conn = s->conn;
  imp_session_detach(s);
  if (conn != NULL && !imp_conn_is_ended(conn)) {
    imp_conn_close(conn, condition, s->node->now);
  }
}

void imp_session_end(imp_session *s, const char *condition) {
  imp_node *node = s->node;
  imp_user *user = s->user;
  imp_event event = {.session = s};
  if (s->ending) {
    return;
  }
  s->ending = 1;
  if (condition != NULL && !s->clean && !s->deleted) {
    s->remember_h = 1; /* its client did not choose that, and may ask */
  }
  let_go_of_connection(s, condition);
  (void)imp_node_run_hooks(node, IMP_POINT_SESSION_ENDED, &event);
  imp_node_tell(node, IMP_SESSION_ENDED, s);
  imp_map_remove(&node->sessions, &s->by_full);
  imp_list_remove(&s->of_user);
  user->count--;
  imp_durable_forget(s);
  imp_legacy_end_all(s);
  imp_sm_del(s->sm, s->remember_h, node->now);
  s->sm = NULL;
  imp_list_append(&node->zombies, &s->of_user);
}

void imp_node_bury(imp_node *node) {
  imp_list *l;
  while ((l = imp_list_pop(&node->zombies)) != NULL) {
    imp_session *s = IMP_CONTAINER_OF(l, imp_session, of_user);
    s->user->refs--;
    user_release(node, s->user);
    imp_stanza_del(s->presence);
    imp_jid_del(s->jid);
    imp_free(s);
  }
}
