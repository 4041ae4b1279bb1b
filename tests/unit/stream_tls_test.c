/* TLS: STARTTLS, direct TLS, resumption, certificates, channel bindings, hostile peers. */
#include "stream_kit.h"

#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "stream/internal.h"

#define TLS12 "NORMAL:-VERS-ALL:+VERS-TLS1.2"
#define TLS13 "NORMAL:-VERS-ALL:+VERS-TLS1.3"

/* Every allocation of ours once is enough for the handshake; GnuTLS's own are its own. */
static kit *direct(const skit_certificate *ca, const char *priorities, const skit_certificate *cert) {
  kit *k = skit_new(&skit_server, ca);
  skit_accept(k, IMP_ROLE_C2S_TLS);
  skit_client_tls(k, priorities, "xmpp-client", cert);
  skit_pump(k);
  return k;
}

static void again(kit *k, const char *priorities, const skit_certificate *cert) {
  skit_drop_conn(k);
  skit_accept(k, IMP_ROLE_C2S_TLS);
  skit_client_tls(k, priorities, "xmpp-client", cert);
}

static void starttls(void **state) {
  kit *k = skit_new(&skit_server, NULL);
  (void)state;
  skit_accept(k, IMP_ROLE_C2S);
  assert_true(imp_conn_can_starttls(k->conn));
  skit_send(k, KIT_OPEN KIT_STARTTLS);
  assert_has(skit_text(k), "<proceed");
  assert_false(imp_conn_is_secure(k->conn));
  skit_clear(k);
  skit_client_tls(k, NULL, NULL, NULL);
  skit_pump(k);
  assert_true(k->handshaken);
  assert_true(imp_conn_is_secure(k->conn));
  assert_false(imp_conn_can_starttls(k->conn));
  skit_send(k, KIT_OPEN "<message/>");
  assert_has(skit_text(k), "<stream:stream");
  assert_has(skit_text(k), "<message/>");
  skit_send(k, "</stream:stream>");
  assert_has(skit_text(k), "</stream:stream>");
  assert_true(k->closed);
  char byte;
  assert_int_equal(gnutls_record_recv(k->session, &byte, 1), 0); /* close_notify */
  assert_string_equal(skit_seen(k), "( starttls ( message )");
}

static void every_byte_alone(void **state) {
  (void)state;
  kit *k = skit_new(&skit_server, NULL);
  for (int version = 0; version < 2; version++) {
    k->chunk = 1;
    skit_accept(k, IMP_ROLE_C2S);
    skit_send(k, KIT_OPEN KIT_STARTTLS);
    skit_client_tls(k, version ? TLS13 : TLS12, NULL, NULL);
    skit_pump(k);
    skit_send(k, KIT_OPEN "<message><body>hello</body></message></stream:stream>");
    assert_has(skit_text(k), "<message><body>hello</body></message></stream:stream>");
    skit_drop_conn(k);
  }
  assert_string_equal(skit_seen(k), "( starttls ( message ) ( starttls ( message )");
}

static void injection(void **state) {
  static const char *const injected[] = {KIT_STARTTLS "<auth xmlns='x'/>", KIT_STARTTLS KIT_OPEN "<message/>",
                                         KIT_STARTTLS "</stream:stream>", KIT_STARTTLS "x"};
  (void)state;
  kit *k = skit_new(&skit_server, NULL);
  for (size_t i = 0; i < sizeof injected / sizeof *injected; i++) {
    skit_accept(k, IMP_ROLE_C2S);
    skit_send(k, KIT_OPEN);
    skit_send(k, injected[i]);
    assert_true(k->closed);
    assert_string_not_equal(imp_conn_last_error(k->conn), "");
    skit_drop_conn(k);
  }
  skit_accept(k, IMP_ROLE_C2S); /* in a chunk of its own it is no TLS */
  skit_send(k, KIT_OPEN KIT_STARTTLS);
  skit_send(k, "<auth xmlns='x'/>");
  assert_true(k->closed);
  skit_drop_conn(k);
  skit_accept(k, IMP_ROLE_C2S); /* while the owner waits */
  skit_send(k, KIT_OPEN "<wait xmlns='x'/><auth xmlns='x'/>");
  assert_true(imp_conn_starttls(k->conn) < 0);
  skit_pump(k);
  assert_true(k->closed);
  assert_string_equal(skit_seen(k), "( starttls ! ( starttls ! ( starttls ! ( starttls ! ( starttls ! ( wait !");
}

