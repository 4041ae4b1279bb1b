/* What the files of this room share. */
#ifndef IMP_PEP_INTERNAL_H
#define IMP_PEP_INTERNAL_H

#include <imp/pep.h>

#include "node/node.h"
#include "pep/words.h"
#include "xml/jid.h"

#define IMP_NS_PUBSUB "http://jabber.org/protocol/pubsub"
#define IMP_NS_PUBSUB_OWNER IMP_NS_PUBSUB "#owner"
#define IMP_NS_PUBSUB_EVENT IMP_NS_PUBSUB "#event"
#define IMP_NS_PUBSUB_ERRORS IMP_NS_PUBSUB "#errors"
#define IMP_NS_VCARD "vcard-temp"
#define IMP_NS_VCARD_UPDATE "vcard-temp:x:update"
#define IMP_NS_AVATAR_DATA "urn:xmpp:avatar:data"
#define IMP_NS_AVATAR_META "urn:xmpp:avatar:metadata"
#define IMP_NS_PRIVATE "jabber:iq:private"
#define IMP_NS_BOOKMARKS "urn:xmpp:bookmarks:1"
#define IMP_NS_BOOKMARKS_OLD "storage:bookmarks"

/* Spaces of the store. Owner: bare JID. */
#define IMP_SPACE_PEP_NODE "pep.node" /* key: name; value: see record.c; key "": SHA-1 of the user's photo in hex */
#define IMP_SPACE_PEP_ITEM "pep.item" /* key: name NUL 64-bit number; value: <item/> as text */
#define IMP_SPACE_VCARD "vcard"       /* key "": the vCard as text */
#define IMP_SPACE_PRIVATE "private"   /* key: namespace NUL name; value: the element as text */

#define IMP_PEP_NAME_MAX 512 /* bytes of a node's name and of an item's id */
#define IMP_PEP_HASH_LEN 40  /* SHA-1 in hex */

/* ---- what is known of an account: account.c, record.c ---- */

typedef enum imp_pep_access {
  IMP_PEP_PRESENCE = 0,
  IMP_PEP_OPEN,
  IMP_PEP_WHITELIST,
  IMP_PEP_ROSTER,
  IMP_PEP_AUTHORIZE /* nobody asks to be let in: as a whitelist */
} imp_pep_access;

typedef enum imp_pep_last { IMP_PEP_NEVER = 0, IMP_PEP_ON_SUB, IMP_PEP_ON_SUB_AND_PRESENCE } imp_pep_last;

typedef struct imp_pep_config {
  uint8_t access, persist, last, notify_retract, payloads;
  uint32_t max_items;
  imp_words groups; /* of the owner's roster, for IMP_PEP_ROSTER */
} imp_pep_config;

typedef struct imp_pep_item {
  char *id;
  uint64_t number; /* in the key */
  uint32_t bytes;
} imp_pep_item;

typedef struct imp_pep_node {
  imp_list link;
  imp_pep_config config;
  imp_words members; /* bare JIDs that a whitelist lets in */
  imp_pep_item *items; /* oldest first */
  uint32_t nitems, cap;
  uint64_t number;     /* the last that was used */
  imp_stanza *last;    /* the newest item, if it is in memory */
  char name[];
} imp_pep_node;

typedef struct imp_pep imp_pep;
struct imp_caps;
typedef struct imp_pep_job imp_pep_job;

typedef struct imp_pep_account {
  imp_map_node by_bare;
  imp_list lru;     /* linked while nothing holds it */
  imp_list readers; /* jobs that wait for it */
  imp_list nodes;
  imp_pep *pep;
  imp_jid *jid;
  imp_op *op;
  size_t bytes; /* of all items */
  uint32_t nnodes, holds;
  uint8_t reading;
  uint8_t read;
  uint8_t stale; /* the user was deleted meanwhile */
  char photo[IMP_PEP_HASH_LEN + 1]; /* "": none */
} imp_pep_account;

/* For the whole node. */
struct imp_pep {
  imp_node *node;
  imp_pep_settings settings;
  imp_map accounts;
  imp_list lru;
  size_t nlru;
  struct imp_caps_cache *caps;
  imp_list jobs;
  size_t njobs, kept; /* and the bytes of stanzas that they keep */
};

static inline imp_pep *imp_pep_of(const imp_node *node) { return node->feature[IMP_FEATURE_PEP]; }

/*
 * Something that goes on in several steps.  The first member of a struct of the heap, made with imp_pep_job_new().
 * Whoever gets it in a callback goes on with it or ends it.
 */
