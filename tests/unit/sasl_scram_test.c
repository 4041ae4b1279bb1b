/* SCRAM: published vectors, channel binding, what hostile clients send, unknown users. */
#include "alloc_fail.h"

#include <stdio.h>
#include <string.h>

#include "core/codec.h"
#include "core/mem.h"
#include "sasl/sasl.h"
#include "sasl_client.h"

static void del_sasl(void *sasl) { imp_sasl_del(sasl); }
static void del_keys(void *keys) { imp_scram_keys_del(keys); }

static const char exporter[] = "exporter-data-32-bytes-long-1234";
static const char endpoint[] = "end-point-hash";
static const imp_channel_binding bindings = {sizeof(imp_channel_binding), exporter, 32, endpoint, 14, NULL, 0};
static const imp_channel_binding tls_only = {sizeof(imp_channel_binding), NULL, 0, NULL, 0, NULL, 0};

static imp_sasl *new_sasl(uint32_t mechanism, const imp_channel_binding *binding, uint32_t plus_offered) {
  imp_sasl_params params;
  imp_sasl *sasl = NULL;
  sasl_params(&params, binding);
  params.plus_offered = plus_offered;
  assert_int_equal(imp_sasl_new(&sasl, mechanism, &params), IMP_OK);
  unit_own(del_sasl, sasl);
  return sasl;
}

static const imp_credential *new_keys(const char *hash, const char *password, const char *salt64) {
  imp_scram_keys *keys = NULL;
  uint8_t salt[64];
  size_t saltlen = 0;
  if (salt64 != NULL) {
    assert_int_equal(imp_base64_decode(salt, &saltlen, salt64, strlen(salt64)), IMP_OK);
  }
  assert_int_equal(imp_scram_keys_new(&keys, hash, password, salt64 != NULL ? salt : NULL, saltlen, 4096), IMP_OK);
  unit_own(del_keys, keys);
  return imp_scram_keys_get(keys);
}

static imp_sasl_result step(imp_sasl *sasl, const char *in, char out[SASL_TEXT_MAX]) {
  const void *data;
  size_t len;
  imp_sasl_result result = imp_sasl_step(sasl, in, strlen(in), &data, &len);
  snprintf(out, SASL_TEXT_MAX, "%.*s", (int)len, data != NULL ? (const char *)data : "");
  return result;
}

static imp_sasl_result credential(imp_sasl *sasl, const imp_credential *c, char out[SASL_TEXT_MAX]) {
  const void *data;
  size_t len;
  imp_sasl_result result = imp_sasl_credential(sasl, c, &data, &len);
  snprintf(out, SASL_TEXT_MAX, "%.*s", (int)len, data != NULL ? (const char *)data : "");
  return result;
}

static void assert_refused(imp_sasl *sasl, imp_sasl_result result, const char *condition, int negotiation) {
  assert_int_equal(result, IMP_SASL_FAILURE);
  assert_string_equal(imp_sasl_condition(sasl, NULL), condition);
  assert_int_equal(imp_sasl_failure_is_negotiation(sasl) != 0, negotiation);
}

/* ---- vectors ---- */

