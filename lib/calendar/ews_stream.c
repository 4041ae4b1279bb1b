/* GetStreamingEvents: a response that is a series of whole documents, cut anywhere. */
#include "calendar/ews.h"

#define AGAIN_MS 10000 /* after a stream that broke */
#define SHORT_MS 5000  /* a stream that lasts no longer is one that broke */

void imp_ews_wait(imp_ews_stream *stream, uint64_t ms) {
  imp_calendar *cal = stream->gateway->cal;
  stream->not_before = cal->ts + ms * IMP_MILLISECONDS;
  (void)imp_heap_set(&cal->timers, &stream->timer, stream->not_before); /* without it, another turn looks */
}

int imp_cal_ews_is_open(const imp_ews_stream *stream) { return stream->open; }

/* ---- documents ---- */

static void note_event(imp_ews_stream *stream, const imp_elem *notification) {
  const char *id = imp_ews_text(notification, "SubscriptionId", NS_TYPES);
  imp_cal_box *box = id != NULL ? imp_cal_box_find(stream->gateway, id, strlen(id)) : NULL;
  if (box == NULL || box->stream != stream) {
    return;
  }
  for (const imp_elem *e = imp_elem_first(notification); e != NULL; e = imp_elem_next(e)) {
    const char *name = imp_elem_name(e);
    size_t len = strlen(name);
    if (len > 5 && strcmp(name + len - 5, "Event") == 0 && strcmp(name, "StatusEvent") != 0) {
      imp_cal_box_changed(box);
      return;
    }
  }
}

/* ErrorSubscriptionIds names those that are gone; without it all are. */
static void take_error(imp_ews_stream *stream, const imp_elem *message, const char *code) {
  imp_cal_gateway *gateway = stream->gateway;
  const imp_elem *ids = imp_elem_child(message, "ErrorSubscriptionIds", NS_MESSAGES);
  int named = 0;
  for (const imp_elem *e = ids != NULL ? imp_elem_first(ids) : NULL; e != NULL; e = imp_elem_next(e)) {
    const char *id = imp_elem_text(e, NULL);
    imp_cal_box *box = imp_cal_box_find(gateway, id, strlen(id));
    named = 1;
    if (box != NULL && box->stream == stream) {
      imp_ews_lost(box);
    }
  }
  imp_set_error(gateway->error, sizeof gateway->error, "stream: %.100s", code);
  imp_log(&gateway->cal->log, IMP_LOG_PRESENCE, IMP_LOG_INFO, gateway->conf.name, "calendar: %s", gateway->error);
  stream->dead = 1;
  if (imp_ews_is_busy(code)) {
    uint64_t ms = imp_ews_backoff(message);
    imp_cal_gateway_busy(gateway, ms > 0 ? ms : 30000, code);
    imp_ews_wait(stream, ms > 0 ? ms : 30000);
  } else if (strcmp(code, "ErrorExceededConnectionCount") == 0) {
    imp_ews_wait(stream, 300000);
  } else {
    stream->lost |= !named;
    imp_ews_wait(stream, 1000);
  }
}

static void take_message(imp_ews_stream *stream, const imp_elem *message) {
  const char *code = imp_ews_code(message), *status = imp_ews_text(message, "ConnectionStatus", NS_MESSAGES);
  const imp_elem *notifications = imp_elem_child(message, "Notifications", NS_MESSAGES);
  if (strcmp(code, "NoError") != 0) {
    take_error(stream, message, code);
    return;
  }
  for (const imp_elem *e = notifications != NULL ? imp_elem_first(notifications) : NULL; e != NULL; e = imp_elem_next(e)) {
    note_event(stream, e);
  }
  if (status != NULL && strcmp(status, "Closed") == 0) {
    stream->dead = 1;
  }
}

static void take_envelope(imp_ews_stream *stream, const imp_elem *root) {
  const imp_elem *body = imp_elem_is(root, "Envelope", NS_SOAP) ? imp_elem_child(root, "Body", NS_SOAP) : NULL;
  const imp_elem *content = body != NULL ? imp_elem_first(body) : NULL;
  const imp_elem *messages = content != NULL ? imp_elem_child(content, "ResponseMessages", NS_MESSAGES) : NULL;
  for (const imp_elem *e = messages != NULL ? imp_elem_first(messages) : NULL; e != NULL; e = imp_elem_next(e)) {
    take_message(stream, e);
  }
  imp_cal_want_turn(stream->gateway->cal);
}

