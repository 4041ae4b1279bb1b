/* A connection over TCP: headers, stanzas, busy, closing, errors. */
#include "stream_kit.h"

#include <stdio.h>
#include <string.h>

#include "stream/internal.h"

static void opens_and_echoes(void **state) {
  kit *k = skit_new(NULL, NULL);
  (void)state;
  skit_accept(k, IMP_ROLE_C2S);
  assert_string_equal(imp_conn_get_peer(k->conn), "192.0.2.1");
  skit_send(k, "<?xml version='1.0'?>" KIT_OPEN);
  assert_has(skit_text(k), "<stream:stream");
  assert_has(skit_text(k), "from='imp.example'");
  assert_has(skit_text(k), "version='1.0'");
  assert_has(skit_text(k), "xml:lang='en'");
  assert_has(skit_text(k), imp_conn_stream_id(k->conn));
  assert_int_equal(strlen(imp_conn_stream_id(k->conn)), 16);
  assert_has(skit_text(k), "<stream:features");
  assert_int_equal(k->reads, 1); /* one turn, one write */
  skit_clear(k);
  skit_send(k, "<message><body>hi</body></message><iq/><presence/> ");
  assert_string_equal(skit_text(k), "<message><body>hi</body></message><iq/><presence/>");
  assert_int_equal(k->reads, 1);
  assert_string_equal(skit_seen(k), "( message iq presence");
  skit_send(k, "</stream:stream>");
  assert_has(skit_text(k), "</stream:stream>");
  assert_true(k->closed);
  assert_string_equal(skit_seen(k), "( message iq presence )");
  assert_string_equal(imp_conn_last_error(k->conn), "");
}

static void every_byte_alone(void **state) {
  kit *k = skit_new(NULL, NULL);
  (void)state;
  k->chunk = 1;
  skit_accept(k, IMP_ROLE_C2S);
  skit_send(k, "<?xml version='1.0'?>" KIT_OPEN "<message to='a@b'><body>x &amp; y</body></message></stream:stream>");
  assert_has(skit_text(k), "x &amp; y</body></message></stream:stream>");
  assert_string_equal(skit_seen(k), "( message )");
  assert_true(k->closed);
}

static void restarts_after_login(void **state) {
  kit *k = skit_new(NULL, NULL);
  char first[20];
  (void)state;
  skit_accept(k, IMP_ROLE_C2S);
  skit_send(k, KIT_OPEN "<auth xmlns='x'/>");
  memcpy(first, imp_conn_stream_id(k->conn), sizeof first);
  assert_has(skit_text(k), "<success");
  skit_clear(k);
  skit_send(k, "\n" KIT_OPEN);
  assert_has(skit_text(k), "<stream:stream");
  assert_string_not_equal(first, imp_conn_stream_id(k->conn));
  skit_send(k, "<iq/></stream:stream>");
  assert_string_equal(skit_seen(k), "( auth ( iq )");
}

static void hears_the_language(void **state) {
  kit *k = skit_new(NULL, NULL);
  (void)state;
  skit_accept(k, IMP_ROLE_C2S);
  skit_send(k, "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='x' version='1.0' "
               "xml:lang='pt-BR'><auth xmlns='x'/>");
  assert_non_null(imp_conn_lang(k->conn));
  assert_string_equal(imp_conn_lang(k->conn), "pt-BR");
  skit_send(k, KIT_OPEN); /* a new stream, which says nothing */
  assert_null(imp_conn_lang(k->conn));
  skit_drop_conn(k);
  skit_accept(k, IMP_ROLE_C2S);
  skit_send(k, "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='x' version='1.0' "
               "xml:lang='en'>"); /* as ours */
  assert_null(imp_conn_lang(k->conn));
}

