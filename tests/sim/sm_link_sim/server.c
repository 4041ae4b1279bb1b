/* A server on imp/sm.h: router, offline storage, and books of its own. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *packet_of(uint32_t number) { return (void *)(uintptr_t)number; }

static void move(world *w, uint32_t number, imp_fate to) {
  message *m = &w->messages[number];
  CHECK(w, m->state == IMP_FATE_IN_FLIGHT || m->state == IMP_FATE_STORED, "a message has one fate");
  imp_ledger_move(&w->ledger, m->state, to);
  w->stored[m->user] -= m->state == IMP_FATE_STORED;
  w->stored[m->user] += to == IMP_FATE_STORED;
  m->state = to;
}

static void store(world *w, uint32_t number, const imp_sm *sm, uint32_t count) {
  message *m = &w->messages[number];
  const session *s = sm != NULL ? imp_sm_get_session_data(sm) : NULL;
  if (m->state != IMP_FATE_STORED) {
    move(w, number, IMP_FATE_STORED);
  }
  m->was_stored = 1;
  m->serial = s != NULL ? s->serial : 0;
  m->count = count;
  snprintf(m->id, sizeof m->id, "%s", sm != NULL ? imp_sm_get_id(sm) : "");
}

static void write_down(world *w, session *s, item it) {
  if (s->link == NULL || !s->link->server_open) {
    return;
  }
  if (it.what == STANZA && it.number != 0) {
    CHECK(w, !w->messages[it.number].reached, "nothing acknowledged is sent again");
  }
  if (it.what == R) {
    s->link->asked++; /* until an answer arrives */
    CHECK(w, w->unasked || s->link->asked == 1, "one <r/> outstanding at a time");
  }
  put(w, &s->link->down, it);
}

static void send(world *w, session *s, uint32_t number) {
  int rv = imp_sm_sent(s->sm, packet_of(number), 100 + number % 900);
  CHECK(w, rv >= IMP_OK, "a stanza is taken");
  write_down(w, s, (item){.what = STANZA, .number = number});
  if (rv == IMP_SM_WANT_R) {
    write_down(w, s, (item){.what = R});
  }
}

static int is_stored(const world *w, size_t user, uint32_t number) {
  return w->messages[number].user == user && w->messages[number].state == IMP_FATE_STORED;
}

/* From storage, oldest first, no more than there is room for; what this session has evicted waits for its fate. */
static void hand_out(world *w, session *s) {
  for (uint32_t n = 1; w->stored[s->user] > 0 && n <= w->nmessages && imp_sm_get_room(s->sm) > 0; n++) {
    if (is_stored(w, s->user, n) && w->messages[n].serial != s->serial) {
      move(w, n, IMP_FATE_IN_FLIGHT);
      send(w, s, n);
    }
  }
}

void server_message(world *w, size_t user, int worth_keeping) {
  session *s = w->sessions[user];
  if (!worth_keeping) {
    if (s != NULL) {
      send(w, s, 0);
    }
    return;
  }
  if (w->nmessages == MESSAGES) {
    return;
  }
  uint32_t number = ++w->nmessages;
  w->messages[number] = (message){.user = user};
  imp_ledger_accept(&w->ledger);
  if (s == NULL || w->stored[user] > 0) {
    store(w, number, NULL, 0);
  } else {
    send(w, s, number);
  }
  if (s != NULL) {
    hand_out(w, s);
  }
}

