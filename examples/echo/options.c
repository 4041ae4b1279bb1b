#include "options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "echo: a chat server whose user echo@DOMAIN answers everything\n"
    "\n"
    "  --listen ADDR          IP address to listen on, repeatable (default 127.0.0.1)\n"
    "  --port N               STARTTLS (default 5222); 0: off, as for the two below\n"
    "  --direct-port N        TLS from the first byte (default 5223)\n"
    "  --ws-port N            WebSocket, ws:// and wss:// (default 5280)\n"
    "  --domain NAME          domain that is served (default localhost)\n"
    "  --data DIR             database and self-made certificate (default ~/.local/share/imp-echo)\n"
    "  --cert FILE --key FILE certificate and key (PEM) instead; read again on SIGHUP\n"
    "  --client-ca FILE       roots (PEM) of client certificates; offers EXTERNAL\n"
    "\n"
    "  --account NAME:PASSWORD  an account, repeatable; stored as SCRAM keys.\n"
    "                           Without any: alice and bob (loopback only)\n"
    "  --any-account PASSWORD   every name is an account (loopback only)\n"
    "  --allow-plaintext        passwords may go unencrypted (loopback only)\n"
    "  --no-plus                offer no SCRAM with channel binding\n"
    "  --proxy-protocol         connections begin with a PROXY header\n"
    "\n"
    "  --sm-timeout SECONDS   how long a lost session can be resumed (default 60; 30 to 90)\n"
    "  --sm-buffer PACKETS    kept for a session (default 100; 5 to 150)\n"
    "  --sm-ack-rate STANZAS  sent before acknowledgement is asked for (default 5; 1 to 64)\n"
    "  --sm-policy WHAT       return, store or redirect what a lost session did not take (default return)\n"
    "  --sm-profile WHICH     strict or lifted: wider ranges for the three above (default strict)\n"
    "  --no-sm                no stream management\n"
    "  --durable              sessions survive kill -9\n"
    "\n"
    "  --log text|json        format of log lines and statistics (default text)\n"
    "  --log-level LEVEL      error, warn, info, debug or trace (default info)\n"
    "  --quiet                only errors and the line that says ready\n"
    "  --help\n"
    "\n"
    "SIGTERM and SIGINT close every stream in good order, SIGHUP reads the certificate again,\n"
    "SIGUSR1 prints statistics.\n";

enum {
  LISTEN = 1,
  PORT,
  DIRECT_PORT,
  WS_PORT,
  DOMAIN,
  DATA,
  CERT,
  KEY,
  CLIENT_CA,
  ACCOUNT,
  ANY_ACCOUNT,
  ALLOW_PLAINTEXT,
  NO_PLUS,
  PROXY_PROTOCOL,
  SM_TIMEOUT,
  SM_BUFFER,
  SM_ACK_RATE,
  SM_POLICY,
  SM_PROFILE,
  NO_SM,
  DURABLE,
  LOG,
  LOG_LEVEL,
  QUIET,
  HELP
};

static const struct option names[] = {{"listen", 1, NULL, LISTEN},
                                      {"port", 1, NULL, PORT},
                                      {"direct-port", 1, NULL, DIRECT_PORT},
                                      {"ws-port", 1, NULL, WS_PORT},
                                      {"domain", 1, NULL, DOMAIN},
                                      {"data", 1, NULL, DATA},
                                      {"cert", 1, NULL, CERT},
                                      {"key", 1, NULL, KEY},
                                      {"client-ca", 1, NULL, CLIENT_CA},
                                      {"account", 1, NULL, ACCOUNT},
                                      {"any-account", 1, NULL, ANY_ACCOUNT},
                                      {"allow-plaintext", 0, NULL, ALLOW_PLAINTEXT},
                                      {"no-plus", 0, NULL, NO_PLUS},
                                      {"proxy-protocol", 0, NULL, PROXY_PROTOCOL},
                                      {"sm-timeout", 1, NULL, SM_TIMEOUT},
                                      {"sm-buffer", 1, NULL, SM_BUFFER},
                                      {"sm-ack-rate", 1, NULL, SM_ACK_RATE},
                                      {"sm-policy", 1, NULL, SM_POLICY},
                                      {"sm-profile", 1, NULL, SM_PROFILE},
                                      {"no-sm", 0, NULL, NO_SM},
                                      {"durable", 0, NULL, DURABLE},
                                      {"log", 1, NULL, LOG},
                                      {"log-level", 1, NULL, LOG_LEVEL},
                                      {"quiet", 0, NULL, QUIET},
                                      {"help", 0, NULL, HELP},
                                      {NULL, 0, NULL, 0}};

