/*
 * The node with a durable store on a virtual clock: its process is killed again and again, at any moment, with a commit
 * under way or not, and for a while every commit fails, while people write to each other and their links break.  Seeded;
 * each seed is one history.
 *
 * What must hold, whatever happens:
 *   - the account of every message adds up (after every step, and after every start);
 *   - a message that the server acknowledged to its sender is received, or returned, or was dropped by a rule: none is lost;
 *   - nothing comes again whose acknowledgement by the recipient was committed, while that session lives;
 *   - memory and store agree once a commit has succeeded: the next process finds what this one knows;
 *   - of one sender's messages to one session, none overtakes another while the session lives.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crash_store.h"
#include "world.h"

#define USERS 4
#define MESSAGES 400
#define STEPS 500

typedef struct message {
  int from, to;
  uint32_t count;  /* its number on the sender's stream, while that session lives */
  int session;     /* generation of the sender's session */
  int sent, acked; /* the server has it for sure */
  int received, returned;
  uint32_t in_count; /* its number on the recipient's stream, when it was received */
  int in_session;
  int settled; /* the recipient's acknowledgement has reached the server: 1, and is committed: 2 */
} message;

typedef struct person {
  int generation; /* of sessions */
  int online;
  uint32_t last_seen[USERS]; /* the highest message of each sender that was received in this session */
} person;

static world w;
static client c[USERS];
static person people[USERS];
static message messages[MESSAGES];
static uint64_t this_seed; /* for whoever wants to see a failure again */
static int nmessages;
static crash_store *disk;
static imp_settings settings;
static imp_sm_settings sm;
static int failing; /* commits failed since the last sync_all() */
static uint64_t dropped_errors; /* by processes that are gone */

static void trace(const char *fmt, ...) {
  va_list args;
  if (getenv("TRACE") != NULL) {
    va_start(args, fmt);
    (void)vfprintf(stderr, fmt, args);
    va_end(args);
  }
}

static int rnd(int n) { return (int)(world_random(&w) % (unsigned)n); }

static int number_of(const imp_stanza *st) {
  const char *id = imp_stanza_get_id(st);
  return id != NULL && id[0] == 'm' ? (int)strtol(id + 1, NULL, 10) : -1;
}

static void on_message(client *cl, const imp_stanza *st) {
  int n = number_of(st), me = (int)(cl - c);
  message *m;
  if (imp_stanza_get_kind(st) != IMP_STANZA_MESSAGE || n < 0) {
    return;
  }
  m = &messages[n];
  if (imp_stanza_get_type(st) == IMP_TYPE_ERROR) {
    assert_int_equal(m->from, me);
    m->returned++;
    return;
  }
  assert_int_equal(m->to, me);
  trace("u%d got m%d as %u (session %d)\n", me, n, cl->in, people[me].generation);
  if (m->settled == 2) {
    fail_msg("seed %llu: message %d came again after its acknowledgement had arrived", (unsigned long long)this_seed, n);
  }
  if (m->received++ == 0) {
    uint32_t *last = &people[me].last_seen[m->from];
    if ((uint32_t)n + 1 < *last) {
      fail_msg("seed %llu: message %d came after message %u of the same sender", (unsigned long long)this_seed, n, *last - 1);
    }
    *last = (uint32_t)n + 1;
  }
  m->in_count = cl->in;
  m->in_session = people[me].generation;
}

/* What the server's h covers is the server's; what our h covers, once sent on a live link, has arrived. */
static void note_acks(int i) {
  for (int n = 0; n < nmessages; n++) {
    message *m = &messages[n];
    if (m->from == i && m->session == people[i].generation && m->sent && m->count <= c[i].peer_acked) {
      m->acked = 1;
    }
  }
}

static void note_settled(int i, uint32_t h) {
  for (int n = 0; n < nmessages; n++) {
    message *m = &messages[n];
    if (m->to == i && m->received && m->in_session == people[i].generation && m->in_count <= h && !m->settled) {
      m->settled = 1;
    }
  }
}

static void drop_stanzas(void) {
  for (int i = 0; i < USERS; i++) {
    imp_stanza *st;
    while ((st = client_next(&c[i])) != NULL) {
      imp_stanza_del(st);
    }
  }
}

static void settle(void) {
  world_run(&w, c, USERS);
  world_check_ledger(&w);
  for (int i = 0; i < USERS; i++) {
    note_acks(i);
  }
  drop_stanzas();
}

/* All that is noted is committed, from here on at once. */
static void sync_all(void) {
  crash_store_mode(disk, CRASH_FLUSH_AT_ONCE);
  for (int i = 0; i < 3; i++) {
    crash_store_commit(disk);
    settle();
  }
  if (failing) { /* it is tried again then */
    failing = 0;
    world_wait(&w, c, USERS, IMP_SECONDS);
    settle();
  }
  for (int n = 0; n < nmessages; n++) {
    messages[n].settled = messages[n].settled ? 2 : 0;
  }
}

