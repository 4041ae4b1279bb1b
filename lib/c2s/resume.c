/* <resume/> (XEP-0198 §5): a new connection takes an old session over. */
#include <string.h>

#include "c2s/login.h"
#include "node/fates.h"
#include "xml/jid.h"

/* <failed h=''/> acknowledges as <a/> does: it waits for the commit too. */
static void refused(imp_login *login, imp_resume_outcome *o, const char *previd, uint32_t h, int known,
                    uint32_t handled) {
  size_t len = strlen(previd);
  if (known) {
    imp_conn_set_gated(login->conn, 1);
  }
  if (len <= IMP_SM_ID_MAX) {
    memcpy(login->refused, previd, len + 1);
    login->refused_h = h;
  }
  o->len = imp_sm_write_failed("item-not-found", known, handled, o->text);
}

/* Another connection may look alive still: it learns that it was replaced. */
static void take_over(imp_login *login, imp_session *s) {
  imp_conn *old = s->conn;
  imp_conn *conn = login->conn;
  imp_session_detach(s);
  if (old != NULL && !imp_conn_is_ended(old)) {
    imp_conn_fail(old, "conflict", "resumed elsewhere", NULL);
  }
  imp_session_attach(s, conn);
  imp_conn_set_gated(conn, 1);
}

/* The client has left it; what still comes by it after <failed h=''/> would be sent again and handled twice. */
static void give_up_connection(const imp_sm *sm) {
  imp_session *s = imp_sm_get_session_data(sm);
  if (s->sm == sm && s->conn != NULL && !imp_conn_is_ended(s->conn)) {
    imp_conn_fail(s->conn, "conflict", "resumed elsewhere", NULL);
  }
}

/* A session whose place another has taken: it is gone, only its queue is left. Non-zero if it is one. */
static int refuse_replaced(imp_login *login, imp_resume_outcome *o, const char *previd, uint32_t h) {
  imp_sm *sm = imp_sm_find(login->node->sm, imp_jid_bare(login->user), previd);
  imp_session *s = sm != NULL ? imp_sm_get_session_data(sm) : NULL;
  if (s == NULL || s->sm == sm) {
    return 0;
  }
  if (imp_sm_acked(sm, h) == IMP_ERR_MALFORMED) {
    o->too_high = 1;
    o->h = h;
    o->sent = imp_sm_get_out(sm);
  } else {
    refused(login, o, previd, h, 1, imp_sm_get_in(sm));
  }
  return 1;
}

void imp_c2s_try_resume(imp_login *login, const imp_elem *resume, imp_resume_outcome *o) {
  const char *previd = imp_elem_attr(resume, "previd");
  imp_node *node = login->node;
  uint32_t h = 0, handled = 0;
  int known = 0;
  imp_sm *sm = NULL;
  imp_sm_resume_result result;
  memset(o, 0, sizeof(*o));
  if (previd == NULL || imp_sm_parse_h(imp_elem_attr(resume, "h"), &h) < 0) {
    o->len = imp_sm_write_failed("bad-request", 0, 0, o->text);
    return;
  }
  if (refuse_replaced(login, o, previd, h)) {
    return;
  }
  result = imp_sm_resume(node->sm, imp_jid_bare(login->user), previd, h, node->now, &sm, &handled, &known);
  if (result == IMP_SM_H_TOO_HIGH) {
    o->too_high = 1;
    o->h = h;
    o->sent = imp_sm_get_out(sm);
  } else if (result != IMP_SM_RESUMED) {
    if (sm != NULL) {
      give_up_connection(sm);
    }
    refused(login, o, previd, h, known, handled);
  } else {
    o->session = imp_sm_get_session_data(sm);
    take_over(login, o->session);
    o->len = imp_sm_write_resumed(sm, o->text);
  }
}

/* Stamps and framing of one packet. */
#define REPLAY_SLACK 512

void imp_c2s_widen(imp_session *s, const imp_sm *queue) {
  if (s->conn != NULL) {
    imp_conn_widen(s->conn, (size_t)imp_sm_get_queued_bytes(queue) + imp_sm_get_queued(queue) * REPLAY_SLACK);
  }
}

/* What waited carries its time (XEP-0203). */
static void replay(imp_session *s, imp_packet *packet) {
  imp_packet *delayed;
  if (packet->kind != IMP_STANZA_MESSAGE || packet->accepted == 0 ||
      imp_packet_new_delayed(&delayed, packet, s->node->settings.domain, packet->accepted) < 0) {
    imp_session_replay(s, packet);
    return;
  }
  imp_session_replay(s, delayed);
  imp_packet_del(delayed);
}

static void replay_all(imp_session *s) {
  size_t pos = 0;
  uint32_t count;
  imp_packet *packet;
  char text[IMP_SM_TEXT_MAX];
  imp_c2s_widen(s, s->sm);
  while ((packet = imp_sm_next_unacked(s->sm, &pos, &count, 1)) != NULL) {
    replay(s, packet);
  }
  if (imp_sm_get_queued(s->sm) > 0 && !imp_conn_is_ended(s->conn)) {
    (void)imp_conn_submit_text(s->conn, text, imp_sm_write_r(text));
    imp_sm_requested(s->sm);
  }
}

void imp_c2s_resumed(imp_session *s) {
  imp_event event = {.session = s};
  imp_node *node = s->node;
  imp_log(&node->log, IMP_LOG_SM, IMP_LOG_INFO, imp_jid_full(s->jid), "session resumed from %s, %zu to send again",
          imp_conn_get_peer(s->conn), imp_sm_get_queued(s->sm));
  imp_durable_resumed(s);
  replay_all(s);
  (void)imp_node_run_hooks(node, IMP_POINT_SESSION_RESUMED, &event);
  imp_node_tell(node, IMP_SESSION_RESUMED, s);
}

void imp_c2s_resume(imp_login *login, imp_stanza *st) {
  imp_resume_outcome o;
  imp_conn *conn = login->conn;
  imp_c2s_try_resume(login, &st->root, &o);
  if (o.too_high) {
    imp_c2s_too_high(conn, o.h, o.sent);
    return;
  }
  (void)imp_conn_submit_text(conn, o.text, o.len);
  if (o.session != NULL) {
    imp_login_del(login);
    imp_c2s_resumed(o.session);
  }
}
