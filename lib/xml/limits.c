#include "core/log.h"
#include "core/mem.h"
#include "xml/parser.h"

static const struct {
  const char *name;
  size_t offset;
  uint32_t fallback, least, most;
} bounds[] = {
    {"stanza_bytes", offsetof(imp_xml_limits, stanza_bytes), 262144, 1000, 16777216},
    {"depth", offsetof(imp_xml_limits, depth), 64, 4, 250},
    {"attributes", offsetof(imp_xml_limits, attributes), 64, 8, 256},
    {"attribute_bytes", offsetof(imp_xml_limits, attribute_bytes), 16384, 1000, 262144},
    {"elements", offsetof(imp_xml_limits, elements), 8192, 16, 131072},
    {"namespaces", offsetof(imp_xml_limits, namespaces), 128, 16, 1024},
};

void imp_xml_limits_default(imp_xml_limits *limits) {
  for (size_t i = 0; i < IMP_ARRAY_LEN(bounds); ++i) {
    memcpy((char *)limits + bounds[i].offset, &bounds[i].fallback, sizeof(uint32_t));
  }
}

int imp_xml_limits_check(const imp_xml_limits *limits, char *text, size_t textcap) {
  for (size_t i = 0; i < IMP_ARRAY_LEN(bounds); ++i) {
    uint32_t value;
    memcpy(&value, (const char *)limits + bounds[i].offset, sizeof value);
    if (value < bounds[i].least || value > bounds[i].most) {
      imp_set_error(text, textcap, "%s is %lu, must be %lu to %lu", bounds[i].name, (unsigned long)value,
                    (unsigned long)bounds[i].least, (unsigned long)bounds[i].most);
      return IMP_ERR_RANGE;
    }
  }
  return IMP_OK;
}

const char *imp_xml_error_condition(imp_xml_error error) {
  static const char *const names[] = {"undefined-condition", "not-well-formed",      "restricted-xml",
                                      "policy-violation",    "unsupported-encoding", "bad-namespace-prefix",
                                      "bad-format",          "internal-server-error"};
  return (size_t)error < IMP_ARRAY_LEN(names) ? names[error] : names[0];
}
