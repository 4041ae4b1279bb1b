#include <stdio.h>
#include <string.h>

#include "xml/ip6.h"
#include "xml/jid.h"
#include "xml_kit.h"

static void prepares(void **state) {
  static const struct {
    const char *text, *full;
  } cases[] = {
      {"a.example", "a.example"},
      {"A.Example.", "a.example"},
      {"romeo@a.example", "romeo@a.example"},
      {"Romeo@A.EXAMPLE/Orchard", "romeo@a.example/Orchard"},
      {"romeo@a.example/a@b/c d", "romeo@a.example/a@b/c d"},
      {"a.example/r", "a.example/r"},
      {"j\\20q!#$%()*+,-.;=?[]^_`{|}~@a.example", "j\\20q!#$%()*+,-.;=?[]^_`{|}~@a.example"},
      {"under_score@my_host.example", "under_score@my_host.example"},
      {"a@127.0.0.1/x", "a@127.0.0.1/x"},
      {"a@[::1]/x", "a@[::1]/x"},
      {"a@[2001:0DB8:0:0:0:0:0:1]", "a@[2001:db8::1]"},
      {"[::ffff:192.0.2.1]", "[::ffff:c000:201]"},
      {"STRASSE@a.example", "strasse@a.example"},
      {"Straße@a.example", "strasse@a.example"}, /* nodeprep folds */
      {"ÉLODIE@a.example", "élodie@a.example"},
      {"e\xcc\x81lodie@a.example", "élodie@a.example"}, /* and normalises */
      {"a@a.example/E\xcc\x81", "a@a.example/É"},       /* resources keep their case */
      {"a@BÜCHER.example", "a@bücher.example"},
      {"a@xn--bcher-kva.example", "a@bücher.example"}, /* one address, however it is written */
      {"a@bücher。example", "a@bücher.example"},       /* the ideographic full stop */
      {"用户@例子.example/资源", "用户@例子.example/资源"},
      {"a\xc2\xad"
       "b@a.example",
       "ab@a.example"}, /* mapped to nothing */
      {"a@a.example/\xf0\x9f\x90\xa7", "a@a.example/\xf0\x9f\x90\xa7"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    imp_jid *jid = xkit_jid(cases[i].text);
    assert_string_equal(imp_jid_full(jid), cases[i].full);
    assert_true(imp_jid_equal(xkit_jid(cases[i].full), jid));
  }
}

static void refuses(void **state) {
  static const char *const cases[] = {
      "",
      "@a.example",
      "a@",
      "a@/r",
      "/r",
      "a@b/",
      "a.example/",
      "a@b@c",
      "a b@c",
      "a\"b@c",
      "a&b@c",
      "a'b@c",
      "a:b@c",
      "a<b@c",
      "a>b@c",
      "a\tb@c",
      "a\x7f@c",
      "a@b/\x01",
      "a@b\tc",
      "a@b c",
      "a@b..c",
      "a@.b",
      "a@b..",
      "a@b&c",
      "a@[::1",
      "a@[::1]x",
      "a@[1::2::3]",
      "a@[12345::]",
      "a@[1:2:3:4:5:6:7:8:9]",
      "a@[:::]",
      "a@[fe80::1%eth0]",
      "a@[1:2:3:4:5:6:7]",
      "a@[::1.2.3.256]",
      "a@[]",
      "a@[::01.2.3.4]",
      "\xff@a.example",
      "a@\xc3.example",
      "a@b/\xed\xa0\x80", /* not UTF-8 */
      "a\xc2\xa0@b",      /* space that is none of ASCII's */
      "a@b/\xe2\x80\xa8", /* line separator */
      "\xef\xbc\x8f@b",   /* becomes '/' */
      "a@b\xef\xbc\x8f"
      "c",
      "\xd7\x90"
      "a@b",        /* right-to-left, then left-to-right */
      "\xc2\xad@b", /* nothing is left */
      "a@aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg.example", /* a label of 64 */
  };
  imp_jid *jid = NULL;
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    if (imp_jid_new(&jid, cases[i], strlen(cases[i])) != IMP_ERR_MALFORMED) {
      fail_msg("taken: %s", cases[i]);
    }
  }
  assert_int_equal(imp_jid_new(&jid, "a\0b@c", 5), IMP_ERR_MALFORMED);
  assert_int_equal(imp_jid_new(&jid, "\xc3\xa9\0b@c", 6), IMP_ERR_MALFORMED);
  assert_null(jid);
}

