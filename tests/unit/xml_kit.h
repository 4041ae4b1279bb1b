/*
 * A stream under test that writes down what its handlers are told:
 *   (content-namespace name attr='value'…)   a header
 *   <stanza/>                                as imp_stanza_to_text() has it
 *   )                                        the stream's end
 * Of stanzas, <restart/> restarts the stream from inside the handler, <stop/> makes it return 7.
 */
#ifndef XML_KIT_H
#define XML_KIT_H

#include "alloc_fail.h"
#include "xml/packet.h"

#define KIT_HEADER                                                                                                     \
  "<?xml version='1.0'?><stream:stream to='a.example' version='1.0' xmlns='jabber:client' "                            \
  "xmlns:stream='http://etherx.jabber.org/streams'>"

typedef struct xml_kit {
  imp_jid_cache *cache;
  imp_xml_pool *pool;
  imp_xml_limits limits;
  imp_xml_stream stream;
  imp_buf log;
  uint16_t flags; /* of the last stanza */
} xml_kit;

/* Everything fresh, and given to unit_own(). */
void xkit_new(xml_kit *kit, size_t contexts, imp_framing framing);
/* Another stream on the pool of `kit`, writing to its log; reset at the end of the test. */
void xkit_stream(xml_kit *kit, imp_xml_stream *stream);
int xkit_feed(xml_kit *kit, const char *text);
/* One byte a feed, up to the first that does not return 0; returns what that did. */
int xkit_drip(xml_kit *kit, const char *text, size_t len);
const char *xkit_log(const xml_kit *kit);
void xkit_clear(xml_kit *kit);

/* Parses a stanza and gives it to unit_own(). */
imp_stanza *xkit_stanza(const char *text);
/* The stanza's text; freed at the end of the test. */
const char *xkit_text(const imp_stanza *st);
imp_jid *xkit_jid(const char *text);

#define assert_feed(kit, text, result) assert_int_equal(xkit_feed(kit, text), result)
#define assert_log(kit, text) assert_string_equal(xkit_log(kit), text)

#endif
