/* One user, many online contacts: a broadcast goes out when the one before has reached them all. */
#include "xload.h"

#include <stdio.h>
#include <string.h>

/* This contact now sees user0's presence. */
void presence_approve(struct conn *c) {
  w.approvals += !c->approved;
  c->approved = 1;
}

void presence_in(struct conn *c, const char *s, size_t n) {
  char type[32] = "", from[200], tmp[300];
  xml_attr(s, n, "type", type, sizeof type);
  if (!strcmp(type, "subscribe") && xml_attr(s, n, "from", from, sizeof from))
    stanza_out(c, tmp, (size_t)snprintf(tmp, sizeof tmp,
                                        "<presence type='subscribed' to='%s'/>", from));
  else if (!strcmp(type, "subscribed"))
    presence_approve(c);
  else if (c->idx) /* user0's own presence comes back to it as well */
    traffic_arrived(c, s, n, "<status>#");
}

/* Subscribed in an earlier run? */
void presence_roster(struct conn *c, const char *s, size_t n) {
  char sub[16];
  for (const char *p = s; p < s + n; p++) {
    size_t left = (size_t)(s + n - p);
    if (*p == '<' && xml_is(p, left, "item") && xml_has(p, left, "user0@") &&
        xml_attr(p, left, "subscription", sub, sizeof sub) &&
        (!strcmp(sub, "to") || !strcmp(sub, "both")))
      presence_approve(c);
  }
}

static void subscribe_all(void) {
  char tmp[256];
  for (int i = 1; i < w.n; i++)
    if (w.conn[i].st == ST_UP)
      stanza_out(&w.conn[i], tmp,
                 (size_t)snprintf(tmp, sizeof tmp, "<presence type='subscribe' to='user0@%s'/>",
                                  opt.domain));
  double end = elapsed_s() + 20;
  while (w.approvals < w.n - 1 && elapsed_s() < end)
    loop_turn(20);
  loop_for(1);
}

static void broadcast(int round) {
  char tmp[256];
  stanza_out(&w.conn[0], tmp,
             (size_t)snprintf(tmp, sizeof tmp,
                              "<presence><show>%s</show><status>#0 %d %llu </status></presence>",
                              round % 2 ? "away" : "dnd", round, (unsigned long long)now_ns()));
}

void presence_run(void) {
  subscribe_all();
  if (!w.approvals)
    return;
  uint64_t base = w.delivered;
  double end = elapsed_s() + opt.time;
  window_begin();
  for (int r = 0; elapsed_s() < end; r++) {
    broadcast(r);
    uint64_t goal = base + ++w.presences * (uint64_t)w.approvals;
    double limit = elapsed_s() + 5;
    while (w.delivered < goal && elapsed_s() < limit)
      loop_turn(5);
  }
  window_end();
}
