#include <string.h>

#include "core/codec.h"
#include "core/mem.h"
#include "sasl/gs2.h"
#include "sasl/prep.h"
#include "sasl/sasl.h"
#include "sasl/scram_keys.h"

#define SERVER_NONCE_BYTES 18

void imp_scram_wipe(imp_scram *scram) {
  imp_buf_reset(&scram->messages);
  imp_buf_reset(&scram->binding);
  imp_free(scram->client_nonce);
  imp_free(scram->nonce);
  scram->client_nonce = scram->nonce = NULL;
}

static imp_sasl_result malformed(imp_sasl *sasl, const char *text) {
  return imp_sasl_refuse(sasl, "malformed-request", text, 0);
}

/* Checks the flag against the mechanism and the stream (RFC 5802 §6), and notes what c= must hold. */
static int take_binding(imp_sasl *sasl, const imp_gs2 *gs2, const char *header, imp_sasl_result *failed) {
  const void *data = NULL;
  size_t len = 0;
  imp_buf *want = &sasl->scram.binding;

  if ((gs2->flag == 'p') != sasl->mech->plus) {
    *failed = imp_sasl_refuse(sasl, "malformed-request", "channel binding flag does not fit the mechanism", 1);
    return IMP_ERR_MALFORMED;
  }
  if (gs2->flag == 'y' && sasl->params.plus_offered) {
    *failed = imp_sasl_refuse(sasl, "not-authorized", "channel binding was offered but not seen: downgrade", 1);
    return IMP_ERR_DENIED;
  }
  if (gs2->flag == 'p') {
    data = imp_binding_data(sasl->params.binding, imp_binding_type_by_name(gs2->binding.s, gs2->binding.len), &len);
    if (data == NULL) {
      *failed = imp_sasl_refuse(sasl, "malformed-request", "unsupported channel binding type", 1);
      return IMP_ERR_UNSUPPORTED;
    }
  }
  if (imp_buf_append(want, header, gs2->len) != IMP_OK || (len > 0 && imp_buf_append(want, data, len) != IMP_OK)) {
    *failed = imp_sasl_refuse_error(sasl, IMP_ERR_NOMEM);
    return IMP_ERR_NOMEM;
  }
  return IMP_OK;
}

static int is_nonce(const imp_text *nonce) {
  size_t i;
  for (i = 0; i < nonce->len; i++) {
    if (nonce->s[i] < 0x21 || nonce->s[i] > 0x7e) { /* the comma ended it */
      return 0;
    }
  }
  return nonce->len > 0 && nonce->len <= IMP_SCRAM_NONCE_MAX;
}

static int take_names(imp_sasl *sasl, const imp_gs2 *gs2, const imp_text *user) {
  char *name;
  size_t len;
  int rc = imp_saslname_decode(&name, &len, user);

  if (rc == IMP_OK) {
    rc = imp_sasl_set_username(sasl, name, len);
    imp_free(name);
  }
  if (rc == IMP_OK && gs2->has_authzid) {
    rc = imp_saslname_decode(&name, &len, &gs2->authzid);
    if (rc == IMP_OK) {
      rc = imp_sasl_set_authzid(sasl, name, len);
      imp_free(name);
    }
  }
  return rc;
}

imp_sasl_result imp_scram_first(imp_sasl *sasl, const char *in, size_t inlen) {
  imp_cursor cursor;
  imp_gs2 gs2;
  imp_text user, nonce;
  const char *bare;
  imp_sasl_result failed;
  int rc;

  cursor.at = in;
  cursor.end = in + inlen;
  if (imp_gs2_read(&gs2, &cursor) != IMP_OK) {
    return malformed(sasl, NULL);
  }
  if (take_binding(sasl, &gs2, in, &failed) != IMP_OK) {
    return failed;
  }
  bare = cursor.at;
  if (cursor.at != cursor.end && *cursor.at == 'm') {
    return malformed(sasl, "extensions are not supported");
  }
  if (imp_attribute_read(&user, &cursor, 'n') != IMP_OK || imp_attribute_read(&nonce, &cursor, 'r') != IMP_OK ||
      !is_nonce(&nonce)) {
    return malformed(sasl, NULL);
  }
  rc = take_names(sasl, &gs2, &user);
  if (rc == IMP_OK) {
    rc = imp_sasl_set_string(&sasl->scram.client_nonce, nonce.s, nonce.len);
  }
  if (rc == IMP_OK) {
    rc = imp_buf_append(&sasl->scram.messages, bare, (size_t)(cursor.end - bare));
  }
  return rc == IMP_OK ? IMP_SASL_NEED_CREDENTIAL : imp_sasl_refuse_error(sasl, rc);
}

/* What the server goes on with: the user's keys or made-up ones. */
typedef struct material {
  const uint8_t *salt;
  size_t saltlen;
  uint32_t iterations;
} material;

