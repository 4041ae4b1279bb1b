#include "adapters/sqlite/notes.h"

#include <string.h>

#include <imp/sys/mem.h>

#define BLOCK_SIZE (64u * 1024u)
#define POOL_MAX 64u /* blocks kept for use: 4 MiB */
#define VALUE_MAX 500000000u

static uint32_t hash_bytes(const char *data, size_t len) {
  uint64_t h = 0x9e3779b97f4a7c15u ^ len, word;
  for (; len >= 8; len -= 8, data += 8) {
    memcpy(&word, data, 8);
    h = (h ^ word) * 0xff51afd7ed558ccdu;
    h ^= h >> 32;
  }
  word = 0;
  memcpy(&word, data, len);
  h = (h ^ word) * 0xc4ceb9fe1a85ec53u;
  return (uint32_t)(h ^ (h >> 29) ^ (h >> 47));
}

static imp_note_block *block_new(imp_note_log *log, size_t need) {
  imp_note_block *block = log->pool;
  if (block != NULL && need <= block->cap) {
    log->pool = block->next;
    log->pooled--;
  } else {
    size_t cap = need > BLOCK_SIZE ? need : BLOCK_SIZE;
    block = imp_malloc(sizeof *block + cap);
    if (block == NULL) {
      return NULL;
    }
    block->cap = cap;
  }
  log->held += block->cap;
  block->next = NULL;
  block->used = 0;
  return block;
}

static imp_note_block *take_reserve(imp_note_log *log) {
  imp_note_block *block = log->reserve;
  log->reserve = NULL;
  if (block != NULL) {
    log->held += block->cap;
  }
  return block;
}

int imp_note_log_init(imp_note_log *log) {
  log->reserve = block_new(log, 0);
  log->held = 0;
  return log->reserve != NULL ? IMP_OK : IMP_ERR_NOMEM;
}

static imp_note *reserve(imp_note_log *log, size_t size, const imp_note_args *args) {
  imp_note_block *block = log->last;
  if (block == NULL || block->cap - block->used < size) {
    if (args->op == NULL && log->held >= log->max) {
      return NULL;
    }
    block = block_new(log, size);
    if (block == NULL && args->kind == NOTE_FLUSH) {
      block = take_reserve(log);
    }
    if (block == NULL) {
      return NULL;
    }
    *(log->last != NULL ? &log->last->next : &log->first) = block;
    log->last = block;
  }
  imp_note *note = (imp_note *)(void *)((char *)(block + 1) + block->used);
  block->used += size;
  return note;
}

static char *put_bytes(char *at, const void *data, size_t len) {
  if (len > 0) {
    memcpy(at, data, len);
  }
  return at + len;
}

int imp_note_add(imp_note_log *log, const imp_note_args *args) {
  size_t spacelen = strlen(args->space), ownerlen = strlen(args->owner);
  if (spacelen > IMP_STORE_SPACE_MAX || ownerlen > IMP_STORE_OWNER_MAX || args->keylen > IMP_STORE_KEY_MAX ||
      args->valuelen > VALUE_MAX) {
    return IMP_ERR_TOO_BIG;
  }
  size_t size = sizeof(imp_note) + spacelen + 1 + ownerlen + 1 + args->keylen + args->valuelen;
  size = (size + 7) & ~(size_t)7;
  imp_note *note = reserve(log, size, args);
  if (note == NULL) {
    return IMP_ERR_NOMEM;
  }
  memset(note, 0, sizeof *note);
  note->op = args->op;
  note->size = (uint32_t)size;
  note->kind = (uint8_t)args->kind;
  note->flags = (uint8_t)args->flags;
  note->limit = args->limit;
  note->spacelen = (uint8_t)spacelen;
  note->ownerlen = (uint16_t)ownerlen;
  note->keylen = (uint16_t)args->keylen;
  note->valuelen = (uint32_t)args->valuelen;
  char *id = (char *)(note + 1);
  char *at = put_bytes(id, args->space, spacelen + 1);
  at = put_bytes(at, args->owner, ownerlen + 1);
  at = put_bytes(at, args->key, args->keylen);
  put_bytes(at, args->value, args->valuelen);
  note->hash = hash_bytes(id, imp_note_idlen(note));
  return IMP_OK;
}

imp_note_block *imp_note_log_take(imp_note_log *log) {
  imp_note_block *blocks = log->first;
  log->first = log->last = NULL;
  return blocks;
}

void imp_note_log_recycle(imp_note_log *log, imp_note_block *blocks) {
  while (blocks != NULL) {
    imp_note_block *next = blocks->next;
    log->held -= blocks->cap;
    if (blocks->cap == BLOCK_SIZE && log->reserve == NULL) {
      blocks->next = NULL;
      blocks->used = 0;
      log->reserve = blocks;
    } else if (blocks->cap == BLOCK_SIZE && log->pooled < POOL_MAX) {
      blocks->next = log->pool;
      log->pool = blocks;
      log->pooled++;
    } else {
      imp_free(blocks);
    }
    blocks = next;
  }
}

void imp_note_log_reset(imp_note_log *log) {
  imp_note_log_recycle(log, imp_note_log_take(log));
  while (log->pool != NULL) {
    imp_note_block *next = log->pool->next;
    imp_free(log->pool);
    log->pool = next;
  }
  log->pooled = 0;
  imp_free(log->reserve);
  log->reserve = NULL;
}

imp_note *imp_note_next(const imp_note_block *block, const imp_note *note) {
  const char *start = (const char *)(block + 1);
  size_t at = note != NULL ? (size_t)((const char *)note - start) + note->size : 0;
  return at < block->used ? (imp_note *)(void *)(uintptr_t)(start + at) : NULL;
}

int imp_rows_add(imp_rows *rows, const void *prefix, size_t prefixlen, const void *key, size_t keylen,
                 const void *value, size_t valuelen) {
  size_t lens[2] = {prefixlen + keylen, valuelen};
  size_t need = sizeof lens + lens[0] + lens[1];
  if (rows->cap - rows->used < need) {
    size_t cap = (rows->used + need) * 2;
    uint8_t *mem = imp_realloc(rows->mem, cap);
    if (mem == NULL) {
      return IMP_ERR_NOMEM;
    }
    rows->mem = mem;
    rows->cap = cap;
  }
  char *at = put_bytes((char *)rows->mem + rows->used, lens, sizeof lens);
  at = put_bytes(at, prefix, prefixlen);
  at = put_bytes(at, key, keylen);
  put_bytes(at, value, valuelen);
  rows->used += need;
  return IMP_OK;
}

int imp_rows_give(imp_rows *rows, imp_op *op) {
  int rv = IMP_OK;
  for (size_t at = 0; rv == IMP_OK && at < rows->used;) {
    size_t lens[2];
    memcpy(lens, rows->mem + at, sizeof lens);
    at += sizeof lens;
    rv = imp_op_add_row(op, rows->mem + at, lens[0], rows->mem + at + lens[0], lens[1]);
    at += lens[0] + lens[1];
  }
  imp_free(rows->mem);
  memset(rows, 0, sizeof *rows);
  return rv;
}
