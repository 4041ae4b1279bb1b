/* Which mailboxes share a stream, and their subscriptions. */
#include <stdio.h>
#include <strings.h>

#include "calendar/ews.h"

#define RETRY_SECONDS 900 /* a mailbox that cannot be subscribed to is polled meanwhile */

static int same(const char *a, const char *b) { return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0); }

static imp_cal_box *anchor(const imp_ews_stream *stream) {
  return IMP_CONTAINER_OF(stream->boxes.next, imp_cal_box, sub_link);
}

/* ---- streams ---- */

static void on_timer(imp_timer *timer, imp_tstamp ts) {
  (void)timer; /* the turn looks at all streams */
  (void)ts;
}

static imp_ews_stream *stream_new(imp_cal_gateway *gateway) {
  imp_ews_stream *stream = imp_calloc(1, sizeof *stream);
  if (stream != NULL) {
    stream->gateway = gateway;
    imp_list_init(&stream->boxes);
    imp_list_append(&gateway->streams, &stream->link);
    imp_timer_init(&stream->timer, on_timer);
    imp_buf_init(&stream->pending, gateway->cal->settings.answer_bytes);
    snprintf(stream->affinity, sizeof stream->affinity, "ews-%08lx-%llu", (unsigned long)imp_hash(gateway->conf.name, strlen(gateway->conf.name)),
             (unsigned long long)++gateway->stream_number);
  }
  return stream;
}

static void stream_del(imp_ews_stream *stream) {
  imp_ews_stream_close(stream);
  imp_heap_remove(&stream->gateway->cal->timers, &stream->timer);
  imp_buf_reset(&stream->pending);
  imp_free(stream->cookie);
  imp_list_remove(&stream->link);
  imp_free(stream);
}

static imp_ews_stream *find_stream(imp_cal_gateway *gateway, const imp_cal_box *box) {
  size_t n = 0;
  for (imp_list *link = gateway->streams.next; link != &gateway->streams; link = link->next, n++) {
    imp_ews_stream *stream = IMP_CONTAINER_OF(link, imp_ews_stream, link);
    if (stream->nboxes > 0 && stream->nboxes < gateway->conf.subscriptions && same(anchor(stream)->group, box->group) &&
        same(anchor(stream)->url, box->url)) {
      return stream;
    }
  }
  return n < gateway->conf.streams ? stream_new(gateway) : NULL;
}

/* Mailboxes for which there is no room in any stream are polled. */
static void place(imp_cal_gateway *gateway) {
  imp_list left;
  imp_list_init(&left);
  for (imp_list *link; (link = imp_list_pop(&gateway->unsubscribed)) != NULL;) {
    imp_cal_box *box = IMP_CONTAINER_OF(link, imp_cal_box, sub_link);
    imp_ews_stream *stream = imp_ews_is_placeable(box) ? find_stream(gateway, box) : NULL;
    if (stream == NULL) {
      imp_list_append(&left, &box->sub_link);
      continue;
    }
    imp_list_append(&stream->boxes, &box->sub_link);
    stream->nboxes++;
    box->stream = stream;
    imp_cal_box_unsubscribe(box);
  }
  imp_list_move(&gateway->unsubscribed, &left);
  gateway->placed = 1;
}

/* ---- Subscribe ---- */

static void keep_cookie(imp_ews_stream *stream, const imp_cal_call *call) {
  static const char name[] = "X-BackEndOverrideCookie=";
  const char *field, *value;
  for (size_t i = 0; stream->cookie == NULL && imp_http_get_field(call->op, i, &field, &value) == IMP_OK; i++) {
    if (strcasecmp(field, "Set-Cookie") == 0 && strncmp(value, name, sizeof name - 1) == 0) {
      size_t len = strcspn(value, ";\r\n");
      stream->cookie = len < 1024 ? imp_strndup(value, len) : NULL;
    }
  }
}

