/* Calendars: gateways and mailboxes as the configuration says, HTTP by libcurl on the same loop. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"

struct server_calendar {
  server *s;
  imp_calendar *calendar; /* the node's, which runs it */
  imp_curl *curl;
};

imp_calendar *server_calendar_get(const server *s) { return s->calendar != NULL ? s->calendar->calendar : NULL; }

static void log_line(void *user_data, imp_log_area area, imp_log_level level, const char *subject, const char *text) {
  server_log(((server_calendar *)user_data)->s, area, level, subject, text);
}

/* ---- the configuration's gateways and mailboxes ---- */

static const imp_gateway *find_gateway(const server_list *list, const char *name) {
  const imp_gateway *gateways = list->items;
  for (size_t i = 0; i < list->count; i++) {
    if (strcmp(gateways[i].name, name) == 0) {
      return &gateways[i];
    }
  }
  return NULL;
}

static const imp_mailbox *find_mailbox(const server_list *list, const imp_mailbox *like) {
  const imp_mailbox *mailboxes = list->items;
  for (size_t i = 0; i < list->count; i++) {
    if (strcmp(mailboxes[i].user, like->user) == 0 && strcmp(mailboxes[i].gateway, like->gateway) == 0) {
      return &mailboxes[i];
    }
  }
  return NULL;
}

static void failed(server_calendar *c, const char *name) {
  server_say(c->s, IMP_LOG_ERROR, name, "%s", imp_calendar_last_error(c->calendar));
}

/* Removes what `now` lacks. A gateway's mailboxes go with it. */
static void remove_old(server_calendar *c, const server_calendar_config *old, const server_calendar_config *now) {
  const imp_gateway *gateways = old->gateways.items;
  const imp_mailbox *mailboxes = old->mailboxes.items;
  for (size_t i = 0; i < old->mailboxes.count; i++) {
    if (find_mailbox(&now->mailboxes, &mailboxes[i]) == NULL) {
      imp_calendar_unmap(c->calendar, mailboxes[i].user, mailboxes[i].gateway);
    }
  }
  for (size_t i = 0; i < old->gateways.count; i++) {
    if (find_gateway(&now->gateways, gateways[i].name) == NULL) {
      imp_calendar_remove_gateway(c->calendar, gateways[i].name);
    }
  }
}

/* A gateway of another kind is another gateway: it goes, and its mailboxes are mapped anew. */
static void set_gateway(server_calendar *c, const imp_gateway *old, const imp_gateway *now) {
  if (old != NULL && server_same_group(&server_gateway_keys, old, now)) {
    return;
  }
  if (old != NULL && old->kind != now->kind) {
    imp_calendar_remove_gateway(c->calendar, now->name);
  }
  if (imp_calendar_set_gateway(c->calendar, now) != IMP_OK) {
    failed(c, now->name);
  }
}

static void set_new(server_calendar *c, const server_calendar_config *old, const server_calendar_config *now) {
  const imp_gateway *gateways = now->gateways.items;
  const imp_mailbox *mailboxes = now->mailboxes.items;
  for (size_t i = 0; i < now->gateways.count; i++) {
    const imp_gateway *before = old != NULL ? find_gateway(&old->gateways, gateways[i].name) : NULL;
    set_gateway(c, before, &gateways[i]);
  }
  for (size_t i = 0; i < now->mailboxes.count; i++) {
    const imp_mailbox *before = old != NULL ? find_mailbox(&old->mailboxes, &mailboxes[i]) : NULL;
    const imp_gateway *was = old != NULL ? find_gateway(&old->gateways, mailboxes[i].gateway) : NULL;
    const imp_gateway *is = find_gateway(&now->gateways, mailboxes[i].gateway);
    if (before != NULL && was != NULL && is != NULL && was->kind == is->kind &&
        server_same_group(&server_mailbox_keys, before, &mailboxes[i])) {
      continue;
    }
    if (imp_calendar_map(c->calendar, &mailboxes[i]) != IMP_OK) {
      failed(c, mailboxes[i].user);
    }
  }
}

/* ---- beginning and end ---- */

static int make_calendar(server_calendar *c) {
  const server_calendar_config *config = &c->s->started->calendar;
  imp_curl_options options = {.size = sizeof options,
                              .ca_file = config->ca_file,
                              .proxy = config->proxy,
                              .log = log_line,
                              .log_user_data = c,
                              .log_level = IMP_LOG_DEBUG};
  char text[512] = "";
  int rv = imp_curl_new(&c->curl, c->s->loop, &options, text, sizeof text);
  if (rv == IMP_OK) {
    rv = imp_status_get_calendar(c->s->node, &c->calendar);
  }
  if (rv == IMP_OK) {
    rv = imp_calendar_set_http(c->calendar, imp_curl_vtable(), c->curl);
  }
  if (rv != IMP_OK) {
    server_say(c->s, IMP_LOG_ERROR, "calendar", "%s", text[0] != '\0' ? text : imp_strerror(rv));
    return -1;
  }
  return 0;
}

/* Made with the first gateway: without one nothing of it is there. */
int server_calendar_start(server *s) {
  if (s->now->calendar.gateways.count == 0) {
    return 0;
  }
  server_calendar *c = calloc(1, sizeof *c);
  if (c == NULL) {
    server_say(s, IMP_LOG_ERROR, "calendar", "out of memory");
    return -1;
  }
  c->s = s;
  if (make_calendar(c) != 0) {
    imp_curl_del(c->curl);
    free(c);
    return -1;
  }
  s->calendar = c;
  set_new(c, NULL, &s->now->calendar);
  return 0;
}

void server_calendar_reload(server *s, const server_config *old) {
  if (s->calendar == NULL) {
    server_calendar_start(s);
    return;
  }
  remove_old(s->calendar, &old->calendar, &s->now->calendar);
  set_new(s->calendar, &old->calendar, &s->now->calendar);
}

/* The node is gone, and the calendar with it. */
void server_calendar_stop(server *s) {
  if (s->calendar != NULL) {
    imp_curl_del(s->calendar->curl);
    free(s->calendar);
    s->calendar = NULL;
  }
}
