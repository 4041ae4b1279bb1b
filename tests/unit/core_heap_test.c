#include "alloc_fail.h"

#include <stdlib.h>

#include "core/heap.h"
#include "core/mem.h"
#include "core/ratelim.h"

#define MANY 500

typedef struct alarm_clock {
  imp_timer timer;
  imp_heap *heap;
  imp_tstamp again; /* added when it fires; 0: not set again */
  int fired;
} alarm_clock;

static imp_tstamp last_at;

static void on_fire(imp_timer *timer, imp_tstamp ts) {
  alarm_clock *a = IMP_CONTAINER_OF(timer, alarm_clock, timer);
  assert_true(timer->at >= last_at && timer->at <= ts);
  last_at = timer->at;
  a->fired++;
  if (a->again > 0) {
    assert_int_equal(imp_heap_set(a->heap, timer, timer->at + a->again), IMP_OK);
  }
}

static void reset_heap(void *heap) { imp_heap_reset(heap); }

static void fires_in_order(void **state) {
  static alarm_clock clocks[MANY];
  static imp_heap heap;
  uint32_t random = 1;
  (void)state;
  last_at = 0;
  imp_heap_init(&heap);
  unit_own(reset_heap, &heap);
  assert_true(imp_heap_next(&heap) == IMP_TSTAMP_NEVER);
  for (int i = 0; i < MANY; i++) {
    clocks[i] = (alarm_clock){.heap = &heap};
    imp_timer_init(&clocks[i].timer, on_fire);
    random = random * 1664525 + 1013904223;
    assert_int_equal(imp_heap_set(&heap, &clocks[i].timer, random % 1000), IMP_OK);
  }
  for (int i = 0; i < MANY; i += 3) { /* move a third, take out a third */
    random = random * 1664525 + 1013904223;
    assert_int_equal(imp_heap_set(&heap, &clocks[i].timer, random % 1000), IMP_OK);
    imp_heap_remove(&heap, &clocks[i + 1 < MANY ? i + 1 : i].timer);
  }
  for (imp_tstamp ts = 0; ts <= 1000; ts += 100) {
    imp_heap_run(&heap, ts);
    assert_true(imp_heap_next(&heap) > ts);
  }
  assert_int_equal(heap.count, 0);
  for (int i = 0; i < MANY - 1; i++) {
    assert_int_equal(clocks[i].fired, i % 3 == 1 ? 0 : 1);
  }
}

static void set_again_while_firing(void **state) {
  static alarm_clock a;
  static imp_heap heap;
  (void)state;
  last_at = 0;
  imp_heap_init(&heap);
  unit_own(reset_heap, &heap);
  a = (alarm_clock){.again = 10, .heap = &heap};
  imp_timer_init(&a.timer, on_fire);
  assert_int_equal(imp_heap_set(&heap, &a.timer, 5), IMP_OK);
  imp_heap_run(&heap, 4);
  assert_int_equal(a.fired, 0);
  imp_heap_run(&heap, 26);
  assert_int_equal(a.fired, 3);
  assert_int_equal(imp_heap_next(&heap), 35);
  imp_heap_run(&heap, 35 + 10 * 1000); /* a thousand are due: the rest waits for the next call */
  assert_true(a.fired > 3 && a.fired < 100);
  assert_true(imp_heap_next(&heap) <= 35 + 10 * 1000);
}

static void never_never_fires(void **state) {
  static alarm_clock a;
  static imp_heap heap;
  (void)state;
  last_at = 0;
  imp_heap_init(&heap);
  unit_own(reset_heap, &heap);
  imp_timer_init(&a.timer, on_fire);
  assert_int_equal(imp_heap_set(&heap, &a.timer, IMP_TSTAMP_NEVER), IMP_OK);
  imp_heap_run(&heap, IMP_TSTAMP_NEVER);
  assert_int_equal(a.fired, 0);
}

static void bucket_fills_with_time(void **state) {
  imp_ratelim rl;
  (void)state;
  imp_ratelim_init(&rl, 10, 4, 0);
  assert_int_equal(imp_ratelim_drain(&rl, 10, 0), IMP_OK);
  assert_int_equal(imp_ratelim_drain(&rl, 1, 249 * IMP_MILLISECONDS), IMP_ERR_LIMIT);
  assert_int_equal(imp_ratelim_when(&rl, 1), 250 * IMP_MILLISECONDS);
  assert_int_equal(imp_ratelim_drain(&rl, 1, 250 * IMP_MILLISECONDS), IMP_OK);
  assert_int_equal(imp_ratelim_drain(&rl, 10, 100 * IMP_SECONDS), IMP_OK);
  assert_int_equal(imp_ratelim_drain(&rl, 1, 100 * IMP_SECONDS), IMP_ERR_LIMIT);
  assert_true(imp_ratelim_when(&rl, 11) == IMP_TSTAMP_NEVER);
}

static void bucket_survives_extremes(void **state) {
  imp_ratelim rl;
  (void)state;
  imp_ratelim_init(&rl, 5, UINT64_MAX, 0);
  assert_int_equal(imp_ratelim_drain(&rl, 5, 0), IMP_OK);
  assert_int_equal(imp_ratelim_drain(&rl, 5, IMP_TSTAMP_NEVER - 1), IMP_OK);
  imp_ratelim_init(&rl, 5, 0, 7);
  assert_int_equal(imp_ratelim_drain(&rl, 6, 8), IMP_ERR_LIMIT);
  assert_int_equal(imp_ratelim_drain(&rl, 5, 8), IMP_OK);
  assert_true(imp_ratelim_when(&rl, 1) == IMP_TSTAMP_NEVER);
  assert_int_equal(imp_ratelim_drain(&rl, 1, 3), IMP_ERR_LIMIT); /* a clock that goes back is no gift */
}

/* A thousand small steps gain what one big step gains. */
static void no_token_is_lost_to_rounding(void **state) {
  imp_ratelim rl;
  int got = 0;
  (void)state;
  imp_ratelim_init(&rl, 1, 3, 0);
  for (imp_tstamp ts = 0; ts <= 10 * IMP_SECONDS; ts += 7 * IMP_MILLISECONDS) {
    got += imp_ratelim_drain(&rl, 1, ts) == IMP_OK;
  }
  assert_in_range(got, 30, 31);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fires_in_order),           cmocka_unit_test(set_again_while_firing),
      cmocka_unit_test(never_never_fires),        cmocka_unit_test(bucket_fills_with_time),
      cmocka_unit_test(bucket_survives_extremes), cmocka_unit_test(no_token_is_lost_to_rounding),
  };
  return unit_run("core_heap", tests);
}
