/* Whoever asks for the salt of a user that does not exist gets the same one always: also after a restart, as of real users. */
#include "alloc_fail.h"
#include "core/codec.h"
#include "crash_store.h"
#include "slow_store.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

static world w;
static client c[1];
static crash_store *disk;
static slow_store *slow; /* NULL: the disk answers at once */
static imp_settings settings;

static void stop_node(void) {
  if (c[0].w != NULL) {
    client_free(&c[0]);
    memset(&c[0], 0, sizeof(c[0]));
  }
  crash_store_crash(disk);
  imp_node_del(w.node);
  w.node = NULL;
  slow_store_del(slow);
  slow = NULL;
  crash_store_revive(disk);
}

static void close_all(void *unused) {
  (void)unused;
  stop_node();
  world_close(&w);
  crash_store_del(disk);
  disk = NULL;
}

/* The store is given before the node has ever been told the time, as hosts do. */
static void give_store(int slowly) {
  const imp_store *vtable = crash_store_vtable();
  void *ctx = disk;
  if (slowly) {
    ctx = slow = slow_store_new(vtable, disk);
    vtable = slow_store_vtable(slow);
  }
  assert_int_equal(imp_node_set_store(w.node, vtable, ctx), IMP_OK);
  world_run(&w, c, 0);
  if (slowly) {
    assert_false(imp_node_is_ready(w.node));
    world_wait(&w, c, 0, 3600 * IMP_SECONDS); /* as slow as may be: what is read at the start has no deadline */
    assert_false(imp_node_is_ready(w.node));
    assert_true(slow_store_answer(slow) > 0);
    world_run(&w, c, 0);
  }
  assert_true(imp_node_is_ready(w.node));
}

static void open_world(int slowly) {
  memset(c, 0, sizeof(c));
  memset(&w, 0, sizeof(w));
  imp_settings_default(&settings, sizeof(settings));
  disk = crash_store_new();
  unit_own(close_all, &w);
  world_open(&w, &settings, 1);
  give_store(slowly);
}

static void restart(int slowly) {
  stop_node();
  world_renew(&w, &settings);
  give_store(slowly);
}

/* What SCRAM's server-first says behind the nonce: "s=SALT,i=N". */
static void ask(const char *user, const char *mechanism, char *salt, size_t cap) {
  char first[100], b64[150], xml[400];
  uint8_t raw[300];
  size_t len;
  int n = snprintf(first, sizeof(first), "n,,n=%s,r=fyko", user);
  (void)imp_base64_encode(b64, first, (size_t)n);
  client_init(&c[0], &w, user, "r");
  client_connect(&c[0]);
  world_run(&w, c, 1);
  (void)client_expect(&c[0], "features", NULL);
  snprintf(xml, sizeof(xml), "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='%s'>%s</auth>", mechanism, b64);
  client_send(&c[0], xml);
  world_run(&w, c, 1);
  const char *text = imp_elem_text(imp_stanza_root(client_expect(&c[0], "challenge", NULL)), NULL);
  assert_true(strlen(text) < 300);
  assert_int_equal(imp_base64_decode(raw, &len, text, strlen(text)), IMP_OK);
  raw[len] = '\0';
  const char *s = strstr((const char *)raw, ",s=");
  assert_non_null(s);
  snprintf(salt, cap, "%s", s + 1);
  client_free(&c[0]);
  memset(&c[0], 0, sizeof(c[0]));
}

static void compare_restarts(int slowly) {
  static const char *const mechanisms[] = {"SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"};
  char before[3][200], after[200], other[200];
  open_world(slowly);
  for (int i = 0; i < 3; i++) {
    ask("nobody", mechanisms[i], before[i], sizeof(before[i]));
    ask("noone", mechanisms[i], other, sizeof(other));
    assert_string_not_equal(before[i], other);
    ask("nobody", mechanisms[i], after, sizeof(after));
    assert_string_equal(before[i], after);
  }
  for (int round = 0; round < 2; round++) {
    restart(slowly);
    for (int i = 0; i < 3; i++) {
      ask("nobody", mechanisms[i], after, sizeof(after));
      assert_string_equal(before[i], after);
    }
  }
}

static void a_store_that_answers_at_once(void **state) {
  (void)state;
  compare_restarts(0);
}

static void a_store_that_answers_later(void **state) {
  (void)state;
  compare_restarts(1);
}

/* Nobody is told a salt before the one that it had is known. */
static void nobody_logs_in_before_it_is_read(void **state) {
  (void)state;
  open_world(0);
  stop_node();
  world_renew(&w, &settings);
  slow = slow_store_new(crash_store_vtable(), disk);
  assert_int_equal(imp_node_set_store(w.node, slow_store_vtable(slow), slow), IMP_OK);
  client_init(&c[0], &w, "nobody", "r");
  client_connect(&c[0]);
  world_run(&w, c, 1);
  (void)client_expect(&c[0], "error", "resource-constraint");
  assert_true(c[0].closed);
}

/* A new store gets a key of its own, which no other node has. */
static void another_store_has_other_salts(void **state) {
  (void)state;
  char one[200], other[200];
  open_world(0);
  ask("nobody", "SCRAM-SHA-256", one, sizeof(one));
  stop_node();
  crash_store_del(disk);
  disk = crash_store_new();
  world_renew(&w, &settings);
  give_store(0);
  ask("nobody", "SCRAM-SHA-256", other, sizeof(other));
  assert_string_not_equal(one, other);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_store_that_answers_at_once),
      cmocka_unit_test(a_store_that_answers_later),
      cmocka_unit_test(nobody_logs_in_before_it_is_read),
      cmocka_unit_test(another_store_has_other_salts),
  };
  return unit_run("c2s_secret", tests);
}
