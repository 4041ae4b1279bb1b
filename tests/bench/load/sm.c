#include "xload.h"

#include <stdlib.h>
#include <string.h>

static void keep(struct conn *c, const char *s, size_t n) {
  if (c->qn == c->qcap) {
    c->qcap = c->qcap * 2 + 64;
    c->q = realloc(c->q, c->qcap * sizeof *c->q);
  }
  char *copy = strndup(s, n);
  if (!c->q || !copy)
    die("queue");
  c->q[c->qn++] = copy;
}

/* A stanza goes out, or waits for the resumption. */
void sm_sent(struct conn *c, const char *s, size_t n) {
  if (opt.mode == MODE_RESUME)
    keep(c, s, n);
}

static void acked(struct conn *c, const char *s, size_t n) {
  char text[32];
  if (!xml_attr(s, n, "h", text, sizeof text))
    return;
  uint32_t h = (uint32_t)strtoul(text, NULL, 10);
  while (c->sm_acked != h && c->qhead < c->qn) {
    free(c->q[c->qhead++]);
    c->sm_acked++;
  }
  c->sm_acked = h;
  if (c->qhead == c->qn)
    c->qhead = c->qn = 0;
}

static void enabled(struct conn *c, const char *s, size_t n) {
  c->sm_on = 1;
  w.sm_sessions++;
  if (!xml_attr(s, n, "id", c->sm_id, sizeof c->sm_id))
    conn_fail(c, "no resumption id");
  else
    login_done(c);
}

static void resumed(struct conn *c, const char *s, size_t n) {
  acked(c, s, n);
  c->st = ST_UP;
  w.busy--;
  w.up++;
  w.resumed++;
  hist_add(&w.resume, now_ns() - c->t0);
  for (size_t i = c->qhead; i < c->qn; i++)
    put(c, c->q[i], strlen(c->q[i]));
  if (opt.mode == MODE_RESUME)
    PUT(c, "<r xmlns='" NS_SM "'/>");
}

void sm_element(struct conn *c, const char *s, size_t n) {
  if (xml_is(s, n, "r"))
    putf(c, "<a xmlns='" NS_SM "' h='%u'/>", c->sm_in);
  else if (xml_is(s, n, "a"))
    acked(c, s, n);
  else if (xml_is(s, n, "enabled"))
    enabled(c, s, n);
  else if (xml_is(s, n, "resumed"))
    resumed(c, s, n);
  else if (xml_is(s, n, "failed"))
    conn_fail(c, c->st == ST_RESUME ? "resume refused" : "SM refused");
}
