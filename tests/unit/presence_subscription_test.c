/* Every cell of the tables of RFC 6121, appendix A, and what is to be done in it. */
#include <string.h>

#include "alloc_fail.h"
#include "presence/subscription.h"

static const char *const states[] = {"none",  "none+out", "none+in",  "none+out+in", "to",
                                     "to+in", "from",     "from+out", "both"};

/*
 * A row a state before, as in the appendix; two words for outbound, two for inbound: the state after, and
 *   y  goes on (MUST route, MUST deliver)       .  does not
 *   p  the item is pushed                       r  is answered with subscribed
 *   +  presence is sent to the contact          -  unavailable is sent to the contact
 * for a contact who is on the roster, and never was approved beforehand.
 */
typedef struct row {
  const char *before, *out, *out_do, *in, *in_do;
} row;

static const row subscribe[] = {
    {"none", "none+out", "yp", "none+in", "y"},
    {"none+out", "none+out", "y", "none+out+in", "y"},
    {"none+in", "none+out+in", "yp", "none+in", "."},
    {"none+out+in", "none+out+in", "y", "none+out+in", "."},
    {"to", "to", "y", "to+in", "y"},
    {"to+in", "to+in", "y", "to+in", "."},
    {"from", "from+out", "yp", "from", ".r+"},
    {"from+out", "from+out", "y", "from+out", ".r+"},
    {"both", "both", "y", "both", ".r+"},
};

static const row unsubscribe[] = {
    {"none", "none", "y", "none", "."},
    {"none+out", "none", "yp", "none+out", "."},
    {"none+in", "none+in", "y", "none", "y"},
    {"none+out+in", "none+in", "yp", "none+out", "y"},
    {"to", "none", "yp", "to", "."},
    {"to+in", "none+in", "yp", "to", "y"},
    {"from", "from", "y", "none", "yp-"},
    {"from+out", "from", "yp", "none+out", "yp-"},
    {"both", "from", "yp", "to", "yp-"},
};

/* Outbound cells with "a" are pre-approvals (§3.4): the state stays, the approval is noted. */
static const row subscribed[] = {
    {"none", "none", ".pa", "none", "."},
    {"none+out", "none+out", ".pa", "to", "yp"},
    {"none+in", "from", "yp+", "none+in", "."},
    {"none+out+in", "from+out", "yp+", "to+in", "yp"},
    {"to", "to", ".pa", "to", "."},
    {"to+in", "both", "yp+", "to+in", "."},
    {"from", "from", ".", "from", "."},
    {"from+out", "from+out", ".", "both", "yp"},
    {"both", "both", ".", "both", "."},
};

static const row unsubscribed[] = {
    {"none", "none", ".", "none", "."},
    {"none+out", "none+out", ".", "none", "yp"},
    {"none+in", "none", "y", "none+in", "."},
    {"none+out+in", "none+out", "y", "none+in", "yp"},
    {"to", "to", ".", "none", "yp"},
    {"to+in", "to", "y", "none+in", "yp"},
    {"from", "none", "yp-", "from", "."},
    {"from+out", "none+out", "yp-", "from", "yp"},
    {"both", "to", "yp-", "from", "yp"},
};

static const row *const tables[] = {subscribe, unsubscribe, subscribed, unsubscribed};

static imp_sub_state state_named(const char *name) {
  for (int i = 0; i < IMP_SUB_STATES; i++) {
    if (strcmp(states[i], name) == 0) {
      return (imp_sub_state)i;
    }
  }
  fail_msg("no state is called %s", name);
  return IMP_SUB_NONE;
}

/* In the letters of the tables. */
static const char *spell(unsigned todo, const imp_sub *sub, int was_approved) {
  static const struct {
    unsigned flag;
    char letter;
  } flags[] = {
      {IMP_SUB_PUSH, 'p'}, {IMP_SUB_REPLY_SUBSCRIBED, 'r'}, {IMP_SUB_SEND_PRESENCE, '+'}, {IMP_SUB_SEND_UNAVAILABLE, '-'}};
  static char text[8];
  size_t len = 0;
  memset(text, 0, sizeof text);
  text[len++] = todo & IMP_SUB_PASS ? 'y' : '.';
  for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
    if (todo & flags[i].flag) {
      text[len++] = flags[i].letter;
    }
  }
  if (sub->approved > was_approved) {
    text[len] = 'a';
  }
  return text;
}

static void check_cell(imp_sub_direction direction, imp_sub_stanza stanza, const row *r) {
  imp_sub sub = {(uint8_t)state_named(r->before), 1, 0}, before = sub;
  unsigned todo = imp_sub_apply(&sub, direction, stanza);
  assert_string_equal(states[sub.state], direction == IMP_SUB_INBOUND ? r->in : r->out);
  assert_string_equal(spell(todo, &sub, 0), direction == IMP_SUB_INBOUND ? r->in_do : r->out_do);
  assert_int_equal((todo & IMP_SUB_CHANGED) != 0, memcmp(&sub, &before, sizeof sub) != 0);
  assert_int_equal(sub.listed, 1);
}

