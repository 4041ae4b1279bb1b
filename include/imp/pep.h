/*
 * imp/pep.h: what users publish about themselves (XEP-0163), and their vCards (XEP-0054).
 *
 * Clients need nothing of this: a node that was built with the room `pep` serves them.  A host can publish on behalf of a
 * user, with or without a session of the user's: activities (XEP-0108), moods, avatars.  Contacts whose clients ask for
 * it (XEP-0115, "+notify") are told, as if a client of the user's had published.
 *
 * `username` is a local part ("alice"), prepared as in JIDs; nobody checks that there is such an account.  `pep_node` is
 * the name of a node, which and whose items' ids have 1 to 512 bytes.  Strings are copied.  A function that takes a
 * callback returns IMP_OK, and the callback is called once, be it before the function returns, be it in a later turn
 * when the store has answered (not at all if the node is deleted before); or it returns an error, and the callback is
 * not called: IMP_ERR_MALFORMED (no user name, no XML element), IMP_ERR_INVALID_ARGUMENT (a name that is missing or too
 * long, a callback that is missing where it is the point), IMP_ERR_NOMEM (also when too much waits for the store).  In
 * words: imp_node_last_error().
 */
#ifndef IMP_PEP_H
#define IMP_PEP_H

#include <imp/node.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Bounds on what one user may keep. imp_pep_settings_default() fills them in; imp_pep_set_settings() checks every one. */
typedef struct imp_pep_settings {
  size_t size;
  uint32_t max_nodes;      /**< of one user; default 64; 1–1,000 */
  uint32_t max_items;      /**< of one node, what `pubsub#max_items` "max" means; default 512; 1–10,000 */
  uint32_t max_item_bytes; /**< one item as text; default 131,072; 1,024–16 MiB */
  uint32_t max_bytes;      /**< all items of one user; default 2 MiB; 1,024–1 GiB */
  uint32_t vcard_bytes;    /**< a vCard as text; default 131,072; 1,024–16 MiB */
  uint32_t private_items;  /**< elements of private storage of one user; default 64; 0 (none offered)–10,000 */
  uint32_t private_bytes;  /**< all of them as text; default 262,144; 1,024–64 MiB */
  uint32_t max_accounts;   /**< whose nodes are known without asking the store, beside those who are online; default 10,000; 1–1 million */
  uint32_t max_caps;       /**< kinds of client that are remembered beside those in use (XEP-0115); default 1,000; 1–1 million */
} imp_pep_settings;

/** The defaults, as far as `size`, the host's sizeof(imp_pep_settings), goes. */
IMP_EXTERN void imp_pep_settings_default(imp_pep_settings *settings, size_t size);
/** Changes the bounds; what is stored already stays. IMP_ERR_RANGE: the node's last error says which. */
IMP_EXTERN int imp_pep_set_settings(imp_node *node, const imp_pep_settings *settings);

/**
 * Publishes an item for a local user. The node is made if there is none, with the defaults of XEP-0163: contacts may see
 * it, the newest item is kept.  `payload` is one XML element as text, with its namespace; NULL: an item without a
 * payload.  `id` NULL: "current", so that a new item takes the place of the old.  `done` (may be NULL) is told when it is
 * durable, or what was wrong: IMP_ERR_LIMIT or IMP_ERR_TOO_BIG for a bound, the store's error.
 */
IMP_EXTERN int imp_pep_publish(imp_node *node, const char *username, const char *pep_node, const char *id,
                                    const char *payload, imp_result_fn done, void *user_data);
/**
 * Takes an item back; contacts are told, unless the node's configuration says otherwise (`pubsub#notify_retract`).
 * `done` (may be NULL) is told IMP_ERR_NOT_FOUND if there is none.
 */
IMP_EXTERN int imp_pep_retract(imp_node *node, const char *username, const char *pep_node, const char *id,
                                    imp_result_fn done, void *user_data);

/** Told what was asked for, once: its element is the root of `st`, valid during the call; or NULL and why (IMP_ERR_NOT_FOUND, the store's error). */
typedef void (*imp_pep_item_fn)(imp_node *node, int status, const imp_stanza *st, void *user_data);
/** Asks for an item of a local user: <item/> with its payload. `id` NULL: the newest. Access models do not matter. */
IMP_EXTERN int imp_pep_get(imp_node *node, const char *username, const char *pep_node, const char *id,
                                imp_pep_item_fn fn, void *user_data);

/**
 * Sets a local user's vCard: the element <vCard xmlns='vcard-temp'/> as text. Its photo becomes the avatar (XEP-0398).
 * `done` (may be NULL) is told IMP_ERR_TOO_BIG over settings.vcard_bytes.
 */
IMP_EXTERN int imp_pep_set_vcard(imp_node *node, const char *username, const char *vcard, imp_result_fn done, void *user_data);
/** Asks for it; IMP_ERR_NOT_FOUND: there is none. */
IMP_EXTERN int imp_pep_get_vcard(imp_node *node, const char *username, imp_pep_item_fn fn, void *user_data);

#ifdef __cplusplus
}
#endif

#endif /* IMP_PEP_H */
