#include "world.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/codec.h"
#include "core/mem.h"
#include "node/node.h"

static const imp_xml_limits limits = {.stanza_bytes = 1u << 20, .depth = 64, .attributes = 64,
                                      .attribute_bytes = 65536, .elements = 8192, .namespaces = 128};

uint64_t world_random(world *w) {
  uint64_t x = w->random;
  x ^= x << 13;
  x ^= x >> 7;
  x ^= x << 17;
  return w->random = x;
}

static int node_random(void *dst, size_t len, void *user_data) {
  uint8_t *p = dst;
  while (len-- > 0) {
    *p++ = (uint8_t)(world_random(user_data) >> 32);
  }
  return 0;
}

static void want_write(imp_conn *conn, void *user_data) {
  client *c = imp_conn_get_user_data(conn);
  (void)user_data;
  if (c != NULL) {
    c->dirty = 1;
  }
}

static void want_turn(imp_node *node, void *user_data) {
  (void)node;
  ((world *)user_data)->want_turn = 1;
}

static imp_wallclock wallclock(void *user_data) { return ((world *)user_data)->wall; }

static int credential(imp_op *op, const char *username, void *user_data) {
  imp_credential cred = {.size = sizeof(cred), .password = "pass"};
  (void)user_data;
  if (strncmp(username, "no", 2) == 0) {
    return IMP_ERR_DENIED;
  }
  imp_op_set_credential(op, &cred);
  imp_op_done(op, IMP_OK);
  return IMP_OK;
}

static int exists(imp_op *op, const char *username, void *user_data) {
  if (strncmp(username, "slow", 4) == 0) {
    ((world *)user_data)->asked = op;
    return IMP_ERR_PENDING;
  }
  imp_op_done(op, strncmp(username, "no", 2) == 0 ? IMP_ERR_NOT_FOUND : IMP_OK);
  return IMP_OK;
}

/* "good" is alice's. */
static int check_token(imp_op *op, const char *username, const char *token, void *user_data) {
  (void)username;
  (void)user_data;
  if (strcmp(token, "good") != 0) {
    return IMP_ERR_DENIED;
  }
  imp_op_done(op, imp_op_add_row(op, "user", 4, "alice", 5));
  return IMP_OK;
}

void world_renew(world *w, imp_settings *settings) {
  imp_settings defaults;
  imp_callbacks callbacks = {.size = sizeof(callbacks), .want_write = want_write, .want_turn = want_turn, .wallclock = wallclock,
                             .get_credential = credential, .user_exists = exists, .check_token = check_token, .random = node_random};
  if (settings == NULL) {
    settings = &defaults;
    imp_settings_default(settings, sizeof(*settings));
  }
  settings->domain = WORLD_DOMAIN;
  assert_int_equal(imp_node_new(&w->node, settings, &callbacks, w), IMP_OK);
}

void world_open(world *w, imp_settings *settings, uint64_t seed) {
  memset(w, 0, sizeof(*w));
  w->random = seed * 2654435761u + 88172645463325252ull;
  w->now = 1000 * IMP_SECONDS;
  w->wall = 1767225600000ull; /* 2026-01-01 */
  assert_int_equal(imp_xml_pool_new(&w->pool, 16, NULL), IMP_OK);
  world_renew(w, settings);
}

void world_close(world *w) {
  imp_node_del(w->node);
  imp_xml_pool_del(w->pool);
  memset(w, 0, sizeof(*w));
}

static uint64_t messages_in(imp_sm *sm) {
  uint64_t n = 0;
  size_t pos = 0;
  imp_packet *p;
  while (sm != NULL && (p = imp_sm_next_unacked(sm, &pos, NULL, 0)) != NULL) {
    n += p->kind == IMP_STANZA_MESSAGE;
  }
  return n;
}

void world_check_ledger(const world *w) {
  imp_stats stats;
  imp_map_iter it;
  imp_map_node *n;
  uint64_t counted = 0;
  imp_node_stats(w->node, &stats, sizeof(stats));
  assert_true(imp_ledger_balances(&stats.ledger));
  imp_map_iter_init(&it, &w->node->sessions);
  while ((n = imp_map_iter_next(&it)) != NULL) {
    imp_session *s = IMP_CONTAINER_OF(n, imp_session, by_full);
    counted += messages_in(s->sm);
    for (const imp_legacy *l = s->legacy; l != NULL; l = l->next) {
      counted += messages_in(l->sm);
    }
  }
  assert_int_equal(stats.ledger.now[IMP_FATE_IN_FLIGHT], counted);
}

/* ---- clients ---- */

static int on_open(void *ctx, imp_stanza *header) {
  client *c = ctx;
  (void)header;
  c->opened = 1;
  return 0;
}

