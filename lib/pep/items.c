/* Items are read from the store when somebody asks for them (XEP-0060 §6.5). */
#include <string.h>

#include "core/codec.h"
#include "pep/request.h"

#define NS_RSM "http://jabber.org/protocol/rsm"

static int is_asked_for(const imp_pep_request *r, const imp_elem *item) {
  const char *id = imp_elem_attr(item, "id");
  return r->ids.len == 0 || (id != NULL && imp_words_has(&r->ids, id));
}

static imp_stanza *item_at(imp_node *node, const imp_op *op, size_t i) {
  const imp_op_row *row = imp_op_row_at(op, i);
  return imp_pep_parse(node, row->value, row->valuelen);
}

/* Rows are newest first. How many of them fit into an answer that its reader's connection can take. */
static size_t fitting(const imp_node *node, const imp_op *op) {
  size_t room = node->settings.max_output_bytes / 4, count = imp_op_row_count(op), i;
  for (i = 0; i < count && imp_op_row_at(op, i)->valuelen <= room; i++) {
    room -= imp_op_row_at(op, i)->valuelen;
  }
  return i;
}

static const char *add_item(imp_stanza *st, imp_elem *items, const imp_elem *item) {
  imp_elem *copy = imp_elem_add_copy(st, items, item);
  return copy != NULL ? imp_elem_attr(copy, "id") : NULL;
}

/* That there are more is said as in XEP-0059. */
static void add_set(imp_stanza *st, imp_elem *items, const char *first, const char *last, size_t total) {
  imp_elem *set = imp_elem_add(st, (imp_elem *)(uintptr_t)imp_elem_first(imp_stanza_root(st)), "set", NS_RSM);
  char count[24];
  (void)items;
  (void)imp_format_u64(count, total);
  (void)imp_elem_add_text(st, set, "first", NULL, first != NULL ? first : "");
  (void)imp_elem_add_text(st, set, "last", NULL, last != NULL ? last : "");
  (void)imp_elem_add_text(st, set, "count", NULL, count);
}

static int answer(imp_pep_request *r, const imp_op *op) {
  size_t fit = fitting(r->job.pep->node, op), i, found = 0;
  const char *first = NULL, *last = NULL;
  imp_elem *items;
  imp_stanza *st = imp_pep_reply(r, &items), *item;
  if (st == NULL) {
    return IMP_ERR_NOMEM;
  }
  for (i = fit; i > 0; i--) {
    item = item_at(r->job.pep->node, op, i - 1);
    if (item != NULL && is_asked_for(r, imp_stanza_root(item))) {
      last = add_item(st, items, imp_stanza_root(item));
      first = found++ == 0 ? last : first;
    }
    imp_stanza_del(item);
  }
  if (r->ids.len > 0 && found == 0) {
    imp_stanza_del(st);
    return IMP_ERR_NOT_FOUND;
  }
  if (fit < imp_op_row_count(op)) {
    add_set(st, items, first, last, imp_op_row_count(op));
  }
  imp_node_reply(r->job.pep->node, st);
  return IMP_OK;
}

static void on_rows(imp_op *op, int status, void *ctx) {
  imp_pep_request *r = ctx;
  status = status < 0 ? status : answer(r, op);
  if (status < 0) {
    imp_pep_refuse_status(r->job.pep->node, r->st, status);
  }
  imp_pep_job_end(&r->job);
}

static int read_ids(imp_pep_request *r) {
  const imp_elem *el;
  int rv = IMP_OK;
  for (el = imp_elem_first(r->action); el != NULL && rv == IMP_OK; el = imp_elem_next(el)) {
    const char *id = imp_elem_attr(el, "id");
    rv = id == NULL ? IMP_ERR_MALFORMED : imp_words_add(&r->ids, id);
  }
  return rv;
}

int imp_pep_do_items(imp_pep_account *a, imp_pep_request *r) {
  imp_pep_node *n = imp_pep_find(a, imp_pep_node_name(r));
  const char *max = imp_elem_attr(r->action, "max_items"), *only;
  uint8_t from[IMP_PEP_NAME_MAX + 9], to[IMP_PEP_NAME_MAX + 9];
  imp_store_range range = {.size = sizeof(range), .from = from, .to = to, .reverse = 1};
  int rv = read_ids(r), at = -1;
  if (n == NULL) {
    return IMP_ERR_NOT_FOUND;
  }
  if (rv < 0 || (max != NULL && (imp_parse_u32(&r->max, max) < 0 || r->max == 0))) {
    return imp_pep_refuse_request(r, "bad-request", NULL, NULL);
  }
  only = imp_words_next(&r->ids, NULL);
  if (only != NULL && imp_words_next(&r->ids, only) == NULL && (at = imp_pep_item_find(n, only)) < 0) {
    return IMP_ERR_NOT_FOUND;
  }
  range.limit = only == NULL ? r->max : 0;
  range.fromlen = imp_pep_item_key(from, n, at >= 0 ? n->items[at].number : 0);
  range.tolen = imp_pep_item_key(to, n, at >= 0 ? n->items[at].number : UINT64_MAX);
  return imp_node_scan(r->job.pep->node, IMP_SPACE_PEP_ITEM, imp_jid_full(a->jid), &range, on_rows, r) != NULL
             ? IMP_ERR_PENDING
             : IMP_ERR_NOMEM;
}
