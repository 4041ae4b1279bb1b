#include <idn-free.h>
#include <idna.h>
#include <string.h>
#include <stringprep.h>

#include "core/codec.h"
#include "xml/ip6.h"
#include "xml/jid.h"

/* What a byte of plain ASCII may be. Anything else is left to libidn. */
enum { LOCAL = 1, DOMAIN = 2, RESOURCE = 4 };

static unsigned ascii_class(unsigned char c) {
  if (c < 0x20 || c > 0x7e) {
    return 0;
  }
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.') {
    return LOCAL | DOMAIN | RESOURCE;
  }
  return strchr("\"&'/:<>@ ", c) == NULL ? LOCAL | RESOURCE : RESOURCE;
}

static int is_ascii(const char *s, size_t len) {
  unsigned char all = 0;
  for (size_t i = 0; i < len; ++i) {
    all |= (unsigned char)s[i];
  }
  return all < 0x80;
}

static int copy_ascii(char *out, size_t *outlen, const char *s, size_t len, unsigned class) {
  if (len > IMP_JID_PART_MAX) {
    return IMP_ERR_TOO_BIG;
  }
  for (size_t i = 0; i < len; ++i) {
    if (!(ascii_class((unsigned char)s[i]) & class)) {
      return IMP_ERR_MALFORMED;
    }
    out[i] = class != RESOURCE && s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] + ('a' - 'A')) : s[i];
  }
  out[len] = '\0';
  *outlen = len;
  return len > 0 ? IMP_OK : IMP_ERR_MALFORMED;
}

/* A profile applied until nothing changes: folding can uncover what normalisation composes, and the other way round. */
static int stringprep_part(char *out, size_t *outlen, const char *s, size_t len, const Stringprep_profile *profile) {
  /* Longer input can shrink to a part that fits, but nobody means it. */
  char work[3 * IMP_JID_PART_MAX + 1], before[3 * IMP_JID_PART_MAX + 1];
  if (len > IMP_JID_PART_MAX) {
    return IMP_ERR_TOO_BIG;
  }
  if (memchr(s, '\0', len) != NULL || !imp_utf8_valid(s, len)) {
    return IMP_ERR_MALFORMED;
  }
  memcpy(work, s, len);
  work[len] = '\0';
  for (int round = 0; round < 4; ++round) {
    memcpy(before, work, strlen(work) + 1);
    int rc = stringprep(work, sizeof work, 0, profile);
    if (rc != STRINGPREP_OK) {
      return rc == STRINGPREP_MALLOC_ERROR       ? IMP_ERR_NOMEM
             : rc == STRINGPREP_TOO_SMALL_BUFFER ? IMP_ERR_TOO_BIG
                                                 : IMP_ERR_MALFORMED;
    }
    if (strcmp(before, work) == 0) {
      break;
    }
  }
  *outlen = strlen(work);
  if (*outlen > IMP_JID_PART_MAX) {
    return IMP_ERR_TOO_BIG;
  }
  memcpy(out, work, *outlen + 1);
  return *outlen > 0 && strcmp(before, work) == 0 ? IMP_OK : IMP_ERR_MALFORMED;
}

int imp_jid_prep_local(char *out, size_t *outlen, const char *s, size_t len) {
  return is_ascii(s, len) ? copy_ascii(out, outlen, s, len, LOCAL)
                          : stringprep_part(out, outlen, s, len, stringprep_xmpp_nodeprep);
}

int imp_jid_prep_resource(char *out, size_t *outlen, const char *s, size_t len) {
  return is_ascii(s, len) ? copy_ascii(out, outlen, s, len, RESOURCE)
                          : stringprep_part(out, outlen, s, len, stringprep_xmpp_resourceprep);
}

static int prep_ip6(char *out, size_t *outlen, const char *s, size_t len) {
  uint8_t addr[16];
  if (s[len - 1] != ']' || imp_ip6_parse(addr, s + 1, len - 2) != IMP_OK) {
    return IMP_ERR_MALFORMED;
  }
  out[0] = '[';
  *outlen = imp_ip6_format(out + 1, addr) + 2;
  memcpy(out + *outlen - 1, "]", 2);
  return IMP_OK;
}

/* Labels of 1 to 63 bytes. *ace: one of them begins with "xn--". */
static int check_labels(const char *s, size_t len, int *ace) {
  const char *end = s + len;
  *ace = 0;
  while (s < end) {
    const char *dot = memchr(s, '.', (size_t)(end - s));
    size_t n = (size_t)((dot != NULL ? dot : end) - s);
    if (n == 0 || n > 63 || (dot != NULL && dot + 1 == end)) {
      return IMP_ERR_MALFORMED;
    }
    *ace |= n > 4 && memcmp(s, "xn--", 4) == 0;
    s += n + (dot != NULL);
  }
  return IMP_OK;
}

static void lower(char *s) {
  for (; *s != '\0'; ++s) {
    *s = *s >= 'A' && *s <= 'Z' ? (char)(*s + ('a' - 'A')) : *s;
  }
}

/* IDNA 2003 (RFC 6122 §2.2): to the ASCII form, which applies nameprep and the rules for labels, and back. */
static int prep_idna(char *out, size_t *outlen, const char *s) {
  char *ascii = NULL, *text = NULL;
  int ace, err = IMP_ERR_MALFORMED;
  int rc = idna_to_ascii_8z(s, &ascii, IDNA_USE_STD3_ASCII_RULES);
  if (rc == IDNA_SUCCESS) {
    lower(ascii); /* labels that were ASCII already are left as they were */
    rc = idna_to_unicode_8z8z(ascii, &text, IDNA_USE_STD3_ASCII_RULES);
  }
  if (rc == IDNA_MALLOC_ERROR) {
    err = IMP_ERR_NOMEM;
  } else if (rc == IDNA_SUCCESS && check_labels(ascii, strlen(ascii), &ace) == IMP_OK) {
    *outlen = strlen(text);
    err = *outlen > IMP_JID_PART_MAX ? IMP_ERR_TOO_BIG : IMP_OK;
    if (err == IMP_OK) {
      memcpy(out, text, *outlen + 1);
    }
  }
  idn_free(ascii); /* libidn's, not ours */
  idn_free(text);
  return err;
}

int imp_jid_prep_domain(char *out, size_t *outlen, const char *s, size_t len) {
  char text[IMP_JID_PART_MAX + 1];
  int ace = 0, err;
  if (len > 1 && s[len - 1] == '.') {
    --len;
  }
  if (len == 0 || len > IMP_JID_PART_MAX) {
    return len == 0 ? IMP_ERR_MALFORMED : IMP_ERR_TOO_BIG;
  }
  if (s[0] == '[') {
    return prep_ip6(out, outlen, s, len);
  }
  if (is_ascii(s, len)) {
    err = copy_ascii(out, outlen, s, len, DOMAIN);
    if (err != IMP_OK || (err = check_labels(out, *outlen, &ace)) != IMP_OK || !ace) {
      return err;
    }
    memcpy(text, out, *outlen + 1);
    return prep_idna(out, outlen, text) == IMP_ERR_NOMEM ? IMP_ERR_NOMEM : IMP_OK;
  }
  if (memchr(s, '\0', len) != NULL || !imp_utf8_valid(s, len)) {
    return IMP_ERR_MALFORMED;
  }
  memcpy(text, s, len);
  text[len] = '\0';
  return prep_idna(out, outlen, text);
}
