/*
 * A manager, a clock and a notebook for tests of stream management.
 *
 * Packets are small numbers.  Everything that the callbacks report is noted as a line of text and in order, so that a
 * test reads what happened: kit_heard(kit, "acked 1, acked 2").
 */
#ifndef IMP_UNIT_SM_KIT_H
#define IMP_UNIT_SM_KIT_H

#include <imp/sm.h>

#include "alloc_fail.h"

typedef struct kit {
  imp_sm_manager *m;
  imp_sm_settings settings;
  imp_tstamp now;
  uint64_t random; /* state of the generator; 0: always the same bytes */
  int random_fails;
  char heard[4096];
  imp_sm *sessions[64]; /* all that kit_new() made and that did not end yet */
} kit;

/* With the default settings, changed by the test before kit_start(). Released at the end of the test, so not on its stack. */
kit *kit_init(void);
void kit_start(kit *k);
#define KIT(k)         \
  kit *k = kit_init(); \
  (void)state

static inline void *kit_packet(uintptr_t n) { return (void *)n; }
static inline uintptr_t kit_number(void *packet) { return (uintptr_t)packet; }

imp_sm *kit_new(kit *k, const char *user);
imp_sm *kit_new_with(kit *k, const char *user, int resume, uint32_t max);
/* A session made in another way: ended with the test. */
void kit_keep(kit *k, imp_sm *sm);
void kit_del(kit *k, imp_sm *sm, int remember);
/* Sends packets first … last of 10 bytes; returns how many <r/> were asked for. */
int kit_send(imp_sm *sm, uintptr_t first, uintptr_t last);
/* What happened since the last call, compared and forgotten. */
#define kit_heard(k, expected) kit_heard_at(k, expected, __FILE__, __LINE__)
void kit_heard_at(kit *k, const char *expected, const char *file, int line);
void kit_forget(kit *k);
void kit_wait(kit *k, unsigned seconds);
/* The packets in the buffer, walked as for a replay: "1 2 3". */
const char *kit_replay(imp_sm *sm, int resend);
imp_sm_resume_result kit_resume(kit *k, const char *user, const char *id, uint32_t h);
imp_sm_stats kit_stats(const kit *k);
/* A session whose counters stand at `count` in both directions, connected. */
imp_sm *kit_new_at(kit *k, const char *user, uint32_t count);
int kit_random(void *bytes, size_t len, void *user_data);

#endif
