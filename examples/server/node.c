#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/certificate.h"
#include "server.h"

static int fail(server *s, const char *what, const char *why) {
  server_say(s, IMP_LOG_ERROR, what, "%s", why);
  return -1;
}

/* ---- the data directory ---- */

static int default_data(server *s) {
  const char *home = getenv("HOME"), *share = getenv("XDG_DATA_HOME");
  int len;
  if (share != NULL && share[0] != '\0') {
    len = snprintf(s->data, sizeof s->data, "%s/imp-server", share);
  } else if (home != NULL && home[0] != '\0') {
    len = snprintf(s->data, sizeof s->data, "%s/.local/share/imp-server", home);
  } else {
    return fail(s, "data", "must be set, since HOME is not");
  }
  return len < (int)sizeof s->data - 64 ? 0 : fail(s, "data", "the path is too long");
}

int server_data_open(server *s) {
  if (s->now->data != NULL) {
    snprintf(s->data, sizeof s->data, "%s", s->now->data);
  } else if (default_data(s) != 0) {
    return -1;
  }
  for (char *p = s->data + 1; *p != '\0'; p++) {
    if (*p == '/') {
      *p = '\0';
      mkdir(s->data, 0755);
      *p = '/';
    }
  }
  return mkdir(s->data, 0700) == 0 || errno == EEXIST ? 0 : fail(s, s->data, strerror(errno));
}

/* ---- the certificate ---- */

static void say_certificate(void *arg, const char *path, const char *why) {
  server_say(arg, IMP_LOG_ERROR, path, "%s", why);
}

int server_certificate(server *s, imp_node *node, const server_config *config) {
  const server_tls_config *tls = &config->tls;
  certificate_files files = {tls->certificate, tls->key, tls->client_ca, s->data, s->started->node.domain,
                             say_certificate, s};
  return certificate_load(node, &files);
}

/* ---- the node ---- */

static int open_store(server *s) {
  char path[SERVER_PATH_MAX + 32], text[512];
  imp_sqlite_options options = {.size = sizeof options, .post = imp_uv_poster, .post_ctx = s->uv};
  snprintf(path, sizeof path, "%s/server.db", s->data);
  if (imp_sqlite_new(&s->store, path, &options, text, sizeof text) != IMP_OK) {
    return fail(s, "store", text);
  }
  if (imp_node_set_store(s->node, imp_sqlite_vtable(), s->store) != IMP_OK) {
    return fail(s, "store", imp_node_last_error(s->node));
  }
  return 0;
}

int server_node_start(server *s) {
  imp_callbacks callbacks;
  imp_settings settings = s->now->node;
  imp_uv_callbacks(&callbacks, sizeof callbacks);
  callbacks.log = server_log;
  settings.log_level = server_log_level(s->now);
  if (imp_node_new(&s->node, &settings, &callbacks, s) != IMP_OK) {
    return fail(s, "settings", imp_node_new_error());
  }
  if (imp_uv_new(&s->uv, s->loop, s->node) != IMP_OK) {
    return fail(s, "event loop", "out of memory");
  }
  return open_store(s) == 0 ? server_certificate(s, s->node, s->now) : -1;
}
