/* The elements as strings, and their attributes. */
#include "core/codec.h"
#include "sm/manager.h"

#define XMLNS "xmlns='" IMP_NS_SM "'"

typedef struct text {
  char *at;
  size_t left; /* the NUL not counted */
} text;

static text begin(char *dst) {
  text t = {dst, IMP_SM_TEXT_MAX - 1};
  dst[0] = '\0';
  return t;
}

static void put_n(text *t, const char *s, size_t len) {
  if (len <= t->left) {
    memcpy(t->at, s, len);
    t->at += len;
    *t->at = '\0';
    t->left -= len;
  }
}

static void put(text *t, const char *s) { put_n(t, s, strlen(s)); }

static void put_number(text *t, const char *name, uint32_t value) {
  char digits[21];
  size_t len = imp_format_u64(digits, value);
  put(t, " ");
  put(t, name);
  put(t, "='");
  put_n(t, digits, len);
  put(t, "'");
}

static size_t end(const text *t, const char *dst) { return (size_t)(t->at - dst); }

static const char *escape(char c) {
  switch (c) {
  case '&':
    return "&amp;";
  case '<':
    return "&lt;";
  case '>':
    return "&gt;";
  case '\'':
    return "&apos;";
  case '"':
    return "&quot;";
  default:
    return NULL;
  }
}

/* The whole attribute, or nothing. */
static void put_location(text *t, const char *location, size_t reserve) {
  text before = *t;
  int fits = t->left > reserve;
  t->left = fits ? t->left - reserve : 0;
  put(t, " location='");
  for (; fits && *location != '\0'; location++) {
    const char *entity = escape(*location);
    size_t len = entity != NULL ? strlen(entity) : 1;
    fits = len < t->left; /* the closing quote too */
    put_n(t, entity != NULL ? entity : location, len);
  }
  put(t, "'");
  t->left += reserve;
  if (!fits) {
    *t = before;
    *t->at = '\0';
  }
}

size_t imp_sm_write_enabled(const imp_sm *sm, const char *location, char *dst) {
  text t = begin(dst);
  put(&t, "<enabled " XMLNS);
  if (sm->idlen > 0) {
    put(&t, " id='");
    put_n(&t, sm->text, sm->idlen);
    put(&t, "' resume='true'");
    put_number(&t, "max", sm->max);
    if (location != NULL) {
      put_location(&t, location, strlen("/>"));
    }
  }
  put(&t, "/>");
  return end(&t, dst);
}

size_t imp_sm_write_resumed(const imp_sm *sm, char *dst) {
  text t = begin(dst);
  put(&t, "<resumed " XMLNS " previd='");
  put_n(&t, sm->text, sm->idlen);
  put(&t, "'");
  put_number(&t, "h", sm->in);
  put(&t, "/>");
  return end(&t, dst);
}

size_t imp_sm_write_failed(const char *condition, int has_h, uint32_t h, char *dst) {
  text t = begin(dst);
  put(&t, "<failed " XMLNS);
  if (has_h) {
    put_number(&t, "h", h);
  }
  put(&t, "><");
  put(&t, condition);
  put(&t, " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>");
  return end(&t, dst);
}

size_t imp_sm_write_r(char *dst) {
  text t = begin(dst);
  put(&t, "<r " XMLNS "/>");
  return end(&t, dst);
}

size_t imp_sm_write_a(const imp_sm *sm, char *dst) {
  text t = begin(dst);
  put(&t, "<a " XMLNS);
  put_number(&t, "h", sm->in);
  put(&t, "/>");
  return end(&t, dst);
}

size_t imp_sm_write_too_high(uint32_t h, uint32_t sent, char *dst) {
  text t = begin(dst);
  put(&t, "<handled-count-too-high " XMLNS);
  put_number(&t, "h", h);
  put_number(&t, "send-count", sent);
  put(&t, "/>");
  return end(&t, dst);
}

static int is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/* What is between white space. Non-zero if there is anything. */
static int trim(const char **at, size_t *len, const char *s) {
  if (s == NULL) {
    return 0;
  }
  while (is_space(*s)) {
    s++;
  }
  *at = s;
  *len = strlen(s);
  while (*len > 0 && is_space(s[*len - 1])) {
    (*len)--;
  }
  return *len > 0;
}

/* IMP_ERR_RANGE above 2^32 - 1. */
static int parse(const char *s, uint32_t *value) {
  const char *at;
  size_t len;
  uint64_t v = 0;
  if (!trim(&at, &len, s)) {
    return IMP_ERR_MALFORMED;
  }
  for (size_t i = 0; i < len; i++) {
    if (at[i] < '0' || at[i] > '9') {
      return IMP_ERR_MALFORMED;
    }
    if (v <= UINT32_MAX) {
      v = v * 10 + (uint64_t)(at[i] - '0');
    }
  }
  if (v > UINT32_MAX) {
    return IMP_ERR_RANGE;
  }
  *value = (uint32_t)v;
  return IMP_OK;
}

int imp_sm_parse_h(const char *s, uint32_t *h) { return parse(s, h) == IMP_OK ? IMP_OK : IMP_ERR_MALFORMED; }

int imp_sm_parse_resume(const char *s) {
  const char *at;
  size_t len;
  return trim(&at, &len, s) && ((len == 4 && memcmp(at, "true", 4) == 0) || (len == 1 && *at == '1'));
}

uint32_t imp_sm_parse_max(const char *s) {
  uint32_t seconds;
  switch (parse(s, &seconds)) {
  case IMP_OK:
    return seconds;
  case IMP_ERR_RANGE:
    return UINT32_MAX;
  default:
    return 0;
  }
}