static void bounds_each_part(void **state) {
  static char text[3 * 1024 + 2];
  imp_jid *jid = NULL;
  (void)state;
  memset(text, 'a', 1023);
  memcpy(text + 1023, "@b", 3);
  assert_int_equal(imp_jid_new_parts(&jid, text, "b", NULL), IMP_ERR_TOO_BIG); /* with the "@b" */
  imp_jid *most = xkit_jid(text);
  assert_int_equal(strlen(imp_jid_local(most)), IMP_JID_PART_MAX);
  memset(text, 'a', 1024);
  memcpy(text + 1024, "@b", 3);
  assert_int_equal(imp_jid_new(&jid, text, strlen(text)), IMP_ERR_TOO_BIG);
  memset(text, 'a', sizeof text - 1);
  assert_int_equal(imp_jid_new(&jid, text, sizeof text - 1), IMP_ERR_TOO_BIG);
  /* U+FDFA becomes 18 characters */
  memcpy(text, "b/", 2);
  for (size_t i = 0; i < 341; ++i) {
    memcpy(text + 2 + 3 * i, "\xef\xb7\xba", 3);
  }
  assert_int_equal(imp_jid_new(&jid, text, 2 + 3 * 341), IMP_ERR_TOO_BIG);
  assert_null(jid);
}

static void has_parts(void **state) {
  imp_jid *full = xkit_jid("romeo@a.example/orchard"), *bare = xkit_jid("romeo@a.example"),
          *domain = xkit_jid("a.example");
  imp_jid *host = xkit_jid("a.example/x");
  (void)state;
  assert_string_equal(imp_jid_bare(full), "romeo@a.example");
  assert_string_equal(imp_jid_local(full), "romeo");
  assert_string_equal(imp_jid_domain(full), "a.example");
  assert_string_equal(imp_jid_resource(full), "orchard");
  assert_false(imp_jid_is_bare(full));
  assert_string_equal(imp_jid_bare(bare), "romeo@a.example");
  assert_string_equal(imp_jid_local(bare), "romeo");
  assert_string_equal(imp_jid_domain(bare), "a.example");
  assert_string_equal(imp_jid_resource(bare), "");
  assert_true(imp_jid_is_bare(bare));
  assert_string_equal(imp_jid_local(domain), "");
  assert_string_equal(imp_jid_domain(domain), "a.example");
  assert_string_equal(imp_jid_bare(host), "a.example");
  assert_string_equal(imp_jid_resource(host), "x");
  assert_false(imp_jid_equal(full, bare));
  assert_true(imp_jid_equal_bare(full, bare));
  assert_false(imp_jid_equal_bare(bare, domain));
  assert_false(imp_jid_equal(xkit_jid("a@b/c"), xkit_jid("a@b.c")));
}

static void release(void *jid) { imp_jid_del(jid); }

static void is_made_of_parts(void **state) {
  imp_jid *jid;
  (void)state;
  assert_int_equal(imp_jid_new_parts(&jid, "Ro", "A.example", "X"), IMP_OK);
  unit_own(release, jid);
  assert_string_equal(imp_jid_full(jid), "ro@a.example/X");
  imp_jid *bare, *other;
  assert_int_equal(imp_jid_new_bare(&bare, jid), IMP_OK);
  unit_own(release, bare);
  assert_string_equal(imp_jid_full(bare), "ro@a.example");
  assert_int_equal(imp_jid_new_bare(&other, bare), IMP_OK);
  assert_ptr_equal(other, bare);
  imp_jid_del(other);
  assert_int_equal(imp_jid_new_resource(&other, jid, "Y"), IMP_OK);
  unit_own(release, other);
  assert_string_equal(imp_jid_full(other), "ro@a.example/Y");
  assert_int_equal(imp_jid_new_resource(&other, jid, ""), IMP_ERR_MALFORMED);
  assert_int_equal(imp_jid_new_parts(&other, "a@b", "c", NULL), IMP_ERR_MALFORMED);
  assert_int_equal(imp_jid_new_parts(&other, "a", "b/c", NULL), IMP_ERR_MALFORMED);
}

