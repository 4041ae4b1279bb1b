/* libxml2's SAX2 events become a tree. */
#ifndef IMP_XML_SAX_H
#define IMP_XML_SAX_H

#include "xml/context.h"

/* Silent, and with no handler for anything that XMPP does not know. */
void imp_xml_sax_init(xmlSAXHandler *sax);
/* Counters for the next stanza. */
void imp_xml_ctx_begin(imp_xml_ctx *ctx, const imp_xml_limits *limits);

/* Looks at what a peer's header declares. 0 when out of memory. */
int imp_xml_header_note(imp_xml_ctx *ctx, const xmlChar *prefix, const xmlChar *local, int count,
                        const xmlChar **declared);

#endif
