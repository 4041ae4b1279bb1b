#include "port/http.h"

#include <string.h>

#include "core/mem.h"

static int is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

static int same_name(const char *a, const char *b) {
  while (*a != '\0' && lower(*a) == lower(*b)) {
    a++;
    b++;
  }
  return *a == *b;
}

int imp_http_expect(imp_op *op, uint64_t body_max, imp_http_body_fn fn, void *user_data) {
  imp_http_response *response = imp_calloc(1, sizeof *response);
  if (response == NULL) {
    return IMP_ERR_NOMEM;
  }
  response->body_max = body_max;
  response->fn = fn;
  response->user_data = user_data;
  response->last = &response->first;
  imp_arena_init(&response->arena, NULL, 0);
  imp_buf_init(&response->body, body_max > 0 && body_max < SIZE_MAX / 2 ? (size_t)body_max : SIZE_MAX / 2);
  imp_http_response_del(*imp_op_http(op));
  *imp_op_http(op) = response;
  return IMP_OK;
}

void imp_http_response_del(imp_http_response *response) {
  if (response != NULL) {
    imp_arena_reset(&response->arena);
    imp_buf_reset(&response->body);
    imp_free(response);
  }
}

/* The response that is fed; NULL, and *error says why, if there is none to feed. */
static imp_http_response *fed(imp_op *op, int *error) {
  *error = IMP_ERR_CANCELLED;
  if (imp_op_is_cancelled(op)) {
    return NULL;
  }
  *error = IMP_ERR_STATE;
  return *imp_op_http(op);
}

static int lost(imp_op *op) {
  imp_op_set_broken(op);
  return IMP_ERR_NOMEM;
}

int imp_http_status(imp_op *op, uint32_t status) {
  int error;
  imp_http_response *response = fed(op, &error);
  if (response == NULL) {
    return error;
  }
  if (status < 100 || status > 599 || response->begun) {
    return IMP_ERR_INVALID_ARGUMENT;
  }
  if (status >= 200) {
    response->status = status;
    response->first = NULL;
    response->last = &response->first;
    response->header_bytes = 0;
    imp_arena_reset(&response->arena);
  }
  return IMP_OK;
}

static void trim(const char **s, size_t *len) {
  while (*len > 0 && is_space((*s)[*len - 1])) {
    --*len;
  }
  while (*len > 0 && is_space(**s)) {
    ++*s;
    --*len;
  }
}

int imp_http_header(imp_op *op, const char *name, size_t namelen, const char *value, size_t valuelen) {
  int error;
  imp_http_response *response = fed(op, &error);
  if (response == NULL) {
    return error;
  }
  if (response->status == 0) {
    return IMP_ERR_STATE;
  }
  trim(&name, &namelen);
  trim(&value, &valuelen);
  if (namelen > IMP_HTTP_HEADERS_MAX || valuelen > IMP_HTTP_HEADERS_MAX ||
      response->header_bytes + namelen + valuelen > IMP_HTTP_HEADERS_MAX) {
    return IMP_ERR_TOO_BIG;
  }
  imp_http_line *line = imp_arena_alloc(&response->arena, sizeof *line);
  if (line == NULL || (line->name = imp_arena_strndup(&response->arena, name, namelen)) == NULL ||
      (line->value = imp_arena_strndup(&response->arena, value, valuelen)) == NULL) {
    return lost(op);
  }
  response->header_bytes += namelen + valuelen + sizeof *line;
  line->next = NULL;
  *response->last = line;
  response->last = &line->next;
  return IMP_OK;
}

int imp_http_body(imp_op *op, const void *data, size_t len) {
  int error;
  imp_http_response *response = fed(op, &error);
  if (response == NULL) {
    return error;
  }
  if (response->status == 0) {
    return IMP_ERR_STATE;
  }
  response->begun = 1;
  if (response->body_max > 0 && len > response->body_max - response->body_bytes) {
    return IMP_ERR_TOO_BIG;
  }
  response->body_bytes += len;
  if (response->fn != NULL) {
    return len > 0 ? response->fn(op, data, len, response->user_data) : IMP_OK;
  }
  int rv = imp_buf_append(&response->body, data, len);
  return rv == IMP_ERR_NOMEM ? lost(op) : rv;
}

void imp_http_error(imp_op *op, const char *text) {
  int error;
  imp_http_response *response = fed(op, &error);
  if (response != NULL && text != NULL) {
    size_t len = 0;
    for (; text[len] != '\0' && len < sizeof response->error - 1; len++) {
      response->error[len] = (unsigned char)text[len] < 0x20 ? ' ' : text[len];
    }
    response->error[len] = '\0';
  }
}

uint32_t imp_http_get_status(const imp_op *op) {
  const imp_http_response *response = *imp_op_http(op);
  return response != NULL ? response->status : 0;
}

const char *imp_http_get_header(const imp_op *op, const char *name) {
  const imp_http_response *response = *imp_op_http(op);
  for (const imp_http_line *line = response != NULL ? response->first : NULL; line != NULL; line = line->next) {
    if (same_name(line->name, name)) {
      return line->value;
    }
  }
  return NULL;
}

int imp_http_get_field(const imp_op *op, size_t i, const char **name, const char **value) {
  const imp_http_response *response = *imp_op_http(op);
  const imp_http_line *line = response != NULL ? response->first : NULL;
  while (line != NULL && i-- > 0) {
    line = line->next;
  }
  if (line == NULL) {
    return IMP_ERR_NOT_FOUND;
  }
  *name = line->name;
  *value = line->value;
  return IMP_OK;
}

const char *imp_http_get_body(const imp_op *op, size_t *len) {
  const imp_http_response *response = *imp_op_http(op);
  *len = response != NULL ? imp_buf_len(&response->body) : 0;
  return *len > 0 ? (const char *)imp_buf_data(&response->body) : "";
}

const char *imp_http_get_error(const imp_op *op) {
  const imp_http_response *response = *imp_op_http(op);
  return response != NULL ? response->error : "";
}
