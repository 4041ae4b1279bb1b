/* The insides of stream management; the contract is in imp/sm.h. */
#ifndef IMP_SM_MANAGER_H
#define IMP_SM_MANAGER_H

#include <string.h>

#include <imp/sm.h>

#include "core/heap.h"
#include "core/list.h"
#include "core/mem.h"
#include "sm/ring.h"
#include "sm/table.h"

#define IMP_SM_PREFIX_MAX 32
#define IMP_SM_RANDOM_LEN 18 /* 144 bits, 24 characters */
#define IMP_SM_USER_MAX 2047
/* How far `out` may be ahead of `acked`, so that before and behind can be told apart modulo 2^32. */
#define IMP_SM_WINDOW_MAX 0x80000000u

/* Settings as they were when sessions were enabled, shared by those. */
typedef struct imp_sm_grant {
  imp_sm_manager *manager;
  size_t refs;
  imp_sm_settings settings;
} imp_sm_grant;

/* A user of whom sessions hibernate. */
typedef struct imp_sm_sleeper {
  imp_sm_node node;
  imp_list sessions; /* oldest first */
  uint32_t count;
  char name[];
} imp_sm_sleeper;

/* What a session has only while it hibernates. */
typedef struct imp_sm_sleep {
  imp_timer timer;
  imp_list of_user;
  imp_sm_sleeper *user;
  imp_sm *sm;
} imp_sm_sleep;

/* What is known of a session that is gone. */
typedef struct imp_sm_gone {
  imp_sm_node node;
  imp_timer timer;
  imp_sm_manager *manager;
  uint32_t in, out, acked;
  uint8_t idlen;
  char text[]; /* id, NUL, user, NUL */
} imp_sm_gone;

/* What became of the last <r/>. */
enum {
  IMP_SM_R_NONE = 0,
  IMP_SM_R_WAITING, /* outstanding */
  IMP_SM_R_DOUBTFUL /* an <a/> came that does not cover what was sent before it: sent before it arrived, or a client that
                       counts wrongly */
};

/* All that an idle session costs, beside its place in a table: keep it small. */
struct imp_sm {
  imp_sm_node node;
  imp_sm_grant *grant;
  imp_sm_ring *ring;   /* NULL: empty */
  imp_sm_sleep *sleep; /* NULL: connected */
  void *data;
  uint32_t in, out, acked;
  uint32_t evicted; /* number of the newest evicted packet; `acked` or below it if none is tracked, then equal to it */
  uint32_t wire;    /* what was written before the link was lost the last time */
  uint32_t past;    /* how many were ever acknowledged, at most IMP_SM_WINDOW_MAX */
  uint32_t asked;   /* `out` at the last <r/> */
  uint32_t since;   /* stanzas since then */
  uint32_t max;     /* granted seconds */
  uint8_t r;
  uint8_t half; /* an <r/> was written since the buffer became half full */
  uint8_t inactive;
  uint8_t evicting;
  uint8_t ending;
  uint8_t idlen; /* 0: not resumable */
  char text[];   /* id, NUL, user, NUL */
};

struct imp_sm_manager {
  imp_sm_callbacks cb;
  void *user_data;
  imp_sm_grant *grant; /* for those to come */
  imp_sm_table sessions, sleepers, gone;
  imp_heap sleeping, forgetting;
  imp_sm_pool pool;
  imp_tstamp now;
  imp_sm_stats stats;
  char prefix[IMP_SM_PREFIX_MAX + 1];
};

/* At most max. */
static inline size_t imp_sm_len(const char *s, size_t max) {
  const char *nul = memchr(s, '\0', max);
  return nul != NULL ? (size_t)(nul - s) : max;
}

static inline const char *imp_sm_user_of(const imp_sm *sm) { return sm->text + sm->idlen + 1; }

/* Time never goes back. */
imp_tstamp imp_sm_manager_tick(imp_sm_manager *manager, imp_tstamp ts);
/* IMP_ERR_INVALID_ARGUMENT (no size); otherwise dst is complete. */
int imp_sm_settings_read(imp_sm_settings *dst, const imp_sm_settings *src);
imp_sm_grant *imp_sm_grant_ref(imp_sm_grant *grant);
void imp_sm_grant_unref(imp_sm_grant *grant);
/* Non-zero if every character may stand in an id. */
int imp_sm_id_valid(const char *id, size_t len, size_t max);

/* restore.c: id and user are what they may be. */
int imp_sm_names_valid(const imp_sm_state *state);

/* session.c: `id` may be NULL (not resumable). Counted, not in the table yet. NULL: out of memory. */
imp_sm *imp_sm_alloc(imp_sm_manager *manager, const char *id, const char *user);
void imp_sm_free(imp_sm *sm);
/* Ends a session; tells `expired` if so. */
void imp_sm_end(imp_sm *sm, int remember, int expired);

/* flow.c */
/* Evicts what must go for a packet of that size. IMP_ERR_NOMEM: then nothing was evicted, unless a callback sent more. */
int imp_sm_make_room(imp_sm *sm, uint32_t bytes);
/* Lets the oldest packet go. */
void imp_sm_evict(imp_sm *sm);
/* Needs room. */
void imp_sm_put(imp_sm *sm, imp_sm_slot slot);
/* Before `out` grows: keeps it in the window. */
void imp_sm_slide(imp_sm *sm);
int imp_sm_want_r(imp_sm *sm);
/* `h` must be in the window. */
void imp_sm_settle_to(imp_sm *sm, uint32_t h);
/* Where an `h` lies. */
typedef enum imp_sm_place { IMP_SM_H_OLD = 0, IMP_SM_H_GOOD, IMP_SM_H_HIGH } imp_sm_place;
imp_sm_place imp_sm_place_h(const imp_sm *sm, uint32_t h);
void imp_sm_reset_r(imp_sm *sm);
void imp_sm_settle_slot(imp_sm *sm, imp_sm_slot slot, imp_sm_settled how);

/* hibernate.c */
int imp_sm_fall_asleep(imp_sm *sm, imp_tstamp until);
void imp_sm_wake(imp_sm *sm);

/* handled.c */
int imp_sm_remember(imp_sm_manager *manager, const char *id, const char *user, uint32_t in, uint32_t out, uint32_t acked,
                    uint32_t seconds);
imp_sm_gone *imp_sm_recall(const imp_sm_manager *manager, const char *user, const char *id);
void imp_sm_forget_all(imp_sm_manager *manager);
const char *imp_sm_gone_key(const imp_sm_node *node, size_t *len);

#endif
