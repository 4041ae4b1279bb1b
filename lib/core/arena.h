/* Bump allocation: many small pieces, freed together. Zero-initialise with imp_arena_init(). */
#ifndef IMP_CORE_ARENA_H
#define IMP_CORE_ARENA_H

#include <imp/core.h>

typedef struct imp_arena_block imp_arena_block;

typedef struct imp_arena {
  imp_arena_block *blocks; /* newest first */
  uint8_t *next, *end;     /* free room of the newest block */
  size_t total;            /* bytes taken from the allocator */
} imp_arena;

/* `first` may be memory of the caller's (inside the object that owns the arena) to start from, or NULL. */
void imp_arena_init(imp_arena *arena, void *first, size_t firstlen);
void imp_arena_reset(imp_arena *arena);
/* Aligned to 8. NULL when out of memory. */
void *imp_arena_alloc(imp_arena *arena, size_t size);
/* Bytes, not aligned. */
char *imp_arena_bytes(imp_arena *arena, size_t size);
/* A copy of len bytes, ended with NUL. */
char *imp_arena_strndup(imp_arena *arena, const char *s, size_t len);

#endif
