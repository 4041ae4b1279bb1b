/*
 * Durable sessions: what of a session is in the store, and when.
 *
 *   sm.session   owner: bare JID, key: session id   one row a session, written at the end of a turn in which it changed
 *   sm.presence  owner: session id, key: ""         its last available presence
 *   sm.queue     owner: session id, key: number     packets that are not acknowledged
 *   sm.handled   owner: bare JID, key: session id   what sessions that are gone had handled
 *
 * Packets are numbered by a 64-bit count of their own, so that keys sort across a wrap of the stream's counter.
 */
#include "node/durable.h"

#include <stdio.h>
#include <string.h>

#include "core/codec.h"
#include "xml/jid.h"

static int enabled(const imp_node *node) { return node->settings.durable && node->store->durable; }

static uint64_t acked_seq(const imp_session *s) {
  return s->durable->seq - (uint32_t)(imp_sm_get_out(s->sm) - imp_sm_get_acked(s->sm));
}

/* What the store has of the session does not fit any more: see shed() in turn.c. */
static void is_lost(imp_session *s) { s->batch = s->node->batch; }

static void cannot_be_noted(imp_session *s) {
  s->node->note_failed = IMP_ERR_NOMEM;
  s->node->noted = 1;
  is_lost(s);
}

int imp_durable_start(imp_session *s) {
  imp_event event = {.session = s};
  imp_durable *d;
  if (!enabled(s->node) || s->sm == NULL || *imp_sm_get_id(s->sm) == '\0') {
    return IMP_OK;
  }
  d = imp_calloc(1, sizeof(*d));
  if (d == NULL) {
    return IMP_ERR_NOMEM;
  }
  d->session = s;
  s->durable = d;
  imp_durable_touch(s);
  imp_durable_presence(s);
  event.id = imp_sm_get_id(s->sm);
  (void)imp_node_run_hooks(s->node, IMP_POINT_SESSION_DURABLE, &event);
  return IMP_OK;
}

void imp_durable_touch(imp_session *s) {
  if (s->durable != NULL && !imp_list_linked(&s->durable->dirty)) {
    imp_list_append(&s->node->durable_dirty, &s->durable->dirty);
  }
}

void imp_durable_sent(imp_session *s, const imp_packet *packet) {
  imp_node *node = s->node;
  uint8_t key[8];
  imp_buf *buf = &node->scratch;
  if (s->durable == NULL) {
    return;
  }
  s->durable->seq++;
  s->durable->out++;
  imp_durable_touch(s);
  imp_put_be64(key, s->durable->seq);
  imp_buf_consume(buf, imp_buf_len(buf));
  if (imp_packet_serialise(packet, buf) < 0) {
    cannot_be_noted(s);
  } else if (imp_node_put(node, "sm.queue", imp_sm_get_id(s->sm), key, sizeof(key), imp_buf_data(buf),
                          imp_buf_len(buf)) < 0) {
    is_lost(s);
  }
}

/* Where numbers were missing, those of the packets behind have moved up: they are written anew. */
void imp_durable_resumed(imp_session *s) {
  imp_durable *d = s->durable;
  const imp_packet *packet;
  uint8_t key[8];
  size_t pos = 0;
  if (d == NULL) {
    return;
  }
  imp_durable_touch(s);
  if (d->out == imp_sm_get_out(s->sm)) {
    return;
  }
  imp_put_be64(key, d->seq);
  (void)imp_node_remove_upto(s->node, "sm.queue", imp_sm_get_id(s->sm), key, sizeof(key));
  while ((packet = imp_sm_next_unacked(s->sm, &pos, NULL, 0)) != NULL) {
    imp_durable_sent(s, packet);
  }
  d->out = imp_sm_get_out(s->sm);
  d->trimmed = acked_seq(s);
}

void imp_durable_evicted(imp_session *s, uint32_t count) {
  uint8_t key[8];
  if (s->durable == NULL) {
    return;
  }
  imp_put_be64(key, s->durable->seq - (uint32_t)(imp_sm_get_out(s->sm) - count));
  (void)imp_node_remove(s->node, "sm.queue", imp_sm_get_id(s->sm), key, sizeof(key));
}

void imp_durable_presence(imp_session *s) {
  const char *id;
  if (s->durable == NULL) {
    return;
  }
  id = imp_sm_get_id(s->sm);
  imp_durable_touch(s);
  if (s->presence == NULL) {
    (void)imp_node_remove(s->node, "sm.presence", id, "", 0);
  } else {
    size_t len = 0;
    char *text = imp_stanza_to_text(s->presence, &len);
    if (text == NULL) {
      cannot_be_noted(s);
      return;
    }
    (void)imp_node_put(s->node, "sm.presence", id, "", 0, text, len);
    imp_free(text);
  }
}

void imp_durable_keep(imp_session *s) {
  if (s->durable != NULL) {
    imp_list_remove(&s->durable->dirty);
    imp_free(s->durable);
    s->durable = NULL;
  }
}

static void remove_rows(imp_node *node, const imp_sm *sm) {
  const char *id = imp_sm_get_id(sm);
  (void)imp_node_remove(node, "sm.session", imp_sm_get_user(sm), id, strlen(id));
  (void)imp_node_erase(node, id);
}

void imp_durable_forget(imp_session *s) {
  if (s->durable == NULL) {
    return;
  }
  if (s->remember_h && !s->deleted) {
    imp_handled_remember(s->node, s->sm);
  }
  remove_rows(s->node, s->sm);
  imp_durable_keep(s);
}

void imp_durable_forget_parked(imp_node *node, const imp_sm *sm) {
  imp_handled_remember(node, sm);
  remove_rows(node, sm);
}

static void write_row(imp_session *s) {
  imp_sm_state st;
  char row[IMP_JID_PART_MAX + 160];
  int len;
  imp_sm_get_state(s->sm, &st, sizeof(st));
  len = snprintf(row, sizeof(row), "1 %u %u %u %u %u %u %llu %d %u %u %s", (unsigned)st.in, (unsigned)st.out,
                 (unsigned)st.acked, (unsigned)st.max, (unsigned)st.evicted, (unsigned)st.past,
                 (unsigned long long)s->durable->seq, s->priority, s->carbons, s->inactive,
                 imp_jid_resource(s->jid));
  if (imp_node_put(s->node, "sm.session", imp_jid_full(s->user->jid), st.id, strlen(st.id), row, (size_t)len) < 0) {
    is_lost(s);
  }
}

static void trim_queue(imp_session *s) {
  uint64_t upto = acked_seq(s);
  uint8_t key[8];
  if (upto == s->durable->trimmed) {
    return;
  }
  s->durable->trimmed = upto;
  imp_put_be64(key, upto);
  (void)imp_node_remove_upto(s->node, "sm.queue", imp_sm_get_id(s->sm), key, sizeof(key));
}

static void write_one(imp_session *s) {
  trim_queue(s);
  write_row(s);
}

int imp_durable_park(imp_session *s) {
  if (s->durable == NULL) {
    return 0;
  }
  if (imp_list_linked(&s->durable->dirty)) {
    write_one(s);
  }
  imp_durable_keep(s);
  return 1;
}

void imp_durable_write(imp_node *node) {
  imp_list *l;
  while ((l = imp_list_pop(&node->durable_dirty)) != NULL) {
    write_one(IMP_CONTAINER_OF(l, imp_durable, dirty)->session);
  }
}
