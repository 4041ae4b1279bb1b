#include "xml/ip6.h"

#include <string.h>

static int hex_value(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "192.0.2.1" up to the end. */
static int parse_v4(uint8_t *out, const char *s, const char *end) {
  for (int i = 0; i < 4; ++i) {
    unsigned value = 0;
    const char *start = s;
    for (; s < end && *s >= '0' && *s <= '9' && s - start < 3; ++s) {
      value = value * 10 + (unsigned)(*s - '0');
    }
    if (s == start || value > 255 || (s - start > 1 && *start == '0')) {
      return IMP_ERR_MALFORMED;
    }
    out[i] = (uint8_t)value;
    if (i < 3 && (s == end || *s++ != '.')) {
      return IMP_ERR_MALFORMED;
    }
  }
  return s == end ? IMP_OK : IMP_ERR_MALFORMED;
}

/* Groups up to the end; `gap` becomes the byte offset of "::", -1 if there is none. */
static int parse_groups(uint8_t *out, size_t *n, int *gap, const char *s, const char *end) {
  while (s < end) {
    const char *start = s;
    unsigned value = 0;
    for (; s < end && hex_value(*s) >= 0 && s - start < 4; ++s) {
      value = value << 4 | (unsigned)hex_value(*s);
    }
    if (s < end && *s == '.' && *n <= 12) {
      *n += 4;
      return parse_v4(out + *n - 4, start, end);
    }
    if (s == start || *n > 14) {
      return IMP_ERR_MALFORMED;
    }
    out[(*n)++] = (uint8_t)(value >> 8);
    out[(*n)++] = (uint8_t)value;
    if (s == end) {
      break;
    }
    if (*s++ != ':' || s == end) {
      return IMP_ERR_MALFORMED;
    }
    if (*s == ':') {
      if (*gap >= 0) {
        return IMP_ERR_MALFORMED;
      }
      *gap = (int)*n;
      ++s;
    }
  }
  return IMP_OK;
}

int imp_ip6_parse(uint8_t addr[16], const char *s, size_t len) {
  uint8_t out[16] = {0};
  size_t n = 0;
  int gap = -1;
  const char *end = s + len;
  if (len >= 2 && s[0] == ':' && s[1] == ':') {
    gap = 0;
    s += 2;
  }
  if (len < 2 || len >= IMP_IP6_LEN || parse_groups(out, &n, &gap, s, end) != IMP_OK || (gap < 0 ? n != 16 : n > 14)) {
    return IMP_ERR_MALFORMED;
  }
  if (gap >= 0) {
    size_t behind = n - (size_t)gap;
    memmove(out + 16 - behind, out + gap, behind);
    memset(out + gap, 0, 16 - n);
  }
  memcpy(addr, out, 16);
  return IMP_OK;
}

/* The longest run of at least two zero groups, the first of equals. */
static int longest_zeros(const uint16_t group[8], int *runlen) {
  int best = -1;
  *runlen = 1;
  for (int i = 0; i < 8; ++i) {
    int end = i;
    while (end < 8 && group[end] == 0) {
      ++end;
    }
    if (end - i > *runlen) {
      best = i;
      *runlen = end - i;
    }
  }
  return best;
}

static char *put_group(char *p, unsigned value) {
  int started = 0;
  for (int shift = 12; shift >= 0; shift -= 4) {
    unsigned digit = value >> shift & 15;
    if (digit != 0 || started || shift == 0) {
      *p++ = "0123456789abcdef"[digit];
      started = 1;
    }
  }
  return p;
}

size_t imp_ip6_format(char *dst, const uint8_t addr[16]) {
  uint16_t group[8];
  int runlen;
  char *p = dst;
  for (int i = 0; i < 8; ++i) {
    group[i] = (uint16_t)(addr[2 * i] << 8 | addr[2 * i + 1]);
  }
  int run = longest_zeros(group, &runlen);
  for (int i = 0; i < 8; ++i) {
    if (i == run) {
      *p++ = ':';
      *p++ = ':';
      i += runlen - 1;
      continue;
    }
    p = put_group(p, group[i]);
    if (i < 7 && i + 1 != run) {
      *p++ = ':';
    }
  }
  *p = '\0';
  return (size_t)(p - dst);
}
