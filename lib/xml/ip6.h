/* IPv6 literals in addresses. */
#ifndef IMP_XML_IP6_H
#define IMP_XML_IP6_H

#include <imp/core.h>

#define IMP_IP6_LEN 46

/* Reads RFC 4291 text (no zone, no brackets). IMP_ERR_MALFORMED. */
int imp_ip6_parse(uint8_t addr[16], const char *s, size_t len);
/* Writes RFC 5952 text into IMP_IP6_LEN bytes; returns its length. */
size_t imp_ip6_format(char *dst, const uint8_t addr[16]);

#endif
