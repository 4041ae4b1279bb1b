/* Mailboxes: the identity map, and when each is read. */
#include "calendar/gateway.h"
#include "core/codec.h"

static void on_due(imp_timer *timer, imp_tstamp ts) {
  imp_cal_box *box = IMP_CONTAINER_OF(timer, imp_cal_box, timer);
  (void)ts;
  if (!imp_list_linked(&box->due)) {
    imp_list_append(&box->gateway->due, &box->due);
  }
}

static void on_oof_due(imp_timer *timer, imp_tstamp ts) {
  imp_cal_box *box = IMP_CONTAINER_OF(timer, imp_cal_box, oof_timer);
  (void)ts;
  if (!imp_list_linked(&box->oof_due)) {
    imp_list_append(&box->gateway->oof_due, &box->oof_due);
  }
}

static void on_sub_due(imp_timer *timer, imp_tstamp ts) {
  imp_cal_box *box = IMP_CONTAINER_OF(timer, imp_cal_box, sub_timer);
  (void)ts;
  if (!imp_list_linked(&box->sub_link)) {
    imp_list_append(&box->gateway->unsubscribed, &box->sub_link);
    box->gateway->placed = 0;
  }
}

/* Without memory for a deadline it is due at once. */
static void set(imp_cal_box *box, imp_timer *timer, uint32_t seconds) {
  imp_calendar *cal = box->gateway->cal;
  if (seconds == 0 || imp_heap_set(&cal->timers, timer, cal->ts + seconds * IMP_SECONDS) != IMP_OK) {
    imp_heap_remove(&cal->timers, timer);
    timer->fire(timer, cal->ts);
    imp_cal_want_turn(cal);
  }
}

void imp_cal_box_after(imp_cal_box *box, uint32_t seconds) {
  if (box->call != NULL) {
    box->again |= seconds == 0;
  } else if (!imp_list_linked(&box->due)) {
    set(box, &box->timer, seconds);
  }
}

void imp_cal_box_oof_after(imp_cal_box *box, uint32_t seconds) {
  if (box->oof_call == NULL && !imp_list_linked(&box->oof_due)) {
    set(box, &box->oof_timer, seconds);
  }
}

void imp_cal_box_changed(imp_cal_box *box) {
  box->gateway->notifications++;
  imp_cal_box_after(box, 0);
}

static void set_error(imp_cal_box *box, const char *why) {
  box->gateway->nfailing += (box->error == NULL) && (why != NULL);
  box->gateway->nfailing -= (box->error != NULL) && (why == NULL);
  imp_free(box->error);
  box->error = why != NULL ? imp_strdup(why) : NULL;
  if (why != NULL && box->error == NULL) {
    box->gateway->nfailing--;
  }
}

/* When the next reading is due: long before the window ends, and at once if it changed meanwhile. */
static void schedule(imp_cal_box *box) {
  const imp_gateway *conf = &box->gateway->conf;
  int told = box->subscription != NULL && (box->stream == NULL || imp_cal_ews_is_open(box->stream));
  uint32_t period = told && conf->notify ? conf->notified_seconds : conf->poll_seconds;
  uint32_t half = conf->window_hours * 1800;
  uint32_t again = box->again;
  box->again = 0;
  imp_cal_box_after(box, again ? 1 : period < half ? period : half);
}

void imp_cal_box_read(imp_cal_call *call, size_t i, const imp_busy *blocks, size_t count) {
  imp_cal_box *box = call->boxes[i];
  if (box == NULL || box->call != call) {
    return;
  }
  box->call = NULL;
  if (imp_cal_put(box->user, box->gateway, NULL, box->zone, call->from, call->to, blocks, count) == IMP_OK) {
    box->last_success = box->gateway->cal->now;
    set_error(box, NULL);
  } else {
    set_error(box, "out of memory");
  }
  schedule(box);
}

void imp_cal_box_failed(imp_cal_call *call, size_t i, const char *why) {
  imp_cal_box *box = call->boxes[i];
  if (box == NULL) {
    return;
  }
  if (box->call == call) {
    box->call = NULL;
    set_error(box, why);
    schedule(box);
  } else if (box->oof_call == call) {
    box->oof_call = NULL;
    imp_cal_box_oof_after(box, box->gateway->conf.oof_seconds);
  } else if (box->sub_call == call) {
    box->sub_call = NULL;
  }
}

void imp_cal_box_oof_read(imp_cal_call *call, size_t i, const imp_oof *oof) {
  imp_cal_box *box = call->boxes[i];
  if (box == NULL || box->oof_call != call) {
    return;
  }
  box->oof_call = NULL;
  (void)imp_cal_put_oof(box->user, box->gateway, NULL, oof); /* without memory: as it was */
  imp_cal_box_oof_after(box, box->gateway->conf.oof_seconds);
}

