/* What is known of users' offline storage: how much there is, and who is being given it. */
#include "im/box.h"

#include <string.h>

#include "core/codec.h"

imp_box *imp_box_find(const imp_im *im, const char *bare) {
  imp_map_node *n = imp_map_find(&im->boxes, bare, strlen(bare));
  return n ? IMP_CONTAINER_OF(n, imp_box, by_bare) : NULL;
}

imp_box *imp_box_get(imp_im *im, const char *bare) {
  imp_box *box = imp_box_find(im, bare);
  size_t len = strlen(bare);
  if (box != NULL || (box = imp_calloc(1, sizeof(*box) + len + 1)) == NULL) {
    return box;
  }
  memcpy(box->bare, bare, len + 1);
  box->node = im->node;
  if (imp_map_insert(&im->boxes, &box->by_bare, box->bare, len) < 0) {
    imp_free(box);
    return NULL;
  }
  return box;
}

static uint32_t find_key(const imp_box *box, uint64_t key) {
  uint32_t i = 0;
  while (i < box->outstanding && box->keys[i] != key) {
    i++;
  }
  return i;
}

int imp_box_holds(const imp_box *box, uint64_t key) { return find_key(box, key) < box->outstanding; }

int imp_box_hold(imp_box *box, uint64_t key) {
  if (imp_box_holds(box, key)) {
    return IMP_ERR_EXISTS;
  }
  if (box->outstanding == box->keys_cap) {
    uint32_t cap = box->keys_cap ? box->keys_cap * 2 : 16;
    uint64_t *grown = imp_realloc(box->keys, cap * sizeof(*grown));
    if (grown == NULL) {
      return IMP_ERR_NOMEM;
    }
    box->keys = grown;
    box->keys_cap = cap;
  }
  box->keys[box->outstanding++] = key;
  return IMP_OK;
}

void imp_box_unhold(imp_box *box, uint64_t key) {
  uint32_t i = find_key(box, key);
  if (i < box->outstanding) {
    box->keys[i] = box->keys[--box->outstanding];
  }
}

void imp_box_touch(imp_box *box) {
  if (!imp_list_linked(&box->link)) {
    imp_list_append(&imp_im_of(box->node)->dirty, &box->link);
  }
  box->dirty = 1;
}

static void box_free(imp_im *im, imp_box *box) {
  imp_map_remove(&im->boxes, &box->by_bare);
  imp_list_remove(&box->link);
  imp_op_cancel(box->scan);
  imp_free(box->keys);
  imp_free(box);
}

void imp_box_free_all(imp_im *im) {
  imp_map_iter it;
  imp_map_node *n;
  imp_map_iter_init(&it, &im->boxes);
  while ((n = imp_map_iter_next(&it)) != NULL) {
    box_free(im, IMP_CONTAINER_OF(n, imp_box, by_bare));
  }
  imp_map_reset(&im->boxes);
}

static void write_count(imp_box *box) {
  char text[24];
  size_t len = imp_format_u64(text, box->stored);
  int rv;
  if (box->stored > 0) {
    rv = imp_node_put(box->node, IMP_SPACE_OFFLINE_COUNT, box->bare, "", 0, text, len);
  } else {
    rv = imp_node_remove(box->node, IMP_SPACE_OFFLINE_COUNT, box->bare, "", 0);
  }
  box->dirty = 0;
  if (rv < 0) {
    imp_box_touch(box); /* the next turn tries again */
  }
}

static void restored(imp_im *im) {
  imp_map_iter it;
  imp_map_node *n;
  im->restored = 1;
  imp_map_iter_init(&it, &im->boxes);
  while ((n = imp_map_iter_next(&it)) != NULL) {
    imp_offline_restored(IMP_CONTAINER_OF(n, imp_box, by_bare));
  }
}

