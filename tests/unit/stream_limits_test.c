/* Bounds: time and bytes before login, slow readers, fast writers, memory. */
#include "stream_kit.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "stream/internal.h"

static void time_before_login(void **state) {
  (void)state;
  kit *k = skit_new(NULL, NULL);
  skit_accept(k, IMP_ROLE_C2S);
  skit_send(k, KIT_OPEN);
  skit_advance(k, 29 * IMP_SECONDS);
  skit_send(k, "<iq/>"); /* being busy does not help */
  assert_false(k->closed);
  skit_advance(k, 2 * IMP_SECONDS);
  assert_has(skit_text(k), "<connection-timeout");
  assert_true(k->closed);
  assert_string_equal(skit_seen(k), "( iq !");
  skit_drop_conn(k);
  skit_accept(k, IMP_ROLE_C2S); /* says nothing at all */
  skit_advance(k, 31 * IMP_SECONDS);
  assert_true(k->closed);
  skit_drop_conn(k);
  skit_accept(k, IMP_ROLE_C2S); /* once in, no timer is left */
  skit_send(k, KIT_OPEN "<in xmlns='x'/>");
  assert_int_equal(imp_heap_next(&k->timers), IMP_TSTAMP_NEVER);
  skit_advance(k, 100000 * IMP_SECONDS);
  assert_false(k->closed);
}

static void bytes_before_login(void **state) {
  (void)state;
  unit_skip_alloc_fail();
  kit *k = skit_new(NULL, NULL);
  skit_accept(k, IMP_ROLE_C2S);
  skit_send(k, KIT_OPEN);
  k->echo = 0;
  for (int i = 0; i < 65536 / 5 - 30; i++) {
    skit_send(k, "<iq/>");
  }
  assert_false(k->closed);
  for (int i = 0; i < 30; i++) {
    skit_send(k, "<iq/>");
  }
  assert_has(skit_text(k), "<policy-violation");
  assert_true(k->closed);
  skit_drop_conn(k);
  skit_accept(k, IMP_ROLE_C2S); /* one stanza has a bound of its own */
  skit_send(k, KIT_OPEN "<iq>");
  for (int i = 0; i < 180 && !k->closed; i++) {
    skit_send(k, "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy");
  }
  assert_has(skit_text(k), "<policy-violation");
  skit_drop_conn(k);
  skit_accept(k, IMP_ROLE_C2S); /* after login the larger bounds hold */
  skit_send(k, KIT_OPEN "<in xmlns='x'/><iq>");
  for (int i = 0; i < 1000; i++) {
    skit_send(k, "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy");
  }
  assert_false(k->closed);
}

static void hostile_streams(void **state) {
  (void)state;
  unit_skip_alloc_fail();
  kit *k = skit_new(NULL, NULL);
  skit_accept(k, IMP_ROLE_C2S);
  skit_send(k, KIT_OPEN);
  for (int i = 0; i < 70; i++) {
    skit_send(k, "<a>"); /* deep */
  }
  assert_has(skit_text(k), "<policy-violation");
  skit_drop_conn(k);
  skit_accept(k, IMP_ROLE_C2S);
  skit_send(k, KIT_OPEN);
  skit_send_bytes(k, "<message>\0</message>", 20);
  assert_has(skit_text(k), "<not-well-formed");
  skit_drop_conn(k);
  skit_accept(k, IMP_ROLE_C2S);
  skit_send(k, KIT_OPEN "<message>&bomb;</message>");
  assert_has(skit_text(k), "<stream:error");
  assert_true(k->closed);
}

/* Fills the output of a client that does not read; returns what the last submit said. */
static int fill(kit *k, const char *text) {
  int rc = IMP_OK;
  for (int i = 0; i < 100000 && rc == IMP_OK; i++) {
    rc = imp_conn_submit_text(k->conn, text, strlen(text));
    if (rc == IMP_OK && imp_conn_pending(k->conn) > 3 * k->limits.output_max) {
      fail_msg("no bound");
    }
  }
  return rc;
}

static void slow_readers(void **state) {
  (void)state;
  kit *k = skit_new(NULL, NULL);
  skit_accept(k, IMP_ROLE_C2S);
  skit_send(k, KIT_OPEN "<in xmlns='x'/>");
  skit_clear(k);
  assert_int_equal(fill(k, "<message><body>is anybody there?</body></message>"), IMP_ERR_TOO_BIG);
  assert_true(imp_conn_is_ended(k->conn));
  assert_true(imp_conn_want_close(k->conn));
  assert_true(imp_conn_pending(k->conn) <= k->limits.output_max + IMP_STREAM_LAST_WORDS);
  assert_string_equal(skit_seen(k), "( in");
  k->deaf = 1;
  skit_pump(k);
  assert_string_equal(skit_seen(k), "( in !");
  k->deaf = 0; /* it reads after all: whole stanzas, then why */
  skit_pump(k);
  assert_has(skit_text(k), "</message><stream:error><policy-violation");
  assert_true(k->closed);
}