static const struct vector {
  uint32_t mechanism;
  const char *hash, *salt, *client_nonce, *server_nonce, *server_first, *client_final, *server_final;
} vectors[] = {
    {IMP_SASL_SCRAM_SHA_1, "SHA-1", "QSXCR+Q6sek8bf92", /* RFC 5802 §5 */
     "fyko+d2lbbFgONRv9qkxdawL", "3rfcNHYJY1ZVvWVs7j",
     "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
     "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
     "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="},
    {IMP_SASL_SCRAM_SHA_256, "SHA-256", "W22ZaJ0SNY7soEsUEjb6gQ==", /* RFC 7677 §3 */
     "rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
     "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
     "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
     "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
     "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
    {IMP_SASL_SCRAM_SHA_512, "SHA-512", "Yin2FuHTt/M0kJWb0t9OI32n2VmOGi3m+JfjOvuDF88=", /* Python's hashlib */
     "fyko+d2lbbFgONRv9qkxdawL", "D0smA2pRyh",
     "r=fyko+d2lbbFgONRv9qkxdawLD0smA2pRyh,s=Yin2FuHTt/M0kJWb0t9OI32n2VmOGi3m+JfjOvuDF88=,i=4096",
     "c=biws,r=fyko+d2lbbFgONRv9qkxdawLD0smA2pRyh,"
     "p=xgrSEa5CBeDJv8dneZzFq+MYpDnY7nViL2Agamo93Y4H5Zc0aeEjIejm+lDGcFzg/HfgF52xCxD0Gfb8vrcOEA==",
     "v=ibtL+7UNKX6e3MEIDyMtV15g52Z79ROsw095jkNkt+8IkfiMO5we3NLg0QMidsImRRjX+oqUm4WCAlkYV71dow=="},
};

static void follows_vector(const struct vector *v) {
  imp_sasl *sasl = new_sasl(v->mechanism, NULL, 0);
  char first[SASL_TEXT_MAX], out[SASL_TEXT_MAX];

  imp_sasl_fix_nonce(sasl, v->server_nonce);
  assert_string_equal(imp_sasl_hash(sasl), v->hash);
  snprintf(first, sizeof first, "n,,n=user,r=%s", v->client_nonce);
  assert_int_equal(step(sasl, first, out), IMP_SASL_NEED_CREDENTIAL);
  assert_string_equal(imp_sasl_username(sasl), "user");
  assert_string_equal(imp_sasl_authzid(sasl), "");
  assert_int_equal(credential(sasl, new_keys(v->hash, "pencil", v->salt), out), IMP_SASL_CONTINUE);
  assert_string_equal(out, v->server_first);
  assert_int_equal(step(sasl, v->client_final, out), IMP_SASL_SUCCESS);
  assert_string_equal(out, v->server_final);
}

static void follows_rfc5802(void **state) { (void)state, follows_vector(&vectors[0]); }
static void follows_rfc7677(void **state) { (void)state, follows_vector(&vectors[1]); }
static void follows_sha512(void **state) { (void)state, follows_vector(&vectors[2]); }

/* ---- whole exchanges against the test's own client ---- */

typedef struct attempt {
  const char *gs2;
  const void *binding;
  size_t bindinglen;
  const char *bare;
  const char *password;
} attempt;

static imp_sasl_result run(imp_sasl *sasl, const attempt *a, const imp_credential *c, char out[SASL_TEXT_MAX]) {
  char first[SASL_TEXT_MAX];
  sasl_final final;
  imp_sasl_result result;

  snprintf(first, sizeof first, "%s%s", a->gs2, a->bare);
  result = step(sasl, first, out);
  if (result != IMP_SASL_NEED_CREDENTIAL) {
    return result;
  }
  assert_int_equal(credential(sasl, c, out), IMP_SASL_CONTINUE);
  sasl_scram_final(&final, imp_sasl_hash(sasl), a->password, a->gs2, a->binding, a->bindinglen, a->bare, out,
                   strlen(out));
  result = step(sasl, final.message, out);
  if (result == IMP_SASL_SUCCESS) {
    assert_string_equal(out, final.verifier);
  }
  return result;
}

static void binds_to_channel(void **state) {
  static const attempt good[] = {
      {"p=tls-exporter,,", exporter, 32, "n=user,r=abc", "pencil"},
      {"p=tls-server-end-point,,", endpoint, 14, "n=user,r=abc", "pencil"},
  };
  static const attempt forged = {"p=tls-exporter,,", "other-data", 10, "n=user,r=abc", "pencil"};
  char out[SASL_TEXT_MAX];
  imp_sasl *sasl;
  size_t i;
  (void)state;
  for (i = 0; i < IMP_ARRAY_LEN(good); i++) {
    sasl = new_sasl(IMP_SASL_SCRAM_SHA_256_PLUS, &bindings, 1);
    assert_int_equal(run(sasl, &good[i], new_keys("SHA-256", "pencil", NULL), out), IMP_SASL_SUCCESS);
  }
  sasl = new_sasl(IMP_SASL_SCRAM_SHA_256_PLUS, &bindings, 1);
  assert_refused(sasl, run(sasl, &forged, new_keys("SHA-256", "pencil", NULL), out), "not-authorized", 0);
}

static void checks_flag(void **state) {
  static const struct {
    uint32_t mechanism, plus_offered;
    const char *first, *condition;
  } cases[] = {
      {IMP_SASL_SCRAM_SHA_1, 1, "y,,n=user,r=abc", "not-authorized"},                         /* downgrade */
      {IMP_SASL_SCRAM_SHA_1, 1, "p=tls-exporter,,n=user,r=abc", "malformed-request"},         /* not with this name */
      {IMP_SASL_SCRAM_SHA_1_PLUS, 1, "n,,n=user,r=abc", "malformed-request"},
      {IMP_SASL_SCRAM_SHA_1_PLUS, 1, "y,,n=user,r=abc", "malformed-request"},
      {IMP_SASL_SCRAM_SHA_1_PLUS, 1, "p=tls-unique,,n=user,r=abc", "malformed-request"},      /* no data for it */
      {IMP_SASL_SCRAM_SHA_1_PLUS, 1, "p=tls-imaginary,,n=user,r=abc", "malformed-request"},
  };
  char out[SASL_TEXT_MAX];
  size_t i;
  (void)state;
  for (i = 0; i < IMP_ARRAY_LEN(cases); i++) {
    imp_sasl *sasl = new_sasl(cases[i].mechanism, &bindings, cases[i].plus_offered);
    assert_refused(sasl, step(sasl, cases[i].first, out), cases[i].condition, 1);
  }
}

/* A client that can bind, and a server that offered none: fine. */
static void allows_y_without_plus(void **state) {
  static const attempt a = {"y,,", NULL, 0, "n=user,r=abc", "pencil"};
  char out[SASL_TEXT_MAX];
  imp_sasl *sasl = new_sasl(IMP_SASL_SCRAM_SHA_1, &tls_only, 0);
  (void)state;
  assert_int_equal(run(sasl, &a, new_keys("SHA-1", "pencil", NULL), out), IMP_SASL_SUCCESS);
}

static void needs_binding_for_plus(void **state) {
  imp_sasl_params params;
  imp_sasl *sasl = NULL;
  (void)state;
  sasl_params(&params, NULL);
  assert_int_equal(imp_sasl_new(&sasl, IMP_SASL_SCRAM_SHA_1_PLUS, &params), IMP_ERR_DENIED);
  params.binding = &tls_only;
  assert_int_equal(imp_sasl_new(&sasl, IMP_SASL_SCRAM_SHA_1_PLUS, &params), IMP_ERR_DENIED);
  assert_int_equal(imp_sasl_new(&sasl, 0, &params), IMP_ERR_UNSUPPORTED);
  assert_int_equal(imp_sasl_new(&sasl, IMP_SASL_PLAIN | IMP_SASL_EXTERNAL, &params), IMP_ERR_UNSUPPORTED);
  params.iterations = 4095;
  assert_int_equal(imp_sasl_new(&sasl, IMP_SASL_SCRAM_SHA_1, &params), IMP_ERR_RANGE);
  params.iterations = 0;
  params.fake_key = NULL;
  assert_int_equal(imp_sasl_new(&sasl, IMP_SASL_SCRAM_SHA_1, &params), IMP_ERR_INVALID_ARGUMENT);
}

static void reads_names(void **state) {
  static const attempt a = {"n,a=juliet=2Ccap@im.example,", NULL, 0, "n=a=3Db=2Cc,r=abc,x=ignored", "pencil"};
  char out[SASL_TEXT_MAX];
  imp_sasl *sasl = new_sasl(IMP_SASL_SCRAM_SHA_256, NULL, 0);
  (void)state;
  assert_int_equal(run(sasl, &a, new_keys("SHA-256", "pencil", NULL), out), IMP_SASL_SUCCESS);
  assert_string_equal(imp_sasl_username(sasl), "a=b,c");
  assert_string_equal(imp_sasl_authzid(sasl), "juliet,cap@im.example");
}

/* RFC 4013 §3: soft hyphens go, ª becomes a, Ⅸ becomes IX. */
static void prepares_names_and_passwords(void **state) {
  static const attempt a = {"n,,", NULL, 0, "n=I\xc2\xadX\xc2\xaa,r=abc", "IX"};
  char out[SASL_TEXT_MAX];
  imp_sasl *sasl = new_sasl(IMP_SASL_SCRAM_SHA_256, NULL, 0);
  (void)state;
  assert_int_equal(run(sasl, &a, new_keys("SHA-256", "\xe2\x85\xa8", NULL), out), IMP_SASL_SUCCESS);
  assert_string_equal(imp_sasl_username(sasl), "IXa");
}

static void refuses_malformed_first(void **state) {
  static const char *const bad[] = {
      "", "n", "n,", "n,,", "x,,n=user,r=abc", "n,,n=user", "n,,r=abc,n=user", "n,,n=,r=abc", "n,,n=user,r=",
      "n,a=,n=user,r=abc", "n,b=x,n=user,r=abc", "n,,m=ext,n=user,r=abc", "n,,n=us=er,r=abc", "n,,n=user=2,r=abc",
      "n,,n=user=2c,r=abc", "n,,n=user,r=a b", "n,,n=user,r=\xc3\xa4", "n,,n=\xff\xfe,r=abc", "n,,n=a\xcd\xb8\x01,r=abc",
      "p=,,n=user,r=abc", "p=a b,,n=user,r=abc", "p,,n=user,r=abc", "n,a==2,n=user,r=abc", "n=user,r=abc",
  };
  char out[SASL_TEXT_MAX];
  const void *data;
  size_t i, len;
  imp_sasl *sasl;
  (void)state;
  unit_skip_alloc_fail();
  for (i = 0; i < IMP_ARRAY_LEN(bad); i++) {
    sasl = new_sasl(IMP_SASL_SCRAM_SHA_1, NULL, 0);
    assert_int_equal(step(sasl, bad[i], out), IMP_SASL_FAILURE);
    assert_string_equal(imp_sasl_condition(sasl, NULL), "malformed-request");
  }
  sasl = new_sasl(IMP_SASL_SCRAM_SHA_1, NULL, 0);
  assert_int_equal(imp_sasl_step(sasl, "n,,n=us\0er,r=abc", 16, &data, &len), IMP_SASL_FAILURE);
}

/* Every prefix of a good message is read without looking past its end, which the copy makes visible. */
static void refuses_truncated_messages(void **state) {
  static const char first[] = "p=tls-exporter,a=x=2Cy,n=user,r=abcdef";
  size_t i, enough = (size_t)(strstr(first, "r=") + 3 - first);
  (void)state;
  unit_skip_alloc_fail();
  for (i = 0; i < sizeof first - 1; i++) {
    imp_sasl *sasl = new_sasl(IMP_SASL_SCRAM_SHA_1_PLUS, &bindings, 1);
    char *copy = imp_malloc(i + 1);
    const void *data;
    size_t len;
    imp_sasl_result result;
    memcpy(copy, first, i);
    result = imp_sasl_step(sasl, copy, i, &data, &len);
    assert_int_equal(result, i < enough ? IMP_SASL_FAILURE : IMP_SASL_NEED_CREDENTIAL);
    imp_free(copy);
  }
}

static void refuses_malformed_final(void **state) {
  static const char *const bad[] = {
      "", "c=biws", "c=biws,r=%s", "r=%s,c=biws,p=AAAA", "c=biws,r=%s,p=", "c=biws,r=%s,p=AAAA", "c=biws,r=%s,p=!!!!",
      "c=biws,r=%s,m=x,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", "c=biws,r=%s,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=,",
      "c=biws,r=%s,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=,x=y", "c=biw,r=%s,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
      "c=biws,r=%s,pv0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
  };
  char nonce[SASL_TEXT_MAX], text[2 * SASL_TEXT_MAX], out[SASL_TEXT_MAX];
  size_t i;
  (void)state;
  unit_skip_alloc_fail();
  for (i = 0; i < IMP_ARRAY_LEN(bad); i++) {
    imp_sasl *sasl = new_sasl(IMP_SASL_SCRAM_SHA_1, NULL, 0);
    const char *at = strstr(bad[i], "%s");
    assert_int_equal(step(sasl, "n,,n=user,r=abc", out), IMP_SASL_NEED_CREDENTIAL);
    assert_int_equal(credential(sasl, new_keys("SHA-1", "pencil", NULL), out), IMP_SASL_CONTINUE);
    assert_int_equal(sscanf(out, "r=%1000[^,]", nonce), 1);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at != NULL ? at - bad[i] : (long)strlen(bad[i])), bad[i],
             at != NULL ? nonce : "", at != NULL ? at + 2 : "");
    assert_refused(sasl, step(sasl, text, out), "malformed-request", 0);
  }
}

