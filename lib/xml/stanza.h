/*
 * Stanzas inside. One malloc holds the stanza, its root element and the first block of its arena.
 *
 * Life: built or parsed → edited (addresses set, stamps added) → routed. The first imp_stanza_head() or
 * imp_stanza_tail() (through any packet) freezes it in practice: later edits throw the serialised form away, and
 * packets that share it must not exist then.
 */
#ifndef IMP_XML_STANZA_H
#define IMP_XML_STANZA_H

#include "core/arena.h"
#include "xml/elem.h"

enum {
  IMP_STANZA_BROKEN = 0x01,   /* an allocation failed while building */
  IMP_STANZA_BAD_TO = 0x02,   /* received with a `to` that is no JID: imp_stanza_get_to() is NULL */
  IMP_STANZA_BAD_FROM = 0x04, /* likewise `from` */
  IMP_STANZA_TRAITS = 0x08    /* `traits` is filled in */
};

/* What a message or presence carries at its first level; found once, see imp_stanza_traits(). */
enum {
  IMP_TRAIT_BODY = 0x0001,
  IMP_TRAIT_CHATSTATE = 0x0002,      /* XEP-0085 */
  IMP_TRAIT_RECEIPT = 0x0004,        /* XEP-0184 request or received */
  IMP_TRAIT_MARKER = 0x0008,         /* XEP-0333 */
  IMP_TRAIT_DELAY = 0x0010,          /* XEP-0203 */
  IMP_TRAIT_STANZA_ID = 0x0020,      /* XEP-0359 <stanza-id/> */
  IMP_TRAIT_CARBON = 0x0040,         /* XEP-0280 <sent/> or <received/> */
  IMP_TRAIT_CARBON_PRIVATE = 0x0080, /* XEP-0280 <private/> */
  IMP_TRAIT_HINT_NO_STORE = 0x0100,  /* XEP-0334 */
  IMP_TRAIT_HINT_NO_PERM = 0x0200,
  IMP_TRAIT_HINT_NO_COPY = 0x0400,
  IMP_TRAIT_HINT_STORE = 0x0800,
  IMP_TRAIT_MUC_USER = 0x1000, /* <x/> of muc#user: invitations, private messages */
  IMP_TRAIT_SUBJECT = 0x2000,
  IMP_TRAIT_MAM_RESULT = 0x4000, /* XEP-0313 <result/> */
  IMP_TRAIT_OTHER = 0x8000       /* any other payload (encrypted, invitations, …) */
};

struct imp_stanza {
  uint32_t refs;
  uint8_t kind; /* imp_stanza_kind */
  uint8_t type; /* imp_stanza_type */
  uint16_t flags;
  uint32_t traits;
  uint32_t wirelen; /* bytes on the wire when received, 0 if built */
  imp_jid *from, *to;
  const char *id;          /* NULL if absent */
  const char *head, *tail; /* serialised, NULL until asked for; see xml/writer.h. A received tail may be as it came. */
  uint32_t headlen, taillen;
  imp_elem root;
  imp_arena arena;
};

/* What was derived from the tree is no longer true. */
static inline void imp_stanza_changed(imp_stanza *st) {
  st->head = st->tail = NULL;
  st->flags &= (uint16_t)~IMP_STANZA_TRAITS;
}

/* Bytes of memory that the stanza keeps. */
size_t imp_stanza_memory(const imp_stanza *st);

/* For a stanza that stays long: a copy in no more memory than it needs, or (out of memory, or too big for it to matter)
   a reference on the stanza itself. Never NULL. */
imp_stanza *imp_stanza_keep(imp_stanza *st);

/* Says in which language it is (RFC 6120 §8.1.5), unless it says so itself. `lang` needs no escape. */
void imp_stanza_default_lang(imp_stanza *st, const char *lang);

/* The traits of the root's children (cached). */
uint32_t imp_stanza_traits(const imp_stanza *st);

/* ---- for the parser ---- */

/* A message of some 200 bytes, its serialised form included, stays in the first block; malloc keeps this size at hand.
 */
#define IMP_STANZA_BLOCK 1024

/* An empty stanza with `refs` 1; the caller fills in root.name and root.ns. NULL when out of memory. */
imp_stanza *imp_stanza_alloc(void);
/* With a block of this many bytes (at least sizeof(imp_stanza)) for itself and what it holds. */
imp_stanza *imp_stanza_alloc_sized(size_t block);
/* kind and type from the root's name, namespace and attribute. */
void imp_stanza_classify(imp_stanza *st);
imp_elem *imp_elem_new(imp_stanza *st, const char *name, size_t namelen, const char *ns, size_t nslen);
void imp_elem_link(imp_elem *parent, imp_elem *child);
/* Name and namespace, or one attribute, of another tree; interned or copied. IMP_ERR_NOMEM. */
int imp_elem_copy_name(imp_stanza *st, imp_elem *elem, const imp_elem *source);
int imp_elem_copy_attr(imp_stanza *st, imp_elem *elem, const imp_attr *source);
/* Appends text behind what the element has: to its lead, or to the tail of its last child. IMP_ERR_NOMEM. */
int imp_elem_put_piece(imp_stanza *st, imp_elem *elem, const char *text, size_t len);
/* Makes `text` whole again after the last piece. IMP_ERR_NOMEM. */
int imp_elem_gather(imp_stanza *st, imp_elem *elem);
/* New attribute at the end; name and ns must be interned or in the arena already. */
imp_attr *imp_elem_put_attr(imp_stanza *st, imp_elem *elem, const char *name, const char *ns, const char *value,
                            size_t valuelen);

#endif
