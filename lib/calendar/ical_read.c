/* Events of an object: what they count for, and when they happen. */
#include "calendar/ical.h"

#include <strings.h>

#define EVENTS_MAX 1000 /* of one object */
#define TIMES_MAX 4000  /* EXDATEs, or overrides, of one event */

void imp_cal_list_init(imp_cal_list *list, size_t max) {
  memset(list, 0, sizeof *list);
  list->max = max;
  imp_arena_init(&list->texts, NULL, 0);
}

void imp_cal_list_reset(imp_cal_list *list) {
  imp_free(list->blocks);
  imp_arena_reset(&list->texts);
  imp_cal_list_init(list, list->max);
}

static int copy_text(imp_cal_list *list, const char **text) {
  if (*text != NULL) {
    size_t len = strlen(*text);
    *text = imp_arena_strndup(&list->texts, *text, len < 4096 ? len : 4096);
  }
  return *text != NULL;
}

int imp_cal_list_add(imp_cal_list *list, const imp_busy *block) {
  imp_busy copy = *block;
  if (list->count >= list->max) {
    return IMP_OK;
  }
  if (list->count == list->cap) {
    size_t cap = list->cap == 0 ? 16 : list->cap * 2;
    imp_busy *more = imp_realloc(list->blocks, cap * sizeof *more);
    if (more == NULL) {
      return IMP_ERR_NOMEM;
    }
    list->blocks = more;
    list->cap = cap;
  }
  copy.size = sizeof copy;
  if ((block->subject != NULL && !copy_text(list, &copy.subject)) ||
      (block->location != NULL && !copy_text(list, &copy.location))) {
    return IMP_ERR_NOMEM;
  }
  list->blocks[list->count++] = copy;
  return IMP_OK;
}

/* A moment, or a whole day of the event's own. */
typedef struct when {
  int64_t at; /* a day: local midnight */
  int is_date;
} when;

typedef struct whens {
  when *list;
  size_t count, cap;
} whens;

/* One VEVENT while it is read. */
typedef struct event {
  const imp_ical_reader *reader;
  imp_ical_zones *zones;
  icalcomponent *object, *component;
  const char *uid;
  imp_ical_time start;
  int64_t days, exact; /* duration: of so many local days, then exactly so long */
  whens excluded, overridden;
  imp_busy block;
  int rv;
} event;

/* Properties are walked to the end before anything else looks at the component: libical keeps the place in it. */
static void add_when(event *e, whens *w, const imp_ical_time *t) {
  if (w->count == w->cap) {
    size_t cap = w->cap == 0 ? 16 : w->cap * 2;
    when *more = w->cap < TIMES_MAX ? imp_realloc(w->list, cap * sizeof *more) : NULL;
    if (more == NULL) {
      e->rv = w->cap < TIMES_MAX ? IMP_ERR_NOMEM : IMP_ERR_TOO_BIG;
      return;
    }
    w->list = more;
    w->cap = cap;
  }
  w->list[w->count++] = (when){t->is_date ? t->local : imp_ical_moment(t), t->is_date};
}

/* Non-zero if an occurrence is among them. */
static int is_among(const whens *w, int64_t local, int64_t moment) {
  int64_t midnight = local - ((local % IMP_MS_DAY) + IMP_MS_DAY) % IMP_MS_DAY;
  for (size_t i = 0; i < w->count; i++) {
    if (w->list[i].at == (w->list[i].is_date ? midnight : moment)) {
      return 1;
    }
  }
  return 0;
}

static const char *text_of(icalcomponent *c, icalproperty_kind kind) {
  icalproperty *p = icalcomponent_get_first_property(c, kind);
  icalvalue *v = p != NULL ? icalproperty_get_value(p) : NULL;
  return v != NULL && (icalvalue_isa(v) == ICAL_TEXT_VALUE) ? icalvalue_get_text(v) : NULL;
}

/* ---- what it counts for ---- */

