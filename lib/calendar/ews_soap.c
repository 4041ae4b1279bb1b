#include "calendar/ews.h"

#include "core/codec.h"

static int impersonation(imp_buf *body, const char *mailbox) {
  int rv = imp_buf_append_str(body, "<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>");
  rv = rv == IMP_OK ? imp_cal_xml(body, mailbox) : rv;
  return rv == IMP_OK
             ? imp_buf_append_str(body, "</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>")
             : rv;
}

static int open_envelope(imp_buf *body, const char *impersonate) {
  int rv = imp_buf_append_str(body, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<soap:Envelope xmlns:soap=\"" NS_SOAP
                                    "\" xmlns:t=\"" NS_TYPES "\" xmlns:m=\"" NS_MESSAGES "\"><soap:Header>"
                                    "<t:RequestServerVersion Version=\"Exchange2013\"/>");
  rv = rv == IMP_OK && impersonate != NULL ? impersonation(body, impersonate) : rv;
  return rv == IMP_OK ? imp_buf_append_str(body, "</soap:Header><soap:Body>") : rv;
}

imp_cal_call *imp_ews_call(imp_cal_gateway *gateway, imp_cal_box *const *boxes, size_t count, const char *impersonate,
                           const char *anchor) {
  imp_cal_call *call = imp_cal_call_new(gateway, boxes, count);
  if (call == NULL) {
    return NULL;
  }
  const char *url = count > 0 && boxes[0]->url != NULL ? boxes[0]->url : gateway->conf.url;
  int rv = imp_cal_call_url(call, url);
  rv = rv == IMP_OK ? imp_cal_call_field(call, "Content-Type", "text/xml; charset=utf-8") : rv;
  rv = rv == IMP_OK ? imp_cal_call_field(call, "Accept", "text/xml") : rv;
  rv = rv == IMP_OK && anchor != NULL ? imp_cal_call_field(call, "X-AnchorMailbox", anchor) : rv;
  rv = rv == IMP_OK ? open_envelope(&call->body, gateway->conf.impersonate ? impersonate : NULL) : rv;
  if (rv != IMP_OK) {
    imp_cal_call_del(call);
    return NULL;
  }
  return call;
}

int imp_ews_close(imp_cal_call *call, int rv) {
  return rv == IMP_OK ? imp_buf_append_str(&call->body, "</soap:Body></soap:Envelope>") : rv;
}

const char *imp_ews_text(const imp_elem *parent, const char *name, const char *ns) {
  const imp_elem *child = parent != NULL ? imp_elem_child(parent, name, ns) : NULL;
  return child != NULL ? imp_elem_text(child, NULL) : NULL;
}

const char *imp_ews_code(const imp_elem *message) {
  const char *code = imp_ews_text(message, "ResponseCode", NS_MESSAGES);
  const char *class = message != NULL ? imp_elem_attr(message, "ResponseClass") : NULL;
  if (class != NULL && strcmp(class, "Error") == 0 && (code == NULL || strcmp(code, "NoError") == 0)) {
    return "Error";
  }
  return code != NULL ? code : "no ResponseCode";
}

/* Few elements are above it: the depth of a document is bounded. */
uint64_t imp_ews_backoff(const imp_elem *elem) {
  for (const imp_elem *e = imp_elem_first(elem); e != NULL; e = imp_elem_next(e)) {
    const char *name = imp_elem_attr(e, "Name");
    uint64_t ms;
    if (strcmp(imp_elem_name(e), "Value") == 0 && name != NULL && strcmp(name, "BackOffMilliseconds") == 0 &&
        imp_parse_u64(&ms, imp_elem_text(e, NULL)) == IMP_OK) {
      return ms;
    }
    ms = imp_ews_backoff(e);
    if (ms > 0) {
      return ms;
    }
  }
  return 0;
}

