#include "xload.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int ep;
static int *dirty, n_dirty;
static double t_start;

uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

double elapsed_s(void) {
  return (double)now_ns() / 1e9 - t_start;
}

void die(const char *what) {
  fprintf(stderr, "xload: %s: %s\n", what, strerror(errno));
  exit(2);
}

void loop_init(void) {
  ep = epoll_create1(EPOLL_CLOEXEC);
  dirty = calloc((size_t)w.n, sizeof *dirty);
  if (ep < 0 || !dirty)
    die("loop");
  t_start = (double)now_ns() / 1e9;
}

static void buf_room(struct buf *b, size_t more) {
  if (b->n + more <= b->cap)
    return;
  b->cap = (b->n + more) * 2 + 512;
  if (!(b->p = realloc(b->p, b->cap)))
    die("realloc");
}

static void mark_dirty(struct conn *c) {
  if (!c->dirty) {
    c->dirty = 1;
    dirty[n_dirty++] = c->idx;
  }
}

void put(struct conn *c, const char *s, size_t n) {
  buf_room(&c->out, n);
  memcpy(c->out.p + c->out.n, s, n);
  c->out.n += n;
  mark_dirty(c);
}

void putf(struct conn *c, const char *fmt, ...) {
  char tmp[4096];
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(tmp, sizeof tmp, fmt, ap);
  va_end(ap);
  if (n > 0)
    put(c, tmp, (size_t)n < sizeof tmp ? (size_t)n : sizeof tmp - 1);
}

static void watch(struct conn *c, int op, int out) {
  struct epoll_event ev = {.events = EPOLLIN | (out ? EPOLLOUT : 0), .data.u32 = (uint32_t)c->idx};
  epoll_ctl(ep, op, c->fd, &ev);
  c->want_out = out;
}

void conn_want_write(struct conn *c, int on) {
  if (c->want_out != on)
    watch(c, EPOLL_CTL_MOD, on);
}

void conn_start(struct conn *c) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port)};
  int one = 1;
  inet_pton(AF_INET, opt.host, &a.sin_addr);
  c->t0 = now_ns();
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (c->fd < 0)
    die("socket");
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  c->st = ST_CONNECT;
  if (connect(c->fd, (struct sockaddr *)&a, sizeof a) < 0 && errno != EINPROGRESS)
    conn_fail(c, "connect");
  else
    watch(c, EPOLL_CTL_ADD, 1);
}

void conn_close(struct conn *c, int abrupt) {
  if (c->fd < 0)
    return;
  if (abrupt) {
    struct linger l = {1, 0};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &l, sizeof l);
  }
  SSL_free(c->ssl);
  c->ssl = NULL;
  close(c->fd);
  c->fd = -1;
  c->in.n = c->out.n = 0;
  c->tls_on = c->authed = c->want_out = 0;
  memset(&c->sc, 0, sizeof c->sc);
}

void conn_fail(struct conn *c, const char *why) {
  static int shown;
  if (c->st == ST_DEAD)
    return;
  if (shown++ < 5)
    fprintf(stderr, "xload: user%d failed (state %d): %s\n", c->idx, (int)c->st, why);
  if (c->st == ST_UP)
    w.up--;
  else
    w.busy--;
  if (c->sm_id[0] && (opt.mode == MODE_RESUME || opt.mode == MODE_STORM))
    w.resume_failed++;
  w.failed++;
  c->st = ST_DEAD;
  conn_close(c, 1);
}

static int can_write(const struct conn *c) {
  return c->fd >= 0 && c->st != ST_CONNECT && c->st != ST_HANDSHAKE;
}

void conn_flush(struct conn *c) {
  size_t off = 0;
  while (can_write(c) && off < c->out.n) {
    const char *p = c->out.p + off;
    size_t n = c->out.n - off;
    ptrdiff_t r = c->tls_on ? tls_write(c, p, n) : send(c->fd, p, n, MSG_NOSIGNAL);
    if (r < 0 && errno == EAGAIN)
      break;
    if (r <= 0) {
      conn_fail(c, "write");
      return;
    }
    off += (size_t)r;
  }
  if (off) {
    memmove(c->out.p, c->out.p + off, c->out.n - off);
    c->out.n -= off;
  }
  if (can_write(c))
    conn_want_write(c, c->out.n > 0);
}

static void on_readable(struct conn *c) {
  for (int i = 0; i < 16 && c->fd >= 0; i++) {
    buf_room(&c->in, 4096);
    size_t room = c->in.cap - c->in.n;
    char *p = c->in.p + c->in.n;
    ptrdiff_t r = c->tls_on ? tls_read(c, p, room) : recv(c->fd, p, room, 0);
    if (r < 0 && errno == EAGAIN)
      return;
    if (r <= 0) {
      conn_fail(c, r ? "read" : "closed by the server");
      return;
    }
    c->in.n += (size_t)r;
    scan_input(c);
    if (c->st == ST_HANDSHAKE || (!c->tls_on && (size_t)r < room))
      return;
  }
}

static void on_connected(struct conn *c) {
  int err = 0;
  socklen_t l = sizeof err;
  getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &l);
  if (err)
    conn_fail(c, strerror(err));
  else if (!opt.raw)
    login_open_stream(c);
  else if (opt.tls)
    tls_start(c);
  else
    login_raw(c);
}

static void on_event(struct conn *c, uint32_t ev) {
  if (c->st == ST_CONNECT) {
    if (ev & (EPOLLOUT | EPOLLERR | EPOLLHUP))
      on_connected(c);
    if (c->fd >= 0 && c->st == ST_HANDSHAKE)
      tls_step(c);
    return;
  }
  if (c->st == ST_HANDSHAKE) {
    tls_step(c);
    return;
  }
  if (ev & EPOLLOUT)
    mark_dirty(c);
  if (ev & (EPOLLIN | EPOLLERR | EPOLLHUP))
    on_readable(c);
  if (c->fd >= 0 && c->st == ST_HANDSHAKE)
    tls_step(c);
}

void loop_flush(void) {
  for (int i = 0; i < n_dirty; i++) {
    struct conn *c = &w.conn[dirty[i]];
    c->dirty = 0;
    if (c->fd >= 0)
      conn_flush(c);
  }
  n_dirty = 0;
}

/* One turn: what the caller has queued must not wait for an event. */
void loop_turn(int ms) {
  static struct epoll_event ev[512];
  loop_flush();
  int n = epoll_wait(ep, ev, 512, ms);
  for (int i = 0; i < n; i++)
    if (w.conn[ev[i].data.u32].fd >= 0)
      on_event(&w.conn[ev[i].data.u32], ev[i].events);
  loop_flush();
}

void loop_for(double seconds) {
  uint64_t end = now_ns() + (uint64_t)(seconds * 1e9);
  int paced = w.running && opt.rate > 0;
  while (now_ns() < end) {
    if (paced)
      traffic_pace();
    loop_turn(paced ? 1 : 20);
  }
}