static int microsoft_kind(icalcomponent *c, uint32_t *kind) {
  static const struct {
    const char *name;
    uint32_t kind;
  } kinds[] = {{"FREE", IMP_BUSY_FREE},
               {"TENTATIVE", IMP_BUSY_TENTATIVE},
               {"BUSY", IMP_BUSY_BUSY},
               {"OOF", IMP_BUSY_OOF},
               {"WORKINGELSEWHERE", IMP_BUSY_ELSEWHERE}};
  for (icalproperty *p = icalcomponent_get_first_property(c, ICAL_X_PROPERTY); p != NULL;
       p = icalcomponent_get_next_property(c, ICAL_X_PROPERTY)) {
    const char *name = icalproperty_get_x_name(p), *value = icalproperty_get_x(p);
    for (size_t i = 0; name != NULL && value != NULL && i < IMP_ARRAY_LEN(kinds); i++) {
      if (strcasecmp(name, "X-MICROSOFT-CDO-BUSYSTATUS") == 0 && strcasecmp(value, kinds[i].name) == 0) {
        *kind = kinds[i].kind;
        return 1;
      }
    }
  }
  return 0;
}

static int is_owner(const imp_ical_reader *reader, const char *address) {
  if (address == NULL) {
    return 0;
  }
  address += strncasecmp(address, "mailto:", 7) == 0 ? 7 : 0;
  for (size_t i = 0; i < IMP_ARRAY_LEN(reader->owner); i++) {
    if (reader->owner[i] != NULL && strcasecmp(reader->owner[i], address) == 0) {
      return 1;
    }
  }
  return 0;
}

/* What the mailbox's owner answered, if this is an invitation. */
static uint32_t answered(const imp_ical_reader *reader, icalcomponent *c, uint32_t kind) {
  for (icalproperty *p = icalcomponent_get_first_property(c, ICAL_ATTENDEE_PROPERTY); p != NULL;
       p = icalcomponent_get_next_property(c, ICAL_ATTENDEE_PROPERTY)) {
    icalparameter *answer = icalproperty_get_first_parameter(p, ICAL_PARTSTAT_PARAMETER);
    if (answer != NULL && is_owner(reader, icalproperty_get_attendee(p))) {
      icalparameter_partstat partstat = icalparameter_get_partstat(answer);
      return partstat == ICAL_PARTSTAT_DECLINED      ? IMP_BUSY_FREE
             : partstat == ICAL_PARTSTAT_TENTATIVE   ? IMP_BUSY_TENTATIVE
             : partstat == ICAL_PARTSTAT_NEEDSACTION ? IMP_BUSY_TENTATIVE
                                                     : kind;
    }
  }
  return kind;
}

static uint32_t kind_of(const imp_ical_reader *reader, icalcomponent *c) {
  icalproperty *status = icalcomponent_get_first_property(c, ICAL_STATUS_PROPERTY);
  icalproperty *transp = icalcomponent_get_first_property(c, ICAL_TRANSP_PROPERTY);
  enum icalproperty_status s = status != NULL ? icalproperty_get_status(status) : ICAL_STATUS_NONE;
  enum icalproperty_transp t = transp != NULL ? icalproperty_get_transp(transp) : ICAL_TRANSP_NONE;
  uint32_t kind = IMP_BUSY_BUSY;
  if (s == ICAL_STATUS_CANCELLED) {
    return IMP_BUSY_FREE;
  }
  if (!microsoft_kind(c, &kind) && (t == ICAL_TRANSP_TRANSPARENT || t == ICAL_TRANSP_TRANSPARENTNOCONFLICT)) {
    return IMP_BUSY_FREE;
  }
  kind = kind == IMP_BUSY_BUSY && s == ICAL_STATUS_TENTATIVE ? IMP_BUSY_TENTATIVE : kind;
  return kind == IMP_BUSY_FREE ? kind : answered(reader, c, kind);
}

static int is_private(icalcomponent *c) {
  icalproperty *p = icalcomponent_get_first_property(c, ICAL_CLASS_PROPERTY);
  return p != NULL && icalproperty_get_class(p) != ICAL_CLASS_PUBLIC; /* what is not known counts as private */
}

/* ---- when ---- */

