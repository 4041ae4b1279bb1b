#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <time.h>

#include "world.h"

static int make(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, gnutls_datum_t *crt_pem, gnutls_datum_t *key_pem) {
  int rv =
      gnutls_x509_privkey_generate2(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0, NULL, 0);
  gnutls_x509_crt_set_version(crt, 3);
  gnutls_x509_crt_set_serial(crt, "1", 1);
  gnutls_x509_crt_set_activation_time(crt, time(NULL) - 60);
  gnutls_x509_crt_set_expiration_time(crt, time(NULL) + 86400);
  gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, "localhost", 9, GNUTLS_FSAN_SET);
  rv = rv == 0 ? gnutls_x509_crt_set_key(crt, key) : rv;
  rv = rv == 0 ? gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0) : rv;
  rv = rv == 0 ? gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, crt_pem) : rv;
  return rv == 0 ? gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, key_pem) : rv;
}

const char *script_certificate(const char **key) {
  static gnutls_datum_t crt_pem, key_pem;
  if (crt_pem.data == NULL) {
    gnutls_x509_crt_t crt;
    gnutls_x509_privkey_t private_key;
    gnutls_x509_crt_init(&crt);
    gnutls_x509_privkey_init(&private_key);
    make(crt, private_key, &crt_pem, &key_pem);
    gnutls_x509_crt_deinit(crt);
    gnutls_x509_privkey_deinit(private_key);
  }
  *key = (const char *)key_pem.data;
  return (const char *)crt_pem.data;
}
