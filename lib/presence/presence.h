/* The presence room inside. */
#ifndef IMP_PRESENCE_PRESENCE_H
#define IMP_PRESENCE_PRESENCE_H

#include <imp/presence.h>
#include <string.h>

#include "core/mem.h"
#include "xml/sink.h"

#define IMP_BIT(n) (1u << (n))
/* Moments from here on are not put into text: years have four digits. 9999-12-31. */
#define IMP_WALLCLOCK_SAID UINT64_C(253402214400000)

/* ---- settings.c ---- */

/* The whole struct from one of the host's, which may be shorter or NULL. IMP_ERR_INVALID_ARGUMENT. */
int imp_presence_settings_read(imp_presence_settings *dst, const imp_presence_settings *src);
/* The same, or the defaults if there is nothing to be read. */
imp_presence_settings imp_presence_settings_of(const imp_presence_settings *settings);

/* ---- compose.c ---- */

/* Settings have been read and checked. All of the struct is written. */
void imp_presence_compose_with(imp_presence *p, const imp_presence_settings *settings, const imp_source **sources,
                               size_t count, imp_wallclock now);
/* Offline, for no reason. */
void imp_presence_init(imp_presence *p, imp_wallclock now);
/* A host's struct may be shorter, or longer. */
void imp_presence_give(imp_presence *dst, size_t size, const imp_presence *src);
/* When it is over; IMP_WALLCLOCK_NEVER. */
imp_wallclock imp_source_end(const imp_source *source);
/* Members that this library knows are there, kind and state exist. */
int imp_source_usable(const imp_source *source);

/* ---- words.c ---- */

/* Text into a host's buffer, see "words" in the public header. */
typedef struct imp_words {
  imp_xml_sink sink;
  char *dst;
  size_t cap;
  int escape; /* for XML */
} imp_words;

void imp_words_begin(imp_words *w, char *dst, size_t cap, int escape);
/* Text that may need escapes. What is no UTF-8, or no text in XML, is left out whole. */
void imp_words_put(imp_words *w, const char *s);
/* Markup, or text without anything to escape. */
void imp_words_raw(imp_words *w, const char *s);
size_t imp_words_end(imp_words *w);
/* Non-zero if it is UTF-8, and all of it can stand in XML (but for control characters, which are replaced). */
int imp_words_valid(const char *s);

void imp_words_reason(imp_words *w, const imp_presence *p, int32_t utc_offset);
/* Returns non-zero if anything was written. */
int imp_words_status(imp_words *w, const imp_presence *p, const imp_presence_settings *s, int32_t utc_offset);

#endif
