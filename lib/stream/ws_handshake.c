/* The answer to the HTTP request (RFC 6455 §4.2.2, RFC 7395 §3.1). */
#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>

#include "core/codec.h"
#include "core/mem.h"
#include "stream/ws.h"

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

int imp_ws_new(imp_ws **ws) {
  *ws = imp_calloc(1, sizeof **ws);
  if (*ws == NULL) {
    return IMP_ERR_NOMEM;
  }
  imp_buf_init(&(*ws)->buf, IMP_WS_REQUEST_MAX);
  return IMP_OK;
}

void imp_ws_del(imp_stream_env *env, imp_ws *ws) {
  if (ws == NULL) {
    return;
  }
  imp_ws_decoder_del(ws->decoder);
  imp_stream_buf_give(env, &ws->buf);
  imp_free(ws);
}

int imp_ws_is_open(const imp_ws *ws) { return ws->open; }

static void respond(imp_conn *conn, const char *text, size_t len) {
  imp_stream_buf_take(conn->env, &conn->out);
  if (imp_buf_append(&conn->out, text, len) != IMP_OK) {
    imp_conn_set_over(conn);
  }
  imp_conn_mark_dirty(conn);
}

static void respond_body(imp_conn *conn, const char *status, const char *headers, const char *type, const char *body) {
  char head[512];
  int n = snprintf(head, sizeof head,
                   "HTTP/1.1 %s\r\n%sContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n", status,
                   headers, type, strlen(body));
  respond(conn, head, (size_t)n);
  respond(conn, body, strlen(body));
}

static void refuse(imp_conn *conn, const char *status, const char *headers) {
  char body[64];
  snprintf(body, sizeof body, "%s\n", status);
  respond_body(conn, status, headers, "text/plain; charset=utf-8", body);
  imp_conn_set_error(conn, IMP_LOG_INFO, "HTTP request answered with %s", status);
  imp_conn_set_over(conn);
}

void imp_ws_refuse(imp_conn *conn, const char *condition) {
  if (strcmp(condition, "connection-timeout") == 0) {
    refuse(conn, "408 Request Timeout", "");
  } else if (strcmp(condition, "policy-violation") == 0) {
    refuse(conn, "400 Bad Request", "");
  } else {
    refuse(conn, "503 Service Unavailable", "");
  }
}

static void accept_upgrade(imp_conn *conn, const imp_ws_request *r) {
  char text[256], accept[IMP_BASE64_LEN(20)];
  uint8_t digest[20];
  int n = snprintf(text, sizeof text, "%s" GUID, r->key);
  if (gnutls_hash_fast(GNUTLS_DIG_SHA1, text, (size_t)n, digest) != 0) {
    refuse(conn, "503 Service Unavailable", "");
    return;
  }
  imp_base64_encode(accept, digest, sizeof digest);
  n = snprintf(text, sizeof text,
               "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: xmpp\r\n\r\n",
               accept);
  respond(conn, text, (size_t)n);
  conn->ws->open = 1;
}

/* XEP-0156: where the WebSocket is, for a web client that knows the domain only. Non-zero if it was asked for. */
static int host_meta(imp_conn *conn, const imp_ws_request *r) {
  char body[700];
  const char *scheme = imp_conn_is_secure(conn) ? "wss" : "ws";
  const char *cors = "Access-Control-Allow-Origin: *\r\n";
  if (strcmp(r->path, "/.well-known/host-meta") == 0) {
    snprintf(body, sizeof body,
             "<?xml version='1.0' encoding='utf-8'?>\n<XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>\n"
             "  <Link rel=\"urn:xmpp:alt-connections:websocket\" href=\"%s://%s/xmpp-websocket\"/>\n</XRD>\n",
             scheme, r->host);
    respond_body(conn, "200 OK", cors, "application/xrd+xml", body);
  } else if (strcmp(r->path, "/.well-known/host-meta.json") == 0) {
    snprintf(body, sizeof body,
             "{\"links\":[{\"rel\":\"urn:xmpp:alt-connections:websocket\",\"href\":\"%s://%s/xmpp-websocket\"}]}\n",
             scheme, r->host);
    respond_body(conn, "200 OK", cors, "application/json", body);
  } else {
    return 0;
  }
  imp_conn_set_over(conn);
  return 1;
}

static void answer(imp_conn *conn, const char *head, size_t len) {
  imp_ws_request r;
  if (imp_ws_request_parse(&r, head, len) != IMP_OK || r.body) {
    refuse(conn, "400 Bad Request", "");
  } else if (!r.get) {
    refuse(conn, "405 Method Not Allowed", "Allow: GET\r\n");
  } else if (!r.upgrade && host_meta(conn, &r)) {
    return;
  } else if (!r.upgrade || !r.connection || !r.http11) {
    refuse(conn, "426 Upgrade Required", "Upgrade: websocket\r\n");
  } else if (!r.version13) {
    refuse(conn, "426 Upgrade Required", "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
  } else if (r.key[0] == '\0') {
    refuse(conn, "400 Bad Request", "");
  } else if (!r.protocol_xmpp) {
    refuse(conn, "400 Subprotocol xmpp Required", "");
  } else {
    accept_upgrade(conn, &r);
  }
}

/* Length of the head with its empty line; 0: not all here. What was searched before is not searched again. */
static size_t head_length(const char *head, size_t searched, size_t len) {
  for (size_t i = searched > 3 ? searched - 3 : 0; i + 4 <= len; i++) {
    if (memcmp(head + i, "\r\n\r\n", 4) == 0) {
      return i + 4;
    }
  }
  return 0;
}

size_t imp_ws_handshake(imp_conn *conn, const uint8_t *data, size_t len) {
  imp_ws *ws = conn->ws;
  imp_stream_env *env = conn->env;
  size_t had = imp_buf_len(&ws->buf), take = len < IMP_WS_REQUEST_MAX - had ? len : IMP_WS_REQUEST_MAX - had;
  if (imp_buf_append(&ws->buf, data, take) != IMP_OK) {
    refuse(conn, "503 Service Unavailable", "");
    return len;
  }
  const char *head = (const char *)imp_buf_data(&ws->buf);
  size_t n = head_length(head, had, had + take);
  if (n == 0) {
    if (had + take == IMP_WS_REQUEST_MAX) {
      refuse(conn, "431 Request Header Fields Too Large", "");
    }
    return len;
  }
  answer(conn, head, n);
  imp_buf_consume(&ws->buf, had + take);
  imp_stream_buf_give(env, &ws->buf);
  return n - had;
}

void imp_ws_input(imp_conn *conn, const uint8_t *data, size_t len) {
  if (!conn->ws->open && conn->state == IMP_CONN_OPEN) {
    size_t n = imp_ws_handshake(conn, data, len);
    data += n;
    len -= n;
  }
  if (len > 0 && conn->ws->open) {
    imp_ws_take_frames(conn, data, len);
  }
}
