/* Output that waits for a commit. */
#include "stream_kit.h"

#include <stdio.h>
#include <string.h>

static void submit(kit *k, const char *text) {
  assert_int_equal(imp_conn_submit_text(k->conn, text, strlen(text)), IMP_OK);
}

static kit *logged_in(int tls) {
  kit *k = skit_new(tls ? &skit_server : NULL, NULL);
  skit_accept(k, tls ? IMP_ROLE_C2S_TLS : IMP_ROLE_C2S);
  if (tls) {
    skit_client_tls(k, NULL, NULL, NULL);
  }
  skit_send(k, KIT_OPEN "<in xmlns='x'/>");
  skit_clear(k);
  return k;
}

static void waits(int tls) {
  kit *k = logged_in(tls);
  imp_list gathered;
  imp_list_init(&gathered);
  submit(k, "<a/>");
  imp_conn_set_gated(k->conn, 1); /* what is there may go */
  submit(k, "<b/>");
  skit_pump(k);
  assert_string_equal(skit_text(k), "<a/>");
  imp_conn_gather(k->conn, &gathered);
  imp_conn_commit_begins(&gathered);
  submit(k, "<c/>");
  imp_conn_gather(k->conn, &gathered); /* belongs to the next commit */
  skit_pump(k);
  assert_string_equal(skit_text(k), "<a/>");
  assert_ptr_equal(imp_conn_next_gathered(&gathered), k->conn);
  assert_null(imp_conn_next_gathered(&gathered));
  imp_conn_release_gathered(k->conn);
  skit_pump(k);
  assert_string_equal(skit_text(k), "<a/><b/>");
  imp_conn_gather(k->conn, &gathered);
  imp_conn_commit_begins(&gathered);
  imp_conn_next_gathered(&gathered);
  imp_conn_release_gathered(k->conn);
  submit(k, "<d/>");
  imp_conn_release(k->conn);
  skit_pump(k);
  assert_string_equal(skit_text(k), "<a/><b/><c/><d/>");
  submit(k, "<e/>");
  imp_conn_set_gated(k->conn, 0);
  skit_pump(k);
  assert_string_equal(skit_text(k), "<a/><b/><c/><d/><e/>");
}

static void in_the_clear(void **state) {
  (void)state;
  waits(0);
}

static void over_tls(void **state) {
  (void)state;
  waits(1);
}

static void a_commit_fails(void **state) {
  (void)state;
  for (int tls = 0; tls < 2; tls++) {
    kit *k = logged_in(tls);
    imp_conn_set_gated(k->conn, 1);
    submit(k, "<a/>");
    imp_conn_abort(k->conn, "the store is gone");
    skit_pump(k);
    assert_string_equal(skit_text(k), "");
    assert_true(k->closed);
    assert_string_equal(skit_seen(k), "( in !");
    assert_string_equal(imp_conn_last_error(k->conn), "the store is gone");
  }
}

static void it_goes_while_gathered(void **state) {
  (void)state;
  kit *k = logged_in(0);
  imp_list gathered;
  imp_list_init(&gathered);
  imp_conn_set_gated(k->conn, 1);
  submit(k, "<a/>");
  imp_conn_gather(k->conn, &gathered);
  imp_conn_commit_begins(&gathered);
  skit_drop_conn(k);
  assert_true(imp_list_empty(&gathered));
}

int main(void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(in_the_clear),
    cmocka_unit_test(over_tls),
    cmocka_unit_test(a_commit_fails),
    cmocka_unit_test(it_goes_while_gathered),
  };
  skit_certificates();
  return unit_run("stream_gate", tests);
}
