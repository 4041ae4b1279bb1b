#include "calendar/calendar.h"

#include <libical/ical.h>
#include <stdarg.h>
#include <stdio.h>

#include "calendar/gateway.h"
#include "calendar/zone.h"

#define RETRY_MS 1000 /* what failed for want of memory */

int imp_cal_fail(imp_calendar *cal, int error, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  vsnprintf(cal->error, sizeof cal->error, fmt, args);
  va_end(args);
  return error;
}

const char *imp_calendar_last_error(const imp_calendar *cal) { return cal->error; }

void imp_cal_want_turn(imp_calendar *cal) {
  if (cal->in_turn) {
    cal->again = 1;
  } else if (!cal->wanted) {
    cal->wanted = 1;
    if (cal->callbacks.want_turn != NULL) {
      cal->callbacks.want_turn(cal, cal->user_data);
    }
  }
}

static void on_wake(void *ctx) { imp_cal_want_turn(ctx); }

static void read_callbacks(imp_calendar *cal, const imp_calendar_callbacks *callbacks) {
  if (callbacks != NULL) {
    memcpy(&cal->callbacks, callbacks,
           callbacks->size < sizeof cal->callbacks ? callbacks->size : sizeof cal->callbacks);
  }
  cal->log.fn = cal->callbacks.log;
  cal->log.user_data = cal->user_data;
  cal->log.max = (imp_log_level)cal->callbacks.log_level;
}

static void init_limits(imp_calendar *cal) {
  imp_xml_limits_default(&cal->limits);
  cal->limits.stanza_bytes = cal->settings.answer_bytes;
  cal->limits.attribute_bytes = 65536;
  cal->limits.elements = 131072;
}

int imp_calendar_new(imp_calendar **out, const imp_calendar_settings *settings,
                     const imp_calendar_callbacks *callbacks, void *user_data, imp_tstamp ts, imp_wallclock now) {
  imp_calendar_settings s;
  if (imp_cal_settings_read(&s, settings) != IMP_OK || (callbacks != NULL && callbacks->size < sizeof(size_t))) {
    return IMP_ERR_INVALID_ARGUMENT;
  }
  int rv = imp_calendar_settings_check(&s, NULL, 0);
  imp_calendar *cal = rv == IMP_OK ? imp_calloc(1, sizeof *cal) : NULL;
  if (cal == NULL) {
    return rv == IMP_OK ? IMP_ERR_NOMEM : rv;
  }
  icalerror_set_errors_are_fatal(0);
  cal->settings = s;
  cal->user_data = user_data;
  cal->ts = ts;
  cal->now = now;
  read_callbacks(cal, callbacks);
  init_limits(cal);
  imp_heap_init(&cal->timers);
  imp_heap_init(&cal->edges);
  imp_map_init(&cal->users);
  imp_map_init(&cal->zones);
  imp_list_init(&cal->dirty);
  imp_list_init(&cal->gateways);
  imp_op_queue_init(&cal->ops, &cal->timers, on_wake, cal);
  rv = imp_xml_pool_new(&cal->xml, 2, NULL);
  if (rv != IMP_OK) {
    imp_calendar_del(cal);
    return rv;
  }
  *out = cal;
  return IMP_OK;
}

void imp_calendar_del(imp_calendar *cal) {
  imp_map_iter iter;
  if (cal == NULL) {
    return;
  }
  cal->in_turn = 1; /* nobody is called any more */
  imp_cal_gateways_del(cal);
  imp_op_queue_close(&cal->ops);
  imp_map_iter_init(&iter, &cal->users);
  for (imp_map_node *node; (node = imp_map_iter_next(&iter)) != NULL;) {
    imp_cal_user_del(IMP_CONTAINER_OF(node, imp_cal_user, node));
  }
  imp_map_reset(&cal->users);
  imp_cal_zones_del(cal);
  imp_heap_reset(&cal->timers);
  imp_heap_reset(&cal->edges);
  imp_xml_pool_del(cal->xml);
  imp_free(cal);
}

int imp_calendar_set_http(imp_calendar *cal, const imp_http *http, void *ctx) {
  if (http == NULL || http->size < offsetof(imp_http, cancel) || http->start == NULL) {
    return imp_cal_fail(cal, IMP_ERR_INVALID_ARGUMENT, "http: `size` or `start` is not set");
  }
  if (!imp_list_empty(&cal->gateways)) {
    return imp_cal_fail(cal, IMP_ERR_STATE, "http is set before the first gateway");
  }
  cal->http = http;
  cal->http_ctx = ctx;
  return IMP_OK;
}

/* The day's clock was put back: everybody's present is another. */
static void touch_all(imp_calendar *cal) {
  imp_map_iter iter;
  imp_map_iter_init(&iter, &cal->users);
  for (imp_map_node *node; (node = imp_map_iter_next(&iter)) != NULL;) {
    imp_cal_touch(IMP_CONTAINER_OF(node, imp_cal_user, node));
  }
}

int imp_calendar_turn(imp_calendar *cal, imp_tstamp ts, imp_wallclock now) {
  if (cal->in_turn) {
    return imp_cal_fail(cal, IMP_ERR_STATE, "a turn is under way");
  }
  cal->in_turn = 1;
  cal->wanted = 0;
  cal->ts = ts > cal->ts ? ts : cal->ts;
  if (now < cal->now) {
    touch_all(cal);
  }
  cal->now = now;
  imp_heap_run(&cal->timers, cal->ts);
  imp_op_queue_run(&cal->ops);
  imp_cal_gateways_run(cal);
  imp_heap_run(&cal->edges, now);
  cal->again = 0;
  imp_cal_tell(cal);
  imp_cal_gateways_tell(cal);
  cal->in_turn = 0;
  if (cal->again || !imp_list_empty(&cal->ops.done)) { /* answered at once */
    imp_cal_want_turn(cal);
  }
  return IMP_OK;
}

