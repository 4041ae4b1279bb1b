/* What the files of this room share. */
#ifndef IMP_IM_INTERNAL_H
#define IMP_IM_INTERNAL_H

#include "node/fates.h"
#include "node/node.h"
#include "xml/jid.h"

/* Something that waits for an answer of the store or the host; what is left is freed with the node. */
typedef struct imp_im_wait {
  imp_list link;
  imp_stanza *stanza; /* NULL: none */
} imp_im_wait;

/* One user's offline storage, while anything is known of it. */
typedef struct imp_box {
  imp_map_node by_bare;
  imp_node *node;
  uint32_t stored;      /* messages in the store, those being handed out included */
  uint32_t outstanding; /* handed out, not acknowledged: so many keys in `keys` */
  uint32_t keys_cap;
  uint64_t *keys;
  imp_op *scan;         /* a read under way */
  imp_session *to;      /* whom they are handed out to; NULL: nobody */
  uint64_t cursor;      /* the last key that was handed out */
  uint32_t late;        /* late acknowledgements being looked up: nothing is handed out meanwhile */
  uint32_t asking;      /* questions whether the user exists */
  uint32_t changes;     /* items that were ever removed */
  uint32_t deletions;   /* how often the user was deleted */
  uint8_t more;         /* there may be more behind the cursor */
  uint8_t exists;       /* there is such a user */
  uint8_t dirty;        /* the count must be written */
  uint8_t stale;        /* what is being read has changed meanwhile: it is read again */
  uint8_t seek;         /* another reader is to be found */
  imp_list link;        /* of those to be looked at when the turn ends */
  char bare[];
} imp_box;

/* For the whole node. */
typedef struct imp_im {
  imp_node *node;
  imp_map boxes;
  imp_list dirty;
  imp_list waits;    /* imp_im_wait */
  uint64_t last_key; /* of offline storage */
  uint64_t key_ceiling; /* as it is in the store: no key is at or above it */
  uint8_t restored;  /* the boxes are known, and the sessions that the store had */
} imp_im;

static inline imp_im *imp_im_of(const imp_node *node) { return node->feature[IMP_FEATURE_IM]; }

/* What im keeps at a session. */
typedef struct imp_im_session {
  imp_list held; /* packets held back while the client is inactive */
  uint32_t nheld;
  struct imp_evicted *evicted; /* stored because the buffer overflowed, oldest first */
  size_t nevicted, evicted_cap;
} imp_im_session;
/* `wait` is the first member of something of the heap; a reference of the stanza (may be NULL) is taken. */
void imp_im_wait_begin(imp_im *im, imp_im_wait *wait, const imp_stanza *st);
/* Frees it. */
void imp_im_wait_end(imp_im_wait *wait);
/* NULL when out of memory. */
imp_im_session *imp_im_session_of(imp_session *s);

/* ---- each file's hooks ---- */
int imp_im_start_messages(imp_node *node);
int imp_im_start_carbons(imp_node *node);
int imp_im_start_offline(imp_node *node);
int imp_im_start_evicted(imp_node *node);
int imp_im_start_csi(imp_node *node);
int imp_im_start_presence(imp_node *node);

/* ---- offline ---- */

/* A number above all before, across restarts too: messages get one when they are accepted (`serial`). */
uint64_t imp_offline_next_key(imp_im *im);
/* Stores a counted packet in flight (its reference is taken over): STORED, or returned if the box is full or there is no such user.
   `sm_id` and `count` tell which session may still acknowledge it; NULL: none. Returns its key, 0 if it was not stored. */
uint64_t imp_offline_store(imp_node *node, const imp_jid *user, imp_packet *packet, const char *sm_id, uint32_t count);
/* Takes one out: its client has it after all. */
void imp_offline_take(imp_node *node, const char *bare, uint64_t key);
/* Hands out, to a session that just became available, what there is; or goes on. */
void imp_offline_pump(imp_session *s);
/* Non-zero while older messages are still to come: a new one has to queue behind them. */
int imp_offline_is_busy(const imp_session *s);
imp_box *imp_box_find(const imp_im *im, const char *bare);
void imp_box_free_all(imp_im *im);

/* ---- messages ---- */

/* XEP-0160 §3, XEP-0334, XEP-0085: whether it is worth keeping. 0: yes; otherwise the rule + 1. */
unsigned imp_im_not_worth_storing(const imp_stanza *st);

/* Available, and wants messages to the bare JID. */
static inline int imp_im_is_candidate(const imp_session *s) {
  return s->presence != NULL && s->priority >= 0 && !s->ending;
}

#endif