static void every_cell(void **state) {
  (void)state;
  for (int stanza = 0; stanza < IMP_SUB_STANZAS; stanza++) {
    for (int i = 0; i < IMP_SUB_STATES; i++) {
      assert_string_equal(tables[stanza][i].before, states[i]);
      check_cell(IMP_SUB_OUTBOUND, (imp_sub_stanza)stanza, &tables[stanza][i]);
      check_cell(IMP_SUB_INBOUND, (imp_sub_stanza)stanza, &tables[stanza][i]);
    }
  }
}

/* The same from both ends: two servers that pass stanzas to each other never disagree. */
static void both_ends_agree(void **state) {
  (void)state;
  for (int first = 0; first < IMP_SUB_STANZAS * 2; first++) {
    for (int n = 0; n < 4 * 4 * 4 * 8; n++) {
      imp_sub ends[2] = {{0, 1, 0}, {0, 1, 0}};
      for (int step = 0, rest = n * 8 + first; step < 4; step++, rest /= 8) {
        int who = rest & 1;
        imp_sub_stanza stanza = (imp_sub_stanza)(rest / 2 % 4);
        if (imp_sub_apply(&ends[who], IMP_SUB_OUTBOUND, stanza) & IMP_SUB_PASS) {
          unsigned todo = imp_sub_apply(&ends[!who], IMP_SUB_INBOUND, stanza);
          if (todo & IMP_SUB_REPLY_SUBSCRIBED) {
            imp_sub_apply(&ends[who], IMP_SUB_INBOUND, IMP_SUB_SUBSCRIBED);
          }
        }
        for (int i = 0; i < 2; i++) {
          imp_sub_state mine = (imp_sub_state)ends[i].state, theirs = (imp_sub_state)ends[!i].state;
          assert_int_equal(imp_sub_has_to(mine), imp_sub_has_from(theirs));
          assert_int_equal(imp_sub_is_asking(mine), imp_sub_is_asked(theirs));
        }
      }
    }
  }
}

static void a_contact_is_listed_when_there_is_something_to_list(void **state) {
  (void)state;
  imp_sub sub = {0, 0, 0};
  assert_int_equal(imp_sub_apply(&sub, IMP_SUB_INBOUND, IMP_SUB_SUBSCRIBE), IMP_SUB_PASS | IMP_SUB_CHANGED);
  assert_int_equal(sub.state, IMP_SUB_NONE_IN);
  assert_int_equal(sub.listed, 0); /* a request alone makes no item */
  assert_int_equal(imp_sub_apply(&sub, IMP_SUB_OUTBOUND, IMP_SUB_SUBSCRIBED),
                   IMP_SUB_PASS | IMP_SUB_PUSH | IMP_SUB_CHANGED | IMP_SUB_SEND_PRESENCE);
  assert_int_equal(sub.listed, 1);

  sub = (imp_sub){IMP_SUB_NONE_IN, 0, 0};
  assert_int_equal(imp_sub_apply(&sub, IMP_SUB_OUTBOUND, IMP_SUB_UNSUBSCRIBED), IMP_SUB_PASS | IMP_SUB_CHANGED);
  assert_true(sub.state == 0 && sub.listed == 0 && sub.approved == 0); /* and leaves nothing behind */

  sub = (imp_sub){0, 0, 0};
  assert_int_equal(imp_sub_apply(&sub, IMP_SUB_OUTBOUND, IMP_SUB_SUBSCRIBE),
                   IMP_SUB_PASS | IMP_SUB_PUSH | IMP_SUB_CHANGED);
  assert_int_equal(sub.listed, 1);
  assert_int_equal(imp_sub_apply(&sub, IMP_SUB_OUTBOUND, IMP_SUB_UNSUBSCRIBE),
                   IMP_SUB_PASS | IMP_SUB_PUSH | IMP_SUB_CHANGED);
  assert_int_equal(sub.listed, 1); /* the item stays until it is removed */

  sub = (imp_sub){0, 0, 0};
  for (int stanza = IMP_SUB_UNSUBSCRIBE; stanza < IMP_SUB_STANZAS; stanza++) { /* from strangers: ignored */
    assert_int_equal(imp_sub_apply(&sub, IMP_SUB_INBOUND, (imp_sub_stanza)stanza), 0);
  }
  assert_int_equal(imp_sub_list(&sub), IMP_SUB_PUSH | IMP_SUB_CHANGED);
  assert_int_equal(imp_sub_list(&sub), 0);
}

