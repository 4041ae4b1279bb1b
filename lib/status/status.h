/* The feature: composed presence of users, calendars. */
#ifndef IMP_STATUS_STATUS_H
#define IMP_STATUS_STATUS_H

#include "node/feature.h"

extern const imp_feature imp_feature_status;

#endif
