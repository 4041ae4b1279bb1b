/*
 * Stream management for a server that is not ours.
 *
 * You have an XMPP server: sockets, TLS, an XML parser, a router.  This program stands for it, with strings in place of
 * sockets and a toy parser, and shows the few calls of imp/sm.h that give it XEP-0198: what the client sends is on the
 * left, what the server sends on the right.  Juliet's link is cut in mid-conversation; she resumes and misses nothing.
 * Then it is cut for good, and what she never got goes back to its sender.
 *
 * It needs the C library and nothing else, and exits with an error if it breaks its promise.
 */
#include <imp/sm.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what your server has already ---- */

typedef struct toy_server {
  imp_sm_manager *manager;
  imp_tstamp now;
  char acked[64], returned[64]; /* what became of messages, for the check at the end */
} toy_server;

typedef struct toy_session {
  toy_server *server;
  imp_sm *sm; /* NULL before <enable/> */
  int linked; /* the socket works */
  char replayed[64];
} toy_session;

static void must(int good, const char *promise) {
  if (!good) {
    fprintf(stderr, "broken promise: %s\n", promise);
    exit(1);
  }
}

/* Your socket. */
static void write_out(toy_session *s, const char *xml) {
  printf("%-44s %s%s\n", "", xml, s->linked ? "" : "   (nobody hears it)");
}

/* Your parser: the value of an attribute, or NULL. */
static const char *attribute(const char *element, const char *name) {
  static char value[128];
  char pattern[32];
  snprintf(pattern, sizeof pattern, " %s='", name);
  const char *at = strstr(element, pattern);
  if (at == NULL) {
    return NULL;
  }
  at += strlen(pattern);
  snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "'"), at);
  return value;
}

static int is(const char *element, const char *name) {
  size_t len = strlen(name);
  return element[0] == '<' && strncmp(element + 1, name, len) == 0 && strchr(" />", element[1 + len]) != NULL;
}

static void note(char list[64], const char *message) {
  size_t len = strlen(list);
  snprintf(list + len, 64 - len, "%s%s", len > 0 ? " " : "", attribute(message, "id"));
}

/* ---- what stream management adds ---- */

static void write_r(toy_session *s) {
  char text[IMP_SM_TEXT_MAX];
  imp_sm_write_r(text);
  write_out(s, text);
}

/* Everything that goes to the client passes here. The packet is a copy of the text; `settle` frees it. */
static void send_stanza(toy_session *s, const char *xml) {
  char *packet = s->sm != NULL ? strdup(xml) : NULL;
  int rv = s->sm != NULL ? imp_sm_sent(s->sm, packet, strlen(xml)) : IMP_OK;
  must(rv >= IMP_OK, "memory");
  if (s->sm == NULL || !imp_sm_is_hibernating(s->sm)) {
    write_out(s, xml);
  }
  if (rv == IMP_SM_WANT_R) {
    write_r(s);
  }
}

static void settle(imp_sm *sm, void *packet, uint32_t count, imp_sm_settled how, void *user_data) {
  toy_server *server = user_data;
  (void)sm;
  if (how == IMP_SM_ACKED || how == IMP_SM_RESENT_ACKED) {
    note(server->acked, packet);
  } else { /* a server with offline storage would put IMP_SM_EVICTED there */
    printf("  -- number %u returned to its sender: %s\n", (unsigned)count, (char *)packet);
    note(server->returned, packet);
  }
  free(packet);
}

static void expired(imp_sm *sm, void *user_data) {
  toy_session *s = imp_sm_get_session_data(sm);
  (void)user_data;
  printf("  -- %s did not come back; contacts see her go offline\n", imp_sm_get_user(sm));
  s->sm = NULL;
}

static int randomness(void *bytes, size_t len, void *user_data) {
  FILE *f = fopen("/dev/urandom", "rb");
  size_t got = f != NULL ? fread(bytes, 1, len, f) : 0;
  (void)user_data;
  if (f != NULL) {
    fclose(f);
  }
  return got == len ? IMP_OK : IMP_ERR_UNAVAILABLE;
}

static void on_enable(toy_session *s, const char *element) {
  char text[IMP_SM_TEXT_MAX];
  int resume = imp_sm_parse_resume(attribute(element, "resume"));
  uint32_t max = imp_sm_parse_max(attribute(element, "max"));
  if (s->sm == NULL &&
      imp_sm_new(s->server->manager, &s->sm, "juliet@example.net", resume, max, s->server->now, s) == IMP_OK) {
    imp_sm_write_enabled(s->sm, NULL, text);
  } else {
    imp_sm_write_failed("unexpected-request", 0, 0, text);
  }
  write_out(s, text);
}

static void replay(toy_session *s) {
  size_t pos = 0;
  const char *packet;
  while ((packet = imp_sm_next_unacked(s->sm, &pos, NULL, 1)) != NULL) {
    write_out(s, packet);
    note(s->replayed, packet);
  }
  if (pos > 0) {
    write_r(s);
    imp_sm_requested(s->sm);
  }
}

