/*
 * An exchange inside: what the mechanisms share.
 *
 * sasl.c keeps order (who may speak when), the family files (scram.c, plain.c, token.c, asserted.c, oauthbearer.c) do
 * the work.  Each family has a step (a message came), and a credential or a decide (the answer came).
 */
#ifndef IMP_SASL_SASL_H
#define IMP_SASL_SASL_H

#include <imp/sasl.h>

#include "core/buf.h"
#include "sasl/credential.h"
#include "sasl/crypto.h"
#include "sasl/mechanism.h"

#define IMP_SCRAM_NONCE_MAX 512 /* the client's part */

typedef enum imp_sasl_state {
  IMP_SASL_WAIT_FIRST = 0,  /* the client's first message */
  IMP_SASL_WAIT_CREDENTIAL, /* the host's answer */
  IMP_SASL_WAIT_HOST,       /* likewise */
  IMP_SASL_WAIT_LAST,       /* SCRAM's client-final; OAUTHBEARER's acknowledgement of an error */
  IMP_SASL_OVER
} imp_sasl_state;

/* SCRAM's part. */
typedef struct imp_scram {
  imp_buf messages; /* client-first-bare "," server-first: the beginning of the AuthMessage */
  imp_buf binding;  /* gs2-header and channel binding data: what c= must say */
  char *client_nonce;
  char *nonce; /* both parts */
  size_t noncelen;
  uint8_t stored_key[IMP_DIGEST_MAX];
  uint8_t server_key[IMP_DIGEST_MAX];
  uint32_t known; /* 1: the keys are a user's, 0: made up */
} imp_scram;

struct imp_sasl {
  const imp_mechanism *mech;
  const imp_digest *digest; /* SCRAM's, HT's */
  imp_sasl_params params;
  imp_sasl_state state;
  int asked;      /* an empty challenge went out, since there was no initial response */
  char *username; /* NULL: not known yet */
  char *authzid;
  char *secret; /* PLAIN's password, OAUTHBEARER's token; wiped */
  imp_buf out;
  const char *condition, *text;
  int negotiation;
  const char *fixed_nonce; /* tests: the server's part */
  imp_scram scram;
  uint8_t proof[IMP_DIGEST_MAX]; /* HT */
};

/* Ends with a failure; both strings are static. `negotiation`: see imp_sasl_failure_is_negotiation(). */
imp_sasl_result imp_sasl_refuse(imp_sasl *sasl, const char *condition, const char *text, int negotiation);
/* … with what an internal error calls for: temporary-auth-failure, or malformed-request for IMP_ERR_MALFORMED and
   IMP_ERR_TOO_BIG. */
imp_sasl_result imp_sasl_refuse_error(imp_sasl *sasl, int error);
imp_sasl_result imp_sasl_wrong_secret(imp_sasl *sasl);
/* Sets a name from the client's bytes, SASLprep'd. IMP_ERR_MALFORMED, … */
int imp_sasl_set_username(imp_sasl *sasl, const char *name, size_t len);
/* As is; bytes that are no UTF-8, contain NUL or are too many are IMP_ERR_MALFORMED. */
int imp_sasl_set_authzid(imp_sasl *sasl, const char *name, size_t len);
int imp_sasl_set_string(char **where, const char *s, size_t len);

/* Fixes the server's nonce, before the first step. For tests against published vectors; borrowed. */
void imp_sasl_fix_nonce(imp_sasl *sasl, const char *nonce);

/* `known` 0: the credential stands in for one that is not there, and can only fail. */
imp_sasl_result imp_scram_first(imp_sasl *sasl, const char *in, size_t inlen);
imp_sasl_result imp_scram_credential(imp_sasl *sasl, const imp_credential *credential, uint32_t known);
imp_sasl_result imp_scram_final(imp_sasl *sasl, const char *in, size_t inlen);
void imp_scram_wipe(imp_scram *scram);

imp_sasl_result imp_plain_first(imp_sasl *sasl, const char *in, size_t inlen);
imp_sasl_result imp_plain_credential(imp_sasl *sasl, const imp_credential *credential, uint32_t known);

imp_sasl_result imp_external_first(imp_sasl *sasl, const char *in, size_t inlen);
imp_sasl_result imp_anonymous_first(imp_sasl *sasl, const char *in, size_t inlen);

imp_sasl_result imp_ht_first(imp_sasl *sasl, const char *in, size_t inlen);
imp_sasl_result imp_ht_decide(imp_sasl *sasl, const void *token, size_t tokenlen);

imp_sasl_result imp_oauthbearer_first(imp_sasl *sasl, const char *in, size_t inlen);
imp_sasl_result imp_oauthbearer_refuse(imp_sasl *sasl);

#endif