static void nothing_is_carried_over_a_restart(void **state) {
  kit *k = skit_new(NULL, NULL);
  (void)state;
  skit_accept(k, IMP_ROLE_C2S);
  skit_send(k, KIT_OPEN "<auth xmlns='x'/>" KIT_OPEN "<message/>");
  assert_has(skit_text(k), "<bad-format");
  assert_string_equal(skit_seen(k), "( auth !");
  skit_drop_conn(k);
  skit_accept(k, IMP_ROLE_C2S); /* half a stanza ahead of a restart from outside */
  skit_send(k, KIT_OPEN "<wait xmlns='x'/><mess");
  imp_conn_restart(k->conn);
  skit_pump(k);
  assert_has(skit_text(k), "<bad-format");
  assert_true(k->closed);
  skit_drop_conn(k);
  skit_accept(k, IMP_ROLE_C2S);
  skit_send(k, KIT_OPEN "<wait xmlns='x'/><message/>");
  imp_conn_restart(k->conn);
  skit_pump(k);
  assert_has(skit_text(k), "<bad-format");
  assert_true(k->closed);
}

static void bad_headers(void **state) {
  static const char *const cases[][2] = {
    {"<stream:stream xmlns='jabber:client' xmlns:stream='http://wrong.example' to='a' version='1.0'>",
     "<invalid-namespace"},
    {"<stream:stream xmlns='jabber:wrong' xmlns:stream='http://etherx.jabber.org/streams' to='a' version='1.0'>",
     "<invalid-namespace"},
    {"<stream:stream xmlns:stream='http://etherx.jabber.org/streams' to='a' version='1.0'>", "<invalid-namespace"},
    {"<stream:flow xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='a' version='1.0'>",
     "<bad-format"},
    {"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='a'>",
     "<unsupported-version"},
    {"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='a' version='0.9'>",
     "<unsupported-version"},
    {"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='a' version='x'>",
     "<unsupported-version"},
    {"<!DOCTYPE x><stream:stream>", "<restricted-xml"},
    {"hello", "<not-well-formed"},
    {"<?xml version='1.0' encoding='latin-1'?><stream:stream>", "<unsupported-encoding"},
  };
  (void)state;
  kit *k = skit_new(NULL, NULL);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    skit_accept(k, IMP_ROLE_C2S);
    skit_send(k, cases[i][0]);
    assert_has(skit_text(k), "<stream:stream"); /* RFC 6120 §4.9.1.2: our header first */
    assert_has(skit_text(k), "<stream:error");
    assert_has(skit_text(k), cases[i][1]);
    assert_has(skit_text(k), "</stream:stream>");
    assert_true(k->closed);
    assert_string_not_equal(imp_conn_last_error(k->conn), "");
    skit_drop_conn(k);
  }
  assert_string_equal(skit_seen(k), "! ! ! ! ! ! ! ! ! !");
}

static void every_stream_error(void **state) {
  static const char *const conditions[] = {
    "bad-format", "bad-namespace-prefix", "conflict", "connection-timeout", "host-gone", "host-unknown",
    "improper-addressing", "internal-server-error", "invalid-from", "invalid-id", "invalid-namespace", "invalid-xml",
    "not-authorized", "not-well-formed", "policy-violation", "remote-connection-failed", "reset",
    "resource-constraint", "restricted-xml", "see-other-host", "system-shutdown", "undefined-condition",
    "unsupported-encoding", "unsupported-feature", "unsupported-stanza-type", "unsupported-version"};
  (void)state;
  kit *k = skit_new(NULL, NULL);
  for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
    char text[100], expected[100];
    skit_accept(k, IMP_ROLE_C2S);
    snprintf(text, sizeof text, "<fail xmlns='x'>%s</fail>", conditions[i]);
    snprintf(expected, sizeof expected, "<%s xmlns='urn:ietf:params:xml:ns:xmpp-streams'", conditions[i]);
    skit_send(k, KIT_OPEN);
    skit_send(k, text);
    assert_has(skit_text(k), expected);
    assert_has(skit_text(k), "as asked");
    assert_true(k->closed);
    assert_int_equal(imp_conn_submit_text(k->conn, "<x/>", 4), IMP_ERR_CLOSED);
    skit_drop_conn(k);
  }
  skit_accept(k, IMP_ROLE_C2S);
  skit_send(k, KIT_OPEN "<fail xmlns='x'>/&gt;&lt;evil</fail>");
  assert_has(skit_text(k), "<undefined-condition");
  assert_has_no(skit_text(k), "evil");
}

