#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <imp/sys/mem.h>

#include "adapters/curl/internal.h"

#define SET(option, value) (rc = rc != CURLE_OK ? rc : curl_easy_setopt(t->easy, option, value))

static int refuse(imp_curl_transfer *t, const char *why) {
  t->why = why;
  return IMP_ERR_INVALID_ARGUMENT;
}

static int status_of(CURLcode rc) { return rc == CURLE_OK ? IMP_OK : imp_curl_error(rc); }

/* ---- fields ---- */

static int is_token(const char *s) {
  static const char others[] = "!#$%&'*+-.^_`|~";
  const char *at = s;
  for (; *at != '\0'; at++) {
    if (!((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') ||
          strchr(others, *at) != NULL)) {
      return 0;
    }
  }
  return at > s;
}

/* Fields that the transport writes. */
static int is_ours(const char *name) {
  static const char *const names[] = {"Host",       "Content-Length", "Transfer-Encoding",   "Connection",       "TE",
                                      "Keep-Alive", "Authorization",  "Proxy-Authorization", "Proxy-Connection", "Upgrade",
                                      "Expect",     "Trailer",        NULL};
  for (size_t i = 0; names[i] != NULL; i++) {
    if (strcasecmp(name, names[i]) == 0) {
      return 1;
    }
  }
  return 0;
}

static int add_line(imp_curl_transfer *t, const char *line) {
  struct curl_slist *longer = curl_slist_append(t->fields, line);
  if (longer == NULL) {
    return IMP_ERR_NOMEM;
  }
  t->fields = longer;
  return IMP_OK;
}

/* libcurl takes "Name:" as "leave it out", and "Name;" as one without a value. */
static int add_field(imp_curl_transfer *t, const imp_http_field *field) {
  if (!is_token(field->name) || is_ours(field->name) || strpbrk(field->value, "\r\n") != NULL) {
    return refuse(t, "a field of the request cannot be sent");
  }
  size_t size = strlen(field->name) + strlen(field->value) + 3;
  char *line = imp_malloc(size);
  if (line == NULL) {
    return IMP_ERR_NOMEM;
  }
  int empty = strspn(field->value, " \t") == strlen(field->value);
  snprintf(line, size, empty ? "%s;" : "%s: %s", field->name, field->value);
  int rv = add_line(t, line);
  explicit_bzero(line, size);
  imp_free(line);
  return rv;
}

static int has_field(const imp_http_request *request, const char *name) {
  for (size_t i = 0; i < request->nfields; i++) {
    if (strcasecmp(request->fields[i].name, name) == 0) {
      return 1;
    }
  }
  return 0;
}

static int set_fields(imp_curl_transfer *t, const imp_http_request *request) {
  int rv = add_line(t, "Expect:");
  if (rv == IMP_OK && !has_field(request, "Content-Type")) {
    rv = add_line(t, "Content-Type:");
  }
  if (rv == IMP_OK && !has_field(request, "Accept")) {
    rv = add_line(t, "Accept: */*");
  }
  for (size_t i = 0; rv == IMP_OK && i < request->nfields; i++) {
    rv = add_field(t, &request->fields[i]);
  }
  return rv == IMP_OK ? status_of(curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->fields)) : rv;
}

/* ---- method and body ---- */

static int wants_length(const char *method) {
  return strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
}

/* A handshake may send the body twice, and it may hold a secret: a copy of our own, which is wiped. */
static int copy_body(imp_curl_transfer *t, const imp_http_request *request) {
  t->body = imp_malloc(request->bodylen + 1);
  if (t->body == NULL) {
    return IMP_ERR_NOMEM;
  }
  if (request->bodylen > 0) {
    memcpy(t->body, request->body, request->bodylen);
  }
  t->bodylen = request->bodylen;
  return IMP_OK;
}

static int set_method(imp_curl_transfer *t, const imp_http_request *request) {
  CURLcode rc = CURLE_OK;
  if (!is_token(request->method) || strlen(request->method) > 31) {
    return refuse(t, "the method is none that can be used");
  }
  if (strcmp(request->method, "HEAD") == 0) {
    SET(CURLOPT_NOBODY, 1L);
  } else if (request->bodylen > 0 || wants_length(request->method)) {
    int rv = copy_body(t, request);
    if (rv != IMP_OK) {
      return rv;
    }
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->bodylen);
    SET(CURLOPT_POSTFIELDS, t->body);
    SET(CURLOPT_CUSTOMREQUEST, request->method);
  } else {
    SET(CURLOPT_HTTPGET, 1L);
    SET(CURLOPT_CUSTOMREQUEST, request->method);
  }
  return status_of(rc);
}

