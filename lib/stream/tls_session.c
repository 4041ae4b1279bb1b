/* One TLS session over memory: GnuTLS reads what the host gave and writes into the wire buffer. */
#include <errno.h>
#include <string.h>

#include "core/mem.h"
#include "stream/tls_internal.h"

#define RECORD_MAX 16384
#define SEAL_MAX 65536 /* encrypted ahead of a slow reader */
#define RECORD_ROOM 64 /* what a record adds to its text, and a bit */
#define IDLE_RECORDS_MAX 32 /* in one feed, without any text */

static ssize_t pull(gnutls_transport_ptr_t ptr, void *dst, size_t len) {
  imp_tls *tls = ptr;
  size_t n = tls->inlen < len ? tls->inlen : len;
  if (n == 0) {
    gnutls_transport_set_errno(tls->session, EAGAIN);
    return -1;
  }
  memcpy(dst, tls->in, n);
  tls->in += n;
  tls->inlen -= n;
  return (ssize_t)n;
}

static int pull_timeout(gnutls_transport_ptr_t ptr, unsigned ms) {
  const imp_tls *tls = ptr;
  (void)ms;
  return tls->inlen > 0;
}

static ssize_t push(gnutls_transport_ptr_t ptr, const void *data, size_t len) {
  imp_tls *tls = ptr;
  imp_stream_buf_take(tls->conn->env, &tls->wire);
  if (imp_buf_append(&tls->wire, data, len) != IMP_OK) {
    gnutls_transport_set_errno(tls->session, ENOMEM);
    return -1;
  }
  return (ssize_t)len;
}

static int set_alpn(imp_tls *tls) {
  static unsigned char xmpp[] = "xmpp-client", http[] = "http/1.1";
  gnutls_datum_t protocol = {xmpp, sizeof xmpp - 1};
  if (tls->conn->role == IMP_ROLE_C2S) {
    return 0; /* STARTTLS: the protocol is known */
  }
  if (tls->conn->ws != NULL) {
    protocol.data = http;
    protocol.size = sizeof http - 1;
  }
  return gnutls_alpn_set_protocols(tls->session, &protocol, 1, GNUTLS_ALPN_MANDATORY);
}

static int set_up(imp_tls *tls) {
  gnutls_session_t session = tls->session;
  int rc = gnutls_priority_set(session, tls->ctx->priorities);
  if (rc == 0) {
    rc = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, tls->ctx->cred);
  }
  if (rc == 0) {
    rc = gnutls_session_ticket_enable_server(session, &tls->ctx->ticket_key);
  }
  if (rc == 0) {
    rc = set_alpn(tls);
  }
  /* A browser would ask its user for a certificate. */
  int asks = tls->ctx->asks_certificate && tls->conn->ws == NULL;
  gnutls_certificate_server_set_request(session, asks ? GNUTLS_CERT_REQUEST : GNUTLS_CERT_IGNORE);
  gnutls_handshake_set_max_packet_length(session, 65536);
  gnutls_transport_set_ptr(session, tls);
  gnutls_transport_set_pull_function(session, pull);
  gnutls_transport_set_pull_timeout_function(session, pull_timeout);
  gnutls_transport_set_push_function(session, push);
  return rc;
}

int imp_tls_new(imp_tls **out, imp_conn *conn) {
  unsigned flags = GNUTLS_SERVER | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_NO_AUTO_SEND_TICKET;
  imp_tls *tls = imp_calloc(1, sizeof *tls);
  if (tls == NULL) {
    return IMP_ERR_NOMEM;
  }
  tls->conn = conn;
  imp_buf_init(&tls->wire, SIZE_MAX / 2);
  int rc = gnutls_init(&tls->session, flags);
  if (rc == 0) {
    tls->ctx = imp_tls_context_ref(conn->env->tls);
    rc = set_up(tls);
  }
  if (rc != 0) {
    imp_tls_del(tls);
    return IMP_ERR_NOMEM;
  }
  *out = tls;
  return IMP_OK;
}

void imp_tls_del(imp_tls *tls) {
  if (tls == NULL) {
    return;
  }
  if (tls->session != NULL) {
    gnutls_deinit(tls->session);
  }
  imp_tls_context_del(tls->ctx);
  imp_tls_forget_binding(tls);
  imp_stream_buf_give(tls->conn->env, &tls->wire);
  imp_free(tls);
}

int imp_tls_is_done(const imp_tls *tls) { return tls->done; }

imp_buf *imp_tls_wire(imp_tls *tls) { return &tls->wire; }

void imp_tls_drop(imp_tls *tls) {
  imp_buf_consume(&tls->wire, imp_buf_len(&tls->wire));
  tls->broken = 1;
}

/* A breach of TLS ends in an alert; of streams there can be no talk any more. */
static void fail(imp_conn *conn, int rc) {
  imp_tls *tls = conn->tls;
  if (rc == GNUTLS_E_FATAL_ALERT_RECEIVED) {
    const char *alert = gnutls_alert_get_name(gnutls_alert_get(tls->session));
    imp_conn_set_error(conn, IMP_LOG_INFO, "TLS alert from the peer: %s", alert != NULL ? alert : "unknown");
  } else {
    imp_conn_set_error(conn, IMP_LOG_INFO, "TLS: %s", gnutls_strerror(rc));
    gnutls_alert_send_appropriate(tls->session, rc);
  }
  tls->broken = 1;
  imp_conn_set_over(conn);
}

