/* SASL2 (XEP-0388): resumption and Bind 2 (XEP-0386) inside <authenticate/>. */
#include <gnutls/crypto.h>
#include <string.h>

#include "c2s/login.h"
#include "core/codec.h"
#include "xml/jid.h"

typedef struct inlined {
  imp_buf text; /* for <success/> */
  imp_session *session;
  int resumed;
} inlined;

/* XEP-0386 §3.2: the tag that the client chose, and something that stays the same for the same client. */
static int resource_for(imp_login *login, const char *name, char *dst, size_t cap) {
  imp_user_agent agent;
  size_t len = strlen(name);
  uint8_t digest[32];
  if (len > 128) {
    len = 0;
  }
  memcpy(dst, name, len);
  if (len > 0) {
    dst[len++] = '/';
  }
  imp_sasl_exchange_user_agent(login->exchange, &agent);
  if (agent.id == NULL || cap < len + 25) {
    imp_node_fresh_id(login->node, dst + len);
    return IMP_OK;
  }
  if (gnutls_hash_fast(GNUTLS_DIG_SHA256, agent.id, strlen(agent.id), digest) < 0) {
    return IMP_ERR_NOMEM;
  }
  (void)imp_base64url_encode(dst + len, digest, 12);
  return IMP_OK;
}

static int bound_features(imp_session *session, const imp_elem *bind, imp_buf *out) {
  const imp_elem *enable = imp_elem_child(bind, "enable", IMP_NS_SM);
  char text[IMP_SM_TEXT_MAX];
  if (imp_elem_child(bind, "enable", IMP_NS_CARBONS) != NULL) {
    session->carbons = 1;
  }
  if (imp_elem_child(bind, "inactive", IMP_NS_CSI) != NULL) {
    session->inactive = 1;
  }
  return enable != NULL ? imp_buf_append(out, text, imp_c2s_enable(session, enable, text)) : IMP_OK;
}

/* The server chose this resource for this very client: whatever the policy, an earlier session there is its own. */
static int open_tagged(imp_login *login, const char *name, inlined *in) {
  char resource[256];
  int rv = resource_for(login, name, resource, sizeof(resource));
  return rv == IMP_OK ? imp_c2s_open_session(login, resource, IMP_CONFLICT_REPLACE, &in->session) : rv;
}

static int inline_bind(imp_login *login, const imp_elem *bind, inlined *in) {
  const imp_elem *tag = imp_elem_child(bind, "tag", IMP_NS_BIND2);
  int rv = open_tagged(login, tag != NULL ? imp_elem_text(tag, NULL) : "", in);
  if (rv == IMP_ERR_MALFORMED || rv == IMP_ERR_TOO_BIG) { /* a tag that cannot stand in an address */
    rv = open_tagged(login, "", in);
  }
  if (rv == IMP_OK) {
    rv = imp_buf_append_str(&in->text, "<bound xmlns='" IMP_NS_BIND2 "'>");
  }
  if (rv == IMP_OK) {
    rv = bound_features(in->session, bind, &in->text);
  }
  return rv == IMP_OK ? imp_buf_append_str(&in->text, "</bound>") : rv;
}

static int inline_parts(imp_login *login, inlined *in) {
  const imp_elem *resume = imp_sasl_exchange_inline(login->exchange, "resume", IMP_NS_SM);
  const imp_elem *bind = imp_sasl_exchange_inline(login->exchange, "bind", IMP_NS_BIND2);
  int rv = imp_c2s_fast_issue(login, &in->text);
  if (rv == IMP_OK && resume != NULL) {
    imp_resume_outcome outcome;
    imp_c2s_try_resume(login, resume, &outcome);
    if (outcome.too_high) {
      imp_c2s_too_high(login->conn, outcome.h, outcome.sent);
      return IMP_ERR_CLOSED;
    }
    in->session = outcome.session;
    in->resumed = outcome.session != NULL;
    rv = imp_buf_append(&in->text, outcome.text, outcome.len);
  }
  if (rv == IMP_OK && bind != NULL && !in->resumed) {
    rv = inline_bind(login, bind, in);
  }
  return rv;
}

static int finish(imp_login *login, inlined *in) {
  imp_node *node = login->node;
  imp_conn *conn = login->conn;
  imp_session *session = in->session;
  imp_buf out;
  int rv;
  imp_buf_init(&out, 65536);
  rv = imp_sasl_exchange_success(login->exchange, session ? session->jid : login->user,
                                 (const char *)imp_buf_data(&in->text), imp_buf_len(&in->text), &out);
  if (rv == IMP_OK) {
    rv = imp_conn_submit_text(conn, (const char *)imp_buf_data(&out), imp_buf_len(&out));
  }
  imp_buf_reset(&out);
  if (rv < 0) {
    return rv;
  }
  if (session == NULL) {
    imp_login_authenticated(login);
    imp_sasl_exchange_del(login->exchange);
    login->exchange = NULL;
    return imp_c2s_send_features(login);
  }
  imp_node_authenticated(node, conn);
  imp_login_del(login);
  if (in->resumed) {
    imp_c2s_resumed(session);
    return IMP_OK;
  }
  rv = imp_c2s_send_session_features(node, conn);
  imp_c2s_session_opened(session);
  imp_c2s_inherit(session);
  return rv < 0 ? IMP_OK : rv;
}

void imp_c2s_sasl2_success(imp_login *login) {
  inlined in = {.session = NULL};
  int rv;
  imp_buf_init(&in.text, 65536);
  rv = inline_parts(login, &in);
  if (rv == IMP_OK) {
    rv = finish(login, &in);
  }
  imp_buf_reset(&in.text);
  if (rv < 0 && rv != IMP_ERR_CLOSED) {
    imp_login_fail(login, rv);
    if (in.session != NULL) {
      imp_login_del(login); /* the connection belongs to the session already, which ends with it */
    }
  }
}
