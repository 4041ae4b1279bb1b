/* CalDAV (RFC 4791): one calendar-query a mailbox; recurrences are expanded here, as some servers cannot. */
#include "calendar/gateway.h"
#include "calendar/ical.h"
#include "core/codec.h"

#define NS_DAV "DAV:"
#define NS_CALDAV "urn:ietf:params:xml:ns:caldav"

/* {mailbox} in the gateway's URL; a mailbox that is a path or a URL itself replaces so much of it. */
static int write_url(imp_buf *url, const imp_cal_gateway *gateway, const char *mailbox) {
  const char *pattern = gateway->conf.url, *place = strstr(pattern, "{mailbox}");
  int rv = IMP_OK;
  if (strncmp(mailbox, "http", 4) == 0 && strstr(mailbox, "://") != NULL) {
    size_t host = strcspn(pattern, ":") + 3;
    host += strcspn(pattern + host, "/?");
    return strncmp(mailbox, pattern, host) == 0 && mailbox[host] == '/' && strpbrk(mailbox, " \t#@") == NULL
               ? imp_buf_append_str(url, mailbox)
               : IMP_ERR_DENIED;
  }
  if (mailbox[0] == '/') {
    size_t scheme = strcspn(pattern, ":") + 3, host = scheme + strcspn(pattern + scheme, "/?");
    rv = imp_buf_append(url, pattern, host);
    return rv == IMP_OK ? imp_cal_percent(url, mailbox, 1) : rv;
  }
  if (place == NULL) {
    rv = imp_buf_append_str(url, pattern);
    rv = rv == IMP_OK && pattern[strlen(pattern) - 1] != '/' ? imp_buf_append_str(url, "/") : rv;
    return rv == IMP_OK ? imp_cal_percent(url, mailbox, 0) : rv;
  }
  rv = imp_buf_append(url, pattern, (size_t)(place - pattern));
  rv = rv == IMP_OK ? imp_cal_percent(url, mailbox, 0) : rv;
  return rv == IMP_OK ? imp_buf_append_str(url, place + 9) : rv;
}

/* "20260131T235900Z" */
static void basic_time(char *dst, imp_wallclock t) {
  char text[IMP_DATETIME_LEN];
  imp_datetime_format(text, t);
  size_t n = 0;
  for (size_t i = 0; i < 19; i++) {
    if (text[i] != '-' && text[i] != ':') {
      dst[n++] = text[i];
    }
  }
  dst[n++] = 'Z';
  dst[n] = '\0';
}

static int write_query(imp_buf *body, imp_wallclock from, imp_wallclock to) {
  char start[20], end[20];
  basic_time(start, from);
  basic_time(end, to);
  int rv = imp_buf_append_str(body, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
                                    "<C:calendar-query xmlns:D=\"DAV:\" xmlns:C=\"urn:ietf:params:xml:ns:caldav\">"
                                    "<D:prop><D:getetag/><C:calendar-data/></D:prop><C:filter>"
                                    "<C:comp-filter name=\"VCALENDAR\"><C:comp-filter name=\"VEVENT\">");
  rv = rv == IMP_OK ? imp_cal_printf(body, "<C:time-range start=\"%s\" end=\"%s\"/>", start, end) : rv;
  return rv == IMP_OK
             ? imp_buf_append_str(body, "</C:comp-filter></C:comp-filter></C:filter></C:calendar-query>")
             : rv;
}

static const char *calendar_data(const imp_elem *response, size_t *len) {
  for (const imp_elem *e = imp_elem_first(response); e != NULL; e = imp_elem_next(e)) {
    const imp_elem *prop = imp_elem_is(e, "propstat", NS_DAV) ? imp_elem_child(e, "prop", NS_DAV) : NULL;
    const imp_elem *data = prop != NULL ? imp_elem_child(prop, "calendar-data", NS_CALDAV) : NULL;
    if (data != NULL) {
      return imp_elem_text(data, len);
    }
  }
  return NULL;
}

