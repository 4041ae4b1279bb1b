#include <string.h>

#include "core/mem.h"
#include "sasl/prep.h"
#include "sasl/sasl.h"
#include "sasl/scram_keys.h"

imp_sasl_result imp_plain_first(imp_sasl *sasl, const char *in, size_t inlen) {
  const char *end = in + inlen;
  const char *name = memchr(in, '\0', inlen);
  const char *password = name != NULL ? memchr(name + 1, '\0', (size_t)(end - name - 1)) : NULL;
  int rc;

  if (password == NULL) {
    return imp_sasl_refuse(sasl, "malformed-request", NULL, 0);
  }
  rc = imp_sasl_set_authzid(sasl, in, (size_t)(name - in));
  if (rc == IMP_OK) {
    rc = imp_sasl_set_username(sasl, name + 1, (size_t)(password - name - 1));
  }
  if (rc == IMP_OK) {
    rc = imp_saslprep(&sasl->secret, password + 1, (size_t)(end - password - 1));
  }
  return rc == IMP_OK ? IMP_SASL_NEED_CREDENTIAL : imp_sasl_refuse_error(sasl, rc);
}

/* Compares keyed digests, so that neither length nor content shows in the time. */
static int check_clear(imp_sasl *sasl, const char *expected, int *good) {
  const imp_digest *digest = imp_digest_by_name("SHA-256", 7);
  const imp_sasl_params *params = &sasl->params;
  uint8_t a[IMP_DIGEST_MAX], b[IMP_DIGEST_MAX];
  char *prepared;
  int rc = imp_saslprep(&prepared, expected, strlen(expected));

  if (rc != IMP_OK) {
    return rc == IMP_ERR_NOMEM ? rc : IMP_OK; /* no password that can be typed */
  }
  rc = imp_digest_hmac(digest, params->fake_key, params->fake_keylen, prepared, strlen(prepared), a);
  if (rc == IMP_OK) {
    rc = imp_digest_hmac(digest, params->fake_key, params->fake_keylen, sasl->secret, strlen(sasl->secret), b);
  }
  if (rc == IMP_OK) {
    *good = imp_memeq_ct(a, b, digest->len);
  }
  imp_free_secret(prepared, strlen(prepared));
  return rc;
}

/* The made-up keys are always made, as in SCRAM: an unknown user costs what a known one does. */
static int check_keys(imp_sasl *sasl, const imp_credential *c, uint32_t known, int *good) {
  const imp_digest *digest = imp_digest_by_name(c->hash, strlen(c->hash));
  uint8_t stored[IMP_DIGEST_MAX], server[IMP_DIGEST_MAX];
  imp_scram_fake fake;
  int rc = imp_scram_fake_make(&fake, digest, &sasl->params, sasl->username);

  if (rc == IMP_OK) {
    rc = imp_scram_derive(digest, sasl->secret, strlen(sasl->secret), known ? c->salt : fake.salt,
                          known ? c->saltlen : sizeof fake.salt, c->iterations, stored, server);
  }
  if (rc == IMP_OK) {
    *good = imp_memeq_ct(stored, known ? c->stored_key : fake.stored_key, digest->len);
  }
  imp_wipe(stored, sizeof stored);
  imp_wipe(server, sizeof server);
  return rc;
}

imp_sasl_result imp_plain_credential(imp_sasl *sasl, const imp_credential *credential, uint32_t known) {
  int good = 0;
  int rc = credential->password != NULL ? check_clear(sasl, credential->password, &good)
                                        : check_keys(sasl, credential, known, &good);

  if (rc != IMP_OK) {
    return imp_sasl_refuse_error(sasl, rc == IMP_ERR_NOMEM ? rc : IMP_ERR_UNAVAILABLE);
  }
  return (good & (int)known) ? IMP_SASL_SUCCESS : imp_sasl_wrong_secret(sasl);
}
