#include "core/mem.h"

#include <stdlib.h>
#include <string.h>

static imp_malloc_fn do_malloc = malloc;
static imp_calloc_fn do_calloc = calloc;
static imp_realloc_fn do_realloc = realloc;
static imp_free_fn do_free = free;

int imp_replace_allocator(imp_malloc_fn malloc_fn, imp_calloc_fn calloc_fn, imp_realloc_fn realloc_fn,
                          imp_free_fn free_fn) {
  if (malloc_fn == NULL || calloc_fn == NULL || realloc_fn == NULL || free_fn == NULL) {
    return IMP_ERR_INVALID_ARGUMENT;
  }
  do_malloc = malloc_fn;
  do_calloc = calloc_fn;
  do_realloc = realloc_fn;
  do_free = free_fn;
  return IMP_OK;
}

/* A size of 0 asks for 1 byte, so that NULL always means failure. */
void *imp_malloc(size_t size) { return do_malloc(size > 0 ? size : 1); }

void *imp_calloc(size_t count, size_t size) {
  if (size != 0 && count > SIZE_MAX / size) {
    return NULL;
  }
  return count == 0 || size == 0 ? do_calloc(1, 1) : do_calloc(count, size);
}

void *imp_realloc(void *ptr, size_t size) { return do_realloc(ptr, size > 0 ? size : 1); }

void imp_free(void *ptr) {
  if (ptr != NULL) {
    do_free(ptr);
  }
}

char *imp_strdup(const char *s) { return imp_memdup(s, strlen(s) + 1); }

char *imp_strndup(const char *s, size_t len) {
  char *copy = len < SIZE_MAX ? imp_malloc(len + 1) : NULL;
  if (copy != NULL) {
    if (len > 0) {
      memcpy(copy, s, len);
    }
    copy[len] = '\0';
  }
  return copy;
}

void *imp_memdup(const void *p, size_t len) {
  void *copy = imp_malloc(len);
  if (copy != NULL && len > 0) {
    memcpy(copy, p, len);
  }
  return copy;
}

void imp_wipe(void *ptr, size_t len) {
  if (ptr != NULL && len > 0) {
    memset(ptr, 0, len);
    __asm__ __volatile__("" : : "r"(ptr) : "memory"); /* the bytes count as used: memset stays */
  }
}

void imp_free_secret(void *ptr, size_t len) {
  imp_wipe(ptr, len);
  imp_free(ptr);
}

int imp_memeq_ct(const void *a, const void *b, size_t len) {
  const volatile uint8_t *x = a;
  const volatile uint8_t *y = b;
  uint8_t diff = 0;
  for (size_t i = 0; i < len; i++) {
    diff = (uint8_t)(diff | (x[i] ^ y[i]));
  }
  return diff == 0;
}
