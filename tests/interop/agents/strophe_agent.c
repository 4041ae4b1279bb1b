/*
 * libstrophe as an agent (see harness/agent.py for the lines it speaks). A resumption is a new
 * connection object that is given the stream management state of the old one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strophe.h>
#include <unistd.h>

static xmpp_ctx_t *ctx;
static xmpp_conn_t *conn;
static xmpp_sm_state_t *sm_state;
static int online;
static int enabled;
static int announced;
static int quitting;

static const char *config(const char *name) {
  const char *value = getenv(name);
  return value ? value : "";
}

static void say(const char *a, const char *b, const char *c, const char *d) {
  printf("%s", a);
  if (b) printf("\t%s", b);
  if (c) printf("\t%s", c);
  if (d) printf("\t%s", d);
  putchar('\n');
  fflush(stdout);
}

/* libstrophe has no callbacks for these: its own log is the only witness. */
static void on_log(void *user_data, xmpp_log_level_t level, const char *area, const char *text) {
  static const char marker[] = "mechanism=\"";
  const char *mech = strstr(text, marker);
  char name[64];
  size_t n;

  (void)user_data;
  (void)level;
  fprintf(stderr, "%s %s\n", area, text);
  if (strncmp(text, "RECV: <enabled", 14) == 0) {
    enabled = 1;
    say("sm", "enabled", NULL, NULL);
  }
  if (strncmp(text, "RECV: <resumed", 14) == 0) say("sm", "resumed", NULL, NULL);
  if (mech && strstr(text, "<auth")) {
    mech += sizeof marker - 1;
    n = strcspn(mech, "\"");
    if (n >= sizeof name) n = sizeof name - 1;
    memcpy(name, mech, n);
    name[n] = '\0';
    say("mech", name, NULL, NULL);
  }
}

static void on_carbon(xmpp_stanza_t *wrapper, const char *kind) {
  xmpp_stanza_t *forwarded = xmpp_stanza_get_child_by_name(wrapper, "forwarded");
  xmpp_stanza_t *inner = forwarded ? xmpp_stanza_get_child_by_name(forwarded, "message") : NULL;
  char *body = inner ? xmpp_message_get_body(inner) : NULL;

  if (body) say("carbon", kind, body, NULL);
  xmpp_free(ctx, body);
}

static int on_message(xmpp_conn_t *c, xmpp_stanza_t *st, void *user_data) {
  static const char carbons[] = "urn:xmpp:carbons:2";
  xmpp_stanza_t *child = xmpp_stanza_get_child_by_ns(st, carbons);
  const char *type = xmpp_stanza_get_type(st);
  const char *from = xmpp_stanza_get_from(st);
  const char *id = xmpp_stanza_get_id(st);
  char *body;

  (void)c;
  (void)user_data;
  if (child) {
    on_carbon(child, xmpp_stanza_get_name(child));
    return 1;
  }
  body = xmpp_message_get_body(st);
  if (body && !(type && strcmp(type, "error") == 0))
    say("got", from ? from : "", id ? id : "", body);
  xmpp_free(ctx, body);
  return 1;
}

static void on_connection(xmpp_conn_t *c, xmpp_conn_event_t event, int error,
                          xmpp_stream_error_t *stream_error, void *user_data) {
  (void)error;
  (void)stream_error;
  (void)user_data;
  if (event == XMPP_CONN_CONNECT) {
    online = 1;
    if (announced) say("online", xmpp_conn_get_bound_jid(c), NULL, NULL);
  } else {
    online = 0;
    sm_state = xmpp_conn_get_sm_state(c);
    say("offline", NULL, NULL, NULL);
    if (quitting) xmpp_stop(ctx);
  }
}

