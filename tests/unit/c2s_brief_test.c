/* What is told from the text must mean the same as when it is parsed; everything else is left to the parser. */
#include <string.h>

#include "c2s/login.h"
#include "alloc_fail.h"

static int brief(const char *text, uint32_t *h) { return imp_c2s_brief(text, strlen(text), h); }

static void usual_forms(void **state) {
  uint32_t h = 7;
  (void)state;
  assert_int_equal(brief("<r xmlns='urn:xmpp:sm:3'/>", &h), 'r');
  assert_int_equal(brief("<r xmlns=\"urn:xmpp:sm:3\" />", &h), 'r');
  assert_int_equal(h, 7);
  assert_int_equal(brief("<a xmlns='urn:xmpp:sm:3' h='0'/>", &h), 'a');
  assert_int_equal(h, 0);
  assert_int_equal(brief("<a h=\"4294967295\" xmlns='urn:xmpp:sm:3'/>", &h), 'a');
  assert_int_equal(h, UINT32_MAX);
  assert_int_equal(brief("<a xmlns='urn:xmpp:sm:3' h='0000000012' />", &h), 'a');
  assert_int_equal(h, 12);
}

static void everything_else_is_parsed(void **state) {
  static const char *const other[] = {
      "", "<", "<r", "<r/>", "<a/>", "<a>", "<r xmlns='urn:xmpp:sm:2'/>", "<r xmlns='urn:xmpp:sm:3'></r>",
      "<r xmlns='urn:xmpp:sm:3'/> ", "<r xmlns='urn:xmpp:sm:3' h='1'/>", "<a xmlns='urn:xmpp:sm:3'/>",
      "<a xmlns='urn:xmpp:sm:3' h=''/>", "<a xmlns='urn:xmpp:sm:3' h='-1'/>", "<a xmlns='urn:xmpp:sm:3' h='4294967296'/>",
      "<a xmlns='urn:xmpp:sm:3' h='00000000001'/>", "<a xmlns='urn:xmpp:sm:3' h=' 1'/>", "<a xmlns='urn:xmpp:sm:3' h='1' h='1'/>",
      "<a xmlns='urn:xmpp:sm:3' xmlns='urn:xmpp:sm:3' h='1'/>", "<a xmlns='urn:xmpp:sm:3' h='1' x='2'/>",
      "<a xmlns='urn:xmpp:sm:3' h='1\"/>", "<a xmlns='urn:xmpp:sm:3'  h='1'/>", "<a xmlns='urn:xmpp:sm:3' h='1'  />",
      "<a xmlns='urn:xmpp:sm:3' h='1'>", "<a xmlns='urn:xmpp:sm:3' h='&#49;'/>", "<a h='1'/>", "<ab xmlns='urn:xmpp:sm:3' h='1'/>",
      "<a:r xmlns='urn:xmpp:sm:3'/>", "<r xmlns='urn:xmpp:sm:3'", "<r xmlns='", "<r xmlns=", "<r xmlns", "<r =''/>", "<b xmlns='urn:xmpp:sm:3'/>"};
  uint32_t h = 0;
  (void)state;
  for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
    assert_int_equal(brief(other[i], &h), 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(usual_forms),
      cmocka_unit_test(everything_else_is_parsed),
  };
  return unit_run("c2s_brief", tests);
}
