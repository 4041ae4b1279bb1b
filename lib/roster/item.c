/*
 * Contacts, and how they are stored.
 *
 * A row of a contact: a version byte, the state, flags, the roster's version when it changed (64 bits), the name, each
 * group, an empty string, each with its NUL; then the text of the request that waits. The row with the empty key:
 * the roster's version, and that of the last removal.
 */
#include <string.h>

#include "core/codec.h"
#include "roster/internal.h"

#define FORMAT 1
#define FIXED (1 + 1 + 1 + 8)
enum { LISTED = 1, APPROVED = 2 };

imp_contact *imp_contact_find(const imp_roster *r, const imp_jid *jid) {
  imp_map_node *n = imp_map_find(&r->contacts, imp_jid_bare(jid), imp_jid_bare_len(jid));
  return n ? IMP_CONTAINER_OF(n, imp_contact, by_jid) : NULL;
}

/* As it is written: a quote or "&" takes more than it has. */
static size_t written(const char *s, size_t len) {
  size_t i, n = len;
  for (i = 0; i < len; i++) {
    n += strchr("&<>'\"", s[i]) != NULL && s[i] != '\0' ? 5 : 0;
  }
  return n;
}

static size_t size_of(const imp_jid *jid, const char *name, uint32_t ngroups, const char *groups, size_t groupslen) {
  return 64 + written(imp_jid_full(jid), imp_jid_full_len(jid)) + (name ? 8 + written(name, strlen(name)) : 0) +
         ngroups * 15u + (groups ? written(groups, groupslen) : 0);
}

static size_t bytes_max(const imp_roster *r) {
  size_t set = imp_rosters_of(r->node)->settings.max_bytes, fits = r->node->settings.max_output_bytes / 2;
  return set < fits ? set : fits;
}

/* Its part of the roster as it is sent. */
static size_t sent(const imp_contact *c) { return c->sub.listed ? c->bytes : 0; }

static void contact_free(imp_roster *r, imp_contact *c) {
  imp_map_remove(&r->contacts, &c->by_jid);
  imp_list_remove(&c->link);
  imp_list_remove(&c->watches);
  r->bytes -= sent(c);
  r->listed -= c->sub.listed != 0;
  r->unlisted -= c->sub.listed == 0;
  imp_jid_del(c->jid);
  imp_stanza_del(c->request);
  imp_free(c->name);
  imp_free(c->groups);
  imp_free(c);
}

static imp_contact *contact_new(imp_roster *r, const imp_jid *jid) {
  imp_contact *c = imp_calloc(1, sizeof(*c));
  if (c == NULL) {
    return NULL;
  }
  if (imp_jid_new_bare(&c->jid, (imp_jid *)(uintptr_t)jid) < 0) {
    imp_free(c);
    return NULL;
  }
  if (imp_map_insert(&r->contacts, &c->by_jid, imp_jid_full(c->jid), imp_jid_full_len(c->jid)) < 0) {
    imp_jid_del(c->jid);
    imp_free(c);
    return NULL;
  }
  imp_list_append(&r->order, &c->link);
  c->bytes = (uint32_t)size_of(c->jid, NULL, 0, NULL, 0);
  r->unlisted++;
  return c;
}

/* Those who only ask have a bound of their own: however many they are, the user can add whom he wants. */
static int has_room(const imp_roster *r, const imp_jid *jid, const imp_contact *c, int listed) {
  const imp_roster_settings *max = &imp_rosters_of(r->node)->settings;
  if (c != NULL && (c->sub.listed || !listed)) {
    return 1;
  }
  if (!listed) {
    return r->unlisted < max->max_requests;
  }
  return r->listed < max->max_items && r->bytes + size_of(jid, NULL, 0, NULL, 0) <= bytes_max(r);
}

imp_contact *imp_contact_get(imp_roster *r, const imp_jid *jid, int listed, int *status) {
  imp_contact *c = imp_contact_find(r, jid);
  *status = IMP_OK;
  if (!has_room(r, jid, c, listed)) {
    *status = IMP_ERR_LIMIT;
    return NULL;
  }
  if (c == NULL && (c = contact_new(r, jid)) == NULL) {
    *status = IMP_ERR_NOMEM;
  }
  return c;
}

