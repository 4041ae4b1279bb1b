/* Every key there is.  One that is added here is read, checked, listed and compared; say in server.conf what it does. */
#include <stdio.h>
#include <string.h>

#include "config.h"

#define AT(type, member) offsetof(type, member)
#define NUMBER(name, type, member, flags, min, max) {name, SERVER_NUMBER, flags, AT(type, member), min, max, NULL, NULL}
#define SWITCH(name, type, member, flags) {name, SERVER_SWITCH, flags, AT(type, member), 0, 1, NULL, NULL}
#define WORD(name, type, member, flags, words) {name, SERVER_WORD, flags, AT(type, member), 0, 0, words, NULL}
#define TEXT(name, type, member, flags, min, max) {name, SERVER_TEXT, flags, AT(type, member), min, max, NULL, NULL}
#define GROUP(name, type, member, group) {name, SERVER_GROUP, 0, AT(type, member), 0, 0, NULL, group}
#define LIST(name, type, member, flags, max, group) {name, SERVER_LIST, flags, AT(type, member), 0, max, NULL, group}
#define END {NULL, SERVER_NUMBER, 0, 0, 0, 0, NULL, NULL}

#define NAME_MAX_BYTES 1023
#define URL_MAX_BYTES 2048
#define U32_MAX 4294967295

/* ---- listeners, accounts ---- */

static const char *const kinds[] = {"starttls", "direct", "ws", "wss", NULL};

static const server_key listener_keys[] = {
    WORD("kind", server_listener, kind, SERVER_REQUIRED, kinds),
    TEXT("address", server_listener, address, 0, 1, 64),
    NUMBER("port", server_listener, port, SERVER_REQUIRED, 1, 65535),
    SWITCH("proxy_protocol", server_listener, proxy_protocol, 0),
    SWITCH("allow_plaintext", server_listener, allow_plaintext, 0),
    END,
};

static void listener_init(void *target, const config_setting_t *setting) {
  (void)setting;
  ((server_listener *)target)->address = "127.0.0.1";
}

static int listener_check(const void *target, char *text, size_t textlen) {
  const server_listener *l = target;
  if (!server_is_address(l->address)) {
    snprintf(text, textlen, "address \"%s\": an IP address is wanted", l->address);
    return -1;
  }
  if (l->allow_plaintext && (l->kind == SERVER_DIRECT || l->kind == SERVER_WSS)) {
    snprintf(text, textlen, "allow_plaintext: not with kind \"%s\", which is encrypted", kinds[l->kind]);
    return -1;
  }
  if (l->allow_plaintext && !server_address_is_loopback(l->address)) {
    snprintf(text, textlen, "allow_plaintext: for loopback addresses only");
    return -1;
  }
  return 0;
}

static const server_group listener = {listener_keys, sizeof(server_listener), listener_init, NULL, listener_check};

static const server_key account_keys[] = {
    TEXT("name", server_account, name, SERVER_REQUIRED, 1, NAME_MAX_BYTES),
    TEXT("password", server_account, password, SERVER_SECRET, 0, 1023),
    SWITCH("remove", server_account, remove, 0),
    END,
};

static int account_check(const void *target, char *text, size_t textlen) {
  const server_account *a = target;
  if ((a->password != NULL) == (a->remove != 0)) {
    snprintf(text, textlen, "account \"%.200s\": either a password or remove = true", a->name);
    return -1;
  }
  return server_user_check(a->name, text, textlen);
}

static const server_group account = {account_keys, sizeof(server_account), NULL, NULL, account_check};

/* ---- log, TLS, HTTP ---- */

static const char *const formats[] = {"text", "json", "quiet", NULL};
static const char *const levels[] = {"error", "warn", "info", "debug", "trace", NULL};

static const server_key log_keys[] = {
    WORD("format", server_config, log_format, SERVER_RELOAD, formats),
    WORD("level", server_config, node.log_level, SERVER_RELOAD, levels),
    END,
};
static const server_group log_group = {log_keys, sizeof(server_config), NULL, NULL, NULL};

