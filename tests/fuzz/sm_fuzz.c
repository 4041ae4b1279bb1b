/*
 * Stream management: any sequence of calls, against a model that counts in 64 bits and keeps plain lists.
 *
 * Input: bytes of operations, each followed by what it needs; see step(). Missing bytes are 0.
 */
#include <imp/sm.h>

#include "fuzz.h"

#define SLOTS 6
#define KEPT 600

typedef struct kept {
  uintptr_t packet;
  uint64_t count;
  size_t bytes;
  int resent;
} kept;

/* What a session should be. Counters do not wrap here. */
typedef struct model {
  imp_sm *sm; /* NULL: none */
  const char *user;
  uint64_t in, out, acked, evicted, written, past;
  uint64_t settling; /* what is covered by the acknowledgement in hand */
  kept kept[KEPT];
  size_t len;
  int resumable, hibernates, ends, moves;
  imp_tstamp deadline;
} model;

/* What should be known of a session that is gone. */
typedef struct gone {
  char id[IMP_SM_ID_MAX + 1];
  const char *user;
  uint32_t in;
} gone;

static struct {
  const uint8_t *at, *end;
  imp_sm_manager *manager;
  imp_sm_settings settings;
  imp_tstamp now;
  model models[SLOTS];
  gone gones[SLOTS];
  uintptr_t packets;
  uint64_t random;
  unsigned answers; /* how many callbacks may still send */
  int forgetting;   /* a restart: nothing has a fate */
} f;

static unsigned byte(void) { return f.at < f.end ? *f.at++ : 0; }

static uint32_t word(void) {
  uint32_t v = byte();
  v = v << 8 | byte();
  v = v << 8 | byte();
  return v << 8 | byte();
}

static model *model_of(const imp_sm *sm) {
  for (size_t i = 0; i < SLOTS; i++) {
    if (f.models[i].sm == sm) {
      return &f.models[i];
    }
  }
  fprintf(stderr, "a session that nobody made\n");
  abort();
}

static void push(model *m, uintptr_t packet, size_t bytes, int resent) {
  FUZZ_CHECK(m->len < KEPT);
  m->kept[m->len++] = (kept){packet, m->out, bytes, resent};
}

static kept pop(model *m) {
  kept first = m->kept[0];
  FUZZ_CHECK(m->len > 0);
  m->len--;
  memmove(m->kept, m->kept + 1, m->len * sizeof first);
  return first;
}

static void check(const model *m) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < m->len; i++) {
    bytes += m->kept[i].bytes;
  }
  FUZZ_CHECK(imp_sm_get_in(m->sm) == (uint32_t)m->in);
  FUZZ_CHECK(imp_sm_get_out(m->sm) == (uint32_t)m->out);
  FUZZ_CHECK(imp_sm_get_acked(m->sm) == (uint32_t)m->acked);
  FUZZ_CHECK(imp_sm_get_queued(m->sm) == m->len);
  FUZZ_CHECK(imp_sm_get_queued_bytes(m->sm) == bytes);
  FUZZ_CHECK(imp_sm_is_hibernating(m->sm) == m->hibernates);
  FUZZ_CHECK(imp_sm_get_deadline(m->sm) == (m->hibernates ? m->deadline : IMP_TSTAMP_NEVER));
  FUZZ_CHECK(m->evicted <= m->acked || m->len == 0 || m->evicted < m->kept[0].count);
}

static void check_all(void) {
  imp_sm_stats s;
  uint64_t queued = 0, sessions = 0, hibernating = 0;
  for (size_t i = 0; i < SLOTS; i++) {
    if (f.models[i].sm != NULL) {
      check(&f.models[i]);
      queued += f.models[i].len;
      sessions++;
      hibernating += f.models[i].hibernates != 0;
    }
  }
  imp_sm_manager_stats(f.manager, &s, sizeof s);
  FUZZ_CHECK(s.queued == queued && s.sessions == sessions && s.hibernating == hibernating);
  FUZZ_CHECK(s.packets == s.queued + s.acked + s.evicted + s.abandoned);
}