static void refuses_other_nonce_and_header(void **state) {
  static const char proof[] = "p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=";
  char out[SASL_TEXT_MAX], text[2 * SASL_TEXT_MAX], nonce[SASL_TEXT_MAX];
  imp_sasl *sasl = new_sasl(IMP_SASL_SCRAM_SHA_1, NULL, 0);
  (void)state;
  assert_int_equal(step(sasl, "n,,n=user,r=abc", out), IMP_SASL_NEED_CREDENTIAL);
  assert_int_equal(credential(sasl, new_keys("SHA-1", "pencil", NULL), out), IMP_SASL_CONTINUE);
  snprintf(text, sizeof text, "c=biws,r=abc,%s", proof);
  assert_refused(sasl, step(sasl, text, out), "not-authorized", 0);

  sasl = new_sasl(IMP_SASL_SCRAM_SHA_1, NULL, 0);
  assert_int_equal(step(sasl, "n,,n=user,r=abc", out), IMP_SASL_NEED_CREDENTIAL);
  assert_int_equal(credential(sasl, new_keys("SHA-1", "pencil", NULL), out), IMP_SASL_CONTINUE);
  assert_int_equal(sscanf(out, "r=%1000[^,]", nonce), 1);
  snprintf(text, sizeof text, "c=eSws,r=%.1000s,%s", nonce, proof); /* "y,," */
  assert_refused(sasl, step(sasl, text, out), "not-authorized", 0);
}

