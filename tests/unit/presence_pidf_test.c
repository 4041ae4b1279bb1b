/* PIDF with RPID: what is written, what is read, and that both agree. */
#include <string.h>

#include <imp/presence.h>

#include "alloc_fail.h"
#include "xml/elem.h"

#define T UINT64_C(1795525200000) /* 2026-11-24T13:00:00Z */
#define HOURS UINT64_C(3600000)
#define PIDF "urn:ietf:params:xml:ns:pidf"
#define DM PIDF ":data-model"
#define RPID PIDF ":rpid"
#define DRAFT PIDF ":status:rpid-status"

static char text[8192];

static void release_pidf(void *pidf) { imp_pidf_del(pidf); }
static void release_stanza(void *st) { imp_stanza_del(st); }

static imp_presence made(imp_presence_state state) {
  return (imp_presence){.size = sizeof(imp_presence),
                        .state = state,
                        .kind = IMP_SOURCE_CALENDAR,
                        .at = T,
                        .id = "",
                        .note = "",
                        .subject = "",
                        .away_note = ""};
}

static void write_pidf(const imp_presence *p, const char *entity, const char *contact) {
  imp_pidf_options o = {.size = sizeof o, .entity = entity, .contact = contact};
  size_t len = imp_presence_write_pidf(p, NULL, &o, text, sizeof text);
  assert_int_equal(len, strlen(text));
}

static const imp_pidf *read_text(const char *document) {
  imp_pidf *pidf = NULL;
  int err = imp_pidf_parse(&pidf, document, strlen(document), T);
  assert_int_equal(err, IMP_OK);
  unit_own(release_pidf, pidf);
  return pidf;
}

static const imp_elem *root_of(const char *document) {
  imp_stanza *st = NULL;
  const char *element = strchr(document, '>') + 1; /* behind the declaration */
  assert_int_equal(imp_stanza_parse(&st, element, strlen(element)), IMP_OK);
  unit_own(release_stanza, st);
  return imp_stanza_root(st);
}

/* ---- writing ---- */

static void the_whole_document(void **state) {
  imp_presence p = made(IMP_PRESENCE_MEETING);
  (void)state;
  p.from = T - HOURS;
  p.until = T + 2 * HOURS;
  write_pidf(&p, "sip:juliet@example.org", "sip:juliet@example.org;gr=a&b");
#define RICH                                                                                                           \
  "<rpid:activities from='2026-11-24T12:00:00.000Z' until='2026-11-24T15:00:00.000Z'><rpid:meeting/></rpid:activities>"
  assert_string_equal(
      text, "<?xml version='1.0' encoding='UTF-8'?><presence xmlns='" PIDF "' xmlns:dm='" DM "' xmlns:rpid='" RPID
            "' entity='sip:juliet@example.org'><tuple id='t1'><status><basic>open</basic>"
            "<ep:activities xmlns:ep='" DRAFT "'><ep:activity>busy</ep:activity>"
            "<ep:activity>meeting</ep:activity></ep:activities>" RICH "</status>"
            "<contact>sip:juliet@example.org;gr=a&amp;b</contact>"
            "<note>In a meeting until 15:00, from calendar</note><timestamp>2026-11-24T13:00:00.000Z</timestamp></tuple>"
            "<dm:person id='p1'>" RICH "<dm:note>In a meeting until 15:00, from calendar</dm:note>"
            "<dm:timestamp>2026-11-24T13:00:00.000Z</dm:timestamp></dm:person></presence>");
}

