/*
 * GNU SASL as the client: an implementation that shares nothing with ours.
 *
 * packages: libgsasl
 */
#include "alloc_fail.h"

#include <gsasl.h>
#include <string.h>

#include "core/codec.h"
#include "sasl/sasl.h"
#include "sasl_client.h"

static const char exporter[] = "exporter-data-32-bytes-long-1234";
static const char unique[] = "finished-msg";
static const imp_channel_binding both = {sizeof(imp_channel_binding), exporter, 32, NULL, 0, unique, 12};
static const imp_channel_binding only_exporter = {sizeof(imp_channel_binding), exporter, 32, NULL, 0, NULL, 0};
static const imp_channel_binding only_unique = {sizeof(imp_channel_binding), NULL, 0, NULL, 0, unique, 12};

/* What the client has. */
typedef struct client {
  const char *mechanism;
  const char *user, *password, *authzid;
  const char *exporter, *unique; /* NULL: it cannot bind so */
} client;

static void del_sasl(void *sasl) { imp_sasl_del(sasl); }
static void del_keys(void *keys) { imp_scram_keys_del(keys); }
static void del_gsasl(void *ctx) { gsasl_done(ctx); }
static void del_session(void *session) { gsasl_finish(session); }

static void set(Gsasl_session *session, Gsasl_property property, const char *value) {
  if (value != NULL) {
    assert_int_equal(gsasl_property_set(session, property, value), GSASL_OK);
  }
}

static void set_binding(Gsasl_session *session, Gsasl_property property, const char *value) {
  char base64[128];
  if (value != NULL) {
    imp_base64_encode(base64, value, strlen(value));
    set(session, property, base64);
  }
}

static Gsasl_session *start_client(const client *c) {
  Gsasl *ctx = NULL;
  Gsasl_session *session = NULL;
  assert_int_equal(gsasl_init(&ctx), GSASL_OK);
  unit_own(del_gsasl, ctx);
  assert_int_equal(gsasl_client_start(ctx, c->mechanism, &session), GSASL_OK);
  unit_own(del_session, session);
  set(session, GSASL_AUTHID, c->user);
  set(session, GSASL_PASSWORD, c->password);
  set(session, GSASL_AUTHZID, c->authzid);
  set(session, GSASL_ANONYMOUS_TOKEN, c->user);
  set_binding(session, GSASL_CB_TLS_EXPORTER, c->exporter);
  set_binding(session, GSASL_CB_TLS_UNIQUE, c->unique);
  return session;
}

static imp_sasl *start_server(const char *mechanism, const imp_channel_binding *binding) {
  imp_sasl_params params;
  imp_sasl *sasl = NULL;
  sasl_params(&params, binding);
  params.plus_offered = 1;
  assert_int_equal(imp_sasl_new(&sasl, imp_sasl_mechanism_by_name(mechanism, strlen(mechanism)), &params), IMP_OK);
  unit_own(del_sasl, sasl);
  return sasl;
}

static imp_sasl_result serve(imp_sasl *sasl, const imp_credential *credential, const char *host_says, const char *in,
                             size_t inlen, const void **out, size_t *outlen) {
  imp_sasl_result result = imp_sasl_step(sasl, in, inlen, out, outlen);
  if (result == IMP_SASL_NEED_CREDENTIAL) {
    return imp_sasl_credential(sasl, credential, out, outlen);
  }
  if (result == IMP_SASL_NEED_HOST) {
    return imp_sasl_decide(sasl, host_says, NULL, 0, out, outlen);
  }
  return result;
}

/* Runs both sides against each other. *satisfied: the client believes the server, too. */
static imp_sasl_result run(const client *c, imp_sasl *sasl, const imp_credential *credential, const char *host_says,
                           int *satisfied) {
  Gsasl_session *session = start_client(c);
  const void *data = NULL;
  size_t len = 0;
  imp_sasl_result result;
  int rc;

  *satisfied = 0;
  do {
    char *text = NULL;
    size_t textlen = 0;
    rc = gsasl_step(session, data, len, &text, &textlen);
    if (rc != GSASL_OK && rc != GSASL_NEEDS_MORE) {
      gsasl_free(text);
      return IMP_SASL_FAILURE;
    }
    result = serve(sasl, credential, host_says, text != NULL ? text : "", textlen, &data, &len);
    gsasl_free(text);
  } while (result == IMP_SASL_CONTINUE);
  if (result == IMP_SASL_SUCCESS && rc == GSASL_NEEDS_MORE) {
    char *text = NULL;
    size_t textlen = 0;
    rc = gsasl_step(session, data, len, &text, &textlen);
    assert_int_equal(textlen, 0);
    gsasl_free(text);
  }
  *satisfied = result == IMP_SASL_SUCCESS && rc == GSASL_OK;
  return result;
}

static const imp_credential *new_keys(const char *mechanism, const char *password) {
  const imp_mechanism *mech = imp_mechanism_by_bit(imp_sasl_mechanism_by_name(mechanism, strlen(mechanism)));
  imp_scram_keys *keys = NULL;
  assert_int_equal(imp_scram_keys_new(&keys, mech->hash != NULL ? mech->hash : "SHA-256", password, NULL, 0, 4096),
                   IMP_OK);
  unit_own(del_keys, keys);
  return imp_scram_keys_get(keys);
}

