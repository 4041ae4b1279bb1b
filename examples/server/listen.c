#include <stdio.h>
#include <string.h>

#include "server.h"

static const char *const names[] = {"STARTTLS", "TLS", "ws and wss", "wss"};
static const imp_role roles[] = {IMP_ROLE_C2S, IMP_ROLE_C2S_TLS, IMP_ROLE_WEBSOCKET, IMP_ROLE_WEBSOCKET};

int server_listen(server *s) {
  const server_listener *listeners = s->now->listeners.items;
  for (size_t i = 0; i < s->now->listeners.count; i++) {
    const server_listener *l = &listeners[i];
    imp_uv_listen_options options = {
        .size = sizeof options, .allow_plaintext = l->allow_plaintext, .proxy_protocol = l->proxy_protocol};
    if (imp_uv_listen(s->uv, roles[l->kind], l->address, (uint16_t)l->port, &options, NULL) != IMP_OK) {
      server_say(s, IMP_LOG_ERROR, "listener", "%s", imp_uv_last_error(s->uv));
      return -1;
    }
  }
  return 0;
}

static void print_address(const char *what, const char *address, uint32_t port) {
  int v6 = strchr(address, ':') != NULL;
  printf("  %-12s %s%s%s:%u\n", what, v6 ? "[" : "", address, v6 ? "]" : "", (unsigned)port);
}

void server_print_welcome(server *s) {
  const server_config *c = s->now;
  const server_listener *listeners = c->listeners.items;
  char fingerprint[96];
  if (c->log_format != SERVER_LOG_TEXT) {
    return;
  }
  printf("server, libimp %s\n", imp_version());
  printf("  %-12s %s\n", "domain", c->node.domain);
  for (size_t i = 0; i < c->listeners.count; i++) {
    print_address(names[listeners[i].kind], listeners[i].address, listeners[i].port);
  }
  if (c->http.enabled) {
    print_address("http", c->http.address, c->http.port);
    if (s->token[0] != '\0') {
      printf("  %-12s in %s/http-token\n", "http token", s->data);
    }
  }
  if (imp_node_tls_fingerprint(s->node, fingerprint) == IMP_OK) {
    printf("  %-12s SHA-256 %s\n", "certificate", fingerprint);
  }
  printf("  %-12s %s\n", "data", s->data);
  if (s->password[0] != '\0') {
    printf("  %-12s alice@%s and bob@%s, password %s\n", "accounts", c->node.domain, c->node.domain, s->password);
  } else {
    printf("  %-12s %zu named, and those of earlier runs\n", "accounts", c->accounts.count);
  }
}

void server_print_ready(server *s) {
  printf("ready %s\n", s->now->node.domain);
  fflush(stdout);
}
