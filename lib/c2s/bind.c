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

static int looks_alive(const imp_session *s) { return s->conn != NULL && !imp_conn_is_ended(s->conn); }

/* The old session's place is taken; what its client did not acknowledge goes on with the new one. */
static imp_legacy *replace(imp_session *old) {
  imp_legacy *legacy = NULL;
  if (old->sm != NULL) {
    (void)imp_legacy_park(old, &legacy);
  }
  imp_session_end(old, "conflict");
  return legacy;
}

/* What is to be done about a resource that is taken: the policy. A session without a link has no say. */
static int on_conflict(imp_login *login, uint32_t policy, imp_jid **jid) {
  imp_session *old = imp_node_find_session(login->node, *jid);
  if (old == NULL || !looks_alive(old) || policy == IMP_CONFLICT_REPLACE) {
    return IMP_OK;
  }
  if (policy == IMP_CONFLICT_REFUSE) {
    return IMP_ERR_CONFLICT;
  }
  imp_jid_del(*jid);
  *jid = NULL;
  return full_jid(login, NULL, jid);
}

/* The session whose resumption was refused, if it still waits (another resource, perhaps). */
static imp_legacy *take_refused(imp_login *login) {
  imp_sm *sm = *login->refused ? imp_sm_find(login->node->sm, imp_jid_bare(login->user), login->refused) : NULL;
  imp_session *old = sm != NULL ? imp_sm_get_session_data(sm) : NULL;
  if (old == NULL || old->sm != sm || looks_alive(old)) {
    return NULL;
  }
  return replace(old);
}

static imp_legacy *take_replaced(imp_node *node, const imp_jid *jid) {
  imp_session *old = imp_node_find_session(node, jid);
  return old != NULL ? replace(old) : NULL;
}

static int make_session(imp_login *login, const imp_jid *jid, imp_session **session) {
  imp_node *node = login->node;
  imp_legacy *refused = take_refused(login), *replaced = take_replaced(node, jid);
  int rv = imp_session_new(session, node, jid, login->conn);
  if (rv < 0) {
    imp_legacy_del(node, refused);
    imp_legacy_del(node, replaced);
    return rv;
  }
  (*session)->anonymous = login->anonymous;
  if (refused != NULL) {
    imp_legacy_add(*session, refused, 1, login->refused_h);
  }
  if (replaced != NULL) {
    imp_legacy_add(*session, replaced, 0, 0);
  }
  return IMP_OK;
}

int imp_c2s_open_session(imp_login *login, const char *resource, uint32_t policy, imp_session **session) {
  imp_jid *jid = NULL;
  int rv = full_jid(login, resource, &jid);
  if (rv == IMP_OK) {
    rv = on_conflict(login, policy, &jid);
  }
  if (rv == IMP_OK) {
    rv = make_session(login, jid, session);
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
    if (error == IMP_ERR_CONFLICT) { /* RFC 6120 §7.7.2.2: another resource may do */
      imp_elem_set_attr(reply, reply->root.first, "type", "modify");
    }
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
  rv = imp_c2s_open_session(login, wish ? imp_elem_text(wish, NULL) : NULL, login->node->settings.conflict, &session);
  if (rv < 0) {
    refuse(login, st, rv);
    return;
  }
  imp_login_del(login);
  (void)write_bound(conn, st, session->jid);
  imp_c2s_session_opened(session);
}
