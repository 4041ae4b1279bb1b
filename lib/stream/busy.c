/* Stanzas that come while a step waits for the host. */
#include "core/mem.h"
#include "stream/internal.h"
#include "xml/stanza.h"

#define STASH_MAX 128
#define STASH_SLACK 32768 /* bytes beside one stanza of full size */

struct imp_conn_stash {
  size_t next, count, bytes;
  int closed; /* the peer's close came behind them */
  imp_stanza *st[STASH_MAX];
};

static size_t max_bytes(const imp_conn *conn) { return imp_conn_limits(conn)->stanza_bytes + STASH_SLACK; }

int imp_conn_stash_empty(const imp_conn *conn) { return conn->stash == NULL; }

int imp_conn_stash_half_full(const imp_conn *conn) {
  const imp_conn_stash *stash = conn->stash;
  return stash != NULL && (stash->count > STASH_MAX / 2 || stash->bytes > max_bytes(conn) / 2);
}

void imp_conn_stash_add(imp_conn *conn, imp_stanza *st) {
  if (conn->stash == NULL && (conn->stash = imp_calloc(1, sizeof *conn->stash)) == NULL) {
    imp_stanza_del(st);
    imp_conn_fail(conn, "resource-constraint", NULL, NULL);
    return;
  }
  imp_conn_stash *stash = conn->stash;
  if (stash->count == STASH_MAX || stash->bytes + st->wirelen > max_bytes(conn)) {
    imp_stanza_del(st);
    imp_conn_fail(conn, "policy-violation", "too much sent ahead of an answer", NULL);
    return;
  }
  stash->bytes += st->wirelen;
  stash->st[stash->count++] = st;
}

int imp_conn_stash_close(imp_conn *conn) {
  if (conn->stash != NULL) {
    conn->stash->closed = 1;
  }
  return conn->stash != NULL;
}

void imp_conn_stash_del(imp_conn *conn) {
  imp_conn_stash *stash = conn->stash;
  conn->stash = NULL;
  if (stash == NULL) {
    return;
  }
  while (stash->next < stash->count) {
    imp_stanza_del(stash->st[stash->next++]);
  }
  imp_free(stash);
}

static void finish(imp_conn *conn) {
  int closed = conn->stash->closed;
  if (imp_conn_stash_half_full(conn)) {
    imp_conn_mark_dirty(conn); /* no longer paused */
  }
  imp_conn_stash_del(conn);
  if (closed) {
    imp_conn_on_peer_close(conn);
  }
  if (conn->eof) {
    imp_conn_on_eof(conn);
  }
}

void imp_conn_stash_deliver(imp_conn *conn) {
  imp_conn_stash *stash = conn->stash;
  if (stash == NULL) {
    return;
  }
  conn->depth++;
  while (!conn->busy && stash->next < stash->count && conn->state <= IMP_CONN_CLOSING) {
    conn->env->events->stanza(conn, stash->st[stash->next++]);
  }
  if (!conn->busy && stash->next == stash->count) {
    finish(conn);
  }
  conn->depth--;
}

void imp_conn_set_busy(imp_conn *conn, int busy) {
  conn->busy = busy != 0;
  if (!busy) {
    imp_conn_settle(conn);
  }
}
