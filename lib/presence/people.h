/* A person and her sources, as a composer keeps them. */
#ifndef IMP_PRESENCE_PEOPLE_H
#define IMP_PRESENCE_PEOPLE_H

#include "core/heap.h"
#include "core/map.h"
#include "presence/presence.h"

struct imp_composer {
  imp_presence_settings settings;
  imp_presence_rule *rules; /* what settings.rules points at */
  void (*changed)(imp_composer *composer, const char *person, const imp_presence *presence, void *user_data);
  void *user_data;
  imp_map people;
  imp_heap deadlines; /* everybody is in it, so setting a deadline never fails */
  int telling;        /* within `changed` */
};

typedef struct imp_person {
  imp_map_node node; /* the key is `name` */
  imp_timer timer;
  const imp_source **sources; /* each is one of imp_source_keep()'s */
  size_t count, cap;
  imp_wallclock at; /* when her presence was composed last */
  char name[];
} imp_person;

/* A copy with its strings in one piece of memory; imp_free(). IMP_ERR_INVALID_ARGUMENT, IMP_ERR_NOMEM. */
int imp_source_keep(imp_source **kept, const imp_source *source, size_t max_note);

imp_person *imp_person_find(const imp_composer *c, const char *name);
/* Finds or makes. IMP_ERR_INVALID_ARGUMENT, IMP_ERR_NOMEM. */
int imp_person_get(imp_composer *c, const char *name, imp_wallclock now, imp_person **person);
void imp_person_del(imp_composer *c, imp_person *person);
/* Where the source is; `count` if there is none. */
size_t imp_person_index(const imp_person *person, uint32_t kind, const char *id);
/* Puts a source in; *old is that which it replaces, to be freed, or NULL. IMP_ERR_LIMIT, IMP_ERR_NOMEM. */
int imp_person_put(imp_person *person, imp_source *kept, size_t max, imp_wallclock now, imp_source **old);
imp_source *imp_person_take(imp_person *person, size_t at);
/* Frees sources that are over. */
void imp_person_purge(imp_person *person, imp_wallclock now);

#endif
