/* What a login may know of the TLS session: channel bindings and the peer's certificate. */
#include <gnutls/x509.h>
#include <string.h>

#include "core/mem.h"
#include "stream/tls_internal.h"

static size_t get(gnutls_session_t session, gnutls_channel_binding_t type, uint8_t *dst, size_t cap) {
  gnutls_datum_t cb = {NULL, 0};
  size_t len = 0;
  if (gnutls_session_channel_binding(session, type, &cb) == 0 && cb.size <= cap) {
    memcpy(dst, cb.data, cb.size);
    len = cb.size;
  }
  gnutls_free(cb.data);
  return len;
}

/* On TLS 1.2 both are safe with the extended master secret only (RFC 7627 §5, RFC 9266 §3). */
static int is_bound(gnutls_session_t session) {
  return gnutls_protocol_get_version(session) >= GNUTLS_TLS1_3 || gnutls_session_ext_master_secret_status(session);
}

static imp_tls_keys *keys(imp_tls *tls) {
  if (tls->keys != NULL || (tls->keys = imp_calloc(1, sizeof *tls->keys)) == NULL) {
    return tls->keys;
  }
  imp_tls_keys *k = tls->keys;
  if (is_bound(tls->session)) {
    k->exporter_len = get(tls->session, GNUTLS_CB_TLS_EXPORTER, k->exporter, sizeof k->exporter);
    if (gnutls_protocol_get_version(tls->session) == GNUTLS_TLS1_2) {
      k->unique_len = get(tls->session, GNUTLS_CB_TLS_UNIQUE, k->unique, sizeof k->unique);
    }
  }
  return k;
}

int imp_tls_channel_binding(imp_tls *tls, imp_channel_binding *binding) {
  const imp_tls_keys *k = keys(tls);
  if (k == NULL) {
    return IMP_ERR_NOMEM;
  }
  if (k->exporter_len > 0) {
    binding->tls_exporter = k->exporter;
    binding->tls_exporter_len = k->exporter_len;
  }
  if (k->unique_len > 0) {
    binding->tls_unique = k->unique;
    binding->tls_unique_len = k->unique_len;
  }
  binding->tls_server_end_point = tls->ctx->end_point;
  binding->tls_server_end_point_len = tls->ctx->end_point_len;
  return IMP_OK;
}

void imp_tls_forget_binding(imp_tls *tls) {
  imp_free_secret(tls->keys, sizeof *tls->keys);
  tls->keys = NULL;
}

/* Of our authorities, for use by a client, valid now. */
static int verifies(const imp_tls *tls) {
  unsigned status = 0;
  gnutls_typed_vdata_st purpose = {GNUTLS_DT_KEY_PURPOSE_OID, (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT, 0};
  return tls->ctx->asks_certificate &&
         gnutls_certificate_verify_peers(tls->session, &purpose, 1, &status) == 0 && status == 0;
}

const void *imp_tls_peer_certificate(imp_tls *tls, size_t *len) {
  unsigned count = 0;
  const gnutls_datum_t *certs = gnutls_certificate_get_peers(tls->session, &count);
  if (certs == NULL || count == 0) {
    return NULL;
  }
  if (tls->verified == IMP_TLS_NOT_VERIFIED) {
    tls->verified = verifies(tls) ? IMP_TLS_GOOD : IMP_TLS_BAD;
  }
  if (tls->verified == IMP_TLS_BAD) {
    return NULL;
  }
  *len = certs[0].size;
  return certs[0].data;
}
