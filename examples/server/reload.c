/* SIGHUP: what can be changed while running is, the rest is named in the log. A file with mistakes changes nothing. */
#include "server.h"

static void say_mistake(void *arg, const char *text) { server_say(arg, IMP_LOG_ERROR, "reload", "%s", text); }

static void say_fixed(void *arg, const char *key) {
  server_say(arg, IMP_LOG_WARN, "reload", "%s: changed, but cannot be while running; it waits for a restart", key);
}

/* The demonstration accounts stay as they are: they belong to a start. */
static void apply(server *s, const server_config *old) {
  imp_node_set_log_level(s->node, server_log_level(s->now));
  server_features_apply(s);
  if (server_certificate(s, s->node, s->now) != 0) {
    server_say(s, IMP_LOG_ERROR, "reload", "the certificate stays as it was");
  }
  server_http_token(s);
  server_accounts_reload(s, old);
  server_calendar_reload(s, old);
}

void server_reload(server *s) {
  if (s->path == NULL) {
    server_certificate(s, s->node, s->now); /* without a file only the certificate can have changed */
    return;
  }
  server_config *config = server_config_read(s->path, say_mistake, s), *old = s->now;
  if (config == NULL) {
    server_say(s, IMP_LOG_ERROR, "reload", "refused; everything stays as it was");
    return;
  }
  server_fixed_changes(&server_keys, s->started, config, "", say_fixed, s);
  s->now = config;
  apply(s, old);
  if (old != s->started) {
    server_config_free(old);
  }
  server_say(s, IMP_LOG_INFO, "reload", "done");
}
