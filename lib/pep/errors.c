/* Answers that refuse (XEP-0060 has a condition of its own beside the stanza's). */
#include "pep/internal.h"

const imp_jid *imp_pep_owner_of(imp_node *node, imp_session *session, const imp_stanza *st) {
  (void)node;
  return st->to != NULL && st->to->locallen > 0 ? st->to : session != NULL ? session->user->jid : NULL;
}

void imp_pep_refuse(imp_node *node, const imp_stanza *st, const char *condition, const char *pubsub, const char *feature) {
  imp_stanza *reply;
  imp_elem *error;
  if (imp_stanza_new_error(&reply, st, condition, NULL) < 0) {
    return;
  }
  if (reply->from == NULL) {
    imp_stanza_set_from(reply, imp_node_own_address(node, st));
  }
  error = (imp_elem *)(uintptr_t)imp_stanza_child(reply, "error", IMP_NS_CLIENT);
  if (pubsub != NULL && error != NULL) {
    imp_elem *el = imp_elem_add(reply, error, pubsub, IMP_NS_PUBSUB_ERRORS);
    if (el != NULL && feature != NULL) {
      imp_elem_set_attr(reply, el, "feature", feature);
    }
  }
  imp_node_reply(node, reply);
}

void imp_pep_refuse_status(imp_node *node, const imp_stanza *st, int status) {
  switch (status) {
  case IMP_ERR_CONFLICT:
    imp_pep_refuse(node, st, "conflict", "precondition-not-met", NULL);
    break;
  case IMP_ERR_EXISTS:
    imp_pep_refuse(node, st, "conflict", NULL, NULL);
    break;
  case IMP_ERR_NOT_FOUND:
    imp_pep_refuse(node, st, "item-not-found", NULL, NULL);
    break;
  case IMP_ERR_TOO_BIG:
    imp_pep_refuse(node, st, "not-acceptable", "payload-too-big", NULL);
    break;
  case IMP_ERR_LIMIT:
    imp_pep_refuse(node, st, "policy-violation", NULL, NULL);
    break;
  case IMP_ERR_MALFORMED:
    imp_pep_refuse(node, st, "not-acceptable", NULL, NULL);
    break;
  case IMP_ERR_NOMEM:
  case IMP_ERR_TIMEOUT:
  case IMP_ERR_UNAVAILABLE:
    imp_pep_refuse(node, st, "resource-constraint", NULL, NULL);
    break;
  default:
    imp_pep_refuse(node, st, "internal-server-error", NULL, NULL);
    break;
  }
}
