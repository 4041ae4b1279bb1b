/*
 * What the files of this room share.
 *
 * A person is a user of whom more is known than what clients say.  What is known is in the composer, under the bare JID; the
 * calendar is asked when it has said that something changed.  Persons whose presence became another stand in a line.
 *
 *   status   owner: bare JID, key: ""   what is to be taken back after a start (noted.c)
 */
#ifndef IMP_STATUS_INTERNAL_H
#define IMP_STATUS_INTERNAL_H

#include <imp/status.h>
#include <string.h>

#include "node/node.h"
#include "xml/jid.h"
#include "xml/stanza.h"

#define IMP_SPACE_STATUS "status"

typedef struct imp_status_person {
  imp_map_node by_bare;
  imp_list line;
  imp_jid *jid;        /* bare */
  imp_stanza *alone;   /* what contacts see while there is no client; NULL: nothing */
  uint32_t activity;   /* of what was published: a hash; 0: nothing */
  uint8_t calendar;    /* its calendar is to be asked */
  uint8_t changed;     /* the host is to be told */
  uint8_t settling;
  uint8_t noted;       /* an activity, that it is seen without a client, or both: as it is in the store */
} imp_status_person;

/* How presence is edited. */
typedef struct imp_status_look {
  uint8_t hide;     /* contacts see nobody */
  const char *show; /* NULL: the client's own; "": none. Static */
  char *text;       /* NULL: the client's own */
} imp_status_look;

/* At sessions whose presence is edited, and at all that were restored and have been looked at. */
typedef struct imp_status_session {
  imp_status_look look;
  imp_stanza *shown; /* NULL: hidden, or the client's own */
} imp_status_session;

typedef struct imp_status {
  imp_node *node;
  imp_status_settings settings; /* with strings of our own; presence and calendar point at what follows */
  imp_presence_settings presence;
  imp_calendar_settings calendar_settings;
  imp_status_callbacks callbacks;
  void *user_data;
  imp_composer *composer;
  imp_calendar *calendar; /* NULL: nobody asked for it */
  const struct imp_zone *rules; /* of settings.zone; NULL: UTC */
  imp_map people;
  imp_list line;
  imp_timer timer;
  int64_t drift;       /* time of day less the monotonic clock, in milliseconds */
  uint32_t turn;       /* node->turns, to which these belong */
  uint32_t users_left;
  uint64_t stanzas_end; /* node->stats.stanzas_out at which no more is begun */
  uint8_t calendar_wants;
  uint8_t left_waiting; /* in this turn */
  imp_status_stats stats;
} imp_status;

static inline imp_status *imp_status_of(const imp_node *node) { return node->feature[IMP_FEATURE_STATUS]; }

/* ---- settings.c ---- */

/* All of the struct from the host's, which may be shorter or NULL. IMP_ERR_INVALID_ARGUMENT. */
int imp_status_settings_read(imp_status_settings *dst, const imp_status_settings *src);

/* ---- people.c ---- */

imp_status_person *imp_status_find(const imp_status *f, const imp_jid *jid);
/* Finds or makes, with what his clients say. NULL: out of memory. */
imp_status_person *imp_status_person_get(imp_status *f, const imp_jid *bare);
void imp_status_person_free(imp_status *f, imp_status_person *p);
/* There is more than his clients say. */
int imp_status_is_needed(const imp_status *f, const imp_status_person *p);
/* What a client says. */
void imp_status_client(imp_status *f, const imp_status_person *p, const imp_session *s, const imp_stanza *presence);
void imp_status_compose(const imp_status *f, const imp_status_person *p, imp_presence *presence);
/* The composer's callback. */
void imp_status_changed(imp_composer *composer, const char *person, const imp_presence *presence, void *user_data);

/* ---- edit.c ---- */

/* Fills in *look; to be cleared. IMP_ERR_NOMEM. */
int imp_status_look_at(const imp_status *f, const imp_presence *p, const imp_stanza *presence, imp_status_look *look);
void imp_status_look_clear(imp_status_look *look);
int imp_status_look_equal(const imp_status_look *a, const imp_status_look *b);
static inline int imp_status_look_is_plain(const imp_status_look *look) {
  return !look->hide && look->show == NULL && look->text == NULL;
}
/* Presence as it is seen. NULL: out of memory. */
imp_stanza *imp_status_edit(const imp_stanza *presence, const imp_status_look *look);
/* That of a user without a client. NULL: out of memory. */
imp_stanza *imp_status_presence_alone(const imp_status *f, const imp_status_person *p, const imp_presence *presence);

/* ---- show.c ---- */

int imp_status_start_show(imp_node *node, imp_status *f);
/* Contacts see it soon. */
void imp_status_line_up(imp_status *f, imp_status_person *p);
/* Takes from the line what this turn may. */
void imp_status_show_some(imp_status *f);

/* ---- calendar.c ---- */

int imp_status_calendar_new(imp_status *f);
void imp_status_calendar_run(imp_status *f, imp_wallclock now, int jumped);
/* What his calendar says now goes into the composer. */
void imp_status_calendar_read(imp_status *f, const imp_status_person *p);
/* Rules that live as long as the calendar; NULL: UTC. IMP_ERR_NOT_FOUND, IMP_ERR_NOMEM. */
int imp_status_zone(imp_status *f, const char *name, const struct imp_zone **rules);

/* ---- activity.c ---- */

void imp_status_publish(imp_status *f, imp_status_person *p, const imp_presence *presence);

/* ---- noted.c ---- */

int imp_status_start_noted(imp_node *node, imp_status *f);
/* What is published, or seen without a client, may have changed. */
void imp_status_note(imp_status *f, imp_status_person *p);

/* ---- status.c ---- */

/* There is work for a turn. */
void imp_status_wake(imp_status *f);

#endif
