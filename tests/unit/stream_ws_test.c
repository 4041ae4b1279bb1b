/* WebSocket: upgrade, frames, closing, hostile clients. */
#include "stream_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream/internal.h"
#include "stream/ws.h"

static kit *upgraded(void) {
  kit *k = skit_new(NULL, NULL);
  skit_accept(k, IMP_ROLE_WEBSOCKET);
  skit_upgrade(k);
  assert_has(skit_text(k), "HTTP/1.1 101 ");
  skit_clear(k);
  return k;
}

static void again(kit *k) {
  skit_drop_conn(k);
  skit_accept(k, IMP_ROLE_WEBSOCKET);
  skit_upgrade(k);
  skit_clear(k);
}

/* Takes the next frame that the client has got; returns its first byte, -1 if there is none. */
static int next_frame(kit *k, const char **payload, size_t *len) {
  const uint8_t *p = imp_buf_data(&k->text);
  size_t have = imp_buf_len(&k->text), head = 2;
  if (have < 2) {
    return -1;
  }
  *len = p[1];
  assert_true(p[1] < 128); /* a server does not mask */
  if (*len == 126) {
    head = 4;
    *len = (size_t)(p[2] << 8 | p[3]);
    assert_true(*len > 125);
  } else if (*len == 127) {
    head = 10;
    *len = 0;
    for (int i = 2; i < 10; i++) {
      *len = *len << 8 | p[i];
    }
    assert_true(*len > 65535);
  }
  assert_true(have >= head + *len);
  *payload = (const char *)p + head;
  imp_buf_consume(&k->text, head + *len);
  return p[0];
}

static void expect_message(kit *k, const char *needle) {
  const char *payload;
  size_t len;
  assert_int_equal(next_frame(k, &payload, &len), 0x81);
  char *copy = strndup(payload, len);
  assert_non_null(copy);
  int found = strstr(copy, needle) != NULL;
  if (!found) {
    print_error("\"%s\" is not in \"%s\"\n", needle, copy);
  }
  free(copy);
  assert_true(found);
}

static void expect_close(kit *k, unsigned code) {
  const char *payload;
  size_t len;
  assert_int_equal(next_frame(k, &payload, &len), 0x88);
  assert_int_equal(len, 2);
  assert_int_equal((uint8_t)payload[0] << 8 | (uint8_t)payload[1], code);
  assert_int_equal(imp_buf_len(&k->text), 0);
}

static void opens_and_closes(void **state) {
  (void)state;
  kit *k = skit_new(NULL, NULL);
  skit_accept(k, IMP_ROLE_WEBSOCKET);
  assert_true(imp_conn_is_websocket(k->conn));
  skit_upgrade(k);
  assert_has(skit_text(k), "HTTP/1.1 101 Switching Protocols\r\n");
  assert_has(skit_text(k), "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"); /* RFC 6455 §1.3 */
  assert_has(skit_text(k), "Sec-WebSocket-Protocol: xmpp\r\n");
  skit_clear(k);
  skit_send_message(k, KIT_WS_OPEN);
  expect_message(k, "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'");
  expect_message(k, "<stream:features");
  skit_send_message(k, "<message xmlns='jabber:client'><body>hi</body></message>");
  expect_message(k, "<message xmlns='jabber:client'><body>hi</body></message>");
  skit_send_message(k, KIT_WS_CLOSE);
  expect_message(k, "<close");
  expect_close(k, 1000);
  assert_string_equal(skit_seen(k), "( message )");
  assert_false(k->closed); /* the client's Close frame is to come */
  skit_send_frame(k, 0x88, "\x03\xe8", 2);
  assert_true(k->closed);
  assert_string_equal(skit_text(k), "");
}

static void every_byte_alone(void **state) {
  (void)state;
  kit *k = skit_new(NULL, NULL);
  k->chunk = 1;
  skit_accept(k, IMP_ROLE_WEBSOCKET);
  skit_upgrade(k);
  skit_clear(k);
  skit_send_message(k, KIT_WS_OPEN);
  expect_message(k, "<open");
  expect_message(k, "<stream:features");
  skit_send_message(k, "<message xmlns='jabber:client'><body>hi</body></message>");
  expect_message(k, "<body>hi</body>");
  assert_null(k->conn->ws->decoder); /* at rest there is none */
  assert_null(k->conn->ws->buf.mem);
}

