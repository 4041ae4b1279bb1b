/* EXTERNAL over a TLS handshake of our own: whom a client certificate lets in, and whom not (XEP-0178). */
#include "alloc_fail.h"
#include "core/codec.h"
#include "node/node.h"
#include "tls_client.h"

#include <stdio.h>
#include <string.h>

#define TLS13 "NORMAL:-VERS-ALL:+VERS-TLS1.3"
#define TLS12 "NORMAL:-VERS-ALL:+VERS-TLS1.2"

static world w;
static tls_client c;
static tls_identity ca, other_ca, server, id;
static imp_settings settings;

static void close_all(void *unused) {
  (void)unused;
  tls_client_close(&c);
  world_close(&w);
}

static void open_world(void) {
  unit_skip_alloc_fail(); /* most of what is allocated is GnuTLS's; c2s_external_test has the rest */
  memset(&c, 0, sizeof(c));
  memset(&w, 0, sizeof(w));
  imp_settings_default(&settings, sizeof(settings));
  settings.mechanisms |= IMP_SASL_EXTERNAL;
  tls_identity_make(&ca, &(tls_wish){.is_ca = 1});
  tls_identity_make(&other_ca, &(tls_wish){.is_ca = 1}); /* of the same name */
  tls_identity_make(&server, &(tls_wish){.by = &ca, .dns = WORLD_DOMAIN});
  unit_own(close_all, &w);
  world_open(&w, &settings, 1);
  assert_int_equal(imp_node_set_tls(w.node, server.cert, server.key, ca.cert), IMP_OK);
}

static void be(const char *address) {
  tls_identity_make(&id, &(tls_wish){.by = &ca, .addresses = {address}, .purpose = GNUTLS_KP_TLS_WWW_CLIENT});
}

#define HEADER(from) \
  "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='" WORLD_DOMAIN "'" from " version='1.0'>"

static void start(const char *priorities, const tls_identity *who, const char *header) {
  tls_client_close(&c);
  tls_client_open(&c, &w, priorities, who, NULL);
  tls_client_send(&c, header);
}

/* Whether the features offer it; both profiles agree. */
static int offered(void) {
  const char *end = strstr(c.text, "</stream:features>");
  assert_non_null(end);
  int old = strstr(c.text, "<mechanism>EXTERNAL</mechanism>") != NULL;
  assert_non_null(strstr(c.text, "<mechanism>PLAIN</mechanism>"));
  tls_client_expect(&c, "</stream:features>");
  return old;
}

static void authenticate(const char *authzid) {
  char b64[100] = "=", xml[300];
  if (*authzid != '\0') {
    (void)imp_base64_encode(b64, authzid, strlen(authzid));
  }
  snprintf(xml, sizeof(xml), "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>%s</auth>", b64);
  tls_client_send(&c, xml);
}

static void authenticate2(const char *authzid) {
  char b64[100] = "", xml[300];
  (void)imp_base64_encode(b64, authzid, strlen(authzid));
  snprintf(xml, sizeof(xml),
           "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='EXTERNAL'><initial-response>%s</initial-response>"
           "<bind xmlns='urn:xmpp:bind:0'><tag>t</tag></bind></authenticate>",
           b64);
  tls_client_send(&c, xml);
}

static void lets_in(const char *priorities) {
  open_world();
  be("alice@" WORLD_DOMAIN);
  start(priorities, &id, HEADER(""));
  assert_true(offered());
  authenticate("");
  tls_client_expect(&c, "<success");
  tls_client_send(&c, HEADER(" from='alice@" WORLD_DOMAIN "/x'"));
  tls_client_expect(&c, "<bind ");
  tls_client_send(&c, "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>x</resource></bind></iq>");
  tls_client_expect(&c, "<jid>alice@" WORLD_DOMAIN "/x</jid>");
  start(priorities, &id, HEADER(" from='alice@" WORLD_DOMAIN "'"));
  authenticate2("alice@" WORLD_DOMAIN);
  tls_client_expect(&c, "<authorization-identifier>alice@" WORLD_DOMAIN "/t");
}

