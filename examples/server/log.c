#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "server.h"

imp_log_level server_log_level(const server_config *config) {
  return config->log_format == SERVER_LOG_QUIET ? IMP_LOG_ERROR : (imp_log_level)config->node.log_level;
}

static void print_json_string(FILE *out, const char *s) {
  fputc('"', out);
  for (; *s != '\0'; s++) {
    if (*s == '"' || *s == '\\') {
      fprintf(out, "\\%c", *s);
    } else if ((unsigned char)*s < 32) {
      fprintf(out, "\\u%04x", (unsigned)(unsigned char)*s);
    } else {
      fputc(*s, out);
    }
  }
  fputc('"', out);
}

void server_log(void *user_data, imp_log_area area, imp_log_level level, const char *subject, const char *text) {
  const server *s = user_data;
  struct timespec now;
  struct tm tm;
  char when[32];
  if (level > server_log_level(s->now)) {
    return;
  }
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &tm);
  strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
  if (s->now->log_format != SERVER_LOG_JSON) {
    fprintf(stderr, "%s.%03dZ %-5s %-7s %s%s%s\n", when, (int)(now.tv_nsec / 1000000), imp_log_level_name(level),
            imp_log_area_name(area), subject, subject[0] != '\0' ? ": " : "", text);
    return;
  }
  fprintf(stderr, "{\"time\":\"%s.%03dZ\",\"level\":\"%s\",\"area\":\"%s\",\"subject\":", when,
          (int)(now.tv_nsec / 1000000), imp_log_level_name(level), imp_log_area_name(area));
  print_json_string(stderr, subject);
  fputs(",\"text\":", stderr);
  print_json_string(stderr, text);
  fputs("}\n", stderr);
}

void server_say(server *s, imp_log_level level, const char *subject, const char *fmt, ...) {
  char text[1600];
  va_list args;
  va_start(args, fmt);
  vsnprintf(text, sizeof text, fmt, args);
  va_end(args);
  server_log(s, IMP_LOG_CORE, level, subject, text);
}
