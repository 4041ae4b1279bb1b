#include "c2s/certificate.h"

#include <gnutls/x509.h>
#include <string.h>

#define XMPP_ADDR_OID "1.3.6.1.5.5.7.8.5"
#define MAX_NAMES 32

/* What was found so far: how many names are ours, and the one that was asked for or was first. */
typedef struct search {
  const imp_jid *domain;
  const imp_jid *wanted; /* NULL: any */
  char *username;
  unsigned found;
} search;

static void consider(search *s, const char *text, size_t len) {
  imp_jid *jid;
  if (imp_jid_new(&jid, text, len) < 0) {
    return;
  }
  if (strcmp(imp_jid_domain(jid), imp_jid_domain(s->domain)) == 0 && *imp_jid_local(jid) != '\0' &&
      imp_jid_is_bare(jid) && (s->wanted == NULL || imp_jid_equal(s->wanted, jid))) {
    s->found++;
    memcpy(s->username, imp_jid_local(jid), strlen(imp_jid_local(jid)) + 1);
  }
  imp_jid_del(jid);
}

static int is_xmpp_addr(gnutls_x509_crt_t crt, unsigned seq) {
  char oid[64];
  size_t len = sizeof(oid);
  return gnutls_x509_crt_get_subject_alt_othername_oid(crt, seq, oid, &len) >= 0 && strcmp(oid, XMPP_ADDR_OID) == 0;
}

static void search_names(search *s, gnutls_x509_crt_t crt) {
  unsigned seq;
  for (seq = 0; seq < MAX_NAMES; seq++) {
    char name[IMP_JID_MAX + 1];
    size_t len = sizeof(name);
    int rv = gnutls_x509_crt_get_subject_alt_name(crt, seq, name, &len, NULL);
    if (rv == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) {
      break;
    }
    if ((rv == GNUTLS_SAN_OTHERNAME || rv == GNUTLS_SAN_OTHERNAME_XMPP) && is_xmpp_addr(crt, seq)) {
      consider(s, name, len);
    }
  }
}

static int parse_wanted(const char *authzid, imp_jid **wanted) {
  *wanted = NULL;
  return *authzid ? imp_jid_new(wanted, authzid, strlen(authzid)) : IMP_OK;
}

int imp_certificate_user(const void *der, size_t len, const imp_jid *domain, const char *authzid, char *username) {
  gnutls_datum_t data = {.data = (unsigned char *)(uintptr_t)der, .size = (unsigned)len};
  gnutls_x509_crt_t crt;
  imp_jid *wanted;
  search s = {.domain = domain, .username = username};
  int rv = parse_wanted(authzid, &wanted);
  if (rv < 0) {
    return rv;
  }
  if (gnutls_x509_crt_init(&crt) < 0) {
    imp_jid_del(wanted);
    return IMP_ERR_NOMEM;
  }
  s.wanted = wanted;
  rv = gnutls_x509_crt_import(crt, &data, GNUTLS_X509_FMT_DER) < 0 ? IMP_ERR_MALFORMED : IMP_OK;
  if (rv == IMP_OK) {
    search_names(&s, crt);
  }
  gnutls_x509_crt_deinit(crt);
  imp_jid_del(wanted);
  if (rv < 0) {
    return rv;
  }
  return s.found == 1 || (s.wanted != NULL && s.found > 0) ? IMP_OK : IMP_ERR_DENIED;
}
