/* All mechanisms but SCRAM; names, what can be offered. */
#include "alloc_fail.h"

#include <stdio.h>
#include <string.h>

#include "core/codec.h"
#include "core/mem.h"
#include "sasl/exchange.h"
#include "sasl/sasl.h"
#include "sasl_client.h"

static void del_sasl(void *sasl) { imp_sasl_del(sasl); }
static void del_keys(void *keys) { imp_scram_keys_del(keys); }

static const char exporter[] = "exporter-data-32-bytes-long-12345";
static const imp_channel_binding bindings = {sizeof(imp_channel_binding), exporter, 33, NULL, 0, "u", 1};
static const imp_channel_binding tls_only = {sizeof(imp_channel_binding), NULL, 0, NULL, 0, NULL, 0};

static imp_sasl *new_sasl(uint32_t mechanism) {
  imp_sasl_params params;
  imp_sasl *sasl = NULL;
  sasl_params(&params, &bindings);
  assert_int_equal(imp_sasl_new(&sasl, mechanism, &params), IMP_OK);
  unit_own(del_sasl, sasl);
  return sasl;
}

static const void *out;
static size_t outlen;

#define STEP(sasl, literal) imp_sasl_step(sasl, literal, sizeof literal - 1, &out, &outlen)
#define DECIDE(sasl, who) imp_sasl_decide(sasl, who, NULL, 0, &out, &outlen)

static void assert_refused(imp_sasl *sasl, imp_sasl_result result, const char *condition) {
  assert_int_equal(result, IMP_SASL_FAILURE);
  assert_string_equal(imp_sasl_condition(sasl, NULL), condition);
}

/* ---- names ---- */

static void knows_names(void **state) {
  uint32_t bit;
  (void)state;
  for (bit = IMP_SASL_PLAIN; bit <= IMP_SASL_HT_SHA_256_EXPR; bit <<= 1) {
    const char *name = imp_sasl_mechanism_name(bit);
    assert_non_null(name);
    assert_int_equal(imp_sasl_mechanism_by_name(name, strlen(name)), bit);
  }
  assert_null(imp_sasl_mechanism_name(bit));
  assert_null(imp_sasl_mechanism_name(0));
  assert_null(imp_sasl_mechanism_name(IMP_SASL_PLAIN | IMP_SASL_EXTERNAL));
  assert_int_equal(imp_sasl_mechanism_by_name("plain", 5), 0);
  assert_int_equal(imp_sasl_mechanism_by_name("PLAINX", 6), 0);
  assert_int_equal(imp_sasl_mechanism_by_name("", 0), 0);
  assert_int_equal(imp_sasl_mechanism_by_name("SCRAM-SHA-512-PLUS", 18), IMP_SASL_SCRAM_SHA_512_PLUS);
}

static void offers_what_is_possible(void **state) {
  const uint32_t all = (IMP_SASL_HT_SHA_256_EXPR << 1) - 1;
  const char *types[3];
  (void)state;
  assert_int_equal(imp_sasl_offerable(all, NULL), IMP_SASL_ALL_SCRAM | IMP_SASL_ANONYMOUS);
  assert_int_equal(imp_sasl_offerable(all, &tls_only),
                   all & ~(IMP_SASL_ALL_PLUS | IMP_SASL_HT_SHA_256_UNIQ | IMP_SASL_HT_SHA_256_ENDP |
                           IMP_SASL_HT_SHA_256_EXPR));
  assert_int_equal(imp_sasl_offerable(all, &bindings), all & ~IMP_SASL_HT_SHA_256_ENDP);
  assert_int_equal(imp_sasl_offerable(IMP_SASL_PLAIN, &bindings), IMP_SASL_PLAIN);
  assert_int_equal(imp_channel_binding_types(&bindings, types), 2);
  assert_string_equal(types[0], "tls-exporter");
  assert_string_equal(types[1], "tls-unique");
  assert_int_equal(imp_channel_binding_types(NULL, types), 0);
}

/* ---- PLAIN ---- */

