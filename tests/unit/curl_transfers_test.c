/* Transfers as the library drives them: deadlines, cancelling at any moment, streams, pausing, queues, pools, the end. */
#include "curl_kit.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "port/op.h"

#define REQUEST(name, path, ...)                                                                                       \
  ((imp_http_request){.size = sizeof(imp_http_request), .method = "GET", .url = curl_kit_url(name, path), __VA_ARGS__})
#define GET(answer, name, path, ...) curl_kit_get(answer, REQUEST(name, path, __VA_ARGS__), NULL)
#define START(answer, name, path, ...) curl_kit_start(answer, &REQUEST(name, path, __VA_ARGS__), NULL)

static curl_kit_answer a, b, many[40];

/* Names that take long to look up: the tests' own resolver, in place of the C library's. */
__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
  (void)service;
  (void)hints;
  if (name != NULL && strcmp(name, "slow.invalid") == 0) {
    usleep(1500000);
  }
  *result = NULL;
  return EAI_NONAME;
}

static void cancelling(void **state) {
  static const char *const paths[] = {"never", "silent", "endless", "slow/50", "hello"};
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  for (size_t i = 0; i < 5; i++) {
    for (uint64_t after = 0; after < 12; after += 4) {
      START(&a, i % 2 ? "plain" : "tls", paths[i], .ca_file = curl_kit_ca(), .stream = 1);
      assert_int_equal(a.started, IMP_ERR_PENDING);
      curl_kit_spin(after);
      if (a.done) {
        continue;
      }
      curl_kit_cancel(&a);
      assert_int_equal(a.done, 1);
      assert_int_equal(a.status, IMP_ERR_CANCELLED);
    }
  }
  imp_curl_stats stats = curl_kit_stats();
  assert_int_equal(stats.cancelled + stats.responses, stats.requests);
  assert_int_equal(stats.active + stats.streams + stats.waiting, 0);
  GET(&a, "plain", "hello");
  assert_int_equal(a.status, IMP_OK);
}

static void cancelling_without_memory(void **state) {
  (void)state;
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  START(&a, "plain", "silent", .stream = 1);
  START(&b, "plain", "never");
  curl_kit_spin(5);
  curl_kit_cancel(&a);
  curl_kit_cancel(&b);
  assert_int_equal(curl_kit_stats().cancelled, 2);
}

static void cancelling_while_a_name_is_looked_up(void **state) {
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  curl_kit_start(&a, &(imp_http_request){.size = sizeof(imp_http_request), .method = "GET", .url = "http://slow.invalid/"},
            NULL);
  curl_kit_spin(30);
  imp_tstamp begin = uv_hrtime();
  curl_kit_cancel(&a);
  assert_true(uv_hrtime() - begin < 300 * IMP_MILLISECONDS);
  assert_int_equal(a.status, IMP_ERR_CANCELLED);
  GET(&b, "plain", "hello");
  assert_int_equal(b.status, IMP_OK);
}

/* ---- deadlines: ops as a node makes them ---- */

static struct {
  imp_heap timers;
  imp_op_queue queue;
  int done, status;
} node;

static void on_done(imp_op *op, int status, void *ctx) {
  (void)op;
  (void)ctx;
  node.done++;
  node.status = status;
}

static void close_queue(void *arg) {
  (void)arg;
  curl_kit_close();
  imp_op_queue_close(&node.queue);
  imp_heap_reset(&node.timers);
}

static imp_op *start_until(imp_tstamp deadline, const char *path) {
  imp_op *op = imp_op_new(&node.queue, on_done, NULL, deadline);
  assert_non_null(op);
  imp_op_started(op, imp_curl_vtable()->start(kit.curl, op, &REQUEST("plain", path)));
  return op;
}

static void deadlines(void **state) {
  imp_curl_options options = {.size = sizeof options, .max_requests = 1};
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(curl_kit_open(&options), IMP_OK);
  memset(&node, 0, sizeof node);
  imp_heap_init(&node.timers);
  imp_op_queue_init(&node.queue, &node.timers, NULL, NULL);
  unit_own(close_queue, NULL);
  imp_tstamp begin = uv_hrtime();
  start_until(begin + 150 * IMP_MILLISECONDS, "never");
  start_until(begin + 100 * IMP_MILLISECONDS, "hello"); /* in the queue all the time */
  curl_kit_spin(120);
  assert_int_equal(curl_kit_stats().failures, 1);
  assert_int_equal(curl_kit_stats().waiting, 0);
  curl_kit_spin(120);
  assert_int_equal(curl_kit_stats().failures, 2);
  imp_op_queue_run(&node.queue);
  assert_int_equal(node.done, 2);
  assert_int_equal(node.status, IMP_ERR_TIMEOUT);
  start_until(uv_hrtime(), "hello"); /* too late already */
  curl_kit_spin(20);
  assert_int_equal(curl_kit_stats().failures, 3);
  assert_int_equal(curl_kit_stats().connections, 1);
}

