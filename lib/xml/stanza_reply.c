#include "core/mem.h"
#include "xml/stanza.h"

/* RFC 6120 §8.3.3: conditions and the error types that they usually go with. */
static const struct {
  const char *condition, *type;
} conditions[] = {
    {"bad-request", "modify"},
    {"conflict", "cancel"},
    {"feature-not-implemented", "cancel"},
    {"forbidden", "auth"},
    {"gone", "cancel"},
    {"internal-server-error", "cancel"},
    {"item-not-found", "cancel"},
    {"jid-malformed", "modify"},
    {"not-acceptable", "modify"},
    {"not-allowed", "cancel"},
    {"not-authorized", "auth"},
    {"policy-violation", "modify"},
    {"recipient-unavailable", "wait"},
    {"redirect", "modify"},
    {"registration-required", "auth"},
    {"remote-server-not-found", "cancel"},
    {"remote-server-timeout", "wait"},
    {"resource-constraint", "wait"},
    {"service-unavailable", "cancel"},
    {"subscription-required", "auth"},
    {"undefined-condition", "cancel"},
    {"unexpected-request", "wait"},
};

static const char *error_type(const char *condition) {
  for (size_t i = 0; i < IMP_ARRAY_LEN(conditions); ++i) {
    if (strcmp(conditions[i].condition, condition) == 0) {
      return conditions[i].type;
    }
  }
  return NULL;
}

/* The same kind of stanza, going back, with the same id. */
static int answer(imp_stanza **out, const imp_stanza *st) {
  imp_stanza *reply;
  int err = imp_stanza_new(&reply, st->root.name, st->root.ns);
  if (err != IMP_OK) {
    return err;
  }
  if (st->from != NULL) {
    imp_stanza_set_to(reply, st->from);
  }
  if (st->to != NULL) {
    imp_stanza_set_from(reply, st->to);
  }
  if (st->id != NULL) {
    imp_stanza_set_id(reply, st->id);
  }
  *out = reply;
  return IMP_OK;
}

static int finish(imp_stanza **out, imp_stanza *reply) {
  if (imp_stanza_is_broken(reply)) {
    imp_stanza_del(reply);
    return IMP_ERR_NOMEM;
  }
  *out = reply;
  return IMP_OK;
}

int imp_stanza_new_reply(imp_stanza **out, const imp_stanza *st) {
  imp_stanza *reply;
  int err = answer(&reply, st);
  if (err != IMP_OK) {
    return err;
  }
  if (st->kind == IMP_STANZA_IQ) {
    imp_stanza_set_type(reply, IMP_TYPE_RESULT);
  } else if (st->kind == IMP_STANZA_MESSAGE && st->type != IMP_TYPE_ERROR && st->type != IMP_TYPE_OTHER) {
    imp_stanza_set_type(reply, (imp_stanza_type)st->type);
  }
  return finish(out, reply);
}

int imp_stanza_new_error(imp_stanza **out, const imp_stanza *st, const char *condition, const char *text) {
  imp_stanza *reply;
  const char *type = error_type(condition);
  if (st->type == IMP_TYPE_ERROR || type == NULL || st->kind == IMP_STANZA_NONZA) {
    return IMP_ERR_INVALID_ARGUMENT;
  }
  int err = answer(&reply, st);
  if (err != IMP_OK) {
    return err;
  }
  imp_stanza_set_type(reply, IMP_TYPE_ERROR);
  if (st->kind == IMP_STANZA_MESSAGE) {
    for (const imp_elem *child = st->root.first; child != NULL; child = child->next) {
      imp_elem_add_copy(reply, &reply->root, child);
    }
  }
  imp_elem *error = imp_elem_add(reply, imp_stanza_edit(reply), "error", NULL);
  imp_elem_set_attr(reply, error, "type", type);
  imp_elem_add(reply, error, condition, IMP_NS_STANZAS);
  if (text != NULL) {
    imp_elem_add_text(reply, error, "text", IMP_NS_STANZAS, text);
  }
  return finish(out, reply);
}