static void who_never_reads(void **state) {
  (void)state;
  kit *k = skit_new(NULL, NULL);
  skit_accept(k, IMP_ROLE_C2S);
  skit_send(k, KIT_OPEN "<in xmlns='x'/>");
  assert_int_equal(fill(k, "<message/>"), IMP_ERR_TOO_BIG);
  k->deaf = 1;
  skit_advance(k, 6 * IMP_SECONDS); /* the host shall not wait for ever */
  assert_int_equal(imp_conn_pending(k->conn), 0);
  assert_true(imp_conn_want_close(k->conn));
}

static void slow_readers_over_tls(void **state) {
  size_t len;
  (void)state;
  kit *k = skit_new(&skit_server, NULL);
  skit_accept(k, IMP_ROLE_C2S_TLS);
  skit_client_tls(k, NULL, NULL, NULL);
  skit_send(k, KIT_OPEN "<in xmlns='x'/>");
  skit_clear(k);
  for (int i = 0; i < 100000 && !imp_conn_is_ended(k->conn); i++) {
    (void)imp_conn_submit_text(k->conn, "<message><body>is anybody there?</body></message>", 49);
    (void)imp_conn_send_peek(k->conn, &len); /* a host that tries to write each time */
  }
  assert_true(imp_conn_is_ended(k->conn));
  assert_true(imp_conn_pending(k->conn) < 3 * k->limits.output_max);
  skit_pump(k);
  assert_has(skit_text(k), "</message><stream:error><policy-violation");
  assert_true(k->closed);
}

static void one_record_a_turn(void **state) {
  (void)state;
  kit *k = skit_new(&skit_server, NULL);
  skit_accept(k, IMP_ROLE_C2S_TLS);
  skit_client_tls(k, NULL, NULL, NULL);
  skit_send(k, KIT_OPEN "<in xmlns='x'/>");
  for (int i = 0; i < 100; i++) {
    imp_conn_submit_text(k->conn, "<message><body>0123456789</body></message>", 42);
  }
  size_t len;
  const uint8_t *wire = imp_conn_send_peek(k->conn, &len);
  assert_non_null(wire);
  assert_int_equal(wire[0], 23);
  assert_int_equal(5u + (unsigned)(wire[3] << 8 | wire[4]), len); /* one record holds it all */
  assert_int_equal(len, 4200 + 5 + 17);
}

static void fast_writers(void **state) {
  (void)state;
  unit_skip_alloc_fail();
  kit *k = skit_new(NULL, NULL);
  k->limits.recv_rate = 1000;
  k->limits.recv_burst = 2000;
  k->echo = 0;
  skit_accept(k, IMP_ROLE_C2S);
  skit_send(k, KIT_OPEN "<in xmlns='x'/>");
  assert_false(imp_conn_is_paused(k->conn));
  for (int i = 0; i < 400; i++) {
    skit_send(k, "<iq/>"); /* 2,000 bytes */
  }
  assert_false(imp_conn_is_paused(k->conn));
  skit_send(k, "<message/>");
  assert_true(imp_conn_is_paused(k->conn));
  assert_has(skit_seen(k), "message"); /* what was read was taken */
  skit_advance(k, 9 * IMP_MILLISECONDS);
  assert_true(imp_conn_is_paused(k->conn));
  k->env.now += 2 * IMP_MILLISECONDS;
  imp_heap_run(&k->timers, k->env.now);
  assert_false(imp_conn_is_paused(k->conn));
  assert_ptr_equal(imp_conn_next_dirty(&k->env), k->conn); /* the host is told */
  assert_int_equal(imp_heap_next(&k->timers), IMP_TSTAMP_NEVER);
  for (int i = 0; i < 1000; i++) {
    skit_send(k, "<iq/>"); /* a host that does not listen: 5 seconds' worth of debt */
  }
  for (int i = 0; i < 4; i++) {
    skit_advance(k, IMP_SECONDS);
    assert_true(imp_conn_is_paused(k->conn));
  }
  skit_advance(k, 1100 * IMP_MILLISECONDS);
  assert_false(imp_conn_is_paused(k->conn));
}