static void checks_plain_against_keys(void **state) {
  static const char *const hashes[] = {"SHA-1", "SHA-256", "SHA-512"};
  size_t i;
  (void)state;
  for (i = 0; i < 3; i++) {
    imp_scram_keys *keys = NULL;
    const imp_credential *c;
    imp_sasl *sasl = new_sasl(IMP_SASL_PLAIN);
    assert_int_equal(imp_scram_keys_new(&keys, hashes[i], "pencil", NULL, 0, 4096), IMP_OK);
    unit_own(del_keys, keys);
    c = imp_scram_keys_get(keys);
    assert_null(imp_sasl_hash(sasl));
    assert_int_equal(STEP(sasl, "user@im.example\0user\0pencil"), IMP_SASL_NEED_CREDENTIAL);
    assert_string_equal(imp_sasl_username(sasl), "user");
    assert_string_equal(imp_sasl_authzid(sasl), "user@im.example");
    assert_int_equal(imp_sasl_credential(sasl, c, &out, &outlen), IMP_SASL_SUCCESS);
    assert_null(out);
    sasl = new_sasl(IMP_SASL_PLAIN);
    assert_int_equal(STEP(sasl, "\0user\0pencils"), IMP_SASL_NEED_CREDENTIAL);
    assert_refused(sasl, imp_sasl_credential(sasl, c, &out, &outlen), "not-authorized");
    assert_false(imp_sasl_failure_is_negotiation(sasl));
  }
}

static void checks_plain_against_clear(void **state) {
  imp_credential c = {sizeof c, "pencil", NULL, 0, NULL, 0, NULL, NULL};
  imp_sasl *sasl = new_sasl(IMP_SASL_PLAIN);
  (void)state;
  assert_int_equal(STEP(sasl, "\0user\0pencil"), IMP_SASL_NEED_CREDENTIAL);
  assert_int_equal(imp_sasl_credential(sasl, &c, &out, &outlen), IMP_SASL_SUCCESS);
  sasl = new_sasl(IMP_SASL_PLAIN);
  assert_int_equal(STEP(sasl, "\0user\0penci"), IMP_SASL_NEED_CREDENTIAL);
  assert_refused(sasl, imp_sasl_credential(sasl, &c, &out, &outlen), "not-authorized");
  c.password = "";
  sasl = new_sasl(IMP_SASL_PLAIN);
  assert_int_equal(STEP(sasl, "\0user\0pencil"), IMP_SASL_NEED_CREDENTIAL);
  assert_refused(sasl, imp_sasl_credential(sasl, &c, &out, &outlen), "not-authorized");
}

static void refuses_plain_for_unknown(void **state) {
  imp_sasl_params params;
  imp_sasl *sasl = new_sasl(IMP_SASL_PLAIN);
  (void)state;
  assert_int_equal(STEP(sasl, "\0nobody\0pencil"), IMP_SASL_NEED_CREDENTIAL);
  assert_refused(sasl, imp_sasl_credential(sasl, NULL, &out, &outlen), "not-authorized");
  sasl_params(&params, &bindings);
  params.clear_passwords = 1;
  sasl = NULL;
  assert_int_equal(imp_sasl_new(&sasl, IMP_SASL_PLAIN, &params), IMP_OK);
  unit_own(del_sasl, sasl);
  assert_int_equal(STEP(sasl, "\0nobody\0unknown"), IMP_SASL_NEED_CREDENTIAL);
  assert_refused(sasl, imp_sasl_credential(sasl, NULL, &out, &outlen), "not-authorized");
}

static void refuses_malformed_plain(void **state) {
  static const struct {
    const char *s;
    size_t len;
  } bad[] = {{"", 0},          {"\0", 1},          {"\0\0", 2},           {"user", 4},         {"\0user", 5},
             {"\0user\0", 6},  {"\0\0pencil", 8},  {"\0user\0pen\0cil", 13}, {"\xff\0user\0p", 8}, {"\0\xff\0p", 4},
             {"\0user\0\xff", 7}};
  size_t i;
  (void)state;
  for (i = 0; i < IMP_ARRAY_LEN(bad); i++) {
    imp_sasl *sasl = new_sasl(IMP_SASL_PLAIN);
    assert_refused(sasl, imp_sasl_step(sasl, bad[i].s, bad[i].len, &out, &outlen), "malformed-request");
  }
}

static void needs_tls(void **state) {
  static const uint32_t need[] = {IMP_SASL_PLAIN, IMP_SASL_EXTERNAL, IMP_SASL_OAUTHBEARER, IMP_SASL_HT_SHA_256_NONE};
  imp_sasl_params params;
  imp_sasl *sasl = NULL;
  size_t i;
  (void)state;
  sasl_params(&params, NULL);
  for (i = 0; i < IMP_ARRAY_LEN(need); i++) {
    assert_int_equal(imp_sasl_new(&sasl, need[i], &params), IMP_ERR_DENIED);
  }
  params.binding = &tls_only;
  assert_int_equal(imp_sasl_new(&sasl, IMP_SASL_HT_SHA_256_EXPR, &params), IMP_ERR_DENIED);
}

/* ---- EXTERNAL, ANONYMOUS ---- */