int imp_calendar_handle_expiry(imp_calendar *cal, imp_tstamp ts, imp_wallclock now) {
  return imp_calendar_turn(cal, ts, now);
}

imp_tstamp imp_calendar_get_expiry(const imp_calendar *cal) {
  imp_tstamp timer = imp_heap_next(&cal->timers), edge = imp_heap_next(&cal->edges);
  if (!imp_list_empty(&cal->ops.done)) {
    return cal->ts;
  }
  if (edge != IMP_TSTAMP_NEVER) {
    uint64_t ms = edge > cal->now ? edge - cal->now : 0;
    edge = ms < (UINT64_MAX - cal->ts) / IMP_MILLISECONDS ? cal->ts + ms * IMP_MILLISECONDS : IMP_TSTAMP_NEVER;
  }
  if (!imp_list_empty(&cal->dirty) && cal->ts + RETRY_MS * IMP_MILLISECONDS < edge) {
    edge = cal->ts + RETRY_MS * IMP_MILLISECONDS;
  }
  return timer < edge ? timer : edge;
}

/* ---- the host's own sources ---- */

int imp_calendar_put(imp_calendar *cal, const char *name, const char *source, const char *zone_name,
                     imp_wallclock from, imp_wallclock to, const imp_busy *blocks, size_t count) {
  imp_cal_user *user;
  const imp_zone *zone = NULL;
  if (source == NULL || source[0] == '\0' || strlen(source) > IMP_CALENDAR_NAME_MAX ||
      (count > 0 && (blocks == NULL || blocks->size < offsetof(imp_busy, is_private)))) {
    return imp_cal_fail(cal, IMP_ERR_INVALID_ARGUMENT, "source: its name or the size of its blocks is not set");
  }
  if (imp_cal_gateway_find(cal, source) != NULL) {
    return imp_cal_fail(cal, IMP_ERR_CONFLICT, "%.100s is a gateway", source);
  }
  if (zone_name != NULL && imp_cal_zone(cal, zone_name, &zone) != IMP_OK) {
    return imp_cal_fail(cal, IMP_ERR_NOT_FOUND, "no rules for zone %.80s", zone_name);
  }
  if (to <= from) {
    user = name != NULL ? imp_cal_user_find(cal, name) : NULL;
    if (user != NULL) {
      imp_cal_remove_source(user, NULL, source);
    }
    return IMP_OK;
  }
  int rv = imp_cal_user_get(cal, name, &user);
  if (rv == IMP_OK && (rv = imp_cal_put(user, NULL, source, zone, from, to, blocks, count)) != IMP_OK) {
    imp_cal_fail(cal, rv, "out of memory");
  }
  return rv;
}

int imp_calendar_put_oof(imp_calendar *cal, const char *name, const char *source, const imp_oof *oof) {
  imp_cal_user *user;
  if (source == NULL || source[0] == '\0' || (oof != NULL && oof->size < offsetof(imp_oof, start))) {
    return imp_cal_fail(cal, IMP_ERR_INVALID_ARGUMENT, "source: its name or the size of what it knows is not set");
  }
  if (imp_cal_gateway_find(cal, source) != NULL) {
    return imp_cal_fail(cal, IMP_ERR_CONFLICT, "%.100s is a gateway", source);
  }
  int rv = imp_cal_user_get(cal, name, &user);
  if (rv == IMP_OK && (rv = imp_cal_put_oof(user, NULL, source, oof)) != IMP_OK) {
    imp_cal_fail(cal, rv, "out of memory");
  }
  return rv;
}

int imp_calendar_get(imp_calendar *cal, const char *name, imp_calendar_state *state) {
  imp_cal_user *user = name != NULL ? imp_cal_user_find(cal, name) : NULL;
  imp_calendar_state found;
  size_t size = state != NULL ? state->size : 0;
  if (user == NULL || size < sizeof size) {
    return imp_cal_fail(cal, user == NULL ? IMP_ERR_NOT_FOUND : IMP_ERR_INVALID_ARGUMENT, "no such user");
  }
  imp_cal_state(user, cal->now, &found);
  memcpy(state, &found, size < sizeof found ? size : sizeof found);
  state->size = size;
  return IMP_OK;
}

int imp_calendar_runs(imp_calendar *cal, const char *name, imp_wallclock from, imp_wallclock to,
                      imp_calendar_run_fn fn, void *user_data) {
  imp_cal_user *user = name != NULL ? imp_cal_user_find(cal, name) : NULL;
  if (user == NULL) {
    return imp_cal_fail(cal, IMP_ERR_NOT_FOUND, "no such user");
  }
  for (size_t i = 0; i < user->nruns; i++) {
    imp_calendar_state state;
    const imp_cal_run *run = &user->runs[i];
    if (run->end > from && run->start < to) {
      imp_cal_state(user, run->start, &state);
      state.since = run->start;
      state.until = run->end;
      int rv = fn(&state, user_data);
      if (rv != 0) {
        return rv;
      }
    }
  }
  return IMP_OK;
}
