#include "core/codec.h"
#include "core/mem.h"
#include "xml/stanza.h"

/* The table's pointer, or a copy in the arena. */
static const char *keep_name(imp_stanza *st, const char *s, size_t len) {
  const char *known = imp_xml_intern(s, len);
  return known != NULL ? known : imp_arena_strndup(&st->arena, s, len);
}

imp_elem *imp_elem_new(imp_stanza *st, const char *name, size_t namelen, const char *ns, size_t nslen) {
  imp_elem *elem = imp_arena_alloc(&st->arena, sizeof *elem);
  if (elem == NULL || namelen > UINT16_MAX || nslen > UINT16_MAX) {
    return NULL;
  }
  memset(elem, 0, sizeof *elem);
  elem->name = keep_name(st, name, namelen);
  elem->ns = keep_name(st, ns, nslen);
  elem->namelen = (uint16_t)namelen;
  elem->nslen = (uint16_t)nslen;
  elem->text = imp_ns_none;
  return elem->name != NULL && elem->ns != NULL ? elem : NULL;
}

int imp_elem_copy_name(imp_stanza *st, imp_elem *elem, const imp_elem *source) {
  elem->name = keep_name(st, source->name, source->namelen);
  elem->ns = keep_name(st, source->ns, source->nslen);
  elem->namelen = source->namelen;
  elem->nslen = source->nslen;
  return elem->name != NULL && elem->ns != NULL ? IMP_OK : IMP_ERR_NOMEM;
}

void imp_elem_link(imp_elem *parent, imp_elem *child) {
  if (parent->last != NULL) {
    parent->last->next = child;
  } else {
    parent->first = child;
  }
  parent->last = child;
}

/* old + more, NUL-ended; in place if the old text is the last thing in the arena. */
static const char *join(imp_stanza *st, const char *old, size_t oldlen, const char *more, size_t len) {
  imp_arena *arena = &st->arena;
  if (oldlen > 0 && (const uint8_t *)old + oldlen + 1 == arena->next && (size_t)(arena->end - arena->next) >= len) {
    char *end = (char *)arena->next - 1;
    memcpy(end, more, len);
    end[len] = '\0';
    arena->next += len;
    return old;
  }
  char *text = imp_arena_bytes(arena, oldlen + len + 1);
  if (text != NULL) {
    if (oldlen > 0) {
      memcpy(text, old, oldlen);
    }
    memcpy(text + oldlen, more, len);
    text[oldlen + len] = '\0';
  }
  return text;
}

int imp_elem_put_piece(imp_stanza *st, imp_elem *elem, const char *text, size_t len) {
  imp_elem *last = elem->last;
  const char *joined;
  if (len == 0) {
    return IMP_OK;
  }
  if (len > UINT32_MAX - (last != NULL ? last->taillen : elem->leadlen)) {
    return IMP_ERR_NOMEM;
  }
  joined =
      last != NULL ? join(st, last->tail, last->taillen, text, len) : join(st, elem->text, elem->leadlen, text, len);
  if (joined == NULL) {
    return IMP_ERR_NOMEM;
  }
  if (last != NULL) {
    last->tail = joined;
    last->taillen += (uint32_t)len;
  } else {
    elem->text = joined;
    elem->leadlen += (uint32_t)len;
    elem->textlen = elem->leadlen;
  }
  return IMP_OK;
}

int imp_elem_gather(imp_stanza *st, imp_elem *elem) {
  size_t len = elem->leadlen;
  for (const imp_elem *child = elem->first; child != NULL; child = child->next) {
    len += child->taillen;
  }
  if (len == elem->leadlen) {
    return IMP_OK;
  }
  char *all = len < UINT32_MAX ? imp_arena_bytes(&st->arena, len + 1) : NULL;
  if (all == NULL) {
    return IMP_ERR_NOMEM;
  }
  memcpy(all, elem->text, elem->leadlen);
  char *p = all + elem->leadlen;
  for (const imp_elem *child = elem->first; child != NULL; child = child->next) {
    if (child->taillen > 0) {
      memcpy(p, child->tail, child->taillen);
      p += child->taillen;
    }
  }
  *p = '\0';
  elem->text = all;
  elem->textlen = (uint32_t)len;
  return IMP_OK;
}

