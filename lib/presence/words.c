/* Presence in words, for people. */
#include "presence/presence.h"

#include "core/codec.h"

#define MS_PER_MINUTE 60000
#define MS_PER_DAY 86400000

void imp_words_begin(imp_words *w, char *dst, size_t cap, int escape) {
  uint8_t *p = (uint8_t *)dst;
  w->sink.p = p;
  w->sink.end = cap > 0 ? p + cap - 1 : p;
  w->sink.len = 0;
  w->dst = dst;
  w->cap = cap;
  w->escape = escape;
}

size_t imp_words_end(imp_words *w) {
  if (w->cap > 0) {
    w->dst[w->sink.len < w->cap ? w->sink.len : 0] = '\0';
  }
  return w->sink.len;
}

/* U+FFFE and U+FFFF are UTF-8, but no text in XML. */
static int has_noncharacter(const char *s) {
  for (; (s = strchr(s, '\xef')) != NULL; s++) {
    if (s[1] == '\xbf' && (s[2] == '\xbe' || s[2] == '\xbf')) {
      return 1;
    }
  }
  return 0;
}

int imp_words_valid(const char *s) { return imp_utf8_valid(s, strlen(s)) && !has_noncharacter(s); }

void imp_words_raw(imp_words *w, const char *s) { imp_xml_put(&w->sink, s, strlen(s)); }

void imp_words_put(imp_words *w, const char *s) {
  if (!imp_words_valid(s)) {
    return;
  }
  if (w->escape) {
    imp_xml_put_escaped(&w->sink, s, strlen(s));
  } else {
    imp_words_raw(w, s);
  }
}

/* ---- when ---- */

typedef struct local {
  uint64_t ms; /* since 1970, as the local clock shows it */
  char text[IMP_DATETIME_LEN];
} local;

static int to_local(local *l, imp_wallclock t, int32_t utc_offset) {
  int64_t shift = (int64_t)utc_offset * MS_PER_MINUTE;
  if (t >= IMP_WALLCLOCK_SAID || (int64_t)t + shift < 0 || (int64_t)t + shift >= (int64_t)IMP_WALLCLOCK_SAID) {
    return 0;
  }
  l->ms = (uint64_t)((int64_t)t + shift);
  imp_datetime_format(l->text, l->ms);
  return 1;
}

static void put_n(imp_words *w, const char *s, size_t len) { imp_xml_put(&w->sink, s, len); }

/* "3 Dec", or "3 Dec 2027" if that is another year. */
static void put_date(imp_words *w, const local *l, const local *now) {
  static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  unsigned month = (unsigned)(l->text[5] - '0') * 10 + (unsigned)(l->text[6] - '0');
  int one_digit = l->text[8] == '0';
  put_n(w, l->text + 8 + one_digit, 2u - (unsigned)one_digit);
  imp_words_raw(w, " ");
  imp_words_raw(w, months[(month + 11) % 12]);
  if (memcmp(l->text, now->text, 4) != 0) {
    imp_words_raw(w, " ");
    put_n(w, l->text, 4);
  }
}

static void put_until(imp_words *w, const imp_presence *p, int32_t utc_offset) {
  local end, now;
  if (p->until == 0 || !to_local(&end, p->until, utc_offset) || !to_local(&now, p->at, utc_offset)) {
    return;
  }
  int midnight = memcmp(end.text + 11, "00:00", 5) == 0;
  imp_words_raw(w, " until ");
  if (memcmp(end.text, now.text, 10) == 0) {
    put_n(w, end.text + 11, 5);
  } else if (midnight && end.ms / MS_PER_DAY == now.ms / MS_PER_DAY + 1) {
    imp_words_raw(w, "midnight");
  } else {
    put_date(w, &end, &now);
    if (!midnight) {
      imp_words_raw(w, ", ");
      put_n(w, end.text + 11, 5);
    }
  }
}

/* ---- what, and why ---- */