/* An object that cannot be read is left out: the others still count. */
static int read_objects(imp_cal_call *call, const imp_elem *root, imp_cal_list *list) {
  imp_cal_box *box = call->boxes[0];
  imp_calendar *cal = call->gateway->cal;
  uint64_t budget = cal->settings.occurrences;
  imp_ical_reader reader = {cal, box->zone, {box->mailbox, box->user->name}, call->from, call->to, list, &budget};
  int rv = IMP_OK;
  for (const imp_elem *e = imp_elem_first(root); e != NULL && rv != IMP_ERR_NOMEM; e = imp_elem_next(e)) {
    size_t len = 0;
    const char *text = imp_elem_is(e, "response", NS_DAV) ? calendar_data(e, &len) : NULL;
    if (text != NULL) {
      rv = len <= cal->settings.event_bytes ? imp_ical_read(&reader, text) : IMP_ERR_TOO_BIG;
      if (rv != IMP_OK && rv != IMP_ERR_NOMEM) {
        imp_log(&cal->log, IMP_LOG_PRESENCE, IMP_LOG_INFO, call->gateway->conf.name,
                "calendar: an object of %lu bytes is left out: %s", (unsigned long)len, imp_strerror(rv));
      }
    }
  }
  if (budget == 0) {
    imp_log(&cal->log, IMP_LOG_PRESENCE, IMP_LOG_WARN, call->gateway->conf.name,
            "calendar: %s: more recurring events than `occurrences` allows", box->mailbox);
  }
  return rv == IMP_ERR_NOMEM ? rv : IMP_OK;
}

static void read_answer(imp_cal_call *call, const char *body, size_t len) {
  imp_calendar *cal = call->gateway->cal;
  imp_stanza *document = NULL;
  imp_cal_list list;
  int rv = imp_xml_parse_document(cal->xml, &cal->limits, body, len, &document, NULL);
  if (rv != IMP_OK) {
    imp_cal_gateway_down(call->gateway, "not an answer to a calendar-query: %.100s",
                         rv == IMP_ERR_NOMEM ? "out of memory" : imp_xml_pool_error_text(cal->xml));
    imp_cal_requeue(call);
    return;
  }
  imp_cal_list_init(&list, cal->settings.blocks_max);
  imp_cal_gateway_up(call->gateway);
  if (!imp_elem_is(imp_stanza_root(document), "multistatus", NS_DAV)) {
    imp_cal_box_failed(call, 0, "not an answer to a calendar-query");
  } else if (read_objects(call, imp_stanza_root(document), &list) != IMP_OK) {
    imp_cal_box_failed(call, 0, "out of memory");
  } else {
    imp_cal_box_read(call, 0, list.blocks, list.count);
  }
  imp_cal_list_reset(&list);
  imp_stanza_del(document);
}

static void on_answer(imp_cal_call *call, uint32_t code, const char *body, size_t len) {
  if (call->boxes[0] == NULL) {
    return;
  }
  if (code == 207) {
    read_answer(call, body, len);
  } else if (code == 404 || code == 403 || code == 410) {
    imp_cal_gateway_up(call->gateway);
    imp_cal_box_failed(call, 0, code == 403 ? "no permission (403)" : "no such calendar (404)");
  } else if (imp_cal_bad_code(call, code, 207)) {
    imp_cal_requeue(call);
  }
}

static int read_box(imp_cal_gateway *gateway, imp_cal_box **boxes, size_t count) {
  imp_buf url;
  imp_cal_call *call = imp_cal_call_new(gateway, boxes, count);
  if (call == NULL) {
    return IMP_ERR_NOMEM;
  }
  imp_buf_init(&url, 8192);
  call->method = "REPORT";
  call->done = on_answer;
  int rv = write_url(&url, gateway, boxes[0]->mailbox);
  rv = rv == IMP_OK ? imp_cal_call_url(call, (const char *)imp_buf_data(&url)) : rv;
  rv = rv == IMP_OK ? imp_cal_call_field(call, "Content-Type", "application/xml; charset=utf-8") : rv;
  rv = rv == IMP_OK ? imp_cal_call_field(call, "Depth", "1") : rv;
  rv = rv == IMP_OK ? write_query(&call->body, call->from, call->to) : rv;
  imp_buf_reset(&url);
  if (rv != IMP_OK) {
    imp_cal_call_del(call);
    return rv;
  }
  boxes[0]->call = call;
  return imp_cal_call_start(call);
}

const imp_cal_kind imp_cal_caldav = {read_box, NULL, NULL, NULL, NULL};
