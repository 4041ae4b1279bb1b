/*
 * A calendar that reads by the libcurl adapter, on one loop: for the tests in this folder.
 *
 *   busy SECONDS KIND URL AUTH USERNAME SECRET CA_FILE MAILBOX
 *
 * KIND is caldav, ews or graph.  Prints what it is told, a line each:
 *   state KIND-OF-TIME UNTIL-IN-SECONDS-FROM-NOW
 *   gateway up | busy | down LAST-ERROR
 * and ends when both are known, or after so many seconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <imp/calendar.h>
#include <imp/curl.h>

static struct {
  uv_loop_t loop;
  uv_prepare_t prepare;
  uv_timer_t timer, end;
  imp_curl *curl;
  imp_calendar *calendar;
  int states, gateways;
} t;

static imp_wallclock now(void) {
  struct timespec at;
  clock_gettime(CLOCK_REALTIME, &at);
  return (imp_wallclock)at.tv_sec * 1000 + (imp_wallclock)at.tv_nsec / 1000000;
}

static void on_change(imp_calendar *cal, const char *user, const imp_calendar_state *state, void *user_data) {
  (void)cal;
  (void)user;
  (void)user_data;
  printf("state %s %lld\n", state->known ? imp_busy_kind_name(state->kind) : "unknown",
         state->known ? ((long long)state->until - (long long)now()) / 1000 : 0);
  t.states += state->known != 0;
}

static void on_gateway(imp_calendar *cal, const imp_gateway_status *status, void *user_data) {
  static const char *const words[] = {"new", "up", "busy", "down"};
  (void)cal;
  (void)user_data;
  printf("gateway %s %s\n", words[status->health], status->last_error);
  t.gateways++;
}

static void log_line(void *user_data, imp_log_area area, imp_log_level level, const char *subject, const char *text) {
  (void)user_data;
  fprintf(stderr, "%s %s %s: %s\n", imp_log_area_name(area), imp_log_level_name(level), subject, text);
}

static void on_timer(uv_timer_t *timer) { (void)timer; }
static void on_end(uv_timer_t *timer) { uv_stop(timer->loop); }

/* A turn an iteration: whatever libcurl fed has been fed by now. */
static void on_prepare(uv_prepare_t *prepare) {
  imp_calendar_turn(t.calendar, uv_hrtime(), now());
  imp_tstamp at = imp_calendar_get_expiry(t.calendar), ts = uv_hrtime();
  if (at != IMP_TSTAMP_NEVER) {
    uv_timer_start(&t.timer, on_timer, at > ts ? (at - ts) / IMP_MILLISECONDS + 1 : 0, 0);
  }
  if (t.gateways > 0 && t.states > 0) {
    uv_stop(prepare->loop);
  }
}

static void open_all(long seconds) {
  imp_curl_options options = {.size = sizeof options, .log = log_line, .log_level = IMP_LOG_TRACE};
  imp_calendar_callbacks callbacks = {.size = sizeof callbacks, .on_change = on_change, .on_gateway = on_gateway,
                                      .log = log_line, .log_level = IMP_LOG_TRACE};
  uv_loop_init(&t.loop);
  if (imp_curl_new(&t.curl, &t.loop, &options, NULL, 0) != IMP_OK ||
      imp_calendar_new(&t.calendar, NULL, &callbacks, NULL, uv_hrtime(), now()) != IMP_OK ||
      imp_calendar_set_http(t.calendar, imp_curl_vtable(), t.curl) != IMP_OK) {
    exit(1);
  }
  uv_prepare_init(&t.loop, &t.prepare);
  uv_prepare_start(&t.prepare, on_prepare);
  uv_timer_init(&t.loop, &t.timer);
  uv_timer_init(&t.loop, &t.end);
  uv_timer_start(&t.end, on_end, (uint64_t)seconds * 1000, 0);
}

static uint32_t find(const char *const *names, const char *name) {
  for (uint32_t i = 0; names[i] != NULL; i++) {
    if (strcmp(names[i], name) == 0) {
      return i;
    }
  }
  exit(2);
}

static const char *text_or_null(const char *s) { return s[0] != '\0' ? s : NULL; }

static int set_gateway(char **argv) {
  static const char *const kinds[] = {"ews", "graph", "caldav", NULL};
  static const char *const auths[] = {"none", "basic", "digest", "ntlm", "negotiate", "bearer", NULL};
  imp_gateway gateway;
  imp_mailbox mailbox = {.size = sizeof mailbox, .user = "alice", .gateway = "test", .mailbox = argv[8]};
  imp_gateway_default(&gateway, sizeof gateway, (imp_gateway_kind)find(kinds, argv[2]));
  gateway.name = "test";
  gateway.url = argv[3];
  gateway.auth = find(auths, argv[4]);
  gateway.username = text_or_null(argv[5]);
  gateway.secret = text_or_null(argv[6]);
  gateway.ca_file = text_or_null(argv[7]);
  int rv = imp_calendar_set_gateway(t.calendar, &gateway);
  return rv == IMP_OK ? imp_calendar_map(t.calendar, &mailbox) : rv;
}

static void close_handle(uv_handle_t *handle, void *arg) {
  (void)arg;
  if (!uv_is_closing(handle)) {
    uv_close(handle, NULL);
  }
}

int main(int argc, char **argv) {
  if (argc != 9) {
    return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  open_all(strtol(argv[1], NULL, 10));
  if (set_gateway(argv) != IMP_OK) {
    printf("refused: %s\n", imp_calendar_last_error(t.calendar));
    return 1;
  }
  uv_run(&t.loop, UV_RUN_DEFAULT);
  imp_calendar_del(t.calendar);
  imp_curl_del(t.curl);
  uv_run(&t.loop, UV_RUN_NOWAIT);
  uv_walk(&t.loop, close_handle, NULL);
  uv_run(&t.loop, UV_RUN_NOWAIT);
  return uv_loop_close(&t.loop) != 0;
}
