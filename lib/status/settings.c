#include <stdio.h>

#include "status/internal.h"

static const imp_status_settings defaults = {.size = sizeof(imp_status_settings),
                                             .text = IMP_STATUS_TEXT_IF_NONE,
                                             .activity = 1,
                                             .users_per_turn = 4000,
                                             .stanzas_per_turn = 30000,
                                             .zone = "UTC",
                                             .resource = "status"};

#define RANGE(member, low, high)                                                                                       \
  { #member, offsetof(imp_status_settings, member), low, high }

static const struct {
  const char *name;
  size_t offset;
  uint32_t low, high;
} ranges[] = {RANGE(text, 0, 2), RANGE(activity, 0, 1), RANGE(everybody, 0, 1), RANGE(users_per_turn, 1, 100000),
              RANGE(stanzas_per_turn, 1, 1000000)};

void imp_status_settings_default(imp_status_settings *settings, size_t size) {
  size_t known = size < sizeof(defaults) ? size : sizeof(defaults);
  memset(settings, 0, size);
  memcpy(settings, &defaults, known);
  settings->size = size;
}

int imp_status_settings_read(imp_status_settings *dst, const imp_status_settings *src) {
  *dst = defaults;
  if (src != NULL) {
    if (src->size < sizeof(src->size)) {
      return IMP_ERR_INVALID_ARGUMENT;
    }
    memcpy(dst, src, src->size < sizeof(*dst) ? src->size : sizeof(*dst));
    dst->size = sizeof(*dst);
  }
  return IMP_OK;
}

static int check_ranges(const imp_status_settings *s, char *text, size_t textlen) {
  size_t i;
  for (i = 0; i < IMP_ARRAY_LEN(ranges); i++) {
    uint32_t value;
    memcpy(&value, (const char *)s + ranges[i].offset, sizeof(value));
    if (value < ranges[i].low || value > ranges[i].high) {
      (void)snprintf(text, textlen, "status %s %u: must be %u to %u", ranges[i].name, (unsigned)value,
                     (unsigned)ranges[i].low, (unsigned)ranges[i].high);
      return IMP_ERR_RANGE;
    }
  }
  return IMP_OK;
}

static int check_names(const imp_status_settings *s, char *text, size_t textlen) {
  imp_jid *jid;
  if (s->zone == NULL || *s->zone == '\0') {
    (void)snprintf(text, textlen, "status zone: must be the name of a time zone");
    return IMP_ERR_INVALID_ARGUMENT;
  }
  if (s->resource == NULL || *s->resource == '\0' || imp_jid_new_parts(&jid, "a", "b", s->resource) < 0) {
    (void)snprintf(text, textlen, "status resource \"%.80s\": must be a resource of an address", s->resource ? s->resource : "");
    return IMP_ERR_INVALID_ARGUMENT;
  }
  imp_jid_del(jid);
  return IMP_OK;
}

int imp_status_settings_check(const imp_status_settings *settings, char *text, size_t textlen) {
  imp_status_settings s;
  char unused[1];
  int rv;
  if (text == NULL) {
    text = unused;
    textlen = sizeof(unused);
  }
  if (textlen > 0) {
    text[0] = '\0';
  }
  rv = imp_status_settings_read(&s, settings);
  if (rv < 0) {
    (void)snprintf(text, textlen, "status size: is not set");
    return rv;
  }
  rv = check_ranges(&s, text, textlen);
  rv = rv < 0 ? rv : check_names(&s, text, textlen);
  if (rv == IMP_OK && s.presence != NULL) {
    rv = imp_presence_settings_check(s.presence, text, textlen);
  }
  if (rv == IMP_OK && s.calendar != NULL) {
    rv = imp_calendar_settings_check(s.calendar, text, textlen);
  }
  return rv;
}
