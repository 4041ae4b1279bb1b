/* Compares what came with what a transcript expects; {{name}} in the expected text captures, or stands for what was
 * captured. */
#ifndef SCRIPT_MATCH_H
#define SCRIPT_MATCH_H

#include "tree.h"

#define VARS_MAX 128

typedef struct vars {
  struct {
    char name[48];
    char *value;
  } all[VARS_MAX];
  size_t count;
} vars;

void vars_reset(vars *v);
const char *vars_get(const vars *v, const char *name);
void vars_set(vars *v, const char *name, const char *value, size_t len);
/* Puts the values in; malloc'd. NULL if one is not known: its name goes into `why`. */
char *vars_expand(const vars *v, const char *text, char *why, size_t whylen);

/*
 * 0 if `got` is as `expected`; else `why` says where they differ. Names, namespaces and children in their order must
 * agree; so must the attributes, in any order (of a header only those that are expected). Text "..." stands for any
 * other content.
 */
int match_tree(vars *v, const tree *expected, const tree *got, int header, char *why, size_t whylen);

#endif
