/* Who may see what: the access models of XEP-0060 §4.5, with what rosters say. */
#include "pep/internal.h"

static void on_relation(imp_node *node, const imp_relation *relation, void *ctx) {
  imp_pep_job *job = ctx;
  size_t i;
  (void)node;
  job->blocked = relation->blocked != 0;
  job->sees = relation->sees && !relation->blocked;
  job->known = relation->known && !relation->blocked;
  for (i = 0; i < relation->ngroups && job->known; i++) {
    if (imp_words_add(&job->groups, relation->groups[i]) < 0) {
      job->known = 0; /* better too few than too many */
    }
  }
  job->asked(job);
}

void imp_pep_ask(imp_pep_job *job, const imp_jid *owner, const imp_jid *who, imp_pep_asked_fn fn) {
  imp_event event = {.to = owner, .who = who, .relation_fn = on_relation, .ctx = job};
  job->known = 0;
  job->sees = job->blocked = 0;
  job->asked = fn;
  imp_words_free(&job->groups);
  if (imp_jid_equal_bare(owner, who)) {
    job->known = job->sees = 1;
    fn(job);
  } else if (imp_node_run_hooks(job->pep->node, IMP_POINT_ASK_RELATION, &event) == IMP_CONTINUE) {
    fn(job);
  }
}

int imp_pep_may_see(const imp_pep_job *job, const imp_pep_node *n, const imp_jid *who) {
  switch ((imp_pep_access)n->config.access) {
  case IMP_PEP_OPEN:
    return 1;
  case IMP_PEP_PRESENCE:
    return job->sees;
  case IMP_PEP_ROSTER:
    return job->known && imp_words_meet(&job->groups, &n->config.groups);
  case IMP_PEP_WHITELIST:
  case IMP_PEP_AUTHORIZE:
  default:
    return !job->blocked && imp_words_has(&n->members, imp_jid_bare(who));
  }
}
