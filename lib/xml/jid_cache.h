/*
 * From text as it came off the wire to prepared addresses, so that the hot path prepares none twice.
 *
 * Bounded: four-way sets, the least recently used of a set goes. Starts small and doubles with use up to its bound.
 * Failures are not kept.
 */
#ifndef IMP_XML_JID_CACHE_H
#define IMP_XML_JID_CACHE_H

#include <imp/jid.h>

typedef struct imp_jid_cache imp_jid_cache;

#define IMP_JID_CACHE_DEFAULT 4096

/* entries: 0 (nothing is kept) … 1048576, rounded up to a power of two. */
int imp_jid_cache_new(imp_jid_cache **cache, size_t entries);
void imp_jid_cache_del(imp_jid_cache *cache);
/* As imp_jid_new(); the caller owns a reference. `cache` may be NULL. */
int imp_jid_cache_get(imp_jid_cache *cache, imp_jid **jid, const char *text, size_t textlen);
size_t imp_jid_cache_count(const imp_jid_cache *cache);

#endif
