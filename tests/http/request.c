/*
 * Requests from the command line, for the tests in this folder.
 *
 *   request [CLIENT-OPTION VALUE]... { [OPTION VALUE]... URL | --wait }...
 *
 * Options hold for all URLs that follow; an empty value takes one back.  Requests run at the same time; --wait waits for
 * those so far.  One line of JSON a request, in the order of the URLs, then one with statistics.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <imp/curl.h>
#include <imp/sys/op.h>

#define MAX_ANSWERS 256

typedef struct answer {
  int status;
  uint32_t code;
  char *text;
} answer;

static struct {
  uv_loop_t loop;
  imp_ops *ops;
  imp_curl *curl;
  imp_curl_options options;
  imp_http_request request;
  imp_http_field field;
  answer answers[MAX_ANSWERS];
  size_t count;
} t;

static void print_string(FILE *out, const char *s, size_t len) {
  fputc('"', out);
  for (size_t i = 0; i < len; i++) {
    unsigned char c = (unsigned char)s[i];
    if (c < 0x20 || c == '"' || c == '\\' || c >= 0x7f) {
      fprintf(out, "\\u%04x", c);
    } else {
      fputc(c, out);
    }
  }
  fputc('"', out);
}

static void print_pair(FILE *out, const char *name, const char *value, size_t len) {
  print_string(out, name, strlen(name));
  fputs(": ", out);
  print_string(out, value, len);
}

static void on_done(imp_op *op, int status, void *user_data) {
  answer *a = user_data;
  const char *name, *value;
  size_t len, size;
  FILE *out = open_memstream(&a->text, &size);
  fprintf(out, "{\"status\": \"%s\", \"code\": %u, ", status == IMP_OK ? "OK" : imp_error_name(status) + 8,
          (unsigned)imp_http_get_status(op));
  print_pair(out, "error", imp_http_get_error(op), strlen(imp_http_get_error(op)));
  const char *body = imp_http_get_body(op, &len);
  fputs(", ", out);
  print_pair(out, "body", body, len);
  fputs(", \"fields\": {", out);
  for (size_t i = 0; imp_http_get_field(op, i, &name, &value) == IMP_OK; i++) {
    fputs(i > 0 ? ", " : "", out);
    print_pair(out, name, value, strlen(value));
  }
  fputs("}}", out);
  fclose(out);
}

static void log_line(void *user_data, imp_log_area area, imp_log_level level, const char *subject, const char *text) {
  (void)user_data;
  (void)area;
  fprintf(stderr, "%s %s %s\n", imp_log_level_name(level), subject, text);
}

static void wait_for_all(void) {
  imp_ops_run(t.ops);
  while (imp_ops_pending(t.ops) > 0) {
    uv_run(&t.loop, UV_RUN_ONCE);
    imp_ops_run(t.ops);
  }
}

static void open_client(void) {
  char text[200];
  t.options.log = log_line;
  t.options.log_level = IMP_LOG_TRACE;
  if (imp_curl_new(&t.curl, &t.loop, &t.options, text, sizeof text) != IMP_OK) {
    fprintf(stderr, "%s\n", text);
    exit(2);
  }
}

static void start(const char *url) {
  if (t.curl == NULL) {
    open_client();
  }
  if (t.count == MAX_ANSWERS) {
    exit(2);
  }
  imp_op *op = imp_ops_add(t.ops, on_done, &t.answers[t.count++]);
  t.request.url = url;
  imp_http_expect(op, 1000000, NULL, NULL);
  imp_ops_started(op, imp_curl_vtable()->start(t.curl, op, &t.request));
}

static uint32_t auth_of(const char *name) {
  static const char *const names[] = {"none", "basic", "digest", "ntlm", "negotiate", "bearer"};
  for (uint32_t i = 0; i < 6; i++) {
    if (strcmp(name, names[i]) == 0) {
      return i;
    }
  }
  exit(2);
}

static int set(const char *name, const char *value) {
  struct {
    const char *name, **at;
  } texts[] = {{"--method", &t.request.method},     {"--user", &t.request.username},
               {"--secret", &t.request.secret},     {"--affinity", &t.request.affinity},
               {"--ca", &t.request.ca_file},        {"--via", &t.request.proxy},
               {"--proxy", &t.options.proxy},       {"--no-proxy", &t.options.no_proxy},
               {"--proxy-user", &t.options.proxy_username}, {"--proxy-secret", &t.options.proxy_secret}};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    if (strcmp(name, texts[i].name) == 0) {
      *texts[i].at = value[0] != '\0' ? value : NULL;
      return 1;
    }
  }
  if (strcmp(name, "--auth") == 0) {
    t.request.auth = auth_of(value);
  } else if (strcmp(name, "--proxy-auth") == 0) {
    t.options.proxy_auth = auth_of(value);
  } else if (strcmp(name, "--body") == 0) {
    t.request.body = value;
    t.request.bodylen = strlen(value);
  } else if (strcmp(name, "--type") == 0) {
    t.field = (imp_http_field){"Content-Type", value};
    t.request.fields = &t.field;
    t.request.nfields = value[0] != '\0';
  } else {
    return 0;
  }
  return 1;
}

static void print_all(void) {
  imp_curl_stats stats = {.size = 0};
  for (size_t i = 0; i < t.count; i++) {
    puts(t.answers[i].text);
    free(t.answers[i].text);
  }
  if (t.curl != NULL) {
    imp_curl_get_stats(t.curl, &stats, sizeof stats);
  }
  printf("{\"requests\": %d, \"connections\": %d, \"pools\": %d}\n", (int)stats.requests, (int)stats.connections,
         (int)stats.pools);
}

int main(int argc, char **argv) {
  t.options.size = sizeof t.options;
  t.request.size = sizeof t.request;
  t.request.method = "GET";
  if (uv_loop_init(&t.loop) != 0 || imp_ops_new(&t.ops) != IMP_OK) {
    return 1;
  }
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--wait") == 0) {
      wait_for_all();
    } else if (i + 1 < argc && set(argv[i], argv[i + 1])) {
      i++;
    } else {
      start(argv[i]);
    }
  }
  wait_for_all();
  print_all();
  imp_curl_del(t.curl);
  imp_ops_del(t.ops);
  uv_run(&t.loop, UV_RUN_DEFAULT);
  return uv_loop_close(&t.loop) != 0;
}
