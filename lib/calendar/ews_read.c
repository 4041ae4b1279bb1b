/* What mailboxes hold in a window, and their automatic replies. */
#include <stdlib.h>

#include "calendar/ews.h"
#include "calendar/ical.h"
#include "core/codec.h"

#define STEP_MINUTES 30 /* of the merged view, for servers that tell nothing else */

/* ---- asking ---- */

/* UTC, spelt so that every server takes it. */
#define CHANGE                                                                                                         \
  "<t:Bias>0</t:Bias><t:Time>00:00:00</t:Time><t:DayOrder>1</t:DayOrder><t:Month>1</t:Month>"                         \
  "<t:DayOfWeek>Sunday</t:DayOfWeek>"
#define UTC_ZONE                                                                                                       \
  "<t:TimeZone><t:Bias>0</t:Bias><t:StandardTime>" CHANGE "</t:StandardTime><t:DaylightTime>" CHANGE                  \
  "</t:DaylightTime></t:TimeZone>"

static int write_mailboxes(imp_buf *body, imp_cal_box *const *boxes, size_t count) {
  int rv = imp_buf_append_str(body, "<m:MailboxDataArray>");
  for (size_t i = 0; i < count && rv == IMP_OK; i++) {
    rv = imp_buf_append_str(body, "<t:MailboxData><t:Email><t:Address>");
    rv = rv == IMP_OK ? imp_cal_xml(body, boxes[i]->mailbox) : rv;
    rv = rv == IMP_OK ? imp_buf_append_str(body, "</t:Address></t:Email><t:AttendeeType>Required</t:AttendeeType>"
                                                 "<t:ExcludeConflicts>false</t:ExcludeConflicts></t:MailboxData>")
                      : rv;
  }
  return rv == IMP_OK ? imp_buf_append_str(body, "</m:MailboxDataArray>") : rv;
}

static int write_window(imp_buf *body, imp_wallclock from, imp_wallclock to) {
  char start[IMP_DATETIME_LEN], end[IMP_DATETIME_LEN];
  imp_datetime_format(start, from);
  imp_datetime_format(end, to);
  return imp_cal_printf(body,
                        "<t:FreeBusyViewOptions><t:TimeWindow><t:StartTime>%.19s</t:StartTime><t:EndTime>%.19s</t:EndTime>"
                        "</t:TimeWindow><t:MergedFreeBusyIntervalInMinutes>%d</t:MergedFreeBusyIntervalInMinutes>"
                        "<t:RequestedView>DetailedMerged</t:RequestedView></t:FreeBusyViewOptions>",
                        start, end, STEP_MINUTES);
}

/* ---- availability ---- */

static int kind_of(const char *type, uint32_t *kind) {
  static const struct {
    const char *name;
    uint32_t kind;
  } kinds[] = {{"Free", IMP_BUSY_FREE},
               {"Tentative", IMP_BUSY_TENTATIVE},
               {"Busy", IMP_BUSY_BUSY},
               {"OOF", IMP_BUSY_OOF},
               {"WorkingElsewhere", IMP_BUSY_ELSEWHERE},
               {"NoData", IMP_BUSY_FREE}};
  for (size_t i = 0; type != NULL && i < IMP_ARRAY_LEN(kinds); i++) {
    if (strcmp(type, kinds[i].name) == 0) {
      *kind = kinds[i].kind;
      return 1;
    }
  }
  return 0;
}

static int read_event(const imp_elem *event, imp_cal_list *list) {
  const imp_elem *details = imp_elem_child(event, "CalendarEventDetails", NS_TYPES);
  const char *secret = imp_ews_text(details, "IsPrivate", NS_TYPES);
  imp_busy b;
  memset(&b, 0, sizeof b);
  b.size = sizeof b;
  if (!imp_elem_is(event, "CalendarEvent", NS_TYPES) ||
      imp_ews_time(imp_ews_text(event, "StartTime", NS_TYPES), &b.start) != IMP_OK ||
      imp_ews_time(imp_ews_text(event, "EndTime", NS_TYPES), &b.end) != IMP_OK ||
      !kind_of(imp_ews_text(event, "BusyType", NS_TYPES), &b.kind) || b.kind == IMP_BUSY_FREE) {
    return IMP_OK;
  }
  b.is_private = secret != NULL && (strcmp(secret, "true") == 0 || strcmp(secret, "1") == 0);
  if (!b.is_private) {
    b.subject = imp_ews_text(details, "Subject", NS_TYPES);
    b.location = imp_ews_text(details, "Location", NS_TYPES);
  }
  return imp_cal_list_add(list, &b);
}

