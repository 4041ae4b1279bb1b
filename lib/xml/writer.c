#include "xml/writer.h"

#include "core/mem.h"
#include "xml/jid.h"
#include "xml/sink.h"

/* Quotes, tabs and line feeds stay as they are in text; a carriage return would not survive. */
enum { PLAIN, AMP, LT, GT, CR, APOS, QUOT, TAB, LF };
static const uint8_t special[256] = {
    ['&'] = AMP, ['<'] = LT, ['>'] = GT, ['\r'] = CR, ['\''] = APOS, ['"'] = QUOT, ['\t'] = TAB, ['\n'] = LF};
static const struct {
  const char *s;
  size_t len;
} entity[] = {{"", 0},       {"&amp;", 5},  {"&lt;", 4},  {"&gt;", 4}, {"&#xD;", 5},
              {"&apos;", 6}, {"&quot;", 6}, {"&#x9;", 5}, {"&#xA;", 5}};

/* Sixteen bytes at a time (GCC's and Clang's vectors: plain C elsewhere would do the same byte by byte): may any of
   them need an escape? That is & ' " < > and all below a space. */
typedef uint8_t bytes16 __attribute__((vector_size(16)));

static inline int suspect16(const char *s) {
  bytes16 v, hit;
  uint64_t half[2];
  memcpy(&v, s, sizeof v);
  hit = (bytes16)(((v | 2) == '>') | ((v | 1) == '\'') | (v == '"') | (v < ' '));
  memcpy(half, &hit, sizeof half);
  return (half[0] | half[1]) != 0;
}

/* 4 to 15 bytes: front and end, which may overlap, stand for the whole. */
static inline int suspect_short(const char *s, size_t len) {
  char all[16];
  size_t n = len < 8 ? 4 : 8;
  memset(all, 'A', sizeof all);
  memcpy(all, s, n);
  memcpy(all + 8, s + len - n, n);
  return suspect16(all);
}

/* How many bytes from the front surely need none. */
static inline size_t plain_run(const char *s, size_t len) {
  size_t i = 0;
  if (len < 16) {
    return len >= 4 && !suspect_short(s, len) ? len : 0;
  }
  while (len - i >= 16 && !suspect16(s + i)) {
    i += 16;
  }
  return i > 0 && len - i < 16 && !suspect16(s + len - 16) ? len : i;
}

static inline void put_with(imp_xml_sink *sink, const char *s, size_t len, unsigned last) {
  size_t done = 0, i = 0;
  while ((i += plain_run(s + i, len - i)) < len) {
    size_t stop = len - i < 16 ? len : i + 16;
    for (; i < stop; ++i) {
      unsigned which = special[(unsigned char)s[i]];
      if (which != PLAIN && which <= last) {
        imp_xml_put(sink, s + done, i - done);
        imp_xml_put(sink, entity[which].s, entity[which].len);
        done = i + 1;
      }
    }
  }
  imp_xml_put(sink, s + done, len - done);
}

void imp_xml_put_escaped(imp_xml_sink *sink, const char *s, size_t len) { put_with(sink, s, len, LF); }

static void put_text(imp_xml_sink *sink, const char *s, size_t len) {
  if (len > 0) {
    put_with(sink, s, len, CR);
  }
}

static void put_value(imp_xml_sink *sink, const char *value, size_t len) {
  imp_xml_put_lit(sink, "='");
  imp_xml_put_escaped(sink, value, len);
  imp_xml_put_lit(sink, "'");
}

/* The usual kind, in one go. */
static void put_plain(imp_xml_sink *sink, const char *name, size_t namelen, const char *value, size_t len) {
  size_t need = namelen + len + 4;
  sink->len += need;
  if (need > (size_t)(sink->end - sink->p)) {
    sink->p = sink->end;
    return;
  }
  uint8_t *p = sink->p;
  *p++ = ' ';
  imp_xml_copy(p, name, namelen);
  p += namelen;
  *p++ = '=';
  *p++ = '\'';
  imp_xml_copy(p, value, len);
  p[len] = '\'';
  sink->p = p + len + 1;
}

