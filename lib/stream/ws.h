/*
 * WebSocket inside (RFC 6455, RFC 7395): first an HTTP request, then frames.
 *
 * Frames are taken apart by wslay's frame layer. Its context is 4 KB and belongs to a connection only while a frame is
 * under way.
 */
#ifndef IMP_STREAM_WS_H
#define IMP_STREAM_WS_H

#include <wslay/wslay.h>

#include "stream/internal.h"

struct imp_ws_decoder {
  wslay_frame_context_ptr frames;
  const uint8_t *in;
  size_t inlen;
};

imp_ws_decoder *imp_ws_decoder_new(void);
void imp_ws_decoder_del(imp_ws_decoder *decoder);

struct imp_ws {
  imp_ws_decoder *decoder; /* NULL between frames */
  imp_buf buf;             /* the HTTP request, later a message that came in pieces */
  uint64_t fed, framed;    /* bytes given to the decoder, bytes of whole frames */
  uint64_t left;           /* of the current frame's payload */
  uint16_t code;           /* for our Close frame; 0: normal */
  uint8_t open;            /* the upgrade is done */
  uint8_t in_frame;        /* between a frame's header and its last byte */
  uint8_t in_message;      /* between the first and the last frame of a message */
  uint8_t close_out;
  uint8_t control_len;
  uint8_t control[125];    /* payload of the control frame under way */
};

/* ---- ws_http.c: the request ---- */

#define IMP_WS_REQUEST_MAX 8192

typedef struct imp_ws_request {
  char path[64];      /* cut */
  char host[256];
  char key[32];       /* Sec-WebSocket-Key, "" if none */
  int get;            /* the method is GET */
  int http11;
  int upgrade, connection, version13, has_version, protocol_xmpp;
  int body;           /* announces one */
} imp_ws_request;

/* `len` bytes up to and with the empty line. IMP_ERR_MALFORMED. */
int imp_ws_request_parse(imp_ws_request *request, const char *head, size_t len);

/* ---- ws_handshake.c ---- */

/* Takes bytes of the request; returns how many. */
size_t imp_ws_handshake(imp_conn *conn, const uint8_t *data, size_t len);

/* ---- ws_frames.c ---- */

void imp_ws_take_frames(imp_conn *conn, const uint8_t *data, size_t len);

/* ---- ws_send.c ---- */

void imp_ws_write_control(imp_conn *conn, unsigned opcode, const void *payload, size_t len);

#endif
