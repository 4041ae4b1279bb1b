/* Offsets of a zone, and from local time to moments. */
#include "calendar/zone.h"

#include "calendar/calendar.h"
#include "core/mem.h"

void imp_zone_init(imp_zone *zone) { memset(zone, 0, sizeof *zone); }

void imp_zone_reset(imp_zone *zone) {
  imp_free(zone->changes);
  zone->changes = NULL;
  zone->count = 0;
  zone->rule = zone->summer = 0;
  zone->first = 0;
}

static int month_days(int64_t year, int month) {
  static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return days[month - 1] + (month == 2 && imp_is_leap(year));
}

/* Local milliseconds at which a rule's half comes in a year. */
static int64_t when_in(const imp_zone_when *when, int64_t year) {
  int64_t days;
  if (when->kind == 'M') {
    int64_t first = imp_days_of(year, when->month, 1);
    int wday = (int)(((first + 4) % 7 + 7) % 7);
    int day = (when->wday - wday + 7) % 7 + 7 * (when->week - 1);
    days = first + (day >= month_days(year, when->month) ? day - 7 : day);
  } else if (when->kind == 'J') {
    days = imp_days_of(year, 1, 1) + when->day - 1 + (imp_is_leap(year) && when->day > 59);
  } else {
    days = imp_days_of(year, 1, 1) + when->day;
  }
  return days * IMP_MS_DAY + when->time;
}

static int64_t floor_days(int64_t ms) { return (ms >= 0 ? ms : ms - (IMP_MS_DAY - 1)) / IMP_MS_DAY; }

static int32_t rule_offset(const imp_zone *zone, int64_t moment) {
  int64_t year;
  int month, day;
  if (!zone->summer) {
    return zone->standard_offset;
  }
  imp_date_of(floor_days(moment + zone->standard_offset), &year, &month, &day);
  int64_t begin = when_in(&zone->begin, year) - zone->standard_offset;
  int64_t end = when_in(&zone->end, year) - zone->summer_offset;
  int summer = begin < end ? moment >= begin && moment < end : moment >= begin || moment < end;
  return summer ? zone->summer_offset : zone->standard_offset;
}

int32_t imp_zone_offset(const imp_zone *zone, int64_t moment) {
  size_t low = 0, high = zone != NULL ? zone->count : 0;
  if (zone == NULL) {
    return 0;
  }
  if (zone->rule && (zone->count == 0 || moment >= zone->changes[zone->count - 1].at)) {
    return rule_offset(zone, moment);
  }
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (zone->changes[middle].at <= moment) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low > 0 ? zone->changes[low - 1].offset : zone->first;
}

/* The offsets a day before and after are the only candidates, as no zone changes twice in two days (one that did would be
   off by that hour). In a fold both fit, and the earlier moment is the one with the greater offset: the clock before. In a gap
   none fits, and the clock before counts. */
int64_t imp_zone_moment(const imp_zone *zone, int64_t local) {
  int32_t before = imp_zone_offset(zone, local - IMP_MS_DAY), after = imp_zone_offset(zone, local + IMP_MS_DAY);
  if (before != after && imp_zone_offset(zone, local - before) != before &&
      imp_zone_offset(zone, local - after) == after) {
    return local - after;
  }
  return local - before;
}

static int is_utc(const char *name) {
  static const char *const names[] = {"", "UTC", "Etc/UTC", "Etc/GMT", "GMT", "Z", "tzone://Microsoft/Utc"};
  for (size_t i = 0; i < IMP_ARRAY_LEN(names); i++) {
    if (strcmp(name, names[i]) == 0) {
      return 1;
    }
  }
  return 0;
}

static const imp_zone *find(imp_calendar *cal, const char *name) {
  imp_map_node *node = imp_map_find(&cal->zones, name, strlen(name));
  return node != NULL ? IMP_CONTAINER_OF(node, imp_zone, node) : NULL;
}

/* What may become part of a path. */
static int is_proper(const char *name) {
  size_t len = strlen(name);
  return len > 0 && len <= IMP_ZONE_NAME_MAX && name[0] != '/' && strstr(name, "..") == NULL &&
         strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+-") == len;
}

int imp_cal_zone(imp_calendar *cal, const char *name, const imp_zone **zone) {
  const char *iana = imp_windows_zone(name);
  name = iana != NULL ? iana : name;
  *zone = NULL;
  if (is_utc(name)) {
    return IMP_OK;
  }
  *zone = find(cal, name);
  if (*zone == NULL && is_proper(name) && cal->callbacks.get_zone != NULL &&
      cal->callbacks.get_zone(cal, name, cal->user_data) == IMP_OK) {
    *zone = find(cal, name);
  }
  return *zone != NULL ? IMP_OK : IMP_ERR_NOT_FOUND;
}

int imp_calendar_add_zone(imp_calendar *cal, const char *name, const void *tzif, size_t len) {
  if (name == NULL || !is_proper(name)) {
    return imp_cal_fail(cal, IMP_ERR_INVALID_ARGUMENT, "not a name of a zone");
  }
  imp_zone read;
  imp_zone_init(&read);
  int rv = imp_zone_read_tzif(&read, tzif, len);
  if (rv != IMP_OK) {
    return imp_cal_fail(cal, rv, "zone %s: %s", name, rv == IMP_ERR_NOMEM ? "out of memory" : "not a TZif file");
  }
  imp_map_node *node = imp_map_find(&cal->zones, name, strlen(name));
  imp_zone *zone = node != NULL ? IMP_CONTAINER_OF(node, imp_zone, node) : imp_calloc(1, sizeof *zone);
  if (zone != NULL && node == NULL) {
    memcpy(zone->name, name, strlen(name) + 1);
    if (imp_map_insert(&cal->zones, &zone->node, zone->name, strlen(name)) != IMP_OK) {
      imp_free(zone);
      zone = NULL;
    }
  }
  if (zone == NULL) {
    imp_zone_reset(&read);
    return imp_cal_fail(cal, IMP_ERR_NOMEM, "zone %s: out of memory", name);
  }
  imp_free(zone->changes);
  read.node = zone->node;
  memcpy(read.name, zone->name, sizeof read.name);
  *zone = read;
  return IMP_OK;
}

void imp_cal_zones_del(imp_calendar *cal) {
  imp_map_iter iter;
  imp_map_iter_init(&iter, &cal->zones);
  for (imp_map_node *node; (node = imp_map_iter_next(&iter)) != NULL;) {
    imp_zone *zone = IMP_CONTAINER_OF(node, imp_zone, node);
    imp_map_remove(&cal->zones, node);
    imp_zone_reset(zone);
    imp_free(zone);
  }
  imp_map_reset(&cal->zones);
}

int imp_calendar_local_time(imp_calendar *cal, const char *zone, imp_wallclock local, imp_wallclock *moment) {
  const imp_zone *rules;
  int rv = imp_cal_zone(cal, zone != NULL ? zone : "UTC", &rules);
  if (rv != IMP_OK) {
    return imp_cal_fail(cal, rv, "no rules for zone %.80s", zone);
  }
  int64_t at = imp_zone_moment(rules, (int64_t)(local < (imp_wallclock)IMP_MS_MAX ? local : (imp_wallclock)IMP_MS_MAX));
  *moment = at > 0 ? (imp_wallclock)at : 0;
  return IMP_OK;
}
