/*
 * Bookmarks: clients of today have an item each (XEP-0402), older ones one list in private storage (XEP-0048).  The items
 * are the truth about chat rooms; what else the list has (addresses of pages) stays in private storage.
 */
#include <string.h>

#include "pep/internal.h"

typedef struct bookmarks {
  imp_pep_job job;
  imp_stanza *st;          /* the request that is to be answered; NULL: a list is being set */
  imp_stanza *list;        /* what private storage has */
  const imp_elem *storage; /* what is set; belongs to `next` */
  imp_pep_job *next;
  imp_pep_done_fn done;
  imp_jid *owner;
  imp_op *op; /* while its rows are being looked at */
} bookmarks;

static void drop(imp_pep_job *job) {
  bookmarks *b = (bookmarks *)job;
  imp_stanza_del(b->st);
  imp_stanza_del(b->list);
  imp_jid_del(b->owner);
}

static bookmarks *begin(imp_pep *pep, const imp_jid *owner) {
  bookmarks *b = imp_pep_job_new(pep, sizeof(*b), drop);
  if (b != NULL) {
    b->owner = imp_jid_ref((imp_jid *)(uintptr_t)owner);
  }
  return b;
}

static void finish(bookmarks *b, int status) {
  imp_pep_job *next = b->next;
  imp_pep_done_fn done = b->done;
  if (b->st != NULL && status < 0) {
    imp_pep_refuse_status(b->job.pep->node, b->st, status);
  }
  imp_pep_job_end(&b->job);
  if (done != NULL) {
    done(next, status);
  }
}

static imp_op *scan_items(bookmarks *b, imp_op_fn fn) {
  static const char from[] = IMP_NS_BOOKMARKS "\0\0\0\0\0\0\0\0"; /* with the NUL at the end: name, NUL, eight zeros */
  char to[sizeof(from)];
  imp_store_range range = {.size = sizeof(range), .from = from, .fromlen = sizeof(from), .to = to, .tolen = sizeof(to)};
  memcpy(to, from, sizeof(to));
  memset(to + sizeof(IMP_NS_BOOKMARKS), 0xff, sizeof(to) - sizeof(IMP_NS_BOOKMARKS));
  return imp_node_scan(b->job.pep->node, IMP_SPACE_PEP_ITEM, imp_jid_bare(b->owner), &range, fn, b);
}

static imp_stanza *item_at(const bookmarks *b, const imp_op *op, size_t i) {
  const imp_op_row *row = imp_op_row_at(op, i);
  return imp_pep_parse(b->job.pep->node, row->value, row->valuelen);
}

static const imp_elem *conference_of(const imp_stanza *item) {
  return item != NULL ? imp_elem_child(imp_stanza_root(item), "conference", IMP_NS_BOOKMARKS) : NULL;
}

static int copy_text(imp_stanza *st, imp_elem *to, const imp_elem *from, const char *name) {
  const imp_elem *el = imp_elem_child(from, name, NULL);
  if (el != NULL) {
    (void)imp_elem_add_text(st, to, name, NULL, imp_elem_text(el, NULL));
  }
  return el != NULL;
}

static void copy_attr(imp_stanza *st, imp_elem *to, const imp_elem *from, const char *name) {
  const char *value = imp_elem_attr(from, name);
  if (value != NULL) {
    imp_elem_set_attr(st, to, name, value);
  }
}

/* What the two forms have in common. */
static void convert(imp_stanza *st, imp_elem *to, const imp_elem *from) {
  copy_attr(st, to, from, "name");
  copy_attr(st, to, from, "autojoin");
  (void)copy_text(st, to, from, "nick");
  (void)copy_text(st, to, from, "password");
}

/* ---- the list, for older clients ---- */

static void add_others(imp_stanza *st, imp_elem *storage, const imp_stanza *list, int rooms) {
  const imp_elem *el = list != NULL ? imp_elem_first(imp_stanza_root(list)) : NULL;
  for (; el != NULL; el = imp_elem_next(el)) {
    if (rooms || !imp_str_is(imp_elem_name(el), "conference")) {
      (void)imp_elem_add_copy(st, storage, el);
    }
  }
}

