#include <string.h>

#include "common/secret.h"
#include "server.h"

/* Told once for each account on its way to the store. */
typedef struct errand {
  server *s;
  int at_start;
} errand;

static errand errands[2];

static void on_stored(imp_node *node, int status, void *user_data) {
  const errand *e = user_data;
  (void)node;
  if (status != IMP_OK) {
    server_say(e->s, IMP_LOG_ERROR, "accounts", "%s", imp_strerror(status));
    e->s->status |= e->at_start;
  }
  e->s->accounts_left -= e->at_start;
}

static int store(server *s, int at_start, const char *name, const char *password) {
  errands[at_start] = (errand){s, at_start};
  if (imp_node_account_ensure(s->node, name, password, on_stored, &errands[at_start]) != IMP_OK) {
    server_say(s, IMP_LOG_ERROR, name, "account: %s", imp_node_last_error(s->node));
    return -1;
  }
  s->accounts_left += at_start;
  return 0;
}

static int take_away(server *s, int at_start, const char *name) {
  errands[at_start] = (errand){s, at_start};
  if (imp_node_account_del(s->node, name, on_stored, &errands[at_start]) != IMP_OK) {
    server_say(s, IMP_LOG_ERROR, name, "account: %s", imp_node_last_error(s->node));
    return -1;
  }
  s->accounts_left += at_start;
  return 0;
}

static const server_account *find(const server_config *config, const char *name) {
  const server_account *accounts = config->accounts.items;
  for (size_t i = 0; i < config->accounts.count; i++) {
    if (strcmp(accounts[i].name, name) == 0) {
      return &accounts[i];
    }
  }
  return NULL;
}

static int same(const server_account *a, const server_account *b) {
  return a != NULL && a->remove == b->remove && (a->remove || strcmp(a->password, b->password) == 0);
}

/* What `old` (may be NULL) said already is done. */
static int apply(server *s, int at_start, const server_config *old) {
  const server_account *accounts = s->now->accounts.items;
  int status = 0;
  for (size_t i = 0; i < s->now->accounts.count; i++) {
    const server_account *a = &accounts[i];
    if (old != NULL && same(find(old, a->name), a)) {
      continue;
    }
    int rv = a->remove ? take_away(s, at_start, a->name) : store(s, at_start, a->name, a->password);
    status = rv != 0 ? -1 : status;
  }
  return status;
}

/* On loopback, without accounts of the operator's: alice and bob. */
int server_accounts_start(server *s) {
  s->password[0] = '\0';
  if (apply(s, 1, NULL) != 0) {
    return -1;
  }
  if (s->now->accounts.count > 0 || !s->now->demo_accounts || !server_config_is_loopback(s->now)) {
    return 0;
  }
  if (secret_keep("server", s->data, "demo-password", s->password, sizeof s->password, 12) != 0) {
    return -1;
  }
  return store(s, 1, "alice", s->password) == 0 ? store(s, 1, "bob", s->password) : -1;
}

/* Accounts that are no longer named stay: to lose one with all that is its takes `remove = true`. */
void server_accounts_reload(server *s, const server_config *old) {
  const server_account *accounts = old->accounts.items;
  for (size_t i = 0; i < old->accounts.count; i++) {
    if (!accounts[i].remove && find(s->now, accounts[i].name) == NULL) {
      server_say(s, IMP_LOG_INFO, accounts[i].name, "no longer named in the configuration; the account stays");
    }
  }
  apply(s, 0, old);
}
