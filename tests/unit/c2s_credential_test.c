/*
 * Credentials that the host gives: whatever it keeps, a user that does not exist costs what a wrong password does.
 *
 * Nearly all of the cost are iterations of PBKDF2. They are counted here, at GnuTLS's door.
 */
#include "alloc_fail.h"
#include "core/codec.h"
#include "node/node.h"
#include "sasl_client.h"
#include "world.h"

#include <dlfcn.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>

static world w;
static client c[1];
static imp_settings settings;
static uint64_t iterations; /* of PBKDF2, by whomever */

/* In the place of GnuTLS's own. */
int gnutls_pbkdf2(gnutls_mac_algorithm_t mac, const gnutls_datum_t *key, const gnutls_datum_t *salt, unsigned count,
                  void *output, size_t length) {
  int (*real)(gnutls_mac_algorithm_t, const gnutls_datum_t *, const gnutls_datum_t *, unsigned, void *, size_t);
  void *symbol = dlsym(RTLD_NEXT, "gnutls_pbkdf2");
  memcpy(&real, &symbol, sizeof(real));
  iterations += count;
  return real(mac, key, salt, count, output, length);
}

/* What the host keeps of its users, "alice" and "bob": every name else is unknown. */
static struct {
  int clear, keys;
  const char *hashes[3];
} kept;

static int give_keys(imp_op *op, const char *hash) {
  imp_scram_keys *keys;
  int rv = imp_scram_keys_new(&keys, hash, "pass", "saltsaltsaltsalt", 16, settings.scram_iterations);
  if (rv == IMP_OK) {
    rv = imp_op_set_credential(op, imp_scram_keys_get(keys));
    imp_scram_keys_del(keys);
  }
  return rv;
}

static int get_credential(imp_op *op, const char *username, void *user_data) {
  imp_credential clear = {.size = sizeof(clear), .password = "pass"};
  int rv = IMP_OK;
  uint64_t before = iterations;
  (void)user_data;
  if (strcmp(username, "alice") != 0 && strcmp(username, "bob") != 0) {
    return IMP_ERR_DENIED;
  }
  if (kept.clear) {
    rv = imp_op_set_credential(op, &clear);
  }
  for (int i = 0; kept.keys && i < 3 && kept.hashes[i] != NULL && rv == IMP_OK; i++) {
    rv = give_keys(op, kept.hashes[i]);
  }
  iterations = before; /* the host would have them */
  imp_op_done(op, rv);
  return IMP_OK;
}

static void close_all(void *unused) {
  (void)unused;
  if (c[0].w != NULL) {
    client_free(&c[0]);
  }
  memset(c, 0, sizeof(c));
  world_close(&w);
}

static void open_world(void) {
  unit_skip_alloc_fail();
  memset(c, 0, sizeof(c));
  memset(&w, 0, sizeof(w));
  imp_settings_default(&settings, sizeof(settings));
  settings.scram_iterations = 5000;
  settings.auth_attempts = 20;
  unit_own(close_all, &w);
  world_open(&w, &settings, 1);
  w.node->callbacks.get_credential = get_credential;
}

static void send_sasl(const char *element, const char *mechanism, const char *data, size_t len) {
  char b64[1500], xml[2000], attribute[64] = "";
  (void)imp_base64_encode(b64, data, len);
  if (mechanism != NULL) {
    snprintf(attribute, sizeof(attribute), " mechanism='%s'", mechanism);
  }
  snprintf(xml, sizeof(xml), "<%s xmlns='urn:ietf:params:xml:ns:xmpp-sasl'%s>%s</%s>", element, attribute, b64, element);
  client_send(&c[0], xml);
  world_run(&w, c, 1);
}

static void plain(const char *user, const char *password) {
  char text[100];
  int len = snprintf(text, sizeof(text), "%c%s%c%s", 0, user, 0, password);
  send_sasl("auth", "PLAIN", text, (size_t)len);
}

/* Returns what the server said first. */
static void scram(const char *hash, const char *user, const char *password, char *first, size_t cap) {
  char mechanism[32], bare[64], message[100];
  uint8_t raw[600];
  size_t len;
  sasl_final final;
  uint64_t before;
  snprintf(mechanism, sizeof(mechanism), "SCRAM-%s", hash);
  snprintf(bare, sizeof(bare), "n=%s,r=fyko", user);
  snprintf(message, sizeof(message), "n,,%s", bare);
  send_sasl("auth", mechanism, message, strlen(message));
  const char *text = imp_elem_text(imp_stanza_root(client_expect(&c[0], "challenge", NULL)), NULL);
  assert_true(strlen(text) < 800);
  assert_int_equal(imp_base64_decode(raw, &len, text, strlen(text)), IMP_OK);
  snprintf(first, cap, "%.*s", (int)len, (const char *)raw);
  before = iterations;
  sasl_scram_final(&final, hash, password, "n,,", NULL, 0, bare, first, strlen(first));
  iterations = before; /* the client's */
  send_sasl("response", NULL, final.message, strlen(final.message));
}

