/* Bytes in: from the transport to the owner's events. */
#include <string.h>

#include "core/codec.h"
#include "stream/internal.h"
#include "xml/ns.h"

static int go_on(const imp_conn *conn) { return conn->state >= IMP_CONN_LINGER ? IMP_CONN_STOP : 0; }

static int on_header(imp_conn *conn, const imp_stanza *header) {
  if (imp_conn_check_header(conn, header) == IMP_OK) {
    conn->header_in = 1;
    conn->env->events->opened(conn, header);
  }
  return go_on(conn);
}

static int on_open(void *ctx, imp_stanza *header) { return on_header(ctx, header); }

static int on_close(void *ctx) {
  imp_conn *conn = ctx;
  if (!imp_conn_stash_close(conn)) {
    imp_conn_on_peer_close(conn);
  }
  return go_on(conn);
}

/* The peer says what is wrong with us; nothing is expected of it any more. */
static void on_peer_error(imp_conn *conn, const imp_stanza *st) {
  const imp_elem *condition = imp_elem_first(imp_stanza_root(st));
  imp_conn_set_error(conn, IMP_LOG_INFO, "stream error from the peer: %s",
                     condition != NULL ? imp_elem_name(condition) : "none");
  imp_conn_set_ended(conn, 0);
  imp_conn_on_peer_close(conn);
}

/* What WebSocket framing has instead of tags. Non-zero if `st` was that. */
static int on_framing(imp_conn *conn, const imp_stanza *st) {
  const imp_elem *root = imp_stanza_root(st);
  if (imp_elem_is(root, "open", IMP_NS_FRAMING) && !conn->header_in) {
    on_header(conn, st);
  } else if (!conn->header_in && strcmp(imp_elem_ns(root), IMP_NS_FRAMING) != 0) {
    imp_conn_fail(conn, "invalid-namespace", "a stream begins with <open/>", NULL);
  } else if (imp_elem_is(root, "close", IMP_NS_FRAMING)) {
    on_close(conn);
  } else if (strcmp(imp_elem_ns(root), IMP_NS_FRAMING) == 0) {
    imp_conn_fail(conn, "bad-format", NULL, NULL);
  } else if (imp_elem_ns(root)[0] == '\0') {
    imp_conn_fail(conn, "invalid-namespace", NULL, NULL);
  } else {
    return 0;
  }
  return 1;
}

static int on_stanza(void *ctx, imp_stanza *st) {
  imp_conn *conn = ctx;
  if (conn->ws != NULL && on_framing(conn, st)) {
    imp_stanza_del(st);
  } else if (imp_elem_is(imp_stanza_root(st), "error", IMP_NS_STREAMS)) {
    on_peer_error(conn, st);
    imp_stanza_del(st);
  } else if (conn->busy || !imp_conn_stash_empty(conn)) {
    imp_conn_stash_add(conn, st);
  } else {
    conn->env->events->stanza(conn, st);
  }
  return go_on(conn);
}

static int on_brief(void *ctx, const char *text, size_t len, int *rc) {
  imp_conn *conn = ctx;
  const imp_conn_events *events = conn->env->events;
  if (events->brief == NULL || conn->busy || !imp_conn_stash_empty(conn) || !events->brief(conn, text, len)) {
    return 0;
  }
  *rc = go_on(conn);
  return 1;
}

const imp_xml_handler imp_conn_xml_handler = {
    .on_open = on_open, .on_stanza = on_stanza, .on_close = on_close, .on_brief = on_brief};

void imp_conn_feed(imp_conn *conn, const void *data, size_t len) {
  if (conn->state >= IMP_CONN_LINGER || conn->peer_closed) {
    return;
  }
  conn->feeding = 1;
  int rc = imp_xml_stream_feed(&conn->xml, data, len);
  conn->feeding = 0;
  if (rc < 0) {
    if (conn->ws != NULL && !imp_utf8_valid(data, len)) {
      imp_ws_set_code(conn->ws, 1007);
    }
    imp_conn_fail(conn, imp_xml_error_condition(imp_xml_stream_error(&conn->xml)),
                  imp_xml_stream_error_text(&conn->xml), NULL);
  }
}

void imp_conn_input(imp_conn *conn, const uint8_t *data, size_t len) {
  if (conn->ws != NULL) {
    imp_ws_input(conn, data, len);
  } else {
    imp_conn_feed(conn, data, len);
  }
}

