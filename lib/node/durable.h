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

/* A row of scan_all: its key is owner, NUL, key. IMP_ERR_CORRUPT if a part is missing or too long. */
int imp_durable_split_key(const imp_op_row *row, char *owner, size_t ownercap, char *key, size_t keycap);

/* ---- handled.c: our `h` of sessions that are gone, in the store ---- */

void imp_handled_remember(imp_node *node, const imp_sm *sm);
/* Reads them back, and from then on clears away what nobody may ask for any more, once an hour. */
void imp_handled_restore(imp_node *node);

#endif
