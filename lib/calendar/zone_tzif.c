/* TZif files (RFC 9636), and the POSIX rule in their footer. */
#include "calendar/calendar.h"
#include "calendar/zone.h"
#include "core/codec.h"

#define HEADER 44

typedef struct counts {
  uint32_t isut, isstd, leap, time, type, chars;
} counts;

static int read_header(const uint8_t *data, size_t len, counts *c, int *version) {
  if (len < HEADER || memcmp(data, "TZif", 4) != 0) {
    return IMP_ERR_MALFORMED;
  }
  *version = data[4] == 0 ? 1 : data[4] - '0';
  c->isut = imp_get_be32(data + 20);
  c->isstd = imp_get_be32(data + 24);
  c->leap = imp_get_be32(data + 28);
  c->time = imp_get_be32(data + 32);
  c->type = imp_get_be32(data + 36);
  c->chars = imp_get_be32(data + 40);
  return c->time <= IMP_ZONE_CHANGES_MAX && c->type >= 1 && c->type <= 256 && c->chars <= 4096 && c->leap <= 1024 &&
                 c->isut <= 256 && c->isstd <= 256
             ? IMP_OK
             : IMP_ERR_MALFORMED;
}

static size_t block_size(const counts *c, size_t width) {
  return c->time * width + c->time + c->type * 6 + c->chars + c->leap * (width + 4) + c->isstd + c->isut;
}

static int32_t type_offset(const uint8_t *types, unsigned i) { return (int32_t)imp_get_be32(types + 6 * i) * 1000; }

static int type_is_dst(const uint8_t *types, unsigned i) { return types[6 * i + 4] != 0; }

/* Before the first change: the first type that is no summer time. */
static int32_t first_offset(const uint8_t *types, uint32_t count) {
  for (unsigned i = 0; i < count; i++) {
    if (!type_is_dst(types, i)) {
      return type_offset(types, i);
    }
  }
  return type_offset(types, 0);
}

static int read_block(imp_zone *zone, const uint8_t *data, const counts *c, size_t width) {
  const uint8_t *indices = data + c->time * width, *types = indices + c->time;
  for (unsigned i = 0; i < c->type; i++) {
    int32_t seconds = (int32_t)imp_get_be32(types + 6 * i);
    if (seconds < -100000 || seconds > 100000) {
      return IMP_ERR_MALFORMED;
    }
  }
  zone->first = first_offset(types, c->type);
  zone->changes = imp_malloc((c->time > 0 ? c->time : 1) * sizeof *zone->changes);
  if (zone->changes == NULL) {
    return IMP_ERR_NOMEM;
  }
  for (uint32_t i = 0; i < c->time; i++) {
    int64_t at = width == 8 ? (int64_t)imp_get_be64(data + 8 * i) : (int32_t)imp_get_be32(data + 4 * i);
    if (indices[i] >= c->type || (i > 0 && at * 1000 <= zone->changes[i - 1].at && at > -IMP_MS_MAX / 1000)) {
      return IMP_ERR_MALFORMED;
    }
    at = at < -IMP_MS_MAX / 1000 ? -IMP_MS_MAX / 1000 : at > IMP_MS_MAX / 1000 ? IMP_MS_MAX / 1000 : at;
    zone->changes[i] = (imp_zone_change){at * 1000, type_offset(types, indices[i])};
  }
  zone->count = c->time;
  return IMP_OK;
}

/* "\n<rule>\n" behind the second block. */
static int read_footer(imp_zone *zone, const uint8_t *data, size_t len) {
  char text[128];
  const uint8_t *end = len > 1 && data[0] == '\n' ? memchr(data + 1, '\n', len - 1) : NULL;
  if (end == NULL || (size_t)(end - data - 1) >= sizeof text) {
    return IMP_ERR_MALFORMED;
  }
  size_t n = (size_t)(end - data - 1);
  memcpy(text, data + 1, n);
  text[n] = '\0';
  return n > 0 ? imp_zone_read_rule(zone, text) : IMP_OK;
}