static void put_state(imp_words *w, const imp_presence *p, int32_t utc_offset, int capital) {
  const char *name = imp_presence_state_name((imp_presence_state)p->state);
  char first[2] = {name[0], '\0'};
  if (capital && first[0] >= 'a' && first[0] <= 'z') {
    first[0] = (char)(first[0] - 'a' + 'A');
  }
  imp_words_raw(w, first);
  imp_words_raw(w, name + 1);
  if (p->subject[0] != '\0') {
    imp_words_raw(w, " (");
    imp_words_put(w, p->subject);
    imp_words_raw(w, ")");
  }
  put_until(w, p, utc_offset);
}

static void put_source(imp_words *w, const imp_presence *p) {
  switch (p->kind) {
  case IMP_SOURCE_MANUAL:
    imp_words_raw(w, ", set by hand");
    break;
  case IMP_SOURCE_HOST:
    imp_words_raw(w, ", from ");
    imp_words_put(w, p->id[0] != '\0' ? p->id : "host");
    break;
  case IMP_SOURCE_CLIENT:
  case IMP_SOURCE_PHONE:
  case IMP_SOURCE_CALENDAR:
    imp_words_raw(w, ", from ");
    imp_words_raw(w, imp_source_kind_name((imp_source_kind)p->kind));
    break;
  default:
    imp_words_raw(w, p->state == IMP_PRESENCE_OFFLINE ? ", no client" : "");
    break;
  }
}

void imp_words_reason(imp_words *w, const imp_presence *p, int32_t utc_offset) {
  put_state(w, p, utc_offset, 0);
  put_source(w, p);
}

/* <show/> says it, or nothing does. */
static int goes_without_saying(const imp_presence *p) {
  switch (p->state) {
  case IMP_PRESENCE_OFFLINE:
  case IMP_PRESENCE_AVAILABLE:
  case IMP_PRESENCE_CHAT:
    return 1;
  case IMP_PRESENCE_IDLE:
  case IMP_PRESENCE_DND:
  case IMP_PRESENCE_AWAY:
  case IMP_PRESENCE_XA:
    return p->until == 0 && (p->kind == IMP_SOURCE_CLIENT || p->kind == IMP_SOURCE_MANUAL);
  default:
    return 0;
  }
}

/* Between this sentence and the next. */
static void put_stop(imp_words *w, const char *sentence) {
  size_t len = strlen(sentence);
  int stopped = len > 0 && strchr(".!?", sentence[len - 1]) != NULL;
  imp_words_raw(w, stopped ? " " : ". ");
}

int imp_words_status(imp_words *w, const imp_presence *p, const imp_presence_settings *s, int32_t utc_offset) {
  const char *last = NULL; /* the sentence before, "" if it has no stop */
  if (!goes_without_saying(p)) {
    put_state(w, p, utc_offset, 1);
    if (s->status_source) {
      put_source(w, p);
    }
    last = "";
  }
  if (p->state != IMP_PRESENCE_OFFLINE && p->note[0] != '\0' && imp_words_valid(p->note)) {
    if (last != NULL) {
      put_stop(w, last);
    }
    imp_words_put(w, p->note);
    last = p->note;
  }
  if (p->away_note[0] != '\0' && imp_words_valid(p->away_note)) {
    if (last != NULL) {
      put_stop(w, last);
    }
    imp_words_raw(w, "Out of office: ");
    imp_words_put(w, p->away_note);
    last = p->away_note;
  }
  return last != NULL;
}

size_t imp_presence_write_reason(const imp_presence *presence, int32_t utc_offset, char *dst, size_t dstlen) {
  imp_words w;
  imp_words_begin(&w, dst, dstlen, 0);
  imp_words_reason(&w, presence, utc_offset);
  return imp_words_end(&w);
}

size_t imp_presence_write_status(const imp_presence *presence, const imp_presence_settings *settings,
                                 int32_t utc_offset, char *dst, size_t dstlen) {
  imp_presence_settings s = imp_presence_settings_of(settings);
  imp_words w;
  imp_words_begin(&w, dst, dstlen, 0);
  imp_words_status(&w, presence, &s, utc_offset);
  return imp_words_end(&w);
}
