/*
 * Presence subscriptions (RFC 6121 §3 and appendix A): what becomes of one, and what is to be done, when a
 * subscription stanza leaves or arrives. A table, and the pre-approvals of §3.4 around it.
 *
 * Seen from the user whose roster it is: outbound is what the user's client sends to the contact, inbound is what comes
 * from the contact. The host keeps an imp_sub for each pair of user and contact, zeroed if it knows nothing of them.
 */
#ifndef IMP_PRESENCE_SUBSCRIPTION_H
#define IMP_PRESENCE_SUBSCRIPTION_H

#include <imp/core.h>

/* Appendix A.1. `out`: the user has asked, `in`: the contact has asked, and there is no answer yet. */
typedef enum imp_sub_state {
  IMP_SUB_NONE = 0,
  IMP_SUB_NONE_OUT,
  IMP_SUB_NONE_IN,
  IMP_SUB_NONE_OUT_IN,
  IMP_SUB_TO,
  IMP_SUB_TO_IN,
  IMP_SUB_FROM,
  IMP_SUB_FROM_OUT,
  IMP_SUB_BOTH,
  IMP_SUB_STATES
} imp_sub_state;

typedef enum imp_sub_stanza {
  IMP_SUB_SUBSCRIBE = 0,
  IMP_SUB_UNSUBSCRIBE,
  IMP_SUB_SUBSCRIBED,
  IMP_SUB_UNSUBSCRIBED,
  IMP_SUB_STANZAS
} imp_sub_stanza;

typedef enum imp_sub_direction { IMP_SUB_OUTBOUND = 0, IMP_SUB_INBOUND } imp_sub_direction;

typedef struct imp_sub {
  uint8_t state;    /* an imp_sub_state */
  uint8_t listed;   /* the contact is in the roster: clients see the item. Any state but none and none+in is listed */
  uint8_t approved; /* the user approves the contact's request before it comes (§3.4) */
} imp_sub;

/* What is to be done. */
enum {
  IMP_SUB_PASS = 0x01,             /* route the stanza to the contact, or deliver it to the user's clients */
  IMP_SUB_PUSH = 0x02,             /* the roster item is another: push it to interested resources */
  IMP_SUB_REPLY_SUBSCRIBED = 0x04, /* answer the contact with `subscribed` from the user's bare JID */
  IMP_SUB_SEND_PRESENCE = 0x08,    /* then send the contact the presence of each available resource */
  IMP_SUB_SEND_UNAVAILABLE = 0x10, /* the contact sees the user no longer: unavailable from each available resource; when
                                      it is the user who ends it, before the stanza is routed (§3.2.2) */
  IMP_SUB_CHANGED = 0x20           /* *sub is another: store it. All zero: erase it */
};

/* Changes *sub, and returns what is to be done. */
unsigned imp_sub_apply(imp_sub *sub, imp_sub_direction direction, imp_sub_stanza stanza);

/* The user's client takes the contact off the roster (§2.5): which stanzas, as bits `1 << imp_sub_stanza`, the server sends
   in the user's name, in the order unsubscribe, unsubscribed. *sub is zeroed. Unavailable is to be sent, too, if `unavailable` is set. */
unsigned imp_sub_remove(imp_sub *sub, int *unavailable);
/* The user's client puts the contact on the roster (§2.3). Returns IMP_SUB_PUSH and IMP_SUB_CHANGED, for a new item. */
unsigned imp_sub_list(imp_sub *sub);

/* The value of `subscription`: "none", "to", "from", "both". */
const char *imp_sub_attribute(imp_sub_state state);
/* Whether ask='subscribe'; whether a request waits for the user's answer, and is shown to each client that comes. */
int imp_sub_is_asking(imp_sub_state state);
int imp_sub_is_asked(imp_sub_state state);
/* Whether the user sees the contact's presence, and the contact the user's. */
int imp_sub_has_to(imp_sub_state state);
int imp_sub_has_from(imp_sub_state state);

#endif
