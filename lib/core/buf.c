#include "core/buf.h"

#include <string.h>

#include "core/mem.h"

#define FIRST_CAP 256

void imp_buf_init(imp_buf *buf, size_t max) {
  memset(buf, 0, sizeof *buf);
  buf->max = max;
}

void imp_buf_reset(imp_buf *buf) {
  imp_free(buf->mem);
  imp_buf_init(buf, buf->max);
}

static void compact(imp_buf *buf) {
  if (buf->off > 0) {
    memmove(buf->mem, buf->mem + buf->off, buf->end - buf->off);
    buf->end -= buf->off;
    buf->off = 0;
  }
}

/* Room for `need` bytes of data in all, and the NUL. */
static int grow(imp_buf *buf, size_t need) {
  size_t cap = buf->cap > 0 ? buf->cap : FIRST_CAP;
  while (cap <= need) {
    cap = cap > SIZE_MAX / 2 ? SIZE_MAX : cap * 2;
  }
  if (cap - 1 > buf->max) { /* need <= max, and max < SIZE_MAX as imp_buf_reserve saw */
    cap = buf->max + 1;
  }
  uint8_t *mem = imp_realloc(buf->mem, cap);
  if (mem == NULL) {
    return IMP_ERR_NOMEM;
  }
  buf->mem = mem;
  buf->cap = cap;
  return IMP_OK;
}

uint8_t *imp_buf_reserve(imp_buf *buf, size_t len, int *err) {
  size_t have = imp_buf_len(buf);
  *err = IMP_OK;
  if (len > buf->max || have > buf->max - len || have + len == SIZE_MAX) {
    *err = IMP_ERR_TOO_BIG;
    return NULL;
  }
  if (buf->cap - buf->end <= len) { /* one byte is for the NUL */
    /* Moving pays when at least as much was consumed as is left; otherwise growing keeps appends linear. */
    if ((buf->off >= have || buf->cap > buf->max) && buf->cap > have + len) {
      compact(buf);
    } else if ((*err = grow(buf, buf->end + len)) != IMP_OK) {
      return NULL;
    }
    if (buf->cap - buf->end <= len) { /* the maximum kept it from growing as far */
      compact(buf);
    }
  }
  return buf->mem + buf->end;
}

void imp_buf_commit(imp_buf *buf, size_t len) {
  buf->end += len;
  if (buf->mem != NULL) {
    buf->mem[buf->end] = '\0';
  }
}

int imp_buf_append(imp_buf *buf, const void *data, size_t len) {
  int err;
  uint8_t *to = imp_buf_reserve(buf, len, &err);
  if (to == NULL) {
    return err;
  }
  if (len > 0) {
    memcpy(to, data, len);
  }
  imp_buf_commit(buf, len);
  return IMP_OK;
}

int imp_buf_append_str(imp_buf *buf, const char *s) { return imp_buf_append(buf, s, strlen(s)); }

void imp_buf_consume(imp_buf *buf, size_t len) {
  buf->off += len;
  if (buf->off == buf->end) {
    buf->off = buf->end = 0;
  }
}
