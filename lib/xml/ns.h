/*
 * Namespaces by name, and interning: a name or namespace that is in this table is the same pointer in every tree, so
 * most comparisons end at pointer equality.
 */
#ifndef IMP_XML_NS_H
#define IMP_XML_NS_H

#include <imp/xml.h>

#define IMP_NS_XML "http://www.w3.org/XML/1998/namespace"
#define IMP_NS_FRAMING "urn:ietf:params:xml:ns:xmpp-framing"
#define IMP_NS_STREAM_ERRORS "urn:ietf:params:xml:ns:xmpp-streams"
#define IMP_NS_TLS "urn:ietf:params:xml:ns:xmpp-tls"
#define IMP_NS_SASL "urn:ietf:params:xml:ns:xmpp-sasl"
#define IMP_NS_SASL2 "urn:xmpp:sasl:2"
#define IMP_NS_SASL_CB "urn:xmpp:sasl-cb:0"
#define IMP_NS_BIND "urn:ietf:params:xml:ns:xmpp-bind"
#define IMP_NS_BIND2 "urn:xmpp:bind:0"
#define IMP_NS_FAST "urn:xmpp:fast:0"
#define IMP_NS_SESSION "urn:ietf:params:xml:ns:xmpp-session"
#define IMP_NS_SM "urn:xmpp:sm:3"
#define IMP_NS_CSI "urn:xmpp:csi:0"
#define IMP_NS_CARBONS "urn:xmpp:carbons:2"
#define IMP_NS_FORWARD "urn:xmpp:forward:0"
#define IMP_NS_DELAY "urn:xmpp:delay"
#define IMP_NS_HINTS "urn:xmpp:hints"
#define IMP_NS_SID "urn:xmpp:sid:0"
#define IMP_NS_PING "urn:xmpp:ping"
#define IMP_NS_TIME "urn:xmpp:time"
#define IMP_NS_VERSION "jabber:iq:version"
#define IMP_NS_ROSTER "jabber:iq:roster"
#define IMP_NS_DISCO_INFO "http://jabber.org/protocol/disco#info"
#define IMP_NS_DISCO_ITEMS "http://jabber.org/protocol/disco#items"
#define IMP_NS_CAPS "http://jabber.org/protocol/caps"
#define IMP_NS_CHATSTATES "http://jabber.org/protocol/chatstates"
#define IMP_NS_RECEIPTS "urn:xmpp:receipts"
#define IMP_NS_MARKERS "urn:xmpp:chat-markers:0"
#define IMP_NS_MUC "http://jabber.org/protocol/muc"
#define IMP_NS_MUC_USER "http://jabber.org/protocol/muc#user"
#define IMP_NS_MAM "urn:xmpp:mam:2"
#define IMP_NS_DATA "jabber:x:data"
#define IMP_NS_XHTML_IM "http://jabber.org/protocol/xhtml-im"
#define IMP_NS_XHTML "http://www.w3.org/1999/xhtml"

/* The table's own copy of a string that is in it, NULL for any other. */
const char *imp_xml_intern(const char *s, size_t len);

/* Interned pointers that the parser and the writer compare with. */
extern const char imp_ns_client[], imp_ns_server[], imp_ns_streams[], imp_ns_framing[], imp_ns_xml[], imp_ns_none[];

#endif
