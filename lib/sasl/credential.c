#include "sasl/credential.h"

#include <string.h>

#include "core/codec.h"
#include "core/mem.h"
#include "sasl/crypto.h"

#define PREFIX "SCRAM-"
#define PREFIX_LEN 6

int imp_credential_check(const imp_credential *c) {
  if (c->hash == NULL) {
    return c->password != NULL ? IMP_OK : IMP_ERR_INVALID_ARGUMENT;
  }
  if (c->salt == NULL || c->stored_key == NULL || c->server_key == NULL) {
    return IMP_ERR_INVALID_ARGUMENT;
  }
  if (imp_digest_by_name(c->hash, strlen(c->hash)) == NULL) {
    return IMP_ERR_UNSUPPORTED;
  }
  if (c->iterations < IMP_SASL_ITERATIONS_MIN || c->iterations > IMP_SASL_ITERATIONS_MAX ||
      c->saltlen < IMP_SASL_SALT_MIN || c->saltlen > IMP_SASL_SALT_MAX) {
    return IMP_ERR_RANGE;
  }
  return IMP_OK;
}

/* Longest: prefix, hash, number, three base64 texts, separators. */
#define LINE_MAX (PREFIX_LEN + 8 + 10 + 3 * IMP_BASE64_LEN(64) + 8)

static char *put(char *at, const char *s) {
  size_t len = strlen(s);
  memcpy(at, s, len);
  return at + len;
}

int imp_credential_encode(imp_buf *out, const imp_credential *c) {
  char line[LINE_MAX], *at = line;
  size_t keylen;
  int rc;

  if (c->hash == NULL || imp_credential_check(c) != IMP_OK) {
    return IMP_ERR_INVALID_ARGUMENT;
  }
  keylen = imp_digest_by_name(c->hash, strlen(c->hash))->len;
  if (imp_buf_len(out) > 0) {
    *at++ = '\n';
  }
  at = put(put(put(at, PREFIX), c->hash), "$");
  at += imp_format_u64(at, c->iterations);
  *at++ = ':';
  at += imp_base64_encode(at, c->salt, c->saltlen);
  *at++ = '$';
  at += imp_base64_encode(at, c->stored_key, keylen);
  *at++ = ':';
  at += imp_base64_encode(at, c->server_key, keylen);
  rc = imp_buf_append(out, line, (size_t)(at - line));
  imp_wipe(line, sizeof line);
  return rc;
}

/* Cuts the text at the next `separator`; the last field ends with the text ('\0'). */
static int field(const char **at, const char *end, char separator, const char **s, size_t *len) {
  const char *stop = separator == '\0' ? end : memchr(*at, separator, (size_t)(end - *at));
  if (stop == NULL) {
    return 0;
  }
  *s = *at;
  *len = (size_t)(stop - *at);
  *at = separator == '\0' ? end : stop + 1;
  return 1;
}

static int read_number(uint32_t *value, const char *s, size_t len) {
  char text[12];
  if (len >= sizeof text) {
    return IMP_ERR_MALFORMED;
  }
  memcpy(text, s, len);
  text[len] = '\0';
  return imp_parse_u32(value, text);
}

/* At most `max` bytes. */
static int read_bytes(uint8_t *out, size_t *outlen, size_t max, const char *s, size_t len) {
  uint8_t raw[IMP_SASL_KEY_MAX + 3];
  int rc;
  if (len > IMP_BASE64_LEN(max) - 1 || imp_base64_decode(raw, outlen, s, len) != IMP_OK || *outlen > max) {
    rc = IMP_ERR_MALFORMED;
  } else {
    memcpy(out, raw, *outlen);
    rc = IMP_OK;
  }
  imp_wipe(raw, sizeof raw);
  return rc;
}

static int read_key(uint8_t *out, size_t keylen, const char *s, size_t len) {
  size_t got;
  int rc = read_bytes(out, &got, IMP_SASL_KEY_MAX, s, len);
  return rc != IMP_OK || got != keylen ? IMP_ERR_MALFORMED : IMP_OK;
}

