#include <string.h>
#include <time.h>

#include <imp/sys/mem.h>

#include "adapters/sqlite/store.h"

static void list_append(imp_note_list *list, imp_note *note) {
  note->next = NULL;
  *(list->last != NULL ? &list->last->next : &list->first) = note;
  list->last = note;
}

static void list_move(imp_note_list *to, imp_note_list *from) {
  if (from->first != NULL) {
    *(to->last != NULL ? &to->last->next : &to->first) = from->first;
    to->last = from->last;
    from->first = from->last = NULL;
  }
}

static void append_blocks(imp_note_block **list, imp_note_block *blocks) {
  while (*list != NULL) {
    list = &(*list)->next;
  }
  *list = blocks;
}

static void mail_arrives(void *arg) {
  imp_sqlite_mail *mail = arg;
  if (mail->store != NULL) {
    imp_sqlite_run_mail(mail->store);
  }
  if (atomic_fetch_sub(&mail->refs, 1) == 1) {
    imp_free(mail);
  }
}

/* Tries until it is posted: the ops must be done. Not forever: imp_sqlite_del() runs the mail itself. */
static void post(imp_sqlite *store) {
  const struct timespec pause = {0, 10000000};
  for (int tries = 0; tries < 1000; tries++) {
    if (store->options.post(mail_arrives, store->mail, store->options.post_ctx) == 0) {
      return;
    }
    nanosleep(&pause, NULL);
  }
  pthread_mutex_lock(&store->lock);
  store->posted = 0;
  atomic_fetch_sub(&store->mail->refs, 1);
  pthread_mutex_unlock(&store->lock);
}

/* Notes that are done, and blocks that are used up, go to the node's thread. */
static void deliver(imp_sqlite *store, imp_note_list *done, imp_note_block *used) {
  int must_post;
  pthread_mutex_lock(&store->lock);
  list_move(&store->done, done);
  append_blocks(&store->used, used);
  memcpy(store->done_text, store->db.text, sizeof store->done_text);
  store->applied = store->db.applied;
  must_post = store->threaded && !store->posted;
  if (must_post) {
    store->posted = 1;
    atomic_fetch_add(&store->mail->refs, 1);
  }
  pthread_mutex_unlock(&store->lock);
  if (must_post) {
    post(store);
  }
}

static void commit(imp_sqlite *store, imp_note_list *done) {
  if (done->first != NULL) {
    deliver(store, done, NULL); /* reads need not wait for the disk */
  }
  imp_window_apply(&store->window, &store->db);
  int was_tx = store->db.in_tx, status = imp_db_commit(&store->db);
  store->failed = status != IMP_OK;
  if (status == IMP_OK) {
    append_blocks(&store->spent, store->kept);
    store->kept = NULL;
    store->open = 0;
  }
  for (imp_note *note = store->flushes.first; note != NULL; note = note->next) {
    note->status = status;
  }
  list_move(done, &store->flushes);
  pthread_mutex_lock(&store->lock);
  store->commits += was_tx && status == IMP_OK;
  store->failures += status != IMP_OK;
  pthread_mutex_unlock(&store->lock);
}

static int is_write(const imp_note *note) { return note->kind <= NOTE_ERASE; }

static int has_writes(const imp_note_block *block) {
  imp_note *note = NULL;
  while ((note = imp_note_next(block, note)) != NULL && (!is_write(note) || note->dead)) {
  }
  return note != NULL;
}

/* Writing what was committed already once more changes nothing: all that came after it follows. */
static void write_again(imp_sqlite *store) {
  store->failed = 0;
  for (imp_note_block *block = store->kept; block != NULL; block = block->next) {
    for (imp_note *note = NULL; (note = imp_note_next(block, note)) != NULL;) {
      if (is_write(note) && !note->dead) {
        imp_db_write(&store->db, note);
      }
    }
  }
}

/* Blocks stay until all their writes are committed. */
static void sort_out(imp_sqlite *store, imp_note_block *blocks) {
  while (blocks != NULL) {
    imp_note_block *next = blocks->next;
    blocks->next = NULL;
    append_blocks(store->open > 0 && has_writes(blocks) ? &store->kept : &store->spent, blocks);
    blocks = next;
  }
}

