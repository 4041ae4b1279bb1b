#include "xload.h"

/* chat and echo: every sender keeps its window full, or all together keep the rate. */
void chat_run(void) {
  w.running = 1;
  traffic_pace_start();
  for (int i = 0; i < w.n && opt.rate <= 0; i++)
    for (int k = 0; w.conn[i].is_sender && w.conn[i].st == ST_UP && k < opt.window; k++)
      traffic_send(&w.conn[i]);
  loop_for(opt.warm);
  window_begin();
  loop_for(opt.time);
  window_end();
  w.running = 0;
  traffic_drain(5);
}
