/* EXTERNAL: a client certificate names its user (XEP-0178). The host has terminated TLS and hands the certificate over. */
#include "alloc_fail.h"
#include "core/codec.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

static world w;
static client c[1];
static imp_settings settings;

static void close_all(void *unused) {
  (void)unused;
  if (c[0].w != NULL) {
    client_free(&c[0]);
  }
  memset(c, 0, sizeof(c));
  world_close(&w);
}

static void add_name(gnutls_x509_crt_t crt, const char *name) {
  unsigned char der[80] = {0x0c, (unsigned char)strlen(name)}; /* UTF8String */
  memcpy(der + 2, name, strlen(name));
  assert_int_equal(gnutls_x509_crt_set_subject_alt_othername(crt, "1.3.6.1.5.5.7.8.5", der, (unsigned)strlen(name) + 2,
                                                             GNUTLS_FSAN_APPEND), 0);
}

/* A self-signed certificate with up to two names, as DER. */
static size_t make_certificate(unsigned char *der, size_t cap, const char *one, const char *two) {
  gnutls_x509_privkey_t key;
  gnutls_x509_crt_t crt;
  assert_int_equal(gnutls_x509_privkey_init(&key), 0);
  assert_int_equal(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
                                                0), 0);
  assert_int_equal(gnutls_x509_crt_init(&crt), 0);
  (void)gnutls_x509_crt_set_version(crt, 3);
  (void)gnutls_x509_crt_set_serial(crt, "\1", 1);
  (void)gnutls_x509_crt_set_activation_time(crt, 0);
  (void)gnutls_x509_crt_set_expiration_time(crt, 2000000000);
  (void)gnutls_x509_crt_set_key(crt, key);
  if (one != NULL) {
    add_name(crt, one);
  }
  if (two != NULL) {
    add_name(crt, two);
  }
  assert_int_equal(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0), 0);
  assert_int_equal(gnutls_x509_crt_export(crt, GNUTLS_X509_FMT_DER, der, &cap), 0);
  gnutls_x509_crt_deinit(crt);
  gnutls_x509_privkey_deinit(key);
  return cap;
}

static client *connect_with(const char *one, const char *two) {
  static unsigned char der[2048];
  imp_conn_params params = {.size = sizeof(params), .role = IMP_ROLE_C2S, .peer = "192.0.2.1", .secure = 1};
  memset(c, 0, sizeof(c));
  memset(&w, 0, sizeof(w));
  params.peer_certificate_len = make_certificate(der, sizeof(der), one, two);
  params.peer_certificate = der;
  imp_settings_default(&settings, sizeof(settings));
  settings.mechanisms |= IMP_SASL_EXTERNAL;
  unit_own(close_all, &w);
  world_open(&w, &settings, 1);
  client_init(&c[0], &w, "alice", "a");
  params.user_data = &c[0];
  assert_int_equal(imp_node_accept(w.node, &c[0].conn, &params, w.now), IMP_OK);
  client_send(&c[0], "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='" WORLD_DOMAIN
                     "' version='1.0'>");
  world_run(&w, c, 1);
  (void)client_expect(&c[0], "features", "EXTERNAL");
  return &c[0];
}

static void authenticate(client *a, const char *authzid) {
  char b64[100] = "=", xml[300];
  if (*authzid != '\0') {
    (void)imp_base64_encode(b64, authzid, strlen(authzid));
  }
  snprintf(xml, sizeof(xml), "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>%s</auth>", b64);
  client_send(a, xml);
  world_run(&w, c, 1);
}

static void the_only_name(void **state) {
  (void)state;
  client *a = connect_with("alice@im.example", NULL);
  authenticate(a, "");
  (void)client_expect(a, "success", NULL);
}

static void a_name_that_was_asked_for(void **state) {
  (void)state;
  client *a = connect_with("alice@im.example", "Bob@IM.example");
  authenticate(a, "");
  (void)client_expect(a, "failure", "not-authorized"); /* which of the two? */
  authenticate(a, "mallory@im.example");
  (void)client_expect(a, "failure", NULL);
  authenticate(a, "bob@im.example");
  (void)client_expect(a, "success", NULL);
}

static void names_that_are_not_ours(void **state) {
  (void)state;
  client *a = connect_with("alice@other.example", "im.example");
  authenticate(a, "");
  (void)client_expect(a, "failure", NULL);
  authenticate(a, "alice@other.example");
  (void)client_expect(a, "failure", NULL);
}

static void a_certificate_without_names(void **state) {
  (void)state;
  client *a = connect_with(NULL, NULL);
  authenticate(a, "alice@im.example");
  (void)client_expect(a, "failure", NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_only_name),
      cmocka_unit_test(a_name_that_was_asked_for),
      cmocka_unit_test(names_that_are_not_ours),
      cmocka_unit_test(a_certificate_without_names),
  };
  return unit_run("c2s_external", tests);
}
