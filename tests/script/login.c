#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"

int next_word(const char **at, char *word, size_t size) {
  size_t n = 0;
  *at += strspn(*at, " \t\n");
  while (**at != '\0' && strchr(" \t\n", **at) == NULL) {
    if (n + 1 < size) {
      word[n++] = **at;
    }
    ++*at;
  }
  word[n] = '\0';
  return n > 0;
}

static void base64(const char *data, size_t len, char *out) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < len; i += 3) {
    unsigned v = (unsigned)(unsigned char)data[i] << 16;
    v |= i + 1 < len ? (unsigned)(unsigned char)data[i + 1] << 8 : 0;
    v |= i + 2 < len ? (unsigned)(unsigned char)data[i + 2] : 0;
    *out++ = digits[v >> 18];
    *out++ = digits[v >> 12 & 63];
    *out++ = i + 1 < len ? digits[v >> 6 & 63] : '=';
    *out++ = i + 2 < len ? digits[v & 63] : '=';
  }
  *out = '\0';
}

static int send_text(world *w, client *c, const char *text) {
  return c->websocket == 2 ? ws_send(w, c, text, strlen(text)) : world_send(w, c, text, strlen(text));
}

/* The next thing must be an element (or a header) of that name. */
static int expect(world *w, client *c, const char *name, tree **t) {
  size_t len;
  item_kind kind = world_next(c, t, &len);
  if ((kind != ITEM_ELEMENT && kind != ITEM_HEADER) || strcmp((*t)->name, name) != 0) {
    world_fail(w, "%s: waiting for <%s/>, got: %s", c->label, name, c->inlen > 0 ? c->in : "nothing");
    tree_free(*t);
    return -1;
  }
  world_take(c, len);
  return 0;
}

static int expect_only(world *w, client *c, const char *name) {
  tree *t;
  int rv = expect(w, c, name, &t);
  if (rv == 0) {
    tree_free(t);
  }
  return rv;
}

static int open_stream(world *w, client *c) {
  int ws = c->websocket == 2;
  if (send_text(w, c,
                ws ? "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>"
                   : "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' "
                     "to='localhost' version='1.0'>") != 0 ||
      expect_only(w, c, ws ? "open" : "stream") != 0) {
    return -1;
  }
  return expect_only(w, c, "features");
}

static int authenticate(world *w, client *c) {
  char user[64], plain[160], encoded[256], text[400];
  snprintf(user, sizeof user, "%s", c->label);
  user[strcspn(user, "/")] = '\0';
  int len = snprintf(plain, sizeof plain, "%c%s%csecret", 0, user, 0);
  base64(plain, (size_t)len, encoded);
  snprintf(text, sizeof text, "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>%s</auth>", encoded);
  if (send_text(w, c, text) != 0 || expect_only(w, c, "success") != 0) {
    return -1;
  }
  return open_stream(w, c);
}

static void set_var(world *w, const client *c, const char *what, const char *value) {
  char name[80];
  snprintf(name, sizeof name, "%s.%s", c->label, what);
  vars_set(&w->vars, name, value, strlen(value));
}

static int bind(world *w, client *c) {
  char text[400], resource[80] = "";
  const char *slash = strchr(c->label, '/');
  tree *t;
  if (slash != NULL) {
    snprintf(resource, sizeof resource, "<resource>%s</resource>", slash + 1);
  }
  snprintf(text, sizeof text, "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>%s</bind></iq>",
           resource);
  if (send_text(w, c, text) != 0 || expect(w, c, "iq", &t) != 0) {
    return -1;
  }
  const tree *child = tree_child(t, "bind");
  const tree *jid = child != NULL ? tree_child(child, "jid") : NULL;
  if (jid != NULL && jid->text != NULL) {
    set_var(w, c, "jid", jid->text);
  }
  tree_free(t);
  return jid != NULL ? 0 : world_fail(w, "%s could not bind", c->label);
}

static int enable_sm(world *w, client *c) {
  tree *t;
  if (send_text(w, c, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>") != 0 || expect(w, c, "enabled", &t) != 0) {
    return -1;
  }
  const char *id = tree_attr_of(t, "id");
  if (id != NULL) {
    set_var(w, c, "sm", id);
  }
  tree_free(t);
  return 0;
}

static int make_connection(world *w, const char *label, int plain, int websocket, const char *peer) {
  imp_conn_params params = {.size = sizeof params,
                            .role = websocket ? IMP_ROLE_WEBSOCKET : IMP_ROLE_C2S,
                            .peer = peer,
                            .secure = (uint32_t)!plain};
  if (world_connect(w, label, &params) != 0) {
    return -1;
  }
  return websocket ? ws_upgrade(w, world_client(w, label)) : 0;
}

int connect_run(world *w, const char *words) {
  char label[64], word[64], peer[64] = "192.0.2.1";
  int plain = 0, websocket = 0;
  if (!next_word(&words, label, sizeof label)) {
    return world_fail(w, "connect WHO [plain] [websocket] [from ADDRESS]");
  }
  while (next_word(&words, word, sizeof word)) {
    plain |= strcmp(word, "plain") == 0;
    websocket |= strcmp(word, "websocket") == 0;
    if (strcmp(word, "from") == 0) {
      next_word(&words, peer, sizeof peer);
    }
  }
  return make_connection(w, label, plain, websocket, peer);
}

int reconnect_run(world *w, const char *words) {
  char label[64], word[64];
  int websocket = 0;
  next_word(&words, label, sizeof label);
  while (next_word(&words, word, sizeof word)) {
    websocket |= strcmp(word, "websocket") == 0;
  }
  if (make_connection(w, label, 0, websocket, "192.0.2.1") != 0) {
    return -1;
  }
  client *c = world_client(w, label);
  return open_stream(w, c) == 0 && authenticate(w, c) == 0 ? 0 : -1;
}

/* The other clients of the user are told that it is here: no transcript is about that. */
static void skip_presence(world *w, const client *newcomer) {
  const char *jid;
  char name[80];
  snprintf(name, sizeof name, "%s.jid", newcomer->label);
  jid = vars_get(&w->vars, name);
  for (size_t i = 0; i < w->client_count; i++) {
    client *c = w->clients[i];
    tree *t;
    size_t len;
    while (c != newcomer && world_next(c, &t, &len) == ITEM_ELEMENT) {
      const char *from = tree_attr_of(t, "from");
      int skip = strcmp(t->name, "presence") == 0 && from != NULL && jid != NULL && strcmp(from, jid) == 0;
      tree_free(t);
      if (!skip) {
        break;
      }
      world_take(c, len);
    }
  }
}

int login_run(world *w, const char *words) {
  char label[64], word[64], presence[128] = "<presence/>";
  const char *all = words;
  int sm = 0;
  next_word(&words, label, sizeof label);
  while (next_word(&words, word, sizeof word)) {
    sm |= strcmp(word, "sm") == 0;
    if (strcmp(word, "absent") == 0) {
      presence[0] = '\0';
    } else if (strcmp(word, "priority") == 0 && next_word(&words, word, sizeof word)) {
      snprintf(presence, sizeof presence, "<presence><priority>%s</priority></presence>", word);
    }
  }
  if (reconnect_run(w, all) != 0) {
    return -1;
  }
  client *c = world_client(w, label);
  if (bind(w, c) != 0 || (presence[0] != '\0' && send_text(w, c, presence) != 0)) {
    return -1;
  }
  c->inlen = 0;
  if (sm && enable_sm(w, c) != 0) { /* last, so that counting begins at 0 */
    return -1;
  }
  skip_presence(w, c);
  return 0;
}
