/* Offline storage (XEP-0160), with the time of receipt (XEP-0203), handed out only as fast as it is acknowledged. */
#include <stdio.h>
#include <string.h>

#include "core/codec.h"
#include "im/box.h"

/* Whether the user exists is asked after the message was stored, in the same turn: so nothing waits for the answer. */
typedef struct existence {
  imp_im_wait wait;
  imp_box *box;
  uint64_t key;
  uint32_t deletions; /* of the box then */
} existence;

uint64_t imp_offline_next_key(imp_im *im) {
  uint64_t key = imp_node_wallclock(im->node) << 20;
  im->last_key = key > im->last_key ? key : im->last_key + 1;
  if (im->last_key >= im->key_ceiling) {
    imp_box_raise_ceiling(im);
  }
  return im->last_key;
}

/* Whatever way a message takes into the store, there they lie in the order in which they were accepted; but not behind
   the back of a session that is reading. */
static uint64_t key_of(imp_im *im, const imp_box *box, const imp_packet *packet) {
  int passed = box != NULL && box->to != NULL && packet->serial <= box->cursor;
  return packet->serial == 0 || passed ? imp_offline_next_key(im) : packet->serial;
}

/* What a session's own buffer let go of is not for that session. */
static int is_for_reader(const imp_box *box, const char *sm_id) {
  return box->to != NULL &&
         (sm_id == NULL || box->to->sm == NULL || strcmp(imp_sm_get_id(box->to->sm), sm_id) != 0);
}

static void put_key(uint8_t dst[8], uint64_t key) { imp_put_be64(dst, key); }

/* A read under way may have seen the item as it was. */
static void item_changes(imp_box *box, uint64_t key) {
  if (box->scan != NULL && key > box->cursor) {
    box->stale = 1;
  }
}

static void remove_item(imp_box *box, uint64_t key) {
  uint8_t k[8];
  item_changes(box, key);
  put_key(k, key);
  (void)imp_node_remove(box->node, IMP_SPACE_OFFLINE, box->bare, k, sizeof(k));
  box->stored -= box->stored > 0;
  box->changes++;
  imp_box_touch(box);
}

static void on_existence(imp_op *op, int status, void *ctx) {
  existence *e = ctx;
  imp_box *box = e->box;
  imp_node *node = box->node;
  (void)op;
  box->asking--;
  if (status == IMP_OK) {
    box->exists = 1;
  } else if ((status == IMP_ERR_NOT_FOUND || status == IMP_ERR_DENIED) && e->deletions == box->deletions &&
             !imp_box_holds(box, e->key)) {
    remove_item(box, e->key);
    imp_ledger_move(&node->stats.ledger, IMP_FATE_STORED, IMP_FATE_RETURNED);
    imp_node_bounce(node, e->wait.stanza, "service-unavailable", NULL);
  }
  imp_box_touch(box);
  imp_im_wait_end(&e->wait);
}

static void check_existence(imp_box *box, const imp_jid *user, const imp_stanza *st, uint64_t key) {
  existence *e;
  if (box->exists || imp_node_find_user(box->node, user) != NULL || (e = imp_calloc(1, sizeof(*e))) == NULL) {
    return;
  }
  e->box = box;
  e->key = key;
  e->deletions = box->deletions;
  imp_im_wait_begin(imp_im_of(box->node), &e->wait, st);
  box->asking++;
  if (imp_node_lookup_user(box->node, imp_jid_local(user), on_existence, e) == NULL) {
    box->asking--;
    imp_im_wait_end(&e->wait);
  }
}

static int put_item(imp_box *box, uint64_t key, const imp_packet *packet, const char *sm_id, uint32_t count) {
  imp_buf *buf = &box->node->scratch;
  char prefix[IMP_SM_ID_MAX + 16];
  uint8_t k[8];
  int len = snprintf(prefix, sizeof(prefix), "%s %u\n", sm_id && *sm_id ? sm_id : "-", (unsigned)count);
  int rv;
  imp_buf_consume(buf, imp_buf_len(buf));
  rv = imp_buf_append(buf, prefix, (size_t)len);
  if (rv == IMP_OK) {
    rv = imp_packet_serialise(packet, buf);
  }
  put_key(k, key);
  return rv < 0 ? rv
                : imp_node_put(box->node, IMP_SPACE_OFFLINE, box->bare, k, sizeof(k), imp_buf_data(buf),
                               imp_buf_len(buf));
}

