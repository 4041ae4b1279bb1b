#include <string.h>
#include <strings.h>

#include <imp/sys/mem.h>

#include "adapters/curl/internal.h"

/* Whatever is returned that is not the length of the piece ends the transfer. */
static size_t stop(imp_curl_transfer *t, int error, const char *why) {
  t->result = error;
  t->why = why;
  return 0;
}

/* `idle_timeout` counts from the first byte on. */
static void hear(imp_curl_transfer *t) {
  imp_tstamp now = uv_hrtime();
  if (t->heard == 0 && t->idle_timeout > 0) {
    imp_curl_arm(t->curl, now + t->idle_timeout * IMP_MILLISECONDS);
  }
  t->heard = now;
}

/* ---- header lines ---- */

static int keep_line(imp_curl_transfer *t, const char *line, size_t len) {
  if (t->head_len + len > t->head_cap) {
    size_t cap = t->head_cap < 512 ? 1024 : t->head_cap * 2;
    while (cap < t->head_len + len) {
      cap *= 2;
    }
    char *mem = imp_realloc(t->head, cap);
    if (mem == NULL) {
      return IMP_ERR_NOMEM;
    }
    t->head = mem;
    t->head_cap = cap;
  }
  memcpy(t->head + t->head_len, line, len);
  t->head_len += len;
  return IMP_OK;
}

static int is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static int begins(const char *line, size_t len, const char *with) {
  return len >= strlen(with) && strncasecmp(line, with, strlen(with)) == 0;
}

/* libcurl undoes whatever coding it knows, several in a row, and some of them take much memory. */
static int is_plain_coding(const char *line, size_t len) {
  static const char *const content[] = {"gzip", "x-gzip", "deflate", "identity", ""};
  static const char *const transfer[] = {"chunked", "identity", ""};
  const char *const *known = begins(line, len, "content-encoding:")    ? content
                             : begins(line, len, "transfer-encoding:") ? transfer
                                                                       : NULL;
  if (known == NULL) {
    return 1;
  }
  const char *value = memchr(line, ':', len);
  const char *end = line + len;
  for (value++; value < end && is_blank(*value); value++) {
  }
  while (end > value && is_blank(end[-1])) {
    end--;
  }
  size_t n = (size_t)(end - value);
  for (; **known != '\0'; known++) {
    if (strlen(*known) == n && strncasecmp(*known, value, n) == 0) {
      return 1;
    }
  }
  return n == 0;
}

/* A line that begins with white space goes on with the one before (RFC 9112 §5.2). */
static void unfold(imp_curl_transfer *t) {
  while (t->head_len > 0 && is_blank(t->head[t->head_len - 1])) {
    t->head_len--;
  }
}

size_t imp_curl_on_header(char *data, size_t size, size_t count, void *transfer) {
  imp_curl_transfer *t = transfer;
  size_t len = size * count;
  hear(t);
  t->heads_total += len;
  if (begins(data, len, "HTTP/") && (t->head_whole || t->head_len == 0) && !t->fed) {
    t->head_len = 0;
    t->head_whole = 0;
  } else if (t->head_whole) {
    /* trailer fields: nobody asked for them */
    return t->heads_total <= IMP_CURL_HEADS_MAX ? len : stop(t, IMP_ERR_TOO_BIG, "too many trailer fields");
  }
  if (t->head_len + len > IMP_HTTP_HEADERS_MAX || t->heads_total > IMP_CURL_HEADS_MAX) {
    return stop(t, IMP_ERR_TOO_BIG, "too many header fields");
  }
  if (!is_plain_coding(data, len)) {
    return stop(t, IMP_ERR_UNAVAILABLE, "the content is encoded in a way that was not asked for");
  }
  if (len == 0 || data[0] == '\r' || data[0] == '\n') {
    t->head_whole = 1;
    return len;
  }
  if (is_blank(data[0])) {
    unfold(t);
  }
  return keep_line(t, data, len) == IMP_OK ? len : stop(t, IMP_ERR_NOMEM, "out of memory");
}

/* ---- feeding ---- */

static int feed_line(imp_op *op, const char *line, size_t len) {
  const char *colon = memchr(line, ':', len);
  if (colon == NULL || colon == line) {
    return IMP_OK;
  }
  return imp_http_header(op, line, (size_t)(colon - line), colon + 1, len - (size_t)(colon + 1 - line));
}

/* All but the first, which is the status line. */
static int feed_lines(imp_op *op, const char *at, const char *end) {
  int rv = IMP_OK;
  const char *line = memchr(at, '\n', (size_t)(end - at));
  while (rv == IMP_OK && line != NULL && ++line < end) {
    const char *next = memchr(line, '\n', (size_t)(end - line));
    rv = feed_line(op, line, (size_t)((next != NULL ? next : end) - line));
    line = next;
  }
  return rv;
}

static int feed_status(imp_curl_transfer *t) {
  long status = 0;
  curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
  if (status == 407) {
    t->why = "the proxy wants other credentials";
    return IMP_ERR_UNAVAILABLE;
  }
  if (status < 200 || status > 599) {
    t->why = "the answer has no status";
    return IMP_ERR_UNAVAILABLE;
  }
  return imp_http_status(t->op, (uint32_t)status);
}

int imp_curl_feed_head(imp_curl_transfer *t) {
  if (t->fed) {
    return IMP_OK;
  }
  int rv = feed_status(t);
  if (rv == IMP_OK && t->head_len > 0) {
    rv = feed_lines(t->op, t->head, t->head + t->head_len);
  }
  t->fed = 1;
  imp_free(t->head);
  t->head = NULL;
  t->head_len = t->head_cap = 0;
  return rv;
}

size_t imp_curl_on_body(char *data, size_t size, size_t count, void *transfer) {
  imp_curl_transfer *t = transfer;
  size_t len = size * count;
  if (t->paused) {
    return CURL_WRITEFUNC_PAUSE;
  }
  hear(t);
  int rv = imp_curl_feed_head(t);
  if (rv == IMP_OK) {
    rv = imp_http_body(t->op, data, len);
  }
  return rv == IMP_OK ? len : stop(t, rv, t->why);
}

int imp_curl_on_progress(void *transfer, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now) {
  imp_curl_transfer *t = transfer;
  (void)total;
  (void)up_total;
  (void)up_now;
  if (now != t->raw) {
    t->raw = now;
    hear(t);
  }
  if (t->raw_max > 0 && now > t->raw_max) {
    stop(t, IMP_ERR_TOO_BIG, "the answer is too long");
    return 1;
  }
  return 0;
}

int imp_curl_error(CURLcode code) {
  switch (code) {
  case CURLE_OK:
    return IMP_OK;
  case CURLE_URL_MALFORMAT:
    return IMP_ERR_INVALID_ARGUMENT;
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_ISSUER_ERROR:
  case CURLE_SSL_INVALIDCERTSTATUS:
  case CURLE_LOGIN_DENIED:
  case CURLE_AUTH_ERROR:
    return IMP_ERR_DENIED;
  case CURLE_FILESIZE_EXCEEDED:
    return IMP_ERR_TOO_BIG;
  case CURLE_OUT_OF_MEMORY:
    return IMP_ERR_NOMEM;
  default:
    return IMP_ERR_UNAVAILABLE;
  }
}
