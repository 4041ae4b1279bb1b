#include "xml/sax.h"

#include <stdio.h>

#include "core/mem.h"

static void stop(imp_xml_ctx *ctx, imp_xml_error error, const char *what) {
  if (ctx->error == IMP_XML_OK) {
    ctx->error = (uint8_t)error;
    ctx->what = what;
  }
  xmlStopParser(ctx->parser);
}

static void no_memory(imp_xml_ctx *ctx) { stop(ctx, IMP_XML_INTERNAL, "out of memory"); }

void imp_xml_ctx_begin(imp_xml_ctx *ctx, const imp_xml_limits *limits) {
  ctx->limits = limits;
  ctx->elements = ctx->nsbytes = 0;
  ctx->raw = 1;
  ctx->rootend = 0;
  ctx->fed = 0;
  ++ctx->serial;
}

/* ---- names ---- */

static imp_xml_name *name_of(imp_xml_ctx *ctx, const xmlChar *key) {
  uintptr_t hash = (uintptr_t)key;
  imp_xml_name *name = &ctx->names[(hash ^ hash >> 7) % IMP_XML_NAMES];
  if (name->key != key) {
    name->key = key;
    name->len = (uint32_t)strlen((const char *)key);
    name->known = imp_xml_intern((const char *)key, name->len);
    name->copy = NULL;
  }
  return name;
}

/* The interned string, or one copy for the whole stanza. */
static const char *string_of(imp_xml_ctx *ctx, imp_xml_name *name) {
  if (name->known != NULL) {
    return name->known;
  }
  if (name->copy == NULL || name->stanza != ctx->serial) {
    name->copy = imp_arena_strndup(&ctx->st->arena, (const char *)name->key, name->len);
    name->stanza = ctx->serial;
  }
  return name->copy;
}

static int set_name(imp_xml_ctx *ctx, imp_elem *elem, const xmlChar *local, const xmlChar *uri) {
  imp_xml_name *name = name_of(ctx, local);
  if (name->len > UINT16_MAX) {
    stop(ctx, IMP_XML_POLICY_VIOLATION, "name too long");
    return 0;
  }
  elem->name = string_of(ctx, name);
  elem->namelen = (uint16_t)name->len;
  elem->text = elem->ns = imp_ns_none;
  if (uri != NULL) {
    imp_xml_name *ns = name_of(ctx, uri);
    if (ns->len > UINT16_MAX) {
      stop(ctx, IMP_XML_POLICY_VIOLATION, "namespace too long");
      return 0;
    }
    elem->ns = string_of(ctx, ns);
    elem->nslen = (uint16_t)ns->len;
    if (ctx->server && elem->ns == imp_ns_server) {
      elem->ns = imp_ns_client;
    }
  }
  if (elem->name == NULL || elem->ns == NULL) {
    no_memory(ctx);
    return 0;
  }
  return 1;
}

/* ---- text ---- */

static void on_text(void *user, const xmlChar *text, int len) {
  imp_xml_ctx *ctx = user;
  size_t need = (size_t)ctx->textlen + (size_t)len;
  if (len <= 0 || ctx->level < 2 || ctx->error != IMP_XML_OK) {
    return;
  }
  if (need > ctx->textcap) {
    size_t cap = ctx->textcap > 0 ? ctx->textcap : 256;
    while (cap < need) {
      cap *= 2;
    }
    char *grown = cap <= UINT32_MAX ? imp_realloc(ctx->text, cap) : NULL;
    if (grown == NULL) {
      no_memory(ctx);
      return;
    }
    ctx->text = grown;
    ctx->textcap = (uint32_t)cap;
  }
  memcpy(ctx->text + ctx->textlen, text, (size_t)len);
  ctx->textlen = (uint32_t)need;
}

/* What came since the last tag belongs to the element that is open now. */
static int flush_text(imp_xml_ctx *ctx) {
  if (ctx->textlen > 0 && ctx->level >= 2) {
    if (imp_elem_put_piece(ctx->st, ctx->stack[ctx->level - 1], ctx->text, ctx->textlen) != IMP_OK) {
      no_memory(ctx);
      return 0;
    }
    ctx->textlen = 0;
  }
  return 1;
}

/* ---- elements ---- */

/* SAX2 hands five pointers an attribute: local name, prefix, namespace, value, value's end. */
static int add_attrs(imp_xml_ctx *ctx, imp_elem *elem, int count, const xmlChar **attributes) {
  imp_attr **at = &elem->attrs;
  while (*at != NULL) {
    at = &(*at)->next;
  }
  for (int i = 0; i < count; ++i, attributes += 5) {
    imp_attr *attr = imp_arena_alloc(&ctx->st->arena, sizeof *attr);
    imp_xml_name *name = name_of(ctx, attributes[0]);
    if (attr == NULL) {
      return 0;
    }
    attr->next = NULL;
    attr->name = string_of(ctx, name);
    attr->namelen = (uint16_t)name->len; /* libxml2 bounds names at 50,000 */
    attr->plain = 0;
    attr->ns = imp_ns_none;
    if (attributes[2] != NULL) {
      imp_xml_name *ns = name_of(ctx, attributes[2]);
      attr->ns = string_of(ctx, ns);
      ctx->nsbytes += ns->len;
    }
    attr->valuelen = (uint32_t)(attributes[4] - attributes[3]);
    attr->value = imp_arena_strndup(&ctx->st->arena, (const char *)attributes[3], attr->valuelen);
    if (attr->name == NULL || attr->ns == NULL || attr->value == NULL) {
      return 0;
    }
    *at = attr;
    at = &attr->next;
  }
  return 1;
}