static void after_the_end_nothing_counts(void **state) {
  kit *k = skit_new(NULL, NULL);
  (void)state;
  skit_accept(k, IMP_ROLE_C2S);
  skit_send(k, KIT_OPEN "<message/><fail xmlns='x'>reset</fail><presence/><iq/>");
  assert_string_equal(skit_seen(k), "( message fail !");
  assert_int_equal(imp_conn_recv(k->conn, "<a/>", 4, k->env.now), IMP_ERR_CLOSED);
  assert_int_equal(imp_conn_recv_eof(k->conn, k->env.now), IMP_ERR_CLOSED);
  imp_conn_close(k->conn, "conflict", k->env.now);
  assert_has_no(skit_text(k), "conflict");
  skit_drop_conn(k);
  assert_string_equal(skit_seen(k), "( message fail !");
}

static void we_close(void **state) {
  kit *k = skit_new(NULL, NULL);
  (void)state;
  skit_accept(k, IMP_ROLE_C2S);
  skit_send(k, KIT_OPEN "<in xmlns='x'/>");
  imp_conn_close(k->conn, NULL, k->env.now);
  assert_true(imp_conn_is_ended(k->conn));
  assert_int_equal(imp_conn_submit_text(k->conn, "<x/>", 4), IMP_ERR_CLOSED);
  skit_send(k, "<message/>"); /* was on its way: it still counts */
  assert_has(skit_text(k), "</stream:stream>");
  assert_false(k->closed);
  assert_string_equal(skit_seen(k), "( in message");
  skit_send(k, "</stream:stream>");
  assert_true(k->closed);
  assert_string_equal(skit_seen(k), "( in message )");
  skit_drop_conn(k);
  skit_accept(k, IMP_ROLE_C2S); /* nobody answers */
  skit_send(k, KIT_OPEN "<in xmlns='x'/>");
  imp_conn_close(k->conn, NULL, k->env.now);
  skit_advance(k, 4 * IMP_SECONDS);
  assert_false(k->closed);
  skit_advance(k, 2 * IMP_SECONDS);
  assert_true(k->closed);
  assert_has(imp_conn_last_error(k->conn), "in time");
  assert_string_equal(skit_seen(k), "( in message ) ( in !");
}

static void we_close_with_a_condition(void **state) {
  kit *k = skit_new(NULL, NULL);
  (void)state;
  skit_accept(k, IMP_ROLE_C2S);
  skit_send(k, KIT_OPEN);
  imp_conn_close(k->conn, "system-shutdown", k->env.now);
  assert_string_equal(skit_seen(k), "("); /* told at the end of the turn */
  skit_pump(k);
  assert_has(skit_text(k), "<system-shutdown");
  assert_true(k->closed);
  assert_string_equal(skit_seen(k), "( !");
  skit_drop_conn(k);
  skit_accept(k, IMP_ROLE_C2S); /* before anything was said */
  imp_conn_close(k->conn, NULL, k->env.now);
  skit_pump(k);
  assert_string_equal(skit_text(k), "");
  assert_true(k->closed);
}

static void the_link_breaks(void **state) {
  kit *k = skit_new(NULL, NULL);
  (void)state;
  skit_accept(k, IMP_ROLE_C2S);
  skit_send(k, KIT_OPEN "<message/>");
  assert_int_equal(imp_conn_recv_eof(k->conn, k->env.now), IMP_ERR_CLOSED);
  assert_string_equal(skit_seen(k), "( message !");
  assert_has(imp_conn_last_error(k->conn), "without closing");
  skit_drop_conn(k);
  skit_accept(k, IMP_ROLE_C2S);
  skit_send(k, KIT_OPEN);
  skit_drop_conn(k);
  assert_string_equal(skit_seen(k), "( message ! ( !");
  skit_accept(k, IMP_ROLE_C2S);
  skit_send(k, KIT_OPEN "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>");
  assert_has(imp_conn_last_error(k->conn), "conflict");
  assert_true(k->closed);
  assert_string_equal(skit_seen(k), "( message ! ( ! ( !");
}

