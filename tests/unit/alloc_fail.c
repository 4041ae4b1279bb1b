#include "alloc_fail.h"

#include <execinfo.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <imp/core.h>

#define OWNED_MAX 64
#define ALLOC_MAX 3000 /* after so many every 1/16th more is tried */

/* What a child tells its parent. */
typedef struct report {
  int reached;  /* the allocation that should fail was made */
  int finished; /* the test returned */
  int skip;
  int owns; /* unit_own() was used */
  long leaked;
} report;

static report *shared;
static struct {
  void (*release)(void *object);
  void *object;
} owned[OWNED_MAX];
static size_t owned_count;
static atomic_ulong allocs; /* some tests have threads */
static unsigned long fail_at; /* 0: none fails */
static atomic_long live;

/* UNIT_TRACE=217 shows where allocation 217 is made (symbols as far as the linker knows them; see addr2line). */
static void trace(void) {
  const char *at = getenv("UNIT_TRACE");
  void *frames[48];
  if (at != NULL && strtoul(at, NULL, 10) == fail_at) {
    backtrace_symbols_fd(frames, backtrace(frames, 48), 2);
  }
}

static int fails(void) {
  if (fail_at == 0 || ++allocs != fail_at) {
    return 0;
  }
  shared->reached = 1;
  trace();
  return 1;
}

static void *unit_malloc(size_t size) {
  void *p = fails() ? NULL : malloc(size);
  live += p != NULL;
  return p;
}

static void *unit_calloc(size_t count, size_t size) {
  void *p = fails() ? NULL : calloc(count, size);
  live += p != NULL;
  return p;
}

static void *unit_realloc(void *ptr, size_t size) {
  void *p = fails() ? NULL : realloc(ptr, size);
  live += p != NULL && ptr == NULL;
  return p;
}

static void unit_free(void *ptr) {
  live -= ptr != NULL;
  free(ptr);
}

static void release_owned(void) {
  while (owned_count > 0) {
    owned_count--;
    owned[owned_count].release(owned[owned_count].object);
  }
}

void unit_own(void (*release)(void *object), void *object) {
  if (owned_count == OWNED_MAX) {
    fail_msg("unit_own: more than %d objects", OWNED_MAX);
  }
  shared->owns = 1;
  owned[owned_count].release = release;
  owned[owned_count].object = object;
  owned_count++;
}

void unit_skip_alloc_fail(void) { shared->skip = 1; }

int unit_alloc_failed(void) { return shared->reached; }

/* Also runs when a failed assertion calls exit(), and before a leak checker's own handler. */
static void end_child(void) {
  fail_at = 0;
  release_owned();
  shared->leaked = live;
  _exit(0);
}

static void run_child(const struct CMUnitTest *test, unsigned long at) {
  void *state = test->initial_state;
  if (getenv("UNIT_VERBOSE") == NULL && freopen("/dev/null", "w", stdout) != NULL && at > 0) {
    fclose(stderr);
  }
  atexit(end_child);
  alarm(60);
  allocs = 0;
  live = 0;
  fail_at = at;
  if (test->setup_func == NULL || test->setup_func(&state) == 0) {
    test->test_func(&state);
  }
  shared->finished = 1;
  fail_at = 0;
  if (test->teardown_func != NULL) {
    test->teardown_func(&state);
  }
  exit(0);
}

/* One run in a child; returns 0 if it went as it should. */
static int run_once(const struct CMUnitTest *test, unsigned long at) {
  int status = 0;
  memset(shared, 0, sizeof *shared);
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0) {
    run_child(test, at);
  }
  if (pid < 0 || waitpid(pid, &status, 0) != pid) {
    fprintf(stderr, "%s: cannot fork\n", test->name);
    return -1;
  }
  if (WIFSIGNALED(status) || WEXITSTATUS(status) != 0) {
    fprintf(stderr, "%s: allocation %lu failing: ended by %s %d\n", test->name, at,
            WIFSIGNALED(status) ? "signal" : "exit status",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return -1;
  }
  if (at == 0 && !shared->finished) {
    fprintf(stderr, "%s: fails when it runs a second time\n", test->name);
    return -1;
  }
  if (shared->leaked != 0 && !shared->skip && (shared->finished || shared->owns)) {
    fprintf(stderr, "%s: allocation %lu failing: %ld allocations leaked\n", test->name, at, shared->leaked);
    return -1;
  }
  return 0;
}

static int rerun(const struct CMUnitTest *test) {
  int bad = 0;
  if (run_once(test, 0) != 0) { /* no failure: counts what leaks anyway */
    return 1;
  }
  unsigned long at = 0;
  while (!shared->skip && bad < 3) {
    at += 1 + (at > ALLOC_MAX ? at / 16 : 0);
    bad += run_once(test, at) != 0;
    if (!shared->reached) {
      break;
    }
  }
  printf("[ ALLOC    ] %s: %s%lu allocations failed in turn\n", test->name, bad ? "BAD, " : "", at > 0 ? at - 1 : 0);
  return bad;
}

/* cmocka calls these around each test of the ordinary run. */
static const struct CMUnitTest *current;

static int plain_teardown(void **state) {
  release_owned();
  return current->teardown_func != NULL ? current->teardown_func(state) : 0;
}

static int run_plain(const char *name, const struct CMUnitTest *tests, size_t count) {
  int failed = 0;
  for (size_t i = 0; i < count; i++) {
    struct CMUnitTest one[1] = {tests[i]};
    current = &tests[i];
    one[0].teardown_func = plain_teardown;
    failed += _cmocka_run_group_tests(name, one, 1, NULL, NULL) != 0;
  }
  return failed;
}

int unit_run_tests(const char *name, const struct CMUnitTest *tests, size_t count) {
  int failed = 0;
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) {
    return 1;
  }
  imp_replace_allocator(unit_malloc, unit_calloc, unit_realloc, unit_free);
  failed = run_plain(name, tests, count);
  for (size_t i = 0; failed == 0 && i < count; i++) {
    failed += rerun(&tests[i]);
  }
  munmap(shared, sizeof *shared);
  return failed != 0;
}
