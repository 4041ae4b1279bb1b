/* Keys of calendars: the gateways that they are read from, and whose mailbox is whose. */
#include <stdio.h>
#include <string.h>

#include "config.h"

#define AT(type, member) offsetof(type, member)
#define NUMBER(name, min, max) {#name, SERVER_NUMBER, 0, AT(imp_gateway, name), min, max, NULL, NULL}
#define SWITCH(name) {#name, SERVER_SWITCH, 0, AT(imp_gateway, name), 0, 1, NULL, NULL}
#define TEXT(name, flags, max) {#name, SERVER_TEXT, flags, AT(imp_gateway, name), 0, max, NULL, NULL}
#define END {NULL, SERVER_NUMBER, 0, 0, 0, 0, NULL, NULL}

static const char *const kinds[] = {"ews", "graph", "caldav", NULL};
static const char *const auths[] = {"none", "basic", "digest", "ntlm", "negotiate", "bearer", NULL};

/* Ranges that depend on the kind are imp_gateway_check()'s. */
static const server_key gateway_keys[] = {
    {"name", SERVER_TEXT, SERVER_REQUIRED, AT(imp_gateway, name), 1, IMP_CALENDAR_NAME_MAX, NULL, NULL},
    {"kind", SERVER_WORD, SERVER_REQUIRED, AT(imp_gateway, kind), 0, 0, kinds, NULL},
    TEXT(url, 0, 2048),
    TEXT(autodiscover_url, 0, 2048),
    {"auth", SERVER_WORD, 0, AT(imp_gateway, auth), 0, 0, auths, NULL},
    TEXT(username, 0, 1023),
    TEXT(secret, SERVER_SECRET, 16384),
    TEXT(token_url, 0, 2048),
    TEXT(client_id, 0, 1023),
    TEXT(client_secret, SERVER_SECRET, 16384),
    TEXT(scope, 0, 2048),
    TEXT(ca_file, 0, SERVER_PATH_MAX),
    TEXT(proxy, 0, 2048),
    SWITCH(impersonate),
    NUMBER(poll_seconds, 15, 86400),
    NUMBER(window_hours, 1, 1440),
    NUMBER(batch, 1, 100),
    NUMBER(concurrency, 1, 64),
    NUMBER(timeout_seconds, 5, 600),
    SWITCH(out_of_office),
    NUMBER(oof_seconds, 60, 86400),
    SWITCH(notify),
    NUMBER(notified_seconds, 60, 86400),
    NUMBER(streams, 1, 10),
    NUMBER(subscriptions, 1, 200),
    NUMBER(stream_minutes, 1, 30),
    TEXT(webhook_url, 0, 2048),
    TEXT(client_state, SERVER_SECRET, 128),
    NUMBER(subscription_minutes, 45, 10070),
    END,
};

/* What is usual depends on the kind, which is looked up ahead. */
static void gateway_init(void *target, const config_setting_t *setting) {
  const char *word = NULL;
  imp_gateway_kind kind = IMP_GATEWAY_EWS;
  if (setting != NULL && config_setting_is_group(setting) && config_setting_lookup_string(setting, "kind", &word)) {
    for (int i = 0; kinds[i] != NULL; i++) {
      kind = strcmp(kinds[i], word) == 0 ? (imp_gateway_kind)i : kind;
    }
  }
  imp_gateway_default(target, sizeof(imp_gateway), kind);
}

static int gateway_check(const void *target, char *text, size_t textlen) {
  return imp_gateway_check(target, text, textlen);
}

const server_group server_gateway_keys = {gateway_keys, sizeof(imp_gateway), gateway_init, NULL, gateway_check};

#define MAILBOX(name, flags, min, max) {#name, SERVER_TEXT, flags, AT(imp_mailbox, name), min, max, NULL, NULL}

static const server_key mailbox_keys[] = {
    MAILBOX(user, SERVER_REQUIRED, 1, IMP_CALENDAR_NAME_MAX),
    MAILBOX(gateway, SERVER_REQUIRED, 1, IMP_CALENDAR_NAME_MAX),
    MAILBOX(mailbox, SERVER_REQUIRED, 1, IMP_CALENDAR_NAME_MAX),
    MAILBOX(zone, 0, 0, 63),
    MAILBOX(group, 0, 0, 1023),
    MAILBOX(url, 0, 0, 2048),
    END,
};

static void mailbox_init(void *target, const config_setting_t *setting) {
  (void)setting;
  ((imp_mailbox *)target)->size = sizeof(imp_mailbox);
}

static int mailbox_check(const void *target, char *text, size_t textlen) {
  return server_user_check(((const imp_mailbox *)target)->user, text, textlen);
}

const server_group server_mailbox_keys = {mailbox_keys, sizeof(imp_mailbox), mailbox_init, NULL, mailbox_check};

static const char *const tentatives[] = {"free", "tentative", "busy", NULL};

#define SETTING(name, type, min, max, words) \
  {#name, type, 0, AT(server_calendar_config, settings.name), min, max, words, NULL}
#define LIST(name, max, group) \
  {#name, SERVER_LIST, SERVER_RELOAD, AT(server_calendar_config, name), 0, max, NULL, group}

static const server_key keys[] = {
    SETTING(tentative, SERVER_WORD, 0, 0, tentatives),
    SETTING(subjects, SERVER_SWITCH, 0, 1, NULL),
    SETTING(notes, SERVER_SWITCH, 0, 1, NULL),
    SETTING(blocks_max, SERVER_NUMBER, 10, 10000, NULL),
    SETTING(users_max, SERVER_NUMBER, 1, 10000000, NULL),
    SETTING(answer_bytes, SERVER_NUMBER, 65536, 15 << 20, NULL),
    SETTING(event_bytes, SERVER_NUMBER, 4096, 8 << 20, NULL),
    SETTING(occurrences, SERVER_NUMBER, 10000, 100000000, NULL),
    {"zones", SERVER_TEXT, 0, AT(server_calendar_config, zones), 1, SERVER_PATH_MAX, NULL, NULL},
    {"proxy", SERVER_TEXT, 0, AT(server_calendar_config, proxy), 0, 2048, NULL, NULL},
    {"ca_file", SERVER_TEXT, 0, AT(server_calendar_config, ca_file), 0, SERVER_PATH_MAX, NULL, NULL},
    LIST(gateways, 1000, &server_gateway_keys),
    LIST(mailboxes, 100000, &server_mailbox_keys),
    END,
};

static int check(const void *target, char *text, size_t textlen) {
  return imp_calendar_settings_check(&((const server_calendar_config *)target)->settings, text, textlen);
}

const server_group server_calendar_keys = {keys, sizeof(server_calendar_config), NULL, NULL, check};