static void waits_while_busy(void **state) {
  kit *k = skit_new(NULL, NULL);
  (void)state;
  skit_accept(k, IMP_ROLE_C2S);
  skit_send(k, KIT_OPEN "<wait xmlns='x'/><message/>");
  skit_send(k, "<iq/><wait xmlns='x'/><presence/></stream:stream>");
  assert_string_equal(skit_seen(k), "( wait");
  assert_false(k->closed);
  imp_conn_set_busy(k->conn, 0);
  assert_string_equal(skit_seen(k), "( wait message iq wait");
  assert_int_equal(imp_conn_recv_eof(k->conn, k->env.now), IMP_OK); /* there is something to do first */
  imp_conn_set_busy(k->conn, 0);
  skit_pump(k);
  assert_string_equal(skit_seen(k), "( wait message iq wait presence )");
  assert_true(k->closed);
  assert_has(skit_text(k), "<message/><iq/><presence/></stream:stream>");
}

static void waits_within_bounds(void **state) {
  kit *k = skit_new(NULL, NULL);
  (void)state;
  skit_accept(k, IMP_ROLE_C2S);
  skit_send(k, KIT_OPEN "<in xmlns='x'/><wait xmlns='x'/>");
  for (int i = 0; i < 64; i++) {
    skit_send(k, "<iq/>");
  }
  assert_false(imp_conn_is_paused(k->conn));
  skit_send(k, "<iq/>");
  assert_true(imp_conn_is_paused(k->conn));
  for (int i = 65; i < 128; i++) {
    skit_send(k, "<iq/>");
  }
  assert_false(k->closed);
  skit_send(k, "<iq/>");
  assert_true(k->closed);
  assert_has(skit_text(k), "<policy-violation");
  skit_drop_conn(k);
  skit_accept(k, IMP_ROLE_C2S); /* the pause ends when all was delivered */
  skit_send(k, KIT_OPEN "<in xmlns='x'/><wait xmlns='x'/>");
  for (int i = 0; i < 100; i++) {
    skit_send(k, "<iq/>");
  }
  assert_true(imp_conn_is_paused(k->conn));
  imp_conn_set_busy(k->conn, 0);
  assert_false(imp_conn_is_paused(k->conn));
  assert_ptr_equal(imp_conn_next_dirty(&k->env), k->conn);
}

static void starttls_is_not_there(void **state) {
  kit *k = skit_new(NULL, NULL);
  (void)state;
  skit_accept(k, IMP_ROLE_C2S);
  assert_false(imp_conn_can_starttls(k->conn));
  assert_false(imp_conn_is_secure(k->conn));
  assert_int_equal(imp_conn_starttls(k->conn), IMP_ERR_STATE);
  imp_channel_binding binding;
  assert_int_equal(imp_conn_channel_binding(k->conn, &binding), IMP_ERR_NOT_FOUND);
}

static void the_host_terminates_tls(void **state) {
  imp_channel_binding given = {.size = sizeof given, .tls_exporter = "12345678901234567890123456789012",
                               .tls_exporter_len = 32, .tls_unique = "unique", .tls_unique_len = 6};
  imp_conn_params params = {.size = sizeof params, .role = IMP_ROLE_C2S_TLS, .secure = 1, .binding = &given,
                            .peer_certificate = "DER", .peer_certificate_len = 3, .proxy_protocol = 1};
  imp_channel_binding binding;
  size_t len;
  (void)state;
  kit *k = skit_new(&skit_server, NULL);
  skit_accept_params(k, &params);
  given.tls_exporter = given.tls_unique = NULL;
  skit_send(k, "PROXY TCP4 198.51.100.3 127.0.0.1 4000 5223\r\n" KIT_OPEN "<message/>");
  assert_string_equal(skit_seen(k), "( message");
  assert_string_equal(imp_conn_get_peer(k->conn), "198.51.100.3");
  assert_true(imp_conn_is_secure(k->conn));
  assert_false(imp_conn_can_starttls(k->conn));
  assert_int_equal(imp_conn_channel_binding(k->conn, &binding), IMP_OK);
  assert_int_equal(binding.tls_exporter_len, 32);
  assert_memory_equal(binding.tls_exporter, "12345678901234567890123456789012", 32);
  assert_memory_equal(binding.tls_unique, "unique", 6);
  assert_null(binding.tls_server_end_point);
  assert_memory_equal(imp_conn_peer_certificate(k->conn, &len), "DER", 3);
  assert_int_equal(len, 3);
}