static void writes_ipv6(void **state) {
  static const char *const cases[][2] = {
      {"::", "::"},
      {"::1", "::1"},
      {"1::", "1::"},
      {"1:0:0:2:0:0:0:3", "1:0:0:2::3"},
      {"1:0:0:2:3:0:0:4", "1::2:3:0:0:4"},
      {"1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"},
      {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
      {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
      {"ABCD::0010", "abcd::10"},
      {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
      {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; ++i) {
    uint8_t addr[16], again[16];
    char text[IMP_IP6_LEN];
    assert_int_equal(imp_ip6_parse(addr, cases[i][0], strlen(cases[i][0])), IMP_OK);
    assert_int_equal(imp_ip6_format(text, addr), strlen(cases[i][1]));
    assert_string_equal(text, cases[i][1]);
    assert_int_equal(imp_ip6_parse(again, text, strlen(text)), IMP_OK);
    assert_memory_equal(again, addr, 16);
  }
}

static imp_jid *get(imp_jid_cache *cache, const char *text) {
  imp_jid *jid;
  assert_int_equal(imp_jid_cache_get(cache, &jid, text, strlen(text)), IMP_OK);
  return jid;
}

static void del_cache(void *cache) { imp_jid_cache_del(cache); }

static void caches(void **state) {
  imp_jid_cache *cache;
  imp_jid *bad = NULL;
  (void)state;
  assert_int_equal(imp_jid_cache_new(&cache, 100), IMP_OK);
  unit_own(del_cache, cache);
  imp_jid *first = get(cache, "Romeo@a.example/X");
  unit_own(release, first);
  imp_jid *again = get(cache, "Romeo@a.example/X");
  unit_own(release, again);
  if (!unit_alloc_failed()) {
    assert_ptr_equal(again, first); /* prepared once */
    assert_int_equal(imp_jid_cache_count(cache), 1);
  }
  assert_string_equal(imp_jid_full(again), "romeo@a.example/X");
  assert_int_equal(imp_jid_cache_get(cache, &bad, "@", 1), IMP_ERR_MALFORMED);
  assert_null(bad);
  assert_true(imp_jid_cache_count(cache) <= 1);
}

static void cache_is_bounded(void **state) {
  imp_jid_cache *cache;
  char text[64];
  (void)state;
  unit_skip_alloc_fail();
  assert_int_equal(imp_jid_cache_new(&cache, 100), IMP_OK); /* 128 */
  unit_own(del_cache, cache);
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 5000; ++i) {
      snprintf(text, sizeof text, "User%d@a.example", i);
      imp_jid_del(get(cache, text));
      imp_jid *hot = get(cache, "hot@a.example"); /* used all the time: stays */
      assert_string_equal(imp_jid_full(hot), "hot@a.example");
      assert_int_equal(((const uint32_t *)(const void *)hot)[0] >= 2, 1); /* the cache has a reference */
      imp_jid_del(hot);
    }
  }
  assert_true(imp_jid_cache_count(cache) <= 128);
  assert_true(imp_jid_cache_count(cache) > 100);
}

static void cache_can_be_off(void **state) {
  imp_jid_cache *cache;
  (void)state;
  assert_int_equal(imp_jid_cache_new(&cache, (size_t)1 << 21), IMP_ERR_RANGE);
  assert_int_equal(imp_jid_cache_new(&cache, 0), IMP_OK);
  unit_own(del_cache, cache);
  imp_jid_del(get(cache, "a@b"));
  imp_jid_del(get(NULL, "a@b"));
  assert_int_equal(imp_jid_cache_count(cache), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(prepares),  cmocka_unit_test(refuses),          cmocka_unit_test(bounds_each_part),
      cmocka_unit_test(has_parts), cmocka_unit_test(is_made_of_parts), cmocka_unit_test(writes_ipv6),
      cmocka_unit_test(caches),    cmocka_unit_test(cache_is_bounded), cmocka_unit_test(cache_can_be_off),
  };
  return unit_run("xml_jid", tests);
}
