/* What the echo server was asked to do. */
#ifndef ECHO_OPTIONS_H
#define ECHO_OPTIONS_H

#include <imp/imp.h>

#define ECHO_MAX 64 /* addresses, accounts */

typedef struct echo_options {
  const char *listen[ECHO_MAX]; /* IP addresses; loopback if none is given */
  size_t listens;
  uint16_t port, direct_port, ws_port; /* 0: off */
  const char *domain;
  const char *data; /* directory */
  const char *cert, *key, *client_ca;
  char *accounts[ECHO_MAX]; /* names, each followed by NUL and its password */
  size_t account_count;
  const char *any_password;
  int allow_plaintext, proxy_protocol, no_plus, durable, json, quiet;
  int loopback; /* every address is */
  uint32_t log_level;
  imp_sm_settings sm;
  char data_default[1024];
} echo_options;

/* Reads the command line. Returns 0, or the process's exit status + 1 when it should end (help, mistakes: said on the
 * terminal). */
int echo_options_read(echo_options *options, int argc, char **argv);

#endif