/* RFC 4480's element in the person, and under tuple/status; there also the drafts' form, the coarse word first. */
static void every_state_has_its_activity(void **state) {
  static const struct {
    const char *basic, *activity, *draft, *show;
  } expected[IMP_PRESENCE_STATES] = {
      [IMP_PRESENCE_OFFLINE] = {"closed", NULL, NULL, NULL},
      [IMP_PRESENCE_AVAILABLE] = {"open", NULL, NULL, NULL},
      [IMP_PRESENCE_CHAT] = {"open", NULL, NULL, "chat"},
      [IMP_PRESENCE_ELSEWHERE] = {"open", NULL, NULL, NULL},
      [IMP_PRESENCE_TENTATIVE] = {"open", NULL, NULL, NULL},
      [IMP_PRESENCE_IDLE] = {"open", "away", "away", "away"},
      [IMP_PRESENCE_BUSY] = {"open", "busy", "busy", NULL},
      [IMP_PRESENCE_MEETING] = {"open", "meeting", "busy", NULL},
      [IMP_PRESENCE_CALL] = {"open", "on-the-phone", "busy", NULL},
      [IMP_PRESENCE_DND] = {"open", "busy", "busy", "dnd"},
      [IMP_PRESENCE_BRB] = {"open", "away", "away", "away"},
      [IMP_PRESENCE_AWAY] = {"open", "away", "away", "away"},
      [IMP_PRESENCE_XA] = {"open", "away", "away", "xa"},
      [IMP_PRESENCE_OUT_OF_OFFICE] = {"open", "vacation", "away", "xa"},
  };
  (void)state;
  for (int s = 0; s < IMP_PRESENCE_STATES; s++) {
    imp_presence p = made((imp_presence_state)s);
    write_pidf(&p, "sip:a@b", NULL);
    const imp_elem *root = root_of(text), *tuple = imp_elem_child(root, "tuple", PIDF);
    const imp_elem *status = imp_elem_child(tuple, "status", PIDF), *person = imp_elem_child(root, "person", DM);
    assert_string_equal(imp_elem_text(imp_elem_child(status, "basic", PIDF), NULL), expected[s].basic);
    assert_null(imp_elem_child(tuple, "contact", PIDF));
    const imp_elem *in_status = imp_elem_child(status, "activities", RPID);
    const imp_elem *in_person = imp_elem_child(person, "activities", RPID);
    const imp_elem *first = imp_elem_child(status, "activities", NULL);
    assert_int_equal(in_status != NULL, expected[s].activity != NULL);
    assert_int_equal(in_person != NULL, expected[s].activity != NULL);
    if (in_status != NULL) {
      assert_non_null(imp_elem_child(in_status, expected[s].activity, RPID));
      assert_non_null(imp_elem_child(in_person, expected[s].activity, RPID));
      assert_string_equal(imp_elem_ns(first), DRAFT);
      assert_string_equal(imp_elem_text(imp_elem_child(first, "activity", DRAFT), NULL), expected[s].draft);
    }
    const imp_elem *show = imp_elem_child(status, "show", IMP_NS_CLIENT);
    assert_int_equal(show != NULL, expected[s].show != NULL);
    if (show != NULL) {
      assert_string_equal(imp_elem_text(show, NULL), expected[s].show);
    }
  }
}

