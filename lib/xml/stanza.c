#include "xml/stanza.h"

#include "core/mem.h"
#include "xml/jid.h"

imp_stanza *imp_stanza_alloc_sized(size_t block) {
  imp_stanza *st = imp_malloc(block);
  if (st == NULL) {
    return NULL;
  }
  memset(st, 0, sizeof *st);
  st->refs = 1;
  st->root.name = st->root.ns = st->root.text = imp_ns_none;
  imp_arena_init(&st->arena, st + 1, block - sizeof *st);
  return st;
}

imp_stanza *imp_stanza_alloc(void) { return imp_stanza_alloc_sized(IMP_STANZA_BLOCK); }

imp_stanza *imp_stanza_ref(const imp_stanza *st) {
  imp_stanza *shared = (imp_stanza *)(uintptr_t)st; /* the count is no part of what is immutable */
  ++shared->refs;
  return shared;
}

void imp_stanza_del(imp_stanza *st) {
  if (st == NULL || --st->refs > 0) {
    return;
  }
  imp_jid_del(st->from);
  imp_jid_del(st->to);
  imp_arena_reset(&st->arena);
  imp_free(st);
}

size_t imp_stanza_memory(const imp_stanza *st) { return IMP_STANZA_BLOCK + st->arena.total; }

static const struct {
  const char *name;
  uint8_t type, kinds; /* kinds: bits of imp_stanza_kind */
} types[] = {
    {"chat", IMP_TYPE_CHAT, 1},
    {"groupchat", IMP_TYPE_GROUPCHAT, 1},
    {"headline", IMP_TYPE_HEADLINE, 1},
    {"normal", IMP_TYPE_NORMAL, 1},
    {"error", IMP_TYPE_ERROR, 7},
    {"get", IMP_TYPE_GET, 4},
    {"set", IMP_TYPE_SET, 4},
    {"result", IMP_TYPE_RESULT, 4},
    {"unavailable", IMP_TYPE_UNAVAILABLE, 2},
    {"subscribe", IMP_TYPE_SUBSCRIBE, 2},
    {"subscribed", IMP_TYPE_SUBSCRIBED, 2},
    {"unsubscribe", IMP_TYPE_UNSUBSCRIBE, 2},
    {"unsubscribed", IMP_TYPE_UNSUBSCRIBED, 2},
    {"probe", IMP_TYPE_PROBE, 2},
};

static uint8_t type_of(const char *value, unsigned kind) {
  for (size_t i = 0; i < IMP_ARRAY_LEN(types); ++i) {
    if ((types[i].kinds >> kind & 1) && strcmp(types[i].name, value) == 0) {
      return types[i].type;
    }
  }
  return IMP_TYPE_OTHER;
}

static uint8_t kind_of(const imp_elem *root) {
  if (!imp_str_is(root->ns, imp_ns_client)) {
    return IMP_STANZA_NONZA;
  }
  return imp_str_is(root->name, "message")    ? IMP_STANZA_MESSAGE
         : imp_str_is(root->name, "presence") ? IMP_STANZA_PRESENCE
         : imp_str_is(root->name, "iq")       ? IMP_STANZA_IQ
                                              : IMP_STANZA_NONZA;
}

void imp_stanza_classify(imp_stanza *st) {
  imp_attr *type = imp_elem_find_attr(&st->root, "type", imp_ns_none);
  st->kind = kind_of(&st->root);
  st->type = IMP_TYPE_NONE;
  if (type != NULL) {
    st->type = st->kind == IMP_STANZA_NONZA ? IMP_TYPE_OTHER : type_of(type->value, st->kind);
    type->plain = st->type != IMP_TYPE_OTHER;
  }
  st->id = imp_elem_attr(&st->root, "id");
}

imp_stanza_kind imp_stanza_get_kind(const imp_stanza *st) { return (imp_stanza_kind)st->kind; }

imp_stanza_type imp_stanza_get_type(const imp_stanza *st) { return (imp_stanza_type)st->type; }

const char *imp_stanza_get_id(const imp_stanza *st) { return st->id; }

const imp_jid *imp_stanza_get_from(const imp_stanza *st) { return st->from; }

const imp_jid *imp_stanza_get_to(const imp_stanza *st) { return st->to; }

const imp_elem *imp_stanza_root(const imp_stanza *st) { return &st->root; }

const imp_elem *imp_stanza_child(const imp_stanza *st, const char *name, const char *ns) {
  return imp_elem_child(&st->root, name, ns);
}

const char *imp_stanza_get_body(const imp_stanza *st) {
  const imp_elem *body = imp_elem_child(&st->root, "body", imp_ns_client);
  return body != NULL ? body->text : NULL;
}

int imp_stanza_is_broken(const imp_stanza *st) { return (st->flags & IMP_STANZA_BROKEN) != 0; }

int imp_stanza_new(imp_stanza **out, const char *name, const char *ns) {
  imp_stanza *st = imp_stanza_alloc();
  if (st == NULL) {
    return IMP_ERR_NOMEM;
  }
  imp_elem *root = imp_elem_new(st, name, strlen(name), ns != NULL ? ns : imp_ns_client,
                                ns != NULL ? strlen(ns) : sizeof IMP_NS_CLIENT - 1);
  if (root == NULL) {
    imp_stanza_del(st);
    return IMP_ERR_NOMEM;
  }
  st->root = *root;
  imp_stanza_classify(st);
  *out = st;
  return IMP_OK;
}

imp_elem *imp_stanza_edit(imp_stanza *st) {
  imp_stanza_changed(st);
  return &st->root;
}

