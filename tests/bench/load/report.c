#include "xload.h"

#include <stdio.h>

typedef unsigned long long ull;

static double login_s;
static int logged_in;

static double per_login_ms(struct usage before, struct usage up) {
  return logged_in ? (up.cpu_s - before.cpu_s) * 1000 / logged_in : 0;
}

void report_login(struct usage before, struct usage up) {
  login_s = elapsed_s();
  logged_in = w.up;
  printf("%s: %d of %d sessions up in %.2f s (%d failed); login ms p50 %.2f p99 %.2f",
         options_mode_name(), w.up, w.n, login_s, w.failed, hist_ms(&w.login, 0.5),
         hist_ms(&w.login, 0.99));
  if (opt.sm)
    printf("; SM on %d", w.sm_sessions);
  if (opt.npids && logged_in)
    printf("; server CPU %.3f ms/login", per_login_ms(before, up));
  puts("");
  fflush(stdout);
}

static void print_traffic(uint64_t sent, uint64_t uniq) {
  if (opt.mode != MODE_RESUME)
    printf("%llu delivered in %.2f s = %.0f msg/s; latency ms p50 %.3f p99 %.3f p99.9 %.3f\n",
           (ull)w.win_delivered, w.win_s, (double)w.win_delivered / w.win_s, hist_ms(&w.msg, 0.5),
           hist_ms(&w.msg, 0.99), hist_ms(&w.msg, 0.999));
  printf("sent %llu, arrived %llu, lost %llu, duplicates %llu, out of order %llu, bounced %llu, "
         "bad %llu\n",
         (ull)sent, (ull)uniq, (ull)(sent - uniq), (ull)w.dups, (ull)w.reorders, (ull)w.bounced,
         (ull)w.bad);
}

static void print_text(struct usage before, struct usage after, double per_session) {
  uint64_t sent = traffic_sent(), uniq = traffic_unique();
  if (opt.mode == MODE_IDLE)
    printf("held %d for %.1f s; server RSS %.0f -> %.0f KiB = %.0f bytes/session\n", w.up, opt.hold,
           before.rss_kb, after.rss_kb, per_session);
  else if (opt.mode == MODE_PRESENCE)
    printf("%d contacts approved; %llu presence changes, %llu notifications in %.2f s = %.0f/s; "
           "fan-out ms p50 %.2f p99 %.2f\n",
           w.approvals, (ull)w.presences, (ull)w.win_delivered, w.win_s,
           (double)w.win_delivered / w.win_s, hist_ms(&w.msg, 0.5), hist_ms(&w.msg, 0.99));
  else if (opt.mode != MODE_STORM)
    print_traffic(sent, uniq);
  if (opt.mode == MODE_RESUME || opt.mode == MODE_STORM)
    printf("%s %d, refused %d; ms p50 %.2f p99 %.2f; server CPU %.3f ms each\n",
           opt.raw ? "handshakes" : "resumed", w.resumed, w.resume_failed, hist_ms(&w.resume, 0.5),
           hist_ms(&w.resume, 0.99), w.resumed ? w.win_cpu * 1000 / w.resumed : 0);
  if (w.win_cpu > 0)
    printf("server CPU %.2f s in the window (%.0f %%) = %.0f msg per CPU second; xload CPU %.2f s, "
           "others %.2f s\n",
           w.win_cpu, w.win_cpu * 100 / w.win_s, (double)w.win_delivered / w.win_cpu,
           w.win_self_cpu, w.win_other_cpu);
}

static void print_json(struct usage before, struct usage up, struct usage after,
                       double per_session) {
  uint64_t sent = traffic_sent();
  printf("{\"mode\":\"%s\",\"sessions\":%d,\"up\":%d,\"failed\":%d,\"tls\":%d,\"scram\":%d,"
         "\"sm\":%d,",
         options_mode_name(), w.n, logged_in, w.failed, opt.tls, opt.scram, opt.sm);
  printf("\"login_s\":%.3f,\"login_p50_ms\":%.3f,\"login_p99_ms\":%.3f,\"cpu_ms_per_login\":%.4f,",
         login_s, hist_ms(&w.login, 0.5), hist_ms(&w.login, 0.99), per_login_ms(before, up));
  printf("\"rss_before_kb\":%.0f,\"rss_after_kb\":%.0f,\"bytes_per_session\":%.0f,", before.rss_kb,
         after.rss_kb, per_session);
  printf("\"win_s\":%.3f,\"delivered\":%llu,\"msg_s\":%.1f,\"cpu_s\":%.3f,\"msg_per_cpu_s\":%.1f,",
         w.win_s, (ull)w.win_delivered, w.win_s > 0 ? (double)w.win_delivered / w.win_s : 0,
         w.win_cpu, w.win_cpu > 0 ? (double)w.win_delivered / w.win_cpu : 0);
  printf("\"xload_cpu_s\":%.3f,\"other_cpu_s\":%.3f,", w.win_self_cpu, w.win_other_cpu);
  printf("\"lat_p50_ms\":%.3f,\"lat_p99_ms\":%.3f,\"lat_p999_ms\":%.3f,", hist_ms(&w.msg, 0.5),
         hist_ms(&w.msg, 0.99), hist_ms(&w.msg, 0.999));
  printf("\"sent\":%llu,\"lost\":%llu,\"dup\":%llu,\"reorder\":%llu,\"bounced\":%llu,", (ull)sent,
         (ull)(sent - traffic_unique()), (ull)w.dups, (ull)w.reorders, (ull)w.bounced);
  printf("\"resumed\":%d,\"resume_failed\":%d,\"resume_p50_ms\":%.3f,\"resume_p99_ms\":%.3f,",
         w.resumed, w.resume_failed, hist_ms(&w.resume, 0.5), hist_ms(&w.resume, 0.99));
  printf("\"cpu_ms_per_resume\":%.4f}\n", w.resumed ? w.win_cpu * 1000 / w.resumed : 0);
}

int report_end(struct usage before, struct usage up, struct usage after) {
  double per = w.up ? (after.rss_kb - before.rss_kb) * 1024 / w.up : 0;
  print_text(before, after, per);
  if (opt.json)
    print_json(before, up, after, per);
  fflush(stdout);
  return w.failed || traffic_sent() != traffic_unique() || w.dups || w.reorders;
}
