/* Who may log in. */
#ifndef ECHO_ACCOUNTS_H
#define ECHO_ACCOUNTS_H

#include <imp/imp.h>

#include "options.h"

/* Callbacks for --any-account: every name has the password, whose keys are derived once. */
int echo_any_account_init(const char *password);
int echo_any_credential(imp_op *op, const char *username, void *user_data);
int echo_any_exists(imp_op *op, const char *username, void *user_data);
void echo_any_account_free(void);

/*
 * Stores the accounts that were given, but for those that are there with this password: their keys stay, and with them
 * what clients see of them. Without any, on loopback: alice and bob, with a password that is made once and kept in
 * DIR/demo-password; `password` (64 bytes) receives it, "" if there are no such accounts. Returns how many are on their
 * way to the store (`done` is called for each), or a negative number after saying what went wrong.
 */
int echo_accounts_store(imp_node *node, const echo_options *options, char *password, imp_result_fn done,
                        void *user_data);

#endif
