/* What owners do to their nodes: publish, take back, make, configure, empty, delete, let others in. */
#include <string.h>

#include "core/codec.h"
#include "pep/request.h"

#define NS_OPTIONS IMP_NS_PUBSUB "#publish-options"
#define NS_CONFIG IMP_NS_PUBSUB "#node_config"

static int is_named(const imp_elem *el, const char *name) { return imp_elem_match(el, name, IMP_NS_PUBSUB); }

static int reply(const imp_pep_request *r, imp_stanza *st) {
  imp_node_reply(r->job.pep->node, st);
  return IMP_OK;
}

static imp_pep_node *node_of(imp_pep_account *a, const imp_pep_request *r) { return imp_pep_find(a, imp_pep_node_name(r)); }

/* ---- publish ---- */

static int say_published(const imp_pep_request *r, const char *id) {
  imp_elem *publish, *item;
  imp_stanza *st = imp_pep_reply(r, &publish);
  if (st == NULL) {
    return IMP_ERR_NOMEM;
  }
  item = imp_elem_add(st, publish, "item", NULL);
  if (item != NULL) {
    imp_elem_set_attr(st, item, "id", id);
  }
  return reply(r, st);
}

static const imp_elem *form_in(const imp_pep_request *r, const char *name) {
  const imp_elem *el = imp_elem_child(r->pubsub, name, IMP_NS_PUBSUB);
  return el != NULL ? imp_elem_child(el, "x", IMP_NS_DATA) : NULL;
}

static int publish_item(imp_pep_account *a, imp_pep_request *r, const imp_elem *item) {
  const imp_elem *payload = imp_elem_first(item);
  const char *id = imp_elem_attr(item, "id");
  char fresh[24];
  imp_pep_options options;
  int rv;
  if (payload != NULL && imp_elem_next(payload) != NULL) {
    return imp_pep_refuse_request(r, "bad-request", "invalid-payload", NULL);
  }
  if (id == NULL || *id == '\0') {
    imp_node_fresh_id(r->job.pep->node, fresh);
    id = fresh;
  } else if (strlen(id) > IMP_PEP_NAME_MAX) {
    return IMP_ERR_MALFORMED;
  }
  rv = imp_pep_options_read(a->pep, &options, form_in(r, "publish-options"));
  if (rv == IMP_ERR_MALFORMED || (rv == IMP_OK && options.unmet)) {
    rv = IMP_ERR_CONFLICT; /* a precondition cannot be met, or is not understood (§7.1.5) */
  }
  rv = rv < 0 ? rv : imp_pep_put(a, imp_pep_node_name(r), id, payload, &options);
  imp_pep_options_free(&options);
  return rv < 0 ? rv : say_published(r, id);
}

int imp_pep_do_publish(imp_pep_account *a, imp_pep_request *r) {
  const imp_elem *item = imp_elem_first(r->action);
  if (item == NULL || !is_named(item, "item")) {
    return imp_pep_refuse_request(r, "bad-request", "item-required", NULL);
  }
  if (imp_elem_next(item) != NULL) {
    return imp_pep_refuse_request(r, "not-allowed", "max-items-exceeded", NULL);
  }
  return publish_item(a, r, item);
}

/* ---- retract ---- */

static int is_true(const char *value) { return value != NULL && (strcmp(value, "1") == 0 || strcmp(value, "true") == 0); }

int imp_pep_do_retract(imp_pep_account *a, imp_pep_request *r) {
  const imp_elem *item = imp_elem_first(r->action);
  const char *id = item != NULL && is_named(item, "item") ? imp_elem_attr(item, "id") : NULL;
  int rv;
  if (id == NULL || imp_elem_next(item) != NULL) {
    return imp_pep_refuse_request(r, "bad-request", "item-required", NULL);
  }
  rv = imp_pep_take_back(a, node_of(a, r), id, is_true(imp_elem_attr(r->action, "notify")));
  return rv < 0 ? rv : imp_pep_reply_empty(r);
}

/* ---- nodes ---- */

int imp_pep_do_create(imp_pep_account *a, imp_pep_request *r) {
  imp_pep_options options;
  imp_pep_config config;
  imp_pep_node *n;
  int rv;
  if (node_of(a, r) != NULL) {
    return IMP_ERR_EXISTS;
  }
  imp_pep_config_default(&config);
  rv = imp_pep_options_read(a->pep, &options, form_in(r, "configure"));
  rv = rv < 0 ? rv : imp_pep_options_apply(&options, &config);
  rv = rv < 0 ? rv : imp_pep_node_new(&n, a, imp_pep_node_name(r), &config);
  if (rv == IMP_OK && (rv = imp_pep_node_save(a, n)) < 0) {
    imp_pep_node_free(a, n);
  }
  imp_words_free(&config.groups);
  imp_pep_options_free(&options);
  return rv < 0 ? rv : imp_pep_reply_empty(r);
}

static int say_config(const imp_pep_request *r, const imp_pep_config *config) {
  imp_elem *el;
  imp_stanza *st = imp_pep_reply(r, &el);
  if (st == NULL) {
    return IMP_ERR_NOMEM;
  }
  imp_pep_config_write(st, el, config, "form", NS_CONFIG);
  return reply(r, st);
}

int imp_pep_do_configure_get(imp_pep_account *a, imp_pep_request *r) { return say_config(r, &node_of(a, r)->config); }

