/* Dates and times of an object, and the zones that they are in. */
#include <stdlib.h>

#include "calendar/ical.h"

#define ZONE_REACH (800 * IMP_MS_DAY) /* around the window: a zone that changes does so each year */

int64_t imp_ical_local(struct icaltimetype t) {
  int64_t days = imp_days_of(t.year, t.month >= 1 && t.month <= 12 ? t.month : 1, t.day);
  return days * IMP_MS_DAY + (t.is_date ? 0 : ((t.hour * 60 + t.minute) * 60 + t.second) * INT64_C(1000));
}

int64_t imp_ical_moment(const imp_ical_time *t) { return imp_zone_moment(t->zone, t->local); }

void imp_ical_zones_init(imp_ical_zones *zones, const imp_ical_reader *reader, icalcomponent *object) {
  memset(zones, 0, sizeof *zones);
  zones->reader = reader;
  zones->object = object;
}

void imp_ical_zones_reset(imp_ical_zones *zones) {
  for (size_t i = 0; i < zones->count; i++) {
    imp_zone_reset(&zones->zones[i]);
  }
  zones->count = 0;
}

typedef struct collect {
  imp_zone *zone;
  int32_t before, after;
  size_t cap;
  int broken;
} collect;

static void add_change(int64_t local, void *ctx) {
  collect *c = ctx;
  imp_zone *zone = c->zone;
  if (zone->count == c->cap) {
    size_t cap = c->cap == 0 ? 16 : c->cap * 2;
    imp_zone_change *more = cap <= IMP_ZONE_CHANGES_MAX ? imp_realloc(zone->changes, cap * sizeof *more) : NULL;
    if (more == NULL) {
      c->broken = 1;
      return;
    }
    zone->changes = more;
    c->cap = cap;
  }
  zone->changes[zone->count++] = (imp_zone_change){local - c->before, c->after};
}

static int32_t utc_offset(icalcomponent *part, icalproperty_kind kind, int (*get)(const icalproperty *)) {
  icalproperty *p = icalcomponent_get_first_property(part, kind);
  int seconds = p != NULL ? get(p) : 0;
  return seconds > -100000 && seconds < 100000 ? seconds * 1000 : 0;
}

static void read_part(const imp_ical_reader *reader, icalcomponent *part, collect *c) {
  icalproperty *start = icalcomponent_get_first_property(part, ICAL_DTSTART_PROPERTY);
  icalproperty *rule = icalcomponent_get_first_property(part, ICAL_RRULE_PROPERTY);
  int64_t last = INT64_MAX;
  if (start == NULL) {
    return;
  }
  imp_ical_time first = {imp_ical_local(icalproperty_get_dtstart(start)), NULL, 0};
  c->before = utc_offset(part, ICAL_TZOFFSETFROM_PROPERTY, icalproperty_get_tzoffsetfrom);
  c->after = utc_offset(part, ICAL_TZOFFSETTO_PROPERTY, icalproperty_get_tzoffsetto);
  add_change(first.local, c);
  if (rule != NULL) {
    struct icalrecurrencetype r = icalproperty_get_rrule(rule);
    if (r.freq == ICAL_YEARLY_RECURRENCE || r.freq == ICAL_MONTHLY_RECURRENCE) {
      int64_t from = (int64_t)reader->from - ZONE_REACH;
      if (!icaltime_is_null_time(r.until) && icaltime_is_utc(r.until)) {
        r.until = icaltime_null_time(); /* it ended, or it did not: a day's offset does not matter */
        last = imp_ical_local(icalproperty_get_rrule(rule).until) + c->before;
      }
      last = last < (int64_t)reader->to + ZONE_REACH ? last : (int64_t)reader->to + ZONE_REACH;
      imp_ical_recur(&r, &first, from > first.local ? from : first.local + 1, last, reader->budget, add_change, c);
    }
  }
  for (icalproperty *p = icalcomponent_get_first_property(part, ICAL_RDATE_PROPERTY); p != NULL;
       p = icalcomponent_get_next_property(part, ICAL_RDATE_PROPERTY)) {
    add_change(imp_ical_local(icalproperty_get_rdate(p).time), c);
  }
}

static int by_time(const void *a, const void *b) {
  const imp_zone_change *x = a, *y = b;
  return x->at < y->at ? -1 : x->at > y->at;
}

