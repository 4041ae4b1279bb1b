/* SASL as elements: both profiles, what goes out, who may speak when, what counts. */
#include "alloc_fail.h"

#include <stdio.h>
#include <string.h>

#include "core/codec.h"
#include "core/mem.h"
#include "sasl/credential.h"
#include "sasl/exchange_priv.h"
#include "sasl/sasl.h"
#include "sasl_client.h"

#define ALL ((IMP_SASL_HT_SHA_256_EXPR << 1) - 1)

static const char exporter[] = "exporter-data-32-bytes-long-12345";
static const imp_channel_binding bindings = {sizeof(imp_channel_binding), exporter, 33, NULL, 0, NULL, 0};

static imp_buf out;

static void del_exchange(void *ex) { imp_sasl_exchange_del(ex); }
static void del_stanza(void *st) { imp_stanza_del(st); }
static void del_jid(void *jid) { imp_jid_del(jid); }
static void del_keys(void *keys) { imp_scram_keys_del(keys); }
static void reset_out(void *buf) { imp_buf_reset(buf); }

static imp_jid *new_jid(const char *text) {
  imp_jid *jid = NULL;
  assert_int_equal(imp_jid_new(&jid, text, strlen(text)), IMP_OK);
  unit_own(del_jid, jid);
  return jid;
}

static imp_sasl_exchange *new_exchange(const char *from, uint32_t mechanisms) {
  imp_sasl_exchange_config config;
  imp_sasl_exchange *ex = NULL;

  memset(&config, 0, sizeof config);
  sasl_params(&config.params, &bindings);
  config.sasl1 = config.sasl2 = mechanisms & ~IMP_SASL_ALL_HT;
  config.fast = mechanisms & IMP_SASL_ALL_HT;
  config.domain = "im.example";
  config.from = from != NULL ? new_jid(from) : NULL;
  assert_int_equal(imp_sasl_exchange_new(&ex, &config), IMP_OK);
  unit_own(del_exchange, ex);
  imp_buf_reset(&out); /* a test may have several */
  imp_buf_init(&out, 65536);
  unit_own(reset_out, &out);
  return ex;
}

static imp_stanza *new_stanza(const char *xml) {
  imp_stanza *st = NULL;
  assert_int_equal(imp_stanza_parse(&st, xml, strlen(xml)), IMP_OK);
  unit_own(del_stanza, st);
  return st;
}

static int recv_xml(imp_sasl_exchange *ex, const char *xml) {
  imp_buf_consume(&out, imp_buf_len(&out));
  return imp_sasl_exchange_recv(ex, new_stanza(xml), &out);
}

/* "<NAME ns attrs>base64</NAME>"; SASL2 puts the data of <authenticate/> into a child. */
static int send_data(imp_sasl_exchange *ex, int sasl2, const char *mechanism, const char *data, size_t len) {
  char xml[4096], base64[2048];
  const char *ns = sasl2 ? IMP_NS_SASL2 : IMP_NS_SASL;
  imp_base64_encode(base64, data, len);
  if (mechanism == NULL) {
    snprintf(xml, sizeof xml, "<response xmlns='%s'>%s</response>", ns, base64);
  } else if (sasl2) {
    snprintf(xml, sizeof xml,
             "<authenticate xmlns='%s' mechanism='%s'><initial-response>%s</initial-response>"
             "<user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'><software>Soft</software></user-agent>"
             "<bind xmlns='urn:xmpp:bind:0'/></authenticate>",
             ns, mechanism, base64);
  } else {
    snprintf(xml, sizeof xml, "<auth xmlns='%s' mechanism='%s'>%s</auth>", ns, mechanism, base64);
  }
  return recv_xml(ex, xml);
}

static const imp_credential *new_keys(const char *hash) {
  imp_scram_keys *keys = NULL;
  assert_int_equal(imp_scram_keys_new(&keys, hash, "pencil", NULL, 0, 4096), IMP_OK);
  unit_own(del_keys, keys);
  return imp_scram_keys_get(keys);
}

static int give(imp_sasl_exchange *ex, const imp_credential *c) {
  imp_buf_consume(&out, imp_buf_len(&out));
  return imp_sasl_exchange_credential(ex, c, &out);
}

