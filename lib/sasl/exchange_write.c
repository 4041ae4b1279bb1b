/* All that goes out.  Each function appends one element whole, or leaves `out` as it was. */
#include <string.h>

#include "core/codec.h"
#include "core/mem.h"
#include "sasl/crypto.h"
#include "sasl/exchange_priv.h"
#include "sasl/mechanism.h"
#include "xml/writer.h"

/* Appends to `out`; after the first error the rest does nothing. */
typedef struct text {
  imp_buf *out;
  size_t start; /* bytes that were there */
  int rc;
} text;

static text begin(imp_buf *out) {
  text t;
  t.out = out;
  t.start = imp_buf_len(out);
  t.rc = IMP_OK;
  return t;
}

static int finish(text *t) {
  if (t->rc != IMP_OK) {
    t->out->end = t->out->off + t->start;
  }
  return t->rc;
}

static void put_bytes(text *t, const char *s, size_t len) {
  if (t->rc == IMP_OK && len > 0) {
    t->rc = imp_buf_append(t->out, s, len);
  }
}

static void put(text *t, const char *s) { put_bytes(t, s, strlen(s)); }

static void put_escaped(text *t, const char *s) {
  if (t->rc == IMP_OK) {
    t->rc = imp_xml_escape(t->out, s, strlen(s));
  }
}

static void put_base64(text *t, const void *data, size_t len) {
  uint8_t *at;
  if (t->rc != IMP_OK || len == 0) {
    return;
  }
  at = imp_buf_reserve(t->out, IMP_BASE64_LEN(len), &t->rc);
  if (at != NULL) {
    imp_buf_commit(t->out, imp_base64_encode((char *)at, data, len));
  }
}

static void put_open(text *t, const char *name, const char *ns) {
  put(t, "<");
  put(t, name);
  put(t, " xmlns='");
  put(t, ns);
  put(t, "'>");
}

static void put_close(text *t, const char *name) {
  put(t, "</");
  put(t, name);
  put(t, ">");
}

static void put_child(text *t, const char *name, const char *value) {
  put(t, "<");
  put(t, name);
  put(t, ">");
  put_escaped(t, value);
  put_close(t, name);
}

static int is_ht(const imp_mechanism *mech) { return mech->family == IMP_FAMILY_HT; }

static uint32_t bits_of(int ht) {
  uint32_t bits = 0;
  size_t i;
  for (i = 0; i < imp_mechanism_count; i++) {
    if (is_ht(&imp_mechanisms[i]) == ht) {
      bits |= imp_mechanisms[i].bit;
    }
  }
  return bits;
}

static void put_mechanisms(text *t, uint32_t bits) {
  size_t i;
  for (i = 0; i < imp_mechanism_count; i++) {
    if (imp_mechanisms[i].bit & bits) {
      put_child(t, "mechanism", imp_mechanisms[i].name);
    }
  }
}

uint32_t imp_sasl_offerable(uint32_t allowed, const imp_channel_binding *binding) {
  uint32_t bits = 0;
  size_t i;
  for (i = 0; i < imp_mechanism_count; i++) {
    if ((imp_mechanisms[i].bit & allowed) && imp_mechanism_possible(&imp_mechanisms[i], binding)) {
      bits |= imp_mechanisms[i].bit;
    }
  }
  return bits;
}

int imp_sasl_write_mechanisms(imp_buf *out, uint32_t mechanisms) {
  text t = begin(out);
  mechanisms &= bits_of(0);
  if (mechanisms == 0) {
    return IMP_OK;
  }
  put_open(&t, "mechanisms", IMP_NS_SASL);
  put_mechanisms(&t, mechanisms);
  put_close(&t, "mechanisms");
  return finish(&t);
}

