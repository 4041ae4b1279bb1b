#include "xml/packet.h"

#include "core/codec.h"
#include "core/mem.h"
#include "xml/jid.h"
#include "xml/sink.h"

static int packet_alloc(imp_packet **out, imp_stanza *st, size_t headlen, size_t restlen) {
  if (headlen > UINT32_MAX || restlen > UINT32_MAX) {
    return IMP_ERR_TOO_BIG;
  }
  imp_packet *packet = imp_malloc(sizeof *packet + headlen + restlen);
  if (packet == NULL) {
    return IMP_ERR_NOMEM;
  }
  memset(packet, 0, sizeof *packet);
  packet->refs = 1;
  packet->stanza = imp_stanza_ref(st);
  packet->headlen = (uint32_t)headlen;
  packet->restlen = (uint32_t)restlen;
  packet->kind = st->kind;
  packet->type = st->type;
  *out = packet;
  return IMP_OK;
}

static int is_forged(const imp_elem *child, const void *by) {
  const char *value;
  return imp_elem_match(child, "stanza-id", IMP_NS_SID) && (value = imp_elem_attr(child, "by")) != NULL &&
         strcmp(value, by) == 0;
}

static int has_forged(const imp_stanza *st, const char *by) {
  if (by == NULL || !(imp_stanza_traits(st) & IMP_TRAIT_STANZA_ID)) {
    return 0;
  }
  for (const imp_elem *child = st->root.first; child != NULL; child = child->next) {
    if (is_forged(child, by)) {
      return 1;
    }
  }
  return 0;
}

/* ">" and the extra; then the content without what is stripped, or the end tag that an empty stanza's tail lacks. */
static void put_rest(imp_xml_sink *sink, const imp_stanza *st, const imp_packet_options *options, int whole) {
  if (options->extralen == 0 && !whole) {
    return;
  }
  imp_xml_put_lit(sink, ">");
  imp_xml_put(sink, options->extra, options->extralen);
  if (whole) {
    imp_xml_put_content(sink, st, is_forged, options->strip_stanza_id_by);
  } else if (imp_xml_is_empty(st)) {
    imp_xml_put_end(sink, st);
  }
}

int imp_packet_new(imp_packet **out, imp_stanza *st, const imp_packet_options *options) {
  static const imp_packet_options none;
  imp_xml_sink head = {NULL, NULL, 0}, rest = {NULL, NULL, 0};
  imp_packet *packet;
  size_t len;
  options = options != NULL ? options : &none;
  int whole = has_forged(st, options->strip_stanza_id_by);
  int own = whole || options->to != NULL || options->from != NULL || options->extralen > 0;
  if (imp_stanza_is_broken(st) || (!own && imp_stanza_head(st, &len) == NULL) ||
      (!whole && imp_stanza_tail(st, &len) == NULL)) {
    return IMP_ERR_NOMEM;
  }
  if (own) {
    imp_xml_put_head(&head, st, options->to, options->from);
    put_rest(&rest, st, options, whole);
  }
  int err = packet_alloc(&packet, st, head.len, rest.len);
  if (err != IMP_OK) {
    return err;
  }
  if (own) {
    uint8_t *p = (uint8_t *)packet->text;
    head = (imp_xml_sink){p, p + head.len, 0};
    imp_xml_put_head(&head, st, options->to, options->from);
    rest = (imp_xml_sink){head.end, head.end + packet->restlen, 0};
    put_rest(&rest, st, options, whole);
  }
  packet->whole = (uint8_t)whole;
  packet->accepted = options->accepted;
  *out = packet;
  return IMP_OK;
}

imp_packet *imp_packet_ref(imp_packet *packet) {
  ++packet->refs;
  return packet;
}

void imp_packet_del(imp_packet *packet) {
  if (packet != NULL && --packet->refs == 0) {
    imp_stanza_del(packet->stanza);
    imp_free(packet);
  }
}

typedef struct piece {
  const char *s;
  size_t len;
} piece;

/* Head, rest, tail. The tail's first byte ends the start tag; a rest has done that already. */
static void pieces(const imp_packet *packet, piece out[3]) {
  const imp_stanza *st = packet->stanza;
  out[0] = packet->headlen > 0 ? (piece){packet->text, packet->headlen} : (piece){st->head, st->headlen};
  out[1] = (piece){packet->text + packet->headlen, packet->restlen};
  out[2] = (piece){NULL, 0};
  if (packet->restlen == 0) {
    out[2] = (piece){st->tail, st->taillen};
  } else if (!packet->whole && !imp_xml_is_empty(st)) {
    out[2] = (piece){st->tail + 1, st->taillen - 1u};
  }
}

size_t imp_packet_size(const imp_packet *packet) {
  piece part[3];
  pieces(packet, part);
  return part[0].len + part[1].len + part[2].len;
}

size_t imp_packet_memory(const imp_packet *packet) {
  return sizeof *packet + packet->headlen + packet->restlen + imp_stanza_memory(packet->stanza);
}

