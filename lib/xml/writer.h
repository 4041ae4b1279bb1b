/*
 * Trees to text. Output is for a stream whose default namespace is the content namespace and whose prefix `stream:` is
 * declared; what else is needed is declared where it is used. WebSocket framing adds those two to the start tag of the
 * stanza itself (xml/packet.h).
 */
#ifndef IMP_XML_WRITER_H
#define IMP_XML_WRITER_H

#include "core/buf.h"
#include "xml/parser.h"

/* A stanza's serialised form, made once and shared by all its packets:
     head  "<message from='…' to='…' id='…'"      without the '>' that ends the start tag
     tail  "><body>…</body></message>"  or  "/>"
   Both return NULL when out of memory (also for a broken stanza; one too deep or too big to be written becomes that). */
const char *imp_stanza_head(const imp_stanza *st, size_t *len);
const char *imp_stanza_tail(const imp_stanza *st, size_t *len);

/* What WebSocket framing needs behind the name in the start tag: " xmlns='jabber:client'", … or "". */
const char *imp_stanza_ws_xmlns(const imp_stanza *st);
/* Length of "<message", "<stream:features": where the above goes into the head. */
size_t imp_stanza_head_namelen(const imp_stanza *st);

/* Appends the stanza. IMP_ERR_NOMEM, IMP_ERR_TOO_BIG (the buffer's maximum): then nothing was appended. */
int imp_stanza_write(const imp_stanza *st, imp_buf *out, imp_framing framing);
/* Appends one element as it stands below an element in namespace `parent_ns`. IMP_ERR_NOMEM, IMP_ERR_TOO_BIG (too deep
   as well). */
int imp_elem_write(const imp_elem *elem, const char *parent_ns, imp_buf *out);
/* Appends character data or an attribute's value, escaped (either quote may enclose it). */
int imp_xml_escape(imp_buf *out, const char *s, size_t len);

/* An outgoing stream header with XML declaration. `to`, `from`, `id`, `lang` may be NULL (left out). */
typedef struct imp_xml_header {
  const char *content_ns; /* IMP_NS_CLIENT or IMP_NS_SERVER */
  const char *from, *to, *id, *lang;
  int dialback; /* also declare xmlns:db='jabber:server:dialback' */
} imp_xml_header;
int imp_xml_write_header(imp_buf *out, const imp_xml_header *header, imp_framing framing);
/* </stream:stream>, or <close/>. */
int imp_xml_write_close(imp_buf *out, imp_framing framing);
/* A stream error (RFC 6120 §4.9.2); `text` may be NULL; `extra` is XML text of an application condition, or NULL. */
int imp_xml_write_stream_error(imp_buf *out, const char *condition, const char *text, const char *extra,
                               imp_framing framing);

#endif
