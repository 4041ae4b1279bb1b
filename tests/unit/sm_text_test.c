/* The elements as a host writes them, and the attributes as clients do. */
#include <string.h>

#include "sm_kit.h"

#define ROMEO "romeo@example.net"
#define XMLNS "xmlns='urn:xmpp:sm:3'"

static char text[IMP_SM_TEXT_MAX];

static void check(size_t len, const char *expected) {
  assert_string_equal(text, expected);
  assert_int_equal(len, strlen(expected));
}

static imp_sm *stored(kit *k) {
  imp_sm_state s = {sizeof s, "node1.abc", ROMEO, 0xffffffffu, 5, 5, 45, 0, 5};
  imp_sm *sm = NULL;
  assert_int_equal(imp_sm_restore(k->m, &sm, &s, k->now, NULL), IMP_OK);
  kit_keep(k, sm);
  return sm;
}

static void enabled(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = stored(k);
  check(imp_sm_write_enabled(sm, NULL, text), "<enabled " XMLNS " id='node1.abc' resume='true' max='45'/>");
  check(imp_sm_write_enabled(sm, "[2001:db8::1]:9222", text),
        "<enabled " XMLNS " id='node1.abc' resume='true' max='45' location='[2001:db8::1]:9222'/>");
}

static void enabled_without_resumption_has_no_attributes(void **state) {
  KIT(k);
  kit_start(k);
  check(imp_sm_write_enabled(kit_new_with(k, ROMEO, 0, 30), "example.net:5222", text), "<enabled " XMLNS "/>");
}

static void a_location_is_escaped(void **state) {
  KIT(k);
  kit_start(k);
  check(imp_sm_write_enabled(stored(k), "a'b\"c<d>e&f", text),
        "<enabled " XMLNS " id='node1.abc' resume='true' max='45' location='a&apos;b&quot;c&lt;d&gt;e&amp;f'/>");
}

static void a_location_that_does_not_fit_is_left_out(void **state) {
  KIT(k);
  char location[600];
  const char *without = "<enabled " XMLNS " id='node1.abc' resume='true' max='45'/>";
  kit_start(k);
  imp_sm *sm = stored(k);
  size_t fits = IMP_SM_TEXT_MAX - 1 - strlen(without) - strlen(" location=''");
  for (size_t len = 0; len < sizeof location; len++) {
    memset(location, 'x', len);
    location[len] = '\0';
    size_t written = imp_sm_write_enabled(sm, location, text);
    assert_int_equal(written, strlen(text));
    assert_string_equal(text + written - 2, "/>");
    assert_int_equal(strstr(text, "location") != NULL, len <= fits);
  }
  memset(location, '&', sizeof location - 1);
  location[sizeof location - 1] = '\0';
  check(imp_sm_write_enabled(sm, location, text), without);
}

static void resumed_and_a_tell_the_count(void **state) {
  KIT(k);
  kit_start(k);
  imp_sm *sm = stored(k);
  check(imp_sm_write_resumed(sm, text), "<resumed " XMLNS " previd='node1.abc' h='4294967295'/>");
  check(imp_sm_write_a(sm, text), "<a " XMLNS " h='4294967295'/>");
  imp_sm_received(sm);
  check(imp_sm_write_a(sm, text), "<a " XMLNS " h='0'/>");
}

static void failed_tells_what_was_handled_if_known(void **state) {
  (void)state;
  check(imp_sm_write_failed("item-not-found", 1, 42, text),
        "<failed " XMLNS " h='42'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>");
  check(imp_sm_write_failed("unexpected-request", 0, 42, text),
        "<failed " XMLNS "><unexpected-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>");
}

static void r_and_too_high(void **state) {
  (void)state;
  check(imp_sm_write_r(text), "<r " XMLNS "/>");
  check(imp_sm_write_too_high(10, 8, text), "<handled-count-too-high " XMLNS " h='10' send-count='8'/>");
}

