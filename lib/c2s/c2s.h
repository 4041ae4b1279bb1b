/* The feature: clients log in, bind, resume. */
#ifndef IMP_C2S_C2S_H
#define IMP_C2S_C2S_H

#include "node/feature.h"

extern const imp_feature imp_feature_c2s;

#endif
