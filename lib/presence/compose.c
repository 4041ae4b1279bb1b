#include "presence/presence.h"

/* Sources that hold now. */
typedef struct view {
  const imp_presence_settings *settings;
  const imp_source **sources;
  size_t count;
  imp_wallclock now;
} view;

#define NOT_IN_USE                                                                                                     \
  (IMP_BIT(IMP_PRESENCE_IDLE) | IMP_BIT(IMP_PRESENCE_BRB) | IMP_BIT(IMP_PRESENCE_AWAY) | IMP_BIT(IMP_PRESENCE_XA) |    \
   IMP_BIT(IMP_PRESENCE_OUT_OF_OFFICE))
/* States for which nobody without a client is shown. */
#define NO_NEWS                                                                                                        \
  (IMP_BIT(IMP_PRESENCE_OFFLINE) | IMP_BIT(IMP_PRESENCE_AVAILABLE) | IMP_BIT(IMP_PRESENCE_CHAT) |                      \
   IMP_BIT(IMP_PRESENCE_ELSEWHERE))

static int is_among(uint32_t set, uint32_t n) { return (set >> n & 1) != 0; }

static const char *text_of(const char *s) { return s != NULL ? s : ""; }

int imp_source_usable(const imp_source *source) {
  return source != NULL && source->size >= sizeof *source && source->kind < IMP_SOURCES &&
         source->state < IMP_PRESENCE_STATES;
}

imp_wallclock imp_source_end(const imp_source *source) {
  imp_wallclock until = source->until != 0 ? source->until : IMP_WALLCLOCK_NEVER;
  imp_wallclock expires = source->expires != 0 ? source->expires : IMP_WALLCLOCK_NEVER;
  return until < expires ? until : expires;
}

/* The nth source if it is one of these kinds and has something to say now. */
static const imp_source *at(const view *v, size_t n, uint32_t kinds) {
  const imp_source *s = v->sources[n];
  if (!imp_source_usable(s) || !is_among(kinds, s->kind) || s->from > v->now || imp_source_end(s) <= v->now) {
    return NULL;
  }
  int silent = s->state == IMP_PRESENCE_OFFLINE && s->kind != IMP_SOURCE_MANUAL && s->kind != IMP_SOURCE_OUT_OF_OFFICE;
  return silent ? NULL : s;
}

/* Of two that match the same rule. */
static int is_better(const imp_source *a, const imp_source *b) {
  if (a->priority != b->priority) {
    return a->priority > b->priority;
  }
  if (a->state != b->state) {
    return (a->kind == IMP_SOURCE_CLIENT) == (a->state < b->state);
  }
  imp_wallclock a_until = a->until != 0 ? a->until : IMP_WALLCLOCK_NEVER;
  imp_wallclock b_until = b->until != 0 ? b->until : IMP_WALLCLOCK_NEVER;
  return a_until != b_until ? a_until > b_until : a->from > b->from;
}

static const imp_source *match(const view *v, const imp_presence_rule *rule, uint32_t kinds) {
  const imp_source *best = NULL;
  kinds &= rule->kinds & ~IMP_BIT(IMP_SOURCE_OUT_OF_OFFICE);
  for (size_t i = 0; i < v->count; i++) {
    const imp_source *s = at(v, i, kinds);
    if (s == NULL) {
      continue;
    }
    if (is_among(rule->unless, s->state)) {
      return NULL;
    }
    if (is_among(rule->states, s->state) && (best == NULL || is_better(s, best))) {
      best = s;
    }
  }
  return best;
}

static uint32_t shown(const imp_presence_rule *rule, const imp_source *s) {
  return rule->show_as != 0 ? rule->show_as : s->state;
}

/* The first rule that finds a source among these kinds, and shows none of the states `but`. */
static const imp_source *find(const view *v, uint32_t kinds, uint32_t but, uint32_t *index, uint32_t *state) {
  const char *rule_at = (const char *)v->settings->rules;
  for (size_t i = 0; i < v->settings->rules_count; i++, rule_at += v->settings->rules->size) {
    const imp_presence_rule *rule = (const imp_presence_rule *)(const void *)rule_at;
    const imp_source *s = match(v, rule, kinds);
    if (s != NULL && !is_among(but, shown(rule, s))) {
      *index = (uint32_t)i;
      *state = shown(rule, s);
      return s;
    }
  }
  return NULL;
}

/* Whether there is a client, and whether one is in use. */
static void look_at_clients(const view *v, int *any, int *in_use) {
  *any = *in_use = 0;
  for (size_t i = 0; i < v->count; i++) {
    const imp_source *s = at(v, i, IMP_BIT(IMP_SOURCE_CLIENT));
    if (s != NULL) {
      *any = 1;
      *in_use |= !is_among(NOT_IN_USE, s->state);
    }
  }
}

