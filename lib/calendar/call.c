/* One request: sent with the gateway's credentials, redirected within its host, read, or given up. */
#include "calendar/gateway.h"

#define WINDOW_BEFORE ((imp_wallclock)IMP_MS_HOUR) /* what runs now is told with its beginning */
#define REQUEST_MAX ((size_t)1 << 20)

imp_cal_call *imp_cal_call_new(imp_cal_gateway *gateway, imp_cal_box *const *boxes, size_t count) {
  imp_calendar *cal = gateway->cal;
  imp_cal_call *call = imp_calloc(1, sizeof *call);
  if (call == NULL) {
    return NULL;
  }
  imp_arena_init(&call->arena, NULL, 0);
  imp_buf_init(&call->body, REQUEST_MAX);
  call->gateway = gateway;
  call->method = "POST";
  call->from = cal->now > WINDOW_BEFORE ? cal->now - WINDOW_BEFORE : 0;
  call->to = cal->now + gateway->conf.window_hours * (imp_wallclock)IMP_MS_HOUR;
  if (count > 0) {
    call->boxes = imp_memdup(boxes, count * sizeof *boxes);
    if (call->boxes == NULL) {
      imp_cal_call_del(call);
      return NULL;
    }
    call->nboxes = count;
  }
  return call;
}

void imp_cal_call_del(imp_cal_call *call) {
  if (call == NULL) {
    return;
  }
  if (imp_list_linked(&call->link)) {
    imp_list_remove(&call->link);
    call->gateway->in_flight -= !call->light;
  }
  if (call->gateway->token_call == call) {
    call->gateway->token_call = NULL;
  }
  if (call->token && imp_buf_data(&call->body) != NULL) {
    imp_wipe(imp_buf_data(&call->body), imp_buf_len(&call->body));
  }
  imp_buf_reset(&call->body);
  imp_arena_reset(&call->arena);
  imp_free(call->boxes);
  imp_free(call->url);
  imp_free(call);
}

int imp_cal_call_url(imp_cal_call *call, const char *url) {
  imp_free(call->url);
  call->url = imp_strdup(url);
  return call->url != NULL ? IMP_OK : IMP_ERR_NOMEM;
}

int imp_cal_call_field(imp_cal_call *call, const char *name, const char *value) {
  if (call->nfields == IMP_ARRAY_LEN(call->fields) || strpbrk(value, "\r\n") != NULL) {
    return IMP_ERR_MALFORMED;
  }
  char *copy = imp_arena_strndup(&call->arena, value, strlen(value));
  if (copy == NULL) {
    return IMP_ERR_NOMEM;
  }
  call->fields[call->nfields++] = (imp_http_field){name, copy};
  return IMP_OK;
}

void imp_cal_call_forget(imp_cal_call *call, imp_cal_box *box) {
  for (size_t i = 0; i < call->nboxes; i++) {
    call->boxes[i] = call->boxes[i] == box ? NULL : call->boxes[i];
  }
}

/* The adapter may cut the transfer. */
static void tell_host(imp_calendar *cal, imp_op *op) {
  if (cal->http->size > offsetof(imp_http, cancel) && cal->http->cancel != NULL) {
    cal->http->cancel(cal->http_ctx, op);
  }
}

static void cancel_op(imp_cal_call *call) {
  imp_op *op = call->op;
  call->op = NULL;
  if (op != NULL) {
    int with_host = imp_op_is_with_host(op);
    imp_op_cancel(op);
    if (with_host) {
      tell_host(call->gateway->cal, op);
    }
  }
}

void imp_cal_call_cancel(imp_cal_call *call) {
  cancel_op(call);
  for (size_t i = 0; i < call->nboxes; i++) {
    imp_cal_box *box = call->boxes[i];
    if (box != NULL) {
      box->call = box->call == call ? NULL : box->call;
      box->oof_call = box->oof_call == call ? NULL : box->oof_call;
      box->sub_call = box->sub_call == call ? NULL : box->sub_call;
    }
  }
  imp_cal_call_del(call);
}

static void fill(const imp_cal_call *call, imp_http_request *r) {
  const imp_gateway *conf = &call->gateway->conf;
  int oauth = imp_cal_wants_token(call->gateway);
  memset(r, 0, sizeof *r);
  r->size = sizeof *r;
  r->method = call->method;
  r->url = call->url;
  r->fields = call->fields;
  r->nfields = call->nfields;
  r->body = imp_buf_len(&call->body) > 0 ? imp_buf_data(&call->body) : NULL;
  r->bodylen = imp_buf_len(&call->body);
  r->auth = call->token ? IMP_HTTP_AUTH_NONE : conf->auth;
  r->username = call->token || conf->auth == IMP_HTTP_AUTH_BEARER ? NULL : conf->username;
  r->secret = call->token ? NULL : oauth ? call->gateway->token : conf->secret;
  r->confidential = call->token || call->confidential;
  r->affinity = call->affinity;
  r->stream = call->on_body != NULL;
  r->idle_timeout = call->on_body != NULL ? 120000 : conf->timeout_seconds * 1000;
  r->body_max = call->on_body != NULL ? 0 : call->gateway->cal->settings.answer_bytes;
  r->ca_file = conf->ca_file;
  r->proxy = conf->proxy;
}

