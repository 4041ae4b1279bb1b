#include "sasl/sasl.h"

#include <string.h>

#include "core/codec.h"
#include "core/mem.h"
#include "sasl/prep.h"

static int take_params(imp_sasl *sasl, const imp_sasl_params *params) {
  imp_sasl_params *own = &sasl->params;

  if (params != NULL) {
    memcpy(own, params, params->size < sizeof *own ? params->size : sizeof *own);
  }
  if (own->iterations == 0) {
    own->iterations = IMP_SASL_ITERATIONS_DEFAULT;
  }
  if (own->fake_hash == NULL) {
    own->fake_hash = "SHA-256";
  }
  if (own->fake_key == NULL) {
    return IMP_ERR_INVALID_ARGUMENT;
  }
  if (own->iterations < IMP_SASL_ITERATIONS_MIN || own->iterations > IMP_SASL_ITERATIONS_MAX ||
      own->fake_keylen < 16 || own->fake_keylen > 64) {
    return IMP_ERR_RANGE;
  }
  return imp_digest_by_name(own->fake_hash, strlen(own->fake_hash)) != NULL ? IMP_OK : IMP_ERR_UNSUPPORTED;
}

int imp_sasl_new(imp_sasl **sasl_ptr, uint32_t mechanism, const imp_sasl_params *params) {
  const imp_mechanism *mech = imp_mechanism_by_bit(mechanism);
  imp_sasl *sasl;
  int rc;

  if (mech == NULL) {
    return IMP_ERR_UNSUPPORTED;
  }
  sasl = imp_calloc(1, sizeof *sasl);
  if (sasl == NULL) {
    return IMP_ERR_NOMEM;
  }
  rc = take_params(sasl, params);
  if (rc == IMP_OK && !imp_mechanism_possible(mech, sasl->params.binding)) {
    rc = IMP_ERR_DENIED;
  }
  if (rc != IMP_OK) {
    imp_free(sasl);
    return rc;
  }
  sasl->mech = mech;
  sasl->digest = mech->hash != NULL ? imp_digest_by_name(mech->hash, strlen(mech->hash)) : NULL;
  imp_buf_init(&sasl->out, IMP_SASL_MESSAGE_MAX);
  imp_buf_init(&sasl->scram.messages, 2 * IMP_SASL_MESSAGE_MAX);
  imp_buf_init(&sasl->scram.binding, 2 * IMP_SASL_MESSAGE_MAX);
  *sasl_ptr = sasl;
  return IMP_OK;
}

static void free_string(char **s) {
  if (*s != NULL) {
    imp_free_secret(*s, strlen(*s));
    *s = NULL;
  }
}

static void clear_out(imp_sasl *sasl) {
  imp_wipe(sasl->out.mem, sasl->out.cap);
  imp_buf_reset(&sasl->out);
}

void imp_sasl_del(imp_sasl *sasl) {
  if (sasl == NULL) {
    return;
  }
  free_string(&sasl->username);
  free_string(&sasl->authzid);
  free_string(&sasl->secret);
  clear_out(sasl);
  imp_scram_wipe(&sasl->scram);
  imp_free_secret(sasl, sizeof *sasl);
}

imp_sasl_result imp_sasl_refuse(imp_sasl *sasl, const char *condition, const char *text, int negotiation) {
  sasl->state = IMP_SASL_OVER;
  sasl->condition = condition;
  sasl->text = text;
  sasl->negotiation = negotiation;
  clear_out(sasl);
  return IMP_SASL_FAILURE;
}

imp_sasl_result imp_sasl_refuse_error(imp_sasl *sasl, int error) {
  if (error == IMP_ERR_MALFORMED || error == IMP_ERR_TOO_BIG) {
    return imp_sasl_refuse(sasl, "malformed-request", NULL, 0);
  }
  return imp_sasl_refuse(sasl, "temporary-auth-failure", NULL, 1);
}

imp_sasl_result imp_sasl_wrong_secret(imp_sasl *sasl) { return imp_sasl_refuse(sasl, "not-authorized", NULL, 0); }

