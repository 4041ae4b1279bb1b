#include "xload.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_auth(struct conn *c, const char *el, const char *mech, const char *raw, int n) {
  char b64[1024];
  EVP_EncodeBlock((unsigned char *)b64, (const unsigned char *)raw, n);
  putf(c, "<%s xmlns='urn:ietf:params:xml:ns:xmpp-sasl'%s>%s</%s>", el, mech, b64, el);
}

void auth_start(struct conn *c) {
  char raw[256];
  int n;
  c->st = ST_AUTH;
  c->scram_step = 0;
  if (!opt.scram) {
    n = snprintf(raw, sizeof raw, "%cuser%d%c%s", 0, c->idx, 0, opt.pass);
    put_auth(c, "auth", " mechanism='PLAIN'", raw, n);
    return;
  }
  unsigned char rnd[16];
  RAND_bytes(rnd, sizeof rnd);
  for (int i = 0; i < 16; i++)
    snprintf(c->nonce + i * 2, 3, "%02x", rnd[i]);
  n = snprintf(raw, sizeof raw, "n,,n=user%d,r=%s", c->idx, c->nonce);
  put_auth(c, "auth", " mechanism='SCRAM-SHA-1'", raw, n);
}

static void hmac1(const unsigned char *key, const char *d, size_t n, unsigned char out[20]) {
  unsigned len = 20;
  HMAC(EVP_sha1(), key, 20, (const unsigned char *)d, n, out, &len);
}

/* The salted password; the last one is remembered, for servers with one salt for all. */
static void salted_password(const char *b64, int n, int iterations, unsigned char out[20]) {
  static unsigned char last[20], last_salt[160];
  static int last_n, last_iterations;
  unsigned char salt[160];
  int pad = n > 1 ? (b64[n - 1] == '=') + (b64[n - 1] == '=' && b64[n - 2] == '=') : 0;
  int len = EVP_DecodeBlock(salt, (const unsigned char *)b64, n < 200 ? n : 200) - pad;
  if (len < 0)
    len = 0;
  if (len != last_n || iterations != last_iterations || memcmp(salt, last_salt, (size_t)len)) {
    PKCS5_PBKDF2_HMAC_SHA1(opt.pass, -1, salt, len, iterations, 20, last);
    memcpy(last_salt, salt, (size_t)len);
    last_n = len;
    last_iterations = iterations;
  }
  memcpy(out, last, 20);
}

/* RFC 5802: the proof for one challenge, and the signature that the server must show. */
static void answer(struct conn *c, const char *first, const char *r, const char *salt,
                   const char *iter) {
  char signed_text[1200], fin[512], proof[64];
  unsigned char salted[20], client[20], server[20], stored[20], sig[20];
  salted_password(salt + 3, (int)(iter - salt - 3), (int)strtol(iter + 3, NULL, 10), salted);
  hmac1(salted, "Client Key", 10, client);
  hmac1(salted, "Server Key", 10, server);
  EVP_Digest(client, 20, stored, NULL, EVP_sha1(), NULL);
  int fl = snprintf(fin, sizeof fin, "c=biws,r=%.*s", (int)(salt - r - 2), r + 2);
  int al = snprintf(signed_text, sizeof signed_text, "n=user%d,r=%s,%s,%s", c->idx, c->nonce, first,
                    fin);
  hmac1(stored, signed_text, (size_t)al, sig);
  hmac1(server, signed_text, (size_t)al, c->server_sig);
  for (int i = 0; i < 20; i++)
    client[i] ^= sig[i];
  EVP_EncodeBlock((unsigned char *)proof, client, 20);
  fl += snprintf(fin + fl, sizeof fin - (size_t)fl, ",p=%s", proof);
  put_auth(c, "response", "", fin, fl);
}

void auth_challenge(struct conn *c, const char *s, size_t n) {
  char first[400];
  if (xml_base64(s, n, first, sizeof first - 1) < 0 || c->scram_step++) {
    conn_fail(c, "bad SCRAM challenge");
    return;
  }
  const char *r = strstr(first, "r="), *salt = strstr(first, ",s="), *iter = strstr(first, ",i=");
  if (!r || !salt || !iter || salt < r || iter < salt + 3 || strncmp(r + 2, c->nonce, 32))
    conn_fail(c, "bad SCRAM server-first");
  else
    answer(c, first, r, salt, iter);
}

int auth_verify(struct conn *c, const char *s, size_t n) {
  char got[256], want[64] = "v=";
  if (xml_base64(s, n, got, sizeof got - 1) < 0)
    return 0;
  EVP_EncodeBlock((unsigned char *)want + 2, c->server_sig, 20);
  return !strncmp(got, want, strlen(want));
}
