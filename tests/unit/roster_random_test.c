/*
 * Users who do anything at any time, over a store that answers late: whenever all is quiet, who believes to see
 * somebody is seen as a subscriber there, and what each client has been told of the others is what is so.  (The
 * converse cannot hold: a refusal that crosses a second request leaves that one behind, and it may be granted though
 * nobody asks any more.)
 *
 * rooms: c2s im
 */
#include "alloc_fail.h"
#include "slow_store.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USERS 4
#define RESOURCES 2
#define CLIENTS (USERS * RESOURCES)

static world w;
static client c[CLIENTS];
static int online[CLIENTS], available[CLIENTS];
static char show[CLIENTS][8];          /* what each has said last */
static char seen[CLIENTS][CLIENTS][8]; /* what each has been told of each: "" is unavailable */
static imp_memory_store *memory;
static slow_store *slow;
static uint64_t seed_state;

static const char *const names[USERS] = {"anna", "bert", "cleo", "dirk"};

static unsigned rnd(unsigned n) {
  seed_state = seed_state * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(seed_state >> 33) % n;
}

static int user_of(int i) { return i / RESOURCES; }

static int client_of(const char *jid) {
  for (int i = 0; i < CLIENTS; i++) {
    char full[80];
    snprintf(full, sizeof(full), "%s@%s/r%d", names[user_of(i)], WORLD_DOMAIN, i % RESOURCES);
    if (strcmp(full, jid) == 0) {
      return i;
    }
  }
  return -1;
}

static void on_stanza(client *me, const imp_stanza *st) {
  const imp_elem *el;
  int i;
  if (imp_stanza_get_kind(st) != IMP_STANZA_PRESENCE || imp_stanza_get_from(st) == NULL) {
    return;
  }
  i = client_of(imp_jid_full(imp_stanza_get_from(st)));
  if (i < 0) {
    return;
  }
  el = imp_stanza_child(st, "show", "jabber:client");
  if (imp_stanza_get_type(st) == IMP_TYPE_NONE) {
    snprintf(seen[me - c][i], sizeof(seen[0][0]), "%s", el ? imp_elem_text(el, NULL) : "none");
  } else if (imp_stanza_get_type(st) == IMP_TYPE_UNAVAILABLE) {
    seen[me - c][i][0] = '\0';
  }
}

static void drain(void) {
  for (int i = 0; i < CLIENTS; i++) {
    for (imp_stanza *st; c[i].w != NULL && (st = client_next(&c[i])) != NULL;) {
      imp_stanza_del(st);
    }
  }
}

static void run(void) {
  world_run(&w, c, CLIENTS);
  drain();
}

static void quiet(void) {
  do {
    run();
  } while (slow_store_answer(slow) > 0);
  run();
}

