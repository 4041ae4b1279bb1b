/* Log lines towards the host. A NULL logger, or one without a callback, swallows everything. */
#ifndef IMP_CORE_LOG_H
#define IMP_CORE_LOG_H

#include <imp/core.h>

typedef struct imp_logger {
  imp_log_fn fn;
  void *user_data;
  imp_log_level max; /* lines above this level are not even formatted */
} imp_logger;

static inline int imp_log_on(const imp_logger *log, imp_log_level level) {
  return log != NULL && log->fn != NULL && level <= log->max;
}

__attribute__((format(printf, 5, 6))) void imp_log(const imp_logger *log, imp_log_area area, imp_log_level level,
                                                   const char *subject, const char *fmt, ...);

/* Formats an object's last error, cut at `cap`. Control characters become '?'. */
__attribute__((format(printf, 3, 4))) void imp_set_error(char *text, size_t cap, const char *fmt, ...);

#endif
