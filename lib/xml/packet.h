/*
 * Packets: a stanza as one recipient gets it.
 *
 * Recipients differ in little: `to`, sometimes `from`, a stanza-id, a delay stamp. A packet is that little (its head)
 * and a reference on the stanza, whose tail all share. Without differences it is one small allocation without text of
 * its own. Packets are what send queues, stream management and offline storage keep.
 */
#ifndef IMP_XML_PACKET_H
#define IMP_XML_PACKET_H

#include "core/list.h"
#include "xml/writer.h"

typedef struct imp_packet {
  imp_list link; /* for whoever queues it; one queue at a time */
  imp_stanza *stanza;
  uint32_t refs;
  uint32_t state;         /* the fate ledger's; 0 at first */
  uint64_t serial;        /* the owner's number; 0 at first */
  imp_wallclock accepted; /* when the node accepted it (XEP-0203 later on); 0: unknown */
  void *owner;            /* the owner's; NULL at first */
  uint32_t headlen;       /* of own text: the head; 0: the stanza's head and tail as they are */
  uint32_t restlen;       /* of own text: what stands between head and tail; 0: nothing */
  uint8_t kind, type;     /* of the stanza: imp_stanza_kind, imp_stanza_type */
  uint8_t whole;          /* own text holds the tail too */
  uint8_t delayed;        /* own text holds a delay stamp */
  char text[];            /* head, then rest */
} imp_packet;

typedef struct imp_packet_options {
  const imp_jid *to;   /* NULL: as in the stanza */
  const imp_jid *from; /* NULL: as in the stanza */
  const char *extra;   /* XML text put right behind the start tag, NULL: none */
  size_t extralen;
  const char *strip_stanza_id_by; /* leave out <stanza-id/> with this `by` (XEP-0359 §5), NULL: none */
  imp_wallclock accepted;
} imp_packet_options;

/* Takes a reference on the stanza. `options` may be NULL. IMP_ERR_NOMEM (broken stanzas too). */
int imp_packet_new(imp_packet **packet, imp_stanza *st, const imp_packet_options *options);
imp_packet *imp_packet_ref(imp_packet *packet);
void imp_packet_del(imp_packet *packet);

/* Bytes that imp_packet_write() appends with TCP framing. */
size_t imp_packet_size(const imp_packet *packet);
/* Bytes of memory that this packet alone keeps (its share of the stanza counted whole). */
size_t imp_packet_memory(const imp_packet *packet);
/* All or nothing: IMP_ERR_NOMEM, IMP_ERR_TOO_BIG. */
int imp_packet_write(const imp_packet *packet, imp_buf *out, imp_framing framing);
/* The same packet with a delay stamp (XEP-0203) in front of its payload, as a new packet with the same state, serial
   and time; one that was stamped already, here or by `by` itself, is referenced instead. `by` NULL: no `from`. */
int imp_packet_new_delayed(imp_packet **delayed, imp_packet *packet, const char *by, imp_wallclock stamp);

static inline imp_stanza_kind imp_packet_kind(const imp_packet *packet) { return (imp_stanza_kind)packet->kind; }
static inline imp_stanza_type imp_packet_type(const imp_packet *packet) { return (imp_stanza_type)packet->type; }

/* To bytes for a store and back: text, state, serial, time. The format has a version; IMP_ERR_CORRUPT for anything
   else. */
int imp_packet_serialise(const imp_packet *packet, imp_buf *out);
int imp_packet_parse(imp_packet **packet, imp_xml_pool *pool, const void *data, size_t len);

#endif
