/* Birth, death and what can be asked of a connection. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/mem.h"
#include "stream/internal.h"

const imp_xml_limits *imp_conn_limits(const imp_conn *conn) {
  const imp_stream_limits *limits = conn->env->limits;
  return conn->authed ? &limits->authed : &limits->preauth;
}

static void init(imp_conn *conn, imp_stream_env *env, const imp_conn_params *params) {
  conn->env = env;
  conn->role = (uint8_t)params->role;
  conn->secure = params->secure != 0;
  conn->plaintext = params->allow_plaintext != 0;
  conn->proxy = params->proxy_protocol != 0;
  conn->detect = params->role != IMP_ROLE_C2S && !conn->secure;
  conn->user_data = params->user_data;
  imp_timer_init(&conn->timer, imp_conn_on_timer);
  imp_buf_init(&conn->out, env->limits->output_max);
  imp_xml_stream_init(&conn->xml, env->xml, &env->limits->preauth, &imp_conn_xml_handler, conn,
                      params->role == IMP_ROLE_WEBSOCKET ? IMP_FRAMING_WEBSOCKET : IMP_FRAMING_TCP);
}

static int build(imp_conn *conn, const imp_conn_params *params) {
  int rc = imp_conn_setup_new(conn, params);
  if (rc == IMP_OK && params->peer != NULL && (conn->peer = imp_strdup(params->peer)) == NULL) {
    rc = IMP_ERR_NOMEM;
  }
  if (rc == IMP_OK && conn->role == IMP_ROLE_WEBSOCKET) {
    rc = imp_ws_new(&conn->ws);
  }
  if (rc == IMP_OK) {
    rc = imp_heap_set(conn->env->timers, &conn->timer, conn->env->now + conn->env->limits->preauth_time);
  }
  return rc;
}

static void free_conn(imp_conn *conn) {
  imp_heap_remove(conn->env->timers, &conn->timer);
  imp_list_remove(&conn->all);
  imp_list_remove(&conn->dirty);
  imp_list_remove(&conn->gather);
  imp_list_remove(&conn->gather);
  imp_xml_stream_reset(&conn->xml);
  imp_conn_stash_del(conn);
  imp_conn_setup_del(conn);
  imp_ws_del(conn->env, conn->ws);
  imp_tls_del(conn->tls);
  imp_buf_reset(&conn->out);
  imp_free(conn->rate);
  imp_free(conn->peer);
  imp_free(conn->error);
  imp_free(conn->lang);
  imp_free(conn);
}

int imp_conn_new(imp_conn **out, imp_stream_env *env, const imp_conn_params *given, imp_tstamp ts) {
  imp_conn_params params = {0};
  memcpy(&params, given, given->size < sizeof params ? given->size : sizeof params);
  if (params.role > IMP_ROLE_WEBSOCKET) {
    return IMP_ERR_INVALID_ARGUMENT;
  }
  if (params.role == IMP_ROLE_C2S_TLS && !params.secure && env->tls == NULL) {
    return IMP_ERR_STATE;
  }
  imp_stream_set_now(env, ts);
  imp_conn *conn = imp_calloc(1, sizeof *conn);
  if (conn == NULL) {
    return IMP_ERR_NOMEM;
  }
  init(conn, env, &params);
  int rc = build(conn, &params);
  if (rc != IMP_OK) {
    free_conn(conn);
    return rc;
  }
  imp_list_append(&env->conns, &conn->all);
  *out = conn;
  return IMP_OK;
}

void imp_conn_del(imp_conn *conn, imp_tstamp ts) {
  if (conn == NULL) {
    return;
  }
  imp_stream_set_now(conn->env, ts);
  imp_conn_set_ended(conn, 0);
  conn->state = IMP_CONN_OVER;
  imp_conn_settle(conn);
  free_conn(conn);
}

void imp_conn_mark_dirty(imp_conn *conn) {
  imp_stream_env *env = conn->env;
  if (imp_list_linked(&conn->dirty)) {
    return;
  }
  int first = imp_list_empty(env->dirty);
  imp_list_append(env->dirty, &conn->dirty);
  if (first && env->wake != NULL) {
    env->wake(env->ctx);
  }
}

void imp_conn_set_error(imp_conn *conn, imp_log_level level, const char *fmt, ...) {
  char text[160];
  va_list args;
  if (conn->error != NULL) {
    return;
  }
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  for (char *p = text; *p != '\0'; p++) {
    if ((unsigned char)*p < 0x20 || *p == 0x7f) {
      *p = '?';
    }
  }
  conn->error = imp_strdup(text);
  imp_log(conn->env->log, IMP_LOG_STREAM, level, imp_conn_get_peer(conn), "%s", text);
}

void imp_conn_set_peer(imp_conn *conn, const char *peer) {
  char *copy = imp_strdup(peer);
  if (copy != NULL) {
    imp_free(conn->peer);
    conn->peer = copy;
  }
}

void imp_conn_set_authenticated(imp_conn *conn) {
  const imp_stream_limits *limits = conn->env->limits;
  conn->authed = 1;
  if (conn->state == IMP_CONN_OPEN) {
    imp_heap_remove(conn->env->timers, &conn->timer);
  }
  imp_xml_stream_set_limits(&conn->xml, &limits->authed);
  imp_conn_setup_del(conn);
  if (conn->tls != NULL) {
    imp_tls_forget_binding(conn->tls);
  }
  if (limits->recv_rate > 0 && conn->rate == NULL) {
    conn->rate = imp_malloc(sizeof *conn->rate);
    if (conn->rate == NULL) {
      imp_conn_fail(conn, "resource-constraint", NULL, NULL);
      return;
    }
    imp_ratelim_init(conn->rate, limits->recv_burst > 0 ? limits->recv_burst : limits->recv_rate, limits->recv_rate,
                     conn->env->now);
  }
}

int imp_conn_is_paused(const imp_conn *conn) {
  return conn->state <= IMP_CONN_CLOSING && (conn->paused || imp_conn_stash_half_full(conn));
}

int imp_conn_want_close(const imp_conn *conn) {
  return conn->state == IMP_CONN_OVER && imp_conn_sendable(conn) == imp_buf_len(&conn->out);
}

void *imp_conn_get_user_data(const imp_conn *conn) { return conn->user_data; }

void imp_conn_set_user_data(imp_conn *conn, void *user_data) { conn->user_data = user_data; }

const char *imp_conn_get_peer(const imp_conn *conn) { return conn->peer != NULL ? conn->peer : ""; }

const char *imp_conn_get_jid(const imp_conn *conn) { return conn->jid != NULL ? imp_jid_full(conn->jid) : NULL; }

int imp_conn_is_secure(const imp_conn *conn) {
  return conn->secure || (conn->tls != NULL && imp_tls_is_done(conn->tls));
}

const char *imp_conn_last_error(const imp_conn *conn) { return conn->error != NULL ? conn->error : ""; }

int imp_conn_can_starttls(const imp_conn *conn) {
  return conn->env->tls != NULL && conn->tls == NULL && !conn->secure && conn->role == IMP_ROLE_C2S;
}

int imp_conn_is_websocket(const imp_conn *conn) { return conn->ws != NULL; }

int imp_conn_allows_plaintext(const imp_conn *conn) { return conn->plaintext; }

int imp_conn_is_ended(const imp_conn *conn) { return conn->state != IMP_CONN_OPEN; }

int imp_conn_has_output(const imp_conn *conn) { return imp_list_linked(&conn->dirty); }

const char *imp_conn_lang(const imp_conn *conn) { return conn->lang; }

const char *imp_conn_stream_id(const imp_conn *conn) { return conn->id; }

void imp_conn_set_owner(imp_conn *conn, void *owner) { conn->owner = owner; }

void *imp_conn_get_owner(const imp_conn *conn) { return conn->owner; }

void imp_conn_set_jid(imp_conn *conn, const imp_jid *jid) { conn->jid = jid; }

imp_stream_env *imp_conn_env(const imp_conn *conn) { return conn->env; }
