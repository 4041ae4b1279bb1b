#include "sasl/prep.h"

#include <string.h>
#include <stringprep.h>

#include "core/codec.h"
#include "core/mem.h"
#include "sasl/crypto.h"

/* Preparation changes nothing in printable ASCII. */
static int is_plain_ascii(const char *s, size_t len) {
  size_t i;
  for (i = 0; i < len; i++) {
    if (s[i] < 0x20 || s[i] > 0x7e) {
      return 0;
    }
  }
  return 1;
}

static int prepare(char **out, const char *s, size_t len) {
  char room[IMP_SASL_NAME_MAX * 4 + 1];
  int rc, result = IMP_OK;

  memcpy(room, s, len);
  room[len] = '\0';
  rc = stringprep(room, sizeof room, (Stringprep_profile_flags)0, stringprep_saslprep);
  if (rc == STRINGPREP_MALLOC_ERROR) {
    result = IMP_ERR_NOMEM;
  } else if (rc != STRINGPREP_OK || room[0] == '\0') {
    result = IMP_ERR_MALFORMED;
  } else if (strlen(room) > IMP_SASL_NAME_MAX) {
    result = IMP_ERR_TOO_BIG;
  } else if ((*out = imp_strdup(room)) == NULL) {
    result = IMP_ERR_NOMEM;
  }
  imp_wipe(room, sizeof room);
  return result;
}

int imp_saslprep(char **out, const char *s, size_t len) {
  if (len > IMP_SASL_NAME_MAX) {
    return IMP_ERR_TOO_BIG;
  }
  if (len == 0 || memchr(s, '\0', len) != NULL || !imp_utf8_valid(s, len)) {
    return IMP_ERR_MALFORMED;
  }
  if (is_plain_ascii(s, len)) {
    *out = imp_strndup(s, len);
    return *out == NULL ? IMP_ERR_NOMEM : IMP_OK;
  }
  return prepare(out, s, len);
}
