#include "alloc_fail.h"

#include <stdio.h>
#include <string.h>

#include "core/codec.h"
#include "core/log.h"
#include "core/mem.h"

static void base64_vectors(void **state) { /* RFC 4648 §10 */
  static const char *const plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
  static const char *const coded[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
  (void)state;
  for (size_t i = 0; i < IMP_ARRAY_LEN(plain); i++) {
    char text[IMP_BASE64_LEN(6)];
    uint8_t bytes[9];
    size_t len = 99;
    assert_int_equal(imp_base64_encode(text, plain[i], i), strlen(coded[i]));
    assert_string_equal(text, coded[i]);
    assert_int_equal(imp_base64_decode(bytes, &len, coded[i], strlen(coded[i])), IMP_OK);
    assert_int_equal(len, i);
    assert_memory_equal(bytes, plain[i], i);
  }
}

static void base64_every_byte(void **state) {
  uint8_t all[256], back[258];
  char text[IMP_BASE64_LEN(256)];
  size_t len;
  (void)state;
  for (int i = 0; i < 256; i++) {
    all[i] = (uint8_t)i;
  }
  imp_base64_encode(text, all, 256);
  assert_int_equal(imp_base64_decode(back, &len, text, strlen(text)), IMP_OK);
  assert_int_equal(len, 256);
  assert_memory_equal(back, all, 256);
  assert_int_equal(imp_base64url_encode(text, "\xfb\xff", 2), 3);
  assert_string_equal(text, "-_8");
}

static void base64_is_strict(void **state) {
  static const char *const bad[] = {"Z",    "Zg",       "Zg=",      "Zg= ",     "Z===",    "====", "Zh==",
                                    "Zm9=", "Zg==Zg==", "Zm 9v===", "Zm-_", "Zm9v\n\n\n\n", "=m9v"};
  uint8_t bytes[16];
  size_t len;
  (void)state;
  for (size_t i = 0; i < IMP_ARRAY_LEN(bad); i++) {
    assert_int_equal(imp_base64_decode(bytes, &len, bad[i], strlen(bad[i])), IMP_ERR_MALFORMED);
  }
}

static void utf8(void **state) {
  static const char *const good[] = {"", "plain ascii, long", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                                     "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf", "12345678\xc3\xa9"};
  static const char *const bad[] = {"\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf0\x80\x80\xaf",
                                    "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3", "\xe2\x82", "\xf0\x9f\x98",
                                    "\xe2\x28\xa1", "\xff", "12345678\xff", "\xf0\x9f\x28\x80"};
  (void)state;
  for (size_t i = 0; i < IMP_ARRAY_LEN(good); i++) {
    assert_true(imp_utf8_valid(good[i], strlen(good[i])));
  }
  for (size_t i = 0; i < IMP_ARRAY_LEN(bad); i++) {
    assert_false(imp_utf8_valid(bad[i], strlen(bad[i])));
  }
}

static void datetimes(void **state) {
  char text[IMP_DATETIME_LEN];
  imp_wallclock t;
  (void)state;
  imp_datetime_format(text, 0);
  assert_string_equal(text, "1970-01-01T00:00:00.000Z");
  imp_datetime_format(text, UINT64_C(951782399999)); /* before the leap day of 2000 */
  assert_string_equal(text, "2000-02-28T23:59:59.999Z");
  imp_datetime_format(text, UINT64_C(951782400000));
  assert_string_equal(text, "2000-02-29T00:00:00.000Z");
  assert_int_equal(imp_datetime_parse(&t, "1969-07-21T02:56:15Z"), IMP_ERR_RANGE);
  assert_int_equal(imp_datetime_parse(&t, "2026-01-31T23:59:59.5-02:30"), IMP_OK);
  imp_datetime_format(text, t);
  assert_string_equal(text, "2026-02-01T02:29:59.500Z");
  for (imp_wallclock day = 0; day < 80000; day += 13) {
    imp_wallclock want = day * 86400000 + day;
    imp_datetime_format(text, want);
    assert_int_equal(imp_datetime_parse(&t, text), IMP_OK);
    assert_int_equal(t, want);
  }
}

static void bad_datetimes(void **state) {
  static const char *const bad[] = {"", "2026", "2026-01-31", "2026-01-31T23:59:59", "2026-02-29T00:00:00Z",
                                    "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z",
                                    "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z",
                                    "2026-01-01T00:00:00Zx", "2026-01-01T00:00:00+1:00", "26-01-01T00:00:00Z",
                                    "2026-01-01 00:00:00Z", "2026-01-01T00:00:00+24:00", "1900-02-29T00:00:00Z"};
  imp_wallclock t;
  (void)state;
  for (size_t i = 0; i < IMP_ARRAY_LEN(bad); i++) {
    assert_int_equal(imp_datetime_parse(&t, bad[i]), IMP_ERR_MALFORMED);
  }
}

static void numbers(void **state) {
  static const char *const bad[] = {"", "-1", "+1", " 1", "1 ", "0x10", "1.0", "99999999999999999999999x"};
  uint32_t small;
  uint64_t big;
  char text[21];
  uint8_t bytes[8];
  (void)state;
  assert_int_equal(imp_parse_u32(&small, "4294967295"), IMP_OK);
  assert_int_equal(small, UINT32_MAX);
  assert_int_equal(imp_parse_u32(&small, "4294967296"), IMP_ERR_RANGE);
  assert_int_equal(imp_parse_u64(&big, "18446744073709551615"), IMP_OK);
  assert_true(big == UINT64_MAX);
  assert_int_equal(imp_parse_u64(&big, "18446744073709551616"), IMP_ERR_RANGE);
  for (size_t i = 0; i < IMP_ARRAY_LEN(bad); i++) {
    assert_int_equal(imp_parse_u64(&big, bad[i]), IMP_ERR_MALFORMED);
  }
  assert_int_equal(imp_format_u64(text, UINT64_MAX), 20);
  assert_string_equal(text, "18446744073709551615");
  assert_int_equal(imp_format_u64(text, 0), 1);
  assert_string_equal(text, "0");
  imp_put_be64(bytes, UINT64_C(0x0102030405060708));
  assert_memory_equal(bytes, "\1\2\3\4\5\6\7\10", 8);
  assert_true(imp_get_be64(bytes) == UINT64_C(0x0102030405060708));
  assert_int_equal(imp_get_be32(bytes), 0x01020304);
}

static void hex(void **state) {
  char text[9];
  (void)state;
  imp_hex_encode(text, "\x00\x7f\x80\xff", 4);
  assert_string_equal(text, "007f80ff");
}

static void take_line(void *user_data, imp_log_area area, imp_log_level level, const char *subject,
                      const char *text) {
  char *line = user_data;
  snprintf(line, 200, "%s %s [%s] %s", imp_log_area_name(area), imp_log_level_name(level), subject, text);
}

static void log_lines_are_lines(void **state) {
  char line[200] = "";
  imp_logger log = {take_line, line, IMP_LOG_INFO};
  (void)state;
  imp_log(&log, IMP_LOG_SASL, IMP_LOG_WARN, "a@b", "peer says %s", "evil\r\nline\x1b");
  assert_string_equal(line, "sasl warn [a@b] peer says evil??line?");
  imp_log(&log, IMP_LOG_RCC, IMP_LOG_INFO, NULL, "%d", 5);
  assert_string_equal(line, "rcc info [] 5");
  imp_log(&log, IMP_LOG_CORE, IMP_LOG_DEBUG, "", "not shown");
  assert_string_equal(line, "rcc info [] 5");
  imp_log(NULL, IMP_LOG_CORE, IMP_LOG_ERROR, "", "nobody listens");
  assert_string_equal(imp_log_area_name((imp_log_area)99), "unknown");
  assert_string_equal(imp_log_level_name((imp_log_level)99), "unknown");
}

static void errors_are_cut(void **state) {
  char text[8] = "";
  (void)state;
  imp_set_error(text, sizeof text, "%s", "0123456789");
  assert_string_equal(text, "0123456");
  imp_set_error(NULL, 0, "nothing %d", 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(base64_vectors), cmocka_unit_test(base64_every_byte), cmocka_unit_test(base64_is_strict),
      cmocka_unit_test(utf8),           cmocka_unit_test(datetimes),         cmocka_unit_test(bad_datetimes),
      cmocka_unit_test(numbers),        cmocka_unit_test(hex),               cmocka_unit_test(log_lines_are_lines),
      cmocka_unit_test(errors_are_cut),
  };
  return unit_run("core_codec", tests);
}
