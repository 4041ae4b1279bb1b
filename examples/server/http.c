/*
 * Inbound HTTP: libmicrohttpd in the loop of libuv.  It has an epoll descriptor of its own, which the loop watches;
 * there is no thread.  What pages there are says pages.c.
 */
#include "http.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/secret.h"
#include "http_slow.h"

#define SLOWEST 3 /* times the time without a byte: a whole request */

struct server_http {
  server *s;
  struct MHD_Daemon *daemon;
  uv_poll_t poll;
  uv_timer_t timer;
  http_slow slow;
  int handles; /* that are not closed yet */
};

/* ---- in the loop ---- */

static void on_timer(uv_timer_t *timer);

static void run(server_http *http) {
  MHD_UNSIGNED_LONG_LONG wait;
  MHD_run(http->daemon);
  if (MHD_get_timeout(http->daemon, &wait) == MHD_YES) {
    uv_timer_start(&http->timer, on_timer, wait, 0);
  } else {
    uv_timer_stop(&http->timer);
  }
}

static void on_timer(uv_timer_t *timer) { run(timer->data); }

static void on_poll(uv_poll_t *poll, int status, int events) {
  (void)status;
  (void)events;
  run(poll->data);
}

static void on_closed(uv_handle_t *handle) {
  server_http *http = handle->data;
  if (--http->handles == 0) {
    free(http);
  }
}

/* ---- answers ---- */

static const char *words_of(unsigned status) {
  switch (status) {
  case MHD_HTTP_UNAUTHORIZED:
    return "a bearer token is needed\n";
  case MHD_HTTP_NOT_FOUND:
    return "not found\n";
  case MHD_HTTP_METHOD_NOT_ALLOWED:
    return "method not allowed\n";
  case MHD_HTTP_CONTENT_TOO_LARGE:
    return "too large\n";
  default:
    return "\n";
  }
}

static enum MHD_Result respond(struct MHD_Connection *conn, http_answer *answer, const char *name, const char *value) {
  struct MHD_Response *response;
  if (answer->body != NULL) {
    response = MHD_create_response_from_buffer(answer->bodylen, answer->body, MHD_RESPMEM_MUST_FREE);
  } else {
    const char *words = words_of(answer->status);
    response = MHD_create_response_from_buffer(strlen(words), (void *)(uintptr_t)words, MHD_RESPMEM_PERSISTENT);
  }
  if (response == NULL) {
    free(answer->body);
    return MHD_NO;
  }
  MHD_add_response_header(response, "Content-Type",
                          answer->content_type != NULL ? answer->content_type : "text/plain; charset=utf-8");
  MHD_add_response_header(response, "Cache-Control", "no-store");
  MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
  if (name != NULL) {
    MHD_add_response_header(response, name, value);
  }
  enum MHD_Result rv = MHD_queue_response(conn, answer->status, response);
  MHD_destroy_response(response);
  return rv;
}

static enum MHD_Result refuse(struct MHD_Connection *conn, unsigned status, const char *name, const char *value) {
  http_answer answer = {status, NULL, NULL, 0};
  return respond(conn, &answer, name, value);
}

/* ---- requests ---- */

static const char *token_of(const server *s) {
  const char *token = s->now->http.token;
  return token != NULL ? token : s->token;
}

/* Takes as long whatever is wrong with it. */
static int may_enter(const server *s, struct MHD_Connection *conn) {
  const char *header = MHD_lookup_connection_value(conn, MHD_HEADER_KIND, "Authorization");
  const char *token = token_of(s);
  if (header == NULL || strncasecmp(header, "Bearer ", 7) != 0 || token[0] == '\0') {
    return 0;
  }
  header += 7;
  size_t len = strlen(token), given = strlen(header);
  unsigned char different = len != given;
  for (size_t i = 0; i < given; i++) {
    different |= (unsigned char)(header[i] ^ token[i % len]);
  }
  return different == 0;
}

static const http_page *find_page(const char *path) {
  for (const http_page *page = http_pages; page->path != NULL; page++) {
    if (strcmp(page->path, path) == 0) {
      return page;
    }
  }
  return NULL;
}