static int take_document(imp_ews_stream *stream, const char *data, size_t len) {
  imp_calendar *cal = stream->gateway->cal;
  imp_stanza *document;
  int rv = imp_xml_parse_document(cal->xml, &cal->limits, data, len, &document, NULL);
  if (rv == IMP_OK) {
    take_envelope(stream, imp_stanza_root(document));
    imp_stanza_del(document);
  }
  return rv;
}

/* White space, a byte order mark and an XML declaration stand before each document. Returns how much of them is there; *more
   says that they may go on. */
static size_t skip_prologue(const char *data, size_t len, int *more) {
  size_t i = 0;
  *more = 0;
  for (;;) {
    while (i < len && (strchr(" \t\r\n", data[i]) != NULL || (unsigned char)data[i] >= 0xbb) && data[i] != '\0') {
      i++; /* 0xef 0xbb 0xbf: a byte order mark */
    }
    if (i == len || (len - i < 5 && memcmp(data + i, "<?xml", len - i) == 0)) {
      *more = 1;
      return i;
    }
    if (memcmp(data + i, "<?xml", 5) != 0) {
      return i;
    }
    const char *end = memchr(data + i, '>', len - i);
    if (end == NULL) {
      *more = 1;
      return i;
    }
    i = (size_t)(end - data) + 1;
  }
}

/* One step with what is pending. Non-zero in *again: there may be another. */
static int step(imp_ews_stream *stream, int *again) {
  const char *data = (const char *)imp_buf_data(&stream->pending);
  size_t len = imp_buf_len(&stream->pending);
  imp_xml_scan_result r;
  *again = 0;
  if (!stream->in_document) {
    int more;
    size_t skip = skip_prologue(data, len, &more);
    imp_buf_consume(&stream->pending, skip);
    stream->scanned = 0;
    *again = !more;
    stream->in_document = !more;
    imp_xml_scan_init(&stream->scan, 1);
    return (more && len - skip > 300) || (!more && data[skip] != '<') ? IMP_ERR_MALFORMED : IMP_OK;
  }
  imp_xml_scan_event event =
      imp_xml_scan_next(&stream->scan, &stream->gateway->cal->limits, data + stream->scanned, len - stream->scanned, &r);
  if (event == IMP_XML_SCAN_MORE) {
    stream->scanned = len;
    return IMP_OK;
  }
  if (event != IMP_XML_SCAN_STANZA) {
    return IMP_ERR_MALFORMED;
  }
  size_t end = stream->scanned + r.used;
  int rv = take_document(stream, data, end);
  imp_buf_consume(&stream->pending, end);
  stream->in_document = 0;
  *again = rv == IMP_OK && imp_buf_len(&stream->pending) > 0;
  return rv;
}

int imp_ews_stream_feed(imp_ews_stream *stream, const void *data, size_t len) {
  int again = 1;
  int rv = imp_buf_append(&stream->pending, data, len);
  while (rv == IMP_OK && again) {
    rv = step(stream, &again);
  }
  return rv;
}

/* ---- the request ---- */

/* What changed before a subscription was listened to is read once. */
static void opened(imp_ews_stream *stream) {
  stream->open = 1;
  stream->gateway->nstreams++;
  imp_cal_gateway_up(stream->gateway);
  for (imp_list *link = stream->boxes.next; link != &stream->boxes; link = link->next) {
    imp_cal_box *box = IMP_CONTAINER_OF(link, imp_cal_box, sub_link);
    if (box->fresh) {
      box->fresh = 0;
      imp_cal_box_after(box, 0);
    }
  }
}

static int on_body(imp_op *op, const void *data, size_t len, void *user_data) {
  imp_cal_call *call = user_data;
  imp_ews_stream *stream = call->ctx;
  (void)op;
  if (imp_http_get_status(op) != 200) { /* what is wrong is told by the status; the rest is not read */
    return imp_buf_append(&stream->pending, data, len) == IMP_OK ? IMP_OK : IMP_ERR_TOO_BIG;
  }
  if (!stream->open) {
    opened(stream);
  }
  return imp_ews_stream_feed(stream, data, len);
}

