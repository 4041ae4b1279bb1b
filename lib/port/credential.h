/* Credentials that an op carries: copies, wiped when the op ends. */
#ifndef IMP_PORT_CREDENTIAL_H
#define IMP_PORT_CREDENTIAL_H

#include <imp/op.h>

typedef struct imp_op_cred imp_op_cred;

/* Checks and copies. IMP_ERR_INVALID_ARGUMENT, IMP_ERR_RANGE, IMP_ERR_NOMEM. */
int imp_op_creds_add(imp_op_cred **creds, const imp_credential *credential);
void imp_op_creds_del(imp_op_cred *creds);
/* The one for this hash, else one with a password, else NULL. `hash` NULL: any will do, SHA-256 first. */
const imp_credential *imp_op_creds_find(const imp_op_cred *creds, const char *hash);

#endif
