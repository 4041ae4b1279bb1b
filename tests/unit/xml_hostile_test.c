#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "xml_kit.h"

static xml_kit kit;

/* The same at once and byte by byte, behind a header or not. */
static void expect(const char *text, size_t len, imp_xml_error error) {
  for (int drip = 0; drip < 2; ++drip) {
    imp_xml_stream_reset(&kit.stream);
    int rc = drip ? xkit_drip(&kit, text, len) : imp_xml_stream_feed(&kit.stream, text, len);
    if (rc == IMP_ERR_NOMEM && unit_alloc_failed()) {
      return;
    }
    if (rc >= 0 || imp_xml_stream_error(&kit.stream) != error) {
      fail_msg("%s: %d, %s, not %s (%s)", text, rc, imp_xml_error_condition(imp_xml_stream_error(&kit.stream)),
               imp_xml_error_condition(error), imp_xml_pool_error_text(kit.pool));
    }
    assert_true(strlen(imp_xml_stream_error_text(&kit.stream)) > 4);
    assert_int_equal(imp_xml_stream_feed(&kit.stream, "<a/>", 4), IMP_ERR_MALFORMED);
  }
}

static void refuses_bad_headers(void **state) {
  static const struct {
    const char *text;
    imp_xml_error error;
  } cases[] = {
      {"GET / HTTP/1.1\r\n", IMP_XML_NOT_WELL_FORMED},
      {"\xef\xbb\xbf<stream:stream>", IMP_XML_NOT_WELL_FORMED}, /* byte order mark (RFC 6120 §11.6) */
      {"\xff\xfe<", IMP_XML_UNSUPPORTED_ENCODING},
      {"<?xml version='1.0' encoding='ISO-8859-1'?>", IMP_XML_UNSUPPORTED_ENCODING},
      {"<?xml version='2.0'?>", IMP_XML_NOT_WELL_FORMED},
      {"<?xml encoding='utf-8'?>", IMP_XML_NOT_WELL_FORMED},
      {"<?xml version='1.0' x='y'?>", IMP_XML_NOT_WELL_FORMED},
      {"<?php ?>", IMP_XML_RESTRICTED},
      {"<?xmlx ?>", IMP_XML_RESTRICTED},
      {"<!DOCTYPE a><a>", IMP_XML_RESTRICTED},
      {"<!DOCTYPE a [<!ENTITY b 'ha'><!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'>]><a>&c;</a>", IMP_XML_RESTRICTED},
      {"<!-- --><a>", IMP_XML_RESTRICTED},
      {"</a>", IMP_XML_NOT_WELL_FORMED},
      {"< a>", IMP_XML_NOT_WELL_FORMED},
      {"<stream:stream>", IMP_XML_BAD_NAMESPACE_PREFIX},
      {"<stream/>", IMP_XML_BAD_FORMAT},
      {"<a b=c>", IMP_XML_NOT_WELL_FORMED},
      {"<a b='1' b='2'>", IMP_XML_NOT_WELL_FORMED},
      {"<a b='&c;'>", IMP_XML_RESTRICTED},
      {"<a b='\xc3'>", IMP_XML_UNSUPPORTED_ENCODING},
  };
  (void)state;
  xkit_new(&kit, 4, IMP_FRAMING_TCP);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    expect(cases[i].text, strlen(cases[i].text), cases[i].error);
  }
  assert_log(&kit, "");
}

