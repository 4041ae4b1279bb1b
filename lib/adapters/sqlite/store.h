/*
 * The store: notes are taken on the node's thread, carried out on the writer's.
 *
 *   node's thread                              writer's thread
 *   put, del, …  -> log                        takes the whole queue, carries it out, one commit for all
 *   get, flush   -> log, blocks to the queue   flushes in it; what is done goes into the mail, with the blocks
 *   runs the mail: ops done, blocks recycled <-+
 *
 * Without a thread the same runs at once on the caller's.
 */
#ifndef IMP_SQLITE_STORE_H
#define IMP_SQLITE_STORE_H

#include <pthread.h>
#include <stdatomic.h>

#include <imp/sqlite.h>

#include "adapters/sqlite/window.h"

/* Outlives the store while a post is under way. */
typedef struct imp_sqlite_mail {
  imp_sqlite *store; /* NULL: it is gone */
  atomic_int refs;   /* of the store, and of the post under way */
} imp_sqlite_mail;

typedef struct imp_note_list {
  imp_note *first, *last;
} imp_note_list;

struct imp_sqlite {
  imp_db db;             /* the writer's */
  imp_window window;     /* the writer's */
  imp_note_list flushes; /* the writer's: waiting for the commit */
  imp_note_block *kept;  /* the writer's: blocks with writes that are not committed */
  imp_note_block *spent; /* the writer's: blocks to be given back */
  size_t open;           /* the writer's: writes since the last commit */
  int failed;            /* the writer's: the transaction is gone, what is kept must be written again */
  imp_sqlite_options options;

  imp_note_log log; /* the node's, as all up to the lock */
  int dirty;        /* something was noted since the last flush, or that failed */
  size_t flushing;  /* flushes that are not done */
  uint64_t noted, flushed;
  char text[IMP_DB_TEXT_MAX];

  pthread_mutex_t lock; /* of all that follows */
  pthread_cond_t wake;
  imp_note_block *queue, *queue_last;
  size_t queue_flushes; /* flushes in it */
  int stop;
  imp_note_list done;
  imp_note_block *used; /* blocks whose notes are all in `done` or have no op */
  int posted;           /* the mail is under way */
  char done_text[IMP_DB_TEXT_MAX];
  uint64_t applied, commits, failures;
  imp_sqlite_mail *mail;

  pthread_t thread;
  int threaded, has_lock, has_wake;
};

/* Carries out a queue of blocks with so many flushes, and puts what is done into the mail. */
void imp_sqlite_carry_out(imp_sqlite *store, imp_note_block *blocks, size_t flushes);
/* The writer's thread. */
int imp_sqlite_start(imp_sqlite *store);
void imp_sqlite_stop(imp_sqlite *store);
/* On the node's thread: finishes what is done. */
void imp_sqlite_run_mail(imp_sqlite *store);

#endif
