#include <stdio.h>
#include <string.h>

#include <imp/sys/mem.h>

#include "adapters/uv/internal.h"

#define BACKLOG 1024

void imp_uv_peer(const uv_tcp_t *tcp, char *dst, size_t size) {
  static const char mapped[] = "::ffff:";
  struct sockaddr_storage address;
  int len = sizeof address, code = -1;
  dst[0] = '\0';
  if (uv_tcp_getpeername(tcp, (struct sockaddr *)&address, &len) < 0) {
    return;
  }
  if (address.ss_family == AF_INET) {
    code = uv_ip4_name((const struct sockaddr_in *)(const void *)&address, dst, size);
  } else if (address.ss_family == AF_INET6) {
    code = uv_ip6_name((const struct sockaddr_in6 *)(const void *)&address, dst, size);
  }
  if (code < 0) {
    dst[0] = '\0';
  } else if (strncmp(dst, mapped, sizeof mapped - 1) == 0 && strchr(dst, '.') != NULL) {
    memmove(dst, dst + sizeof mapped - 1, strlen(dst + sizeof mapped - 1) + 1);
  }
}

static void on_listener_closed(uv_handle_t *handle) {
  imp_uv_listener *listener = (imp_uv_listener *)(void *)handle;
  imp_uv *uv = listener->uv;
  imp_free(listener);
  imp_uv_handle_closed(uv);
}

/* When file descriptors run out libuv has accepted and closed the connection with one that it keeps for that. */
static void on_connection(uv_stream_t *server, int status) {
  if (status == 0) {
    imp_uv_accept((imp_uv_listener *)(void *)server);
  }
}

static int parse_address(const char *address, uint16_t port, struct sockaddr_storage *to) {
  int code = uv_ip4_addr(address, port, (struct sockaddr_in *)(void *)to);
  return code == 0 ? 0 : uv_ip6_addr(address, port, (struct sockaddr_in6 *)(void *)to);
}

static int open_listener(imp_uv_listener *listener, const struct sockaddr_storage *address, uint16_t *bound) {
  struct sockaddr_storage name;
  int len = sizeof name;
  int code = uv_tcp_bind(&listener->tcp, (const struct sockaddr *)address, 0);
  if (code == 0) {
    code = uv_listen((uv_stream_t *)&listener->tcp, (int)listener->options.backlog, on_connection);
  }
  if (code == 0) {
    code = uv_tcp_getsockname(&listener->tcp, (struct sockaddr *)&name, &len);
  }
  if (code == 0 && bound != NULL) {
    *bound = ntohs(name.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)(void *)&name)->sin6_port
                                              : ((struct sockaddr_in *)(void *)&name)->sin_port);
  }
  return code;
}

static void read_options(imp_uv_listen_options *to, const imp_uv_listen_options *from) {
  if (from != NULL) {
    memcpy(to, from, from->size < sizeof *to ? from->size : sizeof *to);
  }
  to->size = sizeof *to;
  if (to->backlog == 0 || to->backlog > 65535) {
    to->backlog = BACKLOG;
  }
}

int imp_uv_listen(imp_uv *uv, imp_role role, const char *address, uint16_t port, const imp_uv_listen_options *options,
                  uint16_t *bound) {
  struct sockaddr_storage to;
  char what[128];
  if (uv->shutting_down || uv->deleted) {
    return imp_uv_fail(uv, IMP_ERR_STATE, "shutting down", UV_ECANCELED);
  }
  snprintf(what, sizeof what, "listen on %.80s port %u", address != NULL ? address : "(null)", (unsigned)port);
  if (address == NULL || parse_address(address, port, &to) != 0) {
    return imp_uv_fail(uv, IMP_ERR_INVALID_ARGUMENT, what, UV_EINVAL);
  }
  imp_uv_listener *listener = imp_calloc(1, sizeof *listener);
  if (listener == NULL) {
    return imp_uv_fail(uv, IMP_ERR_NOMEM, what, UV_ENOMEM);
  }
  listener->uv = uv;
  listener->role = role;
  read_options(&listener->options, options);
  uv_tcp_init(uv->loop, &listener->tcp);
  uv->handles++;
  int code = open_listener(listener, &to, bound);
  if (code < 0) {
    uv_close((uv_handle_t *)&listener->tcp, on_listener_closed);
    return imp_uv_fail(uv, code == UV_ENOMEM ? IMP_ERR_NOMEM : IMP_ERR_UNAVAILABLE, what, code);
  }
  listener->next = uv->listeners;
  uv->listeners = listener;
  return IMP_OK;
}

void imp_uv_retry_accept(imp_uv *uv) {
  for (imp_uv_listener *listener = uv->listeners; listener != NULL; listener = listener->next) {
    if (listener->stuck) {
      imp_uv_accept(listener);
    }
  }
}

void imp_uv_close_listeners(imp_uv *uv) {
  while (uv->listeners != NULL) {
    imp_uv_listener *listener = uv->listeners;
    uv->listeners = listener->next;
    uv_close((uv_handle_t *)&listener->tcp, on_listener_closed);
  }
}
