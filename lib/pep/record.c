/*
 * A node as a row of the store: what it is and which items it has, so that reading an account reads no payloads.
 *
 * Version, the configuration's bytes, max_items, groups, members, number, then id, number and bytes of each item.
 * Numbers are big-endian; strings have a 32-bit length in front.
 */
#include <string.h>

#include "core/codec.h"
#include "pep/internal.h"

#define VERSION 1

static int put32(imp_buf *out, uint32_t v) {
  uint8_t b[4];
  imp_put_be32(b, v);
  return imp_buf_append(out, b, sizeof(b));
}

static int put64(imp_buf *out, uint64_t v) {
  uint8_t b[8];
  imp_put_be64(b, v);
  return imp_buf_append(out, b, sizeof(b));
}

static int put_bytes(imp_buf *out, const void *bytes, uint32_t len) {
  int rv = put32(out, len);
  return rv < 0 || len == 0 ? rv : imp_buf_append(out, bytes, len);
}

int imp_pep_record_write(const imp_pep_node *n, imp_buf *out) {
  const imp_pep_config *c = &n->config;
  uint8_t head[] = {VERSION, c->access, c->persist, c->last, c->notify_retract, c->payloads};
  uint32_t i;
  int rv = imp_buf_append(out, head, sizeof(head));
  rv = rv < 0 ? rv : put32(out, c->max_items);
  rv = rv < 0 ? rv : put_bytes(out, c->groups.text, c->groups.len);
  rv = rv < 0 ? rv : put_bytes(out, n->members.text, n->members.len);
  rv = rv < 0 ? rv : put64(out, n->number);
  rv = rv < 0 ? rv : put32(out, n->nitems);
  for (i = 0; i < n->nitems && rv == IMP_OK; i++) {
    rv = put_bytes(out, n->items[i].id, (uint32_t)strlen(n->items[i].id));
    rv = rv < 0 ? rv : put64(out, n->items[i].number);
    rv = rv < 0 ? rv : put32(out, n->items[i].bytes);
  }
  return rv;
}

typedef struct reader {
  const uint8_t *p, *end;
  int bad;
} reader;

static const uint8_t *take(reader *r, size_t len) {
  const uint8_t *at = r->p;
  if (r->bad || len > (size_t)(r->end - r->p)) {
    r->bad = 1;
    return NULL;
  }
  r->p += len;
  return at;
}

static uint32_t get32(reader *r) {
  const uint8_t *b = take(r, 4);
  return b ? imp_get_be32(b) : 0;
}

static uint64_t get64(reader *r) {
  const uint8_t *b = take(r, 8);
  return b ? imp_get_be64(b) : 0;
}

static int get_words(reader *r, imp_words *words) {
  uint32_t len = get32(r);
  const uint8_t *b = take(r, len);
  imp_words found = {(char *)(uintptr_t)b, len};
  if (b == NULL || len == 0) {
    return IMP_OK;
  }
  if (len > IMP_WORDS_MAX || b[len - 1] != '\0') {
    r->bad = 1;
    return IMP_OK;
  }
  return imp_words_copy(words, &found);
}

static int get_items(reader *r, imp_pep_account *a, imp_pep_node *n) {
  uint32_t count = get32(r), i;
  int rv = IMP_OK;
  for (i = 0; i < count && rv == IMP_OK && !r->bad; i++) {
    uint32_t idlen = get32(r);
    const char *id = (const char *)take(r, idlen);
    uint64_t number = get64(r);
    uint32_t bytes = get32(r);
    if (!r->bad) {
      rv = imp_pep_node_add_item(a, n, id, idlen, number, bytes);
    }
  }
  return rv;
}

int imp_pep_record_read(imp_pep_account *a, const char *name, size_t namelen, const void *value, size_t len) {
  reader r = {value, (const uint8_t *)value + len, 0};
  const uint8_t *head = take(&r, 6);
  char text[IMP_PEP_NAME_MAX + 1];
  imp_pep_config config = {0};
  imp_pep_node *n;
  int rv;
  if (head == NULL || head[0] != VERSION || namelen > IMP_PEP_NAME_MAX) {
    return IMP_ERR_CORRUPT;
  }
  memcpy(text, name, namelen);
  text[namelen] = '\0';
  config.access = head[1];
  config.persist = head[2];
  config.last = head[3];
  config.notify_retract = head[4];
  config.payloads = head[5];
  config.max_items = get32(&r);
  rv = imp_pep_node_new(&n, a, text, &config);
  if (rv < 0) {
    return rv;
  }
  rv = get_words(&r, &n->config.groups);
  rv = rv < 0 ? rv : get_words(&r, &n->members);
  n->number = get64(&r);
  rv = rv < 0 ? rv : get_items(&r, a, n);
  if (rv == IMP_OK && r.bad) {
    rv = IMP_ERR_CORRUPT;
  }
  if (rv < 0) {
    imp_pep_node_free(a, n);
  }
  return rv;
}
