/* What mailboxes hold in a window (getSchedule), and their automatic replies. */
#include <strings.h>

#include "calendar/ews.h"
#include "calendar/graph.h"
#include "calendar/ical.h"
#include "core/codec.h"

#define STEP_MINUTES 30

/* ---- getSchedule ---- */

static json_t *time_of(imp_wallclock t) {
  char text[IMP_DATETIME_LEN];
  imp_datetime_format(text, t);
  text[19] = '\0';
  return json_pack("{s:s, s:s}", "dateTime", text, "timeZone", "UTC");
}

static int kind_of(const char *status, uint32_t *kind) {
  static const struct {
    const char *name;
    uint32_t kind;
  } kinds[] = {{"tentative", IMP_BUSY_TENTATIVE},
               {"busy", IMP_BUSY_BUSY},
               {"oof", IMP_BUSY_OOF},
               {"workingElsewhere", IMP_BUSY_ELSEWHERE}};
  for (size_t i = 0; status != NULL && i < IMP_ARRAY_LEN(kinds); i++) {
    if (strcasecmp(status, kinds[i].name) == 0) {
      *kind = kinds[i].kind;
      return 1;
    }
  }
  return 0;
}

static int read_item(imp_calendar *cal, const json_t *item, imp_cal_list *list) {
  imp_busy b;
  memset(&b, 0, sizeof b);
  b.size = sizeof b;
  if (!kind_of(imp_graph_text(item, "status"), &b.kind) ||
      imp_graph_time(cal, json_object_get(item, "start"), &b.start) != IMP_OK ||
      imp_graph_time(cal, json_object_get(item, "end"), &b.end) != IMP_OK) {
    return IMP_OK;
  }
  b.is_private = json_is_true(json_object_get(item, "isPrivate"));
  if (!b.is_private) {
    b.subject = imp_graph_text(item, "subject");
    b.location = imp_graph_text(item, "location");
  }
  return imp_cal_list_add(list, &b);
}

/* A digit for each half hour: 0 free or elsewhere, 1 tentative, 2 busy, 3 out of office, 4 elsewhere. */
static int read_view(const char *digits, imp_wallclock from, imp_cal_list *list) {
  static const uint8_t kinds[] = {IMP_BUSY_FREE, IMP_BUSY_TENTATIVE, IMP_BUSY_BUSY, IMP_BUSY_OOF, IMP_BUSY_ELSEWHERE};
  int rv = IMP_OK;
  for (size_t i = 0, n; digits[i] != '\0' && rv == IMP_OK; i += n) {
    imp_busy b;
    for (n = 1; digits[i + n] == digits[i]; n++) {
    }
    memset(&b, 0, sizeof b);
    b.size = sizeof b;
    b.start = from + i * STEP_MINUTES * 60000;
    b.end = b.start + n * STEP_MINUTES * 60000;
    b.kind = digits[i] >= '0' && digits[i] <= '4' ? kinds[digits[i] - '0'] : IMP_BUSY_FREE;
    rv = b.kind != IMP_BUSY_FREE ? imp_cal_list_add(list, &b) : IMP_OK;
  }
  return rv;
}

static void read_schedule(imp_cal_call *call, size_t i, const json_t *schedule) {
  imp_calendar *cal = call->gateway->cal;
  const json_t *items = json_object_get(schedule, "scheduleItems");
  const char *view = imp_graph_text(schedule, "availabilityView");
  imp_cal_list list;
  int rv = IMP_OK;
  if (json_is_object(json_object_get(schedule, "error"))) {
    const char *why = imp_graph_error(schedule);
    imp_cal_box_failed(call, i, why[0] != '\0' ? why : "the server tells nothing of this mailbox");
    return;
  }
  imp_cal_list_init(&list, cal->settings.blocks_max);
  for (size_t n = 0; n < json_array_size(items) && rv == IMP_OK; n++) {
    rv = read_item(cal, json_array_get(items, n), &list);
  }
  if (!json_is_array(items) && view != NULL) { /* free and busy is all that we may see */
    rv = read_view(view, call->from / 1000 * 1000, &list);
  }
  if (rv == IMP_OK) {
    imp_cal_box_read(call, i, list.blocks, list.count);
  } else {
    imp_cal_box_failed(call, i, "out of memory");
  }
  imp_cal_list_reset(&list);
}

static const json_t *schedule_for(const json_t *value, const char *mailbox) {
  for (size_t n = 0; n < json_array_size(value); n++) {
    const char *id = imp_graph_text(json_array_get(value, n), "scheduleId");
    if (id != NULL && strcasecmp(id, mailbox) == 0) {
      return json_array_get(value, n);
    }
  }
  return NULL;
}

static void read_schedules(imp_cal_call *call, const json_t *value) {
  for (size_t i = 0; i < call->nboxes; i++) {
    const json_t *schedule = call->boxes[i] != NULL ? schedule_for(value, call->boxes[i]->mailbox) : NULL;
    if (schedule != NULL) {
      read_schedule(call, i, schedule);
    } else if (call->boxes[i] != NULL && call->boxes[i]->call == call) {
      imp_cal_box_failed(call, i, "the answer leaves this mailbox out");
    }
  }
}

