/*
 * Each round: every sender sends K messages at once; a connection that is to be cut goes down in
 * the middle of them; K more are sent while it is away; it comes back and resumes. The first half
 * of the connections receives, the second half sends.
 */
#include "xload.h"

#include <stdlib.h>

static void choose_victims(int half) {
  for (int i = 0; i < w.n; i++) {
    int cut = i < half && (opt.drop & DROP_RX);
    w.conn[i].dropped_round = w.conn[i].st != ST_UP;
    w.conn[i].drop_after = cut ? 1 + (int)(random() % opt.k) : -1;
  }
}

static void first_batch(int half) {
  for (int i = half; i < w.n; i++) {
    struct conn *c = &w.conn[i];
    for (int k = 0; k < opt.k; k++)
      traffic_send(c);
    if ((opt.drop & DROP_TX) && c->st == ST_UP) {
      conn_flush(c);
      if (c->st == ST_UP)
        traffic_cut(c);
    }
    if (i % 8 == 0)
      loop_turn(0);
  }
}

static void second_batch(int half) {
  for (int i = half; i < w.n; i++)
    for (int k = 0; w.conn[i].st != ST_DEAD && k < opt.k; k++)
      traffic_send(&w.conn[i]);
}

/* Brings back whoever is due; how many are not through yet. */
static int bring_back(int half) {
  int pending = 0;
  uint64_t t = now_ns();
  for (int i = 0; i < w.n; i++) {
    struct conn *c = &w.conn[i];
    if (c->st == ST_DOWN && t >= c->t_due)
      conn_start(c);
    pending += c->st != ST_UP && c->st != ST_DEAD;
    pending += i < half && (opt.drop & DROP_RX) && !c->dropped_round;
  }
  return pending;
}

static void one_round(int half) {
  choose_victims(half);
  first_batch(half);
  double begin = elapsed_s();
  for (int second = 0; elapsed_s() < begin + 20;) {
    int pending = bring_back(half);
    if (!second && elapsed_s() > begin + 0.02) {
      second_batch(half);
      second = 1;
    }
    if (second && !pending && traffic_unique() == traffic_sent())
      return;
    loop_turn(5);
  }
}

void resume_run(void) {
  srandom(1);
  window_begin();
  for (int r = 0; r < opt.rounds && elapsed_s() < opt.maxtime; r++)
    one_round(w.n / 2);
  window_end();
  traffic_drain(5);
  loop_for(0.5); /* late duplicates */
}