static void all_at_once(void **state) {
  (void)state;
  kit *k = skit_new(NULL, NULL);
  skit_accept(k, IMP_ROLE_WEBSOCKET);
  k->deaf = 1;
  skit_upgrade(k);
  skit_send_message(k, KIT_WS_OPEN);
  skit_send_message(k, "<iq xmlns='jabber:client'/>");
  skit_send_message(k, "<iq xmlns='jabber:client'/>");
  k->deaf = 0;
  skit_pump(k);
  assert_int_equal(k->reads, 1);
  assert_string_equal(skit_seen(k), "( iq iq");
}

static void over_tls(void **state) {
  (void)state;
  kit *k = skit_new(&skit_server, NULL);
  skit_accept(k, IMP_ROLE_WEBSOCKET);
  skit_client_tls(k, NULL, "http/1.1", NULL);
  skit_upgrade(k);
  assert_true(imp_conn_is_secure(k->conn));
  assert_has(skit_text(k), "101 ");
  skit_clear(k);
  skit_send_message(k, KIT_WS_OPEN);
  expect_message(k, "<open");
  skit_drop_conn(k);
  skit_accept(k, IMP_ROLE_WEBSOCKET); /* the same listener, without */
  skit_upgrade(k);
  assert_has(skit_text(k), "101 ");
  assert_false(imp_conn_is_secure(k->conn));
  assert_false(imp_conn_can_starttls(k->conn));
}

static void tls_that_is_not_offered(void **state) {
  (void)state;
  kit *k = skit_new(NULL, NULL);
  skit_accept(k, IMP_ROLE_WEBSOCKET);
  skit_client_tls(k, NULL, "http/1.1", NULL);
  skit_pump(k);
  assert_true(k->closed);
  assert_has(imp_conn_last_error(k->conn), "not offered");
}

