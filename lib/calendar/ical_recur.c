/* Rules of recurrence, in local time. */
#include "calendar/ical.h"

/* A rule's end is a moment when its start has a zone (RFC 5545 §3.3.10); the iterator wants local time. */
static void localise_until(struct icalrecurrencetype *rule, const imp_ical_time *start) {
  if (icaltime_is_null_time(rule->until)) {
    return;
  }
  int64_t until = imp_ical_local(rule->until);
  if (icaltime_is_utc(rule->until)) {
    until += imp_zone_offset(start->zone, until);
  } else if (rule->until.is_date && !start->is_date) {
    until += IMP_MS_DAY - 1000;
  }
  rule->until = imp_ical_floating(until, start->is_date);
}

void imp_ical_recur(struct icalrecurrencetype rule, const imp_ical_time *start, int64_t from, int64_t to, uint32_t most,
                    void (*fn)(int64_t local, void *ctx), void *ctx) {
  struct icaltimetype first = imp_ical_floating(start->local, start->is_date);
  if (rule.freq < ICAL_HOURLY_RECURRENCE || rule.freq > ICAL_YEARLY_RECURRENCE || rule.interval < 1) {
    if (start->local >= from && start->local <= to) {
      fn(start->local, ctx);
    }
    return;
  }
  localise_until(&rule, start);
  if (rule.count == 0 && (icaltime_is_null_time(rule.until) || imp_ical_local(rule.until) > to)) {
    rule.until = imp_ical_floating(to, start->is_date); /* so that no rule is followed far beyond the window */
  }
  icalrecur_iterator *iterator = icalrecur_iterator_new(rule, first);
  if (iterator == NULL) {
    return;
  }
  if (rule.count == 0 && from - IMP_MS_DAY > start->local) {
    (void)icalrecur_iterator_set_start(iterator, imp_ical_floating(from - IMP_MS_DAY, start->is_date));
  }
  for (uint32_t i = 0; i < most; i++) {
    struct icaltimetype next = icalrecur_iterator_next(iterator);
    int64_t local = icaltime_is_null_time(next) ? INT64_MAX : imp_ical_local(next);
    if (local > to) {
      break;
    }
    if (local >= from) {
      fn(local, ctx);
    }
  }
  icalrecur_iterator_free(iterator);
}