static int mistake(const char *option, const char *value, const char *wanted) {
  fprintf(stderr, "echo: --%s %s: %s\n", option, value, wanted);
  return 3;
}

static int read_number(const char *option, const char *value, uint32_t max, uint32_t *number) {
  char *end;
  errno = 0;
  unsigned long n = strtoul(value, &end, 10);
  if (errno != 0 || *end != '\0' || value[0] < '0' || value[0] > '9' || n > max) {
    char wanted[64];
    snprintf(wanted, sizeof wanted, "a number from 0 to %u is wanted", (unsigned)max);
    return mistake(option, value, wanted);
  }
  *number = (uint32_t)n;
  return 0;
}

static int read_port(const char *option, const char *value, uint16_t *port) {
  uint32_t number = 0;
  int rv = read_number(option, value, 65535, &number);
  *port = (uint16_t)number;
  return rv;
}

/* The place of a word in a list that ends with NULL. */
static int read_word(const char *option, const char *value, const char *const *words, uint32_t *index) {
  for (uint32_t i = 0; words[i] != NULL; i++) {
    if (strcmp(words[i], value) == 0) {
      *index = i;
      return 0;
    }
  }
  return mistake(option, value, "not one of the words that --help names");
}

static int is_loopback(const char *address) {
  struct in_addr v4;
  struct in6_addr v6;
  if (inet_pton(AF_INET, address, &v4) == 1) {
    return (ntohl(v4.s_addr) >> 24) == 127;
  }
  return inet_pton(AF_INET6, address, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

/* Also fe80::1%eth0. */
static int is_address(const char *text) {
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

static int add_listen(echo_options *o, const char *value) {
  if (strcmp(value, "localhost") == 0) {
    value = "127.0.0.1";
  }
  if (!is_address(value)) {
    return mistake("listen", value, "an IP address is wanted");
  }
  if (o->listens == ECHO_MAX) {
    return mistake("listen", value, "too many");
  }
  o->listen[o->listens++] = value;
  return 0;
}

static int add_account(echo_options *o, char *value) {
  char *colon = strchr(value, ':');
  if (colon == NULL || colon == value || colon[1] == '\0' || o->account_count == ECHO_MAX) {
    return mistake("account", "…", "NAME:PASSWORD is wanted, 64 times at most");
  }
  *colon = '\0';
  o->accounts[o->account_count++] = value;
  return 0;
}

static int read_sm(echo_options *o, int option, const char *name, const char *value) {
  static const char *const policies[] = {"return", "store", "redirect", NULL};
  static const char *const profiles[] = {"strict", "lifted", NULL};
  switch (option) {
  case SM_TIMEOUT:
    return read_number(name, value, UINT32_MAX, &o->sm.timeout);
  case SM_BUFFER:
    return read_number(name, value, UINT32_MAX, &o->sm.buffer_packets);
  case SM_ACK_RATE:
    return read_number(name, value, UINT32_MAX, &o->sm.ack_rate);
  case SM_POLICY:
    return read_word(name, value, policies, &o->sm.policy);
  default:
    return read_word(name, value, profiles, &o->sm.profile);
  }
}

static int read_log(echo_options *o, int option, const char *name, const char *value) {
  static const char *const formats[] = {"text", "json", NULL};
  static const char *const levels[] = {"error", "warn", "info", "debug", "trace", NULL};
  uint32_t format = 0;
  if (option == LOG_LEVEL) {
    return read_word(name, value, levels, &o->log_level);
  }
  int rv = read_word(name, value, formats, &format);
  o->json = format == 1;
  return rv;
}

static int read_flag(echo_options *o, int option) {
  switch (option) {
  case ALLOW_PLAINTEXT:
    o->allow_plaintext = 1;
    return 0;
  case NO_PLUS:
    o->no_plus = 1;
    return 0;
  case PROXY_PROTOCOL:
    o->proxy_protocol = 1;
    return 0;
  case NO_SM:
    o->sm.enabled = 0;
    return 0;
  case DURABLE:
    o->durable = 1;
    return 0;
  case QUIET:
    o->quiet = 1;
    return 0;
  case HELP:
    fputs(help, stdout);
    return 1;
  default:
    fputs("echo: see --help\n", stderr);
    return 3;
  }
}

static int read_option(echo_options *o, int option, const char *name, char *value) {
  switch (option) {
  case LISTEN:
    return add_listen(o, value);
  case PORT:
    return read_port(name, value, &o->port);
  case DIRECT_PORT:
    return read_port(name, value, &o->direct_port);
  case WS_PORT:
    return read_port(name, value, &o->ws_port);
  case DOMAIN:
    o->domain = value;
    return 0;
  case DATA:
    o->data = value;
    return 0;
  case CERT:
    o->cert = value;
    return 0;
  case KEY:
    o->key = value;
    return 0;
  case CLIENT_CA:
    o->client_ca = value;
    return 0;
  case ACCOUNT:
    return add_account(o, value);
  case ANY_ACCOUNT:
    o->any_password = value;
    return 0;
  case LOG:
  case LOG_LEVEL:
    return read_log(o, option, name, value);
  default:
    return value != NULL ? read_sm(o, option, name, value) : read_flag(o, option);
  }
}

static int default_data(echo_options *o) {
  const char *home = getenv("HOME"), *share = getenv("XDG_DATA_HOME");
  if (o->data != NULL) {
    return 0;
  }
  if ((home == NULL || home[0] == '\0') && (share == NULL || share[0] == '\0')) {
    fputs("echo: --data DIR is needed, since HOME is not set\n", stderr);
    return 3;
  }
  if (share != NULL && share[0] != '\0') {
    snprintf(o->data_default, sizeof o->data_default, "%s/imp-echo", share);
  } else {
    snprintf(o->data_default, sizeof o->data_default, "%s/.local/share/imp-echo", home);
  }
  o->data = o->data_default;
  return 0;
}

static int check(echo_options *o) {
  if (o->listens == 0) {
    add_listen(o, "127.0.0.1");
  }
  o->loopback = 1;
  for (size_t i = 0; i < o->listens; i++) {
    o->loopback = o->loopback && is_loopback(o->listen[i]);
  }
  if (!o->loopback && (o->any_password != NULL || o->allow_plaintext)) {
    fputs("echo: --any-account and --allow-plaintext are for loopback addresses only\n", stderr);
    return 3;
  }
  if ((o->cert == NULL) != (o->key == NULL)) {
    fputs("echo: --cert and --key go together\n", stderr);
    return 3;
  }
  if (o->port == 0 && o->direct_port == 0 && o->ws_port == 0) {
    fputs("echo: every port is off\n", stderr);
    return 3;
  }
  return default_data(o);
}

int echo_options_read(echo_options *options, int argc, char **argv) {
  int option, index = 0, rv = 0;
  memset(options, 0, sizeof *options);
  options->port = 5222;
  options->direct_port = 5223;
  options->ws_port = 5280;
  options->domain = "localhost";
  options->log_level = IMP_LOG_INFO;
  imp_sm_settings_default(&options->sm, sizeof options->sm);
  while (rv == 0 && (option = getopt_long(argc, argv, "", names, &index)) != -1) {
    rv = read_option(options, option, option != '?' ? names[index].name : "", optarg);
  }
  if (rv == 0 && optind < argc) {
    rv = mistake("", argv[optind], "not an option; see --help");
  }
  return rv == 0 ? check(options) : rv;
}
