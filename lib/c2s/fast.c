/* FAST (XEP-0484): tokens in the store, one record a client (space "fast", owner bare JID, key user-agent id). */
#include <string.h>

#include "c2s/login.h"

static int client_id(imp_login *login, char *dst) {
  imp_user_agent agent;
  imp_sasl_exchange_user_agent(login->exchange, &agent);
  if (agent.id == NULL || strlen(agent.id) > IMP_FAST_CLIENT_ID_MAX) {
    return IMP_ERR_NOT_FOUND;
  }
  memcpy(dst, agent.id, strlen(agent.id) + 1);
  return IMP_OK;
}

static void decide(imp_login *login) {
  imp_login_fast *fast = login->fast;
  imp_fast_request request;
  imp_buf out;
  const char *secret;
  int result;
  imp_sasl_exchange_fast(login->exchange, &request);
  fast->verdict =
      imp_fast_verify(&fast->record, imp_sasl_exchange_sasl(login->exchange),
                      imp_sasl_exchange_mechanism(login->exchange), request.has_count, request.count,
                      imp_node_wallclock(login->node));
  imp_buf_init(&out, 32768);
  secret = imp_fast_secret(&fast->record, fast->verdict);
  fast->used = secret != NULL;
  if (fast->verdict == IMP_FAST_EXPIRED) {
    result = imp_sasl_exchange_fail(login->exchange, "credentials-expired", NULL, 0, &out);
  } else {
    result = imp_sasl_exchange_decide(login->exchange, secret ? imp_sasl_exchange_user(login->exchange) : NULL, secret,
                                      secret ? strlen(secret) : 0, &out);
  }
  imp_c2s_auth_outcome(login, result, &out);
}

static void on_record(imp_op *op, int status, void *ctx);

static void read_record(imp_login *login) {
  const imp_jid *user = imp_sasl_exchange_user(login->exchange);
  const char *client = login->fast->client;
  login->fast->stale = 0;
  imp_list_append(&login->c2s->reading, &login->reading);
  imp_conn_set_busy(login->conn, 1);
  login->op = imp_node_get(login->node, "fast", imp_jid_bare(user), client, strlen(client), on_record, login);
  if (login->op == NULL) {
    imp_login_fail(login, IMP_ERR_NOMEM);
  }
}

/* Whoever reads the record that was just written reads it again: or a count would be good twice, and a token lost. */
static void written(const imp_login *login) {
  imp_list *l;
  for (l = login->c2s->reading.next; l != &login->c2s->reading; l = l->next) {
    imp_login *other = IMP_CONTAINER_OF(l, imp_login, reading);
    const imp_jid *user = imp_sasl_exchange_user(other->exchange);
    if (user != NULL && imp_jid_equal_bare(user, login->user) &&
        strcmp(other->fast->client, login->fast->client) == 0) {
      other->fast->stale = 1;
    }
  }
}

static void on_record(imp_op *op, int status, void *ctx) {
  imp_login *login = ctx;
  imp_conn *conn = login->conn;
  login->op = NULL;
  imp_list_remove(&login->reading);
  if (login->fast->stale) {
    read_record(login);
    return;
  }
  if (status == IMP_OK && imp_op_row_count(op) > 0) {
    const imp_op_row *row = imp_op_row_at(op, 0);
    (void)imp_fast_decode(&login->fast->record, row->value, row->valuelen);
  }
  if (imp_c2s_answered(login, status)) {
    decide(login);
  }
  imp_login_hear(conn);
}

static int make_fast(imp_login *login) {
  if (login->fast == NULL) {
    login->fast = imp_calloc(1, sizeof(*login->fast));
  }
  if (login->fast == NULL) {
    return IMP_ERR_NOMEM;
  }
  imp_fast_record_init(&login->fast->record);
  login->fast->used = 0;
  return client_id(login, login->fast->client);
}

void imp_c2s_fast_load(imp_login *login) {
  int rv = make_fast(login);
  const imp_jid *user = imp_sasl_exchange_user(login->exchange);
  if (rv == IMP_ERR_NOMEM) {
    imp_login_fail(login, rv);
    return;
  }
  if (rv < 0 || user == NULL) {
    decide(login); /* an empty record: wrong */
    return;
  }
  read_record(login);
}

static int store(imp_login *login) {
  imp_login_fast *fast = login->fast;
  imp_buf text;
  int rv;
  written(login);
  if (imp_fast_record_empty(&fast->record, imp_node_wallclock(login->node))) {
    return imp_node_remove(login->node, "fast", imp_jid_bare(login->user), fast->client, strlen(fast->client));
  }
  imp_buf_init(&text, 4096);
  rv = imp_fast_encode(&text, &fast->record);
  if (rv == IMP_OK) {
    rv = imp_node_put(login->node, "fast", imp_jid_bare(login->user), fast->client, strlen(fast->client),
                      imp_buf_data(&text), imp_buf_len(&text));
  }
  if (imp_buf_len(&text) > 0) {
    memset(imp_buf_data(&text), 0, imp_buf_len(&text));
  }
  imp_buf_reset(&text);
  return rv;
}

int imp_c2s_fast_issue(imp_login *login, imp_buf *out) {
  imp_c2s *c2s = login->c2s;
  imp_fast_request request;
  uint32_t mechanism;
  imp_wallclock now = imp_node_wallclock(login->node);
  int used = login->fast != NULL && login->fast->used, rv;
  imp_sasl_exchange_fast(login->exchange, &request);
  mechanism = request.requested;
  if (!used && mechanism == 0) {
    return IMP_OK;
  }
  if (used) {
    imp_fast_used(&login->fast->record, login->fast->verdict, request.has_count, request.count, request.invalidate);
    if (mechanism == 0 && !request.invalidate && imp_fast_rotation_due(&login->fast->record, &c2s->fast, now)) {
      mechanism = login->fast->record.current.mechanism;
    }
  } else if ((rv = make_fast(login)) < 0) {
    return rv == IMP_ERR_NOT_FOUND ? IMP_OK : rv; /* no user-agent id: no token */
  }
  if (mechanism != 0) {
    rv = imp_fast_mint(&login->fast->record, mechanism, &c2s->fast, now);
    if (rv == IMP_OK) {
      rv = imp_fast_write_token(out, &login->fast->record);
    }
    if (rv < 0) {
      return rv;
    }
  }
  return store(login);
}
