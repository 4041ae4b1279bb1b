#include "xload.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <string.h>

/* Value of an attribute of the first tag in s; 0 when it is not there. */
int xml_attr(const char *s, size_t n, const char *name, char *out, size_t cap) {
  size_t len = strlen(name);
  const char *end = memchr(s, '>', n);
  for (const char *p = s; end && p + len + 2 < end; p++) {
    if (!isspace((unsigned char)*p) || memcmp(p + 1, name, len) || p[1 + len] != '=')
      continue;
    const char *v = p + len + 3, *e = memchr(v, v[-1], (size_t)(s + n - v));
    if (!e || (size_t)(e - v) >= cap)
      return 0;
    memcpy(out, v, (size_t)(e - v));
    out[e - v] = 0;
    return 1;
  }
  return 0;
}

int xml_is(const char *s, size_t n, const char *name) {
  size_t len = strlen(name);
  return n > len + 1 && !memcmp(s + 1, name, len) && strchr(" \t\r\n/>", s[1 + len]);
}

int xml_has(const char *s, size_t n, const char *what) {
  return memmem(s, n, what, strlen(what)) != NULL;
}

int xml_base64(const char *s, size_t n, char *out, size_t cap) {
  const char *b = memchr(s, '>', n), *e = b ? memchr(b, '<', (size_t)(s + n - b)) : NULL;
  int len = e ? (int)(e - b - 1) : 0, pad = 0;
  if (len <= 0 || len % 4 || (size_t)len > cap)
    return -1;
  while (pad < 2 && e[-1 - pad] == '=')
    pad++;
  int r = EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)b + 1, len);
  if (r < 0)
    return -1;
  out[r - pad] = 0;
  return r - pad;
}
