/* PROXY protocol headers. */
#include "alloc_fail.h"

#include <string.h>

#include "stream/internal.h"

static char peer[64];

static int parse(const void *data, size_t len) { return imp_proxy_parse(data, len, peer); }

static int parse_text(const char *s) { return parse(s, strlen(s)); }

/* Whole, and waiting for more at every cut before. */
static void check_good(const void *data, size_t len, const char *expected) {
  assert_int_equal(parse(data, len), (int)len);
  assert_string_equal(peer, expected);
  for (size_t n = 0; n < len; n++) {
    assert_int_equal(parse(data, n), 0);
  }
}

static void version_1(void **state) {
  static const char *const good[][2] = {
    {"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n", "192.0.2.1"},
    {"PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n", "2001:db8::1"},
    {"PROXY TCP6 1:2:3:4:5:6:7:8 ::1 0 65535\r\n", "1:2:3:4:5:6:7:8"},
    {"PROXY TCP6 :: ::1 0 65535\r\n", "::"},
    {"PROXY UNKNOWN\r\n", ""},
    {"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", ""},
  };
  (void)state;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    check_good(good[i][0], strlen(good[i][0]), good[i][1]);
  }
  assert_int_equal(parse_text("PROXY UNKNOWN\r\n<stream:stream"), 15);
}

static void version_1_refused(void **state) {
  static const char *const bad[] = {
    "GET / HTTP/1.1\r\n",
    "PROXX",
    "PROXY\r\n",
    "PROXY TCP4\r\n",
    "PROXY TCP5 192.0.2.1 198.51.100.7 56324 443\r\n",
    "PROXY UNKNOWNX\r\n",
    "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\n",
    "PROXY TCP4 192.0.2.256 198.51.100.7 56324 443\r\n",
    "PROXY TCP4 192.0.2 198.51.100.7 56324 443\r\n",
    "PROXY TCP4 192.0.2.1. 198.51.100.7 56324 443\r\n",
    "PROXY TCP4 192.0.2.01 198.51.100.7 56324 443\r\n",
    "PROXY TCP4 192.0.2.1  198.51.100.7 56324 443\r\n",
    "PROXY TCP4 192.0.2.1 198.51.100.7 56324\r\n",
    "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443 \r\n",
    "PROXY TCP4 192.0.2.1 198.51.100.7 56324 443 1\r\n",
    "PROXY TCP4 192.0.2.1 198.51.100.7 65536 443\r\n",
    "PROXY TCP4 192.0.2.1 198.51.100.7 00 443\r\n",
    "PROXY TCP4 ::1 ::1 1 2\r\n",
    "PROXY TCP6 192.0.2.1 ::1 1 2\r\n",
    "PROXY TCP6 1::2::3 ::1 1 2\r\n",
    "PROXY TCP6 12345::1 ::1 1 2\r\n",
    "PROXY TCP6 1:2:3:4:5:6:7 ::1 1 2\r\n",
    "PROXY TCP6 1:2:3:4:5:6:7:8:9 ::1 1 2\r\n",
    "PROXY TCP6 ::1: ::1 1 2\r\n",
    "PROXY TCP6 :1 ::1 1 2\r\n",
    "PROXY TCP6 <::1> ::1 1 2\r\n",
    "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535 xxxxx\r\n",
  };
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_int_equal(parse_text(bad[i]), IMP_ERR_MALFORMED);
    assert_string_equal(peer, "");
  }
}

static size_t v2(uint8_t *dst, uint8_t command, uint8_t family, const void *rest, size_t len, size_t tlv) {
  memcpy(dst, "\r\n\r\n\0\r\nQUIT\n", 12);
  dst[12] = command;
  dst[13] = family;
  dst[14] = (uint8_t)((len + tlv) >> 8);
  dst[15] = (uint8_t)(len + tlv);
  if (len > 0) {
    memcpy(dst + 16, rest, len);
  }
  memset(dst + 16 + len, 0x55, tlv);
  return 16 + len + tlv;
}

static void version_2(void **state) {
  static const uint8_t four[12] = {203, 0, 113, 9, 127, 0, 0, 1, 1, 2, 3, 4};
  static const uint8_t six[36] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 7};
  static const uint8_t any[36] = {0};
  uint8_t b[2000];
  (void)state;
  check_good(b, v2(b, 0x21, 0x11, four, 12, 0), "203.0.113.9");
  check_good(b, v2(b, 0x21, 0x11, four, 12, 100), "203.0.113.9");
  check_good(b, v2(b, 0x21, 0x21, six, 36, 3), "2001:db8::1:0:0:7");
  check_good(b, v2(b, 0x21, 0x21, any, 36, 0), "::");
  check_good(b, v2(b, 0x20, 0x00, NULL, 0, 0), "");
  check_good(b, v2(b, 0x20, 0x11, four, 12, 0), "");
  check_good(b, v2(b, 0x21, 0x00, NULL, 0, 7), "");
  check_good(b, v2(b, 0x21, 0x31, NULL, 0, 216), "");
}

static void version_2_refused(void **state) {
  static const uint8_t four[12] = {203, 0, 113, 9, 127, 0, 0, 1, 1, 2, 3, 4};
  uint8_t b[2000];
  (void)state;
  assert_int_equal(parse(b, v2(b, 0x11, 0x11, four, 12, 0)), IMP_ERR_MALFORMED);
  assert_int_equal(parse(b, v2(b, 0x22, 0x11, four, 12, 0)), IMP_ERR_MALFORMED);
  assert_int_equal(parse(b, v2(b, 0x21, 0x12, four, 12, 0)), IMP_ERR_MALFORMED);
  assert_int_equal(parse(b, v2(b, 0x21, 0x11, four, 11, 0)), IMP_ERR_MALFORMED);
  assert_int_equal(parse(b, v2(b, 0x21, 0x21, four, 12, 0)), IMP_ERR_MALFORMED);
  v2(b, 0x21, 0x11, four, 12, 1100); /* refused before it is all here */
  assert_int_equal(parse(b, 16), IMP_ERR_MALFORMED);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(version_1),
    cmocka_unit_test(version_1_refused),
    cmocka_unit_test(version_2),
    cmocka_unit_test(version_2_refused),
  };
  return unit_run("stream_proxy", tests);
}