static void direct_tls(void **state) {
  (void)state;
  kit *k = direct(NULL, NULL, NULL);
  gnutls_datum_t alpn;
  assert_true(k->handshaken);
  assert_int_equal(gnutls_alpn_get_selected_protocol(k->session, &alpn), 0);
  assert_int_equal(alpn.size, 11);
  skit_send(k, KIT_OPEN "<message/><iq/><presence/>");
  assert_has(skit_text(k), "<message/><iq/><presence/>");
  skit_clear(k);
  skit_send(k, "<message/><iq/><presence/>");
  assert_int_equal(k->reads, 1); /* one turn, one write */
  again(k, NULL, NULL);
  gnutls_deinit(k->session);
  gnutls_certificate_free_credentials(k->cred);
  skit_client_tls(k, NULL, NULL, NULL); /* without ALPN */
  skit_pump(k);
  assert_true(k->handshaken);
  skit_drop_conn(k);
  skit_accept(k, IMP_ROLE_C2S_TLS);
  skit_client_tls(k, NULL, "h2", NULL); /* with another's: cross-protocol attacks end here */
  skit_pump(k);
  assert_false(k->handshaken);
  assert_true(k->closed);
}

static void old_versions(void **state) {
  (void)state;
  kit *k = direct(NULL, "NORMAL:-VERS-ALL:+VERS-TLS1.1:+VERS-TLS1.0:%COMPAT", NULL);
  assert_false(k->handshaken);
  assert_true(k->closed);
  assert_has(imp_conn_last_error(k->conn), "TLS");
  again(k, TLS12 ":-KX-ALL:+RSA", NULL);
  skit_pump(k);
  assert_false(k->handshaken);
  assert_true(k->closed);
}

static void big_texts(void **state) {
  static char text[60000];
  (void)state;
  kit *k = direct(NULL, NULL, NULL);
  memset(text, 'x', sizeof text - 1);
  skit_send(k, KIT_OPEN "<in xmlns='x'/>");
  skit_clear(k);
  skit_send(k, "<message><body>");
  skit_send(k, text);
  skit_send(k, "</body></message>");
  assert_has(skit_text(k), text);
  assert_int_equal(imp_buf_len(&k->text), sizeof text - 1 + strlen("<message><body></body></message>"));
  assert_int_equal(imp_conn_pending(k->conn), 0);
}

/* Saves what the client may resume with, connects again, tells whether it did. */
static int resumes(kit *k, const char *priorities, gnutls_datum_t *data) {
  again(k, priorities, NULL);
  if (data->data != NULL) {
    gnutls_session_set_data(k->session, data->data, data->size);
    gnutls_free(data->data);
    data->data = NULL;
  }
  skit_pump(k);
  skit_send(k, KIT_OPEN); /* TLS 1.3: takes the ticket in */
  assert_true(k->handshaken);
  assert_has(skit_text(k), "<stream:features");
  assert_int_equal(gnutls_session_get_data2(k->session, data), 0);
  return gnutls_session_is_resumed(k->session);
}

