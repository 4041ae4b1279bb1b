/*
 * Contacts who are not here: since when, and what they said when they went (RFC 6121 §4.3.2, XEP-0012, XEP-0256).
 * Two reads of the store: the contact's own item of who asks, then his last presence. His roster stays where it is.
 */
#include <string.h>

#include "core/codec.h"
#include "roster/internal.h"

typedef struct query {
  imp_list link;
  imp_node *node;
  imp_op *op;
  imp_jid *contact, *who;
  imp_stanza *iq; /* NULL: presence is told */
  int quiet;
} query;

static void query_free(query *q) {
  imp_list_remove(&q->link);
  imp_op_cancel(q->op);
  imp_jid_del(q->contact);
  imp_jid_del(q->who);
  imp_stanza_del(q->iq);
  imp_free(q);
}

void imp_last_stop(imp_rosters *f) {
  while (!imp_list_empty(&f->queries)) {
    query_free(IMP_CONTAINER_OF(f->queries.next, query, link));
  }
}

static int is_anonymous_or_shown(const imp_user *user) {
  const imp_session *s;
  for (s = imp_session_first(user); s != NULL; s = imp_session_next(s)) {
    const imp_roster_session *rs = imp_roster_session_of(s);
    if (s->anonymous || (rs != NULL && rs->shown != NULL && !rs->invisible)) {
      return 1;
    }
  }
  return 0;
}

void imp_last_note(imp_roster *r, const imp_stanza *unavailable) {
  imp_buf *buf = &r->node->scratch;
  uint8_t when[8];
  size_t len;
  char *text = r->user == NULL || !is_anonymous_or_shown(r->user) ? imp_stanza_to_text(unavailable, &len) : NULL;
  if (text == NULL) {
    return;
  }
  imp_put_be64(when, imp_node_wallclock(r->node));
  imp_buf_consume(buf, imp_buf_len(buf));
  if (imp_buf_append(buf, when, sizeof(when)) == IMP_OK && imp_buf_append(buf, text, len) == IMP_OK) {
    (void)imp_node_put(r->node, IMP_SPACE_LAST, imp_jid_full(r->jid), "", 0, imp_buf_data(buf), imp_buf_len(buf));
  }
  imp_free(text);
}

/* ---- what is said ---- */

static void send_presence(query *q, imp_stanza *st) {
  imp_roster *who = imp_roster_find(q->node, q->who);
  imp_session *s = q->who->resourcelen > 0 ? imp_node_find_session(q->node, q->who) : NULL;
  imp_stanza_set_to(st, q->who);
  if (who != NULL && s != NULL && s->presence == NULL) {
    imp_stanza_del(st); /* he went himself */
  } else {
    imp_roster_send(q->node, st);
  }
}

static void tell_unavailable(query *q, const uint8_t *row, size_t len) {
  char stamp[IMP_DATETIME_LEN];
  imp_stanza *last = NULL, *st;
  imp_elem *delay;
  if (row != NULL && (len <= 8 || imp_stanza_parse(&last, (const char *)row + 8, len - 8) < 0)) {
    row = NULL;
  }
  st = last != NULL ? imp_roster_copy(last, NULL, q->who)
                    : imp_roster_presence(IMP_TYPE_UNAVAILABLE, q->contact, q->who);
  imp_stanza_del(last);
  if (st != NULL && row != NULL) {
    imp_datetime_format(stamp, imp_get_be64(row));
    delay = imp_elem_add(st, imp_stanza_edit(st), "delay", IMP_NS_DELAY);
    if (delay != NULL) {
      imp_elem_set_attr(st, delay, "from", q->node->settings.domain);
      imp_elem_set_attr(st, delay, "stamp", stamp);
    }
  }
  if (st != NULL) {
    send_presence(q, st);
  }
}

