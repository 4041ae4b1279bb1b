/* Nodes and items of an account, in memory and in the store. */
#include <string.h>

#include "core/codec.h"
#include "pep/internal.h"

imp_pep_node *imp_pep_find(const imp_pep_account *a, const char *name) {
  imp_list *l;
  for (l = a->nodes.next; l != &a->nodes; l = l->next) {
    imp_pep_node *n = IMP_CONTAINER_OF(l, imp_pep_node, link);
    if (strcmp(n->name, name) == 0) {
      return n;
    }
  }
  return NULL;
}

int imp_pep_node_new(imp_pep_node **node, imp_pep_account *a, const char *name, const imp_pep_config *config) {
  size_t len = strlen(name);
  imp_pep_node *n;
  int rv;
  if (a->read && a->nnodes >= a->pep->settings.max_nodes) {
    return IMP_ERR_LIMIT;
  }
  n = imp_calloc(1, sizeof(*n) + len + 1);
  if (n == NULL) {
    return IMP_ERR_NOMEM;
  }
  memcpy(n->name, name, len + 1);
  n->config = *config;
  n->config.groups = (imp_words){NULL, 0};
  rv = imp_words_copy(&n->config.groups, &config->groups);
  if (rv < 0) {
    imp_free(n);
    return rv;
  }
  imp_list_append(&a->nodes, &n->link);
  a->nnodes++;
  *node = n;
  return IMP_OK;
}

void imp_pep_node_free(imp_pep_account *a, imp_pep_node *n) {
  uint32_t i;
  for (i = 0; i < n->nitems; i++) {
    a->bytes -= n->items[i].bytes;
    imp_free(n->items[i].id);
  }
  imp_free(n->items);
  imp_words_free(&n->config.groups);
  imp_words_free(&n->members);
  imp_stanza_del(n->last);
  imp_list_remove(&n->link);
  a->nnodes--;
  imp_free(n);
}

static imp_node *node_of(const imp_pep_account *a) { return a->pep->node; }

void imp_pep_node_delete(imp_pep_account *a, imp_pep_node *n) {
  while (n->nitems > 0) {
    imp_pep_item_delete(a, n, n->nitems - 1);
  }
  (void)imp_node_remove(node_of(a), IMP_SPACE_PEP_NODE, imp_jid_full(a->jid), n->name, strlen(n->name));
  imp_pep_node_free(a, n);
}

int imp_pep_node_save(imp_pep_account *a, imp_pep_node *n) {
  imp_buf *buf = &node_of(a)->scratch;
  int rv;
  imp_buf_consume(buf, imp_buf_len(buf));
  rv = imp_pep_record_write(n, buf);
  return rv < 0 ? rv
                : imp_node_put(node_of(a), IMP_SPACE_PEP_NODE, imp_jid_full(a->jid), n->name, strlen(n->name),
                               imp_buf_data(buf), imp_buf_len(buf));
}

int imp_pep_node_add_item(imp_pep_account *a, imp_pep_node *n, const char *id, size_t idlen, uint64_t number,
                          uint32_t bytes) {
  imp_pep_item *item;
  if (n->nitems == n->cap) {
    uint32_t cap = n->cap ? n->cap * 2 : 1;
    imp_pep_item *grown = imp_realloc(n->items, cap * sizeof(*grown));
    if (grown == NULL) {
      return IMP_ERR_NOMEM;
    }
    n->items = grown;
    n->cap = cap;
  }
  item = &n->items[n->nitems];
  item->id = imp_strndup(id, idlen);
  if (item->id == NULL) {
    return IMP_ERR_NOMEM;
  }
  item->number = number;
  item->bytes = bytes;
  n->nitems++;
  a->bytes += bytes;
  return IMP_OK;
}

int imp_pep_item_find(const imp_pep_node *n, const char *id) {
  uint32_t i;
  for (i = n->nitems; i > 0; i--) {
    if (strcmp(n->items[i - 1].id, id) == 0) {
      return (int)i - 1;
    }
  }
  return -1;
}

size_t imp_pep_item_key(uint8_t *key, const imp_pep_node *n, uint64_t number) {
  size_t len = strlen(n->name) + 1;
  memcpy(key, n->name, len);
  imp_put_be64(key + len, number);
  return len + 8;
}

void imp_pep_item_delete(imp_pep_account *a, imp_pep_node *n, uint32_t i) {
  uint8_t key[IMP_PEP_NAME_MAX + 9];
  size_t len = imp_pep_item_key(key, n, n->items[i].number);
  (void)imp_node_remove(node_of(a), IMP_SPACE_PEP_ITEM, imp_jid_full(a->jid), key, len);
  a->bytes -= n->items[i].bytes;
  imp_free(n->items[i].id);
  n->nitems--;
  memmove(&n->items[i], &n->items[i + 1], (n->nitems - i) * sizeof(n->items[0]));
  if (i == n->nitems) { /* it was the newest */
    imp_stanza_del(n->last);
    n->last = NULL;
  }
}

imp_stanza *imp_pep_parse(imp_node *node, const void *text, size_t len) {
  imp_xml_limits limits = node->limits.authed;
  imp_stanza *st;
  limits.stanza_bytes = 16u << 20;
  limits.attribute_bytes = 262144;
  limits.elements = 131072;
  return imp_xml_parse_stanza(node->xml, &limits, text, len, &st, NULL) == IMP_OK ? st : NULL;
}