static void carry_out_note(imp_sqlite *store, imp_note *note, size_t *flushes, imp_note_list *done) {
  store->open += (size_t)is_write(note);
  switch (note->kind) {
  case NOTE_PUT:
  case NOTE_DEL:
    imp_window_add(&store->window, &store->db, note);
    break;
  case NOTE_DEL_RANGE:
  case NOTE_ERASE:
    imp_window_apply(&store->window, &store->db);
    imp_db_write(&store->db, note);
    break;
  case NOTE_FLUSH:
    list_append(&store->flushes, note);
    if (--*flushes == 0) {
      commit(store, done);
    }
    break;
  default:
    imp_window_apply(&store->window, &store->db);
    imp_db_read(&store->db, note);
    list_append(done, note);
    break;
  }
}

/*
 * Flushes that came while the disk was busy share a commit: all of them, up to the last.  What was noted after the last
 * must not become durable with it.  A queue ends with a read or a flush, so the window is empty when its blocks are
 * given back.
 */
void imp_sqlite_carry_out(imp_sqlite *store, imp_note_block *blocks, size_t flushes) {
  imp_note_list done = {NULL, NULL};
  if (store->failed) {
    write_again(store);
  }
  for (imp_note_block *block = blocks; block != NULL; block = block->next) {
    for (imp_note *note = NULL; (note = imp_note_next(block, note)) != NULL;) {
      carry_out_note(store, note, &flushes, &done);
    }
  }
  sort_out(store, blocks);
  blocks = store->spent;
  store->spent = NULL;
  deliver(store, &done, blocks);
}

static void *work(void *arg) {
  imp_sqlite *store = arg;
  pthread_mutex_lock(&store->lock);
  for (;;) {
    while (store->queue == NULL && !store->stop) {
      pthread_cond_wait(&store->wake, &store->lock);
    }
    if (store->queue == NULL) {
      break;
    }
    imp_note_block *blocks = store->queue;
    size_t flushes = store->queue_flushes;
    store->queue = store->queue_last = NULL;
    store->queue_flushes = 0;
    pthread_mutex_unlock(&store->lock);
    imp_sqlite_carry_out(store, blocks, flushes);
    pthread_mutex_lock(&store->lock);
  }
  pthread_mutex_unlock(&store->lock);
  return NULL;
}

int imp_sqlite_start(imp_sqlite *store) {
  if (store->options.post == NULL) {
    return IMP_OK;
  }
  store->threaded = pthread_create(&store->thread, NULL, work, store) == 0;
  return store->threaded ? IMP_OK : IMP_ERR_NOMEM;
}

void imp_sqlite_stop(imp_sqlite *store) {
  if (store->threaded) {
    pthread_mutex_lock(&store->lock);
    store->stop = 1;
    pthread_cond_signal(&store->wake);
    pthread_mutex_unlock(&store->lock);
    pthread_join(store->thread, NULL);
    store->threaded = 0;
  }
}

static void finish(imp_sqlite *store, imp_note *note) {
  store->flushing -= note->kind == NOTE_FLUSH;
  store->dirty |= note->kind == NOTE_FLUSH && note->status != IMP_OK;
  int status = note->status, given = imp_rows_give(&note->rows, note->op);
  imp_op_done(note->op, status == IMP_OK ? given : status);
}

void imp_sqlite_run_mail(imp_sqlite *store) {
  pthread_mutex_lock(&store->lock);
  imp_note *done = store->done.first;
  imp_note_block *used = store->used;
  store->done.first = store->done.last = NULL;
  store->used = NULL;
  store->posted = 0;
  memcpy(store->text, store->done_text, sizeof store->text);
  pthread_mutex_unlock(&store->lock);
  while (done != NULL) {
    imp_note *next = done->next;
    finish(store, done);
    done = next;
  }
  imp_note_log_recycle(&store->log, used);
}
