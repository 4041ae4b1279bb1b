/*
 * Runs unit tests, and runs each again with every allocation of the library failing in turn.
 *
 *   static void adds(void **state) {
 *     static imp_buf buf;
 *     (void)state;
 *     imp_buf_init(&buf, 100);
 *     unit_own(reset_buf, &buf);                       // released however the test ends
 *     assert_int_equal(imp_buf_append(&buf, "a", 1), IMP_OK);
 *   }
 *   int main(void) {
 *     const struct CMUnitTest tests[] = {cmocka_unit_test(adds)};
 *     return unit_run("core_buf", tests);
 *   }
 *
 * First cmocka runs the tests as it always does.  Then each test runs once per allocation, in a child process, with
 * that one allocation failing: an assertion that fails after the failure was injected just ends the run (the test
 * says what happens when memory is there), but a crash, a sanitizer's finding or a hang is an error.  Leaks of the
 * library's memory are errors too in runs whose test returned normally, and, in a test that gives everything it makes to
 * unit_own(), in all runs.
 */
#ifndef IMP_UNIT_ALLOC_FAIL_H
#define IMP_UNIT_ALLOC_FAIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Runs the tests; returns what main() should return. */
#define unit_run(name, tests) unit_run_tests(name, tests, sizeof(tests) / sizeof((tests)[0]))
int unit_run_tests(const char *name, const struct CMUnitTest *tests, size_t count);

/* Calls release(object) when the test ends, in whatever way; last come, first served. At most 64 a test.
   It runs after the test function: `object` is memory from the heap or static, never a local of the test. */
void unit_own(void (*release)(void *object), void *object);

/* In a test whose reruns would tell nothing (many thousand rounds of the same): no rerun with failing allocations. */
void unit_skip_alloc_fail(void);

/* Non-zero in a rerun once the allocation has failed: an error IMP_ERR_NOMEM is now to be expected. */
int unit_alloc_failed(void);

#endif