imp_cal_box *imp_cal_box_find(imp_cal_gateway *gateway, const char *subscription, size_t len) {
  imp_map_node *node = imp_map_find(&gateway->subscriptions, subscription, len);
  return node != NULL ? IMP_CONTAINER_OF(node, imp_cal_box, sub_node) : NULL;
}

int imp_cal_box_subscribe(imp_cal_box *box, const char *subscription) {
  size_t len = strlen(subscription);
  imp_cal_box_unsubscribe(box);
  if (len == 0 || len > 1024) {
    return IMP_ERR_MALFORMED;
  }
  char *copy = imp_strdup(subscription);
  int rv = copy != NULL ? imp_map_insert(&box->gateway->subscriptions, &box->sub_node, copy, len) : IMP_ERR_NOMEM;
  if (rv != IMP_OK) {
    imp_free(copy);
    return rv;
  }
  box->subscription = copy;
  box->gateway->nsubscribed++;
  return IMP_OK;
}

void imp_cal_box_unsubscribe(imp_cal_box *box) {
  if (box->subscription != NULL) {
    imp_map_remove(&box->gateway->subscriptions, &box->sub_node);
    imp_free(box->subscription);
    box->subscription = NULL;
    box->gateway->nsubscribed--;
  }
}

/* ---- the map ---- */

static imp_cal_box *find(const imp_cal_user *user, const imp_cal_gateway *gateway) {
  for (imp_cal_box *box = user != NULL ? user->boxes : NULL; box != NULL; box = box->next) {
    if (box->gateway == gateway) {
      return box;
    }
  }
  return NULL;
}

static void forget_calls(imp_cal_box *box) {
  if (box->gateway->kind->forget != NULL) {
    box->gateway->kind->forget(box);
  }
  imp_cal_call *calls[] = {box->call, box->oof_call, box->sub_call};
  for (size_t i = 0; i < IMP_ARRAY_LEN(calls); i++) {
    if (calls[i] != NULL) {
      imp_cal_call_forget(calls[i], box);
    }
  }
  box->call = box->oof_call = box->sub_call = NULL;
  imp_cal_box_unsubscribe(box);
  set_error(box, NULL);
}

static void free_texts(imp_cal_box *box) {
  imp_free(box->mailbox);
  imp_free(box->group);
  imp_free(box->url);
}

void imp_cal_box_del(imp_cal_box *box) {
  imp_calendar *cal = box->gateway->cal;
  imp_cal_box **at = &box->user->boxes;
  forget_calls(box);
  while (*at != box) {
    at = &(*at)->next;
  }
  *at = box->next;
  imp_cal_remove_source(box->user, box->gateway, NULL);
  imp_cal_touch(box->user);
  imp_heap_remove(&cal->timers, &box->timer);
  imp_heap_remove(&cal->timers, &box->oof_timer);
  imp_heap_remove(&cal->timers, &box->sub_timer);
  imp_list_remove(&box->due);
  imp_list_remove(&box->oof_due);
  imp_list_remove(&box->sub_link);
  imp_list_remove(&box->link);
  box->gateway->nboxes--;
  free_texts(box);
  imp_free(box);
}

static imp_cal_box *box_new(imp_cal_gateway *gateway, imp_cal_user *user) {
  imp_cal_box *box = imp_calloc(1, sizeof *box);
  if (box != NULL) {
    box->gateway = gateway;
    box->user = user;
    imp_timer_init(&box->timer, on_due);
    imp_timer_init(&box->oof_timer, on_oof_due);
    imp_timer_init(&box->sub_timer, on_sub_due);
    box->next = user->boxes;
    user->boxes = box;
    imp_list_append(&gateway->boxes, &box->link);
    gateway->nboxes++;
  }
  return box;
}

static int copy_texts(imp_cal_box *box, const imp_mailbox *m) {
  char *mailbox = imp_strdup(m->mailbox);
  char *group = m->group != NULL ? imp_strdup(m->group) : NULL, *url = m->url != NULL ? imp_strdup(m->url) : NULL;
  if (mailbox == NULL || (m->group != NULL && group == NULL) || (m->url != NULL && url == NULL)) {
    imp_free(mailbox);
    imp_free(group);
    imp_free(url);
    return IMP_ERR_NOMEM;
  }
  free_texts(box);
  box->mailbox = mailbox;
  box->group = group;
  box->url = url;
  box->discovered = 0;
  return IMP_OK;
}

static int is_clean(const char *s, size_t most) {
  size_t len = s != NULL ? strlen(s) : 0;
  for (size_t i = 0; i < len; i++) {
    if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f) {
      return 0;
    }
  }
  return len > 0 && len <= most && imp_utf8_valid(s, len);
}

int imp_cal_is_proper_url(const imp_cal_gateway *gateway, const char *url) {
  size_t scheme = strcspn(gateway->conf.url, "/");
  return strncmp(url, gateway->conf.url, scheme + 2) == 0 && strpbrk(url, " \t\r\n#@") == NULL && strlen(url) < 2000;
}

