/*
 * handshake: the floor under a storm of logins or resumptions. Accepts TLS connections, completes
 * the handshake with GnuTLS and keeps the session; nothing else. Use with `xload storm --raw --tls`.
 */
#include "listen.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define IDLE_MS 60000

struct session {
  int fd, up;
  gnutls_session_t tls;
};

static int ep;

static void add(int fd) {
  struct session *s = calloc(1, sizeof *s);
  if (!s)
    abort();
  s->fd = fd;
  s->tls = bench_tls_session(fd);
  struct epoll_event ev = {.events = EPOLLIN, .data.ptr = s};
  epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
}

static void end(struct session *s) {
  gnutls_deinit(s->tls);
  close(s->fd);
  free(s);
}

static void on_event(struct session *s) {
  char buf[4096];
  ptrdiff_t r;
  if (!s->up) {
    r = gnutls_handshake(s->tls);
    s->up = r == 0;
  } else {
    r = gnutls_record_recv(s->tls, buf, sizeof buf);
    if (r == 0)
      r = GNUTLS_E_PREMATURE_TERMINATION;
  }
  if (r < 0 && gnutls_error_is_fatal((int)r))
    end(s);
}

int main(int argc, char **argv) {
  static struct epoll_event ev[256];
  if (argc != 4) {
    puts("handshake PORT CERT.pem KEY.pem");
    return 1;
  }
  bench_tls_init(argv[2], argv[3]);
  int listener = bench_listen((int)strtol(argv[1], NULL, 10));
  ep = epoll_create1(0);
  struct epoll_event l = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(ep, EPOLL_CTL_ADD, listener, &l);
  for (int n; (n = epoll_wait(ep, ev, 256, IDLE_MS)) > 0;)
    for (int i = 0; i < n; i++) {
      if (ev[i].data.ptr)
        on_event(ev[i].data.ptr);
      for (int fd; !ev[i].data.ptr && (fd = bench_accept(listener)) >= 0;)
        add(fd);
    }
  return 0;
}
