/* Resource binding (RFC 6120 §7). */
#include <string.h>

#include "c2s/login.h"
#include "xml/jid.h"

static int full_jid(imp_login *login, const char *resource, imp_jid **jid) {
  char generated[24];
  if (resource == NULL || *resource == '\0') {
    imp_node_fresh_id(login->node, generated);
    resource = generated;
  }
  return imp_jid_new_parts(jid, imp_jid_local(login->user), imp_jid_domain(login->user), resource);
}

/* The old session's place is taken; what its client did not acknowledge goes on with the new one. */
static imp_sm *replace(imp_session *old) {
  imp_sm *sm = old->sm;
  if (sm != NULL) {
    int hibernating = imp_sm_is_hibernating(sm) || imp_sm_disconnected(sm, old->node->now) == IMP_OK;
    if (hibernating) {
      old->remember_h = 1;
      imp_durable_forget(old);
      old->sm = NULL;
    } else {
      sm = NULL;
    }
  }
  imp_session_end(old, "conflict");
  return sm;
}

static int on_conflict(imp_login *login, imp_session *old, imp_jid **jid, imp_sm **legacy) {
  if (old->conn == NULL || login->node->settings.conflict == IMP_CONFLICT_REPLACE) {
    *legacy = replace(old);
    return IMP_OK;
  }
  if (login->node->settings.conflict == IMP_CONFLICT_REFUSE) {
    return IMP_ERR_CONFLICT;
  }
  imp_jid_del(*jid);
  *jid = NULL;
  return full_jid(login, NULL, jid);
}

/* The session whose resumption was refused, if it still waits (another resource, perhaps). */
static imp_sm *refused_session(imp_login *login) {
  imp_sm *sm = *login->refused ? imp_sm_find(login->node->sm, imp_jid_bare(login->user), login->refused) : NULL;
  imp_session *old;
  if (sm == NULL) {
    return NULL;
  }
  old = imp_sm_get_session_data(sm);
  if (old->sm != sm || (old->conn != NULL && !imp_conn_is_ended(old->conn))) {
    return NULL;
  }
  return replace(old);
}

static int make_session(imp_login *login, imp_jid **jid, imp_session **session) {
  imp_node *node = login->node;
  imp_session *old = imp_node_find_session(node, *jid);
  imp_sm *refused = refused_session(login), *legacy = NULL;
  int rv = IMP_OK;
  old = imp_node_find_session(node, *jid);
  if (old != NULL) {
    rv = on_conflict(login, old, jid, &legacy);
  }
  if (rv == IMP_OK) {
    rv = imp_session_new(session, node, *jid, login->conn);
  }
  if (rv < 0) {
    imp_sm_del(refused, 1, node->now);
    imp_sm_del(legacy, 1, node->now);
    return rv;
  }
  (*session)->anonymous = login->anonymous;
  if (refused != NULL) {
    imp_c2s_take_legacy(*session, refused, 1, login->refused_h);
  }
  if (legacy != NULL) {
    imp_c2s_take_legacy(*session, legacy, 0, 0);
  }
  return IMP_OK;
}

int imp_c2s_open_session(imp_login *login, const char *resource, imp_session **session) {
  imp_jid *jid = NULL;
  int rv = full_jid(login, resource, &jid);
  if (rv == IMP_OK) {
    rv = make_session(login, &jid, session);
  }
  imp_jid_del(jid);
  return rv;
}

void imp_c2s_session_opened(imp_session *session) {
  imp_event event = {.session = session};
  imp_node *node = session->node;
  imp_log(&node->log, IMP_LOG_SESSION, IMP_LOG_INFO, imp_jid_full(session->jid), "session opened from %s",
          imp_conn_get_peer(session->conn));
  imp_conn_set_gated(session->conn, 1);
  (void)imp_node_run_hooks(node, IMP_POINT_SESSION_OPENED, &event);
  imp_node_tell(node, IMP_SESSION_OPENED, session);
}

static int write_bound(imp_conn *conn, const imp_stanza *st, const imp_jid *jid) {
  imp_stanza *reply;
  imp_elem *bind;
  int rv = imp_stanza_new(&reply, "iq", NULL);
  if (rv < 0) {
    return rv;
  }
  imp_stanza_set_id(reply, st->id);
  imp_stanza_set_type(reply, IMP_TYPE_RESULT);
  bind = imp_elem_add(reply, imp_stanza_edit(reply), "bind", IMP_NS_BIND);
  (void)imp_elem_add_text(reply, bind, "jid", NULL, imp_jid_full(jid));
  rv = imp_conn_submit_stanza(conn, reply);
  imp_stanza_del(reply);
  return rv;
}

static void refuse(imp_login *login, const imp_stanza *st, int error) {
  imp_stanza *reply;
  const char *condition = error == IMP_ERR_CONFLICT                                       ? "conflict"
                          : error == IMP_ERR_MALFORMED || error == IMP_ERR_TOO_BIG ? "bad-request"
                                                                                          : "resource-constraint";
  if (imp_stanza_new_error(&reply, st, condition, NULL) == IMP_OK) {
    (void)imp_conn_submit_stanza(login->conn, reply);
    imp_stanza_del(reply);
  }
}

void imp_c2s_bind(imp_login *login, imp_stanza *st) {
  const imp_elem *bind = imp_stanza_child(st, "bind", IMP_NS_BIND);
  const imp_elem *wish = imp_elem_child(bind, "resource", IMP_NS_BIND);
  imp_conn *conn = login->conn;
  imp_session *session;
  int rv;
  if (st->type != IMP_TYPE_SET) {
    refuse(login, st, IMP_ERR_MALFORMED);
    return;
  }
  rv = imp_c2s_open_session(login, wish ? imp_elem_text(wish, NULL) : NULL, &session);
  if (rv < 0) {
    refuse(login, st, rv);
    return;
  }
  imp_login_del(login);
  (void)write_bound(conn, st, session->jid);
  imp_c2s_session_opened(session);
}
