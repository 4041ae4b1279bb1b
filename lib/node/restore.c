/* Reading durable sessions back after a start. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/codec.h"
#include "node/durable.h"
#include "node/fates.h"
#include "xml/jid.h"

/* One session whose packets and presence are being read. It may be ended meanwhile: it is found by its id. */
typedef struct restoring {
  imp_list link;
  imp_node *node;
  uint32_t out;
  uint64_t seq;
  unsigned parts; /* still to come */
  char id[IMP_SM_ID_MAX + 1];
  char user[];
} restoring;

static imp_session *session_of(const restoring *r) {
  imp_sm *sm = imp_sm_find(r->node->sm, r->user, r->id);
  imp_session *s = sm != NULL ? imp_sm_get_session_data(sm) : NULL;
  return s != NULL && s->sm == sm ? s : NULL;
}

static void bad_row(imp_node *node, const char *owner, const char *what) {
  imp_log(&node->log, IMP_LOG_STORE, IMP_LOG_ERROR, owner, "stored session skipped: %s", what);
}

static void part_of_session_done(restoring *r) {
  imp_node *node = r->node;
  if (--r->parts == 0) {
    imp_list_remove(&r->link);
    imp_free(r);
  }
  imp_node_loaded(node);
}

static void account(imp_node *node, imp_packet *packet) {
  packet->state &= ~(uint32_t)IMP_PACKET_COUNTED;
  if (packet->state & IMP_PACKET_OFFLINE) {
    imp_ledger_move(&node->stats.ledger, IMP_FATE_STORED, IMP_FATE_IN_FLIGHT);
    packet->state |= IMP_PACKET_COUNTED;
  } else {
    imp_node_account(node, packet);
  }
}

static void restore_packet(const restoring *r, imp_session *s, const imp_op_row *row) {
  imp_packet *packet;
  uint64_t seq;
  if (row->keylen != 8 || imp_packet_parse(&packet, r->node->xml, row->value, row->valuelen) < 0) {
    bad_row(r->node, r->user, "a packet is damaged");
    return;
  }
  seq = imp_get_be64(row->key);
  account(r->node, packet);
  if (imp_sm_restore_packet(s->sm, packet, imp_packet_memory(packet), r->out - (uint32_t)(r->seq - seq)) < 0) {
    bad_row(r->node, r->user, "a packet is out of place");
    imp_node_undelivered(s, packet);
  }
}

/* Its packets cannot be read: better no session than one that has forgotten them. The rows stay for the next start. */
static void give_up(imp_session *s) {
  imp_durable_keep(s);
  imp_stanza_del(s->presence); /* nobody is told that it is unavailable */
  s->presence = NULL;
  imp_session_end(s, NULL);
}

static void on_queue(imp_op *op, int status, void *ctx) {
  restoring *r = ctx;
  size_t i;
  imp_session *s = session_of(r);
  if (status < 0) {
    bad_row(r->node, r->user, imp_strerror(status));
    if (s != NULL) {
      give_up(s);
      s = NULL;
    }
  }
  for (i = 0; s != NULL && i < imp_op_row_count(op); i++) {
    restore_packet(r, s, imp_op_row_at(op, i));
    s = session_of(r);
  }
  part_of_session_done(r);
}

static void on_presence(imp_op *op, int status, void *ctx) {
  restoring *r = ctx;
  imp_session *s = session_of(r);
  if (s != NULL && status == IMP_OK && imp_op_row_count(op) > 0) {
    const imp_op_row *row = imp_op_row_at(op, 0);
    imp_stanza *st;
    if (imp_xml_parse_stanza(r->node->xml, &r->node->limits.authed, row->value, row->valuelen, &st, NULL) == IMP_OK) {
      s->presence = st;
    }
  }
  part_of_session_done(r);
}

static restoring *restoring_new(imp_session *s, const imp_sm_state *state, uint64_t seq) {
  size_t len = strlen(state->user);
  restoring *r = imp_calloc(1, sizeof(*r) + len + 1);
  if (r != NULL) {
    r->node = s->node;
    r->out = state->out;
    r->seq = seq;
    memcpy(r->id, state->id, strlen(state->id) + 1);
    memcpy(r->user, state->user, len + 1);
    imp_list_append(&s->node->restorations, &r->link);
  }
  return r;
}

/* Presence first: a part that was begun ends by itself. */
static int begin_parts(imp_session *s, const imp_sm_state *state, uint64_t seq) {
  imp_node *node = s->node;
  imp_store_range all = {.size = sizeof(all)};
  restoring *r = restoring_new(s, state, seq);
  imp_op *op;
  if (r == NULL) {
    return IMP_ERR_NOMEM;
  }
  op = imp_node_get(node, "sm.presence", r->id, "", 0, on_presence, r);
  if (op != NULL) {
    r->parts++;
    imp_node_loading(node, op);
  }
  op = imp_node_scan(node, "sm.queue", r->id, &all, on_queue, r);
  if (op != NULL) {
    r->parts++;
    imp_node_loading(node, op);
    return IMP_OK;
  }
  if (r->parts == 0) {
    imp_list_remove(&r->link);
    imp_free(r);
  }
  return IMP_ERR_NOMEM;
}

