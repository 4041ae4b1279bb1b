/*
 * calendarView/delta: the events of a window, then what changed since.
 *
 * The window is fixed when it is seeded: half-way through it is seeded anew.  Of a series the master comes whole, and its
 * occurrences with little more than their times: they take the rest from it.
 */
#include "calendar/graph.h"
#include "calendar/ical.h"
#include "core/codec.h"

#define PAGES_MAX 500
#define KIND_OF_SERIES 0xff

typedef struct event {
  imp_map_node node;
  imp_busy block; /* texts are behind the struct */
  const char *series; /* id of the master, NULL if it stands for itself */
  int is_master;
  char id[];
} event;

struct imp_graph_events {
  imp_map map;
  imp_wallclock from, to;
  unsigned pages; /* of this reading */
};

static void clear(struct imp_graph_events *events) {
  imp_map_iter iter;
  imp_map_iter_init(&iter, &events->map);
  for (imp_map_node *node; (node = imp_map_iter_next(&iter)) != NULL;) {
    imp_map_remove(&events->map, node);
    imp_free(IMP_CONTAINER_OF(node, event, node));
  }
  imp_map_reset(&events->map);
}

void imp_graph_events_del(imp_cal_box *box) {
  if (box->events != NULL) {
    clear(box->events);
    imp_free(box->events);
    box->events = NULL;
  }
  imp_free(box->sync);
  box->sync = NULL;
}

/* ---- events ---- */

static event *find(const struct imp_graph_events *events, const char *id) {
  imp_map_node *node = imp_map_find(&events->map, id, strlen(id));
  return node != NULL ? IMP_CONTAINER_OF(node, event, node) : NULL;
}

static void drop(struct imp_graph_events *events, const char *id) {
  event *e = find(events, id);
  if (e != NULL) {
    imp_map_remove(&events->map, &e->node);
    imp_free(e);
  }
}

static uint32_t kind_of(const json_t *item) {
  const char *as = imp_graph_text(item, "showAs");
  return json_is_true(json_object_get(item, "isCancelled")) ? IMP_BUSY_FREE
         : as == NULL                                       ? KIND_OF_SERIES
         : strcmp(as, "tentative") == 0                     ? IMP_BUSY_TENTATIVE
         : strcmp(as, "busy") == 0                          ? IMP_BUSY_BUSY
         : strcmp(as, "oof") == 0                           ? IMP_BUSY_OOF
         : strcmp(as, "workingElsewhere") == 0              ? IMP_BUSY_ELSEWHERE
                                                            : IMP_BUSY_FREE;
}

static int is_private(const json_t *item) {
  const char *sensitivity = imp_graph_text(item, "sensitivity");
  return sensitivity != NULL && strcmp(sensitivity, "normal") != 0;
}

static char *put_text(char **room, const char *text) {
  char *copy = *room;
  size_t len = text != NULL ? strlen(text) + 1 : 0;
  if (text == NULL) {
    return NULL;
  }
  memcpy(copy, text, len);
  *room += len;
  return copy;
}

static size_t room_for(const char *text) { return text != NULL ? strlen(text) + 1 : 0; }

static event *read_event(imp_calendar *cal, const json_t *item, const char *id) {
  const char *series = imp_graph_text(item, "seriesMasterId"), *type = imp_graph_text(item, "type");
  int texts = cal->settings.subjects && !is_private(item);
  const char *subject = texts ? imp_graph_text(item, "subject") : NULL;
  const char *location = texts ? imp_graph_text(json_object_get(item, "location"), "displayName") : NULL;
  event *e = imp_calloc(1, sizeof *e + room_for(id) + room_for(series) + room_for(subject) + room_for(location));
  if (e == NULL) {
    return NULL;
  }
  char *room = e->id;
  (void)put_text(&room, id);
  e->series = put_text(&room, series);
  e->block.size = sizeof e->block;
  e->block.kind = kind_of(item);
  e->block.is_private = (uint32_t)is_private(item);
  e->block.floating = json_is_true(json_object_get(item, "isAllDay"));
  e->block.subject = put_text(&room, subject);
  e->block.location = put_text(&room, location);
  e->is_master = type != NULL && strcmp(type, "seriesMaster") == 0;
  if (imp_graph_time(cal, json_object_get(item, "start"), &e->block.start) != IMP_OK ||
      imp_graph_time(cal, json_object_get(item, "end"), &e->block.end) != IMP_OK) {
    e->block.start = e->block.end = 0;
  }
  return e;
}

