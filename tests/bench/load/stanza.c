#include "xload.h"

#include <stdio.h>
#include <string.h>

/* The only way out for stanzas: here XEP-0198 counts them. */
void stanza_out(struct conn *c, const char *s, size_t n) {
  if (c->sm_on)
    sm_sent(c, s, n);
  if (c->st != ST_UP)
    return; /* kept, sent after the resumption */
  put(c, s, n);
  if (c->sm_on && ++c->sm_since_r >= opt.sm_every) {
    PUT(c, "<r xmlns='" NS_SM "'/>");
    c->sm_since_r = 0;
  }
}

/* A request of the server's own, such as a ping. */
static void answer_iq(struct conn *c, const char *s, size_t n) {
  char type[16] = "", id[128] = "", from[200], to[220] = "", tmp[600];
  xml_attr(s, n, "type", type, sizeof type);
  xml_attr(s, n, "id", id, sizeof id);
  if (opt.mode == MODE_PRESENCE && !strcmp(id, "r"))
    presence_roster(c, s, n);
  if (strcmp(type, "get") && strcmp(type, "set"))
    return;
  if (xml_attr(s, n, "from", from, sizeof from))
    snprintf(to, sizeof to, " to='%s'", from);
  int ok = !strcmp(type, "set") || xml_has(s, n, "urn:xmpp:ping");
  int l = snprintf(tmp, sizeof tmp,
                   ok ? "<iq type='result' id='%s'%s/>"
                      : "<iq type='error' id='%s'%s><error type='cancel'><service-unavailable"
                        " xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
                   id, to);
  stanza_out(c, tmp, (size_t)l);
}

static void message_in(struct conn *c, const char *s, size_t n) {
  char type[16];
  if (xml_attr(s, n, "type", type, sizeof type) && !strcmp(type, "error"))
    w.bounced++;
  else
    traffic_arrived(c, s, n, "<body>#");
}

static void stream_error(struct conn *c, const char *s, size_t n) {
  if (w.failed < 3)
    fprintf(stderr, "xload: user%d: %.*s\n", c->idx, (int)(n < 300 ? n : 300), s);
  conn_fail(c, "stream error");
}

void stanza_in(struct conn *c, const char *s, size_t n) {
  int msg = xml_is(s, n, "message"), iq = !msg && xml_is(s, n, "iq");
  int pres = !msg && !iq && xml_is(s, n, "presence");
  if (c->sm_on && (msg || iq || pres))
    c->sm_in++;
  if (msg)
    message_in(c, s, n);
  else if (pres && opt.mode == MODE_PRESENCE)
    presence_in(c, s, n);
  else if (iq && (c->st == ST_BIND || c->st == ST_SESSION))
    login_iq(c, s, n);
  else if (iq)
    answer_iq(c, s, n);
  else if (xml_is(s, n, "stream:features") || xml_is(s, n, "features"))
    login_features(c, s, n);
  else if (c->st == ST_STARTTLS && xml_is(s, n, "proceed"))
    tls_start(c);
  else if (c->st == ST_STARTTLS)
    conn_fail(c, "STARTTLS refused");
  else if (xml_is(s, n, "stream:error"))
    stream_error(c, s, n);
  else if (c->st == ST_AUTH)
    login_sasl(c, s, n);
  else if (xml_has(s, n, NS_SM))
    sm_element(c, s, n);
}
