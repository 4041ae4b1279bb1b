#include "terminal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void print_json_string(FILE *out, const char *s) {
  fputc('"', out);
  for (; *s != '\0'; s++) {
    if (*s == '"' || *s == '\\') {
      fprintf(out, "\\%c", *s);
    } else if ((unsigned char)*s < 32) {
      fprintf(out, "\\u%04x", (unsigned)(unsigned char)*s);
    } else {
      fputc(*s, out);
    }
  }
  fputc('"', out);
}

void echo_log(void *user_data, imp_log_area area, imp_log_level level, const char *subject, const char *text) {
  const echo_options *options = user_data;
  struct timespec now;
  struct tm tm;
  char when[32];
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &tm);
  strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &tm);
  if (!options->json) {
    fprintf(stderr, "%s.%03dZ %-5s %-7s %s%s%s\n", when, (int)(now.tv_nsec / 1000000), imp_log_level_name(level),
            imp_log_area_name(area), subject, subject[0] != '\0' ? ": " : "", text);
    return;
  }
  fprintf(stderr, "{\"time\":\"%s.%03dZ\",\"level\":\"%s\",\"area\":\"%s\",\"subject\":", when,
          (int)(now.tv_nsec / 1000000), imp_log_level_name(level), imp_log_area_name(area));
  print_json_string(stderr, subject);
  fputs(",\"text\":", stderr);
  print_json_string(stderr, text);
  fputs("}\n", stderr);
}

static void print_port(const echo_options *o, const char *what, uint16_t port) {
  for (size_t i = 0; port != 0 && i < o->listens; i++) {
    int v6 = strchr(o->listen[i], ':') != NULL;
    printf("  %-12s %s%s%s:%u\n", i == 0 ? what : "", v6 ? "[" : "", o->listen[i], v6 ? "]" : "", (unsigned)port);
  }
}

void echo_print_welcome(const echo_options *o, const imp_node *node, const char *password) {
  char fingerprint[96] = "";
  if (o->quiet) {
    return;
  }
  printf("echo server, libimp %s\n", imp_version());
  printf("  %-12s %s\n", "domain", o->domain);
  print_port(o, "STARTTLS", o->port);
  print_port(o, "TLS", o->direct_port);
  print_port(o, "ws and wss", o->ws_port);
  if (imp_node_tls_fingerprint(node, fingerprint) == IMP_OK) {
    printf("  %-12s SHA-256 %s\n", "certificate", fingerprint);
  }
  printf("  %-12s %s\n", "data", o->data);
  if (password != NULL) {
    printf("  %-12s alice@%s and bob@%s, password %s\n", "accounts", o->domain, o->domain, password);
  } else if (o->any_password != NULL) {
    printf("  %-12s any name, with the password that was given\n", "accounts");
  } else {
    printf("  %-12s %zu given, and those of earlier runs\n", "accounts", o->account_count);
  }
  printf("  %-12s write to echo@%s\n", "try it", o->domain);
}

void echo_print_ready(const echo_options *o) {
  printf("ready %s port=%u direct-port=%u ws-port=%u\n", o->domain, (unsigned)o->port, (unsigned)o->direct_port,
         (unsigned)o->ws_port);
  fflush(stdout);
}

/* ---- statistics ---- */

static void print_row(const echo_options *o, const char *group, const char *name, uint64_t value, int *first) {
  if (o->json) {
    printf("%s\"%s%s%s\":%llu", *first ? "{" : ",", group, group[0] != '\0' ? "." : "", name,
           (unsigned long long)value);
  } else {
    printf("%-16s %-28s %12llu\n", group, name, (unsigned long long)value);
  }
  *first = 0;
}

static void print_ledger(const echo_options *o, const imp_ledger *ledger, int *first) {
  print_row(o, "messages", "accepted", ledger->accepted, first);
  for (int i = 0; i < IMP_FATES; i++) {
    print_row(o, "messages", imp_fate_name((imp_fate)i), ledger->now[i], first);
  }
  for (int i = 0; i < IMP_DROP_RULES; i++) {
    if (ledger->dropped[i] > 0 || o->json) {
      print_row(o, "dropped", imp_drop_rule_name((imp_drop_rule)i), ledger->dropped[i], first);
    }
  }
  print_row(o, "messages", "balance", (uint64_t)(imp_ledger_balances(ledger) != 0), first);
}

static void print_sm(const echo_options *o, const imp_sm_stats *sm, int *first) {
  print_row(o, "sm", "sessions", sm->sessions, first);
  print_row(o, "sm", "hibernating", sm->hibernating, first);
  print_row(o, "sm", "queued", sm->queued, first);
  print_row(o, "sm", "queued bytes", sm->queued_bytes, first);
  print_row(o, "sm", "enabled", sm->enabled, first);
  print_row(o, "sm", "resumed", sm->resumed, first);
  print_row(o, "sm", "refused", sm->refused, first);
  print_row(o, "sm", "expired", sm->expired, first);
  print_row(o, "sm", "acknowledged", sm->acked, first);
  print_row(o, "sm", "sent again", sm->resent, first);
  print_row(o, "sm", "evicted", sm->evicted, first);
  print_row(o, "sm", "abandoned", sm->abandoned, first);
}

void echo_print_stats(const echo_options *o, const imp_node *node) {
  imp_stats s;
  int first = 1;
  imp_node_stats(node, &s, sizeof s);
  print_row(o, "", "connections", s.connections, &first);
  print_row(o, "", "not authenticated", s.preauth, &first);
  print_row(o, "", "sessions", s.sessions, &first);
  print_row(o, "", "users", s.users, &first);
  print_row(o, "", "accepted", s.accepted, &first);
  print_row(o, "", "logins", s.logins, &first);
  print_row(o, "", "login failures", s.login_failures, &first);
  print_row(o, "", "stanzas in", s.stanzas_in, &first);
  print_row(o, "", "stanzas out", s.stanzas_out, &first);
  print_row(o, "", "bytes in", s.bytes_in, &first);
  print_row(o, "", "bytes out", s.bytes_out, &first);
  print_row(o, "", "commits", s.commits, &first);
  print_row(o, "", "commit failures", s.commit_failures, &first);
  print_row(o, "", "waiting for the host", s.ops_pending, &first);
  print_sm(o, &s.sm, &first);
  print_ledger(o, &s.ledger, &first);
  fputs(o->json ? "}\n" : "", stdout);
  fflush(stdout);
}