static void accepts(const client *c, const imp_channel_binding *binding, const char *password) {
  imp_sasl *sasl = start_server(c->mechanism, binding);
  int satisfied;
  assert_int_equal(run(c, sasl, new_keys(c->mechanism, password), NULL, &satisfied), IMP_SASL_SUCCESS);
  assert_true(satisfied);
  assert_string_equal(imp_sasl_authzid(sasl), c->authzid != NULL ? c->authzid : "");
}

static void refuses(const client *c, const imp_channel_binding *binding, int negotiation) {
  imp_sasl *sasl = start_server(c->mechanism, binding);
  int satisfied;
  assert_int_equal(run(c, sasl, new_keys(c->mechanism, "pencil"), NULL, &satisfied), IMP_SASL_FAILURE);
  assert_false(satisfied);
  assert_int_equal(imp_sasl_failure_is_negotiation(sasl) != 0, negotiation);
}

static const char *const scrams[] = {"SCRAM-SHA-1", "SCRAM-SHA-256"};
static const char *const pluses[] = {"SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"};

static void agrees_on_scram(void **state) {
  size_t i;
  (void)state;
  unit_skip_alloc_fail();
  for (i = 0; i < 2; i++) {
    client c = {scrams[i], "user", "pencil", NULL, NULL, NULL};
    accepts(&c, NULL, "pencil");
    c.user = "a,b=c";
    c.authzid = "d=e,f@im.example";
    accepts(&c, NULL, "pencil");
    c.authzid = NULL;
    c.user = "\xc2\xaa\xc2\xad";       /* SASLprep: "a" */
    c.password = "p\xc2\xa0\xe2\x85\xa8"; /* "p IX" */
    accepts(&c, NULL, "p IX");
    c.password = "Pencil";
    refuses(&c, NULL, 0);
  }
}

static void agrees_on_channel_binding(void **state) {
  size_t i;
  (void)state;
  unit_skip_alloc_fail();
  for (i = 0; i < 2; i++) {
    client c = {pluses[i], "user", "pencil", NULL, exporter, NULL};
    accepts(&c, &only_exporter, "pencil");
    accepts(&c, &both, "pencil");
    refuses(&c, &only_unique, 1);
    c.exporter = "some other connection's exporter";
    refuses(&c, &only_exporter, 0);
    c.exporter = NULL;
    c.unique = unique;
    accepts(&c, &only_unique, "pencil");
    accepts(&c, &both, "pencil");
    refuses(&c, &only_exporter, 1);
  }
}

static void agrees_on_plain(void **state) {
  imp_credential clear = {sizeof clear, "pencil", NULL, 0, NULL, 0, NULL, NULL};
  client c = {"PLAIN", "user", "pencil", "user@im.example", NULL, NULL};
  int satisfied;
  (void)state;
  unit_skip_alloc_fail();
  accepts(&c, &both, "pencil");
  assert_int_equal(run(&c, start_server("PLAIN", &both), &clear, NULL, &satisfied), IMP_SASL_SUCCESS);
  c.password = "pencils";
  assert_int_equal(run(&c, start_server("PLAIN", &both), &clear, NULL, &satisfied), IMP_SASL_FAILURE);
  refuses(&c, &both, 0);
}

static void agrees_on_the_rest(void **state) {
  client external = {"EXTERNAL", NULL, NULL, "user@im.example", NULL, NULL};
  client anonymous = {"ANONYMOUS", "sirhc", NULL, NULL, NULL, NULL};
  int satisfied;
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(run(&external, start_server("EXTERNAL", &both), NULL, "user", &satisfied), IMP_SASL_SUCCESS);
  assert_true(satisfied);
  assert_int_equal(run(&external, start_server("EXTERNAL", &both), NULL, NULL, &satisfied), IMP_SASL_FAILURE);
  assert_int_equal(run(&anonymous, start_server("ANONYMOUS", &both), NULL, "guest", &satisfied), IMP_SASL_SUCCESS);
  assert_true(satisfied);
}

/* Keys that GNU SASL derives are ours. */
static void derives_the_same_keys(void **state) {
  static const uint8_t salt[12] = "twelve bytes";
  static const Gsasl_hash hashes[] = {GSASL_HASH_SHA1, GSASL_HASH_SHA256};
  static const char *const names[] = {"SHA-1", "SHA-256"};
  char salted[GSASL_HASH_MAX_SIZE], client_key[GSASL_HASH_MAX_SIZE], server_key[GSASL_HASH_MAX_SIZE],
      stored_key[GSASL_HASH_MAX_SIZE];
  imp_scram_keys *keys;
  size_t i;
  (void)state;
  for (i = 0; i < 2; i++) {
    size_t len = gsasl_hash_length(hashes[i]);
    assert_int_equal(gsasl_scram_secrets_from_password(hashes[i], "pencil", 5000, (const char *)salt, sizeof salt, salted,
                                                       client_key, server_key, stored_key),
                     GSASL_OK);
    assert_int_equal(imp_scram_keys_new(&keys, names[i], "pencil", salt, sizeof salt, 5000), IMP_OK);
    unit_own(del_keys, keys);
    assert_memory_equal(imp_scram_keys_get(keys)->stored_key, stored_key, len);
    assert_memory_equal(imp_scram_keys_get(keys)->server_key, server_key, len);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(agrees_on_scram),  cmocka_unit_test(agrees_on_channel_binding),
      cmocka_unit_test(agrees_on_plain),  cmocka_unit_test(agrees_on_the_rest),
      cmocka_unit_test(derives_the_same_keys),
  };
  return unit_run("sasl_gsasl", tests);
}
