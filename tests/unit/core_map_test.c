#include "alloc_fail.h"

#include <stdio.h>
#include <string.h>

#include "core/list.h"
#include "core/map.h"
#include "core/mem.h"

#define MANY 2000

typedef struct item {
  imp_map_node node;
  char key[16];
} item;

static void reset_map(void *map) { imp_map_reset(map); }

static void name(item *it, int i) { snprintf(it->key, sizeof it->key, "user%d", i); }

static void finds_what_was_inserted(void **state) {
  static item items[MANY];
  static imp_map map;
  (void)state;
  imp_map_init(&map);
  unit_own(reset_map, &map);
  assert_null(imp_map_find(&map, "x", 1));
  for (int i = 0; i < MANY; i++) {
    name(&items[i], i);
    assert_int_equal(imp_map_insert(&map, &items[i].node, items[i].key, strlen(items[i].key)), IMP_OK);
  }
  assert_int_equal(map.count, MANY);
  item again;
  name(&again, 7);
  assert_int_equal(imp_map_insert(&map, &again.node, again.key, strlen(again.key)), IMP_ERR_EXISTS);
  for (int i = 0; i < MANY; i += 2) {
    imp_map_remove(&map, &items[i].node);
  }
  for (int i = 0; i < MANY; i++) {
    imp_map_node *found = imp_map_find(&map, items[i].key, strlen(items[i].key));
    assert_ptr_equal(found, i % 2 ? &items[i].node : NULL);
  }
  assert_null(imp_map_find(&map, "user", 4));
}

static void walks_while_the_current_node_goes(void **state) {
  static item items[100];
  static imp_map map;
  imp_map_iter iter;
  int seen = 0;
  (void)state;
  imp_map_init(&map);
  unit_own(reset_map, &map);
  for (int i = 0; i < 100; i++) {
    name(&items[i], i);
    assert_int_equal(imp_map_insert(&map, &items[i].node, items[i].key, strlen(items[i].key)), IMP_OK);
  }
  imp_map_iter_init(&iter, &map);
  for (imp_map_node *node; (node = imp_map_iter_next(&iter)) != NULL; seen++) {
    imp_map_remove(&map, node);
    memset(IMP_CONTAINER_OF(node, item, node), 0xee, sizeof(item));
  }
  assert_int_equal(seen, 100);
  assert_int_equal(map.count, 0);
  assert_null(map.buckets);
}

static void empty_keys_and_bytes(void **state) {
  static imp_map map;
  imp_map_node a, b;
  (void)state;
  imp_map_init(&map);
  unit_own(reset_map, &map);
  assert_int_equal(imp_map_insert(&map, &a, "", 0), IMP_OK);
  assert_int_equal(imp_map_insert(&map, &b, "\0", 1), IMP_OK);
  assert_ptr_equal(imp_map_find(&map, NULL, 0), &a);
  assert_ptr_equal(imp_map_find(&map, "\0", 1), &b);
}

/* The first vectors of SipHash-1-3 with key 00 01 … 0f, folded to 32 bits. */
static void hash_is_siphash(void **state) {
  const uint64_t key[2] = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
  static const uint64_t want[] = {UINT64_C(0xabac0158050fc4dc), UINT64_C(0xc9f49bf37d57ca93),
                                  UINT64_C(0x82cb9b024dc7d44d), UINT64_C(0x8bf80ab8e7ddf7fb)};
  const uint8_t message[] = {0, 1, 2};
  (void)state;
  for (size_t len = 0; len < IMP_ARRAY_LEN(want); len++) {
    assert_int_equal(imp_hash_keyed(key, message, len), (uint32_t)(want[len] ^ want[len] >> 32));
  }
}

static void only_the_first_seed_counts(void **state) {
  static const uint8_t first[16] = {1}, second[16] = {2};
  (void)state;
  imp_map_seed(first);
  uint32_t hash = imp_hash("romeo and juliet", 16);
  imp_map_seed(second);
  assert_int_equal(imp_hash("romeo and juliet", 16), hash);
}

static void list_keeps_order(void **state) {
  imp_list head, a, b, c = {NULL, NULL};
  (void)state;
  imp_list_init(&head);
  assert_true(imp_list_empty(&head));
  imp_list_append(&head, &b);
  imp_list_prepend(&head, &a);
  imp_list_remove(&c);
  assert_true(imp_list_linked(&a));
  assert_ptr_equal(imp_list_pop(&head), &a);
  assert_false(imp_list_linked(&a));
  imp_list_remove(&b);
  assert_null(imp_list_pop(&head));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(finds_what_was_inserted), cmocka_unit_test(walks_while_the_current_node_goes),
      cmocka_unit_test(empty_keys_and_bytes),    cmocka_unit_test(hash_is_siphash),
      cmocka_unit_test(only_the_first_seed_counts),
      cmocka_unit_test(list_keeps_order),
  };
  return unit_run("core_map", tests);
}
