/*
 * Rules of recurrence (RFC 5545 §3.3.10), in local time, day by day: libical has read them, but follows a rule that never
 * comes true for seconds.  Here a rule costs a fixed little for each day that is looked at, and days are counted.
 *
 * A day is one of the rule's if it fits all its parts.  What a part leaves open the first occurrence tells.
 */
#include "calendar/ical.h"

#define TIMES_MAX 24 /* BYHOUR × BYMINUTE × BYSECOND */

typedef struct date {
  int64_t days, year;
  int month, day, wday; /* Sunday is 0 */
} date;

typedef struct recur {
  const struct icalrecurrencetype *rule;
  date first;
  int week_start;
  int32_t times[TIMES_MAX]; /* of the day, in milliseconds, in order */
  size_t ntimes;
} recur;

static int has(const short *list) { return list[0] != ICAL_RECURRENCE_ARRAY_MAX; }

static int among(const short *list, size_t size, int value) {
  for (size_t i = 0; i < size && list[i] != ICAL_RECURRENCE_ARRAY_MAX; i++) {
    if (list[i] == value) {
      return 1;
    }
  }
  return 0;
}

#define AMONG(list, value) among(list, IMP_ARRAY_LEN(list), value)

static int month_days(int64_t year, int month) {
  static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return days[month - 1] + (month == 2 && imp_is_leap(year));
}

static int year_days(int64_t year) { return 365 + imp_is_leap(year); }

static date date_of(int64_t days) {
  date d;
  d.days = days;
  imp_date_of(days, &d.year, &d.month, &d.day);
  d.wday = (int)(((days + 4) % 7 + 7) % 7);
  return d;
}

static int64_t floor_div(int64_t a, int64_t b) { return (a >= 0 ? a : a - (b - 1)) / b; }

/* ---- parts ---- */

static int fits_interval(const recur *r, const date *d) {
  int64_t n = r->rule->interval, passed;
  switch (r->rule->freq) {
  case ICAL_YEARLY_RECURRENCE:
    passed = d->year - r->first.year;
    break;
  case ICAL_MONTHLY_RECURRENCE:
    passed = (d->year - r->first.year) * 12 + d->month - r->first.month;
    break;
  case ICAL_WEEKLY_RECURRENCE: /* days since the week's first */
    passed = (d->days - (d->wday - r->week_start + 7) % 7 - r->first.days + (r->first.wday - r->week_start + 7) % 7) / 7;
    break;
  case ICAL_DAILY_RECURRENCE:
    passed = d->days - r->first.days;
    break;
  default:
    return 1;
  }
  return passed % n == 0;
}

static int fits_month_day(const recur *r, const date *d) {
  const struct icalrecurrencetype *rule = r->rule;
  if (has(rule->by_month_day)) {
    return AMONG(rule->by_month_day, d->day) || AMONG(rule->by_month_day, d->day - 1 - month_days(d->year, d->month));
  }
  int open = !has(rule->by_day) && !has(rule->by_year_day) && !has(rule->by_week_no);
  int wanted = rule->freq == ICAL_MONTHLY_RECURRENCE ? !has(rule->by_day) : rule->freq == ICAL_YEARLY_RECURRENCE && open;
  return !wanted || d->day == r->first.day;
}

static int fits_month(const recur *r, const date *d) {
  const struct icalrecurrencetype *rule = r->rule;
  if (has(rule->by_month)) {
    return AMONG(rule->by_month, d->month);
  }
  int open = !has(rule->by_month_day) && !has(rule->by_day) && !has(rule->by_year_day) && !has(rule->by_week_no);
  return rule->freq != ICAL_YEARLY_RECURRENCE || !open || d->month == r->first.month;
}

static int fits_year_day(const recur *r, const date *d) {
  int day = (int)(d->days - imp_days_of(d->year, 1, 1)) + 1;
  return !has(r->rule->by_year_day) || AMONG(r->rule->by_year_day, day) ||
         AMONG(r->rule->by_year_day, day - 1 - year_days(d->year));
}

/* The first day of a year's first week: the week that has at least four days in it. */
static int64_t first_week(const recur *r, int64_t year) {
  date d = date_of(imp_days_of(year, 1, 1));
  int into = (d.wday - r->week_start + 7) % 7;
  return d.days - into + (into > 3 ? 7 : 0);
}

static int fits_week(const recur *r, const date *d) {
  if (!has(r->rule->by_week_no) || r->rule->freq != ICAL_YEARLY_RECURRENCE) {
    return 1;
  }
  int64_t year = d->year + (d->days >= first_week(r, d->year + 1)) - (d->days < first_week(r, d->year));
  int64_t begin = first_week(r, year);
  int week = (int)((d->days - begin) / 7) + 1, weeks = (int)((first_week(r, year + 1) - begin) / 7);
  return AMONG(r->rule->by_week_no, week) || AMONG(r->rule->by_week_no, week - 1 - weeks);
}

