/* Whole spaces of the store that are read when the node starts. */
#include "roster/internal.h"

static const struct source {
  const char *space;
  int durable;                                        /* only where sessions survive the process */
  int (*load)(imp_rosters *f, const imp_op_row *row); /* its key: "owner NUL key" */
  const char *what;
} sources[IMP_ROSTER_READINGS] = {{IMP_SPACE_BLOCK, 0, imp_blocks_load, "block lists"},
                                  {IMP_SPACE_SESSION, 1, imp_restore_load, "presence of sessions"},
                                  {IMP_SPACE_ON, 1, imp_ghosts_load, "who was seen"}};

static void complain(const imp_node *node, const struct source *s, int status) {
  imp_log(&node->log, IMP_LOG_STORE, IMP_LOG_ERROR, node->settings.domain, "%s: cannot be read: %s", s->what,
          imp_strerror(status));
}

/* A row that is damaged is no reason to do without the others. */
static int load(imp_rosters *f, const struct source *s, const imp_op_row *row) {
  int rv = s->load(f, row);
  if (rv == IMP_ERR_CORRUPT || rv == IMP_ERR_MALFORMED || rv == IMP_ERR_TOO_BIG) {
    complain(f->node, s, rv);
    rv = IMP_OK;
  }
  return rv;
}

static void on_rows(imp_op *op, int status, void *ctx) {
  const imp_roster_reading *r = ctx;
  imp_rosters *f = r->rosters;
  const struct source *s = &sources[r - f->readings];
  size_t i;
  for (i = 0; status == IMP_OK && i < imp_op_row_count(op); i++) {
    status = load(f, s, imp_op_row_at(op, i));
  }
  if (status < 0) {
    complain(f->node, s, status);
  }
  imp_node_loaded(f->node);
}

static imp_verdict on_store(imp_event *event, void *ctx) {
  imp_node *node = event->node;
  imp_rosters *f = imp_rosters_of(node);
  size_t i;
  (void)ctx;
  for (i = 0; i < IMP_ROSTER_READINGS; i++) {
    f->readings[i].rosters = f;
    if (!sources[i].durable || imp_roster_is_durable(node)) {
      imp_node_loading(node, imp_node_scan_all(node, sources[i].space, on_rows, &f->readings[i]));
    }
  }
  return IMP_CONTINUE;
}

int imp_roster_start_reading(imp_node *node) { return imp_node_hook(node, IMP_POINT_STORE_READY, 50, on_store, NULL); }