void imp_durable_stop(imp_node *node) {
  imp_list *l;
  while ((l = imp_list_pop(&node->restorations)) != NULL) {
    imp_free(IMP_CONTAINER_OF(l, restoring, link));
  }
}

/* A row of sm.session; see write_row() in durable.c. */
typedef struct session_row {
  imp_sm_state state;
  uint64_t seq;
  int priority;
  unsigned carbons, inactive;
  const char *resource;
} session_row;

static int parse_row(session_row *row, const char *text) {
  unsigned in, out, acked, max, evicted, past;
  unsigned long long seq;
  int used = 0;
  if (sscanf(text, "1 %u %u %u %u %u %u %llu %d %u %u%n", &in, &out, &acked, &max, &evicted, &past, &seq,
             &row->priority, &row->carbons, &row->inactive, &used) != 10 ||
      used == 0 || text[used] != ' ') {
    return IMP_ERR_CORRUPT;
  }
  row->state = (imp_sm_state){.size = sizeof(imp_sm_state), .in = in, .out = out, .acked = acked, .max = max,
                              .evicted = evicted, .past = past};
  row->seq = seq;
  row->resource = text + used + 1; /* may begin with a space itself */
  return IMP_OK;
}

static int new_session(imp_node *node, imp_session **s, const char *bare, const session_row *row) {
  imp_jid *user, *full;
  int rv = imp_jid_new(&user, bare, strlen(bare));
  if (rv < 0) {
    return rv;
  }
  rv = imp_jid_new_resource(&full, user, row->resource);
  imp_jid_del(user);
  if (rv == IMP_OK) {
    rv = imp_session_new(s, node, full, NULL);
    imp_jid_del(full);
  }
  return rv;
}

static int make_durable(imp_session *s, const session_row *row) {
  s->durable = imp_calloc(1, sizeof(*s->durable));
  if (s->durable == NULL) {
    return IMP_ERR_NOMEM;
  }
  s->durable->session = s;
  s->durable->seq = row->seq;
  s->durable->out = row->state.out;
  s->durable->trimmed = row->seq - (uint32_t)(row->state.out - row->state.acked);
  return IMP_OK;
}

static int restore_session(imp_node *node, const char *bare, const char *id, session_row *row) {
  imp_session *s;
  int rv = new_session(node, &s, bare, row);
  if (rv < 0) {
    return rv;
  }
  row->state.id = id;
  row->state.user = bare;
  s->restored = 1;
  s->priority = (int8_t)row->priority;
  s->carbons = row->carbons != 0;
  s->inactive = row->inactive != 0;
  rv = imp_sm_restore(node->sm, &s->sm, &row->state, node->now, s);
  if (rv == IMP_OK) {
    imp_sm_set_inactive(s->sm, s->inactive);
    rv = make_durable(s, row);
  }
  if (rv == IMP_OK) {
    rv = begin_parts(s, &row->state, row->seq);
  }
  if (rv < 0) {
    give_up(s);
  }
  return rv;
}

int imp_durable_split_key(const imp_op_row *row, char *owner, size_t ownercap, char *key, size_t keycap) {
  const char *k = row->key, *nul = memchr(k, '\0', row->keylen);
  size_t ownerlen, keylen;
  if (nul == NULL || (size_t)(nul - k) >= ownercap) {
    return IMP_ERR_CORRUPT;
  }
  ownerlen = (size_t)(nul - k);
  keylen = row->keylen - ownerlen - 1;
  if (keylen >= keycap) {
    return IMP_ERR_CORRUPT;
  }
  memcpy(owner, k, ownerlen + 1);
  memcpy(key, k + ownerlen + 1, keylen);
  key[keylen] = '\0';
  return IMP_OK;
}

static void on_sessions(imp_op *op, int status, void *ctx) {
  imp_node *node = ctx;
  char owner[IMP_STORE_OWNER_MAX + 1], id[IMP_SM_ID_MAX + 1];
  size_t i;
  for (i = 0; status == IMP_OK && i < imp_op_row_count(op); i++) {
    const imp_op_row *r = imp_op_row_at(op, i);
    session_row row;
    int rv = imp_durable_split_key(r, owner, sizeof(owner), id, sizeof(id));
    if (rv == IMP_OK) {
      rv = parse_row(&row, r->value);
    }
    if (rv == IMP_OK) {
      rv = restore_session(node, owner, id, &row);
    }
    if (rv < 0) {
      bad_row(node, owner, imp_strerror(rv));
    }
  }
  if (status < 0) {
    bad_row(node, node->settings.domain, imp_strerror(status));
  }
  imp_node_loaded(node);
}

void imp_durable_restore(imp_node *node) {
  imp_node_loading(node, imp_node_scan_all(node, "sm.session", on_sessions, node));
  imp_handled_restore(node);
}