static void put_attr(imp_xml_sink *sink, const imp_attr *attr, unsigned nth) {
  if (attr->ns == imp_ns_none && attr->plain && attr->valuelen > 0) {
    put_plain(sink, attr->name, attr->namelen, attr->value, attr->valuelen);
    return;
  }
  if (attr->ns[0] == '\0') {
    imp_xml_put_lit(sink, " ");
  } else if (imp_str_is(attr->ns, imp_ns_xml)) {
    imp_xml_put_lit(sink, " xml:");
  } else {
    char prefix[3] = {'a', (char)('a' + nth / 26 % 26), (char)('a' + nth % 26)};
    imp_xml_put_lit(sink, " xmlns:");
    imp_xml_put(sink, prefix, sizeof prefix);
    put_value(sink, attr->ns, strlen(attr->ns));
    imp_xml_put_lit(sink, " ");
    imp_xml_put(sink, prefix, sizeof prefix);
    imp_xml_put_lit(sink, ":");
  }
  imp_xml_put(sink, attr->name, attr->namelen);
  put_value(sink, attr->value, attr->valuelen);
}

static int is_declaration(const imp_attr *attr) { return attr->ns[0] == '\0' && imp_str_is(attr->name, "xmlns"); }

/* Where the element's namespace comes from: "" the default, else a prefix that is in force. */
static const char *prefix_of(const imp_elem *elem) { return imp_str_is(elem->ns, imp_ns_xml) ? "xml:" : ""; }

static void put_elem(imp_xml_sink *sink, const imp_elem *elem, const char *parent_ns, unsigned level);

static void put_children(imp_xml_sink *sink, const imp_elem *elem, const char *ns, unsigned level) {
  put_text(sink, elem->text, elem->leadlen);
  for (const imp_elem *child = elem->first; child != NULL; child = child->next) {
    put_elem(sink, child, ns, level + 1);
    put_text(sink, child->tail, child->taillen);
  }
}

static void put_elem(imp_xml_sink *sink, const imp_elem *elem, const char *parent_ns, unsigned level) {
  const char *prefix = prefix_of(elem), *ns = *prefix != '\0' ? parent_ns : elem->ns;
  unsigned nth = 0;
  if (level >= IMP_XML_DEPTH_MAX) {
    sink->p = sink->end;
    sink->len = IMP_XML_SINK_TOO_DEEP;
    return;
  }
  imp_xml_put_lit(sink, "<");
  imp_xml_put(sink, prefix, strlen(prefix));
  imp_xml_put(sink, elem->name, elem->namelen);
  if (!imp_str_is(ns, parent_ns)) {
    imp_xml_put_lit(sink, " xmlns");
    put_value(sink, ns, elem->nslen);
  }
  for (const imp_attr *attr = elem->attrs; attr != NULL; attr = attr->next) {
    if (!is_declaration(attr)) {
      put_attr(sink, attr, nth++);
    }
  }
  if (elem->first == NULL && elem->leadlen == 0) {
    imp_xml_put_lit(sink, "/>");
    return;
  }
  imp_xml_put_lit(sink, ">");
  put_children(sink, elem, ns, level);
  imp_xml_put_lit(sink, "</");
  imp_xml_put(sink, prefix, strlen(prefix));
  imp_xml_put(sink, elem->name, elem->namelen);
  imp_xml_put_lit(sink, ">");
}

/* ---- the root, which has its own rules: peers expect <stream:features>, and addresses can be replaced ---- */

static const char *root_prefix(const imp_elem *root) {
  return imp_str_is(root->ns, imp_ns_streams) ? "stream:" : prefix_of(root);
}

static const char *root_ns(const imp_elem *root) { return *root_prefix(root) != '\0' ? imp_ns_client : root->ns; }

static void put_address(imp_xml_sink *sink, const char *name, size_t namelen, const imp_jid *jid) {
  if (jid->plain) {
    put_plain(sink, name, namelen, jid->text, jid->fulllen);
    return;
  }
  imp_xml_put_lit(sink, " ");
  imp_xml_put(sink, name, namelen);
  put_value(sink, jid->text, jid->fulllen);
}