/* A digit for each half hour; neighbours that are equal become one block. */
static int read_merged(const char *digits, imp_wallclock from, imp_cal_list *list) {
  static const uint8_t kinds[] = {IMP_BUSY_FREE, IMP_BUSY_TENTATIVE, IMP_BUSY_BUSY, IMP_BUSY_OOF};
  int rv = IMP_OK;
  for (size_t i = 0, n; digits[i] != '\0' && rv == IMP_OK; i += n) {
    imp_busy b;
    for (n = 1; digits[i + n] == digits[i]; n++) {
    }
    memset(&b, 0, sizeof b);
    b.size = sizeof b;
    b.start = from + i * STEP_MINUTES * 60000;
    b.end = b.start + n * STEP_MINUTES * 60000;
    b.kind = digits[i] >= '1' && digits[i] <= '3' ? kinds[digits[i] - '0'] : IMP_BUSY_FREE;
    rv = b.kind != IMP_BUSY_FREE ? imp_cal_list_add(list, &b) : IMP_OK;
  }
  return rv;
}

static void read_view(imp_cal_call *call, size_t i, const imp_elem *view) {
  const imp_elem *events = view != NULL ? imp_elem_child(view, "CalendarEventArray", NS_TYPES) : NULL;
  const char *type = imp_ews_text(view, "FreeBusyViewType", NS_TYPES);
  const char *merged = imp_ews_text(view, "MergedFreeBusy", NS_TYPES);
  imp_cal_list list;
  int rv = IMP_OK;
  if (view == NULL || type == NULL || strcmp(type, "None") == 0) {
    imp_cal_box_failed(call, i, "the server tells nothing of this mailbox");
    return;
  }
  imp_cal_list_init(&list, call->gateway->cal->settings.blocks_max);
  for (const imp_elem *e = events != NULL ? imp_elem_first(events) : NULL; e != NULL && rv == IMP_OK; e = imp_elem_next(e)) {
    rv = read_event(e, &list);
  }
  if (events == NULL && merged != NULL && strcmp(type, "MergedOnly") == 0) {
    rv = read_merged(merged, call->from / 1000 * 1000, &list);
  }
  if (rv == IMP_OK) {
    imp_cal_box_read(call, i, list.blocks, list.count);
  } else {
    imp_cal_box_failed(call, i, "out of memory");
  }
  imp_cal_list_reset(&list);
}

/* Non-zero if the whole server is busy. */
static int read_mailbox(imp_cal_call *call, size_t i, const imp_elem *response) {
  const imp_elem *message = imp_elem_child(response, "ResponseMessage", NS_MESSAGES);
  const char *code = imp_ews_code(message), *text = imp_ews_text(message, "MessageText", NS_MESSAGES);
  char why[160];
  if (imp_ews_is_busy(code)) {
    uint64_t ms = imp_ews_backoff(message);
    imp_cal_gateway_busy(call->gateway, ms > 0 ? ms : 30000, code);
    return 1;
  }
  if (strcmp(code, "NoError") != 0) {
    imp_set_error(why, sizeof why, "%.60s: %.90s", code, text != NULL ? text : "");
    imp_cal_box_failed(call, i, why);
  } else {
    read_view(call, i, imp_elem_child(response, "FreeBusyView", NS_MESSAGES));
  }
  return 0;
}

static void on_availability(imp_cal_call *call, uint32_t code, const char *body, size_t len) {
  imp_stanza *document;
  const imp_elem *content = imp_ews_open(call, code, body, len, &document);
  if (content == NULL) {
    return;
  }
  const imp_elem *array = imp_elem_child(content, "FreeBusyResponseArray", NS_MESSAGES);
  const imp_elem *response = array != NULL ? imp_elem_first(array) : NULL;
  const imp_elem *message = imp_elem_child(content, "ResponseMessage", NS_MESSAGES); /* of the call as a whole */
  if (array == NULL && message != NULL && imp_ews_is_busy(imp_ews_code(message))) {
    uint64_t ms = imp_ews_backoff(message);
    imp_cal_gateway_busy(call->gateway, ms > 0 ? ms : 30000, imp_ews_code(message));
  } else if (array == NULL) {
    imp_cal_gateway_down(call->gateway, "no availability in the answer: %.60s", imp_ews_code(message));
  } else {
    int busy = 0;
    imp_cal_gateway_up(call->gateway);
    for (size_t i = 0; i < call->nboxes && response != NULL && !busy; i++, response = imp_elem_next(response)) {
      busy = read_mailbox(call, i, response);
    }
    for (size_t i = 0; i < call->nboxes && !busy; i++) { /* fewer answers than questions */
      if (call->boxes[i] != NULL && call->boxes[i]->call == call) {
        imp_cal_box_failed(call, i, "the answer leaves this mailbox out");
      }
    }
  }
  imp_cal_requeue(call);
  imp_stanza_del(document);
}

int imp_ews_read(imp_cal_gateway *gateway, imp_cal_box **boxes, size_t count) {
  imp_cal_call *call = imp_ews_call(gateway, boxes, count, NULL, boxes[0]->mailbox);
  if (call == NULL) {
    return IMP_ERR_NOMEM;
  }
  call->done = on_availability;
  int rv = imp_buf_append_str(&call->body, "<m:GetUserAvailabilityRequest>" UTC_ZONE);
  rv = rv == IMP_OK ? write_mailboxes(&call->body, boxes, count) : rv;
  rv = rv == IMP_OK ? write_window(&call->body, call->from, call->to) : rv;
  rv = rv == IMP_OK ? imp_buf_append_str(&call->body, "</m:GetUserAvailabilityRequest>") : rv;
  rv = imp_ews_close(call, rv);
  if (rv != IMP_OK) {
    imp_cal_call_del(call);
    return rv;
  }
  for (size_t i = 0; i < count; i++) {
    boxes[i]->call = call;
  }
  return imp_cal_call_start(call);
}