static void refuses_wrong_password(void **state) {
  static const attempt a = {"n,,", NULL, 0, "n=user,r=abc", "pen"};
  char out[SASL_TEXT_MAX];
  imp_sasl *sasl = new_sasl(IMP_SASL_SCRAM_SHA_512, NULL, 0);
  const void *data;
  size_t len;
  (void)state;
  assert_refused(sasl, run(sasl, &a, new_keys("SHA-512", "pencil", NULL), out), "not-authorized", 0);
  assert_int_equal(imp_sasl_step(sasl, "n,,n=user,r=abc", 15, &data, &len), IMP_SASL_FAILURE); /* over is over */
}

static void derives_from_clear_password(void **state) {
  static const attempt good = {"n,,", NULL, 0, "n=user,r=abc", "IX"}, bad = {"n,,", NULL, 0, "n=user,r=abc", "pen"};
  imp_credential clear = {sizeof clear, "\xe2\x85\xa8", NULL, 0, NULL, 0, NULL, NULL};
  char first[SASL_TEXT_MAX], second[SASL_TEXT_MAX], out[SASL_TEXT_MAX];
  imp_sasl *sasl = new_sasl(IMP_SASL_SCRAM_SHA_1, NULL, 0);
  (void)state;
  assert_int_equal(run(sasl, &good, &clear, out), IMP_SASL_SUCCESS);
  sasl = new_sasl(IMP_SASL_SCRAM_SHA_1, NULL, 0);
  assert_refused(sasl, run(sasl, &bad, &clear, out), "not-authorized", 0);

  /* Its salt is as stable as that of an unknown user, so the two look alike. */
  sasl = new_sasl(IMP_SASL_SCRAM_SHA_1, NULL, 0);
  assert_int_equal(step(sasl, "n,,n=user,r=abc", out), IMP_SASL_NEED_CREDENTIAL);
  assert_int_equal(credential(sasl, &clear, first), IMP_SASL_CONTINUE);
  sasl = new_sasl(IMP_SASL_SCRAM_SHA_1, NULL, 0);
  assert_int_equal(step(sasl, "n,,n=user,r=abc", out), IMP_SASL_NEED_CREDENTIAL);
  assert_int_equal(credential(sasl, NULL, second), IMP_SASL_CONTINUE);
  assert_non_null(strstr(first, ",s="));
  assert_string_equal(strstr(first, ",s="), strstr(second, ",s="));
}

