/*
 * The scanner: where tags, stanzas and streams end. It knows nothing of names and namespaces (libxml2 does), but looks
 * at every byte before libxml2 does, refuses what XMPP forbids (RFC 6120 §11.1) and enforces the bounds on bytes, depth
 * and attributes. Its state is small and goes on at any byte, so input in tiny pieces costs no more than in one.
 */
#ifndef IMP_XML_SCAN_H
#define IMP_XML_SCAN_H

#include <imp/core.h>

/* Bounds on what a peer may send. Each has a default and a range (imp_xml_limits_check()). */
typedef struct imp_xml_limits {
  uint32_t stanza_bytes;    /* a stanza, or a stream header. 262144; 1000 … 16777216 */
  uint32_t depth;           /* elements inside each other, the stanza's own being 1. 64; 4 … 250 */
  uint32_t attributes;      /* of one element, namespace declarations included. 64; 8 … 256 */
  uint32_t attribute_bytes; /* one start tag. 16384; 1000 … 262144 */
  uint32_t elements;        /* of one stanza. 8192; 16 … 131072 */
  uint32_t namespaces;      /* declarations in force at any place. 128; 16 … 1024 */
} imp_xml_limits;

void imp_xml_limits_default(imp_xml_limits *limits);
/* IMP_ERR_RANGE, then `text` names the member, its value and its range. */
int imp_xml_limits_check(const imp_xml_limits *limits, char *text, size_t textcap);

/* What is wrong with the input, as a stream error (RFC 6120 §4.9.3). */
typedef enum imp_xml_error {
  IMP_XML_OK = 0,
  IMP_XML_NOT_WELL_FORMED,
  IMP_XML_RESTRICTED,           /* restricted-xml: comment, PI, DTD, entity */
  IMP_XML_POLICY_VIOLATION,     /* a bound */
  IMP_XML_UNSUPPORTED_ENCODING, /* not UTF-8 */
  IMP_XML_BAD_NAMESPACE_PREFIX,
  IMP_XML_BAD_FORMAT, /* text between stanzas, bytes that may not follow a restart */
  IMP_XML_INTERNAL    /* internal-server-error: out of memory */
} imp_xml_error;

typedef struct imp_xml_scan {
  uint32_t bytes;  /* of the current stanza or header so far */
  uint32_t tagpos; /* where in it the current tag began */
  uint16_t depth;  /* open elements, the stream's own included */
  uint16_t attrs;  /* of the current tag */
  uint8_t state, quote, slash, match;
} imp_xml_scan;

typedef enum imp_xml_scan_event {
  IMP_XML_SCAN_MORE = 0,    /* all was looked at, and something may be unfinished: see imp_xml_scan_is_idle() */
  IMP_XML_SCAN_DECLARATION, /* <?…?> before the header */
  IMP_XML_SCAN_HEADER,      /* the stream's start tag */
  IMP_XML_SCAN_STANZA,      /* a whole first-level element */
  IMP_XML_SCAN_CLOSE,       /* an end tag at the level of the stream's */
  IMP_XML_SCAN_ERROR
} imp_xml_scan_event;

typedef struct imp_xml_scan_result {
  size_t start; /* where the unit that ends (or is unfinished) begins, 0 if in an earlier piece */
  size_t used;  /* one past its last byte; SCAN_MORE: everything */
  size_t safe;  /* SCAN_MORE: one past the last whole tag of the unfinished stanza, 0 if there is none in this piece */
  imp_xml_error error;
  const char *what; /* of an error, in words */
} imp_xml_scan_result;

/* depth 0: a stream header comes first. depth 1: stanzas come at once. */
void imp_xml_scan_init(imp_xml_scan *scan, unsigned depth);
imp_xml_scan_event imp_xml_scan_next(imp_xml_scan *scan, const imp_xml_limits *limits, const char *data, size_t len,
                                     imp_xml_scan_result *result);
/* Non-zero between units. */
int imp_xml_scan_is_idle(const imp_xml_scan *scan);

#endif
