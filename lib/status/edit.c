/* Presence of one resource, as contacts see it. */
#include "status/internal.h"

/* How far away somebody is. */
static int distance(const char *show) {
  static const char *const shows[] = {"chat", "", "away", "xa", "dnd"};
  size_t i;
  for (i = 0; i < IMP_ARRAY_LEN(shows); i++) {
    if (strcmp(show, shows[i]) == 0) {
      return (int)i;
    }
  }
  return 1;
}

static const char *text_of(const imp_stanza *presence, const char *name) {
  const imp_elem *el = imp_stanza_child(presence, name, IMP_NS_CLIENT);
  return el != NULL ? imp_elem_text(el, NULL) : "";
}

static int is_by_client(const imp_presence *p) { return p->kind == IMP_SOURCE_CLIENT || p->kind >= IMP_SOURCES; }

static const char *look_for_show(const imp_status *f, const imp_presence *p, const char *own) {
  const char *show;
  if (is_by_client(p)) {
    return NULL;
  }
  show = imp_presence_get_show(p, &f->presence);
  if (p->kind == IMP_SOURCE_MANUAL) {
    return strcmp(show, own) != 0 ? show : NULL;
  }
  return distance(show) > distance(own) ? show : NULL;
}

/* What of the presence is put into words for this resource; 0: nothing. */
static int to_be_said(const imp_status *f, imp_presence *p, const char *own) {
  int by_hand = p->kind == IMP_SOURCE_MANUAL && *p->note != '\0';
  if (f->settings.text == IMP_STATUS_TEXT_NEVER) {
    return 0;
  }
  if (!by_hand) {
    p->note = own;
  }
  if (is_by_client(p) || (*own != '\0' && !by_hand && f->settings.text == IMP_STATUS_TEXT_IF_NONE)) {
    if (*p->away_note == '\0') {
      return 0;
    }
    p->state = IMP_PRESENCE_AVAILABLE; /* which goes without saying */
    p->kind = IMP_SOURCE_CLIENT;
  }
  return 1;
}

static char *write_words(const imp_status *f, const imp_presence *p, int *rv) {
  int32_t offset = imp_status_utc_offset(f->node, p->until != 0 ? p->until : p->at);
  size_t len = imp_presence_write_status(p, &f->presence, offset, NULL, 0);
  char *text = len > 0 ? imp_malloc(len + 1) : NULL;
  if (text != NULL) {
    (void)imp_presence_write_status(p, &f->presence, offset, text, len + 1);
  } else if (len > 0) {
    *rv = IMP_ERR_NOMEM;
  }
  return text;
}

int imp_status_look_at(const imp_status *f, const imp_presence *presence, const imp_stanza *st, imp_status_look *look) {
  imp_presence p = *presence;
  const char *own = text_of(st, "status");
  int rv = IMP_OK;
  *look = (imp_status_look){.hide = p.kind == IMP_SOURCE_MANUAL && p.state == IMP_PRESENCE_OFFLINE};
  if (!look->hide) {
    look->show = look_for_show(f, &p, text_of(st, "show"));
    if (to_be_said(f, &p, own)) {
      look->text = write_words(f, &p, &rv);
    }
  }
  if (look->text != NULL && strcmp(look->text, own) == 0) {
    imp_status_look_clear(look);
  }
  return rv;
}

void imp_status_look_clear(imp_status_look *look) {
  imp_free(look->text);
  look->text = NULL;
}

static int same(const char *a, const char *b) { return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0); }

int imp_status_look_equal(const imp_status_look *a, const imp_status_look *b) {
  return a->hide == b->hide && same(a->show, b->show) && same(a->text, b->text);
}

/* ---- stanzas ---- */

static imp_stanza *finished(imp_stanza *st) {
  imp_stanza *kept;
  if (imp_stanza_is_broken(st)) {
    imp_stanza_del(st);
    return NULL;
  }
  kept = imp_stanza_keep(st);
  imp_stanza_del(st);
  return kept;
}

static void add(imp_stanza *st, const char *name, const char *text) {
  if (text != NULL && *text != '\0') {
    (void)imp_elem_add_text(st, imp_stanza_edit(st), name, NULL, text);
  }
}

imp_stanza *imp_status_edit(const imp_stanza *presence, const imp_status_look *look) {
  imp_stanza *st;
  const imp_elem *child;
  if (imp_stanza_new(&st, "presence", NULL) < 0) {
    return NULL;
  }
  imp_stanza_set_from(st, presence->from);
  if (look->hide) {
    imp_stanza_set_type(st, IMP_TYPE_UNAVAILABLE);
    return finished(st);
  }
  imp_stanza_set_id(st, presence->id);
  add(st, "show", look->show);
  add(st, "status", look->text);
  for (child = imp_elem_first(&presence->root); child != NULL; child = imp_elem_next(child)) {
    if (!(look->show != NULL && imp_elem_is(child, "show", IMP_NS_CLIENT)) &&
        !(look->text != NULL && imp_elem_is(child, "status", IMP_NS_CLIENT))) {
      (void)imp_elem_add_copy(st, imp_stanza_edit(st), child);
    }
  }
  return finished(st);
}

imp_stanza *imp_status_presence_alone(const imp_status *f, const imp_status_person *p, const imp_presence *presence) {
  imp_stanza *st;
  imp_jid *from;
  char *text;
  int rv = imp_jid_new_parts(&from, imp_jid_local(p->jid), f->node->settings.domain, f->settings.resource);
  if (rv < 0) {
    return NULL;
  }
  text = f->settings.text != IMP_STATUS_TEXT_NEVER ? write_words(f, presence, &rv) : NULL;
  if (rv < 0 || imp_stanza_new(&st, "presence", NULL) < 0) {
    imp_free(text);
    imp_jid_del(from);
    return NULL;
  }
  imp_stanza_set_from(st, from);
  add(st, "show", imp_presence_get_show(presence, &f->presence));
  add(st, "status", text);
  add(st, "priority", "-128"); /* nobody is there to read messages */
  imp_free(text);
  imp_jid_del(from);
  return finished(st);
}
