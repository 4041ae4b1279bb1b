#include "node/settings.h"

#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "core/mem.h"

void imp_settings_default(imp_settings *settings, size_t size) {
  imp_settings s;
  memset(&s, 0, sizeof(s));
  s.size = size < sizeof(s) ? size : sizeof(s);
  s.node_name = "";
  s.sm_location = "";
  s.software = "libimp";
  s.mechanisms = IMP_SASL_PLAIN | IMP_SASL_SCRAM_SHA_1 | IMP_SASL_SCRAM_SHA_256 | IMP_SASL_SCRAM_SHA_512 |
                 IMP_SASL_SCRAM_SHA_1_PLUS | IMP_SASL_SCRAM_SHA_256_PLUS | IMP_SASL_SCRAM_SHA_512_PLUS |
                 IMP_SASL_HT_SHA_256_NONE | IMP_SASL_HT_SHA_256_UNIQ | IMP_SASL_HT_SHA_256_ENDP |
                 IMP_SASL_HT_SHA_256_EXPR;
  s.scram_iterations = 10000;
  s.conflict = IMP_CONFLICT_REPLACE;
  s.fast = 1;
  s.max_stanza_bytes = 262144;
  s.max_preauth_stanza_bytes = 16384;
  s.max_preauth_bytes = 65536;
  s.preauth_timeout = 30;
  s.auth_attempts = 5;
  s.max_output_bytes = 1048576;
  s.max_connections = 1000000;
  s.max_preauth_connections = 20000;
  s.max_sessions_per_user = 32;
  s.offline_max = 1000;
  s.op_timeout = 30;
  s.xml_contexts = 256;
  s.log_level = IMP_LOG_INFO;
  memcpy(settings, &s, s.size);
}

/* One row a number: name, place, range. */
typedef struct range_rule {
  const char *name;
  size_t offset;
  uint32_t min, max;
} range_rule;

#define NODE_NAME_MAX 32
#define LOCATION_MAX 270

#define RULE(member, min, max) {#member, offsetof(imp_settings, member), min, max}

static const range_rule rules[] = {
    RULE(scram_iterations, 4096, 10000000),
    RULE(conflict, IMP_CONFLICT_REPLACE, IMP_CONFLICT_RENAME),
    RULE(durable, 0, 1),
    RULE(fast, 0, 1),
    RULE(max_stanza_bytes, 10000, 16u << 20),
    RULE(max_preauth_stanza_bytes, 4096, 262144),
    RULE(max_preauth_bytes, 8192, 1u << 20),
    RULE(preauth_timeout, 1, 300),
    RULE(auth_attempts, 1, 20),
    RULE(max_output_bytes, 65536, 256u << 20),
    RULE(recv_rate, 0, UINT32_MAX),
    RULE(max_connections, 1, 100000000),
    RULE(max_preauth_connections, 1, 100000000),
    RULE(max_sessions_per_user, 1, 1000),
    RULE(offline_max, 0, 1000000),
    RULE(op_timeout, 1, 600),
    RULE(xml_contexts, 2, 4096),
    RULE(log_level, IMP_LOG_ERROR, IMP_LOG_TRACE),
};

static int check_ranges(const imp_settings *s, char *text, size_t textlen) {
  size_t i;
  for (i = 0; i < IMP_ARRAY_LEN(rules); i++) {
    uint32_t value;
    memcpy(&value, (const char *)s + rules[i].offset, sizeof(value));
    if (value < rules[i].min || value > rules[i].max) {
      imp_set_error(text, textlen, "setting %s %u: must be %u to %u", rules[i].name, value, rules[i].min,
                    rules[i].max);
      return IMP_ERR_RANGE;
    }
  }
  return IMP_OK;
}

/* It becomes part of session ids. */
static int check_name(const imp_settings *s, char *text, size_t textlen) {
  static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
  size_t len = s->node_name ? strlen(s->node_name) : 0;
  if (len <= NODE_NAME_MAX && (len == 0 || strspn(s->node_name, allowed) == len)) {
    return IMP_OK;
  }
  imp_set_error(text, textlen, "setting node_name \"%s\": must be at most %d of A-Z a-z 0-9 . _ -", s->node_name,
                NODE_NAME_MAX);
  return IMP_ERR_RANGE;
}

static int check_location(const imp_settings *s, char *text, size_t textlen) {
  size_t i, len = s->sm_location ? strlen(s->sm_location) : 0;
  for (i = 0; i < len && s->sm_location[i] > ' ' && s->sm_location[i] < 0x7f; i++) {
  }
  if (i == len && len <= LOCATION_MAX) {
    return IMP_OK;
  }
  imp_set_error(text, textlen, "setting sm_location: must be at most %d characters of ASCII without spaces", LOCATION_MAX);
  return IMP_ERR_RANGE;
}

static int copy_strings(imp_settings *s, char *text, size_t textlen) {
  const char *domain = s->domain, *name = s->node_name, *software = s->software, *location = s->sm_location;
  s->domain = imp_strdup(domain);
  s->node_name = imp_strdup(name ? name : "");
  s->software = imp_strdup(software ? software : "libimp");
  s->sm_location = imp_strdup(location ? location : "");
  if (!s->domain || !s->node_name || !s->software || !s->sm_location) {
    imp_settings_free(s);
    imp_set_error(text, textlen, "out of memory");
    return IMP_ERR_NOMEM;
  }
  return IMP_OK;
}

int imp_settings_copy(imp_settings *dst, const imp_settings *src, char *text, size_t textlen) {
  int rv;
  size_t size;
  if (src == NULL || src->size < offsetof(imp_settings, node_name)) {
    imp_set_error(text, textlen, "settings: size is not set (use imp_settings_default())");
    return IMP_ERR_INVALID_ARGUMENT;
  }
  size = src->size < sizeof(*dst) ? src->size : sizeof(*dst);
  imp_settings_default(dst, sizeof(*dst));
  memcpy(dst, src, size);
  dst->size = sizeof(*dst);
  if (dst->domain == NULL || dst->domain[0] == '\0') {
    imp_set_error(text, textlen, "setting domain: required");
    return IMP_ERR_INVALID_ARGUMENT;
  }
  rv = check_name(dst, text, textlen);
  if (rv == IMP_OK) {
    rv = check_location(dst, text, textlen);
  }
  if (rv == IMP_OK) {
    rv = check_ranges(dst, text, textlen);
  }
  return rv < 0 ? rv : copy_strings(dst, text, textlen);
}

void imp_settings_free(imp_settings *s) {
  imp_free((void *)(uintptr_t)s->domain);
  imp_free((void *)(uintptr_t)s->node_name);
  imp_free((void *)(uintptr_t)s->software);
  imp_free((void *)(uintptr_t)s->sm_location);
  s->domain = s->node_name = s->software = s->sm_location = NULL;
}
