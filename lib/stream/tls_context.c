/* Certificate, priorities and ticket key: one set for all sessions. */
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "core/mem.h"
#include "stream/tls_internal.h"

/* Forward secrecy and AEAD ciphers only. */
/* X25519 first: clients bring a key share of it, so no HelloRetryRequest costs a round trip. */
#define PRIORITIES                                                                        \
  "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-DHE-RSA:-CIPHER-ALL:+AES-128-GCM:" \
  "+AES-256-GCM:+CHACHA20-POLY1305:-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:"          \
  "+GROUP-SECP384R1:+GROUP-SECP521R1:+GROUP-X448:+GROUP-FFDHE2048:+GROUP-FFDHE3072:"    \
  "+GROUP-FFDHE4096:%SERVER_PRECEDENCE"

/* RFC 5929 §4.1: the certificate's own hash, but SHA-256 in place of MD5 and SHA-1, and where it has none. */
static gnutls_digest_algorithm_t end_point_hash(gnutls_x509_crt_t crt) {
  int sign = gnutls_x509_crt_get_signature_algorithm(crt);
  gnutls_digest_algorithm_t hash = gnutls_sign_get_hash_algorithm((gnutls_sign_algorithm_t)sign);
  switch (hash) {
  case GNUTLS_DIG_SHA224:
  case GNUTLS_DIG_SHA384:
  case GNUTLS_DIG_SHA512:
    return hash;
  default:
    return GNUTLS_DIG_SHA256;
  }
}

static int hash_certificate(imp_tls_context *ctx) {
  gnutls_datum_t der;
  gnutls_x509_crt_t crt;
  int rc = gnutls_certificate_get_crt_raw(ctx->cred, 0, 0, &der);
  if (rc == 0) {
    rc = gnutls_hash_fast(GNUTLS_DIG_SHA256, der.data, der.size, ctx->fingerprint);
  }
  if (rc == 0) {
    rc = gnutls_x509_crt_init(&crt);
  }
  if (rc != 0) {
    return rc;
  }
  rc = gnutls_x509_crt_import(crt, &der, GNUTLS_X509_FMT_DER);
  if (rc == 0) {
    gnutls_digest_algorithm_t hash = end_point_hash(crt);
    ctx->end_point_len = gnutls_hash_get_len(hash);
    rc = gnutls_hash_fast(hash, der.data, der.size, ctx->end_point);
  }
  gnutls_x509_crt_deinit(crt);
  return rc;
}

static gnutls_datum_t datum(const char *text) {
  gnutls_datum_t d = {(unsigned char *)(uintptr_t)text, (unsigned)strlen(text)};
  return d;
}

/* The step that failed is left in *what. */
static int load(imp_tls_context *ctx, const imp_tls_config *config, const char **what) {
  gnutls_datum_t cert = datum(config->certificate_pem), key = datum(config->key_pem);
  *what = "credentials";
  int rc = gnutls_certificate_allocate_credentials(&ctx->cred);
  if (rc == 0) {
    *what = "certificate or key";
    rc = gnutls_certificate_set_x509_key_mem(ctx->cred, &cert, &key, GNUTLS_X509_FMT_PEM);
  }
  if (rc == 0) {
    rc = hash_certificate(ctx);
  }
  if (rc == 0 && config->ca_pem != NULL) {
    gnutls_datum_t ca = datum(config->ca_pem);
    *what = "client certificate authorities";
    int n = gnutls_certificate_set_x509_trust_mem(ctx->cred, &ca, GNUTLS_X509_FMT_PEM);
    rc = n > 0 ? 0 : n < 0 ? n : GNUTLS_E_NO_CERTIFICATE_FOUND;
    ctx->asks_certificate = 1;
  }
  if (rc == 0) {
    *what = "priorities";
    rc = gnutls_priority_init(&ctx->priorities, config->priorities != NULL ? config->priorities : PRIORITIES, NULL);
  }
  if (rc == 0) {
    *what = "ticket key";
    rc = gnutls_session_ticket_key_generate(&ctx->ticket_key);
  }
  return rc;
}

int imp_tls_context_new(imp_tls_context **out, const imp_tls_config *config, char *text, size_t textlen) {
  const char *what;
  if (config->certificate_pem == NULL || config->key_pem == NULL) {
    imp_set_error(text, textlen, "TLS needs a certificate and a key");
    return IMP_ERR_INVALID_ARGUMENT;
  }
  imp_tls_context *ctx = imp_calloc(1, sizeof *ctx);
  if (ctx == NULL) {
    return IMP_ERR_NOMEM;
  }
  ctx->refs = 1;
  int rc = load(ctx, config, &what);
  if (rc != 0) {
    imp_set_error(text, textlen, "TLS %s: %s", what, gnutls_strerror(rc));
    imp_tls_context_del(ctx);
    return rc == GNUTLS_E_MEMORY_ERROR ? IMP_ERR_NOMEM : IMP_ERR_INVALID_ARGUMENT;
  }
  *out = ctx;
  return IMP_OK;
}

imp_tls_context *imp_tls_context_ref(imp_tls_context *ctx) {
  ctx->refs++;
  return ctx;
}

void imp_tls_context_del(imp_tls_context *ctx) {
  if (ctx == NULL || --ctx->refs > 0) {
    return;
  }
  if (ctx->ticket_key.data != NULL) {
    imp_wipe(ctx->ticket_key.data, ctx->ticket_key.size);
    gnutls_free(ctx->ticket_key.data);
  }
  if (ctx->priorities != NULL) {
    gnutls_priority_deinit(ctx->priorities);
  }
  if (ctx->cred != NULL) {
    gnutls_certificate_free_credentials(ctx->cred);
  }
  imp_free(ctx);
}

int imp_tls_context_fingerprint(const imp_tls_context *ctx, char *dst) {
  for (size_t i = 0; i < sizeof ctx->fingerprint; i++) {
    snprintf(dst + 3 * i, 4, "%02X%s", ctx->fingerprint[i], i + 1 < sizeof ctx->fingerprint ? ":" : "");
  }
  return IMP_OK;
}
