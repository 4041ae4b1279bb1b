/* The reference server: what its parts know of each other. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <imp/curl.h>
#include <imp/imp.h>
#include <imp/sqlite.h>
#include <imp/uv.h>

#include "config.h"

typedef struct server_http server_http;
typedef struct server_calendar server_calendar;

typedef struct server {
  const char *path;       /* of the configuration; NULL: defaults */
  server_config *started; /* as it was at the start: what SIGHUP cannot change */
  server_config *now;     /* as it is; the same after a start */
  char data[SERVER_PATH_MAX + 1];
  uv_loop_t *loop;
  imp_node *node;
  imp_sqlite *store;
  imp_uv *uv;
  server_http *http;
  server_calendar *calendar;
  uv_signal_t signals[3];
  uv_timer_t start;
  int accounts_left; /* on their way to the store */
  int ready, stopping, status;
  char password[64]; /* of demonstration accounts; "" if there are none */
  char token[64];    /* that was made for HTTP */
} server;

/* log.c: lines of the library and of the server's own, as the configuration wants them. `user_data` is the server. */
void server_log(void *user_data, imp_log_area area, imp_log_level level, const char *subject, const char *text);
__attribute__((format(printf, 4, 5))) void server_say(server *s, imp_log_level level, const char *subject,
                                                      const char *fmt, ...);
imp_log_level server_log_level(const server_config *config);

/* node.c: node, loop and store; the certificate. They return 0, or say why not. */
int server_node_start(server *s);
int server_certificate(server *s, imp_node *node, const server_config *config);
/* Where data goes if the configuration does not say; makes the directory. */
int server_data_open(server *s);

/* features.c: settings that may change at any time, given to the node. */
int server_features_apply(server *s);

/* accounts.c: stores what the configuration names; those that did not change stay as they are. */
int server_accounts_start(server *s);
void server_accounts_reload(server *s, const server_config *old);

/* listen.c */
int server_listen(server *s);
void server_print_welcome(server *s);
void server_print_ready(server *s);

/* reload.c: SIGHUP */
void server_reload(server *s);

/* http.c: inbound HTTP on the same loop. Memory goes when the loop has run once more after server_http_stop(). */
int server_http_start(server *s);
int server_http_token(server *s); /* makes one if the configuration has none */
void server_http_stop(server *s);

/* calendar.c: gateways and mailboxes of the configuration. It stops when the node is gone. */
int server_calendar_start(server *s);
void server_calendar_reload(server *s, const server_config *old);
void server_calendar_stop(server *s);
imp_calendar *server_calendar_get(const server *s);

#endif /* SERVER_SERVER_H */
