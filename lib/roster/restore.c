/*
 * Durable sessions (imp/node.h): what of them is ours survives the process. A row: flags, then each JID to which
 * presence was directed, with '+' or (hidden from it) '-' in front and a NUL behind.
 */
#include <string.h>

#include "roster/internal.h"

enum { INTERESTED = 1, BLOCKLIST = 2, INVISIBLE = 4, BLIND = 8, BEGINS = 16 };

typedef struct noted {
  imp_map_node by_id;
  size_t len;
  char text[]; /* value, then session id */
} noted;

static int append_directed(imp_buf *buf, const imp_roster_session *rs) {
  imp_map_iter it;
  imp_map_node *n;
  int rv = IMP_OK;
  imp_map_iter_init(&it, &rs->directed);
  while (rv == IMP_OK && (n = imp_map_iter_next(&it)) != NULL) {
    rv = imp_buf_append(buf, IMP_CONTAINER_OF(n, imp_directed, by_jid)->hidden ? "-" : "+", 1);
    if (rv == IMP_OK) {
      rv = imp_buf_append(buf, n->key, n->keylen);
    }
    if (rv == IMP_OK) {
      rv = imp_buf_append(buf, "", 1);
    }
  }
  return rv;
}

void imp_roster_note_session(imp_session *s) {
  const imp_roster_session *rs = imp_roster_session_of(s);
  imp_buf *buf = &s->node->scratch;
  char flags;
  if (s->durable == NULL || rs == NULL || s->ending) {
    return;
  }
  flags = (char)((rs->interested ? INTERESTED : 0) | (rs->blocklist ? BLOCKLIST : 0) | (rs->invisible ? INVISIBLE : 0) |
                 (rs->blind ? BLIND : 0) | (rs->begins ? BEGINS : 0));
  imp_buf_consume(buf, imp_buf_len(buf));
  if (imp_buf_append(buf, &flags, 1) == IMP_OK && append_directed(buf, rs) == IMP_OK) {
    (void)imp_node_put(s->node, IMP_SPACE_SESSION, imp_sm_get_id(s->sm), "", 0, imp_buf_data(buf), imp_buf_len(buf));
  }
}

static imp_verdict on_durable(imp_event *event, void *ctx) {
  (void)ctx;
  imp_roster_note_session(event->session);
  return IMP_CONTINUE;
}

/* ---- back from the store ---- */

void imp_restore_stop(imp_rosters *f) {
  imp_map_iter it;
  imp_map_node *n;
  imp_map_iter_init(&it, &f->noted);
  while ((n = imp_map_iter_next(&it)) != NULL) {
    imp_map_remove(&f->noted, n);
    imp_free(IMP_CONTAINER_OF(n, noted, by_id));
  }
  imp_map_reset(&f->noted);
}

int imp_restore_load(imp_rosters *f, const imp_op_row *row) {
  const char *key = row->key, *nul = memchr(key, '\0', row->keylen);
  size_t idlen;
  noted *n;
  if (nul == NULL || row->valuelen == 0) {
    return IMP_OK;
  }
  idlen = (size_t)(nul - key);
  n = imp_malloc(sizeof(*n) + row->valuelen + idlen);
  if (n == NULL) {
    return IMP_ERR_NOMEM;
  }
  n->len = row->valuelen;
  memcpy(n->text, row->value, n->len);
  memcpy(n->text + n->len, key, idlen);
  if (imp_map_insert(&f->noted, &n->by_id, n->text + n->len, idlen) < 0) {
    imp_free(n);
    return IMP_ERR_NOMEM;
  }
  return IMP_OK;
}

static void read_directed(imp_session *s, const char *p, const char *end) {
  const char *nul;
  for (; p < end && (nul = memchr(p, '\0', (size_t)(end - p))) != NULL; p = nul + 1) {
    imp_jid *jid;
    if (nul > p && imp_jid_new(&jid, p + 1, (size_t)(nul - p - 1)) == IMP_OK) {
      (void)imp_directed_restore(s, jid, *p == '-');
      imp_jid_del(jid);
    }
  }
}

static void restore_session(imp_rosters *f, imp_session *s) {
  imp_roster_session *rs = imp_roster_session_get(s);
  const char *id = s->sm != NULL ? imp_sm_get_id(s->sm) : "";
  imp_map_node *n = imp_map_find(&f->noted, id, strlen(id));
  const noted *had = n != NULL ? IMP_CONTAINER_OF(n, noted, by_id) : NULL;
  if (rs == NULL) {
    return;
  }
  if (s->presence != NULL && rs->shown == NULL) {
    rs->shown = imp_stanza_ref(s->presence);
  }
  if (had != NULL) {
    rs->interested = (had->text[0] & INTERESTED) != 0;
    rs->blocklist = (had->text[0] & BLOCKLIST) != 0;
    rs->invisible = (had->text[0] & INVISIBLE) != 0;
    rs->blind = (had->text[0] & BLIND) != 0;
    rs->begins = (had->text[0] & BEGINS) != 0;
    if (rs->begins) { /* it has become visible, and has not said what is to be seen */
      imp_stanza_del(rs->shown);
      rs->shown = NULL;
    }
    read_directed(s, had->text + 1, had->text + had->len);
  }
  rs->on = rs->shown != NULL && !rs->invisible;
}

/* All sessions are there: none of them has been spoken to yet. */
static imp_verdict on_turn(imp_event *event, void *ctx) {
  imp_node *node = event->node;
  imp_rosters *f = imp_rosters_of(node);
  imp_map_iter it;
  imp_map_node *n;
  (void)ctx;
  if (f->restored || !node->ready || node->loading > 0) {
    return IMP_CONTINUE;
  }
  f->restored = 1;
  imp_map_iter_init(&it, &node->sessions);
  while ((n = imp_map_iter_next(&it)) != NULL) {
    imp_session *s = IMP_CONTAINER_OF(n, imp_session, by_full);
    if (s->restored && !s->ending) {
      restore_session(f, s);
    }
  }
  imp_restore_stop(f);
  imp_ghosts_lay(node);
  return IMP_CONTINUE;
}

int imp_roster_start_restore(imp_node *node) {
  int rv = imp_node_hook(node, IMP_POINT_SESSION_DURABLE, 0, on_durable, NULL);
  return rv < 0 ? rv : imp_node_hook(node, IMP_POINT_TURN, 0, on_turn, NULL);
}
