#include "sasl/exchange.h"

#include <string.h>

#include "core/codec.h"
#include "core/mem.h"
#include "sasl/exchange_priv.h"
#include "sasl/mechanism.h"

#define FAILURES_DEFAULT 5
#define ATTEMPTS_DEFAULT 20

static int check_config(imp_sasl_exchange_config *config) {
  if (config->domain == NULL) {
    return IMP_ERR_INVALID_ARGUMENT;
  }
  config->max_failures = config->max_failures != 0 ? config->max_failures : FAILURES_DEFAULT;
  config->max_attempts = config->max_attempts != 0 ? config->max_attempts : ATTEMPTS_DEFAULT;
  return config->max_failures <= 100 && config->max_attempts <= 1000 ? IMP_OK : IMP_ERR_RANGE;
}

int imp_sasl_exchange_new(imp_sasl_exchange **ex_ptr, const imp_sasl_exchange_config *config) {
  imp_sasl_exchange_config own = *config;
  imp_sasl_exchange *ex;
  int rc = check_config(&own);

  if (rc != IMP_OK) {
    return rc;
  }
  ex = imp_calloc(1, sizeof *ex);
  if (ex == NULL) {
    return IMP_ERR_NOMEM;
  }
  ex->config = own;
  ex->config.params.size = sizeof ex->config.params;
  ex->domain = imp_strdup(own.domain);
  if (ex->domain == NULL) {
    imp_free(ex);
    return IMP_ERR_NOMEM;
  }
  ex->config.domain = ex->domain;
  ex->from = own.from != NULL ? imp_jid_ref((imp_jid *)(uintptr_t)own.from) : NULL;
  *ex_ptr = ex;
  return IMP_OK;
}

static void forget_user(imp_sasl_exchange *ex) {
  imp_jid_del(ex->user);
  ex->user = NULL;
}

/* Ends the attempt. Counts stay, and whose attempt it was, for whoever keeps a tally. */
static void forget(imp_sasl_exchange *ex) {
  imp_sasl_del(ex->sasl);
  ex->sasl = NULL;
  imp_stanza_del(ex->request);
  ex->request = NULL;
  ex->data = NULL;
  ex->datalen = 0;
  ex->phase = IMP_PHASE_IDLE;
}

void imp_sasl_exchange_del(imp_sasl_exchange *ex) {
  if (ex == NULL) {
    return;
  }
  forget(ex);
  forget_user(ex);
  imp_jid_del(ex->from);
  imp_free(ex->domain);
  imp_free_secret(ex, sizeof *ex);
}

int imp_sasl_exchange_fail(imp_sasl_exchange *ex, const char *condition, const char *text, int counted, imp_buf *out) {
  int rc = imp_exchange_write_failure(out, ex->sasl2, condition, text);
  size_t len = strlen(condition);

  len = len < sizeof ex->condition ? len : sizeof ex->condition - 1;
  memcpy(ex->condition, condition, len);
  ex->condition[len] = '\0';
  forget(ex);
  ex->counted = counted;
  ex->failures += counted ? 1 : 0;
  if (rc != IMP_OK) {
    return rc;
  }
  return ex->failures >= ex->config.max_failures || ex->attempts >= ex->config.max_attempts ? IMP_EXCHANGE_CLOSE
                                                                                           : IMP_EXCHANGE_FAILURE;
}

static int negotiation_failure(imp_sasl_exchange *ex, const char *condition, imp_buf *out) {
  return imp_sasl_exchange_fail(ex, condition, NULL, 0, out);
}

/* ---- who the client says it is ---- */

/* An authorisation identity is the user's own bare address, or none. */
static int authzid_is(const char *authzid, const imp_jid *user) {
  imp_jid *jid;
  int same;
  if (authzid[0] == '\0') {
    return 1;
  }
  if (imp_jid_new(&jid, authzid, strlen(authzid)) != IMP_OK) {
    return 0;
  }
  same = imp_jid_is_bare(jid) && imp_jid_equal(jid, user);
  imp_jid_del(jid);
  return same;
}

