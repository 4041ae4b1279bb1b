#include "pep/caps.h"

#include <string.h>

#define NOTIFY "+notify"
#define ASKED_MAX 3 /* sessions of a kind at a time, lest one that is silent keeps all others waiting */

typedef struct imp_caps_cache {
  imp_map map;
  imp_list lru;
  size_t nlru;
} imp_caps_cache;

/* At a session. */
typedef struct interest {
  imp_list waits; /* at caps->sessions */
  imp_session *session;
  imp_caps *caps; /* never NULL */
  uint8_t asked;
} interest;

static interest *interest_of(const imp_session *s) { return s->slot[IMP_SLOT_PEP]; }

imp_caps *imp_caps_of(const imp_session *s) {
  const interest *in = interest_of(s);
  return in != NULL ? in->caps : NULL;
}

int imp_caps_wants(const imp_session *s, const char *node) {
  const imp_caps *caps = imp_caps_of(s);
  return caps != NULL && caps->known && s->presence != NULL && !s->ending && imp_words_has(&caps->nodes, node);
}

/* ---- kinds of clients ---- */

static void caps_free(imp_caps_cache *cache, imp_caps *caps) {
  if (imp_list_linked(&caps->lru)) {
    imp_list_remove(&caps->lru);
    cache->nlru--;
  }
  if (!caps->own) {
    imp_map_remove(&cache->map, &caps->by_ver);
  }
  imp_words_free(&caps->nodes);
  imp_free(caps);
}

static imp_caps *caps_ref(imp_caps_cache *cache, imp_caps *caps) {
  if (imp_list_linked(&caps->lru)) {
    imp_list_remove(&caps->lru);
    cache->nlru--;
  }
  caps->refs++;
  return caps;
}

/* What is known stays for the next client of its kind, up to a bound. */
static void caps_unref(imp_pep *pep, imp_caps *caps) {
  imp_caps_cache *cache = pep->caps;
  if (--caps->refs > 0) {
    return;
  }
  if (caps->own || !caps->known) {
    caps_free(cache, caps);
    return;
  }
  imp_list_append(&cache->lru, &caps->lru);
  cache->nlru++;
  while (cache->nlru > pep->settings.max_caps) {
    caps_free(cache, IMP_CONTAINER_OF(cache->lru.next, imp_caps, lru));
  }
}

static imp_caps *caps_alloc(const char *hash, const char *node, const char *ver) {
  size_t hashlen = strlen(hash) + 1, nodelen = strlen(node), verlen = strlen(ver);
  imp_caps *caps = imp_calloc(1, sizeof(*caps) + hashlen + nodelen + verlen + 2);
  if (caps != NULL) { /* "hash NUL node#ver": node is the client's own choice, but it is part of the question */
    memcpy(caps->key, hash, hashlen);
    memcpy(caps->key + hashlen, node, nodelen);
    caps->key[hashlen + nodelen] = '#';
    memcpy(caps->key + hashlen + nodelen + 1, ver, verlen + 1);
    caps->hash = caps->key;
    caps->ver = caps->key + hashlen + nodelen + 1;
    imp_list_init(&caps->sessions);
  }
  return caps;
}

static const char *caps_node(const imp_caps *caps) { return caps->key + strlen(caps->key) + 1; }

static size_t caps_keylen(const imp_caps *caps) {
  return (size_t)(caps->ver - caps->key) + strlen(caps->ver);
}

static imp_caps *caps_copy(const imp_caps *from) {
  size_t keylen = caps_keylen(from);
  imp_caps *caps = imp_calloc(1, sizeof(*caps) + keylen + 1);
  if (caps != NULL) {
    memcpy(caps->key, from->key, keylen + 1);
    caps->hash = caps->key;
    caps->ver = caps->key + (from->ver - from->key);
    imp_list_init(&caps->sessions);
  }
  return caps;
}

/* A reference, NULL when out of memory. */
static imp_caps *caps_get(imp_caps_cache *cache, const char *hash, const char *node, const char *ver) {
  imp_caps *caps = caps_alloc(hash, node, ver);
  imp_map_node *n;
  if (caps == NULL) {
    return NULL;
  }
  n = imp_map_find(&cache->map, caps->key, caps_keylen(caps));
  if (n != NULL) {
    imp_free(caps);
    return caps_ref(cache, IMP_CONTAINER_OF(n, imp_caps, by_ver));
  }
  if (imp_map_insert(&cache->map, &caps->by_ver, caps->key, caps_keylen(caps)) < 0) {
    imp_free(caps);
    return NULL;
  }
  return caps_ref(cache, caps);
}

/* ---- asking ---- */