static int answer(bookmarks *b, const imp_op *op, int has_node) {
  imp_stanza *reply, *item;
  imp_elem *query, *storage, *room;
  size_t i, room_left = b->job.pep->node->settings.max_output_bytes / 4; /* lest the connection is lost over the answer */
  if (imp_stanza_new_reply(&reply, b->st) < 0) {
    return IMP_ERR_NOMEM;
  }
  query = imp_elem_add(reply, imp_stanza_edit(reply), "query", IMP_NS_PRIVATE);
  storage = imp_elem_add(reply, query, "storage", IMP_NS_BOOKMARKS_OLD);
  add_others(reply, storage, b->list, !has_node);
  for (i = 0; op != NULL && i < imp_op_row_count(op) && imp_op_row_at(op, i)->valuelen <= room_left; i++) {
    room_left -= imp_op_row_at(op, i)->valuelen;
    item = item_at(b, op, i);
    if (conference_of(item) != NULL && (room = imp_elem_add(reply, storage, "conference", NULL)) != NULL) {
      imp_elem_set_attr(reply, room, "jid", imp_elem_attr(imp_stanza_root(item), "id"));
      convert(reply, room, conference_of(item));
    }
    imp_stanza_del(item);
  }
  imp_node_reply(b->job.pep->node, reply);
  return IMP_OK;
}

static void on_items(imp_op *op, int status, void *ctx) {
  bookmarks *b = ctx;
  finish(b, status < 0 ? status : answer(b, op, 1));
}

static void has_account(imp_pep_account *a, int status, imp_pep_job *job) {
  bookmarks *b = (bookmarks *)job;
  if (status == IMP_OK && imp_pep_find(a, IMP_NS_BOOKMARKS) == NULL) {
    finish(b, answer(b, NULL, 0));
  } else if (status < 0 || scan_items(b, on_items) == NULL) {
    finish(b, status < 0 ? status : IMP_ERR_NOMEM);
  }
}

static void on_list(imp_op *op, int status, void *ctx) {
  bookmarks *b = ctx;
  const imp_op_row *row = status == IMP_OK && imp_op_row_count(op) > 0 ? imp_op_row_at(op, 0) : NULL;
  if (status < 0 && status != IMP_ERR_NOT_FOUND) {
    finish(b, status);
    return;
  }
  b->list = row != NULL ? imp_pep_parse(b->job.pep->node, row->value, row->valuelen) : NULL;
  imp_pep_with(b->job.pep, b->owner, &b->job, has_account);
}

void imp_pep_bookmarks_get(imp_pep *pep, imp_stanza *st, const imp_jid *owner) {
  static const char key[] = IMP_NS_BOOKMARKS_OLD "\0storage";
  bookmarks *b = begin(pep, owner);
  if (b == NULL) {
    imp_pep_refuse(pep->node, st, "resource-constraint", NULL, NULL);
    return;
  }
  b->st = imp_pep_job_keep(&b->job, st);
  if (imp_node_get(pep->node, IMP_SPACE_PRIVATE, imp_jid_bare(owner), key, sizeof(key) - 1, on_list, b) == NULL) {
    finish(b, IMP_ERR_NOMEM);
  }
}

/* ---- from the list to items ---- */

static imp_jid *room_jid(const imp_elem *room) {
  const char *text = imp_str_is(imp_elem_name(room), "conference") ? imp_elem_attr(room, "jid") : NULL;
  imp_jid *jid;
  return text != NULL && imp_jid_new(&jid, text, strlen(text)) == IMP_OK ? jid : NULL;
}

static int is_listed(const bookmarks *b, const char *id) {
  const imp_elem *room;
  int found = 0;
  for (room = imp_elem_first(b->storage); room != NULL && !found; room = imp_elem_next(room)) {
    imp_jid *jid = room_jid(room);
    found = jid != NULL && strcmp(imp_jid_bare(jid), id) == 0;
    imp_jid_del(jid);
  }
  return found;
}

static imp_stanza *find_item(const bookmarks *b, const char *id) {
  size_t i;
  for (i = 0; i < imp_op_row_count(b->op); i++) {
    imp_stanza *item = item_at(b, b->op, i);
    const char *found = item != NULL ? imp_elem_attr(imp_stanza_root(item), "id") : NULL;
    if (found != NULL && strcmp(found, id) == 0) {
      return item;
    }
    imp_stanza_del(item);
  }
  return NULL;
}

static int same_text(const imp_stanza *a, const imp_elem *b) {
  imp_buf one, two;
  int same;
  imp_buf_init(&one, 1u << 20);
  imp_buf_init(&two, 1u << 20);
  same = imp_elem_write(imp_stanza_root(a), "", &one) == IMP_OK && imp_elem_write(b, "", &two) == IMP_OK &&
         imp_buf_len(&one) == imp_buf_len(&two) &&
         memcmp(imp_buf_data(&one), imp_buf_data(&two), imp_buf_len(&one)) == 0;
  imp_buf_reset(&one);
  imp_buf_reset(&two);
  return same;
}

