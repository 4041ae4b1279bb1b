/* Directed presence (RFC 6121 §4.6): whom a session has told that it is there is told when it is not. */
#include "roster/internal.h"

static imp_directed *find(const imp_roster_session *rs, const imp_jid *jid) {
  imp_map_node *n = imp_map_find(&rs->directed, imp_jid_full(jid), imp_jid_full_len(jid));
  return n ? IMP_CONTAINER_OF(n, imp_directed, by_jid) : NULL;
}

static void forget(imp_roster_session *rs, imp_directed *d) {
  rs->hidden -= d->hidden;
  imp_map_remove(&rs->directed, &d->by_jid);
  imp_jid_del(d->jid);
  imp_free(d);
}

static int add(imp_session *s, imp_roster_session *rs, const imp_jid *jid, int hidden) {
  imp_directed *d = find(rs, jid);
  if (d == NULL) {
    if (rs->directed.count >= imp_rosters_of(s->node)->settings.max_directed) {
      return IMP_ERR_LIMIT;
    }
    if ((d = imp_calloc(1, sizeof(*d))) == NULL) {
      return IMP_ERR_NOMEM;
    }
    d->jid = imp_jid_ref((imp_jid *)(uintptr_t)jid);
    if (imp_map_insert(&rs->directed, &d->by_jid, imp_jid_full(jid), imp_jid_full_len(jid)) < 0) {
      imp_jid_del(d->jid);
      imp_free(d);
      return IMP_ERR_NOMEM;
    }
  } else if (d->hidden == hidden) {
    return IMP_OK;
  }
  rs->hidden += (uint32_t)hidden - d->hidden;
  d->hidden = (uint8_t)hidden;
  imp_roster_note_session(s);
  return IMP_OK;
}

static int would_see(const imp_session *s, const imp_jid *to) {
  const imp_roster *r = s->user->slot[IMP_SLOT_PRESENCE];
  const imp_contact *c = r != NULL && to->resourcelen == 0 ? imp_contact_find(r, to) : NULL;
  return c != NULL && imp_contact_sees(c);
}

int imp_directed_note(imp_session *s, const imp_stanza *st) {
  imp_roster_session *rs = imp_roster_session_get(s);
  imp_directed *d;
  if (rs == NULL) {
    return IMP_ERR_NOMEM;
  }
  if (imp_jid_equal_bare(st->to, s->jid)) {
    return IMP_OK;
  }
  if (st->type == IMP_TYPE_NONE) {
    return add(s, rs, st->to, 0);
  }
  if (rs->shown != NULL && would_see(s, st->to)) {
    return add(s, rs, st->to, 1);
  }
  if ((d = find(rs, st->to)) != NULL) {
    forget(rs, d);
    imp_roster_note_session(s);
  }
  return IMP_OK;
}

int imp_directed_restore(imp_session *s, const imp_jid *jid, int hidden) {
  imp_roster_session *rs = imp_roster_session_get(s);
  return rs != NULL ? add(s, rs, jid, hidden) : IMP_ERR_NOMEM;
}

void imp_directed_end(imp_session *s, imp_stanza *st, int was_shown) {
  imp_roster_session *rs = imp_roster_session_of(s);
  const imp_roster *r = s->user->slot[IMP_SLOT_PRESENCE];
  imp_map_iter it;
  imp_map_node *n;
  if (rs == NULL || rs->directed.count == 0) {
    return;
  }
  imp_roster_walk(s->node);
  imp_map_iter_init(&it, &rs->directed);
  while ((n = imp_map_iter_next(&it)) != NULL) {
    imp_directed *d = IMP_CONTAINER_OF(n, imp_directed, by_jid);
    const imp_contact *c = was_shown && r != NULL ? imp_contact_find(r, d->jid) : NULL;
    if (!d->hidden && (c == NULL || !imp_contact_sees(c)) && !imp_blocks_is(s->node, s->jid, d->jid)) {
      imp_roster_send(s->node, imp_roster_copy(st, NULL, d->jid));
    }
    forget(rs, d);
  }
  imp_roster_note_session(s);
  imp_roster_walked(s->node);
}

/* Who sees the user anyway is told otherwise. */
static void block_of(imp_roster *r, imp_session *s, imp_roster_session *rs, const imp_jid *blocked) {
  imp_map_iter it;
  imp_map_node *n;
  imp_map_iter_init(&it, &rs->directed);
  while ((n = imp_map_iter_next(&it)) != NULL) {
    imp_directed *d = IMP_CONTAINER_OF(n, imp_directed, by_jid);
    const imp_contact *c = rs->shown != NULL && !rs->invisible ? imp_contact_find(r, d->jid) : NULL;
    if (d->hidden || !imp_blocks_covers(blocked, d->jid)) {
      continue;
    }
    if (c == NULL || !imp_contact_sees(c)) {
      imp_roster_send(r->node, imp_roster_presence(IMP_TYPE_UNAVAILABLE, s->jid, d->jid));
    }
    forget(rs, d);
  }
  imp_roster_note_session(s);
}

void imp_directed_block(imp_roster *r, const imp_jid *blocked) {
  imp_session *s = r->user != NULL ? imp_session_first(r->user) : NULL;
  for (; s != NULL; s = imp_session_next(s)) {
    imp_roster_session *rs = imp_roster_session_of(s);
    if (rs != NULL && rs->directed.count > 0 && !s->ending) {
      imp_roster_walk(r->node);
      block_of(r, s, rs, blocked);
      imp_roster_walked(r->node);
    }
  }
}

void imp_directed_clear(imp_roster_session *rs) {
  imp_map_iter it;
  imp_map_node *n;
  imp_map_iter_init(&it, &rs->directed);
  while ((n = imp_map_iter_next(&it)) != NULL) {
    forget(rs, IMP_CONTAINER_OF(n, imp_directed, by_jid));
  }
  imp_map_reset(&rs->directed);
}
