#include "commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *skip_space(const char *s) { return s + strspn(s, " \t\n"); }

static client *need_client(world *w, const char *label) {
  client *c = world_client(w, label);
  if (c == NULL) {
    world_fail(w, "nobody is called %s here", label);
  }
  return c;
}

/* ---- sending ---- */

static int send_text(world *w, client *c, const char *text, size_t len) {
  return c->websocket == 2 ? ws_send(w, c, text, len) : world_send(w, c, text, len);
}

static int send_xml(world *w, client *c, const char *text) {
  char why[256];
  char *expanded = vars_expand(&w->vars, skip_space(text), why, sizeof why);
  if (expanded == NULL) {
    return world_fail(w, "%s", why);
  }
  int rv = send_text(w, c, expanded, strlen(expanded));
  free(expanded);
  return rv;
}

/* "slowly WHO XML": one byte at a time. */
static int run_slowly(world *w, client *c, const char *text) {
  int rv = 0;
  for (text = skip_space(text); *text != '\0' && c->conn != NULL && rv == 0; text++) {
    rv = world_send(w, c, text, 1);
  }
  return rv;
}

static size_t unescape_bytes(const char *text, char *out) {
  size_t n = 0;
  while (*text != '\0') {
    if (text[0] == '\\' && text[1] == 'x' && text[2] != '\0' && text[3] != '\0') {
      char hex[3] = {text[2], text[3], '\0'};
      out[n++] = (char)strtoul(hex, NULL, 16);
      text += 4;
    } else if (text[0] == '\\' && (text[1] == 'r' || text[1] == 'n')) {
      out[n++] = text[1] == 'r' ? '\r' : '\n';
      text += 2;
    } else {
      out[n++] = *text++;
    }
  }
  return n;
}

/* "bytes WHO TEXT": with \xNN for any byte. Never framed. */
static int run_bytes(world *w, client *c, const char *text) {
  char *out = malloc(strlen(text) + 1);
  if (out == NULL) {
    abort();
  }
  size_t n = unescape_bytes(skip_space(text), out);
  int rv = world_send(w, c, out, n);
  free(out);
  return rv;
}

/* "repeat WHO COUNT XML": {{n}} counts from 1. In one piece if the count ends with "x". */
static int run_repeat(world *w, client *c, const char *text) {
  char word[64], number[24];
  int rv = 0;
  next_word(&text, word, sizeof word);
  unsigned long count = strtoul(word, NULL, 10);
  int at_once = word[strlen(word) - 1] == 'x';
  size_t len = strlen(skip_space(text)), used = 0;
  char *all = at_once ? malloc(count * len + 1) : NULL;
  for (unsigned long i = 1; i <= count && rv == 0 && (at_once || c->conn != NULL); i++) {
    if (at_once) {
      memcpy(all + used, skip_space(text), len);
      used += len;
    } else {
      snprintf(number, sizeof number, "%lu", i);
      vars_set(&w->vars, "n", number, strlen(number));
      rv = send_xml(w, c, text);
    }
  }
  if (at_once) {
    rv = send_text(w, c, all, used);
    free(all);
  }
  return rv;
}

/* ---- expecting ---- */

static const char *shown(const client *c) {
  return c->inlen > 0 ? c->in : c->closed ? "nothing, and closed" : "nothing";
}

static int expect_word(world *w, client *c, const char *text, int *known) {
  tree *t;
  size_t len;
  item_kind kind = world_next(c, &t, &len);
  tree_free(t);
  *known = 1;
  if (strcmp(text, "nothing") == 0) {
    return kind == ITEM_NONE && !c->closed ? 0 : world_fail(w, "%s should get nothing, got: %s", c->label, shown(c));
  }
  if (strcmp(text, "closed") == 0) {
    return kind == ITEM_NONE && c->closed ? 0 : world_fail(w, "%s should be closed, got: %s", c->label, shown(c));
  }
  if (strcmp(text, "</stream:stream>") == 0) {
    if (kind == ITEM_END) {
      world_take(c, len);
      return 0;
    }
    return world_fail(w, "%s: the stream should end, got: %s", c->label, shown(c));
  }
  *known = 0;
  return 0;
}

