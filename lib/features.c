/* The features that a node starts with, in this order. A feature that is built is named here and nowhere else. */
#include "node/feature.h"

#ifdef IMP_ROOM_C2S
#  include "c2s/c2s.h"
#endif
#ifdef IMP_ROOM_IM
#  include "im/im.h"
#endif
#ifdef IMP_ROOM_ROSTER
#  include "roster/roster.h"
#endif
#ifdef IMP_ROOM_PEP
#  include "pep/pep.h"
#endif
#ifdef IMP_ROOM_STATUS
#  include "status/status.h"
#endif

const imp_feature *const imp_features[] = {
#ifdef IMP_ROOM_C2S
    &imp_feature_c2s,
#endif
#ifdef IMP_ROOM_IM
    &imp_feature_im,
#endif
#ifdef IMP_ROOM_ROSTER
    &imp_feature_roster,
#endif
#ifdef IMP_ROOM_PEP
    &imp_feature_pep,
#endif
#ifdef IMP_ROOM_STATUS
    &imp_feature_status,
#endif
    NULL};
