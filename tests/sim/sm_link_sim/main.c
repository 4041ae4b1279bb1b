/* Runs worlds: sm_link_sim [how many [first seed]]. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void broken(const world *w, const char *text) {
  fprintf(stderr, "seed %llu, step %u: broken: %s\n", (unsigned long long)w->seed, w->step, text);
  exit(1);
}

uint32_t rnd(world *w, uint32_t below) { /* splitmix64 */
  uint64_t z = (w->random += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  z ^= z >> 31;
  return below > 0 ? (uint32_t)((z >> 32) % below) : 0;
}

/* Links are few at a time and large: used again. */
static link *spare[8];
static size_t nspare;

link *link_new(void) {
  link *l = nspare > 0 ? spare[--nspare] : malloc(sizeof *l);
  if (l == NULL) {
    abort();
  }
  l->up.head = l->up.len = l->down.head = l->down.len = 0;
  l->client_open = l->server_open = 1;
  l->session = NULL;
  l->asked = 0;
  return l;
}

void link_let_go(link *l) {
  if (l->client_open || l->server_open) {
    return;
  }
  if (nspare < sizeof spare / sizeof spare[0]) {
    spare[nspare++] = l;
  } else {
    free(l);
  }
}

void put(world *w, pipe *p, item it) {
  CHECK(w, p->len < PIPE, "room in a pipe");
  p->items[(p->head + p->len++) % PIPE] = it;
}

int take(pipe *p, item *it) {
  if (p->len == 0) {
    return 0;
  }
  *it = p->items[p->head];
  p->head = (p->head + 1) % PIPE;
  p->len--;
  return 1;
}

/* A link that the client has left and the server still believes in. */
typedef struct ghost {
  link *link;
  size_t user;
} ghost;

static ghost ghosts[256];
static size_t nghosts;

static void arrive_up(world *w, size_t user, link *l, uint32_t most) {
  item it;
  while (most-- > 0 && l->server_open && take(&l->up, &it)) {
    server_receive(w, user, l, &it);
  }
}

static void arrive_down(world *w, size_t user, uint32_t most) {
  client *c = &w->clients[user];
  item it;
  while (most-- > 0 && c->link != NULL && take(&c->link->down, &it)) {
    client_receive(w, user, &it);
  }
}

/* What was under way may still arrive at the server, or nothing of it. */
static void cut(world *w, size_t user) {
  link *l = w->clients[user].link;
  arrive_down(w, user, rnd(w, 4));
  if (l->server_open && nghosts < sizeof ghosts / sizeof ghosts[0]) {
    l->up.len = rnd(w, 2) ? rnd(w, (uint32_t)l->up.len + 1) : 0;
    ghosts[nghosts++] = (ghost){l, user};
  } else if (l->server_open) {
    server_lost(w, l);
  }
  client_lost(w, user);
}

static void notice(world *w, size_t i) {
  ghost g = ghosts[i];
  ghosts[i] = ghosts[--nghosts];
  arrive_up(w, g.user, g.link, rnd(w, 3) ? PIPE : 0);
  if (g.link->server_open) {
    server_lost(w, g.link);
  }
}

/* The server may have let go of a ghost itself (a takeover, a restart): then the link is not there any more. */
static void bury(void) {
  for (size_t i = 0; i < nghosts;) {
    if (!ghosts[i].link->server_open) {
      ghosts[i] = ghosts[--nghosts];
    } else {
      i++;
    }
  }
}

static void online(world *w, size_t user) {
  client *c = &w->clients[user];
  if (!c->link->server_open) { /* the server has closed it */
    client_lost(w, user);
    return;
  }
  switch (rnd(w, 12)) {
  case 0:
    if (rnd(w, 3) == 0) {
      cut(w, user);
    }
    break;
  case 1:
  case 2:
    if (c->ready) {
      client_say(w, user);
    }
    break;
  case 3:
    if (c->ready && w->unasked) {
      client_ack(w, user);
    }
    break;
  case 4:
  case 5:
  case 6:
  case 7:
    arrive_up(w, user, c->link, 1 + rnd(w, 10));
    break;
  default:
    arrive_down(w, user, 1 + rnd(w, 10));
    break;
  }
}

static void step(world *w) {
  size_t user = rnd(w, USERS);
  client *c = &w->clients[user];
  w->now += rnd(w, 2000) * IMP_MILLISECONDS;
  imp_sm_manager_handle_expiry(w->manager, w->now);
  for (uint32_t n = rnd(w, rnd(w, 10) ? 4 : 30); n > 0; n--) {
    server_message(w, user, rnd(w, 8) != 0);
  }
  if (nghosts > 0 && rnd(w, 6) == 0) {
    notice(w, rnd(w, (uint32_t)nghosts));
  }
  bury();
  if (c->link != NULL) {
    online(w, user);
  } else if (w->now >= c->back_at) {
    client_connect(w, user, rnd(w, 15) == 0);
  }
  bury();
  if (w->restarts && rnd(w, 150) == 0) {
    server_restart(w);
    bury();
  }
  server_check(w);
}

