/*
 * Time zones: the moments at which a zone's offset changes, and a rule for the time after the last.
 * Rules come from TZif files that the host hands over, or from a VTIMEZONE; the library reads no files.
 * Local times are milliseconds as if they were UTC.
 */
#ifndef IMP_CALENDAR_ZONE_H
#define IMP_CALENDAR_ZONE_H

#include <imp/calendar.h>

#include "core/map.h"

#define IMP_ZONE_NAME_MAX 63
#define IMP_ZONE_CHANGES_MAX 4096

typedef struct imp_zone_change {
  int64_t at;     /* milliseconds since 1970, UTC */
  int32_t offset; /* milliseconds east of Greenwich, from then on */
} imp_zone_change;

/* One half of a POSIX TZ rule: "M3.5.0/2", "J60", "59". */
typedef struct imp_zone_when {
  char kind;                  /* 'M', 'J', 'D' */
  uint8_t month, week, wday;  /* M */
  uint16_t day;               /* J: 1…365 without leap days, D: 0…365 */
  int32_t time;               /* milliseconds after midnight, may be negative or more than a day */
} imp_zone_when;

typedef struct imp_zone {
  imp_map_node node;
  int32_t first;            /* the offset before the first change */
  imp_zone_change *changes; /* by time */
  size_t count;
  /* After the last change, if `rule`: summer from `begin` (local standard time) to `end` (local summer time). */
  uint8_t rule, summer;
  int32_t standard_offset, summer_offset;
  imp_zone_when begin, end;
  char name[IMP_ZONE_NAME_MAX + 1];
} imp_zone;

void imp_zone_init(imp_zone *zone);
void imp_zone_reset(imp_zone *zone);
/* IMP_ERR_MALFORMED, IMP_ERR_NOMEM: then the zone is empty. */
int imp_zone_read_tzif(imp_zone *zone, const void *data, size_t len);
/* "CET-1CEST,M3.5.0,M10.5.0/3". IMP_ERR_MALFORMED. */
int imp_zone_read_rule(imp_zone *zone, const char *text);

int32_t imp_zone_offset(const imp_zone *zone, int64_t moment);
/* NULL: UTC. Gaps and folds as RFC 5545 §3.3.5 has it. */
int64_t imp_zone_moment(const imp_zone *zone, int64_t local);

/* Days since 1970 of a date in the Gregorian calendar, of any year, and back. */
int64_t imp_days_of(int64_t year, int month, int day);
void imp_date_of(int64_t days, int64_t *year, int *month, int *day);
int imp_is_leap(int64_t year);

/* Finds a zone by its IANA or Windows name, asking the host if need be. `UTC` and its like: *zone NULL. IMP_ERR_NOT_FOUND. */
int imp_cal_zone(imp_calendar *cal, const char *name, const imp_zone **zone);
void imp_cal_zones_del(imp_calendar *cal);

#endif
