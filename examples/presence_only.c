/*
 * Presence for a server that is not ours.
 *
 * You have users, clients, a telephone system and calendars.  This program stands for them: it knows what happens on
 * Juliet's Tuesday, and feeds it to imp/presence.h as it happens.  What her colleagues see, and why, is on the right; at the
 * end it is written as XMPP, SIP and Microsoft clients want it.  No XMPP server is involved, no clock and no socket.
 *
 * It exits with an error if it breaks its promise.
 */
#include <imp/presence.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JULIET "juliet@example.org"
#define BERLIN 60 /* minutes east of Greenwich, in winter */
#define MINUTES UINT64_C(60000)
#define AT(hour, minute) (UINT64_C(1795478400000) + ((hour)*60 + (minute) - BERLIN) * MINUTES) /* 2026-11-24, Berlin */

typedef struct office {
  imp_composer *composer;
  imp_wallclock now;
  char seen[1000]; /* all that colleagues saw, for the check at the end */
} office;

static void must(int good, const char *promise) {
  if (!good) {
    fprintf(stderr, "broken promise: %s\n", promise);
    exit(1);
  }
}

/* As the clock on the wall shows it. */
static void print_time(const office *o) {
  unsigned minute = (unsigned)((o->now - AT(0, 0)) / MINUTES);
  printf("%02u:%02u  ", minute / 60, minute % 60);
}

/* Your server: who may see Juliet's presence is told. */
static void changed(imp_composer *composer, const char *person, const imp_presence *presence, void *user_data) {
  office *o = user_data;
  char reason[200];
  size_t len = strlen(o->seen);
  (void)composer;
  imp_presence_write_reason(presence, BERLIN, reason, sizeof reason);
  print_time(o);
  printf("%-50s %s: %s%s%s\n", "", person, reason, presence->away_note[0] != '\0' ? "; out of office: " : "",
         presence->away_note);
  snprintf(o->seen + len, sizeof o->seen - len, "%s%s", len > 0 ? "; " : "", reason);
}

/* Your clock: sources begin and end meanwhile. */
static void it_is(office *o, imp_wallclock t, const char *what) {
  while (imp_composer_get_expiry(o->composer) <= t) {
    o->now = imp_composer_get_expiry(o->composer);
    imp_composer_handle_expiry(o->composer, o->now);
  }
  o->now = t;
  print_time(o);
  printf("%s\n", what);
}

static void feed(office *o, imp_source source) {
  source.size = sizeof source;
  must(imp_composer_set(o->composer, JULIET, &source, o->now) == IMP_OK, "memory");
}

static void client(office *o, const char *resource, imp_presence_state state) {
  feed(o, (imp_source){.kind = IMP_SOURCE_CLIENT, .id = resource, .state = state});
}

static void meeting(office *o, const char *id, imp_wallclock from, imp_wallclock until) {
  feed(o, (imp_source){
              .kind = IMP_SOURCE_CALENDAR, .id = id, .state = IMP_PRESENCE_MEETING, .from = from, .until = until});
}

static void call(office *o, imp_presence_state state) {
  feed(o, (imp_source){.kind = IMP_SOURCE_PHONE, .id = "+49 30 1000", .state = state});
}

static void a_day(office *o) {
  it_is(o, AT(7, 30), "the calendar is read: two meetings");
  meeting(o, "1", AT(9, 0), AT(10, 0));
  meeting(o, "2", AT(14, 0), AT(15, 0));
  it_is(o, AT(8, 45), "her laptop signs in");
  client(o, "laptop", IMP_PRESENCE_AVAILABLE);
  it_is(o, AT(9, 40), "the telephone rings, in the midst of a meeting");
  call(o, IMP_PRESENCE_CALL);
  it_is(o, AT(9, 45), "she hangs up");
  call(o, IMP_PRESENCE_AVAILABLE);
  it_is(o, AT(12, 0), "nobody has touched the laptop for a while");
  client(o, "laptop", IMP_PRESENCE_AWAY);
  it_is(o, AT(12, 10), "but she has her phone with her");
  client(o, "phone", IMP_PRESENCE_AVAILABLE);
  it_is(o, AT(13, 0), "she does not want to be disturbed for half an hour");
  feed(o, (imp_source){.kind = IMP_SOURCE_MANUAL, .state = IMP_PRESENCE_DND, .until = AT(13, 30)});
  it_is(o, AT(13, 45), "she will be away from tomorrow on, and says so");
  feed(o, (imp_source){.kind = IMP_SOURCE_OUT_OF_OFFICE, .note = "Ask Romeo until Friday."});
  it_is(o, AT(14, 5), "and this is how it is written:");
}

static void show(const char *title, const char *text) { printf("\n%s\n  %s\n", title, text); }

static void three_ways(const imp_presence *p) {
  imp_pidf_options options = {
      .size = sizeof options, .entity = "sip:" JULIET, .contact = "sip:" JULIET, .utc_offset = BERLIN};
  char text[4000];
  imp_presence_write_xmpp(p, NULL, BERLIN, text, sizeof text);
  show("XMPP, in <presence/>:", text);
  must(strstr(text, "dnd") == NULL, "busy is not do not disturb");
  imp_presence_write_activity(p, BERLIN, text, sizeof text);
  show("XMPP, by personal eventing:", text);
  size_t len = imp_presence_write_pidf(p, NULL, &options, text, sizeof text);
  show("SIP:", text);
  imp_pidf *back;
  must(imp_pidf_parse(&back, text, len, p->at) == IMP_OK && back->presence.state == IMP_PRESENCE_MEETING,
       "what is written can be read");
  imp_pidf_del(back);
  snprintf(text, sizeof text, "%u %s", (unsigned)imp_presence_get_ms_number(p), imp_presence_get_ms_activity(p));
  show("Microsoft:", text);
}

int main(void) {
  office o = {.now = AT(7, 30)};
  imp_composer_callbacks callbacks = {.size = sizeof callbacks, .changed = changed};
  imp_presence presence;
  char text[200] = "";
  if (imp_composer_new(&o.composer, NULL, &callbacks, text, sizeof text, &o) != IMP_OK) {
    fprintf(stderr, "cannot begin. %s\n", text);
    return 1;
  }
  a_day(&o);
  imp_composer_get(o.composer, JULIET, &presence, sizeof presence, o.now);
  three_ways(&presence);
  imp_composer_del(o.composer);
  must(strcmp(o.seen, "available, from client; in a meeting until 10:00, from calendar; on the phone, from phone; "
                      "in a meeting until 10:00, from calendar; available, from client; away, from client; "
                      "available, from client; do not disturb until 13:30, set by hand; available, from client; "
                      "available, from client; in a meeting until 15:00, from calendar") == 0,
       "colleagues see what is so, when it is so, and nothing twice");
  return 0;
}
