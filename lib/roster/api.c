/* What a host may do with its users' rosters (imp/roster.h). */
#include <string.h>

#include "roster/internal.h"

typedef struct request {
  imp_roster_fn list;
  imp_result_fn done;
  void *user_data;
  char *groups; /* behind this struct: name, groups, each with its NUL */
  size_t groupslen;
  const char *name;
} request;

/* `extra` bytes behind it. */
static request *request_new(imp_result_fn done, void *user_data, size_t extra) {
  request *q = imp_calloc(1, sizeof(*q) + extra);
  if (q != NULL) {
    q->done = done;
    q->user_data = user_data;
  }
  return q;
}

static int contact_jid(imp_node *node, const char *text, int bare, imp_jid **jid) {
  imp_jid *full;
  int rv = text != NULL ? imp_jid_new(&full, text, strlen(text)) : IMP_ERR_MALFORMED;
  if (rv == IMP_OK && bare) {
    rv = imp_jid_new_bare(jid, full);
    imp_jid_del(full);
  } else if (rv == IMP_OK) {
    *jid = full;
  }
  return rv < 0 ? imp_node_fail(node, rv, "\"%s\": %s", text ? text : "",
                                rv == IMP_ERR_NOMEM ? imp_strerror(rv) : "no address")
                : IMP_OK;
}

static void finish(imp_node *node, const request *q, int status) {
  if (status == IMP_OK) {
    status = imp_node_on_commit(node, q->done, q->user_data);
  }
  if (status < 0 && q->done != NULL) {
    q->done(node, status, q->user_data);
  }
}

/* `q` and `jid` pass. */
static int run(imp_node *node, const char *username, imp_jid *jid, request *q,
               void (*fn)(imp_roster *, const imp_task *)) {
  imp_task task = {.run = fn, .jid = jid, .data = q};
  imp_jid *user;
  imp_roster *r;
  int rv = q == NULL ? IMP_ERR_NOMEM : imp_account_jid(node, username, &user);
  if (rv < 0) {
    imp_free(q);
    imp_jid_del(jid);
    return rv == IMP_ERR_NOMEM ? imp_node_fail(node, rv, "roster of %s: out of memory", username) : rv;
  }
  r = imp_roster_get(node, user);
  rv = r != NULL ? IMP_OK : IMP_ERR_NOMEM;
  if (r != NULL) {
    r->exists = 1; /* the host knows whom it has */
    rv = imp_roster_when(r, &task);
  } else {
    imp_free(q);
  }
  imp_jid_del(user);
  imp_jid_del(jid);
  return rv;
}

/* ---- list ---- */

static void fill_item(imp_roster_item *item, const imp_contact *c, const char **groups) {
  const char *g = c->groups;
  uint32_t i;
  imp_sub_state state = (imp_sub_state)c->sub.state;
  *item = (imp_roster_item){.size = sizeof(*item), .jid = imp_jid_full(c->jid), .name = c->name, .ngroups = c->ngroups};
  item->groups = c->ngroups > 0 ? groups : NULL;
  for (i = 0; i < c->ngroups; i++) {
    groups[i] = g;
    g += strlen(g) + 1;
  }
  item->subscription =
      (imp_sub_has_to(state) ? IMP_SUBSCRIPTION_TO : 0u) | (imp_sub_has_from(state) ? IMP_SUBSCRIPTION_FROM : 0u);
  item->ask = (uint32_t)imp_sub_is_asking(state);
  item->asked = (uint32_t)imp_sub_is_asked(state);
  item->approved = c->sub.approved;
  item->listed = c->sub.listed;
}

static size_t count_groups(const imp_roster *r) {
  const imp_list *l;
  size_t n = 0;
  for (l = r->order.next; l != &r->order; l = l->next) {
    n += IMP_CONTAINER_OF(l, imp_contact, link)->ngroups;
  }
  return n;
}

static void list(imp_roster *r, const imp_task *task) {
  const request *q = task->data;
  size_t n = 0, ngroups = count_groups(r);
  imp_roster_item *items = imp_calloc(r->contacts.count + 1, sizeof(*items));
  const char **groups = imp_calloc(ngroups + 1, sizeof(*groups)), **next = groups;
  const imp_list *l;
  if (items == NULL || groups == NULL || task->error < 0) {
    q->list(r->node, task->error < 0 ? task->error : IMP_ERR_NOMEM, NULL, 0, q->user_data);
  } else {
    for (l = r->order.next; l != &r->order; l = l->next) {
      const imp_contact *c = IMP_CONTAINER_OF(l, imp_contact, link);
      fill_item(&items[n++], c, next);
      next += c->ngroups;
    }
    q->list(r->node, IMP_OK, items, n, q->user_data);
  }
  imp_free(items);
  imp_free(groups);
}

int imp_roster_list(imp_node *node, const char *username, imp_roster_fn fn, void *user_data) {
  request *q;
  if (fn == NULL) {
    return imp_node_fail(node, IMP_ERR_INVALID_ARGUMENT, "roster of %s: a function is required",
                         username ? username : "");
  }
  q = request_new(NULL, user_data, 0);
  if (q != NULL) {
    q->list = fn;
  }
  return run(node, username, NULL, q, list);
}