static void send(model *m, size_t bytes) {
  uintptr_t packet = ++f.packets;
  int outstanding = imp_sm_r_outstanding(m->sm);
  if (m->len + 8 > KEPT) {
    return;
  }
  int rv = imp_sm_sent(m->sm, bytes > 0 ? (void *)packet : NULL, bytes);
  if (m->ends) {
    FUZZ_CHECK(rv == IMP_ERR_STATE);
    return;
  }
  FUZZ_CHECK(rv == IMP_OK || rv == IMP_SM_WANT_R);
  FUZZ_CHECK(rv == IMP_OK || (!outstanding && !m->hibernates && imp_sm_r_outstanding(m->sm)));
  m->out++;
  if (bytes > 0) {
    push(m, packet, bytes, 0);
  }
}

static void settle(imp_sm *sm, void *packet, uint32_t count, imp_sm_settled how, void *user_data) {
  model *m = model_of(sm);
  (void)user_data;
  if (f.forgetting) {
    return;
  }
  kept first = pop(m);
  FUZZ_CHECK(first.packet == (uintptr_t)packet);
  FUZZ_CHECK((uint32_t)first.count == count);
  FUZZ_CHECK((how == IMP_SM_ABANDONED) == m->ends);
  if (how == IMP_SM_EVICTED) {
    FUZZ_CHECK(first.count > m->settling);
    m->evicted = first.count;
  } else if (how != IMP_SM_ABANDONED) {
    FUZZ_CHECK(first.count <= m->settling);
    FUZZ_CHECK(first.resent == (how == IMP_SM_RESENT_ACKED));
  }
  if (f.answers > 0) {
    f.answers--;
    send(m, 50);
  }
}

static void evicted_acked(imp_sm *sm, uint32_t count, void *user_data) {
  model *m = model_of(sm);
  uint64_t newest = m->evicted < m->settling ? m->evicted : m->settling;
  (void)user_data;
  FUZZ_CHECK(count == (uint32_t)newest);
}

static void bury(model *m, int remembered) {
  gone *g = &f.gones[m - f.models];
  g->user = NULL;
  if (m->resumable && remembered) {
    snprintf(g->id, sizeof g->id, "%s", imp_sm_get_id(m->sm));
    g->user = m->user;
    g->in = (uint32_t)m->in;
  }
}

static void expired(imp_sm *sm, void *user_data) {
  model *m = model_of(sm);
  (void)user_data;
  FUZZ_CHECK(m->hibernates);
  bury(m, 1);
  m->ends = 1;
}

static int randomness(void *bytes, size_t len, void *user_data) {
  uint8_t *p = bytes;
  (void)user_data;
  for (size_t i = 0; i < len; i++) {
    f.random = f.random * 6364136223846793005u + 1442695040888963407u;
    p[i] = (uint8_t)(f.random >> 56);
  }
  return IMP_OK;
}

/* Sessions that came to their end within a call. */
static void sweep(void) {
  for (size_t i = 0; i < SLOTS; i++) {
    if (f.models[i].ends) {
      FUZZ_CHECK(f.models[i].len == 0);
      memset(&f.models[i], 0, sizeof f.models[i]);
    }
  }
}

static void start(void) {
  imp_sm_callbacks cb = {sizeof cb, settle, evicted_acked, expired, randomness, NULL};
  FUZZ_CHECK(imp_sm_manager_new(&f.manager, &f.settings, &cb, "fuzz.", NULL, 0, NULL) == IMP_OK);
}

static void enable(model *m) {
  unsigned how = byte();
  if (m->sm != NULL) {
    return;
  }
  memset(m, 0, sizeof *m);
  m->user = how & 1 ? "a@b" : "c@d";
  m->resumable = (how & 2) != 0;
  int rv = imp_sm_new(f.manager, &m->sm, m->user, m->resumable, how >> 2, f.now, NULL);
  FUZZ_CHECK(f.settings.enabled ? rv == IMP_OK : rv == IMP_ERR_DENIED);
  if (rv == IMP_OK && how >> 2 > 0 && m->resumable) {
    FUZZ_CHECK(imp_sm_get_max(m->sm) == (how >> 2 < f.settings.timeout ? how >> 2 : f.settings.timeout));
  }
}

