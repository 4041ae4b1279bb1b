/*
 * Byte buffers with a maximum at birth.
 *
 * An append that would pass `max` fails with IMP_ERR_TOO_BIG and changes nothing.  Bytes are consumed from the front
 * without moving the rest each time.  The memory always holds a NUL behind the data once something was appended.
 */
#ifndef IMP_CORE_BUF_H
#define IMP_CORE_BUF_H

#include <imp/core.h>

typedef struct imp_buf {
  uint8_t *mem;
  size_t off; /* first byte that was not consumed */
  size_t end; /* one past the last byte */
  size_t cap;
  size_t max;
} imp_buf;

void imp_buf_init(imp_buf *buf, size_t max);
/* Frees the memory; the buffer can be used again. */
void imp_buf_reset(imp_buf *buf);
int imp_buf_append(imp_buf *buf, const void *data, size_t len);
int imp_buf_append_str(imp_buf *buf, const char *s);
/* Makes room for len bytes at the end and returns where they go (NULL: out of memory or over max, then *err says);
   then imp_buf_commit() the number really written. */
uint8_t *imp_buf_reserve(imp_buf *buf, size_t len, int *err);
void imp_buf_commit(imp_buf *buf, size_t len);
void imp_buf_consume(imp_buf *buf, size_t len);

static inline size_t imp_buf_len(const imp_buf *buf) { return buf->end - buf->off; }
static inline uint8_t *imp_buf_data(const imp_buf *buf) { return buf->mem ? buf->mem + buf->off : NULL; }

#endif
