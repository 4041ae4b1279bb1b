#include "xml/context.h"
#include "xml/declaration.h"

/* Whole documents: a scanner from start to end, then one context for one stanza. */

static int fail(imp_xml_pool *pool, imp_xml_error *out, imp_xml_error error, const char *what, size_t where) {
  imp_xml_pool_set_error(pool, what, where);
  *out = error;
  return error == IMP_XML_POLICY_VIOLATION ? IMP_ERR_TOO_BIG : IMP_ERR_MALFORMED;
}

static size_t skip_space(const char *data, size_t len) {
  size_t i = 0;
  while (i < len && strchr(" \t\r\n", data[i]) != NULL && data[i] != '\0') {
    ++i;
  }
  return i;
}

static int skip_declaration(const char **data, size_t *len, imp_xml_error *error) {
  size_t space = skip_space(*data, *len);
  *data += space;
  *len -= space;
  if (*len < 5 || memcmp(*data, "<?xml", 5) != 0) {
    return IMP_OK;
  }
  const char *gt = memchr(*data, '>', *len < 256 ? *len : 256);
  if (gt == NULL || gt[-1] != '?') {
    *error = IMP_XML_NOT_WELL_FORMED;
    return IMP_ERR_MALFORMED;
  }
  *error = imp_xml_check_declaration(*data, (size_t)(gt + 1 - *data));
  *len -= (size_t)(gt + 1 - *data);
  *data = gt + 1;
  return *error == IMP_XML_OK ? IMP_OK : IMP_ERR_MALFORMED;
}

/* Exactly one element, nothing but white space around it. */
static int find_element(imp_xml_pool *pool, const imp_xml_limits *limits, const char **data, size_t *len,
                        imp_xml_error *error) {
  imp_xml_scan scan;
  imp_xml_scan_result r;
  imp_xml_scan_init(&scan, 1);
  imp_xml_scan_event event = imp_xml_scan_next(&scan, limits, *data, *len, &r);
  if (event == IMP_XML_SCAN_ERROR) {
    return fail(pool, error, r.error, r.what, r.used);
  }
  if (event != IMP_XML_SCAN_STANZA) {
    return fail(pool, error, IMP_XML_NOT_WELL_FORMED, "document not complete", r.used);
  }
  if (r.used + skip_space(*data + r.used, *len - r.used) != *len) {
    return fail(pool, error, IMP_XML_NOT_WELL_FORMED, "more behind the document's element", r.used);
  }
  *data += r.start;
  *len = r.used - r.start;
  return IMP_OK;
}

static int parse_element(imp_xml_pool *pool, const imp_xml_limits *limits, const char *data, size_t len,
                         uint8_t content, imp_stanza **st, imp_xml_error *error) {
  int err;
  imp_xml_ctx *ctx = imp_xml_pool_take(pool, limits, content, NULL, 0, &err);
  if (ctx != NULL) {
    err = imp_xml_ctx_parse(ctx, data, len, st);
    *error = (imp_xml_error)ctx->error;
    imp_xml_pool_put(pool, ctx, err == IMP_OK);
  }
  if (err != IMP_OK && *error == IMP_XML_OK) {
    fail(pool, error, IMP_XML_INTERNAL, "out of memory", 0);
    return IMP_ERR_NOMEM;
  }
  return *error == IMP_XML_POLICY_VIOLATION ? IMP_ERR_TOO_BIG : err;
}

static int parse(imp_xml_pool *pool, const imp_xml_limits *limits, const char *data, size_t len, uint8_t content,
                 imp_stanza **st, imp_xml_error *error) {
  imp_xml_error ignored;
  error = error != NULL ? error : &ignored;
  *error = IMP_XML_OK;
  const char *nul = len > 0 ? memchr(data, '\0', len) : NULL;
  if (nul != NULL) {
    return fail(pool, error, IMP_XML_NOT_WELL_FORMED, "NUL byte", (size_t)(nul - data));
  }
  if (skip_declaration(&data, &len, error) != IMP_OK) {
    return fail(pool, error, *error, "XML declaration not acceptable", 0);
  }
  int err = find_element(pool, limits, &data, &len, error);
  return err == IMP_OK ? parse_element(pool, limits, data, len, content, st, error) : err;
}

int imp_xml_parse_document(imp_xml_pool *pool, const imp_xml_limits *limits, const void *data, size_t len,
                           imp_stanza **st, imp_xml_error *error) {
  return parse(pool, limits, data, len, IMP_CONTENT_BARE, st, error);
}

int imp_xml_parse_stanza(imp_xml_pool *pool, const imp_xml_limits *limits, const void *data, size_t len,
                         imp_stanza **st, imp_xml_error *error) {
  return parse(pool, limits, data, len, IMP_CONTENT_CLIENT, st, error);
}

int imp_stanza_parse(imp_stanza **st, const char *text, size_t textlen) {
  imp_xml_limits limits;
  imp_xml_pool *pool;
  imp_xml_limits_default(&limits);
  int err = imp_xml_pool_new(&pool, 2, NULL);
  if (err == IMP_OK) {
    err = imp_xml_parse_stanza(pool, &limits, text, textlen, st, NULL);
    imp_xml_pool_del(pool);
  }
  return err;
}
