#include "alloc_fail.h"

#include <string.h>

#include "core/mem.h"
#include "port/op.h"

typedef struct seen {
  int ran, status;
  size_t rows;
  char last_value[16];
  imp_op *op;
} seen;

static struct {
  imp_heap heap;
  imp_op_queue queue;
  int wakes;
} host;

static void on_wake(void *ctx) { ++*(int *)ctx; }

static void close_host(void *unused) {
  (void)unused;
  imp_op_queue_close(&host.queue);
  imp_heap_reset(&host.heap);
}

static int setup(void **state) {
  (void)state;
  imp_heap_init(&host.heap);
  host.wakes = 0;
  imp_op_queue_init(&host.queue, &host.heap, on_wake, &host.wakes);
  return 0;
}

static void on_done(imp_op *op, int status, void *ctx) {
  seen *s = ctx;
  s->ran++;
  s->status = status;
  s->rows = imp_op_row_count(op);
  if (s->rows > 0) {
    const imp_op_row *row = imp_op_row_at(op, s->rows - 1);
    assert_int_equal(((const char *)row->value)[row->valuelen], '\0');
    memcpy(s->last_value, row->value, row->valuelen + 1);
  }
}

static imp_op *new_op(seen *s, imp_tstamp deadline) {
  unit_own(close_host, NULL);
  imp_op *op = imp_op_new(&host.queue, on_done, s, deadline);
  assert_non_null(op);
  s->op = op;
  return op;
}

static imp_op *kept;

static void answer_late(void *unused) {
  (void)unused;
  if (kept != NULL) {
    imp_op_done(kept, IMP_OK);
    kept = NULL;
  }
}

static void finished_at_once(void **state) {
  seen s = {0};
  (void)state;
  imp_op *op = new_op(&s, 100);
  assert_int_equal(imp_op_deadline(op), 100);
  int rv = imp_op_add_row(op, "k", 1, "value", 5);
  assert_true(rv == IMP_OK || unit_alloc_failed());
  imp_op_done(op, IMP_OK);
  assert_int_equal(s.ran, 0); /* never at once: only at the end of the turn */
  imp_op_started(op, IMP_OK);
  assert_int_equal(host.wakes, 1);
  assert_int_equal(imp_op_queue_run(&host.queue), 1);
  assert_int_equal(s.ran, 1);
  assert_int_equal(s.status, rv);
  if (rv == IMP_OK) {
    assert_string_equal(s.last_value, "value");
  }
  assert_int_equal(host.queue.pending, 0);
  assert_int_equal(host.heap.count, 0);
}

static void finished_later(void **state) {
  seen s = {0};
  int mark;
  (void)state;
  imp_op *op = new_op(&s, IMP_TSTAMP_NEVER);
  imp_op_started(op, IMP_ERR_PENDING);
  imp_op_set_user_data(op, &mark);
  assert_ptr_equal(imp_op_get_user_data(op), &mark);
  assert_int_equal(imp_op_queue_run(&host.queue), 0);
  assert_int_equal(host.queue.pending, 1);
  imp_op_done(op, IMP_ERR_NOT_FOUND);
  imp_op_queue_run(&host.queue);
  assert_int_equal(s.status, IMP_ERR_NOT_FOUND);
  assert_int_equal(s.ran, 1);
}

static void an_error_from_the_callback_finishes(void **state) {
  seen s = {0};
  (void)state;
  imp_op_started(new_op(&s, 5), IMP_ERR_UNAVAILABLE);
  imp_op_queue_run(&host.queue);
  assert_int_equal(s.status, IMP_ERR_UNAVAILABLE);
}

static void many_rows(void **state) {
  seen s = {0};
  (void)state;
  imp_op *op = new_op(&s, 5);
  int rv = IMP_OK;
  for (int i = 0; i < 100; i++) {
    char value[2] = {(char)('a' + i % 26), 0};
    int one = imp_op_add_row(op, &i, sizeof i, value, 1);
    rv = rv == IMP_OK ? one : rv;
  }
  imp_op_done(op, IMP_OK);
  imp_op_started(op, IMP_OK);
  imp_op_queue_run(&host.queue);
  assert_int_equal(s.status, rv); /* a lost row is an error, whatever the host says */
  assert_true(rv == IMP_ERR_NOMEM || s.rows == 100);
  assert_true(rv == IMP_OK || unit_alloc_failed());
}

static void cancelled_then_done(void **state) {
  seen s = {0};
  (void)state;
  imp_op *op = new_op(&s, 50);
  imp_op_started(op, IMP_ERR_PENDING);
  assert_false(imp_op_is_cancelled(op));
  imp_op_cancel(op);
  assert_true(imp_op_is_cancelled(op));
  assert_int_equal(host.heap.count, 0);
  assert_int_equal(imp_op_add_row(op, "k", 1, "v", 1), IMP_OK);
  imp_op_done(op, IMP_OK);
  assert_int_equal(imp_op_queue_run(&host.queue), 0);
  assert_int_equal(s.ran, 0);
  assert_int_equal(host.queue.pending, 0);
  imp_op_cancel(NULL);
}

static void done_then_cancelled(void **state) {
  seen s = {0};
  (void)state;
  imp_op *op = new_op(&s, 50);
  imp_op_started(op, IMP_ERR_PENDING);
  imp_op_done(op, IMP_OK);
  imp_op_cancel(op);
  assert_int_equal(imp_op_queue_run(&host.queue), 0);
  assert_int_equal(s.ran, 0);
}

