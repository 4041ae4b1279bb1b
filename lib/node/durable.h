/* Durable sessions inside; see durable.c for what is in the store. */
#ifndef IMP_NODE_DURABLE_H
#define IMP_NODE_DURABLE_H

#include "node/node.h"

typedef struct imp_durable {
  imp_list dirty;
  imp_session *session;
  uint64_t seq;     /* number of the last packet sent */
  uint32_t out;     /* the stream's count for it */
  uint64_t trimmed; /* up to where the queue in the store was cut */
} imp_durable;

#endif
