/* The feature: messages between users, offline storage, carbons, client state, availability. */
#ifndef IMP_IM_IM_H
#define IMP_IM_IM_H

#include "node/feature.h"

extern const imp_feature imp_feature_im;

#endif