static void behind_a_proxy(void **state) {
  imp_conn_params params = {.size = sizeof params, .role = IMP_ROLE_C2S, .peer = "10.0.0.1", .proxy_protocol = 1};
  (void)state;
  kit *k = skit_new(NULL, NULL);
  k->chunk = 1;
  skit_accept_params(k, &params);
  skit_send(k, "PROXY TCP6 2001:db8::9 ::1 4000 5222\r\n" KIT_OPEN);
  assert_string_equal(imp_conn_get_peer(k->conn), "2001:db8::9");
  assert_string_equal(skit_seen(k), "(");
  skit_drop_conn(k);
  skit_accept_params(k, &params);
  skit_send(k, "PROXY UNKNOWN\r\n" KIT_OPEN);
  assert_string_equal(imp_conn_get_peer(k->conn), "10.0.0.1");
  skit_drop_conn(k);
  skit_accept_params(k, &params);
  skit_send(k, KIT_OPEN);
  assert_true(k->closed);
  assert_string_equal(skit_text(k), "");
  assert_has(imp_conn_last_error(k->conn), "PROXY");
}

static void arguments(void **state) {
  imp_conn_params params = {.size = sizeof params, .role = 9};
  imp_conn *conn;
  int owner;
  (void)state;
  kit *k = skit_new(NULL, NULL);
  assert_int_equal(imp_conn_new(&conn, &k->env, &params, 0), IMP_ERR_INVALID_ARGUMENT);
  params.role = IMP_ROLE_C2S_TLS;
  assert_int_equal(imp_conn_new(&conn, &k->env, &params, 0), IMP_ERR_STATE);
  imp_conn_del(NULL, 0);
  params = (imp_conn_params){.size = offsetof(imp_conn_params, peer), .role = IMP_ROLE_C2S, .peer = "beyond"};
  skit_accept_params(k, &params); /* an older host's struct */
  assert_string_equal(imp_conn_get_peer(k->conn), "");
  assert_null(imp_conn_get_jid(k->conn));
  imp_conn_set_owner(k->conn, &owner);
  imp_conn_set_user_data(k->conn, &params);
  assert_ptr_equal(imp_conn_get_owner(k->conn), &owner);
  assert_ptr_equal(imp_conn_get_user_data(k->conn), &params);
}

static void each(imp_conn *conn, void *ctx) {
  imp_conn_close(conn, "system-shutdown", 0);
  ++*(int *)ctx;
}

static void all_of_them(void **state) {
  imp_conn_params params = {.size = sizeof params, .role = IMP_ROLE_C2S};
  imp_conn *others[3] = {NULL, NULL, NULL};
  int n = 0, dirty = 0;
  (void)state;
  kit *k = skit_new(NULL, NULL);
  skit_accept(k, IMP_ROLE_C2S);
  for (int i = 0; i < 3; i++) {
    (void)imp_conn_new(&others[i], &k->env, &params, k->env.now);
  }
  imp_conn_each(&k->env, each, &n);
  int wakes = (int)k->wakes;
  while (imp_conn_next_dirty(&k->env) != NULL) {
    dirty++;
  }
  for (int i = 0; i < 3; i++) {
    imp_conn_del(others[i], k->env.now);
  }
  assert_int_equal(n, 4);
  assert_int_equal(dirty, 4);
  assert_int_equal(wakes, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(opens_and_echoes),
    cmocka_unit_test(every_byte_alone),
    cmocka_unit_test(restarts_after_login), cmocka_unit_test(hears_the_language),
    cmocka_unit_test(nothing_is_carried_over_a_restart),
    cmocka_unit_test(bad_headers),
    cmocka_unit_test(every_stream_error),
    cmocka_unit_test(after_the_end_nothing_counts),
    cmocka_unit_test(we_close),
    cmocka_unit_test(we_close_with_a_condition),
    cmocka_unit_test(the_link_breaks),
    cmocka_unit_test(waits_while_busy),
    cmocka_unit_test(waits_within_bounds),
    cmocka_unit_test(starttls_is_not_there),
    cmocka_unit_test(the_host_terminates_tls),
    cmocka_unit_test(behind_a_proxy),
    cmocka_unit_test(arguments),
    cmocka_unit_test(all_of_them),
  };
  skit_certificates();
  return unit_run("stream_conn", tests);
}