static void settle(imp_sm *sm, void *packet, uint32_t count, imp_sm_settled how, void *user_data) {
  world *w = user_data;
  uint32_t number = (uint32_t)(uintptr_t)packet;
  session *s = imp_sm_get_session_data(sm);
  message *m = &w->messages[number];
  if (w->stopping) {
    return;
  }
  if (how == IMP_SM_ACKED || how == IMP_SM_RESENT_ACKED) {
    CHECK(w, m->received > 0, "what is acknowledged has been received");
    move(w, number, m->was_stored ? IMP_FATE_FROM_OFFLINE : how == IMP_SM_ACKED ? IMP_FATE_ACKNOWLEDGED : IMP_FATE_RESENT);
    if (s->link != NULL) {
      hand_out(w, s);
    }
    return;
  }
  CHECK(w, !m->reached, "nothing acknowledged is stored or returned");
  CHECK(w, how != IMP_SM_EVICTED || w->evicts, "nothing is evicted from a buffer that is large enough");
  if (how == IMP_SM_EVICTED || w->stores) {
    store(w, number, sm, count);
  } else {
    move(w, number, IMP_FATE_RETURNED);
  }
}

/* `below` is modulo 2^32, so compare with what is tracked. */
static void take_out(world *w, size_t user, const char *id, uint32_t below) {
  for (uint32_t n = 1; w->stored[user] > 0 && n <= w->nmessages; n++) {
    message *m = &w->messages[n];
    if (is_stored(w, user, n) && strcmp(m->id, id) == 0 && (int32_t)(below - m->count) >= 0) {
      CHECK(w, m->received > 0, "what is taken out of storage has been received");
      move(w, n, IMP_FATE_FROM_OFFLINE);
    }
  }
}

static void evicted_acked(imp_sm *sm, uint32_t count, void *user_data) {
  session *s = imp_sm_get_session_data(sm);
  take_out(user_data, s->user, imp_sm_get_id(sm), count);
}

static void late_acked(const char *user, const char *id, uint32_t count, void *user_data) {
  world *w = user_data;
  w->seen[SEEN_LATE]++;
  take_out(w, (size_t)(user[4] - '0'), id, count);
}

static void forget(world *w, session *s) {
  if (s->link != NULL) {
    s->link->session = NULL;
    s->link = NULL;
  }
  if (w->sessions[s->user] == s) {
    w->sessions[s->user] = NULL;
  }
}

static void expired(imp_sm *sm, void *user_data) {
  world *w = user_data;
  session *s = imp_sm_get_session_data(sm);
  w->seen[SEEN_EXPIRED]++;
  CHECK(w, s->link == NULL, "only what has no link ends");
  forget(w, s);
  s->sm = NULL;
}

static int randomness(void *bytes, size_t len, void *user_data) {
  uint8_t *p = bytes;
  for (size_t i = 0; i < len; i++) {
    p[i] = (uint8_t)rnd(user_data, 256);
  }
  return IMP_OK;
}

void server_start(world *w) {
  imp_sm_callbacks cb = {sizeof cb, settle, evicted_acked, expired, randomness, late_acked};
  char text[200] = "";
  w->stopping = 0;
  if (imp_sm_manager_new(&w->manager, &w->settings, &cb, "sim.", text, sizeof text, w) != IMP_OK) {
    broken(w, text);
  }
}

/* Sessions are never freed before the world ends: this list finds them. */
static session *all[USERS * LOGS * 2];
static size_t nall;

static session *session_new(world *w, size_t user, link *l) {
  session *s = calloc(1, sizeof *s);
  CHECK(w, s != NULL && nall < sizeof all / sizeof all[0], "memory");
  s->world = w;
  s->user = user;
  s->link = l;
  s->serial = ++w->serials;
  all[nall++] = s;
  return s;
}

static void user_name(char name[32], size_t user) { snprintf(name, 32, "user%zu@example.net", user); }

/* A session whose counters are about to wrap: restored and resumed at once. */
static void enable_near_wrap(world *w, session *s, const char *name) {
  static unsigned ids;
  char id[32];
  uint32_t at = 0xffffffffu - rnd(w, 30), handled;
  imp_sm_state state = {sizeof state, id, name, at, at, at, w->settings.timeout, 0, 0x80000000u};
  int known;
  imp_sm *sm;
  snprintf(id, sizeof id, "wrap.%u", ++ids);
  CHECK(w, imp_sm_restore(w->manager, &s->sm, &state, w->now, s) == IMP_OK, "a session is restored");
  CHECK(w, imp_sm_resume(w->manager, name, id, at, w->now, &sm, &handled, &known) == IMP_SM_RESUMED, "and resumed");
}