int imp_ews_is_busy(const char *code) {
  return strcmp(code, "ErrorServerBusy") == 0 || strcmp(code, "ErrorTooManyObjectsOpened") == 0 ||
         strcmp(code, "ErrorTimeoutExpired") == 0;
}

int imp_ews_time(const char *text, imp_wallclock *t) {
  char with_zone[48];
  size_t len = text != NULL ? strlen(text) : 0;
  if (len < 19 || len > 40) {
    return IMP_ERR_MALFORMED;
  }
  memcpy(with_zone, text, len + 1);
  if (strpbrk(text + 10, "Z+-") == NULL) { /* in the zone that was asked for: UTC */
    with_zone[len] = 'Z';
    with_zone[len + 1] = '\0';
  }
  return imp_datetime_parse(t, with_zone);
}

/* The error's name in a fault: detail/ResponseCode, or what is behind the prefix in faultcode. */
static const char *fault_code(const imp_elem *fault) {
  const imp_elem *detail = imp_elem_child(fault, "detail", NULL);
  const char *code = imp_ews_text(detail, "ResponseCode", NULL), *colon;
  if (code == NULL || code[0] == '\0') {
    code = imp_ews_text(fault, "faultcode", NULL);
    colon = code != NULL ? strchr(code, ':') : NULL;
    code = colon != NULL ? colon + 1 : code;
  }
  return code != NULL ? code : "unknown";
}

/* The server is well, but will not have us act for this mailbox. */
static int is_about_mailbox(const char *code) {
  static const char *const codes[] = {"ErrorNonExistentMailbox",  "ErrorImpersonateUserDenied", "ErrorImpersonationDenied",
                                      "ErrorImpersonationFailed", "ErrorAccountDisabled",       "ErrorAccessDenied",
                                      "ErrorMailboxMoveInProgress", "ErrorMailboxStoreUnavailable"};
  for (size_t i = 0; i < IMP_ARRAY_LEN(codes); i++) {
    if (strcmp(code, codes[i]) == 0) {
      return 1;
    }
  }
  return 0;
}

static void take_fault(imp_cal_call *call, const imp_elem *fault) {
  const char *code = fault_code(fault), *text = imp_ews_text(fault, "faultstring", NULL);
  if (call->nboxes == 1 && is_about_mailbox(code)) {
    imp_cal_gateway_up(call->gateway);
    call->about_box = 1;
    imp_cal_box_failed(call, 0, code);
  } else if (imp_ews_is_busy(code)) {
    uint64_t ms = imp_ews_backoff(fault);
    imp_cal_gateway_busy(call->gateway, ms > 0 ? ms : imp_cal_retry_after(call, 30000), code);
  } else {
    imp_cal_gateway_down(call->gateway, "%.60s: %.100s", code, text != NULL ? text : "");
  }
}

const imp_elem *imp_ews_open(imp_cal_call *call, uint32_t code, const char *body, size_t len, imp_stanza **document) {
  imp_calendar *cal = call->gateway->cal;
  const imp_elem *root = NULL, *content = NULL;
  *document = NULL;
  if (code == 200 || code == 500) {
    int rv = imp_xml_parse_document(cal->xml, &cal->limits, body, len, document, NULL);
    if (rv == IMP_OK && imp_elem_is(imp_stanza_root(*document), "Envelope", NS_SOAP)) {
      root = imp_elem_child(imp_stanza_root(*document), "Body", NS_SOAP);
    }
    content = root != NULL ? imp_elem_first(root) : NULL;
  }
  if (content != NULL && !imp_elem_is(content, "Fault", NS_SOAP)) {
    return content;
  }
  if (content != NULL) {
    take_fault(call, content);
  } else if (code == 200) {
    imp_cal_gateway_down(call->gateway, "not an answer of EWS: %.100s", imp_xml_pool_error_text(cal->xml));
  } else {
    (void)imp_cal_bad_code(call, code, 200);
  }
  imp_stanza_del(*document);
  *document = NULL;
  imp_cal_requeue(call);
  return NULL;
}
