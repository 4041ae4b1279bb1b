/* Publishing and taking back (XEP-0060 §7, XEP-0163 §3). */
#include <string.h>

#include "pep/internal.h"

static imp_stanza *make_item(const char *id, const imp_elem *payload) {
  imp_stanza *st;
  if (imp_stanza_new(&st, "item", IMP_NS_PUBSUB) < 0) {
    return NULL;
  }
  imp_elem_set_attr(st, imp_stanza_edit(st), "id", id);
  if (payload != NULL) {
    (void)imp_elem_add_copy(st, imp_stanza_edit(st), payload);
  }
  if (imp_stanza_is_broken(st)) {
    imp_stanza_del(st);
    return NULL;
  }
  return st;
}

/* The node, made if there is none. */
static int open_node(imp_pep_account *a, const char *name, const imp_pep_options *options, imp_pep_node **n,
                     int *made) {
  imp_pep_config config;
  int rv = IMP_OK;
  *n = imp_pep_find(a, name);
  *made = *n == NULL;
  if (*n != NULL) {
    return options == NULL || imp_pep_options_match(options, &(*n)->config) ? IMP_OK : IMP_ERR_CONFLICT;
  }
  imp_pep_config_default(&config);
  if (options != NULL) {
    rv = imp_pep_options_apply(options, &config);
  }
  rv = rv < 0 ? rv : imp_pep_node_new(n, a, name, &config);
  imp_words_free(&config.groups);
  return rv;
}

static int put_item(imp_pep_account *a, imp_pep_node *n, const char *id, const char *text, size_t len) {
  uint8_t key[IMP_PEP_NAME_MAX + 9];
  int rv = imp_pep_node_add_item(a, n, id, strlen(id), ++n->number, (uint32_t)len);
  return rv < 0 ? rv
                : imp_node_put(a->pep->node, IMP_SPACE_PEP_ITEM, imp_jid_full(a->jid), key,
                               imp_pep_item_key(key, n, n->number), text, len);
}

/* In the place of one of the same id, and of the oldest if there are too many. */
static int keep_item(imp_pep_account *a, imp_pep_node *n, const char *id, imp_stanza *item) {
  const imp_pep_settings *max = &a->pep->settings;
  size_t len, old_bytes;
  char *text = imp_stanza_to_text(item, &len);
  int old = imp_pep_item_find(n, id), rv;
  if (text == NULL) {
    return IMP_ERR_NOMEM;
  }
  old_bytes = old >= 0 ? n->items[old].bytes : n->nitems >= n->config.max_items ? n->items[0].bytes : 0;
  if (len > max->max_item_bytes) {
    rv = IMP_ERR_TOO_BIG;
  } else if (a->bytes - old_bytes + len > max->max_bytes) {
    rv = IMP_ERR_LIMIT;
  } else {
    if (old >= 0) {
      imp_pep_item_delete(a, n, (uint32_t)old);
    }
    while (n->nitems > 0 && n->nitems >= n->config.max_items) {
      imp_pep_item_delete(a, n, 0);
    }
    rv = put_item(a, n, id, text, len);
    rv = rv < 0 ? rv : imp_pep_node_save(a, n);
  }
  imp_free(text);
  return rv;
}

int imp_pep_put_quietly(imp_pep_account *a, const char *name, const char *id, const imp_elem *payload,
                            const imp_pep_options *options) {
  imp_pep_node *n;
  imp_stanza *item;
  int made, rv = open_node(a, name, options, &n, &made);
  if (rv < 0) {
    return rv;
  }
  item = make_item(id, payload);
  if (item == NULL) {
    rv = IMP_ERR_NOMEM;
  } else if (n->config.persist) {
    rv = keep_item(a, n, id, item);
  } else if (made) {
    rv = imp_pep_node_save(a, n);
  }
  if (rv == IMP_OK) {
    if (n->config.persist) {
      imp_stanza_del(n->last);
      n->last = imp_stanza_keep(item);
    }
    imp_pep_notify(a, n, imp_pep_event_item(a, n, item));
  } else if (made) {
    imp_pep_node_delete(a, n);
  }
  imp_stanza_del(item);
  return rv;
}

int imp_pep_put(imp_pep_account *a, const char *name, const char *id, const imp_elem *payload,
                    const imp_pep_options *options) {
  int rv = imp_pep_put_quietly(a, name, id, payload, options);
  if (rv == IMP_OK && strcmp(name, IMP_NS_AVATAR_META) == 0) {
    imp_pep_avatar_changed(a);
  }
  return rv;
}

int imp_pep_take_back(imp_pep_account *a, imp_pep_node *n, const char *id, int notify) {
  int at = imp_pep_item_find(n, id), rv;
  imp_elem *items;
  imp_stanza *event;
  if (at < 0) {
    return IMP_ERR_NOT_FOUND;
  }
  imp_pep_item_delete(a, n, (uint32_t)at);
  rv = imp_pep_node_save(a, n);
  if (notify || n->config.notify_retract) {
    event = imp_pep_event(a, n->name, "items", &items);
    if (event != NULL) {
      imp_elem *retract = imp_elem_add(event, items, "retract", NULL);
      if (retract != NULL) {
        imp_elem_set_attr(event, retract, "id", id);
      }
      imp_pep_notify(a, n, event);
    }
  }
  if (strcmp(n->name, IMP_NS_AVATAR_META) == 0) {
    imp_pep_avatar_changed(a);
  }
  return rv;
}
