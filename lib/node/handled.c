/*
 * What sessions that are gone had handled (sm.handled): a late <resume/> is told, also after a restart, for as long as the
 * setting handled_time says.
 */
#include <stdio.h>
#include <string.h>

#include "node/durable.h"

#define SPACE "sm.handled"
#define PRUNE_EVERY (3600 * IMP_SECONDS)

void imp_handled_remember(imp_node *node, const imp_sm *sm) {
  const imp_sm_settings *settings = imp_sm_get_settings(sm);
  char text[64];
  int len = snprintf(text, sizeof(text), "%u %llu", (unsigned)imp_sm_get_in(sm),
                     (unsigned long long)(imp_node_wallclock(node) + settings->handled_time * 1000ull));
  const char *id = imp_sm_get_id(sm);
  if (settings->handled_time > 0) {
    (void)imp_node_put(node, SPACE, imp_sm_get_user(sm), id, strlen(id), text, (size_t)len);
  }
}

/* Walks the rows; fn is told of those that are still good, the others go. `fn` may be NULL. */
static void each_row(imp_node *node, const imp_op *op,
                     void (*fn)(imp_node *node, const char *owner, const char *id, unsigned h, uint32_t seconds)) {
  char owner[IMP_STORE_OWNER_MAX + 1], id[IMP_SM_ID_MAX + 1];
  imp_wallclock now = imp_node_wallclock(node);
  size_t i;
  for (i = 0; i < imp_op_row_count(op); i++) {
    const imp_op_row *row = imp_op_row_at(op, i);
    unsigned long long until;
    unsigned h;
    if (imp_durable_split_key(row, owner, sizeof(owner), id, sizeof(id)) < 0) {
      continue;
    }
    if (sscanf(row->value, "%u %llu", &h, &until) != 2 || until <= now) {
      (void)imp_node_remove(node, SPACE, owner, id, strlen(id));
    } else if (fn != NULL) {
      fn(node, owner, id, h, (uint32_t)((until - now) / 1000));
    }
  }
}

static void restore_one(imp_node *node, const char *owner, const char *id, unsigned h, uint32_t seconds) {
  if (imp_sm_restore_handled(node->sm, owner, id, h, seconds, node->now) < 0) {
    (void)imp_node_remove(node, SPACE, owner, id, strlen(id));
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