static void lets_in_over_tls_1_3(void **state) {
  (void)state;
  lets_in(TLS13);
}

static void lets_in_over_tls_1_2(void **state) {
  (void)state;
  lets_in(TLS12);
}

static void wrong_certificates(void **state) {
  static const char alice[] = "alice@" WORLD_DOMAIN;
  (void)state;
  open_world();
  const tls_wish wishes[] = {
      {.by = &other_ca, .addresses = {alice}},                                     /* not our authority's */
      {.by = NULL, .addresses = {alice}},                                          /* nobody's */
      {.by = &ca, .addresses = {alice}, .expired = 1},                             /* too old */
      {.by = &ca, .addresses = {alice}, .purpose = GNUTLS_KP_TLS_WWW_SERVER},      /* for something else */
  };
  for (size_t i = 0; i <= sizeof wishes / sizeof wishes[0]; i++) {
    if (i < sizeof wishes / sizeof wishes[0]) {
      tls_identity_make(&id, &wishes[i]);
    }
    start(TLS13, i < sizeof wishes / sizeof wishes[0] ? &id : NULL, HEADER("")); /* last: none at all */
    assert_false(offered());
    authenticate("");
    tls_client_expect(&c, "<invalid-mechanism/>");
    tls_client_send(&c, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGFsaWNlAHBhc3M=</auth>");
    tls_client_expect(&c, "<success"); /* it is no obstacle to other ways */
  }
}

static void certificates_of_others(void **state) {
  (void)state;
  open_world();
  be("alice@" WORLD_DOMAIN);
  start(TLS13, &id, HEADER(""));
  authenticate("bob@" WORLD_DOMAIN);
  tls_client_expect(&c, "<failure ");
  authenticate("alice@other.example");
  tls_client_expect(&c, "<failure ");
  authenticate("alice@" WORLD_DOMAIN "/resource");
  tls_client_expect(&c, "<failure ");
  authenticate2("bob@" WORLD_DOMAIN);
  tls_client_expect(&c, "<failure ");
  authenticate("alice@" WORLD_DOMAIN); /* and she is not locked out */
  tls_client_expect(&c, "<success");
  be("alice@other.example");
  start(TLS13, &id, HEADER(""));
  authenticate("");
  tls_client_expect(&c, "<not-authorized/>");
  tls_identity_make(&id, &(tls_wish){.by = &ca, .dns = "alice." WORLD_DOMAIN});
  start(TLS13, &id, HEADER(""));
  authenticate("alice@" WORLD_DOMAIN);
  tls_client_expect(&c, "<not-authorized/>");
  tls_identity_make(&id, &(tls_wish){.by = &ca, .addresses = {"alice@" WORLD_DOMAIN, "bob@" WORLD_DOMAIN}});
  start(TLS13, &id, HEADER(""));
  authenticate("");
  tls_client_expect(&c, "<not-authorized/>");
  authenticate("bob@" WORLD_DOMAIN);
  tls_client_expect(&c, "<success");
}

static void streams_from_others(void **state) {
  (void)state;
  open_world();
  be("alice@" WORLD_DOMAIN);
  start(TLS13, &id, HEADER(" from='bob@" WORLD_DOMAIN "'"));
  authenticate2("alice@" WORLD_DOMAIN);
  tls_client_expect(&c, "<invalid-authzid ");
  authenticate2("");
  tls_client_expect(&c, "<invalid-authzid ");
  authenticate(""); /* RFC 6120 looks at it afterwards */
  tls_client_expect(&c, "<success");
  tls_client_send(&c, HEADER(" from='bob@" WORLD_DOMAIN "'"));
  tls_client_expect(&c, "<invalid-from ");
  assert_true(c.closed);
  start(TLS13, &id, HEADER(" from='alice@other.example'"));
  tls_client_expect(&c, "<invalid-from ");
  start(TLS13, &id, HEADER(" from='@'"));
  tls_client_expect(&c, "<invalid-from ");
  start(TLS13, &id, HEADER(" from=''"));
  tls_client_expect(&c, "<mechanism>EXTERNAL</mechanism>");
}

/* A session that is taken up again by its ticket still knows whose it is. */
static void resumed(const char *priorities) {
  gnutls_datum_t data;
  open_world();
  be("alice@" WORLD_DOMAIN);
  start(priorities, &id, HEADER(""));
  assert_true(offered());
  assert_int_equal(gnutls_session_get_data2(c.session, &data), 0);
  tls_client_close(&c);
  tls_client_open(&c, &w, priorities, &id, &data);
  gnutls_free(data.data);
  assert_true(gnutls_session_is_resumed(c.session));
  tls_client_send(&c, HEADER(""));
  assert_true(offered());
  authenticate("alice@" WORLD_DOMAIN);
  tls_client_expect(&c, "<success");
}

static void resumed_over_tls_1_3(void **state) {
  (void)state;
  resumed(TLS13);
}

static void resumed_over_tls_1_2(void **state) {
  (void)state;
  resumed(TLS12);
}

static imp_op *asked;
static char asked_for[64];

static int check_certificate(imp_op *op, const char *authzid, const void *der, size_t derlen, void *user_data) {
  gnutls_datum_t data = {(unsigned char *)(uintptr_t)der, (unsigned)derlen};
  gnutls_x509_crt_t crt;
  (void)user_data;
  if (gnutls_x509_crt_init(&crt) == 0) {
    if (gnutls_x509_crt_import(crt, &data, GNUTLS_X509_FMT_DER) == 0 && gnutls_x509_crt_equals(crt, id.crt)) {
      snprintf(asked_for, sizeof(asked_for), "%s", authzid);
      asked = op;
    }
    gnutls_x509_crt_deinit(crt);
  }
  return asked != NULL ? IMP_ERR_PENDING : IMP_ERR_DENIED;
}

static void the_host_says_whose_it_is(void **state) {
  (void)state;
  open_world();
  w.node->callbacks.check_certificate = check_certificate;
  tls_identity_make(&id, &(tls_wish){.by = &ca});
  start(TLS13, &id, HEADER(""));
  asked = NULL;
  authenticate("carol@" WORLD_DOMAIN);
  assert_non_null(asked);
  assert_string_equal(asked_for, "carol@" WORLD_DOMAIN);
  imp_op_done(asked, imp_op_add_row(asked, "user", 4, "dave", 4));
  tls_client_send(&c, "");
  tls_client_expect(&c, "<invalid-authzid/>"); /* the host may name whom it likes: not against the client's wish */
  authenticate("carol@" WORLD_DOMAIN);
  imp_op_done(asked, IMP_ERR_UNAVAILABLE);
  tls_client_send(&c, "");
  tls_client_expect(&c, "<temporary-auth-failure/>");
  authenticate("");
  imp_op_done(asked, IMP_ERR_DENIED);
  tls_client_send(&c, "");
  tls_client_expect(&c, "<not-authorized/>");
  authenticate("carol@" WORLD_DOMAIN);
  imp_op_done(asked, imp_op_add_row(asked, "user", 4, "carol", 5));
  tls_client_send(&c, "");
  tls_client_expect(&c, "<success");
}

static void nobody_is_asked_without_authorities(void **state) {
  (void)state;
  open_world();
  assert_int_equal(imp_node_set_tls(w.node, server.cert, server.key, NULL), IMP_OK);
  be("alice@" WORLD_DOMAIN);
  start(TLS13, &id, HEADER(""));
  assert_false(offered());
  assert_false(gnutls_certificate_client_get_request_status(c.session));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lets_in_over_tls_1_3),
      cmocka_unit_test(lets_in_over_tls_1_2),
      cmocka_unit_test(wrong_certificates),
      cmocka_unit_test(certificates_of_others),
      cmocka_unit_test(streams_from_others),
      cmocka_unit_test(resumed_over_tls_1_3),
      cmocka_unit_test(resumed_over_tls_1_2),
      cmocka_unit_test(the_host_says_whose_it_is),
      cmocka_unit_test(nobody_is_asked_without_authorities),
  };
  return unit_run("c2s_certificate", tests);
}
