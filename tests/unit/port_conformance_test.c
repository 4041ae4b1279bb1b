#include "alloc_fail.h"

#include <imp/store.h>
#include <imp/testkit.h>

static int open_store(void *user_data, int fresh, const imp_store **store, void **ctx) {
  imp_memory_store *made;
  (void)user_data;
  (void)fresh;
  int status = imp_memory_store_new(&made);
  if (status == IMP_OK) {
    *store = imp_memory_store_vtable();
    *ctx = made;
  }
  return status;
}

static void close_store(void *ctx, void *user_data) {
  (void)user_data;
  imp_memory_store_del(ctx);
}

static void report(const char *check, const char *text, void *user_data) {
  int *checks = user_data;
  ++*checks;
  if (text != NULL) {
    print_error("%s: %s\n", check, text);
  }
}

static void memory_store_keeps_the_contract(void **state) {
  imp_testkit_store_host host = {sizeof host, open_store, close_store, NULL, report};
  int checks = 0;
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(imp_testkit_store(&host, &checks), 0);
  assert_true(checks > 10);
}

/* What a broken store does is found: one whose deletions do nothing. */
static int ignore_del(void *ctx, const char *space, const char *owner, const void *key, size_t keylen) {
  (void)ctx, (void)space, (void)owner, (void)key, (void)keylen;
  return IMP_OK;
}

static imp_store broken;

static int open_broken(void *user_data, int fresh, const imp_store **store, void **ctx) {
  int status = open_store(user_data, fresh, store, ctx);
  broken = *imp_memory_store_vtable();
  broken.del = ignore_del;
  *store = &broken;
  return status;
}

static void a_broken_store_is_found(void **state) {
  imp_testkit_store_host host = {sizeof host, open_broken, close_store, NULL, NULL};
  (void)state;
  unit_skip_alloc_fail();
  assert_true(imp_testkit_store(&host, NULL) >= 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(memory_store_keeps_the_contract),
                                     cmocka_unit_test(a_broken_store_is_found)};
  return unit_run("port_conformance", tests);
}
