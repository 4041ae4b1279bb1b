/* The node's own insides. Features use the functions here; fields only in lib/node. */
#ifndef IMP_NODE_NODE_H
#define IMP_NODE_NODE_H

#include <imp/node.h>
#include <imp/store.h>

#include "core/buf.h"
#include "core/heap.h"
#include "core/log.h"
#include "core/map.h"
#include "core/mem.h"
#include "node/feature.h"
#include "node/session.h"
#include "port/op.h"
#include "stream/conn.h"
#include "xml/jid_cache.h"

#define IMP_NODE_ERROR_MAX 256

/* Spaces of the store (README.md says what is in them). */
#define IMP_SPACE_ACCOUNT "account"
#define IMP_ACCOUNT_KEY "scram"

enum { IMP_FEATURE_C2S = 0, IMP_FEATURE_IM, IMP_FEATURE_ROSTER, IMP_FEATURE_PEP, IMP_FEATURE_STATUS, IMP_FEATURE_SLOTS };

typedef struct imp_hook {
  imp_hook_fn fn;
  void *ctx;
  int priority;
} imp_hook;

/* Somebody who waits for a commit. */
typedef struct imp_commit_waiter {
  imp_list link;
  imp_result_fn fn;
  void *user_data;
} imp_commit_waiter;

typedef struct imp_session_listener {
  imp_session_fn fn;
  void *user_data;
} imp_session_listener;

struct imp_node {
  imp_settings settings; /* with strings of our own */
  imp_callbacks callbacks;
  void *user_data;
  imp_logger log;
  imp_jid *domain; /* as a JID */
  imp_jid_cache *jids;
  imp_xml_pool *xml;
  imp_heap timers;
  imp_op_queue ops;
  imp_stream_limits limits;
  imp_stream_env env;
  imp_list acks;       /* sessions that were written to and owe or want an acknowledgement: looked at when the turn ends */
  imp_list acks_later; /* … and those that wait for acks_timer */
  imp_timer acks_timer;
  uint32_t turns; /* that have ended, and one; wraps */
  imp_list dirty;      /* connections with output */
  imp_list gathered;   /* … whose output waits for the next commit */
  imp_list committing; /* … for the one under way */
  imp_list waiters, committing_waiters;
  imp_list ensures; /* accounts whose keys are being looked at, see ensure.c */
  imp_sm_manager *sm;

  imp_map users;    /* by bare JID */
  imp_map sessions; /* by full JID */
  imp_map jid_handlers;
  imp_map iq_handlers;
  imp_hook hooks[IMP_POINTS][IMP_HOOKS_MAX];
  size_t hook_count[IMP_POINTS];
  imp_session_listener listeners[8];
  size_t listener_count;
  size_t features_started;
  void *feature[IMP_FEATURE_SLOTS]; /* what a feature keeps for the whole node */

  const imp_store *store;
  void *store_ctx;
  imp_memory_store *own_store;
  imp_op *flush;       /* a commit under way */
  imp_tstamp commit_after; /* the last one failed: not before then */
  uint32_t batch;      /* number of the commit that what is noted now belongs to */
  int noted;           /* something was noted since the last flush began */
  int note_failed;     /* the error of a write that could not be noted */
  int ready;
  int loading, load_failed; /* reads of the store at the start: how many are under way */
  imp_buf scratch;        /* for what is serialised into the store */
  imp_list answers;       /* to what was given up, see answers.c */
  imp_list zombies;       /* sessions that ended in this turn */
  imp_list restorations;  /* sessions that are being read back */
  imp_timer handled_timer; /* see handled.c */
  imp_list durable_dirty; /* sessions whose row must be written at the end of the turn */

  imp_tstamp now;
  imp_wallclock wall;
  int in_turn;
  int deleting;
  int shutting_down;
  uint64_t serial; /* of generated ids */
  imp_stats stats;
  uint8_t fake_key[32];
  char error[IMP_NODE_ERROR_MAX];
};

/* ---- time, randomness, errors ---- */
void imp_node_enter(imp_node *node, imp_tstamp ts);
imp_wallclock imp_node_wallclock(imp_node *node);
int imp_node_random(imp_node *node, void *dst, size_t len);
/* A fresh id for a stanza of our own. dst holds 24 bytes. */
void imp_node_fresh_id(imp_node *node, char *dst);
__attribute__((format(printf, 3, 4))) int imp_node_fail(imp_node *node, int error, const char *fmt, ...);

