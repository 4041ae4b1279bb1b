/*
 * What the files of this room share.
 *
 * A user's roster is in memory while one of his sessions is, or while something that came for him needs it; then it is
 * read once, and what came waits in line: so what concerns one user is done in the order in which it came.
 *
 *   roster       owner: bare JID, key: contact's bare JID   an item (item.c); key "": versions
 *   roster.last  owner: bare JID, key: ""                   when he went, and the presence with which he did (last.c)
 *   block        owner: bare JID, key: JID                  empty: he blocks it (blocks.c)
 *   sm.roster    owner: session id, key: ""                 what of a durable session is ours (restore.c)
 *   roster.on    owner: bare JID, key: resource             empty: contacts see it (ghosts.c)
 */
#ifndef IMP_ROSTER_INTERNAL_H
#define IMP_ROSTER_INTERNAL_H

#include <imp/roster.h>

#include "node/node.h"
#include "presence/subscription.h"
#include "xml/jid.h"

#define IMP_SPACE_ROSTER "roster"
#define IMP_SPACE_LAST "roster.last"
#define IMP_SPACE_BLOCK "block"
#define IMP_SPACE_SESSION "sm.roster"
#define IMP_SPACE_ON "roster.on"

#define IMP_NS_BLOCKING "urn:xmpp:blocking"
#define IMP_NS_BLOCKED "urn:xmpp:blocking:errors"
#define IMP_NS_LAST "jabber:iq:last"
#define IMP_NS_INVISIBLE "urn:xmpp:invisible:1"

typedef struct imp_contact {
  imp_map_node by_jid;
  imp_list link;    /* of the roster's */
  imp_list watches; /* of those who see the user's presence */
  imp_jid *jid;     /* bare */
  char *name;       /* NULL: none */
  char *groups;     /* each with its NUL; NULL: none */
  uint32_t ngroups;
  uint32_t groupslen;
  uint32_t bytes;     /* in the roster as it is sent, if it is */
  imp_sub sub;
  uint64_t version;    /* of the roster when it last changed for clients */
  imp_stanza *request; /* the contact's `subscribe` that waits for an answer; NULL: none */
} imp_contact;

typedef struct imp_roster imp_roster;

/* Something that waits for a roster. `run` is called once, or never, if the node goes before. */
typedef struct imp_task {
  imp_list link;
  void (*run)(imp_roster *r, const struct imp_task *task);
  imp_stanza *stanza; /* NULL: none */
  imp_jid *jid;       /* NULL: none */
  void *data;         /* of the heap, goes with the task; NULL: none */
  uint32_t number;
  int error; /* the roster could not be read: it is empty */
} imp_task;

typedef enum imp_roster_state { IMP_ROSTER_UNREAD = 0, IMP_ROSTER_READING, IMP_ROSTER_READ } imp_roster_state;

struct imp_roster {
  imp_map_node by_bare;
  imp_node *node;
  imp_jid *jid;
  imp_user *user; /* NULL: no session */
  imp_map contacts;
  imp_list order;    /* all of them */
  imp_list watchers; /* those who see his presence */
  uint32_t listed, unlisted;
  size_t bytes;              /* of those listed */
  uint64_t version, removed; /* now; when the last item was taken off, or the first was added */
  imp_op *op;                /* a read under way */
  imp_list tasks;
  uint32_t waiting;  /* how many */
  imp_list idle;     /* of those to be looked at when the turn ends */
  imp_stanza *shown; /* what is seen of the user where no session stands for it; NULL: nothing */
  uint8_t state;     /* an imp_roster_state */
  uint8_t exists;    /* there is such a user */
  uint8_t running;   /* tasks are being run */
};

/* What we keep at a session. */
typedef struct imp_roster_session {
  imp_stanza *shown; /* what contacts see of it, NULL while unavailable */
  imp_map directed;  /* imp_directed */
  uint32_t hidden;   /* how many of them are */
  uint8_t interested; /* has asked for the roster */
  uint8_t blocklist;  /* has asked for the block list */
  uint8_t invisible;  /* XEP-0186 */
  uint8_t blind;      /* and does not want to see others */
  uint8_t begins;     /* its next presence is as its first */
  uint8_t on;         /* the store says that contacts see it */
} imp_roster_session;

/* Whom a session has sent presence of its own. */
typedef struct imp_directed {
  imp_map_node by_jid;
  imp_jid *jid;
  uint8_t hidden; /* it was unavailable: he sees this session no more, though he is subscribed */
} imp_directed;

typedef struct imp_rosters imp_rosters;

/* Of what is read at the start. */
#define IMP_ROSTER_READINGS 3
typedef struct imp_roster_reading {
  imp_rosters *rosters;
} imp_roster_reading;

/* For the whole node. */
struct imp_rosters {
  imp_node *node;
  imp_roster_settings settings;
  imp_map rosters;
  imp_map blocks;   /* by user; imp_blocks */
  imp_list idle;
  imp_list outbox;  /* stanzas to be routed when nothing is being walked through */
  imp_list queries; /* reads under way, see last.c */
  imp_map noted;    /* what the store had of durable sessions, until they are there */
  imp_list ghosts;  /* who was seen when the process ended, until sessions are restored */
  uint32_t walking;
  uint8_t restored;
  imp_roster_reading readings[IMP_ROSTER_READINGS];
};

