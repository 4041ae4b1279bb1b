#include "sasl/crypto.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>

#include "core/mem.h"

static const imp_digest digests[] = {
    {"SHA-1", 20, GNUTLS_DIG_SHA1, GNUTLS_MAC_SHA1},
    {"SHA-256", 32, GNUTLS_DIG_SHA256, GNUTLS_MAC_SHA256},
    {"SHA-512", 64, GNUTLS_DIG_SHA512, GNUTLS_MAC_SHA512},
};

const imp_digest *imp_digest_by_name(const char *name, size_t namelen) {
  size_t i;
  for (i = 0; i < IMP_ARRAY_LEN(digests); i++) {
    if (strlen(digests[i].name) == namelen && memcmp(digests[i].name, name, namelen) == 0) {
      return &digests[i];
    }
  }
  return NULL;
}

static int result(int gnutls_error) { return gnutls_error < 0 ? IMP_ERR_UNAVAILABLE : IMP_OK; }

int imp_digest_hash(const imp_digest *digest, const void *data, size_t len, uint8_t *out) {
  return result(gnutls_hash_fast((gnutls_digest_algorithm_t)digest->hash, data, len, out));
}

int imp_digest_hmac(const imp_digest *digest, const void *key, size_t keylen, const void *data, size_t len,
                    uint8_t *out) {
  return result(gnutls_hmac_fast((gnutls_mac_algorithm_t)digest->mac, key, keylen, data, len, out));
}

int imp_digest_pbkdf2(const imp_digest *digest, const void *password, size_t passwordlen, const void *salt,
                      size_t saltlen, uint32_t iterations, uint8_t *out) {
  gnutls_datum_t key, extra;
  key.data = (unsigned char *)(uintptr_t)password;
  key.size = (unsigned)passwordlen;
  extra.data = (unsigned char *)(uintptr_t)salt;
  extra.size = (unsigned)saltlen;
  return result(gnutls_pbkdf2((gnutls_mac_algorithm_t)digest->mac, &key, &extra, iterations, out, digest->len));
}

int imp_random_key(void *out, size_t len) { return result(gnutls_rnd(GNUTLS_RND_KEY, out, len)); }

int imp_random_nonce(void *out, size_t len) { return result(gnutls_rnd(GNUTLS_RND_NONCE, out, len)); }
