#include "adapters/sqlite/db.h"

#include <string.h>

enum {
  PUT,
  DEL,
  GET,
  SCAN,
  SCAN_TO,
  SCAN_DOWN,
  SCAN_TO_DOWN,
  SCAN_ALL,
  DEL_FROM,
  DEL_FROM_TO,
  NEXT_SPACE,
  ERASE,
  BEGIN,
  COMMIT,
  ROLLBACK
};

#define OF " FROM item WHERE space = ?1 AND owner = ?2"
#define FROM_TO " AND key >= ?3 AND key <= ?4"

static const char *const texts[IMP_DB_STATEMENTS] = {
    [PUT] = "REPLACE INTO item (space, owner, key, value) VALUES (?1, ?2, ?3, ?4)",
    [DEL] = "DELETE" OF " AND key = ?3",
    [GET] = "SELECT key, value" OF " AND key = ?3",
    [SCAN] = "SELECT key, value" OF " AND key >= ?3 ORDER BY key LIMIT ?5",
    [SCAN_TO] = "SELECT key, value" OF FROM_TO " ORDER BY key LIMIT ?5",
    [SCAN_DOWN] = "SELECT key, value" OF " AND key >= ?3 ORDER BY key DESC LIMIT ?5",
    [SCAN_TO_DOWN] = "SELECT key, value" OF FROM_TO " ORDER BY key DESC LIMIT ?5",
    [SCAN_ALL] = "SELECT key, value, owner FROM item WHERE space = ?1 ORDER BY owner, key LIMIT ?5",
    [DEL_FROM] = "DELETE" OF " AND key >= ?3",
    [DEL_FROM_TO] = "DELETE" OF FROM_TO,
    [NEXT_SPACE] = "SELECT min(space) FROM item WHERE space > ?1",
    [ERASE] = ("DELETE" OF),
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK"};

static int failed(imp_db *db, int code) {
  sqlite3_snprintf(sizeof db->text, db->text, "%s: %s", db->path, sqlite3_errmsg(db->sql));
  switch (code & 0xff) {
  case SQLITE_NOMEM:
    return IMP_ERR_NOMEM;
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
    return IMP_ERR_CORRUPT;
  default:
    return IMP_ERR_UNAVAILABLE;
  }
}

/* The statement, compiled when it is first used; NULL on error. */
static sqlite3_stmt *statement(imp_db *db, int which, int *status) {
  if (db->statements[which] == NULL) {
    int code = sqlite3_prepare_v3(db->sql, texts[which], -1, SQLITE_PREPARE_PERSISTENT, &db->statements[which], NULL);
    if (code != SQLITE_OK) {
      *status = failed(db, code);
      return NULL;
    }
  }
  return db->statements[which];
}

static int execute(imp_db *db, int which, const imp_note *note) {
  int status = IMP_OK;
  sqlite3_stmt *stmt = statement(db, which, &status);
  if (stmt == NULL) {
    return status;
  }
  if (note != NULL) {
    sqlite3_bind_text(stmt, 1, imp_note_space(note), note->spacelen, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, imp_note_owner(note), note->ownerlen, SQLITE_STATIC);
  }
  if (note != NULL && which != ERASE) {
    sqlite3_bind_blob(stmt, 3, imp_note_key(note), note->keylen, SQLITE_STATIC);
  }
  if (which == PUT || which == DEL_FROM_TO) {
    sqlite3_bind_blob(stmt, 4, imp_note_value(note), (int)note->valuelen, SQLITE_STATIC);
  }
  int code = sqlite3_step(stmt);
  status = code == SQLITE_DONE ? IMP_OK : failed(db, code);
  sqlite3_reset(stmt);
  return status;
}

/* Deletes the owner's items one space after the other: the primary key begins with the space. */
static int erase_owner(imp_db *db, const imp_note *note) {
  int status = IMP_OK, code;
  char space[IMP_STORE_SPACE_MAX + 1] = "";
  sqlite3_stmt *next = statement(db, NEXT_SPACE, &status), *del = statement(db, ERASE, &status);
  while (status == IMP_OK) {
    sqlite3_bind_text(next, 1, space, -1, SQLITE_TRANSIENT);
    code = sqlite3_step(next);
    const char *found = code == SQLITE_ROW ? (const char *)sqlite3_column_text(next, 0) : NULL;
    sqlite3_snprintf(sizeof space, space, "%s", found != NULL ? found : "");
    sqlite3_reset(next);
    if (found == NULL) {
      return code == SQLITE_ROW ? IMP_OK : failed(db, code);
    }
    sqlite3_bind_text(del, 1, space, -1, SQLITE_TRANSIENT);
    sqlite3_bind_text(del, 2, imp_note_owner(note), note->ownerlen, SQLITE_STATIC);
    code = sqlite3_step(del);
    status = code == SQLITE_DONE ? IMP_OK : failed(db, code);
    sqlite3_reset(del);
  }
  return status;
}

void imp_db_write(imp_db *db, const imp_note *note) {
  if (db->status != IMP_OK) {
    return;
  }
  if (!db->in_tx) {
    db->status = execute(db, BEGIN, NULL);
    db->in_tx = db->status == IMP_OK;
  }
  if (db->status == IMP_OK) {
    db->applied++;
    switch (note->kind) {
    case NOTE_PUT:
      db->status = execute(db, PUT, note);
      break;
    case NOTE_DEL:
      db->status = execute(db, DEL, note);
      break;
    case NOTE_DEL_RANGE:
      db->status = execute(db, note->flags & NOTE_HAS_TO ? DEL_FROM_TO : DEL_FROM, note);
      break;
    default:
      db->status = erase_owner(db, note);
      break;
    }
  }
  if (db->status != IMP_OK) {
    int status = db->status;
    imp_db_rollback(db);
    db->status = status;
  }
}

static int read_rows(imp_db *db, sqlite3_stmt *stmt, imp_note *note) {
  int code, status = IMP_OK;
  while (status == IMP_OK && (code = sqlite3_step(stmt)) != SQLITE_DONE) {
    if (code != SQLITE_ROW) {
      status = failed(db, code);
      break;
    }
    const void *owner = note->kind == NOTE_SCAN_ALL ? sqlite3_column_text(stmt, 2) : NULL;
    size_t ownerlen = owner != NULL ? (size_t)sqlite3_column_bytes(stmt, 2) + 1 : 0;
    const void *key = sqlite3_column_blob(stmt, 0), *value = sqlite3_column_blob(stmt, 1);
    status = imp_rows_add(&note->rows, owner, ownerlen, key, (size_t)sqlite3_column_bytes(stmt, 0), value,
                          (size_t)sqlite3_column_bytes(stmt, 1));
  }
  sqlite3_reset(stmt);
  if (status == IMP_OK && note->kind == NOTE_GET && note->rows.used == 0) {
    status = IMP_ERR_NOT_FOUND;
  }
  return status;
}

static int scan_statement(const imp_note *note) {
  switch (note->kind) {
  case NOTE_GET:
    return GET;
  case NOTE_SCAN_ALL:
    return SCAN_ALL;
  default:
    if (note->flags & NOTE_REVERSE) {
      return note->flags & NOTE_HAS_TO ? SCAN_TO_DOWN : SCAN_DOWN;
    }
    return note->flags & NOTE_HAS_TO ? SCAN_TO : SCAN;
  }
}

void imp_db_read(imp_db *db, imp_note *note) {
  int which = scan_statement(note);
  note->status = db->status;
  sqlite3_stmt *stmt = note->status == IMP_OK ? statement(db, which, &note->status) : NULL;
  if (stmt == NULL) {
    return;
  }
  sqlite3_bind_text(stmt, 1, imp_note_space(note), note->spacelen, SQLITE_STATIC);
  if (which != SCAN_ALL) {
    sqlite3_bind_text(stmt, 2, imp_note_owner(note), note->ownerlen, SQLITE_STATIC);
    sqlite3_bind_blob(stmt, 3, imp_note_key(note), note->keylen, SQLITE_STATIC);
  }
  if (which == SCAN_TO || which == SCAN_TO_DOWN) {
    sqlite3_bind_blob(stmt, 4, imp_note_value(note), (int)note->valuelen, SQLITE_STATIC);
  }
  if (which != GET) {
    sqlite3_bind_int64(stmt, 5, note->limit > 0 ? (sqlite3_int64)note->limit : -1);
  }
  note->status = read_rows(db, stmt, note);
}

int imp_db_commit(imp_db *db) {
  int status = db->status;
  if (status == IMP_OK && db->in_tx) {
    status = execute(db, COMMIT, NULL);
    if (status != IMP_OK) {
      imp_db_rollback(db);
      /* Frames of the failed transaction may have reached the log: they must not be found there after a crash. */
      sqlite3_wal_checkpoint_v2(db->sql, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    }
  }
  db->in_tx = 0;
  db->status = IMP_OK;
  return status;
}

void imp_db_rollback(imp_db *db) {
  char text[IMP_DB_TEXT_MAX];
  memcpy(text, db->text, sizeof text);
  if (db->in_tx && !sqlite3_get_autocommit(db->sql)) {
    execute(db, ROLLBACK, NULL);
  }
  memcpy(db->text, text, sizeof text);
  db->in_tx = 0;
  db->status = IMP_OK;
}
