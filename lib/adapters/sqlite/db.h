/* The database: one connection, one table, prepared statements; used by one thread at a time. */
#ifndef IMP_SQLITE_DB_H
#define IMP_SQLITE_DB_H

#include <sqlite3.h>

#include "adapters/sqlite/notes.h"

#define IMP_DB_STATEMENTS 16
#define IMP_DB_TEXT_MAX 512

typedef struct imp_db {
  sqlite3 *sql;
  sqlite3_stmt *statements[IMP_DB_STATEMENTS];
  char *path;
  int lock; /* descriptor of the lock file, -1: none */
  int in_tx;
  int status; /* why the transaction under way cannot be committed; IMP_OK if it can */
  uint64_t applied;
  char text[IMP_DB_TEXT_MAX]; /* what went wrong last */
} imp_db;

/* Opens or creates. On error db->text says why, and the db is closed. */
int imp_db_open(imp_db *db, const char *path);
void imp_db_close(imp_db *db);

/* Executes a write in the transaction, which it begins if there is none. An error spoils the transaction: see
 * db->status. */
void imp_db_write(imp_db *db, const imp_note *note);
/* Executes a read into note->rows and note->status. */
void imp_db_read(imp_db *db, imp_note *note);
/* Ends the transaction: its outcome. */
int imp_db_commit(imp_db *db);
/* Forgets the transaction. */
void imp_db_rollback(imp_db *db);

#endif