static void assert_out(const char *text) {
  assert_int_equal(imp_buf_len(&out), strlen(text));
  assert_memory_equal(imp_buf_data(&out), text, strlen(text));
}

static void assert_failure(int result, int expected, const char *condition) {
  char text[256];
  assert_int_equal(result, expected);
  snprintf(text, sizeof text, "<failure xmlns='" IMP_NS_SASL "'><%s/></failure>", condition);
  assert_out(text);
}

#define PLAIN_GOOD "\0user\0pencil"
#define SEND1(ex, mechanism, literal) send_data(ex, 0, mechanism, literal, sizeof literal - 1)
#define SEND2(ex, mechanism, literal) send_data(ex, 1, mechanism, literal, sizeof literal - 1)

/* ---- offers ---- */

static void writes_offers(void **state) {
  static const char bind[] = "<bind xmlns='urn:xmpp:bind:0'/>";
  (void)state;
  imp_buf_init(&out, 65536);
  unit_own(reset_out, &out);
  assert_int_equal(imp_sasl_write_mechanisms(&out, IMP_SASL_PLAIN | IMP_SASL_SCRAM_SHA_1 | IMP_SASL_HT_SHA_256_NONE),
                   IMP_OK);
  assert_out("<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-1</mechanism>"
             "<mechanism>PLAIN</mechanism></mechanisms>");
  imp_buf_reset(&out);
  assert_int_equal(imp_sasl_write_mechanisms(&out, IMP_SASL_HT_SHA_256_NONE), IMP_OK);
  assert_int_equal(imp_sasl_write_authentication(&out, 0, IMP_SASL_HT_SHA_256_NONE, NULL, 0), IMP_OK);
  assert_int_equal(imp_sasl_write_channel_bindings(&out, NULL), IMP_OK);
  assert_out("");
  assert_int_equal(imp_sasl_write_authentication(&out, IMP_SASL_PLAIN, 0, NULL, 0), IMP_OK);
  assert_out("<authentication xmlns='urn:xmpp:sasl:2'><mechanism>PLAIN</mechanism></authentication>");
  imp_buf_reset(&out);
  assert_int_equal(imp_sasl_write_authentication(&out, IMP_SASL_SCRAM_SHA_1_PLUS, IMP_SASL_HT_SHA_256_EXPR, bind,
                                                 sizeof bind - 1),
                   IMP_OK);
  assert_out("<authentication xmlns='urn:xmpp:sasl:2'><mechanism>SCRAM-SHA-1-PLUS</mechanism><inline>"
             "<bind xmlns='urn:xmpp:bind:0'/><fast xmlns='urn:xmpp:fast:0'><mechanism>HT-SHA-256-EXPR</mechanism></fast>"
             "</inline></authentication>");
  imp_buf_reset(&out);
  assert_int_equal(imp_sasl_write_channel_bindings(&out, &bindings), IMP_OK);
  assert_out("<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/>"
             "</sasl-channel-binding>");
}

static void leaves_buffer_as_it_was(void **state) {
  static imp_buf small;
  (void)state;
  imp_buf_init(&small, 40);
  unit_own(reset_out, &small);
  assert_int_equal(imp_buf_append_str(&small, "before"), IMP_OK);
  assert_int_equal(imp_sasl_write_mechanisms(&small, IMP_SASL_PLAIN), IMP_ERR_TOO_BIG);
  assert_int_equal(imp_buf_len(&small), 6);
}

/* ---- SASL1 ---- */

