/* What the SASL tests share: the client's side of SCRAM, and an exchange to try things on. */
#ifndef IMP_UNIT_SASL_CLIENT_H
#define IMP_UNIT_SASL_CLIENT_H

#include <imp/sasl.h>

#define SASL_TEXT_MAX 1024

/* A secret key and settings like those of an account derived with 4096 iterations. */
void sasl_params(imp_sasl_params *params, const imp_channel_binding *binding);

/* client-final for a server-first, and the v= that the server must answer. `gs2` is the header, `bare` client-first-bare. */
typedef struct sasl_final {
  char message[SASL_TEXT_MAX];
  char verifier[SASL_TEXT_MAX];
} sasl_final;
void sasl_scram_final(sasl_final *out, const char *hash, const char *password, const char *gs2, const void *binding,
                      size_t bindinglen, const char *bare, const char *server_first, size_t server_firstlen);

#endif
