/* EXTERNAL and ANONYMOUS: the host knows who it is; the client only asserts. */
#include <string.h>

#include "core/codec.h"
#include "sasl/sasl.h"

#define TRACE_MAX 1020 /* 255 characters (RFC 4505 §2) */

imp_sasl_result imp_external_first(imp_sasl *sasl, const char *in, size_t inlen) {
  int rc = imp_sasl_set_authzid(sasl, in, inlen);
  return rc == IMP_OK ? IMP_SASL_NEED_HOST : imp_sasl_refuse_error(sasl, rc);
}

imp_sasl_result imp_anonymous_first(imp_sasl *sasl, const char *in, size_t inlen) {
  int rc;
  if (inlen > TRACE_MAX || memchr(in, '\0', inlen) != NULL || !imp_utf8_valid(in, inlen)) {
    return imp_sasl_refuse(sasl, "malformed-request", NULL, 0);
  }
  rc = imp_sasl_set_string(&sasl->username, in, inlen);
  return rc == IMP_OK ? IMP_SASL_NEED_HOST : imp_sasl_refuse_error(sasl, rc);
}
