/* Credentials as text; deriving; SASLprep. */
#include "alloc_fail.h"

#include <string.h>

#include "core/mem.h"
#include "sasl/credential.h"
#include "sasl/prep.h"

static void reset_buf(void *buf) { imp_buf_reset(buf); }
static void del_keys(void *keys) { imp_scram_keys_del(keys); }

/* RFC 7677's user; keys computed with Python. */
static const char line[] =
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

static void reads_and_writes(void **state) {
  imp_credential_slot slot;
  static imp_buf buf;
  (void)state;
  imp_buf_init(&buf, 4096);
  unit_own(reset_buf, &buf);
  assert_int_equal(imp_credential_decode(&slot, line, sizeof line - 1), IMP_OK);
  assert_string_equal(slot.credential.hash, "SHA-256");
  assert_int_equal(slot.credential.iterations, 4096);
  assert_int_equal(slot.credential.saltlen, 16);
  assert_null(slot.credential.password);
  assert_int_equal(imp_credential_encode(&buf, &slot.credential), IMP_OK);
  assert_string_equal((const char *)imp_buf_data(&buf), line);
  imp_credential_wipe(&slot);
  assert_null(slot.credential.hash);
}

static void derives_what_was_published(void **state) {
  static const uint8_t salt[] = {0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e,
                                 0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81};
  imp_scram_keys *keys = NULL;
  static imp_buf buf;
  (void)state;
  imp_buf_init(&buf, 4096);
  unit_own(reset_buf, &buf);
  assert_int_equal(imp_scram_keys_new(&keys, "SHA-256", "pencil", salt, sizeof salt, 4096), IMP_OK);
  unit_own(del_keys, keys);
  assert_int_equal(imp_credential_encode(&buf, imp_scram_keys_get(keys)), IMP_OK);
  assert_string_equal((const char *)imp_buf_data(&buf), line);
}

static void derives_every_hash(void **state) {
  static const char *const usual[] = {"SHA-256", "SHA-512", "SHA-1"};
  imp_credential_slot slot;
  const char *text;
  size_t len, i;
  static imp_buf buf;
  (void)state;
  imp_buf_init(&buf, 4096);
  unit_own(reset_buf, &buf);
  assert_int_equal(imp_credential_derive(&buf, "pencil", NULL, 4096), IMP_OK);
  text = (const char *)imp_buf_data(&buf);
  len = imp_buf_len(&buf);
  for (i = 0; i < 3; i++) {
    assert_int_equal(imp_credential_next(&slot, &text, &len), IMP_OK);
    assert_string_equal(slot.credential.hash, usual[i]);
    assert_int_equal(slot.credential.iterations, 4096);
  }
  assert_int_equal(imp_credential_next(&slot, &text, &len), IMP_ERR_NOT_FOUND);
  assert_int_equal(imp_credential_derive(&buf, "\x07", NULL, 4096), IMP_ERR_INVALID_ARGUMENT);
  assert_int_equal(imp_credential_derive(&buf, "pencil", NULL, 1), IMP_ERR_RANGE);
}

static void refuses_bad_derivations(void **state) {
  imp_scram_keys *keys = NULL;
  (void)state;
  assert_int_equal(imp_scram_keys_new(&keys, "MD5", "x", NULL, 0, 4096), IMP_ERR_UNSUPPORTED);
  assert_int_equal(imp_scram_keys_new(&keys, "SHA-1", "x", NULL, 0, 4095), IMP_ERR_RANGE);
  assert_int_equal(imp_scram_keys_new(&keys, "SHA-1", "x", NULL, 0, 10000001), IMP_ERR_RANGE);
  assert_int_equal(imp_scram_keys_new(&keys, "SHA-1", "x", "1234567", 7, 4096), IMP_ERR_RANGE);
  assert_int_equal(imp_scram_keys_new(&keys, "SHA-1", "", NULL, 0, 4096), IMP_ERR_INVALID_ARGUMENT);
  assert_int_equal(imp_scram_keys_new(&keys, "SHA-1", "\xff", NULL, 0, 4096), IMP_ERR_INVALID_ARGUMENT);
  assert_null(keys);
}