static void read_duration(event *e) {
  icalproperty *end = icalcomponent_get_first_property(e->component, ICAL_DTEND_PROPERTY);
  icalproperty *duration = icalcomponent_get_first_property(e->component, ICAL_DURATION_PROPERTY);
  e->days = e->exact = 0;
  if (end != NULL) {
    imp_ical_time t = imp_ical_time_of(e->zones, end, icalproperty_get_dtend(end));
    if (e->start.is_date) {
      e->days = (t.local - e->start.local) / IMP_MS_DAY;
    } else {
      e->exact = imp_ical_moment(&t) - imp_ical_moment(&e->start);
    }
  } else if (duration != NULL) {
    struct icaldurationtype d = icalproperty_get_duration(duration);
    int64_t sign = d.is_neg ? -1 : 1;
    e->days = sign * ((int64_t)d.weeks * 7 + d.days);
    e->exact = sign * (((int64_t)d.hours * 60 + d.minutes) * 60 + d.seconds) * 1000;
  } else if (e->start.is_date) {
    e->days = 1;
  }
  if (e->start.is_date && e->days < 1) {
    e->days = 1;
  }
}

static int64_t end_of(const event *e, int64_t local) {
  return imp_zone_moment(e->start.zone, local + e->days * IMP_MS_DAY) + e->exact;
}

static void emit(event *e, int64_t start, int64_t end) {
  if (start < 0) {
    start = 0;
  }
  if (end > start && end > (int64_t)e->reader->from && start < (int64_t)e->reader->to && e->rv == IMP_OK) {
    e->block.start = (imp_wallclock)start;
    e->block.end = (imp_wallclock)end;
    e->rv = imp_cal_list_add(e->reader->list, &e->block);
  }
}

static void read_exdates(event *e) {
  for (icalproperty *p = icalcomponent_get_first_property(e->component, ICAL_EXDATE_PROPERTY);
       p != NULL && e->rv == IMP_OK; p = icalcomponent_get_next_property(e->component, ICAL_EXDATE_PROPERTY)) {
    imp_ical_time t = imp_ical_time_of(e->zones, p, icalproperty_get_exdate(p));
    add_when(e, &e->excluded, &t);
  }
}

static const char *uid_of(icalcomponent *c) {
  const char *uid = text_of(c, ICAL_UID_PROPERTY);
  return uid != NULL ? uid : "";
}

/* Other VEVENTs of the object that stand in the place of occurrences of this one. */
static void read_overrides(event *e) {
  icalcompiter i = icalcomponent_begin_component(e->object, ICAL_VEVENT_COMPONENT);
  for (icalcomponent *c = icalcompiter_deref(&i); c != NULL && e->rv == IMP_OK; c = icalcompiter_next(&i)) {
    icalproperty *p = icalcomponent_get_first_property(c, ICAL_RECURRENCEID_PROPERTY);
    if (p != NULL && c != e->component && strcmp(uid_of(c), e->uid) == 0) {
      imp_ical_time t = imp_ical_time_of(e->zones, p, icalproperty_get_recurrenceid(p));
      add_when(e, &e->overridden, &t);
    }
  }
}

static void on_occurrence(int64_t local, void *ctx) {
  event *e = ctx;
  int64_t moment = imp_zone_moment(e->start.zone, local), end = end_of(e, local);
  if (end > (int64_t)e->reader->from && moment < (int64_t)e->reader->to && !is_among(&e->excluded, local, moment) &&
      !is_among(&e->overridden, local, moment)) {
    emit(e, moment, end);
  }
}

/* Days are those of the event's clock; a day on which it changes is longer or shorter than others. */
static int64_t end_of_added(const event *e, const imp_ical_time *t) {
  int64_t moment = imp_ical_moment(t);
  if (e->days == 0) {
    return moment + e->exact;
  }
  return end_of(e, t->zone == e->start.zone ? t->local : moment + imp_zone_offset(e->start.zone, moment));
}

static void read_rdates(event *e) {
  for (icalproperty *p = icalcomponent_get_first_property(e->component, ICAL_RDATE_PROPERTY); p != NULL;
       p = icalcomponent_get_next_property(e->component, ICAL_RDATE_PROPERTY)) {
    struct icaldatetimeperiodtype d = icalproperty_get_rdate(p);
    int is_period = icaltime_is_null_time(d.time);
    imp_ical_time t = imp_ical_time_of(e->zones, p, is_period ? d.period.start : d.time);
    int64_t moment = imp_ical_moment(&t), end = end_of_added(e, &t);
    if (is_period && !icaltime_is_null_time(d.period.end)) {
      imp_ical_time until = imp_ical_time_of(e->zones, p, d.period.end);
      end = imp_ical_moment(&until);
    } else if (is_period) {
      end = moment + (int64_t)icaldurationtype_as_int(d.period.duration) * 1000;
    }
    if (!is_among(&e->excluded, t.local, moment) && !is_among(&e->overridden, t.local, moment)) {
      emit(e, moment, end);
    }
  }
}

