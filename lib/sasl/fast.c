#include "sasl/fast.h"

#include <string.h>

#include "core/codec.h"
#include "core/mem.h"
#include "sasl/crypto.h"

#define YEAR_S 31536000u
#define TOKEN_BYTES 32

void imp_fast_settings_default(imp_fast_settings *settings) {
  memset(settings, 0, sizeof *settings);
  settings->size = sizeof *settings;
  settings->lifetime_s = 21 * 86400;
  settings->rotate_s = 86400;
}

int imp_fast_settings_check(const imp_fast_settings *settings) {
  return settings->lifetime_s >= 60 && settings->lifetime_s <= YEAR_S && settings->rotate_s <= settings->lifetime_s
             ? IMP_OK
             : IMP_ERR_RANGE;
}

void imp_fast_record_init(imp_fast_record *record) { memset(record, 0, sizeof *record); }

void imp_fast_record_wipe(imp_fast_record *record) { imp_wipe(record, sizeof *record); }

/* One slot: does the client know it, and is it good? An empty slot costs the same. */
static imp_fast_verdict judge(const imp_fast_token *token, imp_fast_verdict good, const imp_sasl *sasl,
                              uint32_t mechanism, int has_count, uint64_t count, imp_wallclock now) {
  char none[IMP_FAST_TOKEN_LEN];
  int filled = token->secret[0] != '\0', known;

  memset(none, '-', sizeof none);
  known = imp_sasl_token_matches(sasl, filled ? token->secret : none, IMP_FAST_TOKEN_LEN);
  if (!known || !filled || token->mechanism != mechanism) {
    return IMP_FAST_WRONG;
  }
  if (token->expiry <= now) {
    return IMP_FAST_EXPIRED;
  }
  return has_count && count <= token->count ? IMP_FAST_REPLAYED : good;
}

imp_fast_verdict imp_fast_verify(const imp_fast_record *record, const imp_sasl *sasl, uint32_t mechanism, int has_count,
                                 uint64_t count, imp_wallclock now) {
  imp_fast_verdict next = judge(&record->next, IMP_FAST_NEXT, sasl, mechanism, has_count, count, now);
  imp_fast_verdict current = judge(&record->current, IMP_FAST_CURRENT, sasl, mechanism, has_count, count, now);
  return next != IMP_FAST_WRONG ? next : current;
}

const char *imp_fast_secret(const imp_fast_record *record, imp_fast_verdict verdict) {
  return verdict == IMP_FAST_CURRENT ? record->current.secret
         : verdict == IMP_FAST_NEXT  ? record->next.secret
                                     : NULL;
}

void imp_fast_used(imp_fast_record *record, imp_fast_verdict verdict, int has_count, uint64_t count, int invalidate) {
  if (verdict != IMP_FAST_CURRENT && verdict != IMP_FAST_NEXT) {
    return;
  }
  if (invalidate) {
    imp_fast_record_wipe(record);
    return;
  }
  if (verdict == IMP_FAST_NEXT) {
    record->current = record->next;
    imp_wipe(&record->next, sizeof record->next);
  }
  if (has_count && count > record->current.count) {
    record->current.count = count;
  }
}

int imp_fast_rotation_due(const imp_fast_record *record, const imp_fast_settings *settings, imp_wallclock now) {
  const imp_fast_token *token = &record->current;
  return token->secret[0] != '\0' && now >= token->issued + (imp_wallclock)settings->rotate_s * 1000;
}

int imp_fast_mint(imp_fast_record *record, uint32_t mechanism, const imp_fast_settings *settings, imp_wallclock now) {
  uint8_t bytes[TOKEN_BYTES];
  int rc = imp_random_key(bytes, sizeof bytes);

  if (rc != IMP_OK) {
    return rc;
  }
  imp_wipe(&record->next, sizeof record->next);
  imp_base64url_encode(record->next.secret, bytes, sizeof bytes);
  imp_wipe(bytes, sizeof bytes);
  record->next.mechanism = mechanism;
  record->next.issued = now;
  record->next.expiry = now + (imp_wallclock)settings->lifetime_s * 1000;
  return IMP_OK;
}

static int is_dead(const imp_fast_token *token, imp_wallclock now) {
  return token->secret[0] == '\0' || token->expiry <= now;
}

int imp_fast_record_empty(const imp_fast_record *record, imp_wallclock now) {
  return is_dead(&record->current, now) && is_dead(&record->next, now);
}
