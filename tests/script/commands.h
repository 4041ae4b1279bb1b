/* The lines of a transcript. README.md explains them to those who write transcripts. */
#ifndef SCRIPT_COMMANDS_H
#define SCRIPT_COMMANDS_H

#include "world.h"

/* Carries out one line (with its continuations). 0, or -1 with w->why. */
int command_run(world *w, const char *line);
/* What must hold at the end of a scenario: everything that came was spoken of, and the account of messages balances. */
int command_end(world *w);

/* login.c */
int login_run(world *w, const char *words);
int reconnect_run(world *w, const char *words);
int connect_run(world *w, const char *words);

/* setting.c: "NAME VALUE" */
int setting_run(world *w, const char *words);
/* "NAME=NUMBER …" of the ledger and the statistics */
int counters_run(world *w, const char *words);

/* The next word of *at into `word` (size 64 at least); 0 at the end. */
int next_word(const char **at, char *word, size_t size);

#endif
