#include "alloc_fail.h"
#include "crash_store.h"

#include <string.h>

#include <imp/store.h>
#include <imp/testkit.h>

#include "port/op.h"
#include "port/skiplist.h"

static void conforms(void **state) {
  imp_memory_store *store;
  imp_testkit_store kit = {.size = sizeof kit, .vtable = imp_memory_store_vtable()};
  char text[200] = "";
  (void)state;
  unit_skip_alloc_fail(); /* some ten thousand: in_few_steps below stands for them */
  assert_int_equal(imp_memory_store_new(&store), IMP_OK);
  kit.ctx = store;
  int rv = imp_testkit_store_check(&kit, text, sizeof text);
  imp_memory_store_del(store);
  assert_string_equal(text, "");
  assert_int_equal(rv, IMP_OK);
}

static void *crash(void *user_data, void *ctx) {
  (void)user_data;
  crash_store_crash(ctx);
  crash_store_revive(ctx);
  return ctx;
}

static void fail_flushes(void *user_data, void *ctx, int failing) {
  (void)user_data;
  crash_store_mode(ctx, failing ? CRASH_FLUSH_FAILS : CRASH_FLUSH_AT_ONCE);
}

/* The store of other tests is one, too. */
static void crash_store_conforms(void **state) {
  imp_testkit_store kit = {.size = sizeof kit, .vtable = crash_store_vtable(), .reopen = crash,
                           .set_failing = fail_flushes};
  char text[200] = "";
  (void)state;
  unit_skip_alloc_fail();
  kit.ctx = crash_store_new();
  assert_non_null(kit.ctx);
  int rv = imp_testkit_store_check(&kit, text, sizeof text);
  crash_store_del(kit.ctx);
  assert_string_equal(text, "");
  assert_int_equal(rv, IMP_OK);
}

/* A wrong store is found out: here one whose range deletion leaves the last row. */
static int lame_del_range(void *ctx, const char *space, const char *owner, const imp_store_range *range) {
  (void)ctx;
  (void)space;
  (void)owner;
  (void)range;
  return IMP_OK;
}

static void finds_fault(void **state) {
  imp_memory_store *store;
  imp_store lame = *imp_memory_store_vtable();
  imp_testkit_store kit = {.size = sizeof kit, .vtable = &lame};
  char text[200] = "";
  (void)state;
  unit_skip_alloc_fail();
  lame.del_range = lame_del_range;
  assert_int_equal(imp_memory_store_new(&store), IMP_OK);
  kit.ctx = store;
  int rv = imp_testkit_store_check(&kit, text, sizeof text);
  imp_memory_store_del(store);
  assert_int_equal(rv, IMP_ERR_CORRUPT);
  assert_string_not_equal(text, "");
}

static void count_rows(imp_op *op, int status, void *ctx) {
  *(size_t *)ctx = status == IMP_OK ? imp_op_row_count(op) : 1000 + (size_t)-status;
}

static void del_store(void *store) { imp_memory_store_del(store); }
static void close_queue(void *queue) { imp_op_queue_close(queue); }

static void in_few_steps(void **state) {
  static imp_op_queue queue;
  const imp_store *vt = imp_memory_store_vtable();
  imp_memory_store *store;
  size_t rows = 99;
  (void)state;
  assert_int_equal(imp_memory_store_new(&store), IMP_OK);
  unit_own(del_store, store);
  imp_op_queue_init(&queue, NULL, NULL, NULL);
  unit_own(close_queue, &queue);
  int put = IMP_OK;
  for (int i = 0; i < 3; i++) {
    char key = (char)('a' + i);
    int rv = vt->put(store, "space", "owner", &key, 1, "value", 5);
    put = put == IMP_OK ? rv : put;
  }
  assert_true(put == IMP_OK || (put == IMP_ERR_NOMEM && unit_alloc_failed()));
  imp_store_range all = {.size = sizeof all};
  imp_op *op = imp_op_new(&queue, count_rows, &rows, IMP_TSTAMP_NEVER);
  assert_non_null(op);
  imp_op_started(op, vt->scan(store, op, "space", "owner", &all));
  imp_op_queue_run(&queue);
  assert_true(rows == 3 || unit_alloc_failed());
  assert_int_equal(vt->erase(store, "owner"), IMP_OK);
}

static void refuses_what_is_too_long(void **state) {
  const imp_store *vt = imp_memory_store_vtable();
  imp_memory_store *store;
  static char longer[IMP_STORE_KEY_MAX + 2];
  (void)state;
  memset(longer, 'x', sizeof longer - 1);
  assert_int_equal(imp_memory_store_new(&store), IMP_OK);
  unit_own(del_store, store);
  assert_int_equal(vt->put(store, "s", longer, "", 0, "", 0), IMP_ERR_TOO_BIG);
  assert_int_equal(vt->put(store, longer, "o", "", 0, "", 0), IMP_ERR_TOO_BIG);
  assert_int_equal(vt->put(store, "s", "o", longer, IMP_STORE_KEY_MAX + 1, "", 0), IMP_ERR_TOO_BIG);
  assert_int_equal(vt->put(store, "s", "o", longer, IMP_STORE_KEY_MAX, "", 0), IMP_OK);
}

/* Against the plainest ordered map there is: a flag per key. */
static void skiplist_stays_ordered(void **state) {
  static unsigned char there[256];
  imp_skiplist list;
  uint32_t random = 7;
  (void)state;
  unit_skip_alloc_fail();
  memset(there, 0, sizeof there);
  imp_skiplist_init(&list);
  for (int i = 0; i < 20000; i++) {
    random = random * 1664525 + 1013904223;
    uint8_t key = (uint8_t)(random >> 24);
    imp_skip_node *node = imp_skiplist_find(&list, &key, 1);
    assert_int_equal(node != NULL, there[key]);
    if (node != NULL && (random & 0x10000)) {
      imp_skiplist_remove(&list, node);
      there[key] = 0;
    } else {
      assert_int_equal(imp_skiplist_put(&list, &key, 1, &random, sizeof random), IMP_OK);
      there[key] = 1;
    }
  }
  imp_skip_node *node = list.head[0], *prev = NULL;
  size_t count = 0;
  for (int key = 0; key < 256; key++) {
    if (there[key]) {
      assert_non_null(node);
      assert_int_equal(node->key[0], key);
      assert_ptr_equal(node->prev, prev);
      prev = node;
      node = node->next[0];
      count++;
    }
  }
  assert_null(node);
  assert_ptr_equal(list.last, prev);
  assert_int_equal(list.count, count);
  imp_skiplist_reset(&list);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(conforms),
      cmocka_unit_test(crash_store_conforms),
      cmocka_unit_test(finds_fault),
      cmocka_unit_test(in_few_steps),
      cmocka_unit_test(refuses_what_is_too_long),
      cmocka_unit_test(skiplist_stays_ordered),
  };
  return unit_run("port_store", tests);
}
