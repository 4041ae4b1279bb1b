/*
 * What is told from the text must mean the same as when it is parsed; everything else is left to the parser.
 *
 * rooms: c2s im
 */
#include <stdio.h>
#include <string.h>

#include "alloc_fail.h"
#include "c2s/login.h"
#include "world.h"

static int brief(const char *text, uint32_t *h) { return imp_c2s_brief(text, strlen(text), h); }

static void usual_forms(void **state) {
  uint32_t h = 7;
  (void)state;
  assert_int_equal(brief("<r xmlns='urn:xmpp:sm:3'/>", &h), 'r');
  assert_int_equal(brief("<r xmlns=\"urn:xmpp:sm:3\" />", &h), 'r');
  assert_int_equal(h, 7);
  assert_int_equal(brief("<a xmlns='urn:xmpp:sm:3' h='0'/>", &h), 'a');
  assert_int_equal(h, 0);
  assert_int_equal(brief("<a h=\"4294967295\" xmlns='urn:xmpp:sm:3'/>", &h), 'a');
  assert_int_equal(h, UINT32_MAX);
  assert_int_equal(brief("<a xmlns='urn:xmpp:sm:3' h='0000000012' />", &h), 'a');
  assert_int_equal(h, 12);
}

static void everything_else_is_parsed(void **state) {
  static const char *const other[] = {
      "", "<", "<r", "<r/>", "<a/>", "<a>", "<r xmlns='urn:xmpp:sm:2'/>", "<r xmlns='urn:xmpp:sm:3'></r>",
      "<r xmlns='urn:xmpp:sm:3'/> ", "<r xmlns='urn:xmpp:sm:3' h='1'/>", "<a xmlns='urn:xmpp:sm:3'/>",
      "<a xmlns='urn:xmpp:sm:3' h=''/>", "<a xmlns='urn:xmpp:sm:3' h='-1'/>", "<a xmlns='urn:xmpp:sm:3' h='4294967296'/>",
      "<a xmlns='urn:xmpp:sm:3' h='00000000001'/>", "<a xmlns='urn:xmpp:sm:3' h=' 1'/>", "<a xmlns='urn:xmpp:sm:3' h='1' h='1'/>",
      "<a xmlns='urn:xmpp:sm:3' xmlns='urn:xmpp:sm:3' h='1'/>", "<a xmlns='urn:xmpp:sm:3' h='1' x='2'/>",
      "<a xmlns='urn:xmpp:sm:3' h='1\"/>", "<a xmlns='urn:xmpp:sm:3'  h='1'/>", "<a xmlns='urn:xmpp:sm:3' h='1'  />",
      "<a xmlns='urn:xmpp:sm:3' h='1'>", "<a xmlns='urn:xmpp:sm:3' h='&#49;'/>", "<a h='1'/>", "<ab xmlns='urn:xmpp:sm:3' h='1'/>",
      "<a:r xmlns='urn:xmpp:sm:3'/>", "<r xmlns='urn:xmpp:sm:3'", "<r xmlns='", "<r xmlns=", "<r xmlns", "<r =''/>", "<b xmlns='urn:xmpp:sm:3'/>"};
  uint32_t h = 0;
  (void)state;
  for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
    assert_int_equal(brief(other[i], &h), 0);
  }
}

/* ---- on a stream: the same is said and done whether the hook is there or not, wherever the bytes are cut ---- */

#define SM "xmlns='urn:xmpp:sm:3'"

static world w;
static client bob[1];
static const imp_conn_events *events;
static imp_conn_events with, without;
static unsigned told; /* how often the hook understood */

static int counted(imp_conn *conn, const char *text, size_t len) {
  int understood = events->brief(conn, text, len);
  told += understood != 0;
  return understood;
}

static void close_all(void *unused) {
  (void)unused;
  if (bob[0].w != NULL) {
    client_free(bob);
  }
  memset(bob, 0, sizeof(bob));
  world_close(&w);
}

