/* Names of states and kinds, and the rules that hold unless a host has its own. */
#include "presence/presence.h"

#define KIND(k) IMP_BIT(IMP_SOURCE_##k)
#define STATE(s) IMP_BIT(IMP_PRESENCE_##s)
#define IN_USE (STATE(AVAILABLE) | STATE(CHAT) | STATE(ELSEWHERE))
#define NOT_IN_USE (STATE(IDLE) | STATE(BRB) | STATE(AWAY) | STATE(XA) | STATE(OUT_OF_OFFICE))
#define ALL (IMP_BIT(IMP_PRESENCE_STATES) - 1)
#define RULE(name, kinds, states, unless)                                                                              \
  { sizeof(imp_presence_rule), name, kinds, states, unless, 0 }

static const imp_presence_rule rules[] = {
    RULE("manual", KIND(MANUAL), ALL & ~(IN_USE | STATE(TENTATIVE)), 0),
    RULE("do-not-disturb", KIND(CLIENT) | KIND(HOST), STATE(DND), 0),
    RULE("call", KIND(PHONE) | KIND(CLIENT) | KIND(HOST), STATE(CALL), 0),
    RULE("out-of-office", KIND(CALENDAR), STATE(OUT_OF_OFFICE), 0),
    RULE("meeting", KIND(CALENDAR), STATE(MEETING) | STATE(BUSY), 0),
    RULE("busy", KIND(CLIENT) | KIND(HOST), STATE(MEETING) | STATE(BUSY), 0),
    RULE("present", KIND(MANUAL), IN_USE, 0),
    RULE("away", KIND(CLIENT) | KIND(HOST), NOT_IN_USE, IN_USE),
    RULE("elsewhere", KIND(CALENDAR) | KIND(HOST), STATE(ELSEWHERE), 0),
    RULE("available", KIND(CLIENT), IN_USE, 0),
};

const imp_presence_rule *imp_presence_default_rules(size_t *count) {
  *count = IMP_ARRAY_LEN(rules);
  return rules;
}

const char *imp_presence_state_name(imp_presence_state state) {
  static const char *const names[] = {
      [IMP_PRESENCE_OFFLINE] = "offline",
      [IMP_PRESENCE_AVAILABLE] = "available",
      [IMP_PRESENCE_CHAT] = "free to chat",
      [IMP_PRESENCE_ELSEWHERE] = "working elsewhere",
      [IMP_PRESENCE_TENTATIVE] = "tentatively in a meeting",
      [IMP_PRESENCE_IDLE] = "idle",
      [IMP_PRESENCE_BUSY] = "busy",
      [IMP_PRESENCE_MEETING] = "in a meeting",
      [IMP_PRESENCE_CALL] = "on the phone",
      [IMP_PRESENCE_DND] = "do not disturb",
      [IMP_PRESENCE_BRB] = "be right back",
      [IMP_PRESENCE_AWAY] = "away",
      [IMP_PRESENCE_XA] = "away for long",
      [IMP_PRESENCE_OUT_OF_OFFICE] = "out of office",
  };
  return (size_t)state < IMP_ARRAY_LEN(names) ? names[state] : "unknown";
}

const char *imp_source_kind_name(imp_source_kind kind) {
  static const char *const names[] = {
      [IMP_SOURCE_CLIENT] = "client", [IMP_SOURCE_PHONE] = "phone",
      [IMP_SOURCE_CALENDAR] = "calendar", [IMP_SOURCE_MANUAL] = "manual",
      [IMP_SOURCE_OUT_OF_OFFICE] = "out-of-office", [IMP_SOURCE_HOST] = "host",
  };
  return (size_t)kind < IMP_ARRAY_LEN(names) ? names[kind] : "unknown";
}
