#include <string.h>

#include "adapters/curl/internal.h"

#define SET(option, value) (rc = rc != CURLE_OK ? rc : curl_easy_setopt(t->easy, option, value))

static int has(int feature) { return (curl_version_info(CURLVERSION_NOW)->features & feature) != 0; }

static int refuse(imp_curl_transfer *t, int error, const char *why) {
  t->why = why;
  return error;
}

static int status_of(CURLcode rc) {
  return rc == CURLE_OK ? IMP_OK : rc == CURLE_OUT_OF_MEMORY ? IMP_ERR_NOMEM : IMP_ERR_UNSUPPORTED;
}

/* libcurl's name for a kind; 0: not here. */
static unsigned long mask_of(uint32_t auth) {
  switch (auth) {
  case IMP_HTTP_AUTH_BASIC:
    return CURLAUTH_BASIC;
  case IMP_HTTP_AUTH_DIGEST:
    return CURLAUTH_DIGEST;
  case IMP_HTTP_AUTH_NTLM:
    return has(CURL_VERSION_NTLM) ? CURLAUTH_NTLM : 0;
  case IMP_HTTP_AUTH_NEGOTIATE:
    return has(CURL_VERSION_SPNEGO) ? CURLAUTH_NEGOTIATE : 0;
  case IMP_HTTP_AUTH_BEARER:
    return CURLAUTH_BEARER;
  default:
    return 0;
  }
}

static int set_bearer(imp_curl_transfer *t, const char *token) {
  CURLcode rc = CURLE_OK;
  if (token == NULL || token[0] == '\0' || strpbrk(token, " \t\r\n") != NULL) {
    return refuse(t, IMP_ERR_INVALID_ARGUMENT, "there is no token");
  }
  SET(CURLOPT_XOAUTH2_BEARER, token);
  SET(CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
  return status_of(rc);
}

/* With an empty name GSS-API takes what the process has. */
static int set_negotiate(imp_curl_transfer *t, const imp_http_request *request) {
  CURLcode rc = CURLE_OK;
  if (request->username != NULL || request->secret != NULL) {
    return refuse(t, IMP_ERR_UNSUPPORTED, "Negotiate works with the credentials of the process only");
  }
  SET(CURLOPT_USERPWD, ":");
  SET(CURLOPT_HTTPAUTH, CURLAUTH_NEGOTIATE);
  return status_of(rc);
}

static int set_password(imp_curl_transfer *t, const imp_http_request *request, unsigned long mask) {
  CURLcode rc = CURLE_OK;
  if (request->username == NULL || request->username[0] == '\0') {
    return refuse(t, IMP_ERR_INVALID_ARGUMENT, "there is no user's name");
  }
  if (mask == CURLAUTH_BASIC && strchr(request->username, ':') != NULL) {
    return refuse(t, IMP_ERR_INVALID_ARGUMENT, "a user's name with a colon cannot be sent (RFC 7617)");
  }
  SET(CURLOPT_USERNAME, request->username);
  SET(CURLOPT_PASSWORD, request->secret != NULL ? request->secret : "");
  SET(CURLOPT_HTTPAUTH, mask);
  return status_of(rc);
}

int imp_curl_set_auth(imp_curl_transfer *t, const imp_http_request *request) {
  unsigned long mask = mask_of(request->auth);
  if (request->auth == IMP_HTTP_AUTH_NONE) {
    return IMP_OK;
  }
  if (mask == 0) {
    return refuse(t, IMP_ERR_UNSUPPORTED, "libcurl was built without this kind of authentication");
  }
  if (request->auth == IMP_HTTP_AUTH_BEARER) {
    return set_bearer(t, request->secret);
  }
  return request->auth == IMP_HTTP_AUTH_NEGOTIATE ? set_negotiate(t, request) : set_password(t, request, mask);
}

/* ---- proxies ---- */

static CURLcode set_proxy_auth(imp_curl_transfer *t) {
  const imp_curl_options *options = &t->curl->options;
  CURLcode rc = CURLE_OK;
  unsigned long mask = mask_of(options->proxy_auth);
  if (options->proxy_auth == IMP_HTTP_AUTH_NEGOTIATE) {
    SET(CURLOPT_PROXYUSERPWD, ":");
  } else if (options->proxy_username != NULL) {
    SET(CURLOPT_PROXYUSERNAME, options->proxy_username);
    SET(CURLOPT_PROXYPASSWORD, options->proxy_secret != NULL ? options->proxy_secret : "");
  }
  SET(CURLOPT_PROXYAUTH, mask != 0 ? mask : CURLAUTH_BASIC);
  return rc;
}

/* The password of the configured proxy goes there alone.  "" also keeps libcurl from looking at the environment. */
int imp_curl_set_proxy(imp_curl_transfer *t, const imp_http_request *request) {
  const imp_curl_options *options = &t->curl->options;
  const char *proxy = request->proxy != NULL ? request->proxy : options->proxy;
  CURLcode rc = CURLE_OK;
  if (request->proxy != NULL && request->proxy[0] != '\0' && !imp_curl_proxy_ok(request->proxy)) {
    return refuse(t, IMP_ERR_INVALID_ARGUMENT, "the proxy is none that can be used");
  }
  SET(CURLOPT_PROXY, proxy != NULL ? proxy : "");
  SET(CURLOPT_NOPROXY, request->proxy == NULL && options->no_proxy != NULL ? options->no_proxy : "");
  SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  /* A proxy that forwards requests may send those of several users over one connection. */
  SET(CURLOPT_HTTPPROXYTUNNEL, (long)imp_curl_is_bound(request->auth));
  if (rc == CURLE_OK && request->proxy == NULL && proxy != NULL) {
    rc = set_proxy_auth(t);
  }
  return status_of(rc);
}
