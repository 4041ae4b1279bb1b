#include "stream_kit.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/mem.h"

skit_certificate skit_server, skit_server2, skit_server384, skit_ca, skit_client, skit_stranger;

/* ---- certificates ---- */

static void must(int rc) {
  if (rc < 0) {
    fprintf(stderr, "kit: %s\n", gnutls_strerror(rc));
    abort();
  }
}

static void export_pair(skit_certificate *out, gnutls_x509_crt_t crt, gnutls_x509_privkey_t key) {
  size_t len = sizeof out->cert;
  must(gnutls_x509_crt_export(crt, GNUTLS_X509_FMT_PEM, out->cert, &len));
  len = sizeof out->key;
  must(gnutls_x509_privkey_export(key, GNUTLS_X509_FMT_PEM, out->key, &len));
}

static void load_pair(const skit_certificate *in, gnutls_x509_crt_t *crt, gnutls_x509_privkey_t *key) {
  gnutls_datum_t cert = {(unsigned char *)in->cert, (unsigned)strlen(in->cert)};
  gnutls_datum_t pem = {(unsigned char *)in->key, (unsigned)strlen(in->key)};
  must(gnutls_x509_crt_init(crt));
  must(gnutls_x509_privkey_init(key));
  must(gnutls_x509_crt_import(*crt, &cert, GNUTLS_X509_FMT_PEM));
  must(gnutls_x509_privkey_import(*key, &pem, GNUTLS_X509_FMT_PEM));
}

static void make(skit_certificate *out, const char *name, const skit_certificate *issuer,
                 gnutls_digest_algorithm_t hash, const char *purpose) {
  static unsigned char serial = 1;
  gnutls_x509_crt_t crt, by;
  gnutls_x509_privkey_t key, bykey;
  must(gnutls_x509_crt_init(&crt));
  must(gnutls_x509_privkey_init(&key));
  must(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
  must(gnutls_x509_crt_set_version(crt, 3));
  serial++;
  must(gnutls_x509_crt_set_serial(crt, &serial, 1));
  must(gnutls_x509_crt_set_key(crt, key));
  must(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, name, (unsigned)strlen(name)));
  must(gnutls_x509_crt_set_activation_time(crt, time(NULL) - 3600));
  must(gnutls_x509_crt_set_expiration_time(crt, time(NULL) + 86400));
  must(gnutls_x509_crt_set_basic_constraints(crt, out == &skit_ca, -1));
  if (purpose != NULL) {
    must(gnutls_x509_crt_set_key_purpose_oid(crt, purpose, 0));
  }
  if (issuer != NULL) {
    load_pair(issuer, &by, &bykey);
    must(gnutls_x509_crt_sign2(crt, by, bykey, hash, 0));
    gnutls_x509_crt_deinit(by);
    gnutls_x509_privkey_deinit(bykey);
  } else {
    must(gnutls_x509_crt_sign2(crt, crt, key, hash, 0));
  }
  export_pair(out, crt, key);
  gnutls_x509_crt_deinit(crt);
  gnutls_x509_privkey_deinit(key);
}

void skit_certificates(void) {
  make(&skit_ca, "ca", NULL, GNUTLS_DIG_SHA256, NULL);
  make(&skit_server, "imp.example", NULL, GNUTLS_DIG_SHA256, NULL);
  make(&skit_server2, "imp.example", NULL, GNUTLS_DIG_SHA256, NULL);
  make(&skit_server384, "imp.example", NULL, GNUTLS_DIG_SHA384, NULL);
  make(&skit_client, "client", &skit_ca, GNUTLS_DIG_SHA256, GNUTLS_KP_TLS_WWW_CLIENT);
  make(&skit_stranger, "stranger", NULL, GNUTLS_DIG_SHA256, GNUTLS_KP_TLS_WWW_CLIENT);
}

/* ---- the owner ---- */

static kit *skit_of(imp_conn *conn) { return imp_conn_env(conn)->ctx; }

static void note(kit *k, const char *what) {
  if (imp_buf_len(&k->seen) > 0) {
    imp_buf_append_str(&k->seen, " ");
  }
  imp_buf_append_str(&k->seen, what);
}

static void submit(imp_conn *conn, const char *text) { (void)imp_conn_submit_text(conn, text, strlen(text)); }