void imp_contact_set_sub(imp_roster *r, imp_contact *c, imp_sub sub) {
  int sees;
  r->listed += (sub.listed != 0) - (c->sub.listed != 0);
  r->unlisted += (sub.listed == 0) - (c->sub.listed == 0);
  r->bytes -= sent(c);
  c->sub = sub;
  r->bytes += sent(c);
  sees = imp_contact_sees(c);
  if (sees && !imp_list_linked(&c->watches)) {
    imp_list_append(&r->watchers, &c->watches);
  } else if (!sees) {
    imp_list_remove(&c->watches);
  }
  if (!imp_sub_is_asked((imp_sub_state)sub.state)) {
    imp_stanza_del(c->request);
    c->request = NULL;
  }
}

static uint32_t count_groups(const char *groups, size_t len) {
  uint32_t n = 0;
  size_t i;
  for (i = 0; i < len; i++) {
    n += groups[i] == '\0';
  }
  return n;
}

int imp_contact_set_name(imp_roster *r, imp_contact *c, const char *name, const char *groups, size_t groupslen) {
  uint32_t ngroups = count_groups(groups, groupslen);
  size_t bytes = size_of(c->jid, name, ngroups, groups, groupslen);
  char *n = NULL, *g = NULL;
  if (r->bytes - sent(c) + bytes > bytes_max(r)) {
    return IMP_ERR_LIMIT;
  }
  if ((name != NULL && *name != '\0' && (n = imp_strdup(name)) == NULL) ||
      (groupslen > 0 && (g = imp_memdup(groups, groupslen)) == NULL)) {
    imp_free(n);
    return IMP_ERR_NOMEM;
  }
  imp_free(c->name);
  imp_free(c->groups);
  c->name = n;
  c->groups = g;
  c->ngroups = ngroups;
  c->groupslen = (uint32_t)groupslen;
  r->bytes -= sent(c);
  c->bytes = (uint32_t)bytes;
  r->bytes += sent(c);
  return IMP_OK;
}

/* ---- to the store ---- */

static void note_version(imp_roster *r) {
  uint8_t value[16];
  imp_put_be64(value, r->version);
  imp_put_be64(value + 8, r->removed);
  (void)imp_node_put(r->node, IMP_SPACE_ROSTER, imp_jid_full(r->jid), "", 0, value, sizeof(value));
}

/* The first is above all that an account of the same name had: what its clients kept is replaced. */
static void next_version(imp_roster *r) {
  if (r->version == 0) {
    r->removed = r->version = imp_node_wallclock(r->node) + 1;
  } else {
    r->version++;
  }
}

static int append_request(imp_roster *r, const imp_contact *c, imp_buf *buf) {
  size_t len;
  char *text;
  int rv = IMP_OK;
  (void)r;
  if (c->request != NULL && (text = imp_stanza_to_text(c->request, &len)) != NULL) {
    rv = imp_buf_append(buf, text, len);
    imp_free(text);
  }
  return rv;
}

static void note_row(imp_roster *r, const imp_contact *c) {
  imp_buf *buf = &r->node->scratch;
  uint8_t fixed[FIXED] = {FORMAT, c->sub.state,
                          (uint8_t)((c->sub.listed ? LISTED : 0) | (c->sub.approved ? APPROVED : 0))};
  const char *name = c->name ? c->name : "";
  imp_put_be64(fixed + 3, c->version);
  imp_buf_consume(buf, imp_buf_len(buf));
  if (imp_buf_append(buf, fixed, sizeof(fixed)) < 0 || imp_buf_append(buf, name, strlen(name) + 1) < 0 ||
      (c->groups != NULL && imp_buf_append(buf, c->groups, c->groupslen) < 0) || imp_buf_append(buf, "", 1) < 0 ||
      append_request(r, c, buf) < 0) {
    imp_log(&r->node->log, IMP_LOG_STORE, IMP_LOG_ERROR, imp_jid_full(r->jid), "roster item not stored: out of memory");
    return;
  }
  (void)imp_node_put(r->node, IMP_SPACE_ROSTER, imp_jid_full(r->jid), imp_jid_full(c->jid), imp_jid_full_len(c->jid),
                     imp_buf_data(buf), imp_buf_len(buf));
}

static void remove_row(imp_roster *r, const imp_contact *c) {
  (void)imp_node_remove(r->node, IMP_SPACE_ROSTER, imp_jid_full(r->jid), imp_jid_full(c->jid),
                        imp_jid_full_len(c->jid));
}

