/* vCards (XEP-0054): the user's own to set, everybody's to get. */
#include <string.h>

#include "pep/internal.h"

typedef struct setting {
  imp_pep_job job;
  imp_stanza *st;
} setting;

typedef struct getting {
  imp_pep_job job;
  imp_stanza *st;
} getting;

static void drop(imp_pep_job *job) { imp_stanza_del(((setting *)job)->st); }

int imp_pep_vcard_note(imp_pep_account *a, const imp_elem *vcard) {
  imp_node *node = a->pep->node;
  imp_buf text;
  int rv;
  imp_buf_init(&text, a->pep->settings.vcard_bytes);
  rv = imp_elem_write(vcard, IMP_NS_CLIENT, &text);
  rv = rv < 0 ? rv
              : imp_node_put(node, IMP_SPACE_VCARD, imp_jid_full(a->jid), "", 0, imp_buf_data(&text), imp_buf_len(&text));
  imp_buf_reset(&text);
  return rv;
}

int imp_pep_vcard_put(imp_pep_account *a, const imp_elem *vcard) {
  int rv = imp_pep_vcard_note(a, vcard);
  if (rv == IMP_OK) {
    imp_pep_photo_changed(a, imp_elem_child(vcard, "PHOTO", IMP_NS_VCARD));
  }
  return rv;
}

static void set(imp_pep_account *a, int status, imp_pep_job *job) {
  setting *s = (setting *)job;
  status = status < 0 ? status : imp_pep_vcard_put(a, imp_elem_first(&s->st->root));
  if (status == IMP_OK) {
    status = imp_node_reply_empty(job->pep->node, s->st);
  }
  if (status < 0) {
    imp_pep_refuse_status(job->pep->node, s->st, status);
  }
  imp_pep_job_end(job);
}

static int reply_with(imp_node *node, const imp_stanza *st, const imp_elem *vcard) {
  imp_stanza *reply;
  int rv = imp_stanza_new_reply(&reply, st);
  if (rv == IMP_OK) {
    (void)imp_elem_add_copy(reply, imp_stanza_edit(reply), vcard);
    imp_node_reply(node, reply);
  }
  return rv;
}

static int answer(imp_node *node, const imp_stanza *st, const imp_op *op) {
  const imp_op_row *row = imp_op_row_count(op) > 0 ? imp_op_row_at(op, 0) : NULL;
  imp_stanza *vcard = row != NULL ? imp_pep_parse(node, row->value, row->valuelen) : NULL;
  int rv;
  if (vcard == NULL) {
    return row != NULL ? IMP_ERR_CORRUPT : IMP_ERR_NOT_FOUND;
  }
  rv = reply_with(node, st, imp_stanza_root(vcard));
  imp_stanza_del(vcard);
  return rv;
}

/* Who has none yet gets an empty one to fill in: clients read it before they add a photo. */
static int answer_empty(imp_node *node, const imp_stanza *st) {
  imp_stanza *vcard;
  int rv;
  if (st->from == NULL || (st->to != NULL && !imp_jid_equal_bare(st->to, st->from))) {
    return IMP_ERR_NOT_FOUND;
  }
  rv = imp_stanza_new(&vcard, "vCard", IMP_NS_VCARD);
  if (rv == IMP_OK) {
    rv = reply_with(node, st, imp_stanza_root(vcard));
    imp_stanza_del(vcard);
  }
  return rv;
}

static void on_row(imp_op *op, int status, void *ctx) {
  getting *g = ctx;
  imp_node *node = g->job.pep->node;
  status = status == IMP_ERR_NOT_FOUND ? answer_empty(node, g->st) : status < 0 ? status : answer(node, g->st, op);
  if (status < 0) {
    imp_pep_refuse_status(node, g->st, status);
  }
  imp_pep_job_end(&g->job);
}

static int get(imp_node *node, imp_stanza *st, const imp_jid *owner) {
  getting *g = imp_pep_job_new(imp_pep_of(node), sizeof(*g), drop);
  if (g == NULL) {
    return IMP_ERR_NOMEM;
  }
  g->st = imp_pep_job_keep(&g->job, st);
  if (imp_node_get(node, IMP_SPACE_VCARD, imp_jid_bare(owner), "", 0, on_row, g) == NULL) {
    imp_pep_job_end(&g->job);
    return IMP_ERR_NOMEM;
  }
  return IMP_OK;
}

static int on_iq(imp_node *node, imp_session *session, imp_stanza *st, void *ctx) {
  const imp_jid *owner = imp_pep_owner_of(node, session, st);
  const imp_elem *child = imp_elem_first(&st->root);
  setting *s;
  (void)ctx;
  if (owner == NULL || (session != NULL && session->anonymous && st->type == IMP_TYPE_SET)) {
    imp_pep_refuse(node, st, "service-unavailable", NULL, NULL);
  } else if (!imp_str_is(child->name, "vCard")) {
    imp_pep_refuse(node, st, "bad-request", NULL, NULL);
  } else if (st->type == IMP_TYPE_GET) {
    return get(node, st, owner);
  } else if (st->from == NULL || !imp_jid_equal_bare(owner, st->from)) {
    imp_pep_refuse(node, st, "forbidden", NULL, NULL);
  } else {
    s = imp_pep_job_new(imp_pep_of(node), sizeof(*s), drop);
    if (s == NULL) {
      return IMP_ERR_NOMEM;
    }
    s->st = imp_pep_job_keep(&s->job, st);
    imp_pep_with(s->job.pep, owner, &s->job, set);
  }
  return IMP_OK;
}

int imp_pep_start_vcards(imp_node *node) {
  return imp_node_serve_iq(node, IMP_NS_VCARD, IMP_IQ_OWN | IMP_IQ_OTHER, on_iq, NULL);
}
