/* Accounts in the store: made, changed, left as they are, deleted. */
#include "alloc_fail.h"
#include "crash_store.h"
#include "node/node.h"
#include "sasl/credential.h"
#include "slow_store.h"
#include "world.h"

#include <imp/sys/op.h>
#include <stdio.h>
#include <string.h>

static world w;
static crash_store *disk;
static slow_store *slow;
static imp_settings settings;
static imp_ops *reads;
static char value[2000]; /* of the account that was read last, "" if there is none */

/* Outcomes that a call was told, by number. */
static int told[4], status_of[4];

static void done(imp_node *node, int status, void *user_data) {
  int i = (int)(intptr_t)user_data;
  (void)node;
  told[i]++;
  status_of[i] = status;
}

static void close_all(void *unused) {
  (void)unused;
  imp_node_del(w.node);
  w.node = NULL;
  slow_store_del(slow);
  slow = NULL;
  world_close(&w);
  crash_store_del(disk);
  imp_ops_del(reads);
  disk = NULL;
  reads = NULL;
}

static void open_world(void) {
  memset(&w, 0, sizeof(w));
  memset(told, 0, sizeof(told));
  imp_settings_default(&settings, sizeof(settings));
  settings.scram_iterations = 4096;
  settings.op_timeout = 5;
  unit_own(close_all, &w);
  disk = crash_store_new();
  assert_int_equal(imp_ops_new(&reads), IMP_OK);
  world_open(&w, &settings, 1);
  slow = slow_store_new(crash_store_vtable(), disk);
  assert_int_equal(imp_node_set_store(w.node, slow_store_vtable(slow), slow), IMP_OK);
}

static void run(void) {
  do {
    world_run(&w, NULL, 0);
  } while (slow_store_answer(slow) > 0);
}

static void on_value(imp_op *op, int status, void *user_data) {
  const void *key, *bytes;
  size_t keylen, len;
  (void)user_data;
  value[0] = '\0';
  if (status == IMP_OK && imp_ops_row(op, 0, &key, &keylen, &bytes, &len) == IMP_OK) {
    snprintf(value, sizeof(value), "%.*s", (int)len, (const char *)bytes);
  }
}

static const char *stored(const char *owner) {
  imp_op *op = imp_ops_add(reads, on_value, NULL);
  assert_non_null(op);
  imp_ops_started(op, crash_store_vtable()->get(disk, op, "account", owner, "scram", 5));
  assert_int_equal(imp_ops_run(reads), 1);
  return value;
}

static int opens(const char *password) {
  return imp_credential_opens(value, strlen(value), password, NULL, settings.scram_iterations);
}

static void ensure(const char *password, int number) {
  assert_int_equal(imp_node_account_ensure(w.node, "Alice", password, done, (void *)(intptr_t)number), IMP_OK);
}

static void keys_stay_while_the_password_does(void **state) {
  char before[2000];
  (void)state;
  open_world();
  ensure("secret", 0);
  assert_int_equal(told[0], 0);
  run();
  assert_int_equal(told[0], 1);
  assert_int_equal(status_of[0], IMP_OK);
  snprintf(before, sizeof(before), "%s", stored("alice@im.example"));
  assert_int_equal(opens("secret"), 1);
  assert_int_equal(opens("wrong"), 0);
  ensure("secret", 1);
  run();
  assert_int_equal(told[1], 1);
  assert_string_equal(stored("alice@im.example"), before);
  ensure("another", 2);
  run();
  assert_int_equal(status_of[2], IMP_OK);
  assert_string_not_equal(stored("alice@im.example"), before);
  assert_int_equal(opens("another"), 1);
}

/* Salts must not tell real users: they have as many iterations as the settings say. */
static void keys_of_other_settings_are_made_anew(void **state) {
  char before[2000];
  (void)state;
  open_world();
  ensure("secret", 0);
  run();
  snprintf(before, sizeof(before), "%s", stored("alice@im.example"));
  w.node->settings.scram_iterations = settings.scram_iterations = 4097;
  ensure("secret", 1);
  run();
  assert_string_not_equal(stored("alice@im.example"), before);
  assert_int_equal(opens("secret"), 1);
}

