/*
 * The reference server: everything that a node can do, switched on by a configuration file (server/server.conf).
 *
 * server/ has a file for each thing that it can do; here is what holds them together: a loop, its beginning and its
 * end.  What is new to it is a file there, one line in start_parts() or on_start(), its keys, and their description.
 */
#include <signal.h>
#include <stdio.h>

#include "server/options.h"
#include "server/server.h"

static void say_mistake(void *arg, const char *text) {
  (void)arg;
  fprintf(stderr, "%s\n", text);
}

/* ---- the end ---- */

static void on_shut_down(imp_uv *uv, void *user_data) {
  (void)uv;
  uv_stop(((server *)user_data)->loop);
}

static void on_signal(uv_signal_t *signal, int signum) {
  server *s = signal->data;
  if (signum == SIGHUP) {
    if (s->ready && !s->stopping) {
      server_reload(s);
    }
  } else if (!s->stopping) {
    s->stopping = 1;
    server_say(s, IMP_LOG_INFO, "server", "stopping");
    imp_uv_shutdown(s->uv, on_shut_down, s);
  }
}

static void close_handles(server *s) {
  for (int i = 0; i < 3; i++) {
    uv_close((uv_handle_t *)&s->signals[i], NULL);
  }
  uv_close((uv_handle_t *)&s->start, NULL);
}

/* ---- the beginning ---- */

/* Clients may come when the accounts are stored and the sessions of an earlier run are back. */
static void on_start(uv_timer_t *timer) {
  server *s = timer->data;
  if (s->stopping || s->accounts_left > 0 || !imp_node_is_ready(s->node)) {
    return;
  }
  uv_timer_stop(timer);
  if (s->status != 0 || server_listen(s) != 0) {
    s->status = 1;
    uv_stop(s->loop);
    return;
  }
  s->ready = 1;
  server_print_welcome(s);
  server_print_ready(s);
}

static void watch(server *s) {
  static const int signums[] = {SIGTERM, SIGINT, SIGHUP};
  for (int i = 0; i < 3; i++) {
    uv_signal_init(s->loop, &s->signals[i]);
    s->signals[i].data = s;
    uv_signal_start(&s->signals[i], on_signal, signums[i]);
  }
  uv_timer_init(s->loop, &s->start);
  s->start.data = s;
  uv_timer_start(&s->start, on_start, 0, 1);
}

static int start_parts(server *s) {
  int rv = server_data_open(s);
  rv = rv == 0 ? server_node_start(s) : rv;
  rv = rv == 0 ? server_features_apply(s) : rv;
  rv = rv == 0 ? server_http_start(s) : rv;
  rv = rv == 0 ? server_calendar_start(s) : rv;
  return rv == 0 ? server_accounts_start(s) : rv;
}

static int serve(server *s) {
  s->loop = uv_default_loop();
  signal(SIGPIPE, SIG_IGN);
  s->status = start_parts(s) != 0;
  if (s->status == 0) {
    watch(s);
    uv_run(s->loop, UV_RUN_DEFAULT);
    close_handles(s);
  }
  server_http_stop(s);
  imp_uv_del(s->uv);
  imp_node_del(s->node);
  server_calendar_stop(s);
  imp_sqlite_del(s->store);
  uv_run(s->loop, UV_RUN_DEFAULT); /* closes what is left */
  uv_loop_close(s->loop);
  return s->status;
}

/* The whole file was read; certificates are tried as well, if the configuration names any. */
static int check(server *s) {
  imp_node *node;
  int rv = 0;
  if (s->now->tls.certificate != NULL) {
    if (imp_node_new(&node, &s->now->node, NULL, NULL) != IMP_OK) {
      return 1;
    }
    rv = server_certificate(s, node, s->now) != 0;
    imp_node_del(node);
  }
  if (rv == 0) {
    printf("%s: good\n", s->path);
  }
  return rv;
}

int main(int argc, char **argv) {
  static server s;
  server_options options;
  int rv = server_options_read(&options, argc, argv);
  if (rv != 0) {
    return rv - 1;
  }
  s.path = options.config;
  s.started = s.now = server_config_read(s.path, say_mistake, NULL);
  if (s.now == NULL) {
    return 1;
  }
  if (options.keys) {
    server_list_keys(&server_keys, s.now);
  } else {
    rv = options.check ? check(&s) : serve(&s);
  }
  if (s.now != s.started) {
    server_config_free(s.now);
  }
  server_config_free(s.started);
  return rv;
}