static inline imp_rosters *imp_rosters_of(const imp_node *node) { return node->feature[IMP_FEATURE_ROSTER]; }

/* ---- roster.c: rosters in memory ---- */

/* Finds or makes; NULL when out of memory. */
imp_roster *imp_roster_get(imp_node *node, const imp_jid *bare);
imp_roster *imp_roster_find(const imp_node *node, const imp_jid *jid);
/* That of a user who is here. */
imp_roster *imp_roster_of(imp_user *user);
/* Runs the task now, if the roster has been read and nobody waits; else later. What the task names is referenced,
   `data` passes. IMP_ERR_NOMEM. */
int imp_roster_when(imp_roster *r, const imp_task *task);
/* It may be let go at the end of the turn. */
void imp_roster_touch(imp_roster *r);
imp_roster_session *imp_roster_session_get(imp_session *s);
static inline imp_roster_session *imp_roster_session_of(const imp_session *s) { return s->slot[IMP_SLOT_PRESENCE]; }
/* Of a task: the session, if it still is. */
imp_session *imp_task_session(const imp_roster *r, const imp_task *task);

/* ---- item.c: contacts, and how they are stored ---- */

imp_contact *imp_contact_find(const imp_roster *r, const imp_jid *bare);
/* Finds or adds one that is to be `listed`, or only asks. `status`: IMP_ERR_LIMIT, IMP_ERR_NOMEM. */
imp_contact *imp_contact_get(imp_roster *r, const imp_jid *bare, int listed, int *status);
void imp_contact_set_sub(imp_roster *r, imp_contact *c, imp_sub sub);
/* Checked by the caller. IMP_ERR_NOMEM, IMP_ERR_LIMIT: nothing has changed. */
int imp_contact_set_name(imp_roster *r, imp_contact *c, const char *name, const char *groups, size_t groupslen);
/* Notes it in the store. `seen`: clients see a change, so the version goes up. Without anything to keep it goes. */
void imp_contact_note(imp_roster *r, imp_contact *c, int seen);
/* Takes it off, from the store too. */
void imp_contact_remove(imp_roster *r, imp_contact *c);
void imp_contact_clear(imp_roster *r);
/* Of what was read. */
int imp_contact_load(imp_roster *r, const imp_op_row *row);
/* Its subscription, of a row. Non-zero if the contact sees the user. */
int imp_contact_row_sees(const imp_op_row *row);

static inline int imp_contact_sees(const imp_contact *c) { return imp_sub_has_from((imp_sub_state)c->sub.state); }
static inline int imp_contact_is_seen(const imp_contact *c) { return imp_sub_has_to((imp_sub_state)c->sub.state); }

/* ---- iq.c, push.c ---- */

int imp_roster_start_iq(imp_node *node);
/* To all interested resources, or (not NULL) to one. */
void imp_roster_push(imp_roster *r, const imp_contact *c, imp_session *only);
void imp_roster_push_removed(imp_roster *r, const imp_jid *contact);
/* Adds <item/>. */
void imp_roster_add_item(imp_stanza *st, imp_elem *query, const imp_contact *c);
/* The contact goes off the roster: its server is told. */
void imp_roster_take_off(imp_roster *r, imp_contact *c);

/* ---- subscribe.c ---- */

int imp_roster_start_subscribe(imp_node *node);
/* A subscription stanza comes from a contact. */
void imp_roster_inbound(imp_node *node, imp_stanza *st);
/* A subscription stanza leaves in the name of the roster's user. `st` may be NULL: nothing but the type is said.
   IMP_ERR_LIMIT, IMP_ERR_NOMEM: nothing has happened. */
int imp_roster_outbound(imp_roster *r, const imp_jid *contact, imp_stanza_type type, imp_stanza *st);
/* The user is no more: all contacts are told. */
void imp_roster_forget(imp_node *node, const imp_jid *user);
/* Requests that wait for an answer. */
void imp_roster_show_requests(imp_roster *r, imp_session *to);
int imp_roster_sub_kind(unsigned type); /* an imp_sub_stanza, or -1 */

/* ---- broadcast.c ---- */

int imp_roster_start_broadcast(imp_node *node);
/* To everybody who sees the user; s: the session whose presence it is, or NULL. */
void imp_roster_fan_out(imp_roster *r, const imp_session *s, imp_stanza *st);
/* To one contact or full JID. Before walking ends it may not have left. */
void imp_roster_send_to(imp_roster *r, const imp_jid *to, imp_stanza *st);
/* All that is seen of the user, to one; the same as unavailable. Returns how many. */
size_t imp_roster_send_all_to(imp_roster *r, const imp_contact *watcher, const imp_jid *to);
void imp_roster_send_unavailable_to(imp_roster *r, const imp_jid *to);
/* A copy for another `to` and `from` (NULL: as it is). NULL: out of memory. */
imp_stanza *imp_roster_copy(const imp_stanza *st, const imp_jid *from, const imp_jid *to);
imp_stanza *imp_roster_presence(imp_stanza_type type, const imp_jid *from, const imp_jid *to);
/* While rosters are walked through, what leaves for the host's or other domains' addresses waits. `st` is consumed. */
void imp_roster_send(imp_node *node, imp_stanza *st);
void imp_roster_walk(imp_node *node);
void imp_roster_walked(imp_node *node);
/* Non-zero if this contact is shown nothing of the session, though it is subscribed. */
int imp_roster_hides(const imp_session *s, const imp_jid *contact);