static void on_opened(imp_conn *conn, const imp_stanza *header) {
  assert_non_null(imp_elem_attr(imp_stanza_root(header), "to"));
  note(skit_of(conn), "(");
  imp_conn_send_header(conn, "imp.example", NULL);
  submit(conn, "<stream:features xmlns:stream='http://etherx.jabber.org/streams'/>");
}

static void on_auth(imp_conn *conn, int restart) {
  imp_conn_set_authenticated(conn);
  submit(conn, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
  if (restart) {
    imp_conn_restart(conn);
  }
}

static void on_stanza(imp_conn *conn, imp_stanza *st) {
  const char *name = imp_elem_name(imp_stanza_root(st));
  if (strcmp(name, "starttls") == 0) {
    submit(conn, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    imp_conn_starttls(conn);
  } else if (strcmp(name, "auth") == 0 || strcmp(name, "in") == 0) {
    on_auth(conn, name[0] == 'a');
  } else if (strcmp(name, "wait") == 0) {
    imp_conn_set_busy(conn, 1);
  } else if (strcmp(name, "fail") == 0) {
    imp_conn_fail(conn, imp_elem_text(imp_stanza_root(st), NULL), "as asked", NULL);
  } else if (strcmp(name, "bye") == 0) {
    imp_conn_close(conn, NULL, 0);
  } else if (skit_of(conn)->echo) {
    imp_conn_submit_stanza(conn, st);
  }
  note(skit_of(conn), name);
  imp_stanza_del(st);
}

static void on_ended(imp_conn *conn, int clean) { note(skit_of(conn), clean ? ")" : "!"); }

static const imp_conn_events events = {.opened = on_opened, .stanza = on_stanza, .ended = on_ended};

static const char *domain(void *ctx) {
  (void)ctx;
  return "imp.example";
}

static void fill_random(void *dst, size_t len) { gnutls_rnd(GNUTLS_RND_NONCE, dst, len); }

static void on_wake(void *ctx) { ((kit *)ctx)->wakes++; }

/* ---- life ---- */

static void client_del(kit *k) {
  if (k->session != NULL) {
    gnutls_deinit(k->session);
  }
  if (k->cred != NULL) {
    gnutls_certificate_free_credentials(k->cred);
  }
  k->session = NULL;
  k->cred = NULL;
  k->handshaken = k->closed = 0;
  imp_buf_reset(&k->raw);
  imp_buf_reset(&k->text);
  imp_buf_reset(&k->reply);
}

void skit_drop_conn(kit *k) {
  imp_conn_del(k->conn, k->env.now);
  k->conn = NULL;
  client_del(k);
}

static void skit_del(void *object) {
  kit *k = object;
  if (k->conn != NULL) {
    imp_conn_del(k->conn, k->env.now);
  }
  client_del(k);
  imp_stream_env_reset(&k->env);
  imp_xml_pool_del(k->pool);
  imp_tls_context_del(k->tls);
  imp_heap_reset(&k->timers);
  imp_buf_reset(&k->seen);
  free(k);
}

static void set_limits(imp_stream_limits *limits) {
  imp_xml_limits_default(&limits->preauth);
  imp_xml_limits_default(&limits->authed);
  limits->preauth.stanza_bytes = 16384;
  limits->preauth_bytes = 65536;
  limits->preauth_time = 30 * IMP_SECONDS;
  limits->close_time = 5 * IMP_SECONDS;
  limits->output_max = 65536;
}

kit *skit_new(const skit_certificate *cert, const skit_certificate *ca) {
  char text[200];
  kit *k = calloc(1, sizeof *k);
  assert_non_null(k);
  unit_own(skit_del, k);
  imp_heap_init(&k->timers);
  imp_buf_init(&k->seen, 1 << 20);
  imp_buf_init(&k->raw, 1 << 26);
  imp_buf_init(&k->text, 1 << 26);
  imp_buf_init(&k->reply, 1 << 26);
  set_limits(&k->limits);
  k->echo = 1;
  assert_int_equal(imp_xml_pool_new(&k->pool, 16, NULL), IMP_OK);
  if (cert != NULL) {
    imp_tls_config config = {cert->cert, cert->key, ca != NULL ? ca->cert : NULL, NULL};
    assert_int_equal(imp_tls_context_new(&k->tls, &config, text, sizeof text), IMP_OK);
  }
  k->env = (imp_stream_env){.xml = k->pool, .tls = k->tls, .timers = &k->timers, .limits = &k->limits,
                            .events = &events, .dirty = &k->dirty, .domain = domain, .random = fill_random,
                            .ctx = k, .now = IMP_SECONDS, .wake = on_wake};
  assert_int_equal(imp_stream_env_init(&k->env), IMP_OK);
  return k;
}

void skit_accept_params(kit *k, const imp_conn_params *params) {
  assert_int_equal(imp_conn_new(&k->conn, &k->env, params, k->env.now), IMP_OK);
}

void skit_accept(kit *k, imp_role role) {
  imp_conn_params params = {.size = sizeof params, .role = role, .peer = "192.0.2.1"};
  skit_accept_params(k, &params);
}

/* ---- the client ---- */

static ssize_t client_pull(gnutls_transport_ptr_t ptr, void *dst, size_t len) {
  kit *k = ptr;
  size_t have = imp_buf_len(&k->raw), n = have < len ? have : len;
  if (n == 0) {
    gnutls_transport_set_errno(k->session, EAGAIN);
    return -1;
  }
  memcpy(dst, imp_buf_data(&k->raw), n);
  imp_buf_consume(&k->raw, n);
  return (ssize_t)n;
}

static int client_pull_timeout(gnutls_transport_ptr_t ptr, unsigned ms) {
  (void)ms;
  return imp_buf_len(&((kit *)ptr)->raw) > 0;
}

static ssize_t client_push(gnutls_transport_ptr_t ptr, const void *data, size_t len) {
  return imp_buf_append(&((kit *)ptr)->reply, data, len) == IMP_OK ? (ssize_t)len : -1;
}

void skit_client_tls(kit *k, const char *priorities, const char *alpn, const skit_certificate *cert) {
  must(gnutls_init(&k->session, GNUTLS_CLIENT | GNUTLS_NONBLOCK));
  must(gnutls_priority_set_direct(k->session, priorities != NULL ? priorities : "NORMAL", NULL));
  must(gnutls_certificate_allocate_credentials(&k->cred));
  if (cert != NULL) {
    gnutls_datum_t pem = {(unsigned char *)(uintptr_t)cert->cert, (unsigned)strlen(cert->cert)};
    gnutls_datum_t key = {(unsigned char *)(uintptr_t)cert->key, (unsigned)strlen(cert->key)};
    must(gnutls_certificate_set_x509_key_mem(k->cred, &pem, &key, GNUTLS_X509_FMT_PEM));
  }
  must(gnutls_credentials_set(k->session, GNUTLS_CRD_CERTIFICATE, k->cred));
  if (alpn != NULL) {
    gnutls_datum_t protocol = {(unsigned char *)(uintptr_t)alpn, (unsigned)strlen(alpn)};
    must(gnutls_alpn_set_protocols(k->session, &protocol, 1, 0));
  }
  gnutls_transport_set_ptr(k->session, k);
  gnutls_transport_set_pull_function(k->session, client_pull);
  gnutls_transport_set_pull_timeout_function(k->session, client_pull_timeout);
  gnutls_transport_set_push_function(k->session, client_push);
}

/* The client looks at what has come. */
static void client_turn(kit *k) {
  if (k->session == NULL) {
    imp_buf_append(&k->text, imp_buf_data(&k->raw), imp_buf_len(&k->raw));
    imp_buf_consume(&k->raw, imp_buf_len(&k->raw));
    return;
  }
  if (!k->handshaken) {
    k->handshaken = gnutls_handshake(k->session) == 0;
  }
  char bytes[20000];
  ssize_t n;
  while (k->handshaken && (n = gnutls_record_recv(k->session, bytes, sizeof bytes)) != 0) {
    if (n > 0) {
      imp_buf_append(&k->text, bytes, (size_t)n);
    } else if (n != GNUTLS_E_AGAIN || imp_buf_len(&k->raw) == 0) {
      break;
    }
  }
}

/* The node's and the host's part of a turn. */
static size_t server_turn(kit *k) {
  imp_iovec iov;
  size_t moved = 0;
  while (imp_conn_next_dirty(&k->env) != NULL) {
  }
  while (!k->deaf && imp_conn_send_peekv(k->conn, &iov, 1) > 0) {
    size_t n = k->chunk > 0 && k->chunk < iov.len ? k->chunk : iov.len;
    imp_buf_append(&k->raw, iov.base, n);
    imp_conn_send_done(k->conn, n, k->env.now);
    k->reads++;
    moved += n;
  }
  k->closed = imp_conn_want_close(k->conn) && !k->deaf;
  return moved;
}

static size_t feed_server(kit *k) {
  size_t moved = 0;
  while (imp_buf_len(&k->reply) > 0) {
    size_t have = imp_buf_len(&k->reply), n = k->chunk > 0 && k->chunk < have ? k->chunk : have;
    int over = imp_conn_want_close(k->conn);
    uint8_t *copy = malloc(n); /* so that reading past the end is seen */
    assert_non_null(copy);
    memcpy(copy, imp_buf_data(&k->reply), n);
    int rc = imp_conn_recv(k->conn, copy, n, k->env.now);
    free(copy);
    assert_int_equal(rc, imp_conn_want_close(k->conn) ? IMP_ERR_CLOSED : IMP_OK);
    assert_true(!over || rc == IMP_ERR_CLOSED);
    imp_buf_consume(&k->reply, n);
    moved += n;
  }
  return moved;
}

void skit_pump(kit *k) {
  size_t moved;
  do {
    client_turn(k);
    moved = feed_server(k);
    moved += server_turn(k);
  } while (moved > 0);
}

void skit_send_bytes(kit *k, const void *data, size_t len) {
  if (k->session != NULL) {
    skit_pump(k);
    for (size_t sent = 0; sent < len;) {
      ssize_t n = gnutls_record_send(k->session, (const char *)data + sent, len - sent);
      if (n < 0) {
        break;
      }
      sent += (size_t)n;
    }
  } else {
    imp_buf_append(&k->reply, data, len);
  }
  skit_pump(k);
}

void skit_send(kit *k, const char *text) { skit_send_bytes(k, text, strlen(text)); }

void skit_send_frame(kit *k, unsigned first, const void *payload, size_t len) {
  static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};
  uint8_t *frame = malloc(len + 14);
  size_t n = 0;
  assert_non_null(frame);
  frame[n++] = (uint8_t)first;
  if (len < 126) {
    frame[n++] = (uint8_t)(0x80 | len);
  } else if (len < 65536) {
    frame[n++] = 0x80 | 126;
    frame[n++] = (uint8_t)(len >> 8);
    frame[n++] = (uint8_t)len;
  } else {
    frame[n++] = 0x80 | 127;
    for (int i = 7; i >= 0; i--) {
      frame[n++] = (uint8_t)((uint64_t)len >> (8 * i));
    }
  }
  memcpy(frame + n, mask, 4);
  n += 4;
  for (size_t i = 0; i < len; i++) {
    frame[n++] = (uint8_t)(((const uint8_t *)payload)[i] ^ mask[i % 4]);
  }
  skit_send_bytes(k, frame, n);
  free(frame);
}

void skit_send_message(kit *k, const char *text) { skit_send_frame(k, 0x81, text, strlen(text)); }

void skit_upgrade(kit *k) {
  skit_send(k, "GET /xmpp-websocket HTTP/1.1\r\nHost: imp.example:5280\r\nUpgrade: websocket\r\n"
              "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
              "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: xmpp\r\nOrigin: https://x.example\r\n\r\n");
}

const char *skit_text(const kit *k) {
  return imp_buf_len(&k->text) > 0 ? (const char *)imp_buf_data(&k->text) : "";
}

const char *skit_seen(const kit *k) {
  return imp_buf_len(&k->seen) > 0 ? (const char *)imp_buf_data(&k->seen) : "";
}

void skit_clear(kit *k) {
  imp_buf_consume(&k->text, imp_buf_len(&k->text));
  k->reads = 0;
}

void skit_advance(kit *k, imp_tstamp by) {
  k->env.now += by;
  imp_heap_run(&k->timers, k->env.now);
  if (k->conn != NULL) {
    skit_pump(k);
  }
}

void skit_assert_has(const char *haystack, const char *needle, const char *file, int line) {
  if (strstr(haystack, needle) == NULL) {
    print_error("\"%.2000s\" is not in \"%.4000s\"\n", needle, haystack);
    _fail(file, line);
  }
}
