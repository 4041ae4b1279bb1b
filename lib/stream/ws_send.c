/* Frames out (RFC 6455 §5.2): a server does not mask, so a header is all there is to it. */
#include <string.h>

#include "core/codec.h"
#include "stream/ws.h"

#define FIN_TEXT 0x81

/* Most messages fit the 16-bit length: the room is for that, and the others move. */
int imp_ws_frame_finish(imp_buf *out, size_t mark) {
  size_t len = imp_buf_len(out) - mark - IMP_WS_FRAME_ROOM;
  size_t head = len < 126 ? 2 : len < 65536 ? 4 : 10;
  int err;
  if (head > IMP_WS_FRAME_ROOM && imp_buf_reserve(out, head - IMP_WS_FRAME_ROOM, &err) == NULL) {
    return err;
  }
  uint8_t *at = imp_buf_data(out) + mark;
  if (head != IMP_WS_FRAME_ROOM) {
    memmove(at + head, at + IMP_WS_FRAME_ROOM, len);
    out->end = out->end + head - IMP_WS_FRAME_ROOM;
  }
  at[0] = FIN_TEXT;
  if (head == 2) {
    at[1] = (uint8_t)len;
  } else if (head == 4) {
    at[1] = 126;
    at[2] = (uint8_t)(len >> 8);
    at[3] = (uint8_t)len;
  } else {
    at[1] = 127;
    imp_put_be64(at + 2, len);
  }
  return IMP_OK;
}

void imp_ws_write_control(imp_conn *conn, unsigned opcode, const void *payload, size_t len) {
  uint8_t frame[2 + 125];
  frame[0] = (uint8_t)(0x80 | opcode);
  frame[1] = (uint8_t)len;
  if (len > 0) {
    memcpy(frame + 2, payload, len);
  }
  imp_stream_buf_take(conn->env, &conn->out);
  int rc = imp_buf_append(&conn->out, frame, len + 2);
  if (rc != IMP_OK) {
    imp_conn_set_error(conn, IMP_LOG_INFO, "no room for a control frame");
    imp_conn_set_over(conn);
  }
  imp_conn_mark_dirty(conn);
}

void imp_ws_set_code(imp_ws *ws, unsigned code) {
  if (ws->code == 0) {
    ws->code = (uint16_t)code;
  }
}

unsigned imp_ws_code(const imp_ws *ws) { return ws->code; }

void imp_ws_write_close(imp_conn *conn, unsigned code) {
  uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};
  if (!conn->ws->close_out && conn->ws->open) {
    conn->ws->close_out = 1;
    conn->out.max += IMP_STREAM_LAST_WORDS;
    imp_ws_write_control(conn, WSLAY_CONNECTION_CLOSE, payload, code != 0 ? 2 : 0);
  }
}
