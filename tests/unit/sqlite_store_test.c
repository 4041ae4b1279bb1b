#include "alloc_fail.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <imp/sqlite.h>
#include <imp/sys/op.h>
#include <imp/testkit.h>

/* A thread's posts, run by the test. */
typedef struct letter {
  void (*fn)(void *arg);
  void *arg;
} letter;

static struct {
  char dir[64], path[96];
  imp_sqlite_options options;
  pthread_mutex_t lock;
  letter letters[64];
  size_t count;
  int refuse; /* so many posts fail */
  imp_sqlite *store;
} host = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int post(void (*fn)(void *arg), void *arg, void *ctx) {
  (void)ctx;
  pthread_mutex_lock(&host.lock);
  int refused = host.refuse > 0;
  host.refuse -= refused;
  if (!refused) {
    host.letters[host.count++] = (letter){fn, arg};
  }
  pthread_mutex_unlock(&host.lock);
  return refused;
}

static void run_posts(void *user_data) {
  letter letters[64];
  size_t count;
  (void)user_data;
  usleep(200);
  pthread_mutex_lock(&host.lock);
  count = host.count;
  memcpy(letters, host.letters, sizeof letters);
  host.count = 0;
  pthread_mutex_unlock(&host.lock);
  for (size_t i = 0; i < count; i++) {
    letters[i].fn(letters[i].arg);
  }
}

static void remove_files(void *arg) {
  static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
  char name[128];
  (void)arg;
  for (size_t i = 0; i < 4; i++) {
    snprintf(name, sizeof name, "%s%s", host.path, ends[i]);
    unlink(name);
  }
}

static void remove_dir(void *arg) {
  remove_files(arg);
  rmdir(host.dir);
}

static void prepare(int threaded) {
  snprintf(host.dir, sizeof host.dir, "/tmp/imp-sqlite-XXXXXX");
  assert_non_null(mkdtemp(host.dir));
  snprintf(host.path, sizeof host.path, "%s/test.db", host.dir);
  memset(&host.options, 0, sizeof host.options);
  host.options.size = sizeof host.options;
  host.options.post = threaded ? post : NULL;
  unit_own(remove_dir, NULL);
}

static void *reopen(void *user_data, void *ctx) {
  char text[256] = "";
  imp_sqlite *made;
  imp_sqlite_del(ctx);
  run_posts(user_data); /* what was posted before is late, and harmless */
  if (imp_sqlite_new(&made, host.path, &host.options, text, sizeof text) != IMP_OK) {
    print_error("%s\n", text);
    return NULL;
  }
  host.store = made;
  return made;
}

static void del_host_store(void *arg) {
  (void)arg;
  imp_sqlite_del(host.store);
  run_posts(NULL);
}

static struct rlimit no_limit;

