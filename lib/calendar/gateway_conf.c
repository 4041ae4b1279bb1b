/* What a gateway is set to. */
#include <stdio.h>

#include "calendar/gateway.h"

#define GRAPH_URL "https://graph.microsoft.com/v1.0"

#define FIELD(name) #name, offsetof(imp_gateway, name)

static const struct {
  const char *name;
  size_t offset;
  uint32_t fallback[3], min, max[3]; /* EWS, Graph, CalDAV */
} numbers[] = {
    {FIELD(auth), {IMP_HTTP_AUTH_NTLM, IMP_HTTP_AUTH_BEARER, IMP_HTTP_AUTH_BASIC}, 0, {5, 5, 5}},
    {FIELD(impersonate), {1, 0, 0}, 0, {1, 1, 1}},
    {FIELD(poll_seconds), {300, 300, 300}, 15, {86400, 86400, 86400}},
    {FIELD(window_hours), {48, 48, 48}, 1, {1440, 1440, 1440}},
    {FIELD(batch), {100, 20, 1}, 1, {100, 20, 1}},
    {FIELD(concurrency), {10, 4, 4}, 1, {27, 64, 64}},
    {FIELD(timeout_seconds), {60, 60, 60}, 5, {600, 600, 600}},
    {FIELD(out_of_office), {1, 1, 0}, 0, {1, 1, 1}},
    {FIELD(oof_seconds), {900, 900, 900}, 60, {86400, 86400, 86400}},
    {FIELD(notify), {1, 1, 0}, 0, {1, 1, 1}},
    {FIELD(notified_seconds), {3600, 3600, 3600}, 60, {86400, 86400, 86400}},
    {FIELD(streams), {3, 3, 3}, 1, {10, 10, 10}},
    {FIELD(subscriptions), {200, 200, 200}, 1, {200, 200, 200}},
    {FIELD(stream_minutes), {30, 30, 30}, 1, {30, 30, 30}},
    {FIELD(delta), {0, 0, 0}, 0, {0, 1, 0}},
    {FIELD(subscription_minutes), {4230, 4230, 4230}, 45, {10070, 10070, 10070}},
};

static const struct {
  const char *name;
  size_t offset;
} strings[] = {
    {FIELD(name)},          {FIELD(url)},   {FIELD(username)}, {FIELD(secret)}, {FIELD(token_url)},   {FIELD(client_id)},
    {FIELD(client_secret)}, {FIELD(scope)}, {FIELD(ca_file)},  {FIELD(proxy)},  {FIELD(webhook_url)}, {FIELD(client_state)},
    {FIELD(autodiscover_url)},
};

static const char *get_string(const imp_gateway *conf, size_t i) {
  const char *s;
  memcpy(&s, (const char *)conf + strings[i].offset, sizeof s);
  return s;
}

static void set_string(imp_gateway *conf, size_t i, const char *s) {
  memcpy((char *)conf + strings[i].offset, &s, sizeof s);
}

void imp_gateway_default(imp_gateway *gateway, size_t size, imp_gateway_kind kind) {
  imp_gateway g;
  unsigned k = kind <= IMP_GATEWAY_CALDAV ? kind : 0;
  memset(&g, 0, sizeof g);
  for (size_t i = 0; i < IMP_ARRAY_LEN(numbers); i++) {
    memcpy((char *)&g + numbers[i].offset, &numbers[i].fallback[k], sizeof(uint32_t));
  }
  g.kind = kind;
  memset(gateway, 0, size);
  memcpy(gateway, &g, size < sizeof g ? size : sizeof g);
  gateway->size = size;
}

static int check_numbers(const imp_gateway *g, char *text, size_t textlen) {
  for (size_t i = 0; i < IMP_ARRAY_LEN(numbers); i++) {
    uint32_t value, max = numbers[i].max[g->kind];
    memcpy(&value, (const char *)g + numbers[i].offset, sizeof value);
    if (value < numbers[i].min || value > max) {
      snprintf(text, textlen, "gateway %.80s: %s %lu: must be %lu to %lu", g->name, numbers[i].name, (unsigned long)value,
               (unsigned long)numbers[i].min, (unsigned long)max);
      return IMP_ERR_RANGE;
    }
  }
  return IMP_OK;
}

/* Absolute, printable ASCII, no user information, no fragment. */
static int is_url(const char *url) {
  size_t scheme = strncmp(url, "https://", 8) == 0 ? 8 : strncmp(url, "http://", 7) == 0 ? 7 : 0;
  if (scheme == 0 || url[scheme] == '\0' || url[scheme] == '/' || strlen(url) > 2000) {
    return 0;
  }
  for (const char *p = url; *p != '\0'; p++) {
    if (*p <= 0x20 || *p >= 0x7f || *p == '#' || *p == '"' || *p == '<' || *p == '>' || *p == '\\') {
      return 0;
    }
  }
  return memchr(url + scheme, '@', strcspn(url + scheme, "/?")) == NULL;
}

