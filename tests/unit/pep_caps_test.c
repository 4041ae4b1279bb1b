/* Entity capabilities: the strings of XEP-0115 §5, and what is ill-formed. */
#include <stdio.h>

#include "alloc_fail.h"
#include "pep/caps.h"
#include "world.h"

#define QUERY(inside) "<query xmlns='http://jabber.org/protocol/disco#info'>" inside "</query>"
#define FEATURES                                                                                                       \
  "<feature var='http://jabber.org/protocol/muc'/><feature var='http://jabber.org/protocol/caps'/>"                    \
  "<feature var='http://jabber.org/protocol/disco#items'/><feature var='http://jabber.org/protocol/disco#info'/>"
#define FIELD(var, values) "<field var='" var "'>" values "</field>"
#define VALUE(v) "<value>" v "</value>"

static imp_stanza *st;

static void free_stanza(void *unused) {
  (void)unused;
  imp_stanza_del(st);
  st = NULL;
}

static int hash_of(const char *xml, const char *algorithm, char *ver) {
  int rv;
  free_stanza(NULL);
  assert_int_equal(imp_stanza_parse(&st, xml, strlen(xml)), IMP_OK);
  rv = imp_caps_hash(imp_stanza_root(st), algorithm, ver);
  free_stanza(NULL);
  return rv;
}

static void examples_of_the_specification(void **state) {
  char ver[96];
  (void)state;
  unit_own(free_stanza, &st);
  assert_int_equal(hash_of(QUERY("<identity category='client' type='pc' name='Exodus 0.9.1'/>" FEATURES), "sha-1", ver),
                   IMP_OK);
  assert_string_equal(ver, "QgayPKawpkPSDYmwT/WM94uAlu0=");
  assert_int_equal(
      hash_of(QUERY("<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>"
                    "<identity xml:lang='el' category='client' name='&#x3a8; 0.11' type='pc'/>" FEATURES
                    "<x xmlns='jabber:x:data' type='result'>"
                    "<field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field>"
                    FIELD("ip_version", VALUE("ipv6") VALUE("ipv4")) FIELD("os", VALUE("Mac"))
                    FIELD("os_version", VALUE("10.5.1")) FIELD("software", VALUE("Psi"))
                    FIELD("software_version", VALUE("0.11")) "</x>"),
              "sha-1", ver),
      IMP_OK);
  assert_string_equal(ver, "q07IKJEyjvHSyhy//CH0CxmKi8w=");
}

static void other_hashes(void **state) {
  char ver[96];
  (void)state;
  unit_own(free_stanza, &st);
  assert_int_equal(hash_of(QUERY(FEATURES), "sha-256", ver), IMP_OK);
  assert_int_equal(strlen(ver), 44);
  assert_int_equal(hash_of(QUERY(FEATURES), "sha-512", ver), IMP_OK);
  assert_int_equal(strlen(ver), 88);
  assert_int_equal(hash_of(QUERY(FEATURES), "md5", ver), IMP_ERR_UNSUPPORTED);
  assert_int_equal(hash_of(QUERY(FEATURES), "", ver), IMP_ERR_UNSUPPORTED);
}

/* §5.4: what is there twice could be somebody else's string. */
static void ill_formed(void **state) {
  char ver[96];
  static const char identity[] = QUERY("<identity category='a' type='b'/><identity type='b' category='a' name=''/>");
  static const char feature[] = QUERY("<feature var='a'/><feature var='b'/><feature var='a'/>");
  static const char form[] =
      QUERY("<x xmlns='jabber:x:data'><field var='FORM_TYPE' type='hidden'><value>a</value></field></x>"
            "<x xmlns='jabber:x:data'><field var='FORM_TYPE' type='hidden'><value>a</value></field></x>");
  (void)state;
  unit_own(free_stanza, &st);
  assert_int_equal(hash_of(identity, "sha-1", ver), IMP_ERR_MALFORMED);
  assert_int_equal(hash_of(feature, "sha-1", ver), IMP_ERR_MALFORMED);
  assert_int_equal(hash_of(form, "sha-1", ver), IMP_ERR_MALFORMED);
}

/* A form whose type is not hidden does not count (§5.4, 3.6). */
static void forms_that_do_not_count(void **state) {
  char with[96], without[96];
  (void)state;
  unit_own(free_stanza, &st);
  assert_int_equal(hash_of(QUERY(FEATURES "<x xmlns='jabber:x:data'><field var='FORM_TYPE'><value>a</value></field></x>"),
                           "sha-1", with),
                   IMP_OK);
  assert_int_equal(hash_of(QUERY(FEATURES), "sha-1", without), IMP_OK);
  assert_string_equal(with, without);
}

static void more_than_is_read(void **state) {
  static char big[80000];
  char ver[96];
  int i, n;
  (void)state;
  unit_skip_alloc_fail();
  unit_own(free_stanza, &st);
  n = snprintf(big, sizeof(big), "<query xmlns='http://jabber.org/protocol/disco#info'>");
  for (i = 0; i < 1100; i++) {
    n += snprintf(big + n, sizeof(big) - (size_t)n, "<feature var='urn:example:%d'/>", i);
  }
  snprintf(big + n, sizeof(big) - (size_t)n, "</query>");
  assert_int_equal(hash_of(big, "sha-1", ver), IMP_ERR_MALFORMED);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(examples_of_the_specification), cmocka_unit_test(other_hashes), cmocka_unit_test(ill_formed),
      cmocka_unit_test(forms_that_do_not_count), cmocka_unit_test(more_than_is_read),
  };
  return unit_run("pep_caps", tests);
}
