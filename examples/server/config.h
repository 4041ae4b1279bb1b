/* The configuration: what server.conf says, or does not say. */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include <imp/calendar.h>
#include <imp/imp.h>
#include <imp/pep.h>
#include <imp/status.h>

#include "schema.h"

#define SERVER_PATH_MAX 1023
#define SERVER_WEBHOOK_PATH "/graph"

enum { SERVER_STARTTLS = 0, SERVER_DIRECT, SERVER_WS, SERVER_WSS };
enum { SERVER_LOG_TEXT = 0, SERVER_LOG_JSON, SERVER_LOG_QUIET };

typedef struct server_listener {
  uint32_t kind; /* SERVER_STARTTLS … */
  const char *address;
  uint32_t port;
  uint32_t proxy_protocol, allow_plaintext;
} server_listener;

typedef struct server_account {
  const char *name, *password;
  uint32_t remove;
} server_account;

typedef struct server_http_config {
  uint32_t enabled;
  const char *address;
  uint32_t port;
  const char *token;
  uint32_t max_connections, max_per_address, max_header_bytes, max_body_bytes, timeout;
} server_http_config;

typedef struct server_tls_config {
  const char *certificate, *key, *client_ca;
} server_tls_config;

typedef struct server_calendar_config {
  imp_calendar_settings settings;
  const char *zones, *proxy, *ca_file;
  server_list gateways, mailboxes; /* of imp_gateway, imp_mailbox */
} server_calendar_config;

typedef struct server_status_config {
  imp_status_settings settings;
  imp_presence_settings presence;
  server_list rules; /* of imp_presence_rule; none: the library's */
} server_status_config;

typedef struct server_config {
  config_t file; /* strings live here */
  const char *data;
  imp_settings node; /* node.sm is `sm` */
  imp_sm_settings sm;
  uint32_t log_format, demo_accounts;
  server_tls_config tls;
  server_list listeners, accounts;
  server_http_config http;
  imp_roster_settings roster;
  imp_pep_settings pep;
  server_status_config status;
  server_calendar_config calendar;
} server_config;

extern const server_group server_keys;          /* keys.c: everything */
extern const server_group server_calendar_keys; /* calendar_keys.c */
extern const server_group server_gateway_keys, server_mailbox_keys;
extern const server_group server_roster_keys, server_pep_keys, server_status_keys; /* feature_keys.c */

/* Reads a file; `path` NULL: the defaults. Mistakes are told line by line; then it returns NULL. */
server_config *server_config_read(const char *path, server_say_fn say, void *arg);
void server_config_free(server_config *config);
/* All that contacts see is composed by; points into `status`. */
void server_status_settings(const server_status_config *status, imp_status_settings *settings,
                            imp_presence_settings *presence);
/* Whether every listener is on a loopback address. */
int server_config_is_loopback(const server_config *config);
int server_address_is_loopback(const char *address);
/* An IP address in figures, also fe80::1%eth0. */
int server_is_address(const char *text);
/* Whether it is the local part of an address as it is compared; else -1, and `text` says why not. */
int server_user_check(const char *name, char *text, size_t textlen);

/* zones.c: an imp_calendar_callbacks.get_zone over the files of a directory. */
int server_zone_read(imp_calendar *calendar, const char *directory, const char *name);

#endif /* SERVER_CONFIG_H */
