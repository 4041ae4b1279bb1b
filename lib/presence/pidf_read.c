/* PIDF documents, from anybody. */
#include "presence/presence.h"

#include "core/codec.h"
#include "xml/parser.h"

#define NS_DATA_MODEL IMP_NS_PIDF ":data-model"
#define DOCUMENT_MAX 65536

/* What one tuple or person says. */
typedef struct saying {
  uint32_t activity; /* an imp_presence_state; 0: none */
  int basic;         /* 0: not said, 1: open, -1: closed */
  int idle;
  const char *from, *until; /* attributes of the activities */
  const imp_elem *show, *note, *contact;
} saying;

static const struct {
  const char *name;
  uint32_t state;
} activities[] = {
    {"meeting", IMP_PRESENCE_MEETING},
    {"appointment", IMP_PRESENCE_MEETING},
    {"presentation", IMP_PRESENCE_MEETING},
    {"on-the-phone", IMP_PRESENCE_CALL},
    {"onthephone", IMP_PRESENCE_CALL},
    {"vacation", IMP_PRESENCE_OUT_OF_OFFICE},
    {"holiday", IMP_PRESENCE_OUT_OF_OFFICE},
    {"permanent-absence", IMP_PRESENCE_OUT_OF_OFFICE},
    {"busy", IMP_PRESENCE_BUSY},
    {"working", IMP_PRESENCE_AVAILABLE},
    {"away", IMP_PRESENCE_AWAY},
    {"breakfast", IMP_PRESENCE_AWAY},
    {"dinner", IMP_PRESENCE_AWAY},
    {"in-transit", IMP_PRESENCE_AWAY},
    {"lunch", IMP_PRESENCE_AWAY},
    {"meal", IMP_PRESENCE_AWAY},
    {"performance", IMP_PRESENCE_AWAY},
    {"shopping", IMP_PRESENCE_AWAY},
    {"sleeping", IMP_PRESENCE_AWAY},
    {"spectator", IMP_PRESENCE_AWAY},
    {"steering", IMP_PRESENCE_BUSY},
    {"travel", IMP_PRESENCE_AWAY},
    {"worship", IMP_PRESENCE_AWAY},
};

/* How telling a state is; the default rules have the same order. */
static int rank(uint32_t state) {
  static const uint8_t ranks[IMP_PRESENCE_STATES] = {
      [IMP_PRESENCE_AVAILABLE] = 1, [IMP_PRESENCE_AWAY] = 2,          [IMP_PRESENCE_BUSY] = 3,
      [IMP_PRESENCE_MEETING] = 4,   [IMP_PRESENCE_OUT_OF_OFFICE] = 5, [IMP_PRESENCE_CALL] = 6};
  return ranks[state];
}

/* ---- text ---- */

static int is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/* Without the white space around it; NULL is empty. */
static const char *trimmed(const imp_elem *elem, size_t *len) {
  const char *s = elem != NULL ? imp_elem_text(elem, len) : "";
  *len = elem != NULL ? *len : 0;
  while (*len > 0 && is_space(*s)) {
    s++;
    (*len)--;
  }
  while (*len > 0 && is_space(s[*len - 1])) {
    (*len)--;
  }
  return s;
}

static int says(const imp_elem *elem, const char *word) {
  size_t len;
  const char *s = trimmed(elem, &len);
  return len == strlen(word) && memcmp(s, word, len) == 0;
}

/* ---- elements ---- */

/* RPID, or one of the drafts before it. */
static int is_rich(const imp_elem *elem, const char *name) {
  return strcmp(imp_elem_name(elem), name) == 0 &&
         strncmp(imp_elem_ns(elem), IMP_NS_PIDF ":", strlen(IMP_NS_PIDF ":")) == 0;
}

