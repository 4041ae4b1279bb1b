#include "xload.h"

static double server0, self0, machine0, t0;

void window_begin(void) {
  server0 = proc_server().cpu_s;
  self0 = proc_self_cpu();
  machine0 = proc_machine_cpu();
  t0 = elapsed_s();
  w.recording = 1;
}

/* Several stretches add up. */
void window_end(void) {
  double server = proc_server().cpu_s - server0, self = proc_self_cpu() - self0;
  w.recording = 0;
  w.win_s += elapsed_s() - t0;
  w.win_cpu += server;
  w.win_self_cpu += self;
  w.win_other_cpu += proc_machine_cpu() - machine0 - server - self;
}