static int derive_from_clear(imp_sasl *sasl, const char *password, const material *m, imp_scram_fake *keys) {
  char *prepared;
  int rc = imp_saslprep(&prepared, password, strlen(password));

  if (rc != IMP_OK) {
    return rc == IMP_ERR_NOMEM ? rc : IMP_ERR_UNAVAILABLE; /* nobody can type it */
  }
  rc = imp_scram_derive(sasl->digest, prepared, strlen(prepared), m->salt, m->saltlen, m->iterations,
                        keys->stored_key, keys->server_key);
  imp_free_secret(prepared, strlen(prepared));
  return rc;
}

/* Either outcome does the same work: the made-up keys are always made, then perhaps written over. */
static int choose_keys(imp_sasl *sasl, const imp_credential *c, uint32_t known, imp_scram_fake *fake, material *m) {
  imp_scram *scram = &sasl->scram;
  int rc = imp_scram_fake_make(fake, sasl->digest, &sasl->params, sasl->username);
  int has_keys = c->hash != NULL && strcmp(c->hash, sasl->digest->name) == 0;
  int use_keys = has_keys & (int)known;

  m->salt = use_keys ? c->salt : fake->salt;
  m->saltlen = use_keys ? c->saltlen : sizeof fake->salt;
  m->iterations = use_keys ? c->iterations : sasl->params.iterations;
  scram->known = known;
  if (rc == IMP_OK && !has_keys) {
    scram->known = known && c->password != NULL;
    rc = c->password != NULL ? derive_from_clear(sasl, c->password, m, fake) : IMP_OK;
  }
  memcpy(scram->stored_key, use_keys ? c->stored_key : fake->stored_key, sasl->digest->len);
  memcpy(scram->server_key, use_keys ? c->server_key : fake->server_key, sasl->digest->len);
  return rc;
}

static int make_nonce(imp_sasl *sasl) {
  imp_scram *scram = &sasl->scram;
  uint8_t random[SERVER_NONCE_BYTES];
  char text[IMP_BASE64_LEN(SERVER_NONCE_BYTES)];
  const char *own = sasl->fixed_nonce != NULL ? sasl->fixed_nonce : text;
  size_t clientlen = strlen(scram->client_nonce), ownlen;
  int rc = imp_random_nonce(random, sizeof random);

  if (rc != IMP_OK) {
    return rc;
  }
  imp_base64_encode(text, random, sizeof random);
  ownlen = strlen(own);
  scram->nonce = imp_malloc(clientlen + ownlen + 1);
  if (scram->nonce == NULL) {
    return IMP_ERR_NOMEM;
  }
  memcpy(scram->nonce, scram->client_nonce, clientlen);
  memcpy(scram->nonce + clientlen, own, ownlen + 1);
  scram->noncelen = clientlen + ownlen;
  return IMP_OK;
}

static int write_server_first(imp_sasl *sasl, const material *m) {
  char salt[IMP_BASE64_LEN(IMP_SASL_SALT_MAX)], number[21];
  imp_buf *out = &sasl->out, *messages = &sasl->scram.messages;
  int rc;

  imp_base64_encode(salt, m->salt, m->saltlen);
  imp_format_u64(number, m->iterations);
  if ((rc = imp_buf_append_str(out, "r=")) != IMP_OK ||
      (rc = imp_buf_append(out, sasl->scram.nonce, sasl->scram.noncelen)) != IMP_OK ||
      (rc = imp_buf_append_str(out, ",s=")) != IMP_OK || (rc = imp_buf_append_str(out, salt)) != IMP_OK ||
      (rc = imp_buf_append_str(out, ",i=")) != IMP_OK || (rc = imp_buf_append_str(out, number)) != IMP_OK ||
      (rc = imp_buf_append(messages, ",", 1)) != IMP_OK) {
    return rc;
  }
  return imp_buf_append(messages, imp_buf_data(out), imp_buf_len(out));
}

imp_sasl_result imp_scram_credential(imp_sasl *sasl, const imp_credential *credential, uint32_t known) {
  imp_scram_fake fake;
  material m;
  int rc = choose_keys(sasl, credential, known, &fake, &m);

  if (rc == IMP_OK) {
    rc = make_nonce(sasl);
  }
  if (rc == IMP_OK) {
    rc = write_server_first(sasl, &m);
  }
  imp_wipe(&fake, sizeof fake);
  return rc == IMP_OK ? IMP_SASL_CONTINUE : imp_sasl_refuse_error(sasl, rc);
}