static void bind(world *w, size_t user, link *l) {
  session *s = session_new(w, user, l);
  char name[32];
  user_name(name, user);
  if (w->near_wrap && rnd(w, 2)) {
    enable_near_wrap(w, s, name);
  } else {
    CHECK(w, imp_sm_new(w->manager, &s->sm, name, 1, rnd(w, 100), w->now, s) == IMP_OK, "a session is enabled");
  }
  l->session = s;
  item it = {.what = ENABLED, .h = imp_sm_get_out(s->sm)};
  snprintf(it.id, sizeof it.id, "%s", imp_sm_get_id(s->sm));
  write_down(w, s, it);
  w->sessions[user] = s;
}

static void moved(imp_sm *sm, void *packet, uint32_t count, void *user_data) {
  session *s = imp_sm_get_session_data(sm);
  (void)count;
  write_down(user_data, s, (item){.what = STANZA, .number = (uint32_t)(uintptr_t)packet});
}

/* The new session takes over from the old, which the client has forgotten or was refused. */
static void inherit(world *w, session *s, session *old) {
  if (old == NULL) {
    return;
  }
  if (old->link != NULL) {
    link *l = old->link;
    l->session = NULL;
    old->link = NULL;
    server_lost(w, l);
  }
  w->seen[SEEN_INHERITED]++;
  int rv = imp_sm_inherit(s->sm, old->sm, 0, 0, w->now, moved, w);
  CHECK(w, rv >= IMP_OK, "the queue is inherited");
  old->sm = NULL;
  if (rv == IMP_SM_WANT_R) {
    write_down(w, s, (item){.what = R});
  }
}

static void replay(world *w, session *s) {
  size_t pos = 0;
  uint32_t count, last = imp_sm_get_acked(s->sm);
  void *packet;
  while ((packet = imp_sm_next_unacked(s->sm, &pos, &count, 1)) != NULL) {
    CHECK(w, count - imp_sm_get_acked(s->sm) > last - imp_sm_get_acked(s->sm), "the buffer is in order");
    last = count;
    write_down(w, s, (item){.what = STANZA, .number = (uint32_t)(uintptr_t)packet});
  }
  if (pos > 0) {
    write_down(w, s, (item){.what = R});
    imp_sm_requested(s->sm);
  }
}

/* What the client's `h` stands for, if the server knows the session: it is acknowledged now. */
static void reached(world *w, size_t user, const item *it) {
  const log *l = &w->clients[user].logs[it->log];
  for (size_t i = 0; i < it->covered; i++) {
    message *m = &w->messages[l->numbers[i]];
    if (l->numbers[i] != 0) {
      m->reached = 1;
    }
  }
}

static void check_reached(world *w, size_t user, const item *it) {
  const log *l = &w->clients[user].logs[it->log];
  for (size_t i = 0; i < it->covered; i++) {
    imp_fate state = w->messages[l->numbers[i]].state;
    CHECK(w, l->numbers[i] == 0 || (state != IMP_FATE_IN_FLIGHT && state != IMP_FATE_STORED),
          "an acknowledgement settles what it covers");
  }
}

/* Of a session that is gone: what was stored for it. (What went on to another session is acknowledged there.) */
static void check_late(world *w, size_t user, const item *it) {
  const log *l = &w->clients[user].logs[it->log];
  for (size_t i = 0; i < it->covered; i++) {
    uint32_t n = l->numbers[i];
    CHECK(w, n == 0 || !is_stored(w, user, n) || strcmp(w->messages[n].id, it->id) != 0,
          "a late acknowledgement takes out of storage what it covers");
  }
}

static void resumed(world *w, link *l, session *s, uint32_t handled) {
  w->seen[SEEN_RESUMED]++;
  if (s->link != NULL) { /* it looked alive */
    link *old = s->link;
    w->seen[SEEN_TAKEOVER]++;
    old->session = NULL;
    server_lost(w, old);
  }
  s->link = l;
  l->session = s;
  write_down(w, s, (item){.what = RESUMED, .h = handled});
  replay(w, s);
  hand_out(w, s);
}

