/* How a connection ends. */
#include "core/mem.h"
#include "stream/internal.h"

void imp_conn_set_ended(imp_conn *conn, int clean) {
  if (!conn->ended) {
    conn->ended = 1;
    conn->clean = clean != 0;
    imp_conn_mark_dirty(conn);
  }
}

/* With a deadline that cannot be set the state would last as long as the peer likes. */
static int set_deadline(imp_conn *conn) {
  const imp_stream_env *env = conn->env;
  return imp_heap_set(env->timers, &conn->timer, env->now + env->limits->close_time);
}

void imp_conn_set_over(imp_conn *conn) {
  if (conn->state == IMP_CONN_OVER) {
    return;
  }
  conn->state = IMP_CONN_OVER;
  imp_conn_set_ended(conn, 0);
  (void)set_deadline(conn);
  imp_conn_mark_dirty(conn);
}

static void drop_output(imp_conn *conn) {
  imp_conn_consume(conn, imp_buf_len(&conn->out));
  if (conn->tls != NULL) {
    imp_tls_drop(conn->tls);
  }
}

/* Whether the peer could make anything of stream level output. */
static int can_write(const imp_conn *conn) {
  return !conn->proxy && !conn->detect && (conn->tls == NULL || imp_tls_is_done(conn->tls)) &&
         (conn->ws == NULL || imp_ws_is_open(conn->ws));
}

/* The stream is over both ways: a WebSocket still has its own farewell. */
static void leave(imp_conn *conn) {
  if (conn->ws != NULL && conn->state < IMP_CONN_LINGER) {
    unsigned code = imp_ws_code(conn->ws);
    conn->state = IMP_CONN_LINGER;
    imp_ws_write_close(conn, code != 0 ? code : 1000);
    if (set_deadline(conn) == IMP_OK) {
      return;
    }
  }
  imp_conn_set_over(conn);
}

static void tell_closing(imp_conn *conn) {
  const imp_conn_events *events = conn->env->events;
  if (events->closing != NULL && conn->header_out) {
    events->closing(conn);
  }
}

void imp_conn_on_peer_close(imp_conn *conn) {
  if (conn->state >= IMP_CONN_LINGER) {
    return;
  }
  conn->peer_closed = 1;
  imp_conn_set_ended(conn, 1);
  if (conn->state == IMP_CONN_OPEN && conn->header_out) {
    tell_closing(conn);
    imp_conn_write_close(conn);
  }
  leave(conn);
}

void imp_conn_on_eof(imp_conn *conn) {
  if (!conn->peer_closed && conn->state == IMP_CONN_OPEN) {
    imp_conn_set_error(conn, IMP_LOG_INFO, "the peer has gone without closing its stream");
  }
  imp_conn_set_over(conn);
}

int imp_conn_recv_eof(imp_conn *conn, imp_tstamp ts) {
  imp_stream_set_now(conn->env, ts);
  if (conn->state == IMP_CONN_OVER) {
    return IMP_ERR_CLOSED;
  }
  if (imp_conn_stash_empty(conn)) {
    imp_conn_on_eof(conn);
  } else {
    conn->eof = 1; /* what came before is delivered first */
  }
  imp_conn_settle(conn);
  return conn->state == IMP_CONN_OVER ? IMP_ERR_CLOSED : IMP_OK;
}

void imp_conn_fail(imp_conn *conn, const char *condition, const char *text, const char *app) {
  if (conn->state >= IMP_CONN_LINGER) {
    return;
  }
  condition = imp_stream_condition(condition);
  imp_conn_set_error(conn, IMP_LOG_INFO, "%s%s%s", condition, text != NULL ? ": " : "", text != NULL ? text : "");
  imp_conn_set_ended(conn, 0);
  if (!can_write(conn)) {
    if (conn->ws != NULL && !conn->detect && !conn->proxy && (conn->tls == NULL || imp_tls_is_done(conn->tls))) {
      imp_ws_refuse(conn, condition);
    }
    imp_conn_set_over(conn);
    return;
  }
  if (conn->state == IMP_CONN_OPEN) {
    tell_closing(conn);
    conn->out.max += IMP_STREAM_LAST_WORDS;
    imp_conn_write_stream_error(conn, condition, text, app);
    imp_conn_write_close(conn);
  }
  leave(conn);
}

void imp_conn_close(imp_conn *conn, const char *condition, imp_tstamp ts) {
  imp_stream_set_now(conn->env, ts);
  if (conn->state != IMP_CONN_OPEN) {
    return;
  }
  if (condition != NULL) {
    imp_conn_fail(conn, condition, NULL, NULL);
  } else if (!can_write(conn)) {
    imp_conn_set_over(conn);
  } else if (!conn->header_out || imp_conn_write_close(conn) != IMP_OK) {
    imp_conn_set_ended(conn, 0);
    leave(conn);
  } else {
    conn->state = IMP_CONN_CLOSING;
    if (set_deadline(conn) != IMP_OK) {
      leave(conn);
    }
  }
}

void imp_conn_settle(imp_conn *conn) {
  if (conn->depth > 0) {
    return;
  }
  if (!conn->busy && conn->state <= IMP_CONN_CLOSING) {
    imp_conn_stash_deliver(conn);
  }
  if (conn->state >= IMP_CONN_LINGER) {
    imp_xml_stream_reset(&conn->xml);
    imp_conn_stash_del(conn);
  }
  if (conn->ended && !conn->told) {
    conn->told = 1;
    conn->env->events->ended(conn, conn->clean);
  }
}

void imp_conn_on_timer(imp_timer *timer, imp_tstamp ts) {
  imp_conn *conn = IMP_CONTAINER_OF(timer, imp_conn, timer);
  imp_stream_set_now(conn->env, ts);
  if (conn->state == IMP_CONN_OVER) { /* the peer does not even read the end */
    drop_output(conn);
    imp_conn_mark_dirty(conn);
  } else if (conn->state != IMP_CONN_OPEN) {
    imp_conn_set_error(conn, IMP_LOG_INFO, "the peer did not close in time");
    imp_conn_set_over(conn);
  } else if (!conn->authed) {
    imp_conn_fail(conn, "connection-timeout", "not authenticated in time", NULL);
  } else {
    imp_conn_unpause(conn);
  }
  imp_conn_settle(conn);
}
