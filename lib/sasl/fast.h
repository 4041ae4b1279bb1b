/*
 * FAST tokens (XEP-0484): what a server keeps for one client (user, user-agent id) and what follows from a login.
 *
 * Pure: the caller loads and stores the record's text (space "fast", owner bare JID, key user-agent id is the
 * intent), gives the wall-clock time, and writes the <token/>.
 *
 * Two slots: `current` is the one that the client has used; `next` was issued and not used yet.  Using `next` makes it
 * current and ends the other.  A token works with the mechanism that it was issued for only.
 */
#ifndef IMP_SASL_FAST_H
#define IMP_SASL_FAST_H

#include <imp/sasl.h>

#include "core/buf.h"

#define IMP_FAST_TOKEN_LEN 43 /* 32 random bytes, base64url */
#define IMP_FAST_CLIENT_ID_MAX 128

typedef struct imp_fast_token {
  char secret[IMP_FAST_TOKEN_LEN + 1]; /* "": the slot is empty */
  uint32_t mechanism;                  /* an HT-* bit */
  imp_wallclock issued;
  imp_wallclock expiry;
  uint64_t count; /* the highest that was used, 0 at first */
} imp_fast_token;

typedef struct imp_fast_record {
  imp_fast_token current, next;
} imp_fast_record;

typedef struct imp_fast_settings {
  size_t size;
  uint32_t lifetime_s; /* 60 … 31,536,000 (a year), default 1,814,400 (three weeks) */
  uint32_t rotate_s;   /* a used token older than this is replaced; 0 … lifetime_s, default 86,400 */
} imp_fast_settings;

void imp_fast_settings_default(imp_fast_settings *settings);
/* IMP_OK or IMP_ERR_RANGE. */
int imp_fast_settings_check(const imp_fast_settings *settings);

void imp_fast_record_init(imp_fast_record *record);
/* Wipes the secrets. */
void imp_fast_record_wipe(imp_fast_record *record);

/* The outcome of imp_fast_verify(). */
typedef enum imp_fast_verdict {
  IMP_FAST_CURRENT = 0, /* the client knows the current token */
  IMP_FAST_NEXT,        /* … the next one */
  IMP_FAST_WRONG,       /* neither: not-authorized, counted */
  IMP_FAST_EXPIRED,     /* it knows one that is over: credentials-expired, not counted */
  IMP_FAST_REPLAYED     /* it knows one, but the count was seen before: not-authorized */
} imp_fast_verdict;

/* What did the client prove? `sasl` is an HT-* exchange that asked NEED_HOST; `has_count` whether <fast/> had one.
   An empty record (unknown user, unknown client) takes the same work. The record is not changed. */
imp_fast_verdict imp_fast_verify(const imp_fast_record *record, const imp_sasl *sasl, uint32_t mechanism, int has_count,
                                 uint64_t count, imp_wallclock now);
/* The secret to hand to imp_sasl_exchange_decide() for CURRENT and NEXT; NULL for the rest. */
const char *imp_fast_secret(const imp_fast_record *record, imp_fast_verdict verdict);
/* After a successful login with CURRENT or NEXT: moves the slots, notes the count, and with `invalidate` empties the
   record. The caller stores the record. */
void imp_fast_used(imp_fast_record *record, imp_fast_verdict verdict, int has_count, uint64_t count, int invalidate);
/* Non-zero if the current token should be replaced now. */
int imp_fast_rotation_due(const imp_fast_record *record, const imp_fast_settings *settings, imp_wallclock now);
/* Issues a token for an HT-* mechanism into `next`. IMP_ERR_UNAVAILABLE if there is no randomness. */
int imp_fast_mint(imp_fast_record *record, uint32_t mechanism, const imp_fast_settings *settings, imp_wallclock now);
/* Non-zero if there is nothing worth storing: delete the item. */
int imp_fast_record_empty(const imp_fast_record *record, imp_wallclock now);

/* Appends <token xmlns='urn:xmpp:fast:0' …/> for the token in `next`. */
int imp_fast_write_token(imp_buf *out, const imp_fast_record *record);

/* One line of text a slot: "current|next MECHANISM issued expiry count secret", joined by "\n". */
int imp_fast_encode(imp_buf *out, const imp_fast_record *record);
/* IMP_ERR_MALFORMED leaves the record empty. */
int imp_fast_decode(imp_fast_record *record, const char *text, size_t textlen);

#endif
