/* Dates of the Gregorian calendar, counted from 1970, without the C library's idea of time. */
#include "calendar/zone.h"

int imp_is_leap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

/* Years begin in March, so that the leap day is their last. */
int64_t imp_days_of(int64_t year, int month, int day) {
  int64_t y = year - (month <= 2);
  int64_t era = (y >= 0 ? y : y - 399) / 400;
  int64_t in_era = y - era * 400;
  int64_t in_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

void imp_date_of(int64_t days, int64_t *year, int *month, int *day) {
  int64_t z = days + 719468;
  int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  int64_t in_era = z - era * 146097;
  int64_t y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
  int64_t in_year = in_era - (365 * y + y / 4 - y / 100);
  int m = (int)((5 * in_year + 2) / 153);
  *day = (int)(in_year - (153 * m + 2) / 5) + 1;
  *month = m < 10 ? m + 3 : m - 9;
  *year = y + era * 400 + (*month <= 2);
}
