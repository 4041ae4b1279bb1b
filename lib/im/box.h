/* Users' offline storage inside: box.c keeps the count, offline.c stores and hands out. */
#ifndef IMP_IM_BOX_H
#define IMP_IM_BOX_H

#include "im/internal.h"

/*
 *   node           owner: "", key: "offline-key"         a number above all keys that were ever used
 *   offline        owner: bare JID, key: 64-bit number   "SM-ID COUNT\n" (or "- 0\n"), then the packet
 *   offline.count  owner: bare JID, key: ""              how many there are
 */
#define IMP_SPACE_OFFLINE "offline"
#define IMP_SPACE_OFFLINE_COUNT "offline.count"

/* Keys go on from the ceiling after a restart, even if the clock was put back; it is written about once a minute. */
void imp_box_raise_ceiling(imp_im *im);
/* Finds or makes; NULL when out of memory. */
imp_box *imp_box_get(imp_im *im, const char *bare);
/* Which items are handed out. IMP_ERR_NOMEM, IMP_ERR_EXISTS. */
int imp_box_hold(imp_box *box, uint64_t key);
int imp_box_holds(const imp_box *box, uint64_t key);
void imp_box_unhold(imp_box *box, uint64_t key);
/* Something changed: looked at again at the end of the turn. */
void imp_box_touch(imp_box *box);
imp_verdict imp_box_on_turn(imp_event *event, void *ctx);
imp_verdict imp_box_on_store(imp_event *event, void *ctx);
/* Sessions came back from the store: one that was being given the box goes on with it, also while it hibernates. */
void imp_offline_restored(imp_box *box);
/* Gives the box to an available session of its user, if there is one. */
void imp_offline_find_reader(imp_box *box);

#endif
