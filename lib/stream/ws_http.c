/* The request that opens a WebSocket: RFC 9112 as strictly as RFC 6455 §4.2.1 needs it. */
#include <string.h>

#include "core/codec.h"
#include "stream/ws.h"

#define HEADERS_MAX 100

typedef struct text {
  const char *at;
  size_t len;
} text;

static int is_token_char(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static int is_token(text t) {
  for (size_t i = 0; i < t.len; i++) {
    if (!is_token_char((unsigned char)t.at[i])) {
      return 0;
    }
  }
  return t.len > 0;
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c; }

static int equals(text t, const char *s) {
  for (size_t i = 0; i < t.len; i++) {
    if (s[i] == '\0' || lower(t.at[i]) != lower(s[i])) {
      return 0;
    }
  }
  return s[t.len] == '\0';
}

static text trim(text t) {
  while (t.len > 0 && (t.at[0] == ' ' || t.at[0] == '\t')) {
    t.at++;
    t.len--;
  }
  while (t.len > 0 && (t.at[t.len - 1] == ' ' || t.at[t.len - 1] == '\t')) {
    t.len--;
  }
  return t;
}

/* Cuts off what stands before `c`; without one the whole. */
static text cut(text *rest, char c) {
  const char *p = rest->len > 0 ? memchr(rest->at, c, rest->len) : NULL;
  text first = {rest->at, p != NULL ? (size_t)(p - rest->at) : rest->len};
  size_t gone = first.len + (p != NULL);
  rest->at += gone;
  rest->len -= gone;
  return first;
}

static int list_has(text list, const char *s) {
  while (list.len > 0) {
    if (equals(trim(cut(&list, ',')), s)) {
      return 1;
    }
  }
  return 0;
}

static int copy(char *dst, size_t cap, text t) {
  if (t.len >= cap) {
    return IMP_ERR_MALFORMED;
  }
  memcpy(dst, t.at, t.len);
  dst[t.len] = '\0';
  return IMP_OK;
}

/* One that may stand there once only. */
static int copy_once(char *dst, size_t cap, text t) {
  return dst[0] != '\0' || t.len == 0 ? IMP_ERR_MALFORMED : copy(dst, cap, t);
}

static int is_host(text t) {
  for (size_t i = 0; i < t.len; i++) {
    unsigned char c = (unsigned char)t.at[i];
    if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
        (c == '\0' || strchr(".-_:[]", c) == NULL)) {
      return 0;
    }
  }
  return 1;
}

static int take_header(imp_ws_request *r, text name, text value) {
  if (equals(name, "Host")) {
    return is_host(value) ? copy_once(r->host, sizeof r->host, value) : IMP_ERR_MALFORMED;
  }
  if (equals(name, "Sec-WebSocket-Key")) {
    return copy_once(r->key, sizeof r->key, value);
  }
  if (equals(name, "Sec-WebSocket-Version")) {
    r->version13 = equals(value, "13") && !r->has_version;
    r->has_version = 1;
  } else if (equals(name, "Sec-WebSocket-Protocol")) {
    r->protocol_xmpp |= list_has(value, "xmpp");
  } else if (equals(name, "Upgrade")) {
    r->upgrade |= list_has(value, "websocket");
  } else if (equals(name, "Connection")) {
    r->connection |= list_has(value, "upgrade");
  } else if (equals(name, "Transfer-Encoding") || (equals(name, "Content-Length") && !equals(value, "0"))) {
    r->body = 1;
  }
  return IMP_OK;
}

static int parse_line(imp_ws_request *r, text line) {
  if (line.len > 0 && memchr(line.at, ':', line.len) == NULL) {
    return IMP_ERR_MALFORMED;
  }
  text name = cut(&line, ':');
  return is_token(name) ? take_header(r, name, trim(line)) : IMP_ERR_MALFORMED;
}

static int parse_request_line(imp_ws_request *r, text line) {
  text method = cut(&line, ' ');
  text target = cut(&line, ' ');
  if (!is_token(method) || target.len == 0 || target.at[0] != '/' || line.len != 8 ||
      memcmp(line.at, "HTTP/1.", 7) != 0 || (line.at[7] != '0' && line.at[7] != '1')) {
    return IMP_ERR_MALFORMED;
  }
  r->get = method.len == 3 && memcmp(method.at, "GET", 3) == 0;
  r->http11 = line.at[7] == '1';
  target = cut(&target, '?');
  return copy(r->path, sizeof r->path, target) == IMP_OK ? IMP_OK : copy(r->path, sizeof r->path, (text){"/", 1});
}

/* Lines end with CRLF and hold no other control characters than tabs. */
static int next_line(text *rest, text *line) {
  *line = cut(rest, '\n');
  if (line->len == 0 || line->at[line->len - 1] != '\r') {
    return IMP_ERR_MALFORMED;
  }
  line->len--;
  for (size_t i = 0; i < line->len; i++) {
    unsigned char c = (unsigned char)line->at[i];
    if ((c < 0x20 && c != '\t') || c == 0x7f) {
      return IMP_ERR_MALFORMED;
    }
  }
  return IMP_OK;
}

/* 16 bytes in Base64. */
static int key_is_good(const char *key) {
  uint8_t bytes[18];
  size_t len = 0;
  return strlen(key) == 24 && imp_base64_decode(bytes, &len, key, 24) == IMP_OK && len == 16;
}

int imp_ws_request_parse(imp_ws_request *r, const char *head, size_t len) {
  text rest = {head, len}, line;
  memset(r, 0, sizeof *r);
  if (next_line(&rest, &line) != IMP_OK || parse_request_line(r, line) != IMP_OK) {
    return IMP_ERR_MALFORMED;
  }
  for (int i = 0; i < HEADERS_MAX; i++) {
    if (next_line(&rest, &line) != IMP_OK) {
      return IMP_ERR_MALFORMED;
    }
    if (line.len == 0) {
      return r->host[0] != '\0' && (r->key[0] == '\0' || key_is_good(r->key)) ? IMP_OK : IMP_ERR_MALFORMED;
    }
    if (parse_line(r, line) != IMP_OK) {
      return IMP_ERR_MALFORMED;
    }
  }
  return IMP_ERR_MALFORMED;
}
