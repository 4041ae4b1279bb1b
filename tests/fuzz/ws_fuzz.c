/*
 * A connection from its first byte: PROXY header, HTTP upgrade, WebSocket frames, streams.
 *
 * Input: one byte of mode, one byte that says how the rest is cut into pieces (0: not at all), the bytes themselves.
 *   mode & 3   0: a stream over TCP; 1: a WebSocket from its request on; 2: frames after an upgrade; 3: the same,
 *              but each frame is given as its first byte, a length and so many bytes, and masked here
 *   mode & 4   a PROXY header comes first
 *   mode & 8   the owner authenticates the peer when the stream opens
 *   mode & 16  the client reads nothing
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "stream/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x) \
  do {           \
    if (!(x)) {  \
      abort();   \
    }            \
  } while (0)

static const char upgrade[] =
  "GET /xmpp-websocket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: xmpp\r\n\r\n";

static struct {
  imp_stream_env env;
  imp_stream_limits limits;
  imp_heap timers;
  imp_list dirty;
  imp_xml_pool *pool;
  int authenticates, ended;
  imp_conn *waiting;
} f;

static void on_opened(imp_conn *conn, const imp_stanza *header) {
  (void)header;
  CHECK(!f.ended);
  imp_conn_send_header(conn, "a", NULL);
  if (f.authenticates) {
    imp_conn_set_authenticated(conn);
  }
}

/* Does by the name's first letter what an owner may do. */
static void on_stanza(imp_conn *conn, imp_stanza *st) {
  CHECK(!f.ended);
  switch (imp_elem_name(imp_stanza_root(st))[0]) {
  case 'r':
    imp_conn_restart(conn);
    break;
  case 'w':
    imp_conn_set_busy(conn, 1);
    f.waiting = conn;
    break;
  case 'f':
    imp_conn_fail(conn, "conflict", imp_elem_text(imp_stanza_root(st), NULL), NULL);
    break;
  case 'c':
    imp_conn_close(conn, NULL, 0);
    break;
  default:
    (void)imp_conn_submit_stanza(conn, st);
  }
  imp_stanza_del(st);
}

static void on_ended(imp_conn *conn, int clean) {
  (void)conn;
  (void)clean;
  CHECK(!f.ended);
  f.ended = 1;
}

static void fill_random(void *dst, size_t len) { memset(dst, 'r', len); }

static const imp_conn_events events = {.opened = on_opened, .stanza = on_stanza, .ended = on_ended};

static void set_up(void) {
  imp_heap_init(&f.timers);
  imp_xml_limits_default(&f.limits.preauth);
  imp_xml_limits_default(&f.limits.authed);
  f.limits.preauth_bytes = 65536;
  f.limits.preauth_time = 30 * IMP_SECONDS;
  f.limits.close_time = 5 * IMP_SECONDS;
  f.limits.output_max = 16384;
  f.limits.recv_rate = 4000;
  f.limits.recv_burst = 4000;
  CHECK(imp_xml_pool_new(&f.pool, 4, NULL) == IMP_OK);
  f.env = (imp_stream_env){.xml = f.pool, .timers = &f.timers, .limits = &f.limits, .events = &events,
                           .dirty = &f.dirty, .random = fill_random, .now = 1};
  CHECK(imp_stream_env_init(&f.env) == IMP_OK);
}

static void turn(imp_conn *conn, int deaf) {
  size_t len;
  while (imp_conn_next_dirty(&f.env) != NULL) {
  }
  while (!deaf && imp_conn_send_peek(conn, &len) != NULL) {
    imp_conn_send_done(conn, len > 1 ? len / 2 + 1 : len, f.env.now);
  }
  CHECK(imp_conn_pending(conn) <= f.limits.output_max + 2 * IMP_STREAM_LAST_WORDS);
}

static void feed(imp_conn *conn, const uint8_t *data, size_t len, size_t piece, int deaf) {
  while (len > 0) {
    size_t n = piece > 0 && piece < len ? piece : len;
    uint8_t *copy = malloc(n);
    CHECK(copy != NULL);
    memcpy(copy, data, n);
    int rc = imp_conn_recv(conn, copy, n, f.env.now);
    free(copy);
    CHECK(rc == (imp_conn_want_close(conn) ? IMP_ERR_CLOSED : IMP_OK));
    CHECK(!imp_conn_want_close(conn) || f.ended);
    turn(conn, deaf);
    data += n;
    len -= n;
  }
}

static void feed_frames(imp_conn *conn, const uint8_t *data, size_t len, size_t piece, int deaf) {
  while (len >= 2) {
    uint8_t frame[6 + 125] = {data[0], 0, 1, 2, 3, 4};
    size_t n = data[1] < 126 ? data[1] : 125;
    data += 2;
    len -= 2;
    n = n < len ? n : len;
    frame[1] = (uint8_t)(0x80 | n);
    for (size_t i = 0; i < n; i++) {
      frame[6 + i] = data[i] ^ frame[2 + i % 4];
    }
    feed(conn, frame, n + 6, piece, deaf);
    data += n;
    len -= n;
  }
}

static void finish(imp_conn *conn) {
  if (f.waiting != NULL) {
    imp_conn_set_busy(conn, 0);
  }
  f.env.now += 31 * IMP_SECONDS;
  imp_heap_run(&f.timers, f.env.now);
  imp_conn_close(conn, "system-shutdown", f.env.now);
  turn(conn, 0);
  f.env.now += 31 * IMP_SECONDS;
  imp_heap_run(&f.timers, f.env.now);
  imp_conn_del(conn, f.env.now);
  CHECK(f.ended && imp_heap_next(&f.timers) == IMP_TSTAMP_NEVER && imp_list_empty(&f.dirty));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  imp_conn_params params = {.size = sizeof params};
  imp_conn *conn;
  if (size < 2) {
    return 0;
  }
  if (f.pool == NULL) {
    set_up();
  }
  uint8_t mode = data[0], piece = data[1];
  f.authenticates = (mode & 8) != 0;
  f.ended = 0;
  f.waiting = NULL;
  params.role = (mode & 3) == 0 ? IMP_ROLE_C2S : IMP_ROLE_WEBSOCKET;
  params.proxy_protocol = (mode & 4) != 0;
  CHECK(imp_conn_new(&conn, &f.env, &params, f.env.now) == IMP_OK);
  int deaf = (mode & 16) != 0;
  if ((mode & 3) >= 2 && !params.proxy_protocol) {
    feed(conn, (const uint8_t *)upgrade, sizeof upgrade - 1, 0, deaf);
  }
  if ((mode & 3) == 3) {
    feed_frames(conn, data + 2, size - 2, piece, deaf);
  } else {
    feed(conn, data + 2, size - 2, piece, deaf);
  }
  finish(conn);
  return 0;
}