int imp_zone_read_tzif(imp_zone *zone, const void *bytes, size_t len) {
  const uint8_t *data = bytes;
  counts c;
  int version;
  size_t width = 4;
  int rv = data != NULL ? read_header(data, len, &c, &version) : IMP_ERR_MALFORMED;
  if (rv == IMP_OK && version >= 2) {
    size_t skip = HEADER + block_size(&c, 4);
    rv = skip <= len ? read_header(data + skip, len - skip, &c, &version) : IMP_ERR_MALFORMED;
    data += rv == IMP_OK ? skip : 0;
    len -= rv == IMP_OK ? skip : 0;
    width = 8;
  }
  if (rv == IMP_OK && HEADER + block_size(&c, width) > len) {
    rv = IMP_ERR_MALFORMED;
  }
  if (rv == IMP_OK) {
    size_t used = HEADER + block_size(&c, width);
    rv = read_block(zone, data + HEADER, &c, width);
    if (rv == IMP_OK && width == 8) {
      rv = read_footer(zone, data + used, len - used);
    }
  }
  if (rv != IMP_OK) {
    imp_zone_reset(zone);
  }
  return rv;
}

/* ---- the rule ---- */

static int skip_name(const char **s) {
  const char *p = *s;
  if (*p == '<') {
    p = strchr(p, '>');
    if (p == NULL) {
      return 0;
    }
    p++;
  } else {
    while ((*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z')) {
      p++;
    }
  }
  int ok = p - *s >= 3;
  *s = p;
  return ok;
}

static int number(const char **s, unsigned most, unsigned *value) {
  unsigned v = 0;
  const char *p = *s;
  for (; *p >= '0' && *p <= '9' && v <= 9999; p++) {
    v = v * 10 + (unsigned)(*p - '0');
  }
  int ok = p > *s && v <= most;
  *s = p;
  *value = v;
  return ok;
}

/* [+-]hh[:mm[:ss]] in milliseconds. */
static int hms(const char **s, int32_t *ms) {
  unsigned h = 0, m = 0, sec = 0;
  int sign = **s == '-' ? -1 : 1;
  *s += **s == '-' || **s == '+';
  if (!number(s, 167, &h)) {
    return 0;
  }
  if (**s == ':' && (++*s, !number(s, 59, &m))) {
    return 0;
  }
  if (**s == ':' && (++*s, !number(s, 59, &sec))) {
    return 0;
  }
  *ms = sign * (int32_t)(h * 3600 + m * 60 + sec) * 1000;
  return 1;
}

static int read_when(const char **s, imp_zone_when *when) {
  unsigned a, b, c;
  when->time = 2 * (int32_t)IMP_MS_HOUR;
  if (**s == 'M') {
    ++*s;
    if (!number(s, 12, &a) || a < 1 || *(*s)++ != '.' || !number(s, 5, &b) || b < 1 || *(*s)++ != '.' ||
        !number(s, 6, &c)) {
      return 0;
    }
    when->kind = 'M';
    when->month = (uint8_t)a;
    when->week = (uint8_t)b;
    when->wday = (uint8_t)c;
  } else {
    when->kind = **s == 'J' ? 'J' : 'D';
    *s += **s == 'J';
    if (!number(s, 365, &a) || (when->kind == 'J' && a < 1)) {
      return 0;
    }
    when->day = (uint16_t)a;
  }
  return **s != '/' || (++*s, hms(s, &when->time));
}

int imp_zone_read_rule(imp_zone *zone, const char *s) {
  int32_t west;
  if (!skip_name(&s) || !hms(&s, &west)) {
    return IMP_ERR_MALFORMED;
  }
  zone->rule = 1;
  zone->standard_offset = -west;
  if (*s == '\0') {
    return IMP_OK;
  }
  zone->summer = 1;
  zone->summer_offset = zone->standard_offset + (int32_t)IMP_MS_HOUR;
  if (!skip_name(&s)) {
    return IMP_ERR_MALFORMED;
  }
  if (*s != ',') {
    if (!hms(&s, &west)) {
      return IMP_ERR_MALFORMED;
    }
    zone->summer_offset = -west;
  }
  if (*s++ != ',' || !read_when(&s, &zone->begin) || *s++ != ',' || !read_when(&s, &zone->end) || *s != '\0') {
    return IMP_ERR_MALFORMED;
  }
  return IMP_OK;
}
