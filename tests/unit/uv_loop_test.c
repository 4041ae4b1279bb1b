/*
 * The loop: real sockets, clients that come and go.
 *
 * rooms: c2s im
 */
#include "alloc_fail.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <imp/imp.h>
#include <imp/uv.h>

#define HEADER                                                                                                         \
  "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>"

/* A node on a loop, and clients on the same loop. */
static struct {
  uv_loop_t loop;
  imp_node *node;
  imp_uv *uv;
  uint16_t port;
  int done, posted;
} t;

typedef struct peer {
  uv_tcp_t tcp;
  uv_connect_t connect;
  uv_write_t write;
  char got[8192];
  size_t len;
  int eof; /* 1, or a negative error */
} peer;

static void close_handle(uv_handle_t *handle, void *arg) {
  (void)arg;
  if (!uv_is_closing(handle)) {
    uv_close(handle, NULL);
  }
}

static void tear_down(void *arg) {
  (void)arg;
  imp_uv_del(t.uv);
  imp_node_del(t.node);
  for (int i = 0; i < 3; i++) {
    uv_run(&t.loop, UV_RUN_NOWAIT);
  }
  uv_walk(&t.loop, close_handle, NULL);
  uv_run(&t.loop, UV_RUN_NOWAIT);
  uv_loop_close(&t.loop);
}

static int set_up_with_rate(uint32_t recv_rate) {
  imp_settings settings;
  imp_callbacks callbacks;
  memset(&t, 0, sizeof t);
  while (open("/dev/null", O_RDWR) <
         3) { /* reruns have no stderr, and libuv wants none of its own to be in that place */
  }
  imp_settings_default(&settings, sizeof settings);
  imp_uv_callbacks(&callbacks, sizeof callbacks);
  settings.domain = "localhost";
  settings.recv_rate = recv_rate;
  settings.log_level = IMP_LOG_ERROR;
  uv_loop_init(&t.loop);
  unit_own(tear_down, NULL);
  int rv = imp_node_new(&t.node, &settings, &callbacks, NULL);
  return rv == IMP_OK ? imp_uv_new(&t.uv, &t.loop, t.node) : rv;
}

static int set_up(void) { return set_up_with_rate(0); }

static void listen_somewhere(void) {
  imp_uv_listen_options options = {.size = sizeof options, .allow_plaintext = 1};
  assert_int_equal(imp_uv_listen(t.uv, IMP_ROLE_C2S, "127.0.0.1", 0, &options, &t.port), IMP_OK);
  assert_int_not_equal(t.port, 0);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  peer *p = (peer *)(void *)handle;
  (void)suggested;
  *buf = uv_buf_init(p->got + p->len, (unsigned)(sizeof p->got - 1 - p->len));
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf) {
  peer *p = (peer *)(void *)stream;
  (void)buf;
  if (nread > 0) {
    p->len += (size_t)nread;
    p->got[p->len] = '\0';
  } else if (nread < 0) {
    p->eof = nread == UV_EOF ? 1 : (int)nread;
    uv_close((uv_handle_t *)stream, NULL);
  }
}

static void on_connect(uv_connect_t *req, int status) {
  assert_int_equal(status, 0);
  uv_read_start(req->handle, on_alloc, on_read);
}

static void say(peer *p, const char *text) {
  uv_buf_t buf = uv_buf_init((char *)(uintptr_t)text, (unsigned)strlen(text));
  assert_int_equal(uv_write(&p->write, (uv_stream_t *)&p->tcp, &buf, 1, NULL), 0);
}

static void connect_peer(peer *p, const char *text) {
  struct sockaddr_in to;
  memset(p, 0, sizeof *p);
  uv_ip4_addr("127.0.0.1", t.port, &to);
  uv_tcp_init(&t.loop, &p->tcp);
  assert_int_equal(uv_tcp_connect(&p->connect, &p->tcp, (const struct sockaddr *)&to, on_connect), 0);
  say(p, text);
}