/* The n-th, and the n-th from the end, such weekday of the month or of the year. */
static int fits_ordinal(const recur *r, const date *d, int n) {
  int in_month = r->rule->freq == ICAL_MONTHLY_RECURRENCE || has(r->rule->by_month);
  int day = in_month ? d->day : (int)(d->days - imp_days_of(d->year, 1, 1)) + 1;
  int length = in_month ? month_days(d->year, d->month) : year_days(d->year);
  return n > 0 ? n == (day - 1) / 7 + 1 : n == -((length - day) / 7 + 1);
}

static int fits_weekday(const recur *r, const date *d) {
  const struct icalrecurrencetype *rule = r->rule;
  if (!has(rule->by_day)) {
    int from_first = rule->freq == ICAL_WEEKLY_RECURRENCE ||
                     (rule->freq == ICAL_YEARLY_RECURRENCE && has(rule->by_week_no) && !has(rule->by_month_day) &&
                      !has(rule->by_year_day));
    return !from_first || d->wday == r->first.wday;
  }
  for (size_t i = 0; i < IMP_ARRAY_LEN(rule->by_day) && rule->by_day[i] != ICAL_RECURRENCE_ARRAY_MAX; i++) {
    int n = icalrecurrencetype_day_position(rule->by_day[i]);
    int wday = (int)icalrecurrencetype_day_day_of_week(rule->by_day[i]) - ICAL_SUNDAY_WEEKDAY;
    int counts = n != 0 && (rule->freq == ICAL_MONTHLY_RECURRENCE || rule->freq == ICAL_YEARLY_RECURRENCE);
    if (wday == d->wday && (!counts || fits_ordinal(r, d, n))) {
      return 1;
    }
  }
  return 0;
}

static int fits(const recur *r, const date *d) {
  return fits_interval(r, d) && fits_weekday(r, d) && fits_month_day(r, d) && fits_month(r, d) && fits_year_day(r, d) &&
         fits_week(r, d);
}

/* ---- times of a day ---- */

static int add_time(recur *r, int hour, int minute, int second) {
  int32_t time = ((hour * 60 + minute) * 60 + second) * 1000;
  size_t i = r->ntimes;
  if (r->ntimes == TIMES_MAX) {
    return 0;
  }
  for (; i > 0 && r->times[i - 1] > time; i--) {
    r->times[i] = r->times[i - 1];
  }
  r->times[i] = time;
  r->ntimes++;
  return 1;
}

static int part(const short *list, size_t i, int otherwise, int *value) {
  *value = has(list) ? list[i] : otherwise;
  return has(list) ? list[i] != ICAL_RECURRENCE_ARRAY_MAX : i == 0;
}

/* 0: more than anybody means. */
static int read_times(recur *r, const imp_ical_time *start) {
  const struct icalrecurrencetype *rule = r->rule;
  int seconds = (int)((start->local - r->first.days * IMP_MS_DAY) / 1000), hour, minute, second;
  if (start->is_date) {
    return add_time(r, 0, 0, 0);
  }
  for (size_t h = 0; h < IMP_ARRAY_LEN(rule->by_hour) && part(rule->by_hour, h, seconds / 3600, &hour); h++) {
    for (size_t m = 0; m < IMP_ARRAY_LEN(rule->by_minute) && part(rule->by_minute, m, seconds / 60 % 60, &minute); m++) {
      for (size_t s = 0; s < IMP_ARRAY_LEN(rule->by_second) && part(rule->by_second, s, seconds % 60, &second); s++) {
        if (!add_time(r, hour, minute, second)) {
          return 0;
        }
      }
    }
  }
  return r->ntimes > 0;
}

/* ---- BYSETPOS ---- */

/* The first and the last day of the period that a day is in. */
static void period_of(const recur *r, const date *d, int64_t *first, int64_t *last) {
  *first = *last = d->days;
  if (r->rule->freq == ICAL_YEARLY_RECURRENCE) {
    *first = imp_days_of(d->year, 1, 1);
    *last = *first + year_days(d->year) - 1;
  } else if (r->rule->freq == ICAL_MONTHLY_RECURRENCE) {
    *first = d->days - d->day + 1;
    *last = *first + month_days(d->year, d->month) - 1;
  } else if (r->rule->freq == ICAL_WEEKLY_RECURRENCE) {
    *first = d->days - (d->wday - r->week_start + 7) % 7;
    *last = *first + 6;
  }
}

