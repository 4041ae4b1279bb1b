/*
 * An unknown user takes the path of a wrong password: instructions are counted, not seconds.
 *
 * The test starts itself under callgrind, once a case, with only the server's part of the exchanges counted.
 */
#include "alloc_fail.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "sasl/fast.h"
#include "sasl/sasl.h"
#include "sasl_client.h"

#if defined(__has_feature)
#  if __has_feature(address_sanitizer)
#    define SANITIZED 1
#  endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(SANITIZED)
#  define SANITIZED 1
#endif
#ifndef SANITIZED
#  define SANITIZED 0
#endif

#define ROUNDS 20
#define TOLERANCE 0.0005 /* what the allocator makes of it; one digest more or less would be far beyond */

static const imp_channel_binding tls_only = {sizeof(imp_channel_binding), NULL, 0, NULL, 0, NULL, 0};
static char program[4096];

/* One step of the server's, the only function that is counted. */
imp_sasl_result counted_step(imp_sasl *sasl, const void *in, size_t inlen, const void **out, size_t *outlen);
imp_sasl_result counted_credential(imp_sasl *sasl, const imp_credential *c, const void **out, size_t *outlen);
imp_fast_verdict counted_verify(const imp_fast_record *record, const imp_sasl *sasl);

__attribute__((noinline)) imp_sasl_result counted_step(imp_sasl *sasl, const void *in, size_t inlen, const void **out,
                                                       size_t *outlen) {
  return imp_sasl_step(sasl, in, inlen, out, outlen);
}

__attribute__((noinline)) imp_sasl_result counted_credential(imp_sasl *sasl, const imp_credential *c, const void **out,
                                                             size_t *outlen) {
  return imp_sasl_credential(sasl, c, out, outlen);
}

__attribute__((noinline)) imp_fast_verdict counted_verify(const imp_fast_record *record, const imp_sasl *sasl) {
  return imp_fast_verify(record, sasl, IMP_SASL_HT_SHA_256_NONE, 0, 0, 1);
}

static imp_sasl *start(uint32_t mechanism, uint32_t clear) {
  imp_sasl_params params;
  imp_sasl *sasl;
  sasl_params(&params, &tls_only);
  params.clear_passwords = clear;
  if (imp_sasl_new(&sasl, mechanism, &params) != IMP_OK) {
    abort();
  }
  return sasl;
}

static void scram(const imp_credential *c, uint32_t clear) {
  imp_sasl *sasl = start(IMP_SASL_SCRAM_SHA_256, clear);
  char nonce[256], message[512];
  const void *out;
  size_t len;
  if (counted_step(sasl, "n,,n=user,r=abc", 15, &out, &len) != IMP_SASL_NEED_CREDENTIAL ||
      counted_credential(sasl, c, &out, &len) != IMP_SASL_CONTINUE) {
    abort();
  }
  if (sscanf(out, "r=%255[^,]", nonce) != 1) {
    abort();
  }
  snprintf(message, sizeof message, "c=biws,r=%s,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", nonce);
  if (counted_step(sasl, message, strlen(message), &out, &len) != IMP_SASL_FAILURE) {
    abort();
  }
  imp_sasl_del(sasl);
}

static void plain(const imp_credential *c, uint32_t clear) {
  imp_sasl *sasl = start(IMP_SASL_PLAIN, clear);
  const void *out;
  size_t len;
  if (counted_step(sasl, "\0user\0wrong", 11, &out, &len) != IMP_SASL_NEED_CREDENTIAL ||
      counted_credential(sasl, c, &out, &len) != IMP_SASL_FAILURE) {
    abort();
  }
  imp_sasl_del(sasl);
}

static void token(const imp_fast_record *record) {
  imp_sasl *sasl = start(IMP_SASL_HT_SHA_256_NONE, 0);
  const void *out;
  size_t len;
  if (counted_step(sasl, "user\0000123456789abcdef0123456789abcdef", 37, &out, &len) != IMP_SASL_NEED_HOST ||
      counted_verify(record, sasl) != IMP_FAST_WRONG) {
    abort();
  }
  imp_sasl_del(sasl);
}