static void ask(imp_pep *pep, interest *in) {
  imp_node *node = pep->node;
  imp_caps *caps = in->caps;
  imp_session *s = in->session;
  imp_stanza *st;
  imp_elem *query;
  if (imp_stanza_new(&st, "iq", NULL) < 0) {
    return;
  }
  if (caps->id[0] == '\0') {
    imp_node_fresh_id(node, caps->id);
  }
  imp_stanza_set_type(st, IMP_TYPE_GET);
  imp_stanza_set_from(st, s->user->jid);
  imp_stanza_set_to(st, s->jid);
  imp_stanza_set_id(st, caps->id);
  query = imp_elem_add(st, imp_stanza_edit(st), "query", IMP_NS_DISCO_INFO);
  if (query != NULL) {
    imp_elem_set_attr(st, query, "node", caps_node(caps));
  }
  if (!imp_stanza_is_broken(st) && imp_session_send(s, st) == IMP_OK) {
    in->asked = 1;
    caps->asked++;
  }
  imp_stanza_del(st);
}

static void ask_next(imp_pep *pep, imp_caps *caps) {
  imp_list *l;
  for (l = caps->sessions.next; l != &caps->sessions; l = l->next) {
    interest *in = IMP_CONTAINER_OF(l, interest, waits);
    if (!in->asked && in->session->conn != NULL && !in->session->ending) {
      ask(pep, in);
      return;
    }
  }
}

/* ---- sessions ---- */

static void forget(imp_pep *pep, imp_session *s) {
  interest *in = interest_of(s);
  imp_caps *caps;
  int asked;
  if (in == NULL) {
    return;
  }
  caps = in->caps;
  asked = in->asked;
  imp_list_remove(&in->waits);
  s->slot[IMP_SLOT_PEP] = NULL;
  imp_free(in);
  if (asked && !caps->known) { /* another may answer in its place */
    caps->asked--;
    ask_next(pep, caps);
  }
  caps_unref(pep, caps);
}

/* Takes the reference. */
static void remember(imp_pep *pep, imp_session *s, imp_caps *caps) {
  interest *in = imp_calloc(1, sizeof(*in));
  if (in == NULL) {
    caps_unref(pep, caps);
    return;
  }
  in->session = s;
  in->caps = caps;
  s->slot[IMP_SLOT_PEP] = in;
  if (!caps->known) {
    imp_list_append(&caps->sessions, &in->waits);
    if (caps->asked < ASKED_MAX) {
      ask(pep, in);
    }
  }
}

/* Presence says which kind of client it is. Presence without capabilities leaves what was said before (XEP-0115 §8.4). */
static void look_at(imp_pep *pep, imp_session *s, const imp_stanza *presence) {
  const imp_elem *c = imp_stanza_child(presence, "c", IMP_NS_CAPS);
  const char *hash = c != NULL ? imp_elem_attr(c, "hash") : NULL, *node = c != NULL ? imp_elem_attr(c, "node") : NULL;
  const char *ver = c != NULL ? imp_elem_attr(c, "ver") : NULL;
  imp_caps *old = imp_caps_of(s), *caps;
  if (node == NULL || ver == NULL || strlen(node) > 1024 || strlen(ver) > 256) {
    return;
  }
  caps = caps_get(pep->caps, hash != NULL && strlen(hash) <= 32 ? hash : "", node, ver);
  if (caps == NULL) {
    return;
  }
  if (old != NULL && (old == caps || (old->own && caps_keylen(old) == caps_keylen(caps) &&
                                      memcmp(old->key, caps->key, caps_keylen(caps)) == 0))) {
    caps_unref(pep, caps);
    return;
  }
  if (old != NULL) {
    caps_ref(pep->caps, old);
    forget(pep, s);
  }
  remember(pep, s, caps);
  if (interest_of(s) != NULL && interest_of(s)->caps->known) {
    imp_pep_send_last(s, old != NULL && old->known ? old : NULL);
  }
  if (old != NULL) {
    caps_unref(pep, old);
  }
}

static imp_verdict on_shown(imp_event *event, void *ctx) {
  imp_pep *pep = ctx;
  imp_session *s = event->session;
  if (s == NULL || s->anonymous || s->ending) {
    return IMP_CONTINUE;
  }
  if (s->presence != NULL) {
    look_at(pep, s, s->presence);
  } else {
    forget(pep, s);
  }
  return IMP_CONTINUE;
}

static imp_verdict on_resumed(imp_event *event, void *ctx) {
  imp_session *s = event->session;
  if (s->presence != NULL && interest_of(s) == NULL && !s->anonymous) {
    look_at(ctx, s, s->presence);
  }
  return IMP_CONTINUE;
}

static imp_verdict on_ended(imp_event *event, void *ctx) {
  forget(ctx, event->session);
  return IMP_CONTINUE;
}

