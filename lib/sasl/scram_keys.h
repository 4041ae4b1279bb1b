/* SCRAM's arithmetic (RFC 5802 §3). */
#ifndef IMP_SASL_SCRAM_KEYS_H
#define IMP_SASL_SCRAM_KEYS_H

#include <imp/sasl.h>

#include "sasl/crypto.h"

/* StoredKey and ServerKey of a password that is prepared already. IMP_ERR_UNAVAILABLE. */
int imp_scram_derive(const imp_digest *digest, const char *password, size_t passwordlen, const void *salt,
                     size_t saltlen, uint32_t iterations, uint8_t *stored_key, uint8_t *server_key);

/* What unknown users get: the same for the same name and hash, for ever. */
#define IMP_SCRAM_FAKE_SALT_LEN 16
typedef struct imp_scram_fake {
  uint8_t salt[IMP_SCRAM_FAKE_SALT_LEN];
  uint8_t stored_key[IMP_DIGEST_MAX];
  uint8_t server_key[IMP_DIGEST_MAX];
} imp_scram_fake;
int imp_scram_fake_make(imp_scram_fake *fake, const imp_digest *digest, const imp_sasl_params *params,
                        const char *username);

#endif
