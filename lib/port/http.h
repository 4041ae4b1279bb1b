/* The response that an op collects. Rooms ask for it with imp_http_expect() and read it with imp_http_get_*(). */
#ifndef IMP_PORT_HTTP_H
#define IMP_PORT_HTTP_H

#include <imp/sys/http.h>

#include "core/arena.h"
#include "core/buf.h"

#define IMP_HTTP_ERROR_MAX 256

typedef struct imp_http_line {
  struct imp_http_line *next;
  const char *name, *value;
} imp_http_line;

typedef struct imp_http_response {
  uint32_t status;
  int begun;          /* a piece of the body came */
  size_t header_bytes;
  uint64_t body_bytes, body_max;
  imp_http_body_fn fn;
  void *user_data;
  imp_http_line *first, **last;
  imp_arena arena; /* fields */
  imp_buf body;
  char error[IMP_HTTP_ERROR_MAX];
} imp_http_response;

void imp_http_response_del(imp_http_response *response);

/* Where an op keeps it (op.c). */
imp_http_response **imp_op_http(const imp_op *op);
/* Part of the result is lost for want of memory: the op ends with IMP_ERR_NOMEM whatever the host says. */
void imp_op_set_broken(imp_op *op);

#endif
