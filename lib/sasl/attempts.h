/*
 * Failed logins: who has to wait.  Pure; the time comes in.
 *
 * Three kinds of token bucket, each filled at first; a failure takes a token from all three of its kind:
 *   pair     (address, user)   what somebody who mistypes a password meets first
 *   address                    guesses for many users from one place
 *   user                       guesses for one user from many places
 * A login is denied while its pair's or its address's bucket is empty.  An empty bucket of the user never denies
 * by itself, or anybody could lock others out: it only makes every address that has failed for this user before
 * wait until its pair's bucket is full again.  So an address that did nothing wrong always has a try.
 *
 * Addresses: IPv6 counts by its /64, IPv4 (also mapped into IPv6) by the address; any other text as it is.
 * The table is bounded: when it is full the entry that was used longest ago goes.
 */
#ifndef IMP_SASL_ATTEMPTS_H
#define IMP_SASL_ATTEMPTS_H

#include <imp/core.h>

typedef struct imp_attempts_settings {
  size_t size;
  uint32_t pair_burst;       /* failures at once, 1 … 1000, default 10 */
  uint32_t pair_refill_ms;   /* one more every, 1 … 86,400,000, default 30,000 */
  uint32_t address_burst;    /* 1 … 100,000, default 100 */
  uint32_t address_refill_ms;/* 1 … 86,400,000, default 3,000 */
  uint32_t user_burst;       /* 1 … 100,000, default 50 */
  uint32_t user_refill_ms;   /* 1 … 86,400,000, default 30,000 */
  uint32_t max_entries;      /* of all kinds, 16 … 10,000,000, default 65,536; about 100 bytes each */
} imp_attempts_settings;

void imp_attempts_settings_default(imp_attempts_settings *settings);
/* IMP_OK, or IMP_ERR_RANGE and *name is the member that is out of range (name may be NULL). */
int imp_attempts_settings_check(const imp_attempts_settings *settings, const char **name);

typedef struct imp_attempts imp_attempts;

/* `settings` NULL: the defaults. IMP_ERR_RANGE, IMP_ERR_NOMEM. */
int imp_attempts_new(imp_attempts **attempts, const imp_attempts_settings *settings);
void imp_attempts_del(imp_attempts *attempts);
/* New settings; existing entries go on with the new rates. IMP_ERR_RANGE. */
int imp_attempts_set(imp_attempts *attempts, const imp_attempts_settings *settings);

/* May this login be tried? `user` is a bare JID, NULL while it is not known yet (then the address alone counts).
   IMP_OK, or IMP_ERR_LIMIT and *retry_at (may be NULL) says when it may. Changes nothing. */
int imp_attempts_check(imp_attempts *attempts, const char *address, const char *user, imp_tstamp ts,
                       imp_tstamp *retry_at);
/* A counted failure. `user` NULL: unknown (a refused certificate). Running out of memory is silently no entry. */
void imp_attempts_failed(imp_attempts *attempts, const char *address, const char *user, imp_tstamp ts);
/* A login that succeeded clears its pair. */
void imp_attempts_succeeded(imp_attempts *attempts, const char *address, const char *user);
size_t imp_attempts_count(const imp_attempts *attempts);

#endif
