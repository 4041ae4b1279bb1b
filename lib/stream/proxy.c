/* PROXY protocol, versions 1 and 2: who is behind a load balancer. */
#include <stdio.h>
#include <string.h>

#include "stream/internal.h"

#define V1_MAX 107
#define PEER_MAX 64

static const uint8_t signature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

/* ---- version 1: a line of text ---- */

static int is_ipv4(const char *s, size_t len) {
  int parts = 0;
  size_t i = 0;
  while (i < len && parts < 4) {
    size_t start = i;
    unsigned value = 0;
    while (i < len && s[i] >= '0' && s[i] <= '9' && i - start < 3) {
      value = value * 10 + (unsigned)(s[i++] - '0');
    }
    if (i == start || value > 255 || (s[start] == '0' && i - start > 1)) {
      return 0;
    }
    parts++;
    if (i < len && (parts == 4 || s[i++] != '.')) {
      return 0;
    }
  }
  return parts == 4 && s[len - 1] != '.';
}

/* Groups and colons as they must be; an IPv4 tail is not written by anybody here. */
static int is_ipv6(const char *s, size_t len) {
  int groups = 0, gap = 0;
  size_t digits = 0;
  for (size_t i = 0; i < len; i++) {
    if (s[i] == ':') {
      if (i + 1 < len && s[i + 1] == ':') {
        if (gap++) {
          return 0;
        }
        i++;
      } else if (digits == 0 || i + 1 == len) {
        return 0;
      }
      digits = 0;
    } else if (strchr("0123456789abcdefABCDEF", s[i]) == NULL || s[i] == '\0' || ++digits > 4) {
      return 0;
    } else if (digits == 1) {
      groups++;
    }
  }
  return gap ? groups < 8 : groups == 8;
}

static int is_port(const char *s, size_t len) {
  unsigned value = 0;
  for (size_t i = 0; i < len; i++) {
    if (s[i] < '0' || s[i] > '9') {
      return 0;
    }
    value = value * 10 + (unsigned)(s[i] - '0');
  }
  return len > 0 && len <= 5 && value <= 65535 && (len == 1 || s[0] != '0');
}

/* The next field up to a space (or the end). */
static size_t field(const char *s, size_t len) {
  const char *space = len > 0 ? memchr(s, ' ', len) : NULL;
  return space != NULL ? (size_t)(space - s) : len;
}

/* "TCP4 source destination port port", the CRLF cut off. */
static int parse_line(const char *s, size_t len, char *peer) {
  if (len >= 7 && memcmp(s, "UNKNOWN", 7) == 0 && (len == 7 || s[7] == ' ')) {
    return IMP_OK;
  }
  if (len < 5 || (memcmp(s, "TCP4 ", 5) != 0 && memcmp(s, "TCP6 ", 5) != 0)) {
    return IMP_ERR_MALFORMED;
  }
  int (*is_address)(const char *, size_t) = s[3] == '4' ? is_ipv4 : is_ipv6;
  s += 5;
  len -= 5;
  for (int i = 0; i < 4; i++) {
    size_t n = field(s, len);
    if (n == 0 || n >= PEER_MAX || !(i < 2 ? is_address(s, n) : is_port(s, n))) {
      return IMP_ERR_MALFORMED;
    }
    if (i == 0) {
      memcpy(peer, s, n);
      peer[n] = '\0';
    }
    if ((i < 3) != (n < len)) {
      return IMP_ERR_MALFORMED;
    }
    s += n + (i < 3);
    len -= n + (i < 3);
  }
  return IMP_OK;
}

static int parse_v1(const char *s, size_t len, char *peer) {
  size_t seen = len < V1_MAX ? len : V1_MAX;
  const char *end = memchr(s, '\n', seen);
  if (memcmp(s, "PROXY ", len < 6 ? len : 6) != 0) {
    return IMP_ERR_MALFORMED;
  }
  if (end == NULL) {
    return len >= V1_MAX ? IMP_ERR_MALFORMED : 0;
  }
  size_t line = (size_t)(end - s);
  if (line < 7 || s[line - 1] != '\r' || parse_line(s + 6, line - 7, peer) != IMP_OK) {
    peer[0] = '\0';
    return IMP_ERR_MALFORMED;
  }
  return (int)line + 1;
}

/* ---- version 2: binary ---- */

/* RFC 5952, but for the IPv4 tail. */
static void format_ipv6(char *dst, const uint8_t *a) {
  unsigned g[8];
  int best = -1, bestlen = 1;
  size_t n = 0;
  for (int i = 0; i < 8; i++) {
    g[i] = (unsigned)(a[2 * i] << 8 | a[2 * i + 1]);
  }
  for (int i = 0, run = 0; i < 8; i++) {
    run = g[i] == 0 ? run + 1 : 0;
    if (run > bestlen) {
      bestlen = run;
      best = i + 1 - run;
    }
  }
  for (int i = 0; i < 8; i++) {
    if (i == best) {
      n += (size_t)snprintf(dst + n, PEER_MAX - n, "::");
      i += bestlen - 1;
    } else {
      n += (size_t)snprintf(dst + n, PEER_MAX - n, "%s%x", n > 0 && dst[n - 1] != ':' ? ":" : "", g[i]);
    }
  }
}

static int parse_address(uint8_t family, const uint8_t *a, size_t len, char *peer) {
  switch (family) {
  case 0x00: /* unspecified */
    return IMP_OK;
  case 0x11: /* TCP over IPv4 */
    if (len < 12) {
      return IMP_ERR_MALFORMED;
    }
    snprintf(peer, PEER_MAX, "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
    return IMP_OK;
  case 0x21: /* TCP over IPv6 */
    if (len < 36) {
      return IMP_ERR_MALFORMED;
    }
    format_ipv6(peer, a);
    return IMP_OK;
  case 0x31: /* Unix stream socket */
    return len >= 216 ? IMP_OK : IMP_ERR_MALFORMED;
  default:
    return IMP_ERR_MALFORMED;
  }
}

static int parse_v2(const uint8_t *data, size_t len, char *peer) {
  if (len < 16) {
    return 0;
  }
  size_t rest = (size_t)(data[14] << 8 | data[15]);
  if ((data[12] != 0x20 && data[12] != 0x21) || rest + 16 > IMP_PROXY_MAX) {
    return IMP_ERR_MALFORMED;
  }
  if (len < rest + 16) {
    return 0;
  }
  if (data[12] == 0x21 && parse_address(data[13], data + 16, rest, peer) != IMP_OK) {
    return IMP_ERR_MALFORMED;
  }
  return (int)(rest + 16);
}

int imp_proxy_parse(const uint8_t *data, size_t len, char *peer) {
  peer[0] = '\0';
  if (len == 0) {
    return 0;
  }
  if (memcmp(data, signature, len < sizeof signature ? len : sizeof signature) == 0) {
    return parse_v2(data, len, peer);
  }
  return parse_v1((const char *)data, len, peer);
}
