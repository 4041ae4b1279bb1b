#include "xload.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

struct xl_world w;

static void raise_file_limit(void) {
  struct rlimit rl = {1 << 18, 1 << 18};
  if (setrlimit(RLIMIT_NOFILE, &rl) < 0 && getrlimit(RLIMIT_NOFILE, &rl) == 0) {
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);
  }
}

static void set_role(struct conn *c, int i) {
  c->idx = i;
  c->fd = -1;
  c->drop_after = -1;
  c->peer = -1;
  if (opt.mode == MODE_CHAT) {
    c->is_sender = i % 2 == 0;
    c->peer = i ^ 1;
  } else if (opt.mode == MODE_RESUME) {
    c->is_sender = i >= opt.n;
    c->peer = i >= opt.n ? i - opt.n : i + opt.n;
  } else if (opt.mode == MODE_ECHO) {
    c->is_sender = 1;
  }
}

static void setup(void) {
  raise_file_limit();
  signal(SIGPIPE, SIG_IGN);
  w.n = opt.mode == MODE_CHAT || opt.mode == MODE_RESUME ? opt.n * 2
        : opt.mode == MODE_PRESENCE                      ? opt.n + 1
                                                         : opt.n;
  w.conn = calloc((size_t)w.n, sizeof *w.conn);
  if (!w.conn)
    die("calloc");
  for (int i = 0; i < w.n; i++)
    set_role(&w.conn[i], i);
  tls_init();
  loop_init();
}

static void run_mode(void) {
  loop_for(opt.mode == MODE_IDLE ? opt.hold : 0.5);
  switch (opt.mode) {
  case MODE_IDLE: break;
  case MODE_CHAT:
  case MODE_ECHO: chat_run(); break;
  case MODE_RESUME: resume_run(); break;
  case MODE_PRESENCE: presence_run(); break;
  case MODE_STORM: storm_run(); break;
  }
}

static void say_goodbye(void) {
  for (int i = 0; i < w.n; i++)
    if (w.conn[i].st == ST_UP && !opt.raw)
      PUT(&w.conn[i], "</stream:stream>");
  loop_flush();
  for (int i = 0; i < w.n; i++)
    conn_close(&w.conn[i], 0);
}

int main(int argc, char **argv) {
  options_read(argc, argv);
  setup();
  struct usage before = proc_server();
  if (!(opt.raw && opt.mode == MODE_STORM))
    login_all();
  struct usage up = proc_server();
  report_login(before, up);
  run_mode();
  int bad = report_end(before, up, proc_server());
  say_goodbye();
  return bad;
}
