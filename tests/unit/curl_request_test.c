/*
 * Requests and answers as they should be, over HTTP and HTTPS.
 * packages: libcurl
 */
#include "curl_kit.h"

#include <curl/curl.h>
#include <string.h>

#define GET(answer, name, path, field, ...) curl_kit_get(answer, (imp_http_request){.url = curl_kit_url(name, path), __VA_ARGS__}, field)

static curl_kit_answer a;

static void a_whole_answer(void **state) {
  (void)state;
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  GET(&a, "plain", "hello?q=s3cret", "x-path", .affinity = "one");
  assert_int_equal(a.status, IMP_OK);
  assert_int_equal(a.code, 200);
  assert_string_equal(a.body, "hello");
  assert_string_equal(a.field, "/hello?q=s3cret");
  imp_curl_stats stats = curl_kit_stats();
  assert_int_equal(stats.requests, 1);
  assert_int_equal(stats.responses, 1);
  assert_int_equal(stats.connections, 1);
  assert_int_equal(stats.bytes_in, 5);
  assert_int_equal(stats.active + stats.waiting + stats.streams, 0);
  assert_non_null(strstr(kit.log, "http debug http://127.0.0.1:"));
  assert_non_null(strstr(kit.log, "/hello: 200, 0 bytes out, 5 in"));
  assert_null(strstr(kit.log, "s3cret"));
}

static void any_status_is_an_answer(void **state) {
  static const uint32_t codes[] = {404, 500, 503, 302, 401, 204, 304, 599};
  char path[32];
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
    snprintf(path, sizeof path, "status/%u", (unsigned)codes[i]);
    GET(&a, "plain", path, "Retry-After", .method = codes[i] == 204 || codes[i] == 304 ? "HEAD" : "GET");
    assert_int_equal(a.status, IMP_OK);
    assert_int_equal(a.code, codes[i]);
    assert_string_equal(a.field, "7");
  }
}

static void redirects_are_told(void **state) {
  (void)state;
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  GET(&a, "plain", "redirect/301", "location", .auth = IMP_HTTP_AUTH_BEARER, .secret = "t0ken");
  assert_int_equal(a.status, IMP_OK);
  assert_int_equal(a.code, 301);
  assert_string_equal(a.field, "http://elsewhere.invalid/");
  assert_int_equal(curl_kit_stats().connections, 1);
}

static void methods_fields_and_bodies(void **state) {
  static const imp_http_field fields[] = {{"Content-Type", "text/xml; charset=utf-8"}, {"Depth", "1"}, {"X-Empty", ""}};
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  GET(&a, "plain", "echo", NULL, .method = "REPORT", .fields = fields, .nfields = 3, .body = "<q>\0</q>", .bodylen = 8);
  assert_memory_equal(a.body, "REPORT /echo HTTP/1.1\n", 22);
  assert_non_null(strstr(a.body, "Content-Type: text/xml; charset=utf-8\n"));
  assert_non_null(strstr(a.body, "Depth: 1\n"));
  assert_non_null(strstr(a.body, "X-Empty: \n"));
  assert_non_null(strstr(a.body, "User-Agent: libimp/" IMP_VERSION "\n"));
  assert_non_null(strstr(a.body, "Accept-Encoding: gzip, deflate\n"));
  assert_non_null(strstr(a.body, "Content-Length: 8\n"));
  assert_memory_equal(a.body + a.len - 8, "<q>\0</q>", 8);

  GET(&a, "plain", "echo", NULL, .method = "POST");
  assert_non_null(strstr(a.body, "Content-Length: 0\n"));
  assert_null(strstr(a.body, "Content-Type"));

  GET(&a, "plain", "echo", NULL, .method = "PROPFIND");
  assert_memory_equal(a.body, "PROPFIND ", 9);
  assert_null(strstr(a.body, "Content-Length"));

  GET(&a, "plain", "echo", NULL, .method = "DELETE", .body = "x", .bodylen = 1);
  assert_memory_equal(a.body, "DELETE ", 7);

  GET(&a, "plain", "echo", "Content-Length", .method = "HEAD");
  assert_int_equal(a.code, 200);
  assert_int_equal(a.len, 0);
  assert_string_not_equal(a.field, "(none)");
}

