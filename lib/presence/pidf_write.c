/* Presence as a PIDF document with RPID. */
#include "presence/presence.h"

#include "core/codec.h"

#define OPEN                                                                                                           \
  "<?xml version='1.0' encoding='UTF-8'?>"                                                                             \
  "<presence xmlns='" IMP_NS_PIDF "' xmlns:dm='" IMP_NS_PIDF ":data-model' xmlns:rpid='" IMP_NS_RPID "' entity='"

typedef struct writer {
  imp_words words;
  const imp_presence *presence;
  const imp_presence_settings *settings;
  const imp_pidf_options *options;
} writer;

static void put(writer *w, const char *s) { imp_words_raw(&w->words, s); }

/* The element of RFC 4480, and what drafts before it knew; NULL if there is nothing to say. */
static const char *activity_of(uint32_t state, const char **draft) {
  switch (state) {
  case IMP_PRESENCE_MEETING:
    *draft = "busy";
    return "meeting";
  case IMP_PRESENCE_CALL:
    *draft = "busy";
    return "on-the-phone";
  case IMP_PRESENCE_OUT_OF_OFFICE:
    *draft = "away";
    return "vacation";
  case IMP_PRESENCE_BUSY:
  case IMP_PRESENCE_DND:
    return *draft = "busy";
  case IMP_PRESENCE_IDLE:
  case IMP_PRESENCE_BRB:
  case IMP_PRESENCE_AWAY:
  case IMP_PRESENCE_XA:
    return *draft = "away";
  default:
    return NULL;
  }
}

static void put_time(writer *w, const char *before, imp_wallclock t, const char *after) {
  char text[IMP_DATETIME_LEN];
  if (t != 0 && t < IMP_WALLCLOCK_SAID) {
    imp_datetime_format(text, t);
    put(w, before);
    put(w, text);
    put(w, after);
  }
}

static void put_activities(writer *w, const char *activity) {
  put(w, "<rpid:activities");
  put_time(w, " from='", w->presence->from, "'");
  put_time(w, " until='", w->presence->until, "'");
  put(w, "><rpid:");
  put(w, activity);
  put(w, "/></rpid:activities>");
}

/* Clients of the drafts look at the first <activities/>, and in it at the first <activity/>. */
static void put_draft(writer *w, const char *activity, const char *draft) {
  put(w, "<ep:activities xmlns:ep='" IMP_NS_PIDF ":status:rpid-status'><ep:activity>");
  put(w, draft);
  if (strcmp(draft, activity) != 0) {
    put(w, "</ep:activity><ep:activity>");
    put(w, activity);
  }
  put(w, "</ep:activity></ep:activities>");
}

static void put_status(writer *w) {
  const char *show = imp_presence_get_show(w->presence, w->settings);
  const char *draft, *activity = activity_of(w->presence->state, &draft);
  put(w, "<status><basic>");
  put(w, w->presence->state == IMP_PRESENCE_OFFLINE ? "closed" : "open");
  put(w, "</basic>");
  if (activity != NULL) {
    put_draft(w, activity, draft);
    put_activities(w, activity);
  }
  if (show[0] != '\0') {
    put(w, "<show xmlns='jabber:client'>");
    put(w, show);
    put(w, "</show>");
  }
  put(w, "</status>");
}

static void put_note(writer *w, const char *before, const char *after) {
  imp_words dry;
  imp_words_begin(&dry, NULL, 0, 1);
  if (imp_words_status(&dry, w->presence, w->settings, w->options->utc_offset)) {
    put(w, before);
    imp_words_status(&w->words, w->presence, w->settings, w->options->utc_offset);
    put(w, after);
  }
}

static void put_tuple(writer *w) {
  put(w, "<tuple id='");
  imp_words_put(&w->words, w->options->tuple_id != NULL ? w->options->tuple_id : "t1");
  put(w, "'>");
  put_status(w);
  if (w->options->contact != NULL) {
    put(w, "<contact>");
    imp_words_put(&w->words, w->options->contact);
    put(w, "</contact>");
  }
  put_note(w, "<note>", "</note>");
  put_time(w, "<timestamp>", w->presence->at, "</timestamp>");
  put(w, "</tuple>");
}

static void put_person(writer *w) {
  const char *draft, *activity = activity_of(w->presence->state, &draft);
  put(w, "<dm:person id='p1'>");
  if (activity != NULL) {
    put_activities(w, activity);
  }
  if (w->presence->idle) {
    put(w, "<rpid:user-input>idle</rpid:user-input>");
  }
  put_note(w, "<dm:note>", "</dm:note>");
  put_time(w, "<dm:timestamp>", w->presence->at, "</dm:timestamp>");
  put(w, "</dm:person>");
}

static void read_options(imp_pidf_options *dst, const imp_pidf_options *src) {
  memset(dst, 0, sizeof *dst);
  memcpy(dst, src, src->size < sizeof *dst ? src->size : sizeof *dst);
}

size_t imp_presence_write_pidf(const imp_presence *presence, const imp_presence_settings *settings,
                               const imp_pidf_options *options, char *dst, size_t dstlen) {
  imp_presence_settings s = imp_presence_settings_of(settings);
  imp_pidf_options o;
  writer w = {.presence = presence, .settings = &s, .options = &o};
  read_options(&o, options);
  imp_words_begin(&w.words, dst, dstlen, 1);
  put(&w, OPEN);
  imp_words_put(&w.words, o.entity != NULL ? o.entity : "");
  put(&w, "'>");
  put_tuple(&w);
  put_person(&w);
  put(&w, "</presence>");
  return imp_words_end(&w.words);
}
