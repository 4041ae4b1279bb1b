/*
 * Credentials as text, to be stored.
 *
 * One line a hash (RFC 5803 §2's shape, prefix included):
 *
 *   SCRAM-SHA-256$10000:BASE64(salt)$BASE64(StoredKey):BASE64(ServerKey)
 *
 * An account's value is one or more such lines, joined by "\n".  Passwords in the clear have no text form.
 */
#ifndef IMP_SASL_CREDENTIAL_H
#define IMP_SASL_CREDENTIAL_H

#include <imp/sasl.h>

#include "core/buf.h"

#define IMP_SASL_ITERATIONS_MIN 4096u
#define IMP_SASL_ITERATIONS_MAX 10000000u
#define IMP_SASL_ITERATIONS_DEFAULT 10000u
#define IMP_SASL_SALT_MIN 8
#define IMP_SASL_SALT_MAX 64
#define IMP_SASL_KEY_MAX 64

/* A credential with the memory that it points into. Wipe when done. Do not copy by assignment. */
typedef struct imp_credential_slot {
  imp_credential credential;
  uint8_t salt[IMP_SASL_SALT_MAX];
  uint8_t stored_key[IMP_SASL_KEY_MAX];
  uint8_t server_key[IMP_SASL_KEY_MAX];
} imp_credential_slot;

/* Appends one line, preceded by "\n" if `out` is not empty. IMP_ERR_INVALID_ARGUMENT if there are no (valid) keys. */
int imp_credential_encode(imp_buf *out, const imp_credential *credential);
/* Parses one line (no "\n"). IMP_ERR_MALFORMED, IMP_ERR_RANGE (iterations, salt), IMP_ERR_UNSUPPORTED (hash). */
int imp_credential_decode(imp_credential_slot *slot, const char *text, size_t textlen);
/* Takes the next line off a stored value: advances *text and *textlen. IMP_ERR_NOT_FOUND at the end; an error of
   imp_credential_decode() leaves the line consumed, so the walk can go on. */
int imp_credential_next(imp_credential_slot *slot, const char **text, size_t *textlen);
void imp_credential_wipe(imp_credential_slot *slot);

/* IMP_OK if a credential's keys are all there and in range (a password alone is fine too). */
int imp_credential_check(const imp_credential *credential);

/* The text for a password: a line for every hash in `hashes` ("SHA-1", …; NULL-ended list; NULL: "SHA-256" and
   "SHA-512" and "SHA-1"), each with a salt of its own. `iterations` 0: the default.
   IMP_ERR_INVALID_ARGUMENT: SASLprep forbids the password; IMP_ERR_RANGE. */
int imp_credential_derive(imp_buf *out, const char *password, const char *const *hashes, uint32_t iterations);
/* 1 if a stored value is what imp_credential_derive() could have made of these, 0 if not; or an error of
   imp_scram_keys_new(). */
int imp_credential_opens(const char *text, size_t textlen, const char *password, const char *const *hashes,
                         uint32_t iterations);

#endif