static int decode(imp_credential_slot *slot, const char *at, const char *end) {
  imp_credential *c = &slot->credential;
  const imp_digest *digest;
  const char *hash, *number, *salt, *stored, *server;
  size_t hashlen, numberlen, saltlen, storedlen, serverlen;
  int rc;

  if ((size_t)(end - at) < PREFIX_LEN || memcmp(at, PREFIX, PREFIX_LEN) != 0) {
    return IMP_ERR_MALFORMED;
  }
  at += PREFIX_LEN;
  if (!field(&at, end, '$', &hash, &hashlen) || !field(&at, end, ':', &number, &numberlen) ||
      !field(&at, end, '$', &salt, &saltlen) || !field(&at, end, ':', &stored, &storedlen) ||
      !field(&at, end, '\0', &server, &serverlen)) {
    return IMP_ERR_MALFORMED;
  }
  digest = imp_digest_by_name(hash, hashlen);
  if (digest == NULL) {
    return IMP_ERR_UNSUPPORTED;
  }
  rc = read_number(&c->iterations, number, numberlen);
  if (rc == IMP_OK) {
    rc = read_bytes(slot->salt, &c->saltlen, IMP_SASL_SALT_MAX, salt, saltlen);
  }
  if (rc == IMP_OK) {
    rc = read_key(slot->stored_key, digest->len, stored, storedlen);
  }
  if (rc == IMP_OK) {
    rc = read_key(slot->server_key, digest->len, server, serverlen);
  }
  c->size = sizeof *c;
  c->hash = digest->name;
  c->salt = slot->salt;
  c->stored_key = slot->stored_key;
  c->server_key = slot->server_key;
  return rc == IMP_OK ? imp_credential_check(c) : rc;
}

int imp_credential_decode(imp_credential_slot *slot, const char *text, size_t textlen) {
  int rc;
  memset(slot, 0, sizeof *slot);
  rc = decode(slot, text, text + textlen);
  if (rc != IMP_OK) {
    imp_credential_wipe(slot);
  }
  return rc;
}

int imp_credential_next(imp_credential_slot *slot, const char **text, size_t *textlen) {
  const char *line = *text, *stop;
  size_t len;

  if (*textlen == 0) {
    return IMP_ERR_NOT_FOUND;
  }
  stop = memchr(line, '\n', *textlen);
  len = stop != NULL ? (size_t)(stop - line) : *textlen;
  *text += stop != NULL ? len + 1 : len;
  *textlen -= stop != NULL ? len + 1 : len;
  return imp_credential_decode(slot, line, len);
}

void imp_credential_wipe(imp_credential_slot *slot) { imp_wipe(slot, sizeof *slot); }

static const char *const usual[] = {"SHA-256", "SHA-512", "SHA-1", NULL};

int imp_credential_derive(imp_buf *out, const char *password, const char *const *hashes, uint32_t iterations) {
  imp_scram_keys *keys;
  int rc = IMP_OK;

  for (hashes = hashes != NULL ? hashes : usual; *hashes != NULL && rc == IMP_OK; hashes++) {
    rc = imp_scram_keys_new(&keys, *hashes, password, NULL, 0,
                            iterations != 0 ? iterations : IMP_SASL_ITERATIONS_DEFAULT);
    if (rc == IMP_OK) {
      rc = imp_credential_encode(out, imp_scram_keys_get(keys));
      imp_scram_keys_del(keys);
    }
  }
  return rc;
}

static int same_keys(const imp_credential *stored, const char *password) {
  size_t keylen = imp_digest_by_name(stored->hash, strlen(stored->hash))->len;
  imp_scram_keys *keys;
  int rc = imp_scram_keys_new(&keys, stored->hash, password, stored->salt, stored->saltlen, stored->iterations);
  if (rc == IMP_OK) {
    const imp_credential *own = imp_scram_keys_get(keys);
    rc = imp_memeq_ct(own->stored_key, stored->stored_key, keylen) &
         imp_memeq_ct(own->server_key, stored->server_key, keylen);
    imp_scram_keys_del(keys);
  }
  return rc;
}

int imp_credential_opens(const char *text, size_t textlen, const char *password, const char *const *hashes,
                         uint32_t iterations) {
  imp_credential_slot slot;
  int good = 1;

  iterations = iterations != 0 ? iterations : IMP_SASL_ITERATIONS_DEFAULT;
  for (hashes = hashes != NULL ? hashes : usual; *hashes != NULL && good == 1; hashes++) {
    good = imp_credential_next(&slot, &text, &textlen) == IMP_OK && slot.credential.iterations == iterations &&
           strcmp(slot.credential.hash, *hashes) == 0;
    good = good ? same_keys(&slot.credential, password) : 0;
    imp_credential_wipe(&slot);
  }
  return good == 1 && textlen > 0 ? 0 : good;
}
