/* One picture, two places (XEP-0398): the avatar that was published (XEP-0084) and the photo of the vCard (XEP-0153). */
#include <string.h>

#include "core/codec.h"
#include "pep/internal.h"
#include "sasl/crypto.h"

static int is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/* Memory of the caller's, NULL: no base64, or no memory. */
static uint8_t *decode(const char *text, size_t textlen, size_t *len) {
  char *dense = imp_malloc(textlen + 1);
  uint8_t *bytes = imp_malloc(textlen / 4 * 3 + 3);
  size_t n = 0, i;
  if (dense == NULL || bytes == NULL) {
    imp_free(dense);
    imp_free(bytes);
    return NULL;
  }
  for (i = 0; i < textlen; i++) {
    if (!is_space(text[i])) {
      dense[n++] = text[i];
    }
  }
  if (n == 0 || imp_base64_decode(bytes, len, dense, n) < 0) {
    imp_free(bytes);
    bytes = NULL;
  }
  imp_free(dense);
  return bytes;
}

int imp_pep_photo_hash(const char *text, size_t textlen, char *hash, size_t *len) {
  uint8_t digest[IMP_DIGEST_MAX];
  uint8_t *bytes = decode(text, textlen, len);
  int rv = bytes != NULL ? imp_digest_hash(imp_digest_by_name("SHA-1", 5), bytes, *len, digest) : IMP_ERR_MALFORMED;
  imp_free(bytes);
  if (rv == IMP_OK) {
    imp_hex_encode(hash, digest, IMP_PEP_HASH_LEN / 2);
  }
  return rv;
}

/* ---- from the vCard to the avatar ---- */

static int publish_data(imp_pep_account *a, const char *hash, const char *text) {
  imp_stanza *st;
  int rv = imp_stanza_new(&st, "data", IMP_NS_AVATAR_DATA);
  if (rv < 0) {
    return rv;
  }
  imp_elem_append_text(st, imp_stanza_edit(st), text, strlen(text));
  rv = imp_stanza_is_broken(st) ? IMP_ERR_NOMEM
                                : imp_pep_put_quietly(a, IMP_NS_AVATAR_DATA, hash, imp_stanza_root(st), NULL);
  imp_stanza_del(st);
  return rv;
}

/* hash NULL: there is none. */
static int publish_metadata(imp_pep_account *a, const char *hash, size_t len, const char *type) {
  imp_stanza *st;
  int rv = imp_stanza_new(&st, "metadata", IMP_NS_AVATAR_META);
  if (rv < 0) {
    return rv;
  }
  if (hash != NULL) {
    imp_elem *info = imp_elem_add(st, imp_stanza_edit(st), "info", NULL);
    char number[24];
    (void)imp_format_u64(number, len);
    if (info != NULL) {
      imp_elem_set_attr(st, info, "bytes", number);
      imp_elem_set_attr(st, info, "id", hash);
      imp_elem_set_attr(st, info, "type", type);
    }
  }
  rv = imp_stanza_is_broken(st)
           ? IMP_ERR_NOMEM
           : imp_pep_put_quietly(a, IMP_NS_AVATAR_META, hash != NULL ? hash : "none", imp_stanza_root(st), NULL);
  imp_stanza_del(st);
  return rv;
}

void imp_pep_photo_changed(imp_pep_account *a, const imp_elem *photo) {
  const imp_elem *binval = photo != NULL ? imp_elem_child(photo, "BINVAL", IMP_NS_VCARD) : NULL;
  const imp_elem *type = photo != NULL ? imp_elem_child(photo, "TYPE", IMP_NS_VCARD) : NULL;
  const char *text = binval != NULL ? imp_elem_text(binval, NULL) : "";
  char hash[IMP_PEP_HASH_LEN + 1];
  size_t len = 0;
  int rv;
  if (imp_pep_photo_hash(text, strlen(text), hash, &len) < 0) {
    if (a->photo[0] != '\0' && publish_metadata(a, NULL, 0, NULL) == IMP_OK) {
      imp_pep_set_photo(a, "");
    }
    return;
  }
  if (strcmp(hash, a->photo) == 0) {
    return;
  }
  rv = publish_data(a, hash, text);
  rv = rv < 0 ? rv : publish_metadata(a, hash, len, type != NULL ? imp_elem_text(type, NULL) : "image/png");
  if (rv == IMP_OK) {
    imp_pep_set_photo(a, hash);
  } else {
    imp_log(&a->pep->node->log, IMP_LOG_STORE, IMP_LOG_WARN, imp_jid_full(a->jid), "photo does not become the avatar: %s",
            imp_strerror(rv));
  }
}

/* ---- from the avatar to the vCard ---- */

typedef struct copying {
  imp_pep_job job;
  imp_jid *owner;
  imp_stanza *data; /* NULL: there is no avatar */
  imp_stanza *vcard; /* the new one */
  char *type;
  char hash[IMP_PEP_HASH_LEN + 1];
} copying;

