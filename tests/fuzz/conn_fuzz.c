/*
 * Whole connections of hostile clients, to a node with all that it has.
 *
 * One line a step; its first letter says which of four connections (a, b: TCP; c: WebSocket; d: behind a PROXY header) it
 * is about, the second what is done:
 *   !    a new connection, an old one is deleted
 *   +    a whole login of the user of that letter: PLAIN, bind, <enable/> ("+-": without <enable/>)
 *   ^    <resume/> of the user's last session, with an `h` that follows
 *   .    time passes, as many seconds as the number says
 *   %    the peer reads nothing ("%"), or everything again ("%1")
 *   ~    the peer closes its side
 *   else the rest of the line, fed as it is
 * After every step the account of every message must add up.
 */
#include <imp/imp.h>

#include "fuzz.h"

#define LINKS 4

typedef struct peer {
  imp_conn *conn;
  int deaf;
  char sm_id[80];
} peer;

static imp_node *node;
static peer peers[LINKS];
static imp_tstamp now;
static uint64_t seed;

static int pseudo_random(void *dst, size_t len, void *user_data) {
  uint8_t *p = dst;
  (void)user_data;
  while (len-- > 0) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    *p++ = (uint8_t)(seed >> 33);
  }
  return 0;
}

static imp_wallclock wallclock(void *user_data) {
  (void)user_data;
  return 1767225600000u + now / IMP_MILLISECONDS;
}

static int credential(imp_op *op, const char *username, void *user_data) {
  imp_credential c = {.size = sizeof c, .password = "pass"};
  (void)user_data;
  if (username[0] == 'n') {
    return IMP_ERR_DENIED;
  }
  imp_op_set_credential(op, &c);
  imp_op_done(op, IMP_OK);
  return IMP_OK;
}

static int exists(imp_op *op, const char *username, void *user_data) {
  (void)user_data;
  imp_op_done(op, username[0] == 'n' ? IMP_ERR_NOT_FOUND : IMP_OK);
  return IMP_OK;
}

static int echo(imp_node *n, const imp_stanza *st, void *user_data) {
  (void)user_data;
  return imp_stanza_get_body(st) != NULL && imp_stanza_get_type(st) != IMP_TYPE_ERROR
             ? imp_node_reply_text(n, st, imp_stanza_get_body(st))
             : IMP_OK;
}

static void remember_id(peer *p, const char *text, size_t len) {
  static const char mark[] = "id='", *const enabled = "<enabled";
  const char *at = memmem(text, len, enabled, strlen(enabled)), *id, *end;
  if (at == NULL || (id = memmem(at, len - (size_t)(at - text), mark, 4)) == NULL) {
    return;
  }
  id += 4;
  end = memchr(id, '\'', len - (size_t)(id - text));
  if (end != NULL && (size_t)(end - id) < sizeof p->sm_id) {
    memcpy(p->sm_id, id, (size_t)(end - id));
    p->sm_id[end - id] = '\0';
  }
}

static void read_all(peer *p) {
  size_t len;
  const void *data;
  while (p->conn != NULL && !p->deaf && (data = imp_conn_send_peek(p->conn, &len), len > 0)) {
    remember_id(p, data, len);
    imp_conn_send_done(p->conn, len, now);
  }
  if (p->conn != NULL && imp_conn_want_close(p->conn)) {
    imp_conn_del(p->conn, now);
    p->conn = NULL;
  }
}

static void turn(void) {
  imp_stats stats;
  for (int i = 0; i < 4; i++) {
    imp_node_turn(node, now);
    for (int k = 0; k < LINKS; k++) {
      read_all(&peers[k]);
    }
  }
  imp_node_stats(node, &stats, sizeof stats);
  FUZZ_CHECK(imp_ledger_balances(&stats.ledger));
}

static void feed(peer *p, const char *text, size_t len) {
  char *copy = malloc(len > 0 ? len : 1); /* of its own, so that reading past it is seen */
  FUZZ_CHECK(copy != NULL);
  memcpy(copy, text, len);
  if (p->conn != NULL) {
    (void)imp_conn_recv(p->conn, copy, len, now);
  }
  free(copy);
}

static void say(peer *p, const char *text) {
  feed(p, text, strlen(text));
  turn();
}

