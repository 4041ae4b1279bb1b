/* Base64, hex, UTF-8, time stamps, numbers. */
#ifndef IMP_CORE_CODEC_H
#define IMP_CORE_CODEC_H

#include <imp/core.h>

/* Room for the text of n bytes, NUL included. */
#define IMP_BASE64_LEN(n) (((n) + 2) / 3 * 4 + 1)
/* Returns the length written (NUL not counted). */
size_t imp_base64_encode(char *dst, const void *src, size_t len);
/* URL-safe alphabet, no padding. */
size_t imp_base64url_encode(char *dst, const void *src, size_t len);
/* Strict (RFC 4648 §4: padding required, no white space). dst holds len / 4 * 3 bytes. IMP_ERR_MALFORMED. */
int imp_base64_decode(uint8_t *dst, size_t *dstlen, const char *src, size_t len);
void imp_hex_encode(char *dst, const void *src, size_t len); /* 2 * len + 1 bytes, lower case */

/* Non-zero if valid UTF-8 (no surrogates, no overlong forms, at most U+10FFFF). */
int imp_utf8_valid(const char *s, size_t len);

/* XEP-0082 with milliseconds, UTC: "2026-01-31T23:59:59.000Z". dst holds IMP_DATETIME_LEN bytes. */
#define IMP_DATETIME_LEN 28
void imp_datetime_format(char *dst, imp_wallclock t);
int imp_datetime_parse(imp_wallclock *t, const char *s);

/* Unsigned decimal without sign, space or overflow. IMP_ERR_MALFORMED, IMP_ERR_RANGE. */
int imp_parse_u32(uint32_t *value, const char *s);
int imp_parse_u64(uint64_t *value, const char *s);
/* Decimal text, NUL-ended; returns its length. dst holds 21 bytes. */
size_t imp_format_u64(char *dst, uint64_t value);

/* Big-endian, for keys that sort. */
void imp_put_be64(uint8_t dst[8], uint64_t v);
uint64_t imp_get_be64(const uint8_t src[8]);
void imp_put_be32(uint8_t dst[4], uint32_t v);
uint32_t imp_get_be32(const uint8_t src[4]);

#endif