int imp_sasl_write_authentication(imp_buf *out, uint32_t mechanisms, uint32_t fast, const char *inlined,
                                  size_t inlinedlen) {
  text t = begin(out);
  mechanisms &= bits_of(0);
  fast &= bits_of(1);
  if (mechanisms == 0) {
    return IMP_OK;
  }
  put_open(&t, "authentication", IMP_NS_SASL2);
  put_mechanisms(&t, mechanisms);
  if (fast != 0 || inlinedlen > 0) {
    put(&t, "<inline>");
    put_bytes(&t, inlined, inlinedlen);
    if (fast != 0) {
      put_open(&t, "fast", IMP_NS_FAST);
      put_mechanisms(&t, fast);
      put_close(&t, "fast");
    }
    put(&t, "</inline>");
  }
  put_close(&t, "authentication");
  return finish(&t);
}

int imp_sasl_write_channel_bindings(imp_buf *out, const imp_channel_binding *binding) {
  const char *types[3];
  size_t i, count = imp_channel_binding_types(binding, types);
  text t = begin(out);
  if (count == 0) {
    return IMP_OK;
  }
  put_open(&t, "sasl-channel-binding", IMP_NS_SASL_CB);
  for (i = 0; i < count; i++) {
    put(&t, "<channel-binding type='");
    put(&t, types[i]);
    put(&t, "'/>");
  }
  put_close(&t, "sasl-channel-binding");
  return finish(&t);
}

static const char *namespace_of(int sasl2) { return sasl2 ? IMP_NS_SASL2 : IMP_NS_SASL; }

/* In SASL1 an empty message is "=" where no text would mean that there is none (RFC 6120 §6.4.2). */
static void put_data(text *t, int sasl2, const void *data, size_t len) {
  if (len > 0) {
    put_base64(t, data, len);
  } else if (!sasl2 && data != NULL) {
    put(t, "=");
  }
}

int imp_exchange_write_challenge(imp_buf *out, int sasl2, const void *data, size_t len) {
  text t = begin(out);
  put_open(&t, "challenge", namespace_of(sasl2));
  if (len > 0) {
    put_base64(&t, data, len);
  }
  put_close(&t, "challenge");
  return finish(&t);
}

int imp_exchange_write_failure(imp_buf *out, int sasl2, const char *condition, const char *why) {
  text t = begin(out);
  put_open(&t, "failure", namespace_of(sasl2));
  put(&t, "<");
  put(&t, condition);
  put(&t, sasl2 ? " xmlns='" IMP_NS_SASL "'/>" : "/>");
  if (why != NULL) {
    put(&t, sasl2 ? "<text>" : "<text xml:lang='en'>");
    put_escaped(&t, why);
    put(&t, "</text>");
  }
  put_close(&t, "failure");
  return finish(&t);
}

static void put_additional(text *t, const void *data, size_t len) {
  if (data != NULL) {
    put(t, "<additional-data>");
    put_base64(t, data, len);
    put(t, "</additional-data>");
  }
}

int imp_exchange_write_success(imp_buf *out, int sasl2, const void *data, size_t len, const char *who,
                               const char *inlined, size_t inlinedlen) {
  text t = begin(out);
  put_open(&t, "success", namespace_of(sasl2));
  if (sasl2) {
    put_additional(&t, data, len);
    put_child(&t, "authorization-identifier", who);
    put_bytes(&t, inlined, inlinedlen);
  } else {
    put_data(&t, 0, data, len);
  }
  put_close(&t, "success");
  return finish(&t);
}

int imp_exchange_write_continue(imp_buf *out, const void *data, size_t len, const char *const *tasks, size_t ntasks,
                                const char *why) {
  size_t i;
  text t = begin(out);
  put_open(&t, "continue", IMP_NS_SASL2);
  put_additional(&t, data, len);
  put(&t, "<tasks>");
  for (i = 0; i < ntasks; i++) {
    put_child(&t, "task", tasks[i]);
  }
  put(&t, "</tasks>");
  if (why != NULL) {
    put_child(&t, "text", why);
  }
  put_close(&t, "continue");
  return finish(&t);
}
