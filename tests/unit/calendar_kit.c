#include "calendar_kit.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/codec.h"

#define MS_PER_DAY UINT64_C(86400000)

/* ---- what the calendar calls ---- */

static void note(ckit *kit, const char *text) {
  size_t len = strlen(kit->journal);
  snprintf(kit->journal + len, sizeof kit->journal - len, "%s\n", text);
}

static void clock_of(char *dst, size_t cap, imp_wallclock t) {
  unsigned minutes = (unsigned)(t % MS_PER_DAY / 60000);
  snprintf(dst, cap, "%02u:%02u", minutes / 60, minutes % 60);
}

static void on_change(imp_calendar *cal, const char *user, const imp_calendar_state *s, void *user_data) {
  char line[1500], since[8], until[8];
  ckit *kit = user_data;
  (void)cal;
  clock_of(since, sizeof since, s->since);
  clock_of(until, sizeof until, s->until);
  int n = snprintf(line, sizeof line, "%s %s", user, s->known ? imp_busy_kind_name((imp_busy_kind)s->kind) : "unknown");
  if (s->known && s->kind > IMP_BUSY_FREE) {
    n += snprintf(line + n, sizeof line - (size_t)n, " %s-%s%s", since, s->until_known ? until : "?", s->is_private ? " private" : "");
  }
  if (s->subject != NULL) {
    n += snprintf(line + n, sizeof line - (size_t)n, " '%s'", s->subject);
  }
  if (s->out_of_office) {
    snprintf(line + n, sizeof line - (size_t)n, " away(%s)", s->note != NULL ? s->note : "");
  }
  note(kit, line);
}

static void on_gateway(imp_calendar *cal, const imp_gateway_status *status, void *user_data) {
  static const char *const names[] = {"new", "up", "busy", "down"};
  char line[300];
  (void)cal;
  snprintf(line, sizeof line, "gateway %s %s", status->name, names[status->health]);
  note(user_data, line);
}

static int get_zone(imp_calendar *cal, const char *name, void *user_data) {
  static char data[65536];
  char path[200];
  ckit *kit = user_data;
  snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
  FILE *file = kit->no_zones ? NULL : fopen(path, "rb");
  size_t len = file != NULL ? fread(data, 1, sizeof data, file) : 0;
  if (file == NULL) {
    return IMP_ERR_NOT_FOUND;
  }
  fclose(file);
  return imp_calendar_add_zone(cal, name, data, len);
}

static void on_log(void *user_data, imp_log_area area, imp_log_level level, const char *subject, const char *line) {
  ckit *kit = user_data;
  size_t len = strlen(kit->log);
  snprintf(kit->log + len, sizeof kit->log - len, "%s %s %s: %s\n", imp_log_level_name(level), imp_log_area_name(area), subject,
           line);
}

static void want_turn(imp_calendar *cal, void *user_data) {
  (void)cal;
  ((ckit *)user_data)->wants_turn = 1;
}

/* ---- the HTTP client ---- */

static void keep(char *dst, size_t cap, const char *s) { snprintf(dst, cap, "%s", s != NULL ? s : ""); }

static int start(void *ctx, imp_op *op, const imp_http_request *r) {
  ckit *kit = ctx;
  if (kit->nopen == CKIT_OPEN_MAX) {
    return IMP_ERR_LIMIT;
  }
  ckit_request *q = &kit->open[kit->nopen++];
  memset(q, 0, sizeof *q);
  q->op = op;
  keep(q->method, sizeof q->method, r->method);
  keep(q->url, sizeof q->url, r->url);
  keep(q->username, sizeof q->username, r->username);
  keep(q->secret, sizeof q->secret, r->secret);
  keep(q->affinity, sizeof q->affinity, r->affinity);
  for (size_t i = 0, n = 0; i < r->nfields; i++) {
    n += (size_t)snprintf(q->fields + n, sizeof q->fields - n, "%s: %s\n", r->fields[i].name, r->fields[i].value);
  }
  q->body = calloc(1, r->bodylen + 1);
  memcpy(q->body, r->body != NULL ? r->body : "", r->bodylen);
  q->auth = r->auth;
  q->stream = r->stream;
  q->confidential = r->confidential;
  kit->deadline = imp_op_deadline(op);
  return IMP_ERR_PENDING;
}

static void cancel(void *ctx, imp_op *op) {
  ckit *kit = ctx;
  for (size_t i = 0; i < kit->nopen; i++) {
    if (kit->open[i].op == op) {
      kit->open[i].op = NULL;
      kit->open[i].cancelled = 1;
      imp_op_done(op, IMP_ERR_CANCELLED);
    }
  }
}

static const imp_http http = {sizeof(imp_http), "test", start, cancel};

static void release(void *object) {
  ckit *kit = object;
  imp_calendar_del(kit->cal);
  kit->cal = NULL;
  for (size_t i = 0; i < kit->nopen; i++) {
    if (kit->open[i].op != NULL) {
      imp_op_done(kit->open[i].op, IMP_ERR_CANCELLED);
    }
    free(kit->open[i].body);
  }
  kit->nopen = 0;
}