static void attempt(const char *mechanism, const char *user, const char *password) {
  char first[600];
  if (c[0].w == NULL || c[0].conn == NULL) {
    if (c[0].w != NULL) {
      client_free(&c[0]);
    }
    client_init(&c[0], &w, user, "r");
    client_connect(&c[0]);
    world_run(&w, c, 1);
    (void)client_expect(&c[0], "features", NULL);
  }
  if (strcmp(mechanism, "PLAIN") == 0) {
    plain(user, password);
  } else {
    scram(mechanism, user, password, first, sizeof(first));
  }
}

static uint64_t cost(const char *mechanism, const char *user) {
  iterations = 0;
  attempt(mechanism, user, "wrong");
  (void)client_expect(&c[0], "failure", "not-authorized");
  world_wait(&w, c, 1, 1 * IMP_SECONDS);
  return iterations;
}

/* Once it has been asked for somebody whom it knows. */
static void hides(const char *mechanism, uint64_t expected) {
  uint64_t wrong = cost(mechanism, "alice"), unknown = cost(mechanism, "carol");
  assert_int_equal(wrong, expected);
  assert_int_equal(unknown, wrong);
  assert_int_equal(cost(mechanism, "bob"), wrong);
}

static void opens(const char *mechanism) {
  attempt(mechanism, "alice", "pass");
  (void)client_expect(&c[0], "success", NULL);
  client_free(&c[0]);
  memset(c, 0, sizeof(c));
}

static void passwords_in_the_clear(void **state) {
  (void)state;
  open_world();
  kept.clear = 1;
  kept.keys = 0;
  hides("SHA-1", 5000);
  hides("SHA-256", 5000);
  hides("PLAIN", 0);
  opens("SHA-1");
  opens("SHA-512");
  opens("PLAIN");
}

static void keys_only(void **state) {
  (void)state;
  open_world();
  kept.clear = 0;
  kept.keys = 1;
  kept.hashes[0] = "SHA-1", kept.hashes[1] = "SHA-256", kept.hashes[2] = "SHA-512";
  hides("SHA-256", 0);
  hides("PLAIN", 5000);
  opens("SHA-512");
  opens("PLAIN");
  kept.hashes[0] = "SHA-512", kept.hashes[1] = NULL;
  hides("SHA-512", 0);
  hides("SHA-1", 0); /* nobody can log in so, and nobody learns why */
  hides("PLAIN", 5000);
  opens("PLAIN");
}

static void both(void **state) {
  (void)state;
  open_world();
  kept.clear = 1;
  kept.keys = 1;
  kept.hashes[0] = "SHA-1", kept.hashes[1] = "SHA-256", kept.hashes[2] = "SHA-512";
  hides("SHA-256", 0);
  opens("SHA-256");
  kept.hashes[0] = "SHA-256", kept.hashes[1] = NULL;
  hides("SHA-1", 5000); /* made of the password */
  opens("SHA-1");
}

static void a_host_that_changes_its_mind(void **state) {
  (void)state;
  open_world();
  kept.clear = 0;
  kept.keys = 1;
  kept.hashes[0] = "SHA-256", kept.hashes[1] = NULL;
  hides("SHA-256", 0);
  kept.clear = 1;
  kept.keys = 0;
  hides("SHA-256", 5000); /* on a connection that was there before */
}

static void accounts_in_the_store(void **state) {
  (void)state;
  open_world();
  w.node->callbacks.get_credential = NULL;
  assert_int_equal(imp_node_account_set(w.node, "alice", "pass", NULL, NULL), IMP_OK);
  assert_int_equal(imp_node_account_set(w.node, "bob", "pass", NULL, NULL), IMP_OK);
  world_run(&w, c, 0);
  hides("SHA-256", 0);
  hides("PLAIN", 5000);
  opens("SHA-1");
  opens("PLAIN");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(passwords_in_the_clear),
      cmocka_unit_test(keys_only),
      cmocka_unit_test(both),
      cmocka_unit_test(a_host_that_changes_its_mind),
      cmocka_unit_test(accounts_in_the_store),
  };
  return unit_run("c2s_credential", tests);
}
