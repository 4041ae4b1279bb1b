/* Gateways: added, changed, removed, asked how they fare. */
#include "calendar/gateway.h"

const char *imp_cal_gateway_name(const imp_cal_gateway *gateway) { return gateway->conf.name; }

imp_cal_gateway *imp_cal_gateway_find(imp_calendar *cal, const char *name) {
  for (imp_list *link = cal->gateways.next; link != &cal->gateways; link = link->next) {
    imp_cal_gateway *gateway = IMP_CONTAINER_OF(link, imp_cal_gateway, link);
    if (strcmp(gateway->conf.name, name) == 0) {
      return gateway;
    }
  }
  return NULL;
}

static void on_timer(imp_timer *timer, imp_tstamp ts) {
  (void)timer; /* the turn that fired it looks at all gateways */
  (void)ts;
}

static const imp_cal_kind *const kinds[] = {&imp_cal_ews, &imp_cal_graph, &imp_cal_caldav};

static imp_cal_gateway *gateway_new(imp_calendar *cal, const imp_gateway *conf) {
  imp_cal_gateway *gateway = imp_calloc(1, sizeof *gateway);
  if (gateway == NULL || imp_cal_conf_copy(&gateway->conf, conf) != IMP_OK) {
    imp_free(gateway);
    return NULL;
  }
  gateway->cal = cal;
  gateway->kind = kinds[conf->kind];
  imp_list_init(&gateway->boxes);
  imp_list_init(&gateway->due);
  imp_list_init(&gateway->oof_due);
  imp_list_init(&gateway->calls);
  imp_list_init(&gateway->streams);
  imp_list_init(&gateway->unsubscribed);
  imp_map_init(&gateway->subscriptions);
  imp_timer_init(&gateway->timer, on_timer);
  imp_list_append(&cal->gateways, &gateway->link);
  return gateway;
}

/* All that is under way ends; what was read stays. */
static void stop(imp_cal_gateway *gateway) {
  if (gateway->kind->reset != NULL) {
    gateway->kind->reset(gateway);
  }
  while (!imp_list_empty(&gateway->calls)) {
    imp_cal_call_cancel(IMP_CONTAINER_OF(gateway->calls.next, imp_cal_call, link));
  }
  imp_cal_drop_token(gateway);
}

static void gateway_del(imp_cal_gateway *gateway) {
  stop(gateway);
  while (!imp_list_empty(&gateway->boxes)) {
    imp_cal_box_del(IMP_CONTAINER_OF(gateway->boxes.next, imp_cal_box, link));
  }
  imp_heap_remove(&gateway->cal->timers, &gateway->timer);
  imp_list_remove(&gateway->link);
  imp_map_reset(&gateway->subscriptions);
  imp_cal_conf_reset(&gateway->conf);
  imp_free(gateway);
}

void imp_cal_gateways_del(imp_calendar *cal) {
  while (!imp_list_empty(&cal->gateways)) {
    gateway_del(IMP_CONTAINER_OF(cal->gateways.next, imp_cal_gateway, link));
  }
}

static int change(imp_cal_gateway *gateway, const imp_gateway *conf) {
  imp_gateway copy;
  if (conf->kind != gateway->conf.kind) {
    return imp_cal_fail(gateway->cal, IMP_ERR_CONFLICT, "gateway %.80s: its kind cannot change", conf->name);
  }
  int rv = imp_cal_conf_copy(&copy, conf);
  if (rv != IMP_OK) {
    return imp_cal_fail(gateway->cal, rv, "out of memory");
  }
  stop(gateway);
  imp_cal_conf_reset(&gateway->conf);
  gateway->conf = copy;
  gateway->not_before = 0;
  gateway->failures_in_row = 0;
  gateway->health = IMP_GATEWAY_NEW;
  gateway->requests = gateway->failures = gateway->notifications = 0;
  for (imp_list *link = gateway->boxes.next; link != &gateway->boxes; link = link->next) {
    imp_cal_box *box = IMP_CONTAINER_OF(link, imp_cal_box, link);
    imp_cal_box_after(box, 0);
    imp_cal_box_oof_after(box, 0);
  }
  return IMP_OK;
}

