/* Which features a node has: those of the rooms that were built. In the order of starting. */
#include "node/feature.h"

#ifdef IMP_ROOM_C2S
extern const imp_feature imp_feature_c2s;
#endif
#ifdef IMP_ROOM_IM
extern const imp_feature imp_feature_im;
#endif

const imp_feature *const imp_features[] = {
#ifdef IMP_ROOM_C2S
    &imp_feature_c2s,
#endif
#ifdef IMP_ROOM_IM
    &imp_feature_im,
#endif
    NULL,
};
