/* Statistics as Prometheus reads them (text format 0.0.4). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"

typedef struct metric {
  const char *name, *labels, *type, *help; /* help NULL: the same metric as in the row before, with other labels */
  size_t offset;                           /* of an uint64_t */
} metric;

#define STAT(name, labels, type, help, member) {name, labels, type, help, offsetof(imp_stats, member)}

static const metric node_metrics[] = {
    STAT("imp_connections", "", "gauge", "Connections of clients.", connections),
    STAT("imp_connections_preauth", "", "gauge", "Connections that are not authenticated.", preauth),
    STAT("imp_sessions", "", "gauge", "Sessions, hibernating ones included.", sessions),
    STAT("imp_users", "", "gauge", "Users with a session.", users),
    STAT("imp_connections_accepted_total", "", "counter", "Connections accepted.", accepted),
    STAT("imp_logins_total", "", "counter", "Successful logins.", logins),
    STAT("imp_login_failures_total", "", "counter", "Failed logins.", login_failures),
    STAT("imp_stanzas_total", "direction=\"in\"", "counter", "Stanzas.", stanzas_in),
    STAT("imp_stanzas_total", "direction=\"out\"", NULL, NULL, stanzas_out),
    STAT("imp_bytes_total", "direction=\"in\"", "counter", "Bytes on the wire.", bytes_in),
    STAT("imp_bytes_total", "direction=\"out\"", NULL, NULL, bytes_out),
    STAT("imp_store_commits_total", "", "counter", "Commits of the store.", commits),
    STAT("imp_store_commit_failures_total", "", "counter", "Commits that failed.", commit_failures),
    STAT("imp_ops_pending", "", "gauge", "Work that waits for the host.", ops_pending),
    STAT("imp_sm_sessions", "", "gauge", "Sessions with stream management.", sm.sessions),
    STAT("imp_sm_hibernating", "", "gauge", "Lost sessions that can be resumed.", sm.hibernating),
    STAT("imp_sm_queued", "", "gauge", "Packets that no client has acknowledged yet.", sm.queued),
    STAT("imp_sm_queued_bytes", "", "gauge", "Their bytes.", sm.queued_bytes),
    STAT("imp_sm_enabled_total", "", "counter", "Sessions that enabled stream management.", sm.enabled),
    STAT("imp_sm_resumed_total", "", "counter", "Resumptions.", sm.resumed),
    STAT("imp_sm_refused_total", "", "counter", "Resumptions refused.", sm.refused),
    STAT("imp_sm_expired_total", "", "counter", "Sessions that nobody resumed in time.", sm.expired),
    STAT("imp_sm_acknowledged_total", "", "counter", "Packets acknowledged.", sm.acked),
    STAT("imp_sm_resent_total", "", "counter", "Packets sent again.", sm.resent),
    STAT("imp_sm_evicted_total", "", "counter", "Packets that a full buffer let go of.", sm.evicted),
    STAT("imp_sm_abandoned_total", "", "counter", "Packets left when their session ended.", sm.abandoned),
    STAT("imp_sm_packets_total", "", "counter", "Packets ever taken into a buffer.", sm.packets),
    STAT("imp_sm_inherited_total", "", "counter", "Packets moved to a newer session.", sm.inherited),
    STAT("imp_sm_handled", "", "gauge", "Sessions that are gone and whose count is known.", sm.handled),
    STAT("imp_messages_accepted_total", "", "counter", "Copies of messages ever accepted: the sum of imp_messages.",
         ledger.accepted),
    {NULL, NULL, NULL, NULL, 0},
};

#define STORE(name, help, member) {name, "", "counter", help, offsetof(imp_sqlite_stats, member)}

static const metric store_metrics[] = {
    STORE("imp_sqlite_noted_total", "Writes noted.", noted),
    STORE("imp_sqlite_applied_total", "Writes that reached the database.", applied),
    STORE("imp_sqlite_flushes_total", "Flushes asked for.", flushes),
    STORE("imp_sqlite_commits_total", "Transactions.", commits),
    STORE("imp_sqlite_failures_total", "Transactions that failed.", failures),
    {NULL, NULL, NULL, NULL, 0},
};

#define STATUS(name, type, help, member) {name, "", type, help, offsetof(imp_status_stats, member)}

static const metric status_metrics[] = {
    STATUS("imp_status_users", "gauge", "Users whose presence is composed of more than clients.", users),
    STATUS("imp_status_waiting", "gauge", "Of them, whose change contacts do not see yet.", waiting),
    STATUS("imp_status_changes_total", "counter", "Changes of composed presence.", changes),
    STATUS("imp_status_shown_total", "counter", "Presences that were shown anew because of them.", shown),
    STATUS("imp_status_activities_total", "counter", "Activities published or taken back.", activities),
    {NULL, NULL, NULL, NULL, 0},
};

