/* libxml2 without memory: what it delivers then is its own affair, but nothing of ours may crash or leak. */
#include <libxml/parser.h>
#include <string.h>

#include "xml_kit.h"

static unsigned long allocs, fail_at;

/* libxml2's memory: never given back, so that what it leaks itself is no leak of the test's. */
static _Alignas(16) char heap[24 << 20];
static size_t used;

static void *lib_malloc(size_t size) {
  size_t whole = 16 + (size + 15) / 16 * 16;
  if (++allocs == fail_at || whole > sizeof heap - used) {
    return NULL;
  }
  char *p = heap + used;
  used += whole;
  memcpy(p, &size, sizeof size);
  return p + 16;
}

static void *lib_realloc(void *old, size_t size) {
  size_t before = 0;
  void *p = lib_malloc(size);
  if (old != NULL) {
    memcpy(&before, (char *)old - 16, sizeof before);
  }
  return p != NULL && before > 0 ? memcpy(p, old, before < size ? before : size) : p;
}

static char *lib_strdup(const char *s) {
  size_t len = strlen(s) + 1;
  char *p = lib_malloc(len);
  return p != NULL ? memcpy(p, s, len) : NULL;
}

static void lib_free(void *p) { (void)p; }

__attribute__((format(printf, 2, 3))) static void quiet(void *user, const char *format, ...) {
  (void)user;
  (void)format;
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
  static const imp_xml_handler handler = {.on_open = keep, .on_stanza = drop, .on_close = ignore};
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
  fail_at = 0;
  assert_int_equal(talk(), 2);
  allocs = 0;
  assert_int_equal(talk(), 2);
  unsigned long most = allocs;
  assert_true(most > 10);
  for (fail_at = 1; fail_at <= most; ++fail_at) {
    allocs = 0;
    talk();
  }
  fail_at = 0;
  assert_int_equal(talk(), 2);
  assert_true(used < sizeof heap / 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(survives)};
  xmlSetGenericErrorFunc(NULL, quiet); /* errors that belong to no parser */
  xmlMemSetup(lib_free, lib_malloc, lib_realloc, lib_strdup);
  return unit_run("xml_library", tests);
}