/* A disk that is full. */
static void set_failing(void *user_data, void *ctx, int failing) {
  struct rlimit limit;
  (void)user_data;
  (void)ctx;
  signal(SIGXFSZ, SIG_IGN);
  if (failing) {
    getrlimit(RLIMIT_FSIZE, &no_limit);
  }
  limit = no_limit;
  limit.rlim_cur = failing ? 0 : no_limit.rlim_cur;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void keep_contract(int threaded) {
  imp_testkit_store kit = {sizeof kit, imp_sqlite_vtable(), NULL,       threaded ? run_posts : NULL,
                           reopen,     NULL,                set_failing};
  char text[256] = "";
  unit_skip_alloc_fail();
  prepare(threaded);
  host.refuse = threaded ? 3 : 0;
  kit.ctx = reopen(NULL, NULL);
  assert_non_null(kit.ctx);
  unit_own(del_host_store, NULL);
  int status = imp_testkit_store_check(&kit, text, sizeof text);
  assert_string_equal(text, "");
  assert_int_equal(status, IMP_OK);
}

static void keeps_the_contract(void **state) {
  (void)state;
  keep_contract(0);
}

static void keeps_the_contract_with_a_thread(void **state) {
  (void)state;
  keep_contract(1);
}

static void done_op(imp_op *op, int status, void *user_data) {
  (void)op;
  *(int *)user_data = status;
}

static void del_ops(void *ops) { imp_ops_del(ops); }
static void del_store(void *store) { imp_sqlite_del(store); }

static int flush(imp_ops *ops, imp_sqlite *store) {
  int status = 1;
  imp_op *op = imp_ops_add(ops, done_op, &status);
  assert_non_null(op);
  imp_ops_started(op, imp_sqlite_vtable()->flush(store, op));
  while (imp_ops_run(ops) == 0) {
    run_posts(NULL);
  }
  return status;
}

/* A round of everything with memory failing: the store refuses, and stays whole. */
static void survives_lack_of_memory(void **state) {
  const imp_store *vtable = imp_sqlite_vtable();
  imp_ops *ops;
  imp_sqlite *store;
  (void)state;
  prepare(0);
  assert_int_equal(imp_ops_new(&ops), IMP_OK);
  unit_own(del_ops, ops);
  assert_int_equal(imp_sqlite_new(&store, host.path, NULL, NULL, 0), IMP_OK);
  unit_own(del_store, store);
  assert_int_equal(vtable->put(store, "s", "o", "k", 1, "v", 1), IMP_OK);
  int status = 1;
  imp_op *op = imp_ops_add(ops, done_op, &status);
  assert_non_null(op);
  imp_ops_started(op, vtable->scan(store, op, "s", "o", NULL));
  imp_ops_run(ops);
  assert_int_equal(status, IMP_OK);
  assert_int_equal(flush(ops, store), IMP_OK);
}

static void coalesces_and_shares_commits(void **state) {
  const imp_store *vtable = imp_sqlite_vtable();
  imp_ops *ops;
  imp_sqlite *store;
  imp_sqlite_stats stats;
  char key[16];
  (void)state;
  unit_skip_alloc_fail();
  prepare(1);
  assert_int_equal(imp_ops_new(&ops), IMP_OK);
  unit_own(del_ops, ops);
  assert_int_equal(imp_sqlite_new(&store, host.path, &host.options, NULL, 0), IMP_OK);
  for (int i = 0; i < 100; i++) {
    snprintf(key, sizeof key, "%d", i);
    assert_int_equal(vtable->put(store, "s", "o", key, strlen(key), "v", 1), IMP_OK);
    assert_int_equal(vtable->del(store, "s", "o", key, strlen(key)), IMP_OK);
  }
  assert_int_equal(flush(ops, store), IMP_OK);
  imp_sqlite_get_stats(store, &stats, sizeof stats);
  assert_int_equal(stats.noted, 200);
  assert_int_equal(stats.applied, 100);
  assert_int_equal(stats.flushes, 1);
  assert_int_equal(stats.commits, 1);
  assert_int_equal(stats.failures, 0);
  imp_sqlite_del(store);
  run_posts(NULL);
}

static void refuses_a_second_server(void **state) {
  imp_sqlite *store, *other;
  char text[256];
  (void)state;
  unit_skip_alloc_fail();
  prepare(0);
  assert_int_equal(imp_sqlite_new(&store, host.path, NULL, NULL, 0), IMP_OK);
  unit_own(del_store, store);
  assert_int_equal(imp_sqlite_new(&other, host.path, NULL, text, sizeof text), IMP_ERR_CONFLICT);
  assert_non_null(strstr(text, host.path));
  assert_non_null(strstr(text, "in use by another process"));
}

static void write_file(const char *bytes, size_t len) {
  FILE *file = fopen(host.path, "r+");
  file = file != NULL ? file : fopen(host.path, "w");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, len, file), len);
  fclose(file);
}

static void names_what_is_wrong(void **state) {
  imp_sqlite *store;
  imp_sqlite_options options = {.size = sizeof options, .max_pending = 5};
  char text[256];
  static char garbage[8192];
  (void)state;
  unit_skip_alloc_fail();
  prepare(0);
  memset(garbage, 'x', sizeof garbage);
  write_file(garbage, sizeof garbage);
  assert_int_equal(imp_sqlite_new(&store, host.path, NULL, text, sizeof text), IMP_ERR_CORRUPT);
  assert_non_null(strstr(text, host.path));
  assert_non_null(strstr(text, "not a database"));
  assert_int_equal(imp_sqlite_new(&store, "/nonexistent/x.db", NULL, text, sizeof text), IMP_ERR_UNAVAILABLE);
  assert_non_null(strstr(text, "/nonexistent/x.db: No such file or directory"));
  assert_int_equal(imp_sqlite_new(&store, host.path, &options, text, sizeof text), IMP_ERR_RANGE);
  assert_non_null(strstr(text, "max_pending"));
  assert_int_equal(imp_sqlite_new(&store, "", NULL, text, sizeof text), IMP_ERR_INVALID_ARGUMENT);
}