/* A session that its own resumption may not find any more had the messages: known is what counts. */
static int knows(world *w, const char *name, const item *it) {
  imp_sm_stats before, after;
  imp_sm *sm;
  uint32_t handled;
  int known;
  imp_sm_manager_stats(w->manager, &before, sizeof before);
  (void)imp_sm_resume(w->manager, "somebody@example.net", it->id, it->h, w->now, &sm, &handled, &known);
  imp_sm_manager_stats(w->manager, &after, sizeof after);
  CHECK(w, sm == NULL && !known && after.queued == before.queued, "another user's id is unknown");
  return imp_sm_find(w->manager, name, it->id) != NULL;
}

/* What still comes by a connection that the client has given up must not be handled after <failed h=''/>. */
static void forget_link(world *w, imp_sm *sm) {
  session *s = sm != NULL ? imp_sm_get_session_data(sm) : NULL;
  if (s != NULL && s->link != NULL) {
    server_lost(w, s->link);
  }
}

static void resume(world *w, size_t user, link *l, const item *it) {
  char name[32];
  imp_sm *sm;
  uint32_t handled;
  int known;
  user_name(name, user);
  int live = knows(w, name, it);
  if (live) {
    reached(w, user, it);
  }
  imp_sm_resume_result result =
      imp_sm_resume(w->manager, name, it->id, it->h, w->now, &sm, &handled, &known);
  CHECK(w, live == (sm != NULL), "a session is found, or not");
  CHECK(w, result != IMP_SM_H_TOO_HIGH, "an honest h is never too high");
  if (result == IMP_SM_RESUMED) {
    resumed(w, l, imp_sm_get_session_data(sm), handled);
  } else {
    w->seen[result == IMP_SM_UNKNOWN ? SEEN_UNKNOWN : SEEN_NO_HISTORY]++;
    /* or if it is an old <resume/>, from a link that broke before another resumed */
    CHECK(w, result == IMP_SM_UNKNOWN || w->evicts || (int32_t)(imp_sm_get_acked(sm) - it->h) > 0,
          "history is missing only if something was evicted");
    forget_link(w, sm);
    put(w, &l->down, (item){.what = FAILED, .h = handled, .known = known});
  }
  if (live) {
    check_reached(w, user, it);
  } else if (known) {
    check_late(w, user, it);
  }
}

static void acked(world *w, link *l, size_t user, const item *it) {
  session *s = l->session;
  if (rnd(w, 50) == 0) {
    CHECK(w, imp_sm_acked(s->sm, imp_sm_get_out(s->sm) + 1 + rnd(w, 0x7fffffff)) == IMP_ERR_MALFORMED,
          "h above what was sent is an error");
  }
  reached(w, user, it);
  l->asked = 0;
  int rv = imp_sm_acked(s->sm, it->h);
  CHECK(w, rv >= IMP_OK, "an honest h is no error");
  if (rv == IMP_SM_WANT_R) {
    write_down(w, s, (item){.what = R});
  }
  check_reached(w, user, it);
}

static void upward(world *w, size_t user, session *s, uint32_t number) {
  client *c = &w->clients[user];
  imp_sm_received(s->sm);
  if (!c->may_double) {
    CHECK(w, number == w->upward[user] + 1, "what the client sends arrives once and in order");
  }
  CHECK(w, number <= w->upward[user] + 1, "nothing that the client sends is lost");
  if (number > w->upward[user]) {
    w->upward[user] = number;
  }
}