void imp_xml_put_head(imp_xml_sink *sink, const imp_stanza *st, const imp_jid *to, const imp_jid *from) {
  const imp_elem *root = &st->root;
  const char *prefix = root_prefix(root);
  unsigned nth = 0;
  imp_xml_put_lit(sink, "<");
  imp_xml_put(sink, prefix, strlen(prefix));
  imp_xml_put(sink, root->name, root->namelen);
  if (!imp_str_is(root_ns(root), imp_ns_client)) {
    imp_xml_put_lit(sink, " xmlns");
    put_value(sink, root->ns, root->nslen);
  }
  for (const imp_attr *attr = root->attrs; attr != NULL; attr = attr->next) {
    if (to != NULL && attr->ns[0] == '\0' && imp_str_is(attr->name, "to")) {
      put_address(sink, "to", 2, to);
      to = NULL;
    } else if (from != NULL && attr->ns[0] == '\0' && imp_str_is(attr->name, "from")) {
      put_address(sink, "from", 4, from);
      from = NULL;
    } else if (!is_declaration(attr)) {
      put_attr(sink, attr, nth++);
    }
  }
  if (from != NULL) {
    put_address(sink, "from", 4, from);
  }
  if (to != NULL) {
    put_address(sink, "to", 2, to);
  }
}

void imp_xml_put_end(imp_xml_sink *sink, const imp_stanza *st) {
  const char *prefix = root_prefix(&st->root);
  imp_xml_put_lit(sink, "</");
  imp_xml_put(sink, prefix, strlen(prefix));
  imp_xml_put(sink, st->root.name, st->root.namelen);
  imp_xml_put_lit(sink, ">");
}

int imp_xml_is_empty(const imp_stanza *st) { return st->root.first == NULL && st->root.leadlen == 0; }

void imp_xml_put_content(imp_xml_sink *sink, const imp_stanza *st, int (*skip)(const imp_elem *child, const void *arg),
                         const void *arg) {
  const char *ns = root_ns(&st->root);
  put_text(sink, st->root.text, st->root.leadlen);
  for (const imp_elem *child = st->root.first; child != NULL; child = child->next) {
    if (skip == NULL || !skip(child, arg)) {
      put_elem(sink, child, ns, 2);
    }
    put_text(sink, child->tail, child->taillen);
  }
  imp_xml_put_end(sink, st);
}

static void put_tail(imp_xml_sink *sink, const imp_stanza *st) {
  if (imp_xml_is_empty(st)) {
    imp_xml_put_lit(sink, "/>");
  } else {
    imp_xml_put_lit(sink, ">");
    imp_xml_put_content(sink, st, NULL, NULL);
  }
}

static void put_own_head(imp_xml_sink *sink, const imp_stanza *st) { imp_xml_put_head(sink, st, NULL, NULL); }

/* ---- into the stanza's own arena ---- */

static const char *serialise(imp_stanza *st, void (*write)(imp_xml_sink *, const imp_stanza *), uint32_t *len) {
  imp_arena *arena = &st->arena;
  uint8_t *start = arena->next;
  imp_xml_sink sink = {start, arena->end, 0};
  if ((st->flags & IMP_STANZA_BROKEN) || start == NULL) {
    sink.p = sink.end = NULL;
  }
  write(&sink, st);
  if (sink.len >= UINT32_MAX) {
    st->flags |= IMP_STANZA_BROKEN;
  }
  if (st->flags & IMP_STANZA_BROKEN) {
    return NULL;
  }
  if (start != NULL && sink.len <= (size_t)(arena->end - start)) {
    arena->next = start + sink.len;
  } else {
    start = (uint8_t *)imp_arena_bytes(arena, sink.len);
    if (start == NULL) {
      return NULL;
    }
    sink = (imp_xml_sink){start, start + sink.len, 0};
    write(&sink, st);
  }
  *len = (uint32_t)sink.len;
  return (const char *)start;
}

