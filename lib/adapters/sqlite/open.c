#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <imp/sys/mem.h>

#include "adapters/sqlite/db.h"

#define APPLICATION_ID 0x696d7073 /* "imps" */
#define SCHEMA_VERSION 1
#define CHECKED_PAGES 8192 /* files up to 64 MiB are checked whole when they are opened */

static const char schema[] = "BEGIN IMMEDIATE;"
                             "CREATE TABLE item ("
                             "  space TEXT NOT NULL, owner TEXT NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,"
                             "  PRIMARY KEY (space, owner, key)) WITHOUT ROWID;"
                             "PRAGMA application_id = 1768779891;"
                             "PRAGMA user_version = 1;"
                             "COMMIT";

static int refuse(imp_db *db, int status, const char *reason) {
  sqlite3_snprintf(sizeof db->text, db->text, "%s: %s", db->path, reason);
  return status;
}

static int sql_failed(imp_db *db, int code) {
  int kind = code & 0xff;
  refuse(db, 0, sqlite3_errmsg(db->sql));
  return kind == SQLITE_NOMEM                              ? IMP_ERR_NOMEM
         : kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB ? IMP_ERR_CORRUPT
                                                           : IMP_ERR_UNAVAILABLE;
}

static int run(imp_db *db, const char *text) {
  int code = sqlite3_exec(db->sql, text, NULL, NULL, NULL);
  return code == SQLITE_OK ? IMP_OK : sql_failed(db, code);
}

static int query_int(imp_db *db, const char *text, sqlite3_int64 *value) {
  sqlite3_stmt *stmt = NULL;
  int code = sqlite3_prepare_v2(db->sql, text, -1, &stmt, NULL);
  if (code == SQLITE_OK) {
    code = sqlite3_step(stmt);
  }
  int status = code == SQLITE_ROW || code == SQLITE_DONE ? IMP_OK : sql_failed(db, code);
  *value = code == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
  sqlite3_finalize(stmt);
  return status;
}

/* The lock keeps a second server away; reading the file with other tools stays possible. */
static int take_lock(imp_db *db) {
  char name[4096];
  if (strlen(db->path) + sizeof ".lock" > sizeof name) {
    return refuse(db, IMP_ERR_INVALID_ARGUMENT, "path too long");
  }
  sqlite3_snprintf(sizeof name, name, "%s.lock", db->path);
  db->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (db->lock < 0) {
    return refuse(db, IMP_ERR_UNAVAILABLE, strerror(errno));
  }
  if (flock(db->lock, LOCK_EX | LOCK_NB) != 0) {
    return refuse(db, IMP_ERR_CONFLICT, "in use by another process");
  }
  return IMP_OK;
}

/* The file holds keys of accounts: nobody else may read it. SQLite gives its log the same mode. */
static int create_file(imp_db *db) {
  int fd = open(db->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return refuse(db, IMP_ERR_UNAVAILABLE, strerror(errno));
  }
  close(fd);
  return IMP_OK;
}

static int check_integrity(imp_db *db) {
  sqlite3_int64 pages;
  sqlite3_stmt *stmt = NULL;
  int status = query_int(db, "PRAGMA page_count", &pages);
  if (status != IMP_OK || pages > CHECKED_PAGES) {
    return status;
  }
  int code = sqlite3_prepare_v2(db->sql, "PRAGMA quick_check(1)", -1, &stmt, NULL);
  code = code == SQLITE_OK ? sqlite3_step(stmt) : code;
  const char *text = code == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
  if (code != SQLITE_ROW) {
    status = sql_failed(db, code);
  } else if (text == NULL || strcmp(text, "ok") != 0) {
    sqlite3_snprintf(sizeof db->text, db->text, "%s: damaged: %s", db->path, text != NULL ? text : "out of memory");
    status = IMP_ERR_CORRUPT;
  }
  sqlite3_finalize(stmt);
  return status;
}

static int prepare_schema(imp_db *db) {
  sqlite3_int64 application = 0, version = 0, tables = 0;
  int status = query_int(db, "PRAGMA application_id", &application);
  status = status == IMP_OK ? query_int(db, "PRAGMA user_version", &version) : status;
  status = status == IMP_OK ? query_int(db, "SELECT count(*) FROM sqlite_master", &tables) : status;
  if (status != IMP_OK) {
    return status;
  }
  if (tables == 0 && application == 0) {
    return run(db, schema);
  }
  if (application != APPLICATION_ID) {
    return refuse(db, IMP_ERR_CORRUPT, "an SQLite file of another application");
  }
  if (version != SCHEMA_VERSION) {
    return refuse(db, IMP_ERR_UNSUPPORTED, "written by a newer version");
  }
  return check_integrity(db);
}

static int open_sql(imp_db *db) {
  int code = sqlite3_open_v2(db->path, &db->sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
  if (db->sql == NULL) {
    return refuse(db, IMP_ERR_NOMEM, "out of memory");
  }
  if (code != SQLITE_OK) {
    return sql_failed(db, code);
  }
  sqlite3_extended_result_codes(db->sql, 1);
  sqlite3_busy_timeout(db->sql, 5000);
  int status = run(
      db,
      "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 2000;"
      "PRAGMA journal_size_limit = 33554432;"
      "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768");
  return status == IMP_OK ? prepare_schema(db) : status;
}

int imp_db_open(imp_db *db, const char *path) {
  memset(db, 0, sizeof *db);
  db->lock = -1;
  size_t len = strlen(path);
  db->path = imp_malloc(len + 1);
  if (db->path == NULL) {
    sqlite3_snprintf(sizeof db->text, db->text, "out of memory");
    return IMP_ERR_NOMEM;
  }
  memcpy(db->path, path, len + 1);
  int status = take_lock(db);
  status = status == IMP_OK ? create_file(db) : status;
  status = status == IMP_OK ? open_sql(db) : status;
  if (status != IMP_OK) {
    imp_db_close(db);
  }
  return status;
}

void imp_db_close(imp_db *db) {
  if (db->sql != NULL) {
    imp_db_rollback(db);
  }
  for (int i = 0; i < IMP_DB_STATEMENTS; i++) {
    sqlite3_finalize(db->statements[i]);
    db->statements[i] = NULL;
  }
  sqlite3_close(db->sql);
  db->sql = NULL;
  if (db->lock >= 0) {
    close(db->lock);
    db->lock = -1;
  }
  imp_free(db->path);
  db->path = NULL;
}
