#include <string.h>

#include "xml_kit.h"

static imp_xml_limits limits;

/* The events of a text as letters, in pieces of `step` bytes: d h s c, e for an error; then i if idle, - if not. */
static const char *events(const char *text, unsigned depth, size_t step) {
  static char seen[64];
  size_t n = 0, len = strlen(text);
  imp_xml_scan scan;
  imp_xml_scan_result r;
  imp_xml_limits_default(&limits);
  imp_xml_scan_init(&scan, depth);
  for (size_t at = 0; at < len && n < 60;) {
    size_t piece = len - at < step ? len - at : step;
    imp_xml_scan_event event = imp_xml_scan_next(&scan, &limits, text + at, piece, &r);
    assert_true(r.used <= piece && r.start <= r.used && r.safe <= r.used);
    at += r.used;
    if (event != IMP_XML_SCAN_MORE) {
      seen[n++] = "-dhsce"[event];
    }
    if (event == IMP_XML_SCAN_ERROR) {
      assert_non_null(r.what);
      break;
    }
  }
  seen[n++] = imp_xml_scan_is_idle(&scan) ? 'i' : '-';
  seen[n] = '\0';
  return seen;
}

static void tells_units(void **state) {
  static const struct {
    const char *text;
    unsigned depth;
    const char *events;
  } cases[] = {
      {"", 0, "i"},
      {" \r\n\t", 0, "i"},
      {"<?xml version='1.0'?><s>", 0, "dhi"},
      {"<s a='>' b=\"/>\">", 0, "hi"},
      {"<s", 0, "-"},
      {"<s><a/> <b></b><c>text<d/><e>f</e></c></s>", 0, "hsssci"},
      {"<a/>", 1, "si"},
      {"<a / >", 1, "-"}, /* libxml2 says what is wrong with it */
      {"<a b='/'>", 1, "-"},
      {"<a b='/'/>", 1, "si"},
      {"<a b=''/>", 1, "si"},
      {"<a><![CDATA[</a>]] ></a>", 1, "-"},
      {"<a><![CDATA[</a>]]]]><b/>]]></a>", 1, "si"},
      {"<a><![CDATA[]]]></a>", 1, "si"},
      {"<a>></a>", 1, "si"},
      {"</a>", 1, "ci"},
      {"x", 1, "ei"},
      {"x", 0, "ei"},
      {"<a><!-", 1, "e-"},
      {"<a><!DOCTYPE", 1, "e-"},
      {"<![CDATA[", 1, "e-"},
      {"<?", 1, "e-"},
      {"< ", 1, "e-"},
      {"<a <", 1, "e-"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    for (size_t step = 1; step < 40; ++step) {
      assert_string_equal(events(cases[i].text, cases[i].depth, step), cases[i].events);
    }
  }
}

static void tells_where(void **state) {
  imp_xml_scan scan;
  imp_xml_scan_result r;
  (void)state;
  imp_xml_limits_default(&limits);
  imp_xml_scan_init(&scan, 1);
  assert_int_equal(imp_xml_scan_next(&scan, &limits, "  <a/><b>", 9, &r), IMP_XML_SCAN_STANZA);
  assert_int_equal(r.start, 2);
  assert_int_equal(r.used, 6);
  assert_int_equal(imp_xml_scan_next(&scan, &limits, "<b>text<c/>mo", 13, &r), IMP_XML_SCAN_MORE);
  assert_int_equal(r.start, 0);
  assert_int_equal(r.safe, 11); /* whole tags up to here */
  assert_int_equal(scan.bytes, 13);
  assert_int_equal(imp_xml_scan_next(&scan, &limits, "re</b> ", 7, &r), IMP_XML_SCAN_STANZA);
  assert_int_equal(r.used, 6);
  assert_int_equal(scan.bytes, 19);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(tells_units), cmocka_unit_test(tells_where)};
  return unit_run("xml_scan", tests);
}
