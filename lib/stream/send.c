/* Bytes out. */
#include <string.h>

#include "stream/internal.h"
#include "xml/packet.h"

imp_framing imp_conn_framing(const imp_conn *conn) {
  return conn->ws != NULL ? IMP_FRAMING_WEBSOCKET : IMP_FRAMING_TCP;
}

int imp_conn_write_begin(imp_conn *conn, size_t *mark) {
  imp_buf *out = &conn->out;
  if (conn->state != IMP_CONN_OPEN) {
    return IMP_ERR_CLOSED;
  }
  imp_stream_buf_take(conn->env, out);
  *mark = imp_buf_len(out);
  if (conn->ws == NULL) {
    return IMP_OK;
  }
  return imp_ws_is_open(conn->ws) ? imp_buf_append(out, "\0\0\0", IMP_WS_FRAME_ROOM) : IMP_ERR_STATE;
}

int imp_conn_write_end(imp_conn *conn, size_t mark, int rc) {
  imp_buf *out = &conn->out;
  if (rc == IMP_OK && conn->ws != NULL) {
    rc = imp_ws_frame_finish(out, mark);
  }
  if (rc != IMP_OK) {
    out->end = out->off + mark;
    return rc;
  }
  imp_conn_mark_dirty(conn);
  return IMP_OK;
}

int imp_conn_write_close(imp_conn *conn) {
  size_t mark;
  int rc = imp_conn_write_begin(conn, &mark);
  if (rc == IMP_OK) {
    rc = imp_conn_write_end(conn, mark, imp_xml_write_close(&conn->out, imp_conn_framing(conn)));
  }
  return rc;
}

/* What did not fit because the peer does not read ends the connection: its memory is bounded. */
static int submitted(imp_conn *conn, size_t mark, int rc) {
  rc = imp_conn_write_end(conn, mark, rc);
  if (rc == IMP_ERR_TOO_BIG) {
    imp_conn_fail(conn, "policy-violation", "the peer reads too slowly", NULL);
  }
  return rc;
}

static int too_slow(imp_conn *conn, int rc) {
  if (rc == IMP_ERR_TOO_BIG) {
    imp_conn_fail(conn, "policy-violation", "the peer reads too slowly", NULL);
  }
  return rc;
}

int imp_conn_submit_text(imp_conn *conn, const char *text, size_t len) {
  size_t mark;
  int rc = imp_conn_write_begin(conn, &mark);
  return rc == IMP_OK ? submitted(conn, mark, imp_buf_append(&conn->out, text, len)) : too_slow(conn, rc);
}

int imp_conn_submit_packet(imp_conn *conn, const imp_packet *packet) {
  size_t mark;
  int rc = imp_conn_write_begin(conn, &mark);
  return rc == IMP_OK ? submitted(conn, mark, imp_packet_write(packet, &conn->out, imp_conn_framing(conn)))
                      : too_slow(conn, rc);
}

int imp_conn_submit_stanza(imp_conn *conn, imp_stanza *st) {
  size_t mark;
  int rc = imp_conn_write_begin(conn, &mark);
  return rc == IMP_OK ? submitted(conn, mark, imp_stanza_write(st, &conn->out, imp_conn_framing(conn)))
                      : too_slow(conn, rc);
}

void imp_conn_widen(imp_conn *conn, size_t bytes) { conn->out.max += bytes; }

static imp_buf *wire(imp_conn *conn) { return conn->tls != NULL ? imp_tls_wire(conn->tls) : &conn->out; }

size_t imp_conn_send_peekv(imp_conn *conn, imp_iovec *iov, size_t n) {
  if (conn->tls != NULL) {
    imp_tls_seal(conn);
  }
  const imp_buf *buf = wire(conn);
  size_t len = conn->tls != NULL ? imp_buf_len(buf) : imp_conn_sendable(conn);
  if (n == 0 || len == 0) {
    return 0;
  }
  iov[0].base = imp_buf_data(buf);
  iov[0].len = len;
  return 1;
}

const void *imp_conn_send_peek(imp_conn *conn, size_t *len) {
  imp_iovec iov = {NULL, 0};
  imp_conn_send_peekv(conn, &iov, 1);
  *len = iov.len;
  return iov.base;
}

void imp_conn_send_done(imp_conn *conn, size_t len, imp_tstamp ts) {
  imp_buf *buf = wire(conn);
  size_t have = imp_buf_len(buf);
  imp_stream_set_now(conn->env, ts);
  if (len > have) {
    len = have;
  }
  conn->env->bytes_out += len;
  if (conn->tls != NULL) {
    imp_buf_consume(buf, len);
  } else {
    imp_conn_consume(conn, len);
  }
  if (len == have) {
    imp_stream_buf_give(conn->env, buf);
  }
}

size_t imp_conn_pending(const imp_conn *conn) {
  return imp_buf_len(&conn->out) + (conn->tls != NULL ? imp_buf_len(imp_tls_wire(conn->tls)) : 0);
}
