/* Servers that send too much, too little, too slowly or nonsense. */
#include "curl_kit.h"

#include <string.h>

#define GET(answer, path, ...) curl_kit_get(answer, (imp_http_request){.url = curl_kit_url("plain", path), __VA_ARGS__}, NULL)

static curl_kit_answer a;

static void long_bodies(void **state) {
  (void)state;
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  GET(&a, "big/60000", .body_max = 60000);
  assert_int_equal(a.status, IMP_OK);
  assert_int_equal(a.len, 60000);
  GET(&a, "big/60001", .body_max = 60000);
  assert_int_equal(a.status, IMP_ERR_TOO_BIG);
  GET(&a, "big/1073741824", .body_max = 60000); /* its length is told beforehand */
  assert_int_equal(a.status, IMP_ERR_TOO_BIG);
  assert_true(curl_kit_stats().bytes_in < 1000000);
}

static void endless_bodies(void **state) {
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  GET(&a, "endless", .body_max = 60000);
  assert_int_equal(a.status, IMP_ERR_TOO_BIG);
  GET(&a, "bomb/1000", .body_max = 60000);
  assert_int_equal(a.status, IMP_ERR_TOO_BIG);
  GET(&a, "empty-blocks", .body_max = 60000);
  assert_int_equal(a.status, IMP_ERR_TOO_BIG);
  GET(&a, "endless-denial", .body_max = 60000, .auth = IMP_HTTP_AUTH_DIGEST, .username = "julia", .secret = "secret");
  assert_int_equal(a.status, IMP_ERR_TOO_BIG);
}

static void long_heads(void **state) {
  static const char *const bad[] = {"fields/70000", "endless-fields", "endless-hints"};
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  GET(&a, "fields/40000");
  assert_int_equal(a.status, IMP_OK);
  for (size_t i = 0; i < 3; i++) {
    GET(&a, bad[i]);
    assert_int_equal(a.status, IMP_ERR_TOO_BIG);
  }
}

static void wrong_encodings(void **state) {
  static const char *const bad[] = {"encoded/br",       "encoded/zstd",         "encoded/gzip,gzip",
                                    "broken-gzip",      "transfer/gzip,chunked", "transfer/zstd",
                                    "encoded/x-unheard"};
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    GET(&a, bad[i], .body_max = 60000);
    assert_int_equal(a.status, IMP_ERR_UNAVAILABLE);
    assert_string_not_equal(a.error, "");
  }
}

static void cut_answers(void **state) {
  static const char *const bad[] = {"cut", "cut-chunk", "garbage", "nothing"};
  (void)state;
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  for (size_t i = 0; i < 4; i++) {
    GET(&a, bad[i]);
    assert_int_equal(a.status, IMP_ERR_UNAVAILABLE);
    assert_string_not_equal(a.error, "");
  }
  assert_int_equal(curl_kit_stats().failures, 4);
}

static void silence_ends(void **state) {
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  imp_tstamp begin = uv_hrtime();
  GET(&a, "silent", .idle_timeout = 200, .stream = 1);
  assert_int_equal(a.status, IMP_ERR_TIMEOUT);
  assert_int_equal(a.streamed, 5);
  assert_true(uv_hrtime() - begin >= 200 * IMP_MILLISECONDS);
  assert_true(uv_hrtime() - begin < 2 * IMP_SECONDS);
  assert_string_equal(a.error, "the server fell silent");
  GET(&a, "events/8/60", .idle_timeout = 200, .stream = 1); /* longer than that, but never silent so long */
  assert_int_equal(a.status, IMP_OK);
  GET(&a, "slow/400", .idle_timeout = 200); /* it counts from the first byte on */
  assert_int_equal(a.status, IMP_OK);
}

static void no_answer_to_the_connection(void **state) {
  imp_curl_options options = {.size = sizeof options, .connect_timeout = 200};
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(curl_kit_open(&options), IMP_OK);
  char url[64];
  snprintf(url, sizeof url, "https%s", strchr(curl_kit_url("mute", ""), ':'));
  curl_kit_get(&a, (imp_http_request){.url = url}, NULL);
  assert_int_equal(a.status, IMP_ERR_UNAVAILABLE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(long_bodies),     cmocka_unit_test(endless_bodies), cmocka_unit_test(long_heads),
      cmocka_unit_test(wrong_encodings), cmocka_unit_test(cut_answers),    cmocka_unit_test(silence_ends),
      cmocka_unit_test(no_answer_to_the_connection),
  };
  return kit_run("curl_bounds", tests);
}