static void first_of_unknown(const char *name, char out[SASL_TEXT_MAX]) {
  char first[SASL_TEXT_MAX];
  imp_sasl *sasl = new_sasl(IMP_SASL_SCRAM_SHA_256, NULL, 0);
  snprintf(first, sizeof first, "n,,n=%s,r=abc", name);
  assert_int_equal(step(sasl, first, out), IMP_SASL_NEED_CREDENTIAL);
  assert_int_equal(credential(sasl, NULL, out), IMP_SASL_CONTINUE);
}

static void hides_unknown_users(void **state) {
  static const attempt a = {"n,,", NULL, 0, "n=nobody,r=abc", "pencil"};
  imp_credential other = *new_keys("SHA-1", "pencil", NULL);
  char one[SASL_TEXT_MAX], two[SASL_TEXT_MAX], out[SASL_TEXT_MAX];
  imp_sasl *sasl = new_sasl(IMP_SASL_SCRAM_SHA_256, NULL, 0);
  (void)state;
  assert_refused(sasl, run(sasl, &a, NULL, out), "not-authorized", 0);
  sasl = new_sasl(IMP_SASL_SCRAM_SHA_256, NULL, 0);
  assert_refused(sasl, run(sasl, &a, &other, out), "not-authorized", 0); /* keys of another hash are no keys */
  first_of_unknown("nobody", one);
  first_of_unknown("nobody", two);
  assert_string_equal(strstr(one, ",s="), strstr(two, ",s="));
  assert_string_not_equal(one, two); /* the nonce */
  first_of_unknown("somebody", two);
  assert_string_not_equal(strstr(one, ",s="), strstr(two, ",s="));
  assert_non_null(strstr(one, ",i=4096"));
}

