/* A request of XEP-0060 on its way through the files that answer it. */
#ifndef IMP_PEP_REQUEST_H
#define IMP_PEP_REQUEST_H

#include "pep/internal.h"

typedef struct imp_pep_request {
  imp_pep_job job;
  imp_stanza *st;
  imp_jid *owner;
  const imp_elem *pubsub, *action; /* of st */
  const struct imp_pep_verb *verb;
  imp_words ids; /* items.c */
  uint32_t max;
  uint8_t is_owner;
} imp_pep_request;

/* IMP_OK: answered. IMP_ERR_PENDING: the verb has taken the request and will end it. Anything else: refused by it. */
typedef int (*imp_pep_verb_fn)(imp_pep_account *a, imp_pep_request *r);
typedef struct imp_pep_verb {
  const char *name, *ns;
  imp_stanza_type type;
  uint8_t owner_only;
  uint8_t needs_node; /* 1: the attribute; 2: that there is such a node, too */
  imp_pep_verb_fn fn;
} imp_pep_verb;

int imp_pep_do_items(imp_pep_account *a, imp_pep_request *r);
int imp_pep_do_publish(imp_pep_account *a, imp_pep_request *r);
int imp_pep_do_retract(imp_pep_account *a, imp_pep_request *r);
int imp_pep_do_create(imp_pep_account *a, imp_pep_request *r);
int imp_pep_do_configure_get(imp_pep_account *a, imp_pep_request *r);
int imp_pep_do_configure_set(imp_pep_account *a, imp_pep_request *r);
int imp_pep_do_default(imp_pep_account *a, imp_pep_request *r);
int imp_pep_do_delete(imp_pep_account *a, imp_pep_request *r);
int imp_pep_do_purge(imp_pep_account *a, imp_pep_request *r);
int imp_pep_do_affiliations_get(imp_pep_account *a, imp_pep_request *r);
int imp_pep_do_affiliations_set(imp_pep_account *a, imp_pep_request *r);

/* The attribute `node` of the action. */
const char *imp_pep_node_name(const imp_pep_request *r);
/* An answer with <pubsub/> and in it the action's name and node. NULL: no memory. */
imp_stanza *imp_pep_reply(const imp_pep_request *r, imp_elem **action);
int imp_pep_reply_empty(const imp_pep_request *r);
int imp_pep_refuse_request(const imp_pep_request *r, const char *condition, const char *pubsub, const char *feature);

#endif
