#include "node/node.h"

int imp_node_hook(imp_node *node, imp_point point, int priority, imp_hook_fn fn, void *ctx) {
  imp_hook *hooks = node->hooks[point];
  size_t n = node->hook_count[point], i;
  if (n == IMP_HOOKS_MAX) {
    return IMP_ERR_LIMIT;
  }
  for (i = n; i > 0 && hooks[i - 1].priority > priority; i--) {
    hooks[i] = hooks[i - 1];
  }
  hooks[i].fn = fn;
  hooks[i].ctx = ctx;
  hooks[i].priority = priority;
  node->hook_count[point] = n + 1;
  return IMP_OK;
}

imp_verdict imp_node_run_hooks(imp_node *node, imp_point point, imp_event *event) {
  size_t i;
  event->node = node;
  for (i = 0; i < node->hook_count[point]; i++) {
    const imp_hook *hook = &node->hooks[point][i];
    if (hook->fn(event, hook->ctx) == IMP_HANDLED) {
      return IMP_HANDLED;
    }
  }
  return IMP_CONTINUE;
}
