/*
 * Output that waits for a commit.  A gated connection lets go of the front of its output only: of what was there when a
 * commit began that is done by now.
 */
#include "core/mem.h"
#include "stream/internal.h"

void imp_conn_set_gated(imp_conn *conn, int gated) {
  if (conn->gated == (gated != 0)) {
    return; /* what waits goes on waiting */
  }
  conn->gated = gated != 0;
  conn->clear = gated ? imp_buf_len(&conn->out) : 0;
}

int imp_conn_is_authenticated(const imp_conn *conn) { return conn->authed; }

int imp_conn_is_gated(const imp_conn *conn) { return conn->gated; }

size_t imp_conn_sendable(const imp_conn *conn) {
  size_t len = imp_buf_len(&conn->out);
  return conn->gated && conn->clear < len ? conn->clear : len;
}

void imp_conn_consume(imp_conn *conn, size_t len) {
  imp_buf_consume(&conn->out, len);
  conn->clear = conn->clear > len ? conn->clear - len : 0;
  conn->mark = conn->mark > len ? conn->mark - len : 0;
}

void imp_conn_release(imp_conn *conn) { conn->clear = imp_buf_len(&conn->out); }

void imp_conn_gather(imp_conn *conn, imp_list *gathered) {
  conn->gathered = 1;
  if (!imp_list_linked(&conn->gather)) {
    imp_list_append(gathered, &conn->gather);
  } else if (conn->committing) {
    return; /* output for the commit after the one under way: gathered again when that is done */
  }
  conn->mark = imp_buf_len(&conn->out);
}

void imp_conn_commit_begins(imp_list *gathered) {
  for (imp_list *node = gathered->next; node != gathered; node = node->next) {
    imp_conn *conn = IMP_CONTAINER_OF(node, imp_conn, gather);
    conn->committing = 1;
    conn->gathered = 0;
  }
}

imp_conn *imp_conn_next_gathered(imp_list *gathered) {
  imp_list *node = imp_list_pop(gathered);
  if (node == NULL) {
    return NULL;
  }
  imp_conn *conn = IMP_CONTAINER_OF(node, imp_conn, gather);
  conn->committing = 0;
  return conn;
}

void imp_conn_release_gathered(imp_conn *conn) {
  conn->clear = conn->mark > conn->clear ? conn->mark : conn->clear;
  if (conn->gathered) {
    imp_conn_mark_dirty(conn); /* more came meanwhile */
  }
}

void imp_conn_gather_again(imp_conn *conn, imp_list *gathered) {
  imp_list_append(gathered, &conn->gather);
  if (conn->gathered) {
    imp_conn_mark_dirty(conn); /* more came meanwhile: that waits with it */
  }
  conn->gathered = 1;
}

void imp_conn_abort(imp_conn *conn, const char *why) {
  imp_conn_set_error(conn, IMP_LOG_ERROR, "%s", why);
  conn->gathered = 0;
  imp_buf_consume(&conn->out, imp_buf_len(&conn->out));
  conn->clear = conn->mark = 0;
  imp_conn_set_ended(conn, 0);
  imp_conn_set_over(conn);
  imp_conn_mark_dirty(conn);
}
