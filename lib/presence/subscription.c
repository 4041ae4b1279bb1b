#include "presence/subscription.h"

#include "core/mem.h"

/* A cell of the tables: the new state, and whether the stanza goes on. */
#define PASS 0x80
#define KEEP(state) IMP_SUB_##state
#define GO(state) (IMP_SUB_##state | PASS)
#define OF(c) ((c) & ~PASS)

/* In the order of imp_sub_state: none, none+out, none+in, none+out+in, to, to+in, from, from+out, both. */
static const uint8_t table[2][IMP_SUB_STANZAS][IMP_SUB_STATES] = {
    [IMP_SUB_OUTBOUND] = /* A.2 */
    {
        [IMP_SUB_SUBSCRIBE] = {GO(NONE_OUT), GO(NONE_OUT), GO(NONE_OUT_IN), GO(NONE_OUT_IN), GO(TO), GO(TO_IN),
                               GO(FROM_OUT), GO(FROM_OUT), GO(BOTH)},
        [IMP_SUB_UNSUBSCRIBE] = {GO(NONE), GO(NONE), GO(NONE_IN), GO(NONE_IN), GO(NONE), GO(NONE_IN), GO(FROM), GO(FROM),
                                 GO(FROM)},
        [IMP_SUB_SUBSCRIBED] = {KEEP(NONE), KEEP(NONE_OUT), GO(FROM), GO(FROM_OUT), KEEP(TO), GO(BOTH), KEEP(FROM),
                                KEEP(FROM_OUT), KEEP(BOTH)},
        [IMP_SUB_UNSUBSCRIBED] = {KEEP(NONE), KEEP(NONE_OUT), GO(NONE), GO(NONE_OUT), KEEP(TO), GO(TO), GO(NONE),
                                  GO(NONE_OUT), GO(TO)},
    },
    [IMP_SUB_INBOUND] = /* A.3 */
    {
        [IMP_SUB_SUBSCRIBE] = {GO(NONE_IN), GO(NONE_OUT_IN), KEEP(NONE_IN), KEEP(NONE_OUT_IN), GO(TO_IN), KEEP(TO_IN),
                               KEEP(FROM), KEEP(FROM_OUT), KEEP(BOTH)},
        [IMP_SUB_UNSUBSCRIBE] = {KEEP(NONE), KEEP(NONE_OUT), GO(NONE), GO(NONE_OUT), KEEP(TO), GO(TO), GO(NONE),
                                 GO(NONE_OUT), GO(TO)},
        [IMP_SUB_SUBSCRIBED] = {KEEP(NONE), GO(TO), KEEP(NONE_IN), GO(TO_IN), KEEP(TO), KEEP(TO_IN), KEEP(FROM), GO(BOTH),
                                KEEP(BOTH)},
        [IMP_SUB_UNSUBSCRIBED] = {KEEP(NONE), GO(NONE), KEEP(NONE_IN), GO(NONE_IN), GO(NONE), GO(NONE_IN), KEEP(FROM),
                                  GO(FROM), GO(FROM)},
    },
};

enum { HAS_TO = 1, HAS_FROM = 2, ASKING = 4, ASKED = 8 };

static const uint8_t traits[IMP_SUB_STATES] = {
    [IMP_SUB_NONE] = 0,           [IMP_SUB_NONE_OUT] = ASKING,         [IMP_SUB_NONE_IN] = ASKED,
    [IMP_SUB_NONE_OUT_IN] = ASKING | ASKED, [IMP_SUB_TO] = HAS_TO,     [IMP_SUB_TO_IN] = HAS_TO | ASKED,
    [IMP_SUB_FROM] = HAS_FROM,    [IMP_SUB_FROM_OUT] = HAS_FROM | ASKING, [IMP_SUB_BOTH] = HAS_TO | HAS_FROM,
};