static void lets_host_decide_external(void **state) {
  imp_sasl *sasl = new_sasl(IMP_SASL_EXTERNAL);
  (void)state;
  assert_int_equal(imp_sasl_step(sasl, NULL, 0, &out, &outlen), IMP_SASL_CONTINUE);
  assert_int_equal(STEP(sasl, "user@im.example"), IMP_SASL_NEED_HOST);
  assert_string_equal(imp_sasl_authzid(sasl), "user@im.example");
  assert_int_equal(DECIDE(sasl, imp_sasl_authzid(sasl)), IMP_SASL_SUCCESS);
  assert_string_equal(imp_sasl_username(sasl), "user@im.example");
  assert_int_equal(DECIDE(sasl, imp_sasl_username(sasl)), IMP_SASL_FAILURE); /* once */

  sasl = new_sasl(IMP_SASL_EXTERNAL);
  assert_int_equal(STEP(sasl, ""), IMP_SASL_NEED_HOST);
  assert_refused(sasl, DECIDE(sasl, NULL), "not-authorized");
  sasl = new_sasl(IMP_SASL_EXTERNAL);
  assert_refused(sasl, STEP(sasl, "us\0er"), "malformed-request");
}

static void lets_host_name_anonymous(void **state) {
  static char trace[1021];
  imp_sasl *sasl = new_sasl(IMP_SASL_ANONYMOUS);
  (void)state;
  assert_int_equal(STEP(sasl, "sirhc"), IMP_SASL_NEED_HOST);
  assert_string_equal(imp_sasl_username(sasl), "sirhc");
  assert_int_equal(DECIDE(sasl, "guest-1"), IMP_SASL_SUCCESS);
  assert_string_equal(imp_sasl_username(sasl), "guest-1");
  sasl = new_sasl(IMP_SASL_ANONYMOUS);
  memset(trace, 'x', sizeof trace);
  assert_refused(sasl, imp_sasl_step(sasl, trace, sizeof trace, &out, &outlen), "malformed-request");
}

/* ---- OAUTHBEARER ---- */

static void reads_bearer_token(void **state) {
  imp_sasl *sasl = new_sasl(IMP_SASL_OAUTHBEARER);
  (void)state;
  assert_int_equal(STEP(sasl, "n,a=user@example.com,\001host=server.example.com\001port=143\001"
                              "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\001\001"),
                   IMP_SASL_NEED_HOST);
  assert_string_equal(imp_sasl_token(sasl), "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==");
  assert_string_equal(imp_sasl_authzid(sasl), "user@example.com");
  assert_string_equal(imp_sasl_username(sasl), "user");
  assert_int_equal(DECIDE(sasl, "user"), IMP_SASL_SUCCESS);
  assert_null(out);
  assert_string_equal(imp_sasl_username(sasl), "user");
}

static void explains_refused_token(void **state) {
  imp_sasl *sasl = new_sasl(IMP_SASL_OAUTHBEARER);
  (void)state;
  assert_int_equal(STEP(sasl, "n,,\001auth=bearer  token\001\001"), IMP_SASL_NEED_HOST);
  assert_string_equal(imp_sasl_token(sasl), "token");
  assert_int_equal(DECIDE(sasl, NULL), IMP_SASL_CONTINUE);
  assert_int_equal(outlen, 26);
  assert_memory_equal(out, "{\"status\":\"invalid_token\"}", 26);
  assert_refused(sasl, STEP(sasl, "\001"), "not-authorized");
  sasl = new_sasl(IMP_SASL_OAUTHBEARER);
  assert_int_equal(STEP(sasl, "n,,\001auth=\001\001"), IMP_SASL_CONTINUE); /* a client that asks what is needed */
  assert_refused(sasl, STEP(sasl, "\001"), "not-authorized");
}

static void refuses_malformed_bearer(void **state) {
  static const char *const bad[] = {
      "", "n,,", "n,,\001", "n,,\001auth=Bearer x", "n,,\001auth=Bearer x\001", "n,,\001auth=Bearer x\001\001z",
      "n,,auth=Bearer x\001\001", "n,,\001=Bearer x\001\001", "n,,\001auth\001\001",
      "n,,\001auth=Bearer x\001auth=Bearer y\001\001", "p=tls-exporter,,\001auth=Bearer x\001\001",
  };
  static const char *const no_token[] = {"n,,\001auth=Basic xyz\001\001", "n,,\001\001", "n,,\001auth=Bearer \001\001",
                                         "n,,\001auth=Bearer a b\001\001", "n,,\001auth=Bearer \xc3\xa4\001\001"};
  size_t i;
  (void)state;
  for (i = 0; i < IMP_ARRAY_LEN(bad); i++) {
    imp_sasl *sasl = new_sasl(IMP_SASL_OAUTHBEARER);
    assert_refused(sasl, imp_sasl_step(sasl, bad[i], strlen(bad[i]), &out, &outlen), "malformed-request");
  }
  for (i = 0; i < IMP_ARRAY_LEN(no_token); i++) {
    imp_sasl *sasl = new_sasl(IMP_SASL_OAUTHBEARER);
    assert_int_equal(imp_sasl_step(sasl, no_token[i], strlen(no_token[i]), &out, &outlen), IMP_SASL_CONTINUE);
  }
}