static void drop(imp_pep_job *job) {
  copying *c = (copying *)job;
  imp_jid_del(c->owner);
  imp_stanza_del(c->data);
  imp_stanza_del(c->vcard);
  imp_free(c->type);
}

static void has_account(imp_pep_account *a, int status, imp_pep_job *job) {
  copying *c = (copying *)job;
  if (status == IMP_OK) {
    status = imp_pep_vcard_note(a, imp_stanza_root(c->vcard));
  }
  if (status == IMP_OK) {
    imp_pep_set_photo(a, c->hash);
  }
  if (status < 0) {
    imp_log(&job->pep->node->log, IMP_LOG_STORE, IMP_LOG_WARN, imp_jid_full(c->owner), "avatar does not become the photo: %s",
            imp_strerror(status));
  }
  imp_pep_job_end(job);
}

static int make_vcard(copying *c, const imp_stanza *old) {
  const imp_elem *el;
  imp_elem *root, *photo;
  if (imp_stanza_new(&c->vcard, "vCard", IMP_NS_VCARD) < 0) {
    return IMP_ERR_NOMEM;
  }
  root = imp_stanza_edit(c->vcard);
  for (el = old != NULL ? imp_elem_first(imp_stanza_root(old)) : NULL; el != NULL; el = imp_elem_next(el)) {
    if (!imp_elem_match(el, "PHOTO", IMP_NS_VCARD)) {
      (void)imp_elem_add_copy(c->vcard, root, el);
    }
  }
  if (c->data != NULL) {
    photo = imp_elem_add(c->vcard, root, "PHOTO", NULL);
    (void)imp_elem_add_text(c->vcard, photo, "TYPE", NULL, c->type);
    (void)imp_elem_add_text(c->vcard, photo, "BINVAL", NULL, imp_elem_text(imp_elem_first(imp_stanza_root(c->data)), NULL));
  }
  return imp_stanza_is_broken(c->vcard) ? IMP_ERR_NOMEM : IMP_OK;
}

static void on_vcard(imp_op *op, int status, void *ctx) {
  copying *c = ctx;
  const imp_op_row *row = status == IMP_OK && imp_op_row_count(op) > 0 ? imp_op_row_at(op, 0) : NULL;
  imp_stanza *old = row != NULL ? imp_pep_parse(c->job.pep->node, row->value, row->valuelen) : NULL;
  int lost = (status < 0 && status != IMP_ERR_NOT_FOUND) || (row != NULL && old == NULL);
  if (lost || make_vcard(c, old) < 0) {
    imp_pep_job_end(&c->job);
  } else {
    imp_pep_with(c->job.pep, c->owner, &c->job, has_account);
  }
  imp_stanza_del(old);
}

static void read_vcard(copying *c) {
  if (imp_node_get(c->job.pep->node, IMP_SPACE_VCARD, imp_jid_bare(c->owner), "", 0, on_vcard, c) == NULL) {
    imp_pep_job_end(&c->job);
  }
}

static void on_data(imp_op *op, int status, void *ctx) {
  copying *c = ctx;
  const imp_op_row *row = status == IMP_OK && imp_op_row_count(op) > 0 ? imp_op_row_at(op, 0) : NULL;
  const imp_elem *data;
  const char *text;
  char hash[IMP_PEP_HASH_LEN + 1];
  size_t len, textlen = 0;
  c->data = row != NULL ? imp_pep_parse(c->job.pep->node, row->value, row->valuelen) : NULL;
  data = c->data != NULL ? imp_elem_first(imp_stanza_root(c->data)) : NULL;
  text = data != NULL ? imp_elem_text(data, &textlen) : "";
  if (imp_pep_photo_hash(text, textlen, hash, &len) < 0 || strcmp(hash, c->hash) != 0) {
    imp_pep_job_end(&c->job);
  } else {
    read_vcard(c);
  }
}

/* The first picture that is here, and not behind a URL. */
static const imp_elem *find_info(const imp_stanza *item) {
  const imp_elem *metadata = imp_elem_first(imp_stanza_root(item)), *info;
  for (info = metadata != NULL ? imp_elem_first(metadata) : NULL; info != NULL; info = imp_elem_next(info)) {
    const char *id = imp_elem_attr(info, "id");
    if (imp_elem_match(info, "info", IMP_NS_AVATAR_META) && imp_elem_attr(info, "url") == NULL && id != NULL &&
        strlen(id) == IMP_PEP_HASH_LEN) {
      return info;
    }
  }
  return NULL;
}