static void what_is_no_set_of_keys_is_replaced(void **state) {
  const imp_store *vt = crash_store_vtable();
  char before[2000];
  (void)state;
  unit_skip_alloc_fail();
  open_world();
  ensure("secret", 0);
  run();
  snprintf(before, sizeof(before), "%s", stored("alice@im.example"));
  const char *const bad[] = {"", "nonsense", "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$x:y"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0] + 2; i++) {
    char text[2100];
    const char *cut = strchr(before, '\n');
    assert_non_null(cut);
    snprintf(text, sizeof(text), "%s", i < sizeof bad / sizeof bad[0] ? bad[i] : before);
    if (i == sizeof bad / sizeof bad[0]) {
      text[cut - before] = '\0'; /* one hash only */
    } else if (i > sizeof bad / sizeof bad[0]) {
      snprintf(text + strlen(text), sizeof(text) - strlen(text), "\n%.*s", (int)(cut - before), before); /* one too many */
    }
    assert_int_equal(vt->put(disk, "account", "alice@im.example", "scram", 5, text, strlen(text)), IMP_OK);
    ensure("secret", 1);
    run();
    assert_int_equal(status_of[1], IMP_OK);
    assert_string_not_equal(stored("alice@im.example"), text);
    assert_int_equal(opens("secret"), 1);
  }
}

static void later_calls_count(void **state) {
  (void)state;
  unit_skip_alloc_fail();
  open_world();
  run();
  ensure("one", 0);
  ensure("two", 1);
  run();
  assert_int_equal(told[0] + told[1], 2);
  (void)stored("alice@im.example");
  assert_int_equal(opens("two"), 1);
  ensure("one", 0); /* again, against what is there */
  ensure("two", 1);
  run();
  (void)stored("alice@im.example");
  assert_int_equal(opens("two"), 1);
  ensure("one", 0);
  assert_int_equal(imp_node_account_set(w.node, "alice", "three", done, (void *)2), IMP_OK);
  run();
  (void)stored("alice@im.example");
  assert_int_equal(opens("three"), 1);
  ensure("one", 0);
  assert_int_equal(imp_node_account_del(w.node, "alice", done, (void *)3), IMP_OK);
  run();
  assert_string_equal(stored("alice@im.example"), "");
  assert_int_equal(imp_node_account_del(w.node, "alice", NULL, NULL), IMP_OK);
  ensure("four", 1);
  run();
  (void)stored("alice@im.example");
  assert_int_equal(opens("four"), 1);
  for (int i = 0; i < 4; i++) {
    assert_int_equal(status_of[i], IMP_OK);
  }
  assert_int_equal(told[0], 4);
  assert_int_equal(told[1], 3);
}

static void nothing_is_written_without_an_answer(void **state) {
  char before[2000];
  (void)state;
  open_world();
  ensure("secret", 0);
  run();
  snprintf(before, sizeof(before), "%s", stored("alice@im.example"));
  world_wait(&w, NULL, 0, 60 * IMP_SECONDS);
  ensure("another", 1);
  world_wait(&w, NULL, 0, 6 * IMP_SECONDS);
  assert_int_equal(told[1], 1);
  assert_int_equal(status_of[1], IMP_ERR_TIMEOUT);
  run();
  assert_string_equal(stored("alice@im.example"), before);
  ensure("another", 2); /* and the node goes, before one answer and after the other */
  assert_int_equal(slow_store_answer(slow), 1);
  assert_int_equal(imp_node_account_ensure(w.node, "bob", "another", done, (void *)2), IMP_OK);
  imp_node_del(w.node);
  w.node = NULL;
  assert_int_equal(told[2], 0);
}

static void what_cannot_be(void **state) {
  (void)state;
  open_world();
  run();
  assert_int_equal(imp_node_account_ensure(w.node, "", "x", done, NULL), IMP_ERR_MALFORMED);
  assert_int_equal(imp_node_account_ensure(w.node, NULL, "x", done, NULL), IMP_ERR_MALFORMED);
  assert_int_equal(imp_node_account_ensure(w.node, "al ice", "x", done, NULL), IMP_ERR_MALFORMED);
  assert_int_equal(imp_node_account_ensure(w.node, "alice", "", done, NULL), IMP_ERR_INVALID_ARGUMENT);
  assert_int_equal(imp_node_account_ensure(w.node, "alice", NULL, done, NULL), IMP_ERR_INVALID_ARGUMENT);
  assert_int_equal(imp_node_account_ensure(w.node, "alice", "\xff", done, NULL), IMP_ERR_INVALID_ARGUMENT);
  assert_non_null(strstr(imp_node_last_error(w.node), "alice@im.example"));
  ensure("secret", 1);
  assert_int_equal(imp_node_account_set(w.node, "alice", "", NULL, NULL), IMP_ERR_INVALID_ARGUMENT); /* overtakes nobody */
  run();
  assert_int_equal(told[0], 0);
  (void)stored("alice@im.example");
  assert_int_equal(opens("secret"), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(keys_stay_while_the_password_does),
      cmocka_unit_test(keys_of_other_settings_are_made_anew),
      cmocka_unit_test(what_is_no_set_of_keys_is_replaced),
      cmocka_unit_test(later_calls_count),
      cmocka_unit_test(nothing_is_written_without_an_answer),
      cmocka_unit_test(what_cannot_be),
  };
  return unit_run("node_account", tests);
}
