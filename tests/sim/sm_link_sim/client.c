/* A client, from the text of XEP-0198. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static log *current(client *c) { return &c->logs[c->nlogs - 1]; }

static void remember(world *w, client *c, uint32_t number) {
  log *l = current(c);
  if (l->len == l->cap) {
    l->cap = l->cap > 0 ? 2 * l->cap : 64;
    l->numbers = realloc(l->numbers, l->cap * sizeof l->numbers[0]);
    CHECK(w, l->numbers != NULL, "memory");
  }
  l->numbers[l->len++] = number;
}

static void with_h(client *c, item *it) {
  it->h = c->h;
  it->log = c->nlogs - 1;
  it->covered = current(c)->len;
}

void client_connect(world *w, size_t user, int forgets) {
  client *c = &w->clients[user];
  item it = {.what = BIND};
  c->link = link_new();
  c->ready = 0;
  if (forgets) {
    c->id[0] = '\0';
    c->may_double = 1;
  }
  if (c->id[0] != '\0') {
    it.what = RESUME;
    snprintf(it.id, sizeof it.id, "%s", c->id);
    with_h(c, &it);
  }
  put(w, &c->link->up, it);
}

static void send_again(world *w, client *c) {
  for (uint32_t n = c->first; n != c->next; n++) {
    put(w, &c->link->up, (item){.what = STANZA, .number = n});
  }
}

/* What the server says it has handled. */
static void handled(world *w, client *c, uint32_t h) {
  uint32_t covered = h - c->acked;
  CHECK(w, covered <= c->next - c->first, "the server handled more than was sent, or takes back what it handled");
  c->first += covered;
  c->acked = h;
}

static void enabled(world *w, client *c, const item *it) {
  CHECK(w, c->nlogs < LOGS, "room for logs");
  c->nlogs++;
  snprintf(c->id, sizeof c->id, "%s", it->id);
  c->h = c->acked = it->h;
  c->ready = 1;
  send_again(w, c);
}

static void failed(world *w, client *c, const item *it) {
  if (it->known) {
    handled(w, c, it->h);
  } else {
    c->may_double = 1;
  }
  c->id[0] = '\0';
  put(w, &c->link->up, (item){.what = BIND});
}

void client_ack(world *w, size_t user) {
  client *c = &w->clients[user];
  item it = {.what = A};
  with_h(c, &it);
  put(w, &c->link->up, it);
}

static void stanza(world *w, size_t user, uint32_t number) {
  client *c = &w->clients[user];
  message *m = &w->messages[number];
  CHECK(w, c->ready, "no stanza before <enabled/> or <resumed/>");
  c->h++;
  remember(w, c, number);
  if (number == 0) {
    return;
  }
  CHECK(w, m->user == user, "a message comes to the user that it is for");
  if (m->received++ == 0 && !w->evicts) {
    CHECK(w, number > c->last_received, "messages come in order");
    c->last_received = number;
  }
}

void client_receive(world *w, size_t user, const item *it) {
  client *c = &w->clients[user];
  switch (it->what) {
  case STANZA:
    stanza(w, user, it->number);
    break;
  case R:
    client_ack(w, user);
    break;
  case A:
    handled(w, c, it->h);
    break;
  case ENABLED:
    enabled(w, c, it);
    break;
  case RESUMED:
    handled(w, c, it->h);
    c->ready = 1;
    send_again(w, c);
    break;
  case FAILED:
    failed(w, c, it);
    break;
  default:
    broken(w, "the client knows what the server says");
  }
}

void client_lost(world *w, size_t user) {
  client *c = &w->clients[user];
  c->link->client_open = 0;
  link_let_go(c->link);
  c->link = NULL;
  c->ready = 0;
  c->back_at = w->now + rnd(w, rnd(w, 3) ? 50 : 100) * IMP_SECONDS;
}

void client_say(world *w, size_t user) {
  client *c = &w->clients[user];
  if (c->next < UPWARD) {
    put(w, &c->link->up, (item){.what = STANZA, .number = c->next++});
  }
  if (rnd(w, 4) == 0) {
    put(w, &c->link->up, (item){.what = R});
  }
}
