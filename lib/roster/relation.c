/* What other features ask about contacts (node/feature.h). */
#include <string.h>

#include "roster/internal.h"

typedef struct question {
  imp_relation_fn relation_fn;
  imp_contact_fn contact_fn;
  void *ctx;
  uint32_t which;
} question;

static void tell_relation(imp_roster *r, const question *q, const imp_contact *c, imp_relation *relation) {
  const char **groups = c != NULL && c->ngroups > 0 ? imp_calloc(c->ngroups, sizeof(*groups)) : NULL;
  const char *group = c != NULL ? c->groups : NULL;
  while (groups != NULL && relation->ngroups < c->ngroups) {
    groups[relation->ngroups++] = group;
    group += strlen(group) + 1;
  }
  relation->groups = groups;
  q->relation_fn(r->node, relation, q->ctx);
  imp_free(groups);
}

static void relation(imp_roster *r, const imp_task *task) {
  const imp_contact *c = task->jid != NULL ? imp_contact_find(r, task->jid) : NULL;
  imp_relation answer = {0};
  answer.known = c != NULL && c->sub.listed;
  answer.blocked = imp_blocks_between(r->node, r->jid, task->jid);
  answer.sees = !answer.blocked && (imp_jid_equal_bare(task->jid, r->jid) || (c != NULL && imp_contact_sees(c)));
  tell_relation(r, task->data, c, &answer);
}

static void contacts(imp_roster *r, const imp_task *task) {
  const question *q = task->data;
  imp_list *l, *next;
  imp_roster_walk(r->node);
  for (l = r->order.next; l != &r->order; l = next) {
    const imp_contact *c = IMP_CONTAINER_OF(l, imp_contact, link);
    int wanted = ((q->which & IMP_CONTACT_SEES) && imp_contact_sees(c)) ||
                 ((q->which & IMP_CONTACT_IS_SEEN) && imp_contact_is_seen(c)) ||
                 ((q->which & IMP_CONTACT_LISTED) && c->sub.listed);
    next = l->next;
    if (wanted && !imp_blocks_between(r->node, r->jid, c->jid)) {
      q->contact_fn(r->node, c->jid, q->ctx);
    }
  }
  q->contact_fn(r->node, NULL, q->ctx);
  imp_roster_walked(r->node);
}

/* CONTINUE: there is no memory for the question. */
static imp_verdict ask(imp_event *event, void (*run)(imp_roster *r, const imp_task *task)) {
  imp_task task = {.run = run, .jid = (imp_jid *)(uintptr_t)event->who};
  imp_user *user = imp_node_find_user(event->node, event->to);
  imp_roster *r = user != NULL ? imp_roster_of(user) : imp_roster_get(event->node, event->to);
  question *q = r != NULL ? imp_malloc(sizeof(*q)) : NULL;
  if (q == NULL) {
    return IMP_CONTINUE;
  }
  *q = (question){event->relation_fn, event->contact_fn, event->ctx, event->count};
  task.data = q;
  return imp_roster_when(r, &task) == IMP_OK ? IMP_HANDLED : IMP_CONTINUE;
}

static imp_verdict on_relation(imp_event *event, void *ctx) {
  (void)ctx;
  return ask(event, relation);
}

static imp_verdict on_contacts(imp_event *event, void *ctx) {
  (void)ctx;
  return ask(event, contacts);
}

int imp_roster_start_relation(imp_node *node) {
  int rv = imp_node_hook(node, IMP_POINT_ASK_RELATION, 0, on_relation, NULL);
  return rv < 0 ? rv : imp_node_hook(node, IMP_POINT_EACH_CONTACT, 0, on_contacts, NULL);
}
