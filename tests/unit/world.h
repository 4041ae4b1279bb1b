/*
 * A node on a virtual clock and clients without sockets.
 *
 * Links are lossless unless cut: world_cut() may swallow what is under way in either direction.  Clients count stanzas
 * as XEP-0198 asks, on their own (no code of lib/sm), and remember what they saw.
 */
#ifndef IMP_UNIT_WORLD_H
#define IMP_UNIT_WORLD_H

#include <imp/imp.h>

#include "core/buf.h"
#include "xml/parser.h"

#define WORLD_DOMAIN "im.example"

typedef struct world {
  imp_node *node;
  imp_tstamp now;
  imp_wallclock wall; /* milliseconds since 1970; moves with `now` */
  imp_xml_pool *pool; /* the clients' parsers */
  imp_memory_store *store;
  int want_turn;
  uint64_t random;    /* state of the seeded generator, for the node too */
  imp_op *asked;      /* user_exists for a name that begins with "slow": the test finishes it */
} world;

typedef struct client {
  world *w;
  char user[32], resource[32];
  imp_conn *conn;
  imp_xml_stream xml;
  imp_stanza *got[512]; /* what came and was not looked at; stanzas and nonzas */
  size_t ngot;
  imp_stanza *last;    /* what client_expect() returned */
  int opened, closed;
  int sm;              /* <enabled/> came: count */
  char sm_id[80];
  uint32_t in, out;    /* stanzas received and sent since then */
  uint32_t peer_acked; /* the server's last h */
  int auto_ack;        /* answers <r/> at once */
  uint32_t asked, asked_in; /* how many <r/> came, and `in` at the last */
  int frozen;          /* reads nothing */
  int dirty;
  void (*on_stanza)(struct client *c, const imp_stanza *st); /* may be NULL */
  void *data;
} client;

/* settings NULL: defaults. sm may be NULL. Fails the test on error. */
void world_open(world *w, imp_settings *settings, uint64_t seed);
void world_close(world *w);
/* A node in the place of the one that was deleted (and w->node set to NULL). */
void world_renew(world *w, imp_settings *settings);
uint64_t world_random(world *w);
/* Ends the turn, moves bytes until nothing moves any more. */
void world_run(world *w, client *clients, size_t n);
/* Lets time pass, timers included. */
void world_wait(world *w, client *clients, size_t n, imp_tstamp dt);
/* Fails the test unless the account adds up and in flight equals what is queued. */
void world_check_ledger(const world *w);

void client_init(client *c, world *w, const char *user, const char *resource);
void client_free(client *c);
/* Opens the stream. */
void client_connect(client *c);
/* PLAIN, bind; with `sm` also <enable resume='true'/>. Runs the world. */
void client_login(client *c, int sm);
/* Connects, authenticates, sends <resume/>: 1 if resumed; 0 refused (then the stream is authenticated and unbound). */
int client_resume(client *c);
void client_bind(client *c, int sm);
/* Text as it is; stanzas must be counted by client_stanza(). */
void client_send(client *c, const char *xml);
void client_stanza(client *c, const char *xml);
void client_ack(client *c);
/* The connection breaks. lose_in: what the server has sent and the client not read is lost (else read first). */
void client_cut(client *c, int lose_in);
/* </stream:stream> */
void client_leave(client *c);
/* The next stanza that came; the caller owns it. NULL: none. */
imp_stanza *client_next(client *c);
/* Takes all that came until one has this name (and, if not NULL, this text somewhere in it); fails the test if none does.
   The stanza is the client's until the next call. */
const imp_stanza *client_expect(client *c, const char *name, const char *text);
/* Fails the test if anything but presence is waiting. */
void client_expect_nothing(client *c);

#endif
