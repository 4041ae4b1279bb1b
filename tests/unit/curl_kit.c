#include "curl_kit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

kit_state kit;

static struct {
  char folder[64], ca[80], ports[256];
  int in; /* closed: the server ends */
  pid_t pid;
} server;

/* ---- the server ---- */

static void become_server(int in, int out) {
  dup2(in, 0);
  dup2(out, 1);
  for (int fd = 3; fd < 64; fd++) {
    close(fd);
  }
  execlp("/usr/bin/python3", "python3", "-B", "-W", "ignore", HTTP_SERVER, server.folder, (char *)NULL);
  _exit(77);
}

static int start_server(void) {
  int in[2], out[2];
  snprintf(server.folder, sizeof server.folder, "/tmp/imp-http-XXXXXX");
  if (mkdtemp(server.folder) == NULL || pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) {
    return 0;
  }
  snprintf(server.ca, sizeof server.ca, "%s/ca.pem", server.folder);
  server.pid = fork();
  if (server.pid == 0) {
    become_server(in[0], out[1]);
  }
  close(in[0]);
  close(out[1]);
  server.in = in[1];
  FILE *from = fdopen(out[0], "r");
  int good = from != NULL && fgets(server.ports, sizeof server.ports, from) != NULL;
  if (from != NULL) {
    fclose(from);
  }
  return good;
}

static void stop_server(void) {
  char command[128];
  close(server.in);
  waitpid(server.pid, NULL, 0);
  snprintf(command, sizeof command, "rm -rf %s", server.folder);
  if (system(command) != 0) {
    perror(command);
  }
}

int kit_run_tests(const char *name, const struct CMUnitTest *tests, size_t count) {
  signal(SIGPIPE, SIG_DFL); /* whoever writes to a closed connection is to be caught */
  if (!start_server()) {
    fprintf(stderr, "%s: tests/http/server.py does not start\n", name);
    stop_server();
    return 1;
  }
  int rv = unit_run_tests(name, tests, count);
  stop_server();
  return rv;
}

const char *curl_kit_url(const char *name, const char *path) {
  static char urls[8][512];
  static unsigned turn;
  char *url = urls[turn++ % 8], wanted[32];
  snprintf(wanted, sizeof wanted, "%s=", name);
  const char *at = strstr(server.ports, wanted);
  assert_non_null(at);
  int tls = strcmp(name, "plain") != 0 && strcmp(name, "mute") != 0;
  snprintf(url, sizeof urls[0], "%s://127.0.0.1:%d/%s", tls ? "https" : "http",
           (int)strtol(at + strlen(wanted), NULL, 10), path);
  return url;
}

const char *curl_kit_ca(void) { return server.ca; }

/* ---- the client ---- */

static void close_handle(uv_handle_t *handle, void *arg) {
  (void)arg;
  if (!uv_is_closing(handle)) {
    uv_close(handle, NULL);
  }
}

void curl_kit_close(void) {
  imp_curl_del(kit.curl);
  kit.curl = NULL;
  imp_ops_del(kit.ops);
  kit.ops = NULL;
  uv_run(&kit.loop, UV_RUN_NOWAIT);
}

static void tear_down(void *arg) {
  (void)arg;
  curl_kit_close();
  uv_walk(&kit.loop, close_handle, NULL); /* nothing of the client's is left */
  uv_run(&kit.loop, UV_RUN_NOWAIT);
  if (uv_loop_close(&kit.loop) != 0) {
    abort();
  }
}

static void log_line(void *user_data, imp_log_area area, imp_log_level level, const char *subject, const char *text) {
  size_t len = strlen(kit.log);
  (void)user_data;
  snprintf(kit.log + len, sizeof kit.log - len, "%s %s %s %s\n", imp_log_area_name(area), imp_log_level_name(level),
           subject, text);
}

/* Reruns have no stderr, and libuv wants none of its own descriptors to be in that place. */
void kit_reserve_descriptors(void) {
  while (open("/dev/null", O_RDWR) < 3) {
  }
}