static void on_schedules(imp_cal_call *call, uint32_t code, const char *body, size_t len) {
  json_t *answer = json_loadb(body, len, 0, NULL);
  if (code == 200 && json_is_array(json_object_get(answer, "value"))) {
    imp_cal_gateway_up(call->gateway);
    read_schedules(call, json_object_get(answer, "value"));
  } else if (code == 200) {
    imp_cal_gateway_down(call->gateway, "not an answer of getSchedule");
  } else if (code == 404 || code == 403) { /* it is about the mailbox that is asked through: the others ask again */
    imp_cal_gateway_up(call->gateway);
    imp_cal_box_failed(call, 0, imp_graph_error(answer));
  } else {
    (void)imp_graph_bad(call, code, 200, answer);
  }
  imp_cal_requeue(call);
  json_decref(answer);
}

static json_t *write_schedules(const imp_cal_call *window, imp_cal_box *const *boxes, size_t count) {
  json_t *names = json_array();
  for (size_t i = 0; i < count; i++) {
    if (json_array_append_new(names, json_string(boxes[i]->mailbox)) != 0) {
      json_decref(names);
      return NULL;
    }
  }
  return json_pack("{s:o, s:o, s:o, s:i}", "schedules", names, "startTime", time_of(window->from), "endTime",
                   time_of(window->to), "availabilityViewInterval", STEP_MINUTES);
}

static int read_boxes(imp_cal_gateway *gateway, imp_cal_box **boxes, size_t count) {
  if (gateway->conf.delta) {
    return imp_graph_read_events(gateway, boxes[0]); /* alone: see imp_cal_conf_copy() */
  }
  imp_cal_call *window = imp_cal_call_new(gateway, NULL, 0);
  json_t *body = window != NULL ? write_schedules(window, boxes, count) : NULL;
  imp_cal_call_del(window);
  imp_cal_call *call = body != NULL ? imp_graph_call(gateway, boxes, count, "POST", "/users/", boxes[0]->mailbox,
                                                     "/calendar/getSchedule", body)
                                    : NULL;
  if (call == NULL) {
    return IMP_ERR_NOMEM;
  }
  call->done = on_schedules;
  for (size_t i = 0; i < count; i++) {
    boxes[i]->call = call;
  }
  return imp_cal_call_start(call);
}

/* ---- automatic replies ---- */

static void read_replies(imp_cal_call *call, const json_t *answer) {
  imp_calendar *cal = call->gateway->cal;
  const char *status = imp_graph_text(answer, "status"), *html = imp_graph_text(answer, "internalReplyMessage");
  imp_oof oof;
  memset(&oof, 0, sizeof oof);
  oof.size = sizeof oof;
  oof.enabled = status != NULL && strcmp(status, "alwaysEnabled") == 0;
  if (status != NULL && strcmp(status, "scheduled") == 0 &&
      imp_graph_time(cal, json_object_get(answer, "scheduledStartDateTime"), &oof.start) == IMP_OK &&
      imp_graph_time(cal, json_object_get(answer, "scheduledEndDateTime"), &oof.end) == IMP_OK) {
    oof.enabled = oof.start < oof.end;
  }
  char *plain = html != NULL && cal->settings.notes ? imp_strdup(html) : NULL;
  if (plain != NULL) {
    imp_ews_plain(plain);
    oof.note = plain;
  }
  imp_cal_box_oof_read(call, 0, &oof);
  imp_free(plain);
}

static void on_replies(imp_cal_call *call, uint32_t code, const char *body, size_t len) {
  json_t *answer = json_loadb(body, len, 0, NULL);
  if (code == 200 && json_is_object(answer)) {
    imp_cal_gateway_up(call->gateway);
    read_replies(call, answer);
  } else if (code == 403 || code == 404) { /* settings may be forbidden where schedules are not */
    imp_cal_box_failed(call, 0, imp_graph_error(answer));
  } else if (code == 200) {
    imp_cal_gateway_down(call->gateway, "not an answer of automaticRepliesSetting");
  } else {
    (void)imp_graph_bad(call, code, 200, answer);
  }
  imp_cal_requeue(call);
  json_decref(answer);
}

static int read_oof(imp_cal_gateway *gateway, imp_cal_box *box) {
  imp_cal_call *call = imp_graph_call(gateway, &box, 1, "GET", "/users/", box->mailbox,
                                      "/mailboxSettings/automaticRepliesSetting", NULL);
  if (call == NULL) {
    return IMP_ERR_NOMEM;
  }
  call->done = on_replies;
  box->oof_call = call;
  return imp_cal_call_start(call);
}

const imp_cal_kind imp_cal_graph = {read_boxes, read_oof, imp_graph_run, imp_graph_forget, imp_graph_reset};