static uint64_t errors_dropped(void) {
  imp_stats stats;
  imp_node_stats(w.node, &stats, sizeof(stats));
  return stats.ledger.dropped[IMP_DROP_ERROR];
}

static void kill_and_start(void) {
  trace("kill\n");
  dropped_errors += errors_dropped();
  crash_store_crash(disk);
  for (int i = 0; i < USERS; i++) {
    client_cut(&c[i], 1);
  }
  imp_node_del(w.node);
  w.node = NULL;
  if (rnd(4) == 0) {
    w.wall -= (imp_wallclock)rnd(100000); /* the clock is put back */
  }
  crash_store_revive(disk);
  world_renew(&w, &settings);
  assert_int_equal(imp_node_set_store(w.node, crash_store_vtable(), disk), IMP_OK);
  settle();
  for (int n = 0; n < nmessages; n++) {
    messages[n].settled = messages[n].settled == 2 ? 2 : 0;
  }
}

/* What the process knew, once all is committed, the next one finds. */
static void kill_in_peace(void) {
  imp_stats before, after;
  uint64_t known;
  sync_all();
  imp_node_stats(w.node, &before, sizeof(before));
  kill_and_start();
  imp_node_stats(w.node, &after, sizeof(after));
  known = before.ledger.now[IMP_FATE_STORED] + before.ledger.now[IMP_FATE_IN_FLIGHT];
  if (known != after.ledger.accepted || before.sm.sessions != after.sm.sessions) {
    fail_msg("seed %llu: %llu messages and %llu sessions before the restart, %llu and %llu after",
             (unsigned long long)this_seed, (unsigned long long)known,
             (unsigned long long)before.sm.sessions, (unsigned long long)after.ledger.accepted,
             (unsigned long long)after.sm.sessions);
  }
}

static void come_online(int i) {
  people[i].generation++;
  memset(people[i].last_seen, 0, sizeof(people[i].last_seen));
  people[i].online = 1;
  client_stanza(&c[i], "<presence/>");
}

static void log_in(int i) {
  client_login(&c[i], 1);
  come_online(i);
}

static void write_to(int i) {
  char xml[200], to[64];
  message *m = &messages[nmessages];
  int other = rnd(USERS);
  if (nmessages == MESSAGES || c[i].conn == NULL) {
    return;
  }
  memset(m, 0, sizeof(*m));
  m->from = i;
  m->to = other;
  m->session = people[i].generation;
  m->sent = 1;
  snprintf(to, sizeof(to), rnd(2) ? "u%d@im.example/r" : "u%d@im.example", other);
  snprintf(xml, sizeof(xml), "<message to='%s' type='chat' id='m%d'><body>%d</body></message>", to, nmessages,
           nmessages);
  nmessages++;
  client_stanza(&c[i], xml);
  m->count = c[i].out;
  trace("u%d wrote m%d as %u to %s\n", i, nmessages - 1, m->count, to);
  if (rnd(3) == 0) {
    client_send(&c[i], "<r xmlns='urn:xmpp:sm:3'/>");
  }
}

static void acknowledge(int i) {
  if (c[i].conn != NULL) {
    client_ack(&c[i]);
    note_settled(i, c[i].in);
  }
}

/* What the server does not have after a resumption went with its process. A client would send it again: this one does so
   with its presence only. */
static void forget_unsent(int i) {
  for (int n = 0; n < nmessages; n++) {
    message *m = &messages[n];
    if (m->from == i && m->session == people[i].generation && m->count > c[i].peer_acked) {
      m->sent = 0;
    }
  }
  if (c[i].out != c[i].peer_acked) {
    c[i].out = c[i].peer_acked;
    client_stanza(&c[i], "<presence/>");
    memset(people[i].last_seen, 0, sizeof(people[i].last_seen)); /* while unavailable, only some went to offline storage */
  }
}

static void come_back(int i) {
  if (c[i].conn != NULL) {
    return;
  }
  sync_all();
  uint32_t h = c[i].in;
  if (people[i].online && rnd(10) != 0) {
    int resumed = client_resume(&c[i]);
    trace("u%d %s with %u\n", i, resumed ? "resumed" : "refused", h);
    note_settled(i, h); /* <resume h/> says so, also when it comes too late */
    if (resumed) {
      forget_unsent(i);
      return;
    }
    client_bind(&c[i], 1);
    come_online(i);
    return;
  }
  log_in(i);
}