static void remove_attr(imp_elem *elem, const char *name) {
  for (imp_attr **at = &elem->attrs; *at != NULL; at = &(*at)->next) {
    if (imp_str_is((*at)->name, name) && (*at)->ns[0] == '\0') {
      *at = (*at)->next;
      return;
    }
  }
}

/* The attribute's value is the JID's own text: the stanza's reference keeps it. */
static void set_address(imp_stanza *st, imp_jid **slot, const char *name, const imp_jid *jid, int bad) {
  imp_jid *old = *slot;
  imp_attr *attr = imp_elem_find_attr(&st->root, name, imp_ns_none);
  st->head = NULL;
  st->flags &= (uint16_t)~bad;
  *slot = NULL;
  if (jid == NULL) {
    remove_attr(&st->root, name);
  } else if (attr == NULL &&
             (attr = imp_elem_put_attr(st, &st->root, name, imp_ns_none, jid->text, jid->fulllen)) == NULL) {
    st->flags |= IMP_STANZA_BROKEN;
  } else {
    attr->value = jid->text;
    attr->valuelen = jid->fulllen;
    attr->plain = jid->plain;
    *slot = imp_jid_ref((imp_jid *)(uintptr_t)jid);
  }
  imp_jid_del(old);
}

void imp_stanza_set_from(imp_stanza *st, const imp_jid *jid) {
  set_address(st, &st->from, "from", jid, IMP_STANZA_BAD_FROM);
}

void imp_stanza_set_to(imp_stanza *st, const imp_jid *jid) { set_address(st, &st->to, "to", jid, IMP_STANZA_BAD_TO); }

void imp_stanza_default_lang(imp_stanza *st, const char *lang) {
  size_t len = strlen(lang);
  const char *copy;
  imp_attr *attr;
  if (imp_elem_find_attr(&st->root, "lang", imp_ns_xml) != NULL) {
    return;
  }
  st->head = NULL;
  copy = imp_arena_strndup(&st->arena, lang, len);
  attr = copy != NULL ? imp_elem_put_attr(st, &st->root, "lang", imp_ns_xml, copy, len) : NULL;
  if (attr == NULL) {
    st->flags |= IMP_STANZA_BROKEN;
  }
}

void imp_stanza_set_id(imp_stanza *st, const char *id) {
  st->head = NULL;
  if (id == NULL) {
    remove_attr(&st->root, "id");
    st->id = NULL;
  } else {
    imp_elem_set_attr(st, &st->root, "id", id);
    st->id = imp_elem_attr(&st->root, "id");
  }
}

void imp_stanza_set_type(imp_stanza *st, imp_stanza_type type) {
  st->head = NULL;
  if (type == IMP_TYPE_NONE) {
    remove_attr(&st->root, "type");
    st->type = IMP_TYPE_NONE;
    return;
  }
  for (size_t i = 0; i < IMP_ARRAY_LEN(types); ++i) {
    if (types[i].type == type) {
      imp_elem_set_attr(st, &st->root, "type", types[i].name);
      st->type = (uint8_t)type;
      return;
    }
  }
}

static const struct {
  const char *name; /* NULL: any */
  const char *ns;
  uint32_t trait;
} trait_table[] = {
    {"body", IMP_NS_CLIENT, IMP_TRAIT_BODY},
    {"subject", IMP_NS_CLIENT, IMP_TRAIT_SUBJECT},
    {NULL, IMP_NS_CHATSTATES, IMP_TRAIT_CHATSTATE},
    {NULL, IMP_NS_RECEIPTS, IMP_TRAIT_RECEIPT},
    {NULL, IMP_NS_MARKERS, IMP_TRAIT_MARKER},
    {"delay", IMP_NS_DELAY, IMP_TRAIT_DELAY},
    {"stanza-id", IMP_NS_SID, IMP_TRAIT_STANZA_ID},
    {"sent", IMP_NS_CARBONS, IMP_TRAIT_CARBON},
    {"received", IMP_NS_CARBONS, IMP_TRAIT_CARBON},
    {"private", IMP_NS_CARBONS, IMP_TRAIT_CARBON_PRIVATE},
    {"no-store", IMP_NS_HINTS, IMP_TRAIT_HINT_NO_STORE},
    {"no-permanent-store", IMP_NS_HINTS, IMP_TRAIT_HINT_NO_PERM},
    {"no-copy", IMP_NS_HINTS, IMP_TRAIT_HINT_NO_COPY},
    {"store", IMP_NS_HINTS, IMP_TRAIT_HINT_STORE},
    {"x", IMP_NS_MUC_USER, IMP_TRAIT_MUC_USER},
    {"result", IMP_NS_MAM, IMP_TRAIT_MAM_RESULT},
    {"thread", IMP_NS_CLIENT, 0},
    {"origin-id", IMP_NS_SID, 0},
};

static uint32_t trait_of(const imp_elem *child) {
  for (size_t i = 0; i < IMP_ARRAY_LEN(trait_table); ++i) {
    if ((trait_table[i].name == NULL || imp_str_is(child->name, trait_table[i].name)) &&
        imp_str_is(child->ns, trait_table[i].ns)) {
      return trait_table[i].trait;
    }
  }
  return IMP_TRAIT_OTHER;
}

uint32_t imp_stanza_traits(const imp_stanza *st) {
  if (!(st->flags & IMP_STANZA_TRAITS)) {
    imp_stanza *cached = (imp_stanza *)(uintptr_t)st;
    cached->traits = 0;
    for (const imp_elem *child = st->root.first; child != NULL; child = child->next) {
      cached->traits |= trait_of(child);
    }
    cached->flags |= IMP_STANZA_TRAITS;
  }
  return st->traits;
}