void imp_ews_retry(imp_cal_box *box, uint32_t seconds) {
  imp_calendar *cal = box->gateway->cal;
  imp_ews_forget(box);
  imp_cal_box_unsubscribe(box);
  if (imp_heap_set(&cal->timers, &box->sub_timer, cal->ts + seconds * IMP_SECONDS) != IMP_OK) {
    box->sub_timer.fire(&box->sub_timer, cal->ts);
  }
}

void imp_ews_lost(imp_cal_box *box) {
  imp_cal_box_unsubscribe(box);
  imp_cal_box_after(box, 0);
}

static void take_subscription(imp_cal_call *call, imp_cal_box *box, const imp_elem *content) {
  const imp_elem *messages = imp_elem_child(content, "ResponseMessages", NS_MESSAGES);
  const imp_elem *message = messages != NULL ? imp_elem_first(messages) : NULL;
  const char *code = imp_ews_code(message), *id = imp_ews_text(message, "SubscriptionId", NS_MESSAGES);
  imp_ews_stream *stream = box->stream;
  if (strcmp(code, "NoError") == 0 && id != NULL && imp_cal_box_subscribe(box, id) == IMP_OK) {
    imp_cal_gateway_up(call->gateway);
    keep_cookie(stream, call);
    stream->stale = 1;
    box->fresh = 1;
  } else if (imp_ews_is_busy(code)) {
    uint64_t ms = imp_ews_backoff(message);
    imp_cal_gateway_busy(call->gateway, ms > 0 ? ms : 30000, code);
  } else if (strcmp(code, "ErrorExceededSubscriptionCount") == 0 || strcmp(code, "ErrorExceededConnectionCount") == 0) {
    imp_cal_gateway_busy(call->gateway, 60000, code);
    imp_ews_retry(box, RETRY_SECONDS);
  } else {
    imp_log(&call->gateway->cal->log, IMP_LOG_PRESENCE, IMP_LOG_INFO, call->gateway->conf.name,
            "calendar: %s: no subscription: %s", box->mailbox, code);
    imp_ews_retry(box, RETRY_SECONDS);
  }
}

static void on_subscribed(imp_cal_call *call, uint32_t code, const char *body, size_t len) {
  imp_stanza *document;
  imp_cal_box *box = call->boxes[0];
  if (box == NULL) {
    return;
  }
  box->stream->asking--;
  box->sub_call = NULL;
  const imp_elem *content = imp_ews_open(call, code, body, len, &document);
  if (content != NULL) {
    take_subscription(call, box, content);
    imp_stanza_del(document);
  } else if (call->about_box) {
    imp_ews_retry(box, RETRY_SECONDS);
  }
}

static void on_not_subscribed(imp_cal_call *call, int status) {
  imp_cal_box *box = call->boxes[0];
  if (box != NULL) {
    box->stream->asking--;
    box->sub_call = NULL;
  }
  imp_cal_gateway_down(call->gateway, "Subscribe: %s: %s", imp_strerror(status), imp_http_get_error(call->op));
}

static int add_affinity(imp_cal_call *call, const imp_ews_stream *stream) {
  int rv = imp_cal_call_field(call, "X-PreferServerAffinity", "true");
  call->affinity = stream->affinity;
  return rv == IMP_OK && stream->cookie != NULL ? imp_cal_call_field(call, "Cookie", stream->cookie) : rv;
}

static int subscribe(imp_ews_stream *stream, imp_cal_box *box) {
  imp_cal_call *call = imp_ews_call(stream->gateway, &box, 1, box->mailbox, anchor(stream)->mailbox);
  if (call == NULL) {
    return IMP_ERR_NOMEM;
  }
  call->done = on_subscribed;
  call->failed = on_not_subscribed;
  int rv = add_affinity(call, stream);
  rv = rv == IMP_OK ? imp_buf_append_str(&call->body,
                                         "<m:Subscribe><m:StreamingSubscriptionRequest><t:FolderIds>"
                                         "<t:DistinguishedFolderId Id=\"calendar\"/></t:FolderIds><t:EventTypes>"
                                         "<t:EventType>CreatedEvent</t:EventType><t:EventType>ModifiedEvent</t:EventType>"
                                         "<t:EventType>MovedEvent</t:EventType><t:EventType>DeletedEvent</t:EventType>"
                                         "</t:EventTypes></m:StreamingSubscriptionRequest></m:Subscribe>")
                    : rv;
  rv = imp_ews_close(call, rv);
  if (rv != IMP_OK) {
    imp_cal_call_del(call);
    return rv;
  }
  box->sub_call = call;
  stream->asking++;
  rv = imp_cal_call_start(call);
  if (rv != IMP_OK) {
    box->sub_call = NULL;
    stream->asking--;
  }
  return rv;
}

