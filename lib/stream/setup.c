/* What a connection needs until its peer is authenticated. */
#include <string.h>

#include "core/mem.h"
#include "stream/internal.h"

static int copy(const void **dst, size_t *dstlen, const void *src, size_t len) {
  if (src == NULL) {
    return IMP_OK;
  }
  *dst = imp_memdup(src, len);
  *dstlen = len;
  return *dst != NULL ? IMP_OK : IMP_ERR_NOMEM;
}

static int copy_binding(imp_channel_binding *to, const imp_channel_binding *given) {
  imp_channel_binding from = {0};
  memcpy(&from, given, given->size < sizeof from ? given->size : sizeof from);
  int rc = copy(&to->tls_exporter, &to->tls_exporter_len, from.tls_exporter, from.tls_exporter_len);
  if (rc == IMP_OK) {
    rc = copy(&to->tls_server_end_point, &to->tls_server_end_point_len, from.tls_server_end_point,
              from.tls_server_end_point_len);
  }
  if (rc == IMP_OK) {
    rc = copy(&to->tls_unique, &to->tls_unique_len, from.tls_unique, from.tls_unique_len);
  }
  return rc;
}

int imp_conn_setup_new(imp_conn *conn, const imp_conn_params *params) {
  int has_cert = params->secure && params->peer_certificate != NULL;
  if (!conn->proxy && !has_cert && !(params->secure && params->binding != NULL)) {
    return IMP_OK;
  }
  imp_conn_setup *setup = conn->setup = imp_calloc(1, sizeof *setup);
  if (setup == NULL) {
    return IMP_ERR_NOMEM;
  }
  imp_buf_init(&setup->proxy, IMP_PROXY_MAX);
  setup->binding.size = sizeof setup->binding;
  if (has_cert) {
    setup->certificate = imp_memdup(params->peer_certificate, params->peer_certificate_len);
    setup->certificate_len = params->peer_certificate_len;
    if (setup->certificate == NULL) {
      return IMP_ERR_NOMEM;
    }
  }
  return params->secure && params->binding != NULL ? copy_binding(&setup->binding, params->binding) : IMP_OK;
}

void imp_conn_setup_del(imp_conn *conn) {
  imp_conn_setup *setup = conn->setup;
  if (setup == NULL) {
    return;
  }
  imp_buf_reset(&setup->proxy);
  imp_free_secret((void *)(uintptr_t)setup->binding.tls_exporter, setup->binding.tls_exporter_len);
  imp_free((void *)(uintptr_t)setup->binding.tls_server_end_point);
  imp_free_secret((void *)(uintptr_t)setup->binding.tls_unique, setup->binding.tls_unique_len);
  imp_free(setup->certificate);
  imp_free(setup);
  conn->setup = NULL;
}

int imp_conn_channel_binding(imp_conn *conn, imp_channel_binding *binding) {
  memset(binding, 0, sizeof *binding);
  binding->size = sizeof *binding;
  if (conn->tls != NULL) {
    return imp_tls_is_done(conn->tls) ? imp_tls_channel_binding(conn->tls, binding) : IMP_ERR_NOT_FOUND;
  }
  if (!conn->secure) {
    return IMP_ERR_NOT_FOUND;
  }
  if (conn->setup != NULL) {
    *binding = conn->setup->binding;
  }
  return IMP_OK;
}

const void *imp_conn_peer_certificate(const imp_conn *conn, size_t *len) {
  *len = 0;
  if (conn->tls != NULL) {
    return imp_tls_is_done(conn->tls) ? imp_tls_peer_certificate(conn->tls, len) : NULL;
  }
  if (conn->setup == NULL || conn->setup->certificate == NULL) {
    return NULL;
  }
  *len = conn->setup->certificate_len;
  return conn->setup->certificate;
}