static void resumption(void **state) {
  static const char *const versions[] = {TLS12, TLS13};
  (void)state;
  unit_skip_alloc_fail();
  for (int i = 0; i < 2; i++) {
    kit *k = direct(NULL, versions[i], NULL);
    gnutls_datum_t data = {NULL, 0};
    imp_channel_binding a;
    assert_int_equal(resumes(k, versions[i], &data), 0);
    assert_true(resumes(k, versions[i], &data));
    assert_int_equal(imp_conn_channel_binding(k->conn, &a), IMP_OK); /* also without a certificate message */
    assert_int_equal(a.tls_server_end_point_len, 32);
    assert_int_equal(a.tls_exporter_len, 32);
    /* A new context has new ticket keys: the old ticket is no error. */
    imp_tls_config config = {skit_server2.cert, skit_server2.key, NULL, NULL};
    imp_tls_context *old = k->tls;
    assert_int_equal(imp_tls_context_new(&k->tls, &config, NULL, 0), IMP_OK);
    k->env.tls = k->tls;
    imp_tls_context_del(old);
    assert_int_equal(resumes(k, versions[i], &data), 0);
    gnutls_free(data.data);
  }
}

static void fingerprint_of(const skit_certificate *c, char *dst) {
  imp_tls_config config = {c->cert, c->key, NULL, NULL};
  imp_tls_context *ctx;
  assert_int_equal(imp_tls_context_new(&ctx, &config, NULL, 0), IMP_OK);
  assert_int_equal(imp_tls_context_fingerprint(ctx, dst), IMP_OK);
  imp_tls_context_del(ctx);
}

/* What the client sees. */
static void client_fingerprint(kit *k, char *dst) {
  unsigned n;
  uint8_t digest[32];
  const gnutls_datum_t *der = gnutls_certificate_get_peers(k->session, &n);
  size_t len = sizeof digest;
  assert_non_null(der);
  assert_int_equal(gnutls_fingerprint(GNUTLS_DIG_SHA256, der, digest, &len), 0);
  for (size_t i = 0; i < 32; i++) {
    snprintf(dst + 3 * i, 4, "%02X%s", digest[i], i < 31 ? ":" : "");
  }
}

static void certificate_reload(void **state) {
  char first[96], second[96], seen[96];
  (void)state;
  unit_skip_alloc_fail();
  kit *k = direct(NULL, NULL, NULL);
  fingerprint_of(&skit_server, first);
  fingerprint_of(&skit_server2, second);
  assert_int_equal(strlen(first), 95);
  assert_string_not_equal(first, second);
  client_fingerprint(k, seen);
  assert_string_equal(seen, first);
  imp_tls_config config = {skit_server2.cert, skit_server2.key, NULL, NULL};
  imp_tls_context *old = k->tls;
  assert_int_equal(imp_tls_context_new(&k->tls, &config, NULL, 0), IMP_OK);
  k->env.tls = k->tls;
  imp_tls_context_del(old);
  skit_send(k, KIT_OPEN "<message/>"); /* the old session keeps its context */
  assert_has(skit_text(k), "<message/>");
  again(k, NULL, NULL);
  skit_pump(k);
  client_fingerprint(k, seen);
  assert_string_equal(seen, second);
}