/* ---- the whole ---- */

static int has_room(const imp_cal_gateway *gateway) {
  return gateway->cal->ts >= gateway->not_before && gateway->failures_in_row == 0 &&
         gateway->in_flight < gateway->conf.concurrency;
}

/* The first subscription tells on which server the others shall be: it goes alone. Non-zero if some are missing. */
static int subscribe_missing(imp_ews_stream *stream) {
  int missing = 0;
  for (imp_list *link = stream->boxes.next; link != &stream->boxes; link = link->next) {
    imp_cal_box *box = IMP_CONTAINER_OF(link, imp_cal_box, sub_link);
    if (box->subscription == NULL) {
      missing = 1;
      if (box->sub_call == NULL && has_room(stream->gateway) && (stream->cookie != NULL || stream->asking == 0)) {
        (void)subscribe(stream, box);
      }
    }
  }
  return missing;
}

static void run_stream(imp_ews_stream *stream) {
  if (stream->dead && stream->call != NULL) {
    imp_ews_stream_end(stream, 0);
  }
  if (stream->lost) {
    stream->lost = 0;
    imp_free(stream->cookie);
    stream->cookie = NULL;
    for (imp_list *link = stream->boxes.next; link != &stream->boxes; link = link->next) {
      imp_ews_lost(IMP_CONTAINER_OF(link, imp_cal_box, sub_link));
    }
  }
  if (stream->gateway->cal->ts < stream->not_before) {
    return;
  }
  int missing = subscribe_missing(stream);
  if (!missing && stream->asking == 0 && (stream->call == NULL || stream->stale)) {
    imp_ews_stream_close(stream);
    imp_ews_stream_open(stream);
  }
}

void imp_ews_run(imp_cal_gateway *gateway) {
  if (!gateway->conf.impersonate) {
    return;
  }
  if (!gateway->placed) {
    imp_ews_discover(gateway);
    place(gateway);
  }
  for (imp_list *link = gateway->streams.next; link != &gateway->streams;) {
    imp_ews_stream *stream = IMP_CONTAINER_OF(link, imp_ews_stream, link);
    link = link->next;
    if (stream->nboxes == 0) {
      stream_del(stream);
    } else {
      run_stream(stream);
    }
  }
}

/* The anchor or a member went: the open stream goes on, its news of that mailbox are ignored. */
void imp_ews_forget(imp_cal_box *box) {
  if (box->stream != NULL) {
    box->stream->asking -= box->sub_call != NULL; /* of a box without a stream it is Autodiscover's */
    box->stream->nboxes--;
    box->stream = NULL;
    box->gateway->placed = 0; /* there is room for another */
  }
  imp_list_remove(&box->sub_link);
}

void imp_ews_reset(imp_cal_gateway *gateway) {
  while (!imp_list_empty(&gateway->streams)) {
    imp_ews_stream *stream = IMP_CONTAINER_OF(gateway->streams.next, imp_ews_stream, link);
    while (!imp_list_empty(&stream->boxes)) {
      imp_cal_box *box = IMP_CONTAINER_OF(imp_list_pop(&stream->boxes), imp_cal_box, sub_link);
      box->stream = NULL;
      imp_cal_box_unsubscribe(box);
      imp_list_append(&gateway->unsubscribed, &box->sub_link);
    }
    stream->nboxes = 0;
    stream_del(stream);
  }
  gateway->placed = 0;
}

const imp_cal_kind imp_cal_ews = {imp_ews_read, imp_ews_read_oof, imp_ews_run, imp_ews_forget, imp_ews_reset};
