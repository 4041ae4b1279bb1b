#include "status/status.h"

#include "status/internal.h"

#define NS_PER_MS IMP_MILLISECONDS
#define SLACK 64
#define JUMP 1000 /* milliseconds by which the time of day was set, and deadlines are looked at again */

/* ---- turns ---- */

void imp_status_wake(imp_status *f) {
  if (!f->node->in_turn && f->node->callbacks.want_turn != NULL) {
    f->node->callbacks.want_turn(f->node, f->node->user_data);
  }
}

/* Has a place in the heap at all times, so that setting it cannot fail. */
static void set_timer(imp_status *f, imp_tstamp at) { (void)imp_heap_set(&f->node->timers, &f->timer, at); }

static void on_timer(imp_timer *timer, imp_tstamp ts) {
  (void)ts; /* the turn follows */
  set_timer(IMP_CONTAINER_OF(timer, imp_status, timer), IMP_TSTAMP_NEVER);
}

static imp_tstamp when(const imp_status *f, imp_wallclock at, imp_wallclock now) {
  if (at <= now) {
    return f->node->now;
  }
  return at - now < (IMP_TSTAMP_NEVER - f->node->now) / NS_PER_MS ? f->node->now + (at - now) * NS_PER_MS : IMP_TSTAMP_NEVER;
}

static imp_tstamp next_deadline(const imp_status *f, imp_wallclock now) {
  imp_tstamp a = when(f, imp_composer_get_expiry(f->composer), now);
  imp_tstamp b = f->calendar != NULL ? imp_calendar_get_expiry(f->calendar) : IMP_TSTAMP_NEVER;
  if (!imp_list_empty(&f->line) || f->calendar_wants) {
    return f->node->now;
  }
  return a < b ? a : b;
}

static int has_jumped(imp_status *f, imp_wallclock now) {
  int64_t drift = (int64_t)now - (int64_t)(f->node->now / NS_PER_MS), by = drift - f->drift;
  f->drift = drift;
  return by > JUMP || by < -JUMP;
}

/* Sources that nobody saw end without a word. When half of all persons may have none left, each is looked at. */
static void sweep(imp_status *f) {
  imp_map_iter it;
  imp_map_node *n;
  if (f->people.count <= 2 * imp_composer_count(f->composer) + SLACK) {
    return;
  }
  imp_map_iter_init(&it, &f->people);
  while ((n = imp_map_iter_next(&it)) != NULL) {
    imp_status_line_up(f, IMP_CONTAINER_OF(n, imp_status_person, by_bare));
  }
}

static imp_verdict on_turn(imp_event *event, void *ctx) {
  imp_status *f = ctx;
  imp_wallclock now;
  (void)event;
  if (f->calendar == NULL && f->people.count == 0) {
    return IMP_CONTINUE;
  }
  now = imp_node_wallclock(f->node);
  if (f->calendar != NULL) {
    imp_status_calendar_run(f, now, has_jumped(f, now));
  }
  if (imp_composer_get_expiry(f->composer) <= now) {
    (void)imp_composer_handle_expiry(f->composer, now);
    sweep(f);
  }
  imp_status_show_some(f);
  set_timer(f, next_deadline(f, now));
  return IMP_CONTINUE;
}

static imp_verdict on_deleted(imp_event *event, void *ctx) {
  imp_status *f = ctx;
  imp_map_node *n = imp_map_find(&f->people, event->username, strlen(event->username));
  if (n != NULL) {
    imp_status_person *p = IMP_CONTAINER_OF(n, imp_status_person, by_bare);
    p->activity = 0; /* what was published goes with the account */
    p->noted = p->alone != NULL ? p->noted : 0;
    (void)imp_composer_forget(f->composer, event->username, imp_node_wallclock(f->node));
    imp_status_line_up(f, p);
  }
  return IMP_CONTINUE;
}

/* ---- life ---- */

static void stop(imp_node *node) {
  imp_status *f = imp_status_of(node);
  imp_map_iter it;
  imp_map_node *n;
  if (f == NULL) {
    return;
  }
  imp_heap_remove(&node->timers, &f->timer);
  imp_calendar_del(f->calendar);
  imp_map_iter_init(&it, &f->people);
  while ((n = imp_map_iter_next(&it)) != NULL) {
    imp_status_person_free(f, IMP_CONTAINER_OF(n, imp_status_person, by_bare));
  }
  imp_map_reset(&f->people);
  imp_composer_del(f->composer);
  imp_free((char *)(uintptr_t)f->settings.zone);
  imp_free((char *)(uintptr_t)f->settings.resource);
  imp_free(f);
  node->feature[IMP_FEATURE_STATUS] = NULL;
}

static int init(imp_status *f) {
  const imp_composer_callbacks callbacks = {.size = sizeof(callbacks), .changed = imp_status_changed};
  imp_status_settings_default(&f->settings, sizeof(f->settings));
  imp_presence_settings_default(&f->presence, sizeof(f->presence));
  imp_calendar_settings_default(&f->calendar_settings, sizeof(f->calendar_settings));
  f->settings.zone = imp_strdup(f->settings.zone);
  f->settings.resource = imp_strdup(f->settings.resource);
  imp_map_init(&f->people);
  imp_list_init(&f->line);
  imp_timer_init(&f->timer, on_timer);
  f->turn = f->node->turns - 1;
  if (f->settings.zone == NULL || f->settings.resource == NULL ||
      imp_heap_set(&f->node->timers, &f->timer, IMP_TSTAMP_NEVER) < 0) {
    return IMP_ERR_NOMEM;
  }
  return imp_composer_new(&f->composer, NULL, &callbacks, NULL, 0, f);
}

static int start(imp_node *node) {
  imp_status *f = imp_calloc(1, sizeof(*f));
  int rv;
  if (f == NULL) {
    return IMP_ERR_NOMEM;
  }
  f->node = node;
  node->feature[IMP_FEATURE_STATUS] = f;
  rv = init(f);
  rv = rv < 0 ? rv : imp_status_start_show(node, f);
  rv = rv < 0 ? rv : imp_status_start_noted(node, f);
  rv = rv < 0 ? rv : imp_node_hook(node, IMP_POINT_TURN, 100, on_turn, f);
  return rv < 0 ? rv : imp_node_hook(node, IMP_POINT_USER_DELETED, 60, on_deleted, f);
}

const imp_feature imp_feature_status = {.name = "status", .start = start, .stop = stop};
