/* XEP-0115 §5.1: identities, features and forms, each sorted, in one string, and its hash. */
#include <stdlib.h>
#include <string.h>

#include "core/codec.h"
#include "pep/caps.h"
#include "sasl/crypto.h"

#define LINES_MAX 1024
#define TEXT_MAX 65536

/* Lines that are to be sorted: identities, features, or fields of a form. */
typedef struct lines {
  char **at;
  size_t count;
} lines;

static void lines_free(lines *l) {
  while (l->count > 0) {
    imp_free(l->at[--l->count]);
  }
  imp_free(l->at);
  l->at = NULL;
}

/* Takes `line` over. */
static int lines_add(lines *l, char *line) {
  if (l->at == NULL) {
    l->at = imp_calloc(LINES_MAX, sizeof(char *));
  }
  if (line == NULL || l->at == NULL || l->count == LINES_MAX) {
    int rv = line != NULL && l->at != NULL ? IMP_ERR_MALFORMED : IMP_ERR_NOMEM;
    imp_free(line);
    return rv;
  }
  l->at[l->count++] = line;
  return IMP_OK;
}

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void lines_sort(lines *l) {
  if (l->count > 1) {
    qsort(l->at, l->count, sizeof(char *), by_bytes);
  }
}

/* Two the same are ill-formed (§5.4, 3.3 and 3.4). */
static int lines_write(lines *l, imp_buf *out, int unique) {
  size_t i;
  int rv = IMP_OK;
  lines_sort(l);
  for (i = 0; i < l->count && rv == IMP_OK; i++) {
    if (unique && i > 0 && strcmp(l->at[i], l->at[i - 1]) == 0) {
      return IMP_ERR_MALFORMED;
    }
    rv = imp_buf_append_str(out, l->at[i]);
    rv = rv < 0 ? rv : imp_buf_append_str(out, "<");
  }
  return rv;
}

static const char *attr(const imp_elem *el, const char *name) {
  const char *value = imp_elem_attr(el, name);
  return value != NULL ? value : "";
}

/* What goes in unescaped may not look like a separator. */
static char *join(const char *const *parts, size_t count) {
  size_t len = 0, i;
  char *line, *p;
  for (i = 0; i < count; i++) {
    len += strlen(parts[i]) + 1;
  }
  p = line = imp_malloc(len);
  for (i = 0; i < count && line != NULL; i++) {
    size_t n = strlen(parts[i]);
    memcpy(p, parts[i], n);
    p += n;
    *p++ = i + 1 < count ? '/' : '\0';
  }
  return line;
}

static int add_identities(const imp_elem *query, imp_buf *out) {
  const imp_elem *el;
  lines l = {0};
  int rv = IMP_OK;
  for (el = imp_elem_first(query); el != NULL && rv == IMP_OK; el = imp_elem_next(el)) {
    if (imp_elem_match(el, "identity", IMP_NS_DISCO_INFO)) {
      const char *lang = imp_elem_attr_ns(el, "lang", IMP_NS_XML);
      const char *parts[] = {attr(el, "category"), attr(el, "type"), lang ? lang : "", attr(el, "name")};
      rv = lines_add(&l, join(parts, 4));
    }
  }
  rv = rv < 0 ? rv : lines_write(&l, out, 1);
  lines_free(&l);
  return rv;
}

static int add_features(const imp_elem *query, imp_buf *out) {
  const imp_elem *el;
  lines l = {0};
  int rv = IMP_OK;
  for (el = imp_elem_first(query); el != NULL && rv == IMP_OK; el = imp_elem_next(el)) {
    if (imp_elem_match(el, "feature", IMP_NS_DISCO_INFO)) {
      rv = lines_add(&l, imp_strdup(attr(el, "var")));
    }
  }
  rv = rv < 0 ? rv : lines_write(&l, out, 1);
  lines_free(&l);
  return rv;
}

