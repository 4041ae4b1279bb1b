#include "xml/elem.h"

const char *imp_elem_name(const imp_elem *elem) { return elem->name; }

const char *imp_elem_ns(const imp_elem *elem) { return elem->ns; }

int imp_elem_is(const imp_elem *elem, const char *name, const char *ns) { return imp_elem_match(elem, name, ns); }

imp_attr *imp_elem_find_attr(const imp_elem *elem, const char *name, const char *ns) {
  for (imp_attr *attr = elem->attrs; attr != NULL; attr = attr->next) {
    if (imp_str_is(attr->name, name) && imp_str_is(attr->ns, ns)) {
      return attr;
    }
  }
  return NULL;
}

const char *imp_elem_attr(const imp_elem *elem, const char *name) {
  const imp_attr *attr = imp_elem_find_attr(elem, name, imp_ns_none);
  return attr != NULL ? attr->value : NULL;
}

const char *imp_elem_attr_ns(const imp_elem *elem, const char *name, const char *ns) {
  const imp_attr *attr = imp_elem_find_attr(elem, name, ns);
  return attr != NULL ? attr->value : NULL;
}

const char *imp_elem_text(const imp_elem *elem, size_t *len) {
  if (len != NULL) {
    *len = elem->textlen;
  }
  return elem->text;
}

const imp_elem *imp_elem_first(const imp_elem *elem) { return elem->first; }

const imp_elem *imp_elem_next(const imp_elem *elem) { return elem->next; }

const imp_elem *imp_elem_child(const imp_elem *elem, const char *name, const char *ns) {
  for (const imp_elem *child = elem->first; child != NULL; child = child->next) {
    if ((name == NULL || imp_str_is(child->name, name)) && (ns == NULL || imp_str_is(child->ns, ns))) {
      return child;
    }
  }
  return NULL;
}
