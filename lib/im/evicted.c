/*
 * Messages that a full buffer let go of go into offline storage, and are taken out again when the client turns out to
 * have them: by a later `h` of the session, or of a resumption that came too late.
 */
#include <stdlib.h>
#include <string.h>

#include "core/codec.h"
#include "im/box.h"

typedef struct imp_evicted {
  uint32_t count; /* number on the stream */
  uint64_t key;   /* in offline storage */
} imp_evicted;

static int remember(imp_session *s, uint32_t count, uint64_t key) {
  imp_im_session *is = imp_im_session_of(s);
  if (is == NULL) {
    return IMP_ERR_NOMEM;
  }
  if (is->nevicted == is->evicted_cap) {
    size_t cap = is->evicted_cap ? is->evicted_cap * 2 : 16;
    imp_evicted *grown = imp_realloc(is->evicted, cap * sizeof(*grown));
    if (grown == NULL) {
      return IMP_ERR_NOMEM;
    }
    is->evicted = grown;
    is->evicted_cap = cap;
  }
  is->evicted[is->nevicted++] = (imp_evicted){.count = count, .key = key};
  return IMP_OK;
}

static imp_verdict on_undelivered(imp_event *event, void *ctx) {
  imp_packet *packet = event->packet;
  imp_session *s = event->session;
  uint64_t key;
  unsigned rule;
  (void)ctx;
  if (event->settled != IMP_SM_EVICTED || s->anonymous) {
    return IMP_CONTINUE;
  }
  if (packet->state & IMP_PACKET_OFFLINE) {
    (void)remember(s, event->count, packet->serial);
    return IMP_CONTINUE; /* offline.c: it is in the store */
  }
  rule = imp_im_not_worth_storing(packet->stanza);
  if (rule > 0) {
    imp_node_drop(event->node, packet, (imp_drop_rule)(rule - 1));
    return IMP_HANDLED;
  }
  key = imp_offline_store(event->node, s->user->jid, packet, event->id, event->count);
  if (key != 0) {
    (void)remember(s, event->count, key);
  }
  return IMP_HANDLED;
}

/* Non-zero if number a is at or before b, modulo 2^32. */
static int covers(uint32_t b, uint32_t a) { return b - a < UINT32_C(0x80000000); }

/* An `h` that covers what is known in the store only, of a session that is gone or came back after a restart: what it
   covers is found by its tag. */
typedef struct late {
  imp_im_wait wait;
  imp_node *node;
  imp_box *box;
  uint32_t count;
  uint32_t changes; /* of the box when it was read */
  char id[IMP_SM_ID_MAX + 1];
} late;

static void take_if_covered(const late *l, const imp_op_row *row) {
  const char *value = row->value;
  size_t idlen = strlen(l->id);
  unsigned long count;
  if (row->keylen != 8 || row->valuelen <= idlen || memcmp(value, l->id, idlen) != 0 || value[idlen] != ' ') {
    return;
  }
  count = strtoul(value + idlen + 1, NULL, 10);
  if (covers(l->count, (uint32_t)count)) {
    imp_offline_take(l->node, l->box->bare, imp_get_be64(row->key));
  }
}

static void finish(late *l) {
  imp_box *box = l->box;
  box->late--;
  imp_im_wait_end(&l->wait);
  imp_box_touch(box); /* the end of the turn goes on with it */
}

static void on_items(imp_op *op, int status, void *ctx);

static int look(late *l) {
  imp_store_range all = {.size = sizeof(all)};
  l->changes = l->box->changes;
  return imp_node_scan(l->node, IMP_SPACE_OFFLINE, l->box->bare, &all, on_items, l) != NULL ? IMP_OK : IMP_ERR_NOMEM;
}

static void on_items(imp_op *op, int status, void *ctx) {
  late *l = ctx;
  size_t i;
  if (status == IMP_OK && l->changes != l->box->changes) {
    if (look(l) < 0) { /* some of it is gone meanwhile: read again */
      finish(l);
    }
    return;
  }
  for (i = 0; status == IMP_OK && i < imp_op_row_count(op); i++) {
    take_if_covered(l, imp_op_row_at(op, i));
  }
  finish(l);
}

static void look_for(imp_node *node, const char *bare, const char *id, uint32_t count) {
  imp_box *box = imp_box_find(imp_im_of(node), bare);
  late *l;
  if (box == NULL || strlen(id) > IMP_SM_ID_MAX || (l = imp_calloc(1, sizeof(*l))) == NULL) {
    return;
  }
  l->node = node;
  l->box = box;
  l->count = count;
  memcpy(l->id, id, strlen(id) + 1);
  imp_im_wait_begin(imp_im_of(node), &l->wait, NULL);
  box->late++;
  if (look(l) < 0) {
    finish(l);
  }
}

static imp_verdict on_acked(imp_event *event, void *ctx) {
  imp_session *s = event->session;
  imp_im_session *is = s->slot[IMP_SLOT_IM];
  size_t n = 0;
  (void)ctx;
  if (s->restored && s->sm != NULL) {
    look_for(s->node, imp_jid_full(s->user->jid), imp_sm_get_id(s->sm), event->count);
  }
  if (is == NULL) {
    return IMP_CONTINUE;
  }
  while (n < is->nevicted && covers(event->count, is->evicted[n].count)) {
    imp_offline_take(s->node, imp_jid_full(s->user->jid), is->evicted[n++].key);
  }
  if (n > 0) {
    memmove(is->evicted, is->evicted + n, (is->nevicted - n) * sizeof(*is->evicted));
    is->nevicted -= n;
  }
  return IMP_CONTINUE;
}

static imp_verdict on_late(imp_event *event, void *ctx) {
  (void)ctx;
  look_for(event->node, event->username, event->id, event->count);
  return IMP_CONTINUE;
}

static imp_verdict on_ended(imp_event *event, void *ctx) {
  imp_im_session *is = event->session->slot[IMP_SLOT_IM];
  (void)ctx;
  if (is != NULL) {
    imp_free(is->evicted);
    is->evicted = NULL;
    is->nevicted = is->evicted_cap = 0;
  }
  return IMP_CONTINUE;
}

int imp_im_start_evicted(imp_node *node) {
  int rv = imp_node_hook(node, IMP_POINT_UNDELIVERED, -10, on_undelivered, NULL);
  if (rv == IMP_OK) {
    rv = imp_node_hook(node, IMP_POINT_EVICTED_ACKED, 0, on_acked, NULL);
  }
  if (rv == IMP_OK) {
    rv = imp_node_hook(node, IMP_POINT_LATE_ACKED, 0, on_late, NULL);
  }
  return rv < 0 ? rv : imp_node_hook(node, IMP_POINT_SESSION_ENDED, 60, on_ended, NULL);
}