/* ---- streams ---- */

static void pieces_come_as_they_are_sent(void **state) {
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  START(&a, "tls", "events/4/150", .ca_file = curl_kit_ca(), .stream = 1);
  curl_kit_spin(80);
  assert_int_equal(a.streamed, 8);
  assert_int_equal(curl_kit_stats().streams, 1);
  curl_kit_wait(&a);
  assert_int_equal(a.status, IMP_OK);
  assert_int_equal(a.streamed, 32);
  assert_true(a.pieces >= 4);
}

static void a_reader_that_refuses(void **state) {
  (void)state;
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  a.stop_after = 3;
  GET(&a, "plain", "endless", .stream = 1);
  a.stop_after = 0;
  assert_int_equal(a.status, IMP_ERR_MALFORMED);
  assert_int_equal(a.pieces, 3);
}

static long sent(void) {
  GET(&b, "plain", "sent");
  return strtol(b.body, NULL, 10);
}

static void spin_until_more_than(uint64_t streamed) {
  for (int i = 0; i < 1000 && a.streamed <= streamed; i++) {
    curl_kit_spin(10);
  }
  assert_true(a.streamed > streamed);
}

/* The buffers of both systems fill up. */
static void spin_until_nothing_is_sent(void) {
  long before = -1;
  for (int i = 0; i < 30 && before != sent(); i++) {
    before = sent();
    curl_kit_spin(300);
  }
}

static void pausing(void **state) {
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  START(&a, "plain", "fountain", .stream = 1, .idle_timeout = 1000);
  spin_until_more_than(0);
  assert_int_equal(imp_curl_pause(kit.curl, a.op, 1), IMP_OK);
  spin_until_nothing_is_sent();
  uint64_t streamed = a.streamed;
  long before = sent();
  curl_kit_spin(1200);
  assert_int_equal(a.streamed, streamed);
  assert_int_equal(sent(), before);
  assert_int_equal(a.done, 0); /* whose silence it is matters */
  assert_int_equal(imp_curl_pause(kit.curl, a.op, 0), IMP_OK);
  spin_until_more_than(streamed);
  a.stop_after = 1;
  curl_kit_wait(&a);
  assert_int_equal(a.status, IMP_ERR_MALFORMED);
  a.stop_after = 0;
}

static void pausing_and_the_end(void **state) {
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  START(&a, "plain", "hello", .stream = 1);
  assert_int_equal(imp_curl_pause(kit.curl, a.op, 1), IMP_OK); /* before it begins */
  curl_kit_spin(50);
  assert_int_equal(a.done, 0);
  assert_int_equal(a.streamed, 0);
  assert_int_equal(imp_curl_pause(kit.curl, a.op, 0), IMP_OK);
  curl_kit_wait(&a);
  assert_int_equal(a.status, IMP_OK);
  assert_int_equal(a.streamed, 5);

  a.stop_after = 1;
  START(&a, "plain", "hello", .stream = 1); /* what was held back is refused */
  assert_int_equal(imp_curl_pause(kit.curl, a.op, 1), IMP_OK);
  curl_kit_spin(50);
  imp_curl_pause(kit.curl, a.op, 0);
  curl_kit_wait(&a);
  a.stop_after = 0;
  assert_int_equal(a.status, IMP_ERR_MALFORMED);

  START(&a, "plain", "hello", .stream = 1); /* cancelled while it is held back */
  assert_int_equal(imp_curl_pause(kit.curl, a.op, 1), IMP_OK);
  curl_kit_spin(50);
  curl_kit_cancel(&a);
  assert_int_equal(a.status, IMP_ERR_CANCELLED);
}

/* ---- queues ---- */

static int done_of(size_t count) {
  int done = 0;
  for (size_t i = 0; i < count; i++) {
    done += many[i].done;
  }
  return done;
}