static void an_approval_before_the_request(void **state) {
  static const char *const after[] = {"from", "from+out", NULL, NULL, "both"};
  (void)state;
  for (int i = IMP_SUB_NONE; i <= IMP_SUB_TO; i++) {
    if (after[i] == NULL) {
      continue;
    }
    for (uint8_t listed = i != IMP_SUB_NONE; listed <= 1; listed++) {
      imp_sub sub = {(uint8_t)i, listed, 0};
      assert_int_equal(imp_sub_apply(&sub, IMP_SUB_OUTBOUND, IMP_SUB_SUBSCRIBED), IMP_SUB_PUSH | IMP_SUB_CHANGED);
      assert_true(sub.state == i && sub.approved && sub.listed);
      assert_int_equal(imp_sub_apply(&sub, IMP_SUB_OUTBOUND, IMP_SUB_SUBSCRIBED), 0);
      assert_int_equal(imp_sub_apply(&sub, IMP_SUB_INBOUND, IMP_SUB_SUBSCRIBE),
                       IMP_SUB_REPLY_SUBSCRIBED | IMP_SUB_SEND_PRESENCE | IMP_SUB_PUSH | IMP_SUB_CHANGED);
      assert_string_equal(states[sub.state], after[i]);
      assert_true(sub.approved);
      assert_int_equal(imp_sub_apply(&sub, IMP_SUB_INBOUND, IMP_SUB_SUBSCRIBE),
                       IMP_SUB_REPLY_SUBSCRIBED | IMP_SUB_SEND_PRESENCE);
    }
  }
}

static void an_approval_is_taken_back(void **state) {
  (void)state;
  imp_sub sub = {IMP_SUB_TO, 1, 1};
  assert_int_equal(imp_sub_apply(&sub, IMP_SUB_OUTBOUND, IMP_SUB_UNSUBSCRIBED), IMP_SUB_PUSH | IMP_SUB_CHANGED);
  assert_true(sub.state == IMP_SUB_TO && !sub.approved);
  assert_int_equal(imp_sub_apply(&sub, IMP_SUB_INBOUND, IMP_SUB_SUBSCRIBE), IMP_SUB_PASS | IMP_SUB_CHANGED);

  sub = (imp_sub){IMP_SUB_BOTH, 1, 1};
  imp_sub_apply(&sub, IMP_SUB_OUTBOUND, IMP_SUB_UNSUBSCRIBED);
  assert_true(sub.state == IMP_SUB_TO && !sub.approved);

  sub = (imp_sub){IMP_SUB_FROM, 1, 1}; /* who leaves may come back */
  imp_sub_apply(&sub, IMP_SUB_INBOUND, IMP_SUB_UNSUBSCRIBE);
  assert_true(sub.state == IMP_SUB_NONE && sub.approved);
}

static void a_contact_is_removed(void **state) {
  const unsigned unsub = 1u << IMP_SUB_UNSUBSCRIBE, unsubd = 1u << IMP_SUB_UNSUBSCRIBED;
  const unsigned expected[] = {0, unsub, unsubd, unsub | unsubd, unsub, unsub | unsubd, unsubd, unsub | unsubd,
                               unsub | unsubd};
  (void)state;
  for (int i = 0; i < IMP_SUB_STATES; i++) {
    imp_sub sub = {(uint8_t)i, 1, 1};
    int unavailable = -1;
    assert_int_equal(imp_sub_remove(&sub, &unavailable), expected[i]);
    assert_int_equal(unavailable, imp_sub_has_from((imp_sub_state)i));
    assert_true(sub.state == 0 && sub.listed == 0 && sub.approved == 0);
  }
}

static void attributes(void **state) {
  static const struct {
    const char *subscription;
    int asking, asked;
  } expected[] = {{"none", 0, 0}, {"none", 1, 0}, {"none", 0, 1}, {"none", 1, 1}, {"to", 0, 0},
                  {"to", 0, 1},   {"from", 0, 0}, {"from", 1, 0}, {"both", 0, 0}};
  (void)state;
  for (int i = 0; i < IMP_SUB_STATES; i++) {
    imp_sub_state s = (imp_sub_state)i;
    assert_string_equal(imp_sub_attribute(s), expected[i].subscription);
    assert_int_equal(imp_sub_is_asking(s), expected[i].asking);
    assert_int_equal(imp_sub_is_asked(s), expected[i].asked);
    assert_int_equal(imp_sub_has_to(s), strstr("to both", expected[i].subscription) != NULL);
    assert_int_equal(imp_sub_has_from(s), strstr("from both", expected[i].subscription) != NULL);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_cell),
      cmocka_unit_test(both_ends_agree),
      cmocka_unit_test(a_contact_is_listed_when_there_is_something_to_list),
      cmocka_unit_test(an_approval_before_the_request),
      cmocka_unit_test(an_approval_is_taken_back),
      cmocka_unit_test(a_contact_is_removed),
      cmocka_unit_test(attributes),
  };
  return unit_run("presence_subscription", tests);
}