/* How many of the rule's days are in [first, last]. */
static int count_days(const recur *r, int64_t first, int64_t last, uint64_t *budget) {
  int n = 0;
  for (int64_t day = first; day <= last && *budget > 0; day++, --*budget) {
    date d = date_of(day);
    n += fits(r, &d);
  }
  return n;
}

/* ---- the whole ---- */

typedef struct walk {
  const recur *r;
  int64_t start, until; /* local, both inclusive */
  int64_t from, to;
  int left; /* of COUNT; -1: no such bound */
  uint64_t *budget;
  void (*fn)(int64_t local, void *ctx);
  void *ctx;
} walk;

/* Non-zero while more may come. */
static int give(walk *w, int64_t local) {
  if (local < w->start) {
    return 1;
  }
  if (local > w->until || local > w->to || w->left == 0) {
    return 0;
  }
  w->left -= w->left > 0;
  if (local >= w->from) {
    w->fn(local, w->ctx);
  }
  return 1;
}

static int give_day(walk *w, const date *d) {
  const recur *r = w->r;
  const short *positions = r->rule->by_set_pos;
  int before = 0, all = 0, more = 1;
  if (has(positions)) {
    int64_t first, last;
    period_of(r, d, &first, &last);
    before = count_days(r, first, d->days - 1, w->budget) * (int)r->ntimes;
    all = before + count_days(r, d->days, last, w->budget) * (int)r->ntimes;
  }
  for (size_t i = 0; i < r->ntimes && more; i++) {
    int position = before + (int)i + 1;
    if (!has(positions) || among(positions, IMP_ARRAY_LEN(r->rule->by_set_pos), position) ||
        among(positions, IMP_ARRAY_LEN(r->rule->by_set_pos), position - 1 - all)) {
      more = give(w, d->days * IMP_MS_DAY + r->times[i]);
    }
  }
  return more;
}

static void by_days(walk *w) {
  int64_t day = floor_div(w->start, IMP_MS_DAY), from = floor_div(w->from, IMP_MS_DAY);
  if (w->left < 0 && from > day) { /* without COUNT the past does not matter */
    day = from;
  }
  for (int more = 1; more && day <= floor_div(w->to, IMP_MS_DAY) && *w->budget > 0; day++, --*w->budget) {
    date d = date_of(day);
    if (fits(w->r, &d)) {
      more = give_day(w, &d);
    }
  }
}

static void by_hours(walk *w) {
  int64_t step = w->r->rule->interval * IMP_MS_HOUR, at = w->start;
  if (w->left < 0 && w->from > at) {
    at += (w->from - at) / step * step;
  }
  for (int more = 1; more && at <= w->to && *w->budget > 0; at += step, --*w->budget) {
    date d = date_of(floor_div(at, IMP_MS_DAY));
    int hour = (int)((at - d.days * IMP_MS_DAY) / IMP_MS_HOUR);
    if (fits(w->r, &d) && (!has(w->r->rule->by_hour) || AMONG(w->r->rule->by_hour, hour))) {
      more = give(w, at);
    }
  }
}

/* A rule's end is a moment when its start has a zone. */
static int64_t local_until(const struct icalrecurrencetype *rule, const imp_ical_time *start) {
  if (icaltime_is_null_time(rule->until)) {
    return INT64_MAX;
  }
  int64_t until = imp_ical_local(rule->until);
  if (icaltime_is_utc(rule->until)) {
    until += imp_zone_offset(start->zone, until);
  } else if (rule->until.is_date) {
    until += IMP_MS_DAY - 1;
  }
  return until;
}

void imp_ical_recur(const struct icalrecurrencetype *rule, const imp_ical_time *start, int64_t from, int64_t to,
                    uint64_t *budget, void (*fn)(int64_t local, void *ctx), void *ctx) {
  recur r;
  memset(&r, 0, sizeof r);
  r.rule = rule;
  r.first = date_of(floor_div(start->local, IMP_MS_DAY));
  r.week_start = rule->week_start >= ICAL_SUNDAY_WEEKDAY ? (int)rule->week_start - ICAL_SUNDAY_WEEKDAY : 1;
  walk w = {&r, start->local, local_until(rule, start), from, to, rule->count > 0 ? rule->count : -1, budget, fn, ctx};
  int known = rule->freq >= ICAL_HOURLY_RECURRENCE && rule->freq <= ICAL_YEARLY_RECURRENCE && rule->interval >= 1 &&
              rule->rscale == NULL && read_times(&r, start);
  if (!known) { /* what nobody means: the first */
    (void)give(&w, start->local);
  } else if (rule->freq == ICAL_HOURLY_RECURRENCE) {
    by_hours(&w);
  } else {
    by_days(&w);
  }
}
