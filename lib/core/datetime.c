/* XEP-0082 without the C library's clock, time zone or locale. */
#include <string.h>

#include "core/codec.h"

#define MS_PER_DAY UINT64_C(86400000)
#define DAYS_TO_1970 719468 /* from 0000-03-01, where years that begin in March start */

static void put_digits(char *dst, unsigned value, int count) {
  for (int i = count - 1; i >= 0; i--, value /= 10) {
    dst[i] = (char)('0' + value % 10);
  }
}

/* Years begin in March here, so that the leap day is the last of its year. */
static void date_of_days(uint64_t days, unsigned *year, unsigned *month, unsigned *day) {
  uint64_t z = days + DAYS_TO_1970;
  unsigned in_era = (unsigned)(z % 146097);
  unsigned y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
  unsigned in_year = in_era - (365 * y + y / 4 - y / 100);
  unsigned m = (5 * in_year + 2) / 153;
  *day = in_year - (153 * m + 2) / 5 + 1;
  *month = m < 10 ? m + 3 : m - 9;
  *year = (unsigned)(z / 146097 * 400) + y + (*month <= 2);
}

static int64_t days_of_date(unsigned year, unsigned month, unsigned day) {
  unsigned y = year - (month <= 2);
  unsigned in_era = y % 400;
  unsigned in_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return (int64_t)(y / 400) * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - DAYS_TO_1970;
}

void imp_datetime_format(char *dst, imp_wallclock t) {
  unsigned year, month, day;
  unsigned ms = (unsigned)(t % MS_PER_DAY);
  date_of_days(t / MS_PER_DAY, &year, &month, &day);
  memcpy(dst, "0000-00-00T00:00:00.000Z", 25);
  put_digits(dst, year % 10000, 4);
  put_digits(dst + 5, month, 2);
  put_digits(dst + 8, day, 2);
  put_digits(dst + 11, ms / 3600000, 2);
  put_digits(dst + 14, ms / 60000 % 60, 2);
  put_digits(dst + 17, ms / 1000 % 60, 2);
  put_digits(dst + 20, ms % 1000, 3);
}

/* Reads exactly `count` digits and the character behind them (0: any); advances *s. */
static int get_digits(const char **s, int count, char behind, unsigned *value) {
  unsigned v = 0;
  for (int i = 0; i < count; i++, (*s)++) {
    if (**s < '0' || **s > '9') {
      return 0;
    }
    v = v * 10 + (unsigned)(**s - '0');
  }
  *value = v;
  return behind == 0 || *(*s)++ == behind;
}

/* A fraction of a second of any length, as milliseconds. */
static unsigned get_fraction(const char **s) {
  unsigned ms = 0;
  unsigned scale = 100;
  if (**s == '.') {
    for ((*s)++; **s >= '0' && **s <= '9'; (*s)++, scale /= 10) {
      ms += scale * (unsigned)(**s - '0');
    }
  }
  return ms;
}

/* "Z" or "+hh:mm"; minutes east of Greenwich. */
static int get_zone(const char *s, int *minutes) {
  unsigned h, m;
  *minutes = 0;
  if (s[0] == 'Z' && s[1] == '\0') {
    return 1;
  }
  int sign = s[0] == '+' ? 1 : s[0] == '-' ? -1 : 0;
  if (sign == 0) {
    return 0;
  }
  s++;
  if (!get_digits(&s, 2, ':', &h) || !get_digits(&s, 2, '\0', &m) || *s != '\0' || h > 23 || m > 59) {
    return 0;
  }
  *minutes = sign * (int)(h * 60 + m);
  return 1;
}

static unsigned days_in_month(unsigned year, unsigned month) {
  static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return days[month - 1] + (month == 2 && leap);
}

int imp_datetime_parse(imp_wallclock *t, const char *s) {
  unsigned year, month, day, hour, minute, second;
  int zone;
  if (!get_digits(&s, 4, '-', &year) || !get_digits(&s, 2, '-', &month) || !get_digits(&s, 2, 'T', &day) ||
      !get_digits(&s, 2, ':', &hour) || !get_digits(&s, 2, ':', &minute) || !get_digits(&s, 2, 0, &second)) {
    return IMP_ERR_MALFORMED;
  }
  unsigned ms = get_fraction(&s);
  if (!get_zone(s, &zone) || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 ||
      minute > 59 || second > 60) {
    return IMP_ERR_MALFORMED;
  }
  int64_t minutes = days_of_date(year, month, day) * 1440 + hour * 60 + minute - zone;
  if (minutes < 0) {
    return IMP_ERR_RANGE;
  }
  *t = (imp_wallclock)minutes * 60000 + second * 1000 + ms;
  return IMP_OK;
}