/* A name that is no address's local part leaves ex->user NULL: there can be no such user. */
static int find_user(imp_sasl_exchange *ex) {
  int rc;
  forget_user(ex);
  rc = imp_jid_new_parts(&ex->user, imp_sasl_username(ex->sasl), ex->domain, NULL);
  if (rc != IMP_OK) {
    ex->user = NULL;
  }
  return rc == IMP_ERR_NOMEM ? rc : IMP_OK;
}

/* The condition if the identities do not fit each other, NULL if they do. */
static const char *check_identity(const imp_sasl_exchange *ex, const imp_jid *user) {
  if (user == NULL) {
    return NULL;
  }
  if (!authzid_is(imp_sasl_authzid(ex->sasl), user)) {
    return "invalid-authzid";
  }
  if (ex->sasl2 && ex->from != NULL && !imp_jid_equal_bare(ex->from, user)) {
    return "invalid-authzid";
  }
  return NULL;
}

/* ---- steps ---- */

static int settle(imp_sasl_exchange *ex, imp_sasl_result result, const void *data, size_t len, imp_buf *out);

static int unknown_user(imp_sasl_exchange *ex, imp_buf *out) {
  const void *data;
  size_t len;
  imp_sasl_result result = imp_sasl_credential(ex->sasl, NULL, &data, &len);
  return settle(ex, result, data, len, out);
}

static int ask_credential(imp_sasl_exchange *ex, imp_buf *out) {
  const char *condition;
  int rc = find_user(ex);

  if (rc != IMP_OK) {
    return rc;
  }
  condition = check_identity(ex, ex->user);
  if (condition != NULL) {
    return imp_sasl_exchange_fail(ex, condition, NULL, 1, out);
  }
  if (ex->user == NULL) {
    return unknown_user(ex, out);
  }
  ex->phase = IMP_PHASE_CREDENTIAL;
  return IMP_EXCHANGE_NEED_CREDENTIAL;
}

static int is_ht(const imp_sasl_exchange *ex) { return (ex->mechanism & IMP_SASL_ALL_HT) != 0; }

static int ask_host(imp_sasl_exchange *ex, imp_buf *out) {
  if (is_ht(ex)) {
    const char *condition;
    int rc = find_user(ex);
    if (rc != IMP_OK) {
      return rc;
    }
    condition = ex->user != NULL ? check_identity(ex, ex->user) : "not-authorized";
    if (condition != NULL) {
      return imp_sasl_exchange_fail(ex, condition, NULL, 1, out);
    }
  }
  ex->phase = IMP_PHASE_HOST;
  return IMP_EXCHANGE_NEED_HOST;
}

static int succeed(imp_sasl_exchange *ex, const void *data, size_t len) {
  ex->phase = IMP_PHASE_SUCCEEDED;
  ex->data = data;
  ex->datalen = len;
  return IMP_EXCHANGE_SUCCESS;
}

static int settle(imp_sasl_exchange *ex, imp_sasl_result result, const void *data, size_t len, imp_buf *out) {
  const char *condition, *text;
  int rc;

  switch (result) {
    case IMP_SASL_CONTINUE:
      rc = imp_exchange_write_challenge(out, ex->sasl2, data, len);
      ex->phase = IMP_PHASE_CLIENT;
      return rc == IMP_OK ? IMP_EXCHANGE_CONTINUE : rc;
    case IMP_SASL_NEED_CREDENTIAL:
      return ask_credential(ex, out);
    case IMP_SASL_NEED_HOST:
      return ask_host(ex, out);
    case IMP_SASL_SUCCESS:
      return succeed(ex, data, len);
    case IMP_SASL_FAILURE:
      break;
  }
  condition = imp_sasl_condition(ex->sasl, &text);
  return imp_sasl_exchange_fail(ex, condition, text, !imp_sasl_failure_is_negotiation(ex->sasl), out);
}

