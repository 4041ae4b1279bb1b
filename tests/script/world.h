/*
 * The world of one scenario: a node with a store in memory, a clock that only moves when told to, and clients without
 * sockets.
 */
#ifndef SCRIPT_WORLD_H
#define SCRIPT_WORLD_H

#include <imp/imp.h>

#include "match.h"

#define CLIENTS_MAX 64
#define WHY_MAX 2048

typedef struct client {
  char label[64];
  imp_conn *conn; /* NULL: the connection is gone */
  char *in;       /* what the server sent and the transcript has not spoken of */
  size_t inlen, incap;
  int websocket; /* 1: the upgrade is under way, 2: frames */
  int deaf;      /* reads nothing: its socket is full */
  int closed;    /* by the server */
  int is_host;   /* an address that the host answers for: what comes there is `in` */
  int ignores;   /* one of a crowd: what it receives is nobody's business */
} client;

typedef struct world {
  imp_node *node;
  imp_memory_store *store;
  imp_store vtable; /* the memory store's, that can play durable and can be frozen */
  imp_settings settings;
  imp_sm_settings sm;
  imp_tstamp now;
  client *clients[CLIENTS_MAX];
  size_t client_count;
  client *crowd; /* connections without a name */
  size_t crowd_count;
  uint32_t tls; /* the server has a certificate */
  vars vars;
  char logged[512];  /* the last line of the library's log at level warn or worse */
  char why[WHY_MAX]; /* what is wrong */
  int verbose;
} world;

void world_init(world *w);
void world_reset(world *w);
/* Makes the node if there is none yet. Functions that return an int: 0, or -1 with w->why. */
int world_start(world *w);
/* As kill -9 and a new start: nothing of the node is left but what it had put into the store. */
int world_restart(world *w);
int world_fail(world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

client *world_client(world *w, const char *label);
int world_connect(world *w, const char *label, const imp_conn_params *params);
/* The host answers for this address from now on. */
int world_be(world *w, const char *jid);
/* So many connections from as many addresses, which send the text. */
int world_crowd(world *w, size_t count, const char *text);
int world_send(world *w, client *c, const void *data, size_t len);
/* The link breaks: neither side says anything. */
void world_cut(world *w, client *c);
/* Ends the turn, collects output, closes what is over. */
void world_turn(world *w);
void world_wait(world *w, imp_tstamp time);

/* What the client receives next. */
typedef enum item_kind { ITEM_NONE, ITEM_ELEMENT, ITEM_HEADER, ITEM_END, ITEM_GARBAGE } item_kind;
item_kind world_next(client *c, tree **t, size_t *len);
/* Takes the first len bytes off. */
void world_take(client *c, size_t len);

/* certificate.c: a certificate and its key as PEM, made once; NULL if that failed */
const char *script_certificate(const char **key);

/* ws.c: the client's side of RFC 6455 */
int ws_upgrade(world *w, client *c);
int ws_send(world *w, client *c, const char *text, size_t len);
/* Turns bytes from the server into text in c->in. Returns -1 if they are no frames of a server. */
int ws_receive(client *c, const unsigned char *data, size_t len);

#endif
