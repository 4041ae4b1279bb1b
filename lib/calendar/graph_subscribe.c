/* Change subscriptions: each mailbox has one, renewed before the end that Microsoft gave it. */
#include "calendar/graph.h"
#include "core/codec.h"

#define RETRY_SECONDS 900

static void again_after(imp_cal_box *box, uint64_t seconds) {
  imp_calendar *cal = box->gateway->cal;
  imp_list_remove(&box->sub_link);
  if (imp_heap_set(&cal->timers, &box->sub_timer, cal->ts + seconds * IMP_SECONDS) != IMP_OK) {
    box->sub_timer.fire(&box->sub_timer, cal->ts);
  }
}

/* Two thirds of what is left, by the end that was returned. */
static void renew_in_time(imp_cal_box *box, const json_t *answer) {
  imp_calendar *cal = box->gateway->cal;
  const char *text = imp_graph_text(answer, "expirationDateTime");
  imp_wallclock end;
  uint64_t seconds = RETRY_SECONDS;
  if (text != NULL && imp_datetime_parse(&end, text) == IMP_OK && end > cal->now) {
    seconds = (end - cal->now) / 1000 * 2 / 3;
  }
  again_after(box, seconds < 30 ? 30 : seconds);
}

static void on_answer(imp_cal_call *call, uint32_t code, const char *body, size_t len) {
  imp_cal_box *box = call->boxes[0];
  if (box == NULL) {
    return;
  }
  json_t *answer = json_loadb(body, len, 0, NULL);
  const char *id = imp_graph_text(answer, "id");
  box->sub_call = NULL;
  if (code == 201 && id != NULL && imp_cal_box_subscribe(box, id) == IMP_OK) {
    imp_cal_gateway_up(call->gateway);
    renew_in_time(box, answer);
    imp_cal_box_after(box, 0); /* what changed before */
  } else if (code == 200 && box->subscription != NULL) {
    imp_cal_gateway_up(call->gateway);
    renew_in_time(box, answer);
  } else if (code == 404 && box->subscription != NULL) { /* it is gone: another, and a look at what was missed */
    imp_cal_box_unsubscribe(box);
    imp_cal_box_after(box, 0);
    again_after(box, 1);
  } else if (code == 429 || code == 503 || code == 401) {
    (void)imp_cal_bad_code(call, code, 201);
    again_after(box, 60);
  } else {
    imp_log(&call->gateway->cal->log, IMP_LOG_PRESENCE, IMP_LOG_INFO, call->gateway->conf.name,
            "calendar: %s: no subscription: %lu %s", box->mailbox, (unsigned long)code, imp_graph_error(answer));
    imp_cal_box_unsubscribe(box);
    again_after(box, RETRY_SECONDS);
  }
  json_decref(answer);
}

static void on_failure(imp_cal_call *call, int status) {
  imp_cal_box *box = call->boxes[0];
  if (box != NULL) {
    box->sub_call = NULL;
    again_after(box, 60);
  }
  imp_cal_gateway_down(call->gateway, "subscription: %s: %s", imp_strerror(status), imp_http_get_error(call->op));
}

static json_t *write_subscription(const imp_cal_box *box) {
  const imp_gateway *conf = &box->gateway->conf;
  char end[IMP_DATETIME_LEN];
  imp_datetime_format(end, box->gateway->cal->now + conf->subscription_minutes * UINT64_C(60000));
  if (box->subscription != NULL) {
    return json_pack("{s:s}", "expirationDateTime", end);
  }
  imp_buf resource;
  imp_buf_init(&resource, 4096);
  int rv = imp_buf_append_str(&resource, "/users/");
  rv = rv == IMP_OK ? imp_cal_percent(&resource, box->mailbox, 0) : rv;
  rv = rv == IMP_OK ? imp_buf_append_str(&resource, "/events") : rv;
  json_t *body = rv == IMP_OK ? json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "changeType", "created,updated,deleted",
                                          "notificationUrl", conf->webhook_url, "lifecycleNotificationUrl",
                                          conf->webhook_url, "resource", (const char *)imp_buf_data(&resource),
                                          "expirationDateTime", end, "clientState", conf->client_state)
                              : NULL;
  imp_buf_reset(&resource);
  return body;
}

static int subscribe(imp_cal_box *box) {
  imp_cal_gateway *gateway = box->gateway;
  const char *id = box->subscription;
  json_t *body = write_subscription(box);
  imp_cal_call *call = body != NULL ? imp_graph_call(gateway, &box, 1, id != NULL ? "PATCH" : "POST",
                                                     id != NULL ? "/subscriptions/" : "/subscriptions",
                                                     id != NULL ? id : "", "", body)
                                    : NULL;
  if (call == NULL) {
    return IMP_ERR_NOMEM;
  }
  call->done = on_answer;
  call->failed = on_failure;
  call->confidential = 1; /* clientState */
  box->sub_call = call;
  int rv = imp_cal_call_start(call);
  if (rv != IMP_OK) {
    box->sub_call = NULL;
  }
  return rv;
}

void imp_graph_run(imp_cal_gateway *gateway) {
  while (gateway->conf.webhook_url != NULL && gateway->failures_in_row == 0 && gateway->cal->ts >= gateway->not_before &&
         gateway->in_flight < gateway->conf.concurrency && !imp_list_empty(&gateway->unsubscribed)) {
    imp_cal_box *box = IMP_CONTAINER_OF(imp_list_pop(&gateway->unsubscribed), imp_cal_box, sub_link);
    if (box->sub_call == NULL && subscribe(box) != IMP_OK) {
      again_after(box, 60);
    }
  }
}

static void on_deleted(imp_cal_call *call, uint32_t code, const char *body, size_t len) {
  (void)call; /* if it was not, it ends by itself */
  (void)code;
  (void)body;
  (void)len;
}

static void on_not_deleted(imp_cal_call *call, int status) {
  (void)call;
  (void)status;
}

/* The mailbox goes: Microsoft is told, once. */
void imp_graph_forget(imp_cal_box *box) {
  imp_graph_events_del(box);
  imp_list_remove(&box->sub_link);
  if (box->subscription == NULL || (imp_cal_wants_token(box->gateway) && box->gateway->token == NULL)) {
    return;
  }
  imp_cal_call *call = imp_graph_call(box->gateway, NULL, 0, "DELETE", "/subscriptions/", box->subscription, "", NULL);
  if (call != NULL) {
    call->done = on_deleted;
    call->failed = on_not_deleted;
    call->light = 1;
    (void)imp_cal_call_start(call);
  }
}

/* With other settings each mailbox gets a new subscription; notifications of the old ones find nobody. */
void imp_graph_reset(imp_cal_gateway *gateway) {
  for (imp_list *link = gateway->boxes.next; link != &gateway->boxes; link = link->next) {
    imp_cal_box *box = IMP_CONTAINER_OF(link, imp_cal_box, link);
    imp_cal_box_unsubscribe(box);
    imp_graph_events_del(box);
    if (!imp_list_linked(&box->sub_link)) {
      imp_list_append(&gateway->unsubscribed, &box->sub_link);
    }
  }
}
