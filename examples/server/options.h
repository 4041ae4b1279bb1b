/* The command line. */
#ifndef SERVER_OPTIONS_H
#define SERVER_OPTIONS_H

typedef struct server_options {
  const char *config; /* NULL: defaults */
  int check, keys;
} server_options;

/* Returns 0, or the exit status plus one when there is nothing more to do. */
int server_options_read(server_options *options, int argc, char **argv);

#endif /* SERVER_OPTIONS_H */
