/*
 * A login: what a connection is before it is a session.  It goes when the session is bound or resumed.
 */
#ifndef IMP_C2S_LOGIN_H
#define IMP_C2S_LOGIN_H

#include "node/node.h"
#include "sasl/attempts.h"
#include "sasl/exchange.h"
#include "sasl/fast.h"

/* For the whole node. */
typedef struct imp_c2s {
  imp_node *node;
  imp_attempts *attempts;
  imp_list logins;
  imp_list reading; /* logins that wait for a FAST record */
  imp_fast_settings fast;
  uint32_t clear_passwords; /* what the host's last answer was like, as in imp_sasl_params */
  const char *fake_hash;
} imp_c2s;

/* FAST under way: the client's record. */
typedef struct imp_login_fast {
  imp_fast_record record;
  imp_fast_verdict verdict;
  int used;  /* the login came by a token */
  int stale; /* the record was written while it was being read */
  char client[IMP_FAST_CLIENT_ID_MAX + 1];
} imp_login_fast;

typedef struct imp_login {
  imp_owner_kind kind;
  imp_list link;
  imp_list reading;
  imp_c2s *c2s;
  imp_node *node;
  imp_conn *conn;
  imp_sasl_exchange *exchange;
  imp_channel_binding binding;
  imp_op *op;          /* a lookup under way */
  imp_jid *from;       /* whom the stream header says that it is from, NULL if nobody */
  imp_jid *user;       /* bare, once authenticated */
  imp_timer timer;     /* it has to become a session */
  imp_login_fast *fast;
  char refused[IMP_SM_ID_MAX + 1]; /* a session that could not be resumed, "" if none */
  uint32_t refused_h;
  uint8_t anonymous;
} imp_login;

static inline imp_c2s *imp_c2s_of(const imp_node *node) { return node->feature[IMP_FEATURE_C2S]; }
static inline imp_login *imp_login_of(const imp_conn *conn) {
  imp_owner_kind *kind = imp_conn_get_owner(conn);
  return kind != NULL && *kind == IMP_OWNER_LOGIN ? (imp_login *)(void *)kind : NULL;
}
static inline imp_session *imp_session_of(const imp_conn *conn) {
  imp_owner_kind *kind = imp_conn_get_owner(conn);
  return kind != NULL && *kind == IMP_OWNER_SESSION ? (imp_session *)(void *)kind : NULL;
}

/* ---- c2s.c ---- */
/* The peer is who it says: from now on it has as long again to become a session. */
void imp_login_authenticated(imp_login *login);
imp_login *imp_login_new(imp_c2s *c2s, imp_conn *conn);
/* The connection's owner is NULL afterwards, unless it is a session by then. */
void imp_login_del(imp_login *login);
/* Nothing waits for the lookup any more, if there is one. */
void imp_login_forget(imp_login *login);
/* The answer of a lookup came, and `login` may be gone by now: what the client sent ahead is heard, unless there is another
   lookup. The last thing to be done. */
void imp_login_hear(imp_conn *conn);
/* No memory, or something else that is our fault. */
void imp_login_fail(imp_login *login, int error);

/* ---- features.c ---- */
int imp_c2s_send_features(imp_login *login);
/* After Bind 2: what may be negotiated on a bound stream. */
int imp_c2s_send_session_features(imp_node *node, imp_conn *conn);

/* ---- auth.c ---- */
void imp_c2s_auth(imp_login *login, imp_stanza *st);
/* Goes on with an outcome of the exchange. `out` is what it wrote; its memory is freed here. */
void imp_c2s_auth_outcome(imp_login *login, int result, imp_buf *out);
void imp_c2s_auth_counted(imp_login *login);
/* Ends the attempt with <failure/>; it is not counted. `text` may be NULL. */
void imp_c2s_refuse(imp_login *login, const char *condition, const char *text);
/* Non-zero if the status of a lookup says yes or no. Otherwise nobody knows, and the attempt was refused for now: a
   client that is told that its secret is wrong may throw it away. */
int imp_c2s_answered(imp_login *login, int status);

/* ---- host.c: mechanisms that somebody else decides ---- */
void imp_c2s_ask_host(imp_login *login);

/* ---- fast.c ---- */
void imp_c2s_fast_load(imp_login *login);
/* After a login: tokens asked for or due are written to `out`. */
int imp_c2s_fast_issue(imp_login *login, imp_buf *out);

/* ---- inline.c: SASL2 with what rides in it ---- */
void imp_c2s_sasl2_success(imp_login *login);

/* ---- bind.c ---- */
void imp_c2s_bind(imp_login *login, imp_stanza *st);
/* Makes the session for a resource (NULL: any); the login stays. `policy` is an imp_conflict. */
int imp_c2s_open_session(imp_login *login, const char *resource, uint32_t policy, imp_session **session);
/* Tells everybody, after the client was told. */
void imp_c2s_session_opened(imp_session *session);

/* ---- resume.c ---- */
typedef struct imp_resume_outcome {
  imp_session *session; /* NULL: refused */
  int too_high;         /* the stream ends */
  char text[IMP_SM_TEXT_MAX];
  size_t len;
  uint32_t h, sent; /* for too_high */
} imp_resume_outcome;
/* Judges <resume/>; on success the session has the connection, and nothing was written yet. */
void imp_c2s_try_resume(imp_login *login, const imp_elem *resume, imp_resume_outcome *outcome);
void imp_c2s_resume(imp_login *login, imp_stanza *st);
/* Makes room in the session's output for all of a queue. */
void imp_c2s_widen(imp_session *session, const imp_sm *queue);
/* Sends again what was not acknowledged, and tells everybody. */
void imp_c2s_resumed(imp_session *session);

/* ---- sm.c ---- */
/* <enable/>: writes <enabled/> or <failed/> to dst (IMP_SM_TEXT_MAX); returns its length. */
size_t imp_c2s_enable(imp_session *session, const imp_elem *enable, char *dst);
/* After <enabled/> was written, or the client goes on without: the queues of the sessions that it replaced are sent. */
void imp_c2s_inherit(imp_session *session);
/* An SM nonza on a session: non-zero if it was one. */
int imp_c2s_sm_nonza(imp_session *session, const imp_stanza *st);
/* The same for text that was not parsed: non-zero if it was understood and dealt with. */
int imp_c2s_sm_brief(imp_session *s, const char *text, size_t len);

/* ---- brief.c ---- */
/* 'r', 'a' (with *h), or 0 for anything that is not byte for byte one of the usual forms of these. */
int imp_c2s_brief(const char *text, size_t len, uint32_t *h);
void imp_c2s_too_high(imp_conn *conn, uint32_t h, uint32_t sent);

/* ---- secret.c ---- */
int imp_c2s_keep_secret(imp_c2s *c2s);

/* ---- stanzas.c ---- */
void imp_c2s_session_stanza(imp_session *session, imp_stanza *st);

#endif