static void the_longest_id_fits(void **state) {
  KIT(k);
  imp_sm *sm = NULL;
  char id[IMP_SM_ID_MAX + 1];
  imp_sm_state s = {sizeof s, id, ROMEO, UINT32_MAX, 5, 5, UINT32_MAX, 0, 5};
  kit_start(k);
  memset(id, 'x', IMP_SM_ID_MAX);
  id[IMP_SM_ID_MAX] = '\0';
  assert_int_equal(imp_sm_restore(k->m, &sm, &s, k->now, NULL), IMP_OK);
  kit_keep(k, sm);
  assert_int_equal(imp_sm_write_resumed(sm, text), strlen("<resumed " XMLNS " previd='' h='4294967295'/>") + IMP_SM_ID_MAX);
  assert_true(imp_sm_write_enabled(sm, "example.net:5222", text) < IMP_SM_TEXT_MAX);
  assert_non_null(strstr(text, "max='4294967295' location='example.net:5222'/>"));
}

static void h_is_an_unsigned_int(void **state) {
  static const struct {
    const char *text;
    uint32_t h;
  } good[] = {{"0", 0}, {"1", 1}, {"4294967295", UINT32_MAX}, {"007", 7}, {" 5\n", 5}, {"\t12 ", 12},
              {"00000000000000000000000000000000000000009", 9}};
  static const char *const bad[] = {"",    " ",    "-1",         "+1",          "1.0",                "0x10", "1 2", "a",
                                    "12a", "1e3",  "4294967296", "42949672950", "99999999999999999999999999", "\xc2\xa0" "1",
                                    "\xef\xbc\x91", "NaN"};
  uint32_t h = 77;
  (void)state;
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    assert_int_equal(imp_sm_parse_h(good[i].text, &h), IMP_OK);
    assert_int_equal(h, good[i].h);
  }
  h = 77;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    assert_int_equal(imp_sm_parse_h(bad[i], &h), IMP_ERR_MALFORMED);
  }
  assert_int_equal(imp_sm_parse_h(NULL, &h), IMP_ERR_MALFORMED);
  assert_int_equal(h, 77);
}

static void resume_false_means_false(void **state) {
  (void)state;
  assert_true(imp_sm_parse_resume("true"));
  assert_true(imp_sm_parse_resume("1"));
  assert_true(imp_sm_parse_resume(" true "));
  assert_false(imp_sm_parse_resume("false"));
  assert_false(imp_sm_parse_resume("0"));
  assert_false(imp_sm_parse_resume(""));
  assert_false(imp_sm_parse_resume("TRUE"));
  assert_false(imp_sm_parse_resume("yes"));
  assert_false(imp_sm_parse_resume("truee"));
  assert_false(imp_sm_parse_resume("11"));
  assert_false(imp_sm_parse_resume(NULL));
}

static void max_is_a_wish(void **state) {
  (void)state;
  assert_int_equal(imp_sm_parse_max("30"), 30);
  assert_int_equal(imp_sm_parse_max("4294967295"), UINT32_MAX);
  assert_int_equal(imp_sm_parse_max("4294967296"), UINT32_MAX);
  assert_int_equal(imp_sm_parse_max("999999999999999999999999"), UINT32_MAX);
  assert_int_equal(imp_sm_parse_max("0"), 0);
  assert_int_equal(imp_sm_parse_max("-5"), 0);
  assert_int_equal(imp_sm_parse_max("soon"), 0);
  assert_int_equal(imp_sm_parse_max(""), 0);
  assert_int_equal(imp_sm_parse_max(NULL), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(enabled),
      cmocka_unit_test(enabled_without_resumption_has_no_attributes),
      cmocka_unit_test(a_location_is_escaped),
      cmocka_unit_test(a_location_that_does_not_fit_is_left_out),
      cmocka_unit_test(resumed_and_a_tell_the_count),
      cmocka_unit_test(failed_tells_what_was_handled_if_known),
      cmocka_unit_test(r_and_too_high),
      cmocka_unit_test(the_longest_id_fits),
      cmocka_unit_test(h_is_an_unsigned_int),
      cmocka_unit_test(resume_false_means_false),
      cmocka_unit_test(max_is_a_wish),
  };
  return unit_run("sm_text", tests);
}
