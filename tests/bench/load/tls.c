#include "xload.h"

#include <errno.h>

static SSL_CTX *ctx;

void tls_init(void) {
  ctx = SSL_CTX_new(TLS_client_method());
  if (!ctx)
    die("SSL_CTX_new");
  SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL); /* the servers' certificate is self-made */
  SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
}

void tls_start(struct conn *c) {
  c->ssl = SSL_new(ctx);
  if (!c->ssl)
    die("SSL_new");
  SSL_set_fd(c->ssl, c->fd);
  SSL_set_connect_state(c->ssl);
  c->st = ST_HANDSHAKE;
  c->restart = 1;
}

void tls_step(struct conn *c) {
  int r = SSL_do_handshake(c->ssl);
  if (r == 1) {
    c->tls_on = 1;
    if (opt.raw)
      login_raw(c);
    else
      login_open_stream(c);
    return;
  }
  int e = SSL_get_error(c->ssl, r);
  if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE)
    conn_want_write(c, e == SSL_ERROR_WANT_WRITE);
  else
    conn_fail(c, "TLS handshake");
}

static ptrdiff_t result(struct conn *c, int r) {
  if (r > 0)
    return r;
  int e = SSL_get_error(c->ssl, r);
  if (e == SSL_ERROR_ZERO_RETURN)
    return 0;
  errno = e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE ? EAGAIN : EIO;
  return -1;
}

ptrdiff_t tls_read(struct conn *c, char *p, size_t n) {
  return result(c, SSL_read(c->ssl, p, (int)n));
}

ptrdiff_t tls_write(struct conn *c, const char *p, size_t n) {
  return result(c, SSL_write(c->ssl, p, (int)n));
}