/* Long enough for libcurl's "Expect: 100-continue", and for more than one write. */
static void a_long_body(void **state) {
  static char body[3000000];
  (void)state;
  unit_skip_alloc_fail();
  memset(body, 'b', sizeof body);
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  GET(&a, "tls", "echo", NULL, .method = "PUT", .body = body, .bodylen = sizeof body, .ca_file = curl_kit_ca());
  assert_int_equal(a.status, IMP_OK);
  assert_null(strstr(a.body, "Expect"));
  assert_true(a.len > sizeof body);
  assert_int_equal(curl_kit_stats().bytes_out, sizeof body);
}

static void early_answers_are_not_told(void **state) {
  (void)state;
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  GET(&a, "plain", "hints", "X-Early");
  assert_int_equal(a.code, 200);
  assert_string_equal(a.field, "(none)");
  assert_string_equal(a.body, "ok");
  GET(&a, "plain", "hints", "X-Late");
  assert_string_equal(a.field, "3");
}

static void odd_fields(void **state) {
  (void)state;
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  GET(&a, "plain", "folded", "x-folded");
  assert_int_equal(a.status, IMP_OK);
  assert_string_equal(a.field, "one  two\tthree");
  GET(&a, "plain", "folded", "x-empty");
  assert_string_equal(a.field, "");
}

static void encodings_are_undone(void **state) {
  static const char *const paths[] = {"gzip/hello-hello", "deflate/hello-hello"};
  (void)state;
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  for (size_t i = 0; i < 2; i++) {
    GET(&a, "plain", paths[i], "Content-Encoding", .body_max = 11);
    assert_int_equal(a.status, IMP_OK);
    assert_string_equal(a.body, "hello-hello");
  }
}

static void bodies_end_with_the_connection(void **state) {
  static const char *const names[] = {"plain", "tls"};
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  for (size_t i = 0; i < 2; i++) {
    GET(&a, names[i], "until-close", NULL, .ca_file = curl_kit_ca());
    assert_int_equal(a.status, IMP_OK);
    assert_string_equal(a.body, "until the end");
  }
  if (strstr(curl_version(), "GnuTLS") != NULL) { /* others do not tell */
    GET(&a, "tls", "until-close/rudely", NULL, .ca_file = curl_kit_ca()); /* anybody could have cut it */
    assert_int_equal(a.status, IMP_ERR_UNAVAILABLE);
  }
}

static void certificates_are_checked(void **state) {
  static const char *const bad[] = {"wrong_name", "expired", "self_signed"};
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  GET(&a, "tls", "hello", NULL, .ca_file = curl_kit_ca());
  assert_int_equal(a.status, IMP_OK);
  for (size_t i = 0; i < 3; i++) {
    GET(&a, bad[i], "hello", NULL, .ca_file = curl_kit_ca(), .auth = IMP_HTTP_AUTH_BEARER, .secret = "t0ken");
    assert_int_equal(a.status, IMP_ERR_DENIED);
    assert_int_equal(a.code, 0);
    assert_string_not_equal(a.error, "");
  }
  GET(&a, "tls", "hello", NULL, .affinity = "other"); /* the system does not trust it */
  assert_int_equal(a.status, IMP_ERR_DENIED);
  GET(&a, "tls", "hello", NULL, .ca_file = "/nonexistent.pem");
  assert_int_equal(a.status, IMP_ERR_DENIED);
  GET(&a, "old_tls", "hello", NULL, .ca_file = curl_kit_ca());
  assert_int_equal(a.status, IMP_ERR_UNAVAILABLE);
  assert_null(strstr(kit.log, "t0ken"));
}

/* A connection that was opened under one set of trust anchors is not used under another. */
static void trust_is_not_inherited(void **state) {
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  GET(&a, "tls", "hello", NULL, .ca_file = curl_kit_ca(), .affinity = "same");
  assert_int_equal(a.status, IMP_OK);
  GET(&a, "tls", "hello", NULL, .affinity = "same");
  assert_int_equal(a.status, IMP_ERR_DENIED);
}