static void bad_contexts(void **state) {
  imp_tls_context *ctx;
  char text[200];
  const struct {
    imp_tls_config config;
    const char *text;
  } cases[] = {
    {{NULL, skit_server.key, NULL, NULL}, "needs"},
    {{skit_server.cert, NULL, NULL, NULL}, "needs"},
    {{"", "", NULL, NULL}, "certificate"},
    {{skit_server.cert, skit_server2.key, NULL, NULL}, "certificate or key"},
    {{skit_server.cert, "junk", NULL, NULL}, "certificate or key"},
    {{skit_server.cert, skit_server.key, "junk", NULL}, "authorities"},
    {{skit_server.cert, skit_server.key, NULL, "NONSENSE"}, "priorities"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int rc = imp_tls_context_new(&ctx, &cases[i].config, text, sizeof text);
    if (rc != IMP_ERR_NOMEM) {
      assert_int_equal(rc, IMP_ERR_INVALID_ARGUMENT);
      assert_has(text, cases[i].text);
    }
  }
}

static void check_binding(kit *k, gnutls_channel_binding_t type, const void *ours, size_t len) {
  gnutls_datum_t theirs;
  assert_int_equal(gnutls_session_channel_binding(k->session, type, &theirs), 0);
  assert_int_equal(theirs.size, len);
  assert_memory_equal(theirs.data, ours, len);
  gnutls_free(theirs.data);
}

static void channel_bindings(void **state) {
  imp_channel_binding b;
  (void)state;
  kit *k = direct(NULL, TLS12, NULL);
  assert_int_equal(imp_conn_channel_binding(k->conn, &b), IMP_OK);
  check_binding(k, GNUTLS_CB_TLS_EXPORTER, b.tls_exporter, b.tls_exporter_len);
  check_binding(k, GNUTLS_CB_TLS_UNIQUE, b.tls_unique, b.tls_unique_len);
  check_binding(k, GNUTLS_CB_TLS_SERVER_END_POINT, b.tls_server_end_point, b.tls_server_end_point_len);
  assert_int_equal(b.tls_exporter_len, 32);
  again(k, TLS13, NULL);
  assert_int_equal(imp_conn_channel_binding(k->conn, &b), IMP_ERR_NOT_FOUND); /* before the handshake */
  skit_pump(k);
  assert_int_equal(imp_conn_channel_binding(k->conn, &b), IMP_OK);
  check_binding(k, GNUTLS_CB_TLS_EXPORTER, b.tls_exporter, b.tls_exporter_len);
  check_binding(k, GNUTLS_CB_TLS_SERVER_END_POINT, b.tls_server_end_point, b.tls_server_end_point_len);
  assert_null(b.tls_unique);
  again(k, TLS12 ":%NO_EXTENSIONS", NULL); /* no extended master secret: nothing to bind to but the certificate */
  skit_pump(k);
  if (k->handshaken) {
    assert_int_equal(imp_conn_channel_binding(k->conn, &b), IMP_OK);
    assert_null(b.tls_unique);
    assert_null(b.tls_exporter);
    assert_int_equal(b.tls_server_end_point_len, 32);
  }
}

static void end_point_hash(void **state) {
  imp_channel_binding b;
  (void)state;
  kit *k = skit_new(&skit_server384, NULL);
  skit_accept(k, IMP_ROLE_C2S_TLS);
  skit_client_tls(k, NULL, NULL, NULL);
  skit_pump(k);
  assert_int_equal(imp_conn_channel_binding(k->conn, &b), IMP_OK);
  assert_int_equal(b.tls_server_end_point_len, 48);
  check_binding(k, GNUTLS_CB_TLS_SERVER_END_POINT, b.tls_server_end_point, 48);
}

static void client_certificates(void **state) {
  gnutls_x509_crt_t crt;
  char pem[4096];
  size_t len, pemlen = sizeof pem;
  (void)state;
  kit *k = direct(&skit_ca, NULL, &skit_client);
  assert_true(k->handshaken);
  const void *der = imp_conn_peer_certificate(k->conn, &len);
  assert_non_null(der);
  gnutls_datum_t datum = {(unsigned char *)(uintptr_t)der, (unsigned)len};
  assert_int_equal(gnutls_x509_crt_init(&crt), 0);
  assert_int_equal(gnutls_x509_crt_import(crt, &datum, GNUTLS_X509_FMT_DER), 0);
  assert_int_equal(gnutls_x509_crt_export(crt, GNUTLS_X509_FMT_PEM, pem, &pemlen), 0);
  gnutls_x509_crt_deinit(crt);
  assert_memory_equal(pem, skit_client.cert, pemlen);
  again(k, TLS12, &skit_stranger); /* one that does not verify counts as none */
  skit_pump(k);
  assert_true(k->handshaken);
  assert_null(imp_conn_peer_certificate(k->conn, &len));
  again(k, NULL, NULL);
  skit_pump(k);
  assert_true(k->handshaken);
  assert_null(imp_conn_peer_certificate(k->conn, &len));
}

static void no_certificate_is_asked_for(void **state) {
  size_t len;
  (void)state;
  kit *k = direct(NULL, TLS12, &skit_client);
  assert_true(k->handshaken);
  assert_int_equal(gnutls_certificate_client_get_request_status(k->session), 0);
  assert_null(imp_conn_peer_certificate(k->conn, &len));
}

static void no_tls_at_all(void **state) {
  static const char *const garbage[] = {KIT_OPEN, "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\xff\xff\x01\x00\x00\x00",
                                        "\x15\x03\x01\x02\x02\x28", "\x80\x80\x01\x03\x01"};
  (void)state;
  kit *k = skit_new(&skit_server, NULL);
  for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
    skit_accept(k, IMP_ROLE_C2S_TLS);
    skit_send(k, garbage[i]);
    if (!k->closed) {
      assert_int_equal(imp_conn_recv_eof(k->conn, k->env.now), IMP_ERR_CLOSED);
    }
    assert_true(imp_conn_want_close(k->conn));
    assert_has_no(skit_text(k), "stream");
    skit_drop_conn(k);
  }
}

