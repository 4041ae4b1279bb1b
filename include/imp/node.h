/*
 * imp/node.h: the node composes the rooms into a server.
 *
 * A node has no socket, thread or clock.  The host
 *   - makes it with settings and callbacks, gives it a store (imp_node_set_store()) and a certificate (imp_node_set_tls()),
 *   - accepts connections with imp_node_accept() and moves bytes (imp/conn.h),
 *   - after every batch of calls ends the turn with imp_node_turn(), which commits what must be durable, runs the
 *     completions of ops, and calls want_write for every connection that has output,
 *   - asks imp_node_get_expiry() when to call imp_node_handle_expiry() at the latest.
 * `imp/uv.h` does all of this on libuv; `examples/bare_poll.c` on poll(2).
 *
 * A node is confined to one thread.
 */
#ifndef IMP_NODE_H
#define IMP_NODE_H

#include <imp/conn.h>
#include <imp/sasl.h>
#include <imp/op.h>
#include <imp/sm.h>
#include <imp/sys/store.h>
#include <imp/xml.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct imp_node imp_node;

/** What to do when a client asks for a resource that another session of the user holds (RFC 6120 §7.7.2.2). */
typedef enum imp_conflict {
  IMP_CONFLICT_REPLACE = 0, /**< the old session ends with <conflict/> (default) */
  IMP_CONFLICT_REFUSE,      /**< the new one is refused with <conflict/> */
  IMP_CONFLICT_RENAME       /**< the new one gets another resource */
} imp_conflict;

/** Settings. imp_settings_default() fills them in; imp_node_new() checks every one. Strings are copied. */
typedef struct imp_settings {
  size_t size;
  const char *domain;          /**< the domain served; required */
  const char *node_name;       /**< begins session ids; at most 32 of A-Z a-z 0-9 . _ -; default "" */
  const char *software;        /**< XEP-0092 name; default "libimp" */
  uint32_t mechanisms;         /**< IMP_SASL_…; default all but ANONYMOUS, OAUTHBEARER, EXTERNAL */
  uint32_t scram_iterations;   /**< of new accounts, and of users that do not exist; default 10,000; 4096–10,000,000 */
  uint32_t conflict;           /**< an imp_conflict */
  uint32_t durable;            /**< 1: sessions survive the process, if the store does; default 0 */
  uint32_t fast;               /**< 1: FAST tokens are offered (XEP-0484); default 1 */
  const imp_sm_settings *sm;   /**< stream management; NULL: defaults */
  uint32_t max_stanza_bytes;   /**< default 262,144; 10,000–16 MiB */
  uint32_t max_preauth_stanza_bytes; /**< default 16,384; 4,096–262,144 */
  uint32_t max_preauth_bytes;  /**< default 65,536; 8,192–1 MiB */
  uint32_t preauth_timeout;    /**< seconds to log in, and as long again to bind a resource; default 30; 1–300 */
  uint32_t auth_attempts;      /**< on one connection; default 5; 1–20 */
  uint32_t max_output_bytes;   /**< that may wait for a slow reader; default 1 MiB; 65,536–256 MiB. A stanza that takes more than half
                                    of it when written (escapes make it grow) is refused with <policy-violation/> */
  uint32_t recv_rate;          /**< bytes a second of one connection; 0: unlimited (default) */
  uint32_t max_connections;    /**< default 1,000,000; 1–100 million */
  uint32_t max_preauth_connections; /**< not yet authenticated; default 20,000; 1–100 million */
  uint32_t max_sessions_per_user; /**< default 32; 1–1,000; the oldest goes */
  uint32_t offline_max;        /**< messages stored for one user; default 1,000; 0–1,000,000; over it: returned */
  uint32_t op_timeout;         /**< seconds for an answer of the host; default 30; 1–600 */
  uint32_t xml_contexts;       /**< parser contexts kept warm; default 256; 2–4,096 */
  uint32_t log_level;          /**< an imp_log_level; default info */
  const char *sm_location;     /**< XEP-0198 `location`: where clients should resume, "host:port", "[address]:port" or "host"; at most 270
                                    bytes; default "": not said */
} imp_settings;

IMP_EXTERN void imp_settings_default(imp_settings *settings, size_t size);

