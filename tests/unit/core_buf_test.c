#include "alloc_fail.h"

#include <string.h>

#include "core/arena.h"
#include "core/buf.h"

static void reset_buf(void *buf) { imp_buf_reset(buf); }
static void reset_arena(void *arena) { imp_arena_reset(arena); }

static void appends_up_to_the_maximum(void **state) {
  static imp_buf buf;
  (void)state;
  imp_buf_init(&buf, 10);
  unit_own(reset_buf, &buf);
  assert_int_equal(imp_buf_append_str(&buf, "12345"), IMP_OK);
  assert_int_equal(imp_buf_append_str(&buf, "678901"), IMP_ERR_TOO_BIG);
  assert_int_equal(imp_buf_len(&buf), 5);
  assert_int_equal(imp_buf_append_str(&buf, "67890"), IMP_OK);
  assert_string_equal((char *)imp_buf_data(&buf), "1234567890");
  assert_int_equal(imp_buf_append(&buf, NULL, 0), IMP_OK);
  assert_int_equal(imp_buf_append_str(&buf, "x"), IMP_ERR_TOO_BIG);
}

static void consumed_room_is_used_again(void **state) {
  static imp_buf buf;
  (void)state;
  imp_buf_init(&buf, 300);
  unit_own(reset_buf, &buf);
  for (int i = 0; i < 1000; i++) {
    char piece[8] = {'a', 'b', 'c', 'd', 'e', 'f', (char)('0' + i % 10), 0};
    assert_int_equal(imp_buf_append(&buf, piece, 7), IMP_OK);
    if (imp_buf_len(&buf) > 280) {
      assert_memory_equal(imp_buf_data(&buf), "abcdef", 6);
      imp_buf_consume(&buf, 7 * 20);
    }
  }
  assert_true(buf.cap <= 301);
}

static void keeps_what_it_has_when_memory_fails(void **state) {
  static imp_buf buf;
  char big[1000];
  (void)state;
  memset(big, 'x', sizeof big);
  imp_buf_init(&buf, 100000);
  unit_own(reset_buf, &buf);
  assert_int_equal(imp_buf_append_str(&buf, "first"), IMP_OK);
  int rv = imp_buf_append(&buf, big, sizeof big);
  assert_true(rv == IMP_OK || (rv == IMP_ERR_NOMEM && unit_alloc_failed()));
  assert_int_equal(imp_buf_len(&buf), rv == IMP_OK ? 1005 : 5);
  assert_memory_equal(imp_buf_data(&buf), "first", 5);
}

static void reserve_and_commit(void **state) {
  static imp_buf buf;
  int err;
  (void)state;
  imp_buf_init(&buf, 1000);
  unit_own(reset_buf, &buf);
  uint8_t *to = imp_buf_reserve(&buf, 1000, &err);
  assert_non_null(to);
  memcpy(to, "hello", 5);
  imp_buf_commit(&buf, 5);
  assert_string_equal((char *)imp_buf_data(&buf), "hello");
  assert_null(imp_buf_reserve(&buf, 996, &err));
  assert_int_equal(err, IMP_ERR_TOO_BIG);
  assert_null(imp_buf_reserve(&buf, SIZE_MAX, &err));
  assert_int_equal(err, IMP_ERR_TOO_BIG);
}

static void arena_aligns_and_copies(void **state) {
  static imp_arena arena;
  (void)state;
  imp_arena_init(&arena, NULL, 0);
  unit_own(reset_arena, &arena);
  for (size_t i = 0; i < 300; i++) {
    char *s = imp_arena_strndup(&arena, "abcdefgh", i % 9);
    uint64_t *n = imp_arena_alloc(&arena, sizeof *n);
    assert_non_null(s);
    assert_non_null(n);
    assert_int_equal((uintptr_t)n % 8, 0);
    *n = i;
    assert_int_equal(strlen(s), i % 9);
  }
  assert_true(arena.total > 300 * 8 && arena.total < 32768);
}

static void arena_starts_in_given_memory(void **state) {
  static imp_arena arena;
  uint64_t first[8];
  (void)state;
  imp_arena_init(&arena, first, sizeof first);
  unit_own(reset_arena, &arena);
  assert_ptr_equal(imp_arena_alloc(&arena, 60), first);
  assert_int_equal(arena.total, 0);
  void *big = imp_arena_alloc(&arena, 100000); /* a block of its own ... */
  assert_non_null(big);
  memset(big, 1, 100000);
  char *small = imp_arena_bytes(&arena, 4); /* ... and the first memory is still used */
  assert_ptr_equal(small, (char *)first + 60);
  assert_null(imp_arena_alloc(&arena, SIZE_MAX));
  assert_null(imp_arena_strndup(&arena, "", SIZE_MAX));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(appends_up_to_the_maximum), cmocka_unit_test(consumed_room_is_used_again),
      cmocka_unit_test(keeps_what_it_has_when_memory_fails), cmocka_unit_test(reserve_and_commit),
      cmocka_unit_test(arena_aligns_and_copies), cmocka_unit_test(arena_starts_in_given_memory),
  };
  return unit_run("core_buf", tests);
}