/* ---- memory ---- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#  define COUNTS 0
#elif defined(__has_feature)
#  if __has_feature(address_sanitizer)
#    define COUNTS 0
#  else
#    define COUNTS 1
#  endif
#else
#  define COUNTS 1
#endif

static size_t in_use(void) {
  struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

static imp_conn **many(kit *k, size_t n, const char *text) {
  imp_conn_params params = {.size = sizeof params, .role = IMP_ROLE_C2S, .peer = "192.0.2.1"};
  params.role = text[0] == '\0' ? IMP_ROLE_C2S_TLS : IMP_ROLE_C2S;
  imp_conn **conns = calloc(n, sizeof *conns);
  assert_non_null(conns);
  for (size_t i = 0; i < n; i++) {
    size_t len;
    assert_int_equal(imp_conn_new(&conns[i], &k->env, &params, k->env.now), IMP_OK);
    assert_int_equal(imp_conn_recv(conns[i], text, strlen(text), k->env.now), IMP_OK);
    while (imp_conn_next_dirty(&k->env) != NULL) {
    }
    imp_conn_send_peek(conns[i], &len);
    imp_conn_send_done(conns[i], len, k->env.now);
  }
  return conns;
}

static size_t cost(const char *text, size_t n) {
  kit *k = skit_new(&skit_server, NULL);
  imp_conn_params params = {.size = sizeof params, .role = IMP_ROLE_C2S};
  skit_accept_params(k, &params); /* warms what is shared */
  skit_send(k, KIT_OPEN "<in xmlns='x'/><message><body>x</body></message>");
  imp_buf_reset(&k->seen);
  k->seen.max = 0;
  size_t before = in_use();
  imp_conn **conns = many(k, n, text);
  size_t bytes = in_use() - before - n * sizeof *conns;
  for (size_t i = 0; i < n; i++) {
    imp_conn_del(conns[i], k->env.now);
  }
  free(conns);
  return bytes / n;
}

static void memory_at_rest(void **state) {
  (void)state;
  unit_skip_alloc_fail();
  size_t each = cost(KIT_OPEN "<in xmlns='x'/><message><body>x</body></message>", 2000);
  print_message("an idle authenticated connection holds %zu bytes (sizeof %zu)\n", each, sizeof(imp_conn));
  assert_true(!COUNTS || each < 500);
}

static void half_open_connections(void **state) {
  (void)state;
  unit_skip_alloc_fail();
  size_t silent = cost("", 10000);
  size_t half = cost("<stream:stream xmlns='jabber:client' xmlns:str", 10000);
  size_t stanza = cost(KIT_OPEN "<message><body>and then", 10000);
  print_message("half-open: silent %zu, half a header %zu, half a stanza %zu bytes\n", silent, half, stanza);
  assert_true(!COUNTS || (silent < 500 && half < 1000 && stanza < 4000));
}

static void ten_thousand_time_out(void **state) {
  (void)state;
  unit_skip_alloc_fail();
  kit *k = skit_new(NULL, NULL);
  size_t n = 10000, over = 0;
  imp_conn **conns = many(k, n, "<stream:stream");
  k->env.now += 31 * IMP_SECONDS;
  imp_heap_run(&k->timers, k->env.now);
  while (imp_conn_next_dirty(&k->env) != NULL) {
  }
  for (size_t i = 0; i < n; i++) {
    over += (size_t)imp_conn_want_close(conns[i]);
    imp_conn_del(conns[i], k->env.now);
  }
  free(conns);
  assert_int_equal(over, n);
  assert_int_equal(imp_heap_next(&k->timers), IMP_TSTAMP_NEVER);
}

static void memory_at_rest_with_tls(void **state) {
  enum { N = 50 };
  imp_conn_params params = {.size = sizeof params, .role = IMP_ROLE_C2S_TLS, .peer = "192.0.2.1"};
  imp_conn *conns[N];
  (void)state;
  unit_skip_alloc_fail();
  kit *k = skit_new(&skit_server, NULL);
  size_t before = 0;
  for (int i = 0; i < N; i++) {
    assert_int_equal(imp_conn_new(&k->conn, &k->env, &params, k->env.now), IMP_OK);
    conns[i] = k->conn;
    skit_client_tls(k, NULL, NULL, NULL);
    skit_send(k, KIT_OPEN "<in xmlns='x'/><message><body>x</body></message>");
    assert_has(skit_text(k), "<body>x</body>");
    k->conn = NULL;
    skit_drop_conn(k); /* the client alone */
    if (i == 9) {
      before = in_use();
    }
  }
  size_t each = (in_use() - before) / (N - 10);
  print_message("an idle TLS connection holds %zu bytes\n", each);
  for (int i = 0; i < N; i++) {
    imp_conn_del(conns[i], k->env.now);
  }
  assert_true(!COUNTS || each < 11500);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(time_before_login),
    cmocka_unit_test(bytes_before_login),
    cmocka_unit_test(hostile_streams),
    cmocka_unit_test(slow_readers),
    cmocka_unit_test(who_never_reads),
    cmocka_unit_test(slow_readers_over_tls),
    cmocka_unit_test(one_record_a_turn),
    cmocka_unit_test(fast_writers),
    cmocka_unit_test(memory_at_rest),
    cmocka_unit_test(half_open_connections),
    cmocka_unit_test(ten_thousand_time_out),
    cmocka_unit_test(memory_at_rest_with_tls),
  };
  skit_certificates();
  return unit_run("stream_limits", tests);
}