const char *imp_stanza_head(const imp_stanza *st, size_t *len) {
  if (st->head == NULL) {
    imp_stanza *cached = (imp_stanza *)(uintptr_t)st;
    cached->head = serialise(cached, put_own_head, &cached->headlen);
  }
  *len = st->headlen;
  return st->head;
}

const char *imp_stanza_tail(const imp_stanza *st, size_t *len) {
  if (st->tail == NULL) {
    imp_stanza *cached = (imp_stanza *)(uintptr_t)st;
    cached->tail = serialise(cached, put_tail, &cached->taillen);
  }
  *len = st->taillen;
  return st->tail;
}

const char *imp_stanza_ws_xmlns(const imp_stanza *st) {
  if (imp_str_is(st->root.ns, imp_ns_client)) {
    return " xmlns='" IMP_NS_CLIENT "'";
  }
  return imp_str_is(st->root.ns, imp_ns_streams) ? " xmlns='" IMP_NS_CLIENT "' xmlns:stream='" IMP_NS_STREAMS "'" : "";
}

size_t imp_stanza_head_namelen(const imp_stanza *st) { return 1 + strlen(root_prefix(&st->root)) + st->root.namelen; }

char *imp_stanza_to_text(const imp_stanza *st, size_t *len) {
  size_t headlen, taillen;
  const char *head = imp_stanza_head(st, &headlen), *tail = imp_stanza_tail(st, &taillen);
  char *text = head != NULL && tail != NULL ? imp_malloc(headlen + taillen + 1) : NULL;
  if (text != NULL) {
    memcpy(text, head, headlen);
    memcpy(text + headlen, tail, taillen);
    text[headlen + taillen] = '\0';
    if (len != NULL) {
      *len = headlen + taillen;
    }
  }
  return text;
}

/* ---- into buffers ---- */

int imp_elem_write(const imp_elem *elem, const char *parent_ns, imp_buf *out) {
  imp_xml_sink sink = {NULL, NULL, 0};
  int err;
  put_elem(&sink, elem, parent_ns, 1);
  sink.p = imp_buf_reserve(out, sink.len, &err);
  if (sink.p == NULL) {
    return err;
  }
  sink.end = sink.p + sink.len;
  sink.len = 0;
  put_elem(&sink, elem, parent_ns, 1);
  imp_buf_commit(out, sink.len);
  return IMP_OK;
}

int imp_xml_escape(imp_buf *out, const char *s, size_t len) {
  imp_xml_sink sink = {NULL, NULL, 0};
  int err;
  imp_xml_put_escaped(&sink, s, len);
  sink.p = imp_buf_reserve(out, sink.len, &err);
  if (sink.p == NULL) {
    return err;
  }
  sink.end = sink.p + sink.len;
  sink.len = 0;
  imp_xml_put_escaped(&sink, s, len);
  imp_buf_commit(out, sink.len);
  return IMP_OK;
}

int imp_stanza_write(const imp_stanza *st, imp_buf *out, imp_framing framing) {
  size_t headlen, taillen, namelen = imp_stanza_head_namelen(st);
  const char *head = imp_stanza_head(st, &headlen), *tail = imp_stanza_tail(st, &taillen);
  const char *xmlns = framing == IMP_FRAMING_WEBSOCKET ? imp_stanza_ws_xmlns(st) : "";
  size_t xmlnslen = strlen(xmlns);
  int err;
  if (head == NULL || tail == NULL) {
    return IMP_ERR_NOMEM;
  }
  uint8_t *p = imp_buf_reserve(out, headlen + xmlnslen + taillen, &err);
  if (p == NULL) {
    return err;
  }
  imp_xml_sink sink = {p, p + headlen + xmlnslen + taillen, 0};
  imp_xml_put(&sink, head, namelen);
  imp_xml_put(&sink, xmlns, xmlnslen);
  imp_xml_put(&sink, head + namelen, headlen - namelen);
  imp_xml_put(&sink, tail, taillen);
  imp_buf_commit(out, sink.len);
  return IMP_OK;
}
