#include "tls_client.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "alloc_fail.h"

#define XMPP_ADDR "1.3.6.1.5.5.7.8.5"

static void release_identity(void *object) {
  tls_identity *id = object;
  if (id->crt != NULL) {
    gnutls_x509_crt_deinit(id->crt);
  }
  if (id->private_key != NULL) {
    gnutls_x509_privkey_deinit(id->private_key);
  }
  memset(id, 0, sizeof(*id));
}

/* An xmppAddr is a UTF8String. */
static void add_address(gnutls_x509_crt_t crt, const char *address) {
  unsigned char der[80] = {0x0c, (unsigned char)strlen(address)};
  memcpy(der + 2, address, strlen(address));
  assert_int_equal(gnutls_x509_crt_set_subject_alt_othername(crt, XMPP_ADDR, der, (unsigned)strlen(address) + 2,
                                                             GNUTLS_FSAN_APPEND), 0);
}

static void fill_in(gnutls_x509_crt_t crt, const tls_wish *wish) {
  static unsigned char serial;
  time_t now = time(NULL);
  serial++;
  assert_int_equal(gnutls_x509_crt_set_version(crt, 3), 0);
  assert_int_equal(gnutls_x509_crt_set_serial(crt, &serial, 1), 0);
  assert_int_equal(gnutls_x509_crt_set_activation_time(crt, now - 7200), 0);
  assert_int_equal(gnutls_x509_crt_set_expiration_time(crt, wish->expired ? now - 3600 : now + 3600), 0);
  assert_int_equal(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, wish->is_ca ? "authority" : "somebody",
                                                 wish->is_ca ? 9 : 8), 0);
  assert_int_equal(gnutls_x509_crt_set_basic_constraints(crt, wish->is_ca != 0, -1), 0);
  if (wish->dns != NULL) {
    assert_int_equal(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, wish->dns, (unsigned)strlen(wish->dns),
                                                          GNUTLS_FSAN_APPEND), 0);
  }
  for (int i = 0; i < 3 && wish->addresses[i] != NULL; i++) {
    add_address(crt, wish->addresses[i]);
  }
  if (wish->purpose != NULL) {
    assert_int_equal(gnutls_x509_crt_set_key_purpose_oid(crt, wish->purpose, 0), 0);
  }
}

void tls_identity_make(tls_identity *id, const tls_wish *wish) {
  size_t certlen = sizeof(id->cert) - 1, keylen = sizeof(id->key) - 1;
  release_identity(id);
  unit_own(release_identity, id);
  assert_int_equal(gnutls_x509_privkey_init(&id->private_key), 0);
  assert_int_equal(gnutls_x509_privkey_generate(id->private_key, GNUTLS_PK_ECDSA,
                                                GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0), 0);
  assert_int_equal(gnutls_x509_crt_init(&id->crt), 0);
  fill_in(id->crt, wish);
  assert_int_equal(gnutls_x509_crt_set_key(id->crt, id->private_key), 0);
  assert_int_equal(gnutls_x509_crt_sign2(id->crt, wish->by != NULL ? wish->by->crt : id->crt,
                                         wish->by != NULL ? wish->by->private_key : id->private_key, GNUTLS_DIG_SHA256, 0), 0);
  assert_int_equal(gnutls_x509_crt_export(id->crt, GNUTLS_X509_FMT_PEM, id->cert, &certlen), 0);
  assert_int_equal(gnutls_x509_privkey_export(id->private_key, GNUTLS_X509_FMT_PEM, id->key, &keylen), 0);
}

/* ---- the client ---- */

static ssize_t push(gnutls_transport_ptr_t ptr, const void *data, size_t len) {
  return imp_buf_append(&((tls_client *)ptr)->out, data, len) == IMP_OK ? (ssize_t)len : -1;
}

static ssize_t pull(gnutls_transport_ptr_t ptr, void *dst, size_t len) {
  tls_client *c = ptr;
  size_t n = imp_buf_len(&c->in) < len ? imp_buf_len(&c->in) : len;
  if (n == 0) {
    gnutls_transport_set_errno(c->session, EAGAIN);
    return -1;
  }
  memcpy(dst, imp_buf_data(&c->in), n);
  imp_buf_consume(&c->in, n);
  return (ssize_t)n;
}

static int pull_timeout(gnutls_transport_ptr_t ptr, unsigned ms) {
  (void)ms;
  return imp_buf_len(&((tls_client *)ptr)->in) > 0;
}