static int read_mailbox(imp_calendar *cal, const imp_mailbox *given, imp_mailbox *m, imp_cal_gateway **gateway,
                        const imp_zone **zone) {
  if (given == NULL || given->size < offsetof(imp_mailbox, zone)) {
    return imp_cal_fail(cal, IMP_ERR_INVALID_ARGUMENT, "mailbox: size is not set");
  }
  memset(m, 0, sizeof *m);
  memcpy(m, given, given->size < sizeof *m ? given->size : sizeof *m);
  *gateway = m->gateway != NULL ? imp_cal_gateway_find(cal, m->gateway) : NULL;
  if (*gateway == NULL) {
    return imp_cal_fail(cal, IMP_ERR_NOT_FOUND, "no such gateway");
  }
  if (!is_clean(m->user, IMP_CALENDAR_NAME_MAX) || !is_clean(m->mailbox, IMP_CALENDAR_NAME_MAX) ||
      (m->group != NULL && strlen(m->group) > IMP_CALENDAR_NAME_MAX) ||
      (m->url != NULL && !imp_cal_is_proper_url(*gateway, m->url))) {
    return imp_cal_fail(cal, IMP_ERR_INVALID_ARGUMENT, "mailbox: user, mailbox, group or url is unusable");
  }
  *zone = NULL;
  if (m->zone != NULL && imp_cal_zone(cal, m->zone, zone) != IMP_OK) {
    return imp_cal_fail(cal, IMP_ERR_NOT_FOUND, "no rules for zone %.80s", m->zone);
  }
  return IMP_OK;
}

int imp_calendar_map(imp_calendar *cal, const imp_mailbox *mailbox) {
  imp_mailbox m;
  imp_cal_gateway *gateway = NULL;
  imp_cal_user *user;
  const imp_zone *zone;
  int rv = read_mailbox(cal, mailbox, &m, &gateway, &zone);
  if (rv == IMP_OK) {
    rv = imp_cal_user_get(cal, m.user, &user);
  }
  if (rv != IMP_OK) {
    return rv;
  }
  imp_cal_box *box = find(user, gateway);
  int is_new = box == NULL;
  if (is_new && (box = box_new(gateway, user)) == NULL) {
    return imp_cal_fail(cal, IMP_ERR_NOMEM, "out of memory");
  }
  if (!is_new) {
    forget_calls(box);
  }
  if (copy_texts(box, &m) != IMP_OK) {
    if (is_new) {
      imp_cal_box_del(box);
    }
    return imp_cal_fail(cal, IMP_ERR_NOMEM, "out of memory");
  }
  box->zone = zone;
  box->sub_timer.fire(&box->sub_timer, cal->ts);
  imp_cal_box_after(box, 0);
  imp_cal_box_oof_after(box, 0);
  return IMP_OK;
}

static int look_up(imp_calendar *cal, const char *user, const char *gateway, imp_cal_box **box) {
  imp_cal_gateway *g = gateway != NULL ? imp_cal_gateway_find(cal, gateway) : NULL;
  *box = g != NULL && user != NULL ? find(imp_cal_user_find(cal, user), g) : NULL;
  return *box != NULL ? IMP_OK : imp_cal_fail(cal, IMP_ERR_NOT_FOUND, "no such gateway, or the user has no mailbox there");
}

int imp_calendar_unmap(imp_calendar *cal, const char *user, const char *gateway) {
  imp_cal_box *box;
  int rv = look_up(cal, user, gateway, &box);
  if (rv == IMP_OK) {
    imp_cal_box_del(box);
  }
  return rv;
}

int imp_calendar_refresh(imp_calendar *cal, const char *user, const char *gateway) {
  imp_cal_box *box;
  int rv = look_up(cal, user, gateway, &box);
  if (rv == IMP_OK) {
    imp_cal_box_after(box, 0);
    imp_cal_box_oof_after(box, 0);
  }
  return rv;
}

int imp_calendar_mailbox_status(imp_calendar *cal, const char *user, const char *gateway, imp_mailbox_status *out) {
  imp_cal_box *box;
  imp_mailbox_status s;
  int rv = look_up(cal, user, gateway, &box);
  if (rv != IMP_OK || out == NULL || out->size < sizeof(size_t)) {
    return rv != IMP_OK ? rv : imp_cal_fail(cal, IMP_ERR_INVALID_ARGUMENT, "status: size is not set");
  }
  const imp_cal_source *source = imp_cal_source_find(box->user, box->gateway, NULL);
  size_t size = out->size;
  memset(&s, 0, sizeof s);
  s.mailbox = box->mailbox;
  s.last_success = box->last_success;
  s.last_error = box->error != NULL ? box->error : "";
  s.subscribed = box->subscription != NULL;
  s.known_until = source != NULL ? source->to : 0;
  memcpy(out, &s, size < sizeof s ? size : sizeof s);
  out->size = size;
  return IMP_OK;
}
