/* The node's calendar. */
#include "calendar/zone.h"
#include "status/internal.h"

/* ---- what it tells ---- */

static void on_change(imp_calendar *cal, const char *user, const imp_calendar_state *state, void *user_data) {
  imp_status *f = user_data;
  imp_status_person *p;
  imp_jid *jid;
  (void)cal;
  (void)state;
  if (imp_account_jid(f->node, user, &jid) < 0) {
    return;
  }
  p = imp_status_person_get(f, jid);
  if (p != NULL) {
    p->calendar = 1;
    imp_status_line_up(f, p);
  }
  imp_jid_del(jid);
}

static void on_gateway(imp_calendar *cal, const imp_gateway_status *status, void *user_data) {
  imp_status *f = user_data;
  (void)cal;
  if (f->callbacks.gateway != NULL) {
    f->callbacks.gateway(f->node, status, f->user_data);
  }
}

static int get_zone(imp_calendar *cal, const char *name, void *user_data) {
  imp_status *f = user_data;
  return f->callbacks.get_zone != NULL ? f->callbacks.get_zone(cal, name, f->user_data) : IMP_ERR_NOT_FOUND;
}

static void want_turn(imp_calendar *cal, void *user_data) {
  imp_status *f = user_data;
  (void)cal;
  f->calendar_wants = 1;
  imp_status_wake(f);
}

static void on_log(void *user_data, imp_log_area area, imp_log_level level, const char *subject, const char *text) {
  const imp_logger *log = &((imp_status *)user_data)->node->log;
  if (imp_log_on(log, level)) {
    log->fn(log->user_data, area, level, subject, text);
  }
}

int imp_status_calendar_new(imp_status *f) {
  const imp_calendar_callbacks callbacks = {.size = sizeof(callbacks),
                                            .on_change = on_change,
                                            .on_gateway = on_gateway,
                                            .get_zone = get_zone,
                                            .want_turn = want_turn,
                                            .log = on_log,
                                            .log_level = (uint32_t)f->node->log.max};
  return imp_calendar_new(&f->calendar, &f->calendar_settings, &callbacks, f, f->node->now, imp_node_wallclock(f->node));
}

void imp_status_calendar_run(imp_status *f, imp_wallclock now, int jumped) {
  if (f->calendar_wants || jumped || imp_calendar_get_expiry(f->calendar) <= f->node->now) {
    f->calendar_wants = 0;
    (void)imp_calendar_turn(f->calendar, f->node->now, now);
  }
}

/* ---- what it says ---- */

static imp_presence_state state_of(const imp_calendar_state *state) {
  switch (state->known ? (imp_busy_kind)state->kind : IMP_BUSY_FREE) {
  case IMP_BUSY_ELSEWHERE:
    return IMP_PRESENCE_ELSEWHERE;
  case IMP_BUSY_TENTATIVE:
    return IMP_PRESENCE_TENTATIVE;
  case IMP_BUSY_BUSY:
    return IMP_PRESENCE_MEETING;
  case IMP_BUSY_OOF:
    return IMP_PRESENCE_OUT_OF_OFFICE;
  default:
    return IMP_PRESENCE_OFFLINE;
  }
}

static void put(imp_status *f, const imp_status_person *p, const imp_source *source, int there) {
  const char *name = imp_jid_full(p->jid);
  imp_wallclock now = imp_node_wallclock(f->node);
  int rv = there ? imp_composer_set(f->composer, name, source, now)
                 : imp_composer_remove(f->composer, name, (imp_source_kind)source->kind, source->id, now);
  if (rv < 0 && rv != IMP_ERR_NOT_FOUND) {
    imp_log(&f->node->log, IMP_LOG_ROUTE, IMP_LOG_WARN, name, "calendar not composed: %s", imp_strerror(rv));
  }
}

/* The calendar says itself when the present is over; until then what it said holds, also when no end is known. */
void imp_status_calendar_read(imp_status *f, const imp_status_person *p) {
  imp_calendar_state state = {.size = sizeof(state)};
  imp_source busy = {.size = sizeof(busy), .kind = IMP_SOURCE_CALENDAR, .id = IMP_STATUS_GATEWAYS};
  imp_source away = {.size = sizeof(away), .kind = IMP_SOURCE_OUT_OF_OFFICE, .id = IMP_STATUS_GATEWAYS};
  if (imp_calendar_get(f->calendar, imp_jid_local(p->jid), &state) < 0) {
    memset(&state, 0, sizeof(state));
  }
  busy.state = state_of(&state);
  busy.note = state.subject;
  busy.until = state.until_known ? state.until : 0;
  put(f, p, &busy, busy.state != IMP_PRESENCE_OFFLINE);
  away.state = IMP_PRESENCE_OUT_OF_OFFICE;
  away.note = state.note;
  away.until = state.oof_until;
  put(f, p, &away, state.out_of_office && state.note != NULL);
}

/* ---- clocks ---- */

int imp_status_zone(imp_status *f, const char *name, const struct imp_zone **rules) {
  int rv = IMP_OK;
  *rules = NULL;
  if (f->calendar != NULL || strcmp(name, "UTC") != 0) {
    rv = f->calendar == NULL ? imp_status_calendar_new(f) : IMP_OK;
    rv = rv < 0 ? rv : imp_cal_zone(f->calendar, name, rules);
  }
  return rv;
}

int32_t imp_status_utc_offset(imp_node *node, imp_wallclock moment) {
  return imp_zone_offset(imp_status_of(node)->rules, moment < INT64_MAX ? (int64_t)moment : INT64_MAX) / 60000;
}