static int step(imp_sasl_exchange *ex, const imp_elem *elem, imp_buf *out) {
  imp_message message;
  imp_sasl_result result;
  const void *data = NULL;
  size_t len = 0;
  int rc = IMP_OK;

  memset(&message, 0, sizeof message);
  if (elem != NULL) {
    rc = imp_message_read(&message, elem, ex->sasl2);
  }
  if (rc == IMP_ERR_MALFORMED) {
    return negotiation_failure(ex, "incorrect-encoding", out);
  }
  if (rc != IMP_OK) {
    return rc;
  }
  if (message.data == NULL && ex->phase == IMP_PHASE_CLIENT) {
    result = imp_sasl_step(ex->sasl, "", 0, &data, &len); /* <response/> without text is an empty message */
  } else {
    result = imp_sasl_step(ex->sasl, message.data, message.len, &data, &len);
  }
  imp_message_free(&message);
  return settle(ex, result, data, len, out);
}

/* Why a mechanism that was not offered cannot be had. */
static const char *why_not(const imp_sasl_exchange *ex, const char *name) {
  const uint32_t bit = name != NULL ? imp_sasl_mechanism_by_name(name, strlen(name)) : 0;
  return bit != 0 && ex->config.params.binding == NULL && imp_mechanism_by_bit(bit)->tls ? "encryption-required"
                                                                                         : "invalid-mechanism";
}

/* A count that cannot be read must not pass for none: it guards against replays. */
static int has_good_fast(const imp_sasl_exchange *ex) {
  const imp_elem *fast = imp_sasl_exchange_inline(ex, "fast", IMP_NS_FAST);
  const char *count = fast != NULL ? imp_elem_attr(fast, "count") : NULL;
  uint64_t value;
  return fast != NULL && (count == NULL || imp_parse_u64(&value, count) == IMP_OK);
}

static int begin(imp_sasl_exchange *ex, imp_stanza *st, imp_buf *out) {
  const imp_elem *root = imp_stanza_root(st);
  const char *name = imp_elem_attr(root, "mechanism");
  uint32_t offered = ex->sasl2 ? ex->config.sasl2 | ex->config.fast : ex->config.sasl1;
  imp_sasl_params params = ex->config.params;
  int rc;

  ex->attempts++;
  ex->mechanism = name != NULL ? imp_sasl_mechanism_by_name(name, strlen(name)) & offered : 0;
  if (ex->mechanism == 0) {
    return negotiation_failure(ex, why_not(ex, name), out);
  }
  params.plus_offered = (offered & IMP_SASL_ALL_PLUS) != 0;
  rc = imp_sasl_new(&ex->sasl, ex->mechanism, &params);
  if (rc == IMP_ERR_DENIED) {
    return negotiation_failure(ex, why_not(ex, name), out);
  }
  if (rc != IMP_OK) {
    return rc;
  }
  if (!ex->sasl2) {
    return step(ex, root, out);
  }
  ex->request = imp_stanza_ref(st);
  if (is_ht(ex) && !has_good_fast(ex)) {
    return negotiation_failure(ex, "malformed-request", out);
  }
  return step(ex, imp_elem_child(root, "initial-response", IMP_NS_SASL2), out);
}

/* ---- elements ---- */

static int is_begin(const imp_elem *root, int sasl2) {
  return imp_elem_is(root, sasl2 ? "authenticate" : "auth", sasl2 ? IMP_NS_SASL2 : IMP_NS_SASL);
}

int imp_sasl_exchange_wants(const imp_elem *root) {
  const char *ns = imp_elem_ns(root);
  return strcmp(ns, IMP_NS_SASL) == 0 || strcmp(ns, IMP_NS_SASL2) == 0;
}

int imp_sasl_exchange_recv(imp_sasl_exchange *ex, imp_stanza *st, imp_buf *out) {
  const imp_elem *root = imp_stanza_root(st);
  int sasl2 = strcmp(imp_elem_ns(root), IMP_NS_SASL2) == 0;
  const char *name = imp_elem_name(root);

  if (!imp_sasl_exchange_wants(root)) {
    return IMP_ERR_INVALID_ARGUMENT;
  }
  if (ex->phase == IMP_PHASE_SUCCEEDED) {
    return IMP_ERR_STATE;
  }
  if (ex->phase == IMP_PHASE_IDLE) {
    ex->sasl2 = sasl2;
    forget_user(ex);
    if (is_begin(root, sasl2)) {
      return begin(ex, st, out);
    }
    ex->attempts++;
  } else if (sasl2 == ex->sasl2) {
    if (ex->phase == IMP_PHASE_CLIENT && strcmp(name, "response") == 0) {
      return step(ex, root, out);
    }
    if (strcmp(name, "abort") == 0) {
      return negotiation_failure(ex, "aborted", out);
    }
  }
  return negotiation_failure(ex, "malformed-request", out);
}

