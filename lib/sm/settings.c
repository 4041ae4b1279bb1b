#include <stdio.h>
#include <string.h>

#include "sm/manager.h"

static const imp_sm_settings defaults = {sizeof(imp_sm_settings), 1,  IMP_SM_PROFILE_STRICT, 60, 100, 1u << 20, 5,
                                         IMP_SM_RETURN,           10, 172800,                100000};

#define KIB ((uint64_t)1024)
#define MIB (1024 * KIB)

typedef struct range {
  const char *name;
  size_t offset, width;
  uint64_t min[2], max[2]; /* strict, lifted */
} range;

#define FIELD(name) #name, offsetof(imp_sm_settings, name), sizeof defaults.name

static const range ranges[] = {
    {FIELD(enabled), {0, 0}, {1, 1}},
    {FIELD(profile), {0, 0}, {IMP_SM_PROFILE_LIFTED, IMP_SM_PROFILE_LIFTED}},
    {FIELD(timeout), {30, 1}, {90, 86400}},
    {FIELD(buffer_packets), {5, 1}, {150, 65536}},
    {FIELD(buffer_bytes), {64 * KIB, 4 * KIB}, {16 * MIB, 1024 * MIB}},
    {FIELD(ack_rate), {1, 1}, {64, 4096}},
    {FIELD(policy), {0, 0}, {IMP_SM_REDIRECT, IMP_SM_REDIRECT}},
    {FIELD(max_hibernated), {1, 1}, {100, 10000}},
    {FIELD(handled_time), {0, 0}, {2592000, 2592000}},
    {FIELD(handled_max), {0, 0}, {10000000, 10000000}},
};

void imp_sm_settings_default(imp_sm_settings *settings, size_t size) {
  size_t known = size < sizeof defaults ? size : sizeof defaults;
  memset(settings, 0, size);
  memcpy(settings, &defaults, known);
  settings->size = size;
}

int imp_sm_settings_read(imp_sm_settings *dst, const imp_sm_settings *src) {
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

static uint64_t value_of(const imp_sm_settings *settings, const range *r) {
  const char *at = (const char *)settings + r->offset;
  uint32_t narrow;
  uint64_t wide;
  if (r->width == sizeof narrow) {
    memcpy(&narrow, at, sizeof narrow);
    return narrow;
  }
  memcpy(&wide, at, sizeof wide);
  return wide;
}

int imp_sm_settings_check(const imp_sm_settings *settings, char *text, size_t textlen) {
  imp_sm_settings s;
  char none[1];
  if (text == NULL || textlen == 0) {
    text = none;
    textlen = sizeof none;
  }
  text[0] = '\0';
  if (settings == NULL || imp_sm_settings_read(&s, settings) != IMP_OK) {
    snprintf(text, textlen, "sm settings: size is not set");
    return IMP_ERR_INVALID_ARGUMENT;
  }
  int lifted = s.profile == IMP_SM_PROFILE_LIFTED;
  for (size_t i = 0; i < IMP_ARRAY_LEN(ranges); i++) {
    const range *r = &ranges[i];
    uint64_t value = value_of(&s, r);
    if (value < r->min[lifted] || value > r->max[lifted]) {
      snprintf(text, textlen, "sm %s %llu: must be %llu to %llu (%s profile)", r->name, (unsigned long long)value,
               (unsigned long long)r->min[lifted], (unsigned long long)r->max[lifted], lifted ? "lifted" : "strict");
      return IMP_ERR_RANGE;
    }
  }
  return IMP_OK;
}
