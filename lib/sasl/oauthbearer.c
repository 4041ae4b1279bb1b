/* OAUTHBEARER (RFC 7628). */
#include <string.h>

#include "core/mem.h"
#include "sasl/gs2.h"
#include "sasl/sasl.h"

#define SEPARATOR '\001'

/* The value of auth=; IMP_ERR_MALFORMED unless the pairs are well formed. An auth= that is not there has s NULL. */
static int read_pairs(imp_cursor *in, imp_text *auth) {
  auth->s = NULL;
  auth->len = 0;
  if (in->at == in->end || *in->at++ != SEPARATOR) {
    return IMP_ERR_MALFORMED;
  }
  while (in->at != in->end && *in->at != SEPARATOR) {
    size_t left = (size_t)(in->end - in->at);
    const char *stop = memchr(in->at, SEPARATOR, left);
    const char *equals = stop != NULL ? memchr(in->at, '=', (size_t)(stop - in->at)) : NULL;
    if (equals == NULL || equals == in->at) {
      return IMP_ERR_MALFORMED;
    }
    if (equals - in->at == 4 && memcmp(in->at, "auth", 4) == 0) {
      if (auth->s != NULL) {
        return IMP_ERR_MALFORMED;
      }
      auth->s = equals + 1;
      auth->len = (size_t)(stop - equals - 1);
    }
    in->at = stop + 1;
  }
  return in->end - in->at == 1 ? IMP_OK : IMP_ERR_MALFORMED;
}

/* "Bearer", in any case, and a token of RFC 6750's characters. */
static int read_token(const imp_text *auth, imp_text *token) {
  static const char scheme[] = "bearer ";
  size_t i;

  if (auth->len < sizeof scheme) {
    return IMP_ERR_MALFORMED;
  }
  for (i = 0; i < sizeof scheme - 1; i++) {
    char c = auth->s[i];
    if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != scheme[i]) {
      return IMP_ERR_MALFORMED;
    }
  }
  while (i < auth->len && auth->s[i] == ' ') {
    i++;
  }
  token->s = auth->s + i;
  token->len = auth->len - i;
  for (; i < auth->len; i++) {
    if (auth->s[i] < 0x21 || auth->s[i] > 0x7e) {
      return IMP_ERR_MALFORMED;
    }
  }
  return token->len > 0 ? IMP_OK : IMP_ERR_MALFORMED;
}

/* The name that goes with a token is the local part of whom the client wants to be. */
static int take_authzid(imp_sasl *sasl, const imp_gs2 *gs2) {
  char *name;
  const char *at;
  size_t len;
  int rc;

  if (!gs2->has_authzid) {
    return IMP_OK;
  }
  rc = imp_saslname_decode(&name, &len, &gs2->authzid);
  if (rc == IMP_OK) {
    rc = imp_sasl_set_authzid(sasl, name, len);
    at = memchr(name, '@', len);
    if (rc == IMP_OK) {
      rc = imp_sasl_set_username(sasl, name, at != NULL ? (size_t)(at - name) : len);
    }
    imp_free(name);
  }
  return rc;
}

imp_sasl_result imp_oauthbearer_first(imp_sasl *sasl, const char *in, size_t inlen) {
  imp_cursor cursor;
  imp_gs2 gs2;
  imp_text auth, token;
  int rc;

  cursor.at = in;
  cursor.end = in + inlen;
  rc = imp_gs2_read(&gs2, &cursor);
  if (rc == IMP_OK && gs2.flag == 'p') {
    return imp_sasl_refuse(sasl, "malformed-request", "no channel binding with this mechanism", 1);
  }
  if (rc == IMP_OK) {
    rc = read_pairs(&cursor, &auth);
  }
  if (rc == IMP_OK) {
    rc = take_authzid(sasl, &gs2);
  }
  if (rc != IMP_OK) {
    return imp_sasl_refuse_error(sasl, rc);
  }
  if (read_token(&auth, &token) != IMP_OK) {
    return imp_oauthbearer_refuse(sasl); /* a client may ask so for what is needed (RFC 7628 §4.3) */
  }
  rc = imp_sasl_set_string(&sasl->secret, token.s, token.len);
  return rc == IMP_OK ? IMP_SASL_NEED_HOST : imp_sasl_refuse_error(sasl, rc);
}

imp_sasl_result imp_oauthbearer_refuse(imp_sasl *sasl) {
  int rc = imp_buf_append_str(&sasl->out, "{\"status\":\"invalid_token\"}");
  return rc == IMP_OK ? IMP_SASL_CONTINUE : imp_sasl_refuse_error(sasl, rc);
}
