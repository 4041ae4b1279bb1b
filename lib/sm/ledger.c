#include "sm/manager.h"

static const char *const fate_names[IMP_FATES] = {
    [IMP_FATE_IN_FLIGHT] = "in flight",       [IMP_FATE_ACKNOWLEDGED] = "acknowledged",
    [IMP_FATE_RESENT] = "resent",             [IMP_FATE_RETURNED] = "returned",
    [IMP_FATE_STORED] = "stored",             [IMP_FATE_FROM_OFFLINE] = "delivered from offline",
    [IMP_FATE_REDIRECTED] = "redirected",     [IMP_FATE_HANDED_OVER] = "handed over",
    [IMP_FATE_CONSUMED] = "consumed locally", [IMP_FATE_REFUSED] = "refused",
    [IMP_FATE_DROPPED] = "dropped",
};

static const char *const rule_names[IMP_DROP_RULES] = {
    [IMP_DROP_CARBON] = "carbon",       [IMP_DROP_ERROR] = "error",
    [IMP_DROP_GROUPCHAT] = "groupchat", [IMP_DROP_HEADLINE] = "headline",
    [IMP_DROP_NO_STORE] = "no-store",   [IMP_DROP_CHAT_STATE] = "chat state",
    [IMP_DROP_ARCHIVE_RESULT] = "archive result", [IMP_DROP_DUPLICATE] = "duplicate",
    [IMP_DROP_BLOCKED] = "blocked",     [IMP_DROP_USER_DELETED] = "user deleted",
};

void imp_ledger_init(imp_ledger *ledger) {
  memset(ledger, 0, sizeof *ledger);
  ledger->size = sizeof *ledger;
}

void imp_ledger_accept(imp_ledger *ledger) {
  ledger->accepted++;
  ledger->now[IMP_FATE_IN_FLIGHT]++;
}

void imp_ledger_move(imp_ledger *ledger, imp_fate from, imp_fate to) {
  ledger->now[from]--;
  ledger->now[to]++;
}

void imp_ledger_drop(imp_ledger *ledger, imp_fate from, imp_drop_rule rule) {
  imp_ledger_move(ledger, from, IMP_FATE_DROPPED);
  ledger->dropped[rule]++;
}

/* A state that was left more often than entered has wrapped below zero, and is above what was accepted. */
int imp_ledger_balances(const imp_ledger *ledger) {
  uint64_t sum = 0, dropped = 0;
  for (size_t i = 0; i < IMP_FATES; i++) {
    if (ledger->now[i] > ledger->accepted) {
      return 0;
    }
    sum += ledger->now[i];
  }
  for (size_t i = 0; i < IMP_DROP_RULES; i++) {
    dropped += ledger->dropped[i];
  }
  return sum == ledger->accepted && dropped == ledger->now[IMP_FATE_DROPPED];
}

const char *imp_fate_name(imp_fate fate) {
  return (unsigned)fate < IMP_FATES ? fate_names[fate] : "unknown";
}

const char *imp_drop_rule_name(imp_drop_rule rule) {
  return (unsigned)rule < IMP_DROP_RULES ? rule_names[rule] : "unknown";
}
