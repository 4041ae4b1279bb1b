/*
 * What leads to the next thing, and that to the next: however long the chain, the stack stays as it is.
 *
 * rooms: c2s im
 */
#include "alloc_fail.h"
#include "world.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define SESSIONS 2000
#define BUFFER 5
#define STACK ((size_t)512 * 1024)

static world w;
static client *c;

static void close_all(void *unused) {
  (void)unused;
  for (int i = 0; i < SESSIONS; i++) {
    client_free(&c[i]);
  }
  free(c);
  world_close(&w);
}

static void write_to(int from, int to, const char *id, const char *xml) {
  char text[200];
  (void)snprintf(text, sizeof(text), xml, to, id);
  client_stanza(&c[from], text);
}

/* Each one's buffer is full of what its neighbour wrote. */
static void fill(const char *xml) {
  imp_settings settings;
  imp_sm_settings sm;
  imp_settings_default(&settings, sizeof(settings));
  imp_sm_settings_default(&sm, sizeof(sm));
  sm.buffer_packets = BUFFER;
  settings.sm = &sm;
  settings.offline_max = 0;
  world_open(&w, &settings, 1);
  c = calloc(SESSIONS, sizeof(*c));
  assert_non_null(c);
  unit_own(close_all, NULL);
  for (int i = 0; i < SESSIONS; i++) {
    char name[16];
    (void)snprintf(name, sizeof(name), "u%d", i);
    client_init(&c[i], &w, name, "r");
    client_login(&c[i], 1);
    c[i].auto_ack = 0;
  }
  for (int n = 0; n < BUFFER; n++) {
    for (int i = 0; i + 1 < SESSIONS; i++) {
      write_to(i + 1, i, "full", xml);
    }
  }
  imp_node_turn(w.node, w.now);
}

static imp_stats stats(void) {
  imp_stats st;
  imp_node_stats(w.node, &st, sizeof(st));
  return st;
}

/* The first one's oldest packet goes back to the second, whose oldest goes back to the third, and so on. */
static void *fall(void *xml) {
  fill(xml);
  write_to(1, 0, "one", xml);
  world_run(&w, c, SESSIONS);
  return NULL;
}

static void fall_on_a_small_stack(const char *xml) {
  pthread_attr_t attr;
  pthread_t thread;
  unit_skip_alloc_fail();
  assert_int_equal(pthread_attr_init(&attr), 0);
  assert_int_equal(pthread_attr_setstacksize(&attr, STACK), 0);
  assert_int_equal(pthread_create(&thread, &attr, fall, (void *)(uintptr_t)xml), 0);
  assert_int_equal(pthread_join(thread, NULL), 0);
  pthread_attr_destroy(&attr);
  assert_true(stats().sm.evicted >= SESSIONS - 1);
}

static void returned_messages_lead_to_others(void **state) {
  (void)state;
  fall_on_a_small_stack("<message to='u%d@im.example/r' type='chat' id='%s'><body>x</body></message>");
  world_check_ledger(&w);
  assert_int_equal(stats().ledger.now[IMP_FATE_RETURNED], SESSIONS - 1);
}

static void queries_lead_to_others(void **state) {
  (void)state;
  fall_on_a_small_stack("<iq to='u%d@im.example/r' type='get' id='%s'><ping xmlns='urn:xmpp:ping'/></iq>");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(returned_messages_lead_to_others),
      cmocka_unit_test(queries_lead_to_others),
  };
  return unit_run("node_chain", tests);
}