/* Finds, from the place `skip` on, what is expected. With `anywhere` other things may come before it, and stay. */
static int expect_tree(world *w, client *c, const tree *expected, int header, int anywhere) {
  char why[WHY_MAX / 2] = "";
  size_t at = 0;
  client view = *c;
  for (;;) {
    tree *got;
    size_t len;
    view.in = c->in + at;
    view.inlen = c->inlen - at;
    item_kind kind = at == 0 ? world_next(c, &got, &len) : world_next(&view, &got, &len);
    if (kind != ITEM_ELEMENT && kind != ITEM_HEADER) {
      tree_free(got);
      return world_fail(w, "%s did not get it%s%s; got: %s", c->label, why[0] != '\0' ? ": " : "", why, shown(c));
    }
    int same = match_tree(&w->vars, expected, got, header, why, sizeof why) == 0;
    tree_free(got);
    if (same) {
      memmove(c->in + at, c->in + at + len, c->inlen - at - len + 1);
      c->inlen -= len;
      return 0;
    }
    if (!anywhere) {
      return world_fail(w, "%s; %s got: %s", why, c->label, shown(c));
    }
    at += len;
  }
}

static int expect(world *w, client *c, const char *text, int anywhere) {
  int known, header = strncmp(text, "<stream:stream", 14) == 0;
  tree *expected;
  if (!anywhere) {
    int rv = expect_word(w, c, text, &known);
    if (rv != 0 || known) {
      return rv;
    }
  }
  if (tree_read(&expected, text, strlen(text), header) <= 0) {
    return world_fail(w, "what is expected is no XML: %s", text);
  }
  int rv = expect_tree(w, c, expected, header, anywhere);
  tree_free(expected);
  return rv;
}

/* ---- the host's part ---- */

static void result(imp_node *node, int status, void *user_data) {
  (void)node;
  *(int *)user_data = status;
}

static int host_send(world *w, const char *text) {
  imp_stanza *st;
  char why[256];
  char *expanded = vars_expand(&w->vars, skip_space(text), why, sizeof why);
  int rv = expanded != NULL ? imp_stanza_parse(&st, expanded, strlen(expanded)) : IMP_ERR_MALFORMED;
  free(expanded);
  if (rv != IMP_OK) {
    return world_fail(w, "that is no stanza");
  }
  rv = imp_node_send(w->node, st);
  imp_stanza_del(st);
  world_turn(w);
  return rv == IMP_OK ? 0 : world_fail(w, "%s", imp_error_name(rv));
}

/* "host send STANZA", "host be JID", "host end JID [CONDITION]", "host delete USER", "host shutdown" */
static int run_host(world *w, const char *words) {
  static int status;
  char verb[64], name[64], condition[64];
  next_word(&words, verb, sizeof verb);
  if (strcmp(verb, "send") == 0) {
    return host_send(w, words);
  }
  int rv = IMP_ERR_INVALID_ARGUMENT;
  int has_name = next_word(&words, name, sizeof name), has_condition = next_word(&words, condition, sizeof condition);
  if (strcmp(verb, "be") == 0 && has_name) {
    return world_be(w, name);
  }
  if (strcmp(verb, "end") == 0 && has_name) {
    rv = imp_node_end_session(w->node, name, has_condition ? condition : NULL);
  } else if (strcmp(verb, "delete") == 0 && has_name) {
    rv = imp_node_account_del(w->node, name, result, &status);
  } else if (strcmp(verb, "shutdown") == 0) {
    imp_node_shutdown(w->node, "system-shutdown", w->now);
    rv = IMP_OK;
  }
  world_turn(w);
  return rv == IMP_OK ? 0 : world_fail(w, "host %s: %s", verb, imp_error_name(rv));
}