static void print_head(FILE *out, const char *name, const char *type, const char *help) {
  fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void print_table(FILE *out, const metric *metrics, const void *stats) {
  for (const metric *m = metrics; m->name != NULL; m++) {
    uint64_t value;
    memcpy(&value, (const char *)stats + m->offset, sizeof value);
    if (m->help != NULL) {
      print_head(out, m->name, m->type, m->help);
    }
    fprintf(out, "%s%s%s%s %llu\n", m->name, m->labels[0] != '\0' ? "{" : "", m->labels,
            m->labels[0] != '\0' ? "}" : "", (unsigned long long)value);
  }
}

static void print_ledger(FILE *out, const imp_ledger *ledger) {
  print_head(out, "imp_messages", "gauge", "Copies of messages in each state; each is in exactly one.");
  for (int i = 0; i < IMP_FATES; i++) {
    fprintf(out, "imp_messages{fate=\"%s\"} %llu\n", imp_fate_name((imp_fate)i), (unsigned long long)ledger->now[i]);
  }
  print_head(out, "imp_messages_dropped_total", "counter", "Copies that were dropped, by rule.");
  for (int i = 0; i < IMP_DROP_RULES; i++) {
    fprintf(out, "imp_messages_dropped_total{rule=\"%s\"} %llu\n", imp_drop_rule_name((imp_drop_rule)i),
            (unsigned long long)ledger->dropped[i]);
  }
}

/* ---- gateways ---- */

static void print_label(FILE *out, const char *s) {
  for (; *s != '\0'; s++) {
    if (*s == '"' || *s == '\\') {
      fputc('\\', out);
    }
    fputc(*s == '\n' ? ' ' : *s, out);
  }
}

typedef struct gateway_metric {
  const char *name, *type, *help;
  uint64_t (*value)(const imp_gateway_status *status);
} gateway_metric;

static uint64_t is_up(const imp_gateway_status *g) { return g->health == IMP_GATEWAY_UP; }
static uint64_t last_success(const imp_gateway_status *g) { return g->last_success / 1000; }
static uint64_t mailboxes(const imp_gateway_status *g) { return g->mailboxes; }
static uint64_t failing(const imp_gateway_status *g) { return g->mailboxes_failing; }
static uint64_t subscribed(const imp_gateway_status *g) { return g->subscribed; }
static uint64_t requests(const imp_gateway_status *g) { return g->requests; }
static uint64_t failures(const imp_gateway_status *g) { return g->failures; }
static uint64_t notifications(const imp_gateway_status *g) { return g->notifications; }

static const gateway_metric gateway_metrics[] = {
    {"imp_gateway_up", "gauge", "1: the last request was answered as it should be.", is_up},
    {"imp_gateway_last_success_seconds", "gauge", "When that was, since 1970; 0: never.", last_success},
    {"imp_gateway_mailboxes", "gauge", "Mailboxes that are read.", mailboxes},
    {"imp_gateway_mailboxes_failing", "gauge", "Of them, those that cannot be.", failing},
    {"imp_gateway_subscribed", "gauge", "Mailboxes whose changes are told.", subscribed},
    {"imp_gateway_requests_total", "counter", "Requests.", requests},
    {"imp_gateway_failures_total", "counter", "Requests that failed.", failures},
    {"imp_gateway_notifications_total", "counter", "Changes that were told.", notifications},
};

static void print_gateways(FILE *out, imp_calendar *calendar) {
  for (size_t m = 0; m < sizeof gateway_metrics / sizeof gateway_metrics[0]; m++) {
    imp_gateway_status status = {.size = sizeof status};
    for (size_t i = 0; imp_calendar_gateway_at(calendar, i, &status) == IMP_OK; i++) {
      if (i == 0) {
        print_head(out, gateway_metrics[m].name, gateway_metrics[m].type, gateway_metrics[m].help);
      }
      fprintf(out, "%s{gateway=\"", gateway_metrics[m].name);
      print_label(out, status.name);
      fprintf(out, "\"} %llu\n", (unsigned long long)gateway_metrics[m].value(&status));
    }
  }
}

void http_metrics(server *s, const http_request *request, http_answer *answer) {
  imp_stats stats;
  imp_sqlite_stats store;
  imp_status_stats status = {.size = sizeof status};
  FILE *out = open_memstream(&answer->body, &answer->bodylen);
  (void)request;
  answer->content_type = "text/plain; version=0.0.4; charset=utf-8";
  if (out == NULL) {
    answer->status = 503;
    return;
  }
  imp_node_stats(s->node, &stats, sizeof stats);
  imp_sqlite_get_stats(s->store, &store, sizeof store);
  imp_status_get_stats(s->node, &status, sizeof status);
  print_head(out, "imp_build_info", "gauge", "The library's version.");
  fprintf(out, "imp_build_info{version=\"%s\"} 1\n", imp_version());
  print_table(out, node_metrics, &stats);
  print_ledger(out, &stats.ledger);
  print_table(out, store_metrics, &store);
  print_table(out, status_metrics, &status);
  if (server_calendar_get(s) != NULL) {
    print_gateways(out, server_calendar_get(s));
  }
  fclose(out);
}
