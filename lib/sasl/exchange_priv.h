/* An XML exchange inside, shared by exchange.c (order), exchange_read.c (elements) and exchange_write.c (text). */
#ifndef IMP_SASL_EXCHANGE_PRIV_H
#define IMP_SASL_EXCHANGE_PRIV_H

#include "sasl/exchange.h"

typedef enum imp_exchange_phase {
  IMP_PHASE_IDLE = 0,   /* no attempt is under way */
  IMP_PHASE_CLIENT,     /* the client's turn */
  IMP_PHASE_CREDENTIAL, /* the caller's turn */
  IMP_PHASE_HOST,       /* likewise */
  IMP_PHASE_SUCCEEDED   /* the caller finishes */
} imp_exchange_phase;

struct imp_sasl_exchange {
  imp_sasl_exchange_config config;
  char *domain;
  imp_jid *from;
  imp_exchange_phase phase;
  int sasl2;
  imp_sasl *sasl;
  imp_stanza *request; /* SASL2's <authenticate/> */
  imp_jid *user;
  const void *data; /* what goes with the success; the mechanism's, valid while `sasl` is */
  size_t datalen;
  uint32_t mechanism;
  uint32_t failures, attempts;
  int counted;
  char condition[32];
};

/* Decoded client data, wiped and freed with imp_message_free(). `data` NULL: there was none. */
typedef struct imp_message {
  uint8_t *data;
  size_t len;
  size_t cap;
} imp_message;
/* Decodes an element's text and wipes it in the tree, where no log will find it. SASL1: "=" is an empty message, no
   text is none; SASL2: no text is an empty message. IMP_ERR_MALFORMED (incorrect-encoding), IMP_ERR_NOMEM. */
int imp_message_read(imp_message *message, const imp_elem *elem, int sasl2);
void imp_message_free(imp_message *message);

/* Non-zero for the 36 characters of a UUID. */
int imp_is_uuid(const char *s);

int imp_exchange_write_challenge(imp_buf *out, int sasl2, const void *data, size_t len);
int imp_exchange_write_failure(imp_buf *out, int sasl2, const char *condition, const char *text);
int imp_exchange_write_success(imp_buf *out, int sasl2, const void *data, size_t len, const char *who,
                               const char *inlined, size_t inlinedlen);
int imp_exchange_write_continue(imp_buf *out, const void *data, size_t len, const char *const *tasks, size_t ntasks,
                                const char *text);

#endif
