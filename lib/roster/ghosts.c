/*
 * Where sessions may survive the process (settings.durable), those that do not leave contacts behind who still see
 * them. So it is noted which resources are seen, and after a start those that are not there are told to be gone.
 */
#include <string.h>

#include "roster/internal.h"

typedef struct ghost {
  imp_list link;
  imp_jid *jid; /* full */
} ghost;

void imp_ghosts_note(imp_session *s, int seen) {
  const char *resource = imp_jid_resource(s->jid);
  imp_roster_session *rs = imp_roster_session_of(s);
  if (!imp_roster_is_durable(s->node) || rs->on == seen) {
    return;
  }
  rs->on = (uint8_t)seen;
  if (seen) {
    (void)imp_node_put(s->node, IMP_SPACE_ON, imp_jid_bare(s->jid), resource, s->jid->resourcelen, "", 0);
  } else {
    (void)imp_node_remove(s->node, IMP_SPACE_ON, imp_jid_bare(s->jid), resource, s->jid->resourcelen);
  }
}

static void ghost_free(ghost *g) {
  imp_list_remove(&g->link);
  imp_jid_del(g->jid);
  imp_free(g);
}

void imp_ghosts_stop(imp_rosters *f) {
  while (!imp_list_empty(&f->ghosts)) {
    ghost_free(IMP_CONTAINER_OF(f->ghosts.next, ghost, link));
  }
}

/* "owner NUL resource" */
int imp_ghosts_load(imp_rosters *f, const imp_op_row *row) {
  const char *key = row->key, *nul = memchr(key, '\0', row->keylen);
  imp_jid *bare;
  ghost *g = imp_calloc(1, sizeof(*g));
  int rv = g == NULL ? IMP_ERR_NOMEM : nul == NULL ? IMP_ERR_CORRUPT : imp_jid_new(&bare, key, (size_t)(nul - key));
  if (rv == IMP_OK) {
    char resource[IMP_JID_PART_MAX + 1];
    size_t len = row->keylen - (size_t)(nul + 1 - key);
    len = len > IMP_JID_PART_MAX ? IMP_JID_PART_MAX : len;
    memcpy(resource, nul + 1, len);
    resource[len] = '\0';
    rv = imp_jid_new_resource(&g->jid, bare, resource);
    imp_jid_del(bare);
  }
  if (rv < 0) {
    imp_free(g);
    return rv;
  }
  imp_list_append(&f->ghosts, &g->link);
  return IMP_OK;
}

/* Contacts, and the user's other resources. */
static void tell(imp_roster *r, const imp_task *task) {
  imp_roster_fan_out(r, NULL, task->stanza);
  if (r->user != NULL) {
    imp_roster_send_to(r, r->jid, task->stanza);
  }
}

static int is_seen(const imp_node *node, const imp_jid *jid) {
  const imp_session *s = imp_node_find_session(node, jid);
  return s != NULL && s->presence != NULL;
}

static void lay(imp_node *node, const imp_jid *jid) {
  imp_task task = {.run = tell};
  imp_roster *r;
  (void)imp_node_remove(node, IMP_SPACE_ON, imp_jid_bare(jid), imp_jid_resource(jid), jid->resourcelen);
  if (node->sessions.count == 0) {
    return; /* nobody saw it */
  }
  r = imp_roster_get(node, jid);
  task.stanza = r != NULL ? imp_roster_presence(IMP_TYPE_UNAVAILABLE, jid, NULL) : NULL;
  if (task.stanza != NULL) {
    r->exists = 1;
    (void)imp_roster_when(r, &task);
    imp_stanza_del(task.stanza);
  }
}

void imp_ghosts_lay(imp_node *node) {
  imp_rosters *f = imp_rosters_of(node);
  while (!imp_list_empty(&f->ghosts)) {
    ghost *g = IMP_CONTAINER_OF(f->ghosts.next, ghost, link);
    if (!is_seen(node, g->jid)) {
      lay(node, g->jid);
    }
    ghost_free(g);
  }
}