static const char *status_of(const uint8_t *row, size_t len, imp_stanza **last) {
  const imp_elem *status;
  if (len <= 8 || imp_stanza_parse(last, (const char *)row + 8, len - 8) < 0) {
    *last = NULL;
    return "";
  }
  status = imp_stanza_child(*last, "status", IMP_NS_CLIENT);
  return status != NULL ? imp_elem_text(status, NULL) : "";
}

static void answer_seconds(imp_node *node, const imp_stanza *iq, uint64_t seconds, const char *status) {
  imp_stanza *reply;
  imp_elem *el;
  char text[24];
  if (imp_stanza_new_reply(&reply, iq) < 0) {
    return;
  }
  text[imp_format_u64(text, seconds)] = '\0';
  el = imp_elem_add_text(reply, imp_stanza_edit(reply), "query", IMP_NS_LAST, status);
  if (el != NULL) {
    imp_elem_set_attr(reply, el, "seconds", text);
  }
  imp_node_reply(node, reply);
}

static void answer_iq(query *q, const uint8_t *row, size_t len) {
  imp_stanza *last = NULL;
  imp_wallclock now = imp_node_wallclock(q->node), then = row != NULL && len >= 8 ? imp_get_be64(row) : 0;
  if (row == NULL) {
    imp_node_bounce(q->node, q->iq, "item-not-found", NULL);
    return;
  }
  answer_seconds(q->node, q->iq, now > then ? (now - then) / 1000 : 0, status_of(row, len, &last));
  imp_stanza_del(last);
}

static int is_shown(const imp_roster *r, const imp_jid *who) {
  const imp_session *s = r->user ? imp_session_first(r->user) : NULL;
  for (; s != NULL; s = imp_session_next(s)) {
    const imp_roster_session *rs = imp_roster_session_of(s);
    if (rs != NULL && rs->shown != NULL && !rs->invisible && !imp_roster_hides(s, who)) {
      return 1;
    }
  }
  return r->shown != NULL;
}

/* While it was being looked up when the contact went, he came: that has been told. */
static int is_back(const query *q) {
  const imp_roster *r = imp_roster_find(q->node, q->contact);
  return r != NULL && is_shown(r, q->who);
}

static void on_last(imp_op *op, int status, void *ctx) {
  query *q = ctx;
  const imp_op_row *row = status == IMP_OK && imp_op_row_count(op) > 0 ? imp_op_row_at(op, 0) : NULL;
  q->op = NULL;
  if (q->iq != NULL && is_back(q)) {
    answer_seconds(q->node, q->iq, 0, "");
  } else if (is_back(q)) {
    /* nothing */
  } else if (q->iq != NULL) {
    answer_iq(q, row ? row->value : NULL, row ? row->valuelen : 0);
  } else if (row != NULL || !q->quiet) {
    tell_unavailable(q, row ? row->value : NULL, row ? row->valuelen : 0);
  }
  query_free(q);
}

static void ask_last(query *q) {
  q->op = imp_node_get(q->node, IMP_SPACE_LAST, imp_jid_full(q->contact), "", 0, on_last, q);
  if (q->op == NULL) {
    query_free(q);
  }
}

/* ---- whether it may be said ---- */

static void refuse(query *q) {
  imp_jid *bare;
  if (q->iq != NULL) {
    imp_node_bounce(q->node, q->iq, "forbidden", NULL);
  } else if (imp_jid_new_bare(&bare, q->who) == IMP_OK) {
    imp_roster_send(q->node, imp_roster_presence(IMP_TYPE_UNSUBSCRIBED, q->contact, bare));
    imp_jid_del(bare);
  }
}

static void answer(imp_roster *r, const imp_task *task);

static void ask_again(imp_roster *r, const query *q) {
  imp_task task = {.run = answer, .stanza = q->iq};
  if (q->iq != NULL) {
    (void)imp_roster_when(r, &task);
  } else {
    imp_roster_ask(r, q->who, q->quiet);
  }
}

