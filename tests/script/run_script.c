/*
 * Runs stanza transcripts: Markdown files whose fenced blocks marked ```xmpp are carried out, a scenario a heading of
 * the second level.
 *
 *   run_script [-v] [-s WORDS] FILE.md...      -s: only scenarios whose heading has these words
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

typedef struct run {
  const char *file, *only;
  char scenario[200];
  char *line; /* a command with its continuations */
  size_t line_at, at;
  int in_block, active, failed, verbose;
  int scenarios, failures;
  world world;
} run;

static void fail(run *r, size_t at, const char *what) {
  if (!r->failed) {
    fprintf(stderr, "%s:%zu: %s\n", r->file, at, r->scenario);
    fprintf(stderr, "  line     %s\n  problem  %s\n", what, r->world.why);
    if (r->world.logged[0] != '\0') {
      fprintf(stderr, "  log      %s\n", r->world.logged);
    }
    r->failures++;
  }
  r->failed = 1;
}

static void run_line(run *r) {
  if (r->line != NULL && !r->failed) {
    if (r->verbose) {
      fprintf(stderr, "%s\n", r->line);
    }
    if (command_run(&r->world, r->line) != 0) {
      fail(r, r->line_at, r->line);
    }
  }
  free(r->line);
  r->line = NULL;
}

static void end_scenario(run *r) {
  if (!r->active) {
    return;
  }
  run_line(r);
  if (!r->failed && command_end(&r->world) != 0) {
    fail(r, r->at, "(end of the scenario)");
  }
  printf("%s %s: %s\n", r->failed ? "FAILED" : "ok    ", r->file, r->scenario);
  fflush(stdout);
  world_reset(&r->world);
  r->active = 0;
}

static void begin_scenario(run *r, const char *name) {
  end_scenario(r);
  snprintf(r->scenario, sizeof r->scenario, "%s", name);
  r->failed = 0;
  world_init(&r->world);
  r->world.verbose = r->verbose;
}

static void add_line(run *r, const char *text) {
  size_t had = r->line != NULL ? strlen(r->line) : 0, len = strlen(text);
  r->line = realloc(r->line, had + len + 2);
  if (r->line == NULL) {
    abort();
  }
  if (had > 0) {
    r->line[had++] = '\n';
  } else {
    r->line_at = r->at;
  }
  memcpy(r->line + had, text, len + 1);
}

static void take_line(run *r, char *text) {
  text[strcspn(text, "\r\n")] = '\0';
  if (!r->in_block) {
    if (strncmp(text, "## ", 3) == 0) {
      begin_scenario(r, text + 3);
    }
    r->in_block = strcmp(text, "```xmpp") == 0 && (r->only == NULL || strstr(r->scenario, r->only) != NULL);
    r->scenarios += r->in_block && !r->active;
    r->active |= r->in_block;
    return;
  }
  if (strncmp(text, "```", 3) == 0) {
    run_line(r);
    r->in_block = 0;
  } else if (text[0] == ' ' && r->line != NULL) {
    add_line(r, text);
  } else {
    run_line(r);
    if (text[0] != '\0' && text[0] != '#') {
      add_line(r, text);
    }
  }
}

static int run_file(run *r, const char *path) {
  char *text = NULL;
  size_t cap = 0;
  FILE *file = fopen(path, "r");
  if (file == NULL) {
    perror(path);
    return -1;
  }
  r->file = path;
  r->at = 0;
  begin_scenario(r, "(before the first heading)");
  while (getline(&text, &cap, file) != -1) {
    r->at++;
    take_line(r, text);
  }
  end_scenario(r);
  free(text);
  fclose(file);
  return 0;
}

int main(int argc, char **argv) {
  static run r;
  int rv = 0;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "-v") == 0) {
      r.verbose = 1;
    } else if (strcmp(argv[i], "-s") == 0 && i + 1 < argc) {
      r.only = argv[++i];
    } else {
      rv |= run_file(&r, argv[i]);
    }
  }
  printf("%d scenarios, %d failed\n", r.scenarios, r.failures);
  return rv != 0 || r.failures > 0 || r.scenarios == 0;
}
