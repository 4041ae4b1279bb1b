/* The table of mechanisms. */
#ifndef IMP_SASL_MECHANISM_H
#define IMP_SASL_MECHANISM_H

#include <imp/sasl.h>

typedef enum imp_family {
  IMP_FAMILY_SCRAM,
  IMP_FAMILY_PLAIN,
  IMP_FAMILY_EXTERNAL,
  IMP_FAMILY_ANONYMOUS,
  IMP_FAMILY_OAUTHBEARER,
  IMP_FAMILY_HT
} imp_family;

typedef enum imp_binding_type {
  IMP_BINDING_NONE = 0,
  IMP_BINDING_EXPORTER,
  IMP_BINDING_ENDPOINT,
  IMP_BINDING_UNIQUE
} imp_binding_type;

typedef struct imp_mechanism {
  const char *name;
  const char *hash; /* SCRAM's and HT's; NULL */
  uint32_t bit;
  imp_family family;
  uint8_t plus;              /* SCRAM-…-PLUS */
  uint8_t tls;               /* not without encryption */
  imp_binding_type binding;  /* HT: the one it needs */
} imp_mechanism;

/* In the order in which they are offered: strongest first. */
extern const imp_mechanism imp_mechanisms[];
extern const size_t imp_mechanism_count;

const imp_mechanism *imp_mechanism_by_bit(uint32_t bit);
/* By the name of its type ("tls-exporter"); IMP_BINDING_NONE if it is none of ours. */
imp_binding_type imp_binding_type_by_name(const char *name, size_t namelen);
/* The data, NULL if the stream has none of this type. */
const void *imp_binding_data(const imp_channel_binding *binding, imp_binding_type type, size_t *len);
/* Non-zero if a stream with this binding can do the mechanism. */
int imp_mechanism_possible(const imp_mechanism *mech, const imp_channel_binding *binding);

#endif