/* Runs the loop until the peer has got the text (or, for NULL, the end), five seconds at most. */
static int run_until(peer *p, const char *text) {
  uint64_t end = uv_hrtime() + 5000000000u;
  while (uv_hrtime() < end) {
    if (text != NULL ? strstr(p->got, text) != NULL : p->eof != 0) {
      return 1;
    }
    if (uv_run(&t.loop, UV_RUN_NOWAIT) == 0 || text == NULL) {
      usleep(200);
    }
  }
  return 0;
}

static void serves_a_stream(void **state) {
  static peer p;
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(set_up(), IMP_OK);
  listen_somewhere();
  connect_peer(&p, HEADER);
  assert_true(run_until(&p, "</stream:features>"));
  assert_int_equal(imp_uv_connections(t.uv), 1);
  say(&p, "</stream:stream>");
  assert_true(run_until(&p, NULL));
  assert_int_equal(p.eof, 1);
  assert_non_null(strstr(p.got, "</stream:stream>"));
  assert_int_equal(imp_uv_connections(t.uv), 0);
}

static int count_message(imp_node *node, const imp_stanza *st, void *user_data) {
  (void)node;
  (void)st;
  ++*(int *)user_data;
  return IMP_OK;
}

static void log_in(peer *p) {
  connect_peer(p, HEADER);
  assert_true(run_until(p, "</stream:features>"));
  say(p, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGFsaWNlAHNlY3JldA==</auth>");
  assert_true(run_until(p, "<success"));
  p->len = 0;
  p->got[0] = '\0';
  say(p, HEADER);
  assert_true(run_until(p, "</stream:features>"));
  say(p, "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
  assert_true(run_until(p, "</iq>"));
}

/* A peer that sends faster than it may is read more slowly, and everything that it sent arrives. */
static void reads_no_faster_than_allowed(void **state) {
  static peer p;
  static char flood[300001];
  static const char message[] = "<message to='count@localhost'><body>0123456789012345678901</body></message>";
  int count = 0;
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(set_up_with_rate(150000), IMP_OK);
  assert_int_equal(imp_node_account_set(t.node, "alice", "secret", NULL, NULL), IMP_OK);
  assert_int_equal(imp_node_handle_jid(t.node, "count@localhost", count_message, &count), IMP_OK);
  listen_somewhere();
  log_in(&p);
  size_t each = sizeof message - 1;
  for (size_t i = 0; i < sizeof flood / each; i++) {
    memcpy(flood + i * each, message, each);
  }
  uint64_t begin = uv_hrtime();
  say(&p, flood);
  while (count < (int)(sizeof flood / each) && uv_hrtime() - begin < 10000000000u) {
    uv_run(&t.loop, UV_RUN_ONCE);
  }
  assert_int_equal(count, sizeof flood / each);
  assert_true(uv_hrtime() - begin > 300000000u); /* 150,000 bytes at once, then 150,000 a second */
}

/* Input that nobody reads must not turn the end into a reset, which would take our last words from the peer. */
static void last_words_arrive(void **state) {
  static peer p;
  static char flood[200000];
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(set_up(), IMP_OK);
  listen_somewhere();
  memset(flood, '<', sizeof flood - 1);
  connect_peer(&p, flood);
  assert_true(run_until(&p, NULL));
  assert_int_equal(p.eof, 1);
  assert_non_null(strstr(p.got, "not-well-formed"));
}

static void on_down(imp_uv *uv, void *user_data) {
  (void)uv;
  ++*(int *)user_data;
}

static void shuts_down(void **state) {
  static peer p;
  uint16_t port;
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(set_up(), IMP_OK);
  listen_somewhere();
  connect_peer(&p, HEADER);
  assert_true(run_until(&p, "</stream:features>"));
  imp_uv_shutdown(t.uv, on_down, &t.done);
  assert_true(run_until(&p, NULL));
  assert_int_equal(p.eof, 1);
  assert_non_null(strstr(p.got, "system-shutdown"));
  uv_run(&t.loop, UV_RUN_DEFAULT); /* ends by itself: nothing keeps the loop */
  assert_int_equal(t.done, 1);
  assert_int_equal(imp_uv_listen(t.uv, IMP_ROLE_C2S, "127.0.0.1", 0, NULL, &port), IMP_ERR_STATE);
}

static void ends_with_connections_open(void **state) {
  static peer p;
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(set_up(), IMP_OK);
  listen_somewhere();
  connect_peer(&p, HEADER);
  assert_true(run_until(&p, "</stream:features>"));
  imp_uv_del(t.uv);
  t.uv = NULL;
  assert_true(run_until(&p, NULL));
}

static void says_why_it_cannot_listen(void **state) {
  uint16_t port;
  (void)state;
  assert_int_equal(set_up(), IMP_OK);
  assert_int_equal(imp_uv_listen(t.uv, IMP_ROLE_C2S, "localhost", 5222, NULL, NULL), IMP_ERR_INVALID_ARGUMENT);
  assert_non_null(strstr(imp_uv_last_error(t.uv), "localhost"));
  assert_int_equal(imp_uv_listen(t.uv, IMP_ROLE_C2S, "127.0.0.1", 0, NULL, &port), IMP_OK);
  assert_int_equal(imp_uv_listen(t.uv, IMP_ROLE_C2S, "127.0.0.1", port, NULL, NULL), IMP_ERR_UNAVAILABLE);
  assert_non_null(strstr(imp_uv_last_error(t.uv), "address already in use"));
}

static void count_post(void *arg) {
  /* posts run in their order */
  if (t.posted == (int)(intptr_t)arg) {
    t.posted++;
  }
}

static void *poster(void *arg) {
  (void)arg;
  for (intptr_t i = 0; i < 1000; i++) {
    if (imp_uv_poster(count_post, (void *)i, t.uv) != IMP_OK) {
      return NULL;
    }
  }
  return NULL;
}

static void posts_from_another_thread(void **state) {
  pthread_t thread;
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(set_up(), IMP_OK);
  listen_somewhere();
  assert_int_equal(pthread_create(&thread, NULL, poster, NULL), 0);
  for (int i = 0; i < 5000 && t.posted < 1000; i++) {
    uv_run(&t.loop, UV_RUN_NOWAIT);
    usleep(100);
  }
  pthread_join(thread, NULL);
  assert_int_equal(t.posted, 1000);
}

/* What was posted and never came to run in the loop runs when the adapter is deleted. */
static void posts_run_at_the_end(void **state) {
  (void)state;
  assert_int_equal(set_up(), IMP_OK);
  assert_int_equal(imp_uv_post(t.uv, count_post, (void *)0), IMP_OK);
  assert_int_equal(t.posted, 0);
  imp_uv_del(t.uv);
  t.uv = NULL;
  assert_int_equal(t.posted, 1);
}

/* Without file descriptors connections are dropped, the loop does not spin, and afterwards all is well. */
static void survives_lack_of_descriptors(void **state) {
  static peer first, second, third;
  struct rlimit old, few;
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(set_up(), IMP_OK);
  listen_somewhere();
  connect_peer(&first, HEADER);
  assert_true(run_until(&first, "</stream:features>"));
  connect_peer(&second, HEADER); /* its socket is there; the server's is not to be had */
  int fd = dup(0);
  close(fd);
  getrlimit(RLIMIT_NOFILE, &old);
  few = old;
  few.rlim_cur = (rlim_t)fd;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
  int ended = run_until(&second, NULL);
  setrlimit(RLIMIT_NOFILE, &old);
  assert_true(ended);
  connect_peer(&third, HEADER);
  assert_true(run_until(&third, "</stream:features>"));
  assert_int_equal(imp_uv_connections(t.uv), 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(serves_a_stream),
                                     cmocka_unit_test(reads_no_faster_than_allowed),
                                     cmocka_unit_test(last_words_arrive),
                                     cmocka_unit_test(shuts_down),
                                     cmocka_unit_test(ends_with_connections_open),
                                     cmocka_unit_test(says_why_it_cannot_listen),
                                     cmocka_unit_test(posts_from_another_thread),
                                     cmocka_unit_test(posts_run_at_the_end),
                                     cmocka_unit_test(survives_lack_of_descriptors)};
  return unit_run("uv_loop", tests);
}
