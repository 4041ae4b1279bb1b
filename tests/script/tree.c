#include "tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH 64

typedef struct binding {
  char *prefix, *ns;
} binding;

typedef struct reader {
  const char *at, *end;
  binding bindings[256];
  size_t bound;
  int incomplete, wrong;
} reader;

static void *grow(void *array, size_t count, size_t size) {
  void *grown = realloc(array, (count + 1) * size);
  if (grown == NULL) {
    abort();
  }
  return grown;
}

static char *copy(const char *s, size_t len) {
  char *made = malloc(len + 1);
  if (made == NULL) {
    abort();
  }
  memcpy(made, s, len);
  made[len] = '\0';
  return made;
}

static int is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static void skip_space(reader *r) {
  while (r->at < r->end && is_space(*r->at)) {
    r->at++;
  }
}

/* The character at the place, 0 at the end: then more is needed. */
static char peek(reader *r) {
  if (r->at >= r->end) {
    r->incomplete = 1;
    return '\0';
  }
  return *r->at;
}

static int ok(const reader *r) { return !r->incomplete && !r->wrong; }

static char *read_name(reader *r) {
  const char *start = r->at;
  while (r->at < r->end && !is_space(*r->at) && strchr("/>=<'\"", *r->at) == NULL) {
    r->at++;
  }
  r->incomplete |= r->at >= r->end;
  r->wrong |= r->at == start;
  return copy(start, (size_t)(r->at - start));
}