/* The PROXY header comes first, before TLS. Returns how many of the bytes belong to it. */
static size_t take_proxy(imp_conn *conn, const uint8_t *data, size_t len) {
  char peer[64];
  imp_buf *buf = &conn->setup->proxy;
  size_t had = imp_buf_len(buf), take = len < IMP_PROXY_MAX - had ? len : IMP_PROXY_MAX - had;
  int n = imp_buf_append(buf, data, take);
  if (n == IMP_OK) {
    n = imp_proxy_parse(imp_buf_data(buf), imp_buf_len(buf), peer);
  }
  if (n < 0) {
    imp_conn_set_error(conn, IMP_LOG_WARN, "bad PROXY header");
    imp_conn_set_over(conn);
  }
  if (n <= 0) {
    return len;
  }
  if (peer[0] != '\0') {
    imp_conn_set_peer(conn, peer);
  }
  conn->proxy = 0;
  imp_buf_reset(buf);
  return (size_t)n - had;
}

/* A TLS session is made for a peer that says something only: one that is silent costs little. */
static void start_tls(imp_conn *conn) {
  if (conn->env->tls == NULL) {
    imp_conn_set_error(conn, IMP_LOG_INFO, "TLS is not offered");
    imp_conn_set_over(conn);
  } else if (imp_tls_new(&conn->tls, conn) != IMP_OK) {
    imp_conn_set_error(conn, IMP_LOG_ERROR, "no memory for TLS");
    imp_conn_set_over(conn);
  }
}

static void take_in(imp_conn *conn, const uint8_t *data, size_t len) {
  if (conn->proxy) {
    size_t taken = take_proxy(conn, data, len);
    data += taken;
    len -= taken;
  }
  if (len == 0 || conn->state == IMP_CONN_OVER) {
    return;
  }
  if (conn->detect) {
    conn->detect = 0;
    if (conn->ws == NULL || data[0] == 0x16) { /* a TLS handshake record; no HTTP method begins so */
      start_tls(conn);
    }
  }
  if (conn->state == IMP_CONN_OVER) {
    return;
  }
  if (conn->tls != NULL) {
    imp_tls_feed(conn, data, len);
  } else {
    imp_conn_input(conn, data, len);
  }
}

/* Pays for what was taken, as far as there are tokens; pauses until the rest can be paid. */
static void pay(imp_conn *conn) {
  imp_tstamp now = conn->env->now;
  uint64_t part = 0;
  while (conn->debt > 0) {
    part = conn->debt < conn->rate->burst ? conn->debt : conn->rate->burst;
    if (imp_ratelim_drain(conn->rate, part, now) != IMP_OK) {
      break;
    }
    conn->debt -= (uint32_t)part;
  }
  conn->paused = conn->debt > 0;
  if (conn->paused && imp_heap_set(conn->env->timers, &conn->timer, imp_ratelim_when(conn->rate, part)) != IMP_OK) {
    conn->paused = 0;
  }
}

void imp_conn_unpause(imp_conn *conn) {
  pay(conn);
  if (!conn->paused) {
    imp_conn_mark_dirty(conn);
  }
}

void imp_conn_charge(imp_conn *conn, size_t len) {
  uint32_t n = len < UINT32_MAX / 2 ? (uint32_t)len : UINT32_MAX / 2;
  if (conn->state != IMP_CONN_OPEN) {
    return;
  }
  if (!conn->authed) {
    conn->preauth_bytes += conn->preauth_bytes < UINT32_MAX / 2 ? n : 0;
    if (conn->preauth_bytes > conn->env->limits->preauth_bytes) {
      imp_conn_fail(conn, "policy-violation", "too many bytes before authentication", NULL);
    }
  } else if (conn->rate != NULL) {
    conn->debt += conn->debt < UINT32_MAX / 2 ? n : 0;
    pay(conn);
  }
}

int imp_conn_recv(imp_conn *conn, const void *data, size_t len, imp_tstamp ts) {
  imp_stream_set_now(conn->env, ts);
  if (conn->state == IMP_CONN_OVER) {
    return IMP_ERR_CLOSED;
  }
  if (len > 0) {
    conn->env->bytes_in += len;
    conn->depth++;
    imp_conn_charge(conn, len);
    take_in(conn, data, len);
    conn->depth--;
  }
  imp_conn_settle(conn);
  return conn->state == IMP_CONN_OVER ? IMP_ERR_CLOSED : IMP_OK;
}