/* ---- ops: the deadline is settings.op_timeout ---- */
imp_op *imp_node_op(imp_node *node, imp_op_fn fn, void *ctx);

/* ---- storage: everything noted here is committed at the end of the turn ---- */
int imp_node_put(imp_node *node, const char *space, const char *owner, const void *key, size_t keylen, const void *value, size_t valuelen);
int imp_node_remove(imp_node *node, const char *space, const char *owner, const void *key, size_t keylen);
int imp_node_remove_upto(imp_node *node, const char *space, const char *owner, const void *key, size_t keylen);
int imp_node_erase(imp_node *node, const char *owner);
/* Reads. The returned op can be cancelled; NULL: out of memory. */
imp_op *imp_node_get(imp_node *node, const char *space, const char *owner, const void *key, size_t keylen, imp_op_fn fn, void *ctx);
imp_op *imp_node_scan(imp_node *node, const char *space, const char *owner, const imp_store_range *range, imp_op_fn fn, void *ctx);
imp_op *imp_node_scan_all(imp_node *node, const char *space, imp_op_fn fn, void *ctx);
/* A read that must be over before the first client has begun (NULL: there was no memory for it). With the last
   imp_node_loaded() the node is ready. */
void imp_node_loading(imp_node *node, const imp_op *op);
void imp_node_loaded(imp_node *node);
/* Calls fn when everything noted up to now is durable, or when the commit has failed: then it may still become so, since
   commits are tried again. NULL is nothing. */
int imp_node_on_commit(imp_node *node, imp_result_fn fn, void *user_data);
/* Non-zero while a commit that failed is to be tried again. */
int imp_node_waits_to_commit(const imp_node *node);
/* ---- accounts ---- */
/* The bare JID of a user name. The error is the node's last. */
int imp_account_jid(imp_node *node, const char *username, imp_jid **jid);
/* Derives keys and notes them. */
int imp_account_store(imp_node *node, const imp_jid *jid, const char *password);
/* What imp_node_account_ensure() has not decided yet counts no more: what was noted now does. */
void imp_account_overtake(imp_node *node, const imp_jid *jid);
void imp_account_stop(imp_node *node);

/* Credentials of a user of ours: rows of the store, or what the host sets. */
imp_op *imp_node_lookup_credential(imp_node *node, const imp_jid *user, imp_op_fn fn, void *ctx);
/* Looks up whether a local user exists; fn's status is IMP_OK or IMP_ERR_NOT_FOUND. */
imp_op *imp_node_lookup_user(imp_node *node, const char *username, imp_op_fn fn, void *ctx);

/* ---- routing ---- */

/* A stanza enters from a session; ownership passes. `from` is the session's JID already. */
void imp_node_stanza_in(imp_node *node, imp_session *session, imp_stanza *st);
/* Routes by `to`; `session` is the sender's or NULL. The stanza is borrowed. */
void imp_node_route(imp_node *node, imp_session *session, imp_stanza *st);
/* Answers with a stanza error, unless the stanza is one itself. Nothing for messages' accounts: see the caller. */
void imp_node_bounce(imp_node *node, const imp_stanza *st, const char *condition, const char *text);
/* From whom an answer comes to a stanza that had no `to`. */
const imp_jid *imp_node_own_address(imp_node *node, const imp_stanza *st);
/* <service-unavailable/> at the end of the turn, for what is given up while something else is being delivered. */
void imp_node_answer_later(imp_node *node, const imp_stanza *st);
void imp_node_run_answers(imp_node *node);
void imp_node_free_answers(imp_node *node);
/* Answers an iq. `reply` is consumed. */
void imp_node_reply(imp_node *node, imp_stanza *reply);
/* An IQ for the node or a bare JID: dispatched by namespace, or answered with an error. */
void imp_node_dispatch_iq(imp_node *node, imp_session *session, imp_stanza *st);
int imp_node_is_local(const imp_node *node, const imp_jid *jid);
/* To whom an IQ may be addressed. */
enum {
  IMP_IQ_NODE = 1,  /* the domain */
  IMP_IQ_OWN = 2,   /* the sender's own account (or nobody) */
  IMP_IQ_OTHER = 4, /* the bare JID of another local user */
  IMP_IQ_QUIET = 8  /* not told in disco#info */
};
/* Internal IQ handlers, of get and set; `session` is NULL if it is not from one of ours. Returns IMP_OK (answered, or
   will be), or an error: answered with <internal-server-error/>. */