static void read_data(copying *c, const imp_pep_account *a) {
  const imp_pep_node *n = imp_pep_find(a, IMP_NS_AVATAR_DATA);
  int at = n != NULL ? imp_pep_item_find(n, c->hash) : -1;
  uint8_t key[IMP_PEP_NAME_MAX + 9];
  if (at < 0 || imp_node_get(c->job.pep->node, IMP_SPACE_PEP_ITEM, imp_jid_full(a->jid), key,
                             imp_pep_item_key(key, n, n->items[at].number), on_data, c) == NULL) {
    imp_pep_job_end(&c->job);
  }
}

void imp_pep_avatar_changed(imp_pep_account *a) {
  const imp_pep_node *n = imp_pep_find(a, IMP_NS_AVATAR_META);
  const imp_elem *info = n != NULL && n->last != NULL ? find_info(n->last) : NULL;
  const char *id = info != NULL ? imp_elem_attr(info, "id") : "", *type = info != NULL ? imp_elem_attr(info, "type") : NULL;
  copying *c;
  if (strcmp(id, a->photo) == 0) {
    return;
  }
  c = imp_pep_job_new(a->pep, sizeof(*c), drop);
  if (c == NULL) {
    return;
  }
  memcpy(c->hash, id, strlen(id) + 1);
  c->owner = imp_jid_ref(a->jid);
  c->type = imp_strdup(type != NULL ? type : "image/png");
  if (c->type == NULL) {
    imp_pep_job_end(&c->job);
  } else if (info != NULL) {
    read_data(c, a);
  } else {
    read_vcard(c);
  }
}

/* ---- presence (XEP-0398 §4) ---- */

static imp_elem *find_update(const imp_stanza *st) {
  return (imp_elem *)(uintptr_t)imp_stanza_child(st, "x", IMP_NS_VCARD_UPDATE);
}

static const char *photo_in(const imp_stanza *st) {
  const imp_elem *x = find_update(st), *photo = x != NULL ? imp_elem_child(x, "photo", IMP_NS_VCARD_UPDATE) : NULL;
  return photo != NULL ? imp_elem_text(photo, NULL) : "";
}

static void stamp(imp_stanza *st, const char *hash) {
  imp_elem *x = find_update(st);
  if (x != NULL) {
    imp_elem_remove(st, imp_stanza_edit(st), x);
  }
  x = imp_elem_add(st, imp_stanza_edit(st), "x", IMP_NS_VCARD_UPDATE);
  (void)imp_elem_add_text(st, x, "photo", NULL, hash);
}

static imp_verdict on_presence(imp_event *event, void *ctx) {
  imp_stanza *st = event->stanza;
  const imp_pep_account *a = event->session != NULL ? imp_pep_account_find(ctx, event->session->user->jid) : NULL;
  if (st->type == IMP_TYPE_NONE && a != NULL && a->photo[0] != '\0' && strcmp(photo_in(st), a->photo) != 0) {
    stamp(st, a->photo);
  }
  return IMP_CONTINUE;
}

/* As if the client had sent its presence again. */
static void show_again(imp_session *s, const char *hash) {
  imp_stanza *st;
  imp_event event = {.session = s};
  const imp_elem *el;
  if (imp_stanza_new(&st, "presence", NULL) < 0) {
    return;
  }
  imp_stanza_set_from(st, s->jid);
  imp_stanza_set_id(st, s->presence->id);
  for (el = imp_elem_first(&s->presence->root); el != NULL; el = imp_elem_next(el)) {
    (void)imp_elem_add_copy(st, imp_stanza_edit(st), el);
  }
  stamp(st, hash);
  event.stanza = st;
  if (!imp_stanza_is_broken(st)) {
    (void)imp_node_run_hooks(s->node, IMP_POINT_PRESENCE_IN, &event);
  }
  imp_stanza_del(st);
}

void imp_pep_set_photo(imp_pep_account *a, const char *hash) {
  imp_node *node = a->pep->node;
  imp_user *user = imp_node_find_user(node, a->jid);
  imp_session *s = user != NULL ? imp_session_first(user) : NULL, *next;
  if (hash != NULL && strcmp(hash, a->photo) != 0) {
    memcpy(a->photo, hash, strlen(hash) + 1);
    if (*hash != '\0') {
      (void)imp_node_put(node, IMP_SPACE_PEP_NODE, imp_jid_full(a->jid), "", 0, hash, strlen(hash));
    } else {
      (void)imp_node_remove(node, IMP_SPACE_PEP_NODE, imp_jid_full(a->jid), "", 0);
    }
  }
  for (; s != NULL; s = next) {
    next = imp_session_next(s);
    if (s->presence != NULL && !s->ending && (hash != NULL || a->photo[0] != '\0') &&
        strcmp(photo_in(s->presence), a->photo) != 0) {
      show_again(s, a->photo);
    }
  }
}

int imp_pep_start_avatars(imp_node *node) {
  return imp_node_hook(node, IMP_POINT_PRESENCE_IN, 20, on_presence, imp_pep_of(node));
}