/* A session that stands at any count. */
static void restore(model *m) {
  static unsigned number;
  char id[32];
  uint32_t at = word(), ahead = byte() % 200, gone_by = ahead > 0 ? byte() % ahead : 0;
  if (m->sm != NULL) {
    return;
  }
  snprintf(id, sizeof id, "r%u", ++number);
  imp_sm_state s = {sizeof s, id, "a@b", at, at + ahead, at, 60, gone_by, 5};
  memset(m, 0, sizeof *m);
  m->user = "a@b";
  m->resumable = m->hibernates = 1;
  m->in = at;
  m->acked = (uint64_t)at + (1ull << 32);
  m->out = m->written = m->acked + ahead;
  m->evicted = gone_by > 0 ? m->acked + gone_by : 0;
  m->past = 5;
  m->deadline = f.now + 60 * IMP_SECONDS;
  m->settling = m->acked;
  FUZZ_CHECK(imp_sm_restore(f.manager, &m->sm, &s, f.now, NULL) == IMP_OK);
  for (uint32_t i = gone_by + 1; i <= ahead && i < gone_by + 20; i++) {
    uintptr_t packet = ++f.packets;
    FUZZ_CHECK(imp_sm_restore_packet(m->sm, (void *)packet, 30, at + i) == IMP_OK);
    uint64_t out = m->out;
    m->out = m->acked + i; /* its number */
    push(m, packet, 30, 0);
    m->out = out;
  }
}

static void acknowledged(model *m, uint32_t h) {
  uint32_t covered = h - (uint32_t)m->acked;
  m->settling = m->acked + covered;
  m->past = m->past + covered < 0x80000000u ? m->past + covered : 0x80000000u;
}

static void settled(model *m) { m->acked = m->settling; }

static int good(const model *m, uint32_t h) { return h - (uint32_t)m->acked <= m->out - m->acked; }
static int old(const model *m, uint32_t h) { return (uint32_t)m->acked - h <= m->past; }

/* Mostly near what is true. */
static uint32_t some_h(const model *m) {
  unsigned how = byte();
  return how < 8 ? word() : (uint32_t)m->acked + how % 128 - 10;
}

/* A callback may look at the count while the call goes on, so the model has it before. */
static void ack(model *m) {
  uint32_t h = some_h(m);
  int is_good = good(m, h), is_old = old(m, h);
  uint64_t before = m->out - m->acked;
  if (is_good) {
    acknowledged(m, h);
  }
  int rv = imp_sm_acked(m->sm, h);
  FUZZ_CHECK((rv == IMP_ERR_MALFORMED) == (!is_good && !is_old));
  if (rv == IMP_SM_WANT_R) {
    FUZZ_CHECK(is_good && before > 0 && imp_sm_r_outstanding(m->sm));
  }
  if (is_good) {
    settled(m);
  }
}

static void resumed(model *m) {
  if (!m->hibernates) {
    m->written = m->out;
  }
  m->hibernates = 0;
  for (size_t i = 0; i < m->len; i++) {
    m->kept[i].resent |= m->kept[i].count <= m->written;
    m->kept[i].count = m->acked + 1 + i;
  }
  m->out = m->acked + m->len;
  m->evicted = 0;
  size_t pos = 0;
  uint32_t count;
  for (size_t i = 0; i < m->len; i++) {
    FUZZ_CHECK((uintptr_t)imp_sm_next_unacked(m->sm, &pos, &count, 1) == m->kept[i].packet);
    FUZZ_CHECK(count == (uint32_t)m->kept[i].count);
  }
  FUZZ_CHECK(imp_sm_next_unacked(m->sm, &pos, &count, 1) == NULL);
}