/** Callbacks. All may be NULL. `user_data` is what imp_node_new() was given. */
typedef struct imp_callbacks {
  size_t size;
  /** Connection has output: peek, write, done. Called at the end of a turn. */
  void (*want_write)(imp_conn *conn, void *user_data);
  /** A completion came while no turn was running: the host should run imp_node_turn() soon. */
  void (*want_turn)(imp_node *node, void *user_data);
  /** Wall-clock time in milliseconds, for delay stamps. NULL: it is taken from imp_node_set_wallclock(). */
  imp_wallclock (*wallclock)(void *user_data);
  /**
   * Credentials of `username` (local part, prepared): imp_op_set_credential(), or IMP_ERR_DENIED if there is no such user.
   * NULL: accounts in the store (imp_node_account_set()).  Either SCRAM keys, which should have settings.scram_iterations,
   * or passwords in the clear, or both, but the same for all users: a user that does not exist is made to look, and to
   * cost, like the one that was asked for last (before the first: like one with keys).
   */
  int (*get_credential)(imp_op *op, const char *username, void *user_data);
  /** Judges an OAUTHBEARER token: add a row with the user's local part as value, or finish with IMP_ERR_DENIED. NULL: refused. */
  int (*check_token)(imp_op *op, const char *username, const char *token, void *user_data);
  /** Maps a client certificate (DER, verified) to a user: as check_token. NULL: xmppAddr names in it decide (XEP-0178). */
  int (*check_certificate)(imp_op *op, const char *authzid, const void *der, size_t derlen, void *user_data);
  /** Whether a user exists, for messages to somebody who is not here: done with IMP_OK or IMP_ERR_NOT_FOUND. NULL: accounts in the store. */
  int (*user_exists)(imp_op *op, const char *username, void *user_data);
  /** Log lines. */
  imp_log_fn log;
  /** Random bytes; NULL: GnuTLS. For tests that must repeat. */
  int (*random)(void *bytes, size_t len, void *user_data);
} imp_callbacks;

/**
 * A new node. On an error of settings `text` says which; NULL is allowed.
 */
IMP_EXTERN int imp_node_new(imp_node **node, const imp_settings *settings, const imp_callbacks *callbacks,
                            void *user_data);
/** Why the last imp_node_new() on this thread failed, in words. */
IMP_EXTERN const char *imp_node_new_error(void);
/** Frees the node and all its sessions. Connections must be deleted before. Ops still with the host stay safe. NULL is allowed. */
IMP_EXTERN void imp_node_del(imp_node *node);
/** What went wrong last in a call on the node, in words; "" if nothing. */
IMP_EXTERN const char *imp_node_last_error(const imp_node *node);
IMP_EXTERN const char *imp_node_domain(const imp_node *node);
IMP_EXTERN void *imp_node_get_user_data(const imp_node *node);

/**
 * Gives the node its store, before the first connection. Without one it uses a memory store of its own.
 * If the store is durable and settings.durable is set, sessions are read back: imp_node_is_ready() turns true when that is done.
 */
IMP_EXTERN int imp_node_set_store(imp_node *node, const imp_store *store, void *ctx);
IMP_EXTERN int imp_node_is_ready(const imp_node *node);
/**
 * Certificate chain and key as PEM text; `ca_pem` (may be NULL) are the roots for client certificates. May be called again while running: new connections get the new one.
 */
IMP_EXTERN int imp_node_set_tls(imp_node *node, const char *certificate_pem, const char *key_pem, const char *ca_pem);
/** SHA-256 fingerprint of the certificate, "AB:CD:…", into `dst` of at least 96 bytes. */
IMP_EXTERN int imp_node_tls_fingerprint(const imp_node *node, char *dst);
/** Stream management settings, for sessions enabled from now on. */
IMP_EXTERN int imp_node_set_sm(imp_node *node, const imp_sm_settings *settings);
/** The log level from now on, as settings.log_level. IMP_ERR_RANGE: there is no such level. */
IMP_EXTERN int imp_node_set_log_level(imp_node *node, imp_log_level level);

/** A connection was accepted. IMP_ERR_LIMIT when there are too many: close it. IMP_ERR_STATE: the node is shutting down, or
 *  the library was built without the room c2s. */
IMP_EXTERN int imp_node_accept(imp_node *node, imp_conn **conn, const imp_conn_params *params, imp_tstamp ts);
/** The end of a turn: see above. */
IMP_EXTERN void imp_node_turn(imp_node *node, imp_tstamp ts);
/** The next deadline, or IMP_TSTAMP_NEVER; and what to call then (it ends the turn, too). */
IMP_EXTERN imp_tstamp imp_node_get_expiry(const imp_node *node);
IMP_EXTERN void imp_node_handle_expiry(imp_node *node, imp_tstamp ts);
/** Wall-clock time for a node without the callback. */
IMP_EXTERN void imp_node_set_wallclock(imp_node *node, imp_wallclock now);
/** Closes every stream with `condition` ("system-shutdown"), commits, refuses new connections. */
IMP_EXTERN void imp_node_shutdown(imp_node *node, const char *condition, imp_tstamp ts);

/* ---- accounts in the store ---- */

/**
 * Called with the outcome of a call that needed the store, once, at the end of a turn. With an error what it wrote is not
 * durable yet; if the commit failed (IMP_ERR_UNAVAILABLE, a full disk), it is tried again with the next.
 */
typedef void (*imp_result_fn)(imp_node *node, int status, void *user_data);