/* "wait 30 s", "wait 200 ms", "wait 2 h" */
static int run_wait(world *w, const char *words) {
  char number[64], unit[64];
  next_word(&words, number, sizeof number);
  next_word(&words, unit, sizeof unit);
  imp_tstamp time = strtoull(number, NULL, 10) * (strcmp(unit, "ms") == 0 ? IMP_MILLISECONDS : IMP_SECONDS);
  world_wait(w, strcmp(unit, "h") == 0 ? time * 3600 : time);
  return 0;
}

/* "crowd COUNT XML" */
static int run_crowd(world *w, const char *words) {
  char number[64];
  next_word(&words, number, sizeof number);
  return world_crowd(w, strtoul(number, NULL, 10), skip_space(words));
}

/* ---- dispatch ---- */

static int run_about_client(world *w, const char *verb, const char *rest) {
  char label[64];
  next_word(&rest, label, sizeof label);
  client *c = need_client(w, label);
  if (c == NULL) {
    return -1;
  }
  if (strcmp(verb, "slowly") == 0) {
    return run_slowly(w, c, rest);
  } else if (strcmp(verb, "bytes") == 0) {
    return run_bytes(w, c, rest);
  } else if (strcmp(verb, "repeat") == 0) {
    return run_repeat(w, c, rest);
  } else if (strcmp(verb, "drain") == 0) {
    c->inlen = 0;
    return 0;
  } else if (c->conn == NULL) {
    return world_fail(w, "%s has no connection", label);
  } else if (strcmp(verb, "cut") == 0) {
    world_cut(w, c);
  } else if (strcmp(verb, "eof") == 0) {
    imp_conn_recv_eof(c->conn, w->now);
    world_turn(w);
  } else {
    c->deaf = 1; /* deaf */
  }
  return 0;
}

static int is_about_client(const char *verb) {
  static const char *const verbs[] = {"slowly", "bytes", "repeat", "drain", "cut", "eof", "deaf"};
  for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
    if (strcmp(verbs[i], verb) == 0) {
      return 1;
    }
  }
  return 0;
}

static int run_exchange(world *w, const char *label, const char *rest) {
  char arrow[64];
  next_word(&rest, arrow, sizeof arrow);
  client *c = need_client(w, label);
  rest = skip_space(rest);
  if (c == NULL) {
    return -1;
  } else if (strcmp(arrow, "->") == 0) {
    return send_xml(w, c, rest);
  } else if (strcmp(arrow, "<-") == 0) {
    return expect(w, c, rest, 0);
  } else if (strcmp(arrow, "<~") == 0) {
    return expect(w, c, rest, 1);
  }
  return world_fail(w, "neither a command nor WHO -> XML, WHO <- XML or WHO <~ XML");
}

int command_run(world *w, const char *line) {
  static const struct {
    const char *verb;
    int (*fn)(world *w, const char *words);
    int needs_node;
  } verbs[] = {
      {"set", setting_run, 0},         {"connect", connect_run, 0},   {"login", login_run, 0}, {"crowd", run_crowd, 0},
      {"reconnect", reconnect_run, 0}, {"counters", counters_run, 1}, {"host", run_host, 1},   {"wait", run_wait, 1}};
  char word[64];
  const char *rest = line;
  if (!next_word(&rest, word, sizeof word)) {
    return 0;
  }
  if (strcmp(word, "restart") == 0) {
    return world_restart(w);
  }
  for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
    if (strcmp(verbs[i].verb, word) == 0) {
      if (verbs[i].needs_node && world_start(w) != 0) {
        return -1;
      }
      return verbs[i].fn(w, rest);
    }
  }
  return is_about_client(word) ? run_about_client(w, word, rest) : run_exchange(w, word, rest);
}

int command_end(world *w) {
  imp_stats stats;
  for (size_t i = 0; i < w->client_count; i++) {
    client *c = w->clients[i];
    tree *t;
    size_t len;
    if (world_next(c, &t, &len) != ITEM_NONE) {
      tree_free(t);
      return world_fail(w, "%s got more: %s", c->label, c->in);
    }
  }
  if (w->node != NULL) {
    imp_node_stats(w->node, &stats, sizeof stats);
    if (!imp_ledger_balances(&stats.ledger)) {
      return world_fail(w, "the account of messages does not balance");
    }
  }
  return 0;
}