static int dial(void) {
  char jid[512];
  long flags = XMPP_CONN_FLAG_MANDATORY_TLS;
  unsigned short port = (unsigned short)strtoul(config("IMP_PORT"), NULL, 10);

  if (conn) xmpp_conn_release(conn);
  conn = xmpp_conn_new(ctx);
  if (strcmp(config("IMP_MODE"), "direct") == 0) flags = XMPP_CONN_FLAG_LEGACY_SSL;
  snprintf(jid, sizeof jid, "%s@%s/%s", config("IMP_USER"), config("IMP_DOMAIN"),
           config("IMP_RESOURCE"));
  xmpp_conn_set_flags(conn, flags);
  xmpp_conn_set_jid(conn, jid);
  xmpp_conn_set_pass(conn, config("IMP_PASSWORD"));
  xmpp_conn_set_cafile(conn, config("IMP_CA"));
  if (sm_state && xmpp_conn_set_sm_state(conn, sm_state) != 0) return -1;
  sm_state = NULL;
  xmpp_handler_add(conn, on_message, NULL, "message", NULL, NULL);
  return xmpp_connect_client(conn, config("IMP_ADDRESS"), port, on_connection, NULL);
}

static void send_message(const char *to, const char *id, const char *body) {
  xmpp_stanza_t *st = xmpp_message_new(ctx, "chat", to, id);
  xmpp_message_set_body(st, body);
  xmpp_send(conn, st);
  xmpp_stanza_release(st);
}

static void enable_carbons(void) {
  xmpp_stanza_t *iq = xmpp_iq_new(ctx, "set", "carbons");
  xmpp_stanza_t *enable = xmpp_stanza_new(ctx);
  xmpp_stanza_set_name(enable, "enable");
  xmpp_stanza_set_ns(enable, "urn:xmpp:carbons:2");
  xmpp_stanza_add_child(iq, enable);
  xmpp_stanza_release(enable);
  xmpp_send(conn, iq);
  xmpp_stanza_release(iq);
}

/* Splits at tabs in place; returns the number of words. */
static int split(char *line, char **words, int max) {
  int n = 0;
  while (n < max) {
    words[n++] = line;
    line = strchr(line, '\t');
    if (!line) break;
    *line++ = '\0';
  }
  return n;
}

static void obey(char *line) {
  char *words[4];
  int n = split(line, words, 4);

  if (n == 4 && strcmp(words[0], "send") == 0) send_message(words[1], words[2], words[3]);
  else if (strcmp(words[0], "carbons") == 0) enable_carbons();
  else if (strcmp(words[0], "reconnect") == 0) {
    if (dial() != 0) say("note", "cannot dial", NULL, NULL);
  } else if (strcmp(words[0], "quit") == 0) {
    quitting = 1;
    if (online) xmpp_disconnect(conn);
    else xmpp_stop(ctx);
  }
}

/*
 * Initial presence. libstrophe 0.12 does not count what it sends between <enable/> and <enabled/>, which the server has
 * to: it would then take one stanza too many for acknowledged.
 */
static void announce(void) {
  xmpp_stanza_t *presence;

  if (!online || !enabled || announced) return;
  announced = 1;
  presence = xmpp_presence_new(ctx);
  xmpp_send(conn, presence);
  xmpp_stanza_release(presence);
  say("online", xmpp_conn_get_bound_jid(conn), NULL, NULL);
}

static int poll_commands(xmpp_ctx_t *c, void *user_data) {
  static char buffer[65536];
  static size_t used;
  char *end;
  ssize_t n = read(STDIN_FILENO, buffer + used, sizeof buffer - used - 1);

  (void)c;
  (void)user_data;
  announce();
  if (n == 0) {
    xmpp_stop(ctx);
    return 0;
  }
  if (n > 0) used += (size_t)n;
  buffer[used] = '\0';
  while ((end = strchr(buffer, '\n')) != NULL) {
    *end++ = '\0';
    obey(buffer);
    used -= (size_t)(end - buffer);
    memmove(buffer, end, used + 1);
  }
  return 1;
}

int main(void) {
  xmpp_log_t log = {on_log, NULL};

  fcntl(STDIN_FILENO, F_SETFL, fcntl(STDIN_FILENO, F_GETFL) | O_NONBLOCK);
  xmpp_initialize();
  ctx = xmpp_ctx_new(NULL, &log);
  if (!ctx || dial() != 0) return 1;
  xmpp_global_timed_handler_add(ctx, poll_commands, 20, NULL);
  xmpp_run(ctx);
  xmpp_conn_release(conn);
  if (sm_state) xmpp_free_sm_state(sm_state);
  xmpp_ctx_free(ctx);
  xmpp_shutdown();
  return 0;
}