typedef void (*imp_pep_account_fn)(imp_pep_account *a, int status, imp_pep_job *job); /* status < 0: a is NULL */
typedef void (*imp_pep_asked_fn)(imp_pep_job *job);
struct imp_pep_job {
  imp_list all, at;
  imp_pep *pep;
  void (*drop)(imp_pep_job *job); /* lets go of what it holds */
  imp_pep_account_fn with;
  imp_pep_asked_fn asked;
  uint8_t known, sees, blocked; /* the answer to imp_pep_ask() */
  imp_words groups;
  size_t kept;
};
/* NULL also when too much waits for the store already. */
void *imp_pep_job_new(imp_pep *pep, size_t size, void (*drop)(imp_pep_job *job));
void imp_pep_job_end(imp_pep_job *job);
/* A reference on a stanza that the job lets go of in `drop`. */
imp_stanza *imp_pep_job_keep(imp_pep_job *job, imp_stanza *st);

/* Goes on with fn, now or when the account has been read. */
void imp_pep_with(imp_pep *pep, const imp_jid *owner, imp_pep_job *job, imp_pep_account_fn fn);
/* What `who` is to `owner`: goes on with fn, now or later; the answer is in the job. */
void imp_pep_ask(imp_pep_job *job, const imp_jid *owner, const imp_jid *who, imp_pep_asked_fn fn);
/* Whether whom the job asked about may see the node. */
int imp_pep_may_see(const imp_pep_job *job, const imp_pep_node *n, const imp_jid *who);

/* The account if it has been read already. */
imp_pep_account *imp_pep_account_find(const imp_pep *pep, const imp_jid *jid);
void imp_pep_account_hold(imp_pep_account *a);
void imp_pep_account_let_go(imp_pep_account *a);
void imp_pep_account_clear(imp_pep_account *a);
int imp_pep_start_accounts(imp_node *node);
void imp_pep_stop_accounts(imp_pep *pep);

imp_pep_node *imp_pep_find(const imp_pep_account *a, const char *name);
/* IMP_ERR_LIMIT. The groups of the configuration are copied. Not written yet. */
int imp_pep_node_new(imp_pep_node **n, imp_pep_account *a, const char *name, const imp_pep_config *config);
/* With its items, in the store too. */
void imp_pep_node_delete(imp_pep_account *a, imp_pep_node *n);
/* Memory only. */
void imp_pep_node_free(imp_pep_account *a, imp_pep_node *n);
int imp_pep_node_save(imp_pep_account *a, imp_pep_node *n);
int imp_pep_node_add_item(imp_pep_account *a, imp_pep_node *n, const char *id, size_t idlen, uint64_t number, uint32_t bytes);
/* The index, or -1. */
int imp_pep_item_find(const imp_pep_node *n, const char *id);
void imp_pep_item_delete(imp_pep_account *a, imp_pep_node *n, uint32_t i);
size_t imp_pep_item_key(uint8_t *key, const imp_pep_node *n, uint64_t number); /* key: IMP_PEP_NAME_MAX + 9 bytes */
int imp_pep_record_write(const imp_pep_node *n, imp_buf *out);
int imp_pep_record_read(imp_pep_account *a, const char *name, size_t namelen, const void *value, size_t len);

/* The elements of the store, kept as text. NULL: no memory, or corrupt. */
imp_stanza *imp_pep_parse(imp_node *node, const void *text, size_t len);

/* ---- publishing: publish.c ---- */

/* What a form (XEP-0004) of node_config or publish-options says; form.c. */
enum {
  IMP_PEP_SET_ACCESS = 1,
  IMP_PEP_SET_PERSIST = 2,
  IMP_PEP_SET_LAST = 4,
  IMP_PEP_SET_RETRACT = 8,
  IMP_PEP_SET_PAYLOADS = 16,
  IMP_PEP_SET_MAX = 32,
  IMP_PEP_SET_GROUPS = 64
};
typedef struct imp_pep_options {
  unsigned set;
  int unmet; /* something is wanted that is not known here, or never so */
  imp_pep_config config;
} imp_pep_options;
void imp_pep_config_default(imp_pep_config *config);
/* `x` may be NULL. IMP_ERR_MALFORMED: a value that is none, IMP_ERR_NOMEM. To be freed in any case. */
int imp_pep_options_read(const imp_pep *pep, imp_pep_options *options, const imp_elem *x);
void imp_pep_options_free(imp_pep_options *options);
int imp_pep_options_match(const imp_pep_options *options, const imp_pep_config *config);
int imp_pep_options_apply(const imp_pep_options *options, imp_pep_config *config);
/* Adds <x/> that says a configuration; type "form" or "result". */
void imp_pep_config_write(imp_stanza *st, imp_elem *parent, const imp_pep_config *config, const char *type,
                          const char *form_type);

