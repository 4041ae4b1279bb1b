/* SASLprep (RFC 4013). */
#ifndef IMP_SASL_PREP_H
#define IMP_SASL_PREP_H

#include <imp/core.h>

#define IMP_SASL_NAME_MAX 1023 /* bytes of a user name or password, before and after */

/*
 * A prepared copy, NUL-ended, to be freed with imp_free_secret(…, strlen). Unassigned code points are let through, as by
 * RFC 3454 §7 for queries: clients prepare with newer tables than ours.
 * IMP_ERR_MALFORMED: no UTF-8, a NUL, empty after preparation, or forbidden. IMP_ERR_TOO_BIG, IMP_ERR_NOMEM.
 */
int imp_saslprep(char **out, const char *s, size_t len);

#endif
