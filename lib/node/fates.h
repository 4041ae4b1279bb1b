/* What a packet's `state` says, and the fates of packets (imp/sm.h, imp_fate). */
#ifndef IMP_NODE_FATES_H
#define IMP_NODE_FATES_H

#include "node/session.h"

enum {
  IMP_PACKET_COUNTED = 0x01,   /* in the ledger, in flight */
  IMP_PACKET_CARBON = 0x02,    /* a copy of XEP-0280 */
  IMP_PACKET_OFFLINE = 0x04,   /* from offline storage, where it still is; packet->serial is its key */
  IMP_PACKET_REDIRECTED = 0x08 /* another resource did not take it */
};

/* A stanza of which some recipient has acknowledged a copy; beside the flags in xml/stanza.h. */
enum { IMP_STANZA_SEEN = 0x8000 };

/* Written to a stream without stream management: nothing more will be known. */
void imp_node_handed_over(imp_node *node, imp_session *s, imp_packet *p);
/* The session cannot take it: the packet gets the fate of one that was abandoned. */
void imp_node_undelivered(imp_session *s, imp_packet *p);

#endif
