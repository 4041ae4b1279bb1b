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
  IMP_POINT_REMOTE,           /* a stanza to another domain: event.to */
  IMP_POINT_SETTLED,          /* a packet was acknowledged, or handed over without: event.packet, event.session */
  IMP_POINT_UNDELIVERED,      /* a message's session ended, or its buffer overflowed: event.packet, event.session, event.settled */
  IMP_POINT_SESSION_OPENED,   /* bound: event.session */
  IMP_POINT_SESSION_AVAILABLE,/* first available presence, or again after unavailable */
  IMP_POINT_SESSION_RESUMED,
  IMP_POINT_SESSION_HIBERNATED,
  IMP_POINT_SESSION_ENDED,    /* before it is freed; its packets have been settled after this */
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
  IMP_POINTS
} imp_point;

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
  uint32_t count; /* of an evicted packet: its number on the stream */
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
