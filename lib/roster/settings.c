#include <string.h>

#include "roster/internal.h"

void imp_roster_settings_default(imp_roster_settings *settings, size_t size) {
  static const imp_roster_settings defaults = {.max_items = 1000,
                                               .max_bytes = 262144,
                                               .max_name_bytes = 256,
                                               .max_groups = 32,
                                               .max_group_bytes = 256,
                                               .max_requests = 200,
                                               .max_request_bytes = 2048,
                                               .max_blocked = 1000,
                                               .max_directed = 500};
  size_t n = size < sizeof(defaults) ? size : sizeof(defaults);
  memset(settings, 0, size);
  memcpy(settings, &defaults, n);
  settings->size = size;
}

#define RANGE(member, low, high)                                                                                       \
  { #member, offsetof(imp_roster_settings, member), low, high }

static const struct {
  const char *name;
  size_t offset;
  uint32_t low, high;
} ranges[] = {RANGE(max_items, 0, 100000),        RANGE(max_bytes, 1024, 16777216), RANGE(max_name_bytes, 0, 1023),
              RANGE(max_groups, 0, 1000),         RANGE(max_group_bytes, 1, 1023),  RANGE(max_requests, 1, 10000),
              RANGE(max_request_bytes, 0, 65536), RANGE(max_blocked, 0, 10000),     RANGE(max_directed, 0, 10000)};

int imp_roster_set_settings(imp_node *node, const imp_roster_settings *settings) {
  imp_roster_settings wanted;
  size_t i;
  imp_roster_settings_default(&wanted, sizeof(wanted));
  memcpy(&wanted, settings, settings->size < sizeof(wanted) ? settings->size : sizeof(wanted));
  wanted.size = sizeof(wanted);
  for (i = 0; i < IMP_ARRAY_LEN(ranges); i++) {
    uint32_t value;
    memcpy(&value, (const char *)&wanted + ranges[i].offset, sizeof(value));
    if (value < ranges[i].low || value > ranges[i].high) {
      return imp_node_fail(node, IMP_ERR_INVALID_ARGUMENT, "setting %s: %u is not in %u–%u", ranges[i].name,
                           (unsigned)value, (unsigned)ranges[i].low, (unsigned)ranges[i].high);
    }
  }
  imp_rosters_of(node)->settings = wanted;
  return IMP_OK;
}
