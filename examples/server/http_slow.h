/* Connections of the inbound HTTP whose request takes too long are cut. */
#ifndef SERVER_HTTP_SLOW_H
#define SERVER_HTTP_SLOW_H

#include <microhttpd.h>
#include <uv.h>

typedef struct http_slow {
  uv_timer_t timer; /* `data` is its owner's, who closes it */
  struct http_visitor *visitors;
  uint64_t limit; /* milliseconds */
} http_slow;

void http_slow_init(http_slow *slow, uv_loop_t *loop, uint64_t limit);
/* For MHD_OPTION_NOTIFY_CONNECTION; cls is the http_slow. */
void http_slow_note(void *cls, struct MHD_Connection *conn, void **context, enum MHD_ConnectionNotificationCode what);
/* The request is over; another may come. */
void http_slow_served(struct MHD_Connection *conn);

#endif /* SERVER_HTTP_SLOW_H */