static void on_response(imp_op *op, int status, void *ctx);

static int send_request(imp_cal_call *call) {
  imp_calendar *cal = call->gateway->cal;
  const imp_gateway *conf = &call->gateway->conf;
  imp_tstamp patience = call->on_body != NULL ? (conf->stream_minutes + 2) * 60 * IMP_SECONDS
                                              : conf->timeout_seconds * IMP_SECONDS;
  imp_http_request request;
  imp_op *op = imp_op_new(&cal->ops, on_response, call, cal->ts + patience);
  if (op == NULL) {
    return IMP_ERR_NOMEM;
  }
  if (imp_http_expect(op, call->on_body != NULL ? 0 : cal->settings.answer_bytes, call->on_body, call) != IMP_OK) {
    imp_op_cancel(op);
    imp_op_started(op, IMP_ERR_NOMEM);
    return IMP_ERR_NOMEM;
  }
  call->op = op;
  call->gateway->requests++;
  fill(call, &request);
  imp_op_started(op, cal->http->start(cal->http_ctx, op, &request));
  return IMP_OK;
}

int imp_cal_call_start(imp_cal_call *call) {
  imp_cal_gateway *gateway = call->gateway;
  imp_list_append(&gateway->calls, &call->link);
  gateway->in_flight += !call->light;
  int rv = call->url != NULL ? send_request(call) : IMP_ERR_NOMEM;
  if (rv != IMP_OK) {
    imp_cal_call_del(call);
  }
  return rv;
}

/* Scheme and authority are the same: credentials may go there. */
static int same_host(const char *a, const char *b) {
  const char *slashes = strstr(a, "://");
  size_t len = slashes != NULL ? (size_t)(slashes - a) + 3 : 0;
  len += strcspn(a + len, "/?");
  return slashes != NULL && strncmp(a, b, len) == 0 && (b[len] == '/' || b[len] == '?' || b[len] == '\0');
}

/* Follows a redirect within the host: non-zero if it does. */
static int follow(imp_cal_call *call, uint32_t code) {
  const char *to = imp_http_get_header(call->op, "Location");
  int moved = code == 301 || code == 302 || code == 307 || code == 308;
  if (!moved || to == NULL || call->redirects >= IMP_CAL_REDIRECTS_MAX || call->token ||
      strpbrk(to, " \t\"<>#@") != NULL || strlen(to) > 2000) {
    return 0;
  }
  if (to[0] == '/' && to[1] != '/') {
    imp_buf url;
    size_t scheme = strcspn(call->url, ":") + 3, host = scheme + strcspn(call->url + scheme, "/?");
    imp_buf_init(&url, 4096);
    int rv = imp_buf_append(&url, call->url, host);
    rv = rv == IMP_OK ? imp_buf_append_str(&url, to) : rv;
    rv = rv == IMP_OK ? imp_cal_call_url(call, (const char *)imp_buf_data(&url)) : rv;
    imp_buf_reset(&url);
    if (rv != IMP_OK) {
      return 0;
    }
  } else if (!same_host(call->url, to) || imp_cal_call_url(call, to) != IMP_OK) {
    return 0;
  }
  call->redirects++;
  return send_request(call) == IMP_OK;
}

/* A token that was withdrawn before its time: one more try with another. */
static int renew_token(imp_cal_call *call, uint32_t code) {
  if (code == 401 && !call->token && !call->gateway->token_renewed && imp_cal_wants_token(call->gateway)) {
    call->gateway->token_renewed = 1;
    imp_cal_drop_token(call->gateway);
    imp_cal_requeue(call);
    return 1;
  }
  return 0;
}

static void no_response(imp_cal_call *call, imp_op *op, int status) {
  const char *why = imp_http_get_error(op);
  imp_cal_gateway_down(call->gateway, "%s%s%s", imp_strerror(status), why[0] != '\0' ? ": " : "", why);
  imp_cal_requeue(call);
}

static void on_response(imp_op *op, int status, void *ctx) {
  imp_cal_call *call = ctx;
  size_t len;
  const char *body = imp_http_get_body(op, &len);
  uint32_t code = imp_http_get_status(op);
  if (imp_op_is_with_host(op)) { /* its deadline passed */
    tell_host(call->gateway->cal, op);
  }
  if (status == IMP_OK && follow(call, code)) {
    return;
  }
  call->op = op;
  if (status == IMP_OK && code == 0) {
    status = IMP_ERR_UNAVAILABLE;
  }
  if (status == IMP_OK && renew_token(call, code)) {
    if (call->failed != NULL) {
      call->failed(call, IMP_ERR_DENIED);
    }
  } else if (status == IMP_OK) {
    call->done(call, code, body, len);
  } else if (call->failed != NULL) {
    call->failed(call, status);
  } else {
    no_response(call, op, status);
  }
  imp_cal_call_del(call);
}
