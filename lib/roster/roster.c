/* Rosters in memory: read once, let go when nobody needs them. */
#include "roster/roster.h"

#include <string.h>

#include "roster/internal.h"

static imp_roster *of_key(const imp_node *node, const char *bare, size_t len) {
  imp_map_node *n = imp_map_find(&imp_rosters_of(node)->rosters, bare, len);
  return n ? IMP_CONTAINER_OF(n, imp_roster, by_bare) : NULL;
}

imp_roster *imp_roster_find(const imp_node *node, const imp_jid *jid) {
  return of_key(node, imp_jid_bare(jid), imp_jid_bare_len(jid));
}

void imp_roster_touch(imp_roster *r) {
  if (!imp_list_linked(&r->idle)) {
    imp_list_append(&imp_rosters_of(r->node)->idle, &r->idle);
  }
}

/* He is here. */
static void attach(imp_roster *r, imp_user *user) {
  if (user != NULL) {
    user->slot[IMP_SLOT_PRESENCE] = r;
    r->user = user;
    r->exists = 1;
  }
}

imp_roster *imp_roster_get(imp_node *node, const imp_jid *jid) {
  imp_roster *r = imp_roster_find(node, jid);
  if (r != NULL || (r = imp_calloc(1, sizeof(*r))) == NULL) {
    return r;
  }
  r->node = node;
  imp_map_init(&r->contacts);
  imp_list_init(&r->order);
  imp_list_init(&r->watchers);
  imp_list_init(&r->tasks);
  if (imp_jid_new_bare(&r->jid, (imp_jid *)(uintptr_t)jid) < 0) {
    imp_free(r);
    return NULL;
  }
  if (imp_map_insert(&imp_rosters_of(node)->rosters, &r->by_bare, imp_jid_full(r->jid), imp_jid_full_len(r->jid)) < 0) {
    imp_jid_del(r->jid);
    imp_free(r);
    return NULL;
  }
  attach(r, imp_node_find_user(node, jid));
  imp_roster_touch(r);
  return r;
}

imp_roster *imp_roster_of(imp_user *user) {
  imp_roster *r = user->slot[IMP_SLOT_PRESENCE];
  imp_session *any = imp_session_first(user);
  if (r == NULL && any != NULL && (r = imp_roster_get(any->node, user->jid)) != NULL) {
    attach(r, user);
  }
  return r;
}

/* ---- tasks ---- */

static void task_free(imp_task *task) {
  imp_stanza_del(task->stanza);
  imp_jid_del(task->jid);
  imp_free(task->data);
  imp_free(task);
}

/* So many wait for a roster at most: a store that does not answer is no reason to keep all that comes. */
#define TASKS_MAX 1000

static int enqueue(imp_roster *r, const imp_task *task) {
  imp_task *copy = r->waiting < TASKS_MAX ? imp_malloc(sizeof(*copy)) : NULL;
  if (copy == NULL) {
    imp_free(task->data);
    return r->waiting < TASKS_MAX ? IMP_ERR_NOMEM : IMP_ERR_LIMIT;
  }
  r->waiting++;
  *copy = *task;
  copy->link = (imp_list){NULL, NULL};
  copy->stanza = task->stanza != NULL ? imp_stanza_ref(task->stanza) : NULL;
  copy->jid = task->jid != NULL ? imp_jid_ref(task->jid) : NULL;
  imp_list_append(&r->tasks, &copy->link);
  return IMP_OK;
}

static void run_tasks(imp_roster *r, int error) {
  imp_list *l;
  if (r->running) {
    return; /* whoever runs them takes the new ones too */
  }
  r->running = 1;
  while ((l = imp_list_pop(&r->tasks)) != NULL) {
    imp_task *task = IMP_CONTAINER_OF(l, imp_task, link);
    r->waiting--;
    task->error = error;
    task->run(r, task);
    task_free(task);
  }
  r->running = 0;
  imp_roster_touch(r);
}

static void is_read(imp_roster *r, int error) {
  r->state = error < 0 ? IMP_ROSTER_UNREAD : IMP_ROSTER_READ;
  if (error < 0) {
    imp_contact_clear(r);
    imp_log(&r->node->log, IMP_LOG_STORE, IMP_LOG_ERROR, imp_jid_full(r->jid), "roster cannot be read: %s",
            imp_strerror(error));
  }
  run_tasks(r, error);
}