static void change_mode(void) {
  static const crash_flush modes[] = {CRASH_FLUSH_LATER, CRASH_FLUSH_LATER, CRASH_FLUSH_AT_ONCE, CRASH_FLUSH_FAILS};
  crash_flush mode = modes[rnd(4)];
  trace("disk %d\n", (int)mode);
  crash_store_mode(disk, mode);
  failing |= mode == CRASH_FLUSH_FAILS;
}

static void step(void) {
  int i = rnd(USERS), what = rnd(16);
  trace("step %d u%d in %u out %u link %d\n", what, i, c[i].in, c[i].out, c[i].conn != NULL);
  switch (what) {
  case 0:
    client_cut(&c[i], rnd(2));
    break;
  case 1:
  case 2:
    come_back(i);
    break;
  case 3:
    if (rnd(3) == 0) {
      if (rnd(2)) {
        kill_and_start();
      } else {
        kill_in_peace();
      }
    } else if (c[i].conn != NULL && rnd(4) == 0) {
      sync_all();
      acknowledge(i);
      client_leave(&c[i]);
      people[i].online = 0;
    }
    break;
  case 4:
    world_wait(&w, c, USERS, (imp_tstamp)rnd(20) * IMP_SECONDS);
    break;
  case 5:
    if (rnd(10) == 0) {
      world_wait(&w, c, USERS, 90 * IMP_SECONDS);
    }
    break;
  case 6:
  case 7:
    acknowledge(i);
    break;
  case 8:
    change_mode();
    break;
  case 9:
    crash_store_commit(disk);
    break;
  default:
    write_to(i);
    break;
  }
}

/* Everybody comes back, reads and acknowledges everything. */
static void come_to_rest(void) {
  sync_all();
  world_wait(&w, c, USERS, 200 * IMP_SECONDS);
  for (int round = 0; round < 40; round++) {
    for (int i = 0; i < USERS; i++) {
      c[i].auto_ack = 1;
      come_back(i);
      if (c[i].conn != NULL) {
        client_send(&c[i], "<r xmlns='urn:xmpp:sm:3'/>");
      }
      settle();
      acknowledge(i);
      settle();
    }
  }
}

/* A message that was returned to somebody who never came back for it ended as an error that nobody took. */
static void judge(uint64_t seed) {
  imp_stats stats;
  uint64_t unseen = 0;
  imp_node_stats(w.node, &stats, sizeof(stats));
  for (int n = 0; n < nmessages; n++) {
    const message *m = &messages[n];
    unseen += m->acked && !m->received && !m->returned;
    if (m->acked && !m->received && !m->returned) {
      trace("unseen: m%d from u%d to u%d\n", n, m->from, m->to);
    }
  }
  if (unseen > dropped_errors + stats.ledger.dropped[IMP_DROP_ERROR]) {
    fail_msg("seed %llu: %llu messages are lost", (unsigned long long)seed, (unsigned long long)unseen);
  }
  assert_int_equal(stats.ledger.now[IMP_FATE_IN_FLIGHT], 0);
}

static void history(uint64_t seed, uint32_t policy) {
  this_seed = seed;
  imp_settings_default(&settings, sizeof(settings));
  imp_sm_settings_default(&sm, sizeof(sm));
  sm.policy = policy;
  sm.buffer_packets = seed % 3 == 0 ? 5 : 100; /* a small buffer overflows often */
  settings.sm = &sm;
  settings.durable = 1;
  settings.node_name = seed % 2 == 0 ? "-" : ""; /* ids begin with anything */
  disk = crash_store_new();
  dropped_errors = 0;
  failing = 0;
  world_open(&w, &settings, seed);
  assert_int_equal(imp_node_set_store(w.node, crash_store_vtable(), disk), IMP_OK);
  world_run(&w, c, 0);
  memset(people, 0, sizeof(people));
  nmessages = 0;
  for (int i = 0; i < USERS; i++) {
    char name[8];
    snprintf(name, sizeof(name), "u%d", i);
    client_init(&c[i], &w, name, "r");
    c[i].on_stanza = on_message;
    c[i].auto_ack = 0;
    log_in(i);
  }
  for (int i = 0; i < STEPS; i++) {
    step();
    settle();
  }
  come_to_rest();
  judge(seed);
  for (int i = 0; i < USERS; i++) {
    client_free(&c[i]);
  }
  crash_store_crash(disk);
  world_close(&w);
  crash_store_del(disk);
}

int main(int argc, char **argv) {
  uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 60, first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
  for (uint64_t seed = first; seed < first + count; seed++) {
    history(seed, (uint32_t)(seed % 3));
  }
  printf("%llu histories, nothing lost, nothing twice\n", (unsigned long long)count);
  return 0;
}