int imp_sasl_exchange_credential(imp_sasl_exchange *ex, const imp_credential *credential, imp_buf *out) {
  imp_sasl_result result;
  const void *data;
  size_t len;

  if (ex->phase != IMP_PHASE_CREDENTIAL) {
    return IMP_ERR_STATE;
  }
  result = imp_sasl_credential(ex->sasl, credential, &data, &len);
  return settle(ex, result, data, len, out);
}

int imp_sasl_exchange_decide(imp_sasl_exchange *ex, imp_jid *who, const void *token, size_t tokenlen, imp_buf *out) {
  imp_sasl_result result;
  const void *data;
  size_t len;

  if (ex->phase != IMP_PHASE_HOST) {
    return IMP_ERR_STATE;
  }
  if (who != NULL) {
    const char *condition = ex->mechanism == IMP_SASL_ANONYMOUS ? NULL : check_identity(ex, who);
    if (condition != NULL) {
      return imp_sasl_exchange_fail(ex, condition, NULL, 1, out);
    }
    imp_jid_ref(who);
    imp_jid_del(ex->user);
    ex->user = who;
  }
  result = imp_sasl_decide(ex->sasl, who != NULL ? imp_jid_bare(who) : NULL, token, tokenlen, &data, &len);
  return settle(ex, result, data, len, out);
}

int imp_sasl_exchange_success(imp_sasl_exchange *ex, const imp_jid *who, const char *inlined, size_t inlinedlen,
                              imp_buf *out) {
  if (ex->phase != IMP_PHASE_SUCCEEDED) {
    return IMP_ERR_STATE;
  }
  return imp_exchange_write_success(out, ex->sasl2, ex->data, ex->datalen, imp_jid_full(who != NULL ? who : ex->user),
                                    inlined, inlinedlen);
}

int imp_sasl_exchange_continue(imp_sasl_exchange *ex, const char *const *tasks, size_t ntasks, const char *text,
                               imp_buf *out) {
  int rc;
  if (ex->phase != IMP_PHASE_SUCCEEDED || !ex->sasl2 || ntasks == 0) {
    return IMP_ERR_STATE;
  }
  rc = imp_exchange_write_continue(out, ex->data, ex->datalen, tasks, ntasks, text);
  if (rc == IMP_OK) {
    ex->data = NULL; /* said once */
    ex->datalen = 0;
  }
  return rc;
}

void imp_sasl_exchange_resemble(imp_sasl_exchange *ex, uint32_t clear_passwords, const char *fake_hash) {
  ex->config.params.clear_passwords = clear_passwords;
  ex->config.params.fake_hash = fake_hash;
}

/* ---- accessors ---- */

uint32_t imp_sasl_exchange_mechanism(const imp_sasl_exchange *ex) { return ex->mechanism; }

int imp_sasl_exchange_is_sasl2(const imp_sasl_exchange *ex) { return ex->sasl2; }

imp_jid *imp_sasl_exchange_user(const imp_sasl_exchange *ex) { return ex->user; }

const imp_sasl *imp_sasl_exchange_sasl(const imp_sasl_exchange *ex) { return ex->sasl; }

const char *imp_sasl_exchange_hash(const imp_sasl_exchange *ex) {
  return ex->sasl != NULL ? imp_sasl_hash(ex->sasl) : NULL;
}

int imp_sasl_exchange_counted(const imp_sasl_exchange *ex) { return ex->counted; }

const char *imp_sasl_exchange_condition(const imp_sasl_exchange *ex) { return ex->condition; }