/* The lists know nothing of extensions: they stay. What did not change is not published again. */
static int publish_room(imp_pep_account *a, const bookmarks *b, const imp_elem *room, const char *id,
                        const imp_pep_options *options) {
  imp_stanza *old = find_item(b, id), *st;
  const imp_elem *was = conference_of(old);
  const imp_elem *extensions = was != NULL ? imp_elem_child(was, "extensions", IMP_NS_BOOKMARKS) : NULL;
  int rv = imp_stanza_new(&st, "conference", IMP_NS_BOOKMARKS);
  if (rv == IMP_OK) {
    convert(st, imp_stanza_edit(st), room);
    if (extensions != NULL) {
      (void)imp_elem_add_copy(st, imp_stanza_edit(st), extensions);
    }
    if (imp_stanza_is_broken(st)) {
      rv = IMP_ERR_NOMEM;
    } else if (was == NULL || !same_text(st, was)) {
      rv = imp_pep_put(a, IMP_NS_BOOKMARKS, id, imp_stanza_root(st), options);
    }
    imp_stanza_del(st);
  }
  imp_stanza_del(old);
  return rv;
}

static int retract_others(imp_pep_account *a, const bookmarks *b) {
  imp_pep_node *n = imp_pep_find(a, IMP_NS_BOOKMARKS);
  uint32_t i = n != NULL ? n->nitems : 0;
  int rv = IMP_OK;
  for (; i > 0 && rv == IMP_OK; i--) {
    if (!is_listed(b, n->items[i - 1].id)) {
      char id[IMP_PEP_NAME_MAX + 1];
      memcpy(id, n->items[i - 1].id, strlen(n->items[i - 1].id) + 1);
      rv = imp_pep_take_back(a, n, id, 1);
    }
  }
  return rv;
}

static int set(imp_pep_account *a, const bookmarks *b) {
  imp_pep_options options = {.set = IMP_PEP_SET_ACCESS | IMP_PEP_SET_PERSIST | IMP_PEP_SET_LAST | IMP_PEP_SET_MAX};
  const imp_elem *room;
  int rv = retract_others(a, b);
  options.config.access = IMP_PEP_WHITELIST;
  options.config.persist = 1;
  options.config.last = IMP_PEP_NEVER;
  options.config.max_items = a->pep->settings.max_items;
  for (room = imp_elem_first(b->storage); room != NULL && rv == IMP_OK; room = imp_elem_next(room)) {
    imp_jid *jid = room_jid(room);
    if (jid != NULL && imp_jid_bare_len(jid) <= IMP_PEP_NAME_MAX) {
      rv = publish_room(a, b, room, imp_jid_bare(jid), imp_pep_find(a, IMP_NS_BOOKMARKS) == NULL ? &options : NULL);
    }
    imp_jid_del(jid);
  }
  return rv;
}

/* The rows are valid for as long as this call: what the account needs to be read for was read before. */
static void on_old_items(imp_op *op, int status, void *ctx) {
  bookmarks *b = ctx;
  imp_pep_account *a = imp_pep_account_find(b->job.pep, b->owner);
  if (status == IMP_OK && a == NULL) {
    status = IMP_ERR_UNAVAILABLE;
  }
  if (status == IMP_OK) {
    imp_pep_account_hold(a);
    b->op = op;
    status = set(a, b);
    b->op = NULL;
    imp_pep_account_let_go(a);
  }
  finish(b, status);
}

static void begin_set(imp_pep_account *a, int status, imp_pep_job *job) {
  bookmarks *b = (bookmarks *)job;
  (void)a;
  if (status < 0 || scan_items(b, on_old_items) == NULL) {
    finish(b, status < 0 ? status : IMP_ERR_NOMEM);
  }
}

void imp_pep_bookmarks_set(imp_pep_job *job, const imp_jid *owner, const imp_elem *storage, imp_pep_done_fn fn) {
  bookmarks *b = begin(job->pep, owner);
  if (b == NULL) {
    fn(job, IMP_ERR_NOMEM);
    return;
  }
  b->next = job;
  b->done = fn;
  b->storage = storage;
  imp_pep_with(job->pep, owner, &b->job, begin_set);
}
