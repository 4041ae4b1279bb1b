/* What a client's elements say. */
#include <string.h>

#include "core/codec.h"
#include "core/mem.h"
#include "sasl/crypto.h"
#include "sasl/exchange_priv.h"

static int none(imp_message *message) {
  message->data = NULL;
  message->len = message->cap = 0;
  return IMP_OK;
}

static int empty(imp_message *message) {
  message->data = imp_calloc(1, 1);
  message->len = 0;
  message->cap = 1;
  return message->data != NULL ? IMP_OK : IMP_ERR_NOMEM;
}

int imp_message_read(imp_message *message, const imp_elem *elem, int sasl2) {
  size_t len;
  const char *text = imp_elem_text(elem, &len);
  int rc;

  none(message);
  if (len == 0) {
    return sasl2 ? empty(message) : IMP_OK;
  }
  if (!sasl2 && len == 1 && text[0] == '=') {
    return empty(message);
  }
  message->cap = len / 4 * 3 + 3;
  message->data = imp_malloc(message->cap);
  if (message->data == NULL) {
    return IMP_ERR_NOMEM;
  }
  rc = imp_base64_decode(message->data, &message->len, text, len);
  imp_wipe((char *)(uintptr_t)text, len);
  if (rc != IMP_OK) {
    imp_message_free(message);
  }
  return rc;
}

void imp_message_free(imp_message *message) {
  if (message->data != NULL) {
    imp_free_secret(message->data, message->cap);
  }
  none(message);
}

int imp_is_uuid(const char *s) {
  size_t i;
  if (strlen(s) != 36) {
    return 0;
  }
  for (i = 0; i < 36; i++) {
    int dash = i == 8 || i == 13 || i == 18 || i == 23;
    char c = s[i];
    if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))) {
      return 0;
    }
  }
  return 1;
}

const imp_elem *imp_sasl_exchange_request(const imp_sasl_exchange *ex) {
  return ex->request != NULL ? imp_stanza_root(ex->request) : NULL;
}

const imp_elem *imp_sasl_exchange_inline(const imp_sasl_exchange *ex, const char *name, const char *ns) {
  return ex->request != NULL ? imp_stanza_child(ex->request, name, ns) : NULL;
}

static const char *child_text(const imp_elem *elem, const char *name) {
  const imp_elem *child = imp_elem_child(elem, name, IMP_NS_SASL2);
  const char *text = child != NULL ? imp_elem_text(child, NULL) : "";
  return text[0] != '\0' ? text : NULL;
}

void imp_sasl_exchange_user_agent(const imp_sasl_exchange *ex, imp_user_agent *agent) {
  const imp_elem *elem = imp_sasl_exchange_inline(ex, "user-agent", IMP_NS_SASL2);

  memset(agent, 0, sizeof *agent);
  if (elem == NULL) {
    return;
  }
  agent->id = imp_elem_attr(elem, "id");
  if (agent->id != NULL && !imp_is_uuid(agent->id)) {
    agent->id = NULL;
  }
  agent->software = child_text(elem, "software");
  agent->device = child_text(elem, "device");
}

static int is_true(const char *value) {
  return value != NULL && (strcmp(value, "1") == 0 || strcmp(value, "true") == 0);
}

void imp_sasl_exchange_fast(const imp_sasl_exchange *ex, imp_fast_request *fast) {
  const imp_elem *elem = imp_sasl_exchange_inline(ex, "fast", IMP_NS_FAST);
  const imp_elem *token = imp_sasl_exchange_inline(ex, "request-token", IMP_NS_FAST);
  const char *name = token != NULL ? imp_elem_attr(token, "mechanism") : NULL;

  memset(fast, 0, sizeof *fast);
  if (elem != NULL) {
    const char *count = imp_elem_attr(elem, "count");
    fast->present = 1;
    fast->has_count = count != NULL && imp_parse_u64(&fast->count, count) == IMP_OK;
    fast->invalidate = is_true(imp_elem_attr(elem, "invalidate"));
  }
  if (name != NULL) {
    fast->requested = imp_sasl_mechanism_by_name(name, strlen(name)) & ex->config.fast;
  }
}
