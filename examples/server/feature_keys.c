/* Keys of rosters, personal eventing, and what contacts see of users. */
#include <stdio.h>
#include <string.h>

#include "config.h"

#define AT(type, member) offsetof(type, member)
#define END {NULL, SERVER_NUMBER, 0, 0, 0, 0, NULL, NULL}

#define ROSTER(name, min, max) \
  {#name, SERVER_NUMBER, SERVER_RELOAD, AT(imp_roster_settings, name), min, max, NULL, NULL}

static const server_key roster_keys[] = {
    ROSTER(max_items, 0, 100000),
    ROSTER(max_bytes, 1024, 16 << 20),
    ROSTER(max_name_bytes, 0, 1023),
    ROSTER(max_groups, 0, 1000),
    ROSTER(max_group_bytes, 1, 1023),
    ROSTER(max_requests, 1, 10000),
    ROSTER(max_request_bytes, 0, 65536),
    ROSTER(max_blocked, 0, 10000),
    ROSTER(max_directed, 0, 10000),
    END,
};

const server_group server_roster_keys = {roster_keys, sizeof(imp_roster_settings), NULL, NULL, NULL};

#define PEP(name, min, max) {#name, SERVER_NUMBER, SERVER_RELOAD, AT(imp_pep_settings, name), min, max, NULL, NULL}

static const server_key pep_keys[] = {
    PEP(max_nodes, 1, 1000),
    PEP(max_items, 1, 10000),
    PEP(max_item_bytes, 1024, 16 << 20),
    PEP(max_bytes, 1024, 1 << 30),
    PEP(vcard_bytes, 1024, 16 << 20),
    PEP(private_items, 0, 10000),
    PEP(private_bytes, 1024, 64 << 20),
    PEP(max_accounts, 1, 1000000),
    PEP(max_caps, 1, 1000000),
    END,
};

const server_group server_pep_keys = {pep_keys, sizeof(imp_pep_settings), NULL, NULL, NULL};

/* ---- what contacts see ---- */

static const char *const texts[] = {"never", "if_none", "always", NULL};
static const char *const shows[] = {"none", "away", NULL};
/* At the places of imp_source_kind. */
static const char *const without_client[] = {"", "phone", "calendar", "", "", "host", NULL};

/* At the places of imp_source_kind and imp_presence_state. */
static const char *const kinds[] = {"client", "phone", "calendar", "manual", "out_of_office", "host", NULL};
static const char *const states[] = {"offline", "available", "chat", "elsewhere", "tentative", "idle", "busy", "meeting",
                                     "call", "dnd", "brb", "away", "xa", "out_of_office", NULL};
static const char *const shown[] = {"same", "available", "chat", "elsewhere", "tentative", "idle", "busy", "meeting",
                                    "call", "dnd", "brb", "away", "xa", "out_of_office", NULL};

#define RULE(name, type, flags, max, words) {#name, type, flags, AT(imp_presence_rule, name), 0, max, words, NULL}

static const server_key rule_keys[] = {
    RULE(name, SERVER_TEXT, 0, 64, NULL),
    RULE(kinds, SERVER_WORDS, SERVER_REQUIRED, 0, kinds),
    RULE(states, SERVER_WORDS, SERVER_REQUIRED, 0, states),
    RULE(unless, SERVER_WORDS, 0, 0, states),
    RULE(show_as, SERVER_WORD, 0, 0, shown),
    END,
};

static void rule_init(void *target, const config_setting_t *setting) {
  (void)setting;
  ((imp_presence_rule *)target)->size = sizeof(imp_presence_rule);
}

static const server_group rule = {rule_keys, sizeof(imp_presence_rule), rule_init, NULL, NULL};

#define STATUS(name, type, min, max, words) \
  {#name, type, SERVER_RELOAD, AT(server_status_config, settings.name), min, max, words, NULL}
#define PRESENCE(name, type, min, max, words) \
  {#name, type, SERVER_RELOAD, AT(server_status_config, presence.name), min, max, words, NULL}

static const server_key status_keys[] = {
    STATUS(text, SERVER_WORD, 0, 0, texts),
    STATUS(activity, SERVER_SWITCH, 0, 1, NULL),
    STATUS(zone, SERVER_TEXT, 1, 63, NULL),
    STATUS(resource, SERVER_TEXT, 1, 1023, NULL),
    STATUS(users_per_turn, SERVER_NUMBER, 1, 100000, NULL),
    STATUS(stanzas_per_turn, SERVER_NUMBER, 1, 1000000, NULL),
    PRESENCE(without_client, SERVER_WORDS, 0, 0, without_client),
    PRESENCE(busy_show, SERVER_WORD, 0, 0, shows),
    PRESENCE(publish_subjects, SERVER_SWITCH, 0, 1, NULL),
    PRESENCE(status_source, SERVER_SWITCH, 0, 1, NULL),
    PRESENCE(max_sources, SERVER_NUMBER, 1, 1000, NULL),
    PRESENCE(max_note, SERVER_NUMBER, 0, 65536, NULL),
    {"rules", SERVER_LIST, SERVER_RELOAD, AT(server_status_config, rules), 0, 64, NULL, &rule},
    END,
};

void server_status_settings(const server_status_config *status, imp_status_settings *settings,
                            imp_presence_settings *presence) {
  *settings = status->settings;
  *presence = status->presence;
  if (status->rules.count > 0) {
    presence->rules = status->rules.items;
    presence->rules_count = status->rules.count;
  }
  settings->presence = presence;
}

static int status_check(const void *target, char *text, size_t textlen) {
  imp_status_settings settings;
  imp_presence_settings presence;
  server_status_settings(target, &settings, &presence);
  return imp_status_settings_check(&settings, text, textlen);
}

const server_group server_status_keys = {status_keys, sizeof(server_status_config), NULL, NULL, status_check};
