#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <imp/sys/mem.h>

#include "adapters/curl/internal.h"

static int begins(const char *s, const char *with) { return strncasecmp(s, with, strlen(with)) == 0; }

int imp_curl_proxy_ok(const char *proxy) {
  const char *rest = strstr(proxy, "://");
  return rest != NULL && rest[3] != '\0' && strpbrk(rest, "@ \t\r\n") == NULL &&
         (begins(proxy, "http://") || begins(proxy, "https://") || begins(proxy, "socks5://") ||
          begins(proxy, "socks5h://"));
}

static char *join(const char *format, const char *a, const char *b, const char *c, const char *d)
    __attribute__((format(printf, 1, 0)));

static char *join(const char *format, const char *a, const char *b, const char *c, const char *d) {
  size_t size = strlen(format) + strlen(a) + strlen(b) + strlen(c) + strlen(d) + 1;
  char *text = imp_malloc(size);
  if (text != NULL) {
    snprintf(text, size, format, a, b, c, d);
  }
  return text;
}

/* The parts of a URL that name a server and what is wanted there. */
typedef struct parts {
  char *scheme, *host, *port, *path;
} parts;

static void free_parts(parts *p) {
  curl_free(p->scheme);
  curl_free(p->host);
  curl_free(p->port);
  curl_free(p->path);
}

static int split(CURLU *handle, const char *url, parts *p) {
  CURLUcode code = curl_url_set(handle, CURLUPART_URL, url, CURLU_DISALLOW_USER | CURLU_PATH_AS_IS);
  if (code == CURLUE_OK) {
    code = curl_url_get(handle, CURLUPART_SCHEME, &p->scheme, 0);
  }
  if (code == CURLUE_OK) {
    code = curl_url_get(handle, CURLUPART_HOST, &p->host, 0);
  }
  if (code == CURLUE_OK) {
    code = curl_url_get(handle, CURLUPART_PORT, &p->port, CURLU_DEFAULT_PORT);
  }
  if (code == CURLUE_OK) {
    code = curl_url_get(handle, CURLUPART_PATH, &p->path, 0);
  }
  if (code == CURLUE_OUT_OF_MEMORY) {
    return IMP_ERR_NOMEM;
  }
  int known = code == CURLUE_OK && (strcmp(p->scheme, "http") == 0 || strcmp(p->scheme, "https") == 0);
  return known ? IMP_OK : IMP_ERR_INVALID_ARGUMENT;
}

int imp_curl_parse_url(imp_curl_transfer *t, const imp_http_request *request, char **origin) {
  parts p = {NULL, NULL, NULL, NULL};
  CURLU *handle = curl_url();
  if (handle == NULL) {
    return IMP_ERR_NOMEM;
  }
  int rv = split(handle, request->url, &p);
  if (rv == IMP_OK) {
    *origin = join("%s://%s:%s%s", p.scheme, p.host, p.port, "");
    t->label = *origin != NULL ? join("%s %s%s%s", request->method, *origin, p.path, "") : NULL;
    rv = t->label != NULL ? IMP_OK : IMP_ERR_NOMEM;
  } else if (rv == IMP_ERR_INVALID_ARGUMENT) {
    t->why = "the URL is none that can be used";
  }
  free_parts(&p);
  curl_url_cleanup(handle);
  return rv;
}
