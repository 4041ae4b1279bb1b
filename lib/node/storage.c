#include "node/node.h"

/* A write that cannot be noted is an alarm: what depends on it is not acknowledged to anybody. */
static int noted(imp_node *node, int rv) {
  node->noted = 1;
  if (rv < 0) {
    node->note_failed = rv;
    imp_log(&node->log, IMP_LOG_STORE, IMP_LOG_ERROR, node->store->name, "write not noted: %s", imp_strerror(rv));
  }
  return rv;
}

int imp_node_put(imp_node *node, const char *space, const char *owner, const void *key, size_t keylen,
                 const void *value, size_t valuelen) {
  return noted(node, node->store->put(node->store_ctx, space, owner, key, keylen, value, valuelen));
}

int imp_node_remove(imp_node *node, const char *space, const char *owner, const void *key, size_t keylen) {
  return noted(node, node->store->del(node->store_ctx, space, owner, key, keylen));
}

int imp_node_remove_upto(imp_node *node, const char *space, const char *owner, const void *key, size_t keylen) {
  imp_store_range range = {.size = sizeof(range), .to = key, .tolen = keylen};
  return noted(node, node->store->del_range(node->store_ctx, space, owner, &range));
}

int imp_node_erase(imp_node *node, const char *owner) {
  return noted(node, node->store->erase(node->store_ctx, owner));
}

/* What is read at the start cannot be done without, and the time is not known yet. */
imp_op *imp_node_op(imp_node *node, imp_op_fn fn, void *ctx) {
  imp_tstamp deadline = node->loading > 0 ? IMP_TSTAMP_NEVER : node->now + node->settings.op_timeout * IMP_SECONDS;
  return imp_op_new(&node->ops, fn, ctx, deadline);
}

imp_op *imp_node_get(imp_node *node, const char *space, const char *owner, const void *key, size_t keylen,
                     imp_op_fn fn, void *ctx) {
  imp_op *op = imp_node_op(node, fn, ctx);
  if (op != NULL) {
    imp_op_started(op, node->store->get(node->store_ctx, op, space, owner, key, keylen));
  }
  return op;
}

imp_op *imp_node_scan(imp_node *node, const char *space, const char *owner, const imp_store_range *range,
                      imp_op_fn fn, void *ctx) {
  imp_op *op = imp_node_op(node, fn, ctx);
  if (op != NULL) {
    imp_op_started(op, node->store->scan(node->store_ctx, op, space, owner, range));
  }
  return op;
}

imp_op *imp_node_scan_all(imp_node *node, const char *space, imp_op_fn fn, void *ctx) {
  imp_op *op = imp_op_new(&node->ops, fn, ctx, IMP_TSTAMP_NEVER);
  if (op != NULL) {
    imp_op_started(op, node->store->scan_all(node->store_ctx, op, space, 0));
  }
  return op;
}
