#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "schema.h"

/* Where in the file the scanner is. */
typedef struct scanner {
  FILE *file;
  int line;
} scanner;

static int next(scanner *s) {
  int c = getc(s->file);
  s->line += c == '\n';
  return c;
}

static void skip_line(scanner *s) {
  int c;
  do {
    c = next(s);
  } while (c != '\n' && c != EOF);
}

static void skip_text(scanner *s) {
  int c = next(s);
  while (c != '"' && c != EOF) {
    if (c == '\\') {
      next(s);
    }
    c = next(s);
  }
}

static void skip_comment(scanner *s) {
  int before = 0, c = next(s);
  while (c != EOF && !(before == '*' && c == '/')) {
    before = c;
    c = next(s);
  }
}

/* A word, a name or figures, up to what ends it; returns what comes then. */
static int read_word(scanner *s, int c, char *word, size_t len) {
  size_t n = 0;
  while (isalnum(c) || c == '_' || c == '-' || c == '.' || c == '*') {
    if (n + 1 < len) {
      word[n++] = (char)c;
    }
    c = next(s);
  }
  word[n] = '\0';
  return c;
}

/* Plain figures are cut above 2^31 - 1; with an L behind them above 2^63 - 1, which is what 18 figures stay below. */
static int is_cut(const char *word) {
  size_t n = strspn(word, "0123456789"), zeros = strspn(word, "0");
  if (n == 0 || (word[n] != '\0' && word[n] != 'L')) {
    return (word[0] == '0' && (word[1] == 'x' || word[1] == 'X')) && strlen(word) > 9;
  }
  word += zeros;
  n -= zeros;
  if (word[n] == 'L') {
    return n > 18;
  }
  return n > 10 || (n == 10 && strcmp(word, "2147483647") > 0);
}

int server_big_figure(const char *path, char *figures, size_t len) {
  scanner s = {fopen(path, "re"), 1};
  int found = 0;
  if (s.file == NULL) {
    return 0;
  }
  int c = next(&s);
  while (c != EOF && found == 0) {
    if (c == '"') {
      skip_text(&s);
      c = next(&s);
    } else if (c == '#') {
      skip_line(&s);
      c = next(&s);
    } else if (c == '/') {
      c = next(&s);
      if (c == '/') {
        skip_line(&s);
        c = next(&s);
      } else if (c == '*') {
        skip_comment(&s);
        c = next(&s);
      }
    } else if (isalnum(c)) {
      int line = s.line;
      c = read_word(&s, c, figures, len);
      found = is_cut(figures) ? line : 0;
    } else {
      c = next(&s);
    }
  }
  fclose(s.file);
  return found;
}