static void finds_damage(void **state) {
  imp_sqlite *store;
  imp_ops *ops;
  char text[256], key[16];
  static char garbage[3000], value[500];
  (void)state;
  unit_skip_alloc_fail();
  prepare(0);
  assert_int_equal(imp_ops_new(&ops), IMP_OK);
  unit_own(del_ops, ops);
  assert_int_equal(imp_sqlite_new(&store, host.path, NULL, NULL, 0), IMP_OK);
  for (int i = 0; i < 500; i++) {
    snprintf(key, sizeof key, "%d", i);
    assert_int_equal(imp_sqlite_vtable()->put(store, "s", "o", key, strlen(key), value, sizeof value), IMP_OK);
  }
  assert_int_equal(flush(ops, store), IMP_OK);
  imp_sqlite_del(store);
  memset(garbage, 0xee, sizeof garbage);
  FILE *file = fopen(host.path, "r+");
  assert_non_null(file);
  fseek(file, 10 * 8192, SEEK_SET);
  fwrite(garbage, 1, sizeof garbage, file);
  fclose(file);
  assert_int_equal(imp_sqlite_new(&store, host.path, NULL, text, sizeof text), IMP_ERR_CORRUPT);
  assert_non_null(strstr(text, "damaged"));
}

static void bounds_what_waits(void **state) {
  static char value[100000];
  imp_sqlite *store;
  imp_ops *ops;
  imp_sqlite_options options = {.size = sizeof options, .max_pending = 1024 * 1024};
  int status = IMP_OK, count = 0;
  (void)state;
  unit_skip_alloc_fail();
  prepare(0);
  assert_int_equal(imp_ops_new(&ops), IMP_OK);
  unit_own(del_ops, ops);
  assert_int_equal(imp_sqlite_new(&store, host.path, &options, NULL, 0), IMP_OK);
  unit_own(del_store, store);
  while (count < 100 &&
         (status = imp_sqlite_vtable()->put(store, "s", "o", &count, 4, value, sizeof value)) == IMP_OK) {
    count++;
  }
  assert_int_equal(status, IMP_ERR_NOMEM);
  assert_in_range(count, 10, 12);
  assert_int_equal(flush(ops, store), IMP_OK);
  assert_int_equal(imp_sqlite_vtable()->put(store, "s", "o", "k", 1, value, sizeof value), IMP_OK);
}

/* A child writes and flushes until it is killed; what it said was flushed must be there. */
static void child_writes(int out) {
  imp_ops *ops;
  imp_sqlite *store;
  if (imp_ops_new(&ops) != IMP_OK || imp_sqlite_new(&store, host.path, NULL, NULL, 0) != IMP_OK) {
    _exit(1);
  }
  for (uint32_t i = 0;; i++) {
    imp_sqlite_vtable()->put(store, "s", "o", &i, sizeof i, "v", 1);
    if (flush(ops, store) != IMP_OK || write(out, &i, sizeof i) != sizeof i) {
      _exit(1);
    }
  }
}

static void count_rows(imp_op *op, int status, void *user_data) {
  *(size_t *)user_data = status == IMP_OK ? imp_ops_rows(op) : 0;
}

static void survives_kill(void **state) {
  int fds[2];
  uint32_t last = 0, seen = 0;
  imp_ops *ops;
  imp_sqlite *store;
  (void)state;
  unit_skip_alloc_fail();
  prepare(0);
  assert_int_equal(pipe(fds), 0);
  pid_t pid = fork();
  if (pid == 0) {
    child_writes(fds[1]);
  }
  close(fds[1]);
  while (seen < 50 && read(fds[0], &last, sizeof last) == sizeof last) {
    seen++;
  }
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  while (read(fds[0], &last, sizeof last) == sizeof last) {
    seen++;
  }
  close(fds[0]);
  assert_true(seen >= 50);
  assert_int_equal(imp_ops_new(&ops), IMP_OK);
  unit_own(del_ops, ops);
  assert_int_equal(imp_sqlite_new(&store, host.path, NULL, NULL, 0), IMP_OK);
  unit_own(del_store, store);
  size_t rows = 0;
  imp_op *op = imp_ops_add(ops, count_rows, &rows);
  assert_non_null(op);
  imp_ops_started(op, imp_sqlite_vtable()->scan(store, op, "s", "o", NULL));
  imp_ops_run(ops);
  assert_true(rows >= seen);
}

static size_t rows_of(imp_ops *ops, imp_sqlite *store, const char *space) {
  size_t rows = 0;
  imp_op *op = imp_ops_add(ops, count_rows, &rows);
  assert_non_null(op);
  imp_ops_started(op, imp_sqlite_vtable()->scan_all(store, op, space, 0));
  while (imp_ops_run(ops) == 0) {
    run_posts(NULL);
  }
  return rows;
}

