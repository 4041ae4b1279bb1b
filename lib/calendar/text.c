/* Text of requests. */
#include <stdarg.h>
#include <stdio.h>

#include "calendar/gateway.h"
#include "xml/writer.h"

int imp_cal_printf(imp_buf *buf, const char *fmt, ...) {
  char text[512];
  va_list args;
  va_start(args, fmt);
  int len = vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  return len < 0 || (size_t)len >= sizeof text ? IMP_ERR_TOO_BIG : imp_buf_append(buf, text, (size_t)len);
}

int imp_cal_xml(imp_buf *buf, const char *text) { return imp_xml_escape(buf, text, strlen(text)); }

int imp_cal_percent(imp_buf *buf, const char *text, int slash) {
  static const char hex[] = "0123456789ABCDEF";
  int rv = IMP_OK;
  for (const unsigned char *p = (const unsigned char *)text; rv == IMP_OK && *p != '\0'; p++) {
    char three[3] = {'%', hex[*p >> 4], hex[*p & 15]};
    int plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
                strchr("-._~", *p) != NULL || (slash && *p == '/');
    rv = plain ? imp_buf_append(buf, p, 1) : imp_buf_append(buf, three, 3);
  }
  return rv;
}