int imp_sub_has_to(imp_sub_state state) { return (traits[state] & HAS_TO) != 0; }
int imp_sub_has_from(imp_sub_state state) { return (traits[state] & HAS_FROM) != 0; }
int imp_sub_is_asking(imp_sub_state state) { return (traits[state] & ASKING) != 0; }
int imp_sub_is_asked(imp_sub_state state) { return (traits[state] & ASKED) != 0; }

const char *imp_sub_attribute(imp_sub_state state) {
  static const char *const names[] = {"none", "to", "from", "both"};
  return names[traits[state] & (HAS_TO | HAS_FROM)];
}

/* What clients see of it: pending requests of the contact are no part of the item. */
static int looks_the_same(const imp_sub *a, const imp_sub *b) {
  return a->listed == b->listed && a->approved == b->approved &&
         (traits[a->state] & ~ASKED) == (traits[b->state] & ~ASKED);
}

static unsigned compare(const imp_sub *before, const imp_sub *after) {
  unsigned todo = looks_the_same(before, after) || !after->listed ? 0 : IMP_SUB_PUSH;
  return todo | (before->state != after->state || before->listed != after->listed || before->approved != after->approved
                     ? IMP_SUB_CHANGED
                     : 0);
}

/* The user approves what the contact has not asked for: noted, and nobody else is told. */
static unsigned approve_before(imp_sub *sub) {
  imp_sub before = *sub;
  sub->approved = sub->listed = 1;
  return compare(&before, sub);
}

/* The contact asks for what is granted already, or was approved before. */
static unsigned grant(imp_sub *sub) {
  imp_sub before = *sub;
  if (!imp_sub_has_from((imp_sub_state)sub->state)) {
    uint8_t asked = OF(table[IMP_SUB_INBOUND][IMP_SUB_SUBSCRIBE][sub->state]);
    sub->state = OF(table[IMP_SUB_OUTBOUND][IMP_SUB_SUBSCRIBED][asked]);
    sub->listed = 1;
  }
  return compare(&before, sub) | IMP_SUB_REPLY_SUBSCRIBED | IMP_SUB_SEND_PRESENCE;
}

unsigned imp_sub_apply(imp_sub *sub, imp_sub_direction direction, imp_sub_stanza stanza) {
  imp_sub before = *sub;
  uint8_t cell = table[direction][stanza][sub->state];
  if (direction == IMP_SUB_INBOUND && stanza == IMP_SUB_SUBSCRIBE &&
      (sub->approved || imp_sub_has_from((imp_sub_state)sub->state))) {
    return grant(sub);
  }
  if (direction == IMP_SUB_OUTBOUND && stanza == IMP_SUB_SUBSCRIBED && !(cell & PASS) &&
      !imp_sub_has_from((imp_sub_state)sub->state)) {
    return approve_before(sub);
  }
  sub->state = OF(cell);
  sub->listed |= sub->state != IMP_SUB_NONE && sub->state != IMP_SUB_NONE_IN;
  if (direction == IMP_SUB_OUTBOUND && stanza == IMP_SUB_UNSUBSCRIBED) {
    sub->approved = 0;
  }
  unsigned todo = compare(&before, sub) | (cell & PASS ? IMP_SUB_PASS : 0);
  int saw = imp_sub_has_from((imp_sub_state)before.state), sees = imp_sub_has_from((imp_sub_state)sub->state);
  return todo | (saw == sees ? 0 : sees ? IMP_SUB_SEND_PRESENCE : IMP_SUB_SEND_UNAVAILABLE);
}

unsigned imp_sub_remove(imp_sub *sub, int *unavailable) {
  uint8_t has = traits[sub->state];
  *unavailable = (has & HAS_FROM) != 0;
  *sub = (imp_sub){0, 0, 0};
  return (has & (HAS_TO | ASKING) ? 1u << IMP_SUB_UNSUBSCRIBE : 0) |
         (has & (HAS_FROM | ASKED) ? 1u << IMP_SUB_UNSUBSCRIBED : 0);
}

unsigned imp_sub_list(imp_sub *sub) {
  imp_sub before = *sub;
  sub->listed = 1;
  return compare(&before, sub);
}
