/*
 * The end of a turn: completions, then one commit of all that was noted, then output.
 *
 * With a durable store, output never overtakes the commit of what was noted before it: connections with output are
 * gathered when a commit begins, and released when it is done.  Output that comes meanwhile belongs to the next commit.
 * A commit that fails is tried again with what came meanwhile, until it is done.
 */
#include "node/node.h"

#define RETRY_AFTER IMP_SECONDS /* a commit that failed */

static void want_write(imp_node *node, imp_conn *conn) {
  if (node->callbacks.want_write != NULL) {
    node->callbacks.want_write(conn, node->user_data);
  }
}

static int gates(const imp_node *node) { return node->store->durable && (node->flush != NULL || node->noted); }

/* Output of this turn: out at once where nothing is to be committed, else it joins the next commit. A stream may end
   here, and what follows from that be noted. */
static void write_or_gather(imp_node *node) {
  imp_conn *conn;
  while ((conn = imp_conn_next_dirty(&node->env)) != NULL) {
    if (gates(node) && imp_conn_is_gated(conn)) {
      imp_conn_gather(conn, &node->gathered);
    } else {
      imp_conn_release(conn);
    }
    want_write(node, conn);
  }
}

static void tell_waiters(imp_node *node, imp_list *waiters, int status) {
  imp_list *l;
  while ((l = imp_list_pop(waiters)) != NULL) {
    imp_commit_waiter *w = IMP_CONTAINER_OF(l, imp_commit_waiter, link);
    w->fn(node, status, w->user_data);
    imp_free(w);
  }
}

static void release_committed(imp_node *node) {
  imp_conn *conn;
  while ((conn = imp_conn_next_gathered(&node->committing)) != NULL) {
    imp_conn_release_gathered(conn);
    want_write(node, conn);
  }
}

static void commit_failed(imp_node *node, int status) {
  node->stats.commit_failures++;
  imp_log(&node->log, IMP_LOG_STORE, IMP_LOG_ERROR, node->store->name, "commit failed: %s", imp_strerror(status));
}

/* The store keeps what was noted, and what waits for it goes on waiting: to clients a full disk is a slow disk. */
static void try_again_later(imp_node *node) {
  imp_conn *conn;
  while ((conn = imp_conn_next_gathered(&node->committing)) != NULL) {
    imp_conn_gather_again(conn, &node->gathered);
  }
  node->noted = 1;
  node->commit_after = node->now + RETRY_AFTER;
}

static void on_flushed(imp_op *op, int status, void *ctx) {
  imp_node *node = ctx;
  (void)op;
  node->flush = NULL;
  node->stats.commits++;
  if (status < 0) {
    commit_failed(node, status);
    try_again_later(node);
  } else {
    release_committed(node);
  }
  tell_waiters(node, &node->committing_waiters, status);
}

static int may_commit(const imp_node *node) {
  return node->noted && node->flush == NULL && node->now >= node->commit_after;
}

static void begin_commit(imp_node *node) {
  imp_op *op = imp_op_new(&node->ops, on_flushed, node, IMP_TSTAMP_NEVER);
  if (op == NULL) {
    commit_failed(node, IMP_ERR_NOMEM);
    node->commit_after = node->now + RETRY_AFTER;
    return;
  }
  if (node->note_failed == IMP_OK) { /* else they are not to be told anything */
    imp_list_move(&node->committing, &node->gathered);
    imp_conn_commit_begins(&node->committing);
    imp_list_move(&node->committing_waiters, &node->waiters);
  }
  node->noted = node->note_failed < 0;
  node->batch++;
  node->flush = op;
  imp_op_started(op, node->store->flush(node->store_ctx, op));
}

static void end_unkept_sessions(imp_node *node) {
  imp_map_iter it;
  imp_map_node *n;
  imp_map_iter_init(&it, &node->sessions);
  while ((n = imp_map_iter_next(&it)) != NULL) {
    imp_session *s = IMP_CONTAINER_OF(n, imp_session, by_full);
    if (s->sm != NULL && s->batch == node->batch) {
      s->clean = 1;
      imp_session_end(s, "internal-server-error");
    }
  }
}

/*
 * Something could not even be noted, but what came with it is counted: a client must not learn that it was handled, not
 * even when it resumes. So sessions of those who sent since the last commit began are over, and they will send it again.
 * What waits for them finds them at the next login.
 */
