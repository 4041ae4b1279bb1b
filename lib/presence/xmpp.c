/* Presence as XMPP has it: <show/>, <status/>, and the activity of XEP-0108. */
#include "presence/presence.h"

const char *imp_presence_get_show(const imp_presence *presence, const imp_presence_settings *settings) {
  switch (presence->state) {
  case IMP_PRESENCE_CHAT:
    return "chat";
  case IMP_PRESENCE_BUSY:
  case IMP_PRESENCE_MEETING:
  case IMP_PRESENCE_CALL:
    return imp_presence_settings_of(settings).busy_show ? "away" : "";
  case IMP_PRESENCE_DND:
    return "dnd";
  case IMP_PRESENCE_IDLE:
  case IMP_PRESENCE_BRB:
  case IMP_PRESENCE_AWAY:
    return "away";
  case IMP_PRESENCE_XA:
  case IMP_PRESENCE_OUT_OF_OFFICE:
    return "xa";
  default:
    return "";
  }
}

imp_presence_state imp_presence_from_show(const char *show) {
  static const struct {
    char show[5];
    uint8_t state;
  } known[] = {{"chat", IMP_PRESENCE_CHAT},
               {"away", IMP_PRESENCE_AWAY},
               {"xa", IMP_PRESENCE_XA},
               {"dnd", IMP_PRESENCE_DND}};
  for (size_t i = 0; show != NULL && i < IMP_ARRAY_LEN(known); i++) {
    if (strcmp(show, known[i].show) == 0) {
      return (imp_presence_state)known[i].state;
    }
  }
  return IMP_PRESENCE_AVAILABLE;
}

size_t imp_presence_write_xmpp(const imp_presence *presence, const imp_presence_settings *settings,
                               int32_t utc_offset, char *dst, size_t dstlen) {
  imp_presence_settings s = imp_presence_settings_of(settings);
  const char *show = imp_presence_get_show(presence, &s);
  imp_words w, dry;
  imp_words_begin(&w, dst, dstlen, 1);
  if (show[0] != '\0') {
    imp_words_raw(&w, "<show>");
    imp_words_raw(&w, show);
    imp_words_raw(&w, "</show>");
  }
  imp_words_begin(&dry, NULL, 0, 1);
  if (imp_words_status(&dry, presence, &s, utc_offset)) {
    imp_words_raw(&w, "<status>");
    imp_words_status(&w, presence, &s, utc_offset);
    imp_words_raw(&w, "</status>");
  }
  return imp_words_end(&w);
}

size_t imp_presence_write_activity(const imp_presence *presence, int32_t utc_offset, char *dst, size_t dstlen) {
  const char *activity = presence->state == IMP_PRESENCE_MEETING         ? "<working><in_a_meeting/></working>"
                         : presence->state == IMP_PRESENCE_CALL          ? "<talking><on_the_phone/></talking>"
                         : presence->state == IMP_PRESENCE_OUT_OF_OFFICE ? "<inactive><on_vacation/></inactive>"
                                                                         : NULL;
  imp_words w;
  imp_words_begin(&w, dst, dstlen, 1);
  if (activity == NULL) {
    imp_words_raw(&w, "<activity xmlns='" IMP_NS_ACTIVITY "'/>");
  } else {
    imp_words_raw(&w, "<activity xmlns='" IMP_NS_ACTIVITY "'>");
    imp_words_raw(&w, activity);
    imp_words_raw(&w, "<text>");
    imp_words_reason(&w, presence, utc_offset);
    imp_words_raw(&w, "</text></activity>");
  }
  return imp_words_end(&w);
}
