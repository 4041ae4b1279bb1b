/* JIDs inside. */
#ifndef IMP_XML_JID_H
#define IMP_XML_JID_H

#include <imp/jid.h>

struct imp_jid {
  uint32_t refs;
  uint16_t fulllen, barelen, locallen, domainlen, resourcelen;
  uint16_t bareoff, localoff; /* in text; full is at 0 */
  uint8_t plain;              /* nothing in it needs an escape in XML */
  char text[];                /* full NUL [bare NUL] [local NUL] */
};

static inline size_t imp_jid_full_len(const imp_jid *jid) { return jid->fulllen; }
static inline size_t imp_jid_bare_len(const imp_jid *jid) { return jid->barelen; }

/* The bare address as a JID of its own (or another reference, if it is bare already). IMP_ERR_NOMEM. */
int imp_jid_new_bare(imp_jid **bare, imp_jid *jid);
/* `jid`'s bare address with a resource that was prepared already. */
int imp_jid_new_resource(imp_jid **full, const imp_jid *jid, const char *resource);

/* One part prepared on its own, NUL-ended, into `out` (IMP_JID_PART_MAX + 1 bytes).
   IMP_ERR_MALFORMED, IMP_ERR_TOO_BIG, IMP_ERR_NOMEM. */
int imp_jid_prep_local(char *out, size_t *outlen, const char *s, size_t len);
int imp_jid_prep_domain(char *out, size_t *outlen, const char *s, size_t len);
int imp_jid_prep_resource(char *out, size_t *outlen, const char *s, size_t len);

#endif
