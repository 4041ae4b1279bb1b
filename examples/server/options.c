#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "server: a chat server, all that libimp can do, by a configuration file\n"
    "\n"
    "  --config FILE  its configuration; without one, defaults: a server on the loopback interface for\n"
    "                 localhost, with accounts alice and bob. examples/server/server.conf says what can be set\n"
    "  --check FILE   says whether FILE can be used: mistakes by file and line, exit status 1\n"
    "  --keys         lists all keys: name, default, range, whether SIGHUP can change it\n"
    "  --help\n"
    "\n"
    "SIGHUP reads the configuration and the certificate again, SIGTERM and SIGINT close every stream in good order.\n";

enum { CONFIG = 1, CHECK, KEYS, HELP };

static const struct option names[] = {{"config", 1, NULL, CONFIG},
                                      {"check", 1, NULL, CHECK},
                                      {"keys", 0, NULL, KEYS},
                                      {"help", 0, NULL, HELP},
                                      {NULL, 0, NULL, 0}};

int server_options_read(server_options *options, int argc, char **argv) {
  int option;
  memset(options, 0, sizeof *options);
  while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
    switch (option) {
    case CHECK:
      options->check = 1;
      options->config = optarg;
      break;
    case CONFIG:
      options->config = optarg;
      break;
    case KEYS:
      options->keys = 1;
      break;
    case HELP:
      fputs(help, stdout);
      return 1;
    default:
      fputs("server: see --help\n", stderr);
      return 3;
    }
  }
  if (optind < argc) {
    fprintf(stderr, "server: %s: not an option; see --help\n", argv[optind]);
    return 3;
  }
  return 0;
}