static imp_elem *add_elem(imp_xml_ctx *ctx) {
  if (ctx->level <= 1) {
    ctx->st = imp_stanza_alloc();
    return ctx->st != NULL ? &ctx->st->root : NULL;
  }
  imp_elem *elem = imp_arena_alloc(&ctx->st->arena, sizeof *elem);
  if (elem != NULL) {
    memset(elem, 0, sizeof *elem);
    imp_elem_link(ctx->stack[ctx->level - 1], elem);
  }
  return elem;
}

/* Can the text below the root serve any recipient as it is? Not with prefixes, whose declarations may stand further
   out, nor where the content namespace is declared once more: on a server's stream it has another name. */
static int is_portable(const imp_xml_ctx *ctx, const imp_elem *elem, const xmlChar *prefix, int ndeclared, int nattrs,
                       const xmlChar **attributes) {
  const imp_elem *parent = ctx->stack[ctx->level - 1];
  if (prefix != NULL || (ndeclared > 0 && elem->ns == imp_ns_client && (ctx->server || parent->ns == imp_ns_client))) {
    return 0;
  }
  for (int i = 0; i < nattrs; ++i) {
    if (attributes[5 * i + 1] != NULL && !xmlStrEqual(attributes[5 * i + 1], (const xmlChar *)"xml")) {
      return 0;
    }
  }
  return 1;
}

static const char *over_bounds(imp_xml_ctx *ctx, int declared) {
  const imp_xml_limits *limits = ctx->limits;
  ctx->namespaces += (uint32_t)declared;
  ++ctx->elements;
  return ctx->level > limits->depth || ctx->level >= IMP_XML_DEPTH_MAX ? "elements nested too deeply"
         : ctx->namespaces > limits->namespaces                        ? "too many namespaces"
         : ctx->elements > limits->elements                            ? "too many elements"
         : ctx->nsbytes > limits->stanza_bytes                         ? "namespaces take too much"
                                                                       : NULL;
}

static void on_start(void *user, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri, int ndeclared,
                     const xmlChar **declared, int nattrs, int ndefaulted, const xmlChar **attributes) {
  imp_xml_ctx *ctx = user;
  (void)ndefaulted;
  if (ctx->code == XML_ERR_OK) { /* no more than a namespace that is no URI, which does not matter */
    ctx->parser->nsWellFormed = 1;
  }
  if (ctx->error != IMP_XML_OK || !ctx->parser->nsWellFormed) {
    stop(ctx, IMP_XML_BAD_NAMESPACE_PREFIX, "undeclared namespace prefix");
    return;
  }
  if (ctx->level == 0 && !ctx->in_header) { /* one of our own making */
    ctx->level = 1;
    return;
  }
  const char *bound = over_bounds(ctx, ndeclared);
  if (bound != NULL) {
    stop(ctx, IMP_XML_POLICY_VIOLATION, bound);
    return;
  }
  if (!flush_text(ctx)) {
    return;
  }
  imp_elem *elem = add_elem(ctx);
  if (elem == NULL) {
    no_memory(ctx);
    return;
  }
  if (!set_name(ctx, elem, local, uri)) {
    return;
  }
  if (ctx->level <= 1 || elem->ns != ctx->stack[ctx->level - 1]->ns) {
    ctx->nsbytes += elem->nslen;
  }
  if (!add_attrs(ctx, elem, nattrs, attributes) ||
      (ctx->level == 0 && !imp_xml_header_note(ctx, prefix, local, ndeclared, declared))) {
    no_memory(ctx);
    return;
  }
  if (ctx->level <= 1) {
    ctx->rootend = imp_xml_ctx_offset(ctx);
    ctx->raw = prefix == NULL;
  } else if (ctx->raw) {
    ctx->raw = (uint8_t)is_portable(ctx, elem, prefix, ndeclared, nattrs, attributes);
  }
  ctx->nscount[ctx->level] = (uint16_t)ndeclared;
  ctx->stack[ctx->level++] = elem;
}

static void on_end(void *user, const xmlChar *local, const xmlChar *prefix, const xmlChar *uri) {
  imp_xml_ctx *ctx = user;
  (void)local;
  (void)prefix;
  (void)uri;
  if (ctx->error != IMP_XML_OK || ctx->level < 2 || !flush_text(ctx)) {
    return;
  }
  imp_elem *elem = ctx->stack[--ctx->level];
  ctx->namespaces -= ctx->nscount[ctx->level];
  if (imp_elem_gather(ctx->st, elem) != IMP_OK) {
    no_memory(ctx);
  }
}

__attribute__((format(printf, 2, 3))) static void quiet(void *user, const char *format, ...) {
  (void)user;
  (void)format;
}

/* The first error is the cause; others follow from it. */
static void on_error(void *user, xmlErrorPtr error) {
  imp_xml_ctx *ctx = user;
  if (ctx->code == XML_ERR_OK && error->level >= XML_ERR_ERROR && error->code != XML_WAR_NS_URI) {
    ctx->code = error->code;
    snprintf(ctx->message, sizeof ctx->message, "%s", error->message != NULL ? error->message : "");
  }
}

void imp_xml_sax_init(xmlSAXHandler *sax) {
  memset(sax, 0, sizeof *sax);
  sax->initialized = XML_SAX2_MAGIC;
  sax->startElementNs = on_start;
  sax->endElementNs = on_end;
  sax->characters = on_text;
  sax->ignorableWhitespace = on_text; /* the same function, or libxml2 would look for blanks */
  sax->cdataBlock = on_text;
  sax->warning = quiet;
  sax->error = quiet;
  sax->serror = on_error;
}
