/*
 * When acknowledgements are written.
 *
 * An <a/> or <r/> that travels alone costs as much as a batch of messages: a write and a TLS record here, a read there, and for
 * an <r/> the same back.  As long as they are few they go at once.  Each has a price in time; a connection that has paid
 * for more than AHEAD has them put together:
 *
 *   <a/>  waits for other output that takes it along, at most ANSWER, and only if the client has shown that it goes on without
 *         waiting for it: a stanza came behind an <r/> before there was an answer.  It has to show that again after each
 *         wait.  Every <r/> gets its <a/>, also when the stream ends.
 *   <r/>  is written at the end of a turn, behind everything that it asks for.  It waits until it can be paid for, which
 *         is at most QUESTION and ANSWER, but never when the buffer is half full.
 *
 * Nobody has a deadline of its own: the first who waits sets one for all, and at rest there is none.
 */
#include "node/node.h"

#define ANSWER (50 * IMP_MILLISECONDS)
#define QUESTION (200 * IMP_MILLISECONDS)
#define AHEAD (7 * QUESTION)
#define OWED_MAX 64

static imp_tstamp limit(const imp_session *s) { return s->node->now + AHEAD; }

static int may_go(const imp_session *s) { return s->acks_paid <= limit(s); }

static void pay(imp_session *s, imp_tstamp price) {
  imp_tstamp from = s->acks_paid > s->node->now ? s->acks_paid : s->node->now;
  imp_tstamp paid = (from < limit(s) ? from : limit(s)) + price;
  s->acks_paid = paid > s->acks_paid ? paid : s->acks_paid;
}

static int can_write(const imp_session *s) { return s->sm != NULL && s->conn != NULL && !imp_conn_is_ended(s->conn); }

static void write_a(imp_session *s) {
  char text[IMP_SM_TEXT_MAX];
  size_t len = imp_sm_write_a(s->sm, text);
  for (uint8_t n = s->owed; n > 0; n--) {
    (void)imp_conn_submit_text(s->conn, text, len);
  }
  s->owed = 0;
  imp_durable_touch(s);
}

static void write_r(imp_session *s) {
  char text[IMP_SM_TEXT_MAX];
  s->asks = 0;
  if (imp_sm_r_outstanding(s->sm)) { /* else the client has acknowledged of its own accord */
    pay(s, QUESTION);
    (void)imp_conn_submit_text(s->conn, text, imp_sm_write_r(text));
    imp_sm_requested(s->sm);
  }
}

static int half_full(const imp_sm *sm) {
  const imp_sm_settings *settings = imp_sm_get_settings(sm);
  return imp_sm_get_queued(sm) * 2 >= settings->buffer_packets ||
         imp_sm_get_queued_bytes(sm) * 2 >= settings->buffer_bytes;
}

static void forget(imp_session *s) {
  imp_list_remove(&s->acks);
  s->owed = 0;
  s->asks = 0;
}

/* Writes what may go now. Non-zero if something has to wait. */
static int write_due(imp_session *s) {
  if (!can_write(s)) {
    forget(s);
    return 0;
  }
  if (s->asks && (may_go(s) || half_full(s->sm))) {
    write_r(s);
  }
  if (s->owed > 0 && imp_conn_has_output(s->conn)) {
    write_a(s);
  } else if (s->owed > 0 && (!s->streams || s->owed >= OWED_MAX || may_go(s))) {
    pay(s, ANSWER);
    write_a(s);
  }
  return s->asks || s->owed > 0;
}

static void on_timer(imp_timer *timer, imp_tstamp ts);

static int is_ticking(imp_node *node) {
  return node->acks_timer.index != 0 || imp_heap_set(&node->timers, &node->acks_timer, node->now + ANSWER) == IMP_OK;
}

static void look(imp_session *s) {
  imp_list_remove(&s->acks);
  if (!write_due(s)) {
    return;
  }
  if (is_ticking(s->node)) {
    imp_list_append(&s->node->acks_later, &s->acks);
    return;
  }
  if (s->asks) { /* no memory to wait with */
    write_r(s);
  }
  write_a(s);
}

static void on_timer(imp_timer *timer, imp_tstamp ts) {
  imp_node *node = IMP_CONTAINER_OF(timer, imp_node, acks_timer);
  imp_list due, *l;
  (void)ts;
  imp_list_init(&due);
  imp_list_move(&due, &node->acks_later);
  while ((l = imp_list_pop(&due)) != NULL) {
    imp_session *s = IMP_CONTAINER_OF(l, imp_session, acks);
    s->streams = 0;
    look(s);
  }
}

void imp_acks_init(imp_node *node) {
  imp_list_init(&node->acks);
  imp_list_init(&node->acks_later);
  imp_timer_init(&node->acks_timer, on_timer);
  node->turns = 1;
}

static void look_at_end_of_turn(imp_session *s) {
  imp_list_remove(&s->acks);
  imp_list_append(&s->node->acks, &s->acks);
}

/* What has to wait if the client goes on is not decided before it is seen whether it does. */
void imp_acks_answer(imp_session *s) {
  s->asked = s->node->turns;
  s->owed++;
  if (may_go(s) || s->owed >= OWED_MAX) {
    look(s);
  } else {
    look_at_end_of_turn(s);
    s->node->env.wake(s->node->env.ctx);
  }
}

void imp_acks_came(imp_session *s) {
  if (s->owed > 0 || s->asked == s->node->turns) { /* an answer leaves at the end of a turn */
    s->streams = 1;
  }
}

void imp_acks_ask(imp_session *s) {
  s->asks = 1;
  look(s);
}

void imp_acks_sent(imp_session *s, int wants_r) {
  s->asks |= wants_r != 0;
  if (s->asks || s->owed > 0) {
    look_at_end_of_turn(s);
  }
}

void imp_acks_last(imp_session *s) {
  if (s->owed > 0 && can_write(s)) {
    write_a(s);
  }
  forget(s);
}

void imp_acks_end_turn(imp_node *node) {
  imp_list *l;
  while ((l = imp_list_pop(&node->acks)) != NULL) {
    look(IMP_CONTAINER_OF(l, imp_session, acks));
  }
}
