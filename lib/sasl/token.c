/* HT-* (draft-schmaus-kitten-sasl-ht): name NUL HMAC(token, "Initiator" binding), answered by "Responder". */
#include <string.h>

#include "core/mem.h"
#include "sasl/sasl.h"

#define BINDING_MAX 1024

imp_sasl_result imp_ht_first(imp_sasl *sasl, const char *in, size_t inlen) {
  const char *end = memchr(in, '\0', inlen);
  int rc;

  if (end == NULL || inlen - (size_t)(end - in) - 1 != sasl->digest->len) {
    return imp_sasl_refuse(sasl, "malformed-request", NULL, 0);
  }
  rc = imp_sasl_set_username(sasl, in, (size_t)(end - in));
  if (rc != IMP_OK) {
    return imp_sasl_refuse_error(sasl, rc);
  }
  memcpy(sasl->proof, end + 1, sasl->digest->len);
  return IMP_SASL_NEED_HOST;
}

static int sign(const imp_sasl *sasl, const char *role, const void *token, size_t tokenlen, uint8_t *out) {
  uint8_t text[16 + BINDING_MAX];
  size_t rolelen = strlen(role), len;
  const void *data = imp_binding_data(sasl->params.binding, sasl->mech->binding, &len);

  if (len > BINDING_MAX) {
    return IMP_ERR_TOO_BIG;
  }
  memcpy(text, role, rolelen);
  if (data != NULL) {
    memcpy(text + rolelen, data, len);
  }
  return imp_digest_hmac(sasl->digest, token, tokenlen, text, rolelen + len, out);
}

int imp_sasl_token_matches(const imp_sasl *sasl, const void *token, size_t tokenlen) {
  uint8_t expected[IMP_DIGEST_MAX];
  if (sasl->mech->family != IMP_FAMILY_HT || sasl->state != IMP_SASL_WAIT_HOST || token == NULL || tokenlen == 0 ||
      sign(sasl, "Initiator", token, tokenlen, expected) != IMP_OK) {
    return 0;
  }
  return imp_memeq_ct(expected, sasl->proof, sasl->digest->len);
}

imp_sasl_result imp_ht_decide(imp_sasl *sasl, const void *token, size_t tokenlen) {
  uint8_t answer[IMP_DIGEST_MAX];
  int rc;

  if (!imp_sasl_token_matches(sasl, token, tokenlen)) {
    return imp_sasl_wrong_secret(sasl);
  }
  rc = sign(sasl, "Responder", token, tokenlen, answer);
  if (rc == IMP_OK) {
    rc = imp_buf_append(&sasl->out, answer, sasl->digest->len);
  }
  return rc == IMP_OK ? IMP_SASL_SUCCESS : imp_sasl_refuse_error(sasl, rc);
}
