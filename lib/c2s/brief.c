/* <r/> and <a h=''/> as nearly every client writes them, told from the text: half of what a chat client sends is these. */
#include <string.h>

#include "c2s/login.h"

typedef struct span {
  const char *s;
  size_t len;
} span;

static int is(span a, const char *text) { return a.len == strlen(text) && memcmp(a.s, text, a.len) == 0; }

/* " name='value'" at *p; 0 if there is nothing of the kind. */
static int attribute(const char **p, const char *end, span *name, span *value) {
  const char *at = *p, *equals, *close;
  if (at == end || *at++ != ' ' || (equals = memchr(at, '=', (size_t)(end - at))) == NULL || end - equals < 3 ||
      (equals[1] != '\'' && equals[1] != '"') ||
      (close = memchr(equals + 2, equals[1], (size_t)(end - equals - 2))) == NULL) {
    return 0;
  }
  *name = (span){at, (size_t)(equals - at)};
  *value = (span){equals + 2, (size_t)(close - equals - 2)};
  *p = close + 1;
  return 1;
}

static int number(span value, uint32_t *h) {
  uint64_t n = 0;
  for (size_t i = 0; i < value.len; ++i) {
    if (value.s[i] < '0' || value.s[i] > '9') {
      return 0;
    }
    n = n * 10 + (uint64_t)(value.s[i] - '0');
  }
  *h = (uint32_t)n;
  return value.len > 0 && value.len <= 10 && n <= UINT32_MAX;
}

int imp_c2s_brief(const char *text, size_t len, uint32_t *h) {
  const char *p = text + 2, *end = text + len;
  int xmlns = 0, count = 0;
  span name, value;
  if (len < 4 || text[0] != '<' || (text[1] != 'a' && text[1] != 'r')) {
    return 0;
  }
  while (attribute(&p, end, &name, &value)) {
    if (is(name, "xmlns") && is(value, IMP_NS_SM) && !xmlns) {
      xmlns = 1;
    } else if (text[1] == 'a' && is(name, "h") && number(value, h) && !count) {
      count = 1;
    } else {
      return 0;
    }
  }
  p += p < end && *p == ' ';
  return xmlns && count == (text[1] == 'a') && end - p == 2 && memcmp(p, "/>", 2) == 0 ? text[1] : 0;
}
