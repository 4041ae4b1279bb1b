/*
 * Settings by table.  A group of the configuration file is a C struct and a table of keys, one row a key: its name, its
 * type, its range and its place in the struct.  Reading, --keys and SIGHUP walk these tables and know no key by name.
 */
#ifndef SERVER_SCHEMA_H
#define SERVER_SCHEMA_H

#include <libconfig.h>
#include <stddef.h>
#include <stdint.h>

typedef enum server_type {
  SERVER_NUMBER = 0, /* uint32_t */
  SERVER_BIG,        /* uint64_t */
  SERVER_SWITCH,     /* uint32_t, 0 or 1; "true" and "false" */
  SERVER_WORD,       /* uint32_t, the place in `words` */
  SERVER_WORDS,      /* uint32_t, bits: an array of `words` */
  SERVER_TEXT,       /* const char *, of the file's memory, NULL for ""; min and max are bytes */
  SERVER_GROUP,      /* a struct within the struct */
  SERVER_LIST        /* a server_list of structs; max is how many */
} server_type;

/* Flags of a key. */
#define SERVER_RELOAD 1u   /* SIGHUP can change it; else a change needs a restart */
#define SERVER_SECRET 2u   /* never shown */
#define SERVER_REQUIRED 4u /* of an element of a list: there is no default */

typedef struct server_group server_group;

typedef struct server_key {
  const char *name;
  server_type type;
  uint32_t flags;
  size_t offset;
  int64_t min, max;
  const char *const *words; /* up to a NULL; "": none has this place */
  const server_group *group;
} server_key;

struct server_group {
  const server_key *keys; /* up to a row without a name */
  size_t size;            /* of the struct */
  /* Fills in the defaults of an element of a list, which may depend on what it says (NULL: nothing). NULL: all zero. */
  void (*init)(void *target, const config_setting_t *setting);
  /* After each key, in a group of numbers: whether what is there so far can be. NULL: ranges in the table are all. */
  int (*check_each)(const void *target, char *text, size_t textlen);
  /* When all keys are read. */
  int (*check)(const void *target, char *text, size_t textlen);
};

typedef struct server_list {
  void *items;
  size_t count;
} server_list;

/* Told of each mistake: "FILE:LINE: KEY: reason". */
typedef void (*server_say_fn)(void *arg, const char *text);

typedef struct server_reader {
  server_say_fn say;
  void *arg;
  int mistakes;
} server_reader;

/* Says what is wrong at a place of the file, and counts it. */
__attribute__((format(printf, 4, 5))) void server_mistake(server_reader *reader, const config_setting_t *at,
                                                          const char *key, const char *fmt, ...);
/* Reads a group into `target`, which holds the defaults. All mistakes are told, not only the first. */
void server_read_group(server_reader *reader, const server_group *group, config_setting_t *setting, void *target);
/* Frees the lists in it. */
void server_free_group(const server_group *group, void *target);

/* Prints all keys with type, default and range, one a line, out of a struct that holds the defaults. */
void server_list_keys(const server_group *group, const void *target);
/* Whether two structs are equal in all keys; secrets too. */
int server_same_group(const server_group *group, const void *a, const void *b);
/* Tells `fn` the name of each key that differs and that SIGHUP cannot change. */
void server_fixed_changes(const server_group *group, const void *old, const void *now, const char *path,
                          void (*fn)(void *arg, const char *key), void *arg);

/* libconfig cuts integers above 2^31 silently. Finds such in a file: returns the line (0: none), and the figures. */
int server_big_figure(const char *path, char *figures, size_t len);

#endif /* SERVER_SCHEMA_H */
