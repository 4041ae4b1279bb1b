/*
 * The window: single-item writes that have not gone to the database yet.  Of several to one item only the last counts,
 * so what is put and deleted before it was committed costs one deletion at most.
 */
#ifndef IMP_SQLITE_WINDOW_H
#define IMP_SQLITE_WINDOW_H

#include "adapters/sqlite/db.h"

#define IMP_WINDOW_SLOTS 16384u /* power of two */
#define IMP_WINDOW_MAX (IMP_WINDOW_SLOTS / 2)

typedef struct imp_window {
  imp_note *slots[IMP_WINDOW_SLOTS]; /* hash table of the last write to each item */
  imp_note *order[IMP_WINDOW_MAX];   /* all of them, oldest first */
  size_t count;
} imp_window;

/* Takes a put or del; the note must stay until imp_window_apply(). */
void imp_window_add(imp_window *window, imp_db *db, imp_note *note);
/* Sends what is left to the database and empties the window. */
void imp_window_apply(imp_window *window, imp_db *db);

#endif