static void log_in(int i) {
  char resource[8];
  snprintf(resource, sizeof(resource), "r%d", i % RESOURCES);
  client_init(&c[i], &w, names[user_of(i)], resource);
  memset(seen[i], 0, sizeof(seen[i]));
  c[i].on_stanza = on_stanza;
  client_login(&c[i], 0);
  client_stanza(&c[i], "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
  online[i] = 1;
  available[i] = 0;
}

static void log_out(int i) {
  if (rnd(2)) {
    client_leave(&c[i]);
  } else {
    client_cut(&c[i], (int)rnd(2));
  }
  client_free(&c[i]);
  memset(&c[i], 0, sizeof(c[i]));
  online[i] = available[i] = 0;
}

static void be(int i) {
  static const char *const shows[] = {"away", "dnd", "xa", "chat"};
  char xml[80];
  snprintf(show[i], sizeof(show[i]), "%s", shows[rnd(4)]);
  snprintf(xml, sizeof(xml), "<presence><show>%s</show></presence>", show[i]);
  client_stanza(&c[i], xml);
  available[i] = 1;
}

static void say(int i, int to) {
  static const char *const types[] = {"subscribe",  "subscribe",   "subscribed",
                                      "subscribed", "unsubscribe", "unsubscribed"};
  char xml[200];
  if (rnd(8) == 0) {
    snprintf(xml, sizeof(xml),
             "<iq type='set' id='x'><query xmlns='jabber:iq:roster'><item jid='%s@%s'%s/></query></iq>", names[to],
             WORLD_DOMAIN, rnd(2) ? " subscription='remove'" : "");
  } else {
    snprintf(xml, sizeof(xml), "<presence type='%s' to='%s@%s'/>", types[rnd(6)], names[to], WORLD_DOMAIN);
  }
  client_stanza(&c[i], xml);
}

static void by_the_host(int a, int b) {
  int (*const calls[])(imp_node *, const char *, const char *, imp_result_fn, void *) = {imp_roster_subscribe,
                                                                                         imp_roster_unsubscribe};
  assert_int_equal(calls[rnd(2)](w.node, names[a], names[b], NULL, NULL), IMP_OK);
}

static void step(void) {
  int i = (int)rnd(CLIENTS), to = (user_of(i) + 1 + (int)rnd(USERS - 1)) % USERS;
  unsigned what = rnd(20);
  if (!online[i]) {
    if (what < 8) {
      log_in(i);
    }
  } else if (what == 0) {
    log_out(i);
  } else if (what < 6) {
    be(i);
  } else if (what == 6 && available[i]) {
    client_stanza(&c[i], "<presence type='unavailable'/>");
    available[i] = 0;
    run();
    memset(seen[i], 0, sizeof(seen[i])); /* a client that comes back is told anew */
  } else if (what == 7) {
    by_the_host(user_of(i), to);
  } else {
    say(i, to);
  }
}

typedef struct table {
  int to[USERS], from[USERS], ask[USERS], asked[USERS];
} table;

static void on_list(imp_node *node, int status, const imp_roster_item *items, size_t n, void *user_data) {
  table *t = user_data;
  (void)node;
  assert_int_equal(status, IMP_OK);
  for (size_t k = 0; k < n; k++) {
    for (int u = 0; u < USERS; u++) {
      size_t len = strlen(names[u]);
      if (strncmp(items[k].jid, names[u], len) == 0 && items[k].jid[len] == '@') {
        t->to[u] = items[k].subscription & IMP_SUBSCRIPTION_TO;
        t->from[u] = items[k].subscription & IMP_SUBSCRIPTION_FROM;
        t->ask[u] = (int)items[k].ask;
        t->asked[u] = (int)items[k].asked;
      }
    }
  }
}

static void check_client(int i, const table *all) {
  for (int k = 0; k < CLIENTS; k++) {
    int sees = user_of(k) == user_of(i) || all[user_of(k)].from[user_of(i)];
    const char *wanted = sees && available[k] ? show[k] : "";
    int unwanted =
        user_of(k) != user_of(i) && sees && !all[user_of(i)].to[user_of(k)]; /* told of changes, and does not ask */
    if (available[i] && !unwanted && strcmp(seen[i][k], wanted) != 0) {
      fail_msg("%s/r%d thinks that %s/r%d is \"%s\", and it is \"%s\"", names[user_of(i)], i % RESOURCES,
               names[user_of(k)], k % RESOURCES, seen[i][k], wanted);
    }
  }
}

static void check(void) {
  static table t[USERS];
  memset(t, 0, sizeof(t));
  for (int u = 0; u < USERS; u++) {
    assert_int_equal(imp_roster_list(w.node, names[u], on_list, &t[u]), IMP_OK);
  }
  quiet();
  for (int a = 0; a < USERS; a++) {
    for (int b = 0; b < USERS; b++) {
      assert_true(!t[a].to[b] || t[b].from[a]);
      assert_true(!t[a].ask[b] || t[b].asked[a]);
    }
  }
  for (int i = 0; i < CLIENTS; i++) {
    check_client(i, t);
  }
}

static void close_all(void *unused) {
  (void)unused;
  for (int i = 0; i < CLIENTS; i++) {
    if (c[i].w != NULL) {
      client_free(&c[i]);
      memset(&c[i], 0, sizeof(c[i]));
    }
  }
  world_close(&w);
  slow_store_del(slow);
  imp_memory_store_del(memory);
}

static void play(uint64_t seed) {
  memset(c, 0, sizeof(c));
  memset(online, 0, sizeof(online));
  memset(available, 0, sizeof(available));
  seed_state = seed * 0x9e3779b97f4a7c15u;
  world_open(&w, NULL, seed);
  assert_int_equal(imp_memory_store_new(&memory), IMP_OK);
  slow = slow_store_new(imp_memory_store_vtable(), memory);
  assert_int_equal(imp_node_set_store(w.node, slow_store_vtable(slow), slow), IMP_OK);
  quiet();
  for (int n = 0; n < 1200; n++) {
    step();
    if (rnd(3) == 0) {
      run();
    }
    if (rnd(6) == 0) {
      (void)slow_store_answer(slow);
    }
    if (rnd(25) == 0) {
      quiet();
      check();
    }
  }
  close_all(NULL);
}

/* ROSTER_SEEDS=FIRST-LAST: more of them. */
static void anything_at_any_time(void **state) {
  const char *seeds = getenv("ROSTER_SEEDS");
  unsigned first = 1, last = 20;
  (void)state;
  unit_skip_alloc_fail();
  if (seeds != NULL) {
    assert_int_equal(sscanf(seeds, "%u-%u", &first, &last), 2);
  }
  for (; first <= last; first++) {
    play(first);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(anything_at_any_time)};
  return unit_run("roster_random", tests);
}
