#include "pep/pep.h"

#include <string.h>

#include "pep/caps.h"

void imp_pep_settings_default(imp_pep_settings *settings, size_t size) {
  imp_pep_settings s = {.max_nodes = 64,
                        .max_items = 512,
                        .max_item_bytes = 131072,
                        .max_bytes = 2u << 20,
                        .vcard_bytes = 131072,
                        .private_items = 64,
                        .private_bytes = 262144,
                        .max_accounts = 10000,
                        .max_caps = 1000};
  s.size = size < sizeof(s) ? size : sizeof(s);
  memcpy(settings, &s, s.size);
}

typedef struct range_rule {
  const char *name;
  size_t offset;
  uint32_t min, max;
} range_rule;

#define RULE(member, min, max) {#member, offsetof(imp_pep_settings, member), min, max}

static const range_rule rules[] = {
    RULE(max_nodes, 1, 1000),          RULE(max_items, 1, 10000),     RULE(max_item_bytes, 1024, 16u << 20),
    RULE(max_bytes, 1024, 1u << 30),   RULE(vcard_bytes, 1024, 16u << 20), RULE(private_items, 0, 10000),
    RULE(private_bytes, 1024, 64u << 20), RULE(max_accounts, 1, 1000000), RULE(max_caps, 1, 1000000),
};

int imp_pep_set_settings(imp_node *node, const imp_pep_settings *settings) {
  imp_pep_settings s;
  size_t i;
  imp_pep_settings_default(&s, sizeof(s));
  if (settings == NULL || settings->size < sizeof(size_t)) {
    return imp_node_fail(node, IMP_ERR_INVALID_ARGUMENT, "pep settings: settings are required");
  }
  memcpy(&s, settings, settings->size < sizeof(s) ? settings->size : sizeof(s));
  s.size = sizeof(s);
  for (i = 0; i < IMP_ARRAY_LEN(rules); i++) {
    uint32_t value;
    memcpy(&value, (const char *)&s + rules[i].offset, sizeof(value));
    if (value < rules[i].min || value > rules[i].max) {
      return imp_node_fail(node, IMP_ERR_RANGE, "setting %s %u: must be %u to %u", rules[i].name, (unsigned)value,
                           (unsigned)rules[i].min, (unsigned)rules[i].max);
    }
  }
  imp_pep_of(node)->settings = s;
  return IMP_OK;
}

static void stop(imp_node *node) {
  imp_pep *pep = imp_pep_of(node);
  if (pep == NULL) {
    return;
  }
  while (!imp_list_empty(&pep->jobs)) {
    imp_pep_job_end(IMP_CONTAINER_OF(pep->jobs.next, imp_pep_job, all));
  }
  imp_pep_stop_accounts(pep);
  imp_pep_stop_caps(pep);
  imp_free(pep);
  node->feature[IMP_FEATURE_PEP] = NULL;
}

static int start(imp_node *node) {
  int (*const parts[])(imp_node *) = {imp_pep_start_caps,    imp_pep_start_accounts, imp_pep_start_notify,
                                      imp_pep_start_last,    imp_pep_start_requests, imp_pep_start_disco,
                                      imp_pep_start_private, imp_pep_start_vcards,   imp_pep_start_avatars,
                                      imp_pep_start_host};
  imp_pep *pep = imp_calloc(1, sizeof(*pep));
  size_t i;
  int rv = IMP_OK;
  if (pep == NULL) {
    return IMP_ERR_NOMEM;
  }
  pep->node = node;
  imp_pep_settings_default(&pep->settings, sizeof(pep->settings));
  imp_map_init(&pep->accounts);
  imp_list_init(&pep->lru);
  imp_list_init(&pep->jobs);
  node->feature[IMP_FEATURE_PEP] = pep;
  for (i = 0; rv == IMP_OK && i < IMP_ARRAY_LEN(parts); i++) {
    rv = parts[i](node);
  }
  return rv;
}

const imp_feature imp_feature_pep = {.name = "pep", .start = start, .stop = stop};