static void run_tokens(int known) {
  imp_fast_settings settings;
  imp_fast_record record;
  int i;
  imp_fast_settings_default(&settings);
  imp_fast_record_init(&record);
  if (imp_fast_mint(&record, IMP_SASL_HT_SHA_256_NONE, &settings, 1) != IMP_OK) {
    abort();
  }
  imp_fast_used(&record, IMP_FAST_NEXT, 0, 0, !known);
  for (i = 0; i < ROUNDS; i++) {
    token(&record);
  }
}

/* "scram", "plain": keys are kept; "scram-clear", "plain-clear": passwords are; "scram-both", "plain-both"; "token". */
static int run_case(const char *name, int known) {
  const uint32_t clear = strstr(name, "-clear") != NULL ? 1 : strstr(name, "-both") != NULL ? 2 : 0;
  imp_credential password = {sizeof password, "passwor", NULL, 0, NULL, 0, NULL, NULL}; /* as long as "unknown" */
  const imp_credential *c;
  imp_scram_keys *keys;
  int i, cheap = strcmp(name, "scram") == 0 || strcmp(name, "plain-clear") == 0 || clear == 2, rounds = cheap ? ROUNDS : 1;

  if (strcmp(name, "token") == 0) {
    run_tokens(known);
    return 0;
  }
  if (imp_scram_keys_new(&keys, "SHA-256", "pencil", NULL, 0, 4096) != IMP_OK) {
    return 1;
  }
  if (clear != 1) {
    password = *imp_scram_keys_get(keys);
    password.password = clear ? "passwor" : NULL;
  }
  c = known ? &password : NULL;
  for (i = 0; i < rounds; i++) {
    if (strncmp(name, "scram", 5) == 0) {
      scram(c, clear);
    } else {
      plain(c, clear);
    }
  }
  imp_scram_keys_del(keys);
  return 0;
}

/* ---- the test ---- */

static uint64_t count(const char *name, const char *known) {
  char command[8192], line[512];
  uint64_t instructions = 0;
  FILE *pipe;
  snprintf(command, sizeof command,
           "valgrind --tool=callgrind --callgrind-out-file=/dev/null --toggle-collect='counted_*' '%s' %s %s 2>&1", program,
           name, known);
  pipe = popen(command, "r");
  assert_non_null(pipe);
  while (fgets(line, sizeof line, pipe) != NULL) {
    const char *at = strstr(line, "Collected : ");
    if (at != NULL) {
      instructions = strtoull(at + 12, NULL, 10);
    }
  }
  assert_int_equal(pclose(pipe), 0);
  assert_true(instructions > 1000);
  return instructions;
}

static void compare(const char *name) {
  uint64_t unknown, wrong;
  double share;
  unit_skip_alloc_fail();
  if (SANITIZED || system("valgrind -q true >/dev/null 2>&1") != 0) {
    print_message("%s: not counted, without valgrind (or /proc, which it needs) or under a sanitizer\n", name);
    return;
  }
  unknown = count(name, "unknown");
  wrong = count(name, "wrong");
  share = ((double)unknown - (double)wrong) / (double)wrong;
  print_message("%s: unknown %" PRIu64 ", wrong %" PRIu64 " instructions (%+.4f %%)\n", name, unknown, wrong,
                100 * share);
  assert_true(share < TOLERANCE && share > -TOLERANCE);
}

static void hides_users_of_scram(void **state) { (void)state, compare("scram"); }
static void hides_users_of_scram_clear(void **state) { (void)state, compare("scram-clear"); }
static void hides_users_of_plain(void **state) { (void)state, compare("plain"); }
static void hides_users_of_plain_clear(void **state) { (void)state, compare("plain-clear"); }
static void hides_users_of_scram_both(void **state) { (void)state, compare("scram-both"); }
static void hides_users_of_plain_both(void **state) { (void)state, compare("plain-both"); }
static void hides_users_of_tokens(void **state) { (void)state, compare("token"); }

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(hides_users_of_scram),       cmocka_unit_test(hides_users_of_scram_clear),
      cmocka_unit_test(hides_users_of_plain),       cmocka_unit_test(hides_users_of_plain_clear),
      cmocka_unit_test(hides_users_of_scram_both),  cmocka_unit_test(hides_users_of_plain_both),
      cmocka_unit_test(hides_users_of_tokens),
  };
  if (argc == 3) {
    return run_case(argv[1], strcmp(argv[2], "wrong") == 0);
  }
  snprintf(program, sizeof program, "%s", argv[0]);
  return unit_run("sasl_timing", tests);
}
