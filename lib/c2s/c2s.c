/* Clients: a connection becomes a login, a login becomes a session. */
#include <string.h>

#include "c2s/c2s.h"
#include "c2s/login.h"
#include "xml/jid.h"

static void on_timer(imp_timer *timer, imp_tstamp ts) {
  imp_login *login = IMP_CONTAINER_OF(timer, imp_login, timer);
  (void)ts;
  imp_conn_fail(login->conn, "connection-timeout", "no resource bound in time", NULL);
}

void imp_login_authenticated(imp_login *login) {
  imp_node *node = login->node;
  imp_node_authenticated(node, login->conn);
  if (imp_heap_set(&node->timers, &login->timer, node->now + node->settings.preauth_timeout * IMP_SECONDS) < 0) {
    imp_login_fail(login, IMP_ERR_NOMEM);
  }
}

imp_login *imp_login_new(imp_c2s *c2s, imp_conn *conn) {
  imp_login *login = imp_calloc(1, sizeof(*login));
  if (login == NULL) {
    return NULL;
  }
  login->kind = IMP_OWNER_LOGIN;
  login->c2s = c2s;
  login->node = c2s->node;
  login->conn = conn;
  imp_timer_init(&login->timer, on_timer);
  imp_list_append(&c2s->logins, &login->link);
  imp_conn_set_owner(conn, login);
  return login;
}

void imp_login_forget(imp_login *login) {
  imp_op_cancel(login->op);
  login->op = NULL;
  imp_list_remove(&login->reading);
}

void imp_login_del(imp_login *login) {
  if (imp_conn_get_owner(login->conn) == login) {
    imp_conn_set_owner(login->conn, NULL);
  }
  imp_heap_remove(&login->node->timers, &login->timer);
  imp_list_remove(&login->link);
  imp_login_forget(login);
  imp_sasl_exchange_del(login->exchange);
  imp_jid_del(login->from);
  imp_jid_del(login->user);
  if (login->fast != NULL) {
    imp_fast_record_wipe(&login->fast->record);
    imp_free(login->fast);
  }
  imp_free(login);
}

void imp_login_hear(imp_conn *conn) {
  const imp_login *login = imp_login_of(conn);
  if (login == NULL || login->op == NULL) {
    imp_conn_set_busy(conn, 0);
  }
}

void imp_login_fail(imp_login *login, int error) {
  imp_conn_fail(login->conn, "internal-server-error", imp_strerror(error), NULL);
}

static int for_us(const imp_node *node, const imp_stanza *header) {
  const char *to = imp_elem_attr(&header->root, "to");
  imp_jid *jid;
  int ours;
  if (to == NULL) {
    return 1;
  }
  if (imp_jid_cache_get(node->jids, &jid, to, strlen(to)) < 0) {
    return 0;
  }
  ours = jid->locallen == 0 && imp_node_is_local(node, jid);
  imp_jid_del(jid);
  return ours;
}

/* RFC 6120 §4.9.3.9, XEP-0388 §2.1: before the login somebody of this domain, afterwards whoever logged in. */
static int take_from(imp_login *login, const imp_stanza *header) {
  const char *from = imp_elem_attr(&header->root, "from");
  imp_jid_del(login->from);
  login->from = NULL;
  if (from == NULL || *from == '\0' || login->anonymous) {
    return 1;
  }
  if (imp_jid_cache_get(login->node->jids, &login->from, from, strlen(from)) < 0) {
    login->from = NULL;
    return 0;
  }
  return imp_node_is_local(login->node, login->from) &&
         (login->user == NULL || imp_jid_equal_bare(login->user, login->from));
}

static void on_opened(imp_conn *conn, const imp_stanza *header) {
  imp_node *node = imp_conn_env(conn)->ctx;
  imp_login *login = imp_login_of(conn);
  int rv;
  if (imp_conn_get_owner(conn) == NULL) {
    login = imp_login_new(imp_c2s_of(node), conn);
  }
  rv = imp_conn_send_header(conn, node->settings.domain, imp_elem_attr(&header->root, "from"));
  if (login == NULL || rv < 0) {
    imp_conn_fail(conn, "internal-server-error", "out of memory", NULL);
  } else if (!for_us(node, header)) {
    imp_conn_fail(conn, "host-unknown", "this domain is not served here", NULL);
  } else if (!take_from(login, header)) {
    imp_conn_fail(conn, "invalid-from", "nobody who could log in here, or somebody else", NULL);
  } else if (!node->ready) {
    imp_conn_fail(conn, "resource-constraint", "starting", NULL);
  } else if ((rv = imp_c2s_send_features(login)) < 0) {
    imp_login_fail(login, rv);
  }
}

static void starttls(imp_login *login) {
  static const char proceed[] = "<proceed xmlns='" IMP_NS_TLS "'/>";
  static const char failure[] = "<failure xmlns='" IMP_NS_TLS "'/>";
  if (login->user != NULL || !imp_conn_can_starttls(login->conn)) {
    (void)imp_conn_submit_text(login->conn, failure, sizeof(failure) - 1);
    imp_conn_close(login->conn, NULL, login->node->now);
    return;
  }
  imp_sasl_exchange_del(login->exchange);
  login->exchange = NULL;
  if (imp_conn_submit_text(login->conn, proceed, sizeof(proceed) - 1) < 0 || imp_conn_starttls(login->conn) < 0) {
    imp_login_fail(login, IMP_ERR_NOMEM);
  }
}

/* XEP-0198 §3: what comes out of order is answered with <failed/>, and may be tried again at the right time. */
static void refuse_sm(imp_login *login) {
  char text[IMP_SM_TEXT_MAX];
  size_t len = imp_sm_write_failed("unexpected-request", 0, 0, text);
  (void)imp_conn_submit_text(login->conn, text, len);
}