/* ---- set, remove ---- */

static void set(imp_roster *r, const imp_task *task) {
  const request *q = task->data;
  imp_contact *c = NULL;
  imp_sub sub;
  int rv = task->error;
  if (rv == IMP_OK && imp_jid_equal_bare(task->jid, r->jid)) {
    rv = IMP_ERR_INVALID_ARGUMENT;
  }
  if (rv == IMP_OK && (c = imp_contact_get(r, task->jid, 1, &rv)) != NULL) {
    rv = imp_contact_set_name(r, c, q->name, q->groups, q->groupslen);
    if (rv == IMP_OK) {
      sub = c->sub;
      (void)imp_sub_list(&sub);
      imp_contact_set_sub(r, c, sub);
    }
    imp_contact_note(r, c, rv == IMP_OK);
  }
  if (rv == IMP_OK && (c = imp_contact_find(r, task->jid)) != NULL) {
    imp_roster_push(r, c, NULL);
  }
  finish(r->node, q, rv);
}

static int check_item(imp_node *node, const imp_roster_item *item, size_t *bytes) {
  const imp_roster_settings *max = &imp_rosters_of(node)->settings;
  size_t i, j;
  int rv = item->name != NULL && strlen(item->name) > max->max_name_bytes ? IMP_ERR_LIMIT : IMP_OK;
  *bytes = item->name != NULL ? strlen(item->name) + 1 : 1;
  rv = item->ngroups > max->max_groups ? IMP_ERR_LIMIT : rv;
  for (i = 0; rv == IMP_OK && i < item->ngroups; i++) {
    size_t len = strlen(item->groups[i]);
    *bytes += len + 1;
    rv = len > max->max_group_bytes ? IMP_ERR_LIMIT : len == 0 ? IMP_ERR_INVALID_ARGUMENT : IMP_OK;
    for (j = 0; j < i; j++) {
      rv = strcmp(item->groups[i], item->groups[j]) == 0 ? IMP_ERR_INVALID_ARGUMENT : rv;
    }
  }
  return rv < 0 ? imp_node_fail(node, rv, "item %s: name or groups out of bounds", item->jid) : IMP_OK;
}

int imp_roster_set(imp_node *node, const char *username, const imp_roster_item *item, imp_result_fn done,
                   void *user_data) {
  imp_jid *jid;
  request *q;
  size_t bytes, i;
  char *p;
  int rv = contact_jid(node, item->jid, 1, &jid);
  if (rv < 0) {
    return rv;
  }
  rv = check_item(node, item, &bytes);
  if (rv < 0) {
    imp_jid_del(jid);
    return rv;
  }
  q = request_new(done, user_data, bytes);
  if (q != NULL) {
    size_t len = item->name != NULL ? strlen(item->name) + 1 : 0;
    p = (char *)(q + 1);
    q->name = item->name != NULL ? memcpy(p, item->name, len) : NULL;
    q->groups = p + len;
    for (i = 0; i < item->ngroups; i++) {
      len = strlen(item->groups[i]) + 1;
      memcpy(q->groups + q->groupslen, item->groups[i], len);
      q->groupslen += len;
    }
  }
  return run(node, username, jid, q, set);
}

static void remove_item(imp_roster *r, const imp_task *task) {
  imp_contact *c = task->error == IMP_OK ? imp_contact_find(r, task->jid) : NULL;
  int rv = task->error;
  if (c != NULL && c->sub.listed) {
    imp_roster_take_off(r, c);
  } else if (rv == IMP_OK) {
    rv = IMP_ERR_NOT_FOUND;
  }
  finish(r->node, task->data, rv);
}

int imp_roster_remove(imp_node *node, const char *username, const char *text, imp_result_fn done, void *user_data) {
  imp_jid *jid;
  int rv = contact_jid(node, text, 1, &jid);
  return rv < 0 ? rv : run(node, username, jid, request_new(done, user_data, 0), remove_item);
}

/* ---- two users ---- */

/* One of them says this to the other, as his client would: whatever both say meanwhile themselves, both ends agree. */
static void speak(imp_roster *r, const imp_task *task) {
  int rv = task->error < 0 ? task->error : imp_roster_outbound(r, task->jid, (imp_stanza_type)task->number, NULL);
  if (task->data != NULL) {
    finish(r->node, task->data, rv);
  }
}

/* `q` (NULL: somebody else tells the host) passes. */
static int say(imp_node *node, const imp_jid *user, const imp_jid *other, imp_stanza_type type, request *q) {
  imp_task task = {.run = speak, .jid = (imp_jid *)(uintptr_t)other, .data = q, .number = type};
  imp_roster *r = imp_roster_get(node, user);
  if (r == NULL) {
    imp_free(q);
    return IMP_ERR_NOMEM;
  }
  r->exists = 1;
  return imp_roster_when(r, &task);
}

