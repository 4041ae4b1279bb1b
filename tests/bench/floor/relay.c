#include "relay.h"
#include "listen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define MAX_CONNS 4096
#define IDLE_MS 120000 /* nobody came for so long: the test is over */

static struct relay_conn conns[MAX_CONNS];
static int n_conns, ep, raw, tls;

/* As recv and send: -1 with EAGAIN when nothing can be done now. */
static ptrdiff_t result(ptrdiff_t r) {
  if (r < 0)
    errno = gnutls_error_is_fatal((int)r) ? EIO : EAGAIN;
  return r < 0 ? -1 : r;
}

static ptrdiff_t receive(struct relay_conn *c, char *p, size_t n) {
  return tls ? result(gnutls_record_recv(c->tls, p, n)) : recv(c->fd, p, n, 0);
}

static ptrdiff_t transmit(struct relay_conn *c, const char *p, size_t n) {
  return tls ? result(gnutls_record_send(c->tls, p, n)) : send(c->fd, p, n, MSG_NOSIGNAL);
}

static void watch(struct relay_conn *c, int op) {
  struct epoll_event ev = {.events = EPOLLIN | (c->want ? EPOLLOUT : 0), .data.ptr = c};
  epoll_ctl(ep, op, c->fd, &ev);
}

static void flush(struct relay_conn *c) {
  size_t off = 0;
  if (tls && !c->up)
    return;
  while (off < c->n) {
    ptrdiff_t r = transmit(c, c->out + off, c->n - off);
    if (r <= 0)
      break;
    off += (size_t)r;
  }
  if (off) {
    memmove(c->out, c->out + off, c->n - off);
    c->n -= off;
    c->peer->mark = 0;
  }
  if (c->want != (c->n > 0)) {
    c->want = c->n > 0;
    watch(c, EPOLL_CTL_MOD);
  }
}

static void add(int fd) {
  if (n_conns == MAX_CONNS)
    exit(1);
  struct relay_conn *c = &conns[n_conns];
  c->fd = fd;
  c->peer = &conns[n_conns++ ^ 1];
  if (!raw)
    relay_xml_new(c);
  if (tls)
    c->tls = bench_tls_session(fd);
  watch(c, EPOLL_CTL_ADD);
}

/* 0 when a client has left: one test per run. */
static int readable(struct relay_conn *c) {
  static char buf[16384];
  for (int k = 0; k < 16; k++) {
    ptrdiff_t r = receive(c, buf, sizeof buf);
    if (r == 0 || (r < 0 && errno != EAGAIN))
      return 0;
    if (r < 0)
      break;
    if (raw)
      relay_put(c->peer, buf, (size_t)r);
    else if (!relay_xml_parse(c, buf, (size_t)r))
      fputs("relay: not well-formed\n", stderr);
    if (!tls)
      break;
  }
  if (c->peer->fd > 0)
    flush(c->peer);
  if (c->n > 0)
    flush(c);
  return 1;
}

static int handshake(struct relay_conn *c) {
  int r = gnutls_handshake(c->tls);
  if (r < 0)
    return !gnutls_error_is_fatal(r);
  c->up = 1;
  flush(c);
  return 1;
}

static int on_event(struct relay_conn *c, uint32_t events) {
  if (events & EPOLLOUT)
    flush(c);
  if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
    return 1;
  return tls && !c->up ? handshake(c) : readable(c);
}

static void serve(int listener) {
  static struct epoll_event ev[256];
  struct epoll_event l = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(ep, EPOLL_CTL_ADD, listener, &l);
  for (int n; (n = epoll_wait(ep, ev, 256, IDLE_MS)) > 0;) {
    for (int i = 0; i < n; i++) {
      if (ev[i].data.ptr && !on_event(ev[i].data.ptr, ev[i].events))
        return;
      for (int fd; !ev[i].data.ptr && (fd = bench_accept(listener)) >= 0;)
        add(fd);
    }
  }
}

int main(int argc, char **argv) {
  if (argc != 3 && argc != 5) {
    puts("relay PORT raw|xml|sm|faulty [CERT.pem KEY.pem]");
    return 1;
  }
  raw = !strcmp(argv[2], "raw");
  relay_sm = !strcmp(argv[2], "sm");
  relay_faulty = !strcmp(argv[2], "faulty");
  tls = argc == 5;
  if (tls)
    bench_tls_init(argv[3], argv[4]);
  ep = epoll_create1(0);
  serve(bench_listen((int)strtol(argv[1], NULL, 10)));
  if (relay_faulty)
    fprintf(stderr, "relay: lost %lu, doubled %lu, swapped %lu\n", relay_lost, relay_doubled,
            relay_swapped);
  return 0;
}
