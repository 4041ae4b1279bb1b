#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

int ws_upgrade(world *w, client *c) {
  static const char request[] = "GET /xmpp-websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                                "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: xmpp\r\n\r\n";
  if (world_send(w, c, request, sizeof request - 1) != 0) {
    return -1;
  }
  char *end = c->inlen > 0 ? strstr(c->in, "\r\n\r\n") : NULL;
  if (end == NULL || strncmp(c->in, "HTTP/1.1 101", 12) != 0 || strstr(c->in, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") == NULL) {
    return world_fail(w, "no WebSocket: %s", c->inlen > 0 ? c->in : "no answer");
  }
  world_take(c, (size_t)(end - c->in) + 4);
  c->websocket = 2;
  return 0;
}

/* RFC 7395 §3.3.3: every stanza brings its namespace; transcripts leave it out. */
static int lacks_namespace(const char *text, size_t *at) {
  static const char *const names[] = {"<iq", "<message", "<presence"};
  for (size_t i = 0; i < 3; i++) {
    *at = strlen(names[i]);
    if (strncmp(text, names[i], *at) == 0) {
      const char *xmlns = strstr(text, " xmlns="), *end = strchr(text, '>');
      return end != NULL && (xmlns == NULL || xmlns > end);
    }
  }
  return 0;
}

static int send_frame(world *w, client *c, const char *text, size_t len);

int ws_send(world *w, client *c, const char *text, size_t len) {
  size_t at;
  if (!lacks_namespace(text, &at)) {
    return send_frame(w, c, text, len);
  }
  char *with = malloc(len + 32);
  if (with == NULL) {
    abort();
  }
  int n = snprintf(with, len + 32, "%.*s xmlns='jabber:client'%s", (int)at, text, text + at);
  int rv = send_frame(w, c, with, (size_t)n);
  free(with);
  return rv;
}

static int send_frame(world *w, client *c, const char *text, size_t len) {
  static const unsigned char mask[4] = {1, 2, 3, 4};
  unsigned char *frame = malloc(len + 14);
  size_t n = 0;
  if (frame == NULL) {
    abort();
  }
  frame[n++] = 0x81;
  if (len < 126) {
    frame[n++] = (unsigned char)(0x80 | len);
  } else if (len < 65536) {
    frame[n++] = 0x80 | 126;
    frame[n++] = (unsigned char)(len >> 8);
    frame[n++] = (unsigned char)len;
  } else {
    frame[n++] = 0x80 | 127;
    for (int shift = 56; shift >= 0; shift -= 8) {
      frame[n++] = (unsigned char)((unsigned long long)len >> shift);
    }
  }
  memcpy(frame + n, mask, 4);
  n += 4;
  for (size_t i = 0; i < len; i++) {
    frame[n++] = (unsigned char)text[i] ^ mask[i & 3];
  }
  int rv = world_send(w, c, frame, n);
  free(frame);
  return rv;
}

/* The server writes whole frames in one turn. A Close frame reads as <ws-close code=''/>. */
int ws_receive(client *c, const unsigned char *data, size_t len) {
  while (len >= 2) {
    size_t head = 2, size = data[1] & 127;
    if (size == 126 && len >= 4) {
      size = (size_t)data[2] << 8 | data[3];
      head = 4;
    } else if (size == 127 && len >= 10) {
      size = (size_t)data[6] << 24 | (size_t)data[7] << 16 | (size_t)data[8] << 8 | data[9];
      head = 10;
    }
    if (head + size > len || (data[1] & 128)) {
      return -1;
    }
    char close[64];
    const void *text = data + head;
    size_t textlen = size;
    if ((data[0] & 15) == 8) {
      textlen = (size_t)snprintf(close, sizeof close, "<ws-close code='%d'/>",
                                 size >= 2 ? data[head] << 8 | data[head + 1] : 0);
      text = close;
    }
    c->in = realloc(c->in, c->inlen + textlen + 1);
    if (c->in == NULL) {
      abort();
    }
    memcpy(c->in + c->inlen, text, textlen);
    c->inlen += textlen;
    c->incap = c->inlen + 1;
    c->in[c->inlen] = '\0';
    data += head + size;
    len -= head + size;
  }
  return len == 0 ? 0 : -1;
}