static void what_was_written_reads_as_the_same(void **state) {
  static const imp_presence_state back[IMP_PRESENCE_STATES] = {
      [IMP_PRESENCE_OFFLINE] = IMP_PRESENCE_OFFLINE,     [IMP_PRESENCE_AVAILABLE] = IMP_PRESENCE_AVAILABLE,
      [IMP_PRESENCE_CHAT] = IMP_PRESENCE_CHAT,           [IMP_PRESENCE_ELSEWHERE] = IMP_PRESENCE_AVAILABLE,
      [IMP_PRESENCE_TENTATIVE] = IMP_PRESENCE_AVAILABLE, [IMP_PRESENCE_IDLE] = IMP_PRESENCE_AWAY,
      [IMP_PRESENCE_BUSY] = IMP_PRESENCE_BUSY,           [IMP_PRESENCE_MEETING] = IMP_PRESENCE_MEETING,
      [IMP_PRESENCE_CALL] = IMP_PRESENCE_CALL,           [IMP_PRESENCE_DND] = IMP_PRESENCE_DND,
      [IMP_PRESENCE_BRB] = IMP_PRESENCE_AWAY,            [IMP_PRESENCE_AWAY] = IMP_PRESENCE_AWAY,
      [IMP_PRESENCE_XA] = IMP_PRESENCE_XA,               [IMP_PRESENCE_OUT_OF_OFFICE] = IMP_PRESENCE_OUT_OF_OFFICE,
  };
  (void)state;
  for (int s = 0; s < IMP_PRESENCE_STATES; s++) {
    imp_presence p = made((imp_presence_state)s);
    p.kind = IMP_SOURCE_CLIENT;
    p.until = s == IMP_PRESENCE_MEETING ? T + HOURS : 0;
    p.note = "<&>";
    p.idle = s == IMP_PRESENCE_CALL || s == IMP_PRESENCE_IDLE;
    write_pidf(&p, "sip:a&b@c", "sip:'d'@c");
    const imp_pidf *read = read_text(text);
    assert_string_equal(read->entity, "sip:a&b@c");
    assert_string_equal(read->contact, "sip:'d'@c");
    assert_int_equal(read->presence.state, back[s]);
    assert_int_equal(read->presence.idle, p.idle);
    assert_true(read->presence.until == p.until && read->presence.at == T);
    assert_int_equal(strstr(read->presence.note, "<&>") != NULL, s != IMP_PRESENCE_OFFLINE);
  }
}

static void options(void **state) {
  imp_presence p = made(IMP_PRESENCE_AVAILABLE);
  imp_pidf_options o = {.size = sizeof o, .entity = "sip:a@b", .tuple_id = "desk'", .utc_offset = 60};
  (void)state;
  p.away_note = "ask Romeo";
  size_t len = imp_presence_write_pidf(&p, NULL, &o, text, sizeof text);
  assert_non_null(strstr(text, "<tuple id='desk&apos;'>"));
  assert_non_null(strstr(text, "<note>Out of office: ask Romeo</note>"));
  assert_int_equal(imp_presence_write_pidf(&p, NULL, &o, text, len), len);
  assert_string_equal(text, "");
  o.size = offsetof(imp_pidf_options, contact); /* an older host */
  assert_true(imp_presence_write_pidf(&p, NULL, &o, text, sizeof text) < len);
  assert_non_null(strstr(text, "<tuple id='t1'>"));
}

/* ---- reading ---- */

#define PRESENCE(content) "<presence xmlns='" PIDF "' entity='sip:a@b'>" content "</presence>"
#define TUPLE(status) PRESENCE("<tuple id='t'><status>" status "</status></tuple>")
#define OPEN "<basic>open</basic>"
#define CLOSED "<basic>closed</basic>"
#define ACT(what) "<r:activities xmlns:r='" RPID "'><r:" what "/></r:activities>"
#define PERSON(content) "<d:person xmlns:d='" DM "' id='p'>" content "</d:person>"
#define OLD(what) "<e:activities xmlns:e='" DRAFT "'><e:activity>" what "</e:activity></e:activities>"

