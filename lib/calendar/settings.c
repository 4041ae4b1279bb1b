#include <stdio.h>

#include "calendar/calendar.h"

static const imp_calendar_settings defaults = {
    sizeof(imp_calendar_settings), IMP_TENTATIVE_FREE, 0, 1, 1000, 1000000, 8u << 20, 256u << 10, 4000000};

#define FIELD(name) #name, offsetof(imp_calendar_settings, name)

static const struct {
  const char *name;
  size_t offset;
  uint32_t min, max;
} ranges[] = {
    {FIELD(tentative), 0, IMP_TENTATIVE_BUSY},
    {FIELD(subjects), 0, 1},
    {FIELD(notes), 0, 1},
    {FIELD(blocks_max), 10, 10000},
    {FIELD(users_max), 1, 10000000},
    {FIELD(answer_bytes), 64u << 10, 15u << 20},
    {FIELD(event_bytes), 4u << 10, 8u << 20},
    {FIELD(occurrences), 10000, 100000000},
};

void imp_calendar_settings_default(imp_calendar_settings *settings, size_t size) {
  memset(settings, 0, size);
  memcpy(settings, &defaults, size < sizeof defaults ? size : sizeof defaults);
  settings->size = size;
}

int imp_cal_settings_read(imp_calendar_settings *dst, const imp_calendar_settings *src) {
  *dst = defaults;
  if (src != NULL) {
    if (src->size < sizeof src->size) {
      return IMP_ERR_INVALID_ARGUMENT;
    }
    memcpy(dst, src, src->size < sizeof *dst ? src->size : sizeof *dst);
    dst->size = sizeof *dst;
  }
  return IMP_OK;
}

int imp_calendar_settings_check(const imp_calendar_settings *settings, char *text, size_t textlen) {
  imp_calendar_settings s;
  char none[1];
  if (text == NULL || textlen == 0) {
    text = none;
    textlen = sizeof none;
  }
  text[0] = '\0';
  if (settings == NULL || imp_cal_settings_read(&s, settings) != IMP_OK) {
    snprintf(text, textlen, "calendar settings: size is not set");
    return IMP_ERR_INVALID_ARGUMENT;
  }
  for (size_t i = 0; i < IMP_ARRAY_LEN(ranges); i++) {
    uint32_t value;
    memcpy(&value, (const char *)&s + ranges[i].offset, sizeof value);
    if (value < ranges[i].min || value > ranges[i].max) {
      snprintf(text, textlen, "calendar %s %lu: must be %lu to %lu", ranges[i].name, (unsigned long)value,
               (unsigned long)ranges[i].min, (unsigned long)ranges[i].max);
      return IMP_ERR_RANGE;
    }
  }
  return IMP_OK;
}

const char *imp_busy_kind_name(imp_busy_kind kind) {
  static const char *const names[] = {"free", "elsewhere", "tentative", "busy", "out of office"};
  return (unsigned)kind < IMP_ARRAY_LEN(names) ? names[kind] : "unknown";
}
