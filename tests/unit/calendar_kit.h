/*
 * A calendar under test: an HTTP client that keeps requests until the test answers them, two clocks, a journal.
 *
 * The journal has a line for each change:  "juliet busy 09:00-10:00", "juliet unknown", "gateway corp up".
 */
#ifndef CALENDAR_KIT_H
#define CALENDAR_KIT_H

#include "alloc_fail.h"

#include <imp/calendar.h>
#include <string.h>

#define CKIT_OPEN_MAX 64

typedef struct ckit_request {
  imp_op *op; /* NULL: answered */
  char method[16], url[256], fields[1024], username[64], secret[256], affinity[64];
  char *body;
  uint32_t auth, stream, confidential;
  int cancelled;
} ckit_request;

typedef struct ckit {
  imp_calendar *cal;
  imp_tstamp ts;
  imp_wallclock now;
  ckit_request open[CKIT_OPEN_MAX];
  size_t nopen; /* asked so far; more than there is room for are refused */
  int wants_turn, no_zones;
  imp_tstamp deadline; /* of the last request */
  char journal[4096];
  char text[512];
  char log[4096]; /* lines, as the operator sees them */
} ckit;

/* At 2026-03-02T08:00:00Z, a Monday, with everything given to unit_own(). Zeroed at first; again: a new scene. */
void ckit_new(ckit *kit, const imp_calendar_settings *settings);
imp_wallclock ckit_time(const char *text);
/* "2026-03-02T09:00:00Z" */
const char *ckit_text(ckit *kit, imp_wallclock t);
void ckit_turn(ckit *kit);
/* Runs whatever is due on the way; ends at that time. */
void ckit_until(ckit *kit, const char *time);
void ckit_pass(ckit *kit, uint64_t ms);

/* The i-th request so far. */
ckit_request *ckit_at(ckit *kit, size_t i);
/* The oldest that was not answered; fails the test if there is none. */
ckit_request *ckit_next(ckit *kit);
size_t ckit_unanswered(const ckit *kit);
/* Answers a request whole, and ends the turn. `field` is "Name: value" or NULL. */
void ckit_answer(ckit *kit, ckit_request *request, uint32_t code, const char *field, const char *body);
void ckit_fail(ckit *kit, ckit_request *request, int error, const char *why);
/* A piece of a streamed answer. */
int ckit_feed(ckit_request *request, const char *body, size_t len);

/* Compares the journal with `text`, and empties it. */
void ckit_expect(ckit *kit, const char *text);
/* One block. */
imp_busy ckit_busy(const char *start, const char *end, imp_busy_kind kind);
void ckit_gateway(ckit *kit, imp_gateway *gateway, imp_gateway_kind kind, const char *url);
void ckit_map(ckit *kit, const char *user, const char *mailbox, const char *zone);

#endif
