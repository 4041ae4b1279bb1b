/* When a gateway asks, and how it takes what becomes of that. */
#include <stdarg.h>
#include <stdio.h>

#include "calendar/gateway.h"
#include "core/codec.h"

#define BOXES_MAX 100

/* Without memory for the deadline each turn tries again. */
static void arm(imp_cal_gateway *gateway) {
  if (gateway->not_before > gateway->cal->ts && gateway->timer.index == 0) {
    (void)imp_heap_set(&gateway->cal->timers, &gateway->timer, gateway->not_before);
  }
}

static void wait_until(imp_cal_gateway *gateway, imp_tstamp at) {
  if (at > gateway->not_before) {
    gateway->not_before = at;
    imp_heap_remove(&gateway->cal->timers, &gateway->timer);
    arm(gateway);
  }
}

void imp_cal_gateway_up(imp_cal_gateway *gateway) {
  gateway->last_success = gateway->cal->now;
  gateway->failures_in_row = 0;
  gateway->token_renewed = 0;
  gateway->health = IMP_GATEWAY_UP;
}

static void note_failure(imp_cal_gateway *gateway) {
  gateway->failures++;
  gateway->last_failure = gateway->cal->now;
  imp_log(&gateway->cal->log, IMP_LOG_PRESENCE, IMP_LOG_WARN, gateway->conf.name, "calendar: %s", gateway->error);
}

void imp_cal_gateway_busy(imp_cal_gateway *gateway, uint64_t ms, const char *why) {
  const uint64_t most = UINT64_C(3600000);
  ms = ms < 1000 ? 1000 : ms > most ? most : ms;
  imp_set_error(gateway->error, sizeof gateway->error, "busy: %s; waits %llu s", why, (unsigned long long)(ms + 999) / 1000);
  gateway->health = IMP_GATEWAY_BUSY;
  note_failure(gateway);
  wait_until(gateway, gateway->cal->ts + ms * IMP_MILLISECONDS);
}

void imp_cal_gateway_down(imp_cal_gateway *gateway, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  vsnprintf(gateway->error, sizeof gateway->error, fmt, args);
  va_end(args);
  for (char *p = gateway->error; *p != '\0'; p++) {
    *p = (unsigned char)*p < 0x20 ? ' ' : *p;
  }
  uint32_t doublings = gateway->failures_in_row < 6 ? gateway->failures_in_row : 6;
  gateway->failures_in_row++;
  gateway->health = IMP_GATEWAY_DOWN;
  note_failure(gateway);
  wait_until(gateway, gateway->cal->ts + (5 * IMP_SECONDS << doublings));
}

uint64_t imp_cal_retry_after(const imp_cal_call *call, uint64_t fallback) {
  uint32_t seconds;
  const char *text = imp_http_get_header(call->op, "Retry-After");
  return text != NULL && imp_parse_u32(&seconds, text) == IMP_OK ? (uint64_t)seconds * 1000 : fallback;
}

int imp_cal_bad_code(imp_cal_call *call, uint32_t code, uint32_t want) {
  imp_cal_gateway *gateway = call->gateway;
  if (code == want) {
    return 0;
  }
  if (code == 429 || code == 503) {
    imp_cal_gateway_busy(gateway, imp_cal_retry_after(call, 30000), code == 429 ? "too many requests" : "not available");
  } else if (code == 401) {
    imp_cal_gateway_down(gateway, "401: credentials are not accepted");
  } else if (code >= 300 && code < 400) {
    imp_cal_gateway_down(gateway, "%lu: redirected to where credentials do not go", (unsigned long)code);
  } else {
    imp_cal_gateway_down(gateway, "HTTP status %lu", (unsigned long)code);
  }
  return 1;
}

void imp_cal_requeue(imp_cal_call *call) {
  for (size_t i = 0; i < call->nboxes; i++) {
    imp_cal_box *box = call->boxes[i];
    if (box != NULL && box->call == call) {
      box->call = NULL;
      imp_cal_box_after(box, 0);
    } else if (box != NULL && box->oof_call == call) {
      box->oof_call = NULL;
      imp_cal_box_oof_after(box, 0);
    } else if (box != NULL && box->sub_call == call) {
      box->sub_call = NULL;
    }
  }
}

/* While it is down, one request at a time finds out whether it is up again. */
static int may_ask(const imp_cal_gateway *gateway) {
  size_t most = gateway->failures_in_row > 0 ? 1 : gateway->conf.concurrency;
  return gateway->cal->ts >= gateway->not_before && gateway->in_flight < most;
}

static size_t take_due(imp_cal_gateway *gateway, imp_cal_box **boxes) {
  size_t n = 0;
  const char *url = NULL;
  imp_list *link = gateway->due.next;
  while (n < gateway->conf.batch && link != &gateway->due) {
    imp_cal_box *box = IMP_CONTAINER_OF(link, imp_cal_box, due);
    link = link->next;
    if (n == 0) {
      url = box->url;
    }
    if (url == box->url || (url != NULL && box->url != NULL && strcmp(url, box->url) == 0)) { /* one server a call */
      imp_list_remove(&box->due);
      boxes[n++] = box;
    }
  }
  return n;
}

static void read_due(imp_cal_gateway *gateway) {
  imp_cal_box *boxes[BOXES_MAX];
  while (!imp_list_empty(&gateway->due) && may_ask(gateway)) {
    size_t n = take_due(gateway, boxes);
    int rv = gateway->kind->read(gateway, boxes, n);
    for (size_t i = 0; rv != IMP_OK && i < n; i++) {
      boxes[i]->call = NULL;
      imp_cal_box_after(boxes[i], 60);
    }
  }
}

static void read_oof_due(imp_cal_gateway *gateway) {
  while (!imp_list_empty(&gateway->oof_due) && may_ask(gateway)) {
    imp_cal_box *box = IMP_CONTAINER_OF(imp_list_pop(&gateway->oof_due), imp_cal_box, oof_due);
    if (gateway->conf.out_of_office && gateway->kind->read_oof != NULL &&
        gateway->kind->read_oof(gateway, box) != IMP_OK) {
      box->oof_call = NULL;
      imp_cal_box_oof_after(box, 60);
    }
  }
}

static void run(imp_cal_gateway *gateway) {
  int work = !imp_list_empty(&gateway->due) || !imp_list_empty(&gateway->oof_due) || gateway->conf.notify;
  arm(gateway);
  if (!work || gateway->cal->ts < gateway->not_before || !imp_cal_has_token(gateway)) {
    return;
  }
  read_due(gateway);
  read_oof_due(gateway);
  if (gateway->conf.notify && gateway->kind->run != NULL) {
    gateway->kind->run(gateway);
  }
}

void imp_cal_gateways_run(imp_calendar *cal) {
  for (imp_list *link = cal->gateways.next; link != &cal->gateways; link = link->next) {
    run(IMP_CONTAINER_OF(link, imp_cal_gateway, link));
  }
}
