/* Stream errors (RFC 6120 §4.9.3). */
#include <string.h>

#include "core/mem.h"
#include "stream/internal.h"

static const char *const conditions[] = {
  "bad-format",
  "bad-namespace-prefix",
  "conflict",
  "connection-timeout",
  "host-gone",
  "host-unknown",
  "improper-addressing",
  "internal-server-error",
  "invalid-from",
  "invalid-id",
  "invalid-namespace",
  "invalid-xml",
  "not-authorized",
  "not-well-formed",
  "policy-violation",
  "remote-connection-failed",
  "reset",
  "resource-constraint",
  "restricted-xml",
  "see-other-host",
  "system-shutdown",
  "undefined-condition",
  "unsupported-encoding",
  "unsupported-feature",
  "unsupported-stanza-type",
  "unsupported-version",
};

const char *imp_stream_condition(const char *condition) {
  for (size_t i = 0; i < IMP_ARRAY_LEN(conditions); i++) {
    if (strcmp(conditions[i], condition) == 0) {
      return conditions[i];
    }
  }
  return "undefined-condition";
}

int imp_conn_write_stream_error(imp_conn *conn, const char *condition, const char *text, const char *app) {
  size_t mark;
  if (!conn->header_out) { /* RFC 6120 §4.9.1.2 */
    const imp_stream_env *env = conn->env;
    imp_conn_send_header(conn, env->domain != NULL ? env->domain(env->ctx) : NULL, NULL);
  }
  int rc = imp_conn_write_begin(conn, &mark);
  if (rc == IMP_OK) {
    rc = imp_xml_write_stream_error(&conn->out, condition, text, app, imp_conn_framing(conn));
    rc = imp_conn_write_end(conn, mark, rc);
  }
  return rc;
}