/* At the end of a turn: counts that changed are written; boxes without a reader find one; empty ones go. */
imp_verdict imp_box_on_turn(imp_event *event, void *ctx) {
  imp_im *im = imp_im_of(event->node);
  imp_list todo, *l;
  (void)ctx;
  if (!im->restored && event->node->loading == 0) {
    restored(im);
  }
  imp_list_init(&todo);
  imp_list_move(&todo, &im->dirty);
  while ((l = imp_list_pop(&todo)) != NULL) {
    imp_box *box = IMP_CONTAINER_OF(l, imp_box, link);
    if (box->dirty) {
      write_count(box);
    }
    if (box->seek) {
      box->seek = 0;
      imp_offline_find_reader(box);
    }
    if (box->to != NULL) {
      imp_offline_pump(box->to);
    }
    if (box->stored == 0 && box->outstanding == 0 && box->scan == NULL && box->to == NULL && box->late == 0 && box->asking == 0 &&
        !box->dirty) {
      box_free(im, box);
    }
  }
  return IMP_CONTINUE;
}

static void load(imp_im *im, const imp_op_row *row) {
  const char *bare = row->key; /* "owner NUL key" of scan_all */
  uint32_t count;
  imp_box *box;
  if (memchr(bare, '\0', row->keylen) == NULL || imp_parse_u32(&count, row->value) < 0 || count == 0) {
    return;
  }
  box = imp_box_get(im, bare);
  if (box != NULL) {
    imp_ledger *ledger = &im->node->stats.ledger;
    box->stored += count;
    box->exists = 1;
    ledger->accepted += count;
    ledger->now[IMP_FATE_STORED] += count;
    if (imp_map_find(&im->node->users, bare, strlen(bare)) != NULL) { /* came before we knew */
      box->seek = 1;
      imp_box_touch(box);
    }
  }
}

#define KEY_NAME "offline-key"
#define KEY_AHEAD (60000ull << 20) /* a minute */

void imp_box_raise_ceiling(imp_im *im) {
  uint8_t value[8];
  im->key_ceiling = im->last_key + KEY_AHEAD;
  if (im->node->store->durable) {
    imp_put_be64(value, im->key_ceiling);
    (void)imp_node_put(im->node, "node", "", KEY_NAME, strlen(KEY_NAME), value, sizeof(value));
  }
}

static void cannot_be_read(imp_node *node, int status) {
  imp_log(&node->log, IMP_LOG_STORE, IMP_LOG_ERROR, node->settings.domain, "offline storage cannot be read: %s",
          imp_strerror(status));
}

static void on_ceiling(imp_op *op, int status, void *ctx) {
  imp_im *im = imp_im_of(ctx);
  const imp_op_row *row = status == IMP_OK && imp_op_row_count(op) > 0 ? imp_op_row_at(op, 0) : NULL;
  uint64_t key = row != NULL && row->valuelen == 8 ? imp_get_be64(row->value) : 0;
  if (status < 0 && status != IMP_ERR_NOT_FOUND) {
    cannot_be_read(im->node, status);
  }
  if (key > im->last_key) {
    im->last_key = key;
  }
  imp_node_loaded(im->node);
}

static void on_counts(imp_op *op, int status, void *ctx) {
  imp_node *node = ctx;
  size_t i;
  if (status < 0) {
    cannot_be_read(node, status);
  }
  for (i = 0; status == IMP_OK && i < imp_op_row_count(op); i++) {
    load(imp_im_of(node), imp_op_row_at(op, i));
  }
  imp_node_loaded(node);
}

imp_verdict imp_box_on_store(imp_event *event, void *ctx) {
  imp_node *node = event->node;
  (void)ctx;
  imp_im_of(node)->key_ceiling = 0; /* of this store nothing is known */
  imp_node_loading(node, imp_node_get(node, "node", "", KEY_NAME, strlen(KEY_NAME), on_ceiling, node));
  imp_node_loading(node, imp_node_scan_all(node, IMP_SPACE_OFFLINE_COUNT, on_counts, node));
  return IMP_CONTINUE;
}
