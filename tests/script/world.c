#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const users[] = {"alice", "bob", "carol", "dave"};
static imp_scram_keys *keys[3];

int world_fail(world *w, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(w->why, sizeof w->why, format, args);
  va_end(args);
  return -1;
}

/* ---- callbacks ---- */

static int is_user(const char *name) {
  for (size_t i = 0; i < 4; i++) {
    if (strcmp(name, users[i]) == 0) {
      return 1;
    }
  }
  return 0;
}

static int get_credential(imp_op *op, const char *username, void *user_data) {
  (void)user_data;
  for (size_t i = 0; i < 3 && is_user(username); i++) {
    imp_op_set_credential(op, imp_scram_keys_get(keys[i]));
  }
  imp_op_done(op, is_user(username) ? IMP_OK : IMP_ERR_DENIED);
  return IMP_OK;
}

static int user_exists(imp_op *op, const char *username, void *user_data) {
  (void)user_data;
  imp_op_done(op, is_user(username) ? IMP_OK : IMP_ERR_NOT_FOUND);
  return IMP_OK;
}

/* 2024-01-01T00:00:00Z and what has passed. */
static imp_wallclock wallclock(void *user_data) {
  return 1704067200000u + ((world *)user_data)->now / IMP_MILLISECONDS;
}

static void log_line(void *user_data, imp_log_area area, imp_log_level level, const char *subject, const char *text) {
  world *w = user_data;
  if (level <= IMP_LOG_WARN) {
    snprintf(w->logged, sizeof w->logged, "%s %s: %s", imp_log_area_name(area), subject, text);
  }
  if (w->verbose) {
    fprintf(stderr, "  log %s %s %s: %s\n", imp_log_level_name(level), imp_log_area_name(area), subject, text);
  }
}

static void add_input(client *c, const void *data, size_t len) {
  if (c->inlen + len + 1 > c->incap) {
    c->incap = (c->inlen + len + 1) * 2;
    c->in = realloc(c->in, c->incap);
    if (c->in == NULL) {
      abort();
    }
  }
  memcpy(c->in + c->inlen, data, len);
  c->inlen += len;
  c->in[c->inlen] = '\0';
}

static void want_write(imp_conn *conn, void *user_data) {
  world *w = user_data;
  client *c = imp_conn_get_user_data(conn);
  imp_iovec iov[8];
  size_t n;
  while (!c->deaf && (n = imp_conn_send_peekv(conn, iov, 8)) > 0) {
    size_t written = 0;
    for (size_t i = 0; i < n; i++) {
      if (c->ignores) {
        /* gone */
      } else if (c->websocket == 2) {
        ws_receive(c, iov[i].base, iov[i].len);
      } else {
        add_input(c, iov[i].base, iov[i].len);
      }
      written += iov[i].len;
    }
    imp_conn_send_done(conn, written, w->now);
  }
}

/* ---- the node ---- */

static imp_store frozen_target; /* the memory store's own functions */
static int frozen;

static int put(void *ctx, const char *space, const char *owner, const void *key, size_t keylen, const void *value,
               size_t valuelen) {
  return frozen ? IMP_OK : frozen_target.put(ctx, space, owner, key, keylen, value, valuelen);
}

static int del(void *ctx, const char *space, const char *owner, const void *key, size_t keylen) {
  return frozen ? IMP_OK : frozen_target.del(ctx, space, owner, key, keylen);
}

static int del_range(void *ctx, const char *space, const char *owner, const imp_store_range *range) {
  return frozen ? IMP_OK : frozen_target.del_range(ctx, space, owner, range);
}

static int erase(void *ctx, const char *owner) { return frozen ? IMP_OK : frozen_target.erase(ctx, owner); }

static int make_keys(void) {
  static const char *const hashes[] = {"SHA-1", "SHA-256", "SHA-512"};
  int rv = IMP_OK;
  for (int i = 0; i < 3 && rv == IMP_OK && keys[i] == NULL; i++) {
    rv = imp_scram_keys_new(&keys[i], hashes[i], "secret", "0123456789abcdef", 16, 4096);
  }
  return rv;
}

void world_init(world *w) {
  memset(w, 0, sizeof *w);
  w->now = 1000 * IMP_SECONDS;
  imp_settings_default(&w->settings, sizeof w->settings);
  imp_sm_settings_default(&w->sm, sizeof w->sm);
  w->settings.domain = "localhost";
  w->settings.log_level = IMP_LOG_DEBUG;
  w->settings.sm = &w->sm;
  frozen = 0;
}

