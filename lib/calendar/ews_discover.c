/*
 * Autodiscover (SOAP, GetUserSettings): which mailboxes belong together, and where each is served.
 * Mailboxes with equal GroupingInformation and ExternalEwsUrl may share a stream.
 */
#include <strings.h>

#include "calendar/ews.h"

#define NS_DISCOVER "http://schemas.microsoft.com/exchange/2010/Autodiscover"
#define BATCH_MAX 100

static int write_users(imp_buf *body, imp_cal_box *const *boxes, size_t count) {
  int rv = imp_buf_append_str(body, "<a:GetUserSettingsRequestMessage><a:Request><a:Users>");
  for (size_t i = 0; i < count && rv == IMP_OK; i++) {
    rv = imp_buf_append_str(body, "<a:User><a:Mailbox>");
    rv = rv == IMP_OK ? imp_cal_xml(body, boxes[i]->mailbox) : rv;
    rv = rv == IMP_OK ? imp_buf_append_str(body, "</a:Mailbox></a:User>") : rv;
  }
  return rv == IMP_OK ? imp_buf_append_str(body, "</a:Users><a:RequestedSettings><a:Setting>GroupingInformation</a:Setting>"
                                                 "<a:Setting>ExternalEwsUrl</a:Setting></a:RequestedSettings></a:Request>"
                                                 "</a:GetUserSettingsRequestMessage></soap:Body></soap:Envelope>")
                      : rv;
}

static int write_request(imp_buf *body, const char *url, imp_cal_box *const *boxes, size_t count) {
  int rv = imp_buf_append_str(body, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<soap:Envelope xmlns:soap=\"" NS_SOAP
                                    "\" xmlns:a=\"" NS_DISCOVER "\" xmlns:wsa=\"http://www.w3.org/2005/08/addressing\">"
                                    "<soap:Header><a:RequestedServerVersion>Exchange2013</a:RequestedServerVersion><wsa:Action>"
                                    NS_DISCOVER "/Autodiscover/GetUserSettings</wsa:Action><wsa:To>");
  rv = rv == IMP_OK ? imp_cal_xml(body, url) : rv;
  rv = rv == IMP_OK ? imp_buf_append_str(body, "</wsa:To></soap:Header><soap:Body>") : rv;
  return rv == IMP_OK ? write_users(body, boxes, count) : rv;
}

/* ---- the answer ---- */

static void keep(char **at, const char *value, size_t most) {
  if (*at == NULL && value != NULL && value[0] != '\0' && strlen(value) <= most) {
    *at = imp_strdup(value); /* without memory: as if it had not been told */
  }
}

static void read_settings(imp_cal_box *box, const imp_elem *settings) {
  for (const imp_elem *e = imp_elem_first(settings); e != NULL; e = imp_elem_next(e)) {
    const char *name = imp_ews_text(e, "Name", NS_DISCOVER), *value = imp_ews_text(e, "Value", NS_DISCOVER);
    if (name != NULL && strcmp(name, "GroupingInformation") == 0) {
      keep(&box->group, value, IMP_CALENDAR_NAME_MAX);
    } else if (name != NULL && strcmp(name, "ExternalEwsUrl") == 0 && value != NULL &&
               strcasecmp(value, box->gateway->conf.url) != 0 && imp_cal_is_proper_url(box->gateway, value)) {
      keep(&box->url, value, 2000);
    }
  }
}

static void read_users(imp_cal_call *call, const imp_elem *content) {
  const imp_elem *response = imp_elem_child(content, "Response", NS_DISCOVER);
  const imp_elem *users = response != NULL ? imp_elem_child(response, "UserResponses", NS_DISCOVER) : NULL;
  const imp_elem *user = users != NULL ? imp_elem_first(users) : NULL;
  for (size_t i = 0; i < call->nboxes && user != NULL; i++, user = imp_elem_next(user)) {
    const char *error = imp_ews_text(user, "ErrorCode", NS_DISCOVER);
    const imp_elem *settings = imp_elem_child(user, "UserSettings", NS_DISCOVER);
    if (call->boxes[i] != NULL && settings != NULL && (error == NULL || strcmp(error, "NoError") == 0)) {
      read_settings(call->boxes[i], settings);
    }
  }
}

/* Whatever came of it, each is placed now: those of whom nothing was told, in the group without a name. */
static void release(imp_cal_call *call) {
  for (size_t i = 0; i < call->nboxes; i++) {
    imp_cal_box *box = call->boxes[i];
    if (box != NULL) {
      box->sub_call = NULL;
      box->discovered = 1;
    }
  }
  call->gateway->placed = 0;
}

static void on_settings(imp_cal_call *call, uint32_t code, const char *body, size_t len) {
  imp_stanza *document;
  const imp_elem *content = imp_ews_open(call, code, body, len, &document);
  if (content != NULL) {
    imp_cal_gateway_up(call->gateway);
    read_users(call, content);
    imp_stanza_del(document);
  }
  release(call);
}

static void on_failure(imp_cal_call *call, int status) {
  imp_log(&call->gateway->cal->log, IMP_LOG_PRESENCE, IMP_LOG_WARN, call->gateway->conf.name,
          "calendar: Autodiscover: %s: %s", imp_strerror(status), imp_http_get_error(call->op));
  release(call);
}

static size_t take_unknown(imp_cal_gateway *gateway, imp_cal_box **boxes) {
  size_t n = 0;
  for (imp_list *link = gateway->unsubscribed.next; link != &gateway->unsubscribed && n < BATCH_MAX; link = link->next) {
    imp_cal_box *box = IMP_CONTAINER_OF(link, imp_cal_box, sub_link);
    if (!box->discovered && box->sub_call == NULL && box->group == NULL && box->url == NULL) {
      boxes[n++] = box;
    }
  }
  return n;
}

static int discover(imp_cal_gateway *gateway, imp_cal_box **boxes, size_t count) {
  const char *url = gateway->conf.autodiscover_url;
  imp_cal_call *call = imp_cal_call_new(gateway, boxes, count);
  if (call == NULL) {
    return IMP_ERR_NOMEM;
  }
  call->done = on_settings;
  call->failed = on_failure;
  int rv = imp_cal_call_url(call, url);
  rv = rv == IMP_OK ? imp_cal_call_field(call, "Content-Type", "text/xml; charset=utf-8") : rv;
  rv = rv == IMP_OK ? imp_cal_call_field(call, "Accept", "text/xml") : rv;
  rv = rv == IMP_OK ? write_request(&call->body, url, boxes, count) : rv;
  if (rv != IMP_OK) {
    imp_cal_call_del(call);
    return rv;
  }
  for (size_t i = 0; i < count; i++) {
    boxes[i]->sub_call = call;
  }
  rv = imp_cal_call_start(call);
  for (size_t i = 0; rv != IMP_OK && i < count; i++) {
    boxes[i]->sub_call = NULL;
  }
  return rv;
}

void imp_ews_discover(imp_cal_gateway *gateway) {
  imp_cal_box *boxes[BATCH_MAX];
  size_t count;
  while (gateway->conf.autodiscover_url != NULL && gateway->cal->ts >= gateway->not_before &&
         gateway->in_flight < gateway->conf.concurrency && (count = take_unknown(gateway, boxes)) > 0 &&
         discover(gateway, boxes, count) == IMP_OK) {
  }
}

int imp_ews_is_placeable(const imp_cal_box *box) {
  return box->gateway->conf.autodiscover_url == NULL || box->discovered || box->group != NULL || box->url != NULL;
}