int curl_kit_open(const imp_curl_options *options) {
  imp_curl_options all = {.size = sizeof all};
  memset(&kit, 0, sizeof kit);
  kit_reserve_descriptors();
  if (options != NULL) {
    all = *options;
  }
  all.log = log_line;
  all.log_level = IMP_LOG_TRACE;
  uv_loop_init(&kit.loop);
  uv_timer_init(&kit.loop, &kit.pacer);
  unit_own(tear_down, NULL);
  int rv = imp_ops_new(&kit.ops);
  return rv == IMP_OK ? imp_curl_new(&kit.curl, &kit.loop, &all, NULL, 0) : rv;
}

static void copy(char *dst, size_t cap, const char *s) { snprintf(dst, cap, "%s", s != NULL ? s : "(none)"); }

static void on_done(imp_op *op, int status, void *user_data) {
  curl_kit_answer *answer = user_data;
  size_t len;
  char wanted[64];
  snprintf(wanted, sizeof wanted, "%.60s", answer->field);
  answer->op = NULL;
  answer->done++;
  answer->status = status;
  answer->code = imp_http_get_status(op);
  copy(answer->error, sizeof answer->error, imp_http_get_error(op));
  copy(answer->field, sizeof answer->field, imp_http_get_header(op, wanted));
  const char *body = imp_http_get_body(op, &len);
  answer->len = len;
  len = len < sizeof answer->body - 1 ? len : sizeof answer->body - 1;
  memcpy(answer->body, body, len);
  answer->body[len] = '\0';
}

static int on_piece(imp_op *op, const void *data, size_t len, void *user_data) {
  curl_kit_answer *answer = user_data;
  (void)op;
  (void)data;
  answer->streamed += len;
  answer->pieces++;
  return answer->stop_after > 0 && answer->pieces >= answer->stop_after ? IMP_ERR_MALFORMED : IMP_OK;
}

void curl_kit_start(curl_kit_answer *answer, const imp_http_request *request, const char *field) {
  int stop_after = answer->stop_after;
  memset(answer, 0, sizeof *answer);
  answer->stop_after = stop_after;
  copy(answer->field, sizeof answer->field, field != NULL ? field : "X-Unknown");
  answer->op = imp_ops_add(kit.ops, on_done, answer);
  assert_non_null(answer->op);
  int rv = imp_http_expect(answer->op, request->body_max, request->stream ? on_piece : NULL, answer);
  if (rv == IMP_OK) {
    rv = imp_curl_vtable()->start(kit.curl, answer->op, request);
  }
  answer->started = rv;
  imp_ops_started(answer->op, rv);
}

void curl_kit_wait(curl_kit_answer *answer) {
  uint64_t end = uv_hrtime() + 10 * IMP_SECONDS;
  imp_ops_run(kit.ops);
  while (!answer->done) {
    uv_run(&kit.loop, UV_RUN_NOWAIT);
    imp_ops_run(kit.ops);
    if (uv_hrtime() > end) {
      fail_msg("no answer in time");
    }
    usleep(100);
  }
}

static void on_pace(uv_timer_t *timer) { (void)timer; }

void curl_kit_spin(uint64_t milliseconds) {
  uint64_t end = uv_hrtime() + milliseconds * IMP_MILLISECONDS;
  uv_timer_start(&kit.pacer, on_pace, 1, 1);
  while (uv_hrtime() < end) {
    uv_run(&kit.loop, UV_RUN_ONCE);
    imp_ops_run(kit.ops);
  }
  uv_timer_stop(&kit.pacer);
}

void curl_kit_cancel(curl_kit_answer *answer) {
  assert_non_null(answer->op);
  imp_curl_vtable()->cancel(kit.curl, answer->op);
  imp_ops_run(kit.ops);
}

void curl_kit_get(curl_kit_answer *answer, imp_http_request request, const char *field) {
  request.size = sizeof request;
  request.method = request.method != NULL ? request.method : "GET";
  curl_kit_start(answer, &request, field);
  curl_kit_wait(answer);
}

imp_curl_stats curl_kit_stats(void) {
  imp_curl_stats stats;
  imp_curl_get_stats(kit.curl, &stats, sizeof stats);
  return stats;
}
