/* What Microsoft Graph sends to the host: proof of the address, changes, and what becomes of subscriptions. */
#include <jansson.h>

#include "calendar/gateway.h"

#define BODY_MAX ((size_t)1 << 20)
#define NOTIFICATIONS_MAX 1000

static int hex_digit(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The decoded value of a parameter: its length, or -1 if it is absent, too long or no text. */
static int parameter(const char *query, const char *name, char *dst, size_t cap) {
  size_t len = strlen(name), n = 0;
  while (*query != '\0' && (strncmp(query, name, len) != 0 || query[len] != '=')) {
    query += strcspn(query, "&");
    query += *query == '&';
  }
  if (*query == '\0') {
    return -1;
  }
  for (query += len + 1; *query != '\0' && *query != '&'; query++) {
    int c = (unsigned char)*query;
    if (c == '+') {
      c = ' ';
    } else if (c == '%') {
      int high = hex_digit(query[1]), low = high >= 0 ? hex_digit(query[2]) : -1;
      if (low < 0) {
        return -1;
      }
      c = high * 16 + low;
      query += 2;
    }
    if (n + 1 >= cap || c < 0x20 || c == 0x7f) {
      return -1;
    }
    dst[n++] = (char)c;
  }
  dst[n] = '\0';
  return (int)n;
}

static imp_cal_box *find_box(imp_calendar *cal, const char *subscription) {
  for (imp_list *link = cal->gateways.next; link != &cal->gateways; link = link->next) {
    imp_cal_gateway *gateway = IMP_CONTAINER_OF(link, imp_cal_gateway, link);
    imp_cal_box *box = gateway->conf.kind == IMP_GATEWAY_GRAPH && subscription != NULL
                           ? imp_cal_box_find(gateway, subscription, strlen(subscription))
                           : NULL;
    if (box != NULL) {
      return box;
    }
  }
  return NULL;
}

static int is_ours(const imp_cal_box *box, const char *state) {
  const char *expected = box->gateway->conf.client_state;
  return expected != NULL && state != NULL && strlen(state) == strlen(expected) &&
         imp_memeq_ct(state, expected, strlen(expected));
}

static void renew_now(imp_cal_box *box) {
  imp_heap_remove(&box->gateway->cal->timers, &box->sub_timer);
  box->sub_timer.fire(&box->sub_timer, box->gateway->cal->ts);
  imp_cal_want_turn(box->gateway->cal);
}

/* 0: forged. */
static int take(imp_calendar *cal, const json_t *item) {
  const char *event = json_string_value(json_object_get(item, "lifecycleEvent"));
  imp_cal_box *box = find_box(cal, json_string_value(json_object_get(item, "subscriptionId")));
  if (box == NULL) { /* of a subscription that we gave up: Microsoft need not repeat it */
    return 1;
  }
  if (!is_ours(box, json_string_value(json_object_get(item, "clientState")))) {
    imp_log(&cal->log, IMP_LOG_PRESENCE, IMP_LOG_WARN, box->gateway->conf.name,
            "calendar: a notification with another clientState is ignored");
    return 0;
  }
  if (event != NULL && strcmp(event, "subscriptionRemoved") == 0) {
    imp_cal_box_unsubscribe(box);
    renew_now(box);
  } else if (event != NULL && strcmp(event, "reauthorizationRequired") == 0) {
    renew_now(box);
    return 1;
  }
  imp_cal_box_changed(box); /* also "missed" */
  return 1;
}

static uint32_t take_all(imp_calendar *cal, const void *body, size_t bodylen) {
  json_t *document = json_loadb(body, bodylen, 0, NULL);
  const json_t *list = json_object_get(document, "value");
  size_t count = json_array_size(list);
  uint32_t status = count > 0 ? 202 : 400;
  for (size_t i = 0; i < count && i < NOTIFICATIONS_MAX; i++) {
    status = take(cal, json_array_get(list, i)) ? status : 403;
  }
  json_decref(document);
  return status;
}

int imp_calendar_webhook(imp_calendar *cal, const char *query, const void *body, size_t bodylen,
                         imp_webhook_answer *out) {
  imp_webhook_answer answer;
  size_t size = out != NULL ? out->size : 0;
  if (size < offsetof(imp_webhook_answer, content_type) || (body == NULL && bodylen > 0)) {
    return imp_cal_fail(cal, IMP_ERR_INVALID_ARGUMENT, "webhook: size is not set");
  }
  memset(&answer, 0, sizeof answer);
  int len = parameter(query != NULL ? query : "", "validationToken", cal->answer, sizeof cal->answer);
  if (len >= 0) {
    answer.status = 200;
    answer.content_type = "text/plain";
    answer.body = cal->answer;
    answer.bodylen = (size_t)len;
  } else if (bodylen > BODY_MAX) {
    answer.status = 413;
  } else {
    answer.status = bodylen > 0 ? take_all(cal, body, bodylen) : 400;
  }
  memcpy(out, &answer, size < sizeof answer ? size : sizeof answer);
  out->size = size;
  return IMP_OK;
}