/* Both ways; non-zero if anything moved. */
static int move(tls_client *c) {
  const void *data;
  size_t len, n = imp_buf_len(&c->out);
  int moved = n > 0;
  if (c->conn == NULL) {
    return 0;
  }
  if (n > 0) {
    (void)imp_conn_recv(c->conn, imp_buf_data(&c->out), n, c->w->now);
    imp_buf_consume(&c->out, n);
  }
  imp_node_turn(c->w->node, c->w->now);
  while ((data = imp_conn_send_peek(c->conn, &len)) != NULL && len > 0) {
    assert_int_equal(imp_buf_append(&c->in, data, len), IMP_OK);
    imp_conn_send_done(c->conn, len, c->w->now);
    moved = 1;
  }
  if (imp_conn_want_close(c->conn)) {
    imp_conn_del(c->conn, c->w->now);
    c->conn = NULL;
    c->closed = 1;
  }
  return moved;
}

static void read_text(tls_client *c) {
  ssize_t n;
  if (!c->handshaken) {
    c->handshaken = gnutls_handshake(c->session) == 0;
  }
  while (c->handshaken && c->textlen + 1 < sizeof(c->text) &&
         (n = gnutls_record_recv(c->session, c->text + c->textlen, sizeof(c->text) - 1 - c->textlen)) > 0) {
    c->textlen += (size_t)n;
  }
  c->text[c->textlen] = '\0';
}

static void run(tls_client *c) {
  for (int i = 0; i < 100; i++) {
    read_text(c);
    if (!move(c) && imp_buf_len(&c->in) == 0) {
      break;
    }
  }
}

/* Whatever the server says that it trusts. */
static int show(gnutls_session_t session, const gnutls_datum_t *cas, int ncas, const gnutls_pk_algorithm_t *algorithms,
                int nalgorithms, gnutls_retr2_st *st) {
  const tls_identity *id = gnutls_session_get_ptr(session);
  (void)cas, (void)ncas, (void)algorithms, (void)nalgorithms;
  memset(st, 0, sizeof(*st));
  if (id != NULL) {
    st->cert_type = GNUTLS_CRT_X509;
    st->key_type = GNUTLS_PRIVKEY_X509;
    st->cert.x509 = (gnutls_x509_crt_t *)(uintptr_t)&id->crt;
    st->key.x509 = id->private_key;
    st->ncerts = 1;
  }
  return 0;
}

void tls_client_open(tls_client *c, world *w, const char *priorities, const tls_identity *identity,
                     const gnutls_datum_t *resume) {
  static const unsigned char protocol[] = "xmpp-client";
  const gnutls_datum_t alpn = {(unsigned char *)(uintptr_t)protocol, sizeof(protocol) - 1};
  imp_conn_params params = {.size = sizeof(params), .role = IMP_ROLE_C2S_TLS, .peer = "192.0.2.1"};
  memset(c, 0, sizeof(*c));
  c->w = w;
  imp_buf_init(&c->in, 1 << 20);
  imp_buf_init(&c->out, 1 << 20);
  assert_int_equal(gnutls_init(&c->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK), 0);
  assert_int_equal(gnutls_certificate_allocate_credentials(&c->credentials), 0);
  gnutls_certificate_set_retrieve_function(c->credentials, show);
  gnutls_session_set_ptr(c->session, (void *)(uintptr_t)identity);
  assert_int_equal(gnutls_priority_set_direct(c->session, priorities, NULL), 0);
  assert_int_equal(gnutls_credentials_set(c->session, GNUTLS_CRD_CERTIFICATE, c->credentials), 0);
  assert_int_equal(gnutls_alpn_set_protocols(c->session, &alpn, 1, 0), 0);
  if (resume != NULL) {
    assert_int_equal(gnutls_session_set_data(c->session, resume->data, resume->size), 0);
  }
  gnutls_transport_set_ptr(c->session, c);
  gnutls_transport_set_push_function(c->session, push);
  gnutls_transport_set_pull_function(c->session, pull);
  gnutls_transport_set_pull_timeout_function(c->session, pull_timeout);
  assert_int_equal(imp_node_accept(w->node, &c->conn, &params, w->now), IMP_OK);
  run(c);
  assert_true(c->handshaken);
}

void tls_client_close(tls_client *c) {
  if (c->conn != NULL) {
    imp_conn_del(c->conn, c->w->now);
  }
  if (c->session != NULL) {
    gnutls_deinit(c->session);
  }
  if (c->credentials != NULL) {
    gnutls_certificate_free_credentials(c->credentials);
  }
  if (c->w != NULL) {
    imp_buf_reset(&c->in);
    imp_buf_reset(&c->out);
  }
  memset(c, 0, sizeof(*c));
}

void tls_client_send(tls_client *c, const char *text) {
  if (*text != '\0') {
    assert_int_equal(gnutls_record_send(c->session, text, strlen(text)), (int)strlen(text));
  }
  run(c);
}

void tls_client_expect(tls_client *c, const char *text) {
  char *at = strstr(c->text, text);
  if (at == NULL) {
    fail_msg("\"%s\" was not said, but: %s", text, c->text);
  }
  at += strlen(text);
  c->textlen -= (size_t)(at - c->text);
  memmove(c->text, at, c->textlen + 1);
}
