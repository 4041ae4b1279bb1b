#include <string.h>
#include <sys/socket.h>

#include <imp/sys/mem.h>

#include "adapters/uv/internal.h"

_Static_assert(sizeof(imp_uv_conn) <= sizeof(uv_tcp_t) + 80, "an idle connection costs what README.md says");

static void list_append(imp_uv_conns *list, imp_uv_conn *c) {
  c->next = NULL;
  c->prev = list->last;
  *(list->last != NULL ? &list->last->next : &list->first) = c;
  list->last = c;
}

static void list_remove(imp_uv_conns *list, imp_uv_conn *c) {
  *(c->prev != NULL ? &c->prev->next : &list->first) = c->next;
  *(c->next != NULL ? &c->next->prev : &list->last) = c->prev;
}

static void on_closed(uv_handle_t *handle) {
  imp_uv_conn *c = (imp_uv_conn *)(void *)handle;
  imp_uv *uv = c->uv;
  imp_free(c);
  imp_uv_handle_closed(uv);
}

static void close_transport(imp_uv_conn *c) {
  if (!c->closing) {
    c->closing = 1;
    uv_close((uv_handle_t *)&c->tcp, on_closed);
  }
}

/* ---- the end ---- */

/* The node cannot be told from within its own callbacks: the connection is deleted after the turn. */
static void end_later(imp_uv_conn *c) {
  if (!c->ending) {
    c->ending = 1;
    c->next_ending = c->uv->ending;
    c->uv->ending = c;
  }
}

static void delete_conn(imp_uv_conn *c) {
  imp_conn_del(c->conn, c->uv->now);
  c->conn = NULL;
  c->uv->count--;
  list_remove(&c->uv->all, c);
}

static void start_reading(imp_uv_conn *c);

static void linger_or_close(imp_uv_conn *c) {
  int fd;
  if (c->broken || c->eof || c->uv->shutting_down || uv_fileno((uv_handle_t *)&c->tcp, &fd) < 0) {
    close_transport(c);
    return;
  }
  shutdown(fd, SHUT_WR);
  c->u.linger = c->uv->now + IMP_UV_LINGER;
  list_append(&c->uv->lingering, c);
  start_reading(c);
}

static void stop_lingering(imp_uv_conn *c) {
  list_remove(&c->uv->lingering, c);
  close_transport(c);
}

size_t imp_uv_bury(imp_uv *uv) {
  size_t count = 0;
  while (uv->ending != NULL) {
    imp_uv_conn *c = uv->ending;
    uv->ending = c->next_ending;
    delete_conn(c);
    if (c->u.write != NULL) { /* only when broken: libuv cancels it */
      close_transport(c);
    } else {
      linger_or_close(c);
    }
    count++;
  }
  return count;
}

imp_tstamp imp_uv_linger(imp_uv *uv, imp_tstamp now) {
  while (uv->lingering.first != NULL && uv->lingering.first->u.linger <= now) {
    stop_lingering(uv->lingering.first);
  }
  return uv->lingering.first != NULL ? uv->lingering.first->u.linger : IMP_TSTAMP_NEVER;
}

void imp_uv_drop_all(imp_uv *uv) {
  while (uv->all.first != NULL) {
    imp_uv_conn *c = uv->all.first;
    delete_conn(c);
    close_transport(c);
  }
  uv->ending = NULL;
  while (uv->lingering.first != NULL) {
    stop_lingering(uv->lingering.first);
  }
}

/* ---- reading ---- */

static void alloc_shared(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  imp_uv *uv = ((imp_uv_conn *)(void *)handle)->uv;
  (void)suggested;
  buf->base = uv->read_buffer;
  buf->len = sizeof uv->read_buffer;
}

static void stop_reading(imp_uv_conn *c) {
  if (c->reading) {
    uv_read_stop((uv_stream_t *)&c->tcp);
    c->reading = 0;
  }
}

static void on_lingering_read(imp_uv_conn *c, ssize_t nread) {
  c->discarded += nread > 0 ? (uint32_t)nread : 0;
  if (nread < 0 || c->discarded > IMP_UV_LINGER_BYTES) {
    stop_reading(c);
    stop_lingering(c);
  }
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf) {
  imp_uv_conn *c = (imp_uv_conn *)(void *)stream;
  if (c->closing || nread == 0) {
    return;
  }
  if (c->conn == NULL) {
    on_lingering_read(c, nread);
    return;
  }
  c->uv->now = uv_hrtime();
  if (nread > 0) {
    imp_conn_recv(c->conn, buf->base, (size_t)nread, c->uv->now);
    if (imp_conn_is_paused(c->conn)) {
      stop_reading(c);
    }
    return;
  }
  stop_reading(c);
  c->eof = 1;
  if (nread == UV_EOF) {
    imp_conn_recv_eof(c->conn, c->uv->now);
  } else {
    c->broken = 1;
    end_later(c);
  }
}

