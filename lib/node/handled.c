/*
 * What sessions that are gone had handled (sm.handled): a late <resume/> is told, also after a restart, for as long as the
 * setting handled_time says.  What it acknowledges itself counts too: so a row says what was sent.
 *
 *   "IN UNTIL OUT ACKED"   the counters, and the wall-clock time in milliseconds at which it is forgotten
 */
#include <stdio.h>
#include <string.h>

#include "node/durable.h"

#define SPACE "sm.handled"
#define PRUNE_EVERY (3600 * IMP_SECONDS)

void imp_handled_remember(imp_node *node, const imp_sm *sm) {
  const imp_sm_settings *settings = imp_sm_get_settings(sm);
  char text[64];
  int len = snprintf(text, sizeof(text), "%u %llu %u %u", (unsigned)imp_sm_get_in(sm),
                     (unsigned long long)(imp_node_wallclock(node) + settings->handled_time * 1000ull),
                     (unsigned)imp_sm_get_out(sm), (unsigned)imp_sm_get_acked(sm));
  const char *id = imp_sm_get_id(sm);
  if (settings->handled_time > 0) {
    (void)imp_node_put(node, SPACE, imp_sm_get_user(sm), id, strlen(id), text, (size_t)len);
  }
}

/* IMP_ERR_MALFORMED for a row that cannot be read or that nobody may ask for any more. */
static int parse_row(imp_sm_state *state, uint32_t *seconds, const char *text, imp_wallclock now) {
  unsigned in, out, acked;
  unsigned long long until;
  if (sscanf(text, "%u %llu %u %u", &in, &until, &out, &acked) != 4 || until <= now) {
    return IMP_ERR_MALFORMED;
  }
  state->in = in;
  state->out = out;
  state->acked = acked;
  *seconds = (uint32_t)((until - now) / 1000);
  return IMP_OK;
}

static int restore_one(imp_node *node, const imp_sm_state *state, uint32_t seconds) {
  return imp_sm_restore_handled(node->sm, state, seconds, node->now);
}

/* Walks the rows: fn, which may be NULL, takes those that are still good, the others go. */
static void each_row(imp_node *node, const imp_op *op,
                     int (*fn)(imp_node *node, const imp_sm_state *state, uint32_t seconds)) {
  char owner[IMP_STORE_OWNER_MAX + 1], id[IMP_SM_ID_MAX + 1];
  imp_sm_state state = {.size = sizeof(state), .id = id, .user = owner};
  imp_wallclock now = imp_node_wallclock(node);
  size_t i;
  for (i = 0; i < imp_op_row_count(op); i++) {
    const imp_op_row *row = imp_op_row_at(op, i);
    uint32_t seconds;
    int rv = imp_durable_split_key(row, owner, sizeof(owner), id, sizeof(id));
    if (rv < 0) {
      continue;
    }
    rv = parse_row(&state, &seconds, row->value, now);
    if (rv == IMP_OK && fn != NULL) {
      rv = fn(node, &state, seconds);
    }
    if (rv < 0) {
      (void)imp_node_remove(node, SPACE, owner, id, strlen(id));
    }
  }
}

static void on_pruned(imp_op *op, int status, void *ctx) {
  if (status == IMP_OK) {
    each_row(ctx, op, NULL);
  }
}

static void prune(imp_timer *timer, imp_tstamp ts) {
  imp_node *node = IMP_CONTAINER_OF(timer, imp_node, handled_timer);
  (void)imp_node_scan_all(node, SPACE, on_pruned, node);
  (void)imp_heap_set(&node->timers, timer, ts + PRUNE_EVERY);
}

static void on_rows(imp_op *op, int status, void *ctx) {
  imp_node *node = ctx;
  if (status == IMP_OK) {
    each_row(node, op, restore_one);
  } else {
    imp_log(&node->log, IMP_LOG_STORE, IMP_LOG_ERROR, node->settings.domain, "handled counts cannot be read: %s",
            imp_strerror(status));
  }
  imp_node_loaded(node);
}

void imp_handled_restore(imp_node *node) {
  imp_timer_init(&node->handled_timer, prune);
  if (imp_heap_set(&node->timers, &node->handled_timer, node->now + PRUNE_EVERY) < 0) {
    node->load_failed = 1;
    return;
  }
  imp_node_loading(node, imp_node_scan_all(node, SPACE, on_rows, node));
}