/* ---- the rest ---- */

/* Debian's libcurl would read a file that has all of the system's certificates, and the folder too, for each connection. */
static int has_bundle(CURL *easy) {
  char *path = NULL;
  return curl_easy_getinfo(easy, CURLINFO_CAINFO, &path) == CURLE_OK && path != NULL && access(path, R_OK) == 0;
}

static int set_tls(imp_curl_transfer *t, const imp_http_request *request) {
  const char *ca_file = request->ca_file != NULL ? request->ca_file : t->curl->options.ca_file;
  CURLcode rc = CURLE_OK;
  SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  SET(CURLOPT_SSL_VERIFYPEER, 1L);
  SET(CURLOPT_SSL_VERIFYHOST, 2L);
  SET(CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  if (ca_file != NULL) { /* and none but these */
    SET(CURLOPT_CAINFO, ca_file);
    SET(CURLOPT_CAPATH, NULL);
  } else if (has_bundle(t->easy)) {
    SET(CURLOPT_CAPATH, NULL); /* the same once more, in as many files */
  }
  return status_of(rc);
}

static curl_socket_t open_socket(void *unused, curlsocktype purpose, struct curl_sockaddr *address) {
  (void)unused;
  (void)purpose;
  return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static int set_transport(imp_curl_transfer *t, const imp_http_request *request) {
  const imp_curl_options *options = &t->curl->options;
  CURLcode rc = CURLE_OK;
  SET(CURLOPT_URL, request->url);
  SET(CURLOPT_PATH_AS_IS, 1L);
  SET(CURLOPT_PROTOCOLS_STR, "http,https");
  SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  SET(CURLOPT_FOLLOWLOCATION, 0L);
  SET(CURLOPT_NOSIGNAL, 1L);
  SET(CURLOPT_QUICK_EXIT, 1L); /* a name that is being looked up holds nobody up when the transfer is cut */
  SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
  SET(CURLOPT_TCP_KEEPALIVE, 1L); /* a stream whose server vanished ends within minutes */
  SET(CURLOPT_TCP_KEEPIDLE, 60L);
  SET(CURLOPT_TCP_KEEPINTVL, 15L);
  SET(CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_timeout);
  SET(CURLOPT_MAXAGE_CONN, (long)(options->keep / 1000 > 0 ? options->keep / 1000 : 1));
  SET(CURLOPT_USERAGENT, options->user_agent != NULL ? options->user_agent : "libimp/" IMP_VERSION);
  SET(CURLOPT_ACCEPT_ENCODING, request->stream ? "identity" : "gzip, deflate");
  return status_of(rc);
}

static int set_answer(imp_curl_transfer *t, const imp_http_request *request) {
  CURLcode rc = CURLE_OK;
  if (request->body_max > 0) {
    uint64_t max = request->body_max < INT64_MAX / 2 ? request->body_max : INT64_MAX / 2;
    t->raw_max = (curl_off_t)(max + max / 8 + IMP_CURL_RAW_SLACK);
    SET(CURLOPT_MAXFILESIZE_LARGE, t->raw_max);
  }
  SET(CURLOPT_PRIVATE, t);
  SET(CURLOPT_ERRORBUFFER, t->error);
  SET(CURLOPT_HEADERFUNCTION, imp_curl_on_header);
  SET(CURLOPT_HEADERDATA, t);
  SET(CURLOPT_WRITEFUNCTION, imp_curl_on_body);
  SET(CURLOPT_WRITEDATA, t);
  SET(CURLOPT_XFERINFOFUNCTION, imp_curl_on_progress);
  SET(CURLOPT_XFERINFODATA, t);
  SET(CURLOPT_NOPROGRESS, 0L);
  return status_of(rc);
}

int imp_curl_request(imp_curl_transfer *t, const imp_http_request *request) {
  typedef int (*step)(imp_curl_transfer *t, const imp_http_request *request);
  static const step steps[] = {set_transport, set_tls,    set_method,         imp_curl_set_auth,
                               imp_curl_set_proxy, set_fields, set_answer};
  int rv = IMP_OK;
  t->easy = curl_easy_init();
  if (t->easy == NULL) {
    return IMP_ERR_NOMEM;
  }
  for (size_t i = 0; rv == IMP_OK && i < sizeof steps / sizeof steps[0]; i++) {
    rv = steps[i](t, request);
  }
  return rv;
}