int imp_pep_do_default(imp_pep_account *a, imp_pep_request *r) {
  imp_pep_config config;
  (void)a;
  imp_pep_config_default(&config);
  return say_config(r, &config);
}

int imp_pep_do_configure_set(imp_pep_account *a, imp_pep_request *r) {
  const imp_elem *x = imp_elem_child(r->action, "x", IMP_NS_DATA);
  const char *type = x != NULL ? imp_elem_attr(x, "type") : NULL;
  imp_pep_node *n = node_of(a, r);
  imp_pep_options options;
  int rv;
  if (x == NULL) {
    return imp_pep_refuse_request(r, "bad-request", NULL, NULL);
  }
  if (type != NULL && strcmp(type, "cancel") == 0) {
    return imp_pep_reply_empty(r);
  }
  rv = imp_pep_options_read(a->pep, &options, x);
  rv = rv < 0 ? rv : imp_pep_options_apply(&options, &n->config);
  imp_pep_options_free(&options);
  while (rv == IMP_OK && n->nitems > (n->config.persist ? n->config.max_items : 0)) {
    imp_pep_item_delete(a, n, 0);
  }
  rv = rv < 0 ? rv : imp_pep_node_save(a, n);
  return rv < 0 ? rv : imp_pep_reply_empty(r);
}

int imp_pep_do_delete(imp_pep_account *a, imp_pep_request *r) {
  imp_pep_node *n = node_of(a, r);
  imp_elem *el;
  int avatar = strcmp(n->name, IMP_NS_AVATAR_META) == 0;
  imp_pep_notify(a, n, imp_pep_event(a, n->name, "delete", &el));
  imp_pep_node_delete(a, n);
  if (avatar) {
    imp_pep_avatar_changed(a);
  }
  return imp_pep_reply_empty(r);
}

int imp_pep_do_purge(imp_pep_account *a, imp_pep_request *r) {
  imp_pep_node *n = node_of(a, r);
  imp_elem *el;
  int rv;
  while (n->nitems > 0) {
    imp_pep_item_delete(a, n, n->nitems - 1);
  }
  rv = imp_pep_node_save(a, n);
  imp_pep_notify(a, n, imp_pep_event(a, n->name, "purge", &el));
  if (strcmp(n->name, IMP_NS_AVATAR_META) == 0) {
    imp_pep_avatar_changed(a);
  }
  return rv < 0 ? rv : imp_pep_reply_empty(r);
}

/* ---- who a whitelist lets in: members (XEP-0060 §8.9) ---- */

static void add_affiliation(imp_stanza *st, imp_elem *list, const char *jid, const char *what) {
  imp_elem *el = imp_elem_add(st, list, "affiliation", NULL);
  if (el != NULL) {
    imp_elem_set_attr(st, el, "jid", jid);
    imp_elem_set_attr(st, el, "affiliation", what);
  }
}

int imp_pep_do_affiliations_get(imp_pep_account *a, imp_pep_request *r) {
  imp_pep_node *n = node_of(a, r);
  const char *w = NULL;
  imp_elem *list;
  imp_stanza *st = imp_pep_reply(r, &list);
  if (st == NULL) {
    return IMP_ERR_NOMEM;
  }
  add_affiliation(st, list, imp_jid_full(a->jid), "owner");
  while ((w = imp_words_next(&n->members, w)) != NULL) {
    add_affiliation(st, list, w, "member");
  }
  return reply(r, st);
}

static int change_affiliation(const imp_pep_account *a, imp_words *members, const imp_elem *el) {
  const char *text = imp_elem_attr(el, "jid"), *what = imp_elem_attr(el, "affiliation");
  imp_jid *jid;
  int rv;
  if (text == NULL || what == NULL || imp_jid_new(&jid, text, strlen(text)) < 0) {
    return IMP_ERR_MALFORMED;
  }
  if (imp_jid_equal_bare(jid, a->jid)) {
    rv = strcmp(what, "owner") == 0 ? IMP_OK : IMP_ERR_MALFORMED;
  } else if (strcmp(what, "member") == 0) {
    rv = imp_words_add(members, imp_jid_bare(jid));
  } else if (strcmp(what, "none") == 0 || strcmp(what, "outcast") == 0) {
    imp_words_remove(members, imp_jid_bare(jid));
    rv = IMP_OK;
  } else {
    rv = IMP_ERR_MALFORMED; /* nobody else publishes or owns */
  }
  imp_jid_del(jid);
  return rv == IMP_ERR_TOO_BIG ? IMP_ERR_LIMIT : rv;
}

int imp_pep_do_affiliations_set(imp_pep_account *a, imp_pep_request *r) {
  imp_pep_node *n = node_of(a, r);
  imp_words members = {NULL, 0};
  const imp_elem *el;
  int rv = imp_words_copy(&members, &n->members);
  for (el = imp_elem_first(r->action); el != NULL && rv == IMP_OK; el = imp_elem_next(el)) {
    rv = change_affiliation(a, &members, el);
  }
  if (rv < 0) {
    imp_words_free(&members);
    return rv;
  }
  imp_words_free(&n->members);
  n->members = members;
  rv = imp_pep_node_save(a, n);
  return rv < 0 ? rv : imp_pep_reply_empty(r);
}
