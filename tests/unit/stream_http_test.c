/* The HTTP request that opens a WebSocket. */
#include "alloc_fail.h"

#include <string.h>

#include "stream/ws.h"

#define GOOD                                                                                        \
  "Host: imp.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" \
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: xmpp\r\n"

static imp_ws_request r;

static int parse(const char *s) { return imp_ws_request_parse(&r, s, strlen(s)); }

static void accepts(void **state) {
  (void)state;
  assert_int_equal(parse("GET /ws?a=b HTTP/1.1\r\n" GOOD "\r\n"), IMP_OK);
  assert_true(r.get && r.http11 && r.upgrade && r.connection && r.version13 && r.protocol_xmpp && !r.body);
  assert_string_equal(r.path, "/ws");
  assert_string_equal(r.host, "imp.example");
  assert_string_equal(r.key, "dGhlIHNhbXBsZSBub25jZQ==");
  assert_int_equal(parse("POST / HTTP/1.0\r\nhOSt:\t[::1]:5280 \r\nupgrade: h2c, WebSocket\r\n"
                         "CONNECTION: keep-alive , uPgrade\r\nSec-WebSocket-Protocol: a, b\r\n"
                         "Sec-WebSocket-Protocol: xmpp,c\r\nContent-Length: 5\r\n\r\n"),
                   IMP_OK);
  assert_true(!r.get && !r.http11 && r.upgrade && r.connection && !r.version13 && r.protocol_xmpp && r.body);
  assert_string_equal(r.host, "[::1]:5280");
  assert_int_equal(parse("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nUpgrade: websockets, xwebsocket\r\n\r\n"),
                   IMP_OK);
  assert_true(!r.body && !r.upgrade);
}

static void refuses(void **state) {
  static const char *const bad[] = {
    "\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.12\r\nHost: a\r\n\r\n",
    "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
    "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: \r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: \"><script>\r\n\r\n",
    "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nnot a header\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Key: short\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Key: ????????????????????????\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSEh\r\n\r\n",
    ("GET / HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
  };
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_int_equal(parse(bad[i]), IMP_ERR_MALFORMED);
  }
}

static void bounds(void **state) {
  char text[9000] = "GET / HTTP/1.1\r\nHost: a\r\n";
  (void)state;
  for (int i = 0; i < 101; i++) {
    strncat(text, "X: y\r\n", sizeof text - strlen(text) - 1);
  }
  strncat(text, "\r\n", sizeof text - strlen(text) - 1);
  assert_int_equal(parse(text), IMP_ERR_MALFORMED);
  memset(text, 'a', 400);
  memcpy(text, "GET /", 5);
  memcpy(text + 300, " HTTP/1.1\r\nHost: a\r\n\r\n", 23);
  assert_int_equal(parse(text), IMP_OK);
  assert_string_equal(r.path, "/"); /* a long path is none that we know */
  memset(text, 'a', 400);
  memcpy(text, "GET / HTTP/1.1\r\nHost: ", 22);
  memcpy(text + 300, "\r\n\r\n", 5);
  assert_int_equal(parse(text), IMP_ERR_MALFORMED);
  assert_int_equal(parse("GET / HTTP/1.1\r\nHost: a\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13\r\n\r\n"),
                   IMP_OK);
  assert_false(r.version13);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(accepts),
    cmocka_unit_test(refuses),
    cmocka_unit_test(bounds),
  };
  return unit_run("stream_http", tests);
}