static void places(void **state) {
  imp_curl_options options = {.size = sizeof options, .max_requests = 4, .max_per_origin = 3};
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(curl_kit_open(&options), IMP_OK);
  for (size_t i = 0; i < 10; i++) {
    START(&many[i], "plain", "slow/100");
  }
  START(&a, "plain", "slow/100", .stream = 1); /* takes no place */
  START(&b, "tls", "hello", .ca_file = curl_kit_ca()); /* another server has its turn */
  curl_kit_spin(60);
  assert_int_equal(b.done, 1);
  assert_int_equal(curl_kit_stats().active, 4);
  assert_int_equal(curl_kit_stats().waiting, 7);
  curl_kit_cancel(&many[9]);
  assert_int_equal(curl_kit_stats().waiting, 6);
  curl_kit_spin(90);
  assert_int_equal(a.done, 1);
  assert_int_equal(done_of(10), 4);
  for (size_t i = 0; i < 9; i++) {
    curl_kit_wait(&many[i]);
    assert_int_equal(many[i].status, IMP_OK);
  }
  assert_int_equal(curl_kit_stats().connections, 5);
}

/* ---- pools ---- */

static const char *get(imp_http_request request) {
  static char got[8][32];
  static unsigned turn;
  char *text = got[turn++ % 8];
  request.url = curl_kit_url("plain", "connection");
  curl_kit_get(&a, request, NULL);
  assert_int_equal(a.status, IMP_OK);
  snprintf(text, 32, "%.31s", a.body);
  return text;
}

static int same_connection(const char *x, const char *y) { return strtol(x, NULL, 10) == strtol(y, NULL, 10); }

static void affinity(void **state) {
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  const char *one = get((imp_http_request){.affinity = "one"});
  assert_true(same_connection(one, get((imp_http_request){.affinity = "one"})));
  assert_false(same_connection(one, get((imp_http_request){.affinity = "two"})));
  assert_false(same_connection(one, get((imp_http_request){.affinity = NULL})));
  assert_true(same_connection(one, get((imp_http_request){
                                       .affinity = "one", .auth = IMP_HTTP_AUTH_BASIC, .username = "u", .secret = "s"})));
  /* bound to a connection: a user's own, and with each password another */
  imp_http_request ntlm = {.affinity = "one", .auth = IMP_HTTP_AUTH_NTLM, .username = "u", .secret = "s"};
  const char *bound = get(ntlm);
  assert_false(same_connection(one, bound));
  assert_true(same_connection(bound, get(ntlm)));
  ntlm.secret = "t";
  assert_false(same_connection(bound, get(ntlm)));
  ntlm.username = "v";
  assert_false(same_connection(bound, get(ntlm)));
  assert_int_equal(curl_kit_stats().pools, 6);
  assert_null(strstr(kit.log, "secret"));
}

static void pools_end(void **state) {
  imp_curl_options options = {.size = sizeof options, .keep = 100};
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(curl_kit_open(&options), IMP_OK);
  const char *first = get((imp_http_request){.affinity = "one"});
  curl_kit_spin(20);
  assert_int_equal(curl_kit_stats().pools, 1);
  assert_int_equal(uv_loop_alive(&kit.loop), 0); /* for their sake the loop does not go on */
  curl_kit_spin(200);
  assert_int_equal(curl_kit_stats().pools, 0);
  assert_false(same_connection(first, get((imp_http_request){.affinity = "one"})));
}

static void kept_pools_are_few(void **state) {
  char key[16];
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  for (int i = 0; i < 80; i++) {
    snprintf(key, sizeof key, "key %d", i);
    get((imp_http_request){.affinity = key});
  }
  curl_kit_spin(20);
  assert_true(curl_kit_stats().pools <= 65);
}

/* The server closed what was kept: that is no error of the next request. */
static void stale_connections(void **state) {
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  for (int i = 0; i < 5; i++) {
    GET(&a, i % 2 ? "plain" : "tls", "stale", .ca_file = curl_kit_ca());
    assert_int_equal(a.status, IMP_OK);
    curl_kit_spin(i * 3u);
  }
}

/* ---- authentication ---- */

