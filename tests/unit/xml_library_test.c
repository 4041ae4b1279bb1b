/* libxml2 without memory: what it delivers then is its own affair, but nothing of ours may crash or leak. */
#include <libxml/parser.h>
#include <stdlib.h>
#include <string.h>

#include "xml_kit.h"

static unsigned long allocs, fail_at;
static long live;

static int fails(void) { return ++allocs == fail_at; }

static void *lib_malloc(size_t size) {
  void *p = fails() ? NULL : malloc(size);
  live += p != NULL;
  return p;
}

static void *lib_realloc(void *old, size_t size) {
  void *p = fails() ? NULL : realloc(old, size);
  live += p != NULL && old == NULL;
  return p;
}

static char *lib_strdup(const char *s) {
  size_t len = strlen(s) + 1;
  char *p = lib_malloc(len);
  return p != NULL ? memcpy(p, s, len) : NULL;
}

static void lib_free(void *p) {
  live -= p != NULL;
  free(p);
}

static int drop(void *ctx, imp_stanza *st) {
  ++*(int *)ctx;
  imp_stanza_del(st);
  return 0;
}

static int keep(void *ctx, imp_stanza *header) {
  (void)header;
  return *(int *)ctx < 0;
}

static int ignore(void *ctx) {
  (void)ctx;
  return 0;
}

/* Returns how many stanzas came. */
static int talk(void) {
  static const imp_xml_handler handler = {keep, drop, ignore};
  static const char *const pieces[] = {
      KIT_HEADER, "<message to='a@b' xmlns:x='y:z' x:a='&lt;&#10;'><body>a&amp;b<![CDATA[c]]></body>",
      "<q xmlns='r:s'><t/></q></message>", "<unknown-name unknown-attribute=''/>", "</stream:stream>"};
  imp_xml_pool *pool;
  imp_xml_limits limits;
  imp_xml_stream stream;
  int count = 0, rc = 0;
  assert_int_equal(imp_xml_pool_new(&pool, 2, NULL), IMP_OK);
  imp_xml_limits_default(&limits);
  imp_xml_stream_init(&stream, pool, &limits, &handler, &count, IMP_FRAMING_TCP);
  for (size_t i = 0; i < 5 && rc == 0; ++i) {
    rc = imp_xml_stream_feed(&stream, pieces[i], strlen(pieces[i]));
  }
  assert_true(rc == 0 || rc == IMP_ERR_NOMEM || rc == IMP_ERR_MALFORMED);
  imp_xml_stream_reset(&stream);
  imp_xml_pool_del(pool);
  return count;
}

static void survives(void **state) {
  (void)state;
  unit_skip_alloc_fail();
  fail_at = 0;
  assert_int_equal(talk(), 2);
  allocs = 0;
  assert_int_equal(talk(), 2);
  unsigned long most = allocs;
  long before = live;
  assert_true(most > 10);
  for (fail_at = 1; fail_at <= most; ++fail_at) {
    allocs = 0;
    talk();
    assert_int_equal(live, before);
  }
  fail_at = 0;
  assert_int_equal(talk(), 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(survives)};
  xmlMemSetup(lib_free, lib_malloc, lib_realloc, lib_strdup);
  return unit_run("xml_library", tests);
}