static void refused_requests(void **state) {
  static const char *const cases[][2] = {
    {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 426 "},
    {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
    {"BLA\r\n\r\n", "HTTP/1.1 400 "},
    {"POST / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 "},
    {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody", "HTTP/1.1 400 "},
    {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n"
     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: xmpp\r\n\r\n",
     "Sec-WebSocket-Version: 13\r\n"},
    {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
     "Sec-WebSocket-Protocol: xmpp\r\n\r\n",
     "HTTP/1.1 400 "},
    {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: chat\r\n\r\n",
     "HTTP/1.1 400 Subprotocol"},
    {"GET / HTTP/1.0\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: xmpp\r\n\r\n",
     "HTTP/1.1 426 "},
  };
  (void)state;
  kit *k = skit_new(NULL, NULL);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    skit_accept(k, IMP_ROLE_WEBSOCKET);
    skit_send(k, cases[i][0]);
    assert_has(skit_text(k), cases[i][1]);
    assert_has(skit_text(k), "Connection: close\r\n");
    assert_true(k->closed);
    skit_drop_conn(k);
  }
  assert_string_equal(skit_seen(k), "! ! ! ! ! ! ! ! !");
}

static void long_requests(void **state) {
  (void)state;
  kit *k = skit_new(NULL, NULL);
  k->chunk = 100;
  skit_accept(k, IMP_ROLE_WEBSOCKET);
  skit_send(k, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
  for (int i = 0; i < 90 && !k->closed; i++) {
    skit_send(k, "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy");
  }
  assert_has(skit_text(k), "HTTP/1.1 431 ");
  assert_true(k->closed);
  skit_drop_conn(k);
  skit_accept(k, IMP_ROLE_WEBSOCKET); /* slow as a loris */
  skit_send(k, "GET / HTTP/1.1\r\nHost: a\r\n");
  skit_advance(k, 31 * IMP_SECONDS);
  assert_has(skit_text(k), "HTTP/1.1 408 ");
  assert_true(k->closed);
  skit_drop_conn(k);
  skit_accept(k, IMP_ROLE_WEBSOCKET);
  skit_send(k, "GET / HTTP/1.1\r\nHost: a\r\n");
  imp_conn_close(k->conn, "system-shutdown", k->env.now);
  skit_pump(k);
  assert_has(skit_text(k), "HTTP/1.1 503 ");
}

static void host_meta(void **state) {
  (void)state;
  kit *k = skit_new(NULL, NULL);
  skit_accept(k, IMP_ROLE_WEBSOCKET);
  skit_send(k, "GET /.well-known/host-meta.json HTTP/1.1\r\nHost: imp.example:5280\r\n\r\n");
  assert_has(skit_text(k), "HTTP/1.1 200 OK\r\n");
  assert_has(skit_text(k), "Access-Control-Allow-Origin: *\r\n");
  assert_has(skit_text(k), "\"ws://imp.example:5280/xmpp-websocket\"");
  assert_true(k->closed);
  skit_drop_conn(k);
  skit_accept(k, IMP_ROLE_WEBSOCKET);
  skit_send(k, "GET /.well-known/host-meta HTTP/1.1\r\nHost: imp.example\r\n\r\n");
  assert_has(skit_text(k), "href=\"ws://imp.example/xmpp-websocket\"");
  assert_true(k->closed);
}

static void fragments(void **state) {
  const char *payload;
  size_t len;
  (void)state;
  kit *k = upgraded();
  skit_send_message(k, KIT_WS_OPEN);
  skit_clear(k);
  skit_send_frame(k, 0x01, "<message xml", 12);
  skit_send_frame(k, 0x89, "ping", 4); /* control frames may come between */
  assert_int_equal(next_frame(k, &payload, &len), 0x8a);
  assert_int_equal(len, 4);
  assert_memory_equal(payload, "ping", 4);
  skit_send_frame(k, 0x00, "", 0);
  skit_send_frame(k, 0x00, "ns='jabber:client'/", 19);
  assert_string_equal(skit_text(k), "");
  skit_send_frame(k, 0x80, ">", 1);
  expect_message(k, "<message xmlns='jabber:client'/>");
  skit_send_frame(k, 0x8a, "unasked", 7);
  skit_send_frame(k, 0x89, "", 0);
  assert_int_equal(next_frame(k, &payload, &len), 0x8a);
  assert_int_equal(len, 0);
  assert_null(k->conn->ws->decoder);
  assert_null(k->conn->ws->buf.mem);
}

static void sizes(void **state) {
  static const size_t bodies[] = {60, 90, 91, 92, 93, 94, 95, 125, 126, 127, 4000, 5000, 65400, 65500, 65536, 70000};
  static char text[80000];
  (void)state;
  kit *k = upgraded();
  k->limits.output_max = 1 << 20;
  again(k);
  skit_send_message(k, KIT_WS_OPEN);
  skit_send_message(k, "<in xmlns='x'/>");
  skit_clear(k);
  for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
    int n = snprintf(text, sizeof text, "<message xmlns='jabber:client'><body>");
    memset(text + n, 'x', bodies[i]);
    snprintf(text + n + bodies[i], 50, "</body></message>");
    skit_send_message(k, text);
    expect_message(k, text);
    assert_int_equal(imp_buf_len(&k->text), 0);
  }
}

/* Bytes that are no frames of a client's, and the code they earn. */
static void hostile_frames(void **state) {
  static const struct {
    const char *bytes;
    size_t len;
    unsigned code;
  } cases[] = {
    {"\x81\x05hello", 7, 1002},                             /* not masked */
    {"\xc1\x81\x01\x02\x03\x04x", 7, 1002},                 /* reserved bit */
    {"\x83\x81\x01\x02\x03\x04x", 7, 1002},                 /* reserved opcode */
    {"\x8b\x80\x01\x02\x03\x04", 6, 1002},                  /* reserved control opcode */
    {"\x80\x81\x01\x02\x03\x04x", 7, 1002},                 /* continuation of nothing */
    {"\x82\x81\x01\x02\x03\x04x", 7, 1003},                 /* binary */
    {"\x09\x80\x01\x02\x03\x04", 6, 1002},                  /* fragmented ping */
    {"\x89\xfe\x00\x7e\x01\x02\x03\x04zzzz", 12, 1002},     /* ping too long */
    {"\x81\xfe\x00\x05\x01\x02\x03\x04zzzzz", 13, 1002},    /* length not minimal */
    {"\x81\xff\x00\x00\x00\x00\x00\x00\x00\x05\x01\x02\x03\x04zzzzz", 19, 1002},
    {"\x81\xff\x80\x00\x00\x00\x00\x00\x00\x05\x01\x02\x03\x04zzzzz", 19, 1002},
    {"\x01\x81\x00\x00\x00\x00<\x81\x81\x00\x00\x00\x00x", 14, 1002}, /* text within a message */
    {"\x88\x81\x00\x00\x00\x00x", 7, 1002},                 /* Close with half a code */
    {"\x88\x82\x00\x00\x00\x00\x03\xed", 8, 1002},          /* 1005 is not for the wire */
    {"\x88\x82\x00\x00\x00\x00\x00\x00", 8, 1002},
    {"\x88\x83\x00\x00\x00\x00\x03\xe8\xff", 9, 1007},      /* reason not UTF-8 */
  };
  (void)state;
  kit *k = upgraded();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    skit_send_bytes(k, cases[i].bytes, cases[i].len);
    expect_close(k, cases[i].code);
    assert_true(k->closed);
    again(k);
  }
}

static void hostile_messages(void **state) {
  static const struct {
    const char *text, *condition;
    unsigned code;
  } cases[] = {
    {"<message xmlns='jabber:client'/>", "invalid-namespace", 1000},
    {"<open/>", "invalid-namespace", 1000},
    {"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>", "unsupported-version", 1000},
    {"<stream:stream xmlns:stream='http://etherx.jabber.org/streams'>", "", 1000},
    {"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' version='1.0'/><x/>", "", 1000},
    {"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' version='1.0'", "", 1000},
    {"\xff\xfe", "", 1007},
    {"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' version='1.0\xc0\x80'/>", "", 1007},
    {"<!DOCTYPE a><open/>", "restricted-xml", 1000},
  };
  (void)state;
  kit *k = upgraded();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    skit_send_message(k, cases[i].text);
    expect_message(k, "<open "); /* ours comes first */
    expect_message(k, "<stream:error");
    expect_message(k, "<close ");
    expect_close(k, cases[i].code);
    assert_string_not_equal(imp_conn_last_error(k->conn), "");
    assert_has(imp_conn_last_error(k->conn), cases[i].condition);
    skit_send_frame(k, 0x88, "\x03\xe8", 2);
    assert_true(k->closed);
    again(k);
  }
}

