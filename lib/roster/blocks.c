/* Who blocks whom: all of it in memory, since it concerns each stanza, also to those who are not here. */
#include <string.h>

#include "roster/internal.h"

imp_blocks *imp_blocks_find(const imp_node *node, const imp_jid *user) {
  const imp_rosters *f = imp_rosters_of(node);
  imp_map_node *n = f->blocks.count > 0 ? imp_map_find(&f->blocks, imp_jid_bare(user), imp_jid_bare_len(user)) : NULL;
  return n ? IMP_CONTAINER_OF(n, imp_blocks, by_bare) : NULL;
}

static int has(const imp_blocks *b, const char *text, size_t len) { return imp_map_find(&b->jids, text, len) != NULL; }

/* XEP-0191 §3.1.1: a full JID, a bare one, a domain with a resource, a domain. */
int imp_blocks_match(const imp_blocks *b, const imp_jid *who) {
  const char *full = imp_jid_full(who);
  size_t behind_local = who->locallen > 0 ? who->locallen + 1u : 0;
  return has(b, full, imp_jid_full_len(who)) || has(b, imp_jid_bare(who), imp_jid_bare_len(who)) ||
         (behind_local > 0 && has(b, full + behind_local, imp_jid_full_len(who) - behind_local)) ||
         has(b, imp_jid_domain(who), who->domainlen);
}

static int same(const imp_jid *blocked, const char *text, size_t len) {
  return imp_jid_full_len(blocked) == len && memcmp(imp_jid_full(blocked), text, len) == 0;
}

int imp_blocks_covers(const imp_jid *blocked, const imp_jid *who) {
  const char *full = imp_jid_full(who);
  size_t behind_local = who->locallen > 0 ? who->locallen + 1u : 0;
  return same(blocked, full, imp_jid_full_len(who)) || same(blocked, imp_jid_bare(who), imp_jid_bare_len(who)) ||
         same(blocked, full + behind_local, imp_jid_full_len(who) - behind_local) ||
         same(blocked, imp_jid_domain(who), who->domainlen);
}

int imp_blocks_is(const imp_node *node, const imp_jid *user, const imp_jid *who) {
  const imp_blocks *b = imp_rosters_of(node)->blocks.count > 0 ? imp_blocks_find(node, user) : NULL;
  if (b == NULL || imp_jid_equal_bare(user, who) || (who->locallen == 0 && imp_node_is_local(node, who))) {
    return 0; /* nobody shuts out himself, or his server */
  }
  return imp_blocks_match(b, who);
}

int imp_blocks_between(const imp_node *node, const imp_jid *a, const imp_jid *b) {
  return imp_blocks_is(node, a, b) || imp_blocks_is(node, b, a);
}

static void blocked_free(imp_blocks *b, imp_blocked *e) {
  imp_map_remove(&b->jids, &e->by_jid);
  imp_jid_del(e->jid);
  imp_free(e);
}

static void blocks_free(imp_rosters *f, imp_blocks *b) {
  imp_map_iter it;
  imp_map_node *n;
  imp_map_iter_init(&it, &b->jids);
  while ((n = imp_map_iter_next(&it)) != NULL) {
    blocked_free(b, IMP_CONTAINER_OF(n, imp_blocked, by_jid));
  }
  imp_map_reset(&b->jids);
  imp_map_remove(&f->blocks, &b->by_bare);
  imp_jid_del(b->user);
  imp_free(b);
}

static imp_blocks *blocks_get(imp_rosters *f, const imp_jid *user) {
  imp_blocks *b = imp_blocks_find(f->node, user);
  if (b != NULL || (b = imp_calloc(1, sizeof(*b))) == NULL) {
    return b;
  }
  imp_map_init(&b->jids);
  if (imp_jid_new_bare(&b->user, (imp_jid *)(uintptr_t)user) < 0) {
    imp_free(b);
    return NULL;
  }
  if (imp_map_insert(&f->blocks, &b->by_bare, imp_jid_full(b->user), imp_jid_full_len(b->user)) < 0) {
    imp_jid_del(b->user);
    imp_free(b);
    return NULL;
  }
  return b;
}

static int insert(imp_blocks *b, const imp_jid *who) {
  imp_blocked *e = imp_calloc(1, sizeof(*e));
  int rv;
  if (e == NULL) {
    return IMP_ERR_NOMEM;
  }
  e->jid = imp_jid_ref((imp_jid *)(uintptr_t)who);
  rv = imp_map_insert(&b->jids, &e->by_jid, imp_jid_full(who), imp_jid_full_len(who));
  if (rv < 0) {
    imp_jid_del(e->jid);
    imp_free(e);
  }
  return rv;
}

static int add(imp_rosters *f, const imp_jid *user, const imp_jid *who) {
  imp_blocks *b = blocks_get(f, user);
  int rv = b == NULL ? IMP_ERR_NOMEM : b->jids.count >= f->settings.max_blocked ? IMP_ERR_LIMIT : insert(b, who);
  if (b != NULL && b->jids.count == 0) {
    blocks_free(f, b);
  }
  return rv;
}

int imp_blocks_add(imp_node *node, const imp_jid *user, const imp_jid *who) {
  int rv = add(imp_rosters_of(node), user, who);
  if (rv == IMP_OK) {
    rv = imp_node_put(node, IMP_SPACE_BLOCK, imp_jid_bare(user), imp_jid_full(who), imp_jid_full_len(who), "", 0);
  }
  return rv;
}

int imp_blocks_remove(imp_node *node, const imp_jid *user, const imp_jid *who) {
  imp_blocks *b = imp_blocks_find(node, user);
  imp_map_node *n = b ? imp_map_find(&b->jids, imp_jid_full(who), imp_jid_full_len(who)) : NULL;
  if (n == NULL) {
    return IMP_ERR_NOT_FOUND;
  }
  (void)imp_node_remove(node, IMP_SPACE_BLOCK, imp_jid_bare(user), imp_jid_full(who), imp_jid_full_len(who));
  blocked_free(b, IMP_CONTAINER_OF(n, imp_blocked, by_jid));
  if (b->jids.count == 0) {
    blocks_free(imp_rosters_of(node), b);
  }
  return IMP_OK;
}

void imp_blocks_clear(imp_node *node, const imp_jid *user) {
  imp_blocks *b = imp_blocks_find(node, user);
  if (b != NULL) {
    blocks_free(imp_rosters_of(node), b);
  }
}

void imp_blocks_stop(imp_rosters *f) {
  imp_map_iter it;
  imp_map_node *n;
  imp_map_iter_init(&it, &f->blocks);
  while ((n = imp_map_iter_next(&it)) != NULL) {
    blocks_free(f, IMP_CONTAINER_OF(n, imp_blocks, by_bare));
  }
  imp_map_reset(&f->blocks);
}

/* ---- from the store ---- */

/* "owner NUL key" */
int imp_blocks_load(imp_rosters *f, const imp_op_row *row) {
  const char *key = row->key, *nul = memchr(key, '\0', row->keylen);
  imp_jid *user = NULL, *who = NULL;
  int rv = nul != NULL ? imp_jid_new(&user, key, (size_t)(nul - key)) : IMP_ERR_CORRUPT;
  if (rv == IMP_OK) {
    rv = imp_jid_cache_get(f->node->jids, &who, nul + 1, row->keylen - (size_t)(nul + 1 - key));
  }
  if (rv == IMP_OK) {
    rv = add(f, user, who);
  }
  imp_jid_del(user);
  imp_jid_del(who);
  return rv == IMP_ERR_EXISTS ? IMP_OK : rv;
}
