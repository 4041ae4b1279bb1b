/*
 * The key of what unknown users are answered, kept in the store: their salts stay the same when the service restarts,
 * as those of real accounts do.
 */
#include <string.h>

#include "c2s/login.h"

#define SPACE "node"
#define KEY "fake-key"

static void on_key(imp_op *op, int status, void *ctx) {
  imp_node *node = ctx;
  const imp_op_row *row = status == IMP_OK && imp_op_row_count(op) > 0 ? imp_op_row_at(op, 0) : NULL;
  if (row != NULL && row->valuelen == sizeof(node->fake_key)) {
    memcpy(node->fake_key, row->value, sizeof(node->fake_key));
  } else if (status == IMP_OK || status == IMP_ERR_NOT_FOUND) {
    (void)imp_node_put(node, SPACE, "", KEY, strlen(KEY), node->fake_key, sizeof(node->fake_key));
  } else {
    imp_log(&node->log, IMP_LOG_STORE, IMP_LOG_ERROR, node->settings.domain, "the key of unknown users cannot be read: %s",
            imp_strerror(status));
  }
  imp_node_loaded(node);
}

static imp_verdict on_store(imp_event *event, void *ctx) {
  imp_node *node = event->node;
  (void)ctx;
  imp_node_loading(node, imp_node_get(node, SPACE, "", KEY, strlen(KEY), on_key, node));
  return IMP_CONTINUE;
}

int imp_c2s_keep_secret(imp_c2s *c2s) { return imp_node_hook(c2s->node, IMP_POINT_STORE_READY, 0, on_store, NULL); }
