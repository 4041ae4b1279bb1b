#include "relay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define S(x) ((const char *)(x))

int relay_sm, relay_faulty;
unsigned long relay_lost, relay_doubled, relay_swapped;

void relay_put(struct relay_conn *to, const char *s, size_t n) {
  if (to->n + n > to->cap) {
    to->cap = (to->n + n) * 2 + 4096;
    if (!(to->out = realloc(to->out, to->cap)))
      abort();
  }
  memcpy(to->out + to->n, s, n);
  to->n += n;
}

static void put_str(struct relay_conn *to, const char *s) {
  relay_put(to, s, strlen(s));
}

static const char *escape(char ch) {
  switch (ch) {
  case '<': return "&lt;";
  case '>': return "&gt;";
  case '&': return "&amp;";
  case '\'': return "&apos;";
  case '"': return "&quot;";
  default: return NULL;
  }
}

static void put_escaped(struct relay_conn *to, const char *s, size_t n) {
  size_t from = 0;
  for (size_t i = 0; i < n; i++) {
    const char *e = escape(s[i]);
    if (e) {
      relay_put(to, s + from, i - from);
      put_str(to, e);
      from = i + 1;
    }
  }
  relay_put(to, s + from, n - from);
}

static void put_name(struct relay_conn *to, const xmlChar *prefix, const xmlChar *name) {
  if (prefix) {
    put_str(to, S(prefix));
    relay_put(to, ":", 1);
  }
  put_str(to, S(name));
}

static void close_tag(struct relay_conn *c) {
  if (c->open)
    relay_put(c->peer, ">", 1);
  c->open = 0;
}

/* The control for xload's own counters: one fault in 5,000 stanzas, each kind in turn. */
static void fault(struct relay_conn *c) {
  static unsigned long stanzas;
  struct relay_conn *to = c->peer;
  if (c->held) {
    put_str(to, c->held);
    free(c->held);
    c->held = NULL;
    relay_swapped++;
  }
  unsigned long k = stanzas++ % 20000;
  if (!c->mark || k % 5000 || !k)
    return;
  size_t at = c->mark - 1;
  char *copy = strndup(to->out + at, to->n - at);
  if (k == 5000) {
    to->n = at;
    relay_lost++;
  } else if (k == 10000) {
    put_str(to, copy);
    relay_doubled++;
  } else {
    to->n = at;
    c->held = copy;
    return;
  }
  free(copy);
}

/* <r/> is answered, <a/> noted; neither goes on. */
static void stream_management(struct relay_conn *c, const xmlChar *name) {
  char a[80];
  if (name[0] == 'r')
    relay_put(c, a, (size_t)snprintf(a, sizeof a, "<a xmlns='urn:xmpp:sm:3' h='%u'/>", c->received));
  else
    c->asked = 0;
}

static void count_stanza(struct relay_conn *c) {
  struct relay_conn *to = c->peer;
  c->received++;
  if (++to->sent >= 5 && !to->asked) {
    put_str(to, "<r xmlns='urn:xmpp:sm:3'/>");
    to->sent = 0;
    to->asked = 1;
  }
}

static void put_namespaces(struct relay_conn *to, int n, const xmlChar **ns) {
  for (int i = 0; i < n; i++) {
    put_str(to, ns[2 * i] ? " xmlns:" : " xmlns");
    if (ns[2 * i])
      put_str(to, S(ns[2 * i]));
    put_str(to, "='");
    put_escaped(to, S(ns[2 * i + 1]), strlen(S(ns[2 * i + 1])));
    put_str(to, "'");
  }
}

static void on_start(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
                     int nns, const xmlChar **ns, int na, int nd, const xmlChar **a) {
  struct relay_conn *c = user, *to = c->peer;
  (void)nd;
  if (relay_sm && c->depth == 1 && uri && !strcmp(S(uri), "urn:xmpp:sm:3")) {
    c->nonza = 1;
    c->depth++;
    return;
  }
  close_tag(c);
  if (c->depth == 1)
    c->mark = to->n + 1;
  relay_put(to, "<", 1);
  put_name(to, prefix, name);
  put_namespaces(to, nns, ns);
  for (int i = 0; i < na; i++, a += 5) {
    relay_put(to, " ", 1);
    put_name(to, a[1], a[0]);
    relay_put(to, "='", 2);
    put_escaped(to, S(a[3]), (size_t)(a[4] - a[3]));
    relay_put(to, "'", 1);
  }
  if (c->depth++ == 0)
    relay_put(to, ">", 1);
  else
    c->open = 1;
}

static void on_end(void *user, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri) {
  struct relay_conn *c = user;
  (void)uri;
  c->depth--;
  if (c->nonza) {
    c->nonza = 0;
    stream_management(c, name);
    return;
  }
  if (c->open) {
    relay_put(c->peer, "/>", 2);
    c->open = 0;
  } else {
    relay_put(c->peer, "</", 2);
    put_name(c->peer, prefix, name);
    relay_put(c->peer, ">", 1);
  }
  if (relay_sm && c->depth == 1)
    count_stanza(c);
  if (relay_faulty && c->depth == 1)
    fault(c);
}

static void on_text(void *user, const xmlChar *s, int n) {
  struct relay_conn *c = user;
  close_tag(c);
  put_escaped(c->peer, S(s), (size_t)n);
}

void relay_xml_new(struct relay_conn *c) {
  static xmlSAXHandler sax = {.initialized = XML_SAX2_MAGIC,
                              .startElementNs = on_start,
                              .endElementNs = on_end,
                              .characters = on_text};
  c->xml = xmlCreatePushParserCtxt(&sax, c, NULL, 0, NULL);
  xmlCtxtUseOptions(c->xml, XML_PARSE_NOENT | XML_PARSE_NONET);
}

int relay_xml_parse(struct relay_conn *c, const char *p, size_t n) {
  return xmlParseChunk(c->xml, p, (int)n, 0) == 0;
}
