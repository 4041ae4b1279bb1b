/*
 * imp/roster.h: rosters, subscriptions, blocking and presence of a node's users (RFC 6121, XEP-0237, XEP-0191).
 *
 * Clients do all of this themselves, by XMPP; here is what a host can do for them: fill rosters, introduce users to
 * each other, look at who is there.  What a host changes is pushed to the users' clients like a change of their own.
 *
 * Rosters are in the node's store.  They are in memory only while a session of the user is, so the functions that need
 * one take a callback, which is called exactly once: perhaps before the function returns, at the latest at the end of a
 * turn after the store has answered; not at all if the function returns an error, or if the node is deleted before.
 * `username` is always a local part ("alice"), prepared as in JIDs; nobody checks that there is such an account.
 * Contacts are bare JIDs as text; a resource is cut off.
 *
 * Errors of all functions, besides those that are named: IMP_ERR_MALFORMED (a name or JID that is none),
 * IMP_ERR_NOMEM.  In words: imp_node_last_error().
 */
#ifndef IMP_ROSTER_H
#define IMP_ROSTER_H

#include <imp/node.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bounds of every user's roster. imp_roster_settings_default() fills them in. What there is stays when they shrink. */
typedef struct imp_roster_settings {
  size_t size;
  uint32_t max_items;       /**< contacts of one user; default 1,000; 0–100,000 */
  uint32_t max_bytes;       /**< of a roster when it is sent; default 262,144; 1,024–16 MiB, and never more than half
                                 of imp_settings.max_output_bytes */
  uint32_t max_name_bytes;  /**< of a contact's name; default 256; 0–1,023; over it: <not-acceptable/> */
  uint32_t max_groups;      /**< of one contact; default 32; 0–1,000 */
  uint32_t max_group_bytes; /**< of a group's name; default 256; 1–1,023 */
  uint32_t max_requests;    /**< of users who are not in the roster, that wait for an answer; default 200; 1–10,000.
                                 More are not kept: who asks may ask again */
  uint32_t max_request_bytes; /**< of a request with what it carries (a nickname); default 2,048; 0–65,536. Larger
                                 ones are kept without */
  uint32_t max_blocked;     /**< addresses that one user may block; default 1,000; 0–10,000. All are in memory */
  uint32_t max_directed;    /**< addresses that one session may have sent directed presence; default 500; 0–10,000 */
} imp_roster_settings;

/** The defaults, as far as `size`, the host's sizeof(imp_roster_settings), goes. */
IMP_EXTERN void imp_roster_settings_default(imp_roster_settings *settings, size_t size);
/** Sets them, at any time. IMP_ERR_INVALID_ARGUMENT: the last error says which is out of its range. */
IMP_EXTERN int imp_roster_set_settings(imp_node *node, const imp_roster_settings *settings);

/** Who sees whom (RFC 6121 §2.1.2.5), from the user's side. */
typedef enum imp_subscription {
  IMP_SUBSCRIPTION_NONE = 0,
  IMP_SUBSCRIPTION_TO,   /**< the user sees the contact */
  IMP_SUBSCRIPTION_FROM, /**< the contact sees the user */
  IMP_SUBSCRIPTION_BOTH
} imp_subscription;

/** A contact. Strings are valid during the call. */
typedef struct imp_roster_item {
  size_t size;
  const char *jid;
  const char *name;          /**< NULL: none */
  const char *const *groups; /**< NULL if there is none */
  size_t ngroups;
  uint32_t subscription; /**< an imp_subscription. Read only: see imp_roster_subscribe() */
  uint32_t ask;          /**< the user has asked for the contact's presence, without an answer yet. Read only */
  uint32_t approved;     /**< the contact's request is granted before it comes (§3.4). Read only */
  uint32_t asked;        /**< the contact asks for the user's presence, and waits for an answer. Read only */
  uint32_t listed;       /**< in the roster that clients see; 0: the contact has only asked. Read only */
} imp_roster_item;

/** Receives a roster. `status` below 0: it could not be read; nitems is 0. */
typedef void (*imp_roster_fn)(imp_node *node, int status, const imp_roster_item *items, size_t nitems, void *user_data);

/** Reads a roster; `fn` is told all contacts, and those who have only asked. */
IMP_EXTERN int imp_roster_list(imp_node *node, const char *username, imp_roster_fn fn, void *user_data);

/**
 * Adds a contact, or gives one another name and other groups, as a roster set of the user's client does. `done` (may be
 * NULL) is told IMP_OK when it is durable, or IMP_ERR_LIMIT (over a bound), IMP_ERR_INVALID_ARGUMENT (his own address),
 * or why the store failed.
 */
IMP_EXTERN int imp_roster_set(imp_node *node, const char *username, const imp_roster_item *item, imp_result_fn done,
                              void *user_data);
/** Takes a contact off; both no longer see each other. `done` is told IMP_ERR_NOT_FOUND if it is not there. */
IMP_EXTERN int imp_roster_remove(imp_node *node, const char *username, const char *jid, imp_result_fn done,
                                 void *user_data);

/**
 * Makes two users of this node see each other from now on, and puts each into the other's roster, without asking
 * either: for hosts whose address book decides that.  It is as if both had approved the other's request and then asked,
 * so what their clients say at the same time does no harm.  `done` is told when it is durable, or IMP_ERR_LIMIT (a
 * roster is full).
 */
IMP_EXTERN int imp_roster_subscribe(imp_node *node, const char *username, const char *other, imp_result_fn done,
                                    void *user_data);
/** Ends what each sees of the other, approvals too; both stay in the rosters. */
IMP_EXTERN int imp_roster_unsubscribe(imp_node *node, const char *username, const char *other, imp_result_fn done,
                                      void *user_data);

/* ---- blocking ---- */

/**
 * Blocks an address (XEP-0191): "user@domain", "user@domain/resource", "domain" or "domain/resource"; nothing passes in
 * either direction. `done` is told IMP_ERR_LIMIT over settings.max_blocked; one that is blocked already is no error.
 */
IMP_EXTERN int imp_roster_block(imp_node *node, const char *username, const char *jid, imp_result_fn done,
                                void *user_data);
/** Unblocks it. `done` is told IMP_ERR_NOT_FOUND if it was not blocked. */
IMP_EXTERN int imp_roster_unblock(imp_node *node, const char *username, const char *jid, imp_result_fn done,
                                  void *user_data);
/** Whether `username` blocks `jid`, be it by its domain: 1 or 0, or an error. At once. */
IMP_EXTERN int imp_roster_is_blocked(imp_node *node, const char *username, const char *jid);
/** Calls `fn` for each address that the user blocks; non-zero from it stops. At once; `fn` may not change the list. */
IMP_EXTERN int imp_roster_each_blocked(imp_node *node, const char *username,
                                       int (*fn)(const char *jid, void *user_data), void *user_data);

/* ---- presence ---- */

/**
 * Calls `fn` with the presence that contacts see of each of the user's resources (none if he is unavailable or
 * invisible); `from` of the stanza says which resource. Non-zero from `fn` stops. At once. The stanza may be referenced.
 */
IMP_EXTERN int imp_roster_each_presence(imp_node *node, const char *username,
                                        int (*fn)(const imp_stanza *presence, void *user_data), void *user_data);

#ifdef __cplusplus
}
#endif

#endif /* IMP_ROSTER_H */
