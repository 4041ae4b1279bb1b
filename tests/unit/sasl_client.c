#include "sasl_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/codec.h"
#include "sasl/crypto.h"

void sasl_params(imp_sasl_params *params, const imp_channel_binding *binding) {
  memset(params, 0, sizeof *params);
  params->size = sizeof *params;
  params->binding = binding;
  params->iterations = 4096;
  params->fake_key = "0123456789abcdef0123456789abcdef";
  params->fake_keylen = 32;
}

/* "r=NONCE,s=SALT,i=N" taken apart. */
static void read_first(const char *first, char *nonce, uint8_t *salt, size_t *saltlen, uint32_t *iterations) {
  char salt64[128];
  unsigned i;
  if (sscanf(first, "r=%1000[^,],s=%127[^,],i=%u", nonce, salt64, &i) != 3 ||
      imp_base64_decode(salt, saltlen, salt64, strlen(salt64)) != IMP_OK) {
    fprintf(stderr, "no server-first: %s\n", first);
    abort();
  }
  *iterations = i;
}

void sasl_scram_final(sasl_final *out, const char *hash, const char *password, const char *gs2, const void *binding,
                      size_t bindinglen, const char *bare, const char *server_first, size_t server_firstlen) {
  const imp_digest *d = imp_digest_by_name(hash, strlen(hash));
  char first[2 * SASL_TEXT_MAX], nonce[1001], base64[SASL_TEXT_MAX], without[2 * SASL_TEXT_MAX], all[8 * SASL_TEXT_MAX];
  uint8_t salt[128], salted[64], client[64], stored[64], server[64], sig[64], cbind[SASL_TEXT_MAX / 2];
  size_t saltlen, i, gs2len = strlen(gs2);
  uint32_t iterations;

  snprintf(first, sizeof first, "%.*s", (int)server_firstlen, server_first);
  read_first(first, nonce, salt, &saltlen, &iterations);
  memcpy(cbind, gs2, gs2len);
  if (bindinglen > 0) {
    memcpy(cbind + gs2len, binding, bindinglen);
  }
  imp_base64_encode(base64, cbind, gs2len + bindinglen);
  snprintf(without, sizeof without, "c=%s,r=%s", base64, nonce);
  snprintf(all, sizeof all, "%s,%s,%s", bare, first, without);

  imp_digest_pbkdf2(d, password, strlen(password), salt, saltlen, iterations, salted);
  imp_digest_hmac(d, salted, d->len, "Client Key", 10, client);
  imp_digest_hash(d, client, d->len, stored);
  imp_digest_hmac(d, stored, d->len, all, strlen(all), sig);
  for (i = 0; i < d->len; i++) {
    client[i] ^= sig[i];
  }
  imp_base64_encode(base64, client, d->len);
  snprintf(out->message, sizeof out->message, "%.800s,p=%.100s", without, base64);
  imp_digest_hmac(d, salted, d->len, "Server Key", 10, server);
  imp_digest_hmac(d, server, d->len, all, strlen(all), sig);
  imp_base64_encode(base64, sig, d->len);
  snprintf(out->verifier, sizeof out->verifier, "v=%.100s", base64);
}