/* c=, r=, whatever, p=; `bare` is what the proof is made over. */
static int read_final(const char *in, size_t inlen, imp_text *binding, imp_text *nonce, imp_text *bare,
                      imp_text *proof) {
  imp_cursor cursor;

  cursor.at = in;
  cursor.end = in + inlen;
  if (imp_attribute_read(binding, &cursor, 'c') != IMP_OK || imp_attribute_read(nonce, &cursor, 'r') != IMP_OK) {
    return IMP_ERR_MALFORMED;
  }
  while (cursor.end - cursor.at >= 2 && *cursor.at != 'p') {
    imp_text ignored;
    if (*cursor.at == 'm' || imp_attribute_read(&ignored, &cursor, *cursor.at) != IMP_OK) {
      return IMP_ERR_MALFORMED;
    }
  }
  bare->s = in;
  bare->len = (size_t)(cursor.at - in);
  if (bare->len == 0 || in[--bare->len] != ',' || imp_attribute_read(proof, &cursor, 'p') != IMP_OK ||
      cursor.at != cursor.end || cursor.end[-1] == ',') {
    return IMP_ERR_MALFORMED;
  }
  return IMP_OK;
}

/* Base64 text against the bytes that it must stand for. IMP_ERR_MALFORMED, IMP_ERR_DENIED, IMP_ERR_NOMEM. */
static int check_binding(const imp_buf *want, const imp_text *got) {
  uint8_t *raw = imp_malloc(got->len / 4 * 3 + 3);
  size_t len = 0;
  int rc;

  if (raw == NULL) {
    return IMP_ERR_NOMEM;
  }
  rc = imp_base64_decode(raw, &len, got->s, got->len);
  if (rc == IMP_OK && (len != imp_buf_len(want) || !imp_memeq_ct(raw, imp_buf_data(want), len))) {
    rc = IMP_ERR_DENIED;
  }
  imp_free(raw);
  return rc;
}

/* The proof is checked, and the server's signature made, whether the user is known or not. */
static int check_proof(imp_sasl *sasl, const uint8_t *proof, uint8_t *signature, int *good) {
  const imp_digest *digest = sasl->digest;
  imp_scram *scram = &sasl->scram;
  const void *text = imp_buf_data(&scram->messages);
  size_t i, textlen = imp_buf_len(&scram->messages);
  uint8_t client[IMP_DIGEST_MAX], hashed[IMP_DIGEST_MAX];
  int rc = imp_digest_hmac(digest, scram->stored_key, digest->len, text, textlen, client);

  for (i = 0; rc == IMP_OK && i < digest->len; i++) {
    client[i] ^= proof[i];
  }
  if (rc == IMP_OK) {
    rc = imp_digest_hash(digest, client, digest->len, hashed);
  }
  if (rc == IMP_OK) {
    rc = imp_digest_hmac(digest, scram->server_key, digest->len, text, textlen, signature);
  }
  if (rc == IMP_OK) {
    *good = imp_memeq_ct(hashed, scram->stored_key, digest->len) & (int)scram->known;
  }
  imp_wipe(client, sizeof client);
  imp_wipe(hashed, sizeof hashed);
  return rc;
}

static int write_server_final(imp_sasl *sasl, const uint8_t *signature) {
  char text[IMP_BASE64_LEN(IMP_DIGEST_MAX)];
  int rc = imp_buf_append_str(&sasl->out, "v=");
  imp_base64_encode(text, signature, sasl->digest->len);
  return rc == IMP_OK ? imp_buf_append_str(&sasl->out, text) : rc;
}

static int append_bare(imp_buf *messages, const imp_text *bare) {
  int rc = imp_buf_append(messages, ",", 1);
  return rc == IMP_OK ? imp_buf_append(messages, bare->s, bare->len) : rc;
}

imp_sasl_result imp_scram_final(imp_sasl *sasl, const char *in, size_t inlen) {
  imp_scram *scram = &sasl->scram;
  imp_text binding, nonce, bare, proof;
  uint8_t raw[IMP_DIGEST_MAX + 8], signature[IMP_DIGEST_MAX];
  size_t rawlen = 0;
  int rc, good = 0;

  if (read_final(in, inlen, &binding, &nonce, &bare, &proof) != IMP_OK ||
      proof.len > IMP_BASE64_LEN(IMP_DIGEST_MAX) - 1 ||
      imp_base64_decode(raw, &rawlen, proof.s, proof.len) != IMP_OK || rawlen != sasl->digest->len) {
    return malformed(sasl, NULL);
  }
  if (nonce.len != scram->noncelen || !imp_memeq_ct(nonce.s, scram->nonce, nonce.len)) {
    return imp_sasl_refuse(sasl, "not-authorized", "nonce does not match", 0);
  }
  rc = check_binding(&scram->binding, &binding);
  if (rc == IMP_ERR_DENIED) {
    return imp_sasl_refuse(sasl, "not-authorized", "channel bindings don't match", 0);
  }
  if (rc == IMP_OK) {
    rc = append_bare(&scram->messages, &bare);
  }
  if (rc == IMP_OK) {
    rc = check_proof(sasl, raw, signature, &good);
  }
  if (rc == IMP_OK && good) {
    rc = write_server_final(sasl, signature);
  }
  if (rc != IMP_OK) {
    return imp_sasl_refuse_error(sasl, rc);
  }
  return good ? IMP_SASL_SUCCESS : imp_sasl_wrong_secret(sasl);
}
