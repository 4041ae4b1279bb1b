#include "xload.h"

#include <string.h>

/* To the next '<'; 0 when the input ends first. */
static int find_tag(struct conn *c) {
  struct scan *k = &c->sc;
  const char *b = c->in.p, *lt = memchr(b + k->pos, '<', c->in.n - k->pos);
  k->pos = lt ? (size_t)(lt - b) : c->in.n;
  if (!lt)
    return 0;
  k->tag = k->pos++;
  k->in_tag = 1;
  if (k->depth <= 1)
    k->start = k->tag;
  return 1;
}

/* To the '>' of the tag, which a quoted value may contain; 0 when the input ends first. */
static int find_tag_end(struct conn *c) {
  struct scan *k = &c->sc;
  for (; k->pos < c->in.n; k->pos++) {
    char ch = c->in.p[k->pos];
    if (k->quote)
      k->quote = ch == k->quote ? 0 : k->quote;
    else if (ch == '"' || ch == '\'')
      k->quote = ch;
    else if (ch == '>')
      return 1;
  }
  return 0;
}

/* Accounts for the tag just read; 1 when it ends a child of the stream. */
static int close_tag(struct conn *c) {
  struct scan *k = &c->sc;
  const char *b = c->in.p;
  int done = 0;
  k->in_tag = 0;
  if (b[k->tag + 1] == '/')
    done = --k->depth == 1;
  else if (b[k->pos - 1] == '/')
    done = k->depth == 1;
  else if (b[k->tag + 1] != '?' && b[k->tag + 1] != '!')
    k->depth++;
  k->pos++;
  return done;
}

/* Keeps what belongs to an unfinished child, drops the rest. */
static void compact(struct conn *c) {
  struct scan *k = &c->sc;
  size_t keep = k->depth > 1 ? k->start : k->in_tag ? k->tag : k->pos;
  memmove(c->in.p, c->in.p + keep, c->in.n - keep);
  c->in.n -= keep;
  k->pos -= keep;
  k->start -= keep < k->start ? keep : k->start;
  k->tag -= keep < k->tag ? keep : k->tag;
}

void scan_input(struct conn *c) {
  struct scan *k = &c->sc;
  c->restart = 0;
  while (k->pos < c->in.n) {
    if (!k->in_tag && !find_tag(c))
      break;
    if (!find_tag_end(c))
      break;
    if (close_tag(c))
      stanza_in(c, c->in.p + k->start, k->pos - k->start);
    else if (k->depth == 0 && c->in.p[k->tag + 1] == '/')
      conn_fail(c, "server closed the stream");
    if (c->restart) { /* a new stream: nothing of the old one counts */
      c->in.n = 0;
      memset(k, 0, sizeof *k);
      return;
    }
    if (c->fd < 0)
      return;
  }
  compact(c);
}
