/*
 * SASL from a hostile client, and what a damaged store may hold.
 *
 * The first byte says what the rest is:
 *   'x' 'X'  elements, one a line, into an exchange ('X': of a stream whose `from` is known); an empty line lets the caller
 *            answer what was asked
 *   's'      a stored credential, a stored FAST record, a name to prepare
 *   else     a mechanism (by the byte), then its messages, one a line
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "sasl/credential.h"
#include "sasl/exchange.h"
#include "sasl/fast.h"
#include "sasl/prep.h"
#include "sasl/sasl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ALL ((IMP_SASL_HT_SHA_256_EXPR << 1) - 1)

static const char exporter[] = "exporter-data-32-bytes-long-1234";
static const imp_channel_binding bindings = {sizeof(imp_channel_binding), exporter, 32, "end-point", 9, NULL, 0};
static const imp_credential clear = {sizeof(imp_credential), "pencil", NULL, 0, NULL, 0, NULL, NULL};

static void check(int ok, const char *what) {
  if (!ok) {
    fprintf(stderr, "broken: %s\n", what);
    abort();
  }
}

static imp_sasl_params params(void) {
  imp_sasl_params p;
  memset(&p, 0, sizeof p);
  p.size = sizeof p;
  p.binding = &bindings;
  p.iterations = 4096;
  p.fake_key = "0123456789abcdef";
  p.fake_keylen = 16;
  p.clear_passwords = 1;
  return p;
}

/* RFC 5802's and RFC 7677's user; SHA-512 has none. */
static const imp_credential *keys_for(const char *hash, imp_credential_slot *slot) {
  static const char sha1[] =
      "SCRAM-SHA-1$4096:QSXCR+Q6sek8bf92$6dlGYMOdZcOPutkcNY8U2g7vK9Y=:D+CSWLOshSulAsxiupA+qs2/fTE=";
  static const char sha256[] = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
                               "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
                               "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
  const char *text = hash == NULL ? NULL : strcmp(hash, "SHA-1") == 0 ? sha1 : strcmp(hash, "SHA-256") == 0 ? sha256 : NULL;
  if (hash == NULL) {
    return &clear;
  }
  if (text == NULL) {
    return NULL;
  }
  check(imp_credential_decode(slot, text, strlen(text)) == IMP_OK, "a good credential");
  return &slot->credential;
}

/* The next line, copied so that reading past it is seen; NULL at the end. */
static char *next_line(const uint8_t **data, size_t *size, size_t *len) {
  const uint8_t *stop;
  char *line;
  if (*size == 0) {
    return NULL;
  }
  stop = memchr(*data, '\n', *size);
  *len = stop != NULL ? (size_t)(stop - *data) : *size;
  line = malloc(*len + 1);
  check(line != NULL, "memory");
  memcpy(line, *data, *len);
  line = realloc(line, *len > 0 ? *len : 1);
  *data += *len + (stop != NULL);
  *size -= *len + (stop != NULL);
  return line;
}

static void check_result(imp_sasl *sasl, imp_sasl_result result) {
  const char *text;
  switch (result) {
    case IMP_SASL_FAILURE:
      check(imp_sasl_condition(sasl, &text)[0] != '\0', "a failure has a condition");
      break;
    case IMP_SASL_NEED_CREDENTIAL:
      check(imp_sasl_username(sasl)[0] != '\0', "a credential is somebody's");
      break;
    case IMP_SASL_SUCCESS:
    case IMP_SASL_NEED_HOST:
    case IMP_SASL_CONTINUE:
      break;
  }
}

static imp_sasl_result answer(imp_sasl *sasl, imp_sasl_result result) {
  imp_credential_slot slot;
  const void *out;
  size_t len;
  if (result == IMP_SASL_NEED_CREDENTIAL) {
    result = imp_sasl_credential(sasl, keys_for(imp_sasl_hash(sasl), &slot), &out, &len);
  } else if (result == IMP_SASL_NEED_HOST) {
    result = imp_sasl_decide(sasl, imp_sasl_authzid(sasl), "token", 5, &out, &len);
  }
  check_result(sasl, result);
  return result;
}

static void fuzz_mechanism(uint32_t bit, const uint8_t *data, size_t size) {
  imp_sasl_params p = params();
  imp_sasl *sasl;
  imp_sasl_result result = IMP_SASL_CONTINUE;
  char *line;
  size_t len;

  if (imp_sasl_new(&sasl, bit, &p) != IMP_OK) {
    return;
  }
  imp_sasl_fix_nonce(sasl, "3rfcNHYJY1ZVvWVs7j");
  while (result == IMP_SASL_CONTINUE && (line = next_line(&data, &size, &len)) != NULL) {
    const void *out;
    size_t outlen;
    result = imp_sasl_step(sasl, line, len, &out, &outlen);
    check_result(sasl, result);
    result = answer(sasl, result);
    free(line);
  }
  imp_sasl_del(sasl);
}