/* bob has three messages that he has not acknowledged, and has sent one presence. */
static void set_up(int hook) {
  memset(&w, 0, sizeof(w));
  world_open(&w, NULL, 7);
  events = w.node->env.events;
  with = without = *events;
  with.brief = counted;
  without.brief = NULL;
  w.node->env.events = hook ? &with : &without;
  client_init(bob, &w, "bob", "b");
  client_login(bob, 1);
  bob->auto_ack = 0;
  client_stanza(bob, "<presence/>");
  for (int i = 0; i < 3; i++) {
    client_stanza(bob, "<message to='bob@im.example/b'><body>x</body></message>");
  }
  world_run(&w, bob, 1);
  told = 0;
}

/* What came of it, as one text: every byte that the server said, and what it counts. */
typedef struct outcome {
  char said[4096];
  size_t len;
  int over;
  uint32_t acked, out, in;
  size_t queued;
} outcome;

static void listen_to(outcome *o) {
  size_t n;
  const void *data;
  imp_node_turn(w.node, w.now);
  while (bob->conn != NULL && (data = imp_conn_send_peek(bob->conn, &n)) != NULL && n > 0) {
    assert_true(o->len + n < sizeof(o->said));
    memcpy(o->said + o->len, data, n);
    o->len += n;
    imp_conn_send_done(bob->conn, n, w.now);
  }
}

/* `text`, cut at `cut`, and then something that is parsed in any case. */
static void play(const char *text, size_t cut, int hook, outcome *o) {
  const imp_session *s;
  memset(o, 0, sizeof(*o));
  set_up(hook);
  (void)imp_conn_recv(bob->conn, text, cut, w.now);
  listen_to(o);
  (void)imp_conn_recv(bob->conn, text + cut, strlen(text) - cut, w.now);
  listen_to(o);
  client_send(bob, "<r " SM "   />");
  listen_to(o);
  o->over = imp_conn_want_close(bob->conn);
  if ((s = imp_session_of(bob->conn)) != NULL && s->sm != NULL) {
    o->acked = imp_sm_get_acked(s->sm);
    o->out = imp_sm_get_out(s->sm);
    o->in = imp_sm_get_in(s->sm);
    o->queued = imp_sm_get_queued(s->sm);
  }
  close_all(NULL);
}

static void same_however_cut(const char *text, unsigned understood) {
  static outcome parsed, hooked;
  for (size_t cut = 0; cut <= strlen(text); cut++) {
    play(text, cut, 0, &parsed); /* how bad XML is called depends on where it is cut */
    play(text, cut, 1, &hooked);
    if (told != understood || memcmp(&parsed, &hooked, sizeof(parsed)) != 0) {
      fail_msg("%s cut at %zu: understood %u times, said %s instead of %s", text, cut, told, hooked.said, parsed.said);
    }
  }
}

