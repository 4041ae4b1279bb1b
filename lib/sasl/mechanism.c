#include "sasl/mechanism.h"

#include <string.h>

#include "core/mem.h"

#define SCRAM(hash, id) \
  {"SCRAM-" hash, hash, IMP_SASL_SCRAM_##id, IMP_FAMILY_SCRAM, 0, 0, IMP_BINDING_NONE}
#define PLUS(hash, id) \
  {"SCRAM-" hash "-PLUS", hash, IMP_SASL_SCRAM_##id##_PLUS, IMP_FAMILY_SCRAM, 1, 1, IMP_BINDING_NONE}
#define HT(suffix, id, binding) \
  {"HT-SHA-256-" suffix, "SHA-256", IMP_SASL_HT_SHA_256_##id, IMP_FAMILY_HT, 0, 1, binding}
#define OTHER(name, tls) \
  {#name, NULL, IMP_SASL_##name, IMP_FAMILY_##name, 0, tls, IMP_BINDING_NONE}

const imp_mechanism imp_mechanisms[] = {
    OTHER(EXTERNAL, 1),
    PLUS("SHA-512", SHA_512),
    PLUS("SHA-256", SHA_256),
    PLUS("SHA-1", SHA_1),
    SCRAM("SHA-512", SHA_512),
    SCRAM("SHA-256", SHA_256),
    SCRAM("SHA-1", SHA_1),
    OTHER(OAUTHBEARER, 1),
    OTHER(PLAIN, 1),
    OTHER(ANONYMOUS, 0),
    HT("EXPR", EXPR, IMP_BINDING_EXPORTER),
    HT("ENDP", ENDP, IMP_BINDING_ENDPOINT),
    HT("UNIQ", UNIQ, IMP_BINDING_UNIQUE),
    HT("NONE", NONE, IMP_BINDING_NONE),
};

const size_t imp_mechanism_count = IMP_ARRAY_LEN(imp_mechanisms);

/* Best first. tls-unique last: broken in TLS before extended master secrets (RFC 7627), absent in 1.3. */
static const struct {
  const char *name;
  imp_binding_type type;
} bindings[] = {
    {"tls-exporter", IMP_BINDING_EXPORTER},
    {"tls-server-end-point", IMP_BINDING_ENDPOINT},
    {"tls-unique", IMP_BINDING_UNIQUE},
};

const imp_mechanism *imp_mechanism_by_bit(uint32_t bit) {
  size_t i;
  for (i = 0; i < imp_mechanism_count; i++) {
    if (imp_mechanisms[i].bit == bit) {
      return &imp_mechanisms[i];
    }
  }
  return NULL;
}

const char *imp_sasl_mechanism_name(uint32_t mechanism) {
  const imp_mechanism *mech = imp_mechanism_by_bit(mechanism);
  return mech != NULL ? mech->name : NULL;
}

uint32_t imp_sasl_mechanism_by_name(const char *name, size_t namelen) {
  size_t i;
  for (i = 0; i < imp_mechanism_count; i++) {
    if (strlen(imp_mechanisms[i].name) == namelen && memcmp(imp_mechanisms[i].name, name, namelen) == 0) {
      return imp_mechanisms[i].bit;
    }
  }
  return 0;
}

imp_binding_type imp_binding_type_by_name(const char *name, size_t namelen) {
  size_t i;
  for (i = 0; i < IMP_ARRAY_LEN(bindings); i++) {
    if (strlen(bindings[i].name) == namelen && memcmp(bindings[i].name, name, namelen) == 0) {
      return bindings[i].type;
    }
  }
  return IMP_BINDING_NONE;
}

const void *imp_binding_data(const imp_channel_binding *binding, imp_binding_type type, size_t *len) {
  *len = 0;
  if (binding == NULL) {
    return NULL;
  }
  switch (type) {
    case IMP_BINDING_EXPORTER:
      *len = binding->tls_exporter_len;
      return binding->tls_exporter;
    case IMP_BINDING_ENDPOINT:
      *len = binding->tls_server_end_point_len;
      return binding->tls_server_end_point;
    case IMP_BINDING_UNIQUE:
      *len = binding->tls_unique_len;
      return binding->tls_unique;
    case IMP_BINDING_NONE:
      break;
  }
  return NULL;
}

size_t imp_channel_binding_types(const imp_channel_binding *binding, const char *types[3]) {
  size_t i, len, count = 0;
  for (i = 0; i < IMP_ARRAY_LEN(bindings); i++) {
    if (imp_binding_data(binding, bindings[i].type, &len) != NULL) {
      types[count++] = bindings[i].name;
    }
  }
  return count;
}

int imp_mechanism_possible(const imp_mechanism *mech, const imp_channel_binding *binding) {
  const char *types[3];
  size_t len;
  if (mech->tls && binding == NULL) {
    return 0;
  }
  if (mech->plus) {
    return imp_channel_binding_types(binding, types) > 0;
  }
  return mech->binding == IMP_BINDING_NONE || imp_binding_data(binding, mech->binding, &len) != NULL;
}
