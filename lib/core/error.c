#include <imp/core.h>

#include "core/mem.h"

typedef struct error_text {
  int code;
  const char *name;
  const char *text;
} error_text;

#define E(code, text) {code, #code, text}

static const error_text errors[] = {
    E(IMP_OK, "success"),
    E(IMP_ERR_INVALID_ARGUMENT, "invalid argument"),
    E(IMP_ERR_RANGE, "setting out of range"),
    E(IMP_ERR_STATE, "not possible in this state"),
    E(IMP_ERR_NOT_FOUND, "not found"),
    E(IMP_ERR_EXISTS, "exists already"),
    E(IMP_ERR_PENDING, "not finished yet"),
    E(IMP_ERR_TOO_BIG, "too big"),
    E(IMP_ERR_CANCELLED, "cancelled"),
    E(IMP_ERR_TIMEOUT, "deadline passed"),
    E(IMP_ERR_DENIED, "denied"),
    E(IMP_ERR_UNAVAILABLE, "service of the host unavailable"),
    E(IMP_ERR_MALFORMED, "malformed input"),
    E(IMP_ERR_LIMIT, "rate or quota used up"),
    E(IMP_ERR_UNSUPPORTED, "not supported"),
    E(IMP_ERR_CONFLICT, "held by somebody else"),
    E(IMP_ERR_NOMEM, "out of memory"),
    E(IMP_ERR_CLOSED, "connection has ended"),
    E(IMP_ERR_CALLBACK, "a callback of the host failed"),
    E(IMP_ERR_CORRUPT, "stored data is damaged"),
};

static const error_text *find(int code) {
  for (size_t i = 0; i < IMP_ARRAY_LEN(errors); i++) {
    if (errors[i].code == code) {
      return &errors[i];
    }
  }
  return NULL;
}

const char *imp_strerror(int error) {
  const error_text *e = find(error);
  return e != NULL ? e->text : "unknown error";
}

const char *imp_error_name(int error) {
  const error_text *e = find(error);
  return e != NULL ? e->name : "IMP_ERR_UNKNOWN";
}

int imp_error_is_fatal(int error) { return error <= -501 && error >= -599; }
