/* Who a client certificate is for (XEP-0178 §2): its xmppAddr names (RFC 6120 §13.7.1.4). */
#ifndef IMP_C2S_CERTIFICATE_H
#define IMP_C2S_CERTIFICATE_H

#include "xml/jid.h"

/* `authzid` "": the certificate must have exactly one name in our domain; otherwise it must have that one.
   username holds IMP_JID_PART_MAX + 1 bytes. IMP_ERR_DENIED, IMP_ERR_MALFORMED. */
int imp_certificate_user(const void *der, size_t len, const imp_jid *domain, const char *authzid, char *username);

#endif