static void logs_in_with_scram(void **state) {
  imp_sasl_exchange *ex = new_exchange(NULL, IMP_SASL_ALL_SCRAM);
  const imp_credential *keys = new_keys("SHA-256");
  char challenge[1024], expected[2048];
  uint8_t first[1024];
  size_t len;
  sasl_final final;
  (void)state;
  assert_int_equal(SEND1(ex, "SCRAM-SHA-256", "n,,n=User,r=abc"), IMP_EXCHANGE_NEED_CREDENTIAL);
  assert_string_equal(imp_jid_bare(imp_sasl_exchange_user(ex)), "user@im.example");
  assert_string_equal(imp_sasl_exchange_hash(ex), "SHA-256");
  assert_int_equal(imp_sasl_exchange_mechanism(ex), IMP_SASL_SCRAM_SHA_256);
  assert_false(imp_sasl_exchange_is_sasl2(ex));
  assert_null(imp_sasl_exchange_request(ex));
  assert_int_equal(give(ex, keys), IMP_EXCHANGE_CONTINUE);
  assert_int_equal(sscanf((char *)imp_buf_data(&out),
                          "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>%1000[^<]</challenge>", challenge), 1);
  assert_int_equal(imp_base64_decode(first, &len, challenge, strlen(challenge)), IMP_OK);
  sasl_scram_final(&final, "SHA-256", "pencil", "n,,", NULL, 0, "n=User,r=abc", (char *)first, len);
  assert_int_equal(send_data(ex, 0, NULL, final.message, strlen(final.message)), IMP_EXCHANGE_SUCCESS);
  assert_out("");
  assert_int_equal(imp_sasl_exchange_success(ex, NULL, NULL, 0, &out), IMP_OK);
  imp_base64_encode(challenge, final.verifier, strlen(final.verifier));
  snprintf(expected, sizeof expected, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>%s</success>", challenge);
  assert_out(expected);
  assert_int_equal(SEND1(ex, "PLAIN", PLAIN_GOOD), IMP_ERR_STATE);
}

static void logs_in_with_plain(void **state) {
  imp_sasl_exchange *ex = new_exchange(NULL, IMP_SASL_PLAIN);
  imp_stanza *st;
  (void)state;
  assert_int_equal(SEND1(ex, "PLAIN", "user@im.example\0user\0pencil"), IMP_EXCHANGE_NEED_CREDENTIAL);
  assert_int_equal(give(ex, new_keys("SHA-1")), IMP_EXCHANGE_SUCCESS);
  assert_int_equal(imp_sasl_exchange_success(ex, NULL, NULL, 0, &out), IMP_OK);
  assert_out("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'></success>");

  /* Nobody finds the password in the element afterwards. */
  ex = new_exchange(NULL, IMP_SASL_PLAIN);
  st = new_stanza("<auth xmlns='" IMP_NS_SASL "' mechanism='PLAIN'>AHVzZXIAcGVuY2ls</auth>");
  assert_int_equal(imp_sasl_exchange_recv(ex, st, &out), IMP_EXCHANGE_NEED_CREDENTIAL);
  assert_string_equal(imp_elem_text(imp_stanza_root(st), NULL), "");
}

static void asks_for_what_is_missing(void **state) {
  imp_sasl_exchange *ex = new_exchange(NULL, IMP_SASL_PLAIN | IMP_SASL_EXTERNAL);
  (void)state;
  assert_int_equal(recv_xml(ex, "<auth xmlns='" IMP_NS_SASL "' mechanism='PLAIN'/>"), IMP_EXCHANGE_CONTINUE);
  assert_out("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'></challenge>");
  assert_int_equal(SEND1(ex, NULL, PLAIN_GOOD), IMP_EXCHANGE_NEED_CREDENTIAL);

  ex = new_exchange(NULL, IMP_SASL_EXTERNAL);
  assert_int_equal(recv_xml(ex, "<auth xmlns='" IMP_NS_SASL "' mechanism='EXTERNAL'>=</auth>"),
                   IMP_EXCHANGE_NEED_HOST);
  assert_int_equal(imp_sasl_exchange_decide(ex, new_jid("user@im.example"), NULL, 0, &out), IMP_EXCHANGE_SUCCESS);
  assert_string_equal(imp_jid_bare(imp_sasl_exchange_user(ex)), "user@im.example");

  ex = new_exchange(NULL, IMP_SASL_EXTERNAL); /* <response/> is an empty message */
  assert_int_equal(recv_xml(ex, "<auth xmlns='" IMP_NS_SASL "' mechanism='EXTERNAL'/>"), IMP_EXCHANGE_CONTINUE);
  assert_int_equal(recv_xml(ex, "<response xmlns='" IMP_NS_SASL "'/>"), IMP_EXCHANGE_NEED_HOST);
}

static void names_conditions(void **state) {
  static const struct {
    const char *xml, *condition;
  } cases[] = {
      {"<auth xmlns='" IMP_NS_SASL "'/>", "invalid-mechanism"},
      {"<auth xmlns='" IMP_NS_SASL "' mechanism='CRAM-MD5'/>", "invalid-mechanism"},
      {"<auth xmlns='" IMP_NS_SASL "' mechanism='HT-SHA-256-NONE'/>", "invalid-mechanism"}, /* SASL2 only */
      {"<auth xmlns='" IMP_NS_SASL "' mechanism='PLAIN'>AHVz ZXIAcGVuY2ls</auth>", "incorrect-encoding"},
      {"<auth xmlns='" IMP_NS_SASL "' mechanism='PLAIN'>AHVzZXIAcGVuY2l</auth>", "incorrect-encoding"},
      {"<auth xmlns='" IMP_NS_SASL "' mechanism='PLAIN'>==</auth>", "incorrect-encoding"},
      {"<auth xmlns='" IMP_NS_SASL "' mechanism='PLAIN'>=</auth>", "malformed-request"},
      {"<auth xmlns='" IMP_NS_SASL "' mechanism='PLAIN'>YQ==</auth>", "malformed-request"},
      {"<response xmlns='" IMP_NS_SASL "'/>", "malformed-request"},
      {"<abort xmlns='" IMP_NS_SASL "'/>", "malformed-request"},
      {"<success xmlns='" IMP_NS_SASL "'/>", "malformed-request"},
  };
  size_t i;
  (void)state;
  for (i = 0; i < IMP_ARRAY_LEN(cases); i++) {
    imp_sasl_exchange *ex = new_exchange(NULL, ALL);
    assert_failure(recv_xml(ex, cases[i].xml), IMP_EXCHANGE_FAILURE, cases[i].condition);
    assert_string_equal(imp_sasl_exchange_condition(ex), cases[i].condition);
  }
}

static void refuses_other_identities(void **state) {
  imp_sasl_exchange *ex = new_exchange(NULL, IMP_SASL_PLAIN | IMP_SASL_EXTERNAL);
  (void)state;
  assert_failure(SEND1(ex, "PLAIN", "admin@im.example\0user\0pencil"), IMP_EXCHANGE_FAILURE, "invalid-authzid");
  assert_failure(SEND1(ex, "PLAIN", "user@other.example\0user\0pencil"), IMP_EXCHANGE_FAILURE, "invalid-authzid");
  assert_failure(SEND1(ex, "PLAIN", "user@im.example/r\0user\0pencil"), IMP_EXCHANGE_FAILURE, "invalid-authzid");
  assert_failure(SEND1(ex, "PLAIN", "@\0user\0pencil"), IMP_EXCHANGE_FAILURE, "invalid-authzid");
  ex = new_exchange(NULL, IMP_SASL_EXTERNAL);
  assert_int_equal(SEND1(ex, "EXTERNAL", "admin@im.example"), IMP_EXCHANGE_NEED_HOST);
  assert_failure(imp_sasl_exchange_decide(ex, new_jid("user@im.example"), NULL, 0, &out), IMP_EXCHANGE_FAILURE,
                 "invalid-authzid");
}

/* A name that no address can have goes the way of an unknown user: no lookup, and the same challenge. */
static void hides_impossible_names(void **state) {
  imp_sasl_exchange *ex = new_exchange(NULL, IMP_SASL_ALL_SCRAM | IMP_SASL_PLAIN);
  (void)state;
  assert_int_equal(SEND1(ex, "SCRAM-SHA-1", "n,,n=a@b,r=abc"), IMP_EXCHANGE_CONTINUE);
  assert_null(imp_sasl_exchange_user(ex));
  ex = new_exchange(NULL, IMP_SASL_PLAIN);
  assert_failure(SEND1(ex, "PLAIN", "\0a@b\0pencil"), IMP_EXCHANGE_FAILURE, "not-authorized");
  assert_true(imp_sasl_exchange_counted(ex));
}

static void sees_downgrades(void **state) {
  imp_sasl_exchange *ex = new_exchange(NULL, ALL);
  (void)state;
  assert_int_equal(SEND1(ex, "SCRAM-SHA-1", "y,,n=user,r=abc"), IMP_EXCHANGE_FAILURE);
  assert_false(imp_sasl_exchange_counted(ex));
  assert_int_equal(SEND1(ex, "SCRAM-SHA-1", "n,,n=user,r=abc"), IMP_EXCHANGE_NEED_CREDENTIAL); /* a client that cannot */
  ex = new_exchange(NULL, IMP_SASL_ALL_SCRAM);
  assert_int_equal(SEND1(ex, "SCRAM-SHA-1", "y,,n=user,r=abc"), IMP_EXCHANGE_NEED_CREDENTIAL);
}

static void can_be_aborted(void **state) {
  imp_sasl_exchange *ex = new_exchange(NULL, IMP_SASL_PLAIN);
  (void)state;
  assert_int_equal(recv_xml(ex, "<auth xmlns='" IMP_NS_SASL "' mechanism='PLAIN'/>"), IMP_EXCHANGE_CONTINUE);
  assert_failure(recv_xml(ex, "<abort xmlns='" IMP_NS_SASL "'/>"), IMP_EXCHANGE_FAILURE, "aborted");
  assert_false(imp_sasl_exchange_counted(ex));
  assert_int_equal(SEND1(ex, "PLAIN", PLAIN_GOOD), IMP_EXCHANGE_NEED_CREDENTIAL); /* and begun again */
  assert_failure(recv_xml(ex, "<abort xmlns='" IMP_NS_SASL "'/>"), IMP_EXCHANGE_FAILURE, "aborted");
  assert_int_equal(give(ex, NULL), IMP_ERR_STATE); /* the late answer */
  assert_int_equal(SEND1(ex, "PLAIN", PLAIN_GOOD), IMP_EXCHANGE_NEED_CREDENTIAL);
  assert_failure(SEND1(ex, NULL, PLAIN_GOOD), IMP_EXCHANGE_FAILURE, "malformed-request"); /* out of turn */
  assert_int_equal(imp_sasl_exchange_decide(ex, NULL, NULL, 0, &out), IMP_ERR_STATE);
  assert_int_equal(imp_sasl_exchange_success(ex, NULL, NULL, 0, &out), IMP_ERR_STATE);
}

static void mixes_no_profiles(void **state) {
  imp_sasl_exchange *ex = new_exchange(NULL, IMP_SASL_PLAIN);
  (void)state;
  assert_int_equal(recv_xml(ex, "<auth xmlns='" IMP_NS_SASL "' mechanism='PLAIN'/>"), IMP_EXCHANGE_CONTINUE);
  assert_failure(SEND2(ex, NULL, PLAIN_GOOD), IMP_EXCHANGE_FAILURE, "malformed-request");
  assert_int_equal(recv_xml(ex, "<message/>"), IMP_ERR_INVALID_ARGUMENT);
}

static void wants_encryption(void **state) {
  imp_sasl_exchange_config config;
  imp_sasl_exchange *ex = NULL;
  (void)state;
  memset(&config, 0, sizeof config);
  sasl_params(&config.params, NULL);
  config.sasl1 = IMP_SASL_PLAIN | IMP_SASL_SCRAM_SHA_1; /* a caller that did not ask imp_sasl_offerable() */
  config.domain = "im.example";
  assert_int_equal(imp_sasl_exchange_new(&ex, &config), IMP_OK);
  unit_own(del_exchange, ex);
  imp_buf_init(&out, 65536);
  unit_own(reset_out, &out);
  assert_failure(SEND1(ex, "PLAIN", PLAIN_GOOD), IMP_EXCHANGE_FAILURE, "encryption-required");
  assert_failure(SEND1(ex, "EXTERNAL", "x"), IMP_EXCHANGE_FAILURE, "encryption-required");
  assert_failure(SEND1(ex, "ANONYMOUS", "x"), IMP_EXCHANGE_FAILURE, "invalid-mechanism");
  assert_int_equal(SEND1(ex, "SCRAM-SHA-1", "y,,n=user,r=abc"), IMP_EXCHANGE_NEED_CREDENTIAL);
}

static void closes_after_failures(void **state) {
  imp_sasl_exchange *ex = new_exchange(NULL, IMP_SASL_PLAIN);
  const imp_credential *keys = new_keys("SHA-1");
  int i;
  (void)state;
  for (i = 1; i <= 5; i++) {
    assert_int_equal(SEND1(ex, "PLAIN", "\0user\0wrong"), IMP_EXCHANGE_NEED_CREDENTIAL);
    assert_failure(give(ex, keys), i < 5 ? IMP_EXCHANGE_FAILURE : IMP_EXCHANGE_CLOSE, "not-authorized");
    assert_true(imp_sasl_exchange_counted(ex));
    assert_string_equal(imp_jid_bare(imp_sasl_exchange_user(ex)), "user@im.example"); /* whose tally it is */
  }
}

/* Failures of negotiation do not count, but they end too. */
static void closes_after_attempts(void **state) {
  imp_sasl_exchange *ex = new_exchange(NULL, IMP_SASL_ALL_PLUS | IMP_SASL_ALL_SCRAM);
  int i;
  (void)state;
  unit_skip_alloc_fail();
  for (i = 1; i <= 20; i++) {
    const int expected = i < 20 ? IMP_EXCHANGE_FAILURE : IMP_EXCHANGE_CLOSE;
    assert_int_equal(i % 2 == 0 ? SEND1(ex, "SCRAM-SHA-1-PLUS", "p=tls-unique,,n=user,r=abc")
                                : recv_xml(ex, "<response xmlns='" IMP_NS_SASL "'/>"),
                     expected);
    assert_false(imp_sasl_exchange_counted(ex));
  }
}

static void refuses_at_the_callers_word(void **state) {
  imp_sasl_exchange *ex = new_exchange(NULL, IMP_SASL_PLAIN);
  (void)state;
  assert_int_equal(SEND1(ex, "PLAIN", PLAIN_GOOD), IMP_EXCHANGE_NEED_CREDENTIAL);
  assert_int_equal(imp_sasl_exchange_fail(ex, "temporary-auth-failure", "a < b", 0, &out), IMP_EXCHANGE_FAILURE);
  assert_out("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><temporary-auth-failure/>"
             "<text xml:lang='en'>a &lt; b</text></failure>");
  assert_int_equal(give(ex, NULL), IMP_ERR_STATE);
}

static void checks_config(void **state) {
  imp_sasl_exchange_config config;
  imp_sasl_exchange *ex = NULL;
  (void)state;
  memset(&config, 0, sizeof config);
  assert_int_equal(imp_sasl_exchange_new(&ex, &config), IMP_ERR_INVALID_ARGUMENT);
  config.domain = "im.example";
  config.max_failures = 101;
  assert_int_equal(imp_sasl_exchange_new(&ex, &config), IMP_ERR_RANGE);
  config.max_failures = 0;
  config.max_attempts = 1001;
  assert_int_equal(imp_sasl_exchange_new(&ex, &config), IMP_ERR_RANGE);
}

/* ---- SASL2 ---- */

static void logs_in_with_sasl2(void **state) {
  imp_sasl_exchange *ex = new_exchange("user@im.example", IMP_SASL_ALL_PLUS | IMP_SASL_PLAIN);
  static const char bound[] = "<bound xmlns='urn:xmpp:bind:0'/>";
  imp_user_agent agent;
  char challenge[1024], expected[2048];
  uint8_t first[1024];
  size_t len;
  sasl_final final;
  (void)state;
  assert_int_equal(SEND2(ex, "SCRAM-SHA-1-PLUS", "p=tls-exporter,,n=user,r=abc"), IMP_EXCHANGE_NEED_CREDENTIAL);
  assert_true(imp_sasl_exchange_is_sasl2(ex));
  assert_int_equal(give(ex, new_keys("SHA-1")), IMP_EXCHANGE_CONTINUE);
  assert_int_equal(sscanf((char *)imp_buf_data(&out), "<challenge xmlns='urn:xmpp:sasl:2'>%1000[^<]</challenge>",
                          challenge), 1);
  assert_int_equal(imp_base64_decode(first, &len, challenge, strlen(challenge)), IMP_OK);
  sasl_scram_final(&final, "SHA-1", "pencil", "p=tls-exporter,,", exporter, 33, "n=user,r=abc", (char *)first, len);
  assert_int_equal(send_data(ex, 1, NULL, final.message, strlen(final.message)), IMP_EXCHANGE_SUCCESS);

  assert_non_null(imp_sasl_exchange_inline(ex, "bind", IMP_NS_BIND2));
  assert_null(imp_sasl_exchange_inline(ex, "resume", "urn:xmpp:sm:3"));
  imp_sasl_exchange_user_agent(ex, &agent);
  assert_string_equal(agent.id, "d4565fa7-4d72-4749-b3d3-740edbf87770");
  assert_string_equal(agent.software, "Soft");
  assert_null(agent.device);
  assert_int_equal(imp_sasl_exchange_success(ex, new_jid("user@im.example/a'b"), bound, sizeof bound - 1, &out), IMP_OK);
  imp_base64_encode(challenge, final.verifier, strlen(final.verifier));
  snprintf(expected, sizeof expected,
           "<success xmlns='urn:xmpp:sasl:2'><additional-data>%s</additional-data>"
           "<authorization-identifier>user@im.example/a&apos;b</authorization-identifier>%s</success>",
           challenge, bound);
  assert_out(expected);
}

static void asks_for_more(void **state) {
  static const char *const tasks[] = {"TOTP"};
  imp_sasl_exchange *ex = new_exchange(NULL, IMP_SASL_PLAIN);
  (void)state;
  assert_int_equal(SEND2(ex, "PLAIN", PLAIN_GOOD), IMP_EXCHANGE_NEED_CREDENTIAL);
  assert_int_equal(imp_sasl_exchange_continue(ex, tasks, 1, NULL, &out), IMP_ERR_STATE);
  assert_int_equal(give(ex, new_keys("SHA-1")), IMP_EXCHANGE_SUCCESS);
  assert_int_equal(imp_sasl_exchange_continue(ex, tasks, 1, "second factor", &out), IMP_OK);
  assert_out("<continue xmlns='urn:xmpp:sasl:2'><tasks><task>TOTP</task></tasks><text>second factor</text></continue>");
  imp_buf_consume(&out, imp_buf_len(&out));
  assert_int_equal(imp_sasl_exchange_success(ex, NULL, NULL, 0, &out), IMP_OK);
  assert_out("<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>user@im.example</authorization-identifier>"
             "</success>");
}

static void compares_with_stream_from(void **state) {
  imp_sasl_exchange *ex = new_exchange("other@im.example", IMP_SASL_PLAIN);
  (void)state;
  assert_int_equal(SEND2(ex, "PLAIN", PLAIN_GOOD), IMP_EXCHANGE_FAILURE);
  assert_out("<failure xmlns='urn:xmpp:sasl:2'><invalid-authzid xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>");
  ex = new_exchange("other@im.example", IMP_SASL_PLAIN); /* SASL1 never asked for it */
  assert_int_equal(SEND1(ex, "PLAIN", PLAIN_GOOD), IMP_EXCHANGE_NEED_CREDENTIAL);
}

static void takes_odd_user_agents(void **state) {
  static const char *const odd[] = {"", "id=''", "id='d4565fa7-4d72-4749-b3d3-740edbf8777'",
                                    "id='d4565fa7+4d72-4749-b3d3-740edbf87770'",
                                    "id='d4565fa7-4d72-4749-b3d3-740edbf8777g'"};
  imp_user_agent agent;
  char xml[512];
  size_t i;
  (void)state;
  for (i = 0; i < IMP_ARRAY_LEN(odd); i++) {
    imp_sasl_exchange *ex = new_exchange(NULL, IMP_SASL_PLAIN);
    snprintf(xml, sizeof xml,
             "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><user-agent %s><device>x</device></user-agent>"
             "</authenticate>",
             odd[i]);
    assert_int_equal(recv_xml(ex, xml), IMP_EXCHANGE_CONTINUE);
    imp_sasl_exchange_user_agent(ex, &agent);
    assert_null(agent.id);
    assert_null(agent.software);
    assert_string_equal(agent.device, "x");
  }
}

/* ---- FAST ---- */

static int send_fast(imp_sasl_exchange *ex, const char *token, const char *fast) {
  const imp_digest *digest = imp_digest_by_name("SHA-256", 7);
  uint8_t message[5 + 32] = "user";
  char base64[128], xml[1024];
  imp_digest_hmac(digest, token, strlen(token), "Initiator", 9, message + 5);
  imp_base64_encode(base64, message, sizeof message);
  snprintf(xml, sizeof xml,
           "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='HT-SHA-256-NONE'>"
           "<initial-response>%s</initial-response>%s</authenticate>",
           base64, fast);
  return recv_xml(ex, xml);
}

static void logs_in_with_fast(void **state) {
  imp_sasl_exchange *ex = new_exchange("user@im.example", ALL);
  imp_fast_request fast;
  (void)state;
  assert_int_equal(send_fast(ex, "token",
                             "<fast xmlns='urn:xmpp:fast:0' count='7' invalidate='true'/>"
                             "<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-EXPR'/>"),
                   IMP_EXCHANGE_NEED_HOST);
  imp_sasl_exchange_fast(ex, &fast);
  assert_true(fast.present && fast.has_count && fast.invalidate);
  assert_int_equal(fast.count, 7);
  assert_int_equal(fast.requested, IMP_SASL_HT_SHA_256_EXPR);
  assert_true(imp_sasl_token_matches(imp_sasl_exchange_sasl(ex), "token", 5));
  assert_int_equal(imp_sasl_exchange_decide(ex, imp_sasl_exchange_user(ex), "token", 5, &out), IMP_EXCHANGE_SUCCESS);
  assert_int_equal(imp_sasl_exchange_success(ex, NULL, NULL, 0, &out), IMP_OK);
  assert_non_null(strstr((char *)imp_buf_data(&out), "<additional-data>"));
}

static void refuses_odd_fast(void **state) {
  imp_sasl_exchange *ex = new_exchange(NULL, ALL);
  imp_fast_request fast;
  (void)state;
  assert_int_equal(send_fast(ex, "token", ""), IMP_EXCHANGE_FAILURE); /* HT-* goes with <fast/> */
  assert_string_equal(imp_sasl_exchange_condition(ex), "malformed-request");
  assert_int_equal(send_fast(ex, "token", "<fast xmlns='urn:xmpp:fast:0' count='-1'/>"), IMP_EXCHANGE_FAILURE);
  assert_string_equal(imp_sasl_exchange_condition(ex), "malformed-request");
  assert_int_equal(send_fast(ex, "token",
                             "<fast xmlns='urn:xmpp:fast:0' invalidate='0'/>"
                             "<request-token xmlns='urn:xmpp:fast:0' mechanism='PLAIN'/>"),
                   IMP_EXCHANGE_NEED_HOST);
  imp_sasl_exchange_fast(ex, &fast);
  assert_false(fast.has_count || fast.invalidate || fast.requested);
  assert_int_equal(imp_sasl_exchange_decide(ex, NULL, NULL, 0, &out), IMP_EXCHANGE_FAILURE);
  assert_true(imp_sasl_exchange_counted(ex));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(writes_offers),
      cmocka_unit_test(leaves_buffer_as_it_was),
      cmocka_unit_test(logs_in_with_scram),
      cmocka_unit_test(logs_in_with_plain),
      cmocka_unit_test(asks_for_what_is_missing),
      cmocka_unit_test(names_conditions),
      cmocka_unit_test(refuses_other_identities),
      cmocka_unit_test(hides_impossible_names),
      cmocka_unit_test(sees_downgrades),
      cmocka_unit_test(can_be_aborted),
      cmocka_unit_test(mixes_no_profiles),
      cmocka_unit_test(wants_encryption),
      cmocka_unit_test(closes_after_failures),
      cmocka_unit_test(closes_after_attempts),
      cmocka_unit_test(refuses_at_the_callers_word),
      cmocka_unit_test(checks_config),
      cmocka_unit_test(logs_in_with_sasl2),
      cmocka_unit_test(asks_for_more),
      cmocka_unit_test(compares_with_stream_from),
      cmocka_unit_test(takes_odd_user_agents),
      cmocka_unit_test(logs_in_with_fast),
      cmocka_unit_test(refuses_odd_fast),
  };
  return unit_run("sasl_exchange", tests);
}
