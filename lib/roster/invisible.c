/* Invisible (XEP-0186): contacts see nothing of this session; whom it tells itself, it tells. */
#include <string.h>

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
  if (rs->invisible) {
    return IMP_OK;
  }
  task.stanza = imp_roster_presence(IMP_TYPE_UNAVAILABLE, s->jid, NULL);
  rv = task.stanza == NULL ? IMP_ERR_NOMEM : rs->shown != NULL ? imp_roster_when(r, &task) : IMP_OK;
  if (rv == IMP_OK) { /* to all who knew of it it is gone, in every respect */
    rs->invisible = 1;
    imp_directed_end(s, task.stanza, rs->shown != NULL);
  }
  if (rv == IMP_OK && rs->shown != NULL) {
    imp_ghosts_note(s, 0);
    imp_last_note(r, task.stanza);
  }
  imp_stanza_del(task.stanza);
  return rv;
}

/* The client says next what is to be seen of it, as if for the first time (§3.2). */
static void become_visible(imp_roster_session *rs) {
  if (rs->invisible) {
    imp_stanza_del(rs->shown);
    rs->shown = NULL;
    rs->invisible = rs->blind = 0;
    rs->begins = 1;
  }
}

static int wants_probes(const imp_elem *command) {
  const char *probe = imp_elem_attr(command, "probe");
  return probe != NULL && (strcmp(probe, "true") == 0 || strcmp(probe, "1") == 0);
}

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
    rs->blind = (uint8_t)(rs->invisible && !wants_probes(command));
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
