/*
 * Features: what is built on the node.  A feature registers itself at points and IQ namespaces when the node starts;
 * the node knows none of them by name.  Which features there are is said in lib/features.c.
 */
#ifndef IMP_NODE_FEATURE_H
#define IMP_NODE_FEATURE_H

#include <imp/node.h>

#include "xml/packet.h"

typedef struct imp_session imp_session;
typedef struct imp_user imp_user;

typedef struct imp_feature {
  const char *name;
  int (*start)(imp_node *node);
  void (*stop)(imp_node *node); /* also after start failed; may be NULL */
} imp_feature;

/* Ended by NULL; the order is the order of starting. */
extern const imp_feature *const imp_features[];

/* Where features join in. */
typedef enum imp_point {
  IMP_POINT_MESSAGE_IN = 0,   /* a message enters, before it is routed: event.session is the sender's (NULL: another source) */
  IMP_POINT_MESSAGE_USER,     /* a message to a local user, for the one feature that delivers: event.to */
  IMP_POINT_MESSAGE_OUT,      /* a message was delivered to a full JID: event.session is the recipient's */
  IMP_POINT_PRESENCE_IN,      /* presence enters from a session: event.session */
  IMP_POINT_PRESENCE_USER,    /* presence to a local user: event.to */
  IMP_POINT_PRESENCE_SHOWN,   /* what contacts see of event.session, or (NULL) of the user event.to itself, is event.stanza now, which may
                                 be unavailable; event.count: it is the session's first. A hook may put another stanza there */
  IMP_POINT_IQ_IN,            /* an iq enters from a session, before it is routed: event.session */
  IMP_POINT_IQ_USER,          /* an iq to a local user, bare or full, before it is answered or delivered: event.to */
  IMP_POINT_REMOTE,           /* a stanza to another domain: event.to */
  IMP_POINT_SETTLED,          /* a packet was acknowledged, or handed over without: event.packet, event.session */
  IMP_POINT_UNDELIVERED,      /* a message's session ended, or its buffer overflowed: event.packet, event.session, event.settled */
  IMP_POINT_SESSION_OPENED,   /* bound: event.session */
  IMP_POINT_SESSION_AVAILABLE,/* first available presence, or again after unavailable */
  IMP_POINT_SESSION_RESUMED,
  IMP_POINT_SESSION_HIBERNATED,
  IMP_POINT_SESSION_ENDED,    /* before it is freed; its packets have been settled after this */
  IMP_POINT_SESSION_DURABLE,  /* event.session is kept in the store from now on: what belongs to it is noted, owner event.id, and goes with it */
  IMP_POINT_SESSION_FEATURES, /* stream features after authentication: event.out */
  IMP_POINT_DISCO_INFO,       /* event.stanza: the answer being built, event.elem: its query, event.to: who was asked */
  IMP_POINT_SESSION_CSI,      /* the client became active or inactive (XEP-0352) */
  IMP_POINT_SESSION_HOLD,     /* a packet for an inactive client (XEP-0352): HANDLED takes the reference of event.packet */
  IMP_POINT_EVICTED_ACKED,    /* event.session's client has what was evicted up to event.count */
  IMP_POINT_LATE_ACKED,       /* the client of a session that is gone (event.username, event.id) has all up to event.count */
  IMP_POINT_USER_GONE,        /* the last session of event.to ended; its slots are freed here */
  IMP_POINT_USER_DELETED,     /* event.username, bare JID */
  IMP_POINT_STORE_READY,      /* the store was given */
  IMP_POINT_TURN,             /* the end of every turn, before the commit */
  IMP_POINT_DISCO_ASKED,      /* disco#info or #items of an account (event.to NULL: the asker's own) or with a node (then of the
                                 domain, too): event.stanza, event.session. HANDLED: answered, or will be; imp_disco_info_answer()
                                 helps. CONTINUE: the own account is answered without a node, all else refused */
  IMP_POINT_IQ_ANSWER,        /* an iq result or error to the domain or an account: event.stanza, event.session (NULL: not one of
                                 ours). HANDLED: somebody here had asked */
  IMP_POINT_ASK_RELATION,     /* what event.who (any JID) is to the local user event.to, see imp_relation */
  IMP_POINT_EACH_CONTACT,     /* the contacts of the local user event.to, see imp_contact_fn */
  IMP_POINT_CONTACT_ADMITTED, /* event.who (bare) may see presence of event.to (bare, local) from now on, and could not before */
  IMP_POINT_PUBLISH,          /* the element event.stanza is to be published for the local user event.to (bare), as the item "current" of
                                 the PEP node event.id. HANDLED: it will be; CONTINUE: nobody serves PEP, or not now */
  IMP_POINTS
} imp_point;

/*
 * What rosters know, asked through hooks by features that do not keep rosters.  One feature answers.  The hook returns
 * HANDLED if `fn` was called or will be (rosters are read late), exactly once, from inside the hook or at the end of a
 * turn; when the node is stopped before that, it is called no more, and what it was given is the asker's to free.
 * CONTINUE: nobody keeps rosters; the asker then takes it that a user has no contacts but the own account.
 */
typedef struct imp_relation {
  int known;                 /* in the roster of event.to with any subscription or none */
  int sees;                  /* gets presence of event.to: subscription "from" or "both", or the own account */
  int blocked;               /* one of them blocks the other (XEP-0191): then `sees` is 0 */
  const char *const *groups; /* of the roster of event.to that it is in; valid during the call */
  size_t ngroups;
} imp_relation;
typedef void (*imp_relation_fn)(imp_node *node, const imp_relation *relation, void *ctx);

/*
 * EACH_CONTACT: event.count tells which (of these, one or more; nobody who blocks event.to, or whom it blocks).  As above, but `fn` is called once per contact, bare JID,
 * valid during the call, without the own account, then once with NULL: the end, also when the roster could not be read.
 * The roster may not change while it is being told; `fn` only collects, sends and asks.
 */
enum {
  IMP_CONTACT_SEES = 1,    /* gets presence of event.to ("from", "both") */
  IMP_CONTACT_IS_SEEN = 2, /* event.to gets its presence ("to", "both") */
  IMP_CONTACT_LISTED = 4   /* in the roster, whatever the subscription */
};
typedef void (*imp_contact_fn)(imp_node *node, const imp_jid *contact, void *ctx);

typedef struct imp_event {
  imp_node *node;
  imp_session *session;
  imp_stanza *stanza;
  const imp_jid *to;
  imp_packet *packet;
  imp_elem *elem;
  imp_buf *out;
  const char *username;
  const char *id;
  imp_sm_settled settled;
  uint32_t count; /* of an evicted packet: its number on the stream; of EACH_CONTACT: which */
  const imp_jid *who;
  imp_relation_fn relation_fn; /* ASK_RELATION */
  imp_contact_fn contact_fn;   /* EACH_CONTACT */
  void *ctx;                   /* of either */
  int stores;     /* UNDELIVERED: the packet goes to offline storage whatever the policy says */
} imp_event;

/* What a hook says. */
typedef enum imp_verdict {
  IMP_CONTINUE = 0, /* the next one, then the default */
  IMP_HANDLED       /* nobody else */
} imp_verdict;

typedef imp_verdict (*imp_hook_fn)(imp_event *event, void *ctx);

/* Adds a hook; lower priority runs earlier. At most IMP_HOOKS_MAX a point. */
#define IMP_HOOKS_MAX 12
int imp_node_hook(imp_node *node, imp_point point, int priority, imp_hook_fn fn, void *ctx);
imp_verdict imp_node_run_hooks(imp_node *node, imp_point point, imp_event *event);

#endif
