/* Frames in. */
#include <string.h>

#include "core/codec.h"
#include "core/mem.h"
#include "stream/ws.h"

#define XMLNS_SLACK 1024 /* what a message may have around a stanza of full size */

static ssize_t on_recv(uint8_t *buf, size_t len, int flags, void *user_data) {
  imp_ws_decoder *decoder = user_data;
  size_t n = decoder->inlen < len ? decoder->inlen : len;
  (void)flags;
  if (n == 0) {
    return -1;
  }
  memcpy(buf, decoder->in, n);
  decoder->in += n;
  decoder->inlen -= n;
  return (ssize_t)n;
}

imp_ws_decoder *imp_ws_decoder_new(void) {
  static const struct wslay_frame_callbacks callbacks = {NULL, on_recv, NULL};
  imp_ws_decoder *decoder = imp_calloc(1, sizeof *decoder);
  if (decoder != NULL && wslay_frame_context_init(&decoder->frames, &callbacks, decoder) != 0) {
    imp_free(decoder);
    return NULL;
  }
  return decoder;
}

void imp_ws_decoder_del(imp_ws_decoder *decoder) {
  if (decoder != NULL) {
    wslay_frame_context_free(decoder->frames);
    imp_free(decoder);
  }
}

/* A breach of RFC 6455 itself: no XML any more, only the code. */
static void fail_frames(imp_conn *conn, unsigned code, const char *text) {
  imp_conn_set_error(conn, IMP_LOG_INFO, "WebSocket: %s", text);
  imp_ws_write_close(conn, code);
  imp_conn_set_over(conn);
}

static void on_message_piece(imp_conn *conn, const struct wslay_frame_iocb *piece, int last) {
  imp_ws *ws = conn->ws;
  if (conn->state >= IMP_CONN_LINGER) {
    return;
  }
  if (last && imp_buf_len(&ws->buf) == 0) { /* the usual: in one piece */
    imp_conn_feed(conn, piece->data, piece->data_length);
    return;
  }
  imp_stream_buf_take(conn->env, &ws->buf);
  if (imp_buf_append(&ws->buf, piece->data, piece->data_length) != IMP_OK) {
    imp_conn_fail(conn, "resource-constraint", NULL, NULL);
  } else if (last) {
    imp_conn_feed(conn, imp_buf_data(&ws->buf), imp_buf_len(&ws->buf));
  }
  if (last) {
    imp_buf_consume(&ws->buf, imp_buf_len(&ws->buf));
    imp_stream_buf_give(conn->env, &ws->buf);
  }
}

