/*
 * relay: the floor under any XMPP server. What a relay between clients costs when it does nothing
 * but parse each stanza with SAX events and write it out again (xml), or move bytes (raw); in the
 * clear or under GnuTLS. Connection 2i speaks to 2i+1, in the order of accept; no authentication,
 * no routing. With `sm` it answers <r/> and asks for acknowledgement after every five stanzas (one request outstanding),
 * but keeps no queue: what the bytes of stream management alone cost. Use with `xload chat --raw [--sm]`.
 */
#ifndef BENCH_RELAY_H
#define BENCH_RELAY_H

#include <gnutls/gnutls.h>
#include <libxml/parser.h>
#include <stddef.h>

struct relay_conn {
  int fd, depth, want, open; /* open: the last start tag lacks its '>' */
  char *out;
  size_t n, cap;
  xmlParserCtxtPtr xml;
  gnutls_session_t tls;
  int up;        /* the TLS handshake is done */
  size_t mark;   /* where in peer->out the stanza began, +1; 0: unknown */
  char *held;    /* faulty mode: a stanza kept back, to go after the next */
  struct relay_conn *peer;
  int nonza;                     /* in an element of stream management */
  unsigned received, sent, asked; /* stanzas from and to this client; sent since <r/>, asked: it is outstanding */
};

/* relay_xml.c */
extern int relay_sm;
extern int relay_faulty; /* now and then lose, double or swap a stanza */
extern unsigned long relay_lost, relay_doubled, relay_swapped;
void relay_put(struct relay_conn *to, const char *s, size_t n);
void relay_xml_new(struct relay_conn *c);
int relay_xml_parse(struct relay_conn *c, const char *p, size_t n);

#endif
