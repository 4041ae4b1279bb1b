/* The insides that the rest stands on: the table of ids and the ring of packets. */
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "sm/manager.h"
#include "sm_kit.h"

typedef struct entry {
  imp_sm_node node;
  char key[24];
} entry;

static const uint64_t seed[2] = {1, 2};
static imp_sm_table table;
static entry entries[2000];
static imp_sm_ring *ring;
static imp_sm_pool pool;

static const char *entry_key(const imp_sm_node *node, size_t *len) {
  const entry *e = (const entry *)(const void *)node;
  *len = strlen(e->key);
  return e->key;
}

static void reset_table(void *t) {
  imp_sm_table *used = t;
  imp_free(used->buckets);
  used->buckets = NULL;
}

static void reset_ring(void *r) {
  (void)r;
  imp_sm_ring_release(&ring, &pool);
  imp_sm_pool_reset(&pool);
}

static void a_table_finds_what_is_in_it(void **state) {
  (void)state;
  unit_skip_alloc_fail();
  imp_sm_table_init(&table, seed, entry_key);
  unit_own(reset_table, &table);
  assert_null(imp_sm_table_find(&table, "0", 1));
  for (unsigned i = 0; i < 2000; i++) {
    snprintf(entries[i].key, sizeof entries[i].key, "%u", i);
    assert_int_equal(imp_sm_table_insert(&table, &entries[i].node), IMP_OK);
  }
  assert_int_equal(imp_sm_table_insert(&table, &entries[7].node), IMP_ERR_EXISTS);
  for (unsigned i = 0; i < 2000; i += 2) {
    imp_sm_table_remove(&table, &entries[i].node);
    imp_sm_table_remove(&table, &entries[i].node); /* twice does nothing */
  }
  assert_int_equal(table.count, 1000);
  for (unsigned i = 0; i < 2000; i++) {
    imp_sm_node *found = imp_sm_table_find(&table, entries[i].key, strlen(entries[i].key));
    assert_ptr_equal(found, i % 2 ? &entries[i].node : NULL);
  }
  for (unsigned i = 1; i < 2000; i += 2) {
    imp_sm_table_remove(&table, &entries[i].node);
  }
  assert_null(table.buckets); /* an empty one costs nothing */
}

static void a_table_without_memory_is_slower_but_right(void **state) {
  (void)state;
  imp_sm_table_init(&table, seed, entry_key);
  unit_own(reset_table, &table);
  unsigned in = 0;
  for (unsigned i = 0; i < 40; i++) {
    snprintf(entries[i].key, sizeof entries[i].key, "%u", i);
    in += imp_sm_table_insert(&table, &entries[i].node) == IMP_OK;
  }
  assert_true(in == 40 || (in == 39 && unit_alloc_failed()));
  for (unsigned i = 40 - in; i < 40; i++) {
    assert_ptr_equal(imp_sm_table_find(&table, entries[i].key, strlen(entries[i].key)), &entries[i].node);
  }
}

static void a_ring_keeps_order_while_it_grows_and_turns(void **state) {
  uint32_t in = 0, out = 0;
  (void)state;
  unit_own(reset_ring, NULL);
  for (int round = 1; round <= 60; round++) {
    for (int i = 0; i < 3; i++) {
      if (imp_sm_ring_reserve(&ring, &pool, 1) != IMP_OK) {
        return;
      }
      imp_sm_ring_push(ring, imp_sm_slot_of(kit_packet(in), 2, in));
      in++;
    }
    for (int i = 0; i < 2; i++) {
      imp_sm_slot slot = imp_sm_ring_pop(ring);
      assert_int_equal(slot.count, out);
      assert_int_equal(kit_number(slot.packet), out);
      out++;
    }
    assert_int_equal(ring->len, in - out);
    assert_int_equal(ring->bytes, 2 * (in - out));
    assert_int_equal(imp_sm_ring_at(ring, ring->len - 1)->count, in - 1);
    assert_true(ring->cap <= 8 || ring->cap <= 4 * ring->len);
  }
}

static void small_rings_are_used_again_and_large_ones_are_not_kept(void **state) {
  (void)state;
  unit_own(reset_ring, NULL);
  assert_int_equal(imp_sm_ring_reserve(&ring, &pool, 1), IMP_OK);
  imp_sm_ring *first = ring;
  imp_sm_ring_release(&ring, &pool);
  assert_null(ring);
  assert_int_equal(pool.count, 1);
  assert_int_equal(imp_sm_ring_reserve(&ring, &pool, 1), IMP_OK);
  assert_ptr_equal(ring, first);
  assert_int_equal(pool.count, 0);
  assert_int_equal(imp_sm_ring_reserve(&ring, &pool, 100), IMP_OK);
  assert_int_equal(pool.count, 1);
  imp_sm_ring_release(&ring, &pool);
  assert_int_equal(pool.count, 1);
  imp_sm_ring_release(&ring, &pool);
  assert_int_equal(pool.count, 1);
}

static void the_pool_is_bounded(void **state) {
  static imp_sm_ring *rings[100];
  (void)state;
  unit_skip_alloc_fail();
  unit_own(reset_ring, NULL);
  for (size_t i = 0; i < 100; i++) {
    assert_int_equal(imp_sm_ring_reserve(&rings[i], &pool, 1), IMP_OK);
  }
  for (size_t i = 0; i < 100; i++) {
    imp_sm_ring_release(&rings[i], &pool);
  }
  assert_int_equal(pool.count, 64);
}

/* "An idle session costs well under 200 bytes": the block and its place in the table. */
static void an_idle_session_is_small(void **state) {
  (void)state;
  size_t id = 6 + 24 + 1, user = strlen("romeo@example.net") + 1;
  assert_true(sizeof(imp_sm) + id + user + 2 * sizeof(imp_sm_node *) < 170);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_table_finds_what_is_in_it),
      cmocka_unit_test(a_table_without_memory_is_slower_but_right),
      cmocka_unit_test(a_ring_keeps_order_while_it_grows_and_turns),
      cmocka_unit_test(small_rings_are_used_again_and_large_ones_are_not_kept),
      cmocka_unit_test(the_pool_is_bounded),
      cmocka_unit_test(an_idle_session_is_small),
  };
  return unit_run("sm_table", tests);
}