static void note_h(client *c, const imp_stanza *st) {
  const char *h = imp_elem_attr(imp_stanza_root(st), "h");
  uint32_t value;
  if (h != NULL && imp_parse_u32(&value, h) == IMP_OK) {
    c->peer_acked = value;
  }
}

static int on_stanza(void *ctx, imp_stanza *st) {
  client *c = ctx;
  const char *name = imp_elem_name(imp_stanza_root(st));
  if (imp_stanza_get_kind(st) != IMP_STANZA_NONZA) {
    c->in += c->sm != 0;
  } else if (strcmp(name, "enabled") == 0) {
    const char *id = imp_elem_attr(imp_stanza_root(st), "id");
    snprintf(c->sm_id, sizeof(c->sm_id), "%s", id ? id : "");
    c->sm = 1;
    c->in = c->out = c->peer_acked = 0;
  } else if (strcmp(name, "r") == 0) {
    c->asked++;
    c->asked_in = c->in;
    if (c->auto_ack) {
      client_ack(c);
    }
    imp_stanza_del(st);
    return 0;
  } else if (strcmp(name, "a") == 0 || strcmp(name, "resumed") == 0) {
    note_h(c, st);
    c->sm = 1;
  }
  if (c->on_stanza != NULL) {
    c->on_stanza(c, st);
  }
  if (c->ngot < IMP_ARRAY_LEN(c->got)) {
    c->got[c->ngot++] = st;
  } else {
    imp_stanza_del(st);
  }
  return 0;
}

static int on_close(void *ctx) {
  ((client *)ctx)->closed = 1;
  return 0;
}

static const imp_xml_handler handler = {.on_open = on_open, .on_stanza = on_stanza, .on_close = on_close};

void client_init(client *c, world *w, const char *user, const char *resource) {
  memset(c, 0, sizeof(*c));
  c->w = w;
  c->auto_ack = 1;
  snprintf(c->user, sizeof(c->user), "%s", user);
  snprintf(c->resource, sizeof(c->resource), "%s", resource);
  imp_xml_stream_init(&c->xml, w->pool, &limits, &handler, c, IMP_FRAMING_TCP);
}

static void forget(client *c) {
  for (size_t i = 0; i < c->ngot; i++) {
    imp_stanza_del(c->got[i]);
  }
  imp_stanza_del(c->last);
  c->last = NULL;
  c->ngot = 0;
}

void client_free(client *c) {
  if (c->conn != NULL) {
    imp_conn_del(c->conn, c->w->now);
    c->conn = NULL;
  }
  imp_xml_stream_reset(&c->xml);
  forget(c);
}

void client_connect(client *c) {
  imp_conn_params params = {.size = sizeof(params), .role = IMP_ROLE_C2S, .peer = "192.0.2.1", .allow_plaintext = 1,
                            .user_data = c};
  imp_xml_stream_reset(&c->xml);
  forget(c);
  c->opened = c->closed = c->sm = 0;
  assert_int_equal(imp_node_accept(c->w->node, &c->conn, &params, c->w->now), IMP_OK);
  client_send(c, "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='" WORLD_DOMAIN
                 "' version='1.0'>");
}

void client_send(client *c, const char *xml) {
  if (c->conn != NULL) {
    (void)imp_conn_recv(c->conn, xml, strlen(xml), c->w->now);
  }
}

void client_stanza(client *c, const char *xml) {
  c->out++;
  client_send(c, xml);
}

void client_ack(client *c) {
  char text[80];
  snprintf(text, sizeof(text), "<a xmlns='urn:xmpp:sm:3' h='%u'/>", (unsigned)c->in);
  client_send(c, text);
}

static int read_output(client *c) {
  size_t len;
  int moved = 0;
  while (c->conn != NULL && !c->frozen) {
    const void *data = imp_conn_send_peek(c->conn, &len);
    if (len == 0) {
      break;
    }
    char *copy = imp_memdup(data, len);
    imp_conn_send_done(c->conn, len, c->w->now);
    if (copy != NULL) {
      (void)imp_xml_stream_feed(&c->xml, copy, len);
      imp_free(copy);
    }
    moved = 1;
  }
  if (c->conn != NULL && imp_conn_want_close(c->conn) && !c->frozen) {
    imp_conn_del(c->conn, c->w->now);
    c->conn = NULL;
    c->closed = 1;
    moved = 1;
  }
  return moved;
}

void world_run(world *w, client *clients, size_t n) {
  int moved = 1;
  for (int rounds = 0; moved && rounds < 10000; rounds++) {
    w->want_turn = 0;
    imp_node_turn(w->node, w->now);
    moved = w->want_turn;
    for (size_t i = 0; i < n; i++) {
      moved |= read_output(&clients[i]);
    }
  }
}

