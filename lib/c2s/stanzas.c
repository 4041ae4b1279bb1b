/* What a session's client sends. */
#include <string.h>

#include "c2s/login.h"
#include "xml/jid.h"

/* RFC 6120 §8.1.2.1: `from`, if there is one, must be the client's own, full or bare. */
static int from_is_own(const imp_session *s, const imp_stanza *st) {
  if (st->flags & IMP_STANZA_BAD_FROM) {
    return 0;
  }
  return st->from == NULL || imp_jid_equal(st->from, s->jid) || imp_jid_equal(st->from, s->user->jid);
}

static void trace(const imp_session *s, const imp_stanza *st) {
  if (imp_log_on(&s->node->log, IMP_LOG_TRACE)) {
    imp_log(&s->node->log, IMP_LOG_ROUTE, IMP_LOG_TRACE, imp_jid_full(s->jid), "in: <%s type='%s' id='%s' to='%s'>",
            st->root.name, imp_elem_attr(&st->root, "type") ? imp_elem_attr(&st->root, "type") : "",
            st->id ? st->id : "", st->to ? imp_jid_full(st->to) : "");
  }
}

static void csi(imp_session *s, int inactive) {
  imp_event event = {.session = s};
  if (s->inactive == inactive) {
    return;
  }
  s->inactive = inactive != 0;
  if (s->sm != NULL) {
    imp_sm_set_inactive(s->sm, inactive);
    imp_durable_touch(s);
  }
  (void)imp_node_run_hooks(s->node, IMP_POINT_SESSION_CSI, &event);
}

static void nonza(imp_session *s, imp_stanza *st) {
  if (imp_c2s_sm_nonza(s, st)) {
    return;
  }
  if (imp_elem_match(&st->root, "inactive", IMP_NS_CSI)) {
    csi(s, 1);
  } else if (imp_elem_match(&st->root, "active", IMP_NS_CSI)) {
    csi(s, 0);
  } else {
    imp_conn_fail(s->conn, "unsupported-stanza-type", st->root.name, NULL);
  }
}

/* A client that goes on without stream management gets what its old session left. */
static void without_sm(imp_session *s, const imp_stanza *st) {
  if (s->legacy != NULL && st->kind == IMP_STANZA_PRESENCE) {
    imp_c2s_inherit(s);
  }
}

/* RFC 6120 §8.1.5: what the stream header said holds for stanzas that do not say it themselves, wherever they go. */
static void default_lang(const imp_session *s, imp_stanza *st) {
  const char *lang = imp_conn_lang(s->conn);
  if (lang != NULL) {
    imp_stanza_default_lang(st, lang);
  }
}

void imp_c2s_session_stanza(imp_session *s, imp_stanza *st) {
  if (st->kind == IMP_STANZA_NONZA) {
    nonza(s, st);
    imp_stanza_del(st);
    return;
  }
  if (s->sm != NULL) {
    imp_sm_received(s->sm);
    imp_acks_came(s);
    s->batch = s->node->batch;
    imp_durable_touch(s);
  }
  if (!from_is_own(s, st)) {
    imp_conn_fail(s->conn, "invalid-from", NULL, NULL);
    imp_stanza_del(st);
    return;
  }
  trace(s, st);
  imp_stanza_set_from(st, s->jid);
  default_lang(s, st);
  without_sm(s, st);
  imp_node_stanza_in(s->node, s, st);
}