/* ---- automatic replies ---- */

static size_t entity(const char *s, char *out) {
  static const struct {
    const char *name;
    char c;
  } entities[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&nbsp;", ' '}, {"&#39;", '\''}, {"&apos;", '\''}};
  for (size_t i = 0; i < IMP_ARRAY_LEN(entities); i++) {
    size_t len = strlen(entities[i].name);
    if (strncmp(s, entities[i].name, len) == 0) {
      *out = entities[i].c;
      return len;
    }
  }
  return 0;
}

void imp_ews_plain(char *html) {
  char *to = html;
  const char *from = html;
  int space = 1; /* none at the beginning, never two */
  while (*from != '\0') {
    char c = *from;
    size_t used = 1;
    if (c == '<') {
      const char *end = strchr(from, '>');
      const char *skip = strncmp(from, "<style", 6) == 0 ? strstr(from, "</style>") : NULL;
      used = skip != NULL ? (size_t)(skip - from) : end != NULL ? (size_t)(end - from) + 1 : strlen(from);
      c = ' ';
    } else if (c == '&') {
      size_t len = entity(from, &c);
      used = len > 0 ? len : 1;
    }
    if ((unsigned char)c <= ' ') {
      c = ' ';
    }
    if (c != ' ' || !space) {
      *to++ = c;
    }
    space = c == ' ';
    from += used;
  }
  while (to > html && to[-1] == ' ') {
    to--;
  }
  *to = '\0';
}

static void read_settings(imp_cal_call *call, const imp_elem *settings) {
  const char *state = imp_ews_text(settings, "OofState", NS_TYPES);
  const imp_elem *duration = imp_elem_child(settings, "Duration", NS_TYPES);
  const imp_elem *internal = imp_elem_child(settings, "InternalReply", NS_TYPES);
  const char *note = imp_ews_text(internal, "Message", NS_TYPES);
  imp_oof oof;
  memset(&oof, 0, sizeof oof);
  oof.size = sizeof oof;
  oof.enabled = state != NULL && strcmp(state, "Enabled") == 0;
  if (state != NULL && strcmp(state, "Scheduled") == 0 &&
      imp_ews_time(imp_ews_text(duration, "StartTime", NS_TYPES), &oof.start) == IMP_OK &&
      imp_ews_time(imp_ews_text(duration, "EndTime", NS_TYPES), &oof.end) == IMP_OK) {
    oof.enabled = oof.start < oof.end;
  }
  char *plain = note != NULL && call->gateway->cal->settings.notes ? imp_strdup(note) : NULL;
  if (plain != NULL) {
    imp_ews_plain(plain);
    oof.note = plain;
  }
  imp_cal_box_oof_read(call, 0, &oof);
  imp_free(plain);
}

static void on_oof(imp_cal_call *call, uint32_t code, const char *body, size_t len) {
  imp_stanza *document;
  const imp_elem *content = imp_ews_open(call, code, body, len, &document);
  if (content == NULL) {
    return;
  }
  const imp_elem *message = imp_elem_child(content, "ResponseMessage", NS_MESSAGES);
  const imp_elem *settings = imp_elem_child(content, "OofSettings", NS_TYPES);
  const char *error = imp_ews_code(message);
  if (imp_ews_is_busy(error)) {
    uint64_t ms = imp_ews_backoff(message);
    imp_cal_gateway_busy(call->gateway, ms > 0 ? ms : 30000, error);
  } else if (strcmp(error, "NoError") != 0 || settings == NULL) {
    imp_cal_box_failed(call, 0, error);
  } else {
    imp_cal_gateway_up(call->gateway);
    read_settings(call, settings);
  }
  imp_cal_requeue(call);
  imp_stanza_del(document);
}

int imp_ews_read_oof(imp_cal_gateway *gateway, imp_cal_box *box) {
  imp_cal_call *call = imp_ews_call(gateway, &box, 1, box->mailbox, box->mailbox);
  if (call == NULL) {
    return IMP_ERR_NOMEM;
  }
  call->done = on_oof;
  int rv = imp_buf_append_str(&call->body, "<m:GetUserOofSettingsRequest><t:Mailbox><t:Address>");
  rv = rv == IMP_OK ? imp_cal_xml(&call->body, box->mailbox) : rv;
  rv = rv == IMP_OK ? imp_buf_append_str(&call->body, "</t:Address></t:Mailbox></m:GetUserOofSettingsRequest>") : rv;
  rv = imp_ews_close(call, rv);
  if (rv != IMP_OK) {
    imp_cal_call_del(call);
    return rv;
  }
  box->oof_call = call;
  return imp_cal_call_start(call);
}
