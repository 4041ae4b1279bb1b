#include <stdio.h>

#include "presence/presence.h"

#define RULES_MAX 64
#define KINDS (IMP_BIT(IMP_SOURCES) - 1)
#define STATES (IMP_BIT(IMP_PRESENCE_STATES) - 1)
#define SHOWN_ALONE (IMP_BIT(IMP_SOURCE_PHONE) | IMP_BIT(IMP_SOURCE_CALENDAR) | IMP_BIT(IMP_SOURCE_HOST))

static const imp_presence_settings defaults = {
    .size = sizeof(imp_presence_settings), .status_source = 1, .max_sources = 64, .max_note = 1024};

typedef struct range {
  const char *name;
  size_t offset;
  uint32_t min, max;
} range;

#define FIELD(name) #name, offsetof(imp_presence_settings, name)

static const range ranges[] = {
    {FIELD(busy_show), 0, 1},        {FIELD(publish_subjects), 0, 1}, {FIELD(status_source), 0, 1},
    {FIELD(max_sources), 1, 1000}, {FIELD(max_note), 0, 65536},
};

void imp_presence_settings_default(imp_presence_settings *settings, size_t size) {
  size_t known = size < sizeof defaults ? size : sizeof defaults;
  memset(settings, 0, size);
  memcpy(settings, &defaults, known);
  settings->size = size;
}

int imp_presence_settings_read(imp_presence_settings *dst, const imp_presence_settings *src) {
  *dst = defaults;
  if (src != NULL) {
    if (src->size < sizeof src->size) {
      return IMP_ERR_INVALID_ARGUMENT;
    }
    memcpy(dst, src, src->size < sizeof *dst ? src->size : sizeof *dst);
    dst->size = sizeof *dst;
  }
  if (dst->rules == NULL) {
    dst->rules = imp_presence_default_rules(&dst->rules_count);
  }
  return IMP_OK;
}

imp_presence_settings imp_presence_settings_of(const imp_presence_settings *settings) {
  imp_presence_settings s;
  if (imp_presence_settings_read(&s, settings) != IMP_OK) {
    (void)imp_presence_settings_read(&s, NULL);
  }
  return s;
}

static int check_ranges(const imp_presence_settings *s, char *text, size_t textlen) {
  for (size_t i = 0; i < IMP_ARRAY_LEN(ranges); i++) {
    const range *r = &ranges[i];
    uint32_t value;
    memcpy(&value, (const char *)s + r->offset, sizeof value);
    if (value < r->min || value > r->max) {
      snprintf(text, textlen, "presence %s %u: must be %u to %u", r->name, (unsigned)value, (unsigned)r->min,
               (unsigned)r->max);
      return IMP_ERR_RANGE;
    }
  }
  if (s->without_client & ~SHOWN_ALONE) {
    snprintf(text, textlen, "presence without_client %u: must be a set of phone, calendar and host",
             (unsigned)s->without_client);
    return IMP_ERR_RANGE;
  }
  if (s->rules_count > RULES_MAX) {
    snprintf(text, textlen, "presence rules_count %llu: must be 0 to %d", (unsigned long long)s->rules_count, RULES_MAX);
    return IMP_ERR_RANGE;
  }
  return IMP_OK;
}

static int check_rules(const imp_presence_settings *s, char *text, size_t textlen) {
  for (size_t i = 0; i < s->rules_count; i++) {
    if (s->rules->size < sizeof *s->rules) {
      snprintf(text, textlen, "presence rules: size is not set");
      return IMP_ERR_INVALID_ARGUMENT;
    }
    const imp_presence_rule *r =
        (const imp_presence_rule *)(const void *)((const char *)s->rules + i * s->rules->size);
    if (r->size != s->rules->size) {
      snprintf(text, textlen, "presence rule %u: its size differs from that of the first", (unsigned)i);
      return IMP_ERR_INVALID_ARGUMENT;
    }
    if ((r->kinds & ~KINDS) || (r->states & ~STATES) || (r->unless & ~STATES) || r->show_as >= IMP_PRESENCE_STATES) {
      snprintf(text, textlen, "presence rule %u (%s): a kind or state that does not exist", (unsigned)i,
               r->name != NULL ? r->name : "");
      return IMP_ERR_INVALID_ARGUMENT;
    }
  }
  return IMP_OK;
}

int imp_presence_settings_check(const imp_presence_settings *settings, char *text, size_t textlen) {
  imp_presence_settings s;
  char none[1];
  if (text == NULL || textlen == 0) {
    text = none;
    textlen = sizeof none;
  }
  text[0] = '\0';
  if (settings == NULL || imp_presence_settings_read(&s, settings) != IMP_OK) {
    snprintf(text, textlen, "presence settings: size is not set");
    return IMP_ERR_INVALID_ARGUMENT;
  }
  int err = check_ranges(&s, text, textlen);
  return err == IMP_OK ? check_rules(&s, text, textlen) : err;
}
