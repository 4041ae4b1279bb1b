#include "calendar/graph.h"

#include "core/codec.h"

static int append(const char *text, size_t len, void *data) { return imp_buf_append(data, text, len) == IMP_OK ? 0 : -1; }

static int write_url(imp_buf *url, const char *base, const char *before, const char *part, const char *after) {
  size_t len = strlen(base);
  int rv = imp_buf_append(url, base, base[len - 1] == '/' ? len - 1 : len);
  rv = rv == IMP_OK ? imp_buf_append_str(url, before) : rv;
  rv = rv == IMP_OK ? imp_cal_percent(url, part, 0) : rv;
  return rv == IMP_OK ? imp_buf_append_str(url, after) : rv;
}

imp_cal_call *imp_graph_call(imp_cal_gateway *gateway, imp_cal_box *const *boxes, size_t count, const char *method,
                             const char *before, const char *part, const char *after, json_t *body) {
  imp_buf url;
  imp_cal_call *call = imp_cal_call_new(gateway, boxes, count);
  imp_buf_init(&url, 8192);
  int rv = call != NULL ? write_url(&url, gateway->conf.url, before, part, after) : IMP_ERR_NOMEM;
  rv = rv == IMP_OK ? imp_cal_call_url(call, (const char *)imp_buf_data(&url)) : rv;
  rv = rv == IMP_OK ? imp_cal_call_field(call, "Accept", "application/json") : rv;
  rv = rv == IMP_OK ? imp_cal_call_field(call, "Prefer", "outlook.timezone=\"UTC\"") : rv;
  if (rv == IMP_OK && body != NULL) {
    rv = imp_cal_call_field(call, "Content-Type", "application/json");
    rv = rv == IMP_OK && json_dump_callback(body, append, &call->body, JSON_COMPACT) != 0 ? IMP_ERR_NOMEM : rv;
  }
  imp_buf_reset(&url);
  json_decref(body);
  if (rv != IMP_OK) {
    imp_cal_call_del(call);
    return NULL;
  }
  call->method = method;
  return call;
}

const char *imp_graph_text(const json_t *object, const char *name) {
  return json_string_value(json_object_get(object, name));
}

int imp_graph_time(imp_calendar *cal, const json_t *value, imp_wallclock *t) {
  const char *text = imp_graph_text(value, "dateTime"), *name = imp_graph_text(value, "timeZone");
  char with_zone[48];
  const imp_zone *zone = NULL;
  size_t len = text != NULL ? strlen(text) : 0;
  if (len < 19 || len > 40) {
    return IMP_ERR_MALFORMED;
  }
  memcpy(with_zone, text, len + 1);
  if (strpbrk(text + 10, "Z+-") == NULL) {
    with_zone[len] = 'Z';
    with_zone[len + 1] = '\0';
  }
  int rv = imp_datetime_parse(t, with_zone);
  if (rv == IMP_OK && name != NULL) {
    rv = imp_cal_zone(cal, name, &zone);
  }
  if (rv == IMP_OK && zone != NULL) {
    int64_t at = imp_zone_moment(zone, (int64_t)*t);
    *t = at > 0 ? (imp_wallclock)at : 0;
  }
  return rv;
}

const char *imp_graph_error(const json_t *answer) {
  const json_t *error = json_object_get(answer, "error");
  const char *code = imp_graph_text(error, "code");
  code = code != NULL ? code : imp_graph_text(error, "responseCode");
  return code != NULL ? code : "";
}

int imp_graph_bad(imp_cal_call *call, uint32_t code, uint32_t want, const json_t *answer) {
  if (code == want) {
    return 0;
  }
  if (code == 429 || code == 503 || code == 504 || code == 401 || (code >= 300 && code < 400)) {
    return imp_cal_bad_code(call, code, want);
  }
  imp_cal_gateway_down(call->gateway, "HTTP status %lu %.80s", (unsigned long)code, imp_graph_error(answer));
  return 1;
}