static int echo(imp_node *node, const imp_stanza *st, void *user_data) {
  const char *body = imp_stanza_get_body(st);
  (void)user_data;
  return body != NULL && imp_stanza_get_type(st) != IMP_TYPE_ERROR ? imp_node_reply_text(node, st, body) : IMP_OK;
}

static int hear(imp_node *node, const imp_stanza *st, void *user_data) {
  size_t len;
  char *text = imp_stanza_to_text(st, &len);
  (void)node;
  if (text == NULL) {
    return IMP_ERR_NOMEM;
  }
  add_input(user_data, text, len);
  imp_free(text);
  return IMP_OK;
}

int world_start(world *w) {
  imp_callbacks callbacks = {.size = sizeof callbacks,
                             .want_write = want_write,
                             .wallclock = wallclock,
                             .get_credential = get_credential,
                             .user_exists = user_exists,
                             .log = log_line};
  if (w->node != NULL) {
    return 0;
  }
  if (make_keys() != IMP_OK || (w->store == NULL && imp_memory_store_new(&w->store) != IMP_OK)) {
    return world_fail(w, "no keys or no store");
  }
  frozen_target = w->vtable = *imp_memory_store_vtable();
  w->vtable.durable = w->settings.durable;
  w->vtable.put = put;
  w->vtable.del = del;
  w->vtable.del_range = del_range;
  w->vtable.erase = erase;
  if (imp_node_new(&w->node, &w->settings, &callbacks, w) != IMP_OK) {
    return world_fail(w, "the node refuses its settings: %s", imp_node_new_error());
  }
  const char *key = NULL, *certificate = w->tls ? script_certificate(&key) : NULL;
  if (w->tls && (certificate == NULL || imp_node_set_tls(w->node, certificate, key, NULL) != IMP_OK)) {
    return world_fail(w, "no certificate: %s", imp_node_last_error(w->node));
  }
  imp_node_set_store(w->node, &w->vtable, w->store);
  imp_node_handle_jid(w->node, "echo@localhost", echo, NULL);
  for (size_t i = 0; i < w->client_count; i++) {
    if (w->clients[i]->is_host) {
      imp_node_handle_jid(w->node, w->clients[i]->label, hear, w->clients[i]);
    }
  }
  world_turn(w);
  return imp_node_is_ready(w->node) ? 0 : world_fail(w, "the node is not ready");
}

static void drop(world *w, client *c) {
  imp_conn_del(c->conn, w->now);
  c->conn = NULL;
}

static void stop(world *w) {
  for (size_t i = 0; i < w->crowd_count; i++) {
    drop(w, &w->crowd[i]);
  }
  for (size_t i = 0; i < w->client_count; i++) {
    drop(w, w->clients[i]);
  }
  imp_node_del(w->node);
  w->node = NULL;
}

int world_restart(world *w) {
  frozen = 1;
  stop(w);
  frozen = 0;
  return world_start(w);
}

void world_reset(world *w) {
  stop(w);
  for (size_t i = 0; i < w->client_count; i++) {
    free(w->clients[i]->in);
    free(w->clients[i]);
  }
  w->client_count = 0;
  free(w->crowd);
  w->crowd = NULL;
  w->crowd_count = 0;
  imp_memory_store_del(w->store);
  w->store = NULL;
  vars_reset(&w->vars);
}

/* ---- clients ---- */

client *world_client(world *w, const char *label) {
  for (size_t i = w->client_count; i > 0; i--) {
    if (strcmp(w->clients[i - 1]->label, label) == 0) {
      return w->clients[i - 1];
    }
  }
  return NULL;
}

static client *client_new(world *w, const char *label) {
  client *c = NULL;
  if (w->client_count == CLIENTS_MAX || (c = calloc(1, sizeof *c)) == NULL) {
    world_fail(w, "too many clients");
    return NULL;
  }
  w->clients[w->client_count++] = c;
  snprintf(c->label, sizeof c->label, "%s", label);
  return c;
}

int world_be(world *w, const char *jid) {
  client *c = client_new(w, jid);
  if (c == NULL) {
    return -1;
  }
  c->is_host = 1;
  int rv = imp_node_handle_jid(w->node, jid, hear, c);
  return rv == IMP_OK ? 0 : world_fail(w, "host be: %s", imp_node_last_error(w->node));
}

