/*
 * The key of what unknown users are answered, kept in the store: their salts stay the same when the service restarts,
 * as those of real accounts do.
 */
#include <string.h>

#include "c2s/login.h"

#define SPACE "node"
#define KEY "fake-key"

static void on_key(imp_op *op, int status, void *ctx) {
  imp_c2s *c2s = ctx;
  imp_node *node = c2s->node;
  const imp_op_row *row = status == IMP_OK && imp_op_row_count(op) > 0 ? imp_op_row_at(op, 0) : NULL;
  c2s->secret = NULL;
  if (row != NULL && row->valuelen == sizeof(node->fake_key)) {
    memcpy(node->fake_key, row->value, sizeof(node->fake_key));
  } else if (status == IMP_OK || status == IMP_ERR_NOT_FOUND) {
    (void)imp_node_put(node, SPACE, "", KEY, strlen(KEY), node->fake_key, sizeof(node->fake_key));
  }
}

static imp_verdict on_store(imp_event *event, void *ctx) {
  imp_c2s *c2s = ctx;
  imp_op_cancel(c2s->secret); /* that of the store before */
  c2s->secret = imp_node_get(event->node, SPACE, "", KEY, strlen(KEY), on_key, c2s);
  return IMP_CONTINUE;
}

int imp_c2s_keep_secret(imp_c2s *c2s) { return imp_node_hook(c2s->node, IMP_POINT_STORE_READY, 0, on_store, c2s); }
