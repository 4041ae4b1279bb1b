#include "xload.h"

#include <stdio.h>
#include <string.h>

void login_open_stream(struct conn *c) {
  memset(&c->sc, 0, sizeof c->sc);
  c->restart = 1;
  putf(c,
       "<?xml version='1.0'?><stream:stream to='%s' version='1.0' xmlns='jabber:client'"
       " xmlns:stream='http://etherx.jabber.org/streams'>",
       opt.domain);
  c->st = ST_STREAM;
}

void login_features(struct conn *c, const char *s, size_t n) {
  if (opt.tls && !c->tls_on) {
    if (!xml_has(s, n, "xmpp-tls")) {
      conn_fail(c, "no STARTTLS offered");
      return;
    }
    PUT(c, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    c->st = ST_STARTTLS;
  } else if (!c->authed) {
    auth_start(c);
  } else if (c->sm_id[0]) {
    putf(c, "<resume xmlns='" NS_SM "' h='%u' previd='%s'/>", c->sm_in, c->sm_id);
    c->st = ST_RESUME;
  } else {
    PUT(c, "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>"
           "<resource>xload</resource></bind></iq>");
    c->st = ST_BIND;
  }
}

void login_sasl(struct conn *c, const char *s, size_t n) {
  if (xml_is(s, n, "challenge")) {
    auth_challenge(c, s, n);
  } else if (!xml_is(s, n, "success")) {
    conn_fail(c, "authentication refused");
  } else if (opt.scram && !auth_verify(c, s, n)) {
    conn_fail(c, "server signature is wrong");
  } else {
    c->authed = 1;
    login_open_stream(c);
  }
}

static void after_bind(struct conn *c) {
  if (!opt.sm) {
    login_done(c);
    return;
  }
  PUT(c, "<enable xmlns='" NS_SM "' resume='true'/>");
  c->st = ST_SM;
}

static int bound(struct conn *c, const char *s, size_t n) {
  char type[16] = "";
  const char *j = memmem(s, n, "<jid>", 5);
  const char *e = j ? memmem(j, (size_t)(s + n - j), "</jid>", 6) : NULL;
  xml_attr(s, n, "type", type, sizeof type);
  if (strcmp(type, "result") || !e || (size_t)(e - j - 5) >= sizeof c->jid)
    return 0;
  memcpy(c->jid, j + 5, (size_t)(e - j - 5));
  c->jid[e - j - 5] = 0;
  char *slash = opt.bare ? strchr(c->jid, '/') : NULL;
  if (slash)
    *slash = 0;
  return 1;
}

/* The answer to bind or to the session iq. */
void login_iq(struct conn *c, const char *s, size_t n) {
  if (c->st == ST_SESSION) {
    after_bind(c);
  } else if (!bound(c, s, n)) {
    conn_fail(c, "bind refused");
  } else if (opt.session) {
    PUT(c, "<iq type='set' id='s'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>");
    c->st = ST_SESSION;
  } else {
    after_bind(c);
  }
}

void login_raw(struct conn *c) {
  if (opt.mode != MODE_STORM)
    login_open_stream(c);
  snprintf(c->jid, sizeof c->jid, "user%d@%s/xload", c->idx, opt.domain);
  c->sm_on = opt.sm; /* `relay sm` needs no negotiation */
  login_done(c);
}

void login_done(struct conn *c) {
  static const char roster[] = "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>";
  c->st = ST_UP;
  w.busy--;
  w.up++;
  hist_add(&w.login, now_ns() - c->t0);
  if (opt.mode == MODE_PRESENCE)
    stanza_out(c, roster, sizeof roster - 1);
  if (opt.presence)
    stanza_out(c, "<presence/>", 11);
}

void login_all(void) {
  int par = opt.raw && opt.mode != MODE_STORM ? 1 : opt.par; /* raw pairs rely on accept order */
  while (w.up + w.failed < w.n && elapsed_s() < opt.maxtime) {
    while (w.opened < w.n && w.busy < par && w.opened < elapsed_s() * opt.ramp + 1) {
      w.busy++;
      conn_start(&w.conn[w.opened++]);
    }
    loop_turn(1);
  }
}