static void broken_records(void **state) {
  (void)state;
  kit *k = direct(NULL, NULL, NULL);
  skit_send(k, KIT_OPEN);
  imp_buf_append(&k->reply, "\x17\x03\x03\x00\x20................................", 37);
  skit_pump(k);
  assert_true(k->closed);
  assert_has(imp_conn_last_error(k->conn), "TLS");
  assert_string_equal(skit_seen(k), "( !");
}

static void goodbye(void **state) {
  (void)state;
  kit *k = direct(NULL, NULL, NULL);
  skit_send(k, KIT_OPEN);
  gnutls_bye(k->session, GNUTLS_SHUT_WR);
  skit_pump(k);
  assert_true(k->closed);
  assert_string_equal(skit_seen(k), "( !");
  again(k, NULL, NULL);
  skit_pump(k);
  skit_send(k, KIT_OPEN "<fail xmlns='x'>conflict</fail>");
  assert_has(skit_text(k), "<conflict");
  assert_true(k->closed);
  assert_string_equal(skit_seen(k), "( ! ( fail !");
}

static void renegotiation(void **state) {
  (void)state;
  unit_skip_alloc_fail();
  kit *k = direct(NULL, TLS12, NULL);
  skit_send(k, KIT_OPEN);
  (void)gnutls_handshake(k->session);
  skit_pump(k);
  assert_true(k->closed);
}

static void key_update(void **state) {
  (void)state;
  unit_skip_alloc_fail();
  kit *k = direct(NULL, TLS13, NULL);
  skit_send(k, KIT_OPEN);
  assert_int_equal(gnutls_session_key_update(k->session, GNUTLS_KU_PEER), 0);
  skit_pump(k);
  skit_send(k, "<message/>");
  assert_has(skit_text(k), "<message/>");
}

static void handshake_limits(void **state) {
  (void)state;
  kit *k = skit_new(&skit_server, NULL);
  skit_accept(k, IMP_ROLE_C2S_TLS);
  skit_client_tls(k, NULL, NULL, NULL);
  k->deaf = 1;
  skit_pump(k);
  k->deaf = 0;
  imp_buf_reset(&k->reply);
  skit_advance(k, 31 * IMP_SECONDS);
  assert_true(k->closed);
  assert_has(imp_conn_last_error(k->conn), "in time");
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(starttls),
    cmocka_unit_test(every_byte_alone),
    cmocka_unit_test(injection),
    cmocka_unit_test(direct_tls),
    cmocka_unit_test(old_versions),
    cmocka_unit_test(big_texts),
    cmocka_unit_test(resumption),
    cmocka_unit_test(certificate_reload),
    cmocka_unit_test(bad_contexts),
    cmocka_unit_test(channel_bindings),
    cmocka_unit_test(end_point_hash),
    cmocka_unit_test(client_certificates),
    cmocka_unit_test(no_certificate_is_asked_for),
    cmocka_unit_test(no_tls_at_all),
    cmocka_unit_test(broken_records),
    cmocka_unit_test(goodbye),
    cmocka_unit_test(renegotiation),
    cmocka_unit_test(key_update),
    cmocka_unit_test(handshake_limits),
  };
  skit_certificates();
  return unit_run("stream_tls", tests);
}