static int code_is_valid(unsigned code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

static void on_close(imp_conn *conn) {
  const imp_ws *ws = conn->ws;
  unsigned code = ws->control_len >= 2 ? (unsigned)(ws->control[0] << 8 | ws->control[1]) : 0;
  if (ws->control_len == 1 || (code != 0 && !code_is_valid(code)) || (ws->control_len >= 2 && code == 0)) {
    fail_frames(conn, 1002, "invalid Close frame");
  } else if (ws->control_len > 2 && !imp_utf8_valid((const char *)ws->control + 2, ws->control_len - 2u)) {
    fail_frames(conn, 1007, "invalid Close frame");
  } else {
    if (!conn->peer_closed && conn->state == IMP_CONN_OPEN) {
      imp_conn_set_error(conn, IMP_LOG_INFO, "WebSocket closed by the peer (%u) without <close/>", code);
    }
    imp_ws_write_close(conn, code);
    imp_conn_set_over(conn);
  }
}

static void on_control(imp_conn *conn, unsigned opcode) {
  const imp_ws *ws = conn->ws;
  if (opcode == WSLAY_CONNECTION_CLOSE) {
    on_close(conn);
  } else if (opcode == WSLAY_PING && !ws->close_out) {
    imp_ws_write_control(conn, WSLAY_PONG, ws->control, ws->control_len);
  }
}

/* What a client may send at this point; says why not. */
static unsigned check_start(imp_conn *conn, const struct wslay_frame_iocb *frame, const char **text) {
  const imp_ws *ws = conn->ws;
  size_t max = imp_conn_limits(conn)->stanza_bytes + XMLNS_SLACK;
  *text = "protocol error";
  if (!frame->mask || frame->rsv != 0) {
    return 1002;
  }
  switch (frame->opcode) {
  case WSLAY_CONNECTION_CLOSE:
  case WSLAY_PING:
  case WSLAY_PONG:
    return 0;
  case WSLAY_BINARY_FRAME:
    *text = "binary data";
    return 1003;
  case WSLAY_TEXT_FRAME:
  case WSLAY_CONTINUATION_FRAME:
    if (ws->in_message != (frame->opcode == WSLAY_CONTINUATION_FRAME)) {
      return 1002;
    }
    *text = "message too big";
    return frame->payload_length > max || frame->payload_length + imp_buf_len(&ws->buf) > max ? 1009 : 0;
  default:
    return 1002;
  }
}

static uint64_t frame_size(uint64_t payload) {
  return payload + 4 + (payload < 126 ? 2 : payload < 65536 ? 4 : 10);
}

static int start_frame(imp_conn *conn, const struct wslay_frame_iocb *frame) {
  imp_ws *ws = conn->ws;
  const char *text;
  unsigned code = check_start(conn, frame, &text);
  if (code == 1009 && conn->state < IMP_CONN_LINGER) {
    imp_ws_set_code(ws, code);
    imp_conn_fail(conn, "policy-violation", text, NULL);
    imp_conn_set_over(conn); /* the rest of the frame is not worth reading */
  } else if (code != 0) {
    fail_frames(conn, code, text);
  }
  ws->in_frame = 1;
  ws->left = frame->payload_length;
  ws->buf.max = imp_conn_limits(conn)->stanza_bytes + XMLNS_SLACK;
  if (wslay_is_ctrl_frame(frame->opcode)) {
    ws->control_len = 0;
  } else {
    ws->in_message = 1;
  }
  return code == 0;
}

static void take_piece(imp_conn *conn, const struct wslay_frame_iocb *piece) {
  imp_ws *ws = conn->ws;
  if (!ws->in_frame && !start_frame(conn, piece)) {
    return;
  }
  ws->left -= piece->data_length;
  ws->in_frame = ws->left > 0;
  if (!ws->in_frame) {
    ws->framed += frame_size(piece->payload_length);
  }
  if (!wslay_is_ctrl_frame(piece->opcode)) {
    ws->in_message = ws->in_frame || !piece->fin;
    on_message_piece(conn, piece, !ws->in_message);
    return;
  }
  if (piece->data_length > 0) {
    memcpy(ws->control + ws->control_len, piece->data, piece->data_length);
    ws->control_len = (uint8_t)(ws->control_len + piece->data_length);
  }
  if (!ws->in_frame) {
    on_control(conn, piece->opcode);
  }
}

void imp_ws_take_frames(imp_conn *conn, const uint8_t *data, size_t len) {
  imp_ws *ws = conn->ws;
  struct wslay_frame_iocb piece;
  if (ws->decoder == NULL && (ws->decoder = imp_stream_decoder_take(conn->env)) == NULL) {
    imp_conn_fail(conn, "resource-constraint", NULL, NULL);
    imp_conn_set_over(conn);
    return;
  }
  ws->decoder->in = data;
  ws->decoder->inlen = len;
  ws->fed += len;
  while (conn->state != IMP_CONN_OVER) {
    memset(&piece, 0, sizeof piece);
    ssize_t n = wslay_frame_recv(ws->decoder->frames, &piece);
    if (n >= 0) {
      take_piece(conn, &piece);
    } else if (n == WSLAY_ERR_WANT_READ) {
      break;
    } else {
      fail_frames(conn, 1002, "protocol error");
    }
  }
  if (conn->state != IMP_CONN_OVER && ws->fed == ws->framed) {
    imp_stream_decoder_give(conn->env, ws->decoder);
    ws->decoder = NULL;
  }
}