typedef int (*imp_iq_fn)(imp_node *node, imp_session *session, imp_stanza *st, void *ctx);
/* The namespace must outlive the node. */
int imp_node_serve_iq(imp_node *node, const char *ns, unsigned scope, imp_iq_fn fn, void *ctx);
/* Answers <iq type='result'/> without a payload. */
int imp_node_reply_empty(imp_node *node, const imp_stanza *st);
/* Hands a stanza to the handler of its address, if there is one: non-zero. */
int imp_node_try_handler(imp_node *node, imp_stanza *st);
/* Non-zero if the host handles this bare JID itself. */
int imp_node_is_handled(const imp_node *node, const imp_jid *jid);

/* ---- packets and their fates ---- */

/* A copy of a message for one recipient enters the account (nothing for other kinds). */
void imp_node_account(imp_node *node, imp_packet *packet);
/* It leaves in flight for a final state; the packet is let go. */
void imp_node_settle(imp_node *node, imp_packet *packet, imp_fate fate);
void imp_node_drop(imp_node *node, imp_packet *packet, imp_drop_rule rule);
/* Returned to its sender, the error included. */
void imp_node_return(imp_node *node, imp_packet *packet);
/* A message that never became a packet: accepted and settled at once. */
void imp_node_count(imp_node *node, imp_fate fate);
void imp_node_count_drop(imp_node *node, imp_drop_rule rule);
/* What the SM buffer lets go of. */
void imp_node_sm_settle(imp_sm *sm, void *packet, uint32_t count, imp_sm_settled how, void *user_data);

/* ---- durable sessions ---- */

/* Starts keeping a resumable session in the store; nothing if durable sessions are off. */
int imp_durable_start(imp_session *session);
/* A packet was counted by the session's SM: kept until acknowledged. */
void imp_durable_sent(imp_session *session, const imp_packet *packet);
/* The session was resumed. */
void imp_durable_resumed(imp_session *session);
/* A packet left the buffer for offline storage. */
void imp_durable_evicted(imp_session *session, uint32_t count);
/* The row of a durable session has changed; it is written at the end of the turn. */
void imp_durable_touch(imp_session *session);
/* Its presence has changed. */
void imp_durable_presence(imp_session *session);
/* The session is no more: its rows go, what was handled is remembered. */
void imp_durable_forget(imp_session *session);
/* Another session is about to take its queue: the rows stay as they are, up to date, until
   imp_durable_forget_parked(). Non-zero if there are any. */
int imp_durable_park(imp_session *session);
void imp_durable_forget_parked(imp_node *node, const imp_sm *sm);
/* The process goes, the session stays in the store: imp_durable_forget() will do nothing. */
void imp_durable_keep(imp_session *session);
/* At the end of the turn: writes the rows of changed sessions. */
void imp_durable_write(imp_node *node);
/* Reads everything back after a start. */
void imp_durable_restore(imp_node *node);
/* The node goes while sessions are being read. */
void imp_durable_stop(imp_node *node);

/* ---- parts of the node itself, started and stopped with it ---- */
int imp_node_start_services(imp_node *node);
void imp_node_free_jid_handlers(imp_node *node);
/* Namespaces of IQs to the domain. */
void imp_node_each_iq(const imp_node *node, void (*fn)(const char *ns, void *ctx), void *ctx);
/* Adds <feature var=""/> to an answer of disco#info. */
void imp_disco_feature(imp_stanza *st, imp_elem *query, const char *var);
/* Adds <identity/>; `name` may be NULL. */
void imp_disco_identity(imp_stanza *st, imp_elem *query, const char *category, const char *type, const char *name);
/* Answers a disco#info without a node, of an account or the domain, as its own user sees it. `session` may be NULL. */
int imp_disco_info_answer(imp_node *node, imp_session *session, imp_stanza *st);
void imp_node_free_handlers(imp_node *node);

/* ---- connections ---- */

/* The peer has logged in: it is not counted as a stranger any more. */
void imp_node_authenticated(imp_node *node, imp_conn *conn);
void imp_node_connection_ended(imp_node *node, const imp_conn *conn);

/* ---- sessions ---- */
void imp_node_tell(imp_node *node, imp_session_event event, imp_session *session);

#endif
