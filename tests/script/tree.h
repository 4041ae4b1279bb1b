/*
 * A small reader of XML, of the test's own, so that the library's output is not judged by its own parser.
 * Namespaces are resolved; comments, CDATA and doctypes are errors, since no server may send them.
 */
#ifndef SCRIPT_TREE_H
#define SCRIPT_TREE_H

#include <stddef.h>

typedef struct tree_attr {
  char *name; /* with its prefix: only xml: ever has one here */
  char *value;
} tree_attr;

typedef struct tree {
  char *name, *ns, *text;
  tree_attr *attrs;
  size_t attr_count;
  struct tree **children;
  size_t child_count;
} tree;

/*
 * Reads one element from the beginning of text: returns how many bytes it took, 0 if it is not complete, -1 if it is
 * wrong. Prefix stream and the default namespace jabber:client are known. With `header` a start tag alone is an
 * element.
 */
long tree_read(tree **t, const char *text, size_t len, int header);
void tree_free(tree *t);
const char *tree_attr_of(const tree *t, const char *name);
const tree *tree_child(const tree *t, const char *name);

#endif
