/* OAuth 2.0 client credentials (RFC 6749 §4.4): a token is fetched before it is needed, and kept. */
#include <jansson.h>

#include "calendar/gateway.h"

#define EARLY 120 /* seconds before its end a token is no longer used */

int imp_cal_wants_token(const imp_cal_gateway *gateway) {
  return gateway->conf.auth == IMP_HTTP_AUTH_BEARER && gateway->conf.token_url != NULL;
}

void imp_cal_drop_token(imp_cal_gateway *gateway) {
  if (gateway->token != NULL) {
    imp_free_secret(gateway->token, strlen(gateway->token));
    gateway->token = NULL;
  }
}

static int is_token(const char *s) {
  size_t len = s != NULL ? strlen(s) : 0;
  for (size_t i = 0; i < len; i++) {
    if (s[i] <= 0x20 || s[i] >= 0x7f) {
      return 0;
    }
  }
  return len > 0 && len <= 16384;
}

static void on_token(imp_cal_call *call, uint32_t code, const char *body, size_t len) {
  imp_cal_gateway *gateway = call->gateway;
  json_t *answer = len <= 65536 ? json_loadb(body, len, 0, NULL) : NULL;
  const char *token = json_string_value(json_object_get(answer, "access_token"));
  json_int_t life = json_integer_value(json_object_get(answer, "expires_in"));
  if (code == 200 && is_token(token)) {
    imp_cal_drop_token(gateway);
    gateway->token = imp_strdup(token);
    life = life < 0 ? 0 : life > 86400 ? 86400 : life;
    life = life > 2 * EARLY ? life - EARLY : life / 2;
    gateway->token_until = gateway->cal->ts + (uint64_t)life * IMP_SECONDS;
    gateway->failures_in_row = 0;
  } else if (code == 429 || code == 503) {
    imp_cal_gateway_busy(gateway, imp_cal_retry_after(call, 30000), "token endpoint");
  } else {
    const char *error = json_string_value(json_object_get(answer, "error"));
    imp_cal_gateway_down(gateway, "no token: HTTP status %lu %.60s", (unsigned long)code, error != NULL ? error : "");
  }
  json_decref(answer);
}

static int add_form(imp_buf *form, const char *name, const char *value) {
  int rv = value != NULL ? imp_buf_append_str(form, name) : IMP_OK;
  return rv == IMP_OK && value != NULL ? imp_cal_percent(form, value, 0) : rv;
}

static int fetch(imp_cal_gateway *gateway) {
  const imp_gateway *conf = &gateway->conf;
  imp_cal_call *call = imp_cal_call_new(gateway, NULL, 0);
  if (call == NULL) {
    return IMP_ERR_NOMEM;
  }
  call->token = call->light = 1;
  call->done = on_token;
  int rv = imp_cal_call_url(call, conf->token_url);
  rv = rv == IMP_OK ? imp_cal_call_field(call, "Content-Type", "application/x-www-form-urlencoded") : rv;
  rv = rv == IMP_OK ? imp_cal_call_field(call, "Accept", "application/json") : rv;
  rv = rv == IMP_OK ? add_form(&call->body, "grant_type=", "client_credentials") : rv;
  rv = rv == IMP_OK ? add_form(&call->body, "&client_id=", conf->client_id) : rv;
  rv = rv == IMP_OK ? add_form(&call->body, "&client_secret=", conf->client_secret) : rv;
  rv = rv == IMP_OK ? add_form(&call->body, "&scope=", conf->scope) : rv;
  if (rv != IMP_OK) {
    imp_cal_call_del(call);
    return rv;
  }
  gateway->token_call = call;
  return imp_cal_call_start(call);
}

int imp_cal_has_token(imp_cal_gateway *gateway) {
  if (!imp_cal_wants_token(gateway)) {
    return 1;
  }
  if (gateway->token != NULL && gateway->cal->ts < gateway->token_until) {
    return 1;
  }
  if (gateway->token_call == NULL && fetch(gateway) != IMP_OK) {
    imp_cal_gateway_down(gateway, "no token: out of memory");
  }
  return 0;
}