/* The words of that source of a kind that has any: of the highest priority, the newest. */
static const char *note_of(const view *v, imp_source_kind kind) {
  const imp_source *best = NULL;
  for (size_t i = 0; i < v->count; i++) {
    const imp_source *s = at(v, i, IMP_BIT(kind));
    if (s != NULL && text_of(s->note)[0] != '\0' &&
        (best == NULL || s->priority > best->priority || (s->priority == best->priority && s->from > best->from))) {
      best = s;
    }
  }
  return best != NULL ? best->note : "";
}

static imp_wallclock next_edge(const view *v) {
  imp_wallclock next = IMP_WALLCLOCK_NEVER;
  for (size_t i = 0; i < v->count; i++) {
    const imp_source *s = v->sources[i];
    if (imp_source_usable(s) && imp_source_end(s) > v->now && imp_source_end(s) > s->from) {
      imp_wallclock edge = s->from > v->now ? s->from : imp_source_end(s);
      next = edge < next ? edge : next;
    }
  }
  return next;
}

void imp_presence_init(imp_presence *p, imp_wallclock now) {
  memset(p, 0, sizeof *p);
  p->size = sizeof *p;
  p->kind = IMP_SOURCES;
  p->rule = IMP_PRESENCE_NO_RULE;
  p->at = now;
  p->expiry = IMP_WALLCLOCK_NEVER;
  p->id = p->note = p->subject = p->away_note = "";
}

void imp_presence_give(imp_presence *dst, size_t size, const imp_presence *src) {
  memset(dst, 0, size);
  memcpy(dst, src, size < sizeof *src ? size : sizeof *src);
  dst->size = size;
}

static void take(imp_presence *p, const imp_presence_settings *settings, const imp_source *won) {
  p->kind = won->kind;
  p->from = won->from;
  p->until = won->until;
  p->id = text_of(won->id);
  if (won->kind == IMP_SOURCE_CALENDAR && settings->publish_subjects) {
    p->subject = text_of(won->note);
  }
}

void imp_presence_compose_with(imp_presence *p, const imp_presence_settings *settings, const imp_source **sources,
                               size_t count, imp_wallclock now) {
  view v = {settings, sources, count, now};
  uint32_t kinds = IMP_BIT(IMP_SOURCES) - 1, but = 0;
  int client, in_use;
  imp_presence_init(p, now);
  look_at_clients(&v, &client, &in_use);
  p->expiry = next_edge(&v);
  p->away_note = note_of(&v, IMP_SOURCE_OUT_OF_OFFICE);
  if (!client) {
    but = NO_NEWS;
    kinds = find(&v, settings->without_client, but, &p->rule, &p->state) != NULL
                ? settings->without_client | IMP_BIT(IMP_SOURCE_MANUAL)
                : 0;
    p->rule = IMP_PRESENCE_NO_RULE;
    p->state = IMP_PRESENCE_OFFLINE;
    if (is_among(kinds, IMP_SOURCE_MANUAL)) {
      but &= ~IMP_BIT(IMP_PRESENCE_OFFLINE);
    }
  }
  const imp_source *won = find(&v, kinds, but, &p->rule, &p->state);
  if (won != NULL) {
    take(p, settings, won);
  } else if (client) {
    p->state = IMP_PRESENCE_AVAILABLE;
  }
  p->idle = client && !in_use;
  p->note = won != NULL && won->kind == IMP_SOURCE_MANUAL && text_of(won->note)[0] != '\0'
                ? won->note
                : note_of(&v, IMP_SOURCE_CLIENT);
}

int imp_presence_compose(imp_presence *presence, size_t size, const imp_presence_settings *settings,
                         const imp_source **sources, size_t count, imp_wallclock now) {
  imp_presence p;
  if (settings != NULL && imp_presence_settings_check(settings, NULL, 0) != IMP_OK) {
    return IMP_ERR_INVALID_ARGUMENT;
  }
  imp_presence_settings s = imp_presence_settings_of(settings);
  imp_presence_compose_with(&p, &s, sources, count, now);
  imp_presence_give(presence, size, &p);
  return IMP_OK;
}

int imp_presence_equal(const imp_presence *a, const imp_presence *b) {
  return a->state == b->state && a->kind == b->kind && a->idle == b->idle && a->until == b->until &&
         strcmp(a->note, b->note) == 0 && strcmp(a->subject, b->subject) == 0 &&
         strcmp(a->away_note, b->away_note) == 0;
}
