/* A stanza in as little memory as it needs: presence stays as long as its session. */
#include "core/mem.h"
#include "xml/stanza.h"
#include "xml/writer.h"

static int is_address(const imp_stanza *st, const imp_attr *attr) {
  return attr->ns == imp_ns_none &&
         ((st->to != NULL && imp_str_is(attr->name, "to")) || (st->from != NULL && imp_str_is(attr->name, "from")));
}

static int copy_root_attrs(imp_stanza *copy, const imp_stanza *st) {
  for (const imp_attr *attr = st->root.attrs; attr != NULL; attr = attr->next) {
    if (!is_address(st, attr) && imp_elem_copy_attr(copy, &copy->root, attr) != IMP_OK) {
      return IMP_ERR_NOMEM;
    }
  }
  return IMP_OK;
}

static int copy_content(imp_stanza *copy, const imp_elem *root) {
  int rc = imp_elem_put_piece(copy, &copy->root, root->text, root->leadlen);
  for (const imp_elem *child = root->first; child != NULL && rc == IMP_OK; child = child->next) {
    if (imp_elem_add_copy(copy, &copy->root, child) == NULL) {
      return IMP_ERR_NOMEM;
    }
    rc = imp_elem_put_piece(copy, &copy->root, child->tail, child->taillen);
  }
  return rc == IMP_OK ? imp_elem_gather(copy, &copy->root) : rc;
}

/* Into a stanza with a block of this size; NULL when out of memory. */
static imp_stanza *copy_into(const imp_stanza *st, size_t block) {
  imp_stanza *copy = imp_stanza_alloc_sized(block);
  size_t taillen;
  if (copy == NULL) {
    return NULL;
  }
  copy->flags = st->flags & (uint16_t)~IMP_STANZA_TRAITS;
  copy->wirelen = st->wirelen;
  if (imp_elem_copy_name(copy, &copy->root, &st->root) == IMP_OK && copy_root_attrs(copy, st) == IMP_OK &&
      copy_content(copy, &st->root) == IMP_OK) {
    imp_stanza_set_from(copy, st->from);
    imp_stanza_set_to(copy, st->to);
    copy->flags |= st->flags & (IMP_STANZA_BAD_TO | IMP_STANZA_BAD_FROM);
    imp_stanza_classify(copy);
    if (imp_stanza_tail(copy, &taillen) != NULL) { /* it will be asked for */
      return copy;
    }
  }
  imp_stanza_del(copy);
  return NULL;
}

imp_stanza *imp_stanza_keep(imp_stanza *st) {
  imp_stanza *scratch = copy_into(st, IMP_STANZA_BLOCK), *kept = NULL;
  if (scratch != NULL && scratch->arena.blocks == NULL) {
    kept = copy_into(st, (size_t)(scratch->arena.next - (uint8_t *)scratch));
  }
  imp_stanza_del(scratch);
  return kept != NULL ? kept : imp_stanza_ref(st);
}
