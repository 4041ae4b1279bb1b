/*
 * imp/binding.h: what ties an authentication to the TLS channel that carries it.
 *
 * Whoever ends TLS (a connection of this library, or the host) has it; the mechanisms of imp/sasl.h check it.
 */
#ifndef IMP_BINDING_H
#define IMP_BINDING_H

#include <imp/core.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Channel bindings that a connection has (RFC 5929, RFC 9266). NULL data: not there. */
typedef struct imp_channel_binding {
  size_t size;
  const void *tls_exporter;
  size_t tls_exporter_len;
  const void *tls_server_end_point;
  size_t tls_server_end_point_len;
  const void *tls_unique; /**< TLS 1.2 only */
  size_t tls_unique_len;
} imp_channel_binding;

#ifdef __cplusplus
}
#endif

#endif /* IMP_BINDING_H */
