#include "xml/declaration.h"

#include <string.h>

static const char *skip_space(const char *p, const char *end) {
  while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')) {
    ++p;
  }
  return p;
}

/* name = 'value', after white space. Returns what follows, NULL if it is something else. */
static const char *pseudo_attr(const char *p, const char *end, const char *name, const char **value, size_t *len) {
  size_t namelen = strlen(name);
  const char *start = skip_space(p, end);
  if (start == p || (size_t)(end - start) < namelen || memcmp(start, name, namelen) != 0) {
    return NULL;
  }
  p = skip_space(start + namelen, end);
  if (p == end || *p != '=') {
    return NULL;
  }
  p = skip_space(p + 1, end);
  if (p == end || (*p != '\'' && *p != '"')) {
    return NULL;
  }
  const char *close = memchr(p + 1, *p, (size_t)(end - p - 1));
  if (close == NULL) {
    return NULL;
  }
  *value = p + 1;
  *len = (size_t)(close - p - 1);
  return close + 1;
}

static int is_utf8(const char *s, size_t len) {
  if (len != 5) {
    return 0;
  }
  for (size_t i = 0; i < 5; ++i) {
    char c = s[i] >= 'a' && s[i] <= 'z' ? (char)(s[i] - 'a' + 'A') : s[i];
    if (c != "UTF-8"[i]) {
      return 0;
    }
  }
  return 1;
}

imp_xml_error imp_xml_check_declaration(const char *data, size_t len) {
  const char *end = data + len - 2, *p = data + 5, *value, *next;
  size_t valuelen;
  if (len < 7 || memcmp(data, "<?xml", 5) != 0 || (p < end && skip_space(p, end) == p)) {
    return IMP_XML_RESTRICTED;
  }
  p = pseudo_attr(p, end, "version", &value, &valuelen);
  if (p == NULL || valuelen != 3 || memcmp(value, "1.", 2) != 0 || value[2] < '0' || value[2] > '9') {
    return IMP_XML_NOT_WELL_FORMED;
  }
  next = pseudo_attr(p, end, "encoding", &value, &valuelen);
  if (next != NULL) {
    p = next;
    if (!is_utf8(value, valuelen)) {
      return IMP_XML_UNSUPPORTED_ENCODING;
    }
  }
  next = pseudo_attr(p, end, "standalone", &value, &valuelen);
  p = next != NULL ? next : p;
  return skip_space(p, end) == end ? IMP_XML_OK : IMP_XML_NOT_WELL_FORMED;
}
