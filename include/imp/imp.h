/*
 * imp/imp.h: start here.  All of libimp but the adapters (imp/uv.h, imp/sqlite.h).
 *
 *   imp/core.h   errors, time, memory, log          imp/sm.h    stream management, usable alone
 *   imp/op.h     work that the host does            imp/sasl.h  SASL mechanisms, usable alone
 *   imp/jid.h    addresses                          imp/conn.h  a connection: bytes in, bytes out
 *   imp/xml.h    elements and stanzas               imp/node.h  the server
 *   imp/roster.h rosters, blocking, who is there
 *   imp/status.h what contacts see: calendars, overrides, phones (include it by name)
 *   imp/store.h  the store in memory; imp/sys/store.h to write one
 *
 * Rooms that a build may lack are included by name: imp/presence.h, one presence from many sources, usable alone;
 * imp/calendar.h, who is busy when, from calendars, usable alone;
 * imp/pep.h, what users publish, and their vCards.
 */
#ifndef IMP_IMP_H
#define IMP_IMP_H

#include <imp/conn.h>
#include <imp/core.h>
#include <imp/jid.h>
#include <imp/node.h>
#include <imp/op.h>
#include <imp/roster.h>
#include <imp/sasl.h>
#include <imp/sm.h>
#include <imp/store.h>
#include <imp/xml.h>

#endif /* IMP_IMP_H */
