/* Private XML storage (XEP-0049): elements by name and namespace, of the user's own. */
#include <string.h>

#include "pep/internal.h"

#define KEY_MAX 1024

typedef struct asking {
  imp_pep_job job;
  imp_stanza *st;
} asking;

static void drop(imp_pep_job *job) { imp_stanza_del(((asking *)job)->st); }

static const imp_elem *query_of(const asking *q) { return imp_elem_first(&q->st->root); }

/* 0: the name is too long. */
static size_t key_of(const imp_elem *el, char *key) {
  size_t ns = strlen(imp_elem_ns(el)) + 1, name = strlen(imp_elem_name(el));
  if (ns + name > KEY_MAX) {
    return 0;
  }
  memcpy(key, imp_elem_ns(el), ns);
  memcpy(key + ns, imp_elem_name(el), name);
  return ns + name;
}

static void finish(asking *q, int status) {
  if (status < 0) {
    imp_pep_refuse_status(q->job.pep->node, q->st, status);
  }
  imp_pep_job_end(&q->job);
}

/* ---- get ---- */

static int answer(const asking *q, const imp_op_row *row) {
  const imp_elem *asked = imp_elem_first(query_of(q));
  imp_node *node = q->job.pep->node;
  imp_stanza *reply, *kept = row != NULL ? imp_pep_parse(node, row->value, row->valuelen) : NULL;
  imp_elem *query;
  int rv = imp_stanza_new_reply(&reply, q->st);
  if (rv == IMP_OK) {
    query = imp_elem_add(reply, imp_stanza_edit(reply), "query", IMP_NS_PRIVATE);
    (void)imp_elem_add_copy(reply, query, kept != NULL ? imp_stanza_root(kept) : asked);
    imp_node_reply(node, reply);
  }
  imp_stanza_del(kept);
  return rv;
}

static void on_row(imp_op *op, int status, void *ctx) {
  asking *q = ctx;
  if (status == IMP_OK || status == IMP_ERR_NOT_FOUND) {
    status = answer(q, status == IMP_OK && imp_op_row_count(op) > 0 ? imp_op_row_at(op, 0) : NULL);
  }
  finish(q, status);
}

static int get(asking *q, const imp_jid *owner) {
  const imp_elem *asked = imp_elem_first(query_of(q));
  char key[KEY_MAX];
  size_t len = key_of(asked, key);
  if (len == 0) {
    return IMP_ERR_TOO_BIG;
  }
  return imp_node_get(q->job.pep->node, IMP_SPACE_PRIVATE, imp_jid_bare(owner), key, len, on_row, q) != NULL ? IMP_OK
                                                                                                             : IMP_ERR_NOMEM;
}

/* ---- set ---- */

static int put(const asking *q, const imp_elem *el, size_t room, size_t *used) {
  imp_node *node = q->job.pep->node;
  char key[KEY_MAX];
  size_t keylen = key_of(el, key);
  imp_buf text;
  int rv;
  if (keylen == 0) {
    return IMP_ERR_TOO_BIG;
  }
  imp_buf_init(&text, room);
  rv = imp_elem_write(el, IMP_NS_CLIENT, &text);
  *used = imp_buf_len(&text);
  rv = rv < 0 ? rv
              : imp_node_put(node, IMP_SPACE_PRIVATE, imp_jid_bare(q->st->from), key, keylen, imp_buf_data(&text),
                             imp_buf_len(&text));
  imp_buf_reset(&text);
  return rv;
}

static int is_replaced(const asking *q, const imp_op_row *row) {
  const imp_elem *el;
  char key[KEY_MAX];
  for (el = imp_elem_first(query_of(q)); el != NULL; el = imp_elem_next(el)) {
    size_t len = key_of(el, key);
    if (len == row->keylen && memcmp(key, row->key, len) == 0) {
      return 1;
    }
  }
  return 0;
}

/* What stays and what comes may not be too much together. */
static int put_all(const asking *q, const imp_op *op) {
  const imp_pep_settings *max = &q->job.pep->settings;
  size_t room = max->private_bytes, count = 0, i, used;
  const imp_elem *el;
  int rv = IMP_OK;
  for (i = 0; i < imp_op_row_count(op); i++) {
    const imp_op_row *row = imp_op_row_at(op, i);
    if (!is_replaced(q, row)) {
      count++;
      room -= row->valuelen < room ? row->valuelen : room;
    }
  }
  for (el = imp_elem_first(query_of(q)); el != NULL && rv == IMP_OK; el = imp_elem_next(el)) {
    rv = ++count > max->private_items || room == 0 ? IMP_ERR_LIMIT : put(q, el, room, &used);
    room -= rv == IMP_OK ? used : 0;
  }
  return rv;
}

static void on_rows(imp_op *op, int status, void *ctx) {
  asking *q = ctx;
  status = status < 0 ? status : put_all(q, op);
  if (status == IMP_OK) {
    status = imp_node_reply_empty(q->job.pep->node, q->st);
  }
  finish(q, status);
}

static void set(imp_pep_job *job, int status) {
  asking *q = (asking *)job;
  imp_store_range all = {.size = sizeof(all)};
  if (status == IMP_OK &&
      imp_node_scan(job->pep->node, IMP_SPACE_PRIVATE, imp_jid_bare(q->st->from), &all, on_rows, q) == NULL) {
    status = IMP_ERR_NOMEM;
  }
  if (status < 0) {
    finish(q, status);
  }
}

static int is_bookmarks(const imp_elem *el) { return imp_elem_match(el, "storage", IMP_NS_BOOKMARKS_OLD); }

static void begin(asking *q, const imp_jid *owner) {
  const imp_elem *el = imp_elem_first(query_of(q));
  int rv = IMP_OK;
  if (q->st->type == IMP_TYPE_GET) {
    rv = get(q, owner);
  } else if (is_bookmarks(el)) {
    imp_pep_bookmarks_set(&q->job, owner, el, set);
  } else {
    set(&q->job, IMP_OK);
  }
  if (rv < 0) {
    finish(q, rv);
  }
}

static int on_iq(imp_node *node, imp_session *session, imp_stanza *st, void *ctx) {
  const imp_jid *owner = imp_pep_owner_of(node, session, st);
  const imp_elem *query = imp_elem_first(&st->root), *first = imp_elem_first(query);
  imp_pep *pep = ctx;
  asking *q;
  if (owner == NULL || st->from == NULL || (session != NULL && session->anonymous) || pep->settings.private_items == 0) {
    imp_pep_refuse(node, st, "service-unavailable", NULL, NULL);
  } else if (!imp_str_is(query->name, "query") || first == NULL || *imp_elem_ns(first) == '\0' ||
             (st->type == IMP_TYPE_GET && imp_elem_next(first) != NULL)) {
    imp_pep_refuse(node, st, first == NULL ? "not-acceptable" : "bad-request", NULL, NULL);
  } else if (st->type == IMP_TYPE_GET && is_bookmarks(first)) {
    imp_pep_bookmarks_get(pep, st, owner);
  } else {
    q = imp_pep_job_new(pep, sizeof(*q), drop);
    if (q == NULL) {
      return IMP_ERR_NOMEM;
    }
    q->st = imp_pep_job_keep(&q->job, st);
    begin(q, owner);
  }
  return IMP_OK;
}

int imp_pep_start_private(imp_node *node) {
  return imp_node_serve_iq(node, IMP_NS_PRIVATE, IMP_IQ_OWN, on_iq, imp_pep_of(node));
}