static const server_key tls_keys[] = {
    TEXT("certificate", server_tls_config, certificate, SERVER_RELOAD, 0, SERVER_PATH_MAX),
    TEXT("key", server_tls_config, key, SERVER_RELOAD, 0, SERVER_PATH_MAX),
    TEXT("client_ca", server_tls_config, client_ca, SERVER_RELOAD, 0, SERVER_PATH_MAX),
    END,
};

static int tls_check(const void *target, char *text, size_t textlen) {
  const server_tls_config *tls = target;
  if ((tls->certificate == NULL) != (tls->key == NULL)) {
    snprintf(text, textlen, "certificate and key go together");
    return -1;
  }
  return 0;
}
static const server_group tls = {tls_keys, sizeof(server_tls_config), NULL, NULL, tls_check};

static const server_key http_keys[] = {
    SWITCH("enabled", server_http_config, enabled, 0),
    TEXT("address", server_http_config, address, 0, 1, 64),
    NUMBER("port", server_http_config, port, 0, 1, 65535),
    TEXT("token", server_http_config, token, SERVER_RELOAD | SERVER_SECRET, 0, 256),
    NUMBER("max_connections", server_http_config, max_connections, 0, 1, 10000),
    NUMBER("max_per_address", server_http_config, max_per_address, 0, 1, 10000),
    NUMBER("max_header_bytes", server_http_config, max_header_bytes, 0, 4096, 65536),
    NUMBER("max_body_bytes", server_http_config, max_body_bytes, 0, 1024, 16 << 20),
    NUMBER("timeout", server_http_config, timeout, 0, 1, 300),
    END,
};

static int http_check(const void *target, char *text, size_t textlen) {
  const server_http_config *http = target;
  if (!server_is_address(http->address)) {
    snprintf(text, textlen, "address \"%s\": an IP address is wanted", http->address);
    return -1;
  }
  if (http->token != NULL && strlen(http->token) < 16) {
    snprintf(text, textlen, "token: 16 bytes at least; \"\": one is made");
    return -1;
  }
  return 0;
}
static const server_group http = {http_keys, sizeof(server_http_config), NULL, NULL, http_check};

/* ---- the node ---- */

static const char *const conflicts[] = {"replace", "refuse", "rename", NULL};
/* In the order of the bits of IMP_SASL_…. */
static const char *const mechanisms[] = {"PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512", "SCRAM-SHA-1-PLUS",
                                         "SCRAM-SHA-256-PLUS", "SCRAM-SHA-512-PLUS", "EXTERNAL", "ANONYMOUS",
                                         "OAUTHBEARER", "HT-SHA-256-NONE", "HT-SHA-256-UNIQ", "HT-SHA-256-ENDP",
                                         "HT-SHA-256-EXPR", NULL};

static const server_key login_keys[] = {
    {"mechanisms", SERVER_WORDS, 0, AT(imp_settings, mechanisms), 0, 0, mechanisms, NULL},
    NUMBER("scram_iterations", imp_settings, scram_iterations, 0, 4096, 10000000),
    SWITCH("fast", imp_settings, fast, 0),
    NUMBER("timeout", imp_settings, preauth_timeout, 0, 1, 300),
    NUMBER("attempts", imp_settings, auth_attempts, 0, 1, 20),
    NUMBER("max_stanza_bytes", imp_settings, max_preauth_stanza_bytes, 0, 4096, 262144),
    NUMBER("max_bytes", imp_settings, max_preauth_bytes, 0, 8192, 1 << 20),
    NUMBER("max_connections", imp_settings, max_preauth_connections, 0, 1, 100000000),
    END,
};

static int login_check(const void *target, char *text, size_t textlen) {
  const imp_settings *s = target;
  if ((s->mechanisms & IMP_SASL_OAUTHBEARER) != 0) {
    snprintf(text, textlen, "mechanisms: this server cannot judge the tokens of OAUTHBEARER");
    return -1;
  }
  if (s->mechanisms == 0) {
    snprintf(text, textlen, "mechanisms: at least one is needed");
    return -1;
  }
  return 0;
}
static const server_group login = {login_keys, sizeof(imp_settings), NULL, NULL, login_check};

static const server_key session_keys[] = {
    WORD("conflict", imp_settings, conflict, 0, conflicts),
    NUMBER("max_per_user", imp_settings, max_sessions_per_user, 0, 1, 1000),
    SWITCH("durable", imp_settings, durable, 0),
    END,
};
static const server_group sessions = {session_keys, sizeof(imp_settings), NULL, NULL, NULL};