void server_receive(world *w, size_t user, link *l, const item *it) {
  session *s = l->session;
  switch (it->what) {
  case BIND:
    s = w->sessions[user];
    bind(w, user, l);
    inherit(w, l->session, s);
    hand_out(w, l->session);
    break;
  case RESUME:
    resume(w, user, l, it);
    break;
  case STANZA:
    upward(w, user, s, it->number);
    break;
  case R:
    write_down(w, s, (item){.what = A, .h = imp_sm_get_in(s->sm)});
    break;
  case A:
    acked(w, l, user, it);
    break;
  default:
    broken(w, "the server knows what the client says");
  }
}

void server_lost(world *w, link *l) {
  session *s = l->session;
  l->server_open = 0;
  l->session = NULL;
  if (s != NULL) {
    s->link = NULL;
    CHECK(w, imp_sm_disconnected(s->sm, w->now) == IMP_OK, "a session hibernates");
  }
  link_let_go(l);
}

typedef struct kept {
  imp_sm_state state;
  char id[IMP_SM_ID_MAX + 1], user[32];
  uint32_t numbers[2000], counts[2000];
  size_t len;
  session *session;
} kept;

static void keep(world *w, kept *k, session *s) {
  size_t pos = 0;
  void *packet;
  imp_sm_get_state(s->sm, &k->state, sizeof k->state);
  snprintf(k->id, sizeof k->id, "%s", k->state.id);
  snprintf(k->user, sizeof k->user, "%s", k->state.user);
  k->state.id = k->id;
  k->state.user = k->user;
  k->session = s;
  for (k->len = 0; (packet = imp_sm_next_unacked(s->sm, &pos, &k->counts[k->len], 0)) != NULL; k->len++) {
    CHECK(w, k->len < 2000, "room");
    k->numbers[k->len] = (uint32_t)(uintptr_t)packet;
  }
}

static void give_back(world *w, const kept *k) {
  session *s = k->session;
  CHECK(w, imp_sm_restore(w->manager, &s->sm, &k->state, w->now, s) == IMP_OK, "a kept session is restored");
  for (size_t i = 0; i < k->len; i++) {
    CHECK(w, imp_sm_restore_packet(s->sm, packet_of(k->numbers[i]), 100 + k->numbers[i] % 900, k->counts[i]) == IMP_OK,
          "a kept packet is restored");
  }
}

void server_restart(world *w) {
  static kept kepts[USERS];
  size_t n = 0;
  w->seen[SEEN_RESTART]++;
  for (size_t u = 0; u < USERS; u++) {
    session *s = w->sessions[u];
    if (s != NULL) {
      keep(w, &kepts[n++], s);
      if (s->link != NULL) {
        link *l = s->link;
        l->session = NULL;
        l->server_open = 0;
        s->link = NULL;
        link_let_go(l);
      }
    }
  }
  w->stopping = 1;
  for (size_t i = 0; i < n; i++) {
    imp_sm_del(kepts[i].session->sm, 0, w->now);
  }
  imp_sm_manager_del(w->manager);
  server_start(w);
  for (size_t i = 0; i < n; i++) {
    give_back(w, &kepts[i]);
  }
}

void server_stop(world *w) {
  w->stopping = 1;
  for (size_t i = 0; i < nall; i++) {
    imp_sm_del(all[i]->sm, 0, w->now);
    free(all[i]);
  }
  nall = 0;
  imp_sm_manager_del(w->manager);
}

void server_check(world *w) {
  uint64_t books[IMP_FATES] = {0};
  imp_sm_stats s;
  for (uint32_t n = 1; n <= w->nmessages; n++) {
    books[w->messages[n].state]++;
  }
  CHECK(w, imp_ledger_balances(&w->ledger), "the ledger balances");
  CHECK(w, memcmp(books, w->ledger.now, sizeof books) == 0, "the ledger says what happened");
  CHECK(w, w->ledger.accepted == w->nmessages, "the ledger knows all");
  imp_sm_manager_stats(w->manager, &s, sizeof s);
  CHECK(w, s.queued == w->ledger.now[IMP_FATE_IN_FLIGHT], "what is in flight is in a buffer");
  CHECK(w, s.packets == s.queued + s.acked + s.evicted + s.abandoned, "the statistics add up");
}
