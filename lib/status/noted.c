/*
 * What others keep when the process goes: activities, and presence of users without a client, which contacts whose
 * sessions survive still see.  So it is noted, and after a start taken back, unless it still holds.
 *
 * A row: "a" for an activity, or nothing, then "/" and the resource for presence.
 */
#include "status/internal.h"

enum { ACTIVITY = 1, ALONE = 2 };

void imp_status_note(imp_status *f, imp_status_person *p) {
  const char *owner = imp_jid_full(p->jid);
  uint8_t now = (uint8_t)((p->activity != 0 ? ACTIVITY : 0) | (p->alone != NULL ? ALONE : 0));
  char text[IMP_JID_PART_MAX + 3];
  size_t len = 0;
  if (now == p->noted) {
    return;
  }
  p->noted = now;
  if (now == 0) {
    (void)imp_node_remove(f->node, IMP_SPACE_STATUS, owner, "", 0);
    return;
  }
  if (now & ACTIVITY) {
    text[len++] = 'a';
  }
  if (now & ALONE) {
    size_t resourcelen = strlen(imp_jid_resource(p->alone->from));
    text[len++] = '/';
    memcpy(text + len, imp_jid_resource(p->alone->from), resourcelen);
    len += resourcelen;
  }
  (void)imp_node_put(f->node, IMP_SPACE_STATUS, owner, "", 0, text, len);
}

/* ---- after a start ---- */

/* Presence of which nothing is known but whose it is: it differs from all that is seen. */
static imp_stanza *seen_before(const imp_jid *bare, const char *resource, size_t len) {
  char text[IMP_JID_PART_MAX + 1];
  imp_stanza *st = NULL;
  imp_jid *from;
  if (len >= sizeof(text)) {
    return NULL;
  }
  memcpy(text, resource, len);
  text[len] = '\0';
  if (imp_jid_new_resource(&from, bare, text) < 0) {
    return NULL;
  }
  if (imp_stanza_new(&st, "presence", NULL) == IMP_OK) {
    imp_stanza_set_from(st, from);
    (void)imp_elem_add_text(st, imp_stanza_edit(st), "show", NULL, "?");
  }
  imp_jid_del(from);
  return st;
}

static void take_back(imp_status *f, const imp_op_row *row) {
  const char *key = row->key, *nul = memchr(key, '\0', row->keylen), *value = row->value;
  const char *slash = row->valuelen > 0 ? memchr(value, '/', row->valuelen) : NULL;
  imp_status_person *p;
  imp_jid *jid;
  if (nul == NULL || imp_jid_new(&jid, key, (size_t)(nul - key)) < 0) {
    return;
  }
  p = imp_status_person_get(f, jid);
  if (p != NULL && p->noted == 0) {
    p->activity = row->valuelen > 0 && *value == 'a' ? 2 : 0; /* no hash */
    p->alone = slash != NULL ? seen_before(jid, slash + 1, row->valuelen - (size_t)(slash + 1 - value)) : NULL;
    p->noted = ACTIVITY | ALONE; /* there is a row */
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

int imp_status_start_noted(imp_node *node, imp_status *f) {
  return imp_node_hook(node, IMP_POINT_STORE_READY, 0, on_store, f);
}
