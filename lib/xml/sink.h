/*
 * Where the writer puts bytes: a fixed room. When it is full nothing more is written, but counted: so one pass either
 * writes a tree or tells how much room a second pass needs.
 */
#ifndef IMP_XML_SINK_H
#define IMP_XML_SINK_H

#include "xml/stanza.h"

typedef struct imp_xml_sink {
  uint8_t *p, *end;
  size_t len;
} imp_xml_sink;

/* A tree too deep to be written counts as more bytes than there can be. */
#define IMP_XML_SINK_TOO_DEEP (SIZE_MAX / 2)

/* len > 0. Most pieces are short: two moves that may overlap are quicker than a call. */
static inline void imp_xml_copy(uint8_t *to, const void *from, size_t len) {
  const uint8_t *s = from;
  uint64_t a, b;
  uint32_t c, d;
  if (len > 16) {
    memcpy(to, s, len);
  } else if (len >= 8) {
    memcpy(&a, s, 8);
    memcpy(&b, s + len - 8, 8);
    memcpy(to, &a, 8);
    memcpy(to + len - 8, &b, 8);
  } else if (len >= 4) {
    memcpy(&c, s, 4);
    memcpy(&d, s + len - 4, 4);
    memcpy(to, &c, 4);
    memcpy(to + len - 4, &d, 4);
  } else {
    to[0] = s[0];
    to[len / 2] = s[len / 2];
    to[len - 1] = s[len - 1];
  }
}

static inline void imp_xml_put(imp_xml_sink *sink, const void *data, size_t len) {
  if (len == 0) {
    return;
  }
  sink->len += len;
  if (len <= (size_t)(sink->end - sink->p)) {
    imp_xml_copy(sink->p, data, len);
    sink->p += len;
  } else {
    sink->p = sink->end;
  }
}

#define imp_xml_put_lit(sink, literal) imp_xml_put(sink, literal, sizeof(literal) - 1)

void imp_xml_put_escaped(imp_xml_sink *sink, const char *s, size_t len);
/* Start tag up to its '>'; `to` and `from`, unless NULL, instead of the stanza's own. */
void imp_xml_put_head(imp_xml_sink *sink, const imp_stanza *st, const imp_jid *to, const imp_jid *from);
/* "</message>" */
void imp_xml_put_end(imp_xml_sink *sink, const imp_stanza *st);
/* Content of the root and its end tag, from behind the start tag's '>'; `skip`, unless NULL, says which children to
   leave out. */
void imp_xml_put_content(imp_xml_sink *sink, const imp_stanza *st, int (*skip)(const imp_elem *child, const void *arg),
                         const void *arg);
int imp_xml_is_empty(const imp_stanza *st);

#endif