/* Occurrences that began at most this long before the window may still run in it. */
static int64_t reach(const event *e) { return e->days * IMP_MS_DAY + e->exact + 2 * IMP_MS_DAY; }

static void read_recurring(event *e) {
  icalproperty *rule = icalcomponent_get_first_property(e->component, ICAL_RRULE_PROPERTY);
  read_exdates(e);
  read_overrides(e);
  if (rule != NULL) {
    struct icalrecurrencetype r = icalproperty_get_rrule(rule);
    imp_ical_recur(&r, &e->start, (int64_t)e->reader->from - reach(e), (int64_t)e->reader->to + 2 * IMP_MS_DAY,
                   e->reader->budget, on_occurrence, e);
  } else {
    on_occurrence(e->start.local, e);
  }
  read_rdates(e);
  imp_free(e->excluded.list);
  imp_free(e->overridden.list);
}

static int read_event(const imp_ical_reader *reader, imp_ical_zones *zones, icalcomponent *object,
                      icalcomponent *component) {
  event e = {reader, zones, object, component, uid_of(component), {0, NULL, 0}, 0, 0, {0}, {0}, {0}, IMP_OK};
  icalproperty *start = icalcomponent_get_first_property(component, ICAL_DTSTART_PROPERTY);
  if (start == NULL || icaltime_is_null_time(icalproperty_get_dtstart(start))) {
    return IMP_OK;
  }
  e.start = imp_ical_time_of(zones, start, icalproperty_get_dtstart(start));
  read_duration(&e);
  e.block.size = sizeof e.block;
  e.block.kind = kind_of(reader, component);
  e.block.is_private = (uint32_t)is_private(component);
  if (reader->cal->settings.subjects && !e.block.is_private) {
    e.block.subject = text_of(component, ICAL_SUMMARY_PROPERTY);
    e.block.location = text_of(component, ICAL_LOCATION_PROPERTY);
  }
  if (e.block.kind == IMP_BUSY_FREE) {
    return IMP_OK;
  }
  if (icalcomponent_get_first_property(component, ICAL_RECURRENCEID_PROPERTY) != NULL) {
    emit(&e, imp_ical_moment(&e.start), end_of(&e, e.start.local));
  } else {
    read_recurring(&e);
  }
  return e.rv;
}

static int read_object(const imp_ical_reader *reader, icalcomponent *object) {
  imp_ical_zones zones;
  int rv = IMP_OK;
  imp_ical_zones_init(&zones, reader, object);
  icalcompiter i = icalcomponent_begin_component(object, ICAL_VEVENT_COMPONENT);
  if (icalcomponent_count_components(object, ICAL_VEVENT_COMPONENT) > EVENTS_MAX) {
    return IMP_ERR_TOO_BIG;
  }
  for (icalcomponent *c = icalcompiter_deref(&i); c != NULL && rv == IMP_OK; c = icalcompiter_next(&i)) {
    rv = read_event(reader, &zones, object, c);
  }
  imp_ical_zones_reset(&zones);
  return rv;
}

int imp_ical_read(const imp_ical_reader *reader, const char *text) {
  icalcomponent *root = icalparser_parse_string(text);
  int rv = IMP_ERR_MALFORMED;
  if (root == NULL) {
    return rv;
  }
  if (icalcomponent_isa(root) == ICAL_VCALENDAR_COMPONENT) {
    rv = read_object(reader, root);
  } else { /* several, one after the other */
    icalcompiter i = icalcomponent_begin_component(root, ICAL_VCALENDAR_COMPONENT);
    for (icalcomponent *c = icalcompiter_deref(&i); c != NULL && (rv == IMP_OK || rv == IMP_ERR_MALFORMED);
         c = icalcompiter_next(&i)) {
      rv = read_object(reader, c);
    }
  }
  icalcomponent_free(root);
  return rv;
}
