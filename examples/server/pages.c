#include <stdlib.h>
#include <string.h>

#include "http.h"

/* Load balancers ask. */
static void health(server *s, const http_request *request, http_answer *answer) {
  int good = s->ready && !s->stopping;
  (void)request;
  answer->status = good ? 200 : 503;
  answer->content_type = "application/json";
  answer->body = strdup(good ? "{\"status\":\"ok\"}\n" : s->stopping ? "{\"status\":\"stopping\"}\n"
                                                                      : "{\"status\":\"starting\"}\n");
  answer->bodylen = answer->body != NULL ? strlen(answer->body) : 0;
}

/* Microsoft Graph has no token of ours: what it brings is judged by the gateways' client_state. */
static void graph(server *s, const http_request *request, http_answer *answer) {
  imp_webhook_answer reply = {.size = sizeof reply};
  imp_calendar *calendar = server_calendar_get(s);
  if (calendar == NULL ||
      imp_calendar_webhook(calendar, request->query, request->body, request->bodylen, &reply) != IMP_OK) {
    answer->status = 404;
    return;
  }
  answer->status = reply.status;
  answer->content_type = reply.content_type;
  if (reply.body != NULL && (answer->body = malloc(reply.bodylen + 1)) != NULL) {
    memcpy(answer->body, reply.body, reply.bodylen);
    answer->bodylen = reply.bodylen;
  }
}

const http_page http_pages[] = {
    {"/health", "GET", 1, health},
    {"/metrics", "GET", 0, http_metrics},
    {SERVER_WEBHOOK_PATH, "POST", 1, graph},
    {NULL, NULL, 0, NULL},
};
