/* A calendar whose requests are answered with what the fuzzer gives. */
#ifndef CALENDAR_FUZZ_H
#define CALENDAR_FUZZ_H

#include <imp/calendar.h>

#include "fuzz.h"

#define OPEN_MAX 32

typedef struct fuzz_calendar {
  imp_calendar *cal;
  imp_op *open[OPEN_MAX];
  size_t count;
  imp_tstamp ts;
} fuzz_calendar;

static uint32_t fuzz_delta; /* Graph: events one by one */

static inline int fuzz_start(void *ctx, imp_op *op, const imp_http_request *request) {
  fuzz_calendar *f = ctx;
  (void)request;
  if (f->count == OPEN_MAX) {
    return IMP_ERR_LIMIT;
  }
  f->open[f->count++] = op;
  return IMP_ERR_PENDING;
}

static const imp_http fuzz_http = {sizeof(imp_http), "fuzz", fuzz_start, NULL};

static inline void fuzz_turn(fuzz_calendar *f, imp_tstamp seconds) {
  f->ts += seconds * IMP_SECONDS;
  FUZZ_CHECK(imp_calendar_turn(f->cal, f->ts, UINT64_C(1772438400000) + f->ts / IMP_MILLISECONDS) == IMP_OK);
}

static inline void fuzz_begin(fuzz_calendar *f, imp_gateway_kind kind, const char *url) {
  imp_calendar_settings settings;
  imp_gateway gateway;
  memset(f, 0, sizeof *f);
  imp_calendar_settings_default(&settings, sizeof settings);
  settings.subjects = 1;
  settings.occurrences = 10000;
  FUZZ_CHECK(imp_calendar_new(&f->cal, &settings, NULL, f, 0, UINT64_C(1772438400000)) == IMP_OK);
  FUZZ_CHECK(imp_calendar_set_http(f->cal, &fuzz_http, f) == IMP_OK);
  imp_gateway_default(&gateway, sizeof gateway, kind);
  gateway.name = "g";
  gateway.url = url;
  gateway.delta = fuzz_delta;
  gateway.username = "u";
  gateway.secret = "s";
  gateway.webhook_url = "https://im.example/";
  gateway.client_state = "state";
  FUZZ_CHECK(imp_calendar_set_gateway(f->cal, &gateway) == IMP_OK);
  for (const char *user = "ab"; *user != '\0'; user++) {
    char name[2] = {*user, '\0'};
    imp_mailbox m = {sizeof m, name, "g", name, NULL, NULL, NULL};
    FUZZ_CHECK(imp_calendar_map(f->cal, &m) == IMP_OK);
  }
  fuzz_turn(f, 0);
}

/* Answers the oldest request. */
static inline void fuzz_answer(fuzz_calendar *f, uint32_t code, const uint8_t *data, size_t size) {
  if (f->count > 0) {
    imp_op *op = f->open[0];
    memmove(f->open, f->open + 1, --f->count * sizeof f->open[0]);
    int rv = imp_http_status(op, code);
    rv = rv == IMP_OK ? imp_http_body(op, data, size) : rv;
    imp_op_done(op, rv);
    fuzz_turn(f, 0);
  }
}

static inline void fuzz_end(fuzz_calendar *f) {
  imp_calendar_state state = {.size = sizeof state};
  imp_gateway_status status = {.size = sizeof status};
  (void)imp_calendar_get(f->cal, "a", &state);
  FUZZ_CHECK(imp_calendar_gateway_status(f->cal, "g", &status) == IMP_OK);
  FUZZ_CHECK(status.mailboxes == 2 && status.mailboxes_failing <= 2 && status.subscribed <= 2);
  imp_calendar_del(f->cal);
  while (f->count > 0) {
    imp_op_done(f->open[--f->count], IMP_ERR_CANCELLED);
  }
}

#endif
