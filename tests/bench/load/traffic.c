#include "xload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t pace_t0, pace_sent;

void traffic_send(struct conn *c) {
  char tmp[8192], body[4096];
  const char *to = opt.mode == MODE_ECHO ? opt.to : w.conn[c->peer].jid;
  int n = snprintf(body, sizeof body, "#%d %llu %llu ", c->idx, (unsigned long long)c->seq,
                   (unsigned long long)now_ns());
  for (; n < opt.body && n < (int)sizeof body - 1; n++)
    body[n] = (char)('a' + n % 26);
  body[n] = 0;
  n = snprintf(tmp, sizeof tmp, "<message to='%s' type='chat' id='%llu'><body>%s</body></message>",
               to, (unsigned long long)c->seq, body);
  c->seq++;
  stanza_out(c, tmp, (size_t)n);
}

/* Books the arrival of a sender's message: exactly once, in order. */
static void book(struct conn *s, uint64_t seq) {
  if (seq >= s->seq) {
    w.bad++;
    return;
  }
  if (seq / 8 >= s->seen_cap) {
    size_t cap = (seq / 8 + 1) * 2 + 64;
    s->seen = realloc(s->seen, cap);
    if (!s->seen)
      die("realloc");
    memset(s->seen + s->seen_cap, 0, cap - s->seen_cap);
    s->seen_cap = cap;
  }
  if (s->seen[seq / 8] & (1 << (seq % 8))) {
    w.dups++;
    return;
  }
  s->seen[seq / 8] |= (unsigned char)(1 << (seq % 8));
  s->uniq++;
  if (seq < s->top)
    w.reorders++;
  else
    s->top = seq + 1;
}

void traffic_arrived(struct conn *c, const char *s, size_t n, const char *mark) {
  const char *b = memmem(s, n, mark, strlen(mark));
  unsigned long long idx, seq, ts;
  if (!b || sscanf(b + strlen(mark), "%llu %llu %llu", &idx, &seq, &ts) != 3 ||
      idx >= (unsigned)w.n)
    return;
  struct conn *sender = &w.conn[idx];
  w.delivered++;
  if (w.recording) {
    w.win_delivered++;
    hist_add(&w.msg, now_ns() - ts);
  }
  if (opt.mode == MODE_PRESENCE)
    return;
  book(sender, seq);
  if (w.running && sender->st == ST_UP && opt.mode != MODE_RESUME && opt.rate <= 0)
    traffic_send(sender);
  if (c->drop_after > 0 && --c->drop_after == 0)
    traffic_cut(c);
}

/* Down by RST, unread input thrown away; due back after the gap. */
void traffic_cut(struct conn *c) {
  conn_close(c, 1);
  c->st = ST_DOWN;
  c->dropped_round = 1;
  c->drop_after = -1;
  c->t_due = now_ns() + (uint64_t)opt.gap_ms * 1000000u;
  w.up--;
  w.busy++;
}

void traffic_pace_start(void) {
  pace_t0 = now_ns();
}

/* Open loop (--rate): sends what is due by now, the senders taking turns. */
void traffic_pace(void) {
  static int next;
  uint64_t due = (uint64_t)((double)(now_ns() - pace_t0) / 1e9 * opt.rate);
  for (int tries = 0; pace_sent < due && tries < 2 * w.n; tries++) {
    struct conn *c = &w.conn[next++ % w.n];
    if (c->is_sender && c->st == ST_UP) {
      traffic_send(c);
      pace_sent++;
    }
  }
}

uint64_t traffic_sent(void) {
  uint64_t sum = 0;
  for (int i = 0; i < w.n; i++)
    sum += w.conn[i].seq;
  return sum;
}

uint64_t traffic_unique(void) {
  uint64_t sum = 0;
  for (int i = 0; i < w.n; i++)
    sum += w.conn[i].uniq;
  return sum;
}

void traffic_drain(double seconds) {
  double end = elapsed_s() + seconds;
  while (traffic_unique() < traffic_sent() && elapsed_s() < end)
    loop_turn(20);
}
