/* FAST tokens as text: for the client, for the store. */
#include <string.h>

#include "core/codec.h"
#include "core/mem.h"
#include "sasl/crypto.h"
#include "sasl/fast.h"

#define LINE_MAX 256

static char *put(char *at, const char *s) {
  size_t len = strlen(s);
  memcpy(at, s, len);
  return at + len;
}

static char *put_number(char *at, uint64_t value) {
  *at++ = ' ';
  return at + imp_format_u64(at, value);
}

int imp_fast_write_token(imp_buf *out, const imp_fast_record *record) {
  char line[LINE_MAX], *at = line, date[IMP_DATETIME_LEN];
  int rc;

  imp_datetime_format(date, record->next.expiry);
  at = put(at, "<token xmlns='urn:xmpp:fast:0' expiry='");
  at = put(put(at, date), "' token='");
  at = put(put(at, record->next.secret), "'/>");
  rc = imp_buf_append(out, line, (size_t)(at - line));
  imp_wipe(line, sizeof line);
  return rc;
}

static char *put_slot(char *at, const char *name, const imp_fast_token *token) {
  const char *mechanism = imp_sasl_mechanism_name(token->mechanism);
  if (token->secret[0] == '\0' || mechanism == NULL) {
    return at;
  }
  at = put(put(put(at, name), " "), mechanism);
  at = put_number(put_number(put_number(at, token->issued), token->expiry), token->count);
  return put(put(put(at, " "), token->secret), "\n");
}

int imp_fast_encode(imp_buf *out, const imp_fast_record *record) {
  char lines[2 * LINE_MAX];
  char *end = put_slot(put_slot(lines, "current", &record->current), "next", &record->next);
  int rc = IMP_OK;

  if (end > lines) {
    rc = imp_buf_append(out, lines, (size_t)(end - lines - 1));
  }
  imp_wipe(lines, sizeof lines);
  return rc;
}

/* The next word of a line, NUL-ended, into `word`; 0 if there is none or it is too long. */
static int take_word(const char **at, const char *end, char *word, size_t cap) {
  const char *stop = memchr(*at, ' ', (size_t)(end - *at));
  size_t len = (size_t)((stop != NULL ? stop : end) - *at);
  if (len == 0 || len >= cap) {
    return 0;
  }
  memcpy(word, *at, len);
  word[len] = '\0';
  *at += stop != NULL ? len + 1 : len;
  return 1;
}

static int take_number(const char **at, const char *end, uint64_t *value) {
  char word[24];
  return take_word(at, end, word, sizeof word) && imp_parse_u64(value, word) == IMP_OK;
}

static int is_secret(const char *s) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return strlen(s) == IMP_FAST_TOKEN_LEN && strspn(s, alphabet) == IMP_FAST_TOKEN_LEN;
}

static int decode_line(imp_fast_record *record, const char *at, const char *end) {
  char slot[8], mechanism[24];
  imp_fast_token *token;

  if (!take_word(&at, end, slot, sizeof slot)) {
    return IMP_ERR_MALFORMED;
  }
  token = strcmp(slot, "current") == 0 ? &record->current : strcmp(slot, "next") == 0 ? &record->next : NULL;
  if (token == NULL || token->secret[0] != '\0' || !take_word(&at, end, mechanism, sizeof mechanism) ||
      !take_number(&at, end, &token->issued) || !take_number(&at, end, &token->expiry) ||
      !take_number(&at, end, &token->count) || !take_word(&at, end, token->secret, sizeof token->secret) ||
      at != end || end[-1] == ' ' || !is_secret(token->secret)) {
    return IMP_ERR_MALFORMED;
  }
  token->mechanism = imp_sasl_mechanism_by_name(mechanism, strlen(mechanism));
  return token->mechanism != 0 ? IMP_OK : IMP_ERR_MALFORMED;
}

int imp_fast_decode(imp_fast_record *record, const char *text, size_t textlen) {
  const char *at = text, *end = text + textlen;

  imp_fast_record_init(record);
  while (at < end) {
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    const char *line_end = stop != NULL ? stop : end;
    if (decode_line(record, at, line_end) != IMP_OK) {
      imp_fast_record_wipe(record);
      return IMP_ERR_MALFORMED;
    }
    at = stop != NULL ? stop + 1 : end;
  }
  return IMP_OK;
}
