/*
 * When acknowledgements are written: at once while they are few, put together while they are many, and never late.
 *
 * rooms: c2s im
 */
#include "alloc_fail.h"
#include "node/node.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

#define R "<r xmlns='urn:xmpp:sm:3'/>"
#define ANSWERS 29 /* that may go at once */
#define ANSWER (50 * IMP_MILLISECONDS)
#define QUESTIONS 8
#define QUESTION (200 * IMP_MILLISECONDS)

static world w;
static client c[2];

static void close_all(void *unused) {
  (void)unused;
  for (size_t i = 0; i < 2; i++) {
    if (c[i].w != NULL) {
      client_free(&c[i]);
    }
  }
  world_close(&w);
}

static void run(void) {
  world_run(&w, c, 2);
  world_check_ledger(&w);
}

static void drain(client *who) {
  for (imp_stanza *st; (st = client_next(who)) != NULL;) {
    imp_stanza_del(st);
  }
}

/* How many <a/> came; everything else is thrown away. h of the last goes to *h, if that is not NULL. */
static int answers(client *who, uint32_t *h) {
  int n = 0;
  for (imp_stanza *st; (st = client_next(who)) != NULL; imp_stanza_del(st)) {
    if (strcmp(imp_elem_name(imp_stanza_root(st)), "a") == 0) {
      n++;
      if (h != NULL) {
        assert_int_equal(imp_sm_parse_h(imp_elem_attr(imp_stanza_root(st), "h"), h), IMP_OK);
      }
    }
  }
  return n;
}

/* How many <r/> came since the last time. */
static uint32_t questions(client *who) {
  uint32_t n = who->asked;
  who->asked = 0;
  drain(who);
  return n;
}

/* Two clients that have talked so little that all of the burst is theirs. */
static void prepare(void) {
  memset(c, 0, sizeof(c));
  memset(&w, 0, sizeof(w));
  unit_own(close_all, &w);
  world_open(&w, NULL, 1);
  client_init(&c[0], &w, "alice", "a");
  client_login(&c[0], 1);
  client_init(&c[1], &w, "bob", "b");
  client_login(&c[1], 1);
  c[0].auto_ack = c[1].auto_ack = 0;
  world_wait(&w, c, 2, 10 * IMP_SECONDS);
  drain(&c[0]);
  (void)questions(&c[1]);
}

static void say(client *from, const char *to) {
  char xml[160];
  snprintf(xml, sizeof(xml), "<message to='%s@im.example/%c' type='chat'><body>x</body></message>", to, to[0]);
  client_stanza(from, xml);
}

/* A stanza, <r/> and a stanza in one piece. */
static void ask_and_go_on(client *who) {
  say(who, "bob");
  client_send(who, R);
  say(who, "bob");
}

/* From here on answers have to wait. */
static void exhaust(client *who) {
  for (int i = 0; i < ANSWERS; i++) {
    ask_and_go_on(who);
    run();
    assert_int_equal(answers(who, NULL), 1);
    client_ack(&c[1]);
  }
  run();
}

static void who_waits_for_the_answer_has_it_at_once(void **state) {
  uint32_t h = 0, before;
  (void)state;
  prepare();
  before = c[0].out;
  for (uint32_t i = 1; i <= 100; i++) {
    say(&c[0], "bob");
    client_send(&c[0], R);
    run();
    assert_int_equal(answers(&c[0], &h), 1);
    assert_int_equal(h, before + i);
    client_ack(&c[1]);
  }
}

static void who_goes_on_has_them_put_together(void **state) {
  uint32_t h = 0;
  (void)state;
  prepare();
  exhaust(&c[0]);
  for (int i = 0; i < 5; i++) {
    ask_and_go_on(&c[0]);
    run();
    assert_int_equal(answers(&c[0], NULL), 0);
    world_wait(&w, c, 2, ANSWER / 5 - 1);
  }
  assert_int_equal(answers(&c[0], NULL), 0);
  world_wait(&w, c, 2, 5);
  assert_int_equal(answers(&c[0], &h), 5); /* each <r/> has its <a/> */
  assert_int_equal(h, c[0].out);
}

/* It has not shown since then that it does not. */
static void after_a_wait_it_may_wait_again(void **state) {
  (void)state;
  prepare();
  exhaust(&c[0]);
  ask_and_go_on(&c[0]);
  run();
  world_wait(&w, c, 2, ANSWER);
  assert_int_equal(answers(&c[0], NULL), 1);
  client_send(&c[0], R);
  run();
  assert_int_equal(answers(&c[0], NULL), 1);
}

/* As a stream of messages looks that asks every now and then: hardly any answer travels alone. */
static void a_stream_has_one_write_for_many_answers(void **state) {
  int writes = 0, all = 0;
  (void)state;
  prepare();
  exhaust(&c[0]);
  for (int i = 0; i < 100; i++) {
    ask_and_go_on(&c[0]);
    run();
    client_ack(&c[1]);
    world_wait(&w, c, 2, ANSWER / 5);
    int n = answers(&c[0], NULL);
    writes += n > 0;
    all += n;
  }
  world_wait(&w, c, 2, ANSWER);
  assert_int_equal(all + answers(&c[0], NULL), 100);
  assert_true(writes <= 21);
}

