/* Responses: what an HTTP adapter feeds, what comes of it. */
#include "alloc_fail.h"

#include <string.h>

#include <imp/sys/http.h>
#include <imp/sys/op.h>

static struct {
  imp_ops *ops;
  int ran, status;
  uint32_t code;
  char type[32], body[64], error[300], first[16];
  size_t len;
} seen;

static void close_ops(void *unused) {
  (void)unused;
  imp_ops_del(seen.ops);
}

static int setup(void **state) {
  (void)state;
  memset(&seen, 0, sizeof seen);
  return 0;
}

static void keep(char *dst, size_t cap, const char *s) {
  strncpy(dst, s != NULL ? s : "(none)", cap - 1);
}

static void on_done(imp_op *op, int status, void *user_data) {
  const char *name, *value;
  (void)user_data;
  seen.ran++;
  seen.status = status;
  seen.code = imp_http_get_status(op);
  keep(seen.type, sizeof seen.type, imp_http_get_header(op, "content-type"));
  keep(seen.body, sizeof seen.body, imp_http_get_body(op, &seen.len));
  keep(seen.error, sizeof seen.error, imp_http_get_error(op));
  if (imp_http_get_field(op, 0, &name, &value) == IMP_OK) {
    keep(seen.first, sizeof seen.first, name);
  }
}

static imp_op *new_request(uint64_t body_max, imp_http_body_fn fn, void *user_data) {
  assert_int_equal(imp_ops_new(&seen.ops), IMP_OK);
  unit_own(close_ops, NULL);
  imp_op *op = imp_ops_add(seen.ops, on_done, NULL);
  assert_non_null(op);
  int rv = imp_http_expect(op, body_max, fn, user_data);
  imp_ops_started(op, IMP_ERR_PENDING);
  if (rv != IMP_OK) {
    imp_op_done(op, rv);
  }
  assert_int_equal(rv, IMP_OK);
  return op;
}

static int header(imp_op *op, const char *name, const char *value) {
  return imp_http_header(op, name, strlen(name), value, strlen(value));
}

static void a_whole_response(void **state) {
  (void)state;
  imp_op *op = new_request(64, NULL, NULL);
  assert_int_equal(header(op, "Early", "x"), IMP_ERR_STATE);
  assert_int_equal(imp_http_body(op, "x", 1), IMP_ERR_STATE);
  assert_int_equal(imp_http_status(op, 42), IMP_ERR_INVALID_ARGUMENT);
  assert_int_equal(imp_http_status(op, 100), IMP_OK);
  assert_int_equal(imp_http_status(op, 401), IMP_OK);
  int rv = header(op, "WWW-Authenticate", "NTLM");
  rv = rv == IMP_OK ? imp_http_status(op, 200) : rv;
  rv = rv == IMP_OK ? header(op, "Content-Type", "  text/xml \r\n") : rv;
  rv = rv == IMP_OK ? imp_http_body(op, "hel", 3) : rv;
  rv = rv == IMP_OK ? imp_http_body(op, "lo", 2) : rv;
  imp_op_done(op, IMP_OK);
  imp_ops_run(seen.ops);
  assert_int_equal(rv, IMP_OK);
  assert_int_equal(seen.status, IMP_OK);
  assert_int_equal(seen.code, 200);
  assert_string_equal(seen.type, "text/xml");
  assert_string_equal(seen.first, "Content-Type");
  assert_string_equal(seen.body, "hello");
  assert_int_equal(seen.len, 5);
}

static void no_response(void **state) {
  (void)state;
  imp_op *op = new_request(0, NULL, NULL);
  imp_http_error(op, "no such host:\nexample");
  imp_op_done(op, IMP_ERR_UNAVAILABLE);
  imp_ops_run(seen.ops);
  assert_int_equal(seen.status, IMP_ERR_UNAVAILABLE);
  assert_int_equal(seen.code, 0);
  assert_string_equal(seen.error, "no such host: example");
  assert_string_equal(seen.body, "");
  assert_string_equal(seen.type, "(none)");
}

static void bounds(void **state) {
  static char big[IMP_HTTP_HEADERS_MAX];
  (void)state;
  memset(big, 'a', sizeof big);
  imp_op *op = new_request(5, NULL, NULL);
  int rv = imp_http_status(op, 200);
  int field = imp_http_header(op, "a", 1, big, sizeof big);
  int body = imp_http_body(op, "123", 3);
  int more = imp_http_body(op, "456", 3);
  imp_op_done(op, more);
  imp_ops_run(seen.ops);
  assert_int_equal(rv, IMP_OK);
  assert_int_equal(field, IMP_ERR_TOO_BIG);
  assert_int_equal(body, IMP_OK);
  assert_int_equal(more, IMP_ERR_TOO_BIG);
  assert_int_equal(seen.status, IMP_ERR_TOO_BIG);
}

static int on_piece(imp_op *op, const void *data, size_t len, void *user_data) {
  char *text = user_data;
  (void)op;
  strncat(text, data, len);
  return memchr(data, '!', len) != NULL ? IMP_ERR_MALFORMED : IMP_OK;
}

static void a_stream(void **state) {
  static char text[32];
  (void)state;
  text[0] = '\0';
  imp_op *op = new_request(0, on_piece, text);
  int rv = imp_http_status(op, 200);
  rv = rv == IMP_OK ? imp_http_body(op, "ab", 2) : rv;
  rv = rv == IMP_OK ? imp_http_body(op, "c", 1) : rv;
  int bad = imp_http_body(op, "!", 1);
  imp_op_done(op, bad);
  imp_ops_run(seen.ops);
  assert_int_equal(rv, IMP_OK);
  assert_int_equal(bad, IMP_ERR_MALFORMED);
  assert_string_equal(text, "abc!");
  assert_int_equal(seen.len, 0);
}

static void nobody_waits(void **state) {
  (void)state;
  imp_op *op = new_request(0, NULL, NULL);
  int rv = imp_http_status(op, 200);
  imp_ops_del(seen.ops);
  seen.ops = NULL;
  int late = imp_http_body(op, "x", 1);
  imp_http_error(op, "late");
  imp_op_done(op, IMP_OK);
  assert_int_equal(rv, IMP_OK);
  assert_int_equal(late, IMP_ERR_CANCELLED);
  assert_int_equal(seen.ran, 0);
}

static void lost_memory_ends_it(void **state) {
  (void)state;
  imp_op *op = new_request(0, NULL, NULL);
  int status = imp_http_status(op, 200), name = header(op, "A", "b"), body = imp_http_body(op, "x", 1);
  imp_op_done(op, IMP_OK);
  imp_ops_run(seen.ops);
  assert_int_equal(status, IMP_OK);
  assert_int_equal(seen.status, name == IMP_OK ? body : name);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(a_whole_response, setup), cmocka_unit_test_setup(no_response, setup),
      cmocka_unit_test_setup(bounds, setup),           cmocka_unit_test_setup(a_stream, setup),
      cmocka_unit_test_setup(nobody_waits, setup),     cmocka_unit_test_setup(lost_memory_ends_it, setup),
  };
  return unit_run("port_http", tests);
}
