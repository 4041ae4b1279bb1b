/* The hashes of SASL, on GnuTLS. Functions return IMP_OK or IMP_ERR_UNAVAILABLE (GnuTLS failed: memory, policy). */
#ifndef IMP_SASL_CRYPTO_H
#define IMP_SASL_CRYPTO_H

#include <imp/core.h>

#include "core/mem.h"

#define IMP_DIGEST_MAX 64

typedef struct imp_digest {
  const char *name; /* "SHA-256" */
  size_t len;
  int hash; /* gnutls_digest_algorithm_t */
  int mac;  /* gnutls_mac_algorithm_t */
} imp_digest;

/* NULL if there is none of this name. */
const imp_digest *imp_digest_by_name(const char *name, size_t namelen);

/* out: digest->len bytes, for each of these. */
int imp_digest_hash(const imp_digest *digest, const void *data, size_t len, uint8_t *out);
int imp_digest_hmac(const imp_digest *digest, const void *key, size_t keylen, const void *data, size_t len,
                    uint8_t *out);
int imp_digest_pbkdf2(const imp_digest *digest, const void *password, size_t passwordlen, const void *salt,
                      size_t saltlen, uint32_t iterations, uint8_t *out);

/* Random bytes for keys and tokens, and for what is only to be unique (salts, nonces). */
int imp_random_key(void *out, size_t len);
int imp_random_nonce(void *out, size_t len);

#endif