static void empty_messages(void **state) {
  (void)state;
  kit *k = upgraded();
  skit_send_message(k, "");
  skit_send_message(k, KIT_WS_OPEN);
  skit_clear(k);
  skit_send_message(k, "");
  assert_string_equal(skit_text(k), "");
  skit_send_message(k, "<iq xmlns='jabber:client'/>");
  expect_message(k, "<iq");
}

static void inside_a_stream(void **state) {
  static const char *const bad[] = {KIT_WS_OPEN, "<message/>", "<x xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>"};
  (void)state;
  kit *k = upgraded();
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    skit_send_message(k, KIT_WS_OPEN);
    skit_clear(k);
    skit_send_message(k, bad[i]);
    expect_message(k, "<stream:error");
    expect_message(k, "<close ");
    expect_close(k, 1000);
    again(k);
  }
}

static void too_big(void **state) {
  static char text[20000];
  (void)state;
  kit *k = upgraded();
  memset(text, 'x', sizeof text);
  skit_send_frame(k, 0x81, text, sizeof text);
  expect_message(k, "<open ");
  expect_message(k, "<policy-violation");
  expect_message(k, "<close ");
  expect_close(k, 1009);
  assert_true(k->closed);
  again(k);
  skit_send_frame(k, 0x01, text, 10000); /* in pieces */
  skit_send_frame(k, 0x00, text, 10000);
  assert_true(k->closed);
  assert_has(imp_conn_last_error(k->conn), "too big");
}

