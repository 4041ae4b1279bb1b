/*
 * storm: all sessions are cut at one moment and come back together with <resume/>, with no other
 * traffic, so that the server's CPU time in the window is that of the resumptions. With --raw the
 * same against a server that does nothing but the TLS handshake: the floor.
 */
#include "xload.h"

static void cut_all(void) {
  for (int i = 0; i < w.n; i++)
    if (w.conn[i].st == ST_UP)
      traffic_cut(&w.conn[i]);
}

static void all_back(void) {
  double end = elapsed_s() + 60;
  for (int i = 0; i < w.n; i++)
    if (w.conn[i].st == ST_DOWN)
      conn_start(&w.conn[i]);
  while (w.up + w.failed < w.n && elapsed_s() < end)
    loop_turn(5);
}

static void bare(void) {
  for (int i = 0; i < w.n; i++) {
    w.busy++;
    w.opened++;
    conn_start(&w.conn[i]);
  }
  double end = elapsed_s() + 60;
  while (w.up + w.failed < w.n && elapsed_s() < end)
    loop_turn(5);
  w.resume = w.login;
  w.resumed = w.up;
}

void storm_run(void) {
  for (int r = 0; r < (opt.raw ? 1 : opt.rounds); r++) {
    if (!opt.raw) {
      cut_all();
      loop_for(opt.gap_ms / 1e3);
    }
    window_begin();
    if (opt.raw)
      bare();
    else
      all_back();
    loop_for(0.3); /* the server's last work on them */
    window_end();
  }
}
