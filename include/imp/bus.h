/*
 * imp/bus.h: the place of the bus that will join nodes (in process first, then an existing engine).
 *
 * Nothing here yet: across nodes, the same rules will hold as within one (imp/op.h for slow work, an acknowledgement for
 * every message, session ids that begin with imp_settings.node_name so that any node can tell whose a session is).
 */
#ifndef IMP_BUS_H
#define IMP_BUS_H

#include <imp/core.h>

#endif /* IMP_BUS_H */