static void restarts_after_login(void **state) {
  (void)state;
  kit *k = upgraded();
  skit_send_message(k, KIT_WS_OPEN);
  skit_clear(k);
  skit_send_message(k, "<auth xmlns='x'/>");
  expect_message(k, "<success");
  skit_send_message(k, KIT_WS_OPEN);
  expect_message(k, "<open");
  expect_message(k, "<stream:features");
  assert_string_equal(skit_seen(k), "( auth (");
}

static void we_close(void **state) {
  (void)state;
  kit *k = upgraded();
  skit_send_message(k, KIT_WS_OPEN);
  skit_clear(k);
  imp_conn_close(k->conn, NULL, k->env.now);
  skit_pump(k);
  expect_message(k, "<close");
  assert_false(k->closed);
  skit_send_message(k, KIT_WS_CLOSE);
  expect_close(k, 1000);
  skit_send_frame(k, 0x89, "late", 4); /* no answer to anything but Close */
  assert_string_equal(skit_text(k), "");
  assert_false(k->closed);
  skit_advance(k, 6 * IMP_SECONDS);
  assert_true(k->closed);
  assert_string_equal(skit_seen(k), "( )");
}

static void the_link_breaks(void **state) {
  (void)state;
  kit *k = upgraded();
  skit_send_message(k, KIT_WS_OPEN);
  skit_clear(k);
  skit_send_frame(k, 0x88, "\x03\xe9", 2); /* without <close/>: the stream did not end in good order */
  expect_close(k, 1001);
  assert_true(k->closed);
  assert_string_equal(skit_seen(k), "( !");
  again(k);
  skit_send_message(k, KIT_WS_OPEN);
  assert_int_equal(imp_conn_recv_eof(k->conn, k->env.now), IMP_ERR_CLOSED);
  assert_string_equal(skit_seen(k), "( ! ( !");
  again(k);
  skit_send_frame(k, 0x88, "", 0);
  assert_memory_equal(skit_text(k), "\x88\x00", 2);
  assert_int_equal(imp_buf_len(&k->text), 2);
  again(k);
  skit_send_message(k, KIT_WS_OPEN);
  skit_send_frame(k, 0x01, "<mess", 5); /* in the middle of a message */
  skit_drop_conn(k);
  assert_string_equal(skit_seen(k), "( ! ( ! ! ( !");
}

static void ping_flood(void **state) {
  (void)state;
  unit_skip_alloc_fail();
  kit *k = upgraded();
  skit_send_message(k, KIT_WS_OPEN);
  skit_send_message(k, "<in xmlns='x'/>");
  k->deaf = 1;
  for (int i = 0; i < 1000 && !imp_conn_want_close(k->conn); i++) {
    skit_send_frame(k, 0x89, "................................................................................"
                             "....................", 100);
  }
  assert_true(imp_conn_want_close(k->conn));
  assert_true(imp_conn_pending(k->conn) <= k->limits.output_max);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(opens_and_closes),
    cmocka_unit_test(every_byte_alone),
    cmocka_unit_test(all_at_once),
    cmocka_unit_test(over_tls),
    cmocka_unit_test(tls_that_is_not_offered),
    cmocka_unit_test(refused_requests),
    cmocka_unit_test(long_requests),
    cmocka_unit_test(host_meta),
    cmocka_unit_test(fragments),
    cmocka_unit_test(sizes),
    cmocka_unit_test(hostile_frames),
    cmocka_unit_test(hostile_messages),
    cmocka_unit_test(empty_messages),
    cmocka_unit_test(inside_a_stream),
    cmocka_unit_test(too_big),
    cmocka_unit_test(restarts_after_login),
    cmocka_unit_test(we_close),
    cmocka_unit_test(the_link_breaks),
    cmocka_unit_test(ping_flood),
  };
  skit_certificates();
  return unit_run("stream_ws", tests);
}