static int settled(const world *w) {
  for (size_t user = 0; user < USERS; user++) {
    if (w->clients[user].link == NULL || w->clients[user].first != w->clients[user].next) {
      return 0;
    }
  }
  return w->ledger.now[IMP_FATE_IN_FLIGHT] == 0 && w->ledger.now[IMP_FATE_STORED] == 0;
}

/* Everybody comes back, and nothing is cut any more. */
static void settle_down(world *w) {
  w->unasked = 1;
  for (int round = 0; round < MESSAGES && !settled(w); round++) {
    for (size_t user = 0; user < USERS; user++) {
      client *c = &w->clients[user];
      if (c->link != NULL && !c->link->server_open) {
        client_lost(w, user);
      }
      if (c->link == NULL) {
        client_connect(w, user, 0);
      }
      arrive_up(w, user, c->link, PIPE);
      arrive_down(w, user, PIPE);
      if (c->ready) {
        client_ack(w, user);
        put(w, &c->link->up, (item){.what = R});
      }
      bury();
      server_check(w);
    }
  }
}

static void final_check(world *w) {
  for (uint32_t n = 1; n <= w->nmessages; n++) {
    const message *m = &w->messages[n];
    CHECK(w, m->state == IMP_FATE_RETURNED || m->received > 0, "nothing is lost");
    CHECK(w, m->state != IMP_FATE_IN_FLIGHT && m->state != IMP_FATE_STORED, "everything finds its fate");
    CHECK(w, m->state != IMP_FATE_RETURNED || !w->stores, "what is stored is not returned");
  }
  for (size_t user = 0; user < USERS; user++) {
    const client *c = &w->clients[user];
    CHECK(w, w->upward[user] == c->next - 1 && c->first == c->next, "what clients sent has arrived, and they know");
  }
}

static void begin(world *w, uint64_t seed) {
  memset(w, 0, sizeof *w);
  w->seed = seed;
  w->random = seed;
  w->now = IMP_SECONDS;
  imp_ledger_init(&w->ledger);
  imp_sm_settings_default(&w->settings, sizeof w->settings);
  w->evicts = rnd(w, 2) != 0;
  w->unasked = rnd(w, 2) != 0;
  w->near_wrap = rnd(w, 2) != 0;
  w->restarts = rnd(w, 3) == 0;
  w->stores = rnd(w, 2) != 0;
  w->settings.profile = IMP_SM_PROFILE_LIFTED;
  w->settings.timeout = 30 + rnd(w, 61);
  w->settings.buffer_packets = w->evicts ? 1 + rnd(w, 40) : 2000;
  w->settings.buffer_bytes = w->evicts ? 4096 + rnd(w, 30000) : 16u << 20;
  w->settings.ack_rate = 1 + rnd(w, 12);
  w->settings.max_hibernated = 1 + rnd(w, 3);
  w->settings.handled_max = rnd(w, 4) ? 1000 : rnd(w, 3);
  for (size_t user = 0; user < USERS; user++) {
    w->clients[user].first = w->clients[user].next = 1;
  }
  server_start(w);
}

static void finish(world *w) {
  for (size_t user = 0; user < USERS; user++) {
    client *c = &w->clients[user];
    if (c->link != NULL) {
      link *l = c->link;
      l->server_open = 0;
      client_lost(w, user);
    }
    for (size_t i = 0; i < c->nlogs; i++) {
      free(c->logs[i].numbers);
    }
  }
  while (nghosts > 0) {
    link *l = ghosts[--nghosts].link;
    l->server_open = 0;
    link_let_go(l);
  }
  server_stop(w);
}

static void run(world *w, uint64_t seed, uint64_t seen[8]) {
  begin(w, seed);
  for (w->step = 1; w->step <= 400; w->step++) {
    step(w);
  }
  settle_down(w);
  final_check(w);
  for (size_t i = 0; i < 8; i++) {
    seen[i] += w->seen[i];
  }
  finish(w);
}

int main(int argc, char **argv) {
  static world w;
  static const char *const names[8] = {"resumed",   "without history", "unknown", "taken over",
                                       "inherited", "expired",         "late h",  "restarts"};
  unsigned long many = argc > 1 ? strtoul(argv[1], NULL, 10) : 2000;
  uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1, seen[8] = {0};
  for (unsigned long i = 0; i < many; i++) {
    run(&w, first + i, seen);
  }
  while (nspare > 0) {
    free(spare[--nspare]);
  }
  printf("%lu worlds:", many);
  for (size_t i = 0; i < 8; i++) {
    printf(" %s %llu%s", names[i], (unsigned long long)seen[i], i < 7 ? "," : "\n");
    if (many >= 1000 && seen[i] == 0) {
      fprintf(stderr, "nothing was ever %s: the worlds are too poor to prove anything\n", names[i]);
      return 1;
    }
  }
  return 0;
}