/** Creates an account or changes its password; stored as SCRAM keys (SHA-1, SHA-256 and SHA-512). `done` may be NULL. */
IMP_EXTERN int imp_node_account_set(imp_node *node, const char *username, const char *password, imp_result_fn done, void *user_data);
/**
 * As imp_node_account_set(), unless the account has this password already, with settings.scram_iterations: then its keys stay
 * as they are, and with them what a client sees of them, the salt.  For accounts that a host names at every start.  The
 * store is asked first; an imp_node_account_… call for the same account meanwhile counts instead.  `done` is told
 * IMP_OK, or why the account is as it was (IMP_ERR_TIMEOUT, IMP_ERR_UNAVAILABLE, …).
 */
IMP_EXTERN int imp_node_account_ensure(imp_node *node, const char *username, const char *password, imp_result_fn done, void *user_data);
/** Removes an account with all that is its: sessions (ended with <not-authorized/>), offline messages, tokens. */
IMP_EXTERN int imp_node_account_del(imp_node *node, const char *username, imp_result_fn done, void *user_data);

/* ---- stanzas ---- */

/** Receives stanzas. `st` is valid during the call (take a reference to keep it). An error is answered with <internal-server-error/>. */
typedef int (*imp_stanza_fn)(imp_node *node, const imp_stanza *st, void *user_data);

/** Handles messages and presence to a bare JID, and to every resource of it. Such an address is no account: it shadows one. `fn` NULL: no more. */
IMP_EXTERN int imp_node_handle_jid(imp_node *node, const char *jid, imp_stanza_fn fn, void *user_data);
/** Handles iq get and set in a namespace, sent to the node or to a bare JID of its domain. The namespace is told in disco#info. */
IMP_EXTERN int imp_node_handle_iq(imp_node *node, const char *ns, imp_stanza_fn fn, void *user_data);
/** Routes a stanza as if from the node. Takes no ownership; the stanza is immutable afterwards. Without `from` it is from the domain. */
IMP_EXTERN int imp_node_send(imp_node *node, imp_stanza *st);
/** Answers a message with a text: same type and thread, fresh id. */
IMP_EXTERN int imp_node_reply_text(imp_node *node, const imp_stanza *st, const char *text);

/* ---- sessions ---- */

typedef enum imp_session_state {
  IMP_SESSION_CONNECTED = 0,
  IMP_SESSION_HIBERNATING
} imp_session_state;

/** A session as it is now. Strings are valid during the call. */
typedef struct imp_session_info {
  size_t size;
  const char *jid;      /**< full JID */
  const char *peer;     /**< address of the connection, "" while hibernating */
  uint32_t state;       /**< an imp_session_state */
  uint32_t available;   /**< has sent presence */
  int32_t priority;
  uint32_t secure;
  uint32_t websocket;
  uint32_t sm;          /**< stream management is on */
  uint32_t queued;      /**< packets not acknowledged */
  uint32_t carbons;
  uint32_t inactive;    /**< XEP-0352 */
  imp_tstamp since;
} imp_session_info;

/** Calls `fn` for every session (of `username`, or of all if NULL); non-zero from `fn` stops. Sessions may be ended meanwhile. */
IMP_EXTERN int imp_node_each_session(imp_node *node, const char *username, int (*fn)(const imp_session_info *info, void *user_data), void *user_data);
/** Ends a session, connected or hibernating, with a stream error (NULL: "reset"). Unacknowledged messages get their fate. */
IMP_EXTERN int imp_node_end_session(imp_node *node, const char *jid, const char *condition);

/** Told of sessions. */
typedef enum imp_session_event {
  IMP_SESSION_OPENED = 0,
  IMP_SESSION_HIBERNATED,
  IMP_SESSION_RESUMED,
  IMP_SESSION_ENDED
} imp_session_event;
typedef void (*imp_session_fn)(imp_node *node, imp_session_event event, const imp_session_info *info, void *user_data);
IMP_EXTERN int imp_node_on_session(imp_node *node, imp_session_fn fn, void *user_data);

/* ---- statistics ---- */

typedef struct imp_stats {
  size_t size;
  uint64_t connections;        /**< now */
  uint64_t preauth;            /**< of them not authenticated */
  uint64_t sessions;           /**< now, hibernating included */
  uint64_t users;              /**< with a session now */
  uint64_t accepted;           /**< connections since the start */
  uint64_t logins;             /**< since the start */
  uint64_t login_failures;
  uint64_t stanzas_in;
  uint64_t stanzas_out;
  uint64_t bytes_in;           /**< on the wire */
  uint64_t bytes_out;
  uint64_t commits;            /**< of the store */
  uint64_t commit_failures;
  uint64_t ops_pending;        /**< with the host now */
  imp_sm_stats sm;
  imp_ledger ledger;           /**< the account of every message */
} imp_stats;
IMP_EXTERN void imp_node_stats(const imp_node *node, imp_stats *stats, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* IMP_NODE_H */
