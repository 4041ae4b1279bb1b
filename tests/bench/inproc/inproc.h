/*
 * The benchmark in process: one node, up to a hundred thousand connections, no socket. Everything a
 * client would send is fed to imp_conn_recv(), everything the node says is read and thrown away.
 */
#ifndef BENCH_INPROC_H
#define BENCH_INPROC_H

#include <imp/imp.h>
#include <stddef.h>
#include <stdint.h>

/* world.c: a node and its clients */
struct world {
  imp_node *node;
  imp_conn **conns;
  size_t n;
  uint32_t *received; /* stanzas that each client has been sent and has to acknowledge */
  int sm;
  imp_conn **dirty;
  size_t n_dirty, dirty_cap;
  int want_turn;
  uint64_t out_bytes;
};

imp_tstamp bench_now(void);
void world_open(struct world *w, size_t capacity, int sm);
void world_login(struct world *w); /* one client more, up to presence */
void world_feed(struct world *w, size_t i, const char *data, size_t len);
void world_turn(struct world *w); /* ends the turn and takes all output */
void world_close(struct world *w);

/* gauge.c: what this process has used (instructions: see ../callgrind) */
struct gauge {
  double cpu_ns, heap, rss;
};
struct gauge gauge_read(void);

/* chat.c: `count` messages between random pairs, eight at a time from each of `batch` senders a turn */
void inproc_chat(struct world *w, size_t count, size_t batch);

#endif
