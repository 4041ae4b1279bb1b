#include "certificate.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DAY 86400

static int failed(const certificate_files *files, const char *path, const char *why) {
  files->say(files->arg, path, why);
  return -1;
}

/* A file as a string, NULL if it cannot be read. */
static char *read_file(const char *path) {
  gnutls_datum_t data;
  if (gnutls_load_file(path, &data) < 0) {
    return NULL;
  }
  char *text = malloc(data.size + 1);
  if (text != NULL) {
    memcpy(text, data.data, data.size);
    text[data.size] = '\0';
  }
  gnutls_free(data.data);
  return text;
}

/* Written whole under another name first, so that no half file is ever found. */
static int write_file(const certificate_files *files, const char *path, const gnutls_datum_t *data) {
  char name[1100];
  snprintf(name, sizeof name, "%s.new", path);
  int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) {
    return failed(files, name, strerror(errno));
  }
  int good = write(fd, data->data, data->size) == (ssize_t)data->size && fsync(fd) == 0;
  good = close(fd) == 0 && good;
  return good && rename(name, path) == 0 ? 0 : failed(files, path, strerror(errno));
}

static int still_good(const char *pem, const char *domain) {
  gnutls_x509_crt_t crt;
  gnutls_datum_t data = {(unsigned char *)(uintptr_t)pem, (unsigned)strlen(pem)};
  if (gnutls_x509_crt_init(&crt) < 0) {
    return 0;
  }
  int good = gnutls_x509_crt_import(crt, &data, GNUTLS_X509_FMT_PEM) == 0 &&
             gnutls_x509_crt_get_expiration_time(crt) > time(NULL) + 30 * DAY &&
             gnutls_x509_crt_check_hostname(crt, domain);
  gnutls_x509_crt_deinit(crt);
  return good;
}

static void add_name(gnutls_x509_crt_t crt, gnutls_x509_subject_alt_name_t type, const void *name, size_t len) {
  gnutls_x509_crt_set_subject_alt_name(crt, type, name, (unsigned)len, GNUTLS_FSAN_APPEND);
}

static int fill_in(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const char *domain) {
  static const unsigned char v4[4] = {127, 0, 0, 1}, v6[16] = {[15] = 1};
  unsigned char serial[16];
  time_t now = time(NULL);
  int rv = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof serial);
  serial[0] = (serial[0] & 0x7f) | 1;
  gnutls_x509_crt_set_version(crt, 3);
  gnutls_x509_crt_set_serial(crt, serial, sizeof serial);
  gnutls_x509_crt_set_activation_time(crt, now - DAY);
  gnutls_x509_crt_set_expiration_time(crt, now + 730 * DAY);
  gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, domain, (unsigned)strnlen(domain, 64));
  add_name(crt, GNUTLS_SAN_DNSNAME, domain, strlen(domain));
  if (strcmp(domain, "localhost") != 0) {
    add_name(crt, GNUTLS_SAN_DNSNAME, "localhost", 9);
  }
  add_name(crt, GNUTLS_SAN_IPADDRESS, v4, sizeof v4);
  add_name(crt, GNUTLS_SAN_IPADDRESS, v6, sizeof v6);
  gnutls_x509_crt_set_basic_constraints(crt, 0, -1);
  gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
  gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
  rv = rv == 0 ? gnutls_x509_crt_set_key(crt, key) : rv;
  return rv == 0 ? gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0) : rv;
}

static int make(const certificate_files *files, const char *cert_path, const char *key_path) {
  gnutls_x509_crt_t crt = NULL;
  gnutls_x509_privkey_t key = NULL;
  gnutls_datum_t crt_pem = {NULL, 0}, key_pem = {NULL, 0};
  int rv = gnutls_x509_crt_init(&crt);
  rv = rv == 0 ? gnutls_x509_privkey_init(&key) : rv;
  rv = rv == 0 ? gnutls_x509_privkey_generate2(key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1),
                                               0, NULL, 0)
               : rv;
  rv = rv == 0 ? fill_in(crt, key, files->domain) : rv;
  rv = rv == 0 ? gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &crt_pem) : rv;
  rv = rv == 0 ? gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &key_pem) : rv;
  int status = rv < 0 ? failed(files, cert_path, gnutls_strerror(rv)) : write_file(files, key_path, &key_pem);
  status = status == 0 ? write_file(files, cert_path, &crt_pem) : status;
  gnutls_free(crt_pem.data);
  gnutls_free(key_pem.data);
  gnutls_x509_crt_deinit(crt);
  gnutls_x509_privkey_deinit(key);
  return status;
}

static int give(imp_node *node, const certificate_files *files, const char *cert_path, const char *key_path) {
  const char *ca_path = files->client_ca;
  char *cert = read_file(cert_path), *key = read_file(key_path);
  char *ca = ca_path != NULL ? read_file(ca_path) : NULL;
  int status = 0;
  if (cert == NULL || key == NULL || (ca_path != NULL && ca == NULL)) {
    status = failed(files, cert == NULL ? cert_path : key == NULL ? key_path : ca_path, "cannot be read");
  } else if (imp_node_set_tls(node, cert, key, ca) != IMP_OK) {
    status = failed(files, cert_path, imp_node_last_error(node));
  }
  free(cert);
  free(key);
  free(ca);
  return status;
}

int certificate_load(imp_node *node, const certificate_files *files) {
  char cert_path[1060], key_path[1060];
  if (files->cert != NULL) {
    return give(node, files, files->cert, files->key);
  }
  snprintf(cert_path, sizeof cert_path, "%s/certificate.pem", files->directory);
  snprintf(key_path, sizeof key_path, "%s/key.pem", files->directory);
  char *pem = read_file(cert_path);
  int keep = pem != NULL && access(key_path, R_OK) == 0 && still_good(pem, files->domain);
  free(pem);
  if (!keep && make(files, cert_path, key_path) != 0) {
    return -1;
  }
  return give(node, files, cert_path, key_path);
}
