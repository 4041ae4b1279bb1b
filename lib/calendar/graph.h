/*
 * Microsoft Graph v1.0.
 *
 *   graph_read.c       getSchedule for up to 20 mailboxes a call; automatic replies
 *   graph_delta.c      calendarView/delta, event by event
 *   graph_subscribe.c  change subscriptions: made, renewed, given up
 *   graph_webhook.c    what Microsoft sends to the host
 *   graph_json.c       JSON of requests and answers
 *
 * Microsoft allows four requests at once a mailbox: each has at most one reading, one of its replies, one subscription.
 */
#ifndef IMP_CALENDAR_GRAPH_H
#define IMP_CALENDAR_GRAPH_H

#include <jansson.h>

#include "calendar/gateway.h"

/* ---- graph_json.c ---- */
/* A request to conf.url, then `before`, `part` (percent-encoded) and `after`; with this body, or without (NULL). Takes the
   reference of `body`. NULL when out of memory. */
imp_cal_call *imp_graph_call(imp_cal_gateway *gateway, imp_cal_box *const *boxes, size_t count, const char *method,
                             const char *before, const char *part, const char *after, json_t *body);
const char *imp_graph_text(const json_t *object, const char *name);
/* {"dateTime": …, "timeZone": …}. IMP_ERR_MALFORMED, IMP_ERR_NOT_FOUND (the zone). */
int imp_graph_time(imp_calendar *cal, const json_t *value, imp_wallclock *t);
/* What an error answer says: error.code. Never NULL. */
const char *imp_graph_error(const json_t *answer);
/* Deals with a status that is not `want`: 429 and 503 wait, 401 and others are failures, with the code that the body names. Non-zero if
   it was another. */
int imp_graph_bad(imp_cal_call *call, uint32_t code, uint32_t want, const json_t *answer);

/* ---- graph_delta.c ---- */
int imp_graph_read_events(imp_cal_gateway *gateway, imp_cal_box *box);
void imp_graph_events_del(imp_cal_box *box);

/* ---- graph_subscribe.c ---- */
void imp_graph_run(imp_cal_gateway *gateway);
void imp_graph_forget(imp_cal_box *box);
void imp_graph_reset(imp_cal_gateway *gateway);

#endif
