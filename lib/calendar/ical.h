/*
 * iCalendar (RFC 5545): from an object's text to the blocks of a window.
 *
 * libical parses.  Rules of recurrence are followed here, in local time (ical_recur.c), and which moment a local time is says zone.h.
 * A TZID that is the name of a known zone means that zone, whatever VTIMEZONE comes with it: those are often out of date.
 */
#ifndef IMP_CALENDAR_ICAL_H
#define IMP_CALENDAR_ICAL_H

#include <libical/ical.h>

#include "calendar/calendar.h"
#include "calendar/zone.h"
#include "core/arena.h"

/* Blocks in the making. */
typedef struct imp_cal_list {
  imp_busy *blocks;
  size_t count, cap, max; /* at most `max`: further ones are dropped */
  imp_arena texts;
} imp_cal_list;

void imp_cal_list_init(imp_cal_list *list, size_t max);
void imp_cal_list_reset(imp_cal_list *list);
/* Copies; texts go into the list's arena. IMP_ERR_NOMEM. */
int imp_cal_list_add(imp_cal_list *list, const imp_busy *block);

typedef struct imp_ical_reader {
  imp_calendar *cal;
  const imp_zone *zone;  /* of the mailbox: for dates and floating times */
  const char *owner[2];  /* addresses of the mailbox's owner, NULL if not known: what they answered to invitations counts */
  imp_wallclock from, to;
  imp_cal_list *list;
  uint64_t *budget; /* days that rules of recurrence may still look at */
} imp_ical_reader;

/* Appends the blocks of an object that touch the window. `text` ends with NUL. IMP_ERR_MALFORMED, IMP_ERR_NOMEM. */
int imp_ical_read(const imp_ical_reader *reader, const char *text);

/* ---- inside ---- */

/* A date or a local time, or a moment. */
typedef struct imp_ical_time {
  int64_t local;        /* milliseconds as if in UTC */
  const imp_zone *zone; /* NULL: UTC */
  int is_date;
} imp_ical_time;

/* The zones of one object's VTIMEZONEs. */
typedef struct imp_ical_zones {
  const imp_ical_reader *reader;
  icalcomponent *object;
  imp_zone zones[8]; /* its own */
  size_t count;
  struct {
    const char *tzid; /* of the object */
    const imp_zone *zone;
  } known[16];
  size_t nknown;
} imp_ical_zones;

void imp_ical_zones_init(imp_ical_zones *zones, const imp_ical_reader *reader, icalcomponent *object);
void imp_ical_zones_reset(imp_ical_zones *zones);
/* The value of DTSTART, EXDATE, …, in the zone that its TZID names. */
imp_ical_time imp_ical_time_of(imp_ical_zones *zones, icalproperty *property, struct icaltimetype value);
int64_t imp_ical_moment(const imp_ical_time *t);
int64_t imp_ical_local(struct icaltimetype t);

/* Calls fn for each local start in [from, to] that a rule gives, in order. *budget is what days may still be looked at; nothing more
   comes when it is used up. Rules that would come more often than hourly, or at more than 24 times of a day, give but the first. */
void imp_ical_recur(const struct icalrecurrencetype *rule, const imp_ical_time *start, int64_t from, int64_t to,
                    uint64_t *budget, void (*fn)(int64_t local, void *ctx), void *ctx);

#endif
