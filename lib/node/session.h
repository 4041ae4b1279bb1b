/*
 * Users and sessions.  A user is here while one of its sessions is; a session outlives its connection while it hibernates.
 */
#ifndef IMP_NODE_SESSION_H
#define IMP_NODE_SESSION_H

#include "core/list.h"
#include "core/mem.h"
#include "core/map.h"
#include "node/feature.h"
#include "stream/conn.h"

/* A feature's place at every user and session. */
enum { IMP_SLOT_IM = 0, IMP_SLOT_PRESENCE, IMP_SLOT_PEP, IMP_SLOT_STATUS, IMP_SLOTS };

struct imp_user {
  imp_map_node by_bare;
  imp_jid *jid; /* bare */
  imp_list sessions;
  uint32_t count; /* of sessions */
  uint32_t refs;  /* and of those that ended in this turn */
  void *slot[IMP_SLOTS];
};

/* What the owner pointer of a connection points at begins with this. */
typedef enum imp_owner_kind { IMP_OWNER_LOGIN = 0, IMP_OWNER_SESSION } imp_owner_kind;

struct imp_session {
  imp_owner_kind kind;
  imp_map_node by_full;
  imp_list of_user;
  imp_node *node;
  imp_user *user;
  imp_jid *jid;
  imp_conn *conn; /* NULL while hibernating */
  imp_sm *sm;     /* NULL without stream management */
  imp_stanza *presence; /* the last available presence, NULL while unavailable */
  struct imp_legacy *legacy; /* queues of sessions that this one replaced, until they are sent; NULL: none */
  imp_tstamp since;
  uint32_t batch; /* node->batch when its client last sent a stanza, or a row of it could not be noted */
  imp_list acks;        /* acks.c, with the five that follow */
  imp_tstamp acks_paid; /* when the acknowledgements that went will have been worth their spacing */
  uint32_t asked;       /* node->turns when the client's last <r/> came */
  uint8_t owed;         /* <a/> that are to be written */
  uint8_t asks;         /* an <r/> is to be written */
  uint8_t streams;      /* the client goes on behind an <r/> without waiting for the answer */
  struct imp_durable *durable; /* NULL: not kept in the store */
  void *slot[IMP_SLOTS];
  int8_t priority;
  uint8_t carbons;
  uint8_t inactive; /* XEP-0352 */
  uint8_t anonymous;
  uint8_t ending;   /* no delivery any more */
  uint8_t deleted;  /* the account goes: packets are dropped */
  uint8_t clean;    /* the stream was closed in good order */
  uint8_t legacy_stores; /* the queue that is being ended goes to offline storage */
  uint8_t restored;      /* from the store: what its buffer let go of before is known there only */
  uint8_t remember_h; /* somebody may still ask what was handled */
};

/* The queue of a session that was replaced. */
typedef struct imp_legacy {
  struct imp_legacy *next;
  imp_sm *sm;
  uint32_t h;     /* what the client said it has, if has_h */
  uint8_t has_h;
  uint8_t stores; /* part of it was evicted into offline storage: the rest goes behind */
  uint8_t durable;
} imp_legacy;

/* Takes the queue of a session that is about to be ended. IMP_ERR_NOMEM. */
int imp_legacy_park(imp_session *old, imp_legacy **legacy);
/* Gives it to the new session. */
void imp_legacy_add(imp_session *session, imp_legacy *legacy, int has_h, uint32_t h);
/* The oldest goes into the session's buffer, or to its client, or to offline storage. Returns what imp_sm_inherit()
   does, an error if there was no buffer to move into. */
int imp_legacy_move(imp_session *session, void (*moved)(imp_sm *sm, void *packet, uint32_t count, void *user_data));
/* Its time is over: the manager settles its packets next. 0: not one of this session's. */
int imp_legacy_expired(imp_session *session, const imp_sm *sm);
/* Its packets get their fates. NULL is nothing. */
void imp_legacy_del(imp_node *node, imp_legacy *legacy);
void imp_legacy_end_all(imp_session *session);

imp_user *imp_node_find_user(const imp_node *node, const imp_jid *jid);
/* By full JID. */
imp_session *imp_node_find_session(const imp_node *node, const imp_jid *jid);
/* A new session on a connection (NULL: restored from the store, hibernating). The oldest goes if the user has too many. IMP_ERR_EXISTS. */
int imp_session_new(imp_session **session, imp_node *node, const imp_jid *jid, imp_conn *conn);
/* The connection is not this session's any more (it was deleted, or another took over). */
void imp_session_detach(imp_session *session);
void imp_session_attach(imp_session *session, imp_conn *conn);
/* Ends it for good: hooks, settling of packets. The connection, if any, gets `condition` (NULL: none) and is let go.
   The memory stays until the end of the turn. */
void imp_session_end(imp_session *session, const char *condition);
/* Frees sessions that ended in this turn. */
void imp_node_bury(imp_node *node);
void imp_session_info_get(const imp_session *session, imp_session_info *info);

/* Sends a packet to a session. The reference is taken over, whatever comes of it. Counted messages get their fate. */
int imp_session_deliver(imp_session *session, imp_packet *packet);
/* The same past XEP-0352: for what was held back, now. */
int imp_session_push(imp_session *session, imp_packet *packet);
/* Sends a stanza of the node's own to the session as it is. */
int imp_session_send(imp_session *session, imp_stanza *st);
/* Writes to the connection a packet that the session's SM already counts (resumption). */
void imp_session_replay(imp_session *session, imp_packet *packet);

/* ---- acks.c: when acknowledgements are written ---- */

/* The client sent an <r/>. */
void imp_acks_answer(imp_session *session);
/* The client sent a stanza. */
void imp_acks_came(imp_session *session);
/* The sm room wants an <r/>, and nothing is being sent that it would go with. */
void imp_acks_ask(imp_session *session);
/* A stanza was written; the sm room wants an <r/> behind it, or not. */
void imp_acks_sent(imp_session *session, int wants_r);
/* The stream is about to end: what is still owed is said, what was wanted is forgotten. */
void imp_acks_last(imp_session *session);
void imp_acks_init(imp_node *node);
void imp_acks_end_turn(imp_node *node);

static inline imp_session *imp_session_first(const imp_user *user) {
  return imp_list_empty(&user->sessions) ? NULL : IMP_CONTAINER_OF(user->sessions.next, imp_session, of_user);
}
static inline imp_session *imp_session_next(const imp_session *s) {
  return s->of_user.next == &s->user->sessions ? NULL : IMP_CONTAINER_OF(s->of_user.next, imp_session, of_user);
}

#endif
