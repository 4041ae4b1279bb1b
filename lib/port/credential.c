#include "port/credential.h"

#include <string.h>

#include "core/mem.h"

struct imp_op_cred {
  imp_op_cred *next;
  size_t total; /* this struct and the bytes behind it, all to be wiped */
  imp_credential credential;
};

static size_t hash_len(const char *hash) {
  static const struct {
    const char *name;
    size_t len;
  } hashes[] = {{"SHA-1", 20}, {"SHA-256", 32}, {"SHA-512", 64}};
  for (size_t i = 0; i < IMP_ARRAY_LEN(hashes); i++) {
    if (strcmp(hashes[i].name, hash) == 0) {
      return hashes[i].len;
    }
  }
  return 0;
}

static int check(const imp_credential *c, size_t *keylen) {
  *keylen = 0;
  if (c->hash == NULL) {
    return c->password != NULL ? IMP_OK : IMP_ERR_INVALID_ARGUMENT;
  }
  *keylen = hash_len(c->hash);
  if (*keylen == 0 || c->salt == NULL || c->stored_key == NULL || c->server_key == NULL) {
    return IMP_ERR_INVALID_ARGUMENT;
  }
  if (c->iterations < 4096 || c->iterations > 10000000 || c->saltlen < 8 || c->saltlen > 64) {
    return IMP_ERR_RANGE;
  }
  return IMP_OK;
}

/* Copies len bytes to *at and moves it on; NULL stays NULL. */
static const void *put(uint8_t **at, const void *data, size_t len) {
  if (data == NULL) {
    return NULL;
  }
  uint8_t *to = *at;
  memcpy(to, data, len);
  *at += len;
  return to;
}

int imp_op_creds_add(imp_op_cred **creds, const imp_credential *credential) {
  imp_credential c;
  size_t keylen;
  if (credential->size < offsetof(imp_credential, server_key) + sizeof c.server_key) {
    return IMP_ERR_INVALID_ARGUMENT;
  }
  memcpy(&c, credential, sizeof c < credential->size ? sizeof c : credential->size);
  int rv = check(&c, &keylen);
  if (rv != IMP_OK) {
    return rv;
  }
  size_t passlen = c.password != NULL ? strlen(c.password) + 1 : 0;
  size_t hashlen = c.hash != NULL ? strlen(c.hash) + 1 : 0;
  size_t saltlen = c.hash != NULL ? c.saltlen : 0;
  size_t total = sizeof(imp_op_cred) + passlen + hashlen + saltlen + 2 * keylen;
  imp_op_cred *cred = imp_malloc(total);
  if (cred == NULL) {
    return IMP_ERR_NOMEM;
  }
  uint8_t *at = (uint8_t *)(cred + 1);
  cred->total = total;
  c.size = sizeof c;
  c.password = put(&at, c.password, passlen);
  c.salt = c.hash != NULL ? put(&at, c.salt, saltlen) : NULL;
  c.stored_key = c.hash != NULL ? put(&at, c.stored_key, keylen) : NULL;
  c.server_key = c.hash != NULL ? put(&at, c.server_key, keylen) : NULL;
  c.hash = put(&at, c.hash, hashlen);
  c.saltlen = saltlen;
  cred->credential = c;
  cred->next = *creds;
  *creds = cred;
  return IMP_OK;
}

void imp_op_creds_del(imp_op_cred *creds) {
  while (creds != NULL) {
    imp_op_cred *next = creds->next;
    imp_free_secret(creds, creds->total);
    creds = next;
  }
}

const imp_credential *imp_op_creds_find(const imp_op_cred *creds, const char *hash) {
  const imp_credential *clear = NULL, *any = NULL;
  for (; creds != NULL; creds = creds->next) {
    const imp_credential *c = &creds->credential;
    if (c->hash != NULL && strcmp(c->hash, hash != NULL ? hash : "SHA-256") == 0) {
      return c;
    }
    if (c->password != NULL) {
      clear = c;
    }
    any = c;
  }
  return clear != NULL || hash != NULL ? clear : any;
}
