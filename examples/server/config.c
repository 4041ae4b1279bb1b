#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- addresses ---- */

int server_is_address(const char *text) {
  char address[INET6_ADDRSTRLEN];
  struct in6_addr any;
  size_t len = strcspn(text, "%");
  if (len >= sizeof address) {
    return 0;
  }
  memcpy(address, text, len);
  address[len] = '\0';
  return inet_pton(AF_INET6, address, &any) == 1 || (text[len] == '\0' && inet_pton(AF_INET, address, &any) == 1);
}

int server_address_is_loopback(const char *address) {
  struct in_addr v4;
  struct in6_addr v6;
  if (inet_pton(AF_INET, address, &v4) == 1) {
    return (ntohl(v4.s_addr) >> 24) == 127;
  }
  return inet_pton(AF_INET6, address, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

int server_config_is_loopback(const server_config *config) {
  const server_listener *listeners = config->listeners.items;
  int loopback = 1;
  for (size_t i = 0; i < config->listeners.count; i++) {
    loopback = loopback && server_address_is_loopback(listeners[i].address);
  }
  return loopback;
}

/* ---- users ---- */

int server_user_check(const char *name, char *text, size_t textlen) {
  imp_jid *jid;
  int rv = imp_jid_new_parts(&jid, name, "localhost", NULL);
  if (rv != IMP_OK) {
    snprintf(text, textlen, "\"%.200s\": %s", name, rv == IMP_ERR_MALFORMED ? "not a user name" : imp_strerror(rv));
    return -1;
  }
  rv = strcmp(imp_jid_local(jid), name);
  if (rv != 0) {
    snprintf(text, textlen, "\"%.200s\": the user name is \"%.200s\"", name, imp_jid_local(jid));
  }
  imp_jid_del(jid);
  return rv == 0 ? 0 : -1;
}

/* ---- defaults ---- */

static int default_listeners(server_config *config) {
  static const server_listener usual[] = {{SERVER_STARTTLS, "127.0.0.1", 5222, 0, 0},
                                          {SERVER_DIRECT, "127.0.0.1", 5223, 0, 0},
                                          {SERVER_WS, "127.0.0.1", 5280, 0, 0}};
  config->listeners.items = malloc(sizeof usual);
  if (config->listeners.items == NULL) {
    return -1;
  }
  memcpy(config->listeners.items, usual, sizeof usual);
  config->listeners.count = sizeof usual / sizeof usual[0];
  return 0;
}

static int set_defaults(server_config *config) {
  imp_settings_default(&config->node, sizeof config->node);
  imp_sm_settings_default(&config->sm, sizeof config->sm);
  imp_calendar_settings_default(&config->calendar.settings, sizeof config->calendar.settings);
  imp_roster_settings_default(&config->roster, sizeof config->roster);
  imp_pep_settings_default(&config->pep, sizeof config->pep);
  imp_status_settings_default(&config->status.settings, sizeof config->status.settings);
  imp_presence_settings_default(&config->status.presence, sizeof config->status.presence);
  config->node.domain = "localhost";
  config->node.sm = &config->sm;
  config->demo_accounts = 1;
  config->http = (server_http_config){1, "127.0.0.1", 5290, NULL, 100, 20, 16384, 1 << 20, 10};
  config->calendar.zones = "/usr/share/zoneinfo";
  return default_listeners(config);
}

/* ---- what no single group can know ---- */

static config_setting_t *item_at(server_config *config, const char *list, size_t i) {
  config_setting_t *setting = config_lookup(&config->file, list);
  return setting != NULL ? config_setting_get_elem(setting, (unsigned)i) : config_root_setting(&config->file);
}

static void check_accounts(server_config *config, server_reader *reader) {
  const server_account *accounts = config->accounts.items;
  for (size_t i = 1; i < config->accounts.count; i++) {
    for (size_t j = 0; j < i; j++) {
      if (strcmp(accounts[i].name, accounts[j].name) == 0) {
        server_mistake(reader, item_at(config, "accounts", i), "accounts", "\"%.200s\" is there twice",
                       accounts[i].name);
        break;
      }
    }
  }
}

static const imp_gateway *find_gateway(const server_config *config, const char *name, size_t before) {
  const imp_gateway *gateways = config->calendar.gateways.items;
  for (size_t i = 0; i < before; i++) {
    if (strcmp(gateways[i].name, name) == 0) {
      return &gateways[i];
    }
  }
  return NULL;
}

static void check_calendar(server_config *config, server_reader *reader) {
  const imp_gateway *gateways = config->calendar.gateways.items;
  const imp_mailbox *mailboxes = config->calendar.mailboxes.items;
  size_t count = config->calendar.gateways.count;
  for (size_t i = 0; i < count; i++) {
    if (find_gateway(config, gateways[i].name, i) != NULL) {
      server_mistake(reader, item_at(config, "calendar.gateways", i), "gateways", "\"%.200s\" is there twice",
                     gateways[i].name);
    }
    if (gateways[i].webhook_url != NULL && !config->http.enabled) {
      server_mistake(reader, item_at(config, "calendar.gateways", i), "gateways", "webhook_url needs http.enabled");
    }
  }
  for (size_t i = 0; i < config->calendar.mailboxes.count; i++) {
    if (find_gateway(config, mailboxes[i].gateway, count) == NULL) {
      server_mistake(reader, item_at(config, "calendar.mailboxes", i), "mailboxes",
                     "gateway: no gateway is called \"%.200s\"", mailboxes[i].gateway);
    }
  }
}

static void check_all(server_config *config, server_reader *reader) {
  config_setting_t *root = config_root_setting(&config->file);
  if (config->listeners.count == 0) {
    config_setting_t *at = config_lookup(&config->file, "listeners");
    server_mistake(reader, at != NULL ? at : root, "listeners", "at least one is needed");
  }
  if ((config->node.mechanisms & IMP_SASL_EXTERNAL) != 0 && config->tls.client_ca == NULL) {
    config_setting_t *at = config_lookup(&config->file, "login.mechanisms");
    server_mistake(reader, at != NULL ? at : root, "mechanisms", "EXTERNAL needs tls.client_ca");
  }
  check_accounts(config, reader);
  check_calendar(config, reader);
}

/* At the key that the library names, or at one of ours, or at the file. */
static void blame(server_config *config, server_reader *reader, const char *text, const char *ours) {
  config_setting_t *root = config_root_setting(&config->file), *at = NULL;
  char name[64];
  if (sscanf(text, "setting %63[a-z_0-9]", name) == 1) {
    at = config_lookup(&config->file, name);
  }
  if (at == NULL && ours != NULL) {
    at = config_lookup(&config->file, ours);
  }
  server_mistake(reader, at != NULL ? at : root, at != NULL ? config_setting_name(at) : "file", "%s", text);
}

static int get_zone(imp_calendar *calendar, const char *name, void *user_data) {
  return server_zone_read(calendar, ((server_config *)user_data)->calendar.zones, name);
}

/* The library's word on the whole: a node that is made and thrown away. */
static void check_node(server_config *config, server_reader *reader) {
  imp_node *node;
  imp_status_settings status;
  imp_presence_settings presence;
  imp_status_callbacks callbacks = {.size = sizeof callbacks, .get_zone = get_zone};
  server_status_settings(&config->status, &status, &presence);
  status.calendar = &config->calendar.settings;
  if (imp_node_new(&node, &config->node, NULL, NULL) != IMP_OK) {
    blame(config, reader, imp_node_new_error(), NULL);
    return;
  }
  if (imp_roster_set_settings(node, &config->roster) != IMP_OK) {
    blame(config, reader, imp_node_last_error(node), "roster");
  } else if (imp_pep_set_settings(node, &config->pep) != IMP_OK) {
    blame(config, reader, imp_node_last_error(node), "pep");
  } else if (imp_status_set_settings(node, &status, &callbacks, config) != IMP_OK) {
    blame(config, reader, imp_node_last_error(node), "status.zone");
  }
  imp_node_del(node);
}

/* ---- reading ---- */

static void tell(server_reader *reader, const char *file, int line, const char *text) {
  char what[1600];
  if (line > 0) {
    snprintf(what, sizeof what, "%s:%d: %s", file, line, text);
  } else {
    snprintf(what, sizeof what, "%s: %s", file, text);
  }
  reader->mistakes++;
  reader->say(reader->arg, what);
}

static void find_big_figures(const char *path, server_reader *reader) {
  char figures[40], text[120];
  int line = server_big_figure(path, figures, sizeof figures);
  if (line > 0) {
    snprintf(text, sizeof text, "%s: figures this large need an L behind them", figures);
    tell(reader, path, line, text);
  }
}

/* Files that are included, by names without the directory, are looked at as well. */
static void find_in_included(const config_setting_t *setting, const char *path, const char **last,
                             server_reader *reader) {
  const char *file = config_setting_source_file(setting), *slash = strrchr(path, '/');
  if (file != NULL && strcmp(file, path) != 0 && (*last == NULL || strcmp(file, *last) != 0)) {
    char name[2 * SERVER_PATH_MAX];
    snprintf(name, sizeof name, "%.*s%s", slash != NULL ? (int)(slash - path) + 1 : 0, path, file);
    *last = file;
    find_big_figures(name, reader);
  }
  if (config_setting_is_aggregate(setting)) {
    for (int i = 0; i < config_setting_length(setting); i++) {
      find_in_included(config_setting_get_elem(setting, (unsigned)i), path, last, reader);
    }
  }
}

static int read_text(server_config *config, const char *path, server_reader *reader) {
  char directory[SERVER_PATH_MAX + 1];
  const char *slash = strrchr(path, '/'), *last = NULL;
  int len = slash != NULL ? (int)(slash - path) : 0;
  snprintf(directory, sizeof directory, "%.*s", len, path);
  config_set_include_dir(&config->file, len > 0 ? directory : slash != NULL ? "/" : ".");
  errno = 0;
  if (config_read_file(&config->file, path) == CONFIG_FALSE) {
    const char *file = config_error_file(&config->file);
    int io = config_error_type(&config->file) == CONFIG_ERR_FILE_IO;
    tell(reader, file != NULL ? file : path, config_error_line(&config->file),
         io ? strerror(errno != 0 ? errno : EIO) : config_error_text(&config->file));
    return -1;
  }
  find_big_figures(path, reader);
  find_in_included(config_root_setting(&config->file), path, &last, reader);
  return reader->mistakes == 0 ? 0 : -1;
}

server_config *server_config_read(const char *path, server_say_fn say, void *arg) {
  server_reader reader = {say, arg, 0};
  server_config *config = calloc(1, sizeof *config);
  if (config == NULL) {
    say(arg, "out of memory");
    return NULL;
  }
  config_init(&config->file);
  if (set_defaults(config) != 0) {
    say(arg, "out of memory");
    reader.mistakes++;
  } else if (path == NULL || read_text(config, path, &reader) == 0) {
    server_read_group(&reader, &server_keys, config_root_setting(&config->file), config);
    if (reader.mistakes == 0) {
      check_all(config, &reader);
    }
    if (reader.mistakes == 0) {
      check_node(config, &reader);
    }
  }
  if (reader.mistakes > 0) {
    server_config_free(config);
    return NULL;
  }
  return config;
}

void server_config_free(server_config *config) {
  if (config != NULL) {
    server_free_group(&server_keys, config);
    config_destroy(&config->file);
    free(config);
  }
}
