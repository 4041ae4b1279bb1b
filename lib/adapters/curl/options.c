#include <stdio.h>
#include <string.h>

#include <imp/sys/mem.h>

#include "adapters/curl/internal.h"

typedef struct number {
  const char *name;
  size_t offset;
  uint32_t usual, min, max;
} number;

#define NUMBER(name, usual, min, max) {#name, offsetof(imp_curl_options, name), usual, min, max}

static const number numbers[] = {
    NUMBER(max_requests, 64, 1, 10000),         NUMBER(max_per_origin, 32, 1, 10000),
    NUMBER(max_idle, 8, 1, 1000),               NUMBER(keep, 60000, 100, 3600000),
    NUMBER(connect_timeout, 30000, 100, 600000),
};

static const size_t strings[] = {
    offsetof(imp_curl_options, ca_file),        offsetof(imp_curl_options, proxy),
    offsetof(imp_curl_options, no_proxy),       offsetof(imp_curl_options, proxy_username),
    offsetof(imp_curl_options, proxy_secret),   offsetof(imp_curl_options, user_agent),
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char **string_at(imp_curl_options *options, size_t i) {
  return (const char **)(void *)((char *)options + strings[i]);
}

static int fail(char *text, size_t textlen, int error, const char *what) {
  if (text != NULL && textlen > 0) {
    snprintf(text, textlen, "%s", what);
  }
  return error;
}

static int check_numbers(imp_curl_options *options, char *text, size_t textlen) {
  char what[96];
  for (size_t i = 0; i < COUNT(numbers); i++) {
    const number *n = &numbers[i];
    uint32_t *value = (uint32_t *)(void *)((char *)options + n->offset);
    *value = *value == 0 ? n->usual : *value;
    if (*value < n->min || *value > n->max) {
      snprintf(what, sizeof what, "%s is %u, not within %u and %u", n->name, (unsigned)*value, (unsigned)n->min,
               (unsigned)n->max);
      return fail(text, textlen, IMP_ERR_RANGE, what);
    }
  }
  return IMP_OK;
}

static int copy_strings(imp_curl_options *to, const imp_curl_options *from) {
  for (size_t i = 0; i < COUNT(strings); i++) {
    *string_at(to, i) = NULL;
  }
  for (size_t i = 0; i < COUNT(strings); i++) {
    const char *s = *(const char *const *)(const void *)((const char *)from + strings[i]);
    if (s != NULL) {
      size_t len = strlen(s) + 1;
      char *copy = imp_malloc(len);
      if (copy == NULL) {
        return IMP_ERR_NOMEM;
      }
      *string_at(to, i) = memcpy(copy, s, len);
    }
  }
  return IMP_OK;
}

static int check_proxy(const imp_curl_options *options, char *text, size_t textlen) {
  if (options->proxy != NULL && !imp_curl_proxy_ok(options->proxy)) {
    return fail(text, textlen, IMP_ERR_INVALID_ARGUMENT, "proxy is not http, https, socks5 or socks5h, or names a user");
  }
  if (options->proxy_auth > IMP_HTTP_AUTH_NEGOTIATE) {
    return fail(text, textlen, IMP_ERR_INVALID_ARGUMENT, "proxy_auth is none that proxies have");
  }
  return IMP_OK;
}

int imp_curl_options_read(imp_curl_options *to, const imp_curl_options *from, char *text, size_t textlen) {
  imp_curl_options all = {.size = sizeof all};
  if (from != NULL) {
    memcpy(&all, from, from->size < sizeof all ? from->size : sizeof all);
  }
  *to = all;
  int rv = copy_strings(to, &all);
  if (rv == IMP_OK) {
    rv = check_numbers(to, text, textlen);
  }
  if (rv == IMP_OK) {
    rv = check_proxy(to, text, textlen);
  }
  if (rv == IMP_ERR_NOMEM) {
    fail(text, textlen, rv, "out of memory");
  }
  if (rv != IMP_OK) {
    imp_curl_options_reset(to);
  }
  return rv;
}

void imp_curl_options_reset(imp_curl_options *options) {
  for (size_t i = 0; i < COUNT(strings); i++) {
    char *s = (char *)(uintptr_t)*string_at(options, i);
    if (s != NULL) {
      explicit_bzero(s, strlen(s)); /* one of them is a password */
      imp_free(s);
    }
    *string_at(options, i) = NULL;
  }
}