static void refuses_bad_text(void **state) {
  static const struct {
    const char *text;
    int error;
  } bad[] = {
      {"", IMP_ERR_MALFORMED},
      {"SCRAM-", IMP_ERR_MALFORMED},
      {"SCRAM-SHA-1", IMP_ERR_MALFORMED},
      {"SHA-1$4096:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:D+CSWLOshSulAsxiupA+qs2/fTE=", IMP_ERR_MALFORMED},
      {"SCRAM-MD5$4096:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:D+CSWLOshSulAsxiupA+qs2/fTE=",
       IMP_ERR_UNSUPPORTED},
      {"SCRAM-SHA-1$4095:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:D+CSWLOshSulAsxiupA+qs2/fTE=", IMP_ERR_RANGE},
      {"SCRAM-SHA-1$99999999999:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:D+CSWLOshSulAsxiupA+qs2/fTE=",
       IMP_ERR_RANGE},
      {"SCRAM-SHA-1$:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:D+CSWLOshSulAsxiupA+qs2/fTE=", IMP_ERR_MALFORMED},
      {"SCRAM-SHA-1$4096:QSXC$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:D+CSWLOshSulAsxiupA+qs2/fTE=", IMP_ERR_RANGE},
      {"SCRAM-SHA-1$4096:QSXCR+Q6sek8bf9$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:D+CSWLOshSulAsxiupA+qs2/fTE=",
       IMP_ERR_MALFORMED},
      {"SCRAM-SHA-1$4096:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=", IMP_ERR_MALFORMED},
      {"SCRAM-SHA-1$4096:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7v:D+CSWLOshSulAsxiupA+qs2/fTE=", IMP_ERR_MALFORMED},
      {"SCRAM-SHA-1$4096:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:D+CSWLOshSulAsxiupA+qs2/fTE=:",
       IMP_ERR_MALFORMED},
  };
  imp_credential_slot slot;
  size_t i;
  (void)state;
  for (i = 0; i < IMP_ARRAY_LEN(bad); i++) {
    assert_int_equal(imp_credential_decode(&slot, bad[i].text, strlen(bad[i].text)), bad[i].error);
    assert_null(slot.credential.hash);
  }
  for (i = 0; i < sizeof line - 1; i++) {
    assert_int_not_equal(imp_credential_decode(&slot, line, i), IMP_OK);
  }
}

static void walks_past_bad_lines(void **state) {
  char text[3 * sizeof line];
  const char *at = text;
  size_t len;
  imp_credential_slot slot;
  (void)state;
  memcpy(text, "nonsense\n", 9);
  memcpy(text + 9, line, sizeof line);
  len = strlen(text);
  assert_int_equal(imp_credential_next(&slot, &at, &len), IMP_ERR_MALFORMED);
  assert_int_equal(imp_credential_next(&slot, &at, &len), IMP_OK);
  assert_int_equal(imp_credential_next(&slot, &at, &len), IMP_ERR_NOT_FOUND);
}

static void encodes_keys_only(void **state) {
  imp_credential c;
  static imp_buf buf;
  (void)state;
  imp_buf_init(&buf, 4096);
  memset(&c, 0, sizeof c);
  c.size = sizeof c;
  assert_int_equal(imp_credential_check(&c), IMP_ERR_INVALID_ARGUMENT);
  c.password = "pencil";
  assert_int_equal(imp_credential_check(&c), IMP_OK);
  assert_int_equal(imp_credential_encode(&buf, &c), IMP_ERR_INVALID_ARGUMENT);
  c.hash = "SHA-256";
  assert_int_equal(imp_credential_check(&c), IMP_ERR_INVALID_ARGUMENT);
  assert_int_equal(imp_buf_len(&buf), 0);
}

/* RFC 4013 §3, and what a hostile client may send. */
static void prepares(void **state) {
  static const struct {
    const char *in, *out;
    int rc;
  } cases[] = {
      {"I\xc2\xadX", "IX", IMP_OK},         {"user", "user", IMP_OK},
      {"USER", "USER", IMP_OK},             {"\xc2\xaa", "a", IMP_OK},
      {"\xe2\x85\xa8", "IX", IMP_OK},       {"a\xc2\xa0" "b", "a b", IMP_OK},
      {"\x07", NULL, IMP_ERR_MALFORMED},    {"\xd8\xa7" "1", NULL, IMP_ERR_MALFORMED},
      {"", NULL, IMP_ERR_MALFORMED},        {"\xc2\xad", NULL, IMP_ERR_MALFORMED},
      {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", IMP_OK},
      {"\xc0\x80", NULL, IMP_ERR_MALFORMED}, {"\xed\xa0\x80", NULL, IMP_ERR_MALFORMED},
  };
  static char longest[IMP_SASL_NAME_MAX + 2];
  char *out = NULL;
  size_t i;
  (void)state;
  for (i = 0; i < IMP_ARRAY_LEN(cases); i++) {
    assert_int_equal(imp_saslprep(&out, cases[i].in, strlen(cases[i].in)), cases[i].rc);
    if (cases[i].rc == IMP_OK) {
      assert_string_equal(out, cases[i].out);
      imp_free(out);
    }
  }
  memset(longest, 'x', sizeof longest);
  assert_int_equal(imp_saslprep(&out, longest, sizeof longest), IMP_ERR_TOO_BIG);
  assert_int_equal(imp_saslprep(&out, longest, IMP_SASL_NAME_MAX), IMP_OK);
  imp_free(out);
  for (i = 0; i + 3 <= IMP_SASL_NAME_MAX; i += 3) {
    memcpy(longest + i, "\xef\xb7\xba", 3); /* U+FDFA: NFKC makes 18 characters of it */
  }
  assert_int_not_equal(imp_saslprep(&out, longest, IMP_SASL_NAME_MAX), IMP_OK);
  assert_int_equal(imp_saslprep(&out, "a\0b", 3), IMP_ERR_MALFORMED);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_and_writes),     cmocka_unit_test(derives_what_was_published),
      cmocka_unit_test(derives_every_hash),   cmocka_unit_test(refuses_bad_derivations),
      cmocka_unit_test(refuses_bad_text),     cmocka_unit_test(walks_past_bad_lines),
      cmocka_unit_test(encodes_keys_only),    cmocka_unit_test(prepares),
  };
  return unit_run("sasl_credential", tests);
}
