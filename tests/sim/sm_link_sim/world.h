/*
 * A world in which links break: a server with stream management, three users with a client each, and messages both
 * ways.  The client here knows XEP-0198 from the text of the XEP, not from the library, and keeps its own books.
 *
 * What is checked, at every step and at the end:
 *   - nothing is lost: each message is received, or returned to its sender;
 *   - nothing whose acknowledgement reached the server (in <a/> or <resume/>) is sent again, stored or returned;
 *   - the order of the stream is kept;
 *   - the ledger balances, and says what the world's own books say;
 *   - a client that answers each <r/> never has two of them to answer;
 *   - what the client sends arrives once and in order.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <imp/sm.h>

#include <stddef.h>
#include <stdint.h>

#define USERS 3
#define MESSAGES 3000 /* to all users together */
#define UPWARD 2000   /* from one user */
#define PIPE 4096
#define LOGS 400 /* sessions that a client may have in its life */

typedef enum what {
  STANZA, /* `number` is the message; 0: one that is not worth keeping */
  R,
  A,       /* `h` */
  BIND,    /* binds and enables; the old session, if any, is forgotten */
  ENABLED, /* `id`, `h` where counting begins */
  RESUME,  /* `id`, `h` */
  RESUMED, /* `h` */
  FAILED   /* `h` if `known` */
} what;

typedef struct item {
  what what;
  uint32_t number, h;
  int known;
  size_t covered; /* with A and RESUME: how much of the client's log stands behind `h` … */
  size_t log;     /* … and which log */
  char id[IMP_SM_ID_MAX + 1];
} item;

typedef struct pipe {
  item items[PIPE];
  size_t head, len;
} pipe;

/* A connection. Each end learns at another time that it is broken. */
typedef struct link {
  pipe up, down;
  int client_open, server_open;
  struct session *session; /* the server's, once bound */
  size_t asked;            /* <r/> that were not answered */
} link;

/* The server's side of a session. */
typedef struct session {
  struct world *world;
  imp_sm *sm;
  size_t user;
  link *link; /* NULL: hibernates */
  unsigned serial;
} session;

/* What the client received in one session: message numbers, 0 for those not worth keeping. */
typedef struct log {
  uint32_t *numbers;
  size_t len, cap;
} log;

typedef struct client {
  link *link; /* NULL: offline */
  int ready;  /* may send */
  imp_tstamp back_at;
  char id[IMP_SM_ID_MAX + 1];
  uint32_t h, base;
  log logs[LOGS];
  size_t nlogs; /* the last is the current */
  /* Upward: messages first … next - 1 are not acknowledged; `first` would get number acked + 1. */
  uint32_t first, next, acked;
  int may_double; /* a session went without a word about its count */
  uint32_t last_received;
} client;

/* A message to a user. */
typedef struct message {
  size_t user;
  imp_fate state;
  int was_stored;  /* at any time: then it counts as delivered from offline */
  int reached;     /* its acknowledgement reached the server */
  unsigned received;
  unsigned serial; /* stored: of the session that had it … */
  uint32_t count;  /* … under this number */
  char id[IMP_SM_ID_MAX + 1]; /* … and this id */
} message;

typedef struct world {
  uint64_t seed, random;
  unsigned step;
  imp_tstamp now;
  imp_sm_manager *manager;
  imp_sm_settings settings;
  imp_ledger ledger;
  int evicts, unasked, near_wrap, restarts, stores; /* what may happen in this world */
  int stopping; /* the manager goes away for a restart: nothing has a fate */
  unsigned serials;
  session *sessions[USERS]; /* the one that gets the user's messages */
  client clients[USERS];
  message messages[MESSAGES + 1]; /* from 1 */
  uint32_t nmessages;
  uint32_t upward[USERS];         /* the newest that the server has received */
  size_t stored[USERS];           /* how many of a user's are in storage */
  uint64_t seen[8];               /* how often things happened, to know that the world is rich */
} world;

enum { SEEN_RESUMED, SEEN_NO_HISTORY, SEEN_UNKNOWN, SEEN_TAKEOVER, SEEN_INHERITED, SEEN_EXPIRED, SEEN_LATE, SEEN_RESTART };

#define CHECK(w, good, text) \
  do {                       \
    if (!(good)) {           \
      broken(w, text);       \
    }                        \
  } while (0)
_Noreturn void broken(const world *w, const char *text);

uint32_t rnd(world *w, uint32_t below);

link *link_new(void);
/* Gone when both ends have let go. */
void link_let_go(link *l);
void put(world *w, pipe *p, item it);
int take(pipe *p, item *it);

void server_start(world *w);
void server_stop(world *w);
/* Everything survives but the links. */
void server_restart(world *w);
void server_receive(world *w, size_t user, link *l, const item *it);
void server_lost(world *w, link *l);
void server_message(world *w, size_t user, int worth_keeping);
/* Ends what hibernates, and forgets the links. */
void server_check(world *w);

void client_connect(world *w, size_t user, int forgets);
void client_receive(world *w, size_t user, const item *it);
void client_lost(world *w, size_t user);
void client_say(world *w, size_t user);
void client_ack(world *w, size_t user);

#endif
