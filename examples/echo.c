/*
 * The echo server: a chat server in one sitting.  Users log in, write to each other and to echo@DOMAIN, which answers.
 *
 * What is beside this file in echo/ and common/ (options, accounts, terminal, certificate) is what every program needs and has
 * little to do with the library.  What has, is here: settings, a node, a store, a loop, listeners, and one function
 * that answers stanzas.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <imp/imp.h>
#include <imp/sqlite.h>
#include <imp/uv.h>

#include "common/certificate.h"
#include "echo/accounts.h"
#include "echo/options.h"
#include "echo/terminal.h"

#define NS_CHAT_STATES "http://jabber.org/protocol/chatstates"
#define NS_RECEIPTS "urn:xmpp:receipts"
#define NS_MARKERS "urn:xmpp:chat-markers:0"

typedef struct echo {
  echo_options options; /* first: see echo_log() */
  uv_loop_t *loop;
  imp_node *node;
  imp_sqlite *store;
  imp_uv *uv;
  uv_signal_t signals[4];
  uv_timer_t start;
  int accounts_left, status;
  char password[64];
} echo;

/* ---- what echo@DOMAIN says ---- */

/* An answer to `st` with a child of that name; a receipt and a marker (with_id) name the message that they are about.
 */
static int answer_with(imp_node *node, const imp_stanza *st, const char *name, const char *ns, int with_id) {
  imp_stanza *reply;
  int rv = imp_stanza_new_reply(&reply, st);
  if (rv != IMP_OK) {
    return rv;
  }
  imp_stanza_set_id(reply, NULL);
  imp_stanza_set_type(reply, imp_stanza_get_type(st));
  imp_elem *child = imp_elem_add(reply, imp_stanza_edit(reply), name, ns);
  if (with_id) {
    imp_elem_set_attr(reply, child, "id", imp_stanza_get_id(st));
  }
  rv = imp_node_send(node, reply);
  imp_stanza_del(reply);
  return rv;
}

static int on_message(imp_node *node, const imp_stanza *st) {
  imp_stanza_type type = imp_stanza_get_type(st);
  const char *body = imp_stanza_get_body(st);
  int has_id = imp_stanza_get_id(st) != NULL, rv = IMP_OK;
  if (type == IMP_TYPE_ERROR || type == IMP_TYPE_GROUPCHAT || type == IMP_TYPE_HEADLINE) {
    return IMP_OK; /* answering these would begin a quarrel among machines */
  }
  if (has_id && imp_stanza_child(st, "request", NS_RECEIPTS) != NULL) {
    rv = answer_with(node, st, "received", NS_RECEIPTS, 1);
  }
  if (rv == IMP_OK && has_id && imp_stanza_child(st, "markable", NS_MARKERS) != NULL) {
    rv = answer_with(node, st, "displayed", NS_MARKERS, 1);
  }
  if (rv == IMP_OK && body != NULL) {
    return imp_node_reply_text(node, st, body);
  }
  static const char *const states[] = {"composing", "paused", "active"};
  for (size_t i = 0; rv == IMP_OK && i < 3; i++) {
    if (imp_stanza_child(st, states[i], NS_CHAT_STATES) != NULL) {
      rv = answer_with(node, st, states[i], NS_CHAT_STATES, 0);
    }
  }
  return rv;
}

/* Whoever asks whether echo is there is told so. */
static int on_presence(imp_node *node, const imp_stanza *st) {
  imp_stanza_type type = imp_stanza_get_type(st);
  imp_stanza *reply;
  if (type != IMP_TYPE_SUBSCRIBE && type != IMP_TYPE_PROBE) {
    return IMP_OK;
  }
  int rv = imp_stanza_new_reply(&reply, st);
  if (rv == IMP_OK) {
    imp_stanza_set_type(reply, IMP_TYPE_NONE);
    rv = imp_node_send(node, reply);
    imp_stanza_del(reply);
  }
  return rv;
}

static int on_stanza(imp_node *node, const imp_stanza *st, void *user_data) {
  (void)user_data;
  return imp_stanza_get_kind(st) == IMP_STANZA_MESSAGE ? on_message(node, st) : on_presence(node, st);
}

/* ---- the server around it ---- */

static int fail(echo *e, const char *what, const char *why) {
  fprintf(stderr, "echo: %s: %s\n", what, why);
  e->status = 1;
  return -1;
}

static void say_certificate(void *arg, const char *path, const char *why) {
  (void)arg;
  fprintf(stderr, "echo: %s: %s\n", path, why);
}

static int load_certificate(echo *e) {
  const echo_options *o = &e->options;
  certificate_files files = {o->cert, o->key, o->client_ca, o->data, o->domain, say_certificate, NULL};
  return certificate_load(e->node, &files);
}

static int make_node(echo *e) {
  const echo_options *o = &e->options;
  imp_settings settings;
  imp_callbacks callbacks;
  imp_settings_default(&settings, sizeof settings);
  imp_uv_callbacks(&callbacks, sizeof callbacks);
  settings.domain = o->domain;
  settings.durable = (uint32_t)o->durable;
  settings.sm = &o->sm;
  settings.log_level = o->quiet ? IMP_LOG_ERROR : o->log_level;
  if (o->no_plus) {
    settings.mechanisms &= ~(IMP_SASL_SCRAM_SHA_1_PLUS | IMP_SASL_SCRAM_SHA_256_PLUS | IMP_SASL_SCRAM_SHA_512_PLUS);
  }
  if (o->client_ca != NULL) {
    settings.mechanisms |= IMP_SASL_EXTERNAL;
  }
  if (o->any_password != NULL) {
    callbacks.get_credential = echo_any_credential;
    callbacks.user_exists = echo_any_exists;
    if (echo_any_account_init(o->any_password) != IMP_OK) {
      return fail(e, "--any-account", "no keys can be made of the password");
    }
  }
  callbacks.log = echo_log;
  if (imp_node_new(&e->node, &settings, &callbacks, e) != IMP_OK) {
    return fail(e, "settings", imp_node_new_error());
  }
  return 0;
}

