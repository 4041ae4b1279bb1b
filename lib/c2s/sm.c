/* Stream management on a session: <enable/>, <r/>, <a/>, and queues that are inherited. */
#include <string.h>

#include "c2s/login.h"

void imp_c2s_too_high(imp_conn *conn, uint32_t h, uint32_t sent) {
  char app[IMP_SM_TEXT_MAX];
  (void)imp_sm_write_too_high(h, sent, app);
  imp_conn_fail(conn, "undefined-condition", "more stanzas acknowledged than were sent", app);
}

static size_t enable_failed(int error, char *dst) {
  return imp_sm_write_failed(error == IMP_ERR_DENIED   ? "feature-not-implemented"
                             : error == IMP_ERR_STATE ? "unexpected-request"
                                                      : "internal-server-error",
                             0, 0, dst);
}

static const char *location_of(const imp_session *s) {
  const char *location = s->node->settings.sm_location;
  return location[0] != '\0' ? location : NULL;
}

size_t imp_c2s_enable(imp_session *s, const imp_elem *enable, char *dst) {
  imp_node *node = s->node;
  int rv = IMP_ERR_STATE;
  if (s->sm == NULL) {
    /* Nobody can authenticate as the same anonymous user again. */
    int resume = !s->anonymous && imp_sm_parse_resume(imp_elem_attr(enable, "resume"));
    rv = imp_sm_new(node->sm, &s->sm, imp_jid_full(s->user->jid), resume,
                    imp_sm_parse_max(imp_elem_attr(enable, "max")), node->now, s);
  }
  if (rv == IMP_OK) {
    imp_sm_set_inactive(s->sm, s->inactive);
    rv = imp_durable_start(s);
    if (rv < 0) {
      imp_sm_del(s->sm, 0, node->now);
      s->sm = NULL;
    }
  }
  return rv < 0 ? enable_failed(rv, dst) : imp_sm_write_enabled(s->sm, location_of(s), dst);
}

static void moved(imp_sm *sm, void *packet, uint32_t count, void *user_data) {
  imp_session *s = user_data;
  (void)sm;
  (void)count;
  imp_durable_sent(s, packet);
  imp_session_replay(s, packet);
}

void imp_c2s_inherit(imp_session *s) {
  while (s->legacy != NULL) {
    imp_c2s_widen(s, s->legacy->sm);
    imp_acks_sent(s, imp_legacy_move(s, moved) == IMP_SM_WANT_R);
  }
}

static void acked(imp_session *s, uint32_t h) {
  int rv = imp_sm_acked(s->sm, h);
  imp_durable_touch(s);
  if (rv == IMP_ERR_MALFORMED) {
    imp_c2s_too_high(s->conn, h, imp_sm_get_out(s->sm));
  } else if (rv == IMP_SM_WANT_R) {
    imp_acks_ask(s);
  }
}

/* XEP-0198 §3 has both for who enables twice: <failed/>, and the end of the stream. It can be resumed. */
static void enable(imp_session *s, const imp_elem *root) {
  char text[IMP_SM_TEXT_MAX];
  int again = s->sm != NULL;
  size_t len = imp_c2s_enable(s, root, text);
  (void)imp_conn_submit_text(s->conn, text, len);
  if (again) {
    imp_conn_fail(s->conn, "policy-violation", "stream management is enabled once", NULL);
    return;
  }
  imp_c2s_inherit(s);
}

static void refuse_resume(imp_session *s) {
  char text[IMP_SM_TEXT_MAX];
  size_t len = imp_sm_write_failed("unexpected-request", 0, 0, text);
  (void)imp_conn_submit_text(s->conn, text, len);
}

int imp_c2s_sm_nonza(imp_session *s, const imp_stanza *st) {
  const imp_elem *root = &st->root;
  uint32_t h;
  if (!imp_str_is(root->ns, IMP_NS_SM)) {
    return 0;
  }
  if (imp_str_is(root->name, "enable")) {
    enable(s, root);
  } else if (imp_str_is(root->name, "resume")) {
    refuse_resume(s);
  } else if (s->sm == NULL) {
    imp_conn_fail(s->conn, "unsupported-stanza-type", "stream management is not enabled", NULL);
  } else if (imp_str_is(root->name, "a")) {
    if (imp_sm_parse_h(imp_elem_attr(root, "h"), &h) < 0) {
      imp_conn_fail(s->conn, "undefined-condition", "<a/> without a valid h", NULL);
    } else {
      acked(s, h);
    }
  } else if (imp_str_is(root->name, "r")) {
    imp_acks_answer(s);
  } else {
    imp_conn_fail(s->conn, "unsupported-stanza-type", "not an element of stream management", NULL);
  }
  return 1;
}

int imp_c2s_sm_brief(imp_session *s, const char *text, size_t len) {
  uint32_t h = 0;
  if (s->sm == NULL) {
    return 0;
  }
  switch (imp_c2s_brief(text, len, &h)) {
  case 'a':
    acked(s, h);
    return 1;
  case 'r':
    imp_acks_answer(s);
    return 1;
  default:
    return 0;
  }
}
