#include "sasl/scram_keys.h"

#include <string.h>

#include "core/mem.h"
#include "sasl/credential.h"
#include "sasl/prep.h"

struct imp_scram_keys {
  imp_credential_slot slot;
};

int imp_scram_derive(const imp_digest *digest, const char *password, size_t passwordlen, const void *salt,
                     size_t saltlen, uint32_t iterations, uint8_t *stored_key, uint8_t *server_key) {
  uint8_t salted[IMP_DIGEST_MAX], client_key[IMP_DIGEST_MAX];
  int rc = imp_digest_pbkdf2(digest, password, passwordlen, salt, saltlen, iterations, salted);

  if (rc == IMP_OK) {
    rc = imp_digest_hmac(digest, salted, digest->len, "Client Key", 10, client_key);
  }
  if (rc == IMP_OK) {
    rc = imp_digest_hash(digest, client_key, digest->len, stored_key);
  }
  if (rc == IMP_OK) {
    rc = imp_digest_hmac(digest, salted, digest->len, "Server Key", 10, server_key);
  }
  imp_wipe(salted, sizeof salted);
  imp_wipe(client_key, sizeof client_key);
  return rc;
}

/* One digest of the service's key, what it is for, the hash's name and the user's name. */
static int fake_part(uint8_t *out, const imp_digest *digest, const imp_sasl_params *params, char what,
                     const char *username) {
  char text[IMP_SASL_NAME_MAX + 16];
  size_t namelen = strlen(username), hashlen = strlen(digest->name);

  if (namelen > IMP_SASL_NAME_MAX) {
    namelen = IMP_SASL_NAME_MAX;
  }
  text[0] = what;
  memcpy(text + 1, digest->name, hashlen + 1);
  memcpy(text + hashlen + 2, username, namelen);
  return imp_digest_hmac(digest, params->fake_key, params->fake_keylen, text, hashlen + 2 + namelen, out);
}

int imp_scram_fake_make(imp_scram_fake *fake, const imp_digest *digest, const imp_sasl_params *params,
                        const char *username) {
  uint8_t salt[IMP_DIGEST_MAX] = {0};
  int rc;

  memset(fake, 0, sizeof *fake);
  rc = fake_part(salt, digest, params, 's', username);

  if (rc == IMP_OK) {
    rc = fake_part(fake->stored_key, digest, params, 'c', username);
  }
  if (rc == IMP_OK) {
    rc = fake_part(fake->server_key, digest, params, 'k', username);
  }
  memcpy(fake->salt, salt, sizeof fake->salt);
  return rc;
}

static int fill_salt(imp_credential_slot *slot, const void *salt, size_t saltlen) {
  if (salt == NULL) {
    slot->credential.saltlen = 16;
    return imp_random_nonce(slot->salt, 16);
  }
  if (saltlen < IMP_SASL_SALT_MIN || saltlen > IMP_SASL_SALT_MAX) {
    return IMP_ERR_RANGE;
  }
  memcpy(slot->salt, salt, saltlen);
  slot->credential.saltlen = saltlen;
  return IMP_OK;
}

static int fill(imp_credential_slot *slot, const imp_digest *digest, const char *password, const void *salt,
                size_t saltlen, uint32_t iterations) {
  imp_credential *c = &slot->credential;
  char *prepared;
  int rc = fill_salt(slot, salt, saltlen);

  if (rc != IMP_OK) {
    return rc;
  }
  rc = imp_saslprep(&prepared, password, strlen(password));
  if (rc != IMP_OK) {
    return rc == IMP_ERR_NOMEM ? rc : IMP_ERR_INVALID_ARGUMENT;
  }
  c->size = sizeof *c;
  c->hash = digest->name;
  c->iterations = iterations;
  c->salt = slot->salt;
  c->stored_key = slot->stored_key;
  c->server_key = slot->server_key;
  rc = imp_scram_derive(digest, prepared, strlen(prepared), slot->salt, c->saltlen, iterations, slot->stored_key,
                        slot->server_key);
  imp_free_secret(prepared, strlen(prepared));
  return rc;
}

int imp_scram_keys_new(imp_scram_keys **keys_ptr, const char *hash, const char *password, const void *salt,
                       size_t saltlen, uint32_t iterations) {
  const imp_digest *digest = imp_digest_by_name(hash, strlen(hash));
  imp_scram_keys *keys;
  int rc;

  if (digest == NULL) {
    return IMP_ERR_UNSUPPORTED;
  }
  if (iterations < IMP_SASL_ITERATIONS_MIN || iterations > IMP_SASL_ITERATIONS_MAX) {
    return IMP_ERR_RANGE;
  }
  keys = imp_calloc(1, sizeof *keys);
  if (keys == NULL) {
    return IMP_ERR_NOMEM;
  }
  rc = fill(&keys->slot, digest, password, salt, saltlen, iterations);
  if (rc != IMP_OK) {
    imp_scram_keys_del(keys);
    return rc;
  }
  *keys_ptr = keys;
  return IMP_OK;
}

const imp_credential *imp_scram_keys_get(const imp_scram_keys *keys) { return &keys->slot.credential; }

void imp_scram_keys_del(imp_scram_keys *keys) {
  if (keys != NULL) {
    imp_free_secret(keys, sizeof *keys);
  }
}