static void refuses_bad_stanzas(void **state) {
  static const struct {
    const char *text;
    imp_xml_error error;
  } cases[] = {
      {"text", IMP_XML_BAD_FORMAT},
      {"<![CDATA[ ]]>", IMP_XML_RESTRICTED},
      {"<!-- -->", IMP_XML_RESTRICTED},
      {"<?pi ?>", IMP_XML_RESTRICTED},
      {"<?xml version='1.0'?>", IMP_XML_RESTRICTED},
      {"<a><!-- --></a>", IMP_XML_RESTRICTED},
      {"<a><?pi ?></a>", IMP_XML_RESTRICTED},
      {"<a><!DOCTYPE b></a>", IMP_XML_RESTRICTED},
      {"<a>&nbsp;</a>", IMP_XML_RESTRICTED},
      {"<a b='&nbsp;'/>", IMP_XML_RESTRICTED},
      {"<a>&#0;</a>", IMP_XML_NOT_WELL_FORMED},
      {"<a>&#xD800;</a>", IMP_XML_NOT_WELL_FORMED},
      {"<a>&#xFFFFFFFFFFFFFFFFF;</a>", IMP_XML_NOT_WELL_FORMED},
      {"<a>&</a>", IMP_XML_NOT_WELL_FORMED},
      {"<a>]]></a>", IMP_XML_NOT_WELL_FORMED},
      {"<a>\x01</a>", IMP_XML_NOT_WELL_FORMED},
      {"<a>\xff</a>", IMP_XML_UNSUPPORTED_ENCODING},
      {"<a>\xc3</a>", IMP_XML_UNSUPPORTED_ENCODING},
      {"<a>\xed\xa0\x80</a>", IMP_XML_UNSUPPORTED_ENCODING}, /* a surrogate */
      {"<a>\xc0\xaf</a>", IMP_XML_UNSUPPORTED_ENCODING},     /* overlong */
      {"<a b='\xf5\x80\x80\x80'/>", IMP_XML_UNSUPPORTED_ENCODING},
      {"<a><![CDATA[\xff]]></a>", IMP_XML_UNSUPPORTED_ENCODING},
      {"<a><b></a>", IMP_XML_NOT_WELL_FORMED},
      {"<a><b></c>", IMP_XML_NOT_WELL_FORMED}, /* seen before the stanza ends */
      {"<a></b>", IMP_XML_NOT_WELL_FORMED},
      {"<a<", IMP_XML_NOT_WELL_FORMED},
      {"<a b='<", IMP_XML_NOT_WELL_FORMED},
      {"<a></a <", IMP_XML_NOT_WELL_FORMED},
      {"<1/>", IMP_XML_NOT_WELL_FORMED},
      {"<a b='1' b='2'/>", IMP_XML_NOT_WELL_FORMED},
      {"<a xmlns:x='y' xmlns:z='y' x:b='1' z:b='2'/>", IMP_XML_BAD_NAMESPACE_PREFIX},
      {"<x:a/>", IMP_XML_BAD_NAMESPACE_PREFIX},
      {"<a x:b='1'/>", IMP_XML_BAD_NAMESPACE_PREFIX},
      {"<a xmlns:x=''/>", IMP_XML_BAD_NAMESPACE_PREFIX},
      {"<a:b:c/>", IMP_XML_BAD_NAMESPACE_PREFIX},
      {"</a>", IMP_XML_NOT_WELL_FORMED},
      {"</stream:streams>", IMP_XML_NOT_WELL_FORMED},
      {"</stream:stream x>", IMP_XML_NOT_WELL_FORMED},
  };
  char text[400];
  (void)state;
  xkit_new(&kit, 4, IMP_FRAMING_TCP);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    snprintf(text, sizeof text, "%s%s", KIT_HEADER, cases[i].text);
    expect(text, strlen(text), cases[i].error);
  }
  static const char nul[] = KIT_HEADER "<a>\0</a>";
  expect(nul, sizeof nul - 1, IMP_XML_NOT_WELL_FORMED);
}

static void says_what_and_where(void **state) {
  (void)state;
  xkit_new(&kit, 4, IMP_FRAMING_TCP);
  assert_feed(&kit, KIT_HEADER "<ok/>", 0);
  assert_feed(&kit, "<one><two></one>", IMP_ERR_MALFORMED);
  assert_non_null(strstr(imp_xml_stream_error_text(&kit.stream), "mismatch: two"));
  assert_non_null(strstr(imp_xml_stream_error_text(&kit.stream), "(byte 16)"));
  imp_xml_stream_reset(&kit.stream);
  assert_feed(&kit, KIT_HEADER "<a b='\xe9\x07'/>", IMP_ERR_MALFORMED);
  for (const char *p = imp_xml_stream_error_text(&kit.stream); *p != '\0'; ++p) {
    assert_in_range(*p, 0x20, 0x7e);
  }
}

/* ---- bounds ---- */

static char *repeat(const char *before, const char *what, size_t times, const char *after) {
  size_t len = strlen(what);
  char *text = malloc(strlen(before) + len * times + strlen(after) + 1), *p = text;
  assert_non_null(text);
  p = stpcpy(p, before);
  for (size_t i = 0; i < times; ++i, p += len) {
    memcpy(p, what, len);
  }
  stpcpy(p, after);
  return text;
}

static int feed_repeat(const char *before, const char *what, size_t times, const char *after) {
  char *text = repeat(before, what, times, after);
  imp_xml_stream_reset(&kit.stream);
  int rc = xkit_feed(&kit, KIT_HEADER);
  rc = rc == 0 ? xkit_feed(&kit, text) : rc;
  free(text);
  xkit_clear(&kit);
  return rc;
}

