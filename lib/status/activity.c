/*
 * Activities (XEP-0108), published by whoever serves PEP.  That one is published is noted in the store: after a start
 * it is taken back, unless it still holds.
 */
#include "status/internal.h"

static int is_activity(const imp_presence *p) {
  return p->state == IMP_PRESENCE_MEETING || p->state == IMP_PRESENCE_CALL || p->state == IMP_PRESENCE_OUT_OF_OFFICE;
}

static int publish(imp_status *f, const imp_status_person *p, const char *text, size_t len) {
  imp_stanza *payload;
  imp_event event = {.to = p->jid, .id = IMP_NS_ACTIVITY};
  imp_verdict verdict;
  if (imp_stanza_parse(&payload, text, len) < 0) {
    return 0;
  }
  event.stanza = payload;
  verdict = imp_node_run_hooks(f->node, IMP_POINT_PUBLISH, &event);
  imp_stanza_del(payload);
  f->stats.activities += verdict == IMP_HANDLED;
  return verdict == IMP_HANDLED;
}

static void note(imp_status *f, imp_status_person *p, uint32_t activity) {
  if (activity != 0 && p->activity == 0) {
    (void)imp_node_put(f->node, IMP_SPACE_STATUS, imp_jid_full(p->jid), "", 0, "1", 1);
  } else if (activity == 0 && p->activity != 0) {
    (void)imp_node_remove(f->node, IMP_SPACE_STATUS, imp_jid_full(p->jid), "", 0);
  }
  p->activity = activity;
}

void imp_status_publish(imp_status *f, imp_status_person *p, const imp_presence *presence) {
  int wanted = f->settings.activity && is_activity(presence);
  imp_presence said = *presence;
  char *text;
  size_t len;
  uint32_t hash = 0;
  int32_t offset;
  if (!wanted && p->activity == 0) {
    return;
  }
  if (!wanted) {
    said.state = IMP_PRESENCE_AVAILABLE;
  }
  offset = imp_status_utc_offset(f->node, said.until != 0 ? said.until : said.at);
  len = imp_presence_write_activity(&said, offset, NULL, 0);
  text = imp_malloc(len + 1);
  if (text == NULL) {
    return;
  }
  (void)imp_presence_write_activity(&said, offset, text, len + 1);
  hash = wanted ? imp_hash(text, len) | 1u : 0;
  if (hash != p->activity && publish(f, p, text, len)) {
    note(f, p, hash);
  }
  imp_free(text);
}

/* ---- after a start ---- */

static void take_back(imp_status *f, const imp_op_row *row) {
  const char *key = row->key, *nul = memchr(key, '\0', row->keylen);
  imp_status_person *p;
  imp_jid *jid;
  if (nul == NULL || imp_jid_new(&jid, key, (size_t)(nul - key)) < 0) {
    return;
  }
  p = imp_status_person_get(f, jid);
  if (p != NULL && p->activity == 0) {
    p->activity = 2; /* no hash */
    imp_status_line_up(f, p);
  }
  imp_jid_del(jid);
}

static void on_rows(imp_op *op, int status, void *ctx) {
  imp_status *f = ctx;
  size_t i;
  for (i = 0; status == IMP_OK && i < imp_op_row_count(op); i++) {
    take_back(f, imp_op_row_at(op, i));
  }
  imp_node_loaded(f->node);
}

static imp_verdict on_store(imp_event *event, void *ctx) {
  if (event->node->store->durable) {
    imp_node_loading(event->node, imp_node_scan_all(event->node, IMP_SPACE_STATUS, on_rows, ctx));
  }
  return IMP_CONTINUE;
}

int imp_status_start_activity(imp_node *node, imp_status *f) {
  return imp_node_hook(node, IMP_POINT_STORE_READY, 0, on_store, f);
}
