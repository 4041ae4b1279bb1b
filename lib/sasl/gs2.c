#include "sasl/gs2.h"

#include <string.h>

#include "core/mem.h"

static int take(imp_cursor *in, char c) {
  if (in->at == in->end || *in->at != c) {
    return 0;
  }
  in->at++;
  return 1;
}

static imp_text take_until_comma(imp_cursor *in) {
  imp_text text;
  const char *comma = memchr(in->at, ',', (size_t)(in->end - in->at));
  text.s = in->at;
  text.len = (size_t)((comma != NULL ? comma : in->end) - in->at);
  in->at += text.len;
  return text;
}

static int is_binding_name(const imp_text *name) {
  size_t i;
  for (i = 0; i < name->len; i++) {
    char c = name->s[i];
    int ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
    if (!ok) {
      return 0;
    }
  }
  return name->len > 0;
}

int imp_gs2_read(imp_gs2 *gs2, imp_cursor *in) {
  const char *start = in->at;

  memset(gs2, 0, sizeof *gs2);
  if (in->at == in->end) {
    return IMP_ERR_MALFORMED;
  }
  gs2->flag = *in->at++;
  if (gs2->flag == 'p') {
    if (!take(in, '=')) {
      return IMP_ERR_MALFORMED;
    }
    gs2->binding = take_until_comma(in);
    if (!is_binding_name(&gs2->binding)) {
      return IMP_ERR_MALFORMED;
    }
  } else if (gs2->flag != 'n' && gs2->flag != 'y') {
    return IMP_ERR_MALFORMED;
  }
  if (!take(in, ',')) {
    return IMP_ERR_MALFORMED;
  }
  if (take(in, 'a')) {
    if (!take(in, '=')) {
      return IMP_ERR_MALFORMED;
    }
    gs2->has_authzid = 1;
    gs2->authzid = take_until_comma(in);
    if (gs2->authzid.len == 0) {
      return IMP_ERR_MALFORMED;
    }
  }
  if (!take(in, ',')) {
    return IMP_ERR_MALFORMED;
  }
  gs2->len = (size_t)(in->at - start);
  return IMP_OK;
}

int imp_attribute_read(imp_text *value, imp_cursor *in, char name) {
  if (!take(in, name) || !take(in, '=')) {
    return IMP_ERR_MALFORMED;
  }
  *value = take_until_comma(in);
  take(in, ',');
  return IMP_OK;
}

int imp_saslname_decode(char **out, size_t *outlen, const imp_text *in) {
  char *copy = imp_malloc(in->len + 1);
  size_t i, n = 0;

  if (copy == NULL) {
    return IMP_ERR_NOMEM;
  }
  for (i = 0; i < in->len; i++) {
    char c = in->s[i];
    if (c == '=' && in->len - i > 2 && memcmp(in->s + i, "=2C", 3) == 0) {
      c = ',';
      i += 2;
    } else if (c == '=' && in->len - i > 2 && memcmp(in->s + i, "=3D", 3) == 0) {
      i += 2;
    } else if (c == '=' || c == '\0') {
      imp_free(copy);
      return IMP_ERR_MALFORMED;
    }
    copy[n++] = c;
  }
  copy[n] = '\0';
  *out = copy;
  *outlen = n;
  return IMP_OK;
}