/* ---- for tests ---- */

void ckit_new(ckit *kit, const imp_calendar_settings *settings) {
  imp_calendar_callbacks callbacks = {sizeof callbacks, on_change, on_gateway, get_zone, want_turn, on_log, IMP_LOG_TRACE};
  release(kit); /* of a scene before */
  memset(kit, 0, sizeof *kit);
  kit->ts = 1000 * IMP_SECONDS;
  kit->now = ckit_time("2026-03-02T08:00:00Z");
  unit_own(release, kit);
  assert_int_equal(imp_calendar_new(&kit->cal, settings, &callbacks, kit, kit->ts, kit->now), IMP_OK);
  assert_int_equal(imp_calendar_set_http(kit->cal, &http, kit), IMP_OK);
}

imp_wallclock ckit_time(const char *text) {
  imp_wallclock t;
  assert_int_equal(imp_datetime_parse(&t, text), IMP_OK);
  return t;
}

const char *ckit_text(ckit *kit, imp_wallclock t) {
  char text[IMP_DATETIME_LEN];
  imp_datetime_format(text, t);
  snprintf(kit->text, sizeof kit->text, "%.19sZ", text);
  return kit->text;
}

void ckit_turn(ckit *kit) {
  int rounds = 0;
  do {
    kit->wants_turn = 0;
    assert_int_equal(imp_calendar_turn(kit->cal, kit->ts, kit->now), IMP_OK);
    assert_true(++rounds < 100);
  } while (kit->wants_turn);
}

void ckit_pass(ckit *kit, uint64_t ms) {
  imp_tstamp end = kit->ts + ms * IMP_MILLISECONDS;
  imp_wallclock target = kit->now + ms;
  int rounds = 0;
  ckit_turn(kit);
  for (imp_tstamp next; (next = imp_calendar_get_expiry(kit->cal)) <= end && rounds < 100000; rounds++) {
    next = next > kit->ts ? next : kit->ts + 1;
    kit->now += (next - kit->ts + IMP_MILLISECONDS - 1) / IMP_MILLISECONDS;
    kit->ts = next;
    ckit_turn(kit);
  }
  assert_true(rounds < 100000);
  kit->ts = end;
  kit->now = target;
  ckit_turn(kit);
}

void ckit_until(ckit *kit, const char *time) { ckit_pass(kit, ckit_time(time) - kit->now); }

ckit_request *ckit_at(ckit *kit, size_t i) {
  assert_true(i < kit->nopen);
  return &kit->open[i];
}

ckit_request *ckit_next(ckit *kit) {
  size_t i = 0;
  while (i < kit->nopen && kit->open[i].op == NULL) {
    i++;
  }
  assert_true(i < kit->nopen);
  return &kit->open[i];
}

size_t ckit_unanswered(const ckit *kit) {
  size_t n = 0;
  for (size_t i = 0; i < kit->nopen; i++) {
    n += kit->open[i].op != NULL;
  }
  return n;
}

void ckit_answer(ckit *kit, ckit_request *request, uint32_t code, const char *field, const char *body) {
  imp_op *op = request->op;
  int rv = imp_http_status(op, code);
  if (rv == IMP_OK && field != NULL) {
    size_t colon = strcspn(field, ":");
    rv = imp_http_header(op, field, colon, field + colon + 1, strlen(field + colon + 1));
  }
  if (rv == IMP_OK && body != NULL) {
    rv = imp_http_body(op, body, strlen(body));
  }
  request->op = NULL;
  imp_op_done(op, rv);
  ckit_turn(kit);
}

void ckit_fail(ckit *kit, ckit_request *request, int error, const char *why) {
  imp_op *op = request->op;
  imp_http_error(op, why);
  request->op = NULL;
  imp_op_done(op, error);
  ckit_turn(kit);
}

int ckit_feed(ckit_request *request, const char *body, size_t len) { return imp_http_body(request->op, body, len); }

void ckit_expect(ckit *kit, const char *text) {
  assert_string_equal(kit->journal, text);
  kit->journal[0] = '\0';
}

imp_busy ckit_busy(const char *start_text, const char *end_text, imp_busy_kind kind) {
  imp_busy b;
  memset(&b, 0, sizeof b);
  b.size = sizeof b;
  b.start = ckit_time(start_text);
  b.end = ckit_time(end_text);
  b.kind = kind;
  return b;
}

void ckit_gateway(ckit *kit, imp_gateway *gateway, imp_gateway_kind kind, const char *url) {
  (void)kit;
  imp_gateway_default(gateway, sizeof *gateway, kind);
  gateway->name = "corp";
  gateway->url = url;
  gateway->username = "svc";
  gateway->secret = "pw";
}

void ckit_map(ckit *kit, const char *user, const char *mailbox, const char *zone) {
  imp_mailbox m = {sizeof m, user, "corp", mailbox, zone, NULL, NULL};
  assert_int_equal(imp_calendar_map(kit->cal, &m), IMP_OK);
}