static void bounds_depth(void **state) {
  (void)state;
  unit_skip_alloc_fail();
  xkit_new(&kit, 4, IMP_FRAMING_TCP);
  assert_int_equal(feed_repeat("", "<a>", 64, ""), 0);
  assert_int_equal(feed_repeat("", "<a>", 64, "<b/>"), IMP_ERR_TOO_BIG);
  assert_int_equal(imp_xml_stream_error(&kit.stream), IMP_XML_POLICY_VIOLATION);
  assert_int_equal(feed_repeat("", "<a>", 100000, ""), IMP_ERR_TOO_BIG);
}

static void bounds_attributes(void **state) {
  char *text = malloc(40000), *p = text;
  (void)state;
  unit_skip_alloc_fail();
  xkit_new(&kit, 4, IMP_FRAMING_TCP);
  p = stpcpy(p, "<a");
  for (int i = 0; i < 64; ++i) {
    p += snprintf(p, 20, " b%d='c'", i);
  }
  stpcpy(p, "/>");
  assert_int_equal(feed_repeat(text, "", 0, ""), 0);
  stpcpy(p, " d=''/>");
  assert_int_equal(feed_repeat(text, "", 0, ""), IMP_ERR_TOO_BIG);
  assert_int_equal(feed_repeat("<a", " b='c'", 70000, ""), IMP_ERR_TOO_BIG); /* no end yet */
  assert_int_equal(feed_repeat("<a b='", "x", 16000, "'/>"), 0);
  assert_int_equal(feed_repeat("<a b='", "x", 16384, ""), IMP_ERR_TOO_BIG);
  assert_int_equal(feed_repeat("<", "x", 16385, ""), IMP_ERR_TOO_BIG);
  assert_int_equal(feed_repeat("<a></a", " ", 16385, ""), IMP_ERR_TOO_BIG);
  free(text);
}

static void bounds_bytes(void **state) {
  (void)state;
  unit_skip_alloc_fail();
  xkit_new(&kit, 4, IMP_FRAMING_TCP);
  assert_int_equal(feed_repeat("<a>", "x", 262144 - 7, "</a>"), 0);
  assert_int_equal(feed_repeat("<a>", "x", 262144 - 6, "</a>"), IMP_ERR_TOO_BIG);
  assert_int_equal(feed_repeat("<a>", "x", 262144, ""), IMP_ERR_TOO_BIG);
  assert_int_equal(feed_repeat("", " \n", 262144, "<a/>"), 0); /* keepalives are no stanza */
  kit.limits.stanza_bytes = 1000;
  imp_xml_stream_reset(&kit.stream);
  char *text = repeat(KIT_HEADER "<a>", "x", 994, "</a>");
  assert_int_equal(xkit_drip(&kit, text, strlen(text)), IMP_ERR_TOO_BIG);
  free(text);
  text = repeat("<stream:stream to='", "x", 1000, "");
  imp_xml_stream_reset(&kit.stream);
  assert_int_equal(xkit_drip(&kit, text, strlen(text)), IMP_ERR_TOO_BIG); /* headers too */
  free(text);
}

static void bounds_elements(void **state) {
  (void)state;
  unit_skip_alloc_fail();
  xkit_new(&kit, 4, IMP_FRAMING_TCP);
  assert_int_equal(feed_repeat("<a>", "<b/>", 8191, "</a>"), 0);
  assert_int_equal(feed_repeat("<a>", "<b/>", 8192, "</a>"), IMP_ERR_TOO_BIG);
}

static void bounds_namespaces(void **state) {
  char uri[1200];
  (void)state;
  unit_skip_alloc_fail();
  xkit_new(&kit, 4, IMP_FRAMING_TCP);
  assert_int_equal(feed_repeat("<a>", "<b xmlns:c='d' xmlns:e='f'/>", 200, "</a>"), 0); /* out of force again */
  assert_int_equal(
      feed_repeat("<a xmlns:a='b' xmlns:c='d' xmlns:e='f'>", "<b xmlns:c='d' xmlns:e='f' xmlns:g='h'>", 50, ""),
      IMP_ERR_TOO_BIG);
  /* A long namespace is declared anew for each element when written: 8000 times 1 KB are not 64 KB any more. */
  snprintf(uri, sizeof uri, "<a xmlns:x='u:%01000d'>", 0);
  assert_int_equal(feed_repeat(uri, "<x:b/>", 200, "</a>"), 0);
  assert_int_equal(feed_repeat(uri, "<x:b/>", 8000, "</a>"), IMP_ERR_TOO_BIG);
  snprintf(uri, sizeof uri, "<a xmlns='u:%01000d'>", 0);
  assert_int_equal(feed_repeat(uri, "<b/>", 8000, "</a>"), 0); /* inherited: written once */
  assert_int_equal(feed_repeat("<a xmlns='no uri: {}'/>", "", 0, ""), 0);
}