void imp_contact_note(imp_roster *r, imp_contact *c, int seen) {
  if (seen) {
    next_version(r);
    c->version = r->version;
    note_version(r);
  }
  if (c->sub.listed || c->sub.approved || c->sub.state != IMP_SUB_NONE) {
    note_row(r, c);
  } else {
    remove_row(r, c);
    contact_free(r, c);
  }
}

void imp_contact_remove(imp_roster *r, imp_contact *c) {
  next_version(r);
  r->removed = r->version;
  note_version(r);
  remove_row(r, c);
  contact_free(r, c);
}

void imp_contact_clear(imp_roster *r) {
  while (!imp_list_empty(&r->order)) {
    contact_free(r, IMP_CONTAINER_OF(r->order.next, imp_contact, link));
  }
  imp_map_reset(&r->contacts);
  r->version = r->removed = 0;
}

/* ---- from the store ---- */

/* The NUL-ended strings of a row; `rest` is what comes behind. */
static int find_strings(const char *p, size_t len, const char **groups, size_t *groupslen, const char **rest) {
  const char *end = p + len, *nul = memchr(p, '\0', len);
  if (nul == NULL) {
    return IMP_ERR_CORRUPT;
  }
  *groups = p = nul + 1;
  while (p < end && *p != '\0') {
    if ((nul = memchr(p, '\0', (size_t)(end - p))) == NULL) {
      return IMP_ERR_CORRUPT;
    }
    p = nul + 1;
  }
  if (p == end) {
    return IMP_ERR_CORRUPT;
  }
  *groupslen = (size_t)(p - *groups);
  *rest = p + 1;
  return IMP_OK;
}

static int is_row(const imp_op_row *row) {
  const uint8_t *p = row->value;
  return row->valuelen > FIXED && p[0] == FORMAT && p[1] < IMP_SUB_STATES;
}

int imp_contact_row_sees(const imp_op_row *row) {
  return is_row(row) && imp_sub_has_from((imp_sub_state)((const uint8_t *)row->value)[1]);
}

static int fill(imp_roster *r, imp_contact *c, const uint8_t *p, size_t len) {
  const char *name = (const char *)p + FIXED, *groups, *rest;
  size_t groupslen, restlen;
  int rv = find_strings(name, len - FIXED, &groups, &groupslen, &rest);
  if (rv == IMP_OK) {
    rv = imp_contact_set_name(r, c, *name ? name : NULL, groups, groupslen);
    rv = rv == IMP_ERR_LIMIT ? IMP_OK : rv; /* bounds were lowered: without its name, then */
  }
  if (rv == IMP_OK) {
    restlen = len - (size_t)((const uint8_t *)rest - p);
    c->version = imp_get_be64(p + 3);
    imp_contact_set_sub(r, c,
                        (imp_sub){.state = p[1], .listed = (p[2] & LISTED) != 0, .approved = (p[2] & APPROVED) != 0});
    if (restlen > 0 && imp_stanza_parse(&c->request, rest, restlen) < 0) {
      c->request = NULL;
    }
  }
  return rv;
}

static int load_versions(imp_roster *r, const imp_op_row *row) {
  if (row->valuelen == 16) {
    r->version = imp_get_be64(row->value);
    r->removed = imp_get_be64((const uint8_t *)row->value + 8);
  }
  return IMP_OK;
}

static int damaged(imp_roster *r, const imp_op_row *row) {
  imp_log(&r->node->log, IMP_LOG_STORE, IMP_LOG_ERROR, imp_jid_full(r->jid), "roster item \"%.*s\" is damaged",
          row->keylen > 100 ? 100 : (int)row->keylen, (const char *)row->key);
  return IMP_OK;
}

int imp_contact_load(imp_roster *r, const imp_op_row *row) {
  imp_jid *jid;
  imp_contact *c;
  int rv;
  if (row->keylen == 0) {
    return load_versions(r, row);
  }
  if (!is_row(row) || (rv = imp_jid_cache_get(r->node->jids, &jid, row->key, row->keylen)) == IMP_ERR_MALFORMED) {
    return damaged(r, row);
  }
  if (rv < 0) {
    return rv;
  }
  c = contact_new(r, jid);
  imp_jid_del(jid);
  if (c == NULL) {
    return IMP_ERR_NOMEM;
  }
  rv = fill(r, c, row->value, row->valuelen);
  if (rv == IMP_ERR_CORRUPT) {
    contact_free(r, c);
    return damaged(r, row);
  }
  return rv;
}