int imp_sasl_set_string(char **where, const char *s, size_t len) {
  char *copy = imp_strndup(s, len);
  if (copy == NULL) {
    return IMP_ERR_NOMEM;
  }
  free_string(where);
  *where = copy;
  return IMP_OK;
}

int imp_sasl_set_username(imp_sasl *sasl, const char *name, size_t len) {
  free_string(&sasl->username);
  return imp_saslprep(&sasl->username, name, len);
}

int imp_sasl_set_authzid(imp_sasl *sasl, const char *name, size_t len) {
  if (len > IMP_SASL_MESSAGE_MAX || memchr(name, '\0', len) != NULL || !imp_utf8_valid(name, len)) {
    return IMP_ERR_MALFORMED;
  }
  return imp_sasl_set_string(&sasl->authzid, name, len);
}

static imp_sasl_result first_message(imp_sasl *sasl, const char *in, size_t inlen) {
  switch (sasl->mech->family) {
    case IMP_FAMILY_SCRAM:
      return imp_scram_first(sasl, in, inlen);
    case IMP_FAMILY_PLAIN:
      return imp_plain_first(sasl, in, inlen);
    case IMP_FAMILY_EXTERNAL:
      return imp_external_first(sasl, in, inlen);
    case IMP_FAMILY_ANONYMOUS:
      return imp_anonymous_first(sasl, in, inlen);
    case IMP_FAMILY_OAUTHBEARER:
      return imp_oauthbearer_first(sasl, in, inlen);
    case IMP_FAMILY_HT:
      return imp_ht_first(sasl, in, inlen);
  }
  return imp_sasl_refuse(sasl, "invalid-mechanism", NULL, 1);
}

static imp_sasl_result last_message(imp_sasl *sasl, const char *in, size_t inlen) {
  if (sasl->mech->family == IMP_FAMILY_SCRAM) {
    return imp_scram_final(sasl, in, inlen);
  }
  return imp_sasl_wrong_secret(sasl); /* OAUTHBEARER: the client has seen why */
}

/* The state that follows from what a family's function came to, and the output. */
static imp_sasl_result settle(imp_sasl *sasl, imp_sasl_result result, const void **out, size_t *outlen) {
  switch (result) {
    case IMP_SASL_NEED_CREDENTIAL:
      sasl->state = IMP_SASL_WAIT_CREDENTIAL;
      break;
    case IMP_SASL_NEED_HOST:
      sasl->state = IMP_SASL_WAIT_HOST;
      break;
    case IMP_SASL_CONTINUE:
      sasl->state = IMP_SASL_WAIT_LAST;
      break;
    case IMP_SASL_SUCCESS:
    case IMP_SASL_FAILURE:
      sasl->state = IMP_SASL_OVER;
      break;
  }
  *outlen = imp_buf_len(&sasl->out);
  *out = *outlen > 0 ? imp_buf_data(&sasl->out) : NULL;
  return result;
}

imp_sasl_result imp_sasl_step(imp_sasl *sasl, const void *in, size_t inlen, const void **out, size_t *outlen) {
  *out = NULL;
  *outlen = 0;
  clear_out(sasl);
  if ((sasl->state != IMP_SASL_WAIT_FIRST && sasl->state != IMP_SASL_WAIT_LAST) || inlen > IMP_SASL_MESSAGE_MAX) {
    return imp_sasl_refuse(sasl, "malformed-request", NULL, 0);
  }
  if (in == NULL) {
    if (sasl->state != IMP_SASL_WAIT_FIRST || sasl->asked) {
      return imp_sasl_refuse(sasl, "malformed-request", NULL, 0);
    }
    sasl->asked = 1;
    *out = "";
    return IMP_SASL_CONTINUE;
  }
  if (sasl->state == IMP_SASL_WAIT_FIRST) {
    return settle(sasl, first_message(sasl, in, inlen), out, outlen);
  }
  return settle(sasl, last_message(sasl, in, inlen), out, outlen);
}

