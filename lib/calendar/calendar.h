/*
 * Calendars inside.
 *
 *   user ── sources ── blocks          what each source knows of a window of time        model.c
 *     └──── runs                       the same merged: disjoint, in order               runs.c
 *     └──── edge                       when the present leaves its run                   edges.c
 *   gateway ── boxes ── user           whose mailbox is read, and when again             gateway.h
 */
#ifndef IMP_CALENDAR_CALENDAR_H
#define IMP_CALENDAR_CALENDAR_H

#include <imp/calendar.h>
#include <string.h>

#include "calendar/zone.h"
#include "core/buf.h"
#include "core/heap.h"
#include "core/list.h"
#include "core/log.h"
#include "core/map.h"
#include "core/mem.h"
#include "port/op.h"
#include "xml/parser.h"

#define IMP_MS_DAY INT64_C(86400000)
#define IMP_MS_HOUR INT64_C(3600000)
#define IMP_MS_MAX INT64_C(253402300800000) /* the year 10000 */

typedef struct imp_cal_block {
  imp_wallclock start, end;
  uint8_t kind;
  uint8_t is_private;
  const char *subject, *location; /* behind the blocks, NULL if none */
} imp_cal_block;

typedef struct imp_cal_source {
  struct imp_cal_source *next;
  struct imp_cal_gateway *gateway; /* NULL: the host's own */
  imp_wallclock from, to;
  imp_cal_block *blocks; /* by start */
  size_t count;
  imp_wallclock oof_start, oof_end;
  char *note;
  uint8_t oof; /* enabled */
  char name[]; /* of the host's own; a gateway's is the gateway's */
} imp_cal_source;

typedef struct imp_cal_run {
  imp_wallclock start, end;
  const imp_cal_source *source; /* NULL: free */
  const imp_cal_block *block;   /* NULL: free */
} imp_cal_run;

/* What the host was told last. */
typedef struct imp_cal_told {
  imp_wallclock until, oof_until;
  uint32_t texts;
  uint8_t known, kind, is_private, oof;
} imp_cal_told;

typedef struct imp_cal_user {
  imp_map_node node;
  imp_timer edge; /* in the heap `edges`: milliseconds of the day's clock */
  imp_list dirty;
  imp_calendar *cal;
  imp_cal_source *sources;
  imp_cal_run *runs;
  size_t nruns;
  imp_cal_told told;
  struct imp_cal_box *boxes; /* mailboxes at gateways */
  char name[];
} imp_cal_user;

struct imp_calendar {
  imp_calendar_settings settings;
  imp_calendar_callbacks callbacks;
  void *user_data;
  imp_logger log;
  imp_tstamp ts;
  imp_wallclock now;
  imp_heap timers, edges;
  imp_op_queue ops;
  imp_map users, zones;
  imp_list dirty;    /* users whose present is to be looked at */
  imp_list gateways;
  const imp_http *http;
  void *http_ctx;
  imp_xml_pool *xml;
  imp_xml_limits limits;
  uint8_t in_turn, wanted;
  uint8_t again; /* a callback made work for another turn */
  char error[256];
  char answer[1024]; /* to a webhook */
};

/* Says what was wrong; returns `error`. */
__attribute__((format(printf, 3, 4))) int imp_cal_fail(imp_calendar *cal, int error, const char *fmt, ...);
void imp_cal_want_turn(imp_calendar *cal);

/* ---- model.c ---- */

imp_cal_user *imp_cal_user_find(imp_calendar *cal, const char *name);
/* Finds or makes. */
int imp_cal_user_get(imp_calendar *cal, const char *name, imp_cal_user **user);
void imp_cal_user_del(imp_cal_user *user);
/* Replaces the blocks of a source: `gateway`, or, when NULL, the one called `name`. */
int imp_cal_put(imp_cal_user *user, struct imp_cal_gateway *gateway, const char *name, const imp_zone *zone,
                imp_wallclock from, imp_wallclock to, const imp_busy *blocks, size_t count);
int imp_cal_put_oof(imp_cal_user *user, struct imp_cal_gateway *gateway, const char *name, const imp_oof *oof);
void imp_cal_remove_source(imp_cal_user *user, struct imp_cal_gateway *gateway, const char *name);
imp_cal_source *imp_cal_source_find(imp_cal_user *user, const struct imp_cal_gateway *gateway, const char *name);
const char *imp_cal_source_name(const imp_cal_source *source);

/* ---- runs.c ---- */

/* Merges a user's sources. IMP_ERR_NOMEM: *runs is as it was. */
int imp_cal_merge(const imp_cal_user *user, uint32_t tentative, imp_cal_run **runs, size_t *count);
/* What a block counts for. */
uint8_t imp_cal_kind_of(const imp_cal_block *block, uint32_t tentative);

/* ---- edges.c ---- */

void imp_cal_state(const imp_cal_user *user, imp_wallclock at, imp_calendar_state *state);
/* The user is looked at when the turn ends. */
void imp_cal_touch(imp_cal_user *user);
void imp_cal_edge_init(imp_cal_user *user);
/* Tells the host of those whose present changed, sets their next edges. */
void imp_cal_tell(imp_calendar *cal);

/* ---- settings.c ---- */

int imp_cal_settings_read(imp_calendar_settings *dst, const imp_calendar_settings *src);

#endif
