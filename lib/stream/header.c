/* Stream headers (RFC 6120 §4.7) and <open/> (RFC 7395 §3.4). */
#include <string.h>

#include "core/codec.h"
#include "core/mem.h"
#include "stream/internal.h"
#include "xml/ns.h"

#define OUR_LANG "en"
#define LANG_MAX 35 /* RFC 5646 §4.4.1: implementations must have room for so much */

/* "1.0" and whatever else has a major number above 0. */
static int version_is_ours(const char *version) {
  size_t digits = version != NULL ? strspn(version, "0123456789") : 0;
  return digits > 0 && version[digits] == '.' && strspn(version, "0") < digits;
}

static const char *check_tcp(const imp_elem *root) {
  const char *content = imp_elem_attr(root, "xmlns");
  if (strcmp(imp_elem_ns(root), IMP_NS_STREAMS) != 0) {
    return "invalid-namespace";
  }
  if (strcmp(imp_elem_name(root), "stream") != 0) {
    return "bad-format";
  }
  return content == NULL || strcmp(content, IMP_NS_CLIENT) != 0 ? "invalid-namespace" : NULL;
}

static int is_language(const char *s) {
  size_t len = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-");
  return len > 0 && len <= LANG_MAX && s[len] == '\0';
}

/* Each header speaks for its own stream. */
static int take_lang(imp_conn *conn, const imp_elem *root) {
  const char *lang = imp_elem_attr_ns(root, "lang", IMP_NS_XML);
  imp_free(conn->lang);
  conn->lang = NULL;
  if (lang == NULL || !is_language(lang) || strcmp(lang, OUR_LANG) == 0) {
    return IMP_OK;
  }
  conn->lang = imp_strdup(lang);
  return conn->lang != NULL ? IMP_OK : IMP_ERR_NOMEM;
}

int imp_conn_check_header(imp_conn *conn, const imp_stanza *header) {
  const imp_elem *root = imp_stanza_root(header);
  const char *condition = conn->ws == NULL ? check_tcp(root) : NULL;
  if (condition == NULL && !version_is_ours(imp_elem_attr(root, "version"))) {
    condition = "unsupported-version";
  }
  if (condition == NULL && take_lang(conn, root) < 0) {
    condition = "internal-server-error";
  }
  if (condition == NULL) {
    return IMP_OK;
  }
  imp_conn_fail(conn, condition, NULL, NULL);
  return IMP_ERR_MALFORMED;
}

int imp_conn_send_header(imp_conn *conn, const char *from, const char *to) {
  uint8_t bytes[12];
  size_t mark;
  if (conn->header_out) {
    return IMP_ERR_STATE;
  }
  int rc = imp_conn_write_begin(conn, &mark);
  if (rc != IMP_OK) {
    return rc;
  }
  conn->env->random(bytes, sizeof bytes);
  imp_base64url_encode(conn->id, bytes, sizeof bytes);
  imp_xml_header header = {.content_ns = IMP_NS_CLIENT, .from = from, .to = to, .id = conn->id, .lang = OUR_LANG};
  rc = imp_conn_write_end(conn, mark, imp_xml_write_header(&conn->out, &header, imp_conn_framing(conn)));
  conn->header_out = rc == IMP_OK;
  return rc;
}

/* Something the peer sent before it could know the answer: nothing is carried over to the new stream. */
static int has_leftover(const imp_conn *conn) {
  return !imp_conn_stash_empty(conn) || (!conn->feeding && !imp_xml_stream_is_idle(&conn->xml));
}

void imp_conn_restart(imp_conn *conn) {
  if (has_leftover(conn)) {
    imp_conn_fail(conn, "bad-format", "bytes ahead of a stream restart", NULL);
    return;
  }
  imp_xml_stream_restart(&conn->xml);
  conn->header_in = conn->header_out = 0;
}