static uint32_t activity_of(const imp_elem *elem) {
  int draft = strcmp(imp_elem_name(elem), "activity") == 0;
  for (size_t i = 0; i < IMP_ARRAY_LEN(activities); i++) {
    if (draft ? says(elem, activities[i].name) : strcmp(imp_elem_name(elem), activities[i].name) == 0) {
      return activities[i].state;
    }
  }
  return 0;
}

static void read_activities(saying *to, const imp_elem *elem) {
  for (const imp_elem *e = imp_elem_first(elem); e != NULL; e = imp_elem_next(e)) {
    uint32_t state = activity_of(e);
    if (state != 0 && rank(state) >= rank(to->activity)) {
      const char *from = imp_elem_attr(elem, "from"), *until = imp_elem_attr(elem, "until");
      if (state != to->activity) {
        to->from = to->until = NULL;
      }
      to->activity = state;
      to->from = from != NULL ? from : to->from;
      to->until = until != NULL ? until : to->until;
    }
  }
}

static void read_common(saying *to, const imp_elem *e, const char *ns) {
  if (is_rich(e, "activities")) {
    read_activities(to, e);
  } else if (is_rich(e, "user-input")) {
    to->idle |= says(e, "idle");
  } else if (imp_elem_is(e, "note", ns) && to->note == NULL) {
    to->note = e;
  }
}

static void read_status(saying *to, const imp_elem *status) {
  for (const imp_elem *e = imp_elem_first(status); e != NULL; e = imp_elem_next(e)) {
    if (imp_elem_is(e, "basic", IMP_NS_PIDF)) {
      to->basic = says(e, "open") ? 1 : says(e, "closed") ? -1 : to->basic;
    } else if (imp_elem_is(e, "show", IMP_NS_CLIENT)) {
      to->show = e;
    } else {
      read_common(to, e, IMP_NS_PIDF);
    }
  }
}

static void read_tuple(saying *to, const imp_elem *tuple) {
  memset(to, 0, sizeof *to);
  for (const imp_elem *e = imp_elem_first(tuple); e != NULL; e = imp_elem_next(e)) {
    if (imp_elem_is(e, "status", IMP_NS_PIDF)) {
      read_status(to, e);
    } else if (imp_elem_is(e, "contact", IMP_NS_PIDF)) {
      to->contact = e;
    } else {
      read_common(to, e, IMP_NS_PIDF);
    }
  }
}

static void read_person(saying *to, const imp_elem *person) {
  for (const imp_elem *e = imp_elem_first(person); e != NULL; e = imp_elem_next(e)) {
    read_common(to, e, NS_DATA_MODEL);
  }
}

/* Of two tuples: open before unsaid before closed, then the more telling, then the first. */
static int is_better(const saying *a, const saying *b) {
  return a->basic != b->basic ? a->basic > b->basic : rank(a->activity) > rank(b->activity);
}

static void read_document(saying *tuple, saying *person, const imp_elem *root) {
  saying other;
  int tuples = 0;
  memset(tuple, 0, sizeof *tuple);
  memset(person, 0, sizeof *person);
  const imp_elem *note = NULL;
  for (const imp_elem *e = imp_elem_first(root); e != NULL; e = imp_elem_next(e)) {
    if (imp_elem_is(e, "tuple", IMP_NS_PIDF)) {
      read_tuple(&other, e);
      if (tuples++ == 0 || is_better(&other, tuple)) {
        *tuple = other;
      }
    } else if (imp_elem_is(e, "person", NS_DATA_MODEL)) {
      read_person(person, e);
    } else if (imp_elem_is(e, "note", IMP_NS_PIDF) && note == NULL) {
      note = e;
    }
  }
  tuple->note = tuple->note != NULL ? tuple->note : person->note != NULL ? person->note : note;
}

/* ---- what it means ---- */