static void put_many(imp_sqlite *store, const char *space, int count) {
  static char value[100000];
  for (int i = 0; i < count; i++) {
    assert_int_equal(imp_sqlite_vtable()->put(store, space, "o", &i, sizeof i, value, sizeof value), IMP_OK);
  }
}

/* The flush fails whole and says why; its writes are in the next one, whether they came before a read or after. */
static void a_failed_commit_is_tried_again(void **state) {
  imp_ops *ops;
  imp_sqlite *store;
  imp_sqlite_stats stats;
  (void)state;
  unit_skip_alloc_fail();
  prepare(1);
  assert_int_equal(imp_ops_new(&ops), IMP_OK);
  unit_own(del_ops, ops);
  assert_int_equal(imp_sqlite_new(&store, host.path, &host.options, NULL, 0), IMP_OK);
  put_many(store, "first", 1);
  assert_int_equal(flush(ops, store), IMP_OK);
  assert_string_equal(imp_sqlite_last_error(store), "");
  set_failing(NULL, NULL, 1);
  put_many(store, "a", 10);
  assert_int_equal(rows_of(ops, store, "a"), 10);
  put_many(store, "b", 10);
  int status = flush(ops, store);
  size_t seen = rows_of(ops, store, "a");
  put_many(store, "c", 3);
  int again = flush(ops, store);
  set_failing(NULL, NULL, 0);
  assert_int_equal(status, IMP_ERR_UNAVAILABLE);
  assert_int_equal(again, IMP_ERR_UNAVAILABLE);
  assert_int_equal(seen, 10);
  assert_non_null(strstr(imp_sqlite_last_error(store), host.path));
  assert_int_equal(flush(ops, store), IMP_OK);
  imp_sqlite_get_stats(store, &stats, sizeof stats);
  assert_int_equal(stats.failures, 2);
  assert_int_equal(stats.commits, 2);
  put_many(store, "never", 5);
  imp_sqlite_del(store);
  run_posts(NULL);
  assert_int_equal(imp_sqlite_new(&store, host.path, NULL, NULL, 0), IMP_OK);
  unit_own(del_store, store);
  assert_int_equal(rows_of(ops, store, "first"), 1);
  assert_int_equal(rows_of(ops, store, "a"), 10);
  assert_int_equal(rows_of(ops, store, "b"), 10);
  assert_int_equal(rows_of(ops, store, "c"), 3);
  assert_int_equal(rows_of(ops, store, "never"), 0);
}

/* What waits for a disk without room is bounded, and gone from memory when there is room again. */
static void bounds_what_a_full_disk_keeps_waiting(void **state) {
  static char value[100000];
  imp_sqlite *store;
  imp_ops *ops;
  imp_sqlite_options options = {.size = sizeof options, .max_pending = 1024 * 1024};
  int count = 0;
  (void)state;
  unit_skip_alloc_fail();
  prepare(0);
  assert_int_equal(imp_ops_new(&ops), IMP_OK);
  unit_own(del_ops, ops);
  assert_int_equal(imp_sqlite_new(&store, host.path, &options, NULL, 0), IMP_OK);
  unit_own(del_store, store);
  set_failing(NULL, NULL, 1);
  while (count < 100 && imp_sqlite_vtable()->put(store, "s", "o", &count, 4, value, sizeof value) == IMP_OK) {
    count++;
    (void)flush(ops, store);
  }
  for (int i = 0; i < 1000; i++) { /* costs nothing more */
    (void)flush(ops, store);
  }
  set_failing(NULL, NULL, 0);
  assert_in_range(count, 5, 12);
  assert_int_equal(flush(ops, store), IMP_OK);
  put_many(store, "more", 5);
  assert_int_equal(flush(ops, store), IMP_OK);
  assert_int_equal(rows_of(ops, store, "s"), count);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(keeps_the_contract),
                                     cmocka_unit_test(keeps_the_contract_with_a_thread),
                                     cmocka_unit_test(survives_lack_of_memory),
                                     cmocka_unit_test(coalesces_and_shares_commits),
                                     cmocka_unit_test(refuses_a_second_server),
                                     cmocka_unit_test(names_what_is_wrong),
                                     cmocka_unit_test(finds_damage),
                                     cmocka_unit_test(bounds_what_waits),
                                     cmocka_unit_test(survives_kill),
                                     cmocka_unit_test(a_failed_commit_is_tried_again),
                                     cmocka_unit_test(bounds_what_a_full_disk_keeps_waiting)};
  return unit_run("sqlite_store", tests);
}