static int take(imp_cal_box *box, const json_t *item) {
  struct imp_graph_events *events = box->events;
  imp_calendar *cal = box->gateway->cal;
  const char *id = imp_graph_text(item, "id");
  if (id == NULL || strlen(id) > 1024) {
    return IMP_OK;
  }
  drop(events, id);
  if (json_object_get(item, "@removed") != NULL || events->map.count >= cal->settings.blocks_max) {
    return IMP_OK;
  }
  event *e = read_event(cal, item, id);
  if (e == NULL || imp_map_insert(&events->map, &e->node, e->id, strlen(e->id)) != IMP_OK) {
    imp_free(e);
    return IMP_ERR_NOMEM;
  }
  return IMP_OK;
}

/* The block of an event; what an occurrence lacks, its master says. */
static imp_busy block_of(const struct imp_graph_events *events, const event *e) {
  const event *master = e->series != NULL ? find(events, e->series) : NULL;
  imp_busy b = e->block;
  if (b.kind == KIND_OF_SERIES) {
    b.kind = master != NULL && master->block.kind != KIND_OF_SERIES ? master->block.kind : IMP_BUSY_BUSY;
    b.is_private = master != NULL ? master->block.is_private : 1;
    b.floating |= master != NULL && master->block.floating;
    b.subject = master != NULL ? master->block.subject : NULL;
    b.location = master != NULL ? master->block.location : NULL;
  }
  if (e->is_master) { /* its times are those of the first occurrence, which comes by itself */
    b.kind = IMP_BUSY_FREE;
  }
  return b;
}

static void finish(imp_cal_call *call) {
  imp_cal_box *box = call->boxes[0];
  imp_cal_list list;
  imp_map_iter iter;
  int rv = IMP_OK;
  imp_cal_list_init(&list, call->gateway->cal->settings.blocks_max);
  imp_map_iter_init(&iter, &box->events->map);
  for (imp_map_node *node; rv == IMP_OK && (node = imp_map_iter_next(&iter)) != NULL;) {
    imp_busy b = block_of(box->events, IMP_CONTAINER_OF(node, event, node));
    rv = b.kind != IMP_BUSY_FREE ? imp_cal_list_add(&list, &b) : IMP_OK;
  }
  call->from = box->events->from;
  call->to = box->events->to;
  if (rv == IMP_OK) {
    imp_cal_box_read(call, 0, list.blocks, list.count);
  } else {
    imp_cal_box_failed(call, 0, "out of memory");
  }
  imp_cal_list_reset(&list);
}

/* ---- requests ---- */

/* A link that the server gave: only below the gateway's own address. */
static int is_own(const imp_cal_gateway *gateway, const char *link) {
  size_t len = strlen(gateway->conf.url);
  len -= len > 0 && gateway->conf.url[len - 1] == '/';
  return link != NULL && strncmp(link, gateway->conf.url, len) == 0 && link[len] == '/' && strlen(link) < 8192 &&
         strpbrk(link, " \t\r\n#<>\"@") == NULL;
}

static void on_page(imp_cal_call *call, uint32_t code, const char *body, size_t len);