/* ---- directed.c ---- */

int imp_directed_note(imp_session *s, const imp_stanza *st);
int imp_directed_restore(imp_session *s, const imp_jid *jid, int hidden);
/* The session is unavailable: those whom it had told are told so, but who sees the user anyway. */
void imp_directed_end(imp_session *s, imp_stanza *st, int was_shown);
void imp_directed_clear(imp_roster_session *rs);
/* The user blocks an address: whom it covers, and he has told, is told that he is gone. */
void imp_directed_block(imp_roster *r, const imp_jid *blocked);

/* ---- probe.c ---- */

int imp_roster_start_probe(imp_node *node);
/* A session is available: it learns who of the contacts is. */
void imp_roster_probe_all(imp_roster *r, imp_session *s);
/* Of those only whom an address covers that the user no longer blocks; all his sessions. */
void imp_roster_probe_unblocked(imp_roster *r, const imp_jid *blocked);
void imp_roster_probe(imp_node *node, imp_stanza *st);
/* The same of somebody whose roster is in memory. */
void imp_roster_ask(imp_roster *contact, const imp_jid *who, int quiet);

/* ---- last.c ---- */

int imp_roster_start_last(imp_node *node);
/* Contacts see one session less; if it was the last, it is noted when that was, and what was said. */
void imp_last_note(imp_roster *r, const imp_stanza *unavailable);
/* A contact who is not here: since when he is gone. `quiet`: nothing is said if that is not known. */
void imp_last_tell(imp_node *node, const imp_jid *contact, const imp_jid *who, int quiet);
/* The same, if `who` may see him. */
void imp_last_ask(imp_node *node, const imp_jid *contact, const imp_jid *who, int quiet);
void imp_last_stop(imp_rosters *f);

/* ---- blocks.c, blocking.c ---- */

typedef struct imp_blocks {
  imp_map_node by_bare;
  imp_map jids;
  imp_jid *user;
} imp_blocks;

typedef struct imp_blocked {
  imp_map_node by_jid;
  imp_jid *jid;
} imp_blocked;

imp_blocks *imp_blocks_find(const imp_node *node, const imp_jid *user);
int imp_blocks_match(const imp_blocks *b, const imp_jid *who);
/* The same of one address of a list. */
int imp_blocks_covers(const imp_jid *blocked, const imp_jid *who);
/* Whether `user` (any form) blocks `who`; cheap while nobody blocks anybody. */
int imp_blocks_is(const imp_node *node, const imp_jid *user, const imp_jid *who);
/* Whether one of the two blocks the other. */
int imp_blocks_between(const imp_node *node, const imp_jid *a, const imp_jid *b);
/* IMP_ERR_NOMEM, IMP_ERR_LIMIT, IMP_ERR_EXISTS. */
int imp_blocks_add(imp_node *node, const imp_jid *user, const imp_jid *who);
/* IMP_ERR_NOT_FOUND. */
int imp_blocks_remove(imp_node *node, const imp_jid *user, const imp_jid *who);
void imp_blocks_clear(imp_node *node, const imp_jid *user);
void imp_blocks_stop(imp_rosters *f);
int imp_blocks_load(imp_rosters *f, const imp_op_row *row);
int imp_roster_start_blocking(imp_node *node);
/* As the user's client does it: presence, pushes. Returns as imp_blocks_add(). */
int imp_blocking_add(imp_roster *r, const imp_jid *who);
int imp_blocking_remove(imp_roster *r, const imp_jid *who);

/* ---- invisible.c, relation.c, restore.c ---- */

int imp_roster_start_invisible(imp_node *node);
int imp_roster_start_relation(imp_node *node);
int imp_roster_start_restore(imp_node *node);
/* What is ours of a durable session has changed. */
void imp_roster_note_session(imp_session *s);
int imp_restore_load(imp_rosters *f, const imp_op_row *row);
void imp_restore_stop(imp_rosters *f);

/* ---- ghosts.c ---- */

/* Contacts see the session from now on, or no longer; it may be known already. */
void imp_ghosts_note(imp_session *s, int seen);
/* The sessions are restored: who had one that is not is gone. */
void imp_ghosts_lay(imp_node *node);
int imp_ghosts_load(imp_rosters *f, const imp_op_row *row);
void imp_ghosts_stop(imp_rosters *f);

/* ---- startup.c: what is in memory as long as the node is ---- */

int imp_roster_start_reading(imp_node *node);
/* Whether sessions survive the process. */
static inline int imp_roster_is_durable(const imp_node *node) { return node->settings.durable && node->store->durable; }

#endif