imp_attr *imp_elem_put_attr(imp_stanza *st, imp_elem *elem, const char *name, const char *ns, const char *value,
                            size_t valuelen) {
  imp_attr *attr = imp_arena_alloc(&st->arena, sizeof *attr), **at = &elem->attrs;
  if (attr == NULL) {
    return NULL;
  }
  attr->next = NULL;
  attr->name = name;
  attr->ns = ns;
  attr->value = value;
  attr->namelen = (uint16_t)strlen(name);
  attr->plain = 0;
  attr->valuelen = (uint32_t)valuelen;
  while (*at != NULL) {
    at = &(*at)->next;
  }
  *at = attr;
  return attr;
}

/* ---- for hosts ---- */

static size_t char_len(const char *s, size_t len) {
  unsigned char c = (unsigned char)s[0];
  size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
  if (n == 1) {
    return c >= 0x20 || c == '\t' || c == '\n' || c == '\r';
  }
  if (n > len || !imp_utf8_valid(s, n)) {
    return 0;
  }
  /* U+FFFE and U+FFFF are no characters of XML */
  return n == 3 && c == 0xef && (unsigned char)s[1] == 0xbf && (unsigned char)s[2] >= 0xbe ? 0 : n;
}

/* A copy in which each byte that no XML document may hold became U+FFFD: the host's text shall not end a peer's
   stream. */
static char *clean_copy(imp_stanza *st, const char *s, size_t len, size_t *outlen) {
  size_t size = 0;
  for (size_t i = 0, n; i < len; i += n != 0 ? n : 1) {
    n = char_len(s + i, len - i);
    size += n > 0 ? n : 3;
  }
  char *copy = size < UINT32_MAX ? imp_arena_bytes(&st->arena, size + 1) : NULL;
  if (copy == NULL) {
    return NULL;
  }
  char *p = copy;
  for (size_t i = 0, n; i < len; i += n != 0 ? n : 1) {
    n = char_len(s + i, len - i);
    memcpy(p, n > 0 ? s + i : "\xef\xbf\xbd", n > 0 ? n : 3);
    p += n > 0 ? n : 3;
  }
  *p = '\0';
  *outlen = size;
  return copy;
}

static int is_clean(const char *s, size_t len) {
  for (size_t i = 0, n; i < len; i += n) {
    n = char_len(s + i, len - i);
    if (n == 0) {
      return 0;
    }
  }
  return 1;
}

static void broken(imp_stanza *st) { st->flags |= IMP_STANZA_BROKEN; }

imp_elem *imp_elem_add(imp_stanza *st, imp_elem *parent, const char *name, const char *ns) {
  if (parent == NULL) {
    return NULL;
  }
  imp_elem *elem =
      imp_elem_new(st, name, strlen(name), ns != NULL ? ns : parent->ns, ns != NULL ? strlen(ns) : parent->nslen);
  imp_stanza_changed(st);
  if (elem == NULL) {
    broken(st);
    return NULL;
  }
  imp_elem_link(parent, elem);
  return elem;
}

imp_elem *imp_elem_add_text(imp_stanza *st, imp_elem *parent, const char *name, const char *ns, const char *text) {
  imp_elem *elem = imp_elem_add(st, parent, name, ns);
  imp_elem_append_text(st, elem, text, strlen(text));
  return elem;
}

void imp_elem_append_text(imp_stanza *st, imp_elem *elem, const char *text, size_t textlen) {
  if (elem == NULL) {
    return;
  }
  imp_stanza_changed(st);
  if (!is_clean(text, textlen)) {
    text = clean_copy(st, text, textlen, &textlen);
  }
  if (text == NULL || imp_elem_put_piece(st, elem, text, textlen) != IMP_OK || imp_elem_gather(st, elem) != IMP_OK) {
    broken(st);
  }
}