static void on_existence(imp_op *op, int status, void *ctx) {
  imp_roster *r = ctx;
  (void)op;
  r->op = NULL;
  r->exists |= status == IMP_OK;
  is_read(r, status == IMP_ERR_NOT_FOUND || status == IMP_ERR_DENIED ? IMP_OK : status);
}

static void on_rows(imp_op *op, int status, void *ctx) {
  imp_roster *r = ctx;
  size_t i, n = imp_op_row_count(op);
  r->op = NULL;
  for (i = 0; status == IMP_OK && i < n; i++) {
    status = imp_contact_load(r, imp_op_row_at(op, i));
  }
  r->exists |= r->user != NULL || r->contacts.count > 0;
  if (status == IMP_OK && !r->exists) {
    r->op = imp_node_lookup_user(r->node, imp_jid_local(r->jid), on_existence, r);
    status = r->op != NULL ? IMP_OK : IMP_ERR_NOMEM;
  }
  if (r->op == NULL) {
    is_read(r, status);
  }
}

static int begin_reading(imp_roster *r) {
  imp_store_range all = {.size = sizeof(all)};
  if (r->state == IMP_ROSTER_UNREAD) {
    r->op = imp_node_scan(r->node, IMP_SPACE_ROSTER, imp_jid_full(r->jid), &all, on_rows, r);
    if (r->op == NULL) {
      return IMP_ERR_NOMEM;
    }
    r->state = IMP_ROSTER_READING;
  }
  return IMP_OK;
}

int imp_roster_when(imp_roster *r, const imp_task *task) {
  int rv;
  if (r->state == IMP_ROSTER_READ && imp_list_empty(&r->tasks) && !r->running) {
    imp_task now = *task;
    r->running = 1;
    now.run(r, &now);
    imp_free(now.data);
    r->running = 0;
    run_tasks(r, IMP_OK);
    return IMP_OK;
  }
  rv = enqueue(r, task);
  if (rv == IMP_OK && (rv = begin_reading(r)) < 0) {
    imp_list *last = r->tasks.prev;
    imp_list_remove(last);
    r->waiting--;
    task_free(IMP_CONTAINER_OF(last, imp_task, link));
  }
  return rv;
}

imp_session *imp_task_session(const imp_roster *r, const imp_task *task) {
  imp_session *s = task->jid != NULL ? imp_node_find_session(r->node, task->jid) : NULL;
  return s != NULL && !s->ending ? s : NULL;
}

/* ---- letting go ---- */

static void roster_free(imp_roster *r) {
  imp_list *l;
  imp_op_cancel(r->op);
  while ((l = imp_list_pop(&r->tasks)) != NULL) {
    task_free(IMP_CONTAINER_OF(l, imp_task, link));
  }
  imp_contact_clear(r);
  imp_map_remove(&imp_rosters_of(r->node)->rosters, &r->by_bare);
  imp_list_remove(&r->idle);
  imp_stanza_del(r->shown);
  imp_jid_del(r->jid);
  imp_free(r);
}

static int is_needed(const imp_roster *r) {
  return r->user != NULL || r->shown != NULL || r->op != NULL || r->running || !imp_list_empty(&r->tasks);
}

static imp_verdict on_turn(imp_event *event, void *ctx) {
  imp_rosters *f = imp_rosters_of(event->node);
  imp_list *l;
  (void)ctx;
  while ((l = imp_list_pop(&f->idle)) != NULL) {
    imp_roster *r = IMP_CONTAINER_OF(l, imp_roster, idle);
    if (!is_needed(r)) {
      roster_free(r);
    }
  }
  return IMP_CONTINUE;
}

static imp_verdict on_user_gone(imp_event *event, void *ctx) {
  imp_roster *r = imp_roster_find(event->node, event->to);
  (void)ctx;
  if (r != NULL) {
    r->user = NULL;
    imp_roster_touch(r);
  }
  return IMP_CONTINUE;
}

/* ---- sessions ---- */

imp_roster_session *imp_roster_session_get(imp_session *s) {
  imp_roster_session *rs = imp_roster_session_of(s);
  if (rs == NULL && (rs = imp_calloc(1, sizeof(*rs))) != NULL) {
    imp_map_init(&rs->directed);
    s->slot[IMP_SLOT_PRESENCE] = rs;
  }
  return rs;
}

static void nothing(imp_roster *r, const imp_task *task) {
  (void)r;
  (void)task;
}

/* It will be asked for it: the reading begins. */
static imp_verdict on_opened(imp_event *event, void *ctx) {
  imp_roster *r = imp_roster_of(event->session->user);
  imp_task task = {.run = nothing};
  (void)ctx;
  if (r != NULL && r->state == IMP_ROSTER_UNREAD) {
    (void)imp_roster_when(r, &task);
  }
  return IMP_CONTINUE;
}

