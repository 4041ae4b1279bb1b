/* FAST tokens: slots, rotation, replay, expiry, text. */
#include "alloc_fail.h"

#include <string.h>

#include "core/mem.h"
#include "sasl/fast.h"
#include "sasl/sasl.h"
#include "sasl_client.h"

#define NONE IMP_SASL_HT_SHA_256_NONE
#define NOW 1700000000000u

static const imp_channel_binding tls_only = {sizeof(imp_channel_binding), NULL, 0, NULL, 0, NULL, 0};
static imp_fast_settings settings;
static imp_buf out;

static void del_sasl(void *sasl) { imp_sasl_del(sasl); }
static void reset_buf(void *buf) { imp_buf_reset(buf); }

/* An exchange whose client knows `token`. */
static imp_sasl *claim(const char *token) {
  uint8_t message[5 + 32] = "user";
  imp_sasl_params params;
  imp_sasl *sasl = NULL;
  const void *data;
  size_t len;
  sasl_params(&params, &tls_only);
  assert_int_equal(imp_sasl_new(&sasl, NONE, &params), IMP_OK);
  unit_own(del_sasl, sasl);
  imp_digest_hmac(imp_digest_by_name("SHA-256", 7), token, strlen(token), "Initiator", 9, message + 5);
  assert_int_equal(imp_sasl_step(sasl, message, sizeof message, &data, &len), IMP_SASL_NEED_HOST);
  return sasl;
}

static void mint(imp_fast_record *record, imp_wallclock now) {
  imp_fast_settings_default(&settings);
  assert_int_equal(imp_fast_mint(record, NONE, &settings, now), IMP_OK);
}

static void rotates(void **state) {
  imp_fast_record r;
  char first[IMP_FAST_TOKEN_LEN + 1], second[IMP_FAST_TOKEN_LEN + 1];
  (void)state;
  imp_fast_record_init(&r);
  assert_true(imp_fast_record_empty(&r, NOW));
  mint(&r, NOW);
  assert_int_equal(strlen(r.next.secret), IMP_FAST_TOKEN_LEN);
  memcpy(first, r.next.secret, sizeof first);
  assert_int_equal(imp_fast_verify(&r, claim(first), NONE, 0, 0, NOW), IMP_FAST_NEXT);
  assert_string_equal(imp_fast_secret(&r, IMP_FAST_NEXT), first);
  imp_fast_used(&r, IMP_FAST_NEXT, 0, 0, 0);
  assert_string_equal(r.current.secret, first);
  assert_string_equal(r.next.secret, "");
  assert_int_equal(imp_fast_verify(&r, claim(first), NONE, 0, 0, NOW), IMP_FAST_CURRENT);

  assert_false(imp_fast_rotation_due(&r, &settings, NOW + 86399999));
  assert_true(imp_fast_rotation_due(&r, &settings, NOW + 86400000));
  mint(&r, NOW + 86400000);
  memcpy(second, r.next.secret, sizeof second);
  assert_string_not_equal(first, second);
  /* The client may never have got the new one: both work until the new one is used. */
  assert_int_equal(imp_fast_verify(&r, claim(first), NONE, 0, 0, NOW), IMP_FAST_CURRENT);
  imp_fast_used(&r, IMP_FAST_CURRENT, 0, 0, 0);
  assert_int_equal(imp_fast_verify(&r, claim(second), NONE, 0, 0, NOW), IMP_FAST_NEXT);
  imp_fast_used(&r, IMP_FAST_NEXT, 0, 0, 0);
  assert_int_equal(imp_fast_verify(&r, claim(first), NONE, 0, 0, NOW), IMP_FAST_WRONG);
  assert_int_equal(imp_fast_verify(&r, claim(second), NONE, 0, 0, NOW), IMP_FAST_CURRENT);
}

static void refuses(void **state) {
  imp_fast_record r;
  imp_wallclock end;
  (void)state;
  imp_fast_record_init(&r);
  assert_int_equal(imp_fast_verify(&r, claim("guess"), NONE, 0, 0, NOW), IMP_FAST_WRONG);
  assert_int_equal(imp_fast_verify(&r, claim("-------------------------------------------"), NONE, 0, 0, NOW),
                   IMP_FAST_WRONG); /* what an empty slot is compared with is no way in */
  assert_null(imp_fast_secret(&r, IMP_FAST_WRONG));
  mint(&r, NOW);
  end = NOW + (imp_wallclock)settings.lifetime_s * 1000;
  assert_int_equal(imp_fast_verify(&r, claim("guess"), NONE, 0, 0, NOW), IMP_FAST_WRONG);
  assert_int_equal(imp_fast_verify(&r, claim(r.next.secret), IMP_SASL_HT_SHA_256_EXPR, 0, 0, NOW), IMP_FAST_WRONG);
  assert_int_equal(imp_fast_verify(&r, claim(r.next.secret), NONE, 0, 0, end - 1), IMP_FAST_NEXT);
  assert_int_equal(imp_fast_verify(&r, claim(r.next.secret), NONE, 0, 0, end), IMP_FAST_EXPIRED);
  assert_false(imp_fast_record_empty(&r, end - 1));
  assert_true(imp_fast_record_empty(&r, end));
}