static int join_parts(echo *e) {
  char path[1100], text[512], jid[1100];
  imp_sqlite_options store = {.size = sizeof store, .post = imp_uv_poster};
  if (imp_uv_new(&e->uv, e->loop, e->node) != IMP_OK) {
    return fail(e, "event loop", "out of memory");
  }
  snprintf(path, sizeof path, "%s/echo.db", e->options.data);
  store.post_ctx = e->uv;
  if (imp_sqlite_new(&e->store, path, &store, text, sizeof text) != IMP_OK) {
    return fail(e, "store", text);
  }
  if (imp_node_set_store(e->node, imp_sqlite_vtable(), e->store) != IMP_OK) {
    return fail(e, "store", imp_node_last_error(e->node));
  }
  if (load_certificate(e) != 0) {
    e->status = 1;
    return -1;
  }
  snprintf(jid, sizeof jid, "echo@%s", e->options.domain);
  if (imp_node_handle_jid(e->node, jid, on_stanza, NULL) != IMP_OK) {
    return fail(e, jid, imp_node_last_error(e->node));
  }
  return 0;
}

static int open_listeners(echo *e) {
  const echo_options *o = &e->options;
  const uint16_t ports[] = {
      [IMP_ROLE_C2S] = o->port, [IMP_ROLE_C2S_TLS] = o->direct_port, [IMP_ROLE_WEBSOCKET] = o->ws_port};
  imp_uv_listen_options options = {.size = sizeof options,
                                   .allow_plaintext = (uint32_t)o->allow_plaintext,
                                   .proxy_protocol = (uint32_t)o->proxy_protocol};
  for (size_t i = 0; i < o->listens; i++) {
    for (int role = 0; role < 3; role++) {
      if (ports[role] != 0 &&
          imp_uv_listen(e->uv, (imp_role)role, o->listen[i], ports[role], &options, NULL) != IMP_OK) {
        return fail(e, "listener", imp_uv_last_error(e->uv));
      }
    }
  }
  return 0;
}

/* ---- beginning and end ---- */

static void on_shut_down(imp_uv *uv, void *user_data) {
  (void)uv;
  uv_stop(((echo *)user_data)->loop);
}

static void on_signal(uv_signal_t *signal, int signum) {
  echo *e = signal->data;
  if (signum == SIGHUP) {
    load_certificate(e);
  } else if (signum == SIGUSR1) {
    echo_print_stats(&e->options, e->node);
  } else {
    imp_uv_shutdown(e->uv, on_shut_down, e);
  }
}

static void on_account(imp_node *node, int status, void *user_data) {
  echo *e = user_data;
  (void)node;
  e->accounts_left--;
  if (status != IMP_OK) {
    fail(e, "accounts", imp_strerror(status));
    uv_stop(e->loop);
  }
}

/* Clients may come when the accounts are stored and the sessions of an earlier run are back. */
static void on_start(uv_timer_t *timer) {
  echo *e = timer->data;
  if (e->accounts_left > 0 || !imp_node_is_ready(e->node)) {
    return;
  }
  uv_timer_stop(timer);
  if (open_listeners(e) != 0) {
    uv_stop(e->loop);
    return;
  }
  echo_print_welcome(&e->options, e->node, e->password[0] != '\0' ? e->password : NULL);
  echo_print_ready(&e->options);
}

static void start(echo *e) {
  static const int signums[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
  for (int i = 0; i < 4; i++) {
    uv_signal_init(e->loop, &e->signals[i]);
    e->signals[i].data = e;
    uv_signal_start(&e->signals[i], on_signal, signums[i]);
  }
  uv_timer_init(e->loop, &e->start);
  e->start.data = e;
  uv_timer_start(&e->start, on_start, 0, 1);
}

static void close_handles(echo *e) {
  for (int i = 0; i < 4; i++) {
    uv_close((uv_handle_t *)&e->signals[i], NULL);
  }
  uv_close((uv_handle_t *)&e->start, NULL);
}

static int make_directory(echo *e) {
  char path[1024];
  snprintf(path, sizeof path, "%s", e->options.data);
  for (char *p = path + 1; *p != '\0'; p++) {
    if (*p == '/') {
      *p = '\0';
      mkdir(path, 0755);
      *p = '/';
    }
  }
  return mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : fail(e, path, strerror(errno));
}

int main(int argc, char **argv) {
  static echo e;
  int rv = echo_options_read(&e.options, argc, argv);
  if (rv != 0) {
    return rv - 1;
  }
  e.loop = uv_default_loop();
  signal(SIGPIPE, SIG_IGN);
  if (make_directory(&e) == 0 && make_node(&e) == 0 && join_parts(&e) == 0) {
    e.accounts_left = echo_accounts_store(e.node, &e.options, e.password, on_account, &e);
    e.status = e.accounts_left < 0;
  }
  if (e.status == 0) {
    start(&e);
    uv_run(e.loop, UV_RUN_DEFAULT);
    close_handles(&e);
  }
  imp_uv_del(e.uv);
  imp_node_del(e.node);
  imp_sqlite_del(e.store);
  uv_run(e.loop, UV_RUN_DEFAULT); /* closes what is left */
  uv_loop_close(e.loop);
  echo_any_account_free();
  return e.status;
}