static uint32_t with_show(uint32_t state, const imp_elem *show) {
  char word[8] = "";
  size_t len;
  const char *s = trimmed(show, &len);
  memcpy(word, s, len < sizeof word ? len : 0);
  uint32_t shown = imp_presence_from_show(word);
  switch (state) {
  case IMP_PRESENCE_AVAILABLE:
    return shown;
  case IMP_PRESENCE_BUSY:
    return shown == IMP_PRESENCE_DND ? shown : state;
  case IMP_PRESENCE_AWAY:
    return shown == IMP_PRESENCE_XA ? shown : state;
  default:
    return state;
  }
}

static imp_wallclock time_of(const char *s) {
  imp_wallclock t;
  return s != NULL && imp_datetime_parse(&t, s) == IMP_OK ? t : 0;
}

static void fill(imp_presence *p, const saying *tuple, const saying *person) {
  const saying *telling = rank(person->activity) > rank(tuple->activity) ? person : tuple;
  p->kind = IMP_SOURCE_CLIENT;
  if (tuple->basic < 0 || (tuple->basic == 0 && telling->activity == 0)) {
    p->state = IMP_PRESENCE_OFFLINE;
    return;
  }
  p->idle = (uint32_t)(tuple->idle || person->idle);
  p->state = with_show(telling->activity != 0 ? telling->activity : IMP_PRESENCE_AVAILABLE, tuple->show);
  if (p->state == IMP_PRESENCE_AVAILABLE && p->idle) {
    p->state = IMP_PRESENCE_IDLE;
  }
  p->from = time_of(telling->from);
  p->until = time_of(telling->until);
}

/* ---- the document ---- */

static char *copy(char **to, const char *s, size_t len) {
  char *at = *to;
  memcpy(at, s, len);
  at[len] = '\0';
  *to += len + 1;
  return at;
}

static int build(imp_pidf **pidf, const imp_elem *root, imp_wallclock now) {
  saying tuple, person;
  size_t entity_len, contact_len, note_len;
  const char *entity = imp_elem_attr(root, "entity");
  read_document(&tuple, &person, root);
  const char *contact = trimmed(tuple.contact, &contact_len), *note = trimmed(tuple.note, &note_len);
  entity = entity != NULL ? entity : "";
  entity_len = strlen(entity);
  imp_pidf *made = imp_calloc(1, sizeof *made + entity_len + contact_len + note_len + 3);
  if (made == NULL) {
    return IMP_ERR_NOMEM;
  }
  char *at = (char *)(made + 1);
  made->size = sizeof *made;
  made->entity = copy(&at, entity, entity_len);
  made->contact = copy(&at, contact, contact_len);
  imp_presence_init(&made->presence, now);
  made->presence.note = copy(&at, note, note_len);
  fill(&made->presence, &tuple, &person);
  *pidf = made;
  return IMP_OK;
}

int imp_pidf_parse(imp_pidf **pidf, const char *text, size_t textlen, imp_wallclock now) {
  static const imp_xml_limits limits = {.stanza_bytes = DOCUMENT_MAX,
                                        .depth = 16,
                                        .attributes = 64,
                                        .attribute_bytes = 16384,
                                        .elements = 2048,
                                        .namespaces = 128};
  imp_xml_pool *pool;
  imp_stanza *doc;
  if (textlen > DOCUMENT_MAX) {
    return IMP_ERR_TOO_BIG;
  }
  int err = imp_xml_pool_new(&pool, 2, NULL);
  if (err != IMP_OK) {
    return err;
  }
  err = imp_xml_parse_document(pool, &limits, text, textlen, &doc, NULL);
  imp_xml_pool_del(pool);
  if (err != IMP_OK) {
    return err;
  }
  const imp_elem *root = imp_stanza_root(doc);
  err = imp_elem_is(root, "presence", IMP_NS_PIDF) ? build(pidf, root, now) : IMP_ERR_MALFORMED;
  imp_stanza_del(doc);
  return err;
}

void imp_pidf_del(imp_pidf *pidf) { imp_free(pidf); }
