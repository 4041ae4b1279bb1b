/* The feature: personal eventing (XEP-0163), vCards (XEP-0054, 0153, 0398), private XML (XEP-0049), bookmarks (XEP-0402). */
#ifndef IMP_PEP_PEP_H
#define IMP_PEP_PEP_H

#include "node/feature.h"

extern const imp_feature imp_feature_pep;

#endif
