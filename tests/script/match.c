#include "match.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void vars_reset(vars *v) {
  for (size_t i = 0; i < v->count; i++) {
    free(v->all[i].value);
  }
  v->count = 0;
}

const char *vars_get(const vars *v, const char *name) {
  for (size_t i = 0; i < v->count; i++) {
    if (strcmp(v->all[i].name, name) == 0) {
      return v->all[i].value;
    }
  }
  return NULL;
}

void vars_set(vars *v, const char *name, const char *value, size_t len) {
  size_t i = 0;
  char *made = malloc(len + 1);
  if (made == NULL) {
    abort();
  }
  memcpy(made, value, len);
  made[len] = '\0';
  while (i < v->count && strcmp(v->all[i].name, name) != 0) {
    i++;
  }
  if (i == VARS_MAX) {
    free(made);
    return;
  }
  if (i == v->count) {
    v->count++;
    snprintf(v->all[i].name, sizeof v->all[i].name, "%s", name);
  } else {
    free(v->all[i].value);
  }
  v->all[i].value = made;
}

/* A {{name}} at s: its length, with the name in `name` (48 bytes); 0 if there is none. */
static size_t var_at(const char *s, char *name) {
  const char *end = strncmp(s, "{{", 2) == 0 ? strstr(s, "}}") : NULL;
  if (end == NULL || end - s - 2 > 47) {
    return 0;
  }
  memcpy(name, s + 2, (size_t)(end - s - 2));
  name[end - s - 2] = '\0';
  return (size_t)(end - s) + 2;
}

char *vars_expand(const vars *v, const char *text, char *why, size_t whylen) {
  size_t cap = strlen(text) + 1, used = 0;
  char *out = malloc(cap), name[48];
  while (out != NULL && *text != '\0') {
    size_t skip = var_at(text, name), n = 1;
    const char *piece = text;
    if (skip > 0) {
      piece = vars_get(v, name);
      if (piece == NULL) {
        snprintf(why, whylen, "{{%s}} was never captured", name);
        free(out);
        return NULL;
      }
      n = strlen(piece);
    }
    cap += n;
    out = realloc(out, cap);
    if (out != NULL) {
      memcpy(out + used, piece, n);
      used += n;
    }
    text += skip > 0 ? skip : 1;
  }
  if (out == NULL) {
    abort();
  }
  out[used] = '\0';
  return out;
}

/* Backtracking is not needed: a capture goes up to the literal that follows it. */
static int match_text(vars *v, const char *expected, const char *got) {
  char name[48];
  while (*expected != '\0') {
    size_t skip = var_at(expected, name);
    if (skip == 0) {
      if (*expected++ != *got++) {
        return -1;
      }
      continue;
    }
    expected += skip;
    const char *known = strcmp(name, "*") != 0 ? vars_get(v, name) : NULL;
    size_t len;
    if (known != NULL) {
      len = strlen(known);
      if (strncmp(got, known, len) != 0) {
        return -1;
      }
    } else {
      const char *next = strstr(expected, "{{");
      size_t literal = next != NULL ? (size_t)(next - expected) : strlen(expected);
      char piece[256];
      snprintf(piece, sizeof piece, "%.*s", (int)literal, expected);
      const char *end = literal == 0 ? got + strlen(got) : strstr(got, piece);
      if (end == NULL) {
        return -1;
      }
      len = (size_t)(end - got);
      if (strcmp(name, "*") != 0) {
        vars_set(v, name, got, len);
      }
    }
    got += len;
  }
  return *got == '\0' ? 0 : -1;
}

static int match_attrs(vars *v, const tree *expected, const tree *got, int header, char *why, size_t whylen) {
  for (size_t i = 0; i < expected->attr_count; i++) {
    const char *name = expected->attrs[i].name, *value = tree_attr_of(got, name);
    if (value == NULL || match_text(v, expected->attrs[i].value, value) != 0) {
      snprintf(why, whylen, "<%s>: attribute %s is %s%s%s, not '%s'", got->name, name, value != NULL ? "'" : "",
               value != NULL ? value : "missing", value != NULL ? "'" : "", expected->attrs[i].value);
      return -1;
    }
  }
  for (size_t i = 0; i < got->attr_count && !header; i++) {
    if (tree_attr_of(expected, got->attrs[i].name) == NULL) {
      snprintf(why, whylen, "<%s>: attribute %s='%s' was not expected", got->name, got->attrs[i].name,
               got->attrs[i].value);
      return -1;
    }
  }
  return 0;
}

/* The spaces between the lines of an expected element are nothing. */
static int is_layout(const tree *t) {
  return t->child_count > 0 && t->text != NULL && t->text[strspn(t->text, " \t\r\n")] == '\0';
}

/* "..." among the children. */
static int is_open(const char *text) { return strstr(text, "...") != NULL && text[strspn(text, ". \t\r\n")] == '\0'; }

/* The expected children in their order; with `open` anything may be between and behind them. */
static int match_children(vars *v, const tree *expected, const tree *got, int open, char *why, size_t whylen) {
  size_t at = 0;
  for (size_t i = 0; i < expected->child_count; i++) {
    int rv = -1;
    snprintf(why, whylen, "<%s>: no child <%s> there", got->name, expected->children[i]->name);
    while (rv != 0 && at < got->child_count) {
      rv = match_tree(v, expected->children[i], got->children[at++], 0, why, whylen);
      if (rv != 0 && !open) {
        return -1;
      }
    }
    if (rv != 0) {
      return -1;
    }
  }
  return 0;
}

int match_tree(vars *v, const tree *expected, const tree *got, int header, char *why, size_t whylen) {
  const char *text = expected->text != NULL && !is_layout(expected) ? expected->text : "";
  if (strcmp(expected->name, got->name) != 0 || strcmp(expected->ns, got->ns) != 0) {
    snprintf(why, whylen, "<%s xmlns='%s'> instead of <%s xmlns='%s'>", got->name, got->ns, expected->name,
             expected->ns);
    return -1;
  }
  if (match_attrs(v, expected, got, header, why, whylen) != 0) {
    return -1;
  }
  if (header) {
    return 0;
  }
  if (is_open(text)) {
    return match_children(v, expected, got, 1, why, whylen);
  }
  if (match_text(v, text, got->text != NULL ? got->text : "") != 0) {
    snprintf(why, whylen, "<%s>: text '%s', not '%s'", got->name, got->text != NULL ? got->text : "", text);
    return -1;
  }
  if (expected->child_count != got->child_count) {
    snprintf(why, whylen, "<%s>: %zu children, not %zu", got->name, got->child_count, expected->child_count);
    return -1;
  }
  return match_children(v, expected, got, 0, why, whylen);
}
