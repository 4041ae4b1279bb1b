/*
 * A node on libuv.  One turn of the node an iteration of the loop, from a prepare handle: after it has read what was
 * there, before it waits again.  Connections keep no read buffer; all share one.
 */
#ifndef IMP_UV_INTERNAL_H
#define IMP_UV_INTERNAL_H

#include <imp/uv.h>

#define IMP_UV_READ_SIZE 65536
#define IMP_UV_CHUNK 8192 /* what libuv gets to keep when a peer reads slowly; the rest stays with the connection */
#define IMP_UV_LINGER (2 * IMP_SECONDS)
#define IMP_UV_LINGER_BYTES 262144
#define IMP_UV_SHUTDOWN (10 * IMP_SECONDS)

typedef struct imp_uv_conn imp_uv_conn;
typedef struct imp_uv_listener imp_uv_listener;
typedef struct imp_uv_letter imp_uv_letter;

/*
 * A transport.  With `conn` NULL it lingers: our side is shut down, what still comes is thrown away, so that the peer
 * gets our last words and not a reset.
 */
struct imp_uv_conn {
  uv_tcp_t tcp; /* first: handles are cast to their connections */
  imp_uv *uv;
  imp_conn *conn;
  imp_uv_conn *next, *prev; /* among all, or among those that linger */
  imp_uv_conn *next_ending;
  union {
    uv_write_t *write; /* under way: a slow reader */
    imp_tstamp linger; /* until when */
  } u;
  uint32_t discarded;
  uint8_t reading, eof, broken, ending, closing;
};

typedef struct imp_uv_conns {
  imp_uv_conn *first, *last;
} imp_uv_conns;

struct imp_uv_listener {
  uv_tcp_t tcp;
  imp_uv *uv;
  imp_uv_listener *next;
  imp_role role;
  imp_uv_listen_options options;
  int stuck; /* a connection waits for memory */
};

struct imp_uv_letter {
  imp_uv_letter *next;
  void (*fn)(void *arg);
  void *arg;
};

struct imp_uv {
  uv_loop_t *loop;
  imp_node *node;
  uv_prepare_t prepare;
  uv_timer_t timer;
  uv_async_t async;
  imp_tstamp now;   /* the last time that was read: good enough for what is written and ended in this iteration */
  imp_tstamp armed; /* what the timer is set to */
  imp_uv_conns all, lingering;
  imp_uv_conn *ending; /* over, to be deleted after the turn */
  size_t count;        /* connections of the node */
  size_t handles;      /* not closed yet */
  imp_uv_listener *listeners;
  void (*shutdown_done)(imp_uv *uv, void *user_data);
  void *shutdown_data;
  imp_tstamp shutdown_end;
  uint8_t shutting_down, shut_down, deleted, in_turn;

  uv_mutex_t lock; /* of the three that follow */
  imp_uv_letter *letters, *last_letter;
  int closed;

  char error[256];
  char read_buffer[IMP_UV_READ_SIZE];
};

int imp_uv_fail(imp_uv *uv, int error, const char *what, int code);
/* A handle of ours is closed: the last one frees everything. */
void imp_uv_handle_closed(imp_uv *uv);

/* conn.c */
void imp_uv_accept(imp_uv_listener *listener);
void imp_uv_want_write(imp_conn *conn, void *user_data);
/* Deletes connections that are over. Returns how many. */
size_t imp_uv_bury(imp_uv *uv);
/* Closes those that have lingered enough; returns the next deadline. */
imp_tstamp imp_uv_linger(imp_uv *uv, imp_tstamp now);
/* Everything, at once. */
void imp_uv_drop_all(imp_uv *uv);

/* listen.c */
void imp_uv_retry_accept(imp_uv *uv);
void imp_uv_close_listeners(imp_uv *uv);
/* The peer's address as text, "" if unknown. */
void imp_uv_peer(const uv_tcp_t *tcp, char *dst, size_t size);

#endif