static void read_zone(imp_ical_zones *zones, icalcomponent *timezone, imp_zone *zone) {
  collect c = {zone, 0, 0, 0, 0};
  int64_t earliest = INT64_MAX;
  imp_zone_init(zone);
  for (icalcomponent *part = icalcomponent_get_first_component(timezone, ICAL_ANY_COMPONENT); part != NULL;
       part = icalcomponent_get_next_component(timezone, ICAL_ANY_COMPONENT)) {
    icalcomponent_kind kind = icalcomponent_isa(part);
    size_t had = zone->count;
    if (kind == ICAL_XSTANDARD_COMPONENT || kind == ICAL_XDAYLIGHT_COMPONENT) {
      read_part(zones->reader, part, &c);
    }
    if (zone->count > had && zone->changes[had].at < earliest) {
      earliest = zone->changes[had].at;
      zone->first = c.before;
    }
  }
  if (zone->count > 0) {
    qsort(zone->changes, zone->count, sizeof *zone->changes, by_time);
  }
}

/* The object's own rules for a TZID, read when first asked for; NULL if it has none. */
static const imp_zone *own_zone(imp_ical_zones *zones, const char *tzid) {
  for (size_t i = 0; i < zones->count; i++) {
    if (strcmp(zones->zones[i].name, tzid) == 0) {
      return &zones->zones[i];
    }
  }
  icalcomponent *c = icalcomponent_get_first_component(zones->object, ICAL_VTIMEZONE_COMPONENT);
  for (; c != NULL; c = icalcomponent_get_next_component(zones->object, ICAL_VTIMEZONE_COMPONENT)) {
    icalproperty *p = icalcomponent_get_first_property(c, ICAL_TZID_PROPERTY);
    const char *name = p != NULL ? icalproperty_get_tzid(p) : NULL;
    if (name != NULL && strcmp(name, tzid) == 0 && strlen(name) <= IMP_ZONE_NAME_MAX &&
        zones->count < IMP_ARRAY_LEN(zones->zones)) {
      imp_zone *zone = &zones->zones[zones->count++];
      read_zone(zones, c, zone);
      memcpy(zone->name, name, strlen(name) + 1);
      return zone;
    }
  }
  return NULL;
}

/* "/example.org/20240101/Europe/Berlin" ends with a name that may be known. */
static const char *last_two(const char *tzid) {
  const char *slash = strrchr(tzid, '/');
  while (slash != NULL && slash > tzid && *--slash != '/') {
  }
  return slash != NULL && *slash == '/' ? slash + 1 : tzid;
}

static const imp_zone *look_up(imp_ical_zones *zones, const char *tzid) {
  const imp_zone *zone;
  if (imp_cal_zone(zones->reader->cal, tzid, &zone) == IMP_OK) {
    return zone;
  }
  zone = own_zone(zones, tzid);
  if (zone == NULL && imp_cal_zone(zones->reader->cal, last_two(tzid), &zone) != IMP_OK) {
    return zones->reader->zone;
  }
  return zone;
}

/* The host may read a file for each name it is asked about: an object may ask for so many. */
static const imp_zone *find_zone(imp_ical_zones *zones, const char *tzid) {
  for (size_t i = 0; i < zones->nknown; i++) {
    if (strcmp(zones->known[i].tzid, tzid) == 0) {
      return zones->known[i].zone;
    }
  }
  if (zones->nknown == IMP_ARRAY_LEN(zones->known)) {
    return zones->reader->zone;
  }
  zones->known[zones->nknown].tzid = tzid;
  zones->known[zones->nknown].zone = look_up(zones, tzid);
  return zones->known[zones->nknown++].zone;
}

imp_ical_time imp_ical_time_of(imp_ical_zones *zones, icalproperty *property, struct icaltimetype value) {
  imp_ical_time t = {imp_ical_local(value), zones->reader->zone, value.is_date};
  icalparameter *p = icalproperty_get_first_parameter(property, ICAL_TZID_PARAMETER);
  const char *tzid = p != NULL ? icalparameter_get_tzid(p) : NULL;
  if (value.is_date) {
    return t;
  }
  if (icaltime_is_utc(value)) {
    t.zone = NULL;
  } else if (tzid != NULL) {
    t.zone = find_zone(zones, tzid);
  }
  return t;
}