static void resume(model *m) {
  const char *user = byte() & 7 ? m->user : "mallory@b";
  char id[IMP_SM_ID_MAX + 1];
  uint32_t h = some_h(m), handled;
  int known, mine = user == m->user && m->resumable, is_good = good(m, h), is_old = old(m, h);
  imp_sm *sm;
  snprintf(id, sizeof id, "%s", imp_sm_get_id(m->sm));
  if (mine && is_good) {
    acknowledged(m, h);
  }
  imp_sm_resume_result result = imp_sm_resume(f.manager, user, id, h, f.now, &sm, &handled, &known);
  if (!mine) {
    FUZZ_CHECK(result == IMP_SM_UNKNOWN && sm == NULL && !known);
    return;
  }
  FUZZ_CHECK(sm == m->sm && known && handled == (uint32_t)m->in);
  if (!is_good) {
    FUZZ_CHECK(result == (is_old ? IMP_SM_NO_HISTORY : IMP_SM_H_TOO_HIGH));
    return;
  }
  settled(m);
  FUZZ_CHECK(result == (m->evicted > m->acked ? IMP_SM_NO_HISTORY : IMP_SM_RESUMED));
  if (result == IMP_SM_RESUMED) {
    resumed(m);
  }
}

static void ask_of_gone(gone *g) {
  uint32_t h = word(), handled;
  int known;
  imp_sm *sm;
  if (g->user == NULL) {
    return;
  }
  FUZZ_CHECK(imp_sm_resume(f.manager, g->user, g->id, h, f.now, &sm, &handled, &known) == IMP_SM_UNKNOWN);
  FUZZ_CHECK(sm == NULL && known && handled == g->in);
  FUZZ_CHECK(imp_sm_resume(f.manager, "mallory@b", g->id, h, f.now, &sm, &handled, &known) == IMP_SM_UNKNOWN);
  FUZZ_CHECK(!known);
}

static model *heir;

static void moved(imp_sm *sm, void *packet, uint32_t count, void *user_data) {
  model *from = user_data;
  FUZZ_CHECK(heir->sm == sm);
  kept first = pop(from);
  FUZZ_CHECK((uintptr_t)packet == first.packet);
  heir->out++;
  FUZZ_CHECK((uint32_t)heir->out == count);
  push(heir, first.packet, first.bytes, first.resent || !from->hibernates || first.count <= from->written);
}

static void inherit(model *m, model *from) {
  uint32_t h = some_h(from);
  int has_h = byte() & 1;
  if (from->sm == NULL || from->len + m->len + 8 > KEPT) {
    return;
  }
  int allowed = m != from && strcmp(m->user, from->user) == 0;
  int is_good = good(from, h), is_old = old(from, h);
  if (allowed && has_h && is_good) {
    acknowledged(from, h);
  }
  heir = m;
  f.answers = 0;
  bury(from, 1);
  gone g = f.gones[from - f.models];
  int rv = imp_sm_inherit(m->sm, from->sm, has_h, h, f.now, moved, from);
  if (!allowed || (has_h && !is_good && !is_old)) {
    FUZZ_CHECK(rv == (allowed ? IMP_ERR_MALFORMED : IMP_ERR_INVALID_ARGUMENT));
    f.gones[from - f.models].user = NULL;
    return;
  }
  FUZZ_CHECK(rv >= IMP_OK && from->len == 0);
  f.gones[from - f.models] = g;
  memset(from, 0, sizeof *from);
}

static void disconnect(model *m) {
  int rv = imp_sm_disconnected(m->sm, f.now);
  FUZZ_CHECK(rv == (m->resumable ? IMP_OK : IMP_ERR_STATE));
  if (rv == IMP_OK && !m->hibernates) {
    m->hibernates = 1;
    m->written = m->out;
    m->deadline = f.now + imp_sm_get_max(m->sm) * IMP_SECONDS;
  }
}

static void end(model *m, int remembered) {
  bury(m, remembered);
  m->ends = 1;
  imp_sm_del(m->sm, remembered, f.now);
}

static void change_settings(void) {
  char text[256];
  imp_sm_settings s;
  imp_sm_settings_default(&s, sizeof s);
  s.profile = byte() % 3;
  s.enabled = byte() % 8 != 0;
  s.timeout = byte();
  s.buffer_packets = byte();
  s.buffer_bytes = 4096 + 256 * (uint64_t)byte();
  s.ack_rate = byte();
  s.max_hibernated = byte() % 8;
  int rv = imp_sm_manager_set(f.manager, &s, text, sizeof text);
  FUZZ_CHECK(rv == imp_sm_settings_check(&s, NULL, 0));
  FUZZ_CHECK((rv == IMP_OK) == (text[0] == '\0'));
  if (rv == IMP_OK) {
    f.settings = s;
  }
}

