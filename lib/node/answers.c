/*
 * Answers to what was given up.  An answer may meet a full buffer whose oldest packet is given up for it and answered in
 * turn, and so on through as many sessions as there are: so answers wait for the end of the turn, and nothing recurses.
 */
#include "node/fates.h"
#include "node/node.h"

typedef struct late_answer {
  imp_list link;
  imp_stanza *stanza; /* what is answered */
} late_answer;

/* The turn that is under way takes so many at a time, then sees to other things. */
#define AT_A_TIME 1000

void imp_node_answer_later(imp_node *node, const imp_stanza *st) {
  late_answer *a = imp_calloc(1, sizeof(*a));
  if (a == NULL) {
    imp_log(&node->log, IMP_LOG_ROUTE, IMP_LOG_ERROR, node->settings.domain, "error answer lost: out of memory");
    return;
  }
  a->stanza = imp_stanza_ref(st);
  imp_list_append(&node->answers, &a->link);
}

static void answer_free(late_answer *a) {
  imp_stanza_del(a->stanza);
  imp_free(a);
}

void imp_node_run_answers(imp_node *node) {
  imp_list *l;
  int n;
  for (n = 0; n < AT_A_TIME && (l = imp_list_pop(&node->answers)) != NULL; n++) {
    late_answer *a = IMP_CONTAINER_OF(l, late_answer, link);
    imp_node_bounce(node, a->stanza, "service-unavailable", NULL);
    answer_free(a);
  }
}

void imp_node_free_answers(imp_node *node) {
  imp_list *l;
  while ((l = imp_list_pop(&node->answers)) != NULL) {
    answer_free(IMP_CONTAINER_OF(l, late_answer, link));
  }
}