static void unauthenticated(imp_login *login, imp_stanza *st) {
  if (imp_elem_match(&st->root, "starttls", IMP_NS_TLS)) {
    starttls(login);
  } else if (imp_sasl_exchange_wants(&st->root)) {
    imp_c2s_auth(login, st);
  } else if (imp_elem_match(&st->root, "enable", IMP_NS_SM) || imp_elem_match(&st->root, "resume", IMP_NS_SM)) {
    refuse_sm(login);
  } else {
    imp_conn_fail(login->conn, "not-authorized", "log in first", NULL);
  }
}

static void authenticated(imp_login *login, imp_stanza *st) {
  if (st->kind == IMP_STANZA_IQ && imp_stanza_child(st, "bind", IMP_NS_BIND) != NULL) {
    imp_c2s_bind(login, st);
  } else if (imp_elem_match(&st->root, "resume", IMP_NS_SM)) {
    imp_c2s_resume(login, st);
  } else if (imp_str_is(st->root.ns, IMP_NS_SM)) {
    refuse_sm(login);
  } else {
    imp_conn_fail(login->conn, "not-authorized", "bind a resource first", NULL);
  }
}

static void on_stanza(imp_conn *conn, imp_stanza *st) {
  imp_session *session = imp_session_of(conn);
  imp_login *login;
  if (session != NULL) {
    imp_c2s_session_stanza(session, st);
    return;
  }
  login = imp_login_of(conn);
  if (login != NULL && login->user == NULL) {
    unauthenticated(login, st);
  } else if (login != NULL) {
    authenticated(login, st);
  }
  imp_stanza_del(st);
}

static void hibernate_or_end(imp_session *s, int clean) {
  imp_node *node = s->node;
  imp_event event = {.session = s};
  imp_session_detach(s);
  if (node->shutting_down && s->durable == NULL) {
    clean = 1; /* nobody will resume it: what it did not acknowledge is stored */
  }
  if (!clean && !node->deleting && s->sm != NULL && imp_sm_disconnected(s->sm, node->now) == IMP_OK) {
    (void)imp_node_run_hooks(node, IMP_POINT_SESSION_HIBERNATED, &event);
    imp_node_tell(node, IMP_SESSION_HIBERNATED, s);
    return;
  }
  if (node->deleting) {
    imp_durable_keep(s);
  }
  s->clean = clean != 0;
  imp_session_end(s, NULL);
}

static void on_ended(imp_conn *conn, int clean) {
  imp_session *session = imp_session_of(conn);
  imp_login *login = imp_login_of(conn);
  imp_node_connection_ended(imp_conn_env(conn)->ctx, conn);
  if (session != NULL) {
    hibernate_or_end(session, clean);
  } else if (login != NULL) {
    imp_login_del(login);
  }
}

static void on_closing(imp_conn *conn) {
  imp_session *session = imp_session_of(conn);
  if (session != NULL) {
    imp_acks_last(session);
  }
}

static int on_brief(imp_conn *conn, const char *text, size_t len) {
  imp_session *session = imp_session_of(conn);
  return session != NULL && imp_c2s_sm_brief(session, text, len);
}

static int is_of(const imp_login *login, const imp_jid *user) {
  const imp_jid *who = login->user;
  if (who == NULL && login->exchange != NULL) {
    who = imp_sasl_exchange_user(login->exchange);
  }
  return who != NULL && imp_jid_equal_bare(who, user);
}

/* Nor may somebody who is just logging in come in after that. */
static imp_verdict on_user_deleted(imp_event *event, void *ctx) {
  imp_c2s *c2s = ctx;
  imp_list *l;
  for (l = c2s->logins.next; l != &c2s->logins; l = l->next) {
    imp_login *login = IMP_CONTAINER_OF(l, imp_login, link);
    if (is_of(login, event->to)) {
      imp_login_forget(login);
      imp_conn_fail(login->conn, "not-authorized", NULL, NULL);
    }
  }
  return IMP_CONTINUE;
}

static const imp_conn_events events = {
    .opened = on_opened, .stanza = on_stanza, .brief = on_brief, .closing = on_closing, .ended = on_ended};

static int start(imp_node *node) {
  imp_c2s *c2s = imp_calloc(1, sizeof(*c2s));
  int rv;
  if (c2s == NULL) {
    return IMP_ERR_NOMEM;
  }
  c2s->node = node;
  imp_list_init(&c2s->logins);
  imp_list_init(&c2s->reading);
  imp_fast_settings_default(&c2s->fast);
  node->feature[IMP_FEATURE_C2S] = c2s;
  node->env.events = &events;
  rv = imp_attempts_new(&c2s->attempts, NULL);
  if (rv == IMP_OK) {
    rv = imp_node_hook(node, IMP_POINT_USER_DELETED, 0, on_user_deleted, c2s);
  }
  return rv < 0 ? rv : imp_c2s_keep_secret(c2s);
}

static void stop(imp_node *node) {
  imp_c2s *c2s = imp_c2s_of(node);
  imp_list *l;
  if (c2s == NULL) {
    return;
  }
  while ((l = imp_list_pop(&c2s->logins)) != NULL) {
    imp_login_del(IMP_CONTAINER_OF(l, imp_login, link));
  }
  imp_attempts_del(c2s->attempts);
  imp_free(c2s);
  node->feature[IMP_FEATURE_C2S] = NULL;
}

const imp_feature imp_feature_c2s = {.name = "c2s", .start = start, .stop = stop};
