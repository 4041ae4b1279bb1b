/*
 * imp/xml.h: elements and stanzas.
 *
 * A stanza is a tree of elements in one arena.  It is parsed once, reference counted, and immutable once it has been
 * routed (sent, replied to, or received from a stream).  A new stanza is built with imp_stanza_new() and the
 * imp_elem_add…/imp_elem_set… functions; an allocation that fails while building makes the stanza "broken", and
 * sending a broken stanza returns IMP_ERR_NOMEM, so a chain of building calls needs no checks in between.
 *
 * Elements in the stream's content namespace (jabber:client, jabber:server) are all in IMP_NS_CLIENT in the tree: the
 * same tree can leave by any stream.
 */
#ifndef IMP_XML_H
#define IMP_XML_H

#include <imp/core.h>
#include <imp/jid.h>

#ifdef __cplusplus
extern "C" {
#endif

#define IMP_NS_CLIENT "jabber:client"
#define IMP_NS_SERVER "jabber:server"
#define IMP_NS_STREAMS "http://etherx.jabber.org/streams"
#define IMP_NS_STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"

typedef struct imp_elem imp_elem;
typedef struct imp_stanza imp_stanza;

/** What a stanza is. */
typedef enum imp_stanza_kind {
  IMP_STANZA_MESSAGE = 0,
  IMP_STANZA_PRESENCE,
  IMP_STANZA_IQ,
  IMP_STANZA_NONZA /**< anything else at the top level of a stream */
} imp_stanza_kind;

/** The values of `type`, over all three kinds of stanza (RFC 6121 §5.2.2, §4.7.1; RFC 6120 §8.2.3). */
typedef enum imp_stanza_type {
  IMP_TYPE_NONE = 0, /**< no type attribute: message "normal", presence "available" */
  IMP_TYPE_CHAT,
  IMP_TYPE_GROUPCHAT,
  IMP_TYPE_HEADLINE,
  IMP_TYPE_NORMAL,
  IMP_TYPE_ERROR,
  IMP_TYPE_GET,
  IMP_TYPE_SET,
  IMP_TYPE_RESULT,
  IMP_TYPE_UNAVAILABLE,
  IMP_TYPE_SUBSCRIBE,
  IMP_TYPE_SUBSCRIBED,
  IMP_TYPE_UNSUBSCRIBE,
  IMP_TYPE_UNSUBSCRIBED,
  IMP_TYPE_PROBE,
  IMP_TYPE_OTHER /**< something else: see the attribute itself */
} imp_stanza_type;

/* ---- reading ---- */

/** Local name and namespace ("" if none). They live as long as the stanza, as all that these functions return. */
IMP_EXTERN const char *imp_elem_name(const imp_elem *elem);
IMP_EXTERN const char *imp_elem_ns(const imp_elem *elem);
/** Non-zero if the element has this name and namespace. */
IMP_EXTERN int imp_elem_is(const imp_elem *elem, const char *name, const char *ns);
/** The value of an attribute without a namespace, NULL if there is none. */
IMP_EXTERN const char *imp_elem_attr(const imp_elem *elem, const char *name);
/** The value of an attribute in a namespace (xml:lang: "http://www.w3.org/XML/1998/namespace", "lang"). */
IMP_EXTERN const char *imp_elem_attr_ns(const imp_elem *elem, const char *name, const char *ns);
/** The character data directly below the element, "" if none; the children's is left out. *len may be NULL. */
IMP_EXTERN const char *imp_elem_text(const imp_elem *elem, size_t *len);
/** The first child element, the next sibling element; NULL at the end. */
IMP_EXTERN const imp_elem *imp_elem_first(const imp_elem *elem);
IMP_EXTERN const imp_elem *imp_elem_next(const imp_elem *elem);
/** The first child with this name and namespace (NULL: any); NULL if there is none. */
IMP_EXTERN const imp_elem *imp_elem_child(const imp_elem *elem, const char *name, const char *ns);

IMP_EXTERN imp_stanza_kind imp_stanza_get_kind(const imp_stanza *st);
IMP_EXTERN imp_stanza_type imp_stanza_get_type(const imp_stanza *st);
/** The attribute as written, NULL if absent. */
IMP_EXTERN const char *imp_stanza_get_id(const imp_stanza *st);
/** The addresses, NULL if absent. From a client stream `from` is always the session's full JID. */
IMP_EXTERN const imp_jid *imp_stanza_get_from(const imp_stanza *st);
IMP_EXTERN const imp_jid *imp_stanza_get_to(const imp_stanza *st);
/** The text of the first <body/>, NULL if there is none. */
IMP_EXTERN const char *imp_stanza_get_body(const imp_stanza *st);
/** The stanza's own element. */
IMP_EXTERN const imp_elem *imp_stanza_root(const imp_stanza *st);
/** The first child with this name and namespace; shorthand for imp_elem_child() on the root. */
IMP_EXTERN const imp_elem *imp_stanza_child(const imp_stanza *st, const char *name, const char *ns);
/** Another reference; returns `st`. */
IMP_EXTERN imp_stanza *imp_stanza_ref(const imp_stanza *st);
/** Drops a reference. NULL is allowed. */
IMP_EXTERN void imp_stanza_del(imp_stanza *st);
/**
 * The stanza as text on a jabber:client stream, NUL-terminated; *len may be NULL.
 * The string belongs to the caller, to be freed with imp_free(). NULL when out of memory.
 */
IMP_EXTERN char *imp_stanza_to_text(const imp_stanza *st, size_t *len);
/**
 * Parses one stanza from text, with the default bounds and the content namespace IMP_NS_CLIENT implied.
 * Returns IMP_ERR_MALFORMED, IMP_ERR_TOO_BIG or IMP_ERR_NOMEM.
 */
IMP_EXTERN int imp_stanza_parse(imp_stanza **st, const char *text, size_t textlen);

/* ---- building ---- */

/** A new stanza without children: `name` "message", "presence", "iq" or a nonza's, in namespace `ns` (NULL: client). */
IMP_EXTERN int imp_stanza_new(imp_stanza **st, const char *name, const char *ns);
/** Sets an address; the JID is referenced. NULL removes it. */
IMP_EXTERN void imp_stanza_set_from(imp_stanza *st, const imp_jid *jid);
IMP_EXTERN void imp_stanza_set_to(imp_stanza *st, const imp_jid *jid);
/** Sets `id` and `type`; strings are copied; NULL and IMP_TYPE_NONE remove. IMP_TYPE_OTHER is not accepted. */
IMP_EXTERN void imp_stanza_set_id(imp_stanza *st, const char *id);
IMP_EXTERN void imp_stanza_set_type(imp_stanza *st, imp_stanza_type type);
/** The root, to add children to. */
IMP_EXTERN imp_elem *imp_stanza_edit(imp_stanza *st);
/** Adds a child at the end; `ns` NULL: the parent's. Returns NULL and marks the stanza broken when out of memory;
 *  a NULL parent is passed through, so calls can be nested. Up to 255 elements may be inside each other, the root being
 *  the first: a deeper stanza cannot be sent, and is broken from the attempt on. */
IMP_EXTERN imp_elem *imp_elem_add(imp_stanza *st, imp_elem *parent, const char *name, const char *ns);
/** Adds a child with text. */
IMP_EXTERN imp_elem *imp_elem_add_text(imp_stanza *st, imp_elem *parent, const char *name, const char *ns,
                                       const char *text);
/** Sets an attribute (no namespace), replacing one of the same name. */
IMP_EXTERN void imp_elem_set_attr(imp_stanza *st, imp_elem *elem, const char *name, const char *value);
/** Appends character data. */
IMP_EXTERN void imp_elem_append_text(imp_stanza *st, imp_elem *elem, const char *text, size_t textlen);
/** Adds a deep copy of `source` (of any stanza) as the last child. */
IMP_EXTERN imp_elem *imp_elem_add_copy(imp_stanza *st, imp_elem *parent, const imp_elem *source);
/** Non-zero if an allocation failed while building, or it was too deep to be sent. */
IMP_EXTERN int imp_stanza_is_broken(const imp_stanza *st);

/**
 * A new stanza that answers `st`: `to` and `from` swapped, same id, for an iq `type='result'`.
 */
IMP_EXTERN int imp_stanza_new_reply(imp_stanza **reply, const imp_stanza *st);
/**
 * The error answer to `st`: swapped addresses, `type='error'`, the original children for messages and the stanza
 * error (RFC 6120 §8.3) with `condition` ("service-unavailable", …), its usual error type, and `text` (NULL: none).
 * Returns IMP_ERR_INVALID_ARGUMENT if `st` is itself of type error (an error never answers an error).
 */
IMP_EXTERN int imp_stanza_new_error(imp_stanza **reply, const imp_stanza *st, const char *condition,
                                    const char *text);

#ifdef __cplusplus
}
#endif

#endif /* IMP_XML_H */
