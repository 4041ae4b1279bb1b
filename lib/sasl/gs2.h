/* The header that SCRAM and OAUTHBEARER share (RFC 5801 §4), and the "a=value,b=value" text of SCRAM. */
#ifndef IMP_SASL_GS2_H
#define IMP_SASL_GS2_H

#include <imp/core.h>

/* Text being read, from front to end. */
typedef struct imp_cursor {
  const char *at, *end;
} imp_cursor;

typedef struct imp_text {
  const char *s;
  size_t len;
} imp_text;

typedef struct imp_gs2 {
  char flag;        /* 'n', 'y' or 'p' */
  imp_text binding; /* behind "p=" */
  int has_authzid;
  imp_text authzid; /* still escaped */
  size_t len;       /* of the header, its last comma included */
} imp_gs2;

/* Reads the header off the cursor. IMP_ERR_MALFORMED. */
int imp_gs2_read(imp_gs2 *gs2, imp_cursor *in);
/* Reads "x=value" up to the next comma (taken too) or the end, if it is attribute `name`. IMP_ERR_MALFORMED. */
int imp_attribute_read(imp_text *value, imp_cursor *in, char name);
/* Undoes =2C and =3D (RFC 5802 §5.1) in place of a copy, NUL-ended, to be freed. IMP_ERR_MALFORMED, IMP_ERR_NOMEM. */
int imp_saslname_decode(char **out, size_t *outlen, const imp_text *in);

#endif