static size_t unescape_one(const char *s, size_t len, char *out) {
  static const struct {
    const char *name;
    char c;
  } entities[] = {{"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}, {"&apos;", '\''}};
  for (size_t i = 0; i < 5; i++) {
    size_t n = strlen(entities[i].name);
    if (len >= n && memcmp(s, entities[i].name, n) == 0) {
      *out = entities[i].c;
      return n;
    }
  }
  if (len > 3 && s[1] == '#') { /* one byte is all that a server writes so */
    char *end;
    long code = s[2] == 'x' ? strtol(s + 3, &end, 16) : strtol(s + 2, &end, 10);
    if (code > 0 && code < 128 && *end == ';') {
      *out = (char)code;
      return (size_t)(end - s) + 1;
    }
  }
  return 0;
}

static char *unescape(reader *r, const char *s, size_t len) {
  char *made = copy(s, len), *out = made;
  for (size_t i = 0; i < len;) {
    size_t n = 1;
    if (s[i] == '&') {
      n = unescape_one(s + i, len - i, out);
      r->wrong |= n == 0;
      n = n > 0 ? n : 1;
    } else {
      *out = s[i];
    }
    out++;
    i += n;
  }
  *out = '\0';
  return made;
}

static char *read_value(reader *r) {
  skip_space(r);
  r->wrong |= peek(r) != '=' && ok(r);
  r->at += ok(r);
  skip_space(r);
  char quote = peek(r);
  r->wrong |= ok(r) && quote != '\'' && quote != '"';
  if (!ok(r)) {
    return copy("", 0);
  }
  const char *start = ++r->at;
  while (r->at < r->end && *r->at != quote) {
    r->wrong |= *r->at == '<';
    r->at++;
  }
  char *value = unescape(r, start, (size_t)(r->at - start));
  peek(r);
  r->at += ok(r);
  return value;
}

static void bind_ns(reader *r, const char *prefix, const char *ns) {
  if (r->bound < 256) {
    r->bindings[r->bound].prefix = copy(prefix, strlen(prefix));
    r->bindings[r->bound++].ns = copy(ns, strlen(ns));
  }
}

static void unbind(reader *r, size_t to) {
  while (r->bound > to) {
    r->bound--;
    free(r->bindings[r->bound].prefix);
    free(r->bindings[r->bound].ns);
  }
}

static const char *find_ns(reader *r, const char *prefix) {
  for (size_t i = r->bound; i > 0; i--) {
    if (strcmp(r->bindings[i - 1].prefix, prefix) == 0) {
      return r->bindings[i - 1].ns;
    }
  }
  r->wrong = 1;
  return "";
}

static void add_attr(reader *r, tree *t) {
  char *name = read_name(r), *value = read_value(r);
  if (strcmp(name, "xmlns") == 0 || strncmp(name, "xmlns:", 6) == 0) {
    bind_ns(r, name[5] == ':' ? name + 6 : "", value);
    free(name);
    free(value);
    return;
  }
  r->wrong |= tree_attr_of(t, name) != NULL;
  t->attrs = grow(t->attrs, t->attr_count, sizeof *t->attrs);
  t->attrs[t->attr_count++] = (tree_attr){name, value};
}

/* After "<": name and attributes; returns non-zero if the tag closes itself. */
static int read_tag(reader *r, tree *t) {
  char *name = read_name(r);
  skip_space(r);
  while (ok(r) && peek(r) != '>' && peek(r) != '/') {
    add_attr(r, t);
    skip_space(r);
  }
  int empty = ok(r) && peek(r) == '/';
  r->at += empty;
  r->wrong |= ok(r) && peek(r) != '>';
  r->at += ok(r);
  char *colon = strchr(name, ':');
  if (colon != NULL) {
    *colon = '\0';
  }
  const char *ns = ok(r) ? find_ns(r, colon != NULL ? name : "") : "";
  t->ns = copy(ns, strlen(ns));
  t->name = copy(colon != NULL ? colon + 1 : name, strlen(colon != NULL ? colon + 1 : name));
  free(name);
  return empty;
}

static tree *read_element(reader *r, int depth, int header);

static void read_content(reader *r, tree *t, int depth) {
  while (ok(r)) {
    const char *start = r->at;
    while (r->at < r->end && *r->at != '<') {
      r->at++;
    }
    if (r->at > start) {
      char *text = unescape(r, start, (size_t)(r->at - start));
      size_t had = t->text != NULL ? strlen(t->text) : 0;
      t->text = grow(t->text, had + strlen(text), 1);
      memcpy(t->text + had, text, strlen(text) + 1);
      free(text);
    }
    peek(r);
    if (!ok(r) || r->at + 1 >= r->end) {
      r->incomplete = 1;
      return;
    }
    if (r->at[1] == '/') {
      r->at += 2;
      free(read_name(r));
      skip_space(r);
      r->wrong |= ok(r) && peek(r) != '>';
      r->at += ok(r);
      return;
    }
    tree *child = read_element(r, depth + 1, 0);
    t->children = grow(t->children, t->child_count, sizeof *t->children);
    t->children[t->child_count++] = child;
  }
}

static tree *read_element(reader *r, int depth, int header) {
  tree *t = calloc(1, sizeof *t);
  size_t bound = r->bound;
  if (t == NULL) {
    abort();
  }
  r->wrong |= depth > DEPTH || (r->at < r->end && *r->at != '<') || (r->at + 1 < r->end && strchr("!?/", r->at[1]));
  peek(r);
  r->at += ok(r);
  int empty = read_tag(r, t);
  if (ok(r) && !empty && !header) {
    read_content(r, t, depth);
  }
  unbind(r, bound);
  return t;
}

long tree_read(tree **t, const char *text, size_t len, int header) {
  reader r = {.at = text, .end = text + len};
  bind_ns(&r, "", "jabber:client");
  bind_ns(&r, "stream", "http://etherx.jabber.org/streams");
  *t = read_element(&r, 0, header);
  unbind(&r, 0);
  if (!ok(&r)) {
    tree_free(*t);
    *t = NULL;
    return r.wrong ? -1 : 0;
  }
  return r.at - text;
}

void tree_free(tree *t) {
  if (t == NULL) {
    return;
  }
  for (size_t i = 0; i < t->attr_count; i++) {
    free(t->attrs[i].name);
    free(t->attrs[i].value);
  }
  for (size_t i = 0; i < t->child_count; i++) {
    tree_free(t->children[i]);
  }
  free(t->attrs);
  free(t->children);
  free(t->name);
  free(t->ns);
  free(t->text);
  free(t);
}

const char *tree_attr_of(const tree *t, const char *name) {
  for (size_t i = 0; i < t->attr_count; i++) {
    if (strcmp(t->attrs[i].name, name) == 0) {
      return t->attrs[i].value;
    }
  }
  return NULL;
}

const tree *tree_child(const tree *t, const char *name) {
  for (size_t i = 0; i < t->child_count; i++) {
    if (strcmp(t->children[i]->name, name) == 0) {
      return t->children[i];
    }
  }
  return NULL;
}