static void told_or_parsed(void **state) {
  static const struct {
    const char *text;
    unsigned understood; /* how many of its elements by the hook */
  } cases[] = {
      {"<r " SM "/>", 1},
      {"<r " SM " />", 1},
      {"<r xmlns=\"urn:xmpp:sm:3\"/>", 1},
      {"<a " SM " h='0'/>", 1},
      {"<a " SM " h='2'/>", 1},
      {"<a h=\"3\" xmlns='urn:xmpp:sm:3' />", 1},
      {"<a " SM " h='0000000003'/>", 1},
      {"<a " SM " h='4'/>", 1},          /* more than was sent: the stream ends */
      {"<a " SM " h='4294967295'/>", 1},
      {" <r " SM "/>\n<a " SM " h='3'/>\t", 2},
      {"<r " SM "/><message to='bob@im.example/b'/><a " SM " h='1'/><r " SM "/>", 3},
      {"<a " SM " h='2'/><a " SM " h='1'/>", 2}, /* backwards */
      /* odd, and good */
      {"<r  " SM "/>", 0},
      {"<r\n" SM "/>", 0},
      {"<r " SM "\t/>", 0},
      {"<r " SM "></r>", 0},
      {"<r " SM "> </r>", 0},
      {"<r xmlns = 'urn:xmpp:sm:3'/>", 0},
      {"<r xmlns='urn:xmpp:sm:&#51;'/>", 0},
      {"<r " SM " x='1'/>", 0},
      {"<s:r xmlns:s='urn:xmpp:sm:3'/>", 0},
      {"<a " SM " h='&#50;'/>", 0},
      {"<a " SM " h=' 2 '/>", 0},
      {"<a " SM " h='00000000002'/>", 0},
      {"<a " SM " h='2'></a>", 0},
      {"<a h='2'\r\n " SM "/>", 0},
      {"<s:a xmlns:s='urn:xmpp:sm:3' h='2'/>", 0},
      {"<a " SM " xmlns:s='urn:x' h='2'/>", 0},
      {"<a " SM " s:h='1' h='2' xmlns:s='urn:x'/>", 0},
      {"<a " SM " h='2'/><!-- -->", 1},
      /* wrong */
      {"<a " SM "/>", 0},
      {"<a " SM " h=''/>", 0},
      {"<a " SM " h='x'/>", 0},
      {"<a " SM " h='-1'/>", 0},
      {"<a " SM " h='+1'/>", 0},
      {"<a " SM " h='4294967296'/>", 0},
      {"<a " SM " h='99999999999999999999'/>", 0},
      {"<a " SM " h='1' h='1'/>", 0},
      {"<r " SM " " SM "/>", 0},
      {"<r xmlns='urn:xmpp:sm:2'/>", 0},
      {"<r xmlns=''/>", 0},
      {"<r/>", 0},
      {"<a h='1'/>", 0},
      {"<r xmlns='urn:xmpp:sm:3\"/>", 0},
      {"<r xmlns=urn:xmpp:sm:3/>", 0},
      {"<a " SM "h='1'/>", 0},
      {"<a " SM " h='1<'/>", 0},
      {"<a " SM " h='1&'/>", 0},
      {"<r " SM "/ >", 0},
      {"<R " SM "/>", 0},
  };
  (void)state;
  unit_skip_alloc_fail();
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    same_however_cut(cases[i].text, cases[i].understood);
  }
}

/* What the hook must be kept from: a stream without stream management, and what comes while the client is looked up. */
static void not_before_its_time(void **state) {
  (void)state;
  memset(bob, 0, sizeof(bob));
  memset(&w, 0, sizeof(w));
  unit_own(close_all, &w);
  world_open(&w, NULL, 7);
  events = w.node->env.events;
  with = *events;
  with.brief = counted;
  told = 0;
  w.node->env.events = &with;
  client_init(bob, &w, "bob", "b");
  client_login(bob, 0);
  client_send(bob, "<r " SM "/>");
  world_run(&w, bob, 1);
  (void)client_expect(bob, "error", "unsupported-stanza-type");
  client_free(bob);
  client_init(bob, &w, "bob", "b");
  client_connect(bob);
  world_run(&w, bob, 1);
  client_send(bob, "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>AGJvYgBwYXNz</initial-response>"
                   "<bind xmlns='urn:xmpp:bind:0'><enable " SM "/></bind></authenticate><presence/><r " SM "/>");
  assert_int_equal(told, 0); /* it waits for the answer, behind the presence */
  world_run(&w, bob, 1);
  (void)client_expect(bob, "success", "<enabled ");
  (void)client_expect(bob, "a", "h='1'");
  assert_int_equal(told, 0);
  client_send(bob, "<r " SM "/>");
  assert_int_equal(told, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(usual_forms),
      cmocka_unit_test(everything_else_is_parsed),
      cmocka_unit_test(told_or_parsed),
      cmocka_unit_test(not_before_its_time),
  };
  return unit_run("c2s_brief", tests);
}