/* "var<value<value" with sorted values. */
static int field_line(const imp_elem *field, char **line) {
  const imp_elem *v;
  lines values = {0};
  imp_buf text;
  int rv;
  imp_buf_init(&text, TEXT_MAX);
  rv = imp_buf_append_str(&text, attr(field, "var"));
  rv = rv < 0 ? rv : imp_buf_append_str(&text, "<");
  for (v = imp_elem_first(field); v != NULL && rv == IMP_OK; v = imp_elem_next(v)) {
    if (imp_elem_match(v, "value", IMP_NS_DATA)) {
      rv = lines_add(&values, imp_strdup(imp_elem_text(v, NULL)));
    }
  }
  rv = rv < 0 ? rv : lines_write(&values, &text, 0);
  *line = rv < 0 ? NULL : imp_strndup((const char *)imp_buf_data(&text), imp_buf_len(&text) - 1);
  lines_free(&values);
  imp_buf_reset(&text);
  return rv < 0 ? rv : *line != NULL ? IMP_OK : IMP_ERR_NOMEM;
}

static const char *form_type(const imp_elem *x) {
  const imp_elem *f, *v;
  for (f = imp_elem_first(x); f != NULL; f = imp_elem_next(f)) {
    if (imp_elem_match(f, "field", IMP_NS_DATA) && strcmp(attr(f, "var"), "FORM_TYPE") == 0) {
      v = imp_elem_child(f, "value", IMP_NS_DATA);
      return v != NULL && strcmp(attr(f, "type"), "hidden") == 0 ? imp_elem_text(v, NULL) : NULL;
    }
  }
  return NULL;
}

/* "FORM_TYPE<field<field" */
static int form_line(const imp_elem *x, char **line) {
  const imp_elem *f;
  lines fields = {0};
  imp_buf text;
  char *one;
  int rv;
  imp_buf_init(&text, TEXT_MAX);
  rv = imp_buf_append_str(&text, form_type(x));
  rv = rv < 0 ? rv : imp_buf_append_str(&text, "<");
  for (f = imp_elem_first(x); f != NULL && rv == IMP_OK; f = imp_elem_next(f)) {
    if (imp_elem_match(f, "field", IMP_NS_DATA) && strcmp(attr(f, "var"), "FORM_TYPE") != 0) {
      rv = field_line(f, &one);
      rv = rv < 0 ? rv : lines_add(&fields, one);
    }
  }
  rv = rv < 0 ? rv : lines_write(&fields, &text, 0);
  *line = rv < 0 ? NULL : imp_strndup((const char *)imp_buf_data(&text), imp_buf_len(&text) - 1);
  lines_free(&fields);
  imp_buf_reset(&text);
  return rv < 0 ? rv : *line != NULL ? IMP_OK : IMP_ERR_NOMEM;
}

static int add_forms(const imp_elem *query, imp_buf *out) {
  const imp_elem *el;
  lines l = {0};
  char *line;
  int rv = IMP_OK;
  for (el = imp_elem_first(query); el != NULL && rv == IMP_OK; el = imp_elem_next(el)) {
    if (imp_elem_match(el, "x", IMP_NS_DATA) && form_type(el) != NULL) {
      rv = form_line(el, &line);
      rv = rv < 0 ? rv : lines_add(&l, line);
    }
  }
  rv = rv < 0 ? rv : lines_write(&l, out, 1);
  lines_free(&l);
  return rv;
}

/* XEP-0300's names, as IANA writes them. */
static const imp_digest *digest_of(const char *algorithm) {
  static const struct {
    const char *name, *ours;
  } names[] = {{"sha-1", "SHA-1"}, {"sha-256", "SHA-256"}, {"sha-512", "SHA-512"}};
  size_t i;
  for (i = 0; i < IMP_ARRAY_LEN(names); i++) {
    if (strcmp(algorithm, names[i].name) == 0) {
      return imp_digest_by_name(names[i].ours, strlen(names[i].ours));
    }
  }
  return NULL;
}

int imp_caps_hash(const imp_elem *query, const char *algorithm, char *ver) {
  const imp_digest *digest = digest_of(algorithm);
  uint8_t hash[IMP_DIGEST_MAX];
  imp_buf text;
  int rv;
  if (digest == NULL) {
    return IMP_ERR_UNSUPPORTED;
  }
  imp_buf_init(&text, TEXT_MAX);
  rv = add_identities(query, &text);
  rv = rv < 0 ? rv : add_features(query, &text);
  rv = rv < 0 ? rv : add_forms(query, &text);
  rv = rv < 0 ? rv : imp_digest_hash(digest, imp_buf_data(&text), imp_buf_len(&text), hash);
  imp_buf_reset(&text);
  if (rv == IMP_OK) {
    (void)imp_base64_encode(ver, hash, digest->len);
  }
  return rv == IMP_ERR_TOO_BIG ? IMP_ERR_MALFORMED : rv;
}
