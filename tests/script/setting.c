#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

#define NODE(name)                                                                                                     \
  { #name, offsetof(world, settings.name), 0 }
#define SM(name, member)                                                                                               \
  { "sm." name, offsetof(world, sm.member), sizeof(((world *)0)->sm.member) == 8 }

static const struct {
  const char *name;
  size_t offset;
  int wide;
} settings[] = {NODE(conflict),
                NODE(durable),
                NODE(fast),
                NODE(mechanisms),
                NODE(max_stanza_bytes),
                NODE(max_preauth_stanza_bytes),
                NODE(max_preauth_bytes),
                NODE(preauth_timeout),
                NODE(auth_attempts),
                NODE(max_output_bytes),
                NODE(recv_rate),
                NODE(max_connections),
                NODE(max_preauth_connections),
                NODE(max_sessions_per_user),
                NODE(offline_max),
                NODE(op_timeout),
                SM("enabled", enabled),
                SM("profile", profile),
                SM("timeout", timeout),
                SM("buffer", buffer_packets),
                SM("bytes", buffer_bytes),
                SM("rate", ack_rate),
                SM("policy", policy),
                SM("max_hibernated", max_hibernated),
                SM("handled_time", handled_time),
                SM("handled_max", handled_max),
                {"tls", offsetof(world, tls), 0}};

/* Numbers, and the words that stand for some. */
static unsigned long long value_of(const char *word) {
  static const struct {
    const char *word;
    unsigned value;
  } words[] = {{"on", 1},
               {"off", 0},
               {"return", IMP_SM_RETURN},
               {"store", IMP_SM_STORE},
               {"redirect", IMP_SM_REDIRECT},
               {"strict", IMP_SM_PROFILE_STRICT},
               {"lifted", IMP_SM_PROFILE_LIFTED},
               {"replace", IMP_CONFLICT_REPLACE},
               {"refuse", IMP_CONFLICT_REFUSE},
               {"rename", IMP_CONFLICT_RENAME}};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (strcmp(words[i].word, word) == 0) {
      return words[i].value;
    }
  }
  return strtoull(word, NULL, 10);
}

static char location[300]; /* lives as long as the settings that point at it */

int setting_run(world *w, const char *words) {
  char name[64], word[300];
  next_word(&words, name, sizeof name);
  if (!next_word(&words, word, sizeof word)) {
    return world_fail(w, "set NAME VALUE");
  }
  if (strcmp(name, "sm_location") == 0) {
    memcpy(location, word, sizeof(location));
    w->settings.sm_location = location;
    return 0;
  }
  for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
    if (strcmp(settings[i].name, name) != 0) {
      continue;
    }
    void *at = (char *)w + settings[i].offset;
    unsigned long long value = value_of(word);
    if (settings[i].wide) {
      memcpy(at, &value, 8);
    } else {
      uint32_t narrow = (uint32_t)value;
      memcpy(at, &narrow, 4);
    }
    if (w->node == NULL) {
      return 0;
    }
    if (strncmp(name, "sm.", 3) != 0) {
      return world_fail(w, "%s cannot be set while the node runs", name);
    }
    return imp_node_set_sm(w->node, &w->sm) == IMP_OK ? 0 : world_fail(w, "%s", imp_node_last_error(w->node));
  }
  return world_fail(w, "there is no setting %s", name);
}

/* "handed over" is written handed-over in a transcript. */
static int same_name(const char *library, const char *script) {
  for (; *library != '\0' && (*library == *script || (*library == ' ' && *script == '-')); library++) {
    script++;
  }
  return *library == *script;
}

static int find_counter(const imp_stats *s, const char *name, uint64_t *value) {
  const struct {
    const char *name;
    uint64_t value;
  } all[] = {{"accepted", s->ledger.accepted},
             {"sessions", s->sessions},
             {"connections", s->connections},
             {"preauth", s->preauth},
             {"users", s->users},
             {"logins", s->logins},
             {"login-failures", s->login_failures},
             {"hibernating", s->sm.hibernating},
             {"queued", s->sm.queued},
             {"resumed", s->sm.resumed},
             {"expired", s->sm.expired},
             {"evicted", s->sm.evicted}};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
    if (strcmp(all[i].name, name) == 0) {
      *value = all[i].value;
      return 0;
    }
  }
  for (int i = 0; i < IMP_FATES; i++) {
    if (same_name(imp_fate_name((imp_fate)i), name)) {
      *value = s->ledger.now[i];
      return 0;
    }
  }
  for (int i = 0; i < IMP_DROP_RULES && strncmp(name, "dropped:", 8) == 0; i++) {
    if (same_name(imp_drop_rule_name((imp_drop_rule)i), name + 8)) {
      *value = s->ledger.dropped[i];
      return 0;
    }
  }
  return -1;
}

static void add_fates(const imp_stats *s, char *why, size_t size) {
  size_t used = strlen(why);
  for (int i = 0; i < IMP_FATES && used < size; i++) {
    if (s->ledger.now[i] > 0) {
      used += (size_t)snprintf(why + used, size - used, ", %s %llu", imp_fate_name((imp_fate)i),
                               (unsigned long long)s->ledger.now[i]);
    }
  }
}

int counters_run(world *w, const char *words) {
  char word[64];
  imp_stats stats;
  imp_node_stats(w->node, &stats, sizeof stats);
  while (next_word(&words, word, sizeof word)) {
    char *equals = strchr(word, '=');
    uint64_t value = 0, wanted;
    if (equals == NULL) {
      return world_fail(w, "counters NAME=NUMBER");
    }
    *equals = '\0';
    wanted = strtoull(equals + 1, NULL, 10);
    if (find_counter(&stats, word, &value) != 0) {
      return world_fail(w, "there is no counter %s", word);
    }
    if (value != wanted) {
      world_fail(w, "%s is %llu, not %llu; messages: accepted %llu", word, (unsigned long long)value,
                 (unsigned long long)wanted, (unsigned long long)stats.ledger.accepted);
      add_fates(&stats, w->why, sizeof w->why);
      return -1;
    }
  }
  return 0;
}
