/* The feature: rosters, subscriptions, presence between users, blocking. */
#ifndef IMP_ROSTER_ROSTER_H
#define IMP_ROSTER_ROSTER_H

#include "node/feature.h"

extern const imp_feature imp_feature_roster;

#endif