/* Stands in for a credential that is not there, so that it is looked at as one that is. */
static void make_nobody(imp_credential *nobody, const imp_sasl *sasl) {
  static const uint8_t nothing[IMP_DIGEST_MAX];
  memset(nobody, 0, sizeof *nobody);
  nobody->size = sizeof *nobody;
  nobody->password = sasl->params.clear_passwords ? "unknown" : NULL;
  if (sasl->params.clear_passwords != 1) {
    nobody->hash = sasl->digest != NULL ? sasl->digest->name : sasl->params.fake_hash;
  }
  nobody->iterations = sasl->params.iterations;
  nobody->salt = nobody->stored_key = nobody->server_key = nothing;
  nobody->saltlen = 16;
}

imp_sasl_result imp_sasl_credential(imp_sasl *sasl, const imp_credential *credential, const void **out,
                                    size_t *outlen) {
  imp_credential own, nobody;
  uint32_t known;

  *out = NULL;
  *outlen = 0;
  if (sasl->state != IMP_SASL_WAIT_CREDENTIAL) {
    return imp_sasl_refuse(sasl, "malformed-request", NULL, 1);
  }
  make_nobody(&nobody, sasl);
  known = credential != NULL;
  credential = known ? credential : &nobody;
  memset(&own, 0, sizeof own);
  memcpy(&own, credential, credential->size < sizeof own ? credential->size : sizeof own);
  own.size = sizeof own;
  if (imp_credential_check(&own) != IMP_OK) {
    known = 0;
    own = nobody;
  }
  if (sasl->mech->family == IMP_FAMILY_SCRAM) {
    return settle(sasl, imp_scram_credential(sasl, &own, known), out, outlen);
  }
  return settle(sasl, imp_plain_credential(sasl, &own, known), out, outlen);
}

imp_sasl_result imp_sasl_decide(imp_sasl *sasl, const char *username, const void *token, size_t tokenlen,
                                const void **out, size_t *outlen) {
  *out = NULL;
  *outlen = 0;
  if (sasl->state != IMP_SASL_WAIT_HOST) {
    return imp_sasl_refuse(sasl, "malformed-request", NULL, 1);
  }
  if (username == NULL && sasl->mech->family == IMP_FAMILY_OAUTHBEARER) {
    return settle(sasl, imp_oauthbearer_refuse(sasl), out, outlen);
  }
  if (username == NULL) {
    return imp_sasl_wrong_secret(sasl);
  }
  if (imp_sasl_set_string(&sasl->username, username, strlen(username)) != IMP_OK) {
    return imp_sasl_refuse_error(sasl, IMP_ERR_NOMEM);
  }
  if (sasl->mech->family == IMP_FAMILY_HT) {
    return settle(sasl, imp_ht_decide(sasl, token, tokenlen), out, outlen);
  }
  return settle(sasl, IMP_SASL_SUCCESS, out, outlen);
}

void imp_sasl_fix_nonce(imp_sasl *sasl, const char *nonce) { sasl->fixed_nonce = nonce; }

uint32_t imp_sasl_mechanism(const imp_sasl *sasl) { return sasl->mech->bit; }

const char *imp_sasl_hash(const imp_sasl *sasl) {
  return sasl->mech->family == IMP_FAMILY_SCRAM ? sasl->mech->hash : NULL;
}

const char *imp_sasl_username(const imp_sasl *sasl) { return sasl->username != NULL ? sasl->username : ""; }

const char *imp_sasl_authzid(const imp_sasl *sasl) { return sasl->authzid != NULL ? sasl->authzid : ""; }

const char *imp_sasl_token(const imp_sasl *sasl) {
  return sasl->mech->family == IMP_FAMILY_OAUTHBEARER && sasl->secret != NULL ? sasl->secret : "";
}

const char *imp_sasl_condition(const imp_sasl *sasl, const char **text) {
  if (text != NULL) {
    *text = sasl->text;
  }
  return sasl->condition != NULL ? sasl->condition : "";
}

int imp_sasl_failure_is_negotiation(const imp_sasl *sasl) { return sasl->negotiation; }