static const server_key limit_keys[] = {
    NUMBER("max_stanza_bytes", imp_settings, max_stanza_bytes, 0, 10000, 16 << 20),
    NUMBER("max_output_bytes", imp_settings, max_output_bytes, 0, 65536, 256 << 20),
    NUMBER("recv_rate", imp_settings, recv_rate, 0, 0, U32_MAX),
    NUMBER("max_connections", imp_settings, max_connections, 0, 1, 100000000),
    NUMBER("op_timeout", imp_settings, op_timeout, 0, 1, 600),
    NUMBER("xml_contexts", imp_settings, xml_contexts, 0, 2, 4096),
    END,
};
static const server_group limits = {limit_keys, sizeof(imp_settings), NULL, NULL, NULL};

static const server_key offline_keys[] = {
    NUMBER("max", imp_settings, offline_max, 0, 0, 1000000),
    END,
};
static const server_group offline = {offline_keys, sizeof(imp_settings), NULL, NULL, NULL};

/* ---- stream management: `profile` comes first, since ranges depend on it ---- */

static const char *const profiles[] = {"strict", "lifted", NULL};
static const char *const policies[] = {"return", "store", "redirect", NULL};

static const server_key sm_keys[] = {
    SWITCH("enabled", imp_sm_settings, enabled, SERVER_RELOAD),
    WORD("profile", imp_sm_settings, profile, SERVER_RELOAD, profiles),
    NUMBER("timeout", imp_sm_settings, timeout, SERVER_RELOAD, 1, 86400),
    NUMBER("buffer_packets", imp_sm_settings, buffer_packets, SERVER_RELOAD, 1, 65536),
    {"buffer_bytes", SERVER_BIG, SERVER_RELOAD, AT(imp_sm_settings, buffer_bytes), 4096, 1 << 30, NULL, NULL},
    NUMBER("ack_rate", imp_sm_settings, ack_rate, SERVER_RELOAD, 1, 4096),
    WORD("policy", imp_sm_settings, policy, SERVER_RELOAD, policies),
    NUMBER("max_hibernated", imp_sm_settings, max_hibernated, SERVER_RELOAD, 1, 10000),
    NUMBER("handled_time", imp_sm_settings, handled_time, SERVER_RELOAD, 0, 2592000),
    NUMBER("handled_max", imp_sm_settings, handled_max, SERVER_RELOAD, 0, 10000000),
    END,
};

static int sm_check(const void *target, char *text, size_t textlen) {
  return imp_sm_settings_check(target, text, textlen);
}
static const server_group sm = {sm_keys, sizeof(imp_sm_settings), NULL, sm_check, NULL};

/* ---- everything ---- */

static const server_key keys[] = {
    TEXT("domain", server_config, node.domain, 0, 1, 1023),
    TEXT("data", server_config, data, 0, 0, 900),
    TEXT("node_name", server_config, node.node_name, 0, 0, 32),
    TEXT("software", server_config, node.software, 0, 1, 256),
    {"log", SERVER_GROUP, 0, 0, 0, 0, NULL, &log_group},
    GROUP("tls", server_config, tls, &tls),
    LIST("listeners", server_config, listeners, 0, 64, &listener),
    LIST("accounts", server_config, accounts, SERVER_RELOAD, 10000, &account),
    SWITCH("demo_accounts", server_config, demo_accounts, 0),
    GROUP("login", server_config, node, &login),
    GROUP("sessions", server_config, node, &sessions),
    GROUP("sm", server_config, sm, &sm),
    TEXT("sm_location", server_config, node.sm_location, 0, 0, 270),
    GROUP("limits", server_config, node, &limits),
    GROUP("offline", server_config, node, &offline),
    GROUP("roster", server_config, roster, &server_roster_keys),
    GROUP("pep", server_config, pep, &server_pep_keys),
    GROUP("http", server_config, http, &http),
    GROUP("status", server_config, status, &server_status_keys),
    GROUP("calendar", server_config, calendar, &server_calendar_keys),
    END,
};

const server_group server_keys = {keys, sizeof(server_config), NULL, NULL, NULL};