static int has_newline(const char *s) { return strpbrk(s, "\r\n") != NULL; }

static int given(const char *s) { return s != NULL && s[0] != '\0'; }

static const char *check_strings(const imp_gateway *g) {
  for (size_t i = 0; i < IMP_ARRAY_LEN(strings); i++) {
    const char *s = get_string(g, i);
    if (s != NULL && (strlen(s) > 4096 || has_newline(s))) {
      return strings[i].name;
    }
  }
  return !is_url(g->url)                                                      ? "url"
         : given(g->token_url) && !is_url(g->token_url)                       ? "token_url"
         : given(g->token_url) && !given(g->client_id)                        ? "client_id"
         : given(g->token_url) && !given(g->client_secret)                    ? "client_secret"
         : g->auth == IMP_HTTP_AUTH_BEARER && !given(g->token_url) && !given(g->secret) ? "secret"
         : (g->auth == IMP_HTTP_AUTH_BASIC || g->auth == IMP_HTTP_AUTH_DIGEST || g->auth == IMP_HTTP_AUTH_NTLM) &&
                 !given(g->username)
             ? "username"
         : given(g->autodiscover_url) && !is_url(g->autodiscover_url)         ? "autodiscover_url"
         : given(g->webhook_url) && strncmp(g->webhook_url, "https://", 8) != 0          ? "webhook_url"
         : given(g->webhook_url) && (!given(g->client_state) || strlen(g->client_state) > 128) ? "client_state"
                                                                                         : NULL;
}

static int read_conf(imp_gateway *dst, const imp_gateway *src) {
  if (src == NULL || src->size < offsetof(imp_gateway, auth) || src->kind > IMP_GATEWAY_CALDAV) {
    return IMP_ERR_INVALID_ARGUMENT;
  }
  imp_gateway_default(dst, sizeof *dst, (imp_gateway_kind)src->kind);
  memcpy(dst, src, src->size < sizeof *dst ? src->size : sizeof *dst);
  dst->size = sizeof *dst;
  if (dst->kind == IMP_GATEWAY_GRAPH && !given(dst->url)) {
    dst->url = GRAPH_URL;
  }
  return given(dst->name) && strlen(dst->name) <= IMP_CALENDAR_NAME_MAX && dst->url != NULL ? IMP_OK
                                                                                         : IMP_ERR_INVALID_ARGUMENT;
}

int imp_gateway_check(const imp_gateway *gateway, char *text, size_t textlen) {
  imp_gateway g;
  char none[1];
  if (text == NULL || textlen == 0) {
    text = none;
    textlen = sizeof none;
  }
  text[0] = '\0';
  if (read_conf(&g, gateway) != IMP_OK) {
    snprintf(text, textlen, "gateway: size, kind, name or url is not set");
    return IMP_ERR_INVALID_ARGUMENT;
  }
  const char *bad = check_strings(&g);
  if (bad != NULL) {
    snprintf(text, textlen, "gateway %.80s: %s is missing or unusable", g.name, bad);
    return IMP_ERR_INVALID_ARGUMENT;
  }
  return check_numbers(&g, text, textlen);
}

int imp_cal_conf_copy(imp_gateway *dst, const imp_gateway *src) {
  imp_gateway given_conf;
  int rv = read_conf(&given_conf, src);
  if (rv != IMP_OK) {
    return rv;
  }
  *dst = given_conf;
  dst->batch = dst->delta ? 1 : dst->batch;
  for (size_t i = 0; i < IMP_ARRAY_LEN(strings); i++) {
    set_string(dst, i, NULL);
  }
  for (size_t i = 0; i < IMP_ARRAY_LEN(strings); i++) {
    const char *s = get_string(&given_conf, i);
    if (s != NULL) {
      char *copy = imp_strdup(s);
      if (copy == NULL) {
        imp_cal_conf_reset(dst);
        return IMP_ERR_NOMEM;
      }
      set_string(dst, i, copy);
    }
  }
  return IMP_OK;
}

void imp_cal_conf_reset(imp_gateway *conf) {
  for (size_t i = 0; i < IMP_ARRAY_LEN(strings); i++) {
    char *s;
    memcpy(&s, (const char *)conf + strings[i].offset, sizeof s);
    if (s != NULL) {
      imp_free_secret(s, strlen(s));
    }
    set_string(conf, i, NULL);
  }
}