void imp_ews_stream_end(imp_ews_stream *stream, int broken) {
  imp_calendar *cal = stream->gateway->cal;
  int too_short = cal->ts - stream->opened < SHORT_MS * IMP_MILLISECONDS;
  imp_ews_stream_close(stream);
  if ((broken || too_short) && cal->ts >= stream->not_before) {
    imp_ews_wait(stream, AGAIN_MS);
  }
  for (imp_list *link = stream->boxes.next; broken && link != &stream->boxes; link = link->next) {
    imp_cal_box_after(IMP_CONTAINER_OF(link, imp_cal_box, sub_link), 0); /* news may have been lost */
  }
  stream->dead = 0;
}

static void on_end(imp_cal_call *call, uint32_t code, const char *body, size_t len) {
  imp_ews_stream *stream = call->ctx;
  stream->call = NULL;
  (void)body;
  (void)len;
  if (code != 200) {
    imp_stanza *document;
    const char *text = (const char *)imp_buf_data(&stream->pending);
    const imp_elem *content =
        imp_ews_open(call, code, text != NULL ? text : "", imp_buf_len(&stream->pending), &document);
    if (content != NULL) {
      imp_stanza_del(document);
    }
  }
  imp_ews_stream_end(stream, code != 200 || !stream->dead);
}

static void on_broken(imp_cal_call *call, int status) {
  imp_ews_stream *stream = call->ctx;
  stream->call = NULL;
  const char *why = imp_http_get_error(call->op);
  if (!stream->open) {
    imp_cal_gateway_down(call->gateway, "stream: %s%s%s", imp_strerror(status), why[0] != '\0' ? ": " : "", why);
  }
  imp_ews_stream_end(stream, 1);
}

static int write_request(imp_ews_stream *stream, imp_cal_call *call) {
  int rv = imp_buf_append_str(&call->body, "<m:GetStreamingEvents><m:SubscriptionIds>");
  for (imp_list *link = stream->boxes.next; link != &stream->boxes && rv == IMP_OK; link = link->next) {
    imp_cal_box *box = IMP_CONTAINER_OF(link, imp_cal_box, sub_link);
    rv = imp_buf_append_str(&call->body, "<t:SubscriptionId>");
    rv = rv == IMP_OK ? imp_cal_xml(&call->body, box->subscription) : rv;
    rv = rv == IMP_OK ? imp_buf_append_str(&call->body, "</t:SubscriptionId>") : rv;
  }
  rv = rv == IMP_OK ? imp_cal_printf(&call->body,
                                     "</m:SubscriptionIds><m:ConnectionTimeout>%lu</m:ConnectionTimeout>"
                                     "</m:GetStreamingEvents>",
                                     (unsigned long)stream->gateway->conf.stream_minutes)
                    : rv;
  return imp_ews_close(call, rv);
}

void imp_ews_stream_open(imp_ews_stream *stream) {
  imp_cal_box *first = IMP_CONTAINER_OF(stream->boxes.next, imp_cal_box, sub_link);
  imp_cal_call *call = imp_ews_call(stream->gateway, &first, 1, first->mailbox, first->mailbox);
  if (call == NULL) {
    imp_ews_wait(stream, AGAIN_MS);
    return;
  }
  call->boxes[0] = NULL; /* it is about all of them, and outlives each */
  call->ctx = stream;
  call->done = on_end;
  call->failed = on_broken;
  call->on_body = on_body;
  call->light = 1;
  call->affinity = stream->affinity;
  int rv = imp_cal_call_field(call, "X-PreferServerAffinity", "true");
  rv = rv == IMP_OK && stream->cookie != NULL ? imp_cal_call_field(call, "Cookie", stream->cookie) : rv;
  rv = rv == IMP_OK ? write_request(stream, call) : rv;
  if (rv != IMP_OK) {
    imp_cal_call_del(call);
  } else {
    stream->opened = stream->gateway->cal->ts;
    stream->stale = stream->dead = 0;
    stream->call = call;
    rv = imp_cal_call_start(call);
  }
  if (rv != IMP_OK) {
    stream->call = NULL;
    imp_ews_wait(stream, AGAIN_MS);
  }
}

void imp_ews_stream_close(imp_ews_stream *stream) {
  imp_cal_call *call = stream->call;
  stream->call = NULL;
  stream->gateway->nstreams -= stream->open;
  stream->open = 0;
  stream->in_document = 0;
  imp_buf_reset(&stream->pending);
  if (call != NULL) {
    imp_cal_call_cancel(call);
  }
}
