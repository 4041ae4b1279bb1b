#include "core/codec.h"

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char urlsafe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static size_t encode(char *dst, const uint8_t *src, size_t len, const char *alphabet, int pad) {
  char *to = dst;
  for (; len >= 3; len -= 3, src += 3) {
    *to++ = alphabet[src[0] >> 2];
    *to++ = alphabet[(src[0] & 3) << 4 | src[1] >> 4];
    *to++ = alphabet[(src[1] & 15) << 2 | src[2] >> 6];
    *to++ = alphabet[src[2] & 63];
  }
  if (len > 0) {
    uint8_t second = len == 2 ? src[1] : 0;
    *to++ = alphabet[src[0] >> 2];
    *to++ = alphabet[(src[0] & 3) << 4 | second >> 4];
    if (len == 2) {
      *to++ = alphabet[(second & 15) << 2];
    }
    for (size_t i = len; pad && i < 3; i++) {
      *to++ = '=';
    }
  }
  *to = '\0';
  return (size_t)(to - dst);
}

size_t imp_base64_encode(char *dst, const void *src, size_t len) { return encode(dst, src, len, standard, 1); }

size_t imp_base64url_encode(char *dst, const void *src, size_t len) { return encode(dst, src, len, urlsafe, 0); }

/* All bits set if lo <= c <= hi, else none: without a branch, since what is decoded may be a secret. */
static unsigned in_range(unsigned c, unsigned lo, unsigned hi) { return 0u - (unsigned)(c - lo <= hi - lo); }

/* Without a table, for the same reason. 0xff for what is no digit. */
static unsigned digit(unsigned c) {
  unsigned upper = in_range(c, 'A', 'Z');
  unsigned lower = in_range(c, 'a', 'z');
  unsigned number = in_range(c, '0', '9');
  unsigned plus = in_range(c, '+', '+');
  unsigned slash = in_range(c, '/', '/');
  unsigned value = (upper & (c - 'A')) | (lower & (c - 'a' + 26)) | (number & (c - '0' + 52)) | (plus & 62u) |
                   (slash & 63u);
  return value | (~(upper | lower | number | plus | slash) & 0xffu);
}

int imp_base64_decode(uint8_t *dst, size_t *dstlen, const char *src, size_t len) {
  size_t pad = 0;
  uint32_t bits = 0;
  uint8_t *to = dst;
  if (len % 4 != 0) {
    return IMP_ERR_MALFORMED;
  }
  if (len > 0 && src[len - 1] == '=') {
    pad = src[len - 2] == '=' ? 2 : 1;
  }
  for (size_t i = 0; i < len; i++) {
    unsigned value = i < len - pad ? digit((unsigned char)src[i]) : 0;
    if (value == 0xff) {
      return IMP_ERR_MALFORMED;
    }
    bits = bits << 6 | value;
    if (i % 4 == 3) {
      *to++ = (uint8_t)(bits >> 16);
      *to++ = (uint8_t)(bits >> 8);
      *to++ = (uint8_t)bits;
    }
  }
  /* The bits that padding leaves over must be zero, or two texts would mean the same bytes. */
  if ((pad == 1 && (bits & 0xff) != 0) || (pad == 2 && (bits & 0xffff) != 0)) {
    return IMP_ERR_MALFORMED;
  }
  *dstlen = (size_t)(to - dst) - pad;
  return IMP_OK;
}
