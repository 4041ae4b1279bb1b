#include "core/arena.h"

#include <string.h>

#include "core/mem.h"

/* Blocks double from MIN to MAX; what is bigger than a block gets one of its own. */
#define BLOCK_MIN 512
#define BLOCK_MAX 16384

struct imp_arena_block {
  imp_arena_block *older;
  size_t size; /* of the room behind this head */
};

void imp_arena_init(imp_arena *arena, void *first, size_t firstlen) {
  memset(arena, 0, sizeof *arena);
  arena->next = first;
  arena->end = first != NULL ? (uint8_t *)first + firstlen : NULL;
}

void imp_arena_reset(imp_arena *arena) {
  while (arena->blocks != NULL) {
    imp_arena_block *block = arena->blocks;
    arena->blocks = block->older;
    imp_free(block);
  }
  imp_arena_init(arena, NULL, 0);
}

static imp_arena_block *new_block(imp_arena *arena, size_t size) {
  imp_arena_block *block = size <= SIZE_MAX - sizeof *block ? imp_malloc(sizeof *block + size) : NULL;
  if (block != NULL) {
    block->size = size;
    block->older = arena->blocks;
    arena->blocks = block;
    arena->total += sizeof *block + size;
  }
  return block;
}

static uint8_t *refill(imp_arena *arena, size_t size) {
  size_t next = arena->blocks != NULL ? arena->blocks->size * 2 : BLOCK_MIN;
  if (next > BLOCK_MAX || next < BLOCK_MIN) {
    next = BLOCK_MAX;
  }
  imp_arena_block *block = new_block(arena, size > next / 2 ? size : next);
  if (block == NULL) {
    return NULL;
  }
  uint8_t *p = (uint8_t *)(block + 1);
  if (size <= next / 2) { /* a block of its own leaves the room of the block before in use */
    arena->next = p + size;
    arena->end = p + block->size;
  }
  return p;
}

static uint8_t *take(imp_arena *arena, size_t size, size_t align) {
  if (arena->next != NULL) {
    size_t pad = -(uintptr_t)arena->next & (align - 1); /* a power of two */
    size_t room = (size_t)(arena->end - arena->next);
    if (pad <= room && size <= room - pad) {
      uint8_t *p = arena->next + pad;
      arena->next = p + size;
      return p;
    }
  }
  return refill(arena, size);
}

void *imp_arena_alloc(imp_arena *arena, size_t size) { return take(arena, size, 8); }

char *imp_arena_bytes(imp_arena *arena, size_t size) { return (char *)take(arena, size, 1); }

char *imp_arena_strndup(imp_arena *arena, const char *s, size_t len) {
  char *copy = len < SIZE_MAX ? imp_arena_bytes(arena, len + 1) : NULL;
  if (copy != NULL) {
    if (len > 0) {
      memcpy(copy, s, len);
    }
    copy[len] = '\0';
  }
  return copy;
}