static void on_item(imp_op *op, int status, void *ctx) {
  query *q = ctx;
  imp_roster *r = imp_roster_find(q->node, q->contact);
  q->op = NULL;
  if (r != NULL) { /* what has been read may be out of date, what is in memory is not */
    ask_again(r, q);
    query_free(q);
    return;
  }
  if (status == IMP_OK && imp_op_row_count(op) > 0 && imp_contact_row_sees(imp_op_row_at(op, 0))) {
    ask_last(q);
    return;
  }
  if (status == IMP_OK || status == IMP_ERR_NOT_FOUND) {
    refuse(q);
  }
  query_free(q);
}

/* `known`: he may see the contact. */
static void begin(imp_node *node, const imp_jid *contact, const imp_jid *who, const imp_stanza *iq, int quiet,
                  int known) {
  query *q;
  if (imp_blocks_is(node, contact, who) || (q = imp_calloc(1, sizeof(*q))) == NULL) {
    return;
  }
  q->node = node;
  q->contact = imp_jid_ref((imp_jid *)(uintptr_t)contact);
  q->who = imp_jid_ref((imp_jid *)(uintptr_t)who);
  q->iq = iq != NULL ? imp_stanza_ref(iq) : NULL;
  q->quiet = quiet;
  imp_list_append(&imp_rosters_of(node)->queries, &q->link);
  if (known) {
    ask_last(q);
    return;
  }
  q->op =
      imp_node_get(node, IMP_SPACE_ROSTER, imp_jid_full(contact), imp_jid_bare(who), imp_jid_bare_len(who), on_item, q);
  if (q->op == NULL) {
    query_free(q);
  }
}

void imp_last_ask(imp_node *node, const imp_jid *contact, const imp_jid *who, int quiet) {
  begin(node, contact, who, NULL, quiet, 0);
}

void imp_last_tell(imp_node *node, const imp_jid *contact, const imp_jid *who, int quiet) {
  begin(node, contact, who, NULL, quiet, 1);
}

/* ---- XEP-0012 ---- */

static void answer(imp_roster *r, const imp_task *task) {
  const imp_jid *who = task->stanza->from;
  const imp_contact *c = imp_contact_find(r, who);
  int sees = imp_jid_equal_bare(who, r->jid) || (c != NULL && imp_contact_sees(c));
  if (task->error < 0) {
    imp_node_bounce(r->node, task->stanza, "internal-server-error", NULL);
  } else if (!sees) {
    imp_node_bounce(r->node, task->stanza, "forbidden", NULL);
  } else if (is_shown(r, who)) {
    answer_seconds(r->node, task->stanza, 0, "");
  } else {
    begin(r->node, r->jid, who, task->stanza, 0, 1);
  }
}

static int on_iq(imp_node *node, imp_session *s, imp_stanza *st, void *ctx) {
  imp_task task = {.run = answer, .stanza = st};
  const imp_jid *to = st->to != NULL ? st->to : st->from;
  imp_roster *r;
  (void)ctx;
  (void)s;
  if (st->type != IMP_TYPE_GET || to == NULL || st->from == NULL) {
    imp_node_bounce(node, st, "not-allowed", NULL);
    return IMP_OK;
  }
  r = imp_roster_get(node, to);
  return r != NULL ? imp_roster_when(r, &task) : IMP_ERR_NOMEM;
}

static imp_verdict on_disco(imp_event *event, void *ctx) {
  (void)ctx;
  if (event->to != NULL && event->to->locallen > 0) {
    imp_disco_feature(event->stanza, event->elem, IMP_NS_LAST);
  }
  return IMP_CONTINUE;
}

int imp_roster_start_last(imp_node *node) {
  int rv = imp_node_hook(node, IMP_POINT_DISCO_INFO, 20, on_disco, NULL);
  return rv < 0 ? rv : imp_node_serve_iq(node, IMP_NS_LAST, IMP_IQ_OWN | IMP_IQ_OTHER, on_iq, NULL);
}