static void shed(imp_node *node) {
  int status = node->note_failed;
  imp_conn *conn;
  node->note_failed = IMP_OK;
  commit_failed(node, status);
  if (node->store->durable) {
    end_unkept_sessions(node);
  }
  while ((conn = imp_conn_next_gathered(&node->gathered)) != NULL) {
    imp_conn_abort(conn, "what it was told could not be stored");
    want_write(node, conn);
  }
  tell_waiters(node, &node->waiters, status);
}

/* Output waited for the next commit, and there is none to come: nothing was noted since. */
static void release_waiting(imp_node *node) {
  if (!gates(node) && !imp_list_empty(&node->gathered)) {
    imp_list_move(&node->committing, &node->gathered);
    imp_conn_commit_begins(&node->committing);
    release_committed(node);
  }
}

int imp_node_on_commit(imp_node *node, imp_result_fn fn, void *user_data) {
  imp_commit_waiter *w;
  if (fn == NULL) {
    return IMP_OK;
  }
  w = imp_calloc(1, sizeof(*w));
  if (w == NULL) {
    return IMP_ERR_NOMEM;
  }
  w->fn = fn;
  w->user_data = user_data;
  imp_list_append(&node->waiters, &w->link);
  node->noted = 1;
  return IMP_OK;
}

/* What completions lead to is done in the same turn, unless it goes on and on. */
#define ROUNDS_MAX 16

static void run_completions(imp_node *node) {
  int round;
  for (round = 0; round < ROUNDS_MAX; round++) {
    imp_event event = {0};
    (void)imp_op_queue_run(&node->ops);
    imp_node_run_answers(node);
    (void)imp_node_run_hooks(node, IMP_POINT_TURN, &event);
    if (imp_list_empty(&node->ops.done) && imp_list_empty(&node->answers)) {
      break;
    }
  }
}

/* Streams that ended while output was gathered, and what followed from that. */
static int has_followers(const imp_node *node) {
  return !imp_list_empty(&node->ops.done) || !imp_list_empty(&node->answers) || !imp_list_empty(&node->zombies) ||
         !imp_list_empty(&node->dirty) || !imp_list_empty(&node->durable_dirty) || !imp_list_empty(&node->acks);
}

/* All that belongs to one commit is noted before it begins: a message and the count of messages, for example. */
static void settle(imp_node *node) {
  int round = 0;
  do {
    run_completions(node);
    imp_acks_end_turn(node);
    imp_durable_write(node);
    imp_node_bury(node);
    write_or_gather(node);
  } while (has_followers(node) && ++round < ROUNDS_MAX);
}

static void end_turn(imp_node *node) {
  settle(node);
  if (node->note_failed < 0) {
    shed(node);
    settle(node);
  }
  if (may_commit(node) && !has_followers(node)) {
    begin_commit(node);
    /* A store in memory is done already: then nothing waits for another turn. */
    (void)imp_op_queue_run(&node->ops);
    write_or_gather(node);
  } else if (!node->noted) {
    node->batch++; /* nothing depends on what came so far */
  }
  release_waiting(node);
}

int imp_node_waits_to_commit(const imp_node *node) {
  return node->noted && node->flush == NULL && node->now < node->commit_after;
}

static int has_more(const imp_node *node) { return has_followers(node) || may_commit(node); }

void imp_node_turn(imp_node *node, imp_tstamp ts) {
  if (node->in_turn) {
    return;
  }
  imp_node_enter(node, ts);
  node->in_turn = 1;
  end_turn(node);
  node->in_turn = 0;
  node->turns++;
  if (has_more(node) && node->callbacks.want_turn != NULL) {
    node->callbacks.want_turn(node, node->user_data);
  }
}

imp_tstamp imp_node_get_expiry(const imp_node *node) {
  imp_tstamp a = imp_heap_next(&node->timers), b = imp_sm_manager_get_expiry(node->sm);
  imp_tstamp c = imp_node_waits_to_commit(node) ? node->commit_after : IMP_TSTAMP_NEVER;
  a = a < b ? a : b;
  return a < c ? a : c;
}

void imp_node_handle_expiry(imp_node *node, imp_tstamp ts) {
  imp_node_enter(node, ts);
  imp_heap_run(&node->timers, node->now);
  imp_sm_manager_handle_expiry(node->sm, node->now);
  imp_node_turn(node, node->now);
}
