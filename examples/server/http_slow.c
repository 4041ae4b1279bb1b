/*
 * Who sends a byte now and then, so that no timeout ever comes, holds a place among few: a request has a time in which
 * it must be over, whatever comes of it.
 */
#include "http_slow.h"

#include <stdlib.h>
#include <sys/socket.h>

#define TICK 1000 /* milliseconds */

typedef struct http_visitor {
  struct http_visitor *next, **link;
  uint64_t since; /* of the request: it began here, or when the one before was over */
  http_slow *slow;
  int fd;
} http_visitor;

static http_visitor *of(struct MHD_Connection *conn) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return info != NULL ? info->socket_context : NULL;
}

/* libmicrohttpd notices, and closes it. */
static void on_tick(uv_timer_t *timer) {
  const http_slow *slow = (const http_slow *)(const void *)timer; /* its first member */
  uint64_t now = uv_now(timer->loop);
  for (http_visitor *v = slow->visitors; v != NULL; v = v->next) {
    if (now - v->since > slow->limit) {
      shutdown(v->fd, SHUT_RDWR);
    }
  }
}

static void arrives(http_slow *slow, struct MHD_Connection *conn, void **context) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
  http_visitor *v = info != NULL ? calloc(1, sizeof *v) : NULL;
  *context = v;
  if (v == NULL) {
    return;
  }
  v->slow = slow;
  v->fd = info->connect_fd;
  v->since = uv_now(slow->timer.loop);
  v->next = slow->visitors;
  v->link = &slow->visitors;
  if (v->next != NULL) {
    v->next->link = &v->next;
  } else {
    uv_timer_start(&slow->timer, on_tick, TICK, TICK);
  }
  slow->visitors = v;
}

static void leaves(http_slow *slow, http_visitor *v) {
  *v->link = v->next;
  if (v->next != NULL) {
    v->next->link = v->link;
  }
  free(v);
  if (slow->visitors == NULL) {
    uv_timer_stop(&slow->timer);
  }
}

void http_slow_note(void *cls, struct MHD_Connection *conn, void **context, enum MHD_ConnectionNotificationCode what) {
  if (what == MHD_CONNECTION_NOTIFY_STARTED) {
    arrives(cls, conn, context);
  } else if (*context != NULL) {
    leaves(cls, *context);
    *context = NULL;
  }
}

void http_slow_served(struct MHD_Connection *conn) {
  http_visitor *v = of(conn);
  if (v != NULL) {
    v->since = uv_now(v->slow->timer.loop);
  }
}

void http_slow_init(http_slow *slow, uv_loop_t *loop, uint64_t limit) {
  slow->visitors = NULL;
  slow->limit = limit;
  uv_timer_init(loop, &slow->timer);
}