int imp_packet_write(const imp_packet *packet, imp_buf *out, imp_framing framing) {
  piece part[3];
  const char *xmlns = "";
  size_t namelen = 0, xmlnslen = 0;
  int err;
  pieces(packet, part);
  if (framing == IMP_FRAMING_WEBSOCKET) {
    namelen = imp_stanza_head_namelen(packet->stanza);
    xmlns = imp_stanza_ws_xmlns(packet->stanza);
    xmlnslen = strlen(xmlns);
  }
  size_t len = part[0].len + xmlnslen + part[1].len + part[2].len;
  uint8_t *p = imp_buf_reserve(out, len, &err);
  if (p == NULL) {
    return err;
  }
  imp_xml_sink sink = {p, p + len, 0};
  imp_xml_put(&sink, part[0].s, namelen);
  imp_xml_put(&sink, xmlns, xmlnslen);
  imp_xml_put(&sink, part[0].s + namelen, part[0].len - namelen);
  imp_xml_put(&sink, part[1].s, part[1].len);
  imp_xml_put(&sink, part[2].s, part[2].len);
  imp_buf_commit(out, len);
  return IMP_OK;
}

/* ---- delay stamps ---- */

static int is_delayed(const imp_packet *packet, const char *by) {
  const imp_elem *child = packet->stanza->root.first;
  if (packet->delayed) {
    return 1;
  }
  if (by == NULL || !(imp_stanza_traits(packet->stanza) & IMP_TRAIT_DELAY)) {
    return 0;
  }
  for (; child != NULL; child = child->next) {
    const char *from = imp_elem_attr(child, "from");
    if (imp_elem_match(child, "delay", IMP_NS_DELAY) && from != NULL && strcmp(from, by) == 0) {
      return 1;
    }
  }
  return 0;
}

static void put_delay(imp_xml_sink *sink, const char *by, const char *stamp) {
  imp_xml_put_lit(sink, "<delay xmlns='" IMP_NS_DELAY "'");
  if (by != NULL) {
    imp_xml_put_lit(sink, " from='");
    imp_xml_put_escaped(sink, by, strlen(by));
    imp_xml_put_lit(sink, "'");
  }
  imp_xml_put_lit(sink, " stamp='");
  imp_xml_put(sink, stamp, strlen(stamp));
  imp_xml_put_lit(sink, "'/>");
}

static void put_delayed_rest(imp_xml_sink *sink, const imp_packet *packet, const char *by, const char *stamp) {
  imp_xml_put_lit(sink, ">");
  put_delay(sink, by, stamp);
  if (packet->restlen > 0) {
    imp_xml_put(sink, packet->text + packet->headlen + 1, packet->restlen - 1u);
  } else if (imp_xml_is_empty(packet->stanza)) {
    imp_xml_put_end(sink, packet->stanza);
  }
}

int imp_packet_new_delayed(imp_packet **delayed, imp_packet *packet, const char *by, imp_wallclock stamp) {
  char text[IMP_DATETIME_LEN];
  imp_xml_sink rest = {NULL, NULL, 0};
  imp_packet *copy;
  piece part[3];
  if (is_delayed(packet, by)) {
    *delayed = imp_packet_ref(packet);
    return IMP_OK;
  }
  imp_datetime_format(text, stamp);
  pieces(packet, part);
  put_delayed_rest(&rest, packet, by, text);
  int err = packet_alloc(&copy, packet->stanza, part[0].len, rest.len);
  if (err != IMP_OK) {
    return err;
  }
  memcpy(copy->text, part[0].s, part[0].len);
  uint8_t *p = (uint8_t *)copy->text + part[0].len;
  rest = (imp_xml_sink){p, p + rest.len, 0};
  put_delayed_rest(&rest, packet, by, text);
  copy->whole = packet->whole;
  copy->delayed = 1;
  copy->state = packet->state;
  copy->serial = packet->serial;
  copy->accepted = packet->accepted;
  *delayed = copy;
  return IMP_OK;
}

/* ---- to a store and back: version, flags, state, serial, time, text ---- */

#define FORMAT 1
#define FIXED (1 + 1 + 4 + 8 + 8)

int imp_packet_serialise(const imp_packet *packet, imp_buf *out) {
  size_t len = FIXED + imp_packet_size(packet);
  int err;
  uint8_t *p = imp_buf_reserve(out, len, &err);
  if (p == NULL) {
    return err;
  }
  p[0] = FORMAT;
  p[1] = packet->delayed;
  imp_put_be32(p + 2, packet->state);
  imp_put_be64(p + 6, packet->serial);
  imp_put_be64(p + 14, packet->accepted);
  imp_buf_commit(out, FIXED);
  return imp_packet_write(packet, out, IMP_FRAMING_TCP); /* there is room: it cannot fail */
}

int imp_packet_parse(imp_packet **out, imp_xml_pool *pool, const void *data, size_t len) {
  /* What was accepted may have grown by its stamps, and the bounds may have been lowered since. */
  static const imp_xml_limits wide = {.stanza_bytes = UINT32_MAX,
                                      .depth = 1024,
                                      .attributes = 1024,
                                      .attribute_bytes = UINT32_MAX,
                                      .elements = UINT32_MAX,
                                      .namespaces = 4096};
  const uint8_t *p = data;
  imp_stanza *st;
  imp_packet *packet;
  if (len < FIXED || p[0] != FORMAT || p[1] > 1) {
    return IMP_ERR_CORRUPT;
  }
  int err = imp_xml_parse_stanza(pool, &wide, p + FIXED, len - FIXED, &st, NULL);
  if (err != IMP_OK) {
    return err == IMP_ERR_NOMEM ? err : IMP_ERR_CORRUPT;
  }
  err = imp_packet_new(&packet, st, NULL);
  imp_stanza_del(st);
  if (err != IMP_OK) {
    return err;
  }
  packet->delayed = p[1];
  packet->state = imp_get_be32(p + 2);
  packet->serial = imp_get_be64(p + 6);
  packet->accepted = imp_get_be64(p + 14);
  *out = packet;
  return IMP_OK;
}
