/*
 * imp/jid.h: addresses (RFC 6122: nodeprep, nameprep, resourceprep, as every deployed peer prepares them).
 */
#ifndef IMP_JID_H
#define IMP_JID_H

#include <imp/core.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A prepared address: immutable, reference counted. */
typedef struct imp_jid imp_jid;

/** The most bytes of one part, and of a whole JID (RFC 6122 §2.1). */
#define IMP_JID_PART_MAX 1023
#define IMP_JID_MAX 3071

/**
 * Parses and prepares `text` ("[local@]domain[/resource]").
 * Domains may be host names, IPv4 or bracketed IPv6 literals; a trailing dot is removed.
 * Returns IMP_ERR_MALFORMED (not a JID), IMP_ERR_TOO_BIG (a part over IMP_JID_PART_MAX), IMP_ERR_NOMEM.
 * The caller owns a reference in *jid.
 */
IMP_EXTERN int imp_jid_new(imp_jid **jid, const char *text, size_t textlen);

/** The same from parts, which are prepared each for itself; `local` and `resource` may be NULL. */
IMP_EXTERN int imp_jid_new_parts(imp_jid **jid, const char *local, const char *domain, const char *resource);

/** Another reference; returns `jid`. */
IMP_EXTERN imp_jid *imp_jid_ref(imp_jid *jid);
/** Drops a reference. NULL is allowed. */
IMP_EXTERN void imp_jid_del(imp_jid *jid);

/** The whole JID, its bare form, and its parts. The strings live as long as the JID; absent parts are "". */
IMP_EXTERN const char *imp_jid_full(const imp_jid *jid);
IMP_EXTERN const char *imp_jid_bare(const imp_jid *jid);
IMP_EXTERN const char *imp_jid_local(const imp_jid *jid);
IMP_EXTERN const char *imp_jid_domain(const imp_jid *jid);
IMP_EXTERN const char *imp_jid_resource(const imp_jid *jid);

/** Non-zero if there is no resource. */
IMP_EXTERN int imp_jid_is_bare(const imp_jid *jid);
/** Non-zero if both are the same address (or the same bare address). */
IMP_EXTERN int imp_jid_equal(const imp_jid *a, const imp_jid *b);
IMP_EXTERN int imp_jid_equal_bare(const imp_jid *a, const imp_jid *b);

#ifdef __cplusplus
}
#endif

#endif /* IMP_JID_H */
