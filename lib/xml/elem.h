/*
 * Elements inside: a tree in the arena of its stanza.
 *
 * Text is kept as in ElementTree: `text` begins with what stands before the first child, `tail` is what stands between
 * this element's end and its next sibling (or its parent's end).  `text` as a whole, over all of textlen, is the
 * element's own character data in one piece, so that reading a value never needs to gather.
 * Names and namespaces from the table in xml/ns.h are the table's pointers; all others live in the arena.
 */
#ifndef IMP_XML_ELEM_H
#define IMP_XML_ELEM_H

#include <imp/xml.h>
#include <string.h>

#include "xml/ns.h"

/* Elements inside each other, the root being 1, are fewer: neither parsed nor written are deeper trees, so what was
   written can be read again, and what goes through a tree may recurse. */
#define IMP_XML_DEPTH_MAX 256

typedef struct imp_attr {
  struct imp_attr *next;
  const char *name;
  const char *value; /* NUL-ended */
  const char *ns;    /* "" (imp_ns_none) for nearly all */
  uint32_t valuelen;
  uint16_t namelen;
  uint8_t plain; /* the value is known to need no escape */
} imp_attr;

struct imp_elem {
  const char *name;
  const char *ns; /* "" if none; jabber:server of a server stream reads jabber:client */
  imp_attr *attrs;
  imp_elem *first, *last; /* children */
  imp_elem *next;         /* sibling */
  const char *text;       /* NUL-ended; "" if none */
  const char *tail;       /* NULL if none */
  uint32_t leadlen;       /* of text: before the first child */
  uint32_t textlen;       /* of text: all of it */
  uint32_t taillen;
  uint16_t namelen, nslen;
};

/* Most comparisons end before strcmp(): the same pointer, or another first byte. */
static inline int imp_str_is(const char *a, const char *b) { return a == b || (a[0] == b[0] && strcmp(a, b) == 0); }

/* As imp_elem_is(), inline. */
static inline int imp_elem_match(const imp_elem *elem, const char *name, const char *ns) {
  return imp_str_is(elem->name, name) && imp_str_is(elem->ns, ns);
}

/* The attribute itself; NULL if there is none. `ns` "" for one without a namespace. */
imp_attr *imp_elem_find_attr(const imp_elem *elem, const char *name, const char *ns);

/* Unlinks a child (its text after the end tag joins what stands before it). Only before the stanza is routed. */
void imp_elem_remove(imp_stanza *st, imp_elem *parent, imp_elem *child);

#endif
