#include "inproc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DOMAIN "plain.test"

static _Noreturn void give_up(const char *what, int error, const char *text) {
  fprintf(stderr, "inproc: %s: %s %s\n", what, imp_strerror(error), text);
  exit(1);
}

imp_tstamp bench_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (imp_tstamp)t.tv_sec * IMP_SECONDS + (imp_tstamp)t.tv_nsec;
}

static void on_want_write(imp_conn *conn, void *user_data) {
  struct world *w = user_data;
  if (w->n_dirty == w->dirty_cap) {
    w->dirty_cap = w->dirty_cap * 2 + 256;
    w->dirty = realloc(w->dirty, w->dirty_cap * sizeof *w->dirty);
    if (!w->dirty)
      abort();
  }
  w->dirty[w->n_dirty++] = conn;
}

static void on_want_turn(imp_node *node, void *user_data) {
  (void)node;
  ((struct world *)user_data)->want_turn = 1;
}

static int on_credential(imp_op *op, const char *username, void *user_data) {
  imp_credential c = {.size = sizeof c, .password = "pass"};
  (void)username;
  (void)user_data;
  int r = imp_op_set_credential(op, &c);
  imp_op_done(op, r);
  return IMP_OK;
}

static int on_exists(imp_op *op, const char *username, void *user_data) {
  (void)username;
  (void)user_data;
  imp_op_done(op, IMP_OK);
  return IMP_OK;
}

void world_open(struct world *w, size_t capacity, int sm) {
  imp_settings s;
  imp_callbacks cb = {.size = sizeof cb,
                      .want_write = on_want_write,
                      .want_turn = on_want_turn,
                      .get_credential = on_credential,
                      .user_exists = on_exists};
  memset(w, 0, sizeof *w);
  w->sm = sm;
  w->conns = calloc(capacity, sizeof *w->conns);
  w->received = calloc(capacity, sizeof *w->received);
  if (!w->conns || !w->received)
    abort();
  imp_settings_default(&s, sizeof s);
  s.domain = DOMAIN;
  s.log_level = IMP_LOG_ERROR;
  int r = imp_node_new(&w->node, &s, &cb, w);
  if (r < 0)
    give_up("imp_node_new", r, imp_node_new_error());
}

static void drain(struct world *w, imp_conn *conn) {
  imp_iovec iov[16];
  size_t n;
  while ((n = imp_conn_send_peekv(conn, iov, 16)) > 0) {
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
      bytes += iov[i].len;
    w->out_bytes += bytes;
    imp_conn_send_done(conn, bytes, bench_now());
  }
}

void world_turn(struct world *w) {
  do {
    w->want_turn = 0;
    imp_node_turn(w->node, bench_now());
    for (size_t i = 0; i < w->n_dirty; i++)
      drain(w, w->dirty[i]);
    w->n_dirty = 0;
  } while (w->want_turn);
}

void world_feed(struct world *w, size_t i, const char *data, size_t len) {
  int r = imp_conn_recv(w->conns[i], data, len, bench_now());
  if (r < 0)
    give_up("imp_conn_recv", r, imp_conn_last_error(w->conns[i]));
}

static void say(struct world *w, size_t i, const char *text) {
  world_feed(w, i, text, strlen(text));
  world_turn(w);
}

static void base64(char *dst, const unsigned char *p, size_t n) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < n; i += 3) {
    unsigned v = (unsigned)p[i] << 16 | (i + 1 < n ? (unsigned)p[i + 1] << 8 : 0) |
                 (i + 2 < n ? p[i + 2] : 0u);
    *dst++ = digits[v >> 18];
    *dst++ = digits[v >> 12 & 63];
    *dst++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
    *dst++ = i + 2 < n ? digits[v & 63] : '=';
  }
  *dst = 0;
}

void world_login(struct world *w) {
  static const char stream[] = "<?xml version='1.0'?><stream:stream to='" DOMAIN
                               "' version='1.0' xmlns='jabber:client'"
                               " xmlns:stream='http://etherx.jabber.org/streams'>";
  imp_conn_params p = {.size = sizeof p, .role = IMP_ROLE_C2S, .allow_plaintext = 1};
  char raw[64], b64[96], auth[256];
  size_t i = w->n;
  int r = imp_node_accept(w->node, &w->conns[i], &p, bench_now());
  if (r < 0)
    give_up("imp_node_accept", r, imp_node_last_error(w->node));
  int len = snprintf(raw, sizeof raw, "%cuser%06zu%cpass", 0, i, 0);
  base64(b64, (const unsigned char *)raw, (size_t)len);
  snprintf(auth, sizeof auth,
           "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>%s</auth>", b64);
  say(w, i, stream);
  say(w, i, auth);
  say(w, i, stream);
  say(w, i, "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
            "<resource>bench</resource></bind></iq>");
  if (w->sm)
    say(w, i, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
  say(w, i, "<presence/>");
  if (!imp_conn_get_jid(w->conns[i]))
    give_up("login", IMP_ERR_DENIED, imp_conn_last_error(w->conns[i]));
  w->n++;
}

void world_close(struct world *w) {
  for (size_t i = 0; i < w->n; i++)
    imp_conn_del(w->conns[i], bench_now());
  imp_node_turn(w->node, bench_now());
  imp_node_del(w->node);
  free(w->conns);
  free(w->received);
  free(w->dirty);
}
