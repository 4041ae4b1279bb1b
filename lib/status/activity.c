/* Activities (XEP-0108), published by whoever serves PEP. */
#include "status/internal.h"

static int is_activity(const imp_presence *p) {
  return p->state == IMP_PRESENCE_MEETING || p->state == IMP_PRESENCE_CALL || p->state == IMP_PRESENCE_OUT_OF_OFFICE;
}

static int publish(imp_status *f, const imp_status_person *p, const char *text, size_t len) {
  imp_stanza *payload;
  imp_event event = {.to = p->jid, .id = IMP_NS_ACTIVITY};
  imp_verdict verdict;
  if (imp_stanza_parse(&payload, text, len) < 0) {
    return 0;
  }
  event.stanza = payload;
  verdict = imp_node_run_hooks(f->node, IMP_POINT_PUBLISH, &event);
  imp_stanza_del(payload);
  f->stats.activities += verdict == IMP_HANDLED;
  return verdict == IMP_HANDLED;
}

void imp_status_publish(imp_status *f, imp_status_person *p, const imp_presence *presence) {
  int wanted = f->settings.activity && is_activity(presence);
  imp_presence said = *presence;
  char *text;
  size_t len;
  uint32_t hash = 0;
  int32_t offset;
  if (!wanted && p->activity == 0) {
    return;
  }
  if (!wanted) {
    said.state = IMP_PRESENCE_AVAILABLE;
  }
  offset = imp_status_utc_offset(f->node, said.until != 0 ? said.until : said.at);
  len = imp_presence_write_activity(&said, offset, NULL, 0);
  text = imp_malloc(len + 1);
  if (text == NULL) {
    return;
  }
  (void)imp_presence_write_activity(&said, offset, text, len + 1);
  hash = wanted ? imp_hash(text, len) | 1u : 0;
  if (hash != p->activity && publish(f, p, text, len)) {
    p->activity = hash;
    imp_status_note(f, p);
  }
  imp_free(text);
}