/* First both of the one type, then both of the other: approved before, no request is shown to anybody. */
static int say_all(imp_node *node, const imp_jid *a, const imp_jid *b, const imp_stanza_type types[2], request *q) {
  int rv = say(node, a, b, types[0], NULL);
  if (rv == IMP_OK) {
    rv = say(node, b, a, types[0], NULL);
  }
  if (rv == IMP_OK) {
    rv = say(node, a, b, types[1], NULL);
  }
  if (rv == IMP_OK) {
    return say(node, b, a, types[1], q);
  }
  imp_free(q);
  return rv;
}

static int together(imp_node *node, const char *username, const char *other, const imp_stanza_type types[2],
                    imp_result_fn done, void *user_data) {
  imp_jid *a, *b = NULL;
  request *q = NULL;
  int rv = imp_account_jid(node, username, &a);
  if (rv < 0) {
    return rv;
  }
  rv = imp_account_jid(node, other, &b);
  if (rv == IMP_OK && imp_jid_equal(a, b)) {
    rv = imp_node_fail(node, IMP_ERR_INVALID_ARGUMENT, "%s: two users are required", imp_jid_full(a));
  }
  if (rv == IMP_OK && (q = request_new(done, user_data, 0)) == NULL) {
    rv = imp_node_fail(node, IMP_ERR_NOMEM, "roster of %s: out of memory", username);
  }
  if (rv == IMP_OK) {
    rv = say_all(node, a, b, types, q);
  }
  imp_jid_del(a);
  imp_jid_del(b);
  return rv;
}

int imp_roster_subscribe(imp_node *node, const char *username, const char *other, imp_result_fn done, void *user_data) {
  static const imp_stanza_type types[] = {IMP_TYPE_SUBSCRIBED, IMP_TYPE_SUBSCRIBE};
  return together(node, username, other, types, done, user_data);
}

int imp_roster_unsubscribe(imp_node *node, const char *username, const char *other, imp_result_fn done,
                           void *user_data) {
  static const imp_stanza_type types[] = {IMP_TYPE_UNSUBSCRIBED, IMP_TYPE_UNSUBSCRIBE};
  return together(node, username, other, types, done, user_data);
}

/* ---- blocking ---- */

static void block(imp_roster *r, const imp_task *task) {
  int rv = task->error < 0 ? task->error : imp_blocking_add(r, task->jid);
  finish(r->node, task->data, rv == IMP_ERR_EXISTS ? IMP_OK : rv);
}

static void unblock(imp_roster *r, const imp_task *task) {
  finish(r->node, task->data, task->error < 0 ? task->error : imp_blocking_remove(r, task->jid));
}

int imp_roster_block(imp_node *node, const char *username, const char *text, imp_result_fn done, void *user_data) {
  imp_jid *jid;
  int rv = contact_jid(node, text, 0, &jid);
  return rv < 0 ? rv : run(node, username, jid, request_new(done, user_data, 0), block);
}

int imp_roster_unblock(imp_node *node, const char *username, const char *text, imp_result_fn done, void *user_data) {
  imp_jid *jid;
  int rv = contact_jid(node, text, 0, &jid);
  return rv < 0 ? rv : run(node, username, jid, request_new(done, user_data, 0), unblock);
}

int imp_roster_is_blocked(imp_node *node, const char *username, const char *text) {
  imp_jid *jid, *user;
  int rv = contact_jid(node, text, 0, &jid);
  if (rv < 0) {
    return rv;
  }
  rv = imp_account_jid(node, username, &user);
  if (rv == IMP_OK) {
    rv = imp_blocks_is(node, user, jid);
    imp_jid_del(user);
  }
  imp_jid_del(jid);
  return rv;
}

int imp_roster_each_blocked(imp_node *node, const char *username, int (*fn)(const char *jid, void *user_data),
                            void *user_data) {
  imp_jid *user;
  const imp_blocks *b;
  imp_map_iter it;
  imp_map_node *n;
  int rv = imp_account_jid(node, username, &user);
  if (rv < 0) {
    return rv;
  }
  b = imp_blocks_find(node, user);
  imp_jid_del(user);
  if (b != NULL) {
    imp_map_iter_init(&it, &b->jids);
    while ((n = imp_map_iter_next(&it)) != NULL && fn(n->key, user_data) == 0) {
    }
  }
  return IMP_OK;
}

/* ---- presence ---- */

int imp_roster_each_presence(imp_node *node, const char *username,
                             int (*fn)(const imp_stanza *presence, void *user_data), void *user_data) {
  imp_jid *jid;
  const imp_roster *r;
  const imp_session *s;
  int rv = imp_account_jid(node, username, &jid), stop = 0;
  if (rv < 0) {
    return rv;
  }
  r = imp_roster_find(node, jid);
  imp_jid_del(jid);
  for (s = r != NULL && r->user != NULL ? imp_session_first(r->user) : NULL; s != NULL && !stop;
       s = imp_session_next(s)) {
    const imp_roster_session *rs = imp_roster_session_of(s);
    if (rs != NULL && rs->shown != NULL && !rs->invisible) {
      stop = fn(rs->shown, user_data);
    }
  }
  if (r != NULL && r->shown != NULL && !stop) {
    (void)fn(r->shown, user_data);
  }
  return IMP_OK;
}
