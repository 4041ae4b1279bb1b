#include "xml/jid.h"

#include <string.h>

#include "core/mem.h"

typedef struct parts {
  char local[IMP_JID_PART_MAX + 1], domain[IMP_JID_PART_MAX + 1], resource[IMP_JID_PART_MAX + 1];
  size_t locallen, domainlen, resourcelen;
} parts;

static char *put(char *p, const char *s, size_t len) {
  memcpy(p, s, len);
  return p + len;
}

/* Needs no escape in XML. The other parts cannot hold what does. */
static int is_plain(const char *resource, size_t len) {
  for (size_t i = 0; i < len; ++i) {
    if (strchr("&<>'\"", resource[i]) != NULL) {
      return 0;
    }
  }
  return 1;
}

/* Parts that are prepared; lengths 0 where absent. */
static int assemble(imp_jid **out, const char *local, size_t locallen, const char *domain, size_t domainlen,
                    const char *resource, size_t resourcelen) {
  size_t barelen = domainlen + (locallen > 0 ? locallen + 1 : 0);
  size_t fulllen = barelen + (resourcelen > 0 ? resourcelen + 1 : 0);
  size_t size = fulllen + 1 + (resourcelen > 0 ? barelen + 1 : 0) + (locallen > 0 ? locallen + 1 : 0);
  imp_jid *jid = imp_malloc(sizeof *jid + size);
  if (jid == NULL) {
    return IMP_ERR_NOMEM;
  }
  jid->refs = 1;
  jid->fulllen = (uint16_t)fulllen;
  jid->barelen = (uint16_t)barelen;
  jid->locallen = (uint16_t)locallen;
  jid->domainlen = (uint16_t)domainlen;
  jid->resourcelen = (uint16_t)resourcelen;
  jid->plain = (uint8_t)is_plain(resource, resourcelen);
  jid->bareoff = resourcelen > 0 ? (uint16_t)(fulllen + 1) : 0;
  char *p = jid->text;
  if (locallen > 0) {
    p = put(put(p, local, locallen), "@", 1);
  }
  p = put(p, domain, domainlen);
  if (resourcelen > 0) {
    p = put(put(p, "/", 1), resource, resourcelen);
  }
  *p++ = '\0';
  if (resourcelen > 0) {
    p = put(p, jid->text, barelen);
    *p++ = '\0';
  }
  jid->localoff = (uint16_t)(p - jid->text);
  if (locallen > 0) {
    p = put(p, local, locallen);
    *p = '\0';
  } else {
    jid->localoff = jid->fulllen; /* the NUL there */
  }
  *out = jid;
  return IMP_OK;
}

static int prepare(imp_jid **jid, const char *local, size_t locallen, const char *domain, size_t domainlen,
                   const char *resource, size_t resourcelen) {
  parts p;
  int err;
  p.locallen = p.resourcelen = 0;
  if ((local != NULL && (err = imp_jid_prep_local(p.local, &p.locallen, local, locallen)) != IMP_OK) ||
      (err = imp_jid_prep_domain(p.domain, &p.domainlen, domain, domainlen)) != IMP_OK ||
      (resource != NULL &&
       (err = imp_jid_prep_resource(p.resource, &p.resourcelen, resource, resourcelen)) != IMP_OK)) {
    return err;
  }
  return assemble(jid, p.local, p.locallen, p.domain, p.domainlen, p.resource, p.resourcelen);
}

int imp_jid_new(imp_jid **jid, const char *text, size_t textlen) {
  const char *end = text + textlen, *local = NULL;
  if (textlen > IMP_JID_MAX + 1) { /* + 1: a trailing dot */
    return IMP_ERR_TOO_BIG;
  }
  const char *slash = memchr(text, '/', textlen);
  const char *bare_end = slash != NULL ? slash : end;
  const char *at = memchr(text, '@', (size_t)(bare_end - text));
  const char *domain = text;
  if (at != NULL) {
    local = text;
    domain = at + 1;
  }
  return prepare(jid, local, at != NULL ? (size_t)(at - text) : 0, domain, (size_t)(bare_end - domain),
                 slash != NULL ? slash + 1 : NULL, slash != NULL ? (size_t)(end - slash - 1) : 0);
}

int imp_jid_new_parts(imp_jid **jid, const char *local, const char *domain, const char *resource) {
  local = local != NULL && *local != '\0' ? local : NULL;
  resource = resource != NULL && *resource != '\0' ? resource : NULL;
  return prepare(jid, local, local != NULL ? strlen(local) : 0, domain, strlen(domain), resource,
                 resource != NULL ? strlen(resource) : 0);
}

int imp_jid_new_bare(imp_jid **bare, imp_jid *jid) {
  if (jid->resourcelen == 0) {
    *bare = imp_jid_ref(jid);
    return IMP_OK;
  }
  return assemble(bare, imp_jid_local(jid), jid->locallen, imp_jid_domain(jid), jid->domainlen, NULL, 0);
}

int imp_jid_new_resource(imp_jid **full, const imp_jid *jid, const char *resource) {
  size_t len = strlen(resource);
  if (len == 0 || len > IMP_JID_PART_MAX) {
    return len == 0 ? IMP_ERR_MALFORMED : IMP_ERR_TOO_BIG;
  }
  return assemble(full, imp_jid_local(jid), jid->locallen, imp_jid_domain(jid), jid->domainlen, resource, len);
}

imp_jid *imp_jid_ref(imp_jid *jid) {
  ++jid->refs;
  return jid;
}

void imp_jid_del(imp_jid *jid) {
  if (jid != NULL && --jid->refs == 0) {
    imp_free(jid);
  }
}

const char *imp_jid_full(const imp_jid *jid) { return jid->text; }

const char *imp_jid_bare(const imp_jid *jid) { return jid->text + jid->bareoff; }

const char *imp_jid_local(const imp_jid *jid) { return jid->text + jid->localoff; }

const char *imp_jid_domain(const imp_jid *jid) {
  return jid->text + jid->bareoff + (jid->locallen > 0 ? jid->locallen + 1 : 0);
}

const char *imp_jid_resource(const imp_jid *jid) {
  return jid->text + (jid->resourcelen > 0 ? jid->barelen + 1 : jid->fulllen);
}

int imp_jid_is_bare(const imp_jid *jid) { return jid->resourcelen == 0; }

int imp_jid_equal(const imp_jid *a, const imp_jid *b) {
  return a == b || (a->fulllen == b->fulllen && a->barelen == b->barelen && memcmp(a->text, b->text, a->fulllen) == 0);
}

int imp_jid_equal_bare(const imp_jid *a, const imp_jid *b) {
  return a == b || (a->barelen == b->barelen && memcmp(a->text, b->text, a->barelen) == 0);
}