static void other_output_takes_the_answer_along(void **state) {
  uint32_t h = 0;
  (void)state;
  prepare();
  exhaust(&c[0]);
  ask_and_go_on(&c[0]);
  run();
  assert_int_equal(answers(&c[0], NULL), 0);
  say(&c[1], "alice");
  run();
  assert_int_equal(answers(&c[0], &h), 1);
  assert_int_equal(h, c[0].out);
}

static void no_answer_is_owed_at_the_end(void **state) {
  uint32_t h = 0;
  (void)state;
  prepare();
  exhaust(&c[0]);
  ask_and_go_on(&c[0]);
  run();
  client_leave(&c[0]);
  run();
  assert_int_equal(answers(&c[0], &h), 1);
  assert_int_equal(h, c[0].out);
}

static void so_many_do_not_wait(void **state) {
  (void)state;
  prepare();
  exhaust(&c[0]);
  ask_and_go_on(&c[0]);
  for (int i = 0; i < 70; i++) {
    client_send(&c[0], R);
  }
  run();
  assert_true(answers(&c[0], NULL) >= 64);
}

static void say_many(int n) {
  for (int i = 0; i < n; i++) {
    say(&c[0], "bob");
  }
  run();
}

static void one_question_a_turn_behind_everything(void **state) {
  (void)state;
  prepare();
  say_many(17);
  assert_int_equal(c[1].asked, 1);
  assert_int_equal(c[1].asked_in, 17);
  client_ack(&c[1]);
  run();
  assert_int_equal(c[1].asked, 1); /* nothing is left to ask for */
}

/* Five stanzas and the client's answer, until that does not bring the next question. */
static void exhaust_questions(void) {
  for (int i = 0; i < QUESTIONS; i++) {
    say_many(5);
    assert_int_equal(questions(&c[1]), 1);
    client_ack(&c[1]);
    run();
  }
}

static void many_questions_become_one(void **state) {
  (void)state;
  prepare();
  exhaust_questions();
  for (int i = 0; i < 4; i++) {
    say_many(5);
    world_wait(&w, c, 2, QUESTION / 5);
    assert_int_equal(questions(&c[1]), 0);
  }
  world_wait(&w, c, 2, QUESTION / 5 + 1);
  assert_int_equal(questions(&c[1]), 1);
  client_ack(&c[1]);
  run();
  assert_int_equal(imp_node_get_expiry(w.node), IMP_TSTAMP_NEVER);
}

/* Default buffer: 100 packets. */
static void a_buffer_half_full_asks_at_once(void **state) {
  (void)state;
  prepare();
  exhaust_questions();
  say_many(49);
  assert_int_equal(questions(&c[1]), 0);
  say_many(1);
  assert_int_equal(questions(&c[1]), 1);
}

static void nobody_asks_for_what_was_acknowledged(void **state) {
  (void)state;
  prepare();
  exhaust_questions();
  say_many(5);
  client_ack(&c[1]); /* of its own accord */
  world_wait(&w, c, 2, (QUESTION + ANSWER));
  assert_int_equal(questions(&c[1]), 0);
}

static void a_lost_link_forgets_what_was_due(void **state) {
  (void)state;
  prepare();
  exhaust(&c[0]);
  exhaust_questions();
  ask_and_go_on(&c[0]);
  say_many(5);
  client_cut(&c[0], 1);
  client_cut(&c[1], 1);
  world_wait(&w, c, 2, (QUESTION + ANSWER));
  assert_true(client_resume(&c[0]));
  run();
  assert_int_equal(answers(&c[0], NULL), 0); /* <resumed h=''/> said it */
  assert_true(client_resume(&c[1]));
  run();
  assert_int_equal(questions(&c[1]), 0); /* <resume h=''/> said it */
  say_many(5);
  assert_int_equal(questions(&c[1]), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(who_waits_for_the_answer_has_it_at_once),
      cmocka_unit_test(who_goes_on_has_them_put_together),
      cmocka_unit_test(after_a_wait_it_may_wait_again),
      cmocka_unit_test(a_stream_has_one_write_for_many_answers),
      cmocka_unit_test(other_output_takes_the_answer_along),
      cmocka_unit_test(no_answer_is_owed_at_the_end),
      cmocka_unit_test(so_many_do_not_wait),
      cmocka_unit_test(one_question_a_turn_behind_everything),
      cmocka_unit_test(many_questions_become_one),
      cmocka_unit_test(a_buffer_half_full_asks_at_once),
      cmocka_unit_test(nobody_asks_for_what_was_acknowledged),
      cmocka_unit_test(a_lost_link_forgets_what_was_due),
  };
  return unit_run("node_acks", tests);
}