/* `s` is the new connection's; on success it stands for the old session from now on. */
static void on_resume(toy_session *s, const char *element) {
  char text[IMP_SM_TEXT_MAX], id[IMP_SM_ID_MAX + 1] = "";
  uint32_t h, handled;
  int known;
  imp_sm *sm;
  const char *previd = attribute(element, "previd");
  snprintf(id, sizeof id, "%s", previd != NULL ? previd : "");
  must(imp_sm_parse_h(attribute(element, "h"), &h) == IMP_OK, "a valid h, in this conversation");
  switch (imp_sm_resume(s->server->manager, "juliet@example.net", id, h, s->server->now, &sm, &handled, &known)) {
  case IMP_SM_RESUMED: /* was it still linked, the old connection would get <conflict/> here */
    s->sm = sm;
    imp_sm_set_session_data(sm, s);
    imp_sm_write_resumed(sm, text);
    write_out(s, text);
    replay(s);
    return;
  case IMP_SM_H_TOO_HIGH:
    imp_sm_write_too_high(h, imp_sm_get_out(sm), text); /* goes into a stream error */
    break;
  default: /* she binds a new resource, which can inherit: imp_sm_inherit() */
    imp_sm_write_failed("item-not-found", known, handled, text);
    break;
  }
  write_out(s, text);
}

static void on_a(toy_session *s, const char *element) {
  uint32_t h;
  int rv = imp_sm_parse_h(attribute(element, "h"), &h);
  if (rv == IMP_OK) {
    rv = imp_sm_acked(s->sm, h);
  }
  must(rv >= IMP_OK, "a valid h, in this conversation; else a stream error");
  if (rv == IMP_SM_WANT_R) {
    write_r(s);
  }
}

static void receive(toy_session *s, const char *element) {
  char text[IMP_SM_TEXT_MAX];
  printf("%s\n", element);
  if (is(element, "enable")) {
    on_enable(s, element);
  } else if (is(element, "resume")) {
    on_resume(s, element);
  } else if (s->sm != NULL && is(element, "a")) {
    on_a(s, element);
  } else if (s->sm != NULL && is(element, "r")) {
    imp_sm_write_a(s->sm, text);
    write_out(s, text);
  } else {
    if (s->sm != NULL) {
      imp_sm_received(s->sm); /* every stanza, also one that is wrong */
    }
    /* … and your router takes it from here. */
  }
}

static void cut(toy_session *s) {
  printf("  -- the link is cut\n");
  s->linked = 0;
  must(imp_sm_disconnected(s->sm, s->server->now) == IMP_OK, "a resumable session waits");
}

static void wait_until(toy_server *server, unsigned seconds) {
  server->now += seconds * IMP_SECONDS;
  printf("  -- %u seconds later\n", seconds);
  imp_sm_manager_handle_expiry(server->manager, server->now); /* from your timer, at imp_sm_manager_get_expiry() */
}

/* ---- the conversation ---- */

static void conversation(toy_server *server) {
  toy_session first = {server, NULL, 1, ""}, second = {server, NULL, 1, ""};
  char resume[256];

  receive(&first, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
  receive(&first, "<message id='j1' to='romeo@example.net'><body>Wherefore art thou?</body></message>");
  receive(&first, "<r xmlns='urn:xmpp:sm:3'/>");
  send_stanza(&first, "<message id='r1'><body>Shall I hear more,</body></message>");
  send_stanza(&first, "<message id='r2'><body>or shall I speak at this?</body></message>");
  receive(&first, "<a xmlns='urn:xmpp:sm:3' h='2'/>");

  first.linked = 0; /* a tunnel; the server does not know yet */
  send_stanza(&first, "<message id='r3'><body>I take thee at thy word.</body></message>");
  cut(&first);
  send_stanza(&first, "<message id='r4'><body>Call me but love,</body></message>");
  wait_until(server, 20);

  snprintf(resume, sizeof resume, "<resume xmlns='urn:xmpp:sm:3' previd='%s' h='2'/>", imp_sm_get_id(first.sm));
  receive(&second, resume);
  must(strcmp(second.replayed, "r3 r4") == 0, "what was missed is sent again, in order, and nothing else");
  receive(&second, "<a xmlns='urn:xmpp:sm:3' h='4'/>");
  must(imp_sm_get_in(second.sm) == 1, "what the client sent stays counted");

  cut(&second);
  send_stanza(&second, "<message id='r5'><body>My name, dear saint, is hateful.</body></message>");
  wait_until(server, 60);
  must(second.sm == NULL, "a session ends when its time is over");

  toy_session third = {server, NULL, 1, ""};
  receive(&third, resume);
  must(third.sm == NULL, "and cannot be resumed after that");
}

int main(void) {
  toy_server server = {.now = 1};
  char text[200] = "";
  imp_sm_settings settings;
  imp_sm_callbacks callbacks = {.size = sizeof callbacks, .settle = settle, .expired = expired, .random = randomness};
  imp_sm_settings_default(&settings, sizeof settings);
  settings.ack_rate = 2;
  if (imp_sm_manager_new(&server.manager, &settings, &callbacks, "n1.", text, sizeof text, &server) != IMP_OK) {
    fprintf(stderr, "cannot begin. %s\n", text);
    return 1;
  }
  conversation(&server);
  imp_sm_manager_del(server.manager);
  must(strcmp(server.acked, "r1 r2 r3 r4") == 0, "each message is acknowledged once");
  must(strcmp(server.returned, "r5") == 0, "and what was not is returned");
  printf("\nacknowledged: %s; returned: %s. Nothing was lost.\n", server.acked, server.returned);
  return 0;
}
