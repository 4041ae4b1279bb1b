#include "alloc_fail.h"

#include <string.h>

#include "core/mem.h"

static void refuses_missing_functions(void **state) {
  (void)state;
  assert_int_equal(imp_replace_allocator(NULL, NULL, NULL, NULL), IMP_ERR_INVALID_ARGUMENT);
}

static void zero_sizes_are_not_failures(void **state) {
  (void)state;
  void *p = imp_malloc(0);
  unit_own(imp_free, p);
  void *q = imp_calloc(0, 8);
  unit_own(imp_free, q);
  assert_non_null(p);
  assert_non_null(q);
}

static void overflow_is_null(void **state) {
  (void)state;
  assert_null(imp_calloc(SIZE_MAX / 2, 3));
  assert_null(imp_strndup("", SIZE_MAX));
}

static void copies(void **state) {
  (void)state;
  char *s = imp_strdup("abc");
  unit_own(imp_free, s);
  char *n = imp_strndup("abcdef", 2);
  unit_own(imp_free, n);
  void *m = imp_memdup("a\0b", 3);
  unit_own(imp_free, m);
  assert_non_null(s);
  assert_non_null(n);
  assert_non_null(m);
  assert_string_equal(s, "abc");
  assert_string_equal(n, "ab");
  assert_memory_equal(m, "a\0b", 3);
}

static void compares_and_wipes(void **state) {
  char secret[] = "secret";
  (void)state;
  assert_true(imp_memeq_ct("abc", "abc", 3));
  assert_false(imp_memeq_ct("abc", "abd", 3));
  assert_true(imp_memeq_ct("x", "y", 0));
  imp_wipe(secret, 3);
  assert_memory_equal(secret, "\0\0\0ret", 7);
  imp_wipe(NULL, 5);
  imp_free_secret(NULL, 5);
}

static void names_errors(void **state) {
  (void)state;
  assert_string_equal(imp_strerror(IMP_ERR_RANGE), "setting out of range");
  assert_string_equal(imp_error_name(IMP_ERR_CORRUPT), "IMP_ERR_CORRUPT");
  assert_string_equal(imp_strerror(-9999), "unknown error");
  assert_string_equal(imp_error_name(5), "IMP_ERR_UNKNOWN");
  for (int e = IMP_ERR_NOMEM; e <= IMP_ERR_INVALID_ARGUMENT; e++) {
    assert_string_not_equal(imp_strerror(e), "unknown error");
    assert_false(imp_error_is_fatal(e));
  }
  assert_true(imp_error_is_fatal(IMP_ERR_CLOSED));
  assert_string_equal(imp_version(), IMP_VERSION);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(refuses_missing_functions), cmocka_unit_test(zero_sizes_are_not_failures),
      cmocka_unit_test(overflow_is_null),          cmocka_unit_test(copies),
      cmocka_unit_test(compares_and_wipes),        cmocka_unit_test(names_errors),
  };
  return unit_run("core_mem", tests);
}
