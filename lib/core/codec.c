#include "core/codec.h"

#include <string.h>

void imp_hex_encode(char *dst, const void *src, size_t len) {
  static const char digits[] = "0123456789abcdef";
  const uint8_t *p = src;
  for (size_t i = 0; i < len; i++) {
    *dst++ = digits[p[i] >> 4];
    *dst++ = digits[p[i] & 15];
  }
  *dst = '\0';
}

/* How long the character at p is, 0 if it is no character (RFC 3629 §4). */
static size_t utf8_len(const uint8_t *p, size_t left) {
  static const struct {
    uint8_t lead_min, lead_max, second_min, second_max, len;
  } forms[] = {{0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
               {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
               {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
  for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
    if (p[0] < forms[i].lead_min || p[0] > forms[i].lead_max) {
      continue;
    }
    if (left < forms[i].len || p[1] < forms[i].second_min || p[1] > forms[i].second_max) {
      return 0;
    }
    for (size_t k = 2; k < forms[i].len; k++) {
      if ((p[k] & 0xc0) != 0x80) {
        return 0;
      }
    }
    return forms[i].len;
  }
  return 0;
}

int imp_utf8_valid(const char *s, size_t len) {
  const uint8_t *p = (const uint8_t *)s;
  const uint8_t *end = p + len;
  while (p < end) {
    uint64_t word;
    if (end - p >= 8) { /* eight ASCII bytes at once: nearly all there is */
      memcpy(&word, p, 8);
      if ((word & 0x8080808080808080u) == 0) {
        p += 8;
        continue;
      }
    }
    size_t n = *p < 0x80 ? 1 : utf8_len(p, (size_t)(end - p));
    if (n == 0) {
      return 0;
    }
    p += n;
  }
  return 1;
}

int imp_parse_u64(uint64_t *value, const char *s) {
  uint64_t v = 0;
  if (*s == '\0') {
    return IMP_ERR_MALFORMED;
  }
  for (; *s != '\0'; s++) {
    unsigned d = (unsigned)(*s - '0');
    if (d > 9) {
      return IMP_ERR_MALFORMED;
    }
    if (v > (UINT64_MAX - d) / 10) {
      return strspn(s, "0123456789") == strlen(s) ? IMP_ERR_RANGE : IMP_ERR_MALFORMED;
    }
    v = v * 10 + d;
  }
  *value = v;
  return IMP_OK;
}

int imp_parse_u32(uint32_t *value, const char *s) {
  uint64_t v;
  int rv = imp_parse_u64(&v, s);
  if (rv != IMP_OK) {
    return rv;
  }
  if (v > UINT32_MAX) {
    return IMP_ERR_RANGE;
  }
  *value = (uint32_t)v;
  return IMP_OK;
}

size_t imp_format_u64(char *dst, uint64_t value) {
  char digits[20];
  size_t n = 0;
  do {
    digits[n++] = (char)('0' + value % 10);
    value /= 10;
  } while (value > 0);
  for (size_t i = 0; i < n; i++) {
    dst[i] = digits[n - 1 - i];
  }
  dst[n] = '\0';
  return n;
}

void imp_put_be32(uint8_t dst[4], uint32_t v) {
  for (int i = 3; i >= 0; i--, v >>= 8) {
    dst[i] = (uint8_t)v;
  }
}

void imp_put_be64(uint8_t dst[8], uint64_t v) {
  imp_put_be32(dst, (uint32_t)(v >> 32));
  imp_put_be32(dst + 4, (uint32_t)v);
}

uint32_t imp_get_be32(const uint8_t src[4]) {
  return (uint32_t)src[0] << 24 | (uint32_t)src[1] << 16 | (uint32_t)src[2] << 8 | src[3];
}

uint64_t imp_get_be64(const uint8_t src[8]) { return (uint64_t)imp_get_be32(src) << 32 | imp_get_be32(src + 4); }
