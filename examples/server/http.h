/* Requests and answers, for the pages of the inbound HTTP. */
#ifndef SERVER_HTTP_H
#define SERVER_HTTP_H

#include "server.h"

typedef struct http_request {
  char *query; /* behind the "?", as it came; "" if there is none */
  char *body;
  size_t bodylen, room;
} http_request;

typedef struct http_answer {
  unsigned status;
  const char *content_type;
  char *body; /* malloc()ed; NULL: the status in words */
  size_t bodylen;
} http_answer;

typedef struct http_page {
  const char *path, *method;
  int open; /* asks for no bearer token */
  void (*answer)(server *s, const http_request *request, http_answer *answer);
} http_page;

/* pages.c: up to a row without a path */
extern const http_page http_pages[];
/* metrics.c */
void http_metrics(server *s, const http_request *request, http_answer *answer);

#endif /* SERVER_HTTP_H */