int world_connect(world *w, const char *label, const imp_conn_params *params) {
  if (world_start(w) != 0) {
    return -1;
  }
  client *c = world_client(w, label);
  if (c == NULL) {
    if ((c = client_new(w, label)) == NULL) {
      return -1;
    }
  } else if (c->conn != NULL) {
    return world_fail(w, "%s is connected already", label);
  }
  c->inlen = 0;
  c->websocket = c->deaf = c->closed = 0;
  imp_conn_params p = *params;
  p.user_data = c;
  int rv = imp_node_accept(w->node, &c->conn, &p, w->now);
  return rv == IMP_OK ? 0 : world_fail(w, "the connection is refused: %s", imp_error_name(rv));
}

int world_crowd(world *w, size_t count, const char *text) {
  if (world_start(w) != 0) {
    return -1;
  }
  if (w->crowd != NULL || (w->crowd = calloc(count, sizeof *w->crowd)) == NULL) {
    return world_fail(w, "one crowd is enough");
  }
  w->crowd_count = count;
  for (size_t i = 0; i < count; i++) {
    client *c = &w->crowd[i];
    char peer[40];
    snprintf(peer, sizeof peer, "10.%zu.%zu.%zu", i >> 16 & 255, i >> 8 & 255, i & 255);
    imp_conn_params p = {.size = sizeof p, .role = IMP_ROLE_C2S, .peer = peer, .secure = 1, .user_data = c};
    c->ignores = 1;
    int rv = imp_node_accept(w->node, &c->conn, &p, w->now);
    if (rv != IMP_OK) {
      return world_fail(w, "connection %zu is refused: %s", i + 1, imp_error_name(rv));
    }
    imp_conn_recv(c->conn, text, strlen(text), w->now);
  }
  world_turn(w);
  return 0;
}

int world_send(world *w, client *c, const void *data, size_t len) {
  if (c->conn == NULL) {
    return world_fail(w, "%s has no connection", c->label);
  }
  imp_conn_recv(c->conn, data, len, w->now);
  world_turn(w);
  return 0;
}

void world_cut(world *w, client *c) {
  imp_conn_del(c->conn, w->now);
  c->conn = NULL;
  world_turn(w);
}

static int bury(world *w, client *c) {
  if (c->conn == NULL || !imp_conn_want_close(c->conn) || !(c->deaf || imp_conn_pending(c->conn) == 0)) {
    return 0;
  }
  drop(w, c);
  c->closed = 1;
  return 1;
}

void world_turn(world *w) {
  int again = 1;
  while (again) {
    again = 0;
    imp_node_turn(w->node, w->now);
    for (size_t i = 0; i < w->client_count; i++) {
      again |= bury(w, w->clients[i]);
    }
    for (size_t i = 0; i < w->crowd_count; i++) {
      again |= bury(w, &w->crowd[i]);
    }
  }
}

void world_wait(world *w, imp_tstamp time) {
  imp_tstamp end = w->now + time, next;
  while ((next = imp_node_get_expiry(w->node)) <= end) {
    w->now = next > w->now ? next : w->now;
    imp_node_handle_expiry(w->node, w->now);
    world_turn(w);
    if (imp_node_get_expiry(w->node) <= w->now) {
      w->now += IMP_MILLISECONDS; /* a deadline that does not go away must not hold the clock */
    }
  }
  w->now = end > w->now ? end : w->now;
  imp_node_handle_expiry(w->node, w->now);
  world_turn(w);
}

/* ---- what came ---- */

void world_take(client *c, size_t len) {
  memmove(c->in, c->in + len, c->inlen - len + 1);
  c->inlen -= len;
}

static int begins(const client *c, const char *text) {
  return c->inlen >= strlen(text) && memcmp(c->in, text, strlen(text)) == 0;
}

item_kind world_next(client *c, tree **t, size_t *len) {
  *t = NULL;
  while (c->inlen > 0 && strchr(" \t\r\n", c->in[0]) != NULL) {
    world_take(c, 1);
  }
  if (begins(c, "<?xml")) {
    const char *end = strstr(c->in, "?>");
    if (end == NULL) {
      return ITEM_GARBAGE;
    }
    world_take(c, (size_t)(end - c->in) + 2);
  }
  *len = c->inlen;
  if (c->inlen == 0) {
    return ITEM_NONE;
  }
  if (begins(c, "</stream:stream>")) {
    *len = strlen("</stream:stream>");
    return ITEM_END;
  }
  int header = begins(c, "<stream:stream");
  long taken = tree_read(t, c->in, c->inlen, header);
  if (taken <= 0) {
    return ITEM_GARBAGE;
  }
  *len = (size_t)taken;
  return header ? ITEM_HEADER : ITEM_ELEMENT;
}
