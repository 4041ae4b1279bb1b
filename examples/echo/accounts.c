#include "accounts.h"

#include <stdio.h>
#include <string.h>

#include "common/secret.h"

#define ANY_ITERATIONS 4096

static imp_scram_keys *any_keys[3];
static const char *any_password;

int echo_any_account_init(const char *password) {
  static const char *const hashes[] = {"SHA-1", "SHA-256", "SHA-512"};
  int rv = IMP_OK;
  any_password = password;
  for (int i = 0; i < 3 && rv == IMP_OK; i++) {
    rv = imp_scram_keys_new(&any_keys[i], hashes[i], password, NULL, 0, ANY_ITERATIONS);
  }
  return rv;
}

/* The password is known in the clear, so PLAIN need not derive keys from what it gets. */
int echo_any_credential(imp_op *op, const char *username, void *user_data) {
  int rv = IMP_OK;
  (void)username;
  (void)user_data;
  for (int i = 0; i < 3 && rv == IMP_OK; i++) {
    imp_credential c = *imp_scram_keys_get(any_keys[i]);
    c.password = any_password;
    rv = imp_op_set_credential(op, &c);
  }
  if (rv == IMP_OK) {
    imp_op_done(op, IMP_OK);
  }
  return rv;
}

int echo_any_exists(imp_op *op, const char *username, void *user_data) {
  (void)username;
  (void)user_data;
  imp_op_done(op, IMP_OK);
  return IMP_OK;
}

void echo_any_account_free(void) {
  for (int i = 0; i < 3; i++) {
    imp_scram_keys_del(any_keys[i]);
    any_keys[i] = NULL;
  }
}

static int store(imp_node *node, const char *name, const char *password, imp_result_fn done, void *user_data) {
  if (imp_node_account_ensure(node, name, password, done, user_data) != IMP_OK) {
    fprintf(stderr, "echo: account %s: %s\n", name, imp_node_last_error(node));
    return -1;
  }
  return 0;
}

int echo_accounts_store(imp_node *node, const echo_options *o, char *password, imp_result_fn done, void *user_data) {
  password[0] = '\0';
  for (size_t i = 0; i < o->account_count; i++) {
    const char *name = o->accounts[i];
    if (store(node, name, name + strlen(name) + 1, done, user_data) != 0) {
      return -1;
    }
  }
  if (o->account_count > 0 || o->any_password != NULL || !o->loopback) {
    return (int)o->account_count;
  }
  if (secret_keep("echo", o->data, "demo-password", password, 64, 12) != 0 ||
      store(node, "alice", password, done, user_data) != 0 || store(node, "bob", password, done, user_data) != 0) {
    return -1;
  }
  return 2;
}
