#include "core/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/mem.h"

#define LINE_MAX_LEN 1024

static const char *const levels[] = {"error", "warn", "info", "debug", "trace"};
static const char *const areas[IMP_LOG_AREAS] = {
    [IMP_LOG_CORE] = "core",       [IMP_LOG_XML] = "xml",           [IMP_LOG_STREAM] = "stream",
    [IMP_LOG_TLS] = "tls",         [IMP_LOG_SASL] = "sasl",         [IMP_LOG_SM] = "sm",
    [IMP_LOG_SESSION] = "session", [IMP_LOG_ROUTE] = "route",       [IMP_LOG_STORE] = "store",
    [IMP_LOG_PRESENCE] = "presence", [IMP_LOG_FEDERATION] = "federation", [IMP_LOG_ARCHIVE] = "archive",
    [IMP_LOG_RCC] = "rcc",         [IMP_LOG_HTTP] = "http"};

const char *imp_log_level_name(imp_log_level level) {
  return (unsigned)level < IMP_ARRAY_LEN(levels) ? levels[level] : "unknown";
}

const char *imp_log_area_name(imp_log_area area) {
  return (unsigned)area < IMP_LOG_AREAS ? areas[area] : "unknown";
}

/* A line is one line, whatever a peer's text in it holds. */
static void clean(char *text) {
  for (; *text != '\0'; text++) {
    if ((unsigned char)*text < 0x20 || *text == 0x7f) {
      *text = '?';
    }
  }
}

static void format(char *text, size_t cap, const char *fmt, va_list args) __attribute__((format(printf, 3, 0)));

static void format(char *text, size_t cap, const char *fmt, va_list args) {
  if (cap == 0) {
    return;
  }
  if (vsnprintf(text, cap, fmt, args) < 0) {
    text[0] = '\0';
  }
  clean(text);
}

void imp_log(const imp_logger *log, imp_log_area area, imp_log_level level, const char *subject, const char *fmt, ...) {
  char text[LINE_MAX_LEN];
  va_list args;
  if (!imp_log_on(log, level)) {
    return;
  }
  va_start(args, fmt);
  format(text, sizeof text, fmt, args);
  va_end(args);
  log->fn(log->user_data, area, level, subject != NULL ? subject : "", text);
}

void imp_set_error(char *text, size_t cap, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  format(text, cap, fmt, args);
  va_end(args);
}