static void others_documents(void **state) {
  static const struct {
    const char *document;
    imp_presence_state state;
  } cases[] = {
      {PRESENCE(""), IMP_PRESENCE_OFFLINE},
      {TUPLE(OPEN), IMP_PRESENCE_AVAILABLE},
      {TUPLE("<basic> open\n</basic>"), IMP_PRESENCE_AVAILABLE},
      {TUPLE(CLOSED), IMP_PRESENCE_OFFLINE},
      {TUPLE(""), IMP_PRESENCE_OFFLINE},
      {TUPLE("<basic>ajar</basic>"), IMP_PRESENCE_OFFLINE},
      {TUPLE(OPEN ACT("meeting")), IMP_PRESENCE_MEETING},
      {TUPLE(OPEN ACT("busy")), IMP_PRESENCE_BUSY},
      {TUPLE(OPEN ACT("lunch")), IMP_PRESENCE_AWAY},
      {TUPLE(OPEN ACT("holiday")), IMP_PRESENCE_OUT_OF_OFFICE},
      {TUPLE(OPEN ACT("juggling")), IMP_PRESENCE_AVAILABLE},
      {TUPLE(OPEN OLD(" on-the-phone ")), IMP_PRESENCE_CALL},
      {TUPLE(OPEN OLD("juggling")), IMP_PRESENCE_AVAILABLE},
      {TUPLE(OPEN OLD("busy") ACT("meeting")), IMP_PRESENCE_MEETING},
      {TUPLE(OPEN ACT("busy") ACT("on-the-phone") ACT("meeting")), IMP_PRESENCE_CALL},
      {TUPLE(CLOSED ACT("meeting")), IMP_PRESENCE_OFFLINE},
      {PRESENCE("<tuple id='t'><status>" OPEN "</status>" ACT("vacation") "</tuple>"), IMP_PRESENCE_OUT_OF_OFFICE},
      {PRESENCE("<tuple id='t'><status>" OPEN "</status></tuple>" PERSON(ACT("away"))), IMP_PRESENCE_AWAY},
      {PRESENCE("<tuple id='t'><status>" CLOSED "</status></tuple>" PERSON(ACT("away"))), IMP_PRESENCE_OFFLINE},
      {PRESENCE(PERSON(ACT("on-the-phone"))), IMP_PRESENCE_CALL},
      {PRESENCE("<tuple id='1'><status>" CLOSED "</status></tuple><tuple id='2'><status>" OPEN ACT("busy")
                "</status></tuple><tuple id='3'><status>" OPEN "</status></tuple>"),
       IMP_PRESENCE_BUSY},
      {TUPLE(OPEN "<show xmlns='jabber:client'>dnd</show>"), IMP_PRESENCE_DND},
      {TUPLE(OPEN "<show xmlns='jabber:client'>sleepy and more</show>"), IMP_PRESENCE_AVAILABLE},
      {TUPLE(OPEN "<show xmlns='jabber:client'>away</show>" ACT("meeting")), IMP_PRESENCE_MEETING},
      {TUPLE(OPEN "<show xmlns='urn:other'>dnd</show>"), IMP_PRESENCE_AVAILABLE},
      {TUPLE(OPEN "<activities xmlns='urn:other'><meeting/></activities>"), IMP_PRESENCE_AVAILABLE},
      {TUPLE(OPEN "<u:user-input xmlns:u='" RPID "'>idle</u:user-input>"), IMP_PRESENCE_IDLE},
      {"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n" TUPLE(OPEN) "\r\n", IMP_PRESENCE_AVAILABLE},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const imp_pidf *read = read_text(cases[i].document);
    if (read->presence.state != cases[i].state) {
      print_error("%s\n", cases[i].document);
    }
    assert_int_equal(read->presence.state, cases[i].state);
    assert_int_equal(read->presence.kind, IMP_SOURCE_CLIENT);
    assert_string_equal(read->entity, "sip:a@b");
  }
}

static void notes_and_contacts(void **state) {
  (void)state;
  const imp_pidf *read =
      read_text(PRESENCE("<tuple id='1'><status>" CLOSED "</status><contact>sip:no@b</contact><note>no</note></tuple>"
                         "<tuple id='2'><status>" OPEN "</status><contact priority='1'> sip:yes@b\n</contact>"
                         "<note xml:lang='en'> yes </note><note>later</note></tuple><note>all</note>"));
  assert_string_equal(read->contact, "sip:yes@b");
  assert_string_equal(read->presence.note, "yes");
  read = read_text(PRESENCE("<tuple id='1'><status>" OPEN "</status></tuple><note>all</note>"));
  assert_string_equal(read->presence.note, "all");
  assert_string_equal(read->contact, "");
  read = read_text(PRESENCE("<note>all</note>" PERSON("<d:note>hers</d:note>")));
  assert_string_equal(read->presence.note, "hers");
  read = read_text("<presence xmlns='" PIDF "'/>");
  assert_string_equal(read->entity, "");
  assert_string_equal(read->presence.note, "");
}