static imp_verdict on_ended(imp_event *event, void *ctx) {
  imp_roster_session *rs = imp_roster_session_of(event->session);
  (void)ctx;
  if (rs != NULL) {
    if (!event->node->deleting && rs->directed.count > 0) {
      imp_stanza *st = imp_roster_presence(IMP_TYPE_UNAVAILABLE, event->session->jid, NULL);
      if (st != NULL) {
        imp_directed_end(event->session, st, 0);
        imp_stanza_del(st);
      }
    }
    imp_directed_clear(rs);
    imp_stanza_del(rs->shown);
    imp_free(rs);
    event->session->slot[IMP_SLOT_PRESENCE] = NULL;
  }
  if (event->session->anonymous && !event->node->deleting) {
    imp_roster_forget(event->node, event->session->user->jid); /* nobody will be him again */
  }
  return IMP_CONTINUE;
}

static imp_verdict on_features(imp_event *event, void *ctx) {
  (void)ctx;
  if (imp_buf_append_str(event->out, "<ver xmlns='urn:xmpp:features:rosterver'/>") == IMP_OK) {
    (void)imp_buf_append_str(event->out, "<sub xmlns='urn:xmpp:features:pre-approval'/>");
  }
  return IMP_CONTINUE;
}

/* ---- the feature ---- */

static void stop(imp_node *node) {
  imp_rosters *f = imp_rosters_of(node);
  imp_map_iter it;
  imp_map_node *n;
  imp_list *l;
  if (f == NULL) {
    return;
  }
  imp_map_iter_init(&it, &f->rosters);
  while ((n = imp_map_iter_next(&it)) != NULL) {
    roster_free(IMP_CONTAINER_OF(n, imp_roster, by_bare));
  }
  imp_map_reset(&f->rosters);
  imp_blocks_stop(f);
  imp_last_stop(f);
  imp_restore_stop(f);
  imp_ghosts_stop(f);
  while ((l = imp_list_pop(&f->outbox)) != NULL) {
    imp_task *task = IMP_CONTAINER_OF(l, imp_task, link);
    task_free(task);
  }
  imp_free(f);
  node->feature[IMP_FEATURE_ROSTER] = NULL;
}

static int hook_all(imp_node *node) {
  static const struct {
    imp_point point;
    int priority;
    imp_hook_fn fn;
  } hooks[] = {{IMP_POINT_TURN, 200, on_turn},
               {IMP_POINT_USER_GONE, 0, on_user_gone},
               {IMP_POINT_SESSION_OPENED, 0, on_opened},
               {IMP_POINT_SESSION_ENDED, 90, on_ended},
               {IMP_POINT_SESSION_FEATURES, 50, on_features}};
  size_t i;
  int rv = IMP_OK;
  for (i = 0; rv == IMP_OK && i < IMP_ARRAY_LEN(hooks); i++) {
    rv = imp_node_hook(node, hooks[i].point, hooks[i].priority, hooks[i].fn, NULL);
  }
  return rv;
}

static int start(imp_node *node) {
  int (*const parts[])(imp_node *) = {hook_all,
                                      imp_roster_start_iq,
                                      imp_roster_start_subscribe,
                                      imp_roster_start_broadcast,
                                      imp_roster_start_probe,
                                      imp_roster_start_last,
                                      imp_roster_start_reading,
                                      imp_roster_start_blocking,
                                      imp_roster_start_invisible,
                                      imp_roster_start_relation,
                                      imp_roster_start_restore};
  imp_rosters *f = imp_calloc(1, sizeof(*f));
  size_t i;
  int rv = IMP_OK;
  if (f == NULL) {
    return IMP_ERR_NOMEM;
  }
  f->node = node;
  imp_roster_settings_default(&f->settings, sizeof(f->settings));
  imp_map_init(&f->rosters);
  imp_map_init(&f->blocks);
  imp_list_init(&f->idle);
  imp_list_init(&f->outbox);
  imp_list_init(&f->queries);
  imp_list_init(&f->ghosts);
  imp_map_init(&f->noted);
  node->feature[IMP_FEATURE_ROSTER] = f;
  for (i = 0; rv == IMP_OK && i < IMP_ARRAY_LEN(parts); i++) {
    rv = parts[i](node);
  }
  return rv;
}

const imp_feature imp_feature_roster = {.name = "roster", .start = start, .stop = stop};