/* ---- time and memory ---- */

static double drip_time(const char *before, const char *what, size_t times, const char *after) {
  char *text = repeat(before, what, times, after);
  double best = 1e9;
  for (int round = 0; round < 3; ++round) {
    imp_xml_stream_reset(&kit.stream);
    assert_feed(&kit, KIT_HEADER, 0);
    clock_t start = clock();
    assert_int_equal(xkit_drip(&kit, text, strlen(text)), 0);
    double took = (double)(clock() - start) / CLOCKS_PER_SEC;
    best = took < best ? took : best;
    xkit_clear(&kit);
  }
  free(text);
  return best;
}

/* Eight times the bytes, one at a time: eight times the work, not sixty-four. */
static void is_linear_in_drips(void **state) {
  static const struct {
    const char *before, *what, *after;
    size_t times;
  } cases[] = {
      {"<a>", "x", "</a>", 30000},       {"<a>", "\xc3\xa9", "</a>", 15000},
      {"<a>", "&amp;", "</a>", 6000},    {"<a><![CDATA[", "]", "]]></a>", 30000},
      {"<a>", "<b>c</b>", "</a>", 1000}, {"<a>", "x<b/>", "</a>", 1000},
      {"<a b='", "x", "'/>", 2000},      {"<", "x", "/>", 2000},
  };
  (void)state;
  unit_skip_alloc_fail();
  xkit_new(&kit, 4, IMP_FRAMING_TCP);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    double one = drip_time(cases[i].before, cases[i].what, cases[i].times, cases[i].after);
    double eight = drip_time(cases[i].before, cases[i].what, 8 * cases[i].times, cases[i].after);
    if (eight > 24 * one + 0.02) {
      fail_msg("%s: %f s, then %f s", cases[i].what, one, eight);
    }
  }
}

/* Names that nobody sends twice fill a dictionary that libxml2 never empties. */
static void forgets_names(void **state) {
  char text[200];
  (void)state;
  unit_skip_alloc_fail();
  xkit_new(&kit, 4, IMP_FRAMING_TCP);
  assert_feed(&kit, KIT_HEADER, 0);
  size_t before = mallinfo2().uordblks;
  for (int i = 0; i < 50000; ++i) {
    snprintf(text, sizeof text, "<name-that-is-long-%d attribute-that-is-long-%d='' xmlns:prefix-%d='namespace-%d'/>",
             i, i, i, i);
    assert_feed(&kit, text, 0);
    xkit_clear(&kit);
  }
  assert_true(mallinfo2().uordblks < before + 500000);
  assert_true(imp_xml_pool_contexts(kit.pool) <= 4);
}

/* What a stanza takes in memory is bounded by its bytes on the wire. */
static void does_not_swell(void **state) {
  static const struct {
    const char *before, *what, *after;
    size_t times;
  } cases[] = {
      {"<a>", "x<b/>", "</a>", 8000},
      {"<a>", "<b/>", "</a>", 8000},
      {"<a>", "&lt;", "</a>", 60000},
      {"<a>", "xxxxxxxxxxxxxxxxxxxxxxxxxx<b/>", "</a>", 8000},
      {"<a>", "<b c='' d='' e=''/>", "</a>", 8000},
  };
  imp_xml_error error;
  (void)state;
  unit_skip_alloc_fail();
  xkit_new(&kit, 4, IMP_FRAMING_TCP);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    char *text = repeat(cases[i].before, cases[i].what, cases[i].times, cases[i].after);
    imp_stanza *st;
    size_t len;
    assert_int_equal(imp_xml_parse_stanza(kit.pool, &kit.limits, text, strlen(text), &st, &error), IMP_OK);
    assert_non_null(imp_stanza_tail(st, &len));
    assert_true(imp_stanza_memory(st) < 30 * strlen(text));
    imp_stanza_del(st);
    free(text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(refuses_bad_headers), cmocka_unit_test(refuses_bad_stanzas),
      cmocka_unit_test(says_what_and_where), cmocka_unit_test(bounds_depth),
      cmocka_unit_test(bounds_attributes),   cmocka_unit_test(bounds_bytes),
      cmocka_unit_test(bounds_elements),     cmocka_unit_test(bounds_namespaces),
      cmocka_unit_test(is_linear_in_drips),  cmocka_unit_test(forgets_names),
      cmocka_unit_test(does_not_swell),
  };
  return unit_run("xml_hostile", tests);
}