static void start_reading(imp_uv_conn *c) {
  if (!c->reading && !c->eof && !c->closing) {
    c->reading = uv_read_start((uv_stream_t *)&c->tcp, alloc_shared, on_read) == 0;
  }
}

/* ---- writing ---- */

static void on_written(uv_write_t *req, int status) {
  imp_uv_conn *c = req->data;
  imp_free(req);
  c->u.write = NULL;
  if (c->closing || c->conn == NULL) {
    return;
  }
  if (status < 0) {
    c->broken = 1;
    end_later(c);
  } else {
    imp_uv_want_write(c->conn, NULL);
  }
}

/*
 * The peer reads slowly.  libuv needs memory that stays, the connection's does not: a copy of a little of it tells when
 * the peer reads again.
 */
static int write_later(imp_uv_conn *c, const imp_iovec *iov) {
  size_t len = iov->len < IMP_UV_CHUNK ? iov->len : IMP_UV_CHUNK;
  uv_write_t *req = imp_malloc(sizeof *req + len);
  if (req == NULL) {
    return IMP_ERR_NOMEM;
  }
  char *copy = (char *)(req + 1);
  memcpy(copy, iov->base, len);
  uv_buf_t buf = uv_buf_init(copy, (unsigned)len);
  req->data = c;
  if (uv_write(req, (uv_stream_t *)&c->tcp, &buf, 1, on_written) < 0) {
    imp_free(req);
    return IMP_ERR_CLOSED;
  }
  c->u.write = req;
  imp_conn_send_done(c->conn, len, c->uv->now);
  return IMP_OK;
}

/* Writes until nothing is left or the socket takes no more. */
static int write_now(imp_uv_conn *c) {
  imp_iovec iov;
  while (imp_conn_send_peekv(c->conn, &iov, 1) == 1) {
    uv_buf_t buf = uv_buf_init((char *)(uintptr_t)iov.base, (unsigned)(iov.len < (1u << 30) ? iov.len : 1u << 30));
    int written = uv_try_write((uv_stream_t *)&c->tcp, &buf, 1);
    if (written == UV_EAGAIN) {
      return write_later(c, &iov);
    }
    if (written < 0) {
      return IMP_ERR_CLOSED;
    }
    imp_conn_send_done(c->conn, (size_t)written, c->uv->now);
  }
  return IMP_OK;
}

void imp_uv_want_write(imp_conn *conn, void *user_data) {
  imp_uv_conn *c = imp_conn_get_user_data(conn);
  (void)user_data;
  if (c == NULL || c->ending) {
    return;
  }
  if (c->u.write == NULL && write_now(c) != IMP_OK) {
    c->broken = 1;
    end_later(c);
    return;
  }
  if (imp_conn_want_close(conn) && c->u.write == NULL && imp_conn_pending(conn) == 0) {
    end_later(c);
    return;
  }
  if (!imp_conn_is_paused(conn)) {
    start_reading(c);
  }
}

/* ---- the beginning ---- */

static int open_conn(imp_uv_listener *listener, imp_uv_conn *c) {
  imp_conn_params params = {.size = sizeof params, .role = listener->role, .user_data = c};
  char peer[64];
  imp_uv_peer(&c->tcp, peer, sizeof peer);
  params.peer = peer[0] != '\0' ? peer : NULL;
  params.allow_plaintext = listener->options.allow_plaintext;
  params.proxy_protocol = listener->options.proxy_protocol;
  return imp_node_accept(listener->uv->node, &c->conn, &params, uv_hrtime());
}

void imp_uv_accept(imp_uv_listener *listener) {
  imp_uv *uv = listener->uv;
  imp_uv_conn *c = imp_calloc(1, sizeof *c);
  listener->stuck = c == NULL; /* libuv accepts nothing more until this one is taken */
  if (c == NULL) {
    return;
  }
  c->uv = uv;
  uv_tcp_init(uv->loop, &c->tcp);
  uv->handles++;
  if (uv_accept((uv_stream_t *)&listener->tcp, (uv_stream_t *)&c->tcp) < 0 || open_conn(listener, c) != IMP_OK) {
    close_transport(c);
    return;
  }
  uv_tcp_nodelay(&c->tcp, 1);
  list_append(&uv->all, c);
  uv->count++;
  start_reading(c);
}