static void passwords(void **state) {
  static const struct {
    const char *path;
    uint32_t auth;
    const char *username, *secret;
    uint32_t code;
  } cases[] = {{"basic", IMP_HTTP_AUTH_BASIC, "jülia", "pä:ss", 200}, {"basic", IMP_HTTP_AUTH_BASIC, "jülia", "no", 401},
               {"bearer", IMP_HTTP_AUTH_BEARER, NULL, "t0ken", 200},  {"bearer", IMP_HTTP_AUTH_BEARER, NULL, "other", 401},
               {"digest", IMP_HTTP_AUTH_DIGEST, "julia", "secret", 200}, {"digest", IMP_HTTP_AUTH_DIGEST, "julia", "n0", 401},
               {"digest", IMP_HTTP_AUTH_BASIC, "julia", "secret", 401},  {"basic", IMP_HTTP_AUTH_NTLM, "jülia", "pä:ss", 401},
               {"basic", IMP_HTTP_AUTH_NEGOTIATE, NULL, NULL, 401}};
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    imp_http_request request = REQUEST("plain", cases[i].path, .auth = cases[i].auth, .username = cases[i].username,
                                       .secret = cases[i].secret, .body = "body", .bodylen = 4);
    request.method = "POST";
    curl_kit_get(&a, request, "X-Answer");
    assert_int_equal(a.status, IMP_OK);
    assert_int_equal(a.code, cases[i].code);
    assert_string_equal(a.body, a.code == 200 ? "welcome" : "denied");
    assert_string_equal(a.field, a.code == 200 ? "(none)" : "401"); /* the first 401 of a handshake is not told */
    assert_true(cases[i].secret == NULL || strstr(kit.log, cases[i].secret) == NULL);
  }
}

static void what_there_is_not(void **state) {
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  GET(&a, "plain", "hello", .auth = IMP_HTTP_AUTH_NEGOTIATE, .username = "u", .secret = "s");
  assert_int_equal(a.status, IMP_ERR_UNSUPPORTED);
  GET(&a, "plain", "hello", .auth = 99);
  assert_int_equal(a.status, IMP_ERR_UNSUPPORTED);
  GET(&a, "plain", "hello", .auth = IMP_HTTP_AUTH_BASIC, .username = "a:b", .secret = "s");
  assert_int_equal(a.status, IMP_ERR_INVALID_ARGUMENT);
  GET(&a, "plain", "hello", .auth = IMP_HTTP_AUTH_BASIC, .secret = "s");
  assert_int_equal(a.status, IMP_ERR_INVALID_ARGUMENT);
  GET(&a, "plain", "hello", .auth = IMP_HTTP_AUTH_BEARER, .secret = "a b");
  assert_int_equal(a.status, IMP_ERR_INVALID_ARGUMENT);
}

/* ---- the end ---- */

static void deleting_with_transfers_under_way(void **state) {
  static const char *const paths[] = {"never", "silent", "endless", "slow/5", "hello"};
  imp_curl_options options = {.size = sizeof options, .max_requests = 3};
  (void)state;
  assert_int_equal(curl_kit_open(&options), IMP_OK);
  for (size_t i = 0; i < 8; i++) {
    START(&many[i], i % 3 ? "plain" : "tls", paths[i % 5], .ca_file = curl_kit_ca(), .stream = i % 2, .affinity = paths[i % 3]);
  }
  curl_kit_spin(5);
  imp_curl_del(kit.curl);
  kit.curl = NULL;
  imp_ops_run(kit.ops);
  assert_int_equal(done_of(8), 8);
  assert_int_equal(imp_ops_pending(kit.ops), 0);
}

/* The node goes first: what it asked for is done unheard. */
static void deleting_after_those_who_wait(void **state) {
  (void)state;
  assert_int_equal(curl_kit_open(NULL), IMP_OK);
  START(&a, "plain", "slow/20");
  START(&b, "plain", "never");
  curl_kit_spin(5);
  imp_ops_del(kit.ops);
  kit.ops = NULL;
  for (int i = 0; i < 20000 && curl_kit_stats().active > 1; i++) {
    uv_run(&kit.loop, UV_RUN_NOWAIT);
    usleep(500);
  }
  assert_int_equal(a.done + b.done, 0);
  assert_int_equal(curl_kit_stats().active, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(cancelling),
      cmocka_unit_test(cancelling_without_memory),
      cmocka_unit_test(cancelling_while_a_name_is_looked_up),
      cmocka_unit_test(deadlines),
      cmocka_unit_test(pieces_come_as_they_are_sent),
      cmocka_unit_test(a_reader_that_refuses),
      cmocka_unit_test(pausing),
      cmocka_unit_test(pausing_and_the_end),
      cmocka_unit_test(places),
      cmocka_unit_test(affinity),
      cmocka_unit_test(pools_end),
      cmocka_unit_test(kept_pools_are_few),
      cmocka_unit_test(stale_connections),
      cmocka_unit_test(passwords),
      cmocka_unit_test(what_there_is_not),
      cmocka_unit_test(deleting_with_transfers_under_way),
      cmocka_unit_test(deleting_after_those_who_wait),
  };
  return kit_run("curl_transfers", tests);
}