static int answer_exchange(imp_sasl_exchange *ex, int result, imp_buf *out) {
  imp_credential_slot slot;
  imp_fast_request fast;
  imp_user_agent agent;

  imp_sasl_exchange_fast(ex, &fast);
  imp_sasl_exchange_user_agent(ex, &agent);
  if (result == IMP_EXCHANGE_NEED_CREDENTIAL) {
    check(imp_sasl_exchange_user(ex) != NULL, "a lookup has a name");
    return imp_sasl_exchange_credential(ex, keys_for(imp_sasl_exchange_hash(ex), &slot), out);
  }
  if (result == IMP_EXCHANGE_NEED_HOST) {
    imp_jid *who = NULL;
    int rc;
    if (imp_jid_new(&who, "user@im.example", 15) != IMP_OK) {
      return result;
    }
    rc = imp_sasl_exchange_decide(ex, who, "token", 5, out);
    imp_jid_del(who);
    return rc;
  }
  return result;
}

static void feed_exchange(imp_sasl_exchange *ex, const uint8_t *data, size_t size, imp_buf *out) {
  int result = IMP_EXCHANGE_FAILURE;
  char *line;
  size_t len;

  while (result != IMP_EXCHANGE_CLOSE && result != IMP_EXCHANGE_SUCCESS && result >= 0 &&
         (line = next_line(&data, &size, &len)) != NULL) {
    imp_stanza *st = NULL;
    if (len == 0) {
      result = answer_exchange(ex, result, out);
    } else if (imp_stanza_parse(&st, line, len) == IMP_OK) {
      if (imp_sasl_exchange_wants(imp_stanza_root(st))) {
        result = imp_sasl_exchange_recv(ex, st, out);
      }
      imp_stanza_del(st);
    }
    free(line);
  }
  if (result == IMP_EXCHANGE_SUCCESS) {
    check(imp_sasl_exchange_user(ex) != NULL, "who has logged in is known");
    check(imp_sasl_exchange_success(ex, NULL, NULL, 0, out) == IMP_OK, "a success can be said");
  }
}

static void fuzz_exchange(int from, const uint8_t *data, size_t size) {
  imp_sasl_exchange_config config;
  imp_sasl_exchange *ex;
  imp_jid *jid = NULL;
  imp_buf out;

  memset(&config, 0, sizeof config);
  config.params = params();
  config.sasl1 = config.sasl2 = ALL & ~IMP_SASL_ALL_HT & ~IMP_SASL_ALL_PLUS;
  config.fast = IMP_SASL_ALL_HT;
  config.domain = "im.example";
  if (from && imp_jid_new(&jid, "user@im.example/r", 17) == IMP_OK) {
    config.from = jid;
  }
  imp_buf_init(&out, 1 << 20);
  if (imp_sasl_exchange_new(&ex, &config) == IMP_OK) {
    feed_exchange(ex, data, size, &out);
    imp_sasl_exchange_del(ex);
  }
  imp_jid_del(jid);
  imp_buf_reset(&out);
}

static void fuzz_credentials(const char *text, size_t len) {
  imp_credential_slot slot, again;
  imp_buf out;
  int rc;

  imp_buf_init(&out, 4096);
  while ((rc = imp_credential_next(&slot, &text, &len)) != IMP_ERR_NOT_FOUND) {
    if (rc != IMP_OK) {
      continue;
    }
    imp_buf_reset(&out);
    check(imp_credential_encode(&out, &slot.credential) == IMP_OK, "what was read can be written");
    check(imp_credential_decode(&again, (const char *)imp_buf_data(&out), imp_buf_len(&out)) == IMP_OK, "and read");
    check(again.credential.iterations == slot.credential.iterations, "and is the same");
  }
  imp_buf_reset(&out);
}

static void fuzz_records(const char *text, size_t len) {
  imp_fast_record record, again;
  imp_buf out;

  if (imp_fast_decode(&record, text, len) != IMP_OK) {
    return;
  }
  imp_buf_init(&out, 4096);
  check(imp_fast_encode(&out, &record) == IMP_OK, "a record can be written");
  check(imp_fast_decode(&again, (const char *)imp_buf_data(&out), imp_buf_len(&out)) == IMP_OK, "and read");
  check(strcmp(again.current.secret, record.current.secret) == 0, "and is the same");
  imp_buf_reset(&out);
}

static void fuzz_names(const char *text, size_t len) {
  char *once, *twice;
  if (imp_saslprep(&once, text, len) != IMP_OK) {
    return;
  }
  check(strlen(once) <= IMP_SASL_NAME_MAX, "prepared names are bounded");
  if (imp_saslprep(&twice, once, strlen(once)) == IMP_OK) {
    imp_free(twice);
  }
  imp_free(once);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) {
    return 0;
  }
  switch (data[0]) {
    case 'x':
    case 'X':
      fuzz_exchange(data[0] == 'X', data + 1, size - 1);
      break;
    case 's':
      fuzz_credentials((const char *)data + 1, size - 1);
      fuzz_records((const char *)data + 1, size - 1);
      fuzz_names((const char *)data + 1, size - 1);
      break;
    default:
      fuzz_mechanism(1u << (data[0] % 14), data + 1, size - 1);
      break;
  }
  return 0;
}