/* ---- answers ---- */

static int collect(imp_caps *caps, const imp_elem *query) {
  const imp_elem *f;
  int rv = IMP_OK;
  for (f = imp_elem_first(query); f != NULL && rv == IMP_OK; f = imp_elem_next(f)) {
    const char *var = imp_elem_match(f, "feature", IMP_NS_DISCO_INFO) ? imp_elem_attr(f, "var") : NULL;
    size_t len = var != NULL ? strlen(var) : 0, end = strlen(NOTIFY);
    if (len > end && len - end <= IMP_PEP_NAME_MAX && memcmp(var + len - end, NOTIFY, end) == 0 &&
        caps->nodes.len + len < IMP_CAPS_WORDS_MAX) {
      char name[IMP_PEP_NAME_MAX + 1];
      memcpy(name, var, len - end);
      name[len - end] = '\0';
      rv = imp_words_add(&caps->nodes, name);
    }
  }
  return rv;
}

static void tell_all(imp_pep *pep, imp_caps *caps) {
  imp_list todo, *l;
  imp_list_init(&todo);
  imp_list_move(&todo, &caps->sessions);
  caps_ref(pep->caps, caps);
  while ((l = imp_list_pop(&todo)) != NULL) {
    imp_pep_send_last(IMP_CONTAINER_OF(l, interest, waits)->session, NULL);
  }
  caps_unref(pep, caps);
}

/* It is taken at its word, but nobody else is. */
static void answer_is_its_own(imp_pep *pep, imp_session *s, const imp_elem *query) {
  imp_caps *shared = imp_caps_of(s);
  imp_caps *caps = caps_copy(shared);
  if (caps != NULL && (query == NULL || collect(caps, query) == IMP_OK)) {
    caps->own = caps->known = 1;
    forget(pep, s);
    remember(pep, s, caps_ref(pep->caps, caps));
    if (interest_of(s) != NULL) {
      imp_pep_send_last(s, NULL);
    }
  } else if (caps != NULL) {
    imp_words_free(&caps->nodes);
    imp_free(caps);
  }
}

static imp_verdict on_answer(imp_event *event, void *ctx) {
  imp_pep *pep = ctx;
  imp_session *s = event->session;
  imp_caps *caps = s != NULL ? imp_caps_of(s) : NULL;
  const imp_stanza *st = event->stanza;
  const imp_elem *query = imp_stanza_child(st, "query", IMP_NS_DISCO_INFO);
  char ver[96];
  int rv;
  if (caps == NULL || caps->id[0] == '\0' || st->id == NULL || strcmp(st->id, caps->id) != 0) {
    return IMP_CONTINUE;
  }
  if (caps->known || !interest_of(s)->asked) {
    return IMP_HANDLED; /* others were faster */
  }
  if (st->type != IMP_TYPE_RESULT || query == NULL) {
    answer_is_its_own(pep, s, NULL);
    return IMP_HANDLED;
  }
  rv = imp_caps_hash(query, caps->hash, ver);
  if (rv == IMP_OK && strcmp(ver, caps->ver) == 0 && collect(caps, query) == IMP_OK) {
    caps->known = 1;
    tell_all(pep, caps);
  } else {
    imp_words_free(&caps->nodes);
    answer_is_its_own(pep, s, query);
  }
  return IMP_HANDLED;
}

int imp_pep_start_caps(imp_node *node) {
  imp_pep *pep = imp_pep_of(node);
  imp_caps_cache *cache = imp_calloc(1, sizeof(*cache));
  int rv;
  if (cache == NULL) {
    return IMP_ERR_NOMEM;
  }
  imp_map_init(&cache->map);
  imp_list_init(&cache->lru);
  pep->caps = cache;
  rv = imp_node_hook(node, IMP_POINT_PRESENCE_SHOWN, 10, on_shown, pep);
  rv = rv < 0 ? rv : imp_node_hook(node, IMP_POINT_SESSION_RESUMED, 200, on_resumed, pep);
  rv = rv < 0 ? rv : imp_node_hook(node, IMP_POINT_SESSION_ENDED, 5, on_ended, pep);
  return rv < 0 ? rv : imp_node_hook(node, IMP_POINT_IQ_ANSWER, 100, on_answer, pep);
}

void imp_pep_stop_caps(imp_pep *pep) {
  imp_list *l;
  if (pep->caps != NULL) {
    while ((l = pep->caps->lru.next) != &pep->caps->lru) {
      caps_free(pep->caps, IMP_CONTAINER_OF(l, imp_caps, lru));
    }
    imp_map_reset(&pep->caps->map);
    imp_free(pep->caps);
  }
}