static void keeps_order(void **state) {
  char out[SASL_TEXT_MAX];
  const void *data;
  size_t len;
  imp_sasl *sasl = new_sasl(IMP_SASL_SCRAM_SHA_1, NULL, 0);
  (void)state;
  assert_int_equal(imp_sasl_step(sasl, NULL, 0, &data, &len), IMP_SASL_CONTINUE);
  assert_non_null(data);
  assert_int_equal(len, 0);
  assert_refused(sasl, imp_sasl_step(sasl, NULL, 0, &data, &len), "malformed-request", 0);
  sasl = new_sasl(IMP_SASL_SCRAM_SHA_1, NULL, 0);
  assert_refused(sasl, credential(sasl, NULL, out), "malformed-request", 1);
  sasl = new_sasl(IMP_SASL_SCRAM_SHA_1, NULL, 0);
  assert_refused(sasl, imp_sasl_decide(sasl, "user", NULL, 0, &data, &len), "malformed-request", 1);
  sasl = new_sasl(IMP_SASL_SCRAM_SHA_1, NULL, 0);
  assert_int_equal(step(sasl, "n,,n=user,r=abc", out), IMP_SASL_NEED_CREDENTIAL);
  assert_refused(sasl, step(sasl, "n,,n=user,r=abc", out), "malformed-request", 0);
}

static void bounds_messages(void **state) {
  static char huge[IMP_SASL_MESSAGE_MAX + 1];
  const void *data;
  size_t len;
  imp_sasl *sasl = new_sasl(IMP_SASL_SCRAM_SHA_1, NULL, 0);
  (void)state;
  memset(huge, 'a', sizeof huge);
  memcpy(huge, "n,,n=user,r=", 12);
  assert_refused(sasl, imp_sasl_step(sasl, huge, sizeof huge, &data, &len), "malformed-request", 0);
  sasl = new_sasl(IMP_SASL_SCRAM_SHA_1, NULL, 0);
  assert_refused(sasl, imp_sasl_step(sasl, huge, 12 + IMP_SCRAM_NONCE_MAX + 1, &data, &len), "malformed-request", 0);
  sasl = new_sasl(IMP_SASL_SCRAM_SHA_1, NULL, 0);
  assert_int_equal(imp_sasl_step(sasl, huge, 12 + IMP_SCRAM_NONCE_MAX, &data, &len), IMP_SASL_NEED_CREDENTIAL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(follows_rfc5802),
      cmocka_unit_test(follows_rfc7677),
      cmocka_unit_test(follows_sha512),
      cmocka_unit_test(binds_to_channel),
      cmocka_unit_test(checks_flag),
      cmocka_unit_test(allows_y_without_plus),
      cmocka_unit_test(needs_binding_for_plus),
      cmocka_unit_test(reads_names),
      cmocka_unit_test(prepares_names_and_passwords),
      cmocka_unit_test(refuses_malformed_first),
      cmocka_unit_test(refuses_truncated_messages),
      cmocka_unit_test(refuses_malformed_final),
      cmocka_unit_test(refuses_other_nonce_and_header),
      cmocka_unit_test(refuses_wrong_password),
      cmocka_unit_test(derives_from_clear_password),
      cmocka_unit_test(hides_unknown_users),
      cmocka_unit_test(keeps_order),
      cmocka_unit_test(bounds_messages),
  };
  return unit_run("sasl_scram", tests);
}