static int fits(const http_page *page, const char *method) {
  return strcmp(page->method, method) == 0 || (strcmp(page->method, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

static int too_large(const server *s, struct MHD_Connection *conn) {
  const char *length = MHD_lookup_connection_value(conn, MHD_HEADER_KIND, "Content-Length");
  return length != NULL && strtoull(length, NULL, 10) > s->started->http.max_body_bytes;
}

/* Who is not admitted is told so before the body has come. */
static enum MHD_Result begin(server *s, struct MHD_Connection *conn, const http_page *page, const char *method) {
  if ((page == NULL || !page->open) && !may_enter(s, conn)) {
    return refuse(conn, MHD_HTTP_UNAUTHORIZED, "WWW-Authenticate", "Bearer");
  }
  if (page == NULL) {
    return refuse(conn, MHD_HTTP_NOT_FOUND, NULL, NULL);
  }
  if (!fits(page, method)) {
    return refuse(conn, MHD_HTTP_METHOD_NOT_ALLOWED, "Allow", page->method);
  }
  return too_large(s, conn) ? refuse(conn, MHD_HTTP_CONTENT_TOO_LARGE, NULL, NULL) : MHD_YES;
}

/* A body without an announced length that grows too large is cut. */
static enum MHD_Result take_body(const server *s, http_request *request, const char *data, size_t len) {
  size_t max = s->started->http.max_body_bytes;
  if (len > max - request->bodylen) {
    return MHD_NO;
  }
  if (request->bodylen + len > request->room) {
    size_t room = request->room * 2 + len;
    char *body = realloc(request->body, room);
    if (body == NULL) {
      return MHD_NO;
    }
    request->body = body;
    request->room = room;
  }
  memcpy(request->body + request->bodylen, data, len);
  request->bodylen += len;
  return MHD_YES;
}

typedef struct visit {
  http_request request;
  int begun;
} visit;

static enum MHD_Result on_request(void *cls, struct MHD_Connection *conn, const char *path, const char *method,
                                  const char *version, const char *data, size_t *len, void **con_cls) {
  server_http *http = cls;
  visit *v = *con_cls;
  const http_page *page = find_page(path);
  (void)version;
  if (v == NULL) {
    return MHD_NO;
  }
  if (!v->begun) {
    v->begun = 1;
    return begin(http->s, conn, page, method);
  }
  if (*len > 0) {
    size_t n = *len;
    *len = 0;
    return take_body(http->s, &v->request, data, n);
  }
  http_answer answer = {MHD_HTTP_OK, NULL, NULL, 0};
  page->answer(http->s, &v->request, &answer);
  return respond(conn, &answer, NULL, NULL);
}

/* Called first of all, with the whole URL. */
static void *on_uri(void *cls, const char *uri, struct MHD_Connection *conn) {
  const char *query = strchr(uri, '?');
  visit *v = calloc(1, sizeof *v);
  (void)cls;
  (void)conn;
  if (v != NULL) {
    v->request.query = strdup(query != NULL ? query + 1 : "");
    if (v->request.query == NULL) {
      free(v);
      return NULL;
    }
  }
  return v;
}

static void on_completed(void *cls, struct MHD_Connection *conn, void **con_cls, enum MHD_RequestTerminationCode why) {
  visit *v = *con_cls;
  (void)cls;
  (void)why;
  http_slow_served(conn);
  if (v != NULL) {
    free(v->request.query);
    free(v->request.body);
    free(v);
    *con_cls = NULL;
  }
}

/* ---- beginning and end ---- */

static struct MHD_Daemon *listen_on(server_http *http) {
  const server_http_config *c = &http->s->now->http;
  struct sockaddr_storage address;
  unsigned flags = MHD_USE_EPOLL;
  memset(&address, 0, sizeof address);
  if (uv_ip4_addr(c->address, (int)c->port, (struct sockaddr_in *)&address) != 0) {
    uv_ip6_addr(c->address, (int)c->port, (struct sockaddr_in6 *)&address);
    flags |= MHD_USE_IPv6;
  }
  return MHD_start_daemon(
      flags, 0, NULL, NULL, on_request, http, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_CONNECTION_LIMIT,
      (unsigned)c->max_connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)c->max_per_address,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)c->max_header_bytes, MHD_OPTION_CONNECTION_TIMEOUT,
      (unsigned)c->timeout, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
      MHD_OPTION_URI_LOG_CALLBACK, on_uri, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
      MHD_OPTION_NOTIFY_CONNECTION, http_slow_note, &http->slow, MHD_OPTION_END);
}

int server_http_token(server *s) {
  if (s->now->http.token != NULL || !s->started->http.enabled) {
    return 0;
  }
  return secret_keep("server", s->data, "http-token", s->token, sizeof s->token, 32);
}

int server_http_start(server *s) {
  const server_http_config *c = &s->now->http;
  if (!c->enabled) {
    return 0;
  }
  if (server_http_token(s) != 0) {
    return -1;
  }
  if (!server_address_is_loopback(c->address)) {
    server_say(s, IMP_LOG_WARN, "http", "%s is no loopback address: the token travels unencrypted", c->address);
  }
  server_http *http = calloc(1, sizeof *http);
  if (http == NULL) {
    server_say(s, IMP_LOG_ERROR, "http", "out of memory");
    return -1;
  }
  http->s = s;
  http->daemon = listen_on(http);
  if (http->daemon == NULL) {
    server_say(s, IMP_LOG_ERROR, "http", "cannot listen on %s port %u: %s", c->address, (unsigned)c->port,
               strerror(errno));
    free(http);
    return -1;
  }
  uv_poll_init(s->loop, &http->poll, MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->listen_fd);
  uv_timer_init(s->loop, &http->timer);
  http_slow_init(&http->slow, s->loop, (uint64_t)c->timeout * SLOWEST * 1000);
  http->poll.data = http->timer.data = http->slow.timer.data = http;
  http->handles = 3;
  s->http = http;
  uv_poll_start(&http->poll, UV_READABLE, on_poll);
  run(http);
  return 0;
}

void server_http_stop(server *s) {
  server_http *http = s->http;
  if (http == NULL) {
    return;
  }
  s->http = NULL;
  uv_close((uv_handle_t *)&http->poll, on_closed);
  uv_close((uv_handle_t *)&http->timer, on_closed);
  uv_close((uv_handle_t *)&http->slow.timer, on_closed);
  MHD_stop_daemon(http->daemon);
}