uint64_t imp_offline_store(imp_node *node, const imp_jid *user, imp_packet *packet, const char *sm_id,
                           uint32_t count) {
  imp_im *im = imp_im_of(node);
  imp_box *box = imp_box_get(im, imp_jid_bare(user));
  uint64_t key = key_of(im, box, packet);
  imp_stanza *st = packet->stanza;
  if (box == NULL || box->stored >= node->settings.offline_max || put_item(box, key, packet, sm_id, count) < 0) {
    imp_node_return(node, packet);
    if (box != NULL) {
      imp_box_touch(box); /* it goes if it is empty */
    }
    return 0;
  }
  box->stored++;
  imp_box_touch(box);
  check_existence(box, user, st, key);
  imp_node_settle(node, packet, IMP_FATE_STORED);
  if (is_for_reader(box, sm_id)) {
    box->more = 1;
    imp_offline_pump(box->to);
  }
  return key;
}

void imp_offline_take(imp_node *node, const char *bare, uint64_t key) {
  imp_box *box = imp_box_find(imp_im_of(node), bare);
  if (box != NULL && box->stored > 0 && !imp_box_holds(box, key)) {
    remove_item(box, key);
    imp_ledger_move(&node->stats.ledger, IMP_FATE_STORED, IMP_FATE_ACKNOWLEDGED);
  }
}

static uint32_t window(const imp_session *s) {
  uint32_t packets = s->sm != NULL ? imp_sm_get_settings(s->sm)->buffer_packets : 100;
  return packets / 2 > 0 ? packets / 2 : 1;
}

/* Items of a session that may still acknowledge them itself are not for anybody else. */
static const char *skip_prefix(imp_node *node, const imp_box *box, const imp_op_row *row, size_t *len) {
  const char *value = row->value, *eol = memchr(value, '\n', row->valuelen), *space;
  char id[IMP_SM_ID_MAX + 1];
  if (eol == NULL || (space = memchr(value, ' ', (size_t)(eol - value))) == NULL) {
    return NULL;
  }
  *len = row->valuelen - (size_t)(eol + 1 - value);
  /* "-" alone is nobody; ids may begin with it. */
  if ((space - value != 1 || *value != '-') && (size_t)(space - value) <= IMP_SM_ID_MAX) {
    memcpy(id, value, (size_t)(space - value));
    id[space - value] = '\0';
    if (imp_sm_find(node->sm, box->bare, id) != NULL) {
      return NULL;
    }
  }
  return eol + 1;
}

static imp_packet *stamped(imp_node *node, imp_packet *packet) {
  imp_packet *delayed;
  if (imp_packet_new_delayed(&delayed, packet, node->settings.domain, packet->accepted) < 0) {
    return packet;
  }
  imp_packet_del(packet);
  return delayed;
}

/* Not more than the connection holds for a slow reader, whatever the size of the messages. */
static int is_full(const imp_box *box) {
  const imp_session *s = box->to;
  size_t max = s->node->settings.max_output_bytes / 4;
  if (s->sm != NULL) {
    return box->outstanding > 0 && imp_sm_get_queued_bytes(s->sm) >= max;
  }
  return s->conn != NULL && imp_conn_pending(s->conn) >= max;
}

/* So few large messages may fill it that none of them asked for an acknowledgement. */
static void ask_for_ack(imp_session *s) {
  char text[IMP_SM_TEXT_MAX];
  if (s->conn != NULL && !imp_conn_is_ended(s->conn) && !imp_sm_r_outstanding(s->sm)) {
    (void)imp_conn_submit_text(s->conn, text, imp_sm_write_r(text));
    imp_sm_requested(s->sm);
  }
}

/* Acknowledgements go on with it, or the end of a turn in which the connection got rid of output. */
static void wait_for_room(imp_box *box) {
  if (box->to->sm != NULL) {
    ask_for_ack(box->to);
  } else if (!imp_list_linked(&box->link)) {
    imp_list_append(&imp_im_of(box->node)->dirty, &box->link);
  }
}