/* ---- HT-* ---- */

/* Digests computed with Python's hmac. */
static const struct {
  uint32_t mechanism;
  const char *initiator, *responder;
} tokens[] = {
    {IMP_SASL_HT_SHA_256_NONE, "3f6de92b45cddc50c601ad166458f7b5874565e399f3006b1afb03f0bb03ff88",
     "5572a63e0496195609273c23be8a50b9bee64e0369324079e73245bf4472a5b1"},
    {IMP_SASL_HT_SHA_256_EXPR, "4b5ec492367856276a96227a6b0c9faeea8b38a6ff002f407329b5751b5331ea",
     "0388d7ef48af02cb77a014ba3e63000e3e0ee103363f0d0a1a39c87bfa75dcb7"},
};

static void from_hex(uint8_t *bytes, const char *hex) {
  unsigned value;
  for (; *hex != '\0'; hex += 2) {
    sscanf(hex, "%2x", &value);
    *bytes++ = (uint8_t)value;
  }
}

static imp_sasl *new_ht(size_t i, uint8_t flip) {
  uint8_t message[5 + 32] = "user";
  imp_sasl *sasl = new_sasl(tokens[i].mechanism);
  from_hex(message + 5, tokens[i].initiator);
  message[36] ^= flip;
  assert_int_equal(imp_sasl_step(sasl, message, sizeof message, &out, &outlen), IMP_SASL_NEED_HOST);
  assert_string_equal(imp_sasl_username(sasl), "user");
  return sasl;
}

static void checks_hashed_token(void **state) {
  uint8_t answer[32];
  size_t i;
  (void)state;
  for (i = 0; i < IMP_ARRAY_LEN(tokens); i++) {
    imp_sasl *sasl = new_ht(i, 0);
    assert_false(imp_sasl_token_matches(sasl, "other-token!", 12));
    assert_false(imp_sasl_token_matches(sasl, NULL, 0));
    assert_true(imp_sasl_token_matches(sasl, "secret-token", 12));
    assert_int_equal(imp_sasl_decide(sasl, "user", "secret-token", 12, &out, &outlen), IMP_SASL_SUCCESS);
    from_hex(answer, tokens[i].responder);
    assert_int_equal(outlen, 32);
    assert_memory_equal(out, answer, 32);
    assert_false(imp_sasl_token_matches(sasl, "secret-token", 12));

    sasl = new_ht(i, 1);
    assert_refused(sasl, imp_sasl_decide(sasl, "user", "secret-token", 12, &out, &outlen), "not-authorized");
    sasl = new_ht(i, 0);
    assert_refused(sasl, imp_sasl_decide(sasl, "user", NULL, 0, &out, &outlen), "not-authorized");
    sasl = new_ht(i, 0);
    assert_refused(sasl, imp_sasl_decide(sasl, NULL, "secret-token", 12, &out, &outlen), "not-authorized");
  }
}

static void refuses_malformed_token(void **state) {
  uint8_t message[64] = "user";
  size_t len;
  (void)state;
  unit_skip_alloc_fail();
  for (len = 0; len < sizeof message; len++) {
    imp_sasl *sasl = new_sasl(IMP_SASL_HT_SHA_256_NONE);
    imp_sasl_result result = imp_sasl_step(sasl, message, len, &out, &outlen);
    assert_int_equal(result, len == 37 ? IMP_SASL_NEED_HOST : IMP_SASL_FAILURE);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(knows_names),
      cmocka_unit_test(offers_what_is_possible),
      cmocka_unit_test(checks_plain_against_keys),
      cmocka_unit_test(checks_plain_against_clear),
      cmocka_unit_test(refuses_plain_for_unknown),
      cmocka_unit_test(refuses_malformed_plain),
      cmocka_unit_test(needs_tls),
      cmocka_unit_test(lets_host_decide_external),
      cmocka_unit_test(lets_host_name_anonymous),
      cmocka_unit_test(reads_bearer_token),
      cmocka_unit_test(explains_refused_token),
      cmocka_unit_test(refuses_malformed_bearer),
      cmocka_unit_test(checks_hashed_token),
      cmocka_unit_test(refuses_malformed_token),
  };
  return unit_run("sasl_mechanisms", tests);
}
