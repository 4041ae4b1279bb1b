/* Microsoft's aggregate numbers: each state is a range, named by where it begins. */
#include "presence/presence.h"

enum {
  MS_AVAILABLE = 3000,
  MS_PUBLISHED = 3500, /* of the range above, what clients publish */
  MS_IDLE = 4500,
  MS_BUSY = 6000,
  MS_BUSY_IDLE = 7500,
  MS_DND = 9000,
  MS_BRB = 12000,
  MS_AWAY = 15000,
  MS_OFFLINE = 18000
};

uint32_t imp_presence_get_ms_number(const imp_presence *presence) {
  switch (presence->state) {
  case IMP_PRESENCE_OFFLINE:
    return MS_OFFLINE;
  case IMP_PRESENCE_IDLE:
    return MS_IDLE;
  case IMP_PRESENCE_BUSY:
  case IMP_PRESENCE_MEETING:
  case IMP_PRESENCE_CALL:
    return presence->idle ? MS_BUSY_IDLE : MS_BUSY;
  case IMP_PRESENCE_DND:
    return MS_DND;
  case IMP_PRESENCE_BRB:
    return MS_BRB;
  case IMP_PRESENCE_AWAY:
  case IMP_PRESENCE_XA:
  case IMP_PRESENCE_OUT_OF_OFFICE:
    return MS_AWAY;
  default:
    return presence->idle ? MS_IDLE : MS_PUBLISHED;
  }
}

static const struct token {
  const char *name;
  uint32_t state;
  uint32_t from, to; /* numbers with which it is believed */
} tokens[] = {
    {"in-a-meeting", IMP_PRESENCE_MEETING, MS_BUSY, MS_DND},
    {"on-the-phone", IMP_PRESENCE_CALL, MS_BUSY, MS_DND},
    {"in-a-conference", IMP_PRESENCE_CALL, MS_BUSY, MS_DND},
    {"in-presentation", IMP_PRESENCE_MEETING, MS_BUSY, MS_DND},
    {"out-of-office", IMP_PRESENCE_OUT_OF_OFFICE, MS_AVAILABLE, MS_OFFLINE},
};

const char *imp_presence_get_ms_activity(const imp_presence *presence) {
  for (size_t i = 0; i < IMP_ARRAY_LEN(tokens); i++) {
    if (tokens[i].state == presence->state) {
      return tokens[i].name;
    }
  }
  return "";
}

static uint32_t state_of(uint32_t number) {
  static const struct {
    uint32_t below;
    uint32_t state;
  } ranges[] = {
      {MS_AVAILABLE, IMP_PRESENCE_OFFLINE}, {MS_IDLE, IMP_PRESENCE_AVAILABLE}, {MS_BUSY, IMP_PRESENCE_IDLE},
      {MS_DND, IMP_PRESENCE_BUSY},          {MS_BRB, IMP_PRESENCE_DND},        {MS_AWAY, IMP_PRESENCE_BRB},
      {MS_OFFLINE, IMP_PRESENCE_AWAY},
  };
  for (size_t i = 0; i < IMP_ARRAY_LEN(ranges); i++) {
    if (number < ranges[i].below) {
      return ranges[i].state;
    }
  }
  return IMP_PRESENCE_OFFLINE;
}

void imp_presence_from_ms(imp_presence *presence, size_t size, uint32_t number, const char *activity) {
  imp_presence p;
  imp_presence_init(&p, 0);
  p.kind = IMP_SOURCE_CLIENT;
  p.state = state_of(number);
  p.idle = p.state == IMP_PRESENCE_IDLE || (number >= MS_BUSY_IDLE && number < MS_DND);
  for (size_t i = 0; activity != NULL && i < IMP_ARRAY_LEN(tokens); i++) {
    const struct token *t = &tokens[i];
    if (strcmp(t->name, activity) == 0 && number >= t->from && number < t->to) {
      p.state = t->state;
      break;
    }
  }
  imp_presence_give(presence, size, &p);
}