static void hand_out(imp_box *box, const imp_op_row *row) {
  imp_node *node = box->node;
  size_t len;
  const char *data;
  imp_packet *packet;
  if (row->keylen != 8) {
    return;
  }
  box->cursor = imp_get_be64(row->key);
  data = skip_prefix(node, box, row, &len);
  if (data == NULL) {
    return;
  }
  if (imp_packet_parse(&packet, node->xml, data, len) < 0) {
    imp_log(&node->log, IMP_LOG_STORE, IMP_LOG_ERROR, box->bare, "a stored message is damaged");
    return;
  }
  packet = stamped(node, packet);
  if (imp_box_hold(box, box->cursor) < 0) {
    imp_packet_del(packet); /* somebody has it already, or there is no memory: it stays */
    return;
  }
  imp_ledger_move(&node->stats.ledger, IMP_FATE_STORED, IMP_FATE_IN_FLIGHT);
  packet->state = IMP_PACKET_COUNTED | IMP_PACKET_OFFLINE;
  packet->serial = box->cursor;
  (void)imp_session_deliver(box->to, packet);
}

static void on_rows(imp_op *op, int status, void *ctx) {
  imp_box *box = ctx;
  size_t i, n = imp_op_row_count(op);
  box->scan = NULL;
  imp_box_touch(box);
  if (status < 0 || n == 0) {
    return;
  }
  for (i = 0; i < n && !box->stale && box->to != NULL && !is_full(box); i++) {
    hand_out(box, imp_op_row_at(op, i)); /* may settle at once: `more` is 0, so that this does not begin another read */
  }
  box->more = 1;
  if (box->to != NULL) {
    imp_offline_pump(box->to);
  }
}

void imp_offline_pump(imp_session *s) {
  imp_box *box = imp_box_find(imp_im_of(s->node), imp_jid_full(s->user->jid));
  imp_store_range range = {.size = sizeof(range)};
  uint8_t from[8];
  uint32_t room = window(s);
  if (box == NULL || box->to != s || box->scan != NULL || !box->more || box->late > 0 || box->outstanding * 2 > room) {
    return;
  }
  if (is_full(box)) {
    wait_for_room(box);
    return;
  }
  put_key(from, box->cursor + 1);
  range.from = from;
  range.fromlen = sizeof(from);
  range.limit = room - box->outstanding;
  box->more = 0;
  box->stale = 0;
  box->scan = imp_node_scan(s->node, IMP_SPACE_OFFLINE, box->bare, &range, on_rows, box);
  if (box->scan == NULL) {
    box->more = 1;
  }
}

int imp_offline_is_busy(const imp_session *s) {
  const imp_im *im = imp_im_of(s->node);
  const imp_box *box = im->boxes.count > 0 ? imp_box_find(im, imp_jid_full(s->user->jid)) : NULL;
  return box != NULL && box->to == s && (box->more || box->scan != NULL);
}

static void give_to(imp_box *box, imp_session *s) {
  if (box->to == NULL && box->stored > box->outstanding) {
    box->to = s;
    box->cursor = 0;
    box->more = 1;
    imp_offline_pump(s);
  }
}

void imp_offline_find_reader(imp_box *box) {
  imp_map_node *n = imp_map_find(&box->node->users, box->bare, strlen(box->bare));
  imp_user *user = n ? IMP_CONTAINER_OF(n, imp_user, by_bare) : NULL;
  imp_session *s = user ? imp_session_first(user) : NULL;
  for (; s != NULL; s = imp_session_next(s)) {
    if (s->conn != NULL && imp_im_is_candidate(s)) {
      give_to(box, s);
      return;
    }
  }
}

/* What of the box a restored session has in its queue. */
static void hold_queued(imp_box *box, imp_session *s) {
  const imp_packet *packet;
  size_t pos = 0;
  while (s->sm != NULL && (packet = imp_sm_next_unacked(s->sm, &pos, NULL, 0)) != NULL) {
    if (packet->state & IMP_PACKET_OFFLINE) {
      (void)imp_box_hold(box, packet->serial);
    }
  }
}

void imp_offline_restored(imp_box *box) {
  imp_map_node *n = imp_map_find(&box->node->users, box->bare, strlen(box->bare));
  imp_user *user = n ? IMP_CONTAINER_OF(n, imp_user, by_bare) : NULL;
  imp_session *s = user ? imp_session_first(user) : NULL;
  for (; s != NULL; s = imp_session_next(s)) {
    hold_queued(box, s);
    if (imp_im_is_candidate(s) && box->to == NULL) {
      box->to = s;
    }
  }
  if (box->to != NULL) {
    box->more = 1;
    imp_offline_pump(box->to);
  }
}