static int ask(imp_cal_gateway *gateway, imp_cal_box *box, const char *link) {
  char window[128], from[IMP_DATETIME_LEN], to[IMP_DATETIME_LEN];
  imp_datetime_format(from, box->events->from);
  imp_datetime_format(to, box->events->to);
  imp_set_error(window, sizeof window, "/calendarView/delta?startDateTime=%.19sZ&endDateTime=%.19sZ", from, to);
  imp_cal_call *call = imp_graph_call(gateway, &box, 1, "GET", "/users/", box->mailbox, window, NULL);
  if (call == NULL) {
    return IMP_ERR_NOMEM;
  }
  int rv = link != NULL ? imp_cal_call_url(call, link) : IMP_OK;
  rv = rv == IMP_OK ? imp_cal_call_field(call, "Prefer", "odata.maxpagesize=200") : rv;
  if (rv != IMP_OK) {
    imp_cal_call_del(call);
    return rv;
  }
  call->done = on_page;
  box->call = call;
  return imp_cal_call_start(call);
}

static void take_page(imp_cal_call *call, const json_t *answer) {
  imp_cal_box *box = call->boxes[0];
  const json_t *value = json_object_get(answer, "value");
  const char *next = imp_graph_text(answer, "@odata.nextLink"), *delta = imp_graph_text(answer, "@odata.deltaLink");
  int rv = IMP_OK;
  for (size_t i = 0; i < json_array_size(value) && rv == IMP_OK; i++) {
    rv = take(box, json_array_get(value, i));
  }
  if (rv == IMP_OK && is_own(call->gateway, delta)) {
    char *sync = imp_strdup(delta);
    imp_free(box->sync);
    box->sync = sync; /* without memory for it: all of it again next time */
    finish(call);
    return;
  }
  if (rv == IMP_OK && is_own(call->gateway, next) && ++box->events->pages < PAGES_MAX) {
    rv = ask(call->gateway, box, next);
  } else if (rv == IMP_OK) {
    rv = IMP_ERR_MALFORMED;
  }
  if (rv != IMP_OK) {
    imp_free(box->sync);
    box->sync = NULL;
    box->call = call;
    imp_cal_box_failed(call, 0, rv == IMP_ERR_NOMEM ? "out of memory" : "neither nextLink nor deltaLink of this server");
  }
}

static void on_page(imp_cal_call *call, uint32_t code, const char *body, size_t len) {
  imp_cal_box *box = call->boxes[0];
  if (box == NULL) {
    return;
  }
  json_t *answer = json_loadb(body, len, 0, NULL);
  if (code == 200 && json_is_object(answer)) {
    imp_cal_gateway_up(call->gateway);
    take_page(call, answer);
  } else if (code == 410) { /* it has forgotten where we were */
    imp_cal_gateway_up(call->gateway);
    imp_free(box->sync);
    box->sync = NULL;
    imp_cal_box_failed(call, 0, "begins anew");
    imp_cal_box_after(box, 0);
  } else if (code == 403 || code == 404) {
    imp_cal_gateway_up(call->gateway);
    imp_cal_box_failed(call, 0, imp_graph_error(answer));
  } else {
    (void)imp_graph_bad(call, code, 200, answer);
    imp_cal_requeue(call);
  }
  json_decref(answer);
}

int imp_graph_read_events(imp_cal_gateway *gateway, imp_cal_box *box) {
  imp_calendar *cal = gateway->cal;
  imp_wallclock ahead = gateway->conf.window_hours * (imp_wallclock)IMP_MS_HOUR;
  if (box->events == NULL && (box->events = imp_calloc(1, sizeof *box->events)) == NULL) {
    return IMP_ERR_NOMEM;
  }
  box->events->pages = 0;
  if (box->sync == NULL || box->events->to < cal->now + ahead / 2) {
    clear(box->events);
    imp_free(box->sync);
    box->sync = NULL;
    box->events->from = (cal->now > (imp_wallclock)IMP_MS_HOUR ? cal->now - (imp_wallclock)IMP_MS_HOUR : 0) / 1000 * 1000;
    box->events->to = (cal->now + ahead) / 1000 * 1000;
  }
  return ask(gateway, box, box->sync);
}