void world_wait(world *w, client *clients, size_t n, imp_tstamp dt) {
  imp_tstamp end = w->now + dt;
  for (;;) {
    imp_tstamp next = imp_node_get_expiry(w->node);
    imp_tstamp to = next < end ? (next > w->now ? next : w->now) : end;
    w->wall += (to - w->now) / IMP_MILLISECONDS;
    w->now = to;
    imp_node_handle_expiry(w->node, w->now);
    world_run(w, clients, n);
    if (to == end && imp_node_get_expiry(w->node) > end) {
      break;
    }
  }
}

static void authenticate(client *c) {
  char raw[96], b64[140], xml[256];
  int len = snprintf(raw, sizeof(raw), "%c%s%cpass", 0, c->user, 0);
  (void)imp_base64_encode(b64, raw, (size_t)len);
  client_connect(c);
  world_run(c->w, c, 1);
  snprintf(xml, sizeof(xml), "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>%s</auth>", b64);
  client_send(c, xml);
  world_run(c->w, c, 1);
  (void)client_expect(c, "success", NULL);
  imp_xml_stream_reset(&c->xml);
  client_send(c, "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='" WORLD_DOMAIN
                 "' version='1.0'>");
  world_run(c->w, c, 1);
  (void)client_expect(c, "features", NULL);
}

void client_bind(client *c, int sm) {
  char xml[256];
  snprintf(xml, sizeof(xml),
           "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>%s</resource></bind></iq>",
           c->resource);
  client_send(c, xml);
  world_run(c->w, c, 1);
  (void)client_expect(c, "iq", NULL);
  if (sm) {
    client_send(c, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    world_run(c->w, c, 1);
    (void)client_expect(c, "enabled", NULL);
  }
}

void client_login(client *c, int sm) {
  authenticate(c);
  client_bind(c, sm);
}

int client_resume(client *c) {
  char xml[200];
  uint32_t in = c->in;
  authenticate(c);
  c->in = in;
  snprintf(xml, sizeof(xml), "<resume xmlns='urn:xmpp:sm:3' previd='%s' h='%u'/>", c->sm_id, (unsigned)in);
  client_send(c, xml);
  world_run(c->w, c, 1);
  for (size_t i = 0; i < c->ngot; i++) {
    const char *name = imp_elem_name(imp_stanza_root(c->got[i]));
    if (strcmp(name, "resumed") == 0 || strcmp(name, "failed") == 0) {
      int resumed = name[0] == 'r';
      imp_stanza_del(c->got[i]);
      memmove(c->got + i, c->got + i + 1, (--c->ngot - i) * sizeof(*c->got));
      return resumed;
    }
  }
  return 0;
}

void client_cut(client *c, int lose_in) {
  if (c->conn == NULL) {
    return;
  }
  if (!lose_in) {
    world_run(c->w, c, 1);
  }
  imp_conn_del(c->conn, c->w->now);
  c->conn = NULL;
  imp_xml_stream_reset(&c->xml);
}

void client_leave(client *c) {
  client_send(c, "</stream:stream>");
  world_run(c->w, c, 1);
  if (c->conn != NULL) {
    imp_conn_del(c->conn, c->w->now);
    c->conn = NULL;
  }
  imp_node_turn(c->w->node, c->w->now);
}

imp_stanza *client_next(client *c) {
  imp_stanza *st = c->ngot > 0 ? c->got[0] : NULL;
  if (st != NULL) {
    memmove(c->got, c->got + 1, --c->ngot * sizeof(*c->got));
  }
  return st;
}

const imp_stanza *client_expect(client *c, const char *name, const char *text) {
  imp_stanza *st;
  imp_stanza_del(c->last);
  c->last = NULL;
  while ((st = client_next(c)) != NULL) {
    char *whole = imp_stanza_to_text(st, NULL);
    int match = whole != NULL && strcmp(imp_elem_name(imp_stanza_root(st)), name) == 0 &&
                (text == NULL || strstr(whole, text) != NULL);
    imp_free(whole);
    if (match) {
      c->last = st;
      return st;
    }
    imp_stanza_del(st);
  }
  fail_msg("%s@ did not get <%s> with \"%s\"", c->user, name, text ? text : "");
  return NULL;
}

void client_expect_nothing(client *c) {
  imp_stanza *st;
  while ((st = client_next(c)) != NULL) {
    int presence = imp_stanza_get_kind(st) == IMP_STANZA_PRESENCE;
    char text[512], *whole = imp_stanza_to_text(st, NULL);
    snprintf(text, sizeof(text), "%s", whole ? whole : "");
    imp_free(whole);
    imp_stanza_del(st);
    if (!presence) {
      fail_msg("%s@ got %s", c->user, text);
    }
  }
}