static void what_cannot_be_sent(void **state) {
  static const imp_http_field bad[] = {{"Authorization", "Basic x"}, {"content-length", "7"}, {"X-A", "b\r\nX-C: d"},
                                       {"X A", "b"},                 {"", "b"},               {"X-A:", "b"}};
  static const char *const urls[] = {"ftp://127.0.0.1/", "http://u:p@127.0.0.1/", "file:///etc/passwd", "/path", "",
                                     "http://a b/",      "http://127.0.0.1:99999/"};
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    GET(&a, "plain", "hello", NULL, .fields = &bad[i], .nfields = 1);
    assert_int_equal(a.started, IMP_ERR_INVALID_ARGUMENT);
  }
  for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
    curl_kit_get(&a, (imp_http_request){.url = urls[i]}, NULL);
    assert_int_equal(a.started, IMP_ERR_INVALID_ARGUMENT);
    assert_string_not_equal(a.error, "");
  }
  GET(&a, "plain", "hello", NULL, .method = "GET / HTTP/1.1\r\nX: y");
  assert_int_equal(a.started, IMP_ERR_INVALID_ARGUMENT);
  GET(&a, "plain", "hello", NULL, .proxy = "http://user:password@proxy");
  assert_int_equal(a.started, IMP_ERR_INVALID_ARGUMENT);
  assert_null(strstr(a.error, "password"));
  assert_int_equal(curl_kit_stats().requests, 0);
}

static void nobody_there(void **state) {
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  curl_kit_get(&a, (imp_http_request){.url = "http://127.0.0.1:1/"}, NULL);
  assert_int_equal(a.status, IMP_ERR_UNAVAILABLE);
  curl_kit_get(&a, (imp_http_request){.url = "http://nowhere.invalid/"}, NULL);
  assert_int_equal(a.status, IMP_ERR_UNAVAILABLE);
  assert_non_null(strstr(a.error, "nowhere.invalid"));
  assert_non_null(strstr(kit.log, "http warn http://nowhere.invalid:80 "));
  assert_int_equal(curl_kit_stats().failures, 2);
}

static void options_are_checked(void **state) {
  static const struct {
    imp_curl_options options;
    int error;
    const char *text;
  } cases[] = {{{.max_requests = 10001}, IMP_ERR_RANGE, "max_requests is 10001"},
               {{.keep = 99}, IMP_ERR_RANGE, "keep"},
               {{.proxy = "ftp://proxy"}, IMP_ERR_INVALID_ARGUMENT, "proxy"},
               {{.proxy = "http://u:p@proxy"}, IMP_ERR_INVALID_ARGUMENT, "proxy"},
               {{.proxy_auth = IMP_HTTP_AUTH_BEARER}, IMP_ERR_INVALID_ARGUMENT, "proxy_auth"}};
  static uv_loop_t loop;
  imp_curl *curl;
  char text[128];
  (void)state;
  kit_reserve_descriptors();
  uv_loop_init(&loop);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    imp_curl_options options = cases[i].options;
    options.size = sizeof options;
    assert_int_equal(imp_curl_new(&curl, &loop, &options, text, sizeof text), cases[i].error);
    assert_non_null(strstr(text, cases[i].text));
  }
  assert_int_equal(imp_curl_new(NULL, &loop, NULL, NULL, 0), IMP_ERR_INVALID_ARGUMENT);
  imp_curl_del(NULL);
  assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_whole_answer),
      cmocka_unit_test(any_status_is_an_answer),
      cmocka_unit_test(redirects_are_told),
      cmocka_unit_test(methods_fields_and_bodies),
      cmocka_unit_test(a_long_body),
      cmocka_unit_test(early_answers_are_not_told),
      cmocka_unit_test(odd_fields),
      cmocka_unit_test(encodings_are_undone),
      cmocka_unit_test(bodies_end_with_the_connection),
      cmocka_unit_test(certificates_are_checked),
      cmocka_unit_test(trust_is_not_inherited),
      cmocka_unit_test(what_cannot_be_sent),
      cmocka_unit_test(nobody_there),
      cmocka_unit_test(options_are_checked),
  };
  return kit_run("curl_request", tests);
}