static void on_done(imp_conn *conn) {
  imp_tls *tls = conn->tls;
  tls->done = 1;
  if (gnutls_protocol_get_version(tls->session) >= GNUTLS_TLS1_3) {
    (void)gnutls_session_ticket_send(tls->session, 1, 0); /* a client without use for it is no error */
  }
  if (imp_log_on(conn->env->log, IMP_LOG_DEBUG)) {
    char *text = gnutls_session_get_desc(tls->session);
    imp_log(conn->env->log, IMP_LOG_TLS, IMP_LOG_DEBUG, imp_conn_get_peer(conn), "%s%s", text != NULL ? text : "",
            gnutls_session_is_resumed(tls->session) ? ", resumed" : "");
    gnutls_free(text);
  }
}

static void handshake(imp_conn *conn) {
  imp_tls *tls = conn->tls;
  int rc;
  do {
    rc = gnutls_handshake(tls->session);
  } while (rc < 0 && rc != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(rc) && tls->inlen > 0);
  if (rc == 0) {
    on_done(conn);
  } else if (gnutls_error_is_fatal(rc)) {
    fail(conn, rc);
  }
  imp_conn_mark_dirty(conn);
}

static void read_records(imp_conn *conn) {
  imp_tls *tls = conn->tls;
  gnutls_packet_t packet;
  gnutls_datum_t text;
  int idle = 0;
  while (conn->state != IMP_CONN_OVER) {
    ssize_t n = gnutls_record_recv_packet(tls->session, &packet);
    if (n > 0) {
      gnutls_packet_get(packet, &text, NULL);
      imp_conn_input(conn, text.data, text.size);
      gnutls_packet_deinit(packet);
    } else if (n == 0) {
      imp_conn_on_eof(conn);
      return;
    } else if (n == GNUTLS_E_AGAIN && tls->inlen == 0) {
      return;
    } else if (n == GNUTLS_E_REHANDSHAKE || gnutls_error_is_fatal((int)n) || ++idle > IDLE_RECORDS_MAX) {
      fail(conn, (int)n);
      return;
    }
  }
}

void imp_tls_feed(imp_conn *conn, const uint8_t *data, size_t len) {
  imp_tls *tls = conn->tls;
  tls->in = data;
  tls->inlen = len;
  if (!tls->done && !tls->broken) {
    handshake(conn);
  }
  if (tls->done && !tls->broken) {
    read_records(conn);
  }
  tls->in = NULL;
  tls->inlen = 0;
}

/* One record a time; the room for all is made at once. */
static int seal_text(imp_tls *tls, imp_buf *out) {
  int err;
  size_t len = imp_conn_sendable(tls->conn);
  len = len < SEAL_MAX ? len : SEAL_MAX;
  imp_stream_buf_take(tls->conn->env, &tls->wire);
  if (imp_buf_reserve(&tls->wire, len + (len / RECORD_MAX + 1) * RECORD_ROOM, &err) == NULL) {
    return GNUTLS_E_MEMORY_ERROR;
  }
  while (len > 0) {
    ssize_t n = gnutls_record_send(tls->session, imp_buf_data(out), len < RECORD_MAX ? len : RECORD_MAX);
    if (n < 0) {
      return (int)n;
    }
    imp_conn_consume(tls->conn, (size_t)n);
    len -= (size_t)n;
  }
  return 0;
}

void imp_tls_seal(imp_conn *conn) {
  imp_tls *tls = conn->tls;
  imp_buf *out = &conn->out;
  int rc = 0;
  if (!tls->done || tls->broken || imp_buf_len(&tls->wire) >= SEAL_MAX / 4) {
    return;
  }
  if (imp_conn_sendable(conn) > 0) {
    rc = seal_text(tls, out);
    if (imp_buf_len(out) == 0) {
      imp_stream_buf_give(conn->env, out);
    }
  }
  if (rc == 0 && conn->state == IMP_CONN_OVER && imp_buf_len(out) == 0 && !tls->bye) {
    tls->bye = 1;
    (void)gnutls_bye(tls->session, GNUTLS_SHUT_WR);
  }
  if (rc < 0) {
    tls->broken = 1;
    imp_conn_set_error(conn, IMP_LOG_ERROR, "TLS: %s", gnutls_strerror(rc));
    imp_conn_set_over(conn);
  }
}

int imp_conn_starttls(imp_conn *conn) {
  if (!imp_conn_can_starttls(conn) || conn->state != IMP_CONN_OPEN) {
    return IMP_ERR_STATE;
  }
  imp_conn_restart(conn);
  if (conn->state != IMP_CONN_OPEN) {
    return IMP_ERR_CLOSED;
  }
  int rc = imp_tls_new(&conn->tls, conn);
  if (rc != IMP_OK) {
    imp_conn_fail(conn, "internal-server-error", NULL, NULL);
    return rc;
  }
  size_t max = conn->tls->wire.max; /* <proceed/> goes ahead in the clear */
  conn->tls->wire = conn->out;
  conn->tls->wire.max = max;
  imp_buf_init(&conn->out, conn->env->limits->output_max);
  return IMP_OK;
}