static void connect_peer(int i) {
  static const uint32_t roles[LINKS] = {IMP_ROLE_C2S, IMP_ROLE_C2S, IMP_ROLE_WEBSOCKET, IMP_ROLE_C2S};
  imp_conn_params params = {.size = sizeof params, .role = roles[i], .peer = "192.0.2.1", .allow_plaintext = 1,
                            .proxy_protocol = i == 3};
  imp_conn_del(peers[i].conn, now);
  peers[i].conn = NULL;
  peers[i].deaf = 0;
  (void)imp_node_accept(node, &peers[i].conn, &params, now);
}

#define HEADER "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='x.example' version='1.0'>"

static void authenticate(int i) {
  static const char *const plain[LINKS] = {"AGEAcGFzcw==", "AGIAcGFzcw==", "AGMAcGFzcw==", "AGQAcGFzcw=="};
  char auth[160];
  snprintf(auth, sizeof auth, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>%s</auth>", plain[i]);
  connect_peer(i);
  if (i == 3) {
    say(&peers[i], "PROXY TCP4 198.51.100.7 198.51.100.8 1 2\r\n");
  }
  say(&peers[i], HEADER);
  say(&peers[i], auth);
  say(&peers[i], HEADER);
}

static void log_in(int i, int sm) {
  authenticate(i);
  say(&peers[i], "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind></iq>");
  if (sm) {
    say(&peers[i], "<enable xmlns='urn:xmpp:sm:3' resume='1'/>");
  }
  say(&peers[i], "<presence/>");
}

static void resume(int i, const char *h) {
  char text[300];
  authenticate(i);
  snprintf(text, sizeof text, "<resume xmlns='urn:xmpp:sm:3' previd='%s' h='%lu'/>", peers[i].sm_id, strtoul(h, NULL, 10));
  say(&peers[i], text);
}

static void wait_for(unsigned long seconds) {
  imp_tstamp end = now + seconds % 100000 * IMP_SECONDS;
  for (int steps = 0; imp_node_get_expiry(node) <= end && steps < 100; steps++) {
    now = imp_node_get_expiry(node) > now ? imp_node_get_expiry(node) : now;
    imp_node_handle_expiry(node, now);
    turn();
  }
  now = end;
}

static void step(const char *line, size_t len) {
  int i = line[0] - 'a';
  char rest[32] = "";
  if (len < 2 || i < 0 || i >= LINKS) {
    return;
  }
  snprintf(rest, sizeof rest, "%.*s", (int)(len - 2 < 30 ? len - 2 : 30), line + 2);
  switch (line[1]) {
  case '!':
    connect_peer(i);
    break;
  case '+':
    log_in(i, rest[0] != '-');
    break;
  case '^':
    resume(i, rest);
    break;
  case '.':
    wait_for(strtoul(rest, NULL, 10));
    break;
  case '%':
    peers[i].deaf = rest[0] != '1';
    break;
  case '~':
    if (peers[i].conn != NULL) {
      (void)imp_conn_recv_eof(peers[i].conn, now);
    }
    break;
  default:
    feed(&peers[i], line + 1, len - 1);
    break;
  }
  turn();
}

static void begin(void) {
  imp_settings settings;
  imp_sm_settings sm;
  imp_callbacks callbacks = {.size = sizeof callbacks, .wallclock = wallclock, .get_credential = credential,
                             .user_exists = exists, .random = pseudo_random};
  imp_settings_default(&settings, sizeof settings);
  imp_sm_settings_default(&sm, sizeof sm);
  sm.buffer_packets = 5;
  settings.domain = "x.example";
  settings.sm = &sm;
  settings.mechanisms |= IMP_SASL_ANONYMOUS;
  settings.scram_iterations = 4096;
  settings.offline_max = 20;
  seed = 1;
  now = 1000 * IMP_SECONDS;
  memset(peers, 0, sizeof peers);
  FUZZ_CHECK(imp_node_new(&node, &settings, &callbacks, NULL) == IMP_OK);
  FUZZ_CHECK(imp_node_handle_jid(node, "echo@x.example", echo, NULL) == IMP_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *text = (const char *)data, *end = text + size;
  begin();
  while (text < end) {
    const char *eol = memchr(text, '\n', (size_t)(end - text));
    size_t len = eol != NULL ? (size_t)(eol - text) : (size_t)(end - text);
    step(text, len);
    text += len + 1;
  }
  for (int i = 0; i < LINKS; i++) {
    imp_conn_del(peers[i].conn, now);
    peers[i].conn = NULL;
  }
  turn();
  imp_node_del(node);
  return 0;
}