static void wait(void) {
  f.now += byte() * IMP_SECONDS / 2;
  imp_sm_manager_handle_expiry(f.manager, f.now);
  sweep();
  for (size_t i = 0; i < SLOTS; i++) {
    FUZZ_CHECK(f.models[i].sm == NULL || !f.models[i].hibernates || f.models[i].deadline > f.now);
  }
}

/* Attributes as text: whatever it is, what is accepted is what it says. */
static void attributes(void) {
  char text[16], again[16];
  uint32_t h;
  size_t len = byte() % sizeof text;
  for (size_t i = 0; i < len; i++) {
    text[i] = (char)byte();
  }
  text[len] = '\0';
  if (imp_sm_parse_h(text, &h) == IMP_OK) {
    FUZZ_CHECK(strtoull(text, NULL, 10) == h);
    snprintf(again, sizeof again, "%u", (unsigned)h);
    FUZZ_CHECK(strstr(text, again) != NULL && imp_sm_parse_max(text) == h);
  }
  FUZZ_CHECK(!imp_sm_parse_resume(text) || strchr(text, '1') != NULL || strstr(text, "true") != NULL);
}

static void write_all(const model *m) {
  char text[IMP_SM_TEXT_MAX], location[600];
  size_t len = byte() * 2u;
  memset(location, (int)(byte() | 1), len);
  location[len] = '\0';
  FUZZ_CHECK(imp_sm_write_enabled(m->sm, location, text) == strlen(text) && strlen(text) < sizeof text);
  FUZZ_CHECK(strcmp(text + strlen(text) - 2, "/>") == 0);
  FUZZ_CHECK(imp_sm_write_resumed(m->sm, text) == strlen(text));
  FUZZ_CHECK(imp_sm_write_a(m->sm, text) == strlen(text));
}

static void on_session(unsigned op, model *m) {
  switch (op) {
  case 2:
  case 3:
    for (unsigned n = byte() % 32; n > 0; n--) {
      send(m, op == 2 ? 40 : 1 + 64 * byte());
    }
    break;
  case 4:
    send(m, 0);
    break;
  case 5:
  case 6:
    ack(m);
    break;
  case 7:
    imp_sm_received(m->sm);
    m->in++;
    break;
  case 8:
    disconnect(m);
    break;
  case 9:
  case 10:
    resume(m);
    break;
  case 11:
    end(m, byte() & 1);
    break;
  case 12:
    inherit(m, &f.models[byte() % SLOTS]);
    break;
  case 13:
    imp_sm_set_inactive(m->sm, byte() & 1);
    break;
  case 14:
    imp_sm_requested(m->sm);
    FUZZ_CHECK(imp_sm_r_outstanding(m->sm));
    break;
  default:
    write_all(m);
    break;
  }
}

static void step(void) {
  unsigned op = byte();
  model *m = &f.models[(op >> 5) % SLOTS];
  op %= 20;
  f.answers = 0;
  if (op == 0) {
    enable(m);
  } else if (op == 1) {
    restore(m);
  } else if (op == 16) {
    change_settings();
  } else if (op == 17) {
    wait();
  } else if (op == 18) {
    ask_of_gone(&f.gones[byte() % SLOTS]);
  } else if (op == 19) {
    attributes();
  } else if (m->sm != NULL) {
    f.answers = f.at < f.end && (*f.at & 64) ? 3 : 0;
    on_session(op, m);
  }
  sweep();
  check_all();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  memset(&f, 0, sizeof f);
  f.at = data;
  f.end = data + size;
  f.now = IMP_SECONDS;
  f.random = 1;
  imp_sm_settings_default(&f.settings, sizeof f.settings);
  start();
  for (unsigned steps = 0; f.at < f.end && steps < 2000; steps++) {
    step();
  }
  f.answers = 0;
  for (size_t i = 0; i < SLOTS; i++) {
    if (f.models[i].sm != NULL && !f.models[i].hibernates) {
      end(&f.models[i], 1);
      sweep();
    }
  }
  f.forgetting = 1; /* what hibernates goes with the manager */
  imp_sm_manager_del(f.manager);
  return 0;
}