static void deadline_passes(void **state) {
  seen s = {0};
  (void)state;
  imp_op *op = new_op(&s, 50);
  imp_op_started(op, IMP_ERR_PENDING);
  imp_heap_run(&host.heap, 49);
  assert_int_equal(imp_op_queue_run(&host.queue), 0);
  imp_heap_run(&host.heap, 50);
  assert_true(imp_op_is_cancelled(op));
  imp_op_queue_run(&host.queue);
  assert_int_equal(s.status, IMP_ERR_TIMEOUT);
  assert_int_equal(host.queue.pending, 1);
  assert_int_equal(imp_op_add_row(op, "late", 4, "x", 1), IMP_OK);
  imp_op_done(op, IMP_OK); /* late: safe and ignored */
  imp_op_queue_run(&host.queue);
  assert_int_equal(s.ran, 1);
  assert_int_equal(host.queue.pending, 0);
}

static void done_between_deadline_and_end_of_turn(void **state) {
  seen s = {0};
  (void)state;
  imp_op *op = new_op(&s, 50);
  imp_op_started(op, IMP_ERR_PENDING);
  imp_heap_run(&host.heap, 60);
  imp_op_done(op, IMP_OK);
  imp_op_queue_run(&host.queue);
  assert_int_equal(s.status, IMP_ERR_TIMEOUT);
  assert_int_equal(s.ran, 1);
}

static void queue_closed_while_the_host_works(void **state) {
  seen s = {0}, t = {0};
  (void)state;
  kept = NULL;
  unit_own(answer_late, NULL);
  imp_op *op = kept = new_op(&s, 50);
  imp_op_started(op, IMP_ERR_PENDING);
  imp_op *finished = new_op(&t, 50);
  imp_op_started(finished, IMP_ERR_PENDING);
  imp_op_done(finished, IMP_OK);
  imp_op_queue_close(&host.queue);
  assert_int_equal(host.heap.count, 0);
  memset(&host.queue, 0xee, sizeof host.queue);
  assert_true(imp_op_is_cancelled(op));
  answer_late(NULL);
  assert_int_equal(s.ran + t.ran, 0);
  imp_op_queue_init(&host.queue, &host.heap, NULL, NULL);
}

static void chain(imp_op *op, int status, void *ctx) {
  int *left = ctx;
  (void)status;
  imp_op_cancel(op); /* from inside: nothing happens */
  if (--*left > 0) {
    imp_op *next = imp_op_new(&host.queue, chain, left, IMP_TSTAMP_NEVER);
    if (next != NULL) {
      imp_op_done(next, IMP_OK);
      imp_op_started(next, IMP_OK);
    }
  }
}

static void what_is_done_meanwhile_runs_too(void **state) {
  static int left;
  (void)state;
  left = 5;
  unit_own(close_host, NULL);
  imp_op *op = imp_op_new(&host.queue, chain, &left, IMP_TSTAMP_NEVER);
  assert_non_null(op);
  imp_op_done(op, IMP_OK);
  imp_op_started(op, IMP_OK);
  assert_int_equal(imp_op_queue_run(&host.queue), 5);
  assert_int_equal(host.wakes, 1);
}

static imp_credential keys_for(const char *hash) {
  static const uint8_t bytes[64] = {1, 2, 3};
  imp_credential c = {.size = sizeof c, .hash = hash, .iterations = 4096, .salt = bytes, .saltlen = 16,
                      .stored_key = bytes, .server_key = bytes + 1};
  return c;
}

static void credentials(void **state) {
  seen s = {0};
  imp_credential sha1 = keys_for("SHA-1"), sha256 = keys_for("SHA-256"), bad = keys_for("MD5");
  imp_credential clear = {.size = sizeof clear, .password = "secret"};
  (void)state;
  kept = NULL;
  unit_own(answer_late, NULL);
  imp_op *op = kept = new_op(&s, 50);
  imp_op_started(op, IMP_ERR_PENDING);
  assert_null(imp_op_credential(op, "SHA-1"));
  assert_int_equal(imp_op_set_credential(op, &bad), IMP_ERR_INVALID_ARGUMENT);
  bad = sha1;
  bad.iterations = 4095;
  assert_int_equal(imp_op_set_credential(op, &bad), IMP_ERR_RANGE);
  bad = sha1;
  bad.saltlen = 65;
  assert_int_equal(imp_op_set_credential(op, &bad), IMP_ERR_RANGE);
  bad.size = 8;
  assert_int_equal(imp_op_set_credential(op, &bad), IMP_ERR_INVALID_ARGUMENT);
  assert_int_equal(imp_op_set_credential(op, &sha1), IMP_OK);
  assert_null(imp_op_credential(op, "SHA-256"));
  assert_int_equal(imp_op_set_credential(op, &sha256), IMP_OK);
  assert_int_equal(imp_op_set_credential(op, &clear), IMP_OK);
  const imp_credential *got = imp_op_credential(op, "SHA-256");
  assert_string_equal(got->hash, "SHA-256");
  assert_memory_equal(got->server_key, sha256.server_key, 32);
  assert_ptr_not_equal(got->server_key, sha256.server_key);
  assert_string_equal(imp_op_credential(op, "SHA-512")->password, "secret");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(finished_at_once, setup),
      cmocka_unit_test_setup(finished_later, setup),
      cmocka_unit_test_setup(an_error_from_the_callback_finishes, setup),
      cmocka_unit_test_setup(many_rows, setup),
      cmocka_unit_test_setup(cancelled_then_done, setup),
      cmocka_unit_test_setup(done_then_cancelled, setup),
      cmocka_unit_test_setup(deadline_passes, setup),
      cmocka_unit_test_setup(done_between_deadline_and_end_of_turn, setup),
      cmocka_unit_test_setup(queue_closed_while_the_host_works, setup),
      cmocka_unit_test_setup(what_is_done_meanwhile_runs_too, setup),
      cmocka_unit_test_setup(credentials, setup),
  };
  return unit_run("port_op", tests);
}