static void times_of_activities(void **state) {
  (void)state;
  const imp_pidf *read = read_text(TUPLE(
      OPEN "<r:activities xmlns:r='" RPID "' from='2026-11-24T14:00:00+01:00' until='2026-11-24T15:00:00Z'><r:meeting/>"
           "</r:activities>"));
  assert_true(read->presence.from == T && read->presence.until == T + 2 * HOURS);
  read = read_text(TUPLE(OPEN "<r:activities xmlns:r='" RPID "' until='soon'><r:meeting/></r:activities>"));
  assert_true(read->presence.from == 0 && read->presence.until == 0);
  read = read_text(TUPLE(OPEN "<r:activities xmlns:r='" RPID "' until='2026-11-24T15:00:00Z'><r:busy/></r:activities>"
                              "<r:activities xmlns:r='" RPID "'><r:on-the-phone/></r:activities>"));
  assert_true(read->presence.state == IMP_PRESENCE_CALL && read->presence.until == 0);
}

static void not_pidf(void **state) {
  static const char *const documents[] = {
      "",
      "hello",
      "<presence/>",
      "<presence xmlns='jabber:client'/>",
      "<other xmlns='" PIDF "'/>",
      "<presence xmlns='" PIDF "'>",
      "<presence xmlns='" PIDF "'/><more/>",
      "<!DOCTYPE presence><presence xmlns='" PIDF "'/>",
      "<!DOCTYPE p [<!ENTITY e 'x'>]><presence xmlns='" PIDF "'><note>&e;</note></presence>",
      "<presence xmlns='" PIDF "'><note>&e;</note></presence>",
      "<presence xmlns='" PIDF "' entity='\xff'/>",
  };
  imp_pidf *pidf = NULL;
  (void)state;
  for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
    assert_int_equal(imp_pidf_parse(&pidf, documents[i], strlen(documents[i]), T), IMP_ERR_MALFORMED);
    assert_null(pidf);
  }
  imp_pidf_del(NULL);
}

static void bounds(void **state) {
  static char big[70000];
  imp_pidf *pidf = NULL;
  (void)state;
  memset(big, ' ', sizeof big);
  assert_int_equal(imp_pidf_parse(&pidf, big, 65537, T), IMP_ERR_TOO_BIG);
  const char *head = "<presence xmlns='" PIDF "'>";
  size_t len = strlen(head);
  memcpy(big, head, len);
  for (int i = 0; i < 20; i++, len += 3) {
    memcpy(big + len, "<a>", 3);
  }
  assert_int_equal(imp_pidf_parse(&pidf, big, len, T), IMP_ERR_TOO_BIG); /* depth */
  len = strlen(head);
  for (int i = 0; i < 3000; i++, len += 4) {
    memcpy(big + len, "<a/>", 4);
  }
  memcpy(big + len, "</presence>", 11);
  assert_int_equal(imp_pidf_parse(&pidf, big, len + 11, T), IMP_ERR_TOO_BIG); /* elements */
  assert_null(pidf);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_whole_document),
      cmocka_unit_test(every_state_has_its_activity),
      cmocka_unit_test(what_was_written_reads_as_the_same),
      cmocka_unit_test(options),
      cmocka_unit_test(others_documents),
      cmocka_unit_test(notes_and_contacts),
      cmocka_unit_test(times_of_activities),
      cmocka_unit_test(not_pidf),
      cmocka_unit_test(bounds),
  };
  return unit_run("presence_pidf", tests);
}