/*
 * IMP_ERR_CONFLICT: the node is configured otherwise than the options say; IMP_ERR_LIMIT: too many nodes or bytes;
 * IMP_ERR_TOO_BIG: the item; IMP_ERR_NOMEM. `options` may be NULL. Contacts are told.
 */
int imp_pep_put(imp_pep_account *a, const char *node, const char *id, const imp_elem *payload,
                    const imp_pep_options *options);
/* The same without what follows from it for vCards. */
int imp_pep_put_quietly(imp_pep_account *a, const char *node, const char *id, const imp_elem *payload,
                            const imp_pep_options *options);
/* IMP_ERR_NOT_FOUND. `notify` non-zero: whatever the node's configuration says. */
int imp_pep_take_back(imp_pep_account *a, imp_pep_node *n, const char *id, int notify);

/* ---- notifications: notify.c, last.c ---- */

/* The message that tells of an item, NULL: no memory. */
imp_stanza *imp_pep_event_item(const imp_pep_account *a, const imp_pep_node *n, const imp_stanza *item);
/* Of something else: an element of this name with attribute `node`; *elem is it. */
imp_stanza *imp_pep_event(const imp_pep_account *a, const char *node, const char *name, imp_elem **elem);
/* To all who may see the node and whose clients want it. Consumes the event (NULL is nothing). */
void imp_pep_notify(imp_pep_account *a, const imp_pep_node *n, imp_stanza *event);
void imp_pep_tell(imp_session *s, imp_stanza *event);
/* The session wants nodes that it did not want before. */
void imp_pep_send_last(imp_session *s, const struct imp_caps *before);
int imp_pep_start_last(imp_node *node);
int imp_pep_start_notify(imp_node *node);

/* ---- requests ---- */
int imp_pep_start_host(imp_node *node);
int imp_pep_start_requests(imp_node *node);
int imp_pep_start_disco(imp_node *node);
/* Private storage of storage:bookmarks is the node of XEP-0402, where there is one. `st` is the request, referenced. */
void imp_pep_bookmarks_get(imp_pep *pep, imp_stanza *st, const imp_jid *owner);
/* Makes the node what <storage/> says; goes on with `fn` when that is noted. */
typedef void (*imp_pep_done_fn)(imp_pep_job *job, int status);
void imp_pep_bookmarks_set(imp_pep_job *job, const imp_jid *owner, const imp_elem *storage, imp_pep_done_fn fn);
int imp_pep_start_private(imp_node *node);
int imp_pep_start_vcards(imp_node *node);
int imp_pep_start_avatars(imp_node *node);
/* A stanza error with a condition of IMP_NS_PUBSUB_ERRORS beside it; `feature` of <unsupported/>, NULL: none. */
void imp_pep_refuse(imp_node *node, const imp_stanza *st, const char *condition, const char *pubsub, const char *feature);
/* What a failure means to who asked. */
void imp_pep_refuse_status(imp_node *node, const imp_stanza *st, int status);
/* Whose account it is about; NULL: nobody's (the stanza is from elsewhere and to nobody). */
const imp_jid *imp_pep_owner_of(imp_node *node, imp_session *session, const imp_stanza *st);

/* ---- vCards and avatars ---- */

/* Notes the vCard; IMP_ERR_TOO_BIG. */
int imp_pep_vcard_note(imp_pep_account *a, const imp_elem *vcard);
/* … and its photo becomes the avatar. */
int imp_pep_vcard_put(imp_pep_account *a, const imp_elem *vcard);
/* The avatar was published or taken back by the user: the vCard follows. */
void imp_pep_avatar_changed(imp_pep_account *a);
/* The photo of a vCard was set, NULL: there is none. */
void imp_pep_photo_changed(imp_pep_account *a, const imp_elem *photo);
/* Presence of the user's resources says it from now on. "": none. */
void imp_pep_set_photo(imp_pep_account *a, const char *hash);
/* SHA-1 in hex of text in base64, which may have white space; `hash` holds IMP_PEP_HASH_LEN + 1. Bytes that it is of: *len. */
int imp_pep_photo_hash(const char *text, size_t textlen, char *hash, size_t *len);

#endif
