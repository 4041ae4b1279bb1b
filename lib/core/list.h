/* Intrusive doubly linked list. A node that is in no list has next == NULL. */
#ifndef IMP_CORE_LIST_H
#define IMP_CORE_LIST_H

#include <stddef.h>

typedef struct imp_list {
  struct imp_list *next, *prev;
} imp_list;

static inline void imp_list_init(imp_list *head) { head->next = head->prev = head; }
static inline int imp_list_empty(const imp_list *head) { return head->next == head; }
static inline int imp_list_linked(const imp_list *node) { return node->next != NULL; }

static inline void imp_list_append(imp_list *head, imp_list *node) {
  node->prev = head->prev;
  node->next = head;
  head->prev->next = node;
  head->prev = node;
}

static inline void imp_list_prepend(imp_list *head, imp_list *node) {
  node->next = head->next;
  node->prev = head;
  head->next->prev = node;
  head->next = node;
}

/* Nothing happens if the node is in no list. */
static inline void imp_list_remove(imp_list *node) {
  if (node->next == NULL) {
    return;
  }
  node->prev->next = node->next;
  node->next->prev = node->prev;
  node->next = node->prev = NULL;
}

/* Takes the first node out; NULL if empty. */
static inline imp_list *imp_list_pop(imp_list *head) {
  imp_list *node = head->next;
  if (node == head) {
    return NULL;
  }
  imp_list_remove(node);
  return node;
}

/* Appends all of `from` to `to`; `from` is empty afterwards. */
static inline void imp_list_move(imp_list *to, imp_list *from) {
  if (imp_list_empty(from)) {
    return;
  }
  from->next->prev = to->prev;
  to->prev->next = from->next;
  from->prev->next = to;
  to->prev = from->prev;
  imp_list_init(from);
}

#endif
