/* Invisible (XEP-0186): contacts see nothing of this session; whom it tells itself, it tells. */
#include "roster/internal.h"

static void hide(imp_roster *r, const imp_task *task) {
  imp_session *s = imp_task_session(r, task);
  if (s != NULL) {
    imp_roster_fan_out(r, s, task->stanza);
  }
}

static int become_invisible(imp_session *s, imp_roster_session *rs) {
  imp_roster *r = imp_roster_of(s->user);
  imp_task task = {.run = hide, .jid = s->jid};
  int rv = IMP_OK;
  if (r == NULL) {
    return IMP_ERR_NOMEM;
  }
  if (rs->shown != NULL && !rs->invisible) {
    task.stanza = imp_roster_presence(IMP_TYPE_UNAVAILABLE, s->jid, NULL);
    rv = task.stanza != NULL ? imp_roster_when(r, &task) : IMP_ERR_NOMEM;
  }
  if (rv == IMP_OK) {
    rs->invisible = 1;
  }
  if (rv == IMP_OK && task.stanza != NULL) { /* to contacts it is gone, in every respect */
    imp_ghosts_note(s, 0);
    imp_last_note(r, task.stanza);
  }
  imp_stanza_del(task.stanza);
  return rv;
}

/* The client says next what is to be seen of it (§3.2). */
static void become_visible(imp_roster_session *rs) { rs->invisible = 0; }

static int on_iq(imp_node *node, imp_session *s, imp_stanza *st, void *ctx) {
  const imp_elem *command = imp_elem_first(&st->root);
  imp_roster_session *rs = s != NULL ? imp_roster_session_get(s) : NULL;
  int rv = IMP_OK;
  (void)ctx;
  if (rs == NULL || st->type != IMP_TYPE_SET) {
    imp_node_bounce(node, st, "bad-request", NULL);
    return IMP_OK;
  }
  if (imp_elem_is(command, "invisible", IMP_NS_INVISIBLE)) {
    rv = become_invisible(s, rs);
  } else {
    become_visible(rs);
  }
  if (rv == IMP_OK) {
    imp_roster_note_session(s);
    rv = imp_node_reply_empty(node, st);
  }
  return rv;
}

int imp_roster_start_invisible(imp_node *node) {
  return imp_node_serve_iq(node, IMP_NS_INVISIBLE, IMP_IQ_NODE | IMP_IQ_OWN, on_iq, NULL);
}