void imp_elem_set_attr(imp_stanza *st, imp_elem *elem, const char *name, const char *value) {
  if (elem == NULL) {
    return;
  }
  size_t len = strlen(value);
  char *copy = clean_copy(st, value, len, &len);
  const char *kept = keep_name(st, name, strlen(name));
  imp_attr *attr = imp_elem_find_attr(elem, name, imp_ns_none);
  if (elem == &st->root) {
    st->head = NULL;
  } else {
    imp_stanza_changed(st);
  }
  if (copy == NULL || kept == NULL) {
    broken(st);
  } else if (attr != NULL) {
    attr->value = copy;
    attr->valuelen = (uint32_t)len;
    attr->plain = 0;
  } else if (imp_elem_put_attr(st, elem, kept, imp_ns_none, copy, len) == NULL) {
    broken(st);
  }
}

int imp_elem_copy_attr(imp_stanza *st, imp_elem *elem, const imp_attr *source) {
  const char *name = keep_name(st, source->name, source->namelen);
  const char *ns = keep_name(st, source->ns, strlen(source->ns));
  const char *value = imp_arena_strndup(&st->arena, source->value, source->valuelen);
  return name != NULL && ns != NULL && value != NULL &&
                 imp_elem_put_attr(st, elem, name, ns, value, source->valuelen) != NULL
             ? IMP_OK
             : IMP_ERR_NOMEM;
}

static int copy_attrs(imp_stanza *st, imp_elem *elem, const imp_elem *source) {
  for (const imp_attr *attr = source->attrs; attr != NULL; attr = attr->next) {
    if (imp_elem_copy_attr(st, elem, attr) != IMP_OK) {
      return IMP_ERR_NOMEM;
    }
  }
  return IMP_OK;
}

static imp_elem *copy_tree(imp_stanza *st, const imp_elem *source, unsigned level) {
  imp_elem *elem = level < IMP_XML_DEPTH_MAX
                       ? imp_elem_new(st, source->name, source->namelen, source->ns, source->nslen)
                       : NULL;
  if (elem == NULL || copy_attrs(st, elem, source) != IMP_OK ||
      imp_elem_put_piece(st, elem, source->text, source->leadlen) != IMP_OK) {
    return NULL;
  }
  for (const imp_elem *child = source->first; child != NULL; child = child->next) {
    imp_elem *copy = copy_tree(st, child, level + 1);
    if (copy == NULL) {
      return NULL;
    }
    imp_elem_link(elem, copy);
    if (imp_elem_put_piece(st, elem, child->tail, child->taillen) != IMP_OK) {
      return NULL;
    }
  }
  return imp_elem_gather(st, elem) == IMP_OK ? elem : NULL;
}

imp_elem *imp_elem_add_copy(imp_stanza *st, imp_elem *parent, const imp_elem *source) {
  if (parent == NULL) {
    return NULL;
  }
  imp_elem *elem = copy_tree(st, source, 1);
  imp_stanza_changed(st);
  if (elem == NULL) {
    broken(st);
    return NULL;
  }
  imp_elem_link(parent, elem);
  return elem;
}

void imp_elem_remove(imp_stanza *st, imp_elem *parent, imp_elem *child) {
  imp_elem *before = NULL, **at = &parent->first;
  while (*at != child) {
    before = *at;
    at = &before->next;
  }
  imp_stanza_changed(st);
  *at = child->next;
  if (parent->last == child) {
    parent->last = before;
  }
  if (child->taillen == 0) {
    return;
  }
  /* Its tail joins what stands before it; the parent's text as a whole stays the same. */
  const char *joined = before != NULL ? join(st, before->tail, before->taillen, child->tail, child->taillen) : NULL;
  if (before == NULL) {
    parent->leadlen += child->taillen;
  } else if (joined == NULL) {
    broken(st);
  } else {
    before->tail = joined;
    before->taillen += child->taillen;
  }
}