static imp_verdict on_available(imp_event *event, void *ctx) {
  imp_session *s = event->session;
  imp_box *box = imp_box_find(imp_im_of(s->node), imp_jid_full(s->user->jid));
  (void)ctx;
  if (box != NULL && imp_im_is_candidate(s)) {
    give_to(box, s);
  }
  return IMP_CONTINUE;
}

static imp_verdict on_ended(imp_event *event, void *ctx) {
  imp_box *box = imp_box_find(imp_im_of(event->node), imp_jid_full(event->session->user->jid));
  (void)ctx;
  if (box != NULL && box->to == event->session) {
    box->to = NULL;
    box->seek = 1;
    imp_op_cancel(box->scan);
    box->scan = NULL;
    imp_box_touch(box);
  }
  return IMP_CONTINUE;
}

static imp_verdict on_settled(imp_event *event, void *ctx) {
  imp_session *s = event->session;
  imp_box *box = imp_box_find(imp_im_of(event->node), imp_jid_full(s->user->jid));
  (void)ctx;
  if (box != NULL) {
    imp_box_unhold(box, event->packet->serial);
    remove_item(box, event->packet->serial);
    if (box->to == s && box->scan == NULL && !s->ending) {
      imp_offline_pump(s);
    }
  }
  return IMP_CONTINUE;
}

/* It never left the store. */
static imp_verdict on_undelivered(imp_event *event, void *ctx) {
  imp_packet *packet = event->packet;
  imp_box *box;
  (void)ctx;
  if (!(packet->state & IMP_PACKET_OFFLINE)) {
    return IMP_CONTINUE;
  }
  box = imp_box_find(imp_im_of(event->node), imp_jid_bare(event->session->jid));
  if (box != NULL) {
    imp_box_unhold(box, packet->serial);
    imp_box_touch(box);
    if (event->id != NULL && *event->id != '\0') {
      /* The session's client may have it, and say so in a later <resume/>. */
      item_changes(box, packet->serial);
      (void)put_item(box, packet->serial, packet, event->id, event->count);
    }
  }
  imp_node_settle(event->node, packet, IMP_FATE_STORED);
  return IMP_HANDLED;
}

static imp_verdict on_deleted(imp_event *event, void *ctx) {
  imp_box *box = imp_box_find(imp_im_of(event->node), event->username);
  (void)ctx;
  while (box != NULL && box->stored > 0) {
    imp_ledger_drop(&event->node->stats.ledger, IMP_FATE_STORED, IMP_DROP_USER_DELETED);
    box->stored--;
  }
  if (box != NULL) {
    box->deletions++;
    box->changes++;
    box->exists = 0;
    imp_box_touch(box);
  }
  return IMP_CONTINUE;
}

static imp_verdict on_disco(imp_event *event, void *ctx) {
  (void)ctx;
  if (event->to == NULL || event->to->locallen == 0) {
    imp_disco_feature(event->stanza, event->elem, "msgoffline");
  }
  return IMP_CONTINUE;
}

int imp_im_start_offline(imp_node *node) {
  static const struct {
    imp_point point;
    int priority;
    imp_hook_fn fn;
  } hooks[] = {
      {IMP_POINT_STORE_READY, 0, imp_box_on_store}, {IMP_POINT_TURN, 0, imp_box_on_turn},
      {IMP_POINT_SESSION_AVAILABLE, 50, on_available}, {IMP_POINT_SESSION_ENDED, 50, on_ended},
      {IMP_POINT_SETTLED, 0, on_settled},           {IMP_POINT_UNDELIVERED, 0, on_undelivered},
      {IMP_POINT_USER_DELETED, 0, on_deleted},      {IMP_POINT_DISCO_INFO, 0, on_disco},
  };
  size_t i;
  int rv = IMP_OK;
  for (i = 0; rv == IMP_OK && i < IMP_ARRAY_LEN(hooks); i++) {
    rv = imp_node_hook(node, hooks[i].point, hooks[i].priority, hooks[i].fn, NULL);
  }
  return rv;
}