int imp_calendar_set_gateway(imp_calendar *cal, const imp_gateway *conf) {
  if (cal->http == NULL) {
    return imp_cal_fail(cal, IMP_ERR_STATE, "nobody does HTTP: imp_calendar_set_http()");
  }
  int rv = imp_gateway_check(conf, cal->error, sizeof cal->error);
  if (rv != IMP_OK) {
    return rv;
  }
  imp_cal_gateway *gateway = imp_cal_gateway_find(cal, conf->name);
  if (gateway != NULL) {
    rv = change(gateway, conf);
  } else if (gateway_new(cal, conf) == NULL) {
    rv = imp_cal_fail(cal, IMP_ERR_NOMEM, "out of memory");
  }
  imp_cal_want_turn(cal);
  return rv;
}

int imp_calendar_remove_gateway(imp_calendar *cal, const char *name) {
  imp_cal_gateway *gateway = name != NULL ? imp_cal_gateway_find(cal, name) : NULL;
  if (gateway == NULL) {
    return imp_cal_fail(cal, IMP_ERR_NOT_FOUND, "no such gateway");
  }
  gateway_del(gateway);
  return IMP_OK;
}

static void fill(const imp_cal_gateway *g, imp_gateway_status *out) {
  imp_gateway_status s;
  size_t size = out->size;
  memset(&s, 0, sizeof s);
  s.name = g->conf.name;
  s.kind = g->conf.kind;
  s.health = g->health;
  s.last_success = g->last_success;
  s.last_failure = g->last_failure;
  s.last_error = g->error;
  s.waits_until = g->not_before > g->cal->ts ? g->cal->now + (g->not_before - g->cal->ts) / IMP_MILLISECONDS : 0;
  s.mailboxes = (uint32_t)g->nboxes;
  s.mailboxes_failing = (uint32_t)g->nfailing;
  s.subscribed = (uint32_t)g->nsubscribed;
  s.streams = (uint32_t)g->nstreams;
  s.in_flight = (uint32_t)g->in_flight;
  s.requests = g->requests;
  s.failures = g->failures;
  s.notifications = g->notifications;
  memcpy(out, &s, size < sizeof s ? size : sizeof s);
  out->size = size;
}

int imp_calendar_gateway_status(imp_calendar *cal, const char *name, imp_gateway_status *status) {
  imp_cal_gateway *gateway = name != NULL ? imp_cal_gateway_find(cal, name) : NULL;
  if (gateway == NULL || status == NULL || status->size < sizeof(size_t)) {
    return imp_cal_fail(cal, gateway == NULL ? IMP_ERR_NOT_FOUND : IMP_ERR_INVALID_ARGUMENT, "no such gateway");
  }
  fill(gateway, status);
  return IMP_OK;
}

int imp_calendar_gateway_at(imp_calendar *cal, size_t i, imp_gateway_status *status) {
  imp_list *link = cal->gateways.next;
  for (; i > 0 && link != &cal->gateways; i--) {
    link = link->next;
  }
  if (link == &cal->gateways) {
    return IMP_ERR_NOT_FOUND;
  }
  fill(IMP_CONTAINER_OF(link, imp_cal_gateway, link), status);
  return IMP_OK;
}

/* A callback may remove gateways: begin anew after each. */
void imp_cal_gateways_tell(imp_calendar *cal) {
  for (imp_list *link = cal->gateways.next; link != &cal->gateways;) {
    imp_cal_gateway *gateway = IMP_CONTAINER_OF(link, imp_cal_gateway, link);
    link = link->next;
    if (gateway->told != gateway->health) {
      imp_gateway_status status;
      status.size = sizeof status;
      gateway->told = gateway->health;
      fill(gateway, &status);
      if (cal->callbacks.on_gateway != NULL) {
        cal->callbacks.on_gateway(cal, &status, cal->user_data);
        link = cal->gateways.next;
      }
    }
  }
}
