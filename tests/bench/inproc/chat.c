#include "inproc.h"

#include <stdio.h>
#include <string.h>

#define WINDOW 8

static char text[WINDOW * 256];
static size_t text_len, digits_at[WINDOW];

/* Eight messages as text; only the recipient's number changes afterwards. */
static void compose(void) {
  text_len = 0;
  for (int k = 0; k < WINDOW; k++) {
    char body[101];
    memset(body, 'a' + k, 100);
    body[100] = 0;
    int n = snprintf(text + text_len, sizeof text - text_len,
                     "<message to='user000000@plain.test/bench' type='chat' id='%d'><body>%s</body>"
                     "</message>",
                     1000 + k, body);
    digits_at[k] = text_len + strlen("<message to='user");
    text_len += (size_t)n;
  }
}

static void address(size_t to) {
  char d[6];
  for (int i = 5; i >= 0; i--, to /= 10)
    d[i] = (char)('0' + to % 10);
  for (int k = 0; k < WINDOW; k++)
    memcpy(text + digits_at[k], d, 6);
}

static uint64_t next_random(void) {
  static uint64_t x = 88172645463325252u;
  x ^= x << 13;
  x ^= x >> 7;
  return x ^= x << 17;
}

static void acknowledge(struct world *w, size_t i) {
  char a[80];
  w->received[i] += WINDOW;
  int n = snprintf(a, sizeof a, "<a xmlns='urn:xmpp:sm:3' h='%u'/>", w->received[i]);
  world_feed(w, i, a, (size_t)n);
}

static void one_turn(struct world *w, size_t batch) {
  size_t from[64];
  for (size_t b = 0; b < batch; b++) {
    from[b] = next_random() % w->n;
    address(from[b] ^ 1);
    world_feed(w, from[b], text, text_len);
    if (w->sm)
      world_feed(w, from[b], "<r xmlns='urn:xmpp:sm:3'/>", 26);
  }
  world_turn(w);
  for (size_t b = 0; w->sm && b < batch; b++)
    acknowledge(w, from[b] ^ 1);
}

/* Not inlined: callgrind collects from here on. */
__attribute__((noinline)) void inproc_chat(struct world *w, size_t count, size_t batch) {
  compose();
  if (batch > 64)
    batch = 64;
  for (size_t sent = 0; sent < count; sent += batch * WINDOW)
    one_turn(w, batch);
}