static void refuses_replays(void **state) {
  imp_fast_record r;
  (void)state;
  imp_fast_record_init(&r);
  mint(&r, NOW);
  assert_int_equal(imp_fast_verify(&r, claim(r.next.secret), NONE, 1, 0, NOW), IMP_FAST_REPLAYED);
  assert_int_equal(imp_fast_verify(&r, claim(r.next.secret), NONE, 1, 5, NOW), IMP_FAST_NEXT);
  imp_fast_used(&r, IMP_FAST_NEXT, 1, 5, 0);
  assert_int_equal(imp_fast_verify(&r, claim(r.current.secret), NONE, 1, 5, NOW), IMP_FAST_REPLAYED);
  assert_null(imp_fast_secret(&r, IMP_FAST_REPLAYED));
  assert_int_equal(imp_fast_verify(&r, claim(r.current.secret), NONE, 1, 6, NOW), IMP_FAST_CURRENT);
  assert_int_equal(imp_fast_verify(&r, claim(r.current.secret), NONE, 0, 0, NOW), IMP_FAST_CURRENT);
  imp_fast_used(&r, IMP_FAST_CURRENT, 0, 0, 0);
  assert_int_equal(r.current.count, 5);
}

static void invalidates(void **state) {
  imp_fast_record r;
  char secret[IMP_FAST_TOKEN_LEN + 1];
  (void)state;
  imp_fast_record_init(&r);
  mint(&r, NOW);
  memcpy(secret, r.next.secret, sizeof secret);
  imp_fast_used(&r, IMP_FAST_WRONG, 0, 0, 1); /* only somebody who knows it may */
  assert_string_equal(r.next.secret, secret);
  imp_fast_used(&r, IMP_FAST_NEXT, 0, 0, 1);
  assert_int_equal(imp_fast_verify(&r, claim(secret), NONE, 0, 0, NOW), IMP_FAST_WRONG);
  assert_true(imp_fast_record_empty(&r, NOW));
}

static void stores(void **state) {
  imp_fast_record r, again;
  (void)state;
  imp_buf_init(&out, 4096);
  unit_own(reset_buf, &out);
  imp_fast_record_init(&r);
  assert_int_equal(imp_fast_encode(&out, &r), IMP_OK);
  assert_int_equal(imp_buf_len(&out), 0);
  mint(&r, NOW);
  imp_fast_used(&r, IMP_FAST_NEXT, 1, UINT64_MAX, 0);
  mint(&r, NOW + 1);
  assert_int_equal(imp_fast_encode(&out, &r), IMP_OK);
  assert_int_equal(imp_fast_decode(&again, (char *)imp_buf_data(&out), imp_buf_len(&out)), IMP_OK);
  assert_string_equal(again.current.secret, r.current.secret);
  assert_string_equal(again.next.secret, r.next.secret);
  assert_true(again.current.count == UINT64_MAX && again.next.count == 0);
  assert_true(again.current.expiry == r.current.expiry && again.next.issued == NOW + 1);
  assert_int_equal(again.current.mechanism, NONE);
  imp_buf_reset(&out);
  assert_int_equal(imp_fast_write_token(&out, &again), IMP_OK);
  assert_memory_equal(imp_buf_data(&out), "<token xmlns='urn:xmpp:fast:0' expiry='2023-12-05T22:13:20.001Z' token='",
                      72);
}

static void refuses_bad_text(void **state) {
#define SECRET "0123456789abcdefghijklmnopqrstuvwxyzABCDEF_"
  static const char good[] = "current HT-SHA-256-NONE 1 2 3 " SECRET;
  static const char *const bad[] = {
      "x", "current", "current HT-SHA-256-NONE", "previous HT-SHA-256-NONE 1 2 3 " SECRET,
      "current PLAINX 1 2 3 " SECRET, "current HT-SHA-256-NONE 1 2 x " SECRET, "current HT-SHA-256-NONE 1 2 3 short",
      "current HT-SHA-256-NONE 1 2 3 " SECRET "x", "current HT-SHA-256-NONE 1 2 3 " SECRET " ",
      "current HT-SHA-256-NONE 1 2 3 " SECRET " x", "current  HT-SHA-256-NONE 1 2 3 " SECRET,
      "current HT-SHA-256-NONE 1 2 99999999999999999999 " SECRET,
      "current HT-SHA-256-NONE 1 2 3 0123456789abcdefghijklmnopqrstuvwxyzABCDE='",
      "current HT-SHA-256-NONE 1 2 3 " SECRET "\ncurrent HT-SHA-256-NONE 1 2 3 " SECRET, "\n",
  };
  imp_fast_record r;
  size_t i;
  (void)state;
  assert_int_equal(imp_fast_decode(&r, good, sizeof good - 1), IMP_OK);
  for (i = 0; i < IMP_ARRAY_LEN(bad); i++) {
    assert_int_equal(imp_fast_decode(&r, bad[i], strlen(bad[i])), IMP_ERR_MALFORMED);
    assert_true(imp_fast_record_empty(&r, 0));
  }
  for (i = 1; i < sizeof good - 1; i++) {
    assert_int_equal(imp_fast_decode(&r, good, i), IMP_ERR_MALFORMED);
  }
}

static void checks_settings(void **state) {
  (void)state;
  imp_fast_settings_default(&settings);
  assert_int_equal(imp_fast_settings_check(&settings), IMP_OK);
  settings.lifetime_s = 59;
  assert_int_equal(imp_fast_settings_check(&settings), IMP_ERR_RANGE);
  settings.lifetime_s = 31536001;
  assert_int_equal(imp_fast_settings_check(&settings), IMP_ERR_RANGE);
  settings.lifetime_s = settings.rotate_s - 1;
  assert_int_equal(imp_fast_settings_check(&settings), IMP_ERR_RANGE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rotates),          cmocka_unit_test(refuses),         cmocka_unit_test(refuses_replays),
      cmocka_unit_test(invalidates),      cmocka_unit_test(stores),          cmocka_unit_test(refuses_bad_text),
      cmocka_unit_test(checks_settings),
  };
  return unit_run("sasl_fast", tests);
}
